"""The traversals: how much work they do, and that every way to the answer gives the same one.

Work is counted, not timed. The ceilings are half again what was counted when they were written
(means over 50 places of a town of 20,000 shops), so a bound that gets looser fails here.

With `sort=best` the savings of three in eight shops do not count at any hours, because these are
closed, but they are in the bounds of their nodes, as in searches for what is open. Given a spend, a
bundle counts its share of it, so its bound takes the best quality of the node, as a percentage's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from geosearch.kernel.scratch import COUNTERS
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search import plan
from geosearch.search.segment_view import SegmentView
from geosearch.segment.catalogue import prefixes
from geosearch.segment.columns import DOC_ID_RANK
from geosearch.segment.segment import Segment
from indexes.geo.sphere import haversine_m
from tests.geosearch.kernel.test_predicates import random_query
from tests.geosearch.number_worlds import (
    CENTRE,
    NOON,
    START,
    Shape,
    open_world,
    trees_with,
    trees_without,
    usual_terms,
)
from tests.geosearch.planning import planned

HALF, TENTH, RARE, EVERYWHERE = "card0", "card1", "card2", "card3"
SHARES = (0.5, 0.15, 0.0001, 1.0)
"""A card at half of the shops, one at a seventh, one at 0.01 %, and one at all of them."""

CARD: dict[str, Any] = {"cards": (HALF,)}
NOW: dict[str, Any] = {"open": "now"}
PLACES = 50

# sort, wish -> nodes and documents tested, at most
CEILINGS: list[tuple[str, dict[str, Any], int, int]] = [
    ("distance", {}, 140, 120),
    ("distance", CARD, 160, 210),
    ("distance", CARD | NOW, 190, 340),
    ("distance", {"cards": (EVERYWHERE,)}, 150, 150),
    ("distance", {"cards": (RARE,)}, 0, 2),
    ("distance", {"deals": "any"}, 190, 370),
    ("best", CARD | {"deals": "card_best"}, 590, 960),
    ("saving", CARD | {"deals": "card_best"}, 720, 630),
    ("best", CARD | {"new_customer": True}, 590, 950),
    ("distance", {"categories": ("food.cafe",)} | NOW, 230, 600),
    ("best", {}, 590, 940),
    ("best", CARD, 590, 950),
    ("best", CARD | NOW, 620, 1120),
    ("best", {"cards": (EVERYWHERE,)}, 510, 1060),
    ("best", {"cards": (RARE,)}, 0, 2),
    ("best", CARD | {"spend": 5000}, 720, 2710),
    ("best", CARD | {"party_size": 2}, 840, 1910),
    ("saving", {}, 720, 660),
    ("saving", CARD, 720, 660),
    ("saving", CARD | NOW, 720, 1300),
    ("saving", {"cards": (EVERYWHERE,)}, 670, 600),
    ("saving", {"cards": (RARE,)}, 0, 2),
    ("saving", CARD | {"spend": 5000}, 620, 560),
    ("rating", {}, 300, 530),
    ("rating", CARD, 530, 1420),
    ("rating", {"cards": (EVERYWHERE,)}, 360, 700),
    ("rating", {"cards": (RARE,)}, 0, 2),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    shape = Shape(docs=20_000, seed=7, shares=SHARES, deals=200, draw_terms=usual_terms)
    return open_world(tmp_path_factory.mktemp("town") / "segment-0000", shape)


@pytest.fixture(scope="module")
def mall(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    """10,000 shops on one position."""
    shape = Shape(docs=10_000, seed=7, shares=SHARES, spread_deg=0.0, draw_terms=usual_terms)
    return open_world(tmp_path_factory.mktemp("mall") / "segment-0000", shape)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    return open_world(
        tmp_path_factory.mktemp("small") / "segment-0000", Shape(docs=600, shares=SHARES)
    )


def around(place: int) -> dict[str, Any]:
    """Where the question of a place is asked: all over the middle of the town."""
    return {
        "lat": CENTRE[0] + ((place * 37) % 50 - 25) * 0.001,
        "lng": CENTRE[1] + ((place * 17) % 50 - 25) * 0.001,
        "at": NOON,
    }


def ranked(segment: Segment, query: Query) -> tuple[list[int], list[list[float]], dict[str, int]]:
    """Documents, keys and work of the first page of a question."""
    view = SegmentView(segment, START, Weights())
    docs, keys, work = view.rank(planned(view.planner, query), explain=True)
    return docs.tolist(), keys.tolist(), work


def mean_work(segment: Segment, sort: str, wish: dict[str, Any]) -> tuple[float, float]:
    """Nodes and documents tested, on average over the places."""
    work = [ranked(segment, Query(sort=sort, **wish, **around(at)))[2] for at in range(PLACES)]
    return sum(one["nodes"] for one in work) / PLACES, sum(one["docs"] for one in work) / PLACES


@pytest.mark.parametrize(("sort", "wish", "nodes", "docs"), CEILINGS, ids=str)
def test_work_stays_below_its_ceiling(
    town: Segment, sort: str, wish: dict[str, Any], nodes: int, docs: int
) -> None:
    found = mean_work(town, sort, wish)
    assert found[0] <= nodes
    assert found[1] <= docs
    assert found[1] > 0


LOOSENED: dict[str, Any] = {
    "node_box": lambda box: np.stack(
        [box[0] - 100_000, box[1] - 100_000, box[2] + 100_000, box[3] + 100_000]
    ),
    "node_rating": lambda rating: np.full_like(rating, 5000),
    "bound_best": lambda bound: bound + np.float32(500),
    "bound_saving": lambda bound: bound + np.float32(500),
    "bound_slope": lambda bound: bound * np.float32(1.5),
    "bound_party_slope": lambda bound: bound * np.float32(1.5),
}


@pytest.mark.parametrize("name", LOOSENED)
def test_a_looser_bound_breaks_a_ceiling(
    town: Segment, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken on purpose: still exact, but some line of the table does too much work."""
    loose = np.ascontiguousarray(LOOSENED[name](getattr(town.columns, name)))
    monkeypatch.setattr(town, "_trees", trees_with(town, **{name: loose}))
    assert any(
        found[0] > nodes or found[1] > docs
        for sort, wish, nodes, docs in CEILINGS
        for found in [mean_work(town, sort, wish)]
    )


@pytest.mark.parametrize("sort", ["distance", "best", "saving", "rating"])
@pytest.mark.parametrize("wish", [{}, CARD, NOW, {"cards": (EVERYWHERE,)}, {"cards": (RARE,)}])
def test_a_mall_is_not_read_through(mall: Segment, sort: str, wish: dict[str, Any]) -> None:
    """All 10,000 are at one distance; ids decide, and nodes know their least."""
    for lat in (CENTRE[0], CENTRE[0] + 0.01):
        query = Query(lat=lat, lng=CENTRE[1], at=NOON, sort=sort, **wish)
        docs, keys, work = ranked(mall, query)
        assert work["docs"] < (100 if sort == "distance" else 1_600)
        assert work["nodes"] < 700
        if sort == "distance":
            assert len({key[0] for key in keys}) <= 1
            ids = mall.columns.doc_record[docs, DOC_ID_RANK].tolist()
            assert ids == sorted(ids)


# --- one answer, whatever the way ----------------------------------------------------------------


@pytest.fixture(params=["town", "mall", "small"])
def segment(request: pytest.FixtureRequest) -> Segment:
    found: Segment = request.getfixturevalue(request.param)
    return found


def questions(segment: Segment, count: int, **wish: Any) -> Iterator[Query]:
    rng = Random(len(segment))
    cards = list(segment.program_numbers)
    for _ in range(count):
        query = random_query(rng, segment, cards)
        fields = {name: getattr(query, name) for name in query.__struct_fields__}
        yield Query(**fields | wish)


def test_lists_and_tree_find_the_same(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver is another way to the same documents, in the same order, with the same keys."""
    driven = 0
    for query in questions(segment, 150, cards=(RARE, TENTH), deals="card"):
        monkeypatch.setattr(plan, "DRIVER_DOCS", 10**9)
        docs, keys, work = ranked(segment, query)
        assert work["nodes"] == 0
        monkeypatch.setattr(plan, "DRIVER_DOCS", -1)
        assert ranked(segment, query)[:2] == (docs, keys)
        driven += bool(docs)
    assert driven > 20


def test_a_shorter_page_is_the_start_of_a_longer_one(segment: Segment) -> None:
    for query in questions(segment, 60):
        fields = {name: getattr(query, name) for name in query.__struct_fields__}
        docs, keys, _ = ranked(segment, Query(**fields | {"limit": 100}))
        for limit in (1, 7, 20):
            page = ranked(segment, Query(**fields | {"limit": limit}))
            assert page[:2] == (docs[:limit], keys[:limit])


def test_as_many_are_counted_as_are_found(segment: Segment) -> None:
    planner = SegmentView(segment, START, Weights()).planner
    view = SegmentView(segment, START, Weights())
    counted = 0
    for query in questions(segment, 150, limit=100):
        criteria = planned(planner, query)
        total = view.count(criteria, {})
        found = len(view.rank(criteria, explain=False)[0])
        assert found == min(total, 100)
        counted += total
    assert counted > 1000


def test_keys_ascend_and_are_those_of_the_sort(small: Segment) -> None:
    for query in questions(small, 200):
        docs, keys, _ = ranked(small, query)
        rank = small.columns.doc_record[docs, DOC_ID_RANK].tolist()
        rows = [(*key, one) for key, one in zip(keys, rank, strict=True)]
        assert rows == sorted(rows)
        if query.sort == "distance":
            assert all(primary == distance for primary, distance in keys)
        if query.radius_m is not None:
            assert all(distance <= query.radius_m for _, distance in keys)
        assert not any(math.isnan(value) for key in keys for value in key)


def test_an_empty_segment_has_no_answer(tmp_path: Path) -> None:
    empty = open_world(tmp_path / "segment-0000", Shape(docs=0, shares=()))
    docs, keys, work = ranked(empty, Query(lat=0.0, lng=0.0, at=NOON))
    assert (docs, keys, set(work.values())) == ([], [], {0})
    view = SegmentView(empty, START, Weights())
    query = Query(lat=0.0, lng=0.0, at=NOON)
    criteria = planned(view.planner, query)
    assert view.count(criteria, {"category": {}}) == 0


def test_dead_documents_are_neither_found_nor_counted(
    small: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query(lat=CENTRE[0], lng=CENTRE[1], at=NOON, sort="distance", limit=100, radius=50_000)
    before, *_ = ranked(small, query)
    monkeypatch.setattr(small, "_trees", trees_without(small, before[::2]))
    after, *_ = ranked(small, query)
    assert after[:50] == before[1::2]
    view = SegmentView(small, START, Weights())
    criteria = planned(view.planner, query)
    assert view.count(criteria, {}) == len(small) - 50


def test_whole_districts_are_counted_without_the_dead(
    small: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing but the distance decides, runs of documents are counted at once."""
    alive = np.random.default_rng(5).random(len(small)) < 0.7
    monkeypatch.setattr(small, "_trees", trees_without(small, np.flatnonzero(~alive).tolist()))
    view, columns, catalogue = SegmentView(small, START, Weights()), small.columns, small.catalogue
    for radius in (700.0, 3000.0, 9000.0, 50_000.0):
        query = Query(lat=CENTRE[0], lng=CENTRE[1], at=NOON, radius=radius)
        criteria = planned(view.planner, query)
        y, x = columns.doc_position[:, 1] / 1e7, columns.doc_position[:, 0] / 1e7
        near = [
            doc
            for doc in np.flatnonzero(alive).tolist()
            if haversine_m(CENTRE[0], CENTRE[1], float(y[doc]), float(x[doc])) <= radius
        ]
        counts: dict[str, dict[str, int]] = {"category": {}, "business_area": {}}
        assert view.count(criteria, counts) == len(near)
        areas = Counter(catalogue.areas[columns.doc_area[doc]] for doc in near)
        del areas[""]
        assert counts["business_area"] == areas
        assert counts["category"] == Counter(
            prefix
            for doc in near
            for prefix in {
                prefix
                for path in catalogue.category_sets[columns.doc_category_set[doc]]
                for prefix in prefixes(path)
            }
        )


def test_work_is_counted_by_name(small: Segment) -> None:
    *_, work = ranked(small, Query(lat=CENTRE[0], lng=CENTRE[1], at=NOON, deals="any"))
    assert tuple(work) == COUNTERS
    assert work.pop("postings") == 0  # no word was asked for
    assert all(count > 0 for count in work.values())
