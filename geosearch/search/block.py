"""Block ranking: many queries at once, planned once for all that ask alike.

Useful for: `Searcher.rank_block` and `rank_many`.
Not useful for: one query (`Searcher.rank`), and for files (`geosearch.studies.rank_files`).

Queries that differ only in place and minute share a plan. One compiled loop ranks them without the
GIL, in the Hilbert order of their places, so that the columns which one query reads are in the
caches for the next. Queries with a text, an area, a list of ids, a total or facets take the usual
road. Only a row's own query decides its results, so the number of threads changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.answer.model import Ranked
from geosearch.errors import BadRequest, NotReady
from geosearch.kernel.block import (
    COMBINED_DEALS,
    COMBINED_DEALS_WIDTH,
    DEAL,
    DEALS_WIDTH,
    NO_DEAL,
    Best,
    Rows,
)
from geosearch.query.query import Query
from geosearch.search.block_results import Block, BlockWriter, RawBlock
from geosearch.search.block_rows import (
    Alike,
    BlockRows,
    Records,
    RefusedRow,
    columns_for,
    refused_row,
    rows_of,
    rows_of_frame,
)
from geosearch.search.cores import usable_cores
from geosearch.search.merge import Found
from geosearch.search.plan import Plan
from geosearch.search.query_planner import PlannedQuery, QueryPlanner
from geosearch.search.segment_view import SegmentView
from indexes.arrays import I64
from indexes.geo.hilbert import hilbert_values
from indexes.geo.sphere import to_units

PIECE_ROWS = 32_768
"""Queries of a piece: its results take 31 MB with 20 a query, 160 MB with 100."""

CHUNK_ROWS = 1_024
"""Queries that a thread ranks in one call."""

KEPT_ROWS = 256
"""Fewest queries of one minute that share a filter; to make one costs as much as some queries."""

_USUAL_ROWS = 64
"""Queries of the usual road in one task."""


class UsualRoad(NamedTuple):
    """How a searcher answers one query."""

    answered: Callable[[Query, int], tuple[PlannedQuery, Found]]
    rank: Callable[[Query], Ranked]


class UsualResults(NamedTuple):
    """Results of one query of the usual road."""

    docs: I64
    keys: NDArray[np.float64]
    deals: I64
    total: int | None


class BlockRanker:
    """Ranks blocks of queries over the segments of a searcher.

    Parameters
    ----------
    views
        View of each segment.
    planner
        Planner of all segments.
    start
        Start of the horizon, midnight UTC.
    road
        How the searcher answers one query.
    """

    def __init__(
        self, views: Sequence[SegmentView], planner: QueryPlanner, start: datetime, road: UsualRoad
    ) -> None:
        self._views, self._planner, self._start, self._road = views, planner, start, road
        self._bases = np.cumsum([0, *(len(view.segment) for view in views)])

    def ranked(self, queries: Sequence[Query], threads: int | None = None) -> list[Ranked]:
        """`Ranked` of each query; raises what the first refused one raises."""
        times = self._start, datetime.now(UTC)
        found: list[Ranked] = []
        with ThreadPoolExecutor(threads or usable_cores()) as pool:
            for first in range(0, len(queries), PIECE_ROWS):
                some = queries[first : first + PIECE_ROWS]
                records = Records(pl.Series(), some, [], columns_for(()))
                piece = _Piece(self, rows_of(records, times, self._are_usual), pool)
                found += piece.ranked(self._road.rank)
        return found

    def block(
        self, frame: pl.DataFrame, constants: Mapping[str, Any], threads: int | None = None
    ) -> Block:
        """The best matches of many queries.

        Parameters
        ----------
        frame
            A row a query; columns are parameters of `Query`, and optionally `query_id`.
        constants
            Parameters that are the same for all queries.
        threads
            Number of threads, by default that of cores; it changes no result.

        Raises
        ------
        BadRequest
            A name is no parameter of a block. A wrong row is listed in `Block.refused` instead.
        """
        pieces = (frame.slice(at, PIECE_ROWS) for at in range(0, frame.height or 1, PIECE_ROWS))
        blocks = list(self.blocks(pieces, constants, threads))
        return Block(
            pl.concat([block.rows for block in blocks]),
            pl.concat([block.refused for block in blocks]),
            sum(block.queries for block in blocks),
        )

    def blocks(
        self,
        pieces: Iterable[pl.DataFrame | Records],
        constants: Mapping[str, Any],
        threads: int | None = None,
        *,
        first: int = 0,
        now: datetime | None = None,
    ) -> Iterator[Block]:
        """The block of each piece, in their order.

        While one is written, the next one is ranked. Row numbers begin with `first` and go on from
        piece to piece. The constants are for frames; records have them already. `now` is the
        instant of queries that name none.
        """
        found = self.raw_blocks(pieces, constants, threads, first=first, now=now)
        return (self.writer.written(raw, ids) for raw, ids in found)

    def raw_blocks(
        self,
        pieces: Iterable[pl.DataFrame | Records],
        constants: Mapping[str, Any],
        threads: int | None = None,
        *,
        first: int = 0,
        now: datetime | None = None,
    ) -> Iterator[tuple[RawBlock, pl.Series]]:
        """As `blocks`, in numbers, each with the `query_id` of its queries."""
        times = self._start, now or datetime.now(UTC)
        with ThreadPoolExecutor(threads or usable_cores()) as pool:
            before: tuple[_Piece, pl.Series] | None = None
            for some in pieces:
                if isinstance(some, Records):
                    asked, ids = rows_of(some, times, self._are_usual), some.ids
                else:
                    asked = rows_of_frame(some, constants, times, self._are_usual)
                    ids = query_ids(some, first)
                first += len(ids)
                piece = _Piece(self, asked, pool)
                piece.begin_others(partial(self._usual, width=piece.width))
                if before is not None:
                    yield before[0].raw(), before[1]
                before = piece, ids
            if before is not None:
                yield before[0].raw(), before[1]

    @property
    def _are_usual(self) -> bool:
        """Whether all queries take the usual road, which merges segments."""
        return len(self._views) != 1

    def plans(self, query: Query, micros: int) -> list[Plan]:
        """The plan of a query for each segment, at an instant in microseconds from the start."""
        at = self._start + timedelta(microseconds=micros)
        return self._planner.planned(query, query.limit, at).plans

    def plan(self, query: Query, micros: int, *, one_minute: bool) -> Plan:
        """The plan of a query at an instant, with a filter if one serves all of a minute."""
        at = self._start + timedelta(microseconds=micros)
        planned = self._planner.planned(query, query.limit, at)
        prepared = planned.prepared.segments[0]
        if one_minute and (prepared.filters or query.must_be_open):
            return self._views[0].with_filter(planned.plans[0], valued=prepared.valued)
        return planned.plans[0]

    def rank(self, plan: Plan, rows: Rows, order: I64, best: Best, *, one_minute: bool) -> None:
        """Rank some rows of a block into `best`."""
        self._views[0].rank_rows(plan, rows, order, best, one_minute=one_minute)

    def _usual(self, query: Query, width: int) -> UsualResults:
        """UsualResults of one query with their best deals, by the usual road."""
        planned, (docs, keys, _) = self._road.answered(query, query.limit)
        total = self._road.rank(query).total if query.total else None
        deals = np.full((len(docs), width), NO_DEAL, np.int64)
        for number, view in enumerate(self._views):
            own = (docs >= self._bases[number]) & (docs < self._bases[number + 1])
            if own.any():
                found = view.deals(planned.plans[number], docs[own] - self._bases[number], width)
                found[:, DEAL] += np.where(found[:, DEAL] >= 0, self._deal_bases[number], 0)
                found[:, COMBINED_DEALS:] += self._deal_bases[number]
                deals[own] = found
        return UsualResults(docs, keys, deals, total)

    @cached_property
    def _deal_bases(self) -> list[int]:
        counts = (len(view.segment.deal_id_texts) for view in self._views)
        bases: list[int] = np.cumsum([0, *counts]).tolist()
        return bases

    @cached_property
    def writer(self) -> BlockWriter:
        """Writes results with their names."""
        return BlockWriter([view.segment for view in self._views])


class _Piece:
    """Queries that are being ranked in threads."""

    def __init__(self, ranker: BlockRanker, asked: BlockRows, pool: ThreadPoolExecutor) -> None:
        self._ranker, self._asked, self._pool = ranker, asked, pool
        self._rows = asked.rows
        results = int(self._rows.first[-1])
        self.width = COMBINED_DEALS_WIDTH if asked.columns.combinations else DEALS_WIDTH
        self._best = Best(
            np.zeros(len(self._rows.lat), np.int64),
            np.empty(results, np.int64),
            np.empty((results, 2)),
            np.empty((results, self.width), np.int64),
        )
        self._tasks: list[Future[None]] = []
        self._others: list[Future[list[UsualResults | RefusedRow]]] = []
        place = hilbert_values(to_units(self._rows.lng), to_units(self._rows.lat))
        for alike in asked.alike:
            self._begin(alike, alike.rows[np.argsort(place[alike.rows], kind="stable")])

    def _begin(self, alike: Alike, rows: I64) -> None:
        """Rank queries that ask alike, those of one minute together if they are many."""
        minutes = self._rows.minute[rows] * (2 << 20) + self._rows.until_minute[rows]
        _, number, count = np.unique(minutes, return_inverse=True, return_counts=True)
        rare = count[number] < KEPT_ROWS
        groups = [number == common for common in np.flatnonzero(count >= KEPT_ROWS).tolist()]
        for group in [*groups, rare]:
            chosen = rows[group]
            if len(chosen):
                self._begin_group(alike.query, chosen, one_minute=group is not rare)

    def _begin_group(self, query: Query, rows: I64, *, one_minute: bool) -> None:
        micros = int(self._asked.micros[rows[0]])
        plan = self._ranker.plan(query, micros, one_minute=one_minute)
        for begin in range(0, len(rows), CHUNK_ROWS):
            chunk = rows[begin : begin + CHUNK_ROWS]
            task = self._pool.submit(
                self._ranker.rank, plan, self._rows, chunk, self._best, one_minute=one_minute
            )
            self._tasks.append(task)

    def begin_others(self, answer: Callable[[Query], UsualResults]) -> None:
        """Begin with the queries of the usual road."""

        def answer_all(some: Sequence[tuple[int, Query]]) -> list[UsualResults | RefusedRow]:
            done: list[UsualResults | RefusedRow] = []
            for row, query in some:
                try:
                    done.append(answer(query))
                except (BadRequest, NotReady) as error:
                    done.append(refused_row(row, error))
            return done

        for begin in range(0, len(self._asked.others), _USUAL_ROWS):
            some = self._asked.others[begin : begin + _USUAL_ROWS]
            self._others.append(self._pool.submit(answer_all, some))

    def ranked(self, rank: Callable[[Query], Ranked]) -> list[Ranked]:
        """`Ranked` of each query, in their order."""
        others = self._pool.map(rank, [query for _, query in self._asked.others])
        found: list[Ranked | None] = [None] * len(self._rows.lat)
        for (row, _), one in zip(self._asked.others, others, strict=True):
            found[row] = one
        self._wait()
        starts, counts = self._rows.first.tolist(), self._best.found.tolist()
        for row, ranked in enumerate(found):
            if ranked is None:
                own = slice(starts[row], starts[row] + counts[row])
                found[row] = Ranked(
                    doc_ids=self._best.doc[own].copy(), keys=self._best.key[own].copy()
                )
        return [ranked for ranked in found if ranked is not None]

    def raw(self) -> RawBlock:
        """The results of all queries, those of the usual road among the others."""
        self._wait()
        refused, totals = list(self._asked.refused), {}
        done = (one for task in self._others for one in task.result())
        told: list[tuple[int, UsualResults]] = []
        for (row, _), one in zip(self._asked.others, done, strict=True):
            if isinstance(one, RefusedRow):
                refused.append(one)
            else:
                told.append((row, one))
                if one.total is not None:
                    totals[row] = one.total
        count, docs, keys, deals = self._merged(told)
        refused.sort(key=lambda one: one.row)
        distances = np.ascontiguousarray(keys[:, 1])
        return RawBlock(count, docs, distances, deals, totals, refused, self._asked.columns)

    def _wait(self) -> None:
        for task in self._tasks:
            task.result()

    def _merged(
        self, told: list[tuple[int, UsualResults]]
    ) -> tuple[I64, I64, NDArray[np.float64], I64]:
        """Counts by row, and documents, keys and deals one row after the other."""
        best, first = self._best, self._rows.first
        for row, one in told:
            count = best.found[row] = len(one.docs)
            own = slice(first[row], first[row] + count)
            best.doc[own], best.key[own], best.deal[own] = one.docs, one.keys, one.deals
        kept = np.arange(len(best.doc)) < np.repeat(first[:-1] + best.found, np.diff(first))
        if kept.all():
            return best.found, best.doc, best.key, best.deal
        return best.found, best.doc[kept], best.key[kept], best.deal[kept]


def query_ids(frame: pl.DataFrame, first: int) -> pl.Series:
    """`query_id` of each row; its number, counted from 0, where the frame has no such column."""
    if "query_id" in frame.columns:
        return frame["query_id"]
    return pl.Series("query_id", np.arange(first, first + frame.height))
