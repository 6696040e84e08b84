"""Near misses of a query in all segments: shops that match it after one fix.

Useful for: `Searcher`, which adds them to an answer.
Not useful for: the search in one segment (`geosearch.kernel.misses`).

A text keeps the words that the answer used. Its words depend on the place alone, so a fix that does
not move changes them no more than it changes the place. A larger radius may: where the words are
others within the largest one, no fix moves.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from geosearch.answer.model import NearMiss
from geosearch.answer.results import ResultParts, parts_of
from geosearch.kernel.criteria import Words
from geosearch.kernel.fixes import MOVE
from geosearch.query.query import Query
from geosearch.search.fix_plan import Allowed, FixPlan, reach_of
from geosearch.search.merge import Found
from geosearch.search.query_planner import PlannedQuery, QueryPlanner
from geosearch.search.segment_view import SegmentView
from geosearch.text.rewriter import Rewriter
from geosearch.text.segment_terms import QueryTerm
from indexes.allowance import take

MISS_WORK = 100
"""Steps of work that writing a near miss takes, some 10 us."""

Work = dict[str, int]

Choices = tuple[QueryTerm, ...]
"""Words of a query."""


class _Found(msgspec.Struct, frozen=True, order=True):
    """A near miss, in the order of answers."""

    negated_value: float
    distance_m: float
    merchant_id: str
    number: int
    doc: int
    code: int
    change: float


def allowed_fixes(
    planned: PlannedQuery,
    planner: QueryPlanner,
    rewriter: Rewriter,
    answered: Callable[[Query, int], tuple[PlannedQuery, Found]],
    is_found: Callable[[PlannedQuery, Choices, dict[Choices, tuple[PlannedQuery, Found]]], bool],
) -> Allowed:
    """Fixes that leave the words of an answer, and the area that it covers, as they are.

    More words are found together within a larger radius. So words that are the same within the
    largest one are so within every radius between, and where no shop within it matches the
    text, the answer covers the area that the text names whatever the fix.

    Parameters
    ----------
    planned
        The query with the words and the area of its answer.
    answered, is_found
        How a searcher answers a query, and whether a shop in its area holds some words.
    """
    typed = planned.typed or planned.query
    if typed.q is None:
        return Allowed()
    radius = None if typed.radius_m is None else reach_of(typed.radius_m)
    wide = msgspec.structs.replace(typed, radius=radius, at=planned.at, near_misses=0)
    if planned.typed is None:
        again, _ = answered(wide, 1)
        choices = planned.text_query.choices
        return Allowed(move=again.typed is None and again.text_query.choices == choices)
    near, together = planner.planned(wide, 1), rewriter.together(typed.q)
    texts = [near.text_query, *([] if together is None else [together])]
    is_nowhere = not any(is_found(near, text.choices, {}) for text in texts)
    return Allowed(any=is_nowhere, move=is_nowhere)


def fix_plans(
    views: Sequence[SegmentView], rewriter: Rewriter, planned: PlannedQuery, allowed: Allowed
) -> list[FixPlan]:
    """The plan of the fixes of a query for each segment."""
    lists: Sequence[Words | None] = [None] * len(views)
    if planned.query.q is not None:
        lists = rewriter.lists(planned.text_query)
    return [
        view.fix_planner.plan(plan, prepared, planned.query, planned.at, words, allowed)
        for view, plan, prepared, words in zip(
            views, planned.plans, planned.prepared.segments, lists, strict=True
        )
    ]


def near_misses(
    views: Sequence[SegmentView], rewriter: Rewriter, planned: PlannedQuery, allowed: Allowed
) -> tuple[tuple[NearMiss, ...], Work]:
    """The best near misses of a query, and the work of the traversals.

    Raises
    ------
    TooMuchWork
        It takes more than the current `Allowance`.
    """
    plans = fix_plans(views, rewriter, planned, allowed)
    found: list[_Found] = []
    work: Work = {}
    for number, (view, plan) in enumerate(zip(views, plans, strict=True)):
        docs, keys, changes, done = view.misses(plan)
        work = {name: work.get(name, 0) + count for name, count in done.items()}
        rows = zip(docs.tolist(), keys.tolist(), changes.tolist(), strict=True)
        for doc, (primary, distance_m), (code, change, _value) in rows:
            merchant_id = view.segment.merchant_id(doc)
            found.append(_Found(primary, distance_m, merchant_id, number, doc, int(code), change))
    best = sorted(found)[: planned.query.near_misses]
    take(MISS_WORK * len(best))
    told = _told(views, plans, planned, best)
    return tuple(_miss(views, plans, planned, *one) for one in zip(best, told, strict=True)), work


class _Texts(NamedTuple):
    """Texts of one near miss: as the query finds the shop, and with the fix."""

    now: ResultParts
    fixed: ResultParts


def _told(
    views: Sequence[SegmentView],
    plans: Sequence[FixPlan],
    planned: PlannedQuery,
    best: Sequence[_Found],
) -> list[_Texts]:
    """The texts of near misses, written together for those with the same fix."""
    alike: dict[tuple[int, int, float], list[int]] = {}
    whole: dict[int, list[int]] = {}
    for place, one in enumerate(best):
        whole.setdefault(one.number, []).append(place)
        # A larger radius changes nothing that texts tell.
        if one.code != MOVE:
            alike.setdefault((one.number, one.code, one.change), []).append(place)
    now: dict[int, ResultParts] = {}
    for number, places in whole.items():
        now |= _written(views[number], plans[number], planned, best, places, fix=False)
    fixed = now.copy()
    for (number, _, _), places in alike.items():
        fixed |= _written(views[number], plans[number], planned, best, places, fix=True)
    return [_Texts(now[place], fixed[place]) for place in range(len(best))]


def _written(
    view: SegmentView,
    plan: FixPlan,
    planned: PlannedQuery,
    best: Sequence[_Found],
    places: Sequence[int],
    *,
    fix: bool,
) -> dict[int, ResultParts]:
    docs = np.array([best[place].doc for place in places], np.int64)
    keys = np.array([(0.0, best[place].distance_m) for place in places])
    criteria, first = plan.criteria, best[places[0]]
    if fix:
        criteria = view.fix_planner.changed(plan, first.code, first.change)
    written = parts_of(view.results(planned.query, criteria, docs, keys))
    return dict(zip(places, written, strict=True))


def _miss(
    views: Sequence[SegmentView],
    plans: Sequence[FixPlan],
    planned: PlannedQuery,
    found: _Found,
    texts: _Texts,
) -> NearMiss:
    planner, plan = views[found.number].fix_planner, plans[found.number]
    return NearMiss(
        payload=texts.now.merchant,
        distance_m=found.distance_m,
        open_payload=texts.now.open,
        fix=planner.fix(plan, planned.query, planned.at, found.code, found.change),
        best_deal_payload=texts.fixed.best_deal,
        # 0 - 0 is 0, where a negated 0 is not.
        value=0.0 - found.negated_value,
        combination_payload=texts.fixed.best_combination,
    )
