"""Way of a query to its answer: the words or the area that it is about, and its best results.

Useful for: `Searcher`, which is one; a region's part overrides where it begins and what it tells.
Not useful for: writing answers, or choosing words (`geosearch.text.rewriter`).
"""

from collections.abc import Sequence
from datetime import tzinfo

import msgspec

from geosearch.answer.contents import Contents
from geosearch.live.moment import check_reached
from geosearch.query.cursor import continue_from, is_of, read_cursor
from geosearch.query.query import Query
from geosearch.search.fix_plan import Allowed
from geosearch.search.merge import Found, best_of
from geosearch.search.near_misses import allowed_fixes
from geosearch.search.paging import Pager
from geosearch.search.query_planner import PlannedQuery, QueryPlanner
from geosearch.search.segment_view import SegmentView
from geosearch.text.rewriter import Rewriter
from geosearch.text.segment_terms import QueryTerm, TextQuery
from indexes.allowance import take

SEARCH_WORK = 300
"""Steps of work that planning another search for a text takes, some 30 us."""


class Answering:
    """Plans queries over the segments of one moment, and finds their best results."""

    local_zone: tzinfo
    as_of_seq: int | None
    _views: Sequence[SegmentView]
    _bases: list[int]
    _planner: QueryPlanner
    _rewriter: Rewriter
    _pager: Pager
    _contents: Contents

    def _allowed(self, planned: PlannedQuery) -> Allowed:
        asked = self._planner, self._rewriter, self._answered, self._is_found
        return allowed_fixes(planned, *asked)

    def _answered(self, query: Query, top_k: int) -> tuple[PlannedQuery, Found]:
        """The plan of a query with the words or area of its answer, and its best results."""
        if query.min_seq is not None:
            check_reached(self.as_of_seq, query.min_seq)
        planned = self._begun(query, top_k)
        if query.radius_m is not None:
            self._contents.check_owner(query.lat, query.lng)
        if query.q is not None:
            together = self._rewriter.together(query.q)
            if together is not None and self._is_found(planned, together.choices, {}):
                return self._asked(planned, together)
        found = self._best(planned)
        if query.q is None or planned.around is not None:
            return planned, found
        is_found = self._is_found_as_typed(planned, found)
        moved = self._contents.moved(query, is_found) if planned.afters[0] is None else None
        if moved is not None:
            self._contents.check_area(moved)
            planned = self._planner.planned(moved.query, top_k, planned.at)
            planned = msgspec.structs.replace(planned, around=moved.around, typed=query)
            return planned, self._best(planned)
        if is_found:
            return planned, found
        asked = {planned.text_query.choices: (planned, found)}
        text_query = self._reworded(planned, asked)
        planned, found = asked.get(text_query.choices) or self._asked(planned, text_query)
        return msgspec.structs.replace(planned, text_query=text_query), found

    def _begun(self, query: Query, top_k: int) -> PlannedQuery:
        """The plan of a query as typed, for its first page or the one after its cursor."""
        if query.cursor is None:
            return self._planner.planned(query, top_k)
        return self._continued(query, top_k)

    def _is_found_as_typed(self, planned: PlannedQuery, found: Found) -> bool:
        """Whether a shop matches the text as typed, and all else."""
        return len(found[0]) > 0

    def _reworded(
        self, planned: PlannedQuery, asked: dict[tuple[QueryTerm, ...], tuple[PlannedQuery, Found]]
    ) -> TextQuery:
        """Other words for a query whose text matches nothing as typed.

        Only text and place decide. If a shop matches the text but is shut or takes another card,
        people want that empty answer and no guess. `asked` caches plans and results by words: a
        rewording with as many words as were typed is most likely the final one.
        """

        def is_found(choices: tuple[QueryTerm, ...]) -> bool:
            return self._is_found(planned, choices, asked)

        return self._rewriter.reworded(planned.query.q or "", is_found)

    def _is_found(
        self,
        planned: PlannedQuery,
        choices: tuple[QueryTerm, ...],
        asked: dict[tuple[QueryTerm, ...], tuple[PlannedQuery, Found]],
    ) -> bool:
        """Whether a shop in the area holds all of these words."""
        take(SEARCH_WORK)
        text_query = planned.text_query._replace(choices=choices)
        lists = self._rewriter.lists(text_query)
        if not self._rewriter.are_somewhere(lists):
            return False
        if len(choices) == len(planned.text_query.choices) and choices not in asked:
            found = asked[choices] = self._asked(planned, text_query)
            if len(found[1][0]):
                return True  # A match of the whole query matches its text and place.
        views = zip(self._views, planned.plans, lists, strict=True)
        return any(len(view.rank(plan.anywhere(words), False)[0]) for view, plan, words in views)

    def _asked(self, planned: PlannedQuery, text_query: TextQuery) -> tuple[PlannedQuery, Found]:
        """The plan for other words, and its best results."""
        planned = self._planner.reworded(planned, text_query)
        return planned, self._best(planned)

    def _continued(self, query: Query, top_k: int) -> PlannedQuery:
        """The plan of a query as typed, for the page after its cursor."""
        moved = self._contents.moved(query)
        if moved is not None and is_of(read_cursor(query.cursor or ""), moved.query):
            self._contents.check_area(moved)
            planned = self._continued(moved.query, top_k)
            return msgspec.structs.replace(planned, around=moved.around)
        cursor = continue_from(query)
        # A cursor keeps the instant but not its UTC offset.
        at = query.at or cursor.at.astimezone(self.local_zone)
        return self._planner.planned(query, top_k, at, self._pager.afters(cursor))

    def _best(self, planned: PlannedQuery) -> Found:
        return best_of(self._views, self._bases, planned)
