"""What the text of a result says: times on the shop's clock, reasons, money known and unknown.

`tests.comparison` compares whole texts with `tests.result_oracle`; here are the cases it must meet.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from geosearch.query.query import Query
from geosearch.search import segment_view
from geosearch.search.searcher import Searcher
from indexes.geo.datum import from_wgs84
from tests.comparison import Duel
from tests.generators import World
from tests.geosearch.answer.few_shops import LAT, LNG, NOW, SHOPS, hit_of, shops_in
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, deal, merchant

CURRENCIES = ("CNY", "JPY", "KWD", "CHF", "HKD", "KRW")
"""With two, no and three digits; with a sign of one character, of several, and without one."""
CLOCKS = {
    "Asia/Kathmandu": "+05:45",
    "America/St_Johns": "-03:30",
    "Pacific/Kiritimati": "+14:00",
    "Pacific/Niue": "-11:00",
    "UTC": "+00:00",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return shops_in(tmp_path_factory.mktemp("few")).engine


@pytest.mark.parametrize(
    ("number", "state", "closes_at", "opens_at"),
    [
        (0, "open", "2026-11-22T22:00:00+08:00", None),
        # Saturday 23:00 in New York.
        (1, "closed", None, "2026-11-22T10:00:00-05:00"),
        (2, "open", None, None),
        (3, "unknown", None, None),
        (4, "closed", None, None),
        (5, "closed", None, "2026-11-23T09:00:00+08:00"),
        (6, "closed", None, "2026-11-22T18:00:00+08:00"),
        (8, "unknown", None, None),
    ],
)
def test_times_are_on_the_clock_of_the_shop(
    engine: Searcher, number: int, state: str, closes_at: str | None, opens_at: str | None
) -> None:
    found = hit_of(engine, number).open
    assert (found.state, found.closes_at, found.opens_at) == (state, closes_at, opens_at)


def test_past_midnight_closes_tomorrow(engine: Searcher) -> None:
    found = hit_of(engine, 6, at=NOW + timedelta(hours=8))
    assert found.open.closes_at == "2026-11-23T02:00:00+08:00"
    assert found.reasons[-1] == "open until 02:00"


def test_what_is_open_as_the_horizon_ends_is_not_said_to_be_so_for_good(engine: Searcher) -> None:
    last = engine.end - timedelta(minutes=1)
    found = hit_of(engine, 1, at=last)  # 18:59 in New York
    assert (found.open.state, found.open.closes_at) == ("open", None)
    assert found.reasons[-1] == "open now"
    assert hit_of(engine, 2, at=last).reasons[-1] == "open around the clock"


@pytest.mark.parametrize(
    ("number", "wish", "reasons"),
    [
        (0, {}, ("省¥8", "步行1分钟", "营业至22:00")),
        (2, {}, ("步行1分钟", "24小时营业")),
        (5, {"cards": ("red",)}, ("用小红卡省¥12", "步行1分钟")),
        (6, {}, ("步行14分钟",)),
        (6, {"at": NOW + timedelta(hours=8)}, ("步行14分钟", "营业至02:00")),
        (7, {}, ("距离44.5公里", "24小时营业")),
    ],
)
def test_reasons_in_chinese(
    engine: Searcher, number: int, wish: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    assert hit_of(engine, number, lang="zh", **wish).reasons == reasons


@pytest.mark.parametrize(
    ("number", "reasons"),
    [
        (0, ("saves ¥8", "1 min walk", "open until 22:00")),
        (1, ("1 min walk",)),  # it saves an unknown part of an unknown bill
        (2, ("1 min walk", "open around the clock")),
        (3, ("saves ¥12", "1 min walk")),
        (6, ("14 min walk",)),  # 1,112 m at 80 m a minute
        (7, ("44.5 km away", "open around the clock")),
    ],
)
def test_reasons(engine: Searcher, number: int, reasons: tuple[str, ...]) -> None:
    assert hit_of(engine, number).reasons == reasons


def test_deals_are_best_first_with_what_they_save(engine: Searcher) -> None:
    hit = hit_of(engine, 0)
    assert hit.best_deal is not None
    assert (hit.best_deal.deal_id, hit.best_deal.saving, hit.best_deal.pay) == ("d1", 800, 5000)
    assert hit.best_deal.usable_until == "2026-11-22T14:00:00+08:00"
    assert hit.best_deal.currency == "CNY"
    (other,) = hit.deals
    assert (other.deal_id, other.saving, other.pay) == ("d0", 500, 4500)
    assert (other.usable_until, other.title) == (None, "十分之一")
    assert other.redemption is not None
    assert other.redemption["channel"] == "qr"
    late = hit_of(engine, 0, at=NOW + timedelta(hours=2))
    assert late.best_deal is not None
    assert (late.best_deal.deal_id, late.deals) == ("d0", ())


def test_unknown_money_is_none_not_zero(engine: Searcher) -> None:
    best = hit_of(engine, 2).best_deal
    assert best is not None
    assert (best.saving, best.pay) == (None, None)
    free = hit_of(engine, 3).best_deal
    assert free is not None
    assert (free.saving, free.pay) == (1200, None), "the gift is known, the bill is not"
    asked = hit_of(engine, 2, spend=0).best_deal
    assert asked is None, "below the least spend"
    paid = hit_of(engine, 2, spend=2000).best_deal
    assert paid is not None
    assert (paid.saving, paid.pay) == (100, 2000)


def test_a_card_is_needed_where_a_deal_says_so(engine: Searcher) -> None:
    assert hit_of(engine, 5).best_deal is None
    best = hit_of(engine, 5, cards=("red",)).best_deal
    assert best is not None
    assert (best.deal_id, best.program_id) == ("d4", "red")


SET = {"offer_type": "free_item", "merchant_ids": ["m0"]}


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A shop with gifts: of a card ¥3, for all ¥5 and ¥1, and for new customers ¥9 and ¥7."""
    deals = [
        deal(0, **SET, face_value=300, program_id="red"),
        deal(1, **SET, face_value=500),
        deal(2, **SET, face_value=100),
        deal(3, **SET, face_value=900, new_customer_only=True),
        deal(4, **SET, face_value=700, new_customer_only=True, program_id="red"),
    ]
    world = World("counter", ENVELOPE, NOW, [merchant(0)], deals, [PROGRAM])
    return Duel(world, tmp_path_factory.mktemp("counter")).engine


@pytest.mark.parametrize(
    ("wish", "best", "public", "others", "saves"),
    [
        ({}, "d1", None, ["d2", "d3"], "saves ¥5"),
        ({"new_customer": True}, "d3", None, ["d1", "d2"], "saves ¥9"),
        ({"cards": ("red",)}, "d0", "d1", ["d1", "d2", "d3", "d4"], "saves ¥3 with 小红卡"),
        ({"cards": ("red",), "deals": "any"}, "d1", None, ["d0", "d2", "d3", "d4"], "saves ¥5"),
        ({"cards": ("red",), "new_customer": True}, "d4", "d3", ["d0", "d3", "d1", "d2"],
         "saves ¥7 with 小红卡"),
        ({"cards": ("red",), "deals": "optional", "new_customer": True}, "d3", None,
         ["d4", "d1", "d0", "d2"], "saves ¥9"),
    ],
)  # fmt: skip
def test_what_counts_comes_first_and_a_better_public_deal_is_named(
    counter: Searcher,
    wish: dict[str, Any],
    best: str,
    public: str | None,
    others: list[str],
    saves: str,
) -> None:
    hit = hit_of(counter, 0, **wish)
    assert hit.best_deal is not None
    better = None if hit.better_public is None else hit.better_public.deal_id
    assert (hit.best_deal.deal_id, better) == (best, public)
    assert [one.deal_id for one in hit.deals] == others
    assert hit.reasons[0] == saves
    new = {one.deal_id for one in hit.deals if one.record["new_customer_only"]}
    assert new == {"d3", "d4"} & set(others)


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        ({}, 0),  # ¥5 for all is more than the card's ¥3
        ({"new_customer": True}, 0),  # ¥9 for all
        ({"offer_type": ("voucher",)}, 0),
        ({"deals": "card"}, 1),
    ],
)
def test_the_card_must_win_where_it_is_asked_to(
    counter: Searcher, wish: dict[str, Any], found: int
) -> None:
    asked: dict[str, Any] = {
        "lat": LAT, "lng": LNG, "at": NOW, "cards": ("red",), "deals": "card_best",
    }  # fmt: skip
    assert len(counter.search(Query(**asked | wish)).hits) == found


def test_positions_are_in_the_datum_of_the_question(engine: Searcher) -> None:
    lat, lng = from_wgs84(LAT, LNG, "GCJ02")
    hit = hit_of(engine, 0, lat=lat, lng=lng, crs="GCJ02")
    assert hit.merchant["lat"] == pytest.approx(lat, abs=2e-7)
    assert hit.merchant["lng"] == pytest.approx(lng, abs=2e-7)
    assert hit.distance_m < 0.1
    plain = hit_of(engine, 0)
    assert (plain.lat, plain.lng, plain.distance_m) == (LAT, LNG, 0.0)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_every_state_time_and_amount(currency: str, tmp_path: Path) -> None:
    """Whole texts of the shops: now, for bills of all sizes, and as the horizon ends."""
    duel = shops_in(tmp_path, currency=currency)
    last = duel.engine.end - timedelta(minutes=1)
    said: set[str] = set()
    in_chinese: set[str] = set()
    for at, spend in ((NOW, None), (NOW, 0), (NOW, 2_000), (NOW, 1_999_999_990), (last, None)):
        for lang, found in (("en", said), ("zh", in_chinese)):
            request = {
                "lat": LAT, "lng": LNG, "at": at.isoformat(), "radius": 50_000.0, "cards": ["red"],
                "deals": "optional", "explain": True, "spend": spend, "lang": lang,
            }  # fmt: skip
            answer = duel.check_search(request, duel.check_rank(request))
            assert len(answer.hits) == len(SHOPS)
            found |= {reason for hit in answer.hits for reason in hit.reasons}
    saved = {"CNY": {"用小红卡省¥12"}, "JPY": {"用小红卡省JP¥1,200"}}.get(currency, set())
    assert in_chinese >= saved | {
        *("步行1分钟", "距离44.5公里", "营业至22:00", "24小时营业", "营业中"),
    }
    told = " ".join(sorted(said))
    for words in ("1 min walk", "km away", "open until 22:00", "around the clock", "open now"):
        assert words in told
    amounts = {reason.removeprefix("saves ") for reason in said if reason.startswith("saves ")}
    assert amounts >= AMOUNTS[currency]


AMOUNTS = {
    "CNY": {"¥1", "¥8", "¥12", "¥1,999,999.99"},
    "JPY": {"¥100", "¥800", "¥1,200", "¥199,999,999"},
    "KWD": {"KWD 0.100", "KWD 0.800", "KWD 1.200", "KWD 199,999.999"},
    "CHF": {"CHF 1", "CHF 8", "CHF 12", "CHF 1,999,999.99"},
    "HKD": {"HK$1", "HK$8", "HK$12", "HK$1,999,999.99"},
    "KRW": {"₩100", "₩800", "₩1,200", "₩199,999,999"},
}
"""Savings of some of the bills: a tenth, a twentieth and gifts."""


def test_offsets_of_every_kind(tmp_path: Path) -> None:
    """Hours end on the clock of the zone, east or west by hours and a half or three quarters."""
    shops = [
        merchant(number, time_zone=zone, opening_hours="00:00-23:00")
        for number, zone in enumerate(CLOCKS)
    ]
    duel = Duel(World("zones", ENVELOPE, NOW, shops), tmp_path)
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "sort": "distance"}
    answer = duel.check_search(request, duel.check_rank(request))
    ends = {hit.merchant["time_zone"]: hit.open.closes_at for hit in answer.hits}
    assert {zone: str(text)[11:] for zone, text in ends.items()} == {
        zone: f"23:00:00{offset}" for zone, offset in CLOCKS.items()
    }


@pytest.mark.parametrize(
    ("north", "words"),
    [
        (0.0, "1 min walk"),
        (0.00107, "1 min walk"),  # 118.98 m
        (0.00108, "2 min walk"),  # 120.09 m
        (0.0428, "59 min walk"),  # 4,759.1 m
        (0.04281, "4.8 km away"),  # 4,760.3 m
        (0.0896, "10.0 km away"),  # 9,962.98 m
        (0.4, "44.5 km away"),
    ],
)
def test_a_long_walk_is_told_in_kilometres(engine: Searcher, north: float, words: str) -> None:
    assert words in hit_of(engine, 0, lat=LAT - north).reasons


def test_members_come_in_the_order_of_the_reference(engine: Searcher) -> None:
    query = Query(lat=LAT, lng=LNG, at=NOW, explain=True, limit=1)
    (result,) = json.loads(bytes(engine.page(query).results))
    assert list(result) == [
        *("merchant", "distance_m", "open", "best_deal", "deals", "score", "reasons", "explain"),
    ]
    assert list(result["merchant"])[-2:] == ["lat", "lng"]
    assert list(result["open"]) == ["state", "closes_at", "opens_at"]
    assert list(result["best_deal"])[-4:] == ["saving", "pay", "currency", "usable_until"]


@pytest.mark.parametrize("explain", [False, True])
def test_no_results_are_an_empty_list(engine: Searcher, explain: bool) -> None:
    query = Query(lat=-31.0, lng=1.0, at=NOW, crs="BD09", explain=explain)
    page = engine.page(query)
    assert (page.results, page.count) == (b"[]", 0)
    assert engine.search(query).hits == ()


@pytest.mark.parametrize("room", [1, 700, 5_000])
def test_a_page_that_is_longer_than_usual_is_whole(room: int, tmp_path: Path) -> None:
    shops = [merchant(number, name="长" * 300) for number in range(100)]
    deals = [
        deal(number, merchant_ids=[f"m{number % 100}"], title="长" * 200) for number in range(400)
    ]
    duel = Duel(World("long", ENVELOPE, NOW, shops, deals), tmp_path)
    request = {"lat": LAT, "lng": LNG, "at": NOW.isoformat(), "limit": 100}
    with mock.patch.object(segment_view, "_TEXT_BYTES", room):
        answer = duel.check_search(request, duel.check_rank(request))
    assert sum(len(hit.deals) for hit in answer.hits) == 300
