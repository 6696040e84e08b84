"""Budgets: `max_pay` of a query, by hand; every case is asked of the oracle, too.

A shop with a number of its own stands 111 m further north than the one before it.
"""

from __future__ import annotations

from typing import Any

import pytest

from geosearch.errors import BadRequest
from geosearch.kernel import filters
from geosearch.query.query import Query
from geosearch.search import plan
from geosearch.search.searcher import Searcher
from tests.comparison import Duel, to_query
from tests.generators import World
from tests.geosearch.answer.few_shops import LAT, LNG, NOW
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, shops_with_deals

ANYTHING = 2_000_000_000

SHOPS: list[tuple[int | None, list[Row]]] = [
    (5_000, []),
    (None, []),
    (6_000, [{"percent": 20, "offer_type": "cashback"}]),
    (7_000, [{"face_value": 900, "offer_type": "free_item"}]),
    (12_000, [{"face_value": 10_000, "price": 8_000, "offer_type": "voucher"}]),
    (10_000, [
        {"list_price": 19_000, "price": 9_000, "offer_type": "bundle"},
        {"amount": 2_000, "offer_type": "amount_off"},
    ]),
    (3_000, [{"list_price": 18_000, "price": 8_800, "offer_type": "bundle"}]),
    (None, [{"percent": 10}, {"list_price": 5_000, "price": 4_000, "offer_type": "bundle"}]),
    (None, [{"percent": 10}, {"face_value": 900, "offer_type": "free_item"}]),
    (9_000, [{"amount": 4_000, "offer_type": "amount_off", "new_customer_only": True}]),
    (9_000, [
        {"amount": 1_000, "offer_type": "amount_off", "program_id": "red"},
        {"amount": 3_000, "offer_type": "amount_off"},
    ]),
    (9_000, [
        {"percent": 40, "program_id": "red"},
        {"list_price": 20_000, "price": 9_500, "offer_type": "bundle"},
    ]),
]  # fmt: skip
"""Usual bill and deals of each shop; deal 1 of shop 5 is `d51`."""


@pytest.fixture(scope="module")
def duel(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    shops, deals = shops_with_deals(SHOPS)
    world = World("budget", ENVELOPE, NOW, shops, deals, [PROGRAM])
    return Duel(world, tmp_path_factory.mktemp("budget"))


@pytest.fixture(scope="module")
def engine(duel: Duel) -> Searcher:
    return duel.engine


def asked(duel: Duel, max_pay: int, **wish: Any) -> list[str]:
    """Ids found within a budget, in order; the oracle finds the same."""
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "max_pay": max_pay, "total": True}
    request |= {"facets": ["program", "offer_type"], **wish}
    expected = duel.check_rank(request)
    answer = duel.check_search(request, expected)
    assert answer.total == len(answer.hits)
    return [hit.merchant["merchant_id"] for hit in answer.hits]


RED = {"cards": ["red"]}
ANY, OPTIONAL, BEST = {"deals": "any"}, {"deals": "optional"}, {"deals": "card_best"}


@pytest.mark.parametrize(
    ("shop", "wish", "least"),
    [
        (0, {}, 5_000),
        (0, {"party_size": 2}, 10_000),
        (0, {"spend": 700}, 700),
        (0, {"spend": 0}, 0),
        (0, RED | OPTIONAL, 5_000),
        (0, ANY, None),
        (1, {}, None),
        (1, {"spend": 700}, 700),
        (2, {}, 6_000),  # cashback comes later: the whole bill is paid
        (2, ANY, 6_000),
        (2, {"party_size": 3}, 18_000),
        (3, {}, 7_000),
        (3, ANY, 7_000),
        (4, {}, 10_000),  # the voucher pays part of the bill
        (4, ANY, 10_000),
        (4, {"spend": 9_999}, 9_999),  # too little for the voucher
        (4, ANY | {"spend": 9_999}, None),
        (5, {}, 8_000),
        (5, ANY, 8_000),
        (5, {"offer_type": ["bundle"]}, 9_000),
        (6, {}, 8_800),  # by the letter: the bundle costs more than the usual bill
        (6, ANY, 8_800),
        (7, {}, 4_000),  # only the bundle's price is known
        (7, ANY, 4_000),
        (7, {"offer_type": ["percent_off"]}, None),
        (8, {}, None),
        (8, ANY, None),
        (8, {"spend": 1_000}, 900),
        (9, {}, 9_000),
        (9, ANY, None),
        (9, {"new_customer": True}, 5_000),
        (9, ANY | {"new_customer": True}, 5_000),
        (10, {}, 6_000),
        (10, RED, 8_000),
        (10, RED | ANY, 6_000),
        (10, RED | OPTIONAL, 6_000),
        (10, RED | BEST, None),
        (11, {}, 9_500),
        (11, RED, 5_400),
        (11, RED | ANY, 5_400),
        (11, RED | OPTIONAL, 5_400),
        (11, RED | BEST, 5_400),
    ],
)
@pytest.mark.parametrize("sort", ["best", "distance", "saving"])
def test_a_shop_matches_from_what_is_paid_there(
    duel: Duel, sort: str, shop: int, wish: dict[str, Any], least: int | None
) -> None:
    one = {"ids": [f"m{shop}"], "sort": sort, **wish}
    if least is None:
        assert asked(duel, ANYTHING, **one) == []
        return
    assert asked(duel, least, **one) == [f"m{shop}"]
    if least > 0:
        assert asked(duel, least - 1, **one) == []


@pytest.mark.parametrize(("max_pay", "found"), [(9_499, ["m11"]), (9_500, [])])
def test_a_public_deal_beyond_the_budget_beats_no_card(
    duel: Duel, max_pay: int, found: list[str]
) -> None:
    assert asked(duel, max_pay, ids=["m11"], **RED, **BEST) == found


@pytest.mark.parametrize(
    ("shop", "wish", "max_pay", "best", "public", "others"),
    [
        (5, {}, 9_000, "d50", None, ["d51"]),
        (5, {}, 8_999, "d51", None, ["d50"]),
        (7, {}, 4_000, "d71", None, ["d70"]),
        (9, {}, 9_000, None, None, ["d90"]),
        (9, {"new_customer": True}, 9_000, "d90", None, []),
        (10, RED, 8_000, "d100", "d101", ["d101"]),
        (10, RED | ANY, 8_000, "d101", None, ["d100"]),
        (10, RED | ANY, 7_999, "d101", None, ["d100"]),
        (11, RED, 9_499, "d110", None, ["d111"]),
        (11, RED, 9_500, "d110", "d111", ["d111"]),
        (11, RED | ANY, 9_499, "d110", None, ["d111"]),
        (11, RED | ANY, 9_500, "d111", None, ["d110"]),
    ],
)  # fmt: skip
def test_dear_deals_are_never_the_best(
    engine: Searcher,
    shop: int,
    wish: dict[str, Any],
    max_pay: int,
    best: str | None,
    public: str | None,
    others: list[str],
) -> None:
    query = Query(lat=LAT, lng=LNG, at=NOW, ids=(f"m{shop}",), max_pay=max_pay, **wish)
    (hit,) = engine.search(query).hits
    told = (hit.best_deal, hit.better_public)
    assert [None if one is None else one.deal_id for one in told] == [best, public]
    assert [one.deal_id for one in hit.deals] == others


SORTED = [
    ({"sort": "distance"}, "m0 m2 m3 m5 m7 m10"),
    ({"sort": "saving"}, "m10 m5 m2 m7 m3 m0"),
    ({"sort": "best"}, "m10 m5 m2 m7 m3 m0"),
    (ANY | {"sort": "distance"}, "m2 m3 m5 m7 m10"),
    (RED | {"sort": "distance"}, "m10 m11"),
]


@pytest.mark.parametrize("lists", [0, plan.DRIVER_DOCS])
@pytest.mark.parametrize(("wish", "found"), SORTED)
def test_only_what_is_affordable_is_counted_as_saved(
    duel: Duel, wish: dict[str, Any], found: str, lists: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "DRIVER_DOCS", lists)
    assert asked(duel, 8_000, **wish) == found.split()


@pytest.mark.parametrize(("wish", "found"), SORTED)
def test_a_budget_has_filters_of_its_own(
    duel: Duel, wish: dict[str, Any], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "ASKED_BEFORE", 0)
    now = {"open": "now", "hours_unknown": "include", **wish}
    for _ in range(2):
        everywhere = asked(duel, ANYTHING, **now)
        assert set(everywhere) >= set(found.split())
        assert asked(duel, 8_000, **now) == found.split()
        free = to_query({"lat": LAT, "lng": LNG, "at": NOW.isoformat(), **now})
        assert len(duel.engine.search(free).hits) >= len(everywhere)


@pytest.mark.parametrize(
    ("max_pay", "facets"),
    [
        (8_000, {"program": {"red": 1}, "offer_type": {
            "amount_off": 2, "bundle": 1, "cashback": 1, "free_item": 1,
        }}),
        (7_999, {"program": {}, "offer_type": {
            "amount_off": 1, "bundle": 1, "cashback": 1, "free_item": 1,
        }}),
    ],
)  # fmt: skip
def test_facets_count_affordable_deals(
    engine: Searcher, max_pay: int, facets: dict[str, dict[str, int]]
) -> None:
    names = ("program", "offer_type")
    query = Query(lat=LAT, lng=LNG, at=NOW, max_pay=max_pay, facets=names)
    assert engine.search(query).facets == facets


def test_a_cursor_is_of_one_budget(engine: Searcher) -> None:
    first = Query(lat=LAT, lng=LNG, at=NOW, max_pay=8_000, limit=2)
    cursor = engine.search(first).next_cursor
    more = Query(lat=LAT, lng=LNG, at=NOW, max_pay=8_000, cursor=cursor)
    assert len(engine.search(more).hits) == 4
    for other in (8_001, None):
        with pytest.raises(BadRequest, match="other parameters"):
            engine.search(Query(lat=LAT, lng=LNG, at=NOW, max_pay=other, cursor=cursor))
