"""Answer of `GET /docs`: the OpenAPI document as a page for people.

It is plain HTML with one style: no script, and nothing of another host, so the strictest
Content-Security-Policy holds. It shows what the document says and adds nothing.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any

from geosearch.service.settings import as_text

Json = dict[str, Any]

_STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
h2, h3 { margin: 2rem 0 .5rem }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
td:first-child code { white-space: nowrap }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem }
td { border-top: 1px solid #8884 }
summary { cursor: pointer; padding: .25rem 0 }
@media (max-width: 40rem) { table { display: block; overflow-x: auto } }
"""

POLICY = (
    b"default-src 'none'; style-src 'sha256-%b'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
) % b64encode(sha256(_STYLE.encode()).digest())
"""The Content-Security-Policy of the page: nothing but its own style."""

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
<h1>{title} <small>{version}</small></h1>
<p>{description} <a href="./openapi.json">openapi.json</a> says the same to programs.</p>
<h2>Routes</h2>
{routes}
<h2>Objects</h2>
{schemas}
</html>
"""

_CODE = re.compile(r"`([^`]*)`")


def docs_page(document: Json) -> bytes:
    """Return an OpenAPI document as HTML, UTF-8."""
    about = document["info"]
    routes = (
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    schemas = document["components"]["schemas"].items()
    page = _PAGE.format(
        title=escape(about["title"]),
        version=escape(about["version"]),
        description=_prose(about["description"]),
        style=_STYLE,
        routes="\n".join(routes),
        schemas="\n".join(_object(name, schema) for name, schema in schemas),
    )
    return page.encode()


def _operation(path: str, method: str, operation: Json) -> str:
    parts = [f"<p>{_prose(operation['summary'])}.</p>"]
    parameters = operation.get("parameters", ())
    if parameters:
        rows = (
            (
                f"<code>{escape(each['name'])}</code>",
                _type(each["schema"]),
                "required" if each.get("required") else _default(each["schema"]),
                _prose(each["description"]),
            )
            for each in parameters
        )
        parts.append(_table(("parameter", "values", "default", "meaning"), rows))
    if "requestBody" in operation:
        parts.append(f"<p>Body: {_contents(operation['requestBody'])}</p>")
    answers = (
        (f"<code>{escape(status)}</code>", _contents(each), _prose(each["description"]))
        for status, each in operation["responses"].items()
    )
    parts.append(_table(("status", "answer", "meaning"), answers))
    name = escape(operation["operationId"])
    head = f"<code>{method.upper()} {escape(path)}</code> {_prose(operation['summary'])}"
    return f'<details id="{name}"><summary>{head}</summary>{"".join(parts)}</details>'


def _object(name: str, schema: Json) -> str:
    words = f"<p>{_prose(schema['description'])}</p>" if "description" in schema else ""
    rows = _table(("member", "type", "meaning"), _members(schema))
    rows += f"<p>{_type(schema)}</p>" if "enum" in schema else ""
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>{words}{rows}'


def _members(schema: Json, within: str = "") -> Iterator[tuple[str, ...]]:
    """Yield a row for each member; members of an unnamed object follow that object."""
    for name, member in schema.get("properties", {}).items():
        full = f"{within}{name}"
        yield f"<code>{escape(full)}</code>", _type(member), _prose(member["description"])
        yield from _members(member, f"{full}.")
        yield from _members(member.get("items", {}), f"{full}[].")


def _contents(response: Json) -> str:
    shown = (
        _type(content["schema"]) if "$ref" in content["schema"] else f"<code>{escape(media)}</code>"
        for media, content in response.get("content", {}).items()
    )
    return ", ".join(shown)


def _type(schema: Json) -> str:
    """Return the type of a value in words; a link for a named object."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(_type, choices))
    if "enum" in schema:
        choices = [choice for choice in schema["enum"] if choice is not None]
        named = ", ".join(f"<code>{escape(str(choice))}</code>" for choice in choices)
        return named if len(choices) == len(schema["enum"]) else f"{named} or null"
    kind = schema.get("type", "value")
    if isinstance(kind, list):
        return " or ".join(_type({**schema, "type": each}) for each in kind)
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if kind == "object" and "additionalProperties" in schema:
        values = schema["additionalProperties"]
        return f"object of {_type(values)}" if values else "object"
    shown = kind if kind == "null" else str(schema.get("format", kind))
    if kind in ("number", "integer") and ("minimum" in schema or "maximum" in schema):
        shown += f" {schema.get('minimum', '')}…{schema.get('maximum', '')}"
    return escape(shown)


def _default(schema: Json) -> str:
    if "default" not in schema:
        return ""
    return f"<code>{escape(as_text(schema['default']))}</code>"


def _prose(text: str) -> str:
    """Return a sentence with its code in backquotes marked up."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    body = "".join(f"<tr><td>{'<td>'.join(row)}" for row in rows)
    return f"<table><tr><th>{'<th>'.join(heads)}{body}</table>" if body else ""
