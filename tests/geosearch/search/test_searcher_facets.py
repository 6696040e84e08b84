"""The count of an offer type is the total of the same search with that filter."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from geosearch.search.searcher import Searcher
from tests.comparison import Duel, to_query
from tests.generators import World, make_world
from tests.geosearch.answer.few_shops import LAT, LNG, NOW
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, deal, merchant
from tests.questions import OFFER_TYPES, make_request

QUESTIONS = 400


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A shop with a gift of a card and a voucher for all, and one with a voucher of the card."""
    deals = [
        deal(0, merchant_ids=["m0"], offer_type="free_item", face_value=300, program_id="red"),
        deal(1, merchant_ids=["m0"], offer_type="voucher", face_value=500, price=400),
        deal(2, merchant_ids=["m1"], offer_type="voucher", face_value=500, price=300,
             program_id="red"),
    ]  # fmt: skip
    world = World("types", ENVELOPE, NOW, [merchant(0), merchant(1)], deals, [PROGRAM])
    return Duel(world, tmp_path_factory.mktemp("types")).engine


@pytest.mark.parametrize(
    ("wish", "counts"),
    [
        ({}, {"voucher": 1}),
        ({"cards": ["red"]}, {"free_item": 1, "voucher": 1}),
        ({"cards": ["red"], "deals": "card_best"}, {"free_item": 1, "voucher": 1}),
        ({"cards": ["red"], "deals": "any"}, {"free_item": 1, "voucher": 2}),
        ({"cards": ["red"], "deals": "optional"}, {"free_item": 1, "voucher": 2}),
        ({"cards": ["red"], "offer_type": ["voucher"]}, {"voucher": 1}),
    ],
)
def test_only_deals_that_count_have_a_type(
    engine: Searcher, wish: dict[str, Any], counts: dict[str, int]
) -> None:
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "facets": ["offer_type"], **wish}
    assert engine.search(to_query(request)).facets == {"offer_type": counts}


def test_the_count_of_a_type_is_the_total_of_its_filter(tmp_path: Path) -> None:
    """Without `card_best`, whose filter also leaves out the public deals that a card must beat."""
    rng = Random("types")
    world = make_world(rng, "city", 300)
    engine = Duel(world, tmp_path).engine
    compared = of_card = 0
    for _ in range(QUESTIONS):
        request = make_request(rng, world) | {"facets": ["offer_type"], "total": True}
        if request.pop("offer_type", None) or request.get("deals") == "card_best":
            continue
        facets = engine.rank(to_query(request)).facets
        assert facets is not None
        for kind in OFFER_TYPES:
            total = engine.rank(to_query({**request, "offer_type": [kind]})).total
            assert facets["offer_type"].get(kind, 0) == total, (request, kind)
            compared += bool(total)
            of_card += bool(total) and to_query(request).deals_mode == "card"
    assert compared > QUESTIONS // 2
    assert of_card > QUESTIONS // 40
