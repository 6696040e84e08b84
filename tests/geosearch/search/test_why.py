"""Why: `matches` and `rank` are what searches say, and every reason and fix is the oracle's.

`GEOSEARCH_NEAR_WORLDS` sets how many islands (worlds of their own) a run asks about.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from geosearch.answer.why_not import DEAL_CODES, SHOP_CODES
from geosearch.errors import BadRequest
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from tests.comparison import Duel, to_query
from tests.generators import KINDS, World, make_world
from tests.geosearch.search.test_near_misses import told_fix
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, deal, merchant
from tests.near_oracle import NearOracle, place_in, shops_of
from tests.near_worlds import make_islands, make_question
from tests.oracle import Shop
from tests.questions import make_request

WORLDS = int(os.environ.get("GEOSEARCH_NEAR_WORLDS", "120"))
WIDE = 40


def why(engine: Searcher, merchant_id: str, query: Query) -> dict[str, Any]:
    told = engine.why(merchant_id, query)
    assert told is not None
    return told


def check_place(duel: Duel, request: Row, merchant_id: str, order: list[str]) -> dict[str, Any]:
    """`matches` and `rank` are those of a search; reasons are given if and only if it fails."""
    told = why(duel.engine, merchant_id, to_query(request))
    assert told["matches"] == (merchant_id in order), (request, merchant_id)
    assert told["rank"] == (place_in(order, merchant_id) if told["matches"] else None), request
    assert bool(told["reasons"]) != told["matches"], (request, merchant_id)
    for reason in told["reasons"]:
        assert reason["code"] in SHOP_CODES
        assert {"expected", "got", "detail"} <= reason.keys()
    return told


def check_reasons(duel: Duel, request: Row, shop: Shop, told: dict[str, Any]) -> None:
    oracle = NearOracle(duel.oracle)
    codes = {reason["code"] for reason in told["reasons"]}
    assert codes == (set() if told["matches"] else oracle.shop_codes(request, shop)), request
    counting = {one["deal_id"] for one in told["deals"] if not one["reasons"]}
    assert counting == oracle.counting(request, shop), request
    for one in told["deals"]:
        assert {reason["code"] for reason in one["reasons"]} <= set(DEAL_CODES)
    changes = oracle.changes(request, shop)
    assert len(told["fixes"]) == len(changes), (request, told["fixes"], changes)
    for fix, change in zip(told["fixes"], changes, strict=True):
        expected = told_fix(change, request)
        assert {name: fix[name] for name in expected} == expected
        assert fix["value"] == pytest.approx(change.value, abs=0.011)


def test_islands(tmp_path: Path) -> None:
    rng = Random(f"why {WORLDS}")
    duel = Duel(make_islands(rng, WORLDS, 8), tmp_path)
    seen: dict[str, int] = {}
    for island in range(WORLDS):
        request = make_question(rng, duel.world, island)
        query = to_query(request, near_misses=0)
        order = [hit.merchant["merchant_id"] for hit in duel.engine.search(query).hits]
        for shop in shops_of(duel.oracle, island):
            told = check_place(duel, request, shop.merchant_id, order)
            check_reasons(duel, request, shop, told)
            every = [told, *told["deals"]]
            for code in (reason["code"] for one in every for reason in one["reasons"]):
                seen[code] = seen.get(code, 0) + 1
    rare = {"OUTSIDE_AREA", "TEXT_NOT_FOUND", "PARTY_TOO_LARGE", "UNREADABLE"}
    assert seen.keys() | rare == {*SHOP_CODES, *DEAL_CODES} | rare, seen


@pytest.mark.parametrize("kind", KINDS)
def test_world(kind: str, tmp_path: Path) -> None:
    """Nasty worlds, where many match: every shop and its place."""
    rng = Random(f"why {kind}")
    duel = Duel(make_world(rng, kind, 90), tmp_path)
    compared = 0
    for _ in range(6):
        request = make_request(rng, duel.world) | {"limit": 100}
        request = {name: value for name, value in request.items() if name != "explain"}
        order = [hit.merchant["merchant_id"] for hit in duel.engine.search(to_query(request)).hits]
        for merchant_id in duel.oracle.shops:
            check_place(duel, request, merchant_id, order)
            compared += 1
    assert compared > 300


# --- cases -------------------------------------------------------------------------------------

AT = datetime.fromisoformat("2026-11-22T12:00:00+08:00")  # a Sunday
LAT, LNG = 31.23, 121.47
ENDED = PROGRAM | {"program_id": "ended", "status": "ENDED"}
SHOPS: list[Row] = [
    merchant(0, name="Amber Bakery", opening_hours="12:30-13:00", avg_price=5000, rating=3.0),
    merchant(1, name="Carmine", opening_hours="24/7", categories=["food"], business_area="North"),
    merchant(2, name="Closed for good", business_status="CLOSED_PERMANENTLY"),
    merchant(3, name="Amber Hall", opening_hours="11:00-12:20"),
]
DEALS: list[Row] = [
    deal(0, merchant_ids=["m0"], program_id="red", min_spend=6000),
    deal(1, merchant_ids=["m0"], valid_from="2026-12-01"),
    deal(2, merchant_ids=["m0"], valid_through="2026-11-20", stock=0),
    deal(3, merchant_ids=["m0"], program_id="ended"),
    deal(4, merchant_ids=["m0"], use_hours="Mo 10:00-11:00"),
    deal(5, merchant_ids=["m0"], use_hours="when we like"),
    deal(6, merchant_ids=["m0"], offer_type="voucher", face_value=9000, price=8000),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    shops, deals = ([dict(row) for row in rows] for rows in (SHOPS, DEALS))
    world = World("why", ENVELOPE, AT, shops, deals, [PROGRAM | {"fee": 1200}, ENDED])
    return Duel(world, tmp_path_factory.mktemp("why")).engine


def asked(**wish: Any) -> Query:
    values: dict[str, Any] = {"lat": LAT, "lng": LNG, "at": AT, **wish}
    return Query(**values)


@pytest.mark.parametrize(
    ("shop", "wish", "reasons"),
    [
        (0, {"open": "now"}, [{
            "code": "CLOSED", "expected": "open", "got": "closed",
            "opens_at": "2026-11-22T12:30:00+08:00",
            "detail": "closed, opens Sun 22 Nov 12:30",
        }]),
        (3, {"min_minutes_left": 30}, [{
            "code": "CLOSES_TOO_SOON", "expected": 30, "got": 20, "by": 10,
            "closes_at": "2026-11-22T12:20:00+08:00",
            "detail": "stays open 20 min, 10 too few",
        }]),
        (1, {"min_rating": 4.0}, [{
            "code": "RATING_TOO_LOW", "expected": 4.0, "got": None, "detail": "not rated",
        }]),
        (0, {"min_rating": 4.0}, [{
            "code": "RATING_TOO_LOW", "expected": 4.0, "got": 3.0, "by": 1.0,
            "detail": "rated 3.0, 1.0 too low",
        }]),
        (1, {"categories": ("shop",)}, [{
            "code": "WRONG_CATEGORY", "expected": ["shop"], "got": ["food"],
            "detail": "of another category",
        }]),
        (1, {"business_area": ("South",)}, [{
            "code": "OUTSIDE_AREA", "parameter": "business_area", "expected": ["South"],
            "got": "North", "detail": "outside the business area",
        }]),
        (1, {"bbox": (0.0, 0.0, 1.0, 1.0)}, [{
            "code": "OUTSIDE_AREA", "parameter": "bbox", "expected": [0.0, 0.0, 1.0, 1.0],
            "got": None, "detail": "outside the box",
        }]),
        (1, {"ids": ("m0", "m0")}, [{
            "code": "NOT_AMONG_IDS", "expected": 1, "got": "m1",
            "detail": "not among the ids asked for",
        }]),
        (1, {"q": "amber"}, [{
            "code": "TEXT_NOT_FOUND", "expected": "amber", "got": None, "missing": ["amber"],
            "unwanted": [], "detail": "without amber",
        }]),
        (0, {"q": "amber -bakery"}, [{
            "code": "TEXT_NOT_FOUND", "expected": "amber -bakery", "got": None, "missing": [],
            "unwanted": ["bakery"], "detail": "with bakery",
        }]),
        (0, {"max_pay": 4000}, [{
            "code": "OVER_BUDGET", "expected": 4000, "got": 5000, "by": 1000,
            "detail": "costs ¥50, ¥10 over the budget",
        }]),
        (1, {"max_pay": 4000}, [{
            "code": "OVER_BUDGET", "expected": 4000, "got": None,
            "detail": "what it costs is not known",
        }]),
        (1, {"cards": ("red",)}, [{
            "code": "NO_DEAL", "expected": "card", "got": None,
            "detail": "no usable deal of a card in the wallet",
        }]),
    ],
)  # fmt: skip
def test_reasons(
    engine: Searcher, shop: int, wish: dict[str, Any], reasons: list[dict[str, Any]]
) -> None:
    assert why(engine, f"m{shop}", asked(**wish))["reasons"] == reasons


def test_every_condition_is_told(engine: Searcher) -> None:
    query = asked(lat=LAT + 0.1, open="now", cards=("red",), min_rating=5.0, ids=(), radius=100.0)
    codes = [reason["code"] for reason in why(engine, "m0", query)["reasons"]]
    expected = "CLOSED OUTSIDE_RADIUS NOT_AMONG_IDS RATING_TOO_LOW NO_DEAL"
    assert codes == expected.split()


def test_the_reasons_of_deals(engine: Searcher) -> None:
    told = why(engine, "m0", asked())
    reasons = {one["deal_id"]: one["reasons"] for one in told["deals"]}
    texts = {name: [one["detail"] for one in found] for name, found in reasons.items()}
    assert texts == {
        "d0": ["needs the card red, ¥12 a year", "needs a bill of ¥60, ¥10 more"],
        "d1": ["valid from 2026-12-01"],
        "d2": ["expired on 2026-11-20", "sold out"],
        "d3": ["needs the card ended, free", "card ended has ended"],
        "d4": ["usable from Mon 23 Nov 10:00"],
        "d5": ["its hours cannot be read: when we like"],
        "d6": ["needs a bill of its face value, ¥90, ¥40 more"],
    }
    assert told["matches"]
    assert told["fixes"] == []


def test_who_is_not_in_the_index_has_no_reasons(engine: Searcher) -> None:
    assert engine.why("m2", asked()) is None
    assert engine.why("nobody", asked()) is None


def test_a_cursor_is_refused(engine: Searcher) -> None:
    with pytest.raises(BadRequest, match=r"Expected no `cursor`, got one - at `\$.cursor`"):
        engine.why("m0", asked(cursor="x"))


def test_a_rank_is_a_place_among_all_matches(engine: Searcher) -> None:
    query = asked(sort="distance")
    ids = [hit.merchant["merchant_id"] for hit in engine.search(query).hits]
    assert [why(engine, one, query)["rank"] for one in ids] == [1, 2, 3]
