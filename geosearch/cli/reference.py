"""Generator of docs/reference.md and docs/snapshot.md: `python -m geosearch.cli.reference`.

It writes the pages from the tables that the code reads. A test fails if a page and its tables
differ.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from geosearch.cli.live_page import live_sections
from geosearch.cli.markdown import section
from geosearch.cli.snapshot_page import SNAPSHOT_PAGE, snapshot_page
from geosearch.cluster.gateway_settings import GATEWAY_SETTINGS
from geosearch.money.ranking import WEIGHT_HELP, Weights
from geosearch.query.parameters import (
    PARAMETERS,
    Parameter,
)
from geosearch.query.query import MerchantQuery, Query
from geosearch.query.route_parameters import (
    CATEGORY_PARAMETERS,
    COVERAGE_PARAMETERS,
    DENSITY_PARAMETERS,
    MERCHANT_PARAMETERS,
    SUGGEST_PARAMETERS,
    ZONE_PARAMETERS,
)
from geosearch.service.answers import answer_schemas
from geosearch.service.coverage_layer import CoverageQuery
from geosearch.service.density import DensityQuery
from geosearch.service.edge import REQUEST_HEADERS
from geosearch.service.ingest_settings import INGEST_SETTINGS
from geosearch.service.openapi import openapi_document
from geosearch.service.problems import CODES
from geosearch.service.settings import GATEWAY_PREFIX, INGEST_PREFIX, PREFIX, SETTINGS, Settings
from geosearch.snapshot.fields import Cost, Table
from geosearch.snapshot.plausibility import PROBABLE_CODES
from geosearch.snapshot.rejects import REJECT_CODES, WARNING_CODES
from geosearch.snapshot.tables import TABLES
from geosearch.studies.habits import HABIT_PARAMETERS, Habit
from geosearch.suggest.suggester import SuggestQuery

PAGE = Path("docs/reference.md")

_SHOWN_CHOICES = 8
"""Most choices that the type of a member lists; the codes of errors have their own table."""

_HEAD = """# Reference

Written by `make fix` from the tables the code reads; do not edit it here.
"""


def reference_page() -> str:
    """Return the Markdown text of docs/reference.md."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    words = (
        "Also the options of `geosearch search` and the fields of `geosearch.Query`. Of a name "
        "that a JSON body repeats, the last value counts."
    )
    yield _parameters("/v1/nearby", words, PARAMETERS, Query)
    words = "Only shops within the radius are counted; a name without one is not suggested."
    yield _parameters("/v1/suggest", words, SUGGEST_PARAMETERS, SuggestQuery)
    words = "`lat` and `lng` come together or not at all; with them the answer has `distance_m`."
    yield _parameters("/v1/merchants/{merchant_id}", words, MERCHANT_PARAMETERS, MerchantQuery)
    words = "Categories with their names and the number of their shops."
    yield _parameters("/v1/categories", words, CATEGORY_PARAMETERS, Query)
    words = "Either a position or a `bbox`."
    yield _parameters("/v1/zones", words, ZONE_PARAMETERS, MerchantQuery)
    words = "All shops of the index, open or not."
    yield _parameters("/v1/density", words, DENSITY_PARAMETERS, DensityQuery)
    words = "A GeoJSON FeatureCollection; 404 without the setting `coverage`."
    yield _parameters("/v1/coverage", words, COVERAGE_PARAMETERS, CoverageQuery)
    words = (
        "The body has `habits`, a list of these, and `cards`, `candidates` and `at`. "
        "`geosearch worth --habits` reads a file with that list."
    )
    yield _parameters("a habit of /v1/cards:worth", words, HABIT_PARAMETERS, Habit)
    words = (
        "The sections below describe each answer. An absent member is left out of the JSON; a null "
        "one is written. Types of text: an instant is RFC 3339 with an offset, a date YYYY-MM-DD."
    )
    yield section("Routes", words, ("route", "what it answers", "answer"), _routes())
    yield section(
        "Headers of requests",
        "The same for every route. `HEAD` answers the headers of `GET`.",
        ("header", "meaning"),
        ((f"`{name.decode().title()}`", text) for name, text in REQUEST_HEADERS.items()),
    )
    yield from _answers()
    yield section(
        "Errors over HTTP",
        "Bodies are RFC 9457 `application/problem+json`; `errors` says what was expected where.",
        ("code", "status", "meaning"),
        ((f"`{code}`", f"{status}", text) for code, (status, text) in CODES.items()),
    )
    yield section(
        "Settings of geosearch serve",
        f"Command line over environment (`{PREFIX}PORT`) over `--config FILE.toml` over default. "
        "The log names an environment variable that is none.",
        ("setting", "default", "meaning"),
        ((f"`{each.name}`", _shown(each.default), each.help) for each in SETTINGS.values()),
    )
    yield section(
        "Settings of geosearch ingest",
        f"As above; the environment has `{INGEST_PREFIX}PORT`.",
        ("setting", "default", "meaning"),
        ((f"`{each.name}`", _shown(each.default), each.help) for each in INGEST_SETTINGS.values()),
    )
    yield section(
        "Settings of geosearch gateway",
        f"As above; the environment has `{GATEWAY_PREFIX}PORT`.",
        ("setting", "default", "meaning"),
        ((f"`{each.name}`", _shown(each.default), each.help) for each in GATEWAY_SETTINGS.values()),
    )
    yield from live_sections()
    yield section(
        "Weights of sort=best",
        "Set at build: `geosearch build --weight star_value=600`. `money.ranking.Weights` says "
        "why each is what it is.",
        ("weight", "default", "meaning"),
        (
            (f"`{each.name}`", _shown(each.default), WEIGHT_HELP[each.name])
            for each in msgspec.structs.fields(Weights)
        ),
    )
    yield section(
        "Why a row of a snapshot is rejected",
        "Codes in `rejected.ndjson`, kind `reject`. A build that fails leaves the list in "
        "`rejected.failed.ndjson` of the index folder, until the next build.",
        ("code", "meaning"),
        ((f"`{code}`", text) for code, text in REJECT_CODES.items()),
    )
    yield section(
        "What a bad value costs",
        "A bad value in an optional field is null, with a warning of a code above; the row stays. "
        "Where null would promise more, the row stays in doubt: a deal or card is out of use, a "
        "merchant has unknown hours and no usable deal. A required field or a reference costs the "
        "row, as does a field that a deal's offer type needs. A property of a zone costs only "
        "itself, except `zone_id` and `crs`.",
        ("table", "the row is in doubt", "the row is rejected"),
        map(_costs, TABLES),
    )
    yield section(
        "What a build warns of",
        "Codes in `rejected.ndjson`, kind `warning`; the row stays.",
        ("code", "meaning"),
        ((f"`{code}`", text) for code, text in WARNING_CODES.items()),
    )
    yield section(
        "What is probably wrong",
        "Warnings too, of a build and of `geosearch check`: allowed values that are hardly meant.",
        ("code", "meaning"),
        ((f"`{code}`", text) for code, text in PROBABLE_CODES.items()),
    )


def _costs(table: Table) -> tuple[str, str, str]:
    def listed(cost: Cost) -> str:
        fields = [field for field in table.fields if field.cost_for() is cost]
        return ", ".join(f"`{field.name}`" for field in fields)

    needed = [f"`{field.name}` where needed" for field in table.fields if field.needed_by]
    rejected = ", ".join([listed(Cost.ROW), *needed])
    return f"`{table.name}`", listed(Cost.DOUBT), rejected


def _parameters(
    path: str, words: str, table: Mapping[str, Parameter], query: type[msgspec.Struct]
) -> str:
    defaults = {field.name: field.default for field in msgspec.structs.fields(query)}
    rows = (_parameter(each, defaults.get(each.name)) for each in table.values())
    title = f"Parameters of {path}"
    return section(title, words, ("parameter", "default", "values", "meaning"), rows)


def _parameter(parameter: Parameter, default: object) -> tuple[str, str, str, str]:
    values = ", ".join(parameter.choices)
    if not values:
        bounds = (parameter.low, parameter.high)
        limited = parameter.kind in ("number", "integer")
        values = f"{parameter.kind} {bounds[0]}…{bounds[1]}" if limited else parameter.kind
    shown = "required" if parameter.required else _shown(default)
    return f"`{parameter.name}`", shown, values, parameter.help


def _shown(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _routes() -> Iterator[tuple[str, str, str]]:
    for path, methods in openapi_document(Settings())["paths"].items():
        for method, operation in methods.items():
            contents = operation["responses"]["200"]["content"].items()
            answers = (
                _type(content["schema"]) if "$ref" in content["schema"] else media_type
                for media_type, content in contents
            )
            yield f"`{method.upper()} {path}`", operation["summary"], ", ".join(answers)


def _answers() -> Iterator[str]:
    """Yield a table for each object of the answers; it refers to another object's members."""
    schemas = answer_schemas()
    for name, schema in schemas.items():
        words = schema.get("description", "")
        shown = _members(schema)
        for other in schemas:
            common = _members(schemas[other])
            if other != name and common and common.items() <= shown.items():
                shown = {member: row for member, row in shown.items() if member not in common}
                words = f"All members of {_type({'$ref': other})}, and these."
        yield section(name, words, ("member", "type", "meaning"), shown.values())


def _members(schema: Mapping[str, Any], within: str = "") -> dict[str, tuple[str, str, str]]:
    """Return rows by dotted name; members of an unnamed object follow that object."""
    rows = {}
    for name, member in schema.get("properties", {}).items():
        full = f"{within}{name}"
        rows[full] = (f"`{full}`", _type(member), member["description"])
        rows |= _members(member, f"{full}.") | _members(member.get("items", {}), f"{full}[].")
    return rows


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a member in words; a link for a named object."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(_type, choices))
    kind = schema.get("type", "value")
    if isinstance(kind, list):
        return f"{_type({**schema, 'type': kind[0]})} or {kind[1]}"
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if kind == "object" and "additionalProperties" in schema:
        return f"object of {_type(schema['additionalProperties'])}"
    choices = schema.get("enum", ())
    if 0 < len(choices) <= _SHOWN_CHOICES:
        return ", ".join(f"`{choice}`" for choice in choices)
    return {"date-time": "instant", "date": "date"}.get(schema.get("format", ""), str(kind))


PAGES: dict[Path, Callable[[], str]] = {PAGE: reference_page, SNAPSHOT_PAGE: snapshot_page}
"""Paths of the generated pages, from the root of the checkout, and their functions."""

if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    for page, written in PAGES.items():
        page.write_text(written(), encoding="utf-8")
