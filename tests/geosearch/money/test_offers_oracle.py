"""The savings table, line by line, as the engine answers it.

Each line is a deal of a shop of its own; the outcome was worked out by hand from the contract. The
oracle has its own such table (`tests/test_oracles.py`); here both also meet on random deals.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.comparison import Duel, to_query
from tests.generators import OFFER_TYPES, World, make_deal
from tests.oracles import conditions_met, expected_spend, saving_and_pay

AT = "2026-10-12T12:00:00+08:00"
UNUSABLE = "-"

# deal | usual price | spend asked for | party | saving, pay or unusable
TABLE = """
percent_off percent=10 | - | 12345 | 1 | 1234 11111
percent_off percent=10 | - | 0 | 1 | 0 0
percent_off percent=10 | - | - | 1 | ? ?
percent_off percent=10 | 5000 | - | 1 | 500 4500
percent_off percent=10 | 5000 | - | 3 | 1500 13500
percent_off percent=10 | 5000 | 700 | 3 | 70 630
percent_off percent=10 | 0 | - | 3 | 0 0
percent_off percent=9.5 | - | 1000 | 1 | 95 905
percent_off percent=9.5 | - | 1010 | 1 | 95 915
percent_off percent=33.3333 | - | 30000 | 1 | 9999 20001
percent_off percent=33.3333 | - | 30001 | 1 | 10000 20001
percent_off percent=0.0001 | - | 999999 | 1 | 0 999999
percent_off percent=0.0001 | - | 1000000 | 1 | 1 999999
percent_off percent=0.29 | - | 100 | 1 | 0 100
percent_off percent=29 | - | 100 | 1 | 29 71
percent_off percent=57 | - | 100 | 1 | 57 43
percent_off percent=100 | - | 777 | 1 | 777 0
percent_off percent=100 | - | 2000000000 | 1 | 2000000000 0
percent_off percent=99.9999 | - | 2000000000 | 1 | 1999998000 2000
percent_off percent=10 | 2000000000 | - | 1000 | 200000000000 1800000000000
percent_off percent=10 max_discount=500 | - | 9999 | 1 | 500 9499
percent_off percent=10 max_discount=500 | - | 4000 | 1 | 400 3600
percent_off percent=10 max_discount=500 | - | - | 1 | ? ?
percent_off percent=10 min_spend=5000 | - | 4999 | 1 | -
percent_off percent=10 min_spend=5000 | - | 5000 | 1 | 500 4500
percent_off percent=10 min_spend=5000 | - | - | 1 | ? ?
percent_off percent=10 min_spend=5000 | 2500 | - | 1 | -
percent_off percent=10 min_spend=5000 | 2500 | - | 2 | 500 4500
percent_off percent=10 party_min=2 | - | 1000 | 1 | -
percent_off percent=10 party_min=2 party_max=4 | - | 1000 | 2 | 100 900
percent_off percent=10 party_min=2 party_max=4 | - | 1000 | 4 | 100 900
percent_off percent=10 party_min=2 party_max=4 | - | 1000 | 5 | -
amount_off amount=600 | - | 10000 | 1 | 600 9400
amount_off amount=600 | - | 600 | 1 | 600 0
amount_off amount=600 | - | 500 | 1 | 500 0
amount_off amount=600 | - | 0 | 1 | 0 0
amount_off amount=600 | - | - | 1 | ? ?
amount_off amount=600 min_spend=501 | - | 500 | 1 | -
amount_off amount=600 min_spend=501 | - | 501 | 1 | 501 0
amount_off amount=600 party_max=1 | - | 9000 | 2 | -
voucher face_value=5000 price=4000 | - | 4999 | 1 | -
voucher face_value=5000 price=4000 | - | 5000 | 1 | 1000 4000
voucher face_value=5000 price=4000 | - | 12000 | 1 | 1000 11000
voucher face_value=5000 price=4000 | - | - | 1 | ? ?
voucher face_value=5000 price=4000 | 2500 | - | 2 | 1000 4000
voucher face_value=5000 price=4000 max_uses=3 | - | 9999 | 1 | 1000 8999
voucher face_value=5000 price=4000 max_uses=3 | - | 10000 | 1 | 2000 8000
voucher face_value=5000 price=4000 max_uses=3 | - | 90000 | 1 | 3000 87000
voucher face_value=5000 price=4000 min_spend=6000 | - | 5500 | 1 | -
voucher face_value=5000 price=4000 min_spend=100 | - | 4999 | 1 | -
voucher face_value=5000 price=4000 max_discount=1 | - | 5000 | 1 | 1000 4000
bundle list_price=9900 price=6800 | - | 50 | 1 | 3100 6800
bundle list_price=9900 price=6800 | - | - | 1 | 3100 6800
bundle list_price=9900 price=6800 min_spend=1000 | - | 50 | 1 | 3100 6800
bundle list_price=9900 price=6800 party_min=2 party_max=4 | - | - | 1 | -
bundle list_price=9900 price=6800 party_min=2 party_max=4 | - | - | 2 | 3100 6800
bundle list_price=9900 price=6800 party_min=2 party_max=4 | - | - | 4 | 3100 6800
bundle list_price=9900 price=6800 party_min=2 party_max=4 | - | - | 5 | -
cashback percent=5 | - | 10000 | 1 | 500 10000
cashback percent=5 max_discount=300 | - | 10000 | 1 | 300 10000
cashback percent=5 min_spend=10001 | - | 10000 | 1 | -
cashback percent=5 | - | - | 1 | ? ?
free_item face_value=1800 | - | 2000 | 1 | 1800 2000
free_item face_value=1800 | - | - | 1 | 1800 ?
free_item face_value=1800 | 700 | - | 2 | 1800 1400
free_item face_value=1800 min_spend=9000 | - | 2000 | 1 | 1800 2000
"""
LINES = [line.split(" | ") for line in TABLE.strip().splitlines()]


def number(text: str) -> int | None:
    return None if text in ("-", "?") else int(text)


def terms_of(text: str) -> dict[str, Any]:
    """`voucher face_value=5000` as the fields of a deal."""
    kind, *pairs = text.split()
    terms: dict[str, Any] = {"offer_type": kind}
    for pair in pairs:
        name, _, value = pair.partition("=")
        terms[name] = float(value) if "." in value else int(value)
    return terms


def shop_world(shops: list[dict[str, Any]], deals: list[dict[str, Any]]) -> World:
    """A world in which every shop stands on one spot."""
    envelope = {
        "snapshot_id": "savings",
        "schema_version": 1,
        "created_at": AT,
        "time_zone": "Asia/Shanghai",
        "country": "CN",
        "currency": "CNY",
    }
    world = World(kind="city", envelope=envelope, now=datetime.fromisoformat(AT))
    world.merchants = [{"name": "Shop", "lat": 31.0, "lng": 121.0} | shop for shop in shops]
    world.deals = [{"title": "Deal"} | deal for deal in deals]
    return world


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    shops: list[dict[str, Any]] = []
    deals: list[dict[str, Any]] = []
    for row, (deal, price, *_) in enumerate(LINES):
        shops.append({"merchant_id": f"m{row}", "avg_price": number(price)})
        shops[-1]["categories"] = [f"line.{row}"]
        deals.append({"deal_id": f"d{row}", "merchant_ids": [f"m{row}"], **terms_of(deal)})
    return Duel(shop_world(shops, deals), tmp_path_factory.mktemp("savings"))


@pytest.mark.parametrize("row", range(len(LINES)), ids=[" | ".join(line) for line in LINES])
def test_line(table: Duel, row: int) -> None:
    _, _, spend, party, outcome = LINES[row]
    request: dict[str, Any] = {"lat": 31.0, "lng": 121.0, "at": AT, "categories": [f"line.{row}"]}
    request |= {"spend": number(spend), "party_size": int(party)}
    (hit,) = table.engine.search(to_query(request)).hits
    if outcome == UNUSABLE:
        assert hit.best_deal is None
    else:
        assert hit.best_deal is not None
        assert [hit.best_deal.saving, hit.best_deal.pay] == [number(n) for n in outcome.split()]
    table.check_search(request, table.check_rank(request))
    wanted = table.engine.rank(to_query(request | {"deals": "any", "total": True}))
    assert wanted.total == (outcome != UNUSABLE)


def test_every_offer_type_has_lines() -> None:
    for kind in OFFER_TYPES:
        outcomes = [line[4] for line in LINES if line[0].startswith(kind)]
        assert len(outcomes) >= 4
        assert kind == "free_item" or UNUSABLE in outcomes
        assert kind == "bundle" or any("?" in outcome for outcome in outcomes)


@pytest.mark.parametrize(
    ("offers", "order"),
    [
        ({"b": "amount_off amount=100", "a": "amount_off amount=200"}, "ab"),
        ({"b": "amount_off amount=200", "a": "amount_off amount=100"}, "ba"),
        ({"b": "amount_off amount=100", "a": "amount_off amount=100"}, "ab"),
        ({"a": "free_item face_value=100", "b": "amount_off amount=100"}, "ba"),
        ({"a": "cashback percent=1", "b": "percent_off percent=1"}, "ba"),
        ({"a": "bundle list_price=200 price=100", "b": "amount_off amount=100"}, "ab"),
        ({"a": "amount_off amount=1", "B": "amount_off amount=1"}, "Ba"),
        (
            {"é": "amount_off amount=1", "z": "amount_off amount=1", "店": "amount_off amount=1"},
            "zé店",
        ),
        ({"10": "amount_off amount=1", "9": "amount_off amount=1"}, ["10", "9"]),
    ],
)
def test_best_first(offers: dict[str, str], order: str, tmp_path: Path) -> None:
    deals = [
        {"deal_id": name, "merchant_ids": ["m"], **terms_of(text)} for name, text in offers.items()
    ]
    duel = Duel(shop_world([{"merchant_id": "m"}], deals), tmp_path)
    request = {"lat": 31.0, "lng": 121.0, "at": AT, "spend": 10_000}
    (hit,) = duel.engine.search(to_query(request)).hits
    assert hit.best_deal is not None
    assert [hit.best_deal.deal_id, *(deal.deal_id for deal in hit.deals)] == list(order)


def test_known_savings_beat_unknown_ones(tmp_path: Path) -> None:
    texts = {"a": "amount_off amount=99999", "b": "free_item face_value=1"}
    texts["c"] = "bundle list_price=2 price=1"
    deals = [
        {"deal_id": name, "merchant_ids": ["m"], **terms_of(text)} for name, text in texts.items()
    ]
    duel = Duel(shop_world([{"merchant_id": "m"}], deals), tmp_path)
    for spend, order in ((None, "cba"), (500, "acb")):
        request = {"lat": 31.0, "lng": 121.0, "at": AT, "spend": spend}
        (hit,) = duel.engine.search(to_query(request)).hits
        assert hit.best_deal is not None
        assert hit.best_deal.deal_id + "".join(deal.deal_id for deal in hit.deals) == order


def test_random_deals(tmp_path: Path) -> None:
    """Thousands of random deals, spends and parties: one shop each, compared one by one."""
    rng = Random("deals")
    shops, deals = [], []
    for row in range(100):
        price = rng.choice((None, 0, 1, 999, 5000, rng.randint(0, 100_000)))
        shops.append({"merchant_id": f"m{row}", "avg_price": price})
        deal = make_deal(rng, OFFER_TYPES[row % len(OFFER_TYPES)])
        deals.append({"deal_id": f"d{row}", "merchant_ids": [f"m{row}"]} | deal)
    duel = Duel(shop_world(shops, deals), tmp_path)
    usable = compared = 0
    for _ in range(40):
        request: dict[str, Any] = {"lat": 31.0, "lng": 121.0, "at": AT, "limit": 100}
        request |= {"party_size": rng.choice((1, 2, 3, 4, 5, 6, 7))}
        request |= {"spend": rng.choice((None, 0, 4999, 5000, rng.randint(0, 30_000)))}
        for hit in duel.engine.search(to_query(request)).hits:
            row = int(hit.merchant["merchant_id"][1:])
            spend = expected_spend(request, shops[row])
            met = conditions_met(deals[row], spend, request["party_size"])
            best = hit.best_deal
            assert met == (best is not None)
            if best is not None:
                assert (best.saving, best.pay) == saving_and_pay(deals[row], spend), deals[row]
                usable += 1
            compared += 1
    assert compared == 4000
    assert usable > 2000
