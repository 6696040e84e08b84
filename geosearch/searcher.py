"""The engine: one moment of an index, asked from Python.

Useful for: `search` (typed hits), `rank` and `rank_many` (arrays), and what else an index knows.
Not useful for: HTTP and JSON (`service`, `encode`), or following new versions (`service`).

A `Searcher` never changes. It holds a list of segments; each is ranked by the kernel, and the
results are merged by the same keys the kernel orders by.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from geosearch import facets as facet_counts
from geosearch.columns import COUNTERS, DETAIL_WIDTH, Ask, Scratch
from geosearch.cursor import Cursor, continue_from, expired, fingerprint, write_cursor
from geosearch.errors import BadData
from geosearch.hits import HitMaker
from geosearch.kernels import kernels
from geosearch.model import Answer, Hit, Query, Ranked
from geosearch.plan import Moment, Planner, moment_of
from geosearch.publish import current
from geosearch.ranking import Weights
from geosearch.segment import Segment
from indexes.timetable import HORIZON_MINUTES


class _Result(NamedTuple):
    """One ranked document before it is described; ascending order is the order of the answer."""

    primary: float
    secondary: float
    tie: str | int
    segment: int
    doc: int


class Searcher:
    """Everything one published version of an index can answer.

    Parameters
    ----------
    folder
        The version's folder.
    verify
        See `indexes.storage.open_folder`.

    Raises
    ------
    BadData
        If the folder is not a whole, unaltered version this code reads.
    """

    def __init__(self, folder: Path, *, verify: Literal["fast", "full"] = "fast") -> None:
        paths = sorted(folder.glob("segment-*"))
        if not paths:
            raise BadData(f"Expected a segment, got none - at `{folder}`")
        self.version = folder.name
        self.segments = [Segment(path, verify=verify) for path in paths]
        self.manifest = self.segments[0].manifest
        self.start = datetime.fromisoformat(self.manifest["horizon_start"])
        self.end = self.start + timedelta(minutes=HORIZON_MINUTES)
        self._zone = ZoneInfo(self.manifest["time_zone"])
        self.weights = msgspec.convert(self.manifest["weights"], Weights)
        self._bases = np.cumsum([0, *(len(segment) for segment in self.segments)]).tolist()
        self._planners = [
            Planner(segment, self.weights.walk_cost_per_m) for segment in self.segments
        ]
        self._makers = [HitMaker(segment, self.start, self.weights) for segment in self.segments]
        self._kernels = kernels()

    # --- ranking -----------------------------------------------------------------------------

    def rank(self, query: Query) -> Ranked:
        """Best matches as arrays, without payloads.

        Returns
        -------
        Ranked
            `doc_ids` int64[n] and `keys` float64[n, 2], best first. Keys ascend: the primary one
            is the distance, or the saving, rating (in thousandths) or net benefit negated and
            infinite where unknown; the secondary one is the distance in metres.

        Raises
        ------
        BadRequest
            If the instant lies outside the horizon, or zone, polygon or cursor are not usable.
        """
        moment, after = self._moment(query)
        if len(self.segments) > 1:
            results, work = self._rank_all(query, moment, after, query.limit)
            doc_ids = np.array([self._bases[r.segment] + r.doc for r in results], np.int64)
            keys = np.array([r[:2] for r in results], np.float64).reshape(-1, 2)
        else:
            segment = self.segments[0]
            ask = self._planners[0].plan(query, moment, query.limit, self._after(0, after))
            scratch = segment.borrow_scratch()
            try:
                found = self._kernels.rank(segment.columns, ask, scratch)
                doc_ids = scratch.top_doc[:found].copy()
                keys = np.empty((found, 2))
                keys[:, 0] = scratch.top_primary[:found]
                keys[:, 1] = scratch.top_secondary[:found]
                work = _work(scratch) if query.explain else {}
            finally:
                segment.return_scratch(scratch)
        total, facets = self._count(query, moment)
        explain = self._explain(query, moment, work) if query.explain else None
        return Ranked(doc_ids=doc_ids, keys=keys, total=total, facets=facets, explain=explain)

    def rank_many(self, queries: Sequence[Query]) -> list[Ranked]:
        """`rank` of each query, on all cores; the kernel runs without the GIL."""
        workers = min(os.cpu_count() or 1, max(1, len(queries)))
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(self.rank, queries, chunksize=64))

    def search(self, query: Query) -> Answer:
        """The answer to a query, with typed hits.

        Raises
        ------
        BadRequest
            As `rank`.
        """
        started = time.perf_counter_ns()
        moment, after = self._moment(query)
        # One more than asked for tells whether there is a next page.
        results, work = self._rank_all(query, moment, after, query.limit + 1)
        page = results[: query.limit]
        hits = self._hits(query, moment, page)
        total, facets = self._count(query, moment)
        next_cursor = None
        if len(results) > query.limit:
            next_cursor = self._cursor_after(query, moment, page[-1])
        return Answer(
            snapshot_id=self.manifest["snapshot_id"],
            at=moment.at.isoformat(),
            hits=hits,
            next_cursor=next_cursor,
            total=total,
            facets=facets,
            explain=self._explain(query, moment, work) if query.explain else None,
            unknown_cards=self._unknown_cards(query) if query.cards else (),
            took_us=(time.perf_counter_ns() - started) // 1000,
        )

    def _rank_all(
        self, query: Query, moment: Moment, after: _Result | None, top_k: int
    ) -> tuple[list[_Result], dict[str, int]]:
        """Best results over all segments, and the work done."""
        merged: list[_Result] = []
        work: dict[str, int] = {}
        several = len(self.segments) > 1
        for number, segment in enumerate(self.segments):
            ask = self._planners[number].plan(query, moment, top_k, self._after(number, after))
            with _scratch(segment) as scratch:
                found = self._kernels.rank(segment.columns, ask, scratch)
                docs = scratch.top_doc[:found].tolist()
                ties = (
                    [segment.merchant_id(doc) for doc in docs]
                    if several
                    else scratch.top_id_rank[:found].tolist()
                )
                merged += map(
                    _Result,
                    scratch.top_primary[:found].tolist(),
                    scratch.top_secondary[:found].tolist(),
                    ties,
                    [number] * found,
                    docs,
                )
                if query.explain:
                    for name, count in _work(scratch).items():
                        work[name] = work.get(name, 0) + count
        if several:
            merged.sort()
        return merged[:top_k], work

    # --- pages -------------------------------------------------------------------------------

    def _moment(self, query: Query) -> tuple[Moment, _Result | None]:
        """The instant to evaluate, and the result the page starts behind."""
        cursor = continue_from(query)
        if cursor is None:
            at = query.at or datetime.now(self._zone)
            return moment_of(at, self.start, query.min_minutes_left), None
        if cursor.version != self.version:
            raise expired(cursor.version)
        segment = int(np.searchsorted(self._bases, cursor.doc, side="right")) - 1
        if not 0 <= segment < len(self.segments) or len(cursor.keys) != 2:
            raise expired(cursor.version)
        doc = cursor.doc - self._bases[segment]
        last = _Result(*cursor.keys, self.segments[segment].merchant_id(doc), segment, doc)
        return moment_of(cursor.at, self.start, query.min_minutes_left), last

    def _after(self, segment: int, last: _Result | None) -> tuple[float, float, int] | None:
        """Keys in a segment behind which a page starts: those of the last result before it."""
        if last is None:
            return None
        rank = self.segments[segment].id_rank_through(str(last.tie))
        return (last.primary, last.secondary, rank)

    def _cursor_after(self, query: Query, moment: Moment, last: _Result) -> str:
        return write_cursor(
            Cursor(
                version=self.version,
                at=moment.at,
                question=fingerprint(query),
                keys=(last.primary, last.secondary),
                doc=self._bases[last.segment] + last.doc,
            )
        )

    # --- details -----------------------------------------------------------------------------

    def _hits(self, query: Query, moment: Moment, page: list[_Result]) -> tuple[Hit, ...]:
        if len(self.segments) == 1:
            return tuple(self._describe(0, query, moment, page))
        hits: dict[tuple[int, int], Hit] = {}
        for number in range(len(self.segments)):
            mine = [result for result in page if result.segment == number]
            for result, hit in zip(mine, self._describe(number, query, moment, mine), strict=True):
                hits[number, result.doc] = hit
        return tuple(hits[result.segment, result.doc] for result in page)

    def _describe(
        self, number: int, query: Query, moment: Moment, page: list[_Result]
    ) -> list[Hit]:
        docs = [result.doc for result in page]
        distances = [result.secondary for result in page]
        ask = self._planners[number].plan(query, moment, 1, None)
        detail, scores = self._details(number, ask, docs, distances)
        return self._makers[number].hits(query, docs, distances, detail, scores)

    def _details(
        self, number: int, ask: Ask, docs: list[int], distances: list[float]
    ) -> tuple[list[list[int]], list[float]]:
        """What `details.describe` writes, as lists."""
        segment = self.segments[number]
        with _scratch(segment) as scratch:
            detail, scores = scratch.detail, scratch.detail_score
            while True:
                rows = self._kernels.describe(
                    segment.columns,
                    ask,
                    np.array(docs, np.int64),
                    np.array(distances, np.float64),
                    detail,
                    scores,
                )
                if rows >= 0:
                    return detail[:rows].tolist(), scores[: len(docs)].tolist()
                detail = np.empty((4 * len(detail), DETAIL_WIDTH), np.int64)

    # --- counts ------------------------------------------------------------------------------

    def _count(
        self, query: Query, moment: Moment
    ) -> tuple[int | None, dict[str, dict[str, int]] | None]:
        """Exact total and facets, where asked for."""
        if not (query.total or query.facets):
            return None, None
        total = 0
        counts: dict[str, dict[str, int]] = {name: {} for name in query.facets}
        for number, segment in enumerate(self.segments):
            ask = self._planners[number].plan(query, moment, 1, None)
            tally = facet_counts.new_tally(segment.catalogue, query.facets)
            with _scratch(segment) as scratch:
                total += self._kernels.count(segment.columns, ask, scratch, tally)
            facet_counts.add_tally(segment.catalogue, tally, counts)
        ordered = {name: facet_counts.most_first(found) for name, found in counts.items()}
        return (total if query.total else None), (ordered if query.facets else None)

    def _explain(self, query: Query, moment: Moment, work: dict[str, int]) -> dict[str, Any]:
        plans = [planner.describe(query, moment) for planner in self._planners]
        return {
            "version": self.version,
            "plan": plans,
            "work": work,
            "weights": msgspec.to_builtins(self.weights),
        }

    def _unknown_cards(self, query: Query) -> tuple[str, ...]:
        unknown = [set(planner.unknown_cards(query)) for planner in self._planners]
        missing = set.intersection(*unknown)
        return tuple(card for card in dict.fromkeys(query.cards) if card in missing)

    # --- what else an index knows ------------------------------------------------------------

    def merchant_ids(self, doc_ids: Iterable[int]) -> list[str]:
        """`merchant_id` of each document."""
        return [self.segments[number].merchant_id(doc) for number, doc in self._local(doc_ids)]

    def merchant(self, merchant_id: str, at: datetime | None = None) -> dict[str, Any] | None:
        """One merchant with its state, the hours of the coming week and all its deals.

        Returns None where the index has no such merchant.

        Raises
        ------
        BadRequest
            If the instant lies outside the horizon.
        """
        moment = moment_of(at or datetime.now(UTC), self.start, 0)
        for number, segment in enumerate(self.segments):
            doc = segment.doc_of(merchant_id)
            if doc is not None:
                everything = Query(lat=0.0, lng=0.0, cards=tuple(segment.program_numbers))
                ask = self._planners[number].plan(everything, moment, 1, None)
                detail, _ = self._details(number, ask, [doc], [0.0])
                return {
                    "snapshot_id": self.manifest["snapshot_id"],
                    "at": moment.at.isoformat(),
                    **self._makers[number].record(doc, detail, moment),
                }
        return None

    def zones_at(self, lat: float, lng: float, at: datetime | None = None) -> list[dict[str, Any]]:
        """Zones that hold a WGS-84 position and are in force at an instant (now by default)."""
        day = (at or datetime.now(UTC)).astimezone(self._zone).date()
        return [
            msgspec.to_builtins(segment.catalogue.zones[number])
            for segment in self.segments
            for number in segment.zone_index.holding(lng, lat)
            if segment.catalogue.zones[number].in_force(day)
        ]

    def programs(self) -> list[dict[str, Any]]:
        """Programmes of the snapshot, each with the number of merchants that have a deal of it."""
        programs: dict[str, dict[str, Any]] = {}
        for segment in self.segments:
            for number, record in enumerate(segment.catalogue.programs):
                if number:
                    known = programs.setdefault(record["program_id"], {**record, "merchants": 0})
                    known["merchants"] += len(segment.program_docs(number))
        return [programs[name] for name in sorted(programs)]

    def info(self) -> dict[str, Any]:
        """Version, counts, horizon and age of the index."""
        built_at = datetime.fromisoformat(self.manifest["built_at"])
        return {
            "snapshot_id": self.manifest["snapshot_id"],
            "version": self.version,
            "built_at": built_at.isoformat(),
            "age_seconds": max(0, int((datetime.now(UTC) - built_at).total_seconds())),
            "currency": self.manifest["currency"],
            "time_zone": self.manifest["time_zone"],
            "horizon": {"start": self.start.isoformat(), "end": self.end.isoformat()},
            "merchants": self._bases[-1],
            "deals": sum(segment.manifest["deals"] for segment in self.segments),
            "programs": len(self.programs()),
            "zones": sum(len(segment.catalogue.zones) for segment in self.segments),
            "segments": len(self.segments),
            "hot_bytes": sum(segment.hot_bytes() for segment in self.segments),
        }

    def is_current(self, at: datetime | None = None) -> bool:
        """Whether an instant (now by default) lies in the time horizon."""
        return self.start <= (at or datetime.now(UTC)) < self.end

    def close(self) -> None:
        """Drop the segments; the system unmaps them when the last query has let go."""
        self.segments = []

    def _local(self, doc_ids: Iterable[int]) -> Iterator[tuple[int, int]]:
        for doc in doc_ids:
            number = int(np.searchsorted(self._bases, doc, side="right")) - 1
            yield number, int(doc) - self._bases[number]


def open_index(path: str | Path, *, verify: Literal["fast", "full"] = "fast") -> Searcher:
    """Open the version of an index that is served now.

    Parameters
    ----------
    path
        The index folder that `geosearch build` publishes to.
    verify
        `"full"` compares every byte with its checksum, `"fast"` a bounded number of them.

    Raises
    ------
    BadData
        If there is no published version, or it is damaged or newer than this code.

    Examples
    --------
    >>> engine = open_index("INDEX")  # doctest: +SKIP
    >>> engine.search(Query(lat=31.23, lng=121.47, open="now"))  # doctest: +SKIP
    """
    return Searcher(current(Path(path)), verify=verify)


@contextmanager
def _scratch(segment: Segment) -> Iterator[Scratch]:
    scratch = segment.borrow_scratch()
    try:
        yield scratch
    finally:
        segment.return_scratch(scratch)


def _work(scratch: Scratch) -> dict[str, int]:
    return dict(zip(COUNTERS, scratch.work.tolist(), strict=True))
