"""Tables of `geosearch inspect`: the contents of an index, and one merchant with hours and deals.

`tables` renders the answers to queries.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from geosearch.answer.refusals import refusals
from geosearch.answer.rows import merchant_title, saving_text
from geosearch.cli.tables import Json, open_text
from geosearch.indexing.report import guess_texts
from geosearch.money.amounts import money_text


def index_table(info: Json, programs: Sequence[Json], rows_bytes: int = 0) -> RenderableType:
    """Return the table of an index, from `Searcher.info` and `Searcher.programs`.

    `rows_bytes` is the size of the rows that `geosearch rebuild` reads.
    """
    horizon = info["horizon"]
    bytes_each = info["hot_bytes"] / max(1, info["merchants"])
    facts = _pairs(
        [
            ("snapshot", info["snapshot_id"]),
            ("version", f"{info['version']}, built {_clock(info['built_at'])}"),
            ("horizon", f"{_clock(horizon['start'])} to {_clock(horizon['end'])}"),
            ("merchants", f"{info['merchants']:,}, {bytes_each:.0f} bytes each in hot columns"),
            ("deals", f"{info['deals']:,}"),
            ("zones", f"{info['zones']:,}"),
            ("rows to rebuild", f"{rows_bytes / 1e6:,.1f} MB" if rows_bytes else ""),
            ("money, zone", f"{info['currency']}, {info['time_zone']}"),
            ("holidays of", info["country"]),
            *(("guessed", text) for text in guess_texts(info["provisional_holidays"])),
        ]
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("card", no_wrap=True)
    table.add_column("name", overflow="ellipsis", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("fee a year", justify="right", no_wrap=True)
    table.add_column("merchants", justify="right", no_wrap=True)
    for program in programs:
        fee = program.get("fee")
        table.add_row(
            Text(program["program_id"]),
            Text(str(program.get("name", ""))),
            str(program.get("kind", "")),
            str(program.get("status", "")),
            "" if fee is None else money_text(fee, info["currency"]) if fee else "free",
            f"{program['merchants']:,}",
        )
    return Group(facts, table)


def merchant_table(record: Json, programs: Sequence[Json], currency: str) -> RenderableType:
    """Return the table of a merchant, from `Searcher.merchant`: facts, coming week, every deal."""
    merchant = record["merchant"]
    state = open_text(record["open"], record["at"])
    rating, price = merchant.get("rating"), merchant.get("avg_price")
    facts = _pairs(
        [
            ("merchant", f"{merchant_title(merchant)}  {merchant['merchant_id']}"),
            ("where", f"{merchant['lat']:.6f}, {merchant['lng']:.6f}  {_address(merchant)}"),
            ("kind", ", ".join(merchant.get("categories", ()))),
            (
                "rating",
                "" if rating is None else f"{rating:.1f} of {merchant.get('rating_count', '?')}",
            ),
            ("price", "" if price is None else f"{money_text(price, currency)} a person"),
            ("tags", ", ".join(merchant.get("tags", ()))),
            ("now", f"{record['open']['state']}, {state.plain}"),
            ("holidays of", merchant.get("country", "")),
            ("hours", merchant.get("opening_hours", "")),
            *_week(record["hours"]),
        ]
    )
    return Group(facts, _deals(record, {program["program_id"]: program for program in programs}))


def _deals(record: Json, programs: Mapping[str, Json]) -> RenderableType:
    deals: Sequence[Json] = record["deals"]
    if not deals:
        return Text("No deals.")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("deal", "title", "type", "card"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_column("saves", justify="right", no_wrap=True, style="bold green")
    table.add_column("now", overflow="fold", ratio=1)
    table.expand = True
    for deal in deals:
        table.add_row(
            Text(deal["deal_id"]),
            Text(str(deal.get("title", ""))),
            deal["offer_type"],
            Text(str(deal.get("program_id") or "anyone")),
            saving_text(deal) if deal["usable"] else "",
            Text("; ".join(refusals(record, deal, programs)) or "usable"),
        )
    return table


def program_table(record: Json) -> RenderableType:
    """Render one card with its merchants."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("merchant", "name", "branch", "phone"):
        table.add_column(name, overflow="fold")
    for shop in record["shops"]:
        shown = (shop["merchant_id"], shop["name"], shop["branch_name"], shop["phone"])
        table.add_row(*(Text(text or "") for text in shown))
    head = ((name, str(record.get(name, ""))) for name in ("program_id", "name", "status"))
    return Group(_pairs([*head, ("merchants", f"{len(record['shops']):,}")]), table)


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for name, value in rows:
        if value:
            grid.add_row(name, Text(str(value)))
    return grid


def _address(merchant: Json) -> str:
    return " ".join(filter(None, (merchant.get(key) for key in ("district", "address"))))


def _week(spans: Sequence[Json]) -> Iterable[tuple[str, str]]:
    """Yield the opening spans, one row for each day; a span belongs to the day it starts."""
    days: dict[date, list[str]] = {}
    for span in spans:
        begin = datetime.fromisoformat(span["from"])
        end = f"{datetime.fromisoformat(span['to']):%H:%M}" if span["to"] else "on"
        doubt = "?" if span["state"] == "unknown" else ""
        days.setdefault(begin.date(), []).append(f"{begin:%H:%M}-{end}{doubt}")
    for day, texts in days.items():
        yield f"  {day:%a %d %b}", ", ".join(texts)


def _clock(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M %Z}"
