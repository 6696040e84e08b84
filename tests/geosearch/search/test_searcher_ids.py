"""Saved places: `ids` of a query, known and unknown, in one segment and in several."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from tests.comparison import Duel
from tests.generators import make_world
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, shops_in
from tests.geosearch.search.test_searcher_oracle import halved


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return shops_in(tmp_path_factory.mktemp("few")).engine


# wish -> ids found, nearest first
LISTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"ids": ("m7", "m2")}, ["m2", "m7"]),  # m7 is 44.5 km away
    ({"ids": ("m7", "m2"), "radius": 3_000.0}, ["m2"]),
    ({"ids": ("m7", "m2"), "bbox": (121.0, 31.5, 122.0, 32.0)}, ["m7"]),
    ({"ids": ("m2", "m2")}, ["m2"]),
    ({"ids": ()}, []),
    ({"ids": ("nobody", "m"), "total": True}, []),
    ({"ids": ("m0", "m4"), "open": "now"}, ["m0"]),
    ({"ids": ("m5", "m3"), "cards": ("red",)}, ["m5"]),
    ({"ids": ("m6", "m7"), "q": "m6"}, []),
]


@pytest.mark.parametrize(("wish", "found"), LISTS)
def test_only_the_listed_shops_match(
    engine: Searcher, wish: dict[str, Any], found: list[str]
) -> None:
    query = Query(lat=LAT, lng=LNG, at=NOW, sort="distance", **wish)
    answer = engine.search(query)
    assert [hit.merchant["merchant_id"] for hit in answer.hits] == found
    assert answer.total == (len(found) if query.total else None)


@pytest.mark.parametrize(
    ("ids", "unknown"),
    [
        (None, None),
        ((), ()),
        (("m1", "m2"), ()),
        (("x", "m1", "m", "x", "m1"), ("x", "m")),
    ],
)
def test_unknown_ids_are_told_once(
    engine: Searcher, ids: tuple[str, ...] | None, unknown: tuple[str, ...] | None
) -> None:
    for _ in range(2):
        assert engine.search(Query(lat=LAT, lng=LNG, at=NOW, ids=ids)).unknown_ids == unknown


def test_an_id_is_known_if_any_segment_has_it(tmp_path: Path) -> None:
    duel = Duel(make_world(Random("ids"), "city", 40), tmp_path / "whole")
    both = halved(duel, tmp_path)
    saved = (*sorted(duel.oracle.shops), "nobody")
    query = Query(lat=LAT, lng=LNG, at=duel.world.now, ids=saved, limit=100)
    answer = both.search(query)
    assert answer.unknown_ids == ("nobody",)
    assert len(answer.hits) == len(saved) - 1


def test_a_list_drives_and_each_of_its_shops_is_tested_once(engine: Searcher) -> None:
    ids = ("m7", "m2", "m0", "nobody")
    answer = engine.search(Query(lat=LAT, lng=LNG, at=NOW, ids=ids, explain=True))
    assert answer.explain is not None
    assert (answer.explain["plan"][0]["driver"], answer.explain["plan"][0]["driver_docs"]) == (
        "documents",
        3,
    )
    work = answer.explain["work"]
    assert (work["nodes"], work["docs"]) == (0, 3)


def test_pages_of_a_list_do_not_depend_on_its_order(engine: Searcher) -> None:
    first = engine.search(Query(lat=LAT, lng=LNG, at=NOW, ids=("m2", "m0", "m7"), limit=1))
    again = Query(lat=LAT, lng=LNG, at=NOW, ids=("m7", "m0", "m2"), cursor=first.next_cursor)
    assert len(engine.search(again).hits) == 2
