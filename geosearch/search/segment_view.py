"""Search of one segment: its planner, its kernels and the writer of its results.

A `Searcher` has one view for each segment.
"""

from copy import copy
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geosearch.answer.facets import FacetBook
from geosearch.answer.record import merchant_record
from geosearch.answer.result_text import result_writer
from geosearch.answer.results import Described, Results, explained, hits_of, score_parts
from geosearch.answer.selection import selection_of
from geosearch.answer.text_sources import sources_at, sources_of
from geosearch.kernel.block import Best, OnePage, Rows, block_kernels
from geosearch.kernel.compiled import kernels, near_kernels
from geosearch.kernel.criteria import Criteria
from geosearch.kernel.filters import NO_FILTER, new_filter
from geosearch.kernel.scratch import COUNTERS, DETAIL_WIDTH, ScratchPool
from geosearch.kernel.verdict import OFFER_WIDTH, VERDICT_WIDTH
from geosearch.live.changed_segment import ChangedSegment
from geosearch.money.ranking import Weights
from geosearch.query.parameters import LANGUAGES
from geosearch.query.query import Query
from geosearch.search.fix_plan import FixPlan, FixPlanner
from geosearch.search.plan import Plan, Planner
from geosearch.segment.segment import Segment, type_bits
from geosearch.suggest.directory import open_directory
from geosearch.suggest.view import DirectoryView
from geosearch.text.segment_terms import SegmentTerms
from indexes.allowance import TooMuchWork, take
from indexes.geo.datum import DATUMS
from indexes.geo.sphere import UNITS_PER_DEGREE, haversine_m
from indexes.prepared import Prepared

_INT64, _UINT8 = np.dtype(np.int64), np.dtype(np.uint8)
_NO_DOCS, _NO_KEYS = np.zeros(0, np.int64), np.zeros((0, 2))
_DATUMS: dict[str, int] = {datum: number for number, datum in enumerate(DATUMS)}
NAMES_A_STEP = 2
BYTES_A_STEP = 64
"""Rows of facets, and bytes of text, that take as long as one step of work."""

_TEXT_BYTES = 65_536
"""Initial bytes for the text of a page, twice the usual size."""


class Verdict(NamedTuple):
    """What a query says to a document: the output of `kernel.verdict.judge`."""

    verdict: NDArray[np.int64]
    offers: NDArray[np.int64]
    primary: float
    distance_m: float


class SegmentView:
    """Ranks, counts and describes the documents of one segment.

    Parameters
    ----------
    segment
        The segment.
    start
        Start of the horizon, midnight UTC.
    weights
        Weights of the net benefit.
    """

    def __init__(self, segment: Segment, start: datetime, weights: Weights) -> None:
        self.segment = segment
        self._start, self._weights = start, weights
        self._first_hour = start.weekday() * 24
        self.directory = open_directory(segment)
        """Names for suggestions."""
        self.suggest = DirectoryView(segment, self.directory)
        """Autocomplete in this segment."""
        terms = SegmentTerms(segment, weights.relevance_value, self.directory.category_names)
        self.planner = Planner(segment, weights, terms)
        self.fix_planner = FixPlanner(segment, self.planner, weights)
        self._pool = ScratchPool(int(segment.columns.level_start[-1]))
        self._facets = FacetBook(segment.catalogue)
        compiled = kernels()
        self._rank, self._count = compiled.rank, compiled.count
        self._write_results = result_writer()
        self._columns = segment.columns_of(0)
        self._sources = {
            language: Prepared(sources_of(segment, start, weights, language))
            for language in LANGUAGES
        }

    def at(self, segment: ChangedSegment, *, apart: bool = False) -> "SegmentView":
        """View of the segment at another moment; it shares caches and working memory.

        Parameters
        ----------
        apart
            Whether the moment hides documents that other moments show; see `Planner.apart`.
        """
        view = copy(self)
        view.segment = segment
        view.suggest = self.suggest.at(segment)
        view.planner = self.planner.apart(segment) if apart else self.planner.at(segment)
        view.fix_planner = self.fix_planner.at(segment, view.planner)
        view._columns = segment.columns_of(0)
        view._sources = {
            language: sources_at(sources, segment) for language, sources in self._sources.items()
        }
        return view

    def rank(
        self, plan: Plan, explain: bool, last: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], dict[str, int]]:
        """Documents int64[n], keys float64[n, 2], best first, and the work if `explain`.

        Parameters
        ----------
        last
            Keys float64[2] that those of a result do not come after; None = any.

        Raises
        ------
        TooMuchWork
            It takes more than the current `Allowance`, as do `count` and `results`.
        """
        segment, criteria = self.segment, plan.criteria
        if criteria.lists.driven and not len(criteria.lists.driver):
            # Mostly words that no document has: rewording tries several for a mistyped one.
            return _NO_DOCS, _NO_KEYS, dict.fromkeys(COUNTERS, 0) if explain else {}
        top_k = criteria.page.top_k
        docs, keys = np.empty(top_k, _INT64), np.empty((top_k, 2))
        if last is not None:
            keys[0] = last
        scratch = self._pool.borrow()
        columns = segment.columns_of(criteria.lists.tree, plan.types, plan.new_customer)
        found = self._rank(columns, criteria, plan.place, scratch, docs, keys, last is not None)
        work = dict(zip(COUNTERS, scratch.value.work.tolist(), strict=True)) if explain else {}
        self._pool.give_back(scratch)
        if found < top_k:
            docs, keys = docs[:found], keys[:found]
        return docs, keys, work

    def with_filter(self, plan: Plan, *, valued: bool) -> Plan:
        """The plan with a filter of its own, unless it has one or a list drives it.

        Parameters
        ----------
        valued
            Whether the order needs the best deal of a document.
        """
        criteria = plan.criteria
        if criteria.lists.driven or criteria.filter is not NO_FILTER:
            return plan
        own = new_filter(self.segment.docs_of(criteria.lists.tree), valued=valued)
        return plan._replace(criteria=criteria._replace(filter=own))

    def rank_rows(
        self, plan: Plan, rows: Rows, order: NDArray[np.int64], best: Best, *, one_minute: bool
    ) -> None:
        """Rank queries that share a plan but for place and minute; write their results to `best`.

        Parameters
        ----------
        order
            Rows of the queries.
        one_minute
            Whether all of them have the minute of the plan.
        """
        criteria = plan.criteria
        if not one_minute:
            own = np.zeros_like(criteria.states)
            criteria = criteria._replace(states=own, filter=NO_FILTER)
        top_k = criteria.page.top_k
        page = OnePage(np.empty(top_k, _INT64), np.empty((top_k, 2)))
        segment, scratch = self.segment, self._pool.borrow()
        chosen = plan.types, plan.new_customer
        columns = segment.columns_of(criteria.lists.tree, *chosen), segment.columns_of(0, *chosen)
        asked = (*columns, criteria, scratch, rows, order, page, best)
        block_kernels().rank_rows(*asked, self._first_hour)
        self._pool.give_back(scratch)

    def deals(self, plan: Plan, docs: NDArray[np.int64], width: int) -> NDArray[np.int64]:
        """Best deal and combination of each document, int64[n, width]; see `block.fill_deals`."""
        deals, scratch = np.empty((len(docs), width), _INT64), self._pool.borrow()
        columns = self.segment.columns_of(0, plan.types, plan.new_customer)
        block_kernels().fill_deals(columns, plan.criteria, scratch, docs, deals)
        self._pool.give_back(scratch)
        return deals

    def count(self, plan: Plan, counts: dict[str, dict[str, int]]) -> int:
        """Number of matches; adds to the names of each facet in `counts`."""
        tally = self._facets.tally(tuple(counts))
        scratch = self._pool.borrow()
        columns = self.segment.columns_of(plan.criteria.lists.tree, plan.types, plan.new_customer)
        total = int(self._count(columns, plan.criteria, plan.place, scratch, tally))
        self._pool.give_back(scratch)
        take(sum(map(len, tally)) // NAMES_A_STEP)
        self._facets.add(tally, counts)
        return total

    def results(
        self,
        query: Query,
        criteria: Criteria,
        docs: NDArray[np.int64],
        keys: NDArray[np.float64],
        fields: tuple[str, ...] = (),
    ) -> Results:
        """Ranked documents as JSON text, in their order, with the members `fields` or all."""
        scratch = self._pool.borrow()
        memory, columns = scratch.value, self._columns
        if query.offer_type or query.new_customer:
            columns = self.segment.columns_of(0, type_bits(query.offer_type), query.new_customer)
        sources, chosen = self._sources[query.language], selection_of(fields)
        asked = (columns, criteria, scratch, sources, chosen, docs, keys, _DATUMS[query.crs])
        detail, text = memory.detail, np.empty(_TEXT_BYTES, _UINT8)
        while (length := self._write_results(*asked, detail, text)) <= 0:
            try:
                take(len(detail) if length == 0 else -length // BYTES_A_STEP)
            except TooMuchWork:
                self._pool.give_back(scratch)
                raise
            if length == 0:
                detail = np.empty((4 * len(detail), DETAIL_WIDTH), _INT64)
            else:
                text = np.empty(-length, _UINT8)
        count = len(docs)
        ends, scores = memory.text_end[:count].copy(), memory.score[:count].copy()
        results = Results(text.data[:length], ends, scores)
        if query.explain and (not fields or "explain" in fields):
            described = Described(docs, keys, detail, scores, memory.counted[:count])
            parts = score_parts(columns.value, self._weights, described)
            results = explained(results, parts)
        self._pool.give_back(scratch)
        return results

    def misses(
        self, planned: FixPlan
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], dict[str, int]]:
        """Near misses, best first: documents int64[n], keys float64[n, 2], fixes, and the work.

        Fixes are float64[n, 3]; see `kernel.fixes`.
        """
        criteria, plan = planned.criteria, planned.plan
        if criteria.lists.driven and not len(criteria.lists.driver):
            return _NO_DOCS, _NO_KEYS, np.zeros((0, 3)), dict.fromkeys(COUNTERS, 0)
        top_k = criteria.page.top_k
        docs, keys, changes = np.empty(top_k, _INT64), np.empty((top_k, 2)), np.empty((top_k, 3))
        scratch = self._pool.borrow()
        columns = self.segment.columns_of(0, plan.types, plan.new_customer)
        asked = (columns, criteria, plan.place, scratch, planned.fixes, docs, keys, changes)
        found = near_kernels().find_misses(*asked)
        work = dict(zip(COUNTERS, scratch.value.work.tolist(), strict=True))
        self._pool.give_back(scratch)
        return docs[:found], keys[:found], changes[:found], work

    def fixes(self, planned: FixPlan, doc: int) -> NDArray[np.float64]:
        """All fixes of a document, float64[n, 3]; see `kernel.fixes`."""
        plan, scratch = planned.plan, self._pool.borrow()
        columns = self.segment.columns_of(0, plan.types, plan.new_customer)
        asked = (columns, planned.criteria, plan.place, scratch, planned.fixes, doc)
        count = near_kernels().list_fixes(*asked)
        self._pool.give_back(scratch)
        return planned.fixes.rows[:count]

    def judge(self, plan: Plan, criteria: Criteria, doc: int) -> Verdict:
        """What a query says to a document; see `kernel.verdict.judge`."""
        starts = self.segment.columns.offer_start
        count = int(starts[doc + 1]) - int(starts[doc])
        verdict, offers = np.empty(VERDICT_WIDTH, _INT64), np.empty((count, OFFER_WIDTH), _INT64)
        keys, scratch = np.empty(2), self._pool.borrow()
        columns = self.segment.columns_of(0, plan.types, plan.new_customer)
        near_kernels().judge(columns, criteria, plan.place, scratch, doc, verdict, offers, keys)
        self._pool.give_back(scratch)
        return Verdict(verdict, offers, *keys.tolist())

    def count_before(self, plan: Plan, primary: float, distance_m: float, id_rank: int) -> int:
        """Number of matches whose keys are less."""
        lists = plan.criteria.lists
        if lists.driven and not len(lists.driver):
            return 0
        scratch = self._pool.borrow()
        columns = self.segment.columns_of(lists.tree, plan.types, plan.new_customer)
        asked = (columns, plan.criteria, plan.place, scratch, primary, distance_m, id_rank)
        count = near_kernels().count_before(*asked)
        self._pool.give_back(scratch)
        return count

    def record(self, query: Query, everyone: Criteria, mine: Criteria, doc: int) -> dict[str, Any]:
        """The full record of a merchant, for a wallet of every card and for the query's."""
        docs, keys = np.array([doc], _INT64), np.zeros((1, 2))
        every, own = (
            hits_of(self.results(query, criteria, docs, keys), keys)[0]
            for criteria in (everyone, mine)
        )
        return merchant_record(self.segment, self._start, doc, every, own, mine)

    def distance_m(self, plan: Plan, doc: int) -> float:
        """Metres from the place of a plan to a document, cut to decimetres as in answers."""
        x, y = (self.segment.columns.doc_position[doc] / UNITS_PER_DEGREE).tolist()
        return int(haversine_m(plan.place.lat, plan.place.lng, y, x) * 10.0) / 10.0
