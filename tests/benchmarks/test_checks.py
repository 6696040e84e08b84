"""Right answers are told from wrong ones, ties and all."""

import msgspec
import numpy as np
import pytest

from benchmarks.brute import BruteForce
from benchmarks.checks import Right
from benchmarks.families import FAMILIES
from benchmarks.peers import Found
from benchmarks.places import places
from benchmarks.worlds import USUAL_TIME
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher


@pytest.fixture(scope="module")
def asked(toy: Searcher) -> Query:
    ((lat, lng),) = places(toy.segments[0].columns, 1, seed=5)
    counting = next(family for family in FAMILIES if family.name == "count_all")
    return msgspec.structs.replace(counting.at(lat, lng), limit=10)


@pytest.fixture(scope="module")
def right(toy: Searcher, asked: Query) -> Right:
    return Right(BruteForce(toy), asked)


def test_the_engine_is_right(toy: Searcher, asked: Query, right: Right) -> None:
    ranked = toy.rank(asked)
    assert right.of_engine(ranked) == 1.0
    assert right.of_engine(msgspec.structs.replace(ranked, doc_ids=ranked.doc_ids[:5])) == 0.5
    assert right.of_engine(msgspec.structs.replace(ranked, total=(ranked.total or 0) + 1)) == 0.0


def test_a_row_counts_once_and_only_where_it_is_right(
    toy: Searcher, asked: Query, right: Right
) -> None:
    rows = toy.rank(asked).doc_ids
    farther = toy.rank(msgspec.structs.replace(asked, limit=40)).doc_ids[30:]
    assert right.recall(rows) == 1.0
    assert right.recall([rows[0]] * 10) == 0.1
    assert right.recall(farther) == 0.0
    assert right.recall([]) == 0.0
    assert right.recall([0, *rows[:9]]) == pytest.approx(0.9)


def test_a_miscount_of_a_peer_is_no_answer(toy: Searcher, asked: Query, right: Right) -> None:
    docs, _ = BruteForce(toy).matches(asked)
    sets, counts = np.unique(BruteForce(toy).flat.category_set[docs], return_counts=True)
    groups = dict(zip(sets.tolist(), counts.tolist(), strict=True))
    found = Found(toy.rank(asked).doc_ids, len(docs), groups)
    assert right.of_peer(found) == 1.0
    assert right.of_peer(found._replace(total=len(docs) - 1)) == 0.0
    assert right.of_peer(found._replace(groups={})) == 0.0


def test_ties_with_the_last_one_are_right(toy: Searcher) -> None:
    flat = BruteForce(toy).flat
    at = np.stack([flat.y, flat.x], axis=1)
    spots, counts = np.unique(at, axis=0, return_counts=True)
    assert counts.max() > 5
    y, x = spots[counts.argmax()]
    query = Query(lat=y / 1e7, lng=x / 1e7, at=USUAL_TIME, sort="distance", limit=3)
    here = np.flatnonzero((at == (y, x)).all(axis=1))
    assert Right(BruteForce(toy), query).recall(here[-3:]) == 1.0


def test_where_nothing_is_right_nothing_must_be_found(toy: Searcher) -> None:
    nowhere = Right(BruteForce(toy), FAMILIES[0].at(0.0, 0.0))
    assert nowhere.recall([]) == 1.0
    assert nowhere.recall([1]) == 0.0
