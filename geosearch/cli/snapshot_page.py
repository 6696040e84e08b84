"""Generator of docs/snapshot.md, the format of snapshots, from the tables of `geosearch.snapshot`.

`python -m geosearch.cli.reference` writes the page. docs/reference.md has the codes of rejects and
warnings.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from geosearch.cli.markdown import section
from geosearch.snapshot.deals import LIMITS
from geosearch.snapshot.fields import Cost, Field, Kind, Table
from geosearch.snapshot.tables import (
    CATEGORIES,
    DEALS,
    ENVELOPE,
    MERCHANTS,
    OFFER_TYPES,
    PROGRAMS,
    ZONE,
)
from geosearch.snapshot.template import Format, template_files

SNAPSHOT_PAGE = Path("docs/snapshot.md")

_HEAD = """# The snapshot: how your data comes in

Written by `make fix` from the tables the code reads; do not edit it here.

A snapshot is a folder: `snapshot.json` and one file a table.

| file | required | what it holds |
| --- | --- | --- |
| `snapshot.json` | yes | what holds for all rows: time zone, country, currency |
| `programs` | yes | cards and memberships; may have no rows |
| `merchants` | yes | shops |
| `deals` | yes | offers; may have no rows |
| `categories` | | names and synonyms of categories |
| `zones.geojson` | | named areas |

A table is NDJSON (`merchants.ndjson`, one JSON object a line), CSV (`merchants.csv`, one header
line) or Parquet (`merchants.parquet`); NDJSON and CSV also as `.gz` or `.zst`. All text is UTF-8.

    geosearch template my-snapshot               the example below, to start from (--format ndjson)
    geosearch check my-snapshot                  what is wrong, and what is probably wrong
    geosearch build my-snapshot --out index      the index

Each row that is wrong is listed with its file, line, a code and a sentence;
[reference.md](reference.md) has the codes. A build fails only if `snapshot.json` is unusable, a
table is missing or unreadable, or more than 5 % of a table is rejected (`--max-rejected`).
"""

_KINDS: dict[Kind, tuple[str, str]] = {
    Kind.ID: ("text of at most 255 characters, no control characters", "the same"),
    Kind.TEXT: ("text", "the same; quotes around commas, quotes and line breaks"),
    Kind.TEXTS: ('a list: `["wifi", "安静"]`', "`wifi|安静`"),
    Kind.NUMBER: ("a number: `4.5`", "the same"),
    Kind.INTEGER: ("a whole number from 0 to 2,000,000,000", "the same; `1,280` is 1280"),
    Kind.FLAG: ("`true` or `false`", "`true`, `false`, `1` or `0`"),
    Kind.DATE: ('`"2026-01-05"`', "`2026-01-05` or `2026/1/5`"),
    Kind.INSTANT: (
        'RFC 3339, with an offset: `"2026-11-22T00:00:00+08:00"`',
        "the same, without quotes",
    ),
    Kind.JSON: (
        'an object or list: `{"channel": "qr"}`',
        'the same as JSON text; CSV doubles its quotes: `"{""channel"": ""qr""}"`',
    ),
}

_MONEY = (
    "Money is a whole number of **minor units** of the envelope's `currency`: `3800` is ¥38.00 in "
    "CNY, `1250` is $12.50 in USD, and `1200` is ¥1,200 in JPY, which has nothing smaller. An "
    "empty cell, `null` and an absent field mean the same: not known."
)

_COSTS = {
    Cost.FIELD: "the value",
    Cost.DOUBT: "the value; the row is in doubt",
    Cost.ROW: "the row",
}

_BAD_VALUES = (
    "The last column says what a bad value costs. *The value*: it counts as absent, with a "
    "warning. *The row is in doubt*: absent would promise more than was meant, so a deal or card "
    "stays out of use, and a merchant has unknown hours and no usable deal. *The row*: it is "
    "rejected."
)

_OFFERS: dict[str, tuple[str, str, str]] = {
    "percent_off": (
        "bill × `percent` / 100, at most `max_discount`",
        "the rest",
        "9折: `percent` 10",
    ),
    "amount_off": (
        "`amount`, at most the bill",
        "the rest",
        "满100减20: `amount` 2000, `min_spend` 10000",
    ),
    "voucher": (
        "n × (`face_value` − `price`); n = `max_uses`, at most what the bill holds",
        "the rest",
        "88元代100元: `price` 8800, `face_value` 10000",
    ),
    "bundle": ("`list_price` − `price`", "`price`", "双人套餐: `price` 9800, `list_price` 12800"),
    "cashback": (
        "bill × `percent` / 100, at most `max_discount`",
        "the bill; the saving comes back later",
        "返现5%: `percent` 5",
    ),
    "free_item": ("`face_value`", "the bill", "送饼干: `face_value` 1500"),
}
"""Saving, payment and example of each offer type."""


def snapshot_page() -> str:
    """Return the Markdown text of docs/snapshot.md."""
    return "\n".join([_HEAD, *_sections(), *_examples()])


def _sections() -> Iterator[str]:
    kinds = ((kind.value, *words) for kind, words in _KINDS.items())
    yield section("Values", _MONEY, ("type", "NDJSON", "CSV"), kinds)
    yield _fields("snapshot.json", "One JSON object. A bad value ends the build.", ENVELOPE)
    yield _table(PROGRAMS, _BAD_VALUES)
    yield _table(MERCHANTS)
    yield _table(
        DEALS,
        "A deal names its shops by `merchant_ids` or by `brand`. The next section says what each "
        "`offer_type` needs.",
    )
    yield _offer_types()
    yield _table(CATEGORIES)
    zones = (
        "A GeoJSON FeatureCollection of Polygons and MultiPolygons, positions as `[lng, lat]`; "
        "optional. Invalid geometry is repaired where that is possible, else the feature is "
        "rejected. Each feature has these properties:"
    )
    yield _fields("zones.geojson", zones, ZONE)


def _table(table: Table, words: str = "") -> str:
    return _fields(table.name, " ".join(filter(None, (table.help, words))), table.fields)


def _fields(title: str, words: str, fields: Iterable[Field]) -> str:
    head: tuple[str, ...] = ("field", "required", "type", "meaning", "example", "a bad value costs")
    rows = list(map(_field, fields))
    if title == "snapshot.json":  # any bad field ends the build
        head, rows = head[:-1], [row[:-1] for row in rows]
    return section(title, words, head, rows)


def _field(field: Field) -> tuple[str, ...]:
    meaning = f"{field.help}; absent = {field.absent}" if field.absent else field.help
    if field.choices:
        meaning += f"; one of {', '.join(f'`{choice}`' for choice in field.choices)}"
    if field.needed_by:
        need = "needs" if len(field.needed_by) == 1 else "need"
        meaning += f"; {' and '.join(f'`{name}`' for name in field.needed_by)} {need} it"
    cost = _COSTS[field.cost_for()]
    if field.needed_by:
        cost += "; the row where its type needs it"
    return (
        f"`{field.name}`",
        "yes" if field.required else "",
        _type(field),
        meaning,
        f"`{field.example}`",
        cost,
    )


def _type(field: Field) -> str:
    if field.money:
        return "money, minor units"
    if field.low is None or field.high is None:
        return field.kind.value
    if field.kind is Kind.INTEGER:
        return f"{field.kind.value}, {field.low:g} or more" if field.low else field.kind.value
    return f"{field.kind.value}, {field.low:g} to {field.high:g}"


def _offer_types() -> str:
    words = (
        "The bill is what the user expects to pay: `spend` of the request, else `avg_price` × the "
        "size of the party. Where neither is known, conditions on the bill count as met, and what "
        "depends on it is unknown. Savings are rounded down to a minor unit."
    )
    head = ("offer_type", "needs", "may have", "saves", "to pay", "example")
    return section("What each offer type needs", words, head, map(_offer_type, OFFER_TYPES))


def _offer_type(name: str) -> tuple[str, ...]:
    needs = [f"`{field.name}`" for field in DEALS.fields if name in field.needed_by]
    limits = [f"`{limit}`" for limit, types in LIMITS.items() if name in types]
    limits += ["`party_min`", "`party_max`"]
    return f"`{name}`", ", ".join(needs), ", ".join(limits), *_OFFERS[name]


def _examples() -> Iterator[str]:
    yield "## A complete example\n"
    yield "`geosearch template OUT` writes it. Shops and offers are invented.\n"
    files: dict[Format, dict[str, str]] = {"csv": {}, "ndjson": {}}
    for form in files:
        files[form] = template_files(form)
    shared = files["csv"].keys() & files["ndjson"].keys()
    for name in sorted(shared, reverse=True):
        yield _file(name, files["csv"][name])
    for form, words in (("csv", "The tables as CSV"), ("ndjson", "The same tables as NDJSON")):
        yield f"### {words}\n"
        for name, text in files[form].items():
            if name not in shared:
                yield _file(name, text)


def _file(name: str, text: str) -> str:
    kind = {"csv": "csv", "ndjson": "json"}.get(name.rpartition(".")[2], "json")
    return f"`{name}`\n\n```{kind}\n{text}```\n"
