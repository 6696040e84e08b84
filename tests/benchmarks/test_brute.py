"""Brute force agrees with the engine, and refuses what it does not answer."""

import msgspec
import numpy as np
import pytest

from benchmarks.brute import BruteForce
from benchmarks.families import FAMILIES, Family
from benchmarks.places import places
from benchmarks.world_deals import TINY
from geosearch.answer.model import Ranked
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher

SPOTS = 40


def assert_same(ranked: Ranked, expected: Ranked) -> None:
    assert ranked.doc_ids.tolist() == expected.doc_ids.tolist()
    assert ranked.keys == pytest.approx(expected.keys, rel=1e-9, abs=1e-6)
    assert (ranked.total, ranked.facets) == (expected.total, expected.facets)


@pytest.fixture(scope="module")
def brute(toy: Searcher) -> BruteForce:
    return BruteForce(toy)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_same_answers(toy: Searcher, brute: BruteForce, family: Family) -> None:
    compared = matched = 0
    for lat, lng in places(toy.segments[0].columns, SPOTS, seed=3):
        query = msgspec.structs.replace(family.at(lat, lng), total=True)
        if query.polygon is None:
            query = msgspec.structs.replace(query, radius=50_000.0)
        expected = brute.rank(query)
        assert_same(toy.rank(query), expected)
        compared += 1
        matched += len(expected.doc_ids)
    assert compared == SPOTS
    # A toy city has hardly a shop of the rarest card.
    assert matched > 0 or family.wishes["cards"] == (TINY,)


@pytest.mark.parametrize(
    "wishes",
    [
        {"sort": "rating"},
        {"sort": "saving", "deals": "any", "spend": 20_000},
        {"sort": "best", "deals": "optional", "cards": ("red", "bank-1"), "party_size": 3},
        {"sort": "best", "limit": 100},
        {"sort": "saving", "categories": ("food",), "deals": "any"},
    ],
)
def test_same_answers_to_other_questions(
    toy: Searcher, brute: BruteForce, wishes: dict[str, object]
) -> None:
    family = Family("other", "other", {"open": "now", "radius": 8_000.0})
    for lat, lng in places(toy.segments[0].columns, 10, seed=4):
        query = msgspec.structs.replace(family.at(lat, lng), total=True, **wishes)
        assert_same(toy.rank(query), brute.rank(query))


@pytest.mark.parametrize(
    "wish",
    [
        {"min_minutes_left": 30},
        {"zone": "z"},
        {"bbox": (121.0, 31.0, 122.0, 32.0)},
        {"crs": "GCJ02"},
        {"hours_unknown": "include"},
        {"min_rating": 4.0},
    ],
)
def test_other_wishes_are_refused(brute: BruteForce, wish: dict[str, object]) -> None:
    query = msgspec.structs.replace(FAMILIES[0].at(31.2, 121.4), **wish)
    with pytest.raises(ValueError, match="Expected a query of"):
        brute.rank(query)


def test_share_is_of_all_rows(brute: BruteForce) -> None:
    everything = Query(lat=0.0, lng=0.0, at=FAMILIES[0].at(0.0, 0.0).at)
    assert brute.share(everything) == 1.0
    red = brute.share(FAMILIES[0].at(0.0, 0.0))
    assert 0.0 < red < 0.03
    assert np.isclose(red, brute.share(FAMILIES[0].at(31.2, 121.4)))
