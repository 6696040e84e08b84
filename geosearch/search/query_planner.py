"""Query planner of all segments: turns a `Query` into a `PlannedQuery`.

Useful for: `Searcher`, which runs the plans.
Not useful for: planning one segment (`plan`), or choosing words (`geosearch.text.rewriter`).

The planner prepares a query as a database prepares a statement: it plans everything but place,
time, area and text once and caches that, because most queries share a few wallets and filters. The
cache key has only the cards that the index knows, so invented cards add no entries.
"""

from collections.abc import Sequence
from copy import copy
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from geosearch.errors import BadRequest, NotReady
from geosearch.kernel.criteria import Hours, Words
from geosearch.query.query import Query
from geosearch.search.clock import Clock
from geosearch.search.plan import After, Bounds, Plan, Planner, PreparedSegment
from geosearch.search.wishes import Wishes
from geosearch.text.rewriter import Rewriter
from geosearch.text.segment_terms import TextQuery
from indexes.cache import BoundedCache, size_of

PREPARED_BYTES = 16 << 20
"""Most bytes of cached `PreparedQuery`s, with their keys."""

_BOUND_EACH_TIME = frozenset(
    (
        *("lat", "lng", "crs", "radius", "at", "open", "hours_unknown", "min_minutes_left", "q"),
        *("business_area", "ids", "zone", "bbox", "polygon"),
        # What is answered, not what is asked of a shop. `limit` comes as `top_k`.
        *("limit", "cursor", "facets", "total", "explain", "fields", "lang", "format"),
        *("near_misses", "near_minutes", "min_seq"),
    )
)
"""Fields of a query that `Plan` binds each time. All others decide the `PreparedQuery`."""


def prepared_fields(query: type[Query]) -> tuple[str, ...]:
    """Fields that decide a `PreparedQuery`, in the order of `Wishes`: a new field is one."""
    return tuple(name for name in query.__struct_fields__ if name not in _BOUND_EACH_TIME)


_PREPARED_BY = attrgetter(*prepared_fields(Query))

_NO_TEXT = TextQuery(())


class PreparedQuery(NamedTuple):
    """The plan of a query without its place, time, area and text; cached."""

    segments: tuple[PreparedSegment, ...]
    """One part for each segment."""
    unknown_cards: tuple[str, ...]
    """Cards of the wallet that no segment knows."""
    unknown_categories: tuple[str, ...]
    """Categories that no segment knows."""


class PlannedQuery(msgspec.Struct, frozen=True, gc=False):
    """A query with its instant and its words, planned for every segment."""

    query: Query
    at: datetime
    hours: Hours
    prepared: PreparedQuery
    afters: Sequence[After | None]
    text_query: TextQuery
    plans: list[Plan]
    around: dict[str, Any] | None = None
    """The area that the search covers instead of the surroundings of the position."""
    typed: Query | None = None
    """The query as asked, where the search covers that area."""


class QueryPlanner:
    """Plans queries for all segments.

    Parameters
    ----------
    planners
        The planner of each segment.
    rewriter
        Rewriter of texts for all segments.
    start
        Start of the horizon, midnight UTC.
    zone
        Time zone of queries that name no instant.
    """

    def __init__(
        self, planners: Sequence[Planner], rewriter: Rewriter, start: datetime, zone: ZoneInfo
    ) -> None:
        self._planners = planners
        self._plan = [planner.plan for planner in planners]
        self._rewriter = rewriter
        self._clock = Clock(start)
        self._zone = zone
        self._prepared_queries = BoundedCache[tuple[Any, ...], PreparedQuery](PREPARED_BYTES)
        self._programs = frozenset().union(*(planner.programs for planner in planners))
        self._categories = frozenset().union(*(planner.categories for planner in planners))
        self._first_page: Sequence[After | None] = [None] * len(planners)
        self._no_lists: Sequence[Words | None] = [None] * len(planners)
        self._no_bounds: Sequence[Bounds | None] = [None] * len(planners)

    def at(self, planners: Sequence[Planner]) -> "QueryPlanner":
        """Planner of all segments at another moment, from the planner of each."""
        planner = copy(self)
        same_cards = [one.in_force for one in planners] == [one.in_force for one in self._planners]
        planner._planners = planners
        planner._plan = [each.plan for each in planners]
        if not same_cards:
            planner._prepared_queries = BoundedCache(PREPARED_BYTES)
        return planner

    def planned(
        self,
        query: Query,
        top_k: int,
        at: datetime | None = None,
        afters: Sequence[After | None] | None = None,
    ) -> PlannedQuery:
        """The plan of a query with its text as typed.

        Parameters
        ----------
        query
            The query; the planner ignores its cursor.
        top_k
            Number of results.
        at
            Instant; by default the query's, or now.
        afters
            Keys of the result that the page starts after, for each segment.

        Raises
        ------
        BadRequest
            If the instant lies outside the horizon, or an area is not usable.
        NotReady
            If neither `at` nor the query has an instant, and now lies outside the horizon.
        """
        asked = (top_k, _PREPARED_BY(query))
        prepared = self._prepared_queries.get(asked) or self._new_prepared(asked, query)
        named = at or query.at
        at = named or datetime.now(self._zone)
        try:
            hours = self._clock.hours(query, at)
        except BadRequest:
            if named is None:
                raise NotReady(self._clock.not_now(at)) from None
            raise
        afters = afters or self._first_page
        text_query, lists = _NO_TEXT, self._no_lists
        if query.q is not None:
            _, text_query, lists, _ = self._rewriter.as_typed(query.q)
        plans = self._plans(prepared, query, hours, at, lists, afters)
        return PlannedQuery(query, at, hours, prepared, afters, text_query, plans)

    def reworded(self, planned: PlannedQuery, text_query: TextQuery) -> PlannedQuery:
        """The same query planned for other words."""
        bounds = [plan.bounds for plan in planned.plans]
        plans = self._plans(
            planned.prepared, planned.query, planned.hours, planned.at,
            self._rewriter.lists(text_query), planned.afters, bounds,
        )  # fmt: skip
        return msgspec.structs.replace(planned, text_query=text_query, plans=plans)

    def _plans(
        self,
        prepared: PreparedQuery,
        query: Query,
        hours: Hours,
        at: datetime,
        lists: Sequence[Words | None],
        afters: Sequence[After | None],
        bounds: Sequence[Bounds | None] | None = None,
    ) -> list[Plan]:
        """The plan of each segment."""
        bounds = bounds or self._no_bounds
        # Positional arguments: keywords would double the time of a call.
        if len(self._plan) == 1:  # a quarter of the time of the loop
            plan = self._plan[0]
            return [plan(prepared.segments[0], query, hours, at, lists[0], afters[0], bounds[0])]
        return [
            plan(segment, query, hours, at, words, after, bound)
            for plan, segment, words, after, bound in zip(
                self._plan, prepared.segments, lists, afters, bounds, strict=True
            )
        ]

    def _new_prepared(self, asked: tuple[Any, ...], query: Query) -> PreparedQuery:
        top_k, stated = asked
        known = tuple(card for card in dict.fromkeys(query.cards) if card in self._programs)
        if known == query.cards:
            return self._prepared(asked, Wishes(top_k, known, query.deals_mode, *stated[2:]))
        wishes = Wishes(top_k, known, query.deals_mode, *stated[2:])
        asked = (top_k, tuple(wishes[1:]))
        found = self._prepared_queries.get(asked) or self._prepared(asked, wishes)
        unknown = (card for card in query.cards if card not in self._programs)
        return found._replace(unknown_cards=tuple(dict.fromkeys(unknown)))

    def _prepared(self, asked: tuple[Any, ...], wishes: Wishes) -> PreparedQuery:
        """The prepared query of a wallet of known cards; cached."""
        segments = tuple(planner.prepare(wishes) for planner in self._planners)
        size = size_of(asked) + sum(segment.nbytes for segment in segments)
        known = self._categories
        unknown = (path for path in dict.fromkeys(wishes.categories) if path not in known)
        return self._prepared_queries.keep(asked, PreparedQuery(segments, (), tuple(unknown)), size)
