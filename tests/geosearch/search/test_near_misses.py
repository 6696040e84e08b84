"""Near misses: against five plain loops over shops, true when applied, and case by case.

`GEOSEARCH_NEAR_WORLDS` sets how many islands (worlds of their own) a run asks about.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest

from geosearch.answer.fix import later
from geosearch.answer.model import NearMiss
from geosearch.answer.why_text import miss_lines
from geosearch.errors import BadRequest
from geosearch.query.query import Query
from geosearch.search import plan
from geosearch.search.searcher import Searcher
from geosearch.segment import card_trees
from geosearch.service.encode import encode_page
from indexes.allowance import Allowance, TooMuchWork
from tests.comparison import Duel, to_query
from tests.generators import World
from tests.geosearch.search.test_searcher_oracle import halved
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, deal, merchant
from tests.near_oracle import CLOSE, Change, NearOracle, shops_of
from tests.near_worlds import make_islands, make_question
from tests.oracle import Shop

WORLDS = int(os.environ.get("GEOSEARCH_NEAR_WORLDS", "120"))
SHOPS = 10
CROWD = 96
QUESTIONS = 6 if WORLDS < 1_000 else 1
"""Questions about each island."""


def ids_of(engine: Searcher, query: Query) -> list[str]:
    return [hit.merchant["merchant_id"] for hit in engine.search(query).hits]


def told_fix(change: Change, request: Row) -> dict[str, Any]:
    """What a fix says, by the contract; without name, fee and instant."""
    name = {"wait": "minutes", "party": "party_size", "spend": "spend", "card": "program_id"}
    if change.code == "move":
        return {"code": "move"}
    return {"code": change.code, name[change.code]: change.change}


def check_miss(duel: Duel, miss: NearMiss, shop: Shop, change: Change, request: Row) -> None:
    """All that a near miss says is what the oracle finds."""
    query, fix = to_query(request), miss.fix
    told = told_fix(change, request)
    assert {name: getattr(fix, name) for name in told} == told, (request, change)
    if fix.code == "wait":
        then = datetime.fromisoformat(change.request["at"])
        assert datetime.fromisoformat(str(fix.at)) == then
    if fix.code == "move":
        assert fix.radius is not None
        assert miss.distance_m <= fix.radius < miss.distance_m + 1.0
    if fix.code == "card":
        assert fix.fee == duel.oracle.programs[fix.program_id]["fee"]
    assert miss.distance_m == pytest.approx(change.found.distance_m, abs=1e-6)
    assert miss.value == pytest.approx(change.value, abs=1e-6)
    minute = duel.oracle.minute_of(request)
    assert miss.open.state == {0: "closed", 1: "open", 2: "unknown"}[int(shop.states[minute])]
    best = change.found.best
    assert (miss.best_deal is None) == (best is None)
    if best is not None and miss.best_deal is not None:
        assert miss.best_deal.deal_id == best.deal["deal_id"]
        assert (miss.best_deal.saving, miss.best_deal.pay) == (best.saving, best.pay)
    together = change.found.combined and change.found.combined[0]
    assert (miss.best_combination is None) == (together is None)
    if together is not None and miss.best_combination is not None:
        assert miss.best_combination.deals == together.ids
        figures = (miss.best_combination.saving, miss.best_combination.pay)
        assert figures == (together.saving, together.pay)
    # The fix is true: a search with it finds the shop, and a search without it does not.
    assert shop.merchant_id in ids_of(duel.engine, fix.applied(query))
    assert shop.merchant_id not in ids_of(duel.engine, query)


def check_island(duel: Duel, request: Row, island: int) -> set[str]:
    """Compare an answer with the oracle's; return the codes of the fixes."""
    oracle = NearOracle(duel.oracle)
    expected = oracle.near_misses(request, shops_of(duel.oracle, island))
    misses = duel.engine.search(to_query(request)).near_misses
    assert misses is not None
    by_id = {shop.merchant_id: (shop, change) for shop, change in expected}
    ids = [miss.merchant["merchant_id"] for miss in misses]
    assert len(ids) == min(len(expected), request["near_misses"]), (request, ids, expected)
    assert set(ids) <= by_id.keys(), request
    for miss, (_, change) in zip(misses, expected, strict=False):
        assert miss.value == pytest.approx(change.value, abs=1e-6)
        shop, own = by_id[miss.merchant["merchant_id"]]
        check_miss(duel, miss, shop, own, request)
    for before, after in pairwise(misses):
        keys = [
            (-one.value, one.distance_m, one.merchant["merchant_id"]) for one in (before, after)
        ]
        assert keys[0] < keys[1] or abs(before.value - after.value) < CLOSE
    return {miss.fix.code for miss in misses}


@pytest.mark.parametrize(("seed", "lists"), [(0, 0), (1, plan.DRIVER_DOCS)])
def test_islands(seed: int, lists: int, tmp_path: Path) -> None:
    """The second run is over two segments."""
    rng = Random(f"islands {seed} {WORLDS}")
    islands = WORLDS // 2
    with mock.patch.object(card_trees, "FEWEST_DOCS", 1):
        duel = Duel(make_islands(rng, islands, SHOPS), tmp_path / "whole")
        if seed == 1:
            duel.engine = halved(duel, tmp_path)
    codes: dict[str, int] = {}
    with mock.patch.object(plan, "DRIVER_DOCS", lists):
        for island in range(islands):
            for _ in range(QUESTIONS):
                request = make_question(rng, duel.world, island)
                for code in check_island(duel, request, island):
                    codes[code] = codes.get(code, 0) + 1
    # A larger bill is rarely the best fix; `test_bills` has its own.
    assert codes.keys() | {"spend"} == {"wait", "move", "party", "spend", "card"}, codes
    assert sum(codes.values()) > islands // 5


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd(seed: int, tmp_path: Path) -> None:
    """One island with many leaves, of which a search reads only the best."""
    rng = Random(f"crowd {seed}")
    duel = Duel(make_islands(rng, 1, CROWD, CROWD), tmp_path)
    codes: set[str] = set()
    with mock.patch.object(plan, "DRIVER_DOCS", 0):
        for number in range(4):
            request = make_question(rng, duel.world, 0) | {"near_misses": (1, 3, 20)[number % 3]}
            codes |= check_island(duel, request, 0)
    assert codes


# --- cases -------------------------------------------------------------------------------------

AT = datetime.fromisoformat("2026-11-22T12:00:00+08:00")  # a Sunday
LAT, LNG = 31.23, 121.47
RED: dict[str, Any] = {"cards": ("red",)}
BLUE = {"program_id": "blue", "name": "Blue", "kind": "bank_card", "status": "ACTIVE", "fee": 1200}
GREY = {"program_id": "grey", "name": "Grey", "kind": "bank_card", "status": "SUSPENDED", "fee": 0}

SHOPS_HERE: list[Row] = [
    merchant(0, opening_hours="12:30-13:00", avg_price=5000),
    merchant(1, opening_hours="12:31-13:00", avg_price=5000),
    merchant(2, opening_hours="24/7", avg_price=5000),
    merchant(3, opening_hours="24/7", avg_price=5000),
    merchant(4, opening_hours="24/7", avg_price=5000),
    merchant(5, opening_hours="12:10-13:00", avg_price=5000),
    merchant(6, opening_hours="24/7"),
    merchant(7, opening_hours="24/7", avg_price=5000),
    merchant(8, opening_hours="24/7", avg_price=5000),
    merchant(9, opening_hours="07:55-09:00"),
    merchant(10, opening_hours="08:00-09:00"),
    merchant(11, opening_hours="00:05-01:00"),
    merchant(12, opening_hours="12:05-13:00 unknown"),
]
DEALS_HERE: list[Row] = [
    deal(20, merchant_ids=["m2"], program_id="blue"),
    deal(30, merchant_ids=["m3"], program_id="red", min_spend=6000),
    deal(40, merchant_ids=["m4"], program_id="red", party_min=3),
    deal(50, merchant_ids=["m5"], program_id="red", use_hours="11:00-12:10"),
    deal(60, merchant_ids=["m6"], program_id="red", min_spend=6000),
    deal(70, merchant_ids=["m7"], program_id="grey"),
    deal(80, merchant_ids=["m8"], program_id="red", stock=0),
]


@pytest.fixture(scope="module")
def duel(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    programs = [{**PROGRAM, "program_id": "red", "fee": 0}, BLUE, GREY]
    shops, deals = ([dict(row) for row in rows] for rows in (SHOPS_HERE, DEALS_HERE))
    box = [[121.0, 31.0], [122.0, 31.0], [122.0, 32.0], [121.0, 32.0], [121.0, 31.0]]
    zones = [
        {
            "type": "Feature",
            "properties": {"zone_id": name, "name": name, **dates},
            "geometry": {"type": "Polygon", "coordinates": [box]},
        }
        for name, dates in (("ever", {}), ("today", {"valid_through": "2026-11-22"}))
    ]
    collection = {"type": "FeatureCollection", "features": zones}
    world = World("near", ENVELOPE, AT, shops, deals, programs, collection)
    return Duel(world, tmp_path_factory.mktemp("near"))


def nearly(duel: Duel, shop: int, **wish: Any) -> dict[str, Any] | None:
    """The fix of a shop that is nearly found, None if it is no near miss."""
    wishes: dict[str, Any] = {"lat": LAT, "lng": LNG, "at": AT, "near_misses": 20, "limit": 100}
    answer = duel.engine.search(Query(**(wishes | wish)))
    fixes = {
        miss.merchant["merchant_id"]: {
            name: value
            for name in ("code", "minutes", "party_size", "spend", "program_id")
            if (value := getattr(miss.fix, name)) is not None
        }
        for miss in answer.near_misses or ()
    }
    return fixes.get(f"m{shop}")


NOW: dict[str, Any] = {"open": "now"}


@pytest.mark.parametrize(
    ("shop", "wish", "fix"),
    [
        (0, NOW, {"code": "wait", "minutes": 30}),
        (0, NOW | {"near_minutes": 29}, None),
        (1, NOW, None),
        (1, NOW | {"near_minutes": 31}, {"code": "wait", "minutes": 31}),
        (0, NOW | {"min_minutes_left": 30}, {"code": "wait", "minutes": 30}),
        (0, NOW | {"min_minutes_left": 31}, None),
        (0, {}, None),
        (2, RED, {"code": "card", "program_id": "blue"}),
        (2, {"deals": "any"}, {"code": "card", "program_id": "blue"}),
        (2, {}, None),
        # Two pay a bill twice as large, at no cost.
        (3, RED, {"code": "party", "party_size": 2}),
        (3, RED | {"spend": 3000}, {"code": "spend", "spend": 6000}),
        (3, RED | {"spend": 2999}, None),
        (4, RED, {"code": "party", "party_size": 3}),
        (4, RED | {"party_size": 7}, None),
        (6, RED, None),
        (7, RED, None),
        (8, RED, None),
        (5, RED, None),
        # It opens when its deal ends.
        (5, RED | NOW, None),
        (5, NOW, {"code": "wait", "minutes": 10}),
    ],
)
def test_case(duel: Duel, shop: int, wish: dict[str, Any], fix: dict[str, Any] | None) -> None:
    assert nearly(duel, shop, **wish) == fix


def test_unknown_bills_have_no_larger_one(duel: Duel) -> None:
    # Conditions of an unknown bill count as met: the shop matches already.
    assert "m6" in ids_of(duel.engine, Query(lat=LAT, lng=LNG, at=AT, **RED))
    assert nearly(duel, 6, max_pay=100, **RED) is None


def test_near_misses_are_not_asked_with_a_cursor() -> None:
    sentence = r"Expected `near_misses` without `cursor`, got both - at `\$.near_misses`"
    with pytest.raises(BadRequest, match=sentence):
        Query(lat=LAT, lng=LNG, near_misses=1, cursor="x")
    assert Query(lat=LAT, lng=LNG, near_misses=1, cursor=" ").cursor is None
    assert Query(lat=LAT, lng=LNG, near_misses=0, cursor="x").cursor == "x"


def test_a_cursor_does_not_care_who_nearly_matched(duel: Duel) -> None:
    first = Query(lat=LAT, lng=LNG, at=AT, limit=2, near_misses=3)
    cursor = duel.engine.search(first).next_cursor
    more = duel.engine.search(Query(lat=LAT, lng=LNG, at=AT, limit=2, cursor=cursor))
    assert len(more.hits) == 2
    assert more.near_misses is None


def test_a_full_wallet_takes_no_other_card(duel: Duel) -> None:
    cards = ("red", *(f"x{number}" for number in range(998)))
    assert nearly(duel, 2, cards=cards) == {"code": "card", "program_id": "blue"}
    assert nearly(duel, 2, cards=(*cards, "y")) is None


def test_nobody_waits_beyond_the_horizon(duel: Duel) -> None:
    # It ends at 8 in the morning here.
    at = datetime.fromtimestamp(duel.engine.end.timestamp() - 600, AT.tzinfo)
    assert (at.hour, at.minute) == (7, 50)
    assert nearly(duel, 9, at=at, **NOW) == {"code": "wait", "minutes": 5}
    assert nearly(duel, 10, at=at, **NOW) is None
    day_before = at - timedelta(days=1)
    assert nearly(duel, 10, at=day_before, **NOW) == {"code": "wait", "minutes": 10}
    last = at + timedelta(minutes=9)
    assert nearly(duel, 10, at=last, **NOW) is None


def test_nobody_waits_until_the_zone_has_ended(duel: Duel) -> None:
    at = datetime.fromisoformat("2026-11-22T23:50:00+08:00")
    assert nearly(duel, 11, at=at, zone="ever", **NOW) == {"code": "wait", "minutes": 15}
    assert nearly(duel, 11, at=at, zone="today", **NOW) is None
    assert nearly(duel, 9, at=at.replace(hour=7), zone="today", **NOW) == {
        "code": "wait",
        "minutes": 5,
    }


def test_unknown_hours_are_no_fix(duel: Duel) -> None:
    assert nearly(duel, 12, **NOW) is None
    include = NOW | {"hours_unknown": "include"}
    assert nearly(duel, 12, **include) == {"code": "wait", "minutes": 5}


def test_a_wait_is_a_span_of_time_not_of_the_clock(duel: Duel) -> None:
    """The clocks of a zone are put back an hour between the question and the wait."""
    zone = ZoneInfo("Europe/Berlin")
    at = datetime(2026, 10, 25, 2, 50, tzinfo=zone)
    assert later(at, 30).timestamp() - at.timestamp() == 1800
    assert later(at, 30).isoformat() == "2026-10-25T02:20:00+01:00"


TEXT_SHOPS: list[Row] = [
    merchant(0, name="Amber Bakery", opening_hours="12:10-13:00"),
    merchant(1, name="Amber Hall", opening_hours="24/7", lat=LAT + 0.01),
    merchant(2, name="Amber Bakery", opening_hours="24/7", lat=LAT + 0.0145),
    merchant(3, name="Cedar", opening_hours="24/7", lat=LAT + 0.2, business_area="North"),
    merchant(4, name="Carmine", opening_hours="24/7", lat=LAT + 0.205, business_area="North"),
]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    world = World("texts", ENVELOPE, AT, [dict(row) for row in TEXT_SHOPS], [], [PROGRAM])
    return Duel(world, tmp_path_factory.mktemp("texts"))


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        # A text is never fixed: the hall is no bakery.
        ({"q": "amber bakery", "open": "now", "radius": 1_300.0}, {"m0": "wait", "m2": "move"}),
        ({"q": "amber", "radius": 1_000.0}, {"m1": "move"}),
        # `bakery` is found nowhere near, and left out; farther away it is found.
        ({"q": "amber bakery", "radius": 800.0, "lat": LAT + 0.004, "ids": ("m1", "m2")}, {}),
        ({"q": "north", "radius": 200.0}, {"m4": "move"}),
    ],
    ids=str,
)
def test_texts_keep_the_words_of_the_answer(
    texts: Duel, wish: dict[str, Any], found: dict[str, str]
) -> None:
    values: dict[str, Any] = {"lat": LAT, "lng": LNG, "at": AT, "near_misses": 20, **wish}
    query = Query(**values)
    misses = texts.engine.search(query).near_misses or ()
    told = {miss.merchant["merchant_id"]: miss.fix.code for miss in misses}
    assert told == found
    for miss in misses:
        assert miss.merchant["merchant_id"] in ids_of(texts.engine, miss.fix.applied(query))
        assert miss.merchant["merchant_id"] not in ids_of(texts.engine, query)


def test_an_allowance_gives_the_answer_or_none(duel: Duel) -> None:
    query = Query(lat=LAT, lng=LNG, at=AT, near_misses=5, **RED)
    expected = duel.engine.page(query).answer.near_misses
    assert expected
    found = []
    for power in range(14):
        with suppress(TooMuchWork), Allowance(2**power):
            found.append(duel.engine.page(query).answer.near_misses)
    assert 0 < len(found) < 14
    assert found == [expected] * len(found)


def test_a_page_says_what_an_answer_says(duel: Duel) -> None:
    query = Query(lat=LAT, lng=LNG, at=AT, near_misses=5, **RED)
    answer, page = duel.engine.search(query), duel.engine.page(query)
    body = json.loads(b"".join(encode_page(page)))
    assert body["near_misses"] == answer.metadata()["near_misses"]
    assert list(body)[:4] == ["snapshot_id", "at", "took_us", "results"]
    miss = body["near_misses"][0]
    assert list(miss) == ["merchant", "distance_m", "open", "fix", "best_deal", "value"]
    assert "near_misses" not in json.loads(
        b"".join(encode_page(duel.engine.page(Query(lat=LAT, lng=LNG, at=AT))))
    )
    lines = list(miss_lines(body))
    assert len(lines) == len(body["near_misses"])
    assert any("with the card Blue, ¥12 a year: saves ¥5" in line for line in lines)


def test_a_leaf_that_promises_more_than_it_holds_hides_no_other(tmp_path: Path) -> None:
    """The best shop of one leaf never opens; the others of it are worse than those of the next."""
    soon = {"opening_hours": "12:01-13:00", "rating_count": 3000}
    shops = [merchant(number, **soon, rating=3.5, lat=LAT) for number in range(15)]
    shops.append(merchant(15, opening_hours="off", rating=5.0, rating_count=3000, lat=LAT))
    shops += [merchant(number, **soon, rating=4.2, lat=LAT + 0.001) for number in range(16, 32)]
    duel = Duel(World("leaves", ENVELOPE, AT, shops, [], [PROGRAM]), tmp_path)
    query = Query(lat=LAT, lng=LNG, at=AT, near_misses=1, **NOW)
    (miss,) = duel.engine.search(query).near_misses or ()
    assert miss.merchant["merchant_id"] == "m16"


def test_nothing_asked_costs_nothing(duel: Duel) -> None:
    plain = Query(lat=LAT, lng=LNG, at=AT, explain=True, **RED)
    near = Query(lat=LAT, lng=LNG, at=AT, explain=True, near_misses=3, **RED)
    for _ in range(2):
        found, asked = duel.engine.search(plain), duel.engine.search(near)
        assert found.near_misses is None
        assert found.explain is not None
        assert asked.explain is not None
        assert "near_misses" not in found.explain
        assert found.explain["work"] == asked.explain["work"]
        assert asked.explain["near_misses"]["docs"] > 0
