"""What is kept between questions: the same answers with less work, no more memory than allowed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from geosearch.kernel import filters
from geosearch.kernel.criteria import Criteria, Filter
from geosearch.kernel.filters import KNOWN, NO_FILTER, FilterCache
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search import plan
from geosearch.search.described import described
from geosearch.search.plan import Plan
from geosearch.search.segment_view import SegmentView
from geosearch.segment.segment import Segment
from indexes.geo.rtree import NODE_SIZE
from tests.geosearch.kernel.test_predicates import random_query
from tests.geosearch.number_worlds import CENTRE, NOON, START, Shape, open_world
from tests.geosearch.planning import planned

HERE: dict[str, Any] = {"lat": CENTRE[0], "lng": CENTRE[1], "at": NOON, "open": "now"}
OWN: dict[str, Any] = {**HERE, "cards": ("card1",)}
LARGE: dict[str, Any] = {**HERE, "cards": ("card0", "card1")}


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    shape = Shape(docs=6_000, shares=(0.4, 0.08, 0.002), seed=5)
    return open_world(tmp_path_factory.mktemp("filters") / "segment-0000", shape)


@pytest.fixture
def view(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> SegmentView:
    """Asked for the first time, with no list that drives instead of a tree."""
    monkeypatch.setattr(plan, "DRIVER_DOCS", -1)
    monkeypatch.setattr(filters, "ASKED_BEFORE", 1)
    return SegmentView(segment, START, Weights())


def filter_of(view: SegmentView, query: Query) -> Filter:
    return planned(view.planner, query).criteria.filter


def questions(segment: Segment, count: int) -> Iterator[Query]:
    rng = Random(11)
    cards = list(segment.program_numbers)
    for _ in range(count):
        yield msgspec.structs.replace(random_query(rng, segment, cards), limit=50)


def test_answers_are_the_same(view: SegmentView, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept = 0
    work = {"docs": 0, "offers": 0}
    again = {"docs": 0, "offers": 0}
    for query in questions(view.segment, 400):
        answers = []
        monkeypatch.setattr(filters, "ASKED_BEFORE", 1_000_000)
        first = planned(view.planner, query)
        monkeypatch.setattr(filters, "ASKED_BEFORE", 0)
        assert first.criteria.filter is NO_FILTER
        # Without a filter, while it is filled, and when it is full of what was learnt.
        second, third = planned(view.planner, query), planned(view.planner, query)
        for one, told in ((first, work), (second, {}), (third, again)):
            docs, keys, counters = view.rank(one, explain=True)
            counts: dict[str, dict[str, int]] = {"category": {}, "program": {}}
            answers.append((docs.tolist(), keys.tolist(), view.count(one, counts), counts))
            for name in told:
                told[name] += counters[name]
        kept += third.criteria.filter is not NO_FILTER
        assert answers[0] == answers[1] == answers[2]
        found += len(answers[0][0])
    assert kept > 250
    assert found > 3_000
    assert again["docs"] < work["docs"]
    assert again["offers"] < 0.02 * work["offers"]


def test_a_filter_is_kept_when_it_is_asked_for_again(view: SegmentView) -> None:
    query = Query(**OWN)
    assert filter_of(view, query) is NO_FILTER
    assert not described(without(view, query))["filter_kept"]
    kept = filter_of(view, query)
    assert kept is not NO_FILTER
    assert described(planned(view.planner, query).criteria)["filter_kept"]
    assert filter_of(view, msgspec.structs.replace(query, lat=0.0, radius=50.0, limit=3)) is kept


@pytest.mark.parametrize(
    "other",
    [
        {"at": NOON + timedelta(minutes=1)},
        {"open": "any"},
        {"hours_unknown": "include"},
        {"min_minutes_left": 30},
        {"cards": ("card0",)},
        {"deals": "any"},
        {"deals": "optional"},
        {"party_size": 2},
        {"spend": 5_000},
        {"max_pay": 5_000},
        {"stacking": "on"},
        {"max_pay": 5_000, "deals": "optional", "sort": "distance"},
        {"sort": "saving"},
        {"sort": "distance"},
        {"zone": None, "bbox": (121.0, 31.0, 122.0, 32.0), "cards": ("card0", "card1")},
    ],
    ids=str,
)
def test_what_decides_who_passes_has_a_filter_of_its_own(
    view: SegmentView, other: dict[str, Any]
) -> None:
    usual = Query(**OWN)
    kept = [filter_of(view, usual) for _ in range(2)][1]
    assert filter_of(view, Query(**{**OWN, **other})) is NO_FILTER
    assert filter_of(view, Query(**{**OWN, **other})) is not kept


@pytest.mark.parametrize(
    "same", [{"min_rating": 4.0}, {"categories": ("food",)}, {"radius": 10.0}, {"total": True}]
)
def test_what_does_not_shares_it(view: SegmentView, same: dict[str, Any]) -> None:
    kept = [filter_of(view, Query(**OWN)) for _ in range(2)][1]
    assert filter_of(view, Query(**OWN, **same)) is kept


def test_what_is_forgotten_is_never_mistaken_for_another(
    view: SegmentView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view.planner._filter_numbers, "most_bytes", 1_000)
    wallets = [("card0",), ("card1",), ("card0", "card1"), ("card0", "card2")]
    seen = []
    for wallet in [*wallets, *reversed(wallets)]:
        query = Query(**{**HERE, "cards": wallet}, deals="any")
        seen.append([filter_of(view, query) for _ in range(2)][1])
    assert all(one is not NO_FILTER for one in seen[:4])
    assert len({id(one.passing) for one in seen}) >= 7, "the last was still known"


def test_where_nothing_decides_nothing_is_kept(view: SegmentView) -> None:
    plain = Query(lat=0.0, lng=0.0, at=NOON, sort="distance")
    assert [filter_of(view, plain) for _ in range(3)] == [NO_FILTER] * 3


def test_it_is_filled_as_searches_come_by(view: SegmentView) -> None:
    near = [planned(view.planner, Query(**LARGE, radius=200.0)) for _ in range(2)][1]
    known = near.criteria.filter.passing
    assert len(known) == -(-len(view.segment) // NODE_SIZE)
    assert not known.any()
    view.rank(near, explain=False)
    assert 0 < np.count_nonzero(known & KNOWN) < 0.2 * len(known)
    wide = planned(view.planner, Query(**LARGE, radius=50_000.0, sort="saving", limit=100))
    assert wide.criteria.filter.passing is not known


def test_a_priced_filter_has_values(view: SegmentView) -> None:
    for sort, valued in (("best", True), ("saving", True), ("distance", False), ("rating", False)):
        criteria = [planned(view.planner, Query(**OWN, sort=sort)).criteria for _ in range(2)][1]
        assert (len(criteria.filter.value) > 0) == valued, sort


def test_a_value_that_is_not_written_yet_is_worked_out(view: SegmentView) -> None:
    """As another thread may see it: the bits of a leaf, but not all of its values."""
    one = [planned(view.planner, Query(**OWN, sort="saving", radius=50_000.0)) for _ in range(2)][1]
    expected = [part.tolist() for part in view.rank(one, explain=False)[:2]]
    assert len(expected[0]) > 5
    assert np.count_nonzero(one.criteria.filter.value) > 5
    one.criteria.filter.value[::2] = 0.0
    assert [part.tolist() for part in view.rank(one, explain=False)[:2]] == expected


def test_many_threads_fill_one_filter(view: SegmentView) -> None:
    asked = [
        Query(**{**LARGE, "lat": CENTRE[0] + 0.0005 * step}, sort="best", limit=50)
        for step in range(-60, 60)
    ]

    def answers(one: Plan) -> Any:
        return [part.tolist() for part in view.rank(one, explain=False)[:2]]

    plain = [
        answers(planned(view.planner, query)._replace(criteria=without(view, query)))
        for query in asked
    ]
    kept = [planned(view.planner, query) for query in asked]
    assert len({id(one.criteria.filter.passing) for one in kept}) == 1
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answers, kept)) == plain


def without(view: SegmentView, query: Query) -> Criteria:
    return planned(view.planner, query).criteria._replace(filter=NO_FILTER)


def test_what_nobody_uses_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FilterCache(lambda tree: 1_600 * (tree + 1))
    monkeypatch.setattr(filters, "ASKED_BEFORE", 1)
    monkeypatch.setattr(filters, "KEPT_BYTES", 1_900)
    monkeypatch.setattr(filters, "IDLE", 6)

    def kept(wish: str, tree: int = 0, valued: bool = False) -> Filter:
        cache.get(wish, tree, valued)
        return cache.get(wish, tree, valued)

    first, second, large = kept("a"), kept("b"), kept("c", tree=1)
    assert [len(one.passing) for one in (first, second, large)] == [100, 100, 200]
    assert kept("b") is second
    assert kept("d") is not NO_FILTER, "the first was not used for long"
    assert list(cache._kept) == ["b", "c", "d"]
    assert kept("e") is NO_FILTER, "all that is left is in use"
    assert kept("b") is second
    assert kept("e") is not NO_FILTER
    assert list(cache._kept) == ["b", "d", "e"]
    assert cache._bytes == 3 * 100 * 4


def test_one_that_is_larger_than_all_room_is_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FilterCache(lambda _: 1_600)
    monkeypatch.setattr(filters, "ASKED_BEFORE", 1)
    monkeypatch.setattr(filters, "KEPT_BYTES", 100)
    monkeypatch.setattr(filters, "IDLE", -1)
    for wish in ("a", "a", "b", "b"):
        alone = cache.get(wish, 0, True)
    assert len(alone.value) == 1_600
    assert list(cache._kept) == ["b"]
    assert cache._bytes == 100 * 4 + 1_600 * 8


def test_threads_that_ask_at_once_get_one_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_: int) -> int:
        time.sleep(0.01)
        return 1_600

    monkeypatch.setattr(filters, "ASKED_BEFORE", 0)
    cache = FilterCache(slow)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.get("a", 0, False), range(8)))
    assert len({id(one) for one in found}) == 1
    assert cache._bytes == 400


def test_a_filter_is_kept_once_it_was_asked_for_often() -> None:
    cache = FilterCache(lambda _: 16)
    found = [cache.get("a", 0, False) is NO_FILTER for _ in range(filters.ASKED_BEFORE + 2)]
    assert found == [True] * filters.ASKED_BEFORE + [False, False]


def test_what_was_asked_once_is_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FilterCache(lambda _: 16)
    monkeypatch.setattr(filters, "ASKED_BEFORE", 1)
    cache._asked.most_bytes = 1_200
    for wish in "abc":
        assert cache.get(wish, 0, False) is NO_FILTER
    assert cache.get("a", 0, False) is NO_FILTER
    assert cache.get("a", 0, False) is not NO_FILTER
