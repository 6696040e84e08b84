"""One segment ready to be asked: its planner, its kernels and what makes its hits.

Useful for: `Searcher`, which asks each of its segments the same things.
Not useful for: several segments at once.
"""

from datetime import datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from geosearch.columns import COUNTERS, DETAIL_WIDTH, Ask
from geosearch.details import convert_positions
from geosearch.facets import FacetBook
from geosearch.hits import HitMaker
from geosearch.kernels import kernels
from geosearch.model import Hit, Query
from geosearch.plan import Plan, Planner
from geosearch.ranking import Weights
from geosearch.result_text import sources_of
from geosearch.segment import Segment
from indexes.datum import Datum

_NO_DOCS, _NO_KEYS = np.zeros(0, np.int64), np.zeros((0, 2))
_TEXT_BYTES = 65_536
"""Room to begin with for the text of a page, twice what one usually takes."""


class SegmentView:
    """Asks one segment.

    Parameters
    ----------
    segment
        What is asked.
    start
        Start of the horizon, midnight UTC.
    weights
        Of the net benefit.
    """

    def __init__(self, segment: Segment, start: datetime, weights: Weights) -> None:
        self.segment = segment
        self.planner = Planner(segment, weights)
        self._maker = HitMaker(segment, start, weights)
        self._facets = FacetBook(segment.catalogue)
        compiled = kernels()
        self._rank, self._count = compiled.rank, compiled.count
        self._describe, self._write_results = compiled.describe, compiled.write_results
        self._sources = sources_of(segment, start, weights)

    def rank(
        self, plan: Plan, explain: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], dict[str, int]]:
        """Documents int64[n], keys float64[n, 2], best first, and the work where asked for."""
        segment, ask = self.segment, plan.ask
        if ask.lists.driven and not len(ask.lists.driver):
            # Words that no document has, most often: a mistyped one is asked for a few times.
            return _NO_DOCS, _NO_KEYS, dict.fromkeys(COUNTERS, 0) if explain else {}
        top_k = ask.page.top_k
        docs, keys = np.empty(top_k, np.int64), np.empty((top_k, 2))
        scratch = segment.borrow_scratch()
        columns = segment.columns_of(ask.lists.tree)
        found = self._rank(columns, ask, plan.place, scratch, docs, keys)
        work = dict(zip(COUNTERS, scratch.value.work.tolist(), strict=True)) if explain else {}
        segment.return_scratch(scratch)
        if found < top_k:
            docs, keys = docs[:found], keys[:found]
        return docs, keys, work

    def count(self, plan: Plan, counts: dict[str, dict[str, int]]) -> int:
        """Number of matches; adds to `counts`, by facet and name, for each facet in it."""
        tally = self._facets.tally(tuple(counts))
        scratch = self.segment.borrow_scratch()
        columns = self.segment.columns_of(plan.ask.lists.tree)
        total = self._count(columns, plan.ask, plan.place, scratch, tally)
        self.segment.return_scratch(scratch)
        self._facets.add(tally, counts)
        return total

    def hits(
        self,
        query: Query,
        ask: Ask,
        docs: NDArray[np.int64],
        distances: NDArray[np.float64],
    ) -> list[Hit]:
        """Hits of ranked documents, in their order."""
        detail, scores = self._details(ask, docs, np.ascontiguousarray(distances), query.crs)
        rows, numbers = detail.tolist(), docs.tolist()
        return self._maker.hits(query, numbers, distances.tolist(), rows, scores.tolist())

    def results(
        self,
        query: Query,
        ask: Ask,
        docs: NDArray[np.int64],
        distances: NDArray[np.float64],
    ) -> tuple[memoryview, NDArray[np.int64]]:
        """JSON array of what `hits` would say, UTF-8, and where each of them ends in it."""
        distances = np.ascontiguousarray(distances)
        detail, scores = self._details(ask, docs, distances, query.crs)
        text, ends = np.empty(_TEXT_BYTES, np.uint8), np.empty(len(docs), np.int64)
        asked = (self._sources, docs, distances, detail, scores)
        length = self._write_results(*asked, text, ends)
        if length < 0:
            text = np.empty(-length, np.uint8)
            length = self._write_results(*asked, text, ends)
        return text.data[:length], ends

    def record(self, ask: Ask, doc: int) -> dict[str, Any]:
        """A merchant in full; see `HitMaker.record`."""
        detail, _ = self._details(ask, np.array([doc], np.int64), np.zeros(1), "WGS84")
        return self._maker.record(doc, detail.tolist(), ask.hours.minute)

    def _details(
        self, ask: Ask, docs: NDArray[np.int64], distances: NDArray[np.float64], crs: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """What `details.describe` writes, with positions in the datum `crs`."""
        segment = self.segment
        scratch = segment.borrow_scratch()
        detail, scores = scratch.value.detail, np.empty(len(docs))
        columns = segment.columns_of(0)
        while True:
            rows = self._describe(columns, ask, scratch, docs, distances, detail, scores)
            if rows >= 0:
                break
            detail = np.empty((4 * len(detail), DETAIL_WIDTH), np.int64)
        detail = detail[:rows].copy()
        segment.return_scratch(scratch)
        if crs != "WGS84":
            convert_positions(detail, cast(Datum, crs))
        return detail, scores
