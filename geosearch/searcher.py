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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from geosearch.columns import Ask, Hours
from geosearch.cursor import Cursor, continue_from, expired, fingerprint, write_cursor
from geosearch.errors import BadData
from geosearch.facets import most_first
from geosearch.model import Answer, Hit, Query, Ranked
from geosearch.plan import After, Clock, described
from geosearch.publish import current
from geosearch.ranking import Weights
from geosearch.segment import Segment
from geosearch.segment_view import SegmentView
from indexes.timetable import HORIZON_MINUTES


class _Question(NamedTuple):
    """A query placed in time and planned for every segment."""

    query: Query
    at: datetime
    hours: Hours
    asks: list[Ask]


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
        self.weights = msgspec.convert(self.manifest["weights"], Weights)
        self._clock = Clock(self.start)
        self._zone = ZoneInfo(self.manifest["time_zone"])
        self._bases = np.cumsum([0, *(len(segment) for segment in self.segments)]).tolist()
        self._first_page: Sequence[After | None] = [None] * len(self.segments)
        self._views = [SegmentView(segment, self.start, self.weights) for segment in self.segments]

    def rank(self, query: Query) -> Ranked:
        """Best matches as arrays, without payloads.

        Returns
        -------
        Ranked
            `doc_ids` int64[n] and `keys` float64[n, 2], best first. Keys ascend: the primary one
            is the distance, or the saving, rating (in thousandths) or net benefit negated, and
            infinite where that is unknown; the secondary one is the distance in metres.

        Raises
        ------
        BadRequest
            If the instant lies outside the horizon, or zone, polygon or cursor are not usable.
        """
        question = self._question(query, query.limit)
        doc_ids, keys, work = self._best(question)
        if not (query.total or query.facets or query.explain):
            return Ranked(doc_ids=doc_ids, keys=keys)
        total, facets = self._count(question)
        explain = self._explain(question, work)
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
        # One more than asked for tells whether there is a next page.
        question = self._question(query, query.limit + 1)
        doc_ids, keys, work = self._best(question)
        more = len(doc_ids) > query.limit
        hits = self._hits(question, doc_ids[: query.limit], keys)
        total, facets = self._count(question)
        return Answer(
            snapshot_id=self.manifest["snapshot_id"],
            at=question.at.isoformat(),
            hits=hits,
            next_cursor=self._cursor(question, doc_ids, keys) if more else None,
            total=total,
            facets=facets,
            explain=self._explain(question, work),
            unknown_cards=self._unknown_cards(query) if query.cards else (),
            took_us=(time.perf_counter_ns() - started) // 1000,
        )

    def _question(self, query: Query, top_k: int) -> _Question:
        """Place a query in time, and plan it from where its page starts."""
        at, afters = query.at, self._first_page
        cursor = continue_from(query)
        if cursor is not None:
            # A cursor keeps the instant, not the offset it was written in.
            at = query.at or cursor.at.astimezone(self._zone)
            afters = self._afters(cursor)
        elif at is None:
            at = datetime.now(self._zone)
        hours = self._clock.hours(query, at)
        asks = [
            view.planner.plan(query, hours, at, top_k, after)
            for view, after in zip(self._views, afters, strict=True)
        ]
        return _Question(query, at, hours, asks)

    def _afters(self, cursor: Cursor) -> Sequence[After | None]:
        """Keys behind which the page starts, in each segment: those of the last result before."""
        if (
            cursor.version != self.version
            or not 0 <= cursor.doc < self._bases[-1]
            or len(cursor.keys) != 2
        ):
            raise expired(cursor.version)
        merchant_id = self.merchant_ids([cursor.doc])[0]
        primary, secondary = cursor.keys
        return [
            (primary, secondary, segment.id_rank_through(merchant_id)) for segment in self.segments
        ]

    def _cursor(
        self, question: _Question, doc_ids: NDArray[np.int64], keys: NDArray[np.float64]
    ) -> str:
        last = question.query.limit - 1
        return write_cursor(
            Cursor(
                version=self.version,
                at=question.at,
                question=fingerprint(question.query),
                keys=(float(keys[last, 0]), float(keys[last, 1])),
                doc=int(doc_ids[last]),
            )
        )

    def _best(
        self, question: _Question
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], dict[str, int]]:
        """Doc ids, keys and work of the best results over all segments."""
        explain = question.query.explain
        if len(self._views) == 1:
            return self._views[0].rank(question.asks[0], explain)
        found: list[tuple[float, float, str, int]] = []
        work: dict[str, int] = {}
        for view, ask, base in zip(self._views, question.asks, self._bases, strict=False):
            docs, keys, done = view.rank(ask, explain)
            ids = map(view.segment.merchant_id, docs.tolist())
            found += zip(*keys.T.tolist(), ids, (docs + base).tolist(), strict=True)
            work = {name: work.get(name, 0) + count for name, count in done.items()}
        found = sorted(found)[: question.asks[0].page.top_k]
        doc_ids = np.array([row[3] for row in found], np.int64)
        return doc_ids, np.array([row[:2] for row in found], np.float64).reshape(-1, 2), work

    def _hits(
        self, question: _Question, doc_ids: NDArray[np.int64], keys: NDArray[np.float64]
    ) -> tuple[Hit, ...]:
        query = question.query
        distances = keys[: len(doc_ids), 1]
        if len(self._views) == 1:
            return tuple(self._views[0].hits(query, question.asks[0], doc_ids, distances))
        hits: dict[int, Hit] = {}
        for number, (view, ask) in enumerate(zip(self._views, question.asks, strict=True)):
            base, end = self._bases[number], self._bases[number + 1]
            mine = (doc_ids >= base) & (doc_ids < end)
            made = view.hits(query, ask, doc_ids[mine] - base, distances[mine])
            hits |= zip(doc_ids[mine].tolist(), made, strict=True)
        return tuple(hits[doc] for doc in doc_ids.tolist())

    def _count(self, question: _Question) -> tuple[int | None, dict[str, dict[str, int]] | None]:
        """Exact total and facets, where asked for."""
        query = question.query
        if not (query.total or query.facets):
            return None, None
        counts: dict[str, dict[str, int]] = {name: {} for name in query.facets}
        total = sum(
            view.count(ask, counts) for view, ask in zip(self._views, question.asks, strict=True)
        )
        facets = {name: most_first(found) for name, found in counts.items()}
        return (total if query.total else None), (facets if query.facets else None)

    def _explain(self, question: _Question, work: dict[str, int]) -> dict[str, Any] | None:
        query = question.query
        if not query.explain:
            return None
        return {
            "version": self.version,
            "plan": [described(ask) for ask in question.asks],
            "work": work,
            "weights": msgspec.to_builtins(self.weights),
        }

    def _unknown_cards(self, query: Query) -> tuple[str, ...]:
        missing = set(query.cards)
        for view in self._views:
            missing.intersection_update(view.planner.unknown_cards(query))
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
        for view in self._views:
            doc = view.segment.doc_of(merchant_id)
            if doc is not None and view.segment.is_live(doc):
                # Every card, so that all deals are told of, on the spot, so that nothing is far.
                query = Query(lat=0.0, lng=0.0, cards=tuple(view.segment.program_numbers))
                at = at or datetime.now(self._zone)
                hours = self._clock.hours(query, at)
                ask = view.planner.plan(query, hours, at, 1, None)
                head = {"snapshot_id": self.manifest["snapshot_id"], "at": at.isoformat()}
                return head | view.record(ask, doc)
        return None

    def zones_at(self, lat: float, lng: float, at: datetime | None = None) -> list[dict[str, Any]]:
        """Zones that hold a WGS-84 position and are in force at an instant (now by default)."""
        day = (at or datetime.now(UTC)).astimezone(self._zone).date()
        holding = {
            segment.catalogue.zones[number].zone_id: segment.catalogue.zones[number]
            for segment in self.segments
            for number in segment.zone_index.holding(lng, lat)
        }
        return [msgspec.to_builtins(zone) for zone in holding.values() if zone.in_force(day)]

    def programs(self) -> list[dict[str, Any]]:
        """Programmes of the snapshot, each with the number of merchants that have a deal of it."""
        programs: dict[str, dict[str, Any]] = {}
        for segment in self.segments:
            for number, record in enumerate(segment.catalogue.programs):
                if number:
                    known = programs.setdefault(record["program_id"], {**record, "merchants": 0})
                    known["merchants"] += segment.live_docs(segment.program_docs(number))
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
            "merchants": sum(segment.live_docs() for segment in self.segments),
            "deals": sum(segment.manifest["deals"] for segment in self.segments),
            "programs": len(self.programs()),
            "zones": len(set().union(*(segment.zone_numbers for segment in self.segments))),
            "segments": len(self.segments),
            "hot_bytes": sum(segment.hot_bytes() for segment in self.segments),
        }

    def is_current(self, at: datetime | None = None) -> bool:
        """Whether an instant (now by default) lies in the time horizon."""
        return self.start <= (at or datetime.now(UTC)) < self.end

    def close(self) -> None:
        """Drop the segments; the system unmaps them when the last query has let go."""
        self.segments, self._views = [], []

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
