"""Terminal tables of answers, for `geosearch search`, `geosearch inspect` and the demo.

The functions take the decoded JSON of the service, so the tables show what an app gets.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from geosearch.money.amounts import money_text

Json = Mapping[str, Any]

_STATE_STYLE = {"open": "green", "closed": "red", "unknown": "yellow"}
# Width without a terminal: pipes, CI, the README.
_PLAIN_WIDTH = 100


def console() -> Console:
    """Return the console of stdout, with a fixed width if stdout is not a terminal."""
    screen = Console(highlight=False)
    if screen.is_terminal:
        return screen
    return Console(highlight=False, width=_PLAIN_WIDTH)


def distance_text(distance_m: float) -> str:
    """Return a distance in metres as text, in m or km.

    >>> distance_text(312.4), distance_text(2345.6)
    ('312 m', '2.3 km')
    """
    return f"{distance_m:.0f} m" if distance_m < 999.5 else f"{distance_m / 1000:.1f} km"


def open_text(state: Json, at: str) -> Text:
    """Return when a shop closes or opens, with the day unless it is the day of `at`."""
    name = str(state["state"])
    if name == "unknown":
        words = "hours unknown"
    elif name == "open":
        closes = state.get("closes_at")
        words = f"until {_clock(closes, at)}" if closes else "round the clock"
    else:
        opens = state.get("opens_at")
        words = f"opens {_clock(opens, at)}" if opens else "closed"
    return Text(words, _STATE_STYLE[name])


def _clock(instant: str, at: str) -> str:
    then = datetime.fromisoformat(instant)
    asked = datetime.fromisoformat(at).astimezone(then.tzinfo)
    if then.date() == asked.date():
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}" if (then - asked).days < 6 else f"{then:%d %b %H:%M}"


def answer_table(answer: Json) -> RenderableType:
    """Return the table of an answer of `/v1/nearby`: a row for each hit, then totals and facets."""
    hits: Sequence[Json] = answer["results"]
    if not hits:
        return Group(Text("No merchant matches."), *_below(answer))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", style="dim")
    table.add_column("merchant", ratio=5, overflow="ellipsis", no_wrap=True)
    table.add_column("distance", justify="right", no_wrap=True)
    table.add_column("open", no_wrap=True)
    table.add_column("rating", justify="right", no_wrap=True)
    table.add_column("best deal", ratio=5, overflow="ellipsis", no_wrap=True)
    table.add_column("saves", justify="right", no_wrap=True, style="bold green")
    table.expand = True
    for rank, hit in enumerate(hits, start=1):
        merchant, deal = hit["merchant"], hit.get("best_deal")
        rating = merchant.get("rating")
        table.add_row(
            str(rank),
            Text(merchant_title(merchant)),
            distance_text(hit["distance_m"]),
            open_text(hit["open"], answer["at"]),
            "" if rating is None else f"{rating:.1f}",
            Text(_deal_title(deal)) if deal else "",
            saving_text(deal) if deal else "",
        )
    return Group(table, *_below(answer))


def merchant_title(merchant: Json) -> str:
    """Return the name of a merchant, with its branch if it has one."""
    branch = merchant.get("branch_name")
    return f"{merchant['name']} ({branch})" if branch else str(merchant["name"])


def saving_text(deal: Json) -> str:
    """Return what a deal saves, as money; `?` if the bill is unknown."""
    saving = deal.get("saving")
    return "?" if saving is None else money_text(saving, deal.get("currency", ""))


def _deal_title(deal: Json) -> str:
    title = str(deal.get("title") or deal["offer_type"])
    program = deal.get("program_id")
    return f"{title} [{program}]" if program else title


def _below(answer: Json) -> Iterable[Text]:
    if answer.get("total") is not None:
        yield Text(f"{answer['total']:,} matches in all")
    for name, counts in (answer.get("facets") or {}).items():
        pairs = ", ".join(f"{value} {count:,}" for value, count in list(counts.items())[:8])
        yield Text(f"{name}: {pairs}")
    for typed, meant in (answer.get("corrected") or {}).items():
        yield Text(f"nothing near has “{typed}”; searched {', '.join(meant[:4])}", "yellow")
    if answer.get("relaxed"):
        left_out = ", ".join(answer["relaxed"])
        yield Text(f"left out, as nothing near has it all: {left_out}", "yellow")
    for what in ("cards", "categories", "business_areas"):
        if unknown := answer.get(f"unknown_{what}"):
            named = what.replace("_", " ")
            yield Text(f"{named} this index does not know: {', '.join(unknown)}", "yellow")
    if "around" in answer:
        yield Text(f"around {answer['around']['business_area']}, not the position", "yellow")
    if "outside_coverage" in answer:
        yield Text(answer["outside_coverage"]["detail"], "yellow")
    if answer.get("next_cursor"):
        # Never wrapped, because people copy it.
        yield Text(
            f"more: --cursor {answer['next_cursor']}", "dim", no_wrap=True, overflow="ignore"
        )
    yield Text(
        f"at {answer['at']}, snapshot {answer['snapshot_id']}, {answer['took_us']} µs", "dim"
    )
