"""The reference pages, written from the tables the code reads: `python -m geosearch.reference`.

Useful for: docs/reference.md, and with `snapshot_page` docs/snapshot.md; a test fails where a page
and its tables differ.
Not useful for: explanations; those are in README.md and ARCHITECTURE.md.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from geosearch.markdown import section
from geosearch.model import Query
from geosearch.parameters import PARAMETERS, Parameter
from geosearch.ranking import Weights
from geosearch.service.openapi import openapi_document
from geosearch.service.problems import CODES
from geosearch.service.settings import PREFIX, SETTINGS, Settings
from geosearch.snapshot.plausibility import PROBABLE_CODES
from geosearch.snapshot.rejects import REJECT_CODES, WARNING_CODES
from geosearch.snapshot.tables import TABLES, Cost, Table
from geosearch.snapshot_page import SNAPSHOT_PAGE, snapshot_page

PAGE = Path("docs/reference.md")

_HEAD = """# Reference

Written by `make fix` from the tables the code reads; do not edit it here.
"""


def reference_page() -> str:
    """Markdown text of the whole page."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    yield section(
        "Parameters of /v1/nearby",
        "Also the options of `geosearch search` and the fields of `geosearch.Query`.",
        ("parameter", "default", "values", "meaning"),
        (_parameter(each) for each in PARAMETERS.values()),
    )
    yield section("Routes", "", ("route", "what it answers"), _routes())
    yield section(
        "Errors over HTTP",
        "Bodies are RFC 9457 `application/problem+json`; `errors` says what was expected where.",
        ("code", "status", "meaning"),
        ((f"`{code}`", f"{status}", text) for code, (status, text) in CODES.items()),
    )
    yield section(
        "Settings of geosearch serve",
        f"Command line over environment (`{PREFIX}PORT`) over `--config FILE.toml` over default.",
        ("setting", "default", "meaning"),
        ((f"`{each.name}`", _shown(each.default), each.help) for each in SETTINGS),
    )
    yield section(
        "Weights of sort=best",
        "Set at build: `geosearch build --weight star_value=600`. `geosearch.ranking.Weights` says "
        "what each is and why.",
        ("weight", "default"),
        ((f"`{each.name}`", _shown(each.default)) for each in msgspec.structs.fields(Weights)),
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
        "Where null would promise more, the row stays in doubt: a deal or programme is out of "
        "use, a merchant has unknown hours and no usable deal. Required fields and references "
        "cost the row, as do the fields that a deal's offer type needs. Properties of zones cost "
        "themselves, but for `zone_id` and `crs`.",
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


def _parameter(parameter: Parameter) -> tuple[str, str, str, str]:
    default = next(
        field.default for field in msgspec.structs.fields(Query) if field.name == parameter.name
    )
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
    return str(value).lower() if isinstance(value, bool) else str(value)


def _routes() -> Iterator[tuple[str, str]]:
    for path, methods in openapi_document(Settings())["paths"].items():
        for method, operation in methods.items():
            yield f"`{method.upper()} {path}`", operation["summary"]


PAGES: dict[Path, Callable[[], str]] = {PAGE: reference_page, SNAPSHOT_PAGE: snapshot_page}
"""The generated pages, from the root of the checkout, and what writes each."""

if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    for page, written in PAGES.items():
        page.write_text(written(), encoding="utf-8")
