"""Parts of regions hold each shop once, in the order of one index."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from geosearch.errors import BadRequest
from geosearch.search.owned import OwnedSearcher, PartOf
from tests.generators import make_world
from tests.geosearch.cluster.region_worlds import Cut, asked


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    return Cut(make_world(Random(3), "city", 250), 3, tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def parts(cut: Cut) -> list[OwnedSearcher]:
    return [OwnedSearcher(region) for region in cut.regions.values()]


def test_parts_add_up_and_merge(cut: Cut, parts: list[OwnedSearcher]) -> None:
    rng, found = Random(5), 0
    while found < 30:
        request = cut.question(rng) | {"total": True, "near_misses": 0}
        del request["radius"]
        if "ids" not in request:
            request["bbox"] = (-180.0, -90.0, 180.0, 90.0)
        try:
            query = asked({name: each for name, each in request.items() if name != "q"})
            expected = cut.one.search(query)
        except BadRequest:
            continue
        told = [part.part(query, PartOf()) for part in parts]
        assert sum(one.answer.total or 0 for one in told) == expected.total
        keys = [(inf if one[0] is None else one[0], *one[1:]) for each in told for one in each.keys]
        ids = [key[2] for key in sorted(keys)[: query.limit]]
        assert ids == [hit.merchant["merchant_id"] for hit in expected.hits]
        found += bool(ids)


def test_each_shop_is_of_one_part(cut: Cut, parts: list[OwnedSearcher]) -> None:
    for row in cut.one.merchant_ids(range(len(cut.one.segments[0]))):
        assert sum(part.has(row) for part in parts) == 1
    assert sum(part.info()["merchants"] for part in parts) == cut.one.info()["merchants"]
    assert sum(len(region.segments[0]) for region in cut.regions.values()) > len(
        cut.one.segments[0]
    )


def test_a_region_still_finds_its_halo(cut: Cut, parts: list[OwnedSearcher]) -> None:
    """Filters that a part keeps are not those of whole answers."""
    query = asked(
        {
            "lat": 0.0,
            "lng": 0.0,
            "bbox": (-180.0, -90.0, 180.0, 90.0),
            "at": cut.world.now.isoformat(),
        }
        | {"open": "now", "total": True, "limit": 100}
    )
    for region, part in zip(cut.regions.values(), parts, strict=True):
        before = region.search(query).total
        part.part(query, PartOf())
        assert region.search(query).total == before
