"""A card's own tree finds what the tree of all shops finds, with less work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from unittest import mock

import msgspec
import numpy as np
import pytest

from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search import plan
from geosearch.search.described import described
from geosearch.search.segment_view import SegmentView
from geosearch.segment import card_trees
from geosearch.segment.bounds import class_of
from geosearch.segment.card_trees import FEWEST_DOCS, LARGEST_SHARE, NODE_COLUMNS
from geosearch.segment.segment import Segment
from indexes.geo.rtree import level_starts
from tests.geosearch.kernel.test_predicates import random_query
from tests.geosearch.number_worlds import NOON, START, Shape, open_world, usual_terms
from tests.geosearch.planning import planned

SHARES = (0.5, 0.1, 0.03, 0.001)
DOCS = 20_000
OWN = ("card1", "card2")
"""Cards that have a tree: neither of half of the shops nor of twenty."""


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    shape = Shape(docs=DOCS, seed=5, shares=SHARES, draw_terms=usual_terms)
    return open_world(tmp_path_factory.mktemp("trees") / "segment", shape)


def own_numbers(segment: Segment) -> list[int]:
    return [segment.program_numbers[card] for card in OWN]


def test_cards_of_a_fitting_share_have_a_tree(segment: Segment) -> None:
    programs = range(len(segment.catalogue.programs))
    assert [n for n in programs if segment.has_tree(n)] == sorted(own_numbers(segment))
    for number in programs:
        held = len(segment.program_docs(number))
        fits = FEWEST_DOCS <= held <= LARGEST_SHARE * DOCS
        assert segment.has_tree(number) == (fits and number > 0)
    assert segment.columns_of(0).value is segment.columns


def test_a_tree_sums_up_its_documents_and_no_others(segment: Segment) -> None:
    """Every node against the leaves of the large tree's definition, by plain loops."""
    (first, *_) = own_numbers(segment)
    tree, docs = segment.columns_of(first).value, segment.program_docs(first).tolist()
    assert tree.leaf_doc.tolist() == docs
    assert tree.level_start.tolist() == level_starts(len(docs)).tolist()
    for leaf in range((len(docs) + 15) // 16):
        held = docs[16 * leaf : 16 * leaf + 16]
        x, y = segment.columns.doc_position[held].T
        box = [x.min(), y.min(), x.max(), y.max()]
        assert tree.node_box[:, leaf].tolist() == box
        bits = np.bitwise_or.reduce(segment.columns.doc_signature[held])
        assert tree.node_signature[leaf] == bits
    root = int(tree.level_start[-1]) - 1
    x, y = segment.columns.doc_position[docs].T
    assert tree.node_box[:, root].tolist() == [x.min(), y.min(), x.max(), y.max()]


def test_a_tree_has_the_bounds_of_its_card(segment: Segment) -> None:
    for number in own_numbers(segment):
        tree = segment.columns_of(number).value
        for name in NODE_COLUMNS:
            if name.startswith("bound_"):
                own, large = getattr(tree, name), getattr(segment.columns, name)
                assert own.shape == (1, int(tree.level_start[-1]))
                # The best of all is in the root of both.
                assert own[0, -1] == large[class_of(number), -1]


def asked(segment: Segment) -> Iterator[Query]:
    rng = Random(3)
    cards = list(segment.program_numbers)
    for number in range(300):
        query = random_query(rng, segment, cards)
        yield msgspec.structs.replace(query, cards=(OWN[number % 2],), deals="card")


def test_both_trees_find_the_same(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "DRIVER_DOCS", -1)
    view = SegmentView(segment, START, Weights())
    found = own = 0
    work = {True: 0, False: 0}
    for query in asked(segment):
        answers = []
        for with_tree in (True, False):
            planner = SegmentView(segment, START, Weights()).planner
            with mock.patch.object(segment, "has_tree", lambda _, there=with_tree: there):
                asked_plan = planned(planner, query)
            own += asked_plan.criteria.lists.tree > 0
            docs, keys, counts = view.rank(asked_plan, explain=True)
            answers.append((docs.tolist(), keys.tolist(), view.count(asked_plan, {})))
            work[with_tree] += counts["nodes"] + counts["docs"]
        assert answers[0] == answers[1]
        found += len(answers[0][0])
    assert own > 150
    assert found > 1_000
    assert work[True] < 0.5 * work[False]


def test_other_lists_leave_the_large_tree_in_charge(segment: Segment) -> None:
    planner = SegmentView(segment, START, Weights()).planner
    here = {"lat": 31.0, "lng": 121.0, "at": NOON}
    for wishes, own in (
        ({"cards": ("card1",)}, True),
        ({"cards": ("card1", "card2")}, False),
        ({"cards": ("card1",), "deals": "any"}, False),
        ({"cards": ("card1",), "deals": "optional"}, False),
        ({"cards": ("card1", "nobody's")}, True),
        ({"cards": ("card0",)}, False),
    ):
        query = Query(**here, **wishes)  # type: ignore[arg-type]
        criteria = planned(planner, query).criteria
        assert (criteria.lists.tree > 0) == own, wishes
        assert described(criteria)["tree"] == (criteria.lists.tree or None)


def test_no_tree_where_no_card_fits(tmp_path: Path) -> None:
    small = open_world(tmp_path / "segment", Shape(docs=100))
    assert not any(small.has_tree(number) for number in range(3))
    assert small.hot_bytes() > 0


def test_the_share_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_trees, "FEWEST_DOCS", 1)
    monkeypatch.setattr(card_trees, "LARGEST_SHARE", 1.0)
    every = open_world(tmp_path / "segment", Shape(docs=100))
    assert all(every.has_tree(number) for number in (1, 2))
