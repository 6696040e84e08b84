"""Counters become counts by name; only what was asked for has room."""

import pytest

from geosearch.answer.facets import FacetBook, most_first
from geosearch.money.offers import OFFER_TYPES
from geosearch.segment.catalogue import Catalogue

CATALOGUE = Catalogue(
    programs=[{}, {"program_id": "red"}, {"program_id": "blue"}],
    category_sets=[[], ["food.cafe", "food.tea"], ["food.cafe"], ["shop"]],
    category_bits={},
    areas=["", "静安寺", "陆家嘴"],
    time_zones=[],
    zones=[],
)
BOOK = FacetBook(CATALOGUE)
ROOM = {"category": 4, "program": 3, "offer_type": len(OFFER_TYPES), "business_area": 3}


@pytest.mark.parametrize("facets", [(), *((name,) for name in ROOM), tuple(ROOM)])
def test_only_what_is_asked_for_has_room(facets: tuple[str, ...]) -> None:
    tally = BOOK.tally(facets)
    sizes = {
        "category": len(tally.by_category_set),
        "program": len(tally.by_program),
        "offer_type": len(tally.by_type),
        "business_area": len(tally.by_area),
    }
    assert sizes == {name: ROOM[name] if name in facets else 0 for name in ROOM}
    assert tally.seen.tolist() == [-1] * sizes["program"]


def test_counts_by_name() -> None:
    tally = BOOK.tally(tuple(ROOM))
    tally.by_category_set[:] = 9, 2, 3, 1
    tally.by_area[:] = 5, 0, 4
    tally.by_program[:] = 8, 6, 0
    tally.by_type[3] = 7
    counts: dict[str, dict[str, int]] = {name: {} for name in ROOM}
    BOOK.add(tally, counts)
    # A merchant of two kinds of food counts once as food; none counts as "no area" or "no card".
    assert counts == {
        "category": {"food": 5, "food.cafe": 5, "food.tea": 2, "shop": 1},
        "program": {"red": 6},
        "offer_type": {"bundle": 7},
        "business_area": {"陆家嘴": 4},
    }
    BOOK.add(tally, counts)
    assert counts["category"]["food"] == 10, "the counts of segments add up"


def test_nothing_found_counts_nothing() -> None:
    counts: dict[str, dict[str, int]] = {"category": {}}
    BOOK.add(BOOK.tally(("category",)), counts)
    assert counts == {"category": {}}


def test_most_first_then_by_name() -> None:
    counts = {"b": 2, "c": 9, "a": 2, "店": 2}
    assert list(most_first(counts).items()) == [("c", 9), ("a", 2), ("b", 2), ("店", 2)]
