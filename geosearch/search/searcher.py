"""Searcher over one version of an index: search, count, merchants, zones, suggestions.

Useful for: `search` (typed hits), `page` (JSON text), `rank` and `rank_many` (arrays).
Not useful for: HTTP and following new versions; `service` does both.

A `Searcher` never changes. The kernel ranks each segment, and the searcher merges the results by
their keys.
"""

import time
from collections.abc import Iterable, Sequence
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from geosearch.answer.model import Answer, Hit, Page, Ranked
from geosearch.answer.results import Results, hits_of
from geosearch.errors import BadData, BadRequest
from geosearch.hours.instants import instant_text
from geosearch.live.moment import NO_STAMP, Stamp, moment_stamp, read_moment
from geosearch.money.ranking import Weights
from geosearch.query.parameters import problem
from geosearch.query.query import MerchantQuery, Query
from geosearch.search.answering import Answering
from geosearch.search.described import explanation
from geosearch.search.fix_plan import Allowed
from geosearch.search.merge import Found, count_of, located, place_of, results_of
from geosearch.search.near_misses import near_misses
from geosearch.search.overview import Overview
from geosearch.search.query_planner import PlannedQuery
from geosearch.search.shown import Shown, Version, shown_at, shown_first
from geosearch.search.stages import in_stages
from geosearch.search.why import Inquiry
from geosearch.segment.segment import Segment, segment_folders
from geosearch.segment.versions import current
from geosearch.suggest.suggester import Suggestions, SuggestQuery
from indexes.allowance import NO_LIMIT, TooMuchWork
from indexes.timetable import HORIZON_MINUTES

if TYPE_CHECKING:
    import polars as pl

    from geosearch.search.block import BlockRanker
    from geosearch.search.block_results import Block

MOST_LOOKS = 100
"""Most moments that a searcher tries to open while newer ones replace them."""

_FROM_ANYWHERE = MerchantQuery()


class Searcher(Overview, Answering):
    """Answers queries over one published version of an index.

    Parameters
    ----------
    folder
        The version's folder.
    verify
        See `indexes.storage.open_folder`.

    Raises
    ------
    BadData
        If the folder is not a complete, unaltered version that this code reads.
    """

    def __init__(self, folder: Path, *, verify: Literal["fast", "full"] = "fast") -> None:
        paths = segment_folders(folder)
        if not paths:
            raise BadData(f"Expected a segment, got none - at `{folder}`")
        self.version = folder.name
        self.segments = [Segment(path, verify=verify) for path in paths]
        self.manifest = self.segments[0].manifest
        self.start = datetime.fromisoformat(self.manifest["horizon_start"])
        self.end = self.start + timedelta(minutes=HORIZON_MINUTES)
        self.weights = msgspec.convert(self.manifest["weights"], Weights)
        self.local_zone = ZoneInfo(self.manifest["time_zone"])
        """Time zone of queries that name no instant."""
        self._built = Version(folder, self.segments, self.start, self.weights, self.local_zone)
        self._take(shown_first(self._built), NO_STAMP)
        self.as_of_seq: int | None = None
        """Number of the last live change that it shows; None if the index has none."""
        self._show_newest()

    def latest(self) -> "Searcher":
        """A searcher of the same version with its newest live changes; this one if it has them.

        This one goes on as it is. Both share memory and caches.

        Raises
        ------
        BadData
            The file of live changes is damaged.
        FileNotFoundError
            The version is gone.
        """
        if moment_stamp(self._built.folder) == self._stamp:
            return self
        searcher = copy(self)
        searcher.__dict__.pop("blocks", None)  # It ranks the views of this moment.
        searcher._show_newest()
        return searcher

    def _show_newest(self) -> None:
        for _ in range(MOST_LOOKS):
            # The stamp first: a moment that replaces this one meanwhile is newer than it.
            stamp = moment_stamp(self._built.folder)
            moment = read_moment(self._built.folder, self._built.segments)
            if moment is None:
                return
            try:
                shown = shown_at(self._built, moment, self._shown)
            except FileNotFoundError as error:
                gone = error  # A newer moment does not name this small segment.
                continue
            self._take(shown, stamp)
            self.as_of_seq = moment.seq
            return
        raise BadData(f"Expected the file of a small segment, got none - at `{gone.filename}`")

    def _take(self, shown: Shown, stamp: Stamp | None) -> None:
        """Show the segments of a moment."""
        self._stamp, self._shown, self._views, self._bases = stamp, shown, shown.views, shown.bases
        self.segments = shown.segments
        self._pager, self._rewriter, self._planner = shown.pager, shown.rewriter, shown.planner
        self._contents, self._suggester = shown.contents, shown.suggester

    def rank(self, query: Query) -> Ranked:
        """Best matches as arrays, without payloads.

        Returns
        -------
        Ranked
            `doc_ids` int64[n] and `keys` float64[n, 2], best first. Keys ascend. The primary key
            is the distance in metres, or the negated saving (minor units), rating (thousandths),
            net benefit (minor units) or relevance, infinite if unknown. The secondary key is the
            distance in metres.

        Raises
        ------
        BadRequest
            If the instant lies outside the horizon, or zone, polygon or cursor are not usable.
        NotReady
            If the query has no instant, and now lies outside the horizon.
        """
        planned, (doc_ids, keys, work) = self._answered(query, query.limit)
        if not (query.total or query.facets or query.explain):
            return Ranked(doc_ids=doc_ids, keys=keys)
        total, facets = count_of(self._views, planned)
        explain = self._explain(planned, work) if query.explain else None
        return Ranked(doc_ids=doc_ids, keys=keys, total=total, facets=facets, explain=explain)

    def check_instant(self, at: datetime | None) -> None:
        """Refuse an instant, now for None, outside the horizon.

        Raises
        ------
        BadRequest, NotReady
            As `rank`.
        """
        self._planner.planned(Query(lat=0.0, lng=0.0, at=at, limit=1), 1)

    def rank_many(self, queries: Sequence[Query]) -> list[Ranked]:
        """`rank` of each query, on all cores; the kernel runs without the GIL."""
        return self.blocks.ranked(queries)

    def rank_block(
        self, frame: "pl.DataFrame", *, threads: int | None = None, **constants: Any
    ) -> "Block":
        """The best matches of many queries, rows of a frame; see `BlockRanker.block`."""
        return self.blocks.block(frame, constants, threads)

    @cached_property
    def blocks(self) -> "BlockRanker":
        """Ranks many queries at once."""
        # It loads polars, which one query does not need.
        from geosearch.search.block import BlockRanker, UsualRoad

        road = UsualRoad(self._answered, self.rank)
        return BlockRanker(self._views, self._planner, self.start, road)

    def search(self, query: Query) -> Answer:
        """The answer to a query, with typed hits; they are whole, whatever `fields` are.

        Raises
        ------
        BadRequest
            As `rank`.
        """
        started = time.perf_counter_ns()
        planned, found = self._first(query)
        results = results_of(self._views, self._bases, planned, found, ())
        return self._answer(planned, found, started, hits_of(results, found[1][: query.limit]))

    def page(self, query: Query) -> Page:
        """The answer to a query with its results as JSON text.

        Raises
        ------
        BadRequest
            As `rank`.
        TooMuchWork
            If it takes more than the current `Allowance`; the same query without one has an answer.
        """
        started = time.perf_counter_ns()
        planned, found = self._first(query)
        results = self._results(planned, found)
        return self._page(planned, found, results, started)

    def pages(
        self, queries: Sequence[Query], most_work: int = NO_LIMIT
    ) -> list[Page | TooMuchWork | None]:
        """`page` of each query, None for one that `page` refuses; faster than one by one.

        Parameters
        ----------
        most_work
            Allowance of each query; the result of one that takes more is `TooMuchWork`.
        """
        return in_stages(queries, most_work, self._first, self._results, self._page)

    def _first(self, query: Query) -> tuple[PlannedQuery, Found]:
        """As `_answered` with one result more, which shows whether there is a next page."""
        return self._answered(query, query.limit + 1)

    def _page(self, planned: PlannedQuery, found: Found, results: Results, started: int) -> Page:
        answer = self._answer(planned, found, started)
        return Page(answer=answer, results=results.text, count=len(results.ends))

    def _answer(
        self, planned: PlannedQuery, found: Found, started: int, hits: tuple[Hit, ...] = ()
    ) -> Answer:
        """The answer; `started` is the start time of the request by `time.perf_counter_ns`."""
        query, text_query = planned.query, planned.text_query
        doc_ids, keys, work = found
        more = len(doc_ids) > query.limit
        total, facets = count_of(self._views, planned)
        explain = self._explain(planned, work) if query.explain else None
        misses = None
        if query.near_misses:
            allowed = self._allowed(planned)
            misses, done = near_misses(self._views, self._rewriter, planned, allowed)
            if explain is not None:
                explain["near_misses"] = done
        return Answer(
            snapshot_id=self.manifest["snapshot_id"],
            at=instant_text(planned.at),
            hits=hits,
            fields=query.fields,
            next_cursor=self._pager.cursor(planned, doc_ids, keys) if more else None,
            total=total,
            facets=facets,
            explain=explain,
            unknown_cards=planned.prepared.unknown_cards,
            unknown_categories=planned.prepared.unknown_categories,
            unknown_business_areas=self._contents.unknown_areas(query.business_area),
            unknown_ids=self._contents.unknown_ids(query.ids),
            near_misses=misses,
            outside_coverage=None if len(doc_ids) else self._contents.beyond(planned.query),
            around=planned.around,
            corrected=text_query.corrected,
            relaxed=text_query.dropped,
            as_of_seq=self.as_of_seq,
            took_us=(time.perf_counter_ns() - started) // 1000,
        )

    def _results(self, planned: PlannedQuery, found: Found) -> Results:
        """The results of a page as JSON text, with the members that the query asks for."""
        return results_of(self._views, self._bases, planned, found, planned.query.written_fields)

    def _explain(self, planned: PlannedQuery, work: dict[str, int]) -> dict[str, Any]:
        """The `explain` member of an answer: plans, work, words, weights."""
        told = explanation(planned.plans, planned.text_query, self._rewriter)
        weights = msgspec.to_builtins(self.weights)
        return {"version": self.version, "work": work, **told, "weights": weights}

    def suggest(self, query: SuggestQuery) -> Suggestions:
        """Names that begin with what was typed and have a shop within the radius; see `suggest`."""
        found = self._suggester.suggest(query)
        return msgspec.structs.replace(found, as_of_seq=self.as_of_seq)

    def merchant_ids(self, doc_ids: Iterable[int]) -> list[str]:
        """`merchant_id` of each document."""
        places = (located(self._bases, int(doc)) for doc in doc_ids)
        return [self.segments[number].merchant_id(doc) for number, doc in places]

    def merchant(
        self, merchant_id: str, at: datetime | None = None, asked: MerchantQuery = _FROM_ANYWHERE
    ) -> dict[str, Any] | None:
        """One merchant with its state, the hours of the coming week and all its deals.

        Returns None if the index has no such merchant. `asked` holds position, cards and party,
        and the instant if `at` is None.

        Raises
        ------
        BadRequest, NotReady
            If the instant, or now, lies outside the horizon.
        """
        found = place_of(self.segments, merchant_id)
        if found is None:
            return None
        number, doc = found
        view = self._views[number]
        # A wallet of every card, so that the record shows all deals.
        cards = tuple(view.segment.program_numbers)
        queries = (asked.as_query(cards=cards, deals=None), asked.as_query())
        every, own = (self._planner.planned(one, 1, at or one.at) for one in queries)
        asks = every.plans[number].criteria, own.plans[number].criteria
        record = view.record(own.query, *asks, doc)
        if asked.lat is not None:
            record["distance_m"] = view.distance_m(own.plans[number], doc)
        head = {"snapshot_id": self.manifest["snapshot_id"], "at": every.at.isoformat()}
        return head | record | self.as_of

    def why(self, merchant_id: str, query: Query) -> dict[str, Any] | None:
        """Why a merchant matches a query or not: its place, or reasons and fixes; and its deals.

        Returns None if the index has no such merchant: an unknown id, or that of a shop that has
        closed for good or was withdrawn.

        Raises
        ------
        BadRequest
            As `search`; or the query has a cursor.
        """
        check_first_page(query)
        inquiry = self._inquiry(merchant_id, query)
        return None if inquiry is None else self._told_of(*inquiry)

    def _inquiry(self, merchant_id: str, query: Query) -> tuple[PlannedQuery, Inquiry] | None:
        """The plan of a query, and what it says of a live merchant; None without the merchant."""
        found = place_of(self.segments, merchant_id)
        if found is None:
            return None
        planned, _ = self._answered(query, 1)
        return planned, Inquiry(self._views, *found, planned, self._rewriter, self.start)

    def _told_of(self, planned: PlannedQuery, case: Inquiry) -> dict[str, Any]:
        allowed = Allowed() if case.matches else self._allowed(planned)
        head = {"snapshot_id": self.manifest["snapshot_id"], "at": instant_text(planned.at)}
        return head | case.told(allowed) | self.as_of

    def close(self) -> None:
        """Drop the segments; the system unmaps them when no query uses them."""
        self.segments, self._views = [], []


def check_first_page(query: Query) -> None:
    """Refuse a query with a cursor.

    Raises
    ------
    BadRequest
        It has one.
    """
    if query.cursor is not None:
        wrong = problem("conflict", "no `cursor`", "one", ("cursor",))
        raise BadRequest(wrong["detail"], [wrong])


def open_index(path: str | Path, *, verify: Literal["fast", "full"] = "fast") -> Searcher:
    """Open the version of an index that is served now.

    Parameters
    ----------
    path
        The index folder that `geosearch build` publishes to.
    verify
        `"full"` compares every byte with its checksum; `"fast"` skips most of the stored text.

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
