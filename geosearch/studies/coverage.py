"""Where cards can be used and where they beat the public price, by cells and slots: exact counts.

Useful for: `geosearch coverage`, and from Python.
Not useful for: what a card is worth to one person (`worth`).

A slot is a set of instants, such as 12:15 on the weekdays of the next week. At each one, `open`
counts the shops of a cell that are open, `usable` those of them with a usable deal of the card, and
`wins` those where the largest known saving of such a deal exceeds that of every usable public deal.
All three are means over the instants of the slot. `win_share` is wins by open shops, `gain_mean`
the mean by which the card saves more where it wins. `third_m` are the metres from the centre of the
cell to the third nearest win at the worst instant, null where there is none within `MOST_M`. Each
deal counts by itself: combinations (`stacking`) are for searches.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.errors import BadRequest
from geosearch.kernel.cells import GAIN, MOST_CARDS, USABLE, WINS, Cells, Counts, cell_kernels
from geosearch.kernel.cells import Wins as KernelWins
from geosearch.query.parameters import problem, shown
from geosearch.query.query import Query
from geosearch.search.cores import usable_cores
from geosearch.search.searcher import Searcher
from geosearch.segment.segment import Segment
from geosearch.studies.cells import Cell, CellMap, centres, hexagons, read_cells, zones
from geosearch.studies.moments import WallClock, minutes_since
from indexes.arrays import F64, I64
from indexes.geo.rtree import NODE_SIZE

SLOTS: dict[str, str] = {
    "weekday_lunch": "Mo-Fr 12:15",
    "weekday_dinner": "Mo-Fr 19:00",
    "weekend_lunch": "Sa-Su 12:15",
    "weekend_dinner": "Sa-Su 19:00",
    "late": "22:30",
}
"""Instants of each slot, in the time of the index."""

DAYS = 7
"""Days of the local clock that slots look ahead."""

MOST_M = 50_000.0
"""Metres beyond which `third_m` is null."""

MOST_ROWS = 20_000_000
"""Most rows of a coverage: cells by slots by cards."""

Progress = Callable[[str], None]


class CoverageAsked(NamedTuple):
    """What is counted: cards, cells, and the instant from which days are counted."""

    programs: list[str]
    cells: str
    at: datetime


class CellCounts(NamedTuple):
    """Counts of a minute.

    Attributes
    ----------
    opened
        Open shops by cell and then of all, int64[cells + 1].
    counts
        Usable, wins and gains by cell and card, and then of all, int64[(cells + 1) * cards, 3].
    third_m
        Metres to the third nearest win, float64[cards, cells].
    """

    opened: I64
    counts: I64
    third_m: F64


Counting = Callable[[CoverageAsked, Sequence[int]], Iterator[CellCounts]]
"""Counts minutes of the horizon, in their order."""


class Coverage(NamedTuple):
    """Result of `coverage`.

    Attributes
    ----------
    rows
        A row for each cell with an open shop, slot and card: `cell`, `name` (of a zone, else null),
        `lat`, `lng` (its centre), `slot`, `program_id`, and the figures; with `compare` also
        `leader`, the one of two cards whose gains in the cell are larger, or `tie`.
    total
        The same for all shops: `slot`, `instants`, `program_id` and figures.
    cells
        The cells by name.
    warnings
        What one must know to read the figures.
    """

    rows: pl.DataFrame
    total: pl.DataFrame
    cells: Mapping[str, Cell]
    warnings: list[str]


def coverage(
    engine: Searcher,
    *,
    programs: Sequence[str] | None = None,
    cells: str = "h3:9",
    slots: Mapping[str, str] = SLOTS,
    compare: tuple[str, str] | None = None,
    at: datetime | None = None,
    progress: Progress | None = None,
    counting: Counting | None = None,
) -> Coverage:
    """Return where cards can be used, and where they beat the public price.

    Parameters
    ----------
    programs
        Cards, by default all active ones; at most 64.
    cells
        `h3:7` to `h3:10`, or `zones`.
    slots
        Names of slots, and their instants as `Mo-Fr 12:15`, of the 7 days from `at`.
    compare
        Two of the cards, for the column `leader`.
    at
        Start of these days; now if None.
    progress
        Called with what begins.
    counting
        Counts minutes elsewhere (`cluster.batches`); by default `engine` does, one by one.

    Raises
    ------
    BadRequest
        A card is unknown, cells or a slot are not understood, a slot has no instant within the
        horizon, or the result has too many rows.
    """
    at = (at or datetime.now(UTC)).astimezone(engine.local_zone)
    report = progress or (lambda message: None)
    # Refuses an instant outside the horizon, as a search does.
    engine.check_instant(at)
    records = {record["program_id"]: record for record in engine.programs()}
    active = [name for name, each in records.items() if _is_active(each)]
    names = list(dict.fromkeys(active if programs is None else programs))
    _check_cards(names, records, compare)
    minutes = {name: _instants(engine, name, text, at) for name, text in slots.items()}
    report("finding the cells of the shops")
    cell_map = _cell_map(engine, cells, at)
    rows = len(cell_map.cells) * len(slots) * max(1, len(names))
    if rows > MOST_ROWS:
        expected = f"at most {MOST_ROWS:,} rows of cells by slots by cards"
        found = problem("too_many", expected, f"{rows:,}", ("cells",))
        raise BadRequest(found["detail"], [found])
    survey = Survey(engine, names, cell_map)
    asked = CoverageAsked(names, cells, at)
    counted = (counting or survey.count)(asked, np.concatenate([*minutes.values()]).tolist())
    tables, totals = [], []
    for slot, some in minutes.items():
        report(f"counting {slot.replace('_', ' ')}, {len(some)} instants")
        table, total = survey.table(slot, islice(counted, len(some)))
        tables.append(table)
        totals.append(total)
    table = pl.concat(tables)
    if compare is not None:
        table = _with_leader(table, compare)
    return Coverage(
        table.drop("gain"),
        pl.concat(totals).drop("gain"),
        {cell.cell: cell for cell in cell_map.cells},
        [f"Card {name} is not active: nowhere usable" for name in names if name not in active],
    )


def _is_active(program: Mapping[str, Any]) -> bool:
    return bool((program.get("status") or "ACTIVE") == "ACTIVE")


def _check_cards(
    names: Sequence[str], records: Mapping[str, Any], compare: tuple[str, str] | None
) -> None:
    """Raise for unknown cards, too many, and a comparison of others."""
    for number, name in enumerate(names):
        if name not in records:
            some = ", ".join(records) or "none"
            expected = f"`programs` among the cards of the index ({some})"
            found = problem("unknown_card", expected, shown(name), ("programs", number))
            raise BadRequest(found["detail"], [found])
    if len(names) > MOST_CARDS:
        expected = f"`programs` of at most {MOST_CARDS} cards"
        found = problem("too_many", expected, f"{len(names)}", ("programs",))
        raise BadRequest(found["detail"], [found])
    for number, name in enumerate(compare or ()):
        if name not in names:
            expected = f"`compare` of two of the cards ({', '.join(names)})"
            found = problem("unknown_card", expected, shown(name), ("compare", number))
            raise BadRequest(found["detail"], [found])


def _instants(engine: Searcher, name: str, text: str, at: datetime) -> I64:
    """The minutes of a slot."""
    clock = WallClock(engine.start, engine.info())
    minutes = clock.instants(text, ("slots", name))
    first, end = (minutes_since(engine.start, day) for day in (at, at + timedelta(days=DAYS)))
    found: I64 = minutes[(minutes >= first) & (minutes < end)]
    if not len(found):
        expected = f"`slots` with an instant in the {DAYS} days from {at.isoformat()}"
        wrong = problem("out_of_range", expected, shown(text), ("slots", name))
        raise BadRequest(wrong["detail"], [wrong])
    return found


def survey_of(engine: Searcher, query: CoverageAsked) -> "Survey":
    """The survey of an index; `query` is a valid one."""
    return Survey(engine, query.programs, _cell_map(engine, query.cells, query.at))


def _cell_map(engine: Searcher, cells: str, at: datetime) -> CellMap:
    resolution = read_cells(cells)
    return zones(engine, at) if resolution is None else hexagons(engine, resolution)


class Survey:
    """Counts of cards by cells."""

    def __init__(self, engine: Searcher, names: list[str], cell_map: CellMap) -> None:
        self._engine, self._names, self._map = engine, names, cell_map
        self._cells = len(cell_map.cells)
        self._lat, self._lng = centres(cell_map.cells)
        self._numbers = [card_numbers(segment, names) for segment in engine.segments]
        self._win = [np.zeros(len(segment), np.uint64) for segment in engine.segments]

    def count(self, query: CoverageAsked, minutes: Sequence[int]) -> Iterator[CellCounts]:
        """Count each minute; the survey is that of the query."""
        return map(self.minute, minutes)

    def minute(self, minute: int) -> CellCounts:
        """Count one minute of the horizon."""
        cards = len(self._names)
        found = CellCounts(
            np.zeros(self._cells + 1, np.int64),
            np.zeros(((self._cells + 1) * cards, 3), np.int64),
            np.zeros((cards, self._cells)),
        )
        saving = np.zeros(cards, np.int64)
        plans = self._engine.blocks.plans(OPEN_SHOPS, minute * 60_000_000)
        for number, (segment, plan) in enumerate(zip(self._engine.segments, plans, strict=True)):
            cell_kernels().count_cells(
                segment.columns_of(0),
                plan.criteria,
                self._numbers[number],
                Cells(*self._map.lists[number]),
                Counts(found.opened, found.counts, saving, self._win[number]),
            )
        with ThreadPoolExecutor(usable_cores()) as pool:  # The kernel holds no GIL.
            list(pool.map(self._add_third, range(cards), found.third_m))
        return found

    def table(self, slot: str, counted: Iterable[CellCounts]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows of a slot, and those of all its shops, from the counts of its minutes."""
        opened, counts, third_m = zip(*counted, strict=True)
        sums = np.sum(opened, axis=0), np.sum(counts, axis=0)
        return self._table(slot, len(opened), *sums, np.max(third_m, axis=0))

    def _add_third(self, card: int, third_m: F64) -> None:
        """Raise the metres to the third nearest win to those of the minute just counted."""
        positions = [
            segment.columns.doc_position[np.flatnonzero(win >> np.uint64(card) & np.uint64(1))]
            for segment, win in zip(self._engine.segments, self._win, strict=True)
        ]
        wins = _blocks_of(np.concatenate(positions))
        cell_kernels().fill_third(wins, self._lat, self._lng, MOST_M, third_m)

    def _table(
        self, name: str, instants: int, opened: I64, counts: I64, third_m: NDArray[np.float64]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        cards, cells = len(self._names), self._map.cells
        figures = pl.DataFrame(
            {
                "slot": pl.Series([name] * len(counts), dtype=pl.String),
                "program_id": pl.Series(self._names * (len(cells) + 1), dtype=pl.String),
                "open": np.repeat(opened, cards) / instants,
                "usable": counts[:, USABLE] / instants,
                "wins": counts[:, WINS] / instants,
                "gain": counts[:, GAIN],
            }
        ).with_columns(
            _ratio("wins", "open").alias("win_share"),
            _ratio("gain", "wins", instants).alias("gain_mean"),
        )
        reach = pl.Series(third_m.T.ravel()).replace(math.inf, None).round(1)
        place = {
            "cell": [cell.cell for cell in cells],
            "name": pl.Series([cell.name for cell in cells], dtype=pl.String),
            "lat": self._lat,
            "lng": self._lng,
        }
        row = np.repeat(np.arange(len(cells)), cards)
        table = pl.concat(
            [
                pl.DataFrame(place)[row],
                figures.head(len(cells) * cards),
                pl.DataFrame({"third_m": reach}),
            ],
            how="horizontal",
        ).filter(pl.col("open") > 0)
        total = figures.tail(cards).with_columns(pl.lit(instants).alias("instants"))
        return table, total


OPEN_SHOPS = Query(lat=0.0, lng=0.0, radius=1.0, open="now", deals="any", limit=1)
"""Its plan has the bill of one person, and the state of hours that coverage counts."""


def _ratio(part: str, whole: str, parts: int = 1) -> pl.Expr:
    """Quotient of two columns, rounded; null where there is nothing to divide by."""
    exact = pl.col(part) / (pl.col(whole) * parts)
    return pl.when(pl.col(whole) > 0).then(exact.round(6))


def card_numbers(segment: Segment, names: Sequence[str]) -> I64:
    """Number of each card of a segment in the study; -1 = not in it."""
    numbers = np.full(len(segment.catalogue.programs), -1, np.int64)
    for place, name in enumerate(names):
        if name in segment.program_numbers:
            numbers[segment.program_numbers[name]] = place
    return numbers


def _blocks_of(position: NDArray[np.int32]) -> KernelWins:
    """The positions in leaves of 16 and blocks of leaves, some as many blocks as leaves of one."""
    leaves = -(-len(position) // NODE_SIZE)
    own = max(NODE_SIZE, math.isqrt(leaves))
    return KernelWins(position, _boxes(position, NODE_SIZE), _boxes(position, NODE_SIZE * own), own)


def _boxes(position: NDArray[np.int32], step: int) -> NDArray[np.int32]:
    """Boxes around every `step` positions, int32[4, n]."""
    starts = np.arange(0, len(position), step)
    if not len(starts):
        return np.zeros((4, 0), np.int32)
    low = np.minimum.reduceat(position, starts, axis=0)
    high = np.maximum.reduceat(position, starts, axis=0)
    return np.ascontiguousarray(np.concatenate([low, high], axis=1).T)


def _with_leader(table: pl.DataFrame, compare: tuple[str, str]) -> pl.DataFrame:
    """Add `leader`: the card whose gains in a cell add up to more; null without a gain."""
    first, second = compare
    gains = [
        pl.col("gain").filter(pl.col("program_id") == name).sum().over("cell", "slot")
        for name in (first, second)
    ]
    leader = (
        pl.when((gains[0] == 0) & (gains[1] == 0))
        .then(None)
        .when(gains[0] > gains[1])
        .then(pl.lit(first))
        .when(gains[0] < gains[1])
        .then(pl.lit(second))
        .otherwise(pl.lit("tie"))
    )
    return table.with_columns(leader.alias("leader"))
