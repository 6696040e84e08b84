"""The least larger bill is the first one of a plain loop over all of them."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

import pytest

from tests.comparison import Duel, to_query
from tests.generators import World, chance
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, merchant
from tests.near_oracle import NearOracle

AT = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
SHOPS = 160
HERE: dict[str, Any] = {"lat": 31.23, "lng": 121.47, "at": AT.isoformat(), "near_minutes": 1}


def terms(rng: Random) -> Row:
    """Terms that depend on the bill, with rates that differ little."""
    kind = rng.choice(("percent_off", "percent_off", "cashback", "amount_off", "voucher"))
    deal: Row = {"offer_type": kind, "title": "Deal"}
    if kind in ("percent_off", "cashback"):
        deal["percent"] = rng.choice((10, 11, 12, 12.5, 30, 33.3333, 99, 100))
        deal |= {"max_discount": rng.choice((2, 5, 9))} if chance(rng, 0.4) else {}
    elif kind == "amount_off":
        deal["amount"] = rng.choice((2, 5, 30))
    else:
        deal |= {"face_value": rng.choice((6, 10)), "price": 5}
        deal |= {"max_uses": rng.randint(1, 6)} if chance(rng, 0.7) else {}
    if chance(rng, 0.4):
        deal["min_spend"] = rng.choice((1, 20, 33, 60))
    return deal


@pytest.fixture(scope="module")
def duel(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    rng = Random("bills")
    shops = [merchant(number, avg_price=rng.randint(1, 30)) for number in range(SHOPS)]
    deals: list[Row] = []
    for number in range(SHOPS):
        for _ in range(rng.randint(1, 4)):
            deal = {"deal_id": f"d{len(deals)}", "merchant_ids": [f"m{number}"], **terms(rng)}
            deal |= {"program_id": "red"} if chance(rng, 0.5) else {}
            deals.append(deal | {"stack_group": Random(f"group {deal}").choice("abcd")})
    world = World("bills", ENVELOPE, AT, shops, deals, [PROGRAM])
    return Duel(world, tmp_path_factory.mktemp("bills"))


@pytest.mark.parametrize(
    ("wish", "fewest"),
    [
        ({"deals": "card"}, 3),
        ({"deals": "card_best"}, 6),
        ({"deals": "card_best", "spend": 19}, 10),
        ({"deals": "card_best", "max_pay": 12}, 3),
        ({"deals": "card", "spend": 15, "max_pay": 11}, 1),
        ({"deals": "any", "spend": 9}, 8),
        ({"deals": "any", "max_pay": 6, "spend": 7}, 2),
        ({"deals": "optional", "max_pay": 5}, 2),
        ({"deals": "card_best", "stacking": "on"}, 4),
        ({"deals": "card_best", "spend": 19, "stacking": "on"}, 4),
        ({"deals": "card_best", "max_pay": 9, "stacking": "on"}, 4),
        ({"deals": "card", "max_pay": 6, "stacking": "on"}, 1),
        ({"deals": "any", "max_pay": 4, "spend": 17, "stacking": "on"}, 1),
        ({"deals": "optional", "max_pay": 4, "stacking": "on"}, 1),
    ],
    ids=str,
)
def test_the_least_bill(duel: Duel, wish: dict[str, Any], fewest: int) -> None:
    oracle = NearOracle(duel.oracle)
    request = HERE | {"cards": ["red"]} | wish
    query = to_query(request)
    found = 0
    for merchant_id, shop in duel.oracle.shops.items():
        told = duel.engine.why(merchant_id, query)
        assert told is not None
        spends = [fix["spend"] for fix in told["fixes"] if fix["code"] == "spend"]
        matches = oracle.judge(request, shop) is not None
        expected = [] if matches else [one.change for one in oracle._spends(request, shop)]
        assert spends == expected, (merchant_id, shop.deals)
        found += len(spends)
    assert found >= fewest
