"""How fast many questions are answered at once: blocks, worth of cards, coverage; and by peers.

Measured: `rank_block` on one thread and on two, beside `rank` one by one; `worth` of the commonest
cards for four habits; their `coverage` by H3 cells of resolution 9 in the five default slots. Peers
count the same coverage, but its distances, with numpy and with DuckDB, from columns in which the
state of every schedule at the minute is given. All counts are compared.

Corpus: any index with cards. Places are those of its shops, with noise.

Not shown: reading and writing files, and several machines.

    geosearch bench studies INDEX
    geosearch bench --only studies
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.places import places
from benchmarks.result import StudiesResult
from geosearch.kernel.cells import Cells, Counts, cell_kernels
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.search.warm import warm
from geosearch.segment.columns import Columns
from geosearch.studies.cells import hexagons
from geosearch.studies.coverage import OPEN_SHOPS, SLOTS, card_numbers, coverage
from geosearch.studies.habits import Habit
from geosearch.studies.moments import WallClock, minutes_since
from geosearch.studies.worth import worth
from indexes.timetable import OPEN

SEED = 20_261_129
QUESTIONS, ONE_BY_ONE = 200_000, 5_000
CARDS = 11
"""Most cards of worth and coverage: those that most shops take."""
WHENS = ("Mo-Fr 12:00-13:30", "Mo-Fr 18:00-20:00", "Sa-Su 11:30-13:30", "Sa-Su 18:00-21:00")
SPENDS = (4_000, 10_000, 12_000, 20_000)
HORIZON = 1 << 16

Say = Callable[[str], None]


def run(index: Path, *, say: Say = print) -> StudiesResult:
    """Return the figures of an index.

    Raises
    ------
    AssertionError
        A peer counts something else.
    """
    warm()
    engine = open_index(index)
    programs = sorted(engine.programs(), key=lambda each: -each["merchants"])
    card = programs[len(programs) // 2]["program_id"]
    cards = [each["program_id"] for each in programs[:CARDS]]
    at = (engine.start + timedelta(days=2)).replace(hour=11)
    say("ranking one by one, and in blocks")
    one_by_one, one, two = _blocks(engine, card, at)
    say("worth of cards")
    worth_s = _worth(engine, cards, at)
    say("coverage")
    begin = time.perf_counter()
    found = coverage(engine, programs=cards, at=at)
    coverage_s = time.perf_counter() - begin
    say("coverage by peers")
    counted, expected = _timed(lambda: _ours(engine, cards, at))
    peers = {
        name: _timed(partial(count, engine, cards, at))
        for name, count in (("numpy", _numpy), ("duckdb", _duckdb))
        if find_spec(name)
    }
    for _, counts in peers.values():
        assert np.array_equal(counts, expected)
    return StudiesResult(
        merchants=engine.info()["merchants"],
        cards=len(cards),
        one_by_one=one_by_one,
        block_one=one,
        block_two=two,
        worth_s=worth_s,
        coverage_s=coverage_s,
        coverage_rows=found.rows.height,
        counting_s=counted,
        numpy_s=peers["numpy"][0],
        duckdb_s=peers["duckdb"][0] if "duckdb" in peers else None,
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def _blocks(engine: Searcher, card: str, at: datetime) -> tuple[float, float, float]:
    """Questions a second one by one, in a block on one thread, and on two."""
    spots = places(engine.segments[0].columns, QUESTIONS, SEED)
    frame = pl.DataFrame(spots, schema=["lat", "lng"], orient="row")
    same: dict[str, Any] = {
        "cards": (card,),
        "open": "now",
        "sort": "distance",
        "limit": 20,
        "at": at,
    }
    queries = [Query(lat=lat, lng=lng, **same) for lat, lng in spots[:ONE_BY_ONE]]
    for query in queries[:100]:
        engine.rank(query)
    begin = time.perf_counter()
    for query in queries:
        engine.rank(query)
    speeds = [len(queries) / (time.perf_counter() - begin)]
    engine.rank_block(frame.head(100), **same)
    for threads in (1, 2):
        begin = time.perf_counter()
        engine.rank_block(frame, threads=threads, **same)
        speeds.append(QUESTIONS / (time.perf_counter() - begin))
    return speeds[0], speeds[1], speeds[2]


def _worth(engine: Searcher, cards: list[str], at: datetime) -> float:
    spots = places(engine.segments[0].columns, len(WHENS), SEED + 1)
    habits = [
        Habit(lat=lat, lng=lng, when=when, visits=10.0, spend=spend)
        for (lat, lng), when, spend in zip(spots, WHENS, SPENDS, strict=True)
    ]
    worth(engine, habits[:1], candidates=cards, at=at)
    begin = time.perf_counter()
    worth(engine, habits, candidates=cards, at=at)
    return time.perf_counter() - begin


def _minutes(engine: Searcher, at: datetime) -> list[int]:
    """All instants of the default slots."""
    clock = WallClock(engine.start, engine.info())
    first, end = (minutes_since(engine.start, day) for day in (at, at + timedelta(days=7)))
    return [
        minute
        for times in SLOTS.values()
        for minute in clock.instants(times).tolist()
        if first <= minute < end
    ]


def _ours(engine: Searcher, cards: list[str], at: datetime) -> NDArray[np.int64]:
    """Sums over cells of open, usable and winning shops and gains, by the study's kernel."""
    (segment,) = engine.segments
    cell_map = hexagons(engine, 9)
    cells = len(cell_map.cells)
    opened = np.zeros(cells + 1, np.int64)
    counts = np.zeros(((cells + 1) * len(cards), 3), np.int64)
    working = np.zeros(len(cards), np.int64), np.zeros(len(segment), np.uint64)
    for minute in _minutes(engine, at):
        (plan,) = engine.blocks.plans(OPEN_SHOPS, minute * 60_000_000)
        numbers = card_numbers(segment, cards)
        cell_kernels().count_cells(
            segment.columns_of(0), plan.criteria, numbers,
            Cells(*cell_map.lists[0]), Counts(opened, counts, *working),
        )  # fmt: skip
    own = counts[: cells * len(cards)].reshape(cells, len(cards), 3)
    return np.concatenate([opened[:cells, None], own.reshape(cells, -1)], axis=1)


def _offers(engine: Searcher, cards: list[str]) -> tuple[Columns, dict[str, NDArray[np.int64]]]:
    """Offers that may count: document, card (-1 = public), window and saving, 0 if unknown."""
    (segment,) = engine.segments
    columns = segment.columns
    docs = np.repeat(np.arange(len(segment)), _lengths(columns.offer_start))
    deal = columns.offer_deal.astype(np.int64)
    on = (columns.deal_on[deal >> 6] >> (deal & 63).astype(np.uint64)) & np.uint64(1)
    number = np.full(len(segment.catalogue.programs), -2, np.int64)
    number[0] = -1
    for place, name in enumerate(cards):
        number[segment.program_numbers[name]] = place
    card = number[columns.offer_program]
    saving = columns.offer_saving.astype(np.int64)
    used = (on == 1) & (columns.program_on[columns.offer_program] != 0) & (card > -2)
    used &= saving != -(2**31)
    return columns, {
        "doc": docs[used],
        "card": card[used],
        "window": columns.offer_window[used].astype(np.int64),
        "saving": np.maximum(saving[used], 0),
    }


def _states(columns: Columns, minute: int) -> NDArray[np.bool_]:
    """Whether each schedule is open at a minute."""
    starts = columns.schedule_start.astype(np.int64)
    number = np.repeat(np.arange(len(starts) - 1), _lengths(columns.schedule_start))
    key = number * HORIZON + columns.change_minute
    wanted = np.arange(len(starts) - 1) * HORIZON + minute
    states = columns.change_state[np.searchsorted(key, wanted, side="right") - 1]
    found: NDArray[np.bool_] = states == OPEN
    return found


def _lengths(starts: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Lengths of the lists that begin at `starts`."""
    lengths: NDArray[np.int64] = starts[1:].astype(np.int64) - starts[:-1]
    return lengths


def _numpy(engine: Searcher, cards: list[str], at: datetime) -> NDArray[np.int64]:
    columns, offers = _offers(engine, cards)
    cell_map = hexagons(engine, 9)
    cell, cells = cell_map.lists[0][1], len(cell_map.cells)
    found = np.zeros((cells, 1 + 3 * len(cards)), np.int64)
    for minute in _minutes(engine, at):
        is_open = _states(columns, minute)
        shops = is_open[columns.doc_schedule]
        found[:, 0] += np.bincount(cell[shops], minlength=cells)
        usable = is_open[offers["window"]] & shops[offers["doc"]]
        doc, card, saving = (offers[name][usable] for name in ("doc", "card", "saving"))
        public = np.zeros(len(shops), np.int64)
        np.maximum.at(public, doc[card < 0], saving[card < 0])
        key = doc[card >= 0] * len(cards) + card[card >= 0]
        pairs, places_ = np.unique(key, return_inverse=True)
        best = np.zeros(len(pairs), np.int64)
        np.maximum.at(best, places_, saving[card >= 0])
        shop, own = pairs // len(cards), pairs % len(cards)
        gain = best - public[shop]
        wins = gain > 0
        for column, weight in enumerate((np.ones(len(gain)), wins, np.where(wins, gain, 0))):
            np.add.at(found, (cell[shop], 1 + 3 * own + column), weight.astype(np.int64))
    return found


def _duckdb(engine: Searcher, cards: list[str], at: datetime) -> NDArray[np.int64]:
    import duckdb

    columns, offers = _offers(engine, cards)
    cell_map = hexagons(engine, 9)
    cell, cells = cell_map.lists[0][1], len(cell_map.cells)
    with duckdb.connect() as base:
        base.execute("SET threads = 1")
        shop_rows = {"doc": np.arange(len(cell)), "cell": cell, "hours": columns.doc_schedule}
        tables: dict[str, Mapping[str, Any]] = {"shop": shop_rows, "offer": offers}
        for name, table in tables.items():
            base.register("given", pl.DataFrame(table).to_arrow())
            base.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
            base.unregister("given")
        found = np.zeros((cells, 1 + 3 * len(cards)), np.int64)
        for minute in _minutes(engine, at):
            is_open = _states(columns, minute)
            frame = pl.DataFrame({"schedule": np.flatnonzero(is_open)})
            base.register("given", frame.to_arrow())
            rows = base.execute(_OPENED).fetchnumpy()
            found[rows["cell"], 0] += rows["shops"]
            rows = base.execute(_COUNTED).fetchnumpy()
            for column, name in enumerate(("usable", "wins", "gain")):
                np.add.at(
                    found,
                    (rows["cell"], 1 + 3 * rows["card"] + column),
                    rows[name].astype(np.int64),
                )
            base.unregister("given")
    return found


_OPENED = """
SELECT cell, count(*) AS shops FROM shop JOIN given ON hours = schedule GROUP BY cell
"""
_COUNTED = """
WITH now_open AS (SELECT doc, cell FROM shop JOIN given ON hours = schedule),
usable AS (
    SELECT doc, cell, card, max(saving) AS best FROM offer
    JOIN given ON "window" = schedule JOIN now_open USING (doc) GROUP BY doc, cell, card
),
public AS (SELECT doc, best FROM usable WHERE card = -1)
SELECT cell, card, count(*) AS usable,
    count(*) FILTER (WHERE usable.best > coalesce(public.best, 0)) AS wins,
    coalesce(sum(greatest(usable.best - coalesce(public.best, 0), 0)), 0) AS gain
FROM usable LEFT JOIN public USING (doc) WHERE card >= 0 GROUP BY cell, card
"""
