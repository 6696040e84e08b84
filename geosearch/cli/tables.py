"""Terminal tables of answers, for `geosearch search`, `geosearch inspect` and the demo.

The functions take the decoded JSON of the service, so the tables show what an app gets.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from geosearch.answer.rows import (
    HEADS,
    answer_rows,
    counts_of,
    open_words,
    source_of,
    warnings_of,
)
from geosearch.answer.why_text import miss_lines

Json = Mapping[str, Any]

_STATE_STYLE = {"open": "green", "closed": "red", "unknown": "yellow"}
_WIDE = {"ratio": 5, "overflow": "ellipsis", "no_wrap": True}
_COLUMNS: dict[str, dict[str, Any]] = {
    "": {"justify": "right", "style": "dim"},
    "merchant": _WIDE,
    "distance": {"justify": "right", "no_wrap": True},
    "rating": {"justify": "right", "no_wrap": True},
    "best deal": _WIDE,
    "saves": {"justify": "right", "no_wrap": True, "style": "bold green"},
}
# Width without a terminal: pipes, CI, the README.
_PLAIN_WIDTH = 100


def console() -> Console:
    """Return the console of stdout, with a fixed width if stdout is not a terminal."""
    screen = Console(highlight=False)
    if screen.is_terminal:
        return screen
    return Console(highlight=False, width=_PLAIN_WIDTH)


def open_text(state: Json, at: str) -> Text:
    """Return when a shop closes or opens, with the day unless it is the day of `at`."""
    return Text(open_words(state, at), _STATE_STYLE[state["state"]])


def answer_table(answer: Json) -> RenderableType:
    """Return the table of an answer of `/v1/nearby`: a row for each hit, then totals and facets."""
    hits: Sequence[Json] = answer["results"]
    if not hits:
        return Group(Text("No merchant matches."), *_below(answer))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        table.add_column(head, **_COLUMNS.get(head, {"no_wrap": True}))
    table.expand = True
    for hit, row in zip(hits, answer_rows(answer), strict=True):
        opened = Text(row.open, _STATE_STYLE[hit["open"]["state"]])
        title, deal = Text(row.merchant), Text(row.best_deal)
        table.add_row(row.rank, title, row.distance, opened, row.rating, deal, row.saves)
    return Group(table, *_below(answer))


def _below(answer: Json) -> Iterable[Text]:
    yield from (Text(f"nearly: {line}", "cyan") for line in miss_lines(answer))
    yield from map(Text, counts_of(answer))
    yield from (Text(line, "yellow") for line in warnings_of(answer))
    if answer.get("next_cursor"):
        # Never wrapped, because people copy it.
        yield Text(
            f"more: --cursor {answer['next_cursor']}", "dim", no_wrap=True, overflow="ignore"
        )
    yield Text(source_of(answer), "dim")
