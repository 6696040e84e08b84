"""What `sort=best` counts of a saving, by hand; every case is asked of the oracle, too.

A shop with a number of its own stands 111 m further north than the one before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geosearch.indexing.pipeline import build
from geosearch.kernel import filters
from geosearch.money.ranking import Weights
from geosearch.search import plan
from geosearch.search.searcher import open_index
from tests.comparison import Duel, to_query
from tests.generators import World
from tests.geosearch.answer.few_shops import LAT, LNG, NOW
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, deal, merchant


def bundle(list_price: int, price: int) -> Row:
    return {"offer_type": "bundle", "list_price": list_price, "price": price}


def gift(face_value: int) -> Row:
    return {"offer_type": "free_item", "face_value": face_value}


def off(amount: int, **terms: Any) -> Row:
    return {"offer_type": "amount_off", "amount": amount, **terms}


VOUCHER: Row = {"offer_type": "voucher", "face_value": 20_000, "price": 15_000}
BACK: Row = {"offer_type": "cashback", "percent": 20}
TENTH_BACK: Row = {"offer_type": "cashback", "percent": 10}

SHOPS: list[tuple[int | None, str | None, list[Row]]] = [
    (5_000, "24/7", [{"percent": 10}]),
    (20_000, "24/7", [{"percent": 10}]),
    (84_900, "24/7", [bundle(160_500, 84_900)]),
    (6_000, "24/7", [gift(900)]),
    (None, "24/7", [gift(900)]),
    (None, "24/7", [gift(25_000)]),
    (20_000, "24/7", [gift(5_000)]),
    (10_000, "24/7", [BACK]),
    (40_000, "24/7", [off(4_000)]),
    (40_000, "24/7", [VOUCHER]),
    (9_000, "24/7", [bundle(12_000, 10_000), bundle(10_000, 8_000)]),
    (10_000, "24/7", [gift(1_000), TENTH_BACK]),
    (10_000, "24/7", [TENTH_BACK, gift(1_000)]),
    (9_000, "24/7", [bundle(40_000, 28_000), off(4_000)]),
    (None, "24/7", [{"percent": 10}]),
    (5_000, "18:00-02:00", [{"percent": 10}]),
    (5_000, None, [{"percent": 10}]),
    (9_000, "24/7", [off(5_000, new_customer_only=True), off(1_000)]),
    (9_000, "24/7", [off(3_000, program_id="red"), off(6_000)]),
    (9_000, "24/7", [bundle(30_000, 20_000), off(500)]),
    (9_000, "24/7", []),
    (20_000, "24/7", [off(3_000), bundle(10_000, 7_000)]),
]
"""Usual bill, hours and deals of each shop; deal 1 of shop 5 is `d051`."""
HOTEL, CLOSED = 2, 15


@pytest.fixture(scope="module")
def duel(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    shops = [
        merchant(number, avg_price=price, opening_hours=hours, lat=LAT + number / 1_000)
        for number, (price, hours, _) in enumerate(SHOPS)
    ]
    deals = []
    for number, (_, _, offers) in enumerate(SHOPS):
        for at, terms in enumerate(offers):
            row = deal(0, deal_id=f"d{number:02}{at}", merchant_ids=[f"m{number}"], **terms)
            if "percent" not in terms:
                del row["percent"]
            deals.append(row)
    world = World("best", ENVELOPE, NOW, shops, deals, [PROGRAM])
    return Duel(world, tmp_path_factory.mktemp("best"))


def asked(duel: Duel, **wish: Any) -> list[Row]:
    """Results in order; the oracle finds the same."""
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "limit": 100, "explain": True}
    request |= wish
    answer = duel.check_search(request, duel.check_rank(request))
    return [
        {
            "shop": int(hit.merchant["merchant_id"][1:]),
            "deal": hit.best_deal.deal_id if hit.best_deal else None,
            "reasons": hit.reasons,
            **(hit.explain or {}),
        }
        for hit in answer.hits
    ]


OPTIONAL = {"deals": "optional"}
PARTY, SPEND = "party_size", "spend"


@pytest.mark.parametrize(
    ("shop", "wish", "best", "saving", "counted"),
    [
        (0, {}, "d000", 500, 500.0),
        (0, {PARTY: 3}, "d000", 1_500, 1_500.0),
        (0, {SPEND: 0}, "d000", 0, 0.0),
        (1, {}, "d010", 2_000, 1_000.0),  # half of the bill is the reference
        (1, {PARTY: 2}, "d010", 4_000, 2_000.0),
        (1, {SPEND: 20_000}, "d010", 2_000, 2_000.0),  # who spends it counts all of it
        (1, {SPEND: 30_000, PARTY: 2}, "d010", 3_000, 3_000.0),
        (2, {}, "d020", 75_600, 75_600 * 10_000 / 160_500),
        (2, {PARTY: 2}, "d020", 75_600, 75_600 * 20_000 / 160_500),
        (2, {PARTY: 1_000}, "d020", 75_600, 75_600.0),
        (2, {SPEND: 160_499}, "d020", 75_600, 75_600 * 160_499 / 160_500),
        (2, {SPEND: 160_500}, "d020", 75_600, 75_600.0),
        (2, {SPEND: 0}, "d020", 75_600, 0.0),
        (3, {}, "d030", 900, 450.0),
        (3, {SPEND: 900}, "d030", 900, 225.0),  # the bill and the gift are twice the spend
        (4, {}, "d040", 900, 450.0),  # the bill is unknown: only the gift counts as one
        (5, {}, "d050", 25_000, 5_000.0),
        (5, {PARTY: 3}, "d050", 25_000, 12_500.0),
        (6, {}, "d060", 5_000, 1_000.0),
        (7, {}, "d070", 2_000, 2_000 * 10 / 12),  # paid 100, and 20 come back later
        (7, {SPEND: 10_000}, "d070", 2_000, 2_000 * 10 / 12),
        (8, {}, "d080", 4_000, 1_000.0),
        (8, {PARTY: 2}, "d080", 4_000, 1_000.0),
        (8, {SPEND: 40_000}, "d080", 4_000, 4_000.0),
        (9, {}, "d090", 5_000, 1_250.0),
        (10, {}, "d101", 2_000, 2_000.0),  # the lower pay of two equal savings
        (11, {}, "d110", 1_000, 1_000 * 10 / 11 / 2),  # equal savings and pays: the first id
        (12, {}, "d120", 1_000, 1_000 * 10 / 11),
        (13, {}, "d130", 12_000, 3_000.0),  # the largest saving, though less of it counts
        (13, {"max_pay": 20_000}, "d131", 4_000, 4_000.0),
        (14, {}, "d140", None, 0.0),
        (14, {SPEND: 700}, "d140", 70, 70.0),
        (15, {}, "d150", 500, 0.0),
        (15, {"at": "2026-11-22T18:00:00+08:00"}, "d150", 500, 500.0),
        (15, {"at": "2026-11-22T18:00:00+08:00", "open": "now"}, "d150", 500, 500.0),
        (16, {}, "d160", 500, 500.0),  # unknown hours are not closed
        (17, {}, "d171", 1_000, 1_000.0),
        (17, {"new_customer": True}, "d170", 5_000, 5_000.0),
        (18, {}, "d181", 6_000, 6_000.0),
        (18, {"cards": ["red"]}, "d180", 3_000, 3_000.0),
        (18, {"cards": ["red"]} | OPTIONAL, "d181", 6_000, 6_000.0),
        (19, {}, "d190", 10_000, 10_000 / 3),
        (19, {"max_pay": 9_000}, "d191", 500, 500.0),
        (20, {}, None, None, 0.0),
        (21, {}, "d211", 3_000, 3_000.0),  # as much off the usual bill leaves more to pay
        (21, {SPEND: 5_000}, "d210", 3_000, 3_000.0),
    ],
)
def test_what_counts(
    duel: Duel, shop: int, wish: Row, best: str | None, saving: int | None, counted: float
) -> None:
    (found,) = [one for one in asked(duel, **wish) if one["shop"] == shop]
    assert (found["deal"], found["saving"]) == (best, saving)
    assert found["counted_saving"] == pytest.approx(counted, rel=1e-12)
    assert found["expected_saving"] == pytest.approx(0.9 * counted, rel=1e-12)
    score = found["expected_saving"] - found["walk_cost"] + found["quality"]
    assert found["score"] == pytest.approx(score)


def test_the_reasons_tell_the_whole_saving(duel: Duel) -> None:
    (hotel,) = [one for one in asked(duel) if one["shop"] == HOTEL]
    assert hotel["reasons"][0] == "saves ¥756"
    (closed,) = [one for one in asked(duel) if one["shop"] == CLOSED]
    assert closed["reasons"][0] == "saves ¥5"


def test_the_order_by_saving_counts_all_of_it(duel: Duel) -> None:
    found = [(one["shop"], one["saving"]) for one in asked(duel, sort="saving")]
    assert found[:3] == [(HOTEL, 75_600), (5, 25_000), (13, 12_000)]
    assert CLOSED in [shop for shop, _ in found]


@pytest.mark.parametrize(
    "wish", [{}, {PARTY: 2}, {SPEND: 30_000}, {"cards": ["red"]}, {"open": "now"}]
)
def test_a_kept_filter_knows_what_counts(
    duel: Duel, wish: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(duel, **wish)
    monkeypatch.setattr(plan, "DRIVER_DOCS", -1)
    for _ in range(filters.ASKED_BEFORE + 2):
        again = duel.engine.rank(to_query({"lat": LAT, "lng": LNG, "at": NOW.isoformat()} | wish))
    assert [f"m{one['shop']}" for one in first][:20] == duel.engine.merchant_ids(again.doc_ids)


def test_weights_say_how_much_counts(tmp_path: Path, duel: Duel) -> None:
    """A reference above every bill, and whole gifts: the order of before."""
    duel.world.write(tmp_path / "snapshot")
    weights = Weights(reference_bill=999_999_999.0, gift_value=1.0)
    build(tmp_path / "snapshot", tmp_path / "index", now=NOW, weights=weights)
    query = to_query({"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "explain": True, "limit": 3})
    hits = open_index(tmp_path / "index").search(query).hits
    assert [hit.merchant["merchant_id"] for hit in hits] == [f"m{HOTEL}", "m5", "m13"]
    assert [(hit.explain or {})["counted_saving"] for hit in hits] == [75_600, 25_000, 12_000]
