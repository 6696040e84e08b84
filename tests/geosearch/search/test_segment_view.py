"""One segment asked: work only where wanted, scratch given back, counts added to what is there."""

import numpy as np
import pytest

from geosearch.answer.results import hits_of
from geosearch.kernel.scratch import COUNTERS
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search.plan import Plan
from geosearch.search.segment_view import SegmentView
from tests.geosearch.number_worlds import CENTRE, NOON, START, Shape, open_world
from tests.geosearch.planning import planned

QUERY = Query(lat=CENTRE[0], lng=CENTRE[1], at=NOON, sort="distance", limit=5)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SegmentView:
    segment = open_world(tmp_path_factory.mktemp("view") / "segment-0000", Shape(docs=500))
    return SegmentView(segment, START, Weights())


def plan_of(view: SegmentView, query: Query = QUERY) -> Plan:
    return planned(view.planner, query)


def test_results_outlive_the_next_question(view: SegmentView) -> None:
    docs, keys, _ = view.rank(plan_of(view), explain=False)
    before = docs.tolist(), keys.tolist()
    elsewhere = Query(lat=CENTRE[0] + 0.05, lng=CENTRE[1], at=NOON, sort="distance", limit=5)
    assert view.rank(plan_of(view, elsewhere), explain=False)[0].tolist() != before[0]
    assert (docs.tolist(), keys.tolist()) == before
    assert (docs.dtype, keys.shape) == (np.dtype(np.int64), (5, 2))


def test_work_is_told_where_asked_for(view: SegmentView) -> None:
    assert view.rank(plan_of(view), explain=False)[2] == {}
    assert tuple(view.rank(plan_of(view), explain=True)[2]) == COUNTERS


def test_counts_are_added_to_those_given(view: SegmentView) -> None:
    counts: dict[str, dict[str, int]] = {"business_area": {"静安寺": 1000}}
    total = view.count(plan_of(view), counts)
    alone: dict[str, dict[str, int]] = {"business_area": {}}
    assert view.count(plan_of(view), alone) == total
    assert counts["business_area"]["静安寺"] == 1000 + alone["business_area"]["静安寺"]


def test_after_a_failure_the_next_question_is_answered(view: SegmentView) -> None:
    def broken(*_: object) -> int:
        raise MemoryError

    total = view.count(plan_of(view), {})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(view, "_count", broken)
        with pytest.raises(MemoryError):
            view.count(plan_of(view), {})
    # Working memory of unknown content is not lent again.
    assert not view._pool._spare
    assert view.count(plan_of(view), {}) == total
    assert len(view._pool._spare) == 1


def test_results_keep_the_order_they_are_given(view: SegmentView) -> None:
    plan = plan_of(view)
    docs, keys, _ = view.rank(plan, explain=False)
    docs, keys = docs[::-1].copy(), keys[::-1].copy()
    results = view.results(QUERY, plan.criteria, docs, keys)
    hits = hits_of(results, keys)
    assert [hit.distance_m for hit in hits] == keys[:, 1].tolist()
    assert [hit.score for hit in hits] == results.scores.tolist()
    assert [hit.merchant["merchant_id"] for hit in hits] == [
        view.segment.merchant_id(doc) for doc in docs.tolist()
    ]
