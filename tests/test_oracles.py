"""The oracle itself, against the contract: tables with one line per case.

An oracle that is wrong the same way as the engine proves nothing, so what it says is checked here
against numbers worked out by hand, published positions, and the parser's own holiday calendar.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from opening_hours import OpeningHours

from tests import oracle, oracles
from tests.generators import HOURS, NOWS, TIME_ZONES, UNREADABLE, USE_HOURS
from tests.oracle import Oracle, facets
from tests.oracles import STATE_NAMES, Row, conditions_met, expected_spend, saving_and_pay

SHANGHAI = {"time_zone": "Asia/Shanghai", "country": "CN", "currency": "CNY"}
NOW = datetime(2026, 9, 26, tzinfo=UTC)


@pytest.mark.parametrize("module", [oracle, oracles])
def test_shares_no_code_with_what_it_judges(module: Any) -> None:
    imported = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert imported
    assert not {name for name in imported if name.split(".")[0] in ("indexes", "geosearch")}


# --- space -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        ((0, 0), (0, 1), 111_195.080),
        ((0, 0), (1, 0), 111_195.080),
        ((60, 10), (60, 11), 55_597.011),  # a little under half: the great circle bends north
        ((90, 0), (-90, 0), 20_015_114.352),
        ((90, 0), (90, 123), 0.0),
        ((89, 0), (89, 180), 222_390.160),  # across the pole
        ((0, 179.5), (0, -179.5), 111_195.080),
        ((10, 180), (10, -180), 0.0),
        ((31.2304, 121.4737), (31.2304, 121.4737), 0.0),
        ((51.5007, -0.1246), (40.6892, -74.0445), 5_574_848),  # Big Ben to Liberty
    ],
)
def test_haversine(here: tuple[float, float], there: tuple[float, float], metres: float) -> None:
    assert oracles.haversine_m(*here, *there) == pytest.approx(metres, rel=2e-6, abs=1e-5)


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
)
def test_published_gcj02_positions(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert oracles.to_wgs84(*gcj02, "GCJ02") == pytest.approx(wgs84, abs=1e-9)
    assert oracles.to_wgs84(*wgs84, "WGS84") == wgs84


# --- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", TIME_ZONES)
@pytest.mark.parametrize("now", NOWS)
def test_wall_clock_is_right_at_every_minute(zone: str, now: datetime) -> None:
    start = oracles.horizon_start(now)
    clock = oracles.wall_clock(zone, start)
    origin = (start - timedelta(days=3)).replace(tzinfo=None)
    for minute in range(0, oracles.HORIZON_MINUTES, 7):
        local = (start + timedelta(minutes=minute)).astimezone(ZoneInfo(zone))
        assert origin + timedelta(minutes=int(clock[minute])) == local.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-09-26T08:30:00+08:00", "2026-09-25T00:00:00+00:00"),
        ("2026-09-26T07:59:00+08:00", "2026-09-24T00:00:00+00:00"),  # still the 25th in UTC
        ("2026-03-01T00:00:00+00:00", "2026-02-28T00:00:00+00:00"),
    ],
)
def test_horizon_start(now: str, start: str) -> None:
    assert oracles.horizon_start(datetime.fromisoformat(now)).isoformat() == start


@pytest.mark.parametrize(
    ("hours", "zone", "instant", "state"),
    [
        ("Mo-Fr 09:00-18:00", "Asia/Shanghai", "2026-10-12T08:59:59+08:00", "closed"),
        ("Mo-Fr 09:00-18:00", "Asia/Shanghai", "2026-10-12T09:00:00+08:00", "open"),
        ("Mo-Fr 09:00-18:00", "Asia/Shanghai", "2026-10-12T17:59:59+08:00", "open"),
        ("Mo-Fr 09:00-18:00", "Asia/Shanghai", "2026-10-12T18:00:00+08:00", "closed"),
        ("Mo-Fr 09:00-18:00", "Asia/Shanghai", "2026-10-11T12:00:00+08:00", "closed"),
        ("Mo-Fr 09:00-18:00", "Asia/Tokyo", "2026-10-12T08:00:00+08:00", "open"),
        ("Mo-Sa 08:00-24:00", "Asia/Shanghai", "2026-10-12T23:59:00+08:00", "open"),
        ("Mo-Sa 08:00-24:00", "Asia/Shanghai", "2026-10-13T00:00:00+08:00", "closed"),
        ("18:00-02:00", "Asia/Shanghai", "2026-10-13T01:59:00+08:00", "open"),
        ("18:00-02:00", "Asia/Shanghai", "2026-10-13T02:00:00+08:00", "closed"),
        ("Su 22:00-02:00", "Asia/Shanghai", "2026-10-12T01:00:00+08:00", "open"),  # a Monday
        ("Su 22:00-02:00", "Asia/Shanghai", "2026-10-11T01:00:00+08:00", "closed"),
        ("Mo-Fr 10:00-26:00", "Asia/Shanghai", "2026-10-17T01:00:00+08:00", "open"),
        ("Fr 18:00-02:00; Sa 10:00-20:00", "Asia/Shanghai", "2026-10-17T01:00:00+08:00", "closed"),
        ("Fr 18:00-02:00, Sa 10:00-20:00", "Asia/Shanghai", "2026-10-17T01:00:00+08:00", "open"),
        ("10:00-12:00 unknown", "Asia/Shanghai", "2026-10-13T11:00:00+08:00", "unknown"),
        # National Day week: 1 to 7 October, weekend included; 10 October is a make-up workday.
        ("Mo-Su 10:00-20:00; PH off", "Asia/Shanghai", "2026-09-30T12:00:00+08:00", "open"),
        ("Mo-Su 10:00-20:00; PH off", "Asia/Shanghai", "2026-10-01T12:00:00+08:00", "closed"),
        ("Mo-Su 10:00-20:00; PH off", "Asia/Shanghai", "2026-10-03T12:00:00+08:00", "closed"),
        ("Mo-Su 10:00-20:00; PH off", "Asia/Shanghai", "2026-10-07T12:00:00+08:00", "closed"),
        ("Mo-Su 10:00-20:00; PH off", "Asia/Shanghai", "2026-10-08T12:00:00+08:00", "open"),
        ("Mo-Su 10:00-20:00; PH off", "Asia/Shanghai", "2026-10-10T12:00:00+08:00", "open"),
        (
            "Mo-Su 10:00-20:00; PH 12:00-16:00",
            "Asia/Shanghai",
            "2026-10-02T11:59:00+08:00",
            "closed",
        ),
        ("Su,PH 18:00-02:00", "Asia/Shanghai", "2026-10-08T01:00:00+08:00", "open"),
        ("Su,PH 18:00-02:00", "Asia/Shanghai", "2026-10-08T19:00:00+08:00", "closed"),
        # Europe leaves summer time on 25 October 2026, 03:00 to 02:00.
        ("01:30-02:30", "Europe/Berlin", "2026-10-25T01:29:00+02:00", "closed"),
        ("01:30-02:30", "Europe/Berlin", "2026-10-25T02:29:00+02:00", "open"),
        ("01:30-02:30", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "closed"),
        ("01:30-02:30", "Europe/Berlin", "2026-10-25T02:00:00+01:00", "open"),
        ("01:30-02:30", "Europe/Berlin", "2026-10-25T02:30:00+01:00", "closed"),
        ("周一至周五 10:00-22:00", "Asia/Shanghai", "2026-10-12T10:00:00+08:00", "open"),
        ("周一至周五 10:00-22:00", "Asia/Shanghai", "2026-10-11T10:00:00+08:00", "closed"),
    ],
)
def test_state_of_hours(hours: str, zone: str, instant: str, state: str) -> None:
    start = oracles.horizon_start(NOW)
    states = oracles.hours_states(hours, zone, "CN", start)
    assert states is not None
    minute = (datetime.fromisoformat(instant) - start) // timedelta(minutes=1)
    assert STATE_NAMES[int(states[minute])] == state


@pytest.mark.parametrize("hours", UNREADABLE)
def test_unreadable_hours(hours: str) -> None:
    assert oracles.hours_states(hours, "Asia/Shanghai", "CN", oracles.horizon_start(NOW)) is None


@pytest.mark.parametrize("hours", [text for text in (*HOURS, *USE_HOURS) if "PH" in text])
def test_holiday_rules_agree_with_the_parsers_own_calendar(
    hours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing `PH` out as dates means what the parser means by `PH`, given the same dates."""
    start = oracles.horizon_start(datetime(2026, 4, 20, tzinfo=UTC))
    origin = start.replace(tzinfo=None) - timedelta(days=3)
    native = OpeningHours(hours, country="DE")
    ours = oracles.hours_states(hours, "Etc/UTC", "DE", start)
    assert ours is not None
    assert date(2026, 5, 1) in holidays.country_holidays("DE", years=2026)
    for minute in range(0, oracles.HORIZON_MINUTES, 11):
        wall = origin + timedelta(days=3, minutes=minute)
        expected = oracles.OPEN if native.is_open(wall) else oracles.CLOSED
        if native.is_unknown(wall):
            expected = oracles.UNKNOWN
        assert ours[minute] == expected, (hours, wall)


@pytest.mark.parametrize(
    ("periods", "instant", "state"),
    [
        ([{"open": (0, 0, 0)}], "2026-10-14T03:00:00+08:00", "open"),  # always
        ([{"open": (1, 18, 0), "close": (2, 2, 0)}], "2026-10-13T01:59:00+08:00", "open"),
        ([{"open": (1, 18, 0), "close": (2, 2, 0)}], "2026-10-13T02:00:00+08:00", "closed"),
        ([{"open": (1, 18, 0), "close": (2, 2, 0)}], "2026-10-12T17:59:00+08:00", "closed"),
        ([{"open": (6, 22, 0), "close": (0, 2, 0)}], "2026-10-11T01:00:00+08:00", "open"),
        ([{"open": (6, 22, 0), "close": (0, 2, 0)}], "2026-10-10T23:00:00+08:00", "open"),
        ([{"open": (6, 22, 0), "close": (0, 2, 0)}], "2026-10-12T01:00:00+08:00", "closed"),
    ],
)
def test_opening_periods(periods: list[dict[str, Any]], instant: str, state: str) -> None:
    names = ("day", "hour", "minute")
    full = [
        {end: dict(zip(names, point, strict=True)) for end, point in period.items()}
        for period in periods
    ]
    start = oracles.horizon_start(NOW)
    states = oracles.periods_states(full, "Asia/Shanghai", start)
    minute = (datetime.fromisoformat(instant) - start) // timedelta(minutes=1)
    assert STATE_NAMES[int(states[minute])] == state


# --- money -----------------------------------------------------------------------------------

NEVER = "not usable"


@pytest.mark.parametrize(
    ("deal", "spend", "outcome"),
    [
        ("percent_off percent=10", 12_345, (1234, 11_111)),
        ("percent_off percent=10", 0, (0, 0)),
        ("percent_off percent=10", None, (None, None)),
        ("percent_off percent=9.5", 1000, (95, 905)),
        ("percent_off percent=0.0001", 999_999, (0, 999_999)),
        ("percent_off percent=0.0001", 1_000_000, (1, 999_999)),
        ("percent_off percent=33.3333", 30_000, (9999, 20_001)),
        ("percent_off percent=100", 777, (777, 0)),
        ("percent_off percent=10 max_discount=500", 9_999, (500, 9_499)),
        ("percent_off percent=10 max_discount=500", 4_000, (400, 3_600)),
        ("percent_off percent=10 max_discount=0", 4_000, (0, 4_000)),
        ("percent_off percent=10 min_spend=5000", 4_999, NEVER),
        ("percent_off percent=10 min_spend=5000", 5_000, (500, 4_500)),
        ("percent_off percent=10 min_spend=5000", None, (None, None)),
        ("amount_off amount=600", 10_000, (600, 9_400)),
        ("amount_off amount=600", 500, (500, 0)),
        ("amount_off amount=600 min_spend=501", 500, NEVER),
        ("amount_off amount=600", None, (None, None)),
        ("voucher face_value=5000 price=4000", 4_999, NEVER),
        ("voucher face_value=5000 price=4000", 5_000, (1_000, 4_000)),
        ("voucher face_value=5000 price=4000", 12_000, (1_000, 11_000)),
        ("voucher face_value=5000 price=4000 max_uses=3", 12_000, (2_000, 10_000)),
        ("voucher face_value=5000 price=4000 max_uses=3", 90_000, (3_000, 87_000)),
        ("voucher face_value=5000 price=4000 min_spend=6000", 5_500, NEVER),
        ("voucher face_value=5000 price=4000", None, (None, None)),
        ("bundle list_price=9900 price=6800", 50, (3_100, 6_800)),
        ("bundle list_price=9900 price=6800", None, (3_100, 6_800)),
        ("bundle list_price=9900 price=6800 min_spend=1000", 50, (3_100, 6_800)),
        ("cashback percent=5", 10_000, (500, 10_000)),
        ("cashback percent=5 max_discount=300", 10_000, (300, 10_000)),
        ("cashback percent=5 min_spend=10001", 10_000, NEVER),
        ("cashback percent=5", None, (None, None)),
        ("free_item face_value=1800", 2_000, (1_800, 2_000)),
        ("free_item face_value=1800", None, (1_800, None)),
        ("free_item face_value=1800 min_spend=9000", 2_000, (1_800, 2_000)),
    ],
)
def test_savings(deal: str, spend: int | None, outcome: object) -> None:
    kind, *terms = deal.split()
    row: dict[str, Any] = {"offer_type": kind}
    for term in terms:
        name, _, value = term.partition("=")
        row[name] = float(value) if "." in value else int(value)
    met = conditions_met(row, spend, 1)
    assert (saving_and_pay(row, spend) if met else NEVER) == outcome


@pytest.mark.parametrize(
    ("party_min", "party_max", "party_size", "met"),
    [
        (None, None, 1, True),
        (2, 4, 1, False),
        (2, 4, 2, True),
        (2, 4, 4, True),
        (2, 4, 5, False),
        (None, 4, 5, False),
        (2, None, 1, False),
        (2, None, 1000, True),
    ],
)
@pytest.mark.parametrize("offer_type", ["bundle", "percent_off", "free_item"])
def test_party(
    offer_type: str, party_min: int | None, party_max: int | None, party_size: int, met: bool
) -> None:
    deal = {"offer_type": offer_type, "party_min": party_min, "party_max": party_max}
    assert conditions_met(deal, None, party_size) is met


@pytest.mark.parametrize(
    ("spend", "avg_price", "party_size", "expected"),
    [
        (None, None, 3, None),
        (None, 5_000, 3, 15_000),
        (None, 0, 3, 0),
        (7_000, 5_000, 3, 7_000),
        (0, 5_000, 3, 0),
        (7_000, None, 3, 7_000),
    ],
)
def test_expected_spend(
    spend: int | None, avg_price: int | None, party_size: int, expected: int | None
) -> None:
    request = {"spend": spend, "party_size": party_size}
    assert expected_spend(request, {"avg_price": avg_price}) == expected


# --- whole answers ---------------------------------------------------------------------------


def world(
    deals: Sequence[Row],
    programs: Sequence[Row] = (),
    merchants: Sequence[Row] | None = None,
) -> Oracle:
    shop = {"merchant_id": "a", "name": "A", "lat": 31.0, "lng": 121.0, "avg_price": 10_000}
    return Oracle(SHANGHAI, merchants or [shop], deals, programs, zones=None, now=NOW)


def offer(deal_id: str, program_id: str | None = None, **terms: Any) -> Row:
    deal: dict[str, Any] = {"deal_id": deal_id, "merchant_ids": ["a"], "offer_type": "amount_off"}
    deal |= {"amount": 100} | terms
    return deal if program_id is None else deal | {"program_id": program_id}


def ask(oracle: Oracle, **asked: Any) -> list[str] | None:
    """Ids of the deals of the one merchant, best first; None if it is not found."""
    request = {"lat": 31.0, "lng": 121.0, "at": "2026-10-12T12:00:00+08:00", **asked}
    found = oracle.expect(request)
    return [one.deal["deal_id"] for one in found[0].offers] if found else None


@pytest.mark.parametrize(
    ("terms", "instant", "usable"),
    [
        ({}, "2026-10-12T12:00:00+08:00", True),
        ({"valid_from": "2026-10-12"}, "2026-10-11T23:59:59+08:00", False),
        ({"valid_from": "2026-10-12"}, "2026-10-12T00:00:00+08:00", True),
        ({"valid_through": "2026-10-12"}, "2026-10-12T23:59:59+08:00", True),
        ({"valid_through": "2026-10-12"}, "2026-10-13T00:00:00+08:00", False),
        ({"valid_through": "2026-10-12"}, "2026-10-12T16:00:00+00:00", False),  # the 13th there
        ({"use_hours": "Mo-Fr 11:00-14:00"}, "2026-10-12T10:59:00+08:00", False),
        ({"use_hours": "Mo-Fr 11:00-14:00"}, "2026-10-12T13:59:59+08:00", True),
        ({"use_hours": "Mo-Fr 11:00-14:00; PH off"}, "2026-10-02T12:00:00+08:00", False),
        ({"use_hours": "11:00-14:00 unknown"}, "2026-10-12T12:00:00+08:00", False),
        ({"use_hours": "ask at the door"}, "2026-10-12T12:00:00+08:00", False),
        # Past midnight, but not past the last day.
        ({"use_hours": "22:00-04:00"}, "2026-10-13T03:00:00+08:00", True),
        (
            {"use_hours": "22:00-04:00", "valid_through": "2026-10-12"},
            "2026-10-13T03:00:00+08:00",
            False,
        ),
        ({"stock": 0}, "2026-10-12T12:00:00+08:00", False),
        ({"stock": 1}, "2026-10-12T12:00:00+08:00", True),
        ({"stock": None}, "2026-10-12T12:00:00+08:00", True),
        ({"min_spend": 10_001}, "2026-10-12T12:00:00+08:00", False),
        ({"party_min": 2}, "2026-10-12T12:00:00+08:00", False),
    ],
)
def test_usable(terms: dict[str, Any], instant: str, usable: bool) -> None:
    assert ask(world([offer("d", **terms)]), at=instant) == (["d"] if usable else [])


@pytest.mark.parametrize(
    ("program", "usable"),
    [
        ({"status": "ACTIVE"}, True),
        ({"status": "SUSPENDED"}, False),
        ({"status": "ENDED"}, False),
        ({"status": "ACTIVE", "valid_through": "2026-10-11"}, False),
        ({"status": "ACTIVE", "valid_through": "2026-10-12"}, True),
        ({"status": "ACTIVE", "valid_from": "2026-10-13"}, False),
    ],
)
def test_usable_by_programme(program: Row, usable: bool) -> None:
    oracle = world([offer("d", "red")], [{"program_id": "red", **program}])
    assert ask(oracle, cards=["red"]) == (["d"] if usable else None)


@pytest.mark.parametrize(
    ("asked", "deals"),
    [
        ({}, ["public"]),
        ({"deals": "any"}, ["public"]),
        ({"cards": ["red"]}, ["of red", "public"]),
        ({"cards": ["red"], "deals": "any"}, ["of red", "public"]),
        ({"cards": ["blue"]}, None),  # no usable deal of that card
        ({"cards": ["blue"], "deals": "any"}, ["public"]),
        ({"cards": ["blue"], "deals": "optional"}, ["public"]),
        ({"cards": ["nobody knows"]}, None),
        ({"cards": ["red", "blue"]}, ["of red", "public"]),
        ({"cards": ["red"], "spend": 10}, None),  # too small a bill for it
        ({"cards": ["red"], "spend": 10, "deals": "optional"}, ["public"]),
        ({"cards": ["red"], "deals": "card_best"}, ["of red", "public"]),
        ({"cards": ["red"], "spend": 50, "deals": "card_best"}, None),  # 50 each: no better
        ({"cards": ["blue"], "deals": "card_best"}, None),
    ],
)
def test_eligible(asked: Row, deals: list[str] | None) -> None:
    programs = [{"program_id": name, "status": "ACTIVE"} for name in ("red", "blue")]
    of_red = offer("of red", "red", amount=200, min_spend=20)
    oracle = world([offer("public"), of_red, offer("of blue", "blue", stock=0)], programs)
    assert ask(oracle, **asked) == deals


@pytest.mark.parametrize(
    ("deals", "order"),
    [
        ([offer("a"), offer("b", amount=200)], "ba"),
        ([offer("b"), offer("a")], "ab"),  # ties: deal_id
        ([offer("a", offer_type="free_item", face_value=100), offer("b")], "ba"),  # lower pay
        ([offer("a", offer_type="cashback", percent=1), offer("b")], "ba"),
        ([offer("B"), offer("a")], "Ba"),  # by code point
    ],
)
def test_best_first(deals: list[Row], order: str) -> None:
    assert ask(world(deals)) == list(order)


def test_known_savings_beat_unknown_ones_and_known_pay_unknown_pay() -> None:
    shop = {"merchant_id": "a", "name": "A", "lat": 31.0, "lng": 121.0}
    deals = [
        offer("a unknown", amount=99_999),
        offer("b free", offer_type="free_item", face_value=1),
        offer("c bundle", offer_type="bundle", list_price=2, price=1),
    ]
    oracle = world(deals, merchants=[shop])
    assert ask(oracle) == ["c bundle", "b free", "a unknown"]
    assert ask(oracle, spend=500) == ["a unknown", "c bundle", "b free"]


def test_facets_count_merchants_once_per_value() -> None:
    shops = [
        {"merchant_id": "a", "lat": 31.0, "lng": 121.0, "categories": ["food.cafe", "food.tea"]},
        {"merchant_id": "b", "lat": 31.0, "lng": 121.0, "categories": ["food"]},
        {"merchant_id": "c", "lat": 31.0, "lng": 121.0, "business_area": "West"},
    ]
    oracle = world(
        [offer("1", "red", merchant_ids=["a", "a", "b"]), offer("2", merchant_ids=["a", "c"])],
        [{"program_id": "red", "status": "ACTIVE"}],
        shops,
    )
    request = {"lat": 31.0, "lng": 121.0, "at": "2026-10-12T12:00:00+08:00"}
    names = ("category", "program", "offer_type", "business_area")
    assert facets(oracle.expect(request), names) == {
        "category": {"food": 2, "food.cafe": 1, "food.tea": 1},
        "program": {"red": 2},  # whatever the wallet
        "offer_type": {"amount_off": 2},  # eligible only
        "business_area": {"West": 1},
    }


@pytest.mark.parametrize(
    ("sort", "order"),
    [("distance", "abc"), ("saving", "cab"), ("rating", "bca"), ("best", "abc")],
)
def test_sorts(sort: str, order: str) -> None:
    shops = [
        {"merchant_id": "a", "lat": 31.0, "lng": 121.0},
        {"merchant_id": "b", "lat": 31.0001, "lng": 121.0, "rating": 4.0},
        {"merchant_id": "c", "lat": 31.02, "lng": 121.0, "rating": 4.0},
    ]
    oracle = world([offer("1", merchant_ids=["c"])], merchants=shops)
    request = {"lat": 31.0, "lng": 121.0, "spend": 1000, "at": "2026-10-12T12:00:00+08:00"}
    found = oracle.expect({**request, "sort": sort})
    assert "".join(one.shop.merchant_id for one in found) == order


@pytest.mark.parametrize(
    ("box", "held"),
    [
        ((179.0, -1.0, -179.0, 1.0), "ab"),
        ((-179.0, -1.0, 179.0, 1.0), "c"),
        ((180.0, -1.0, 180.0, 1.0), "a"),
        ((-1.0, 0.0, 0.0, 0.0), "c"),  # borders are inside
        ((-1.0, 0.1, 0.0, 0.2), ""),
    ],
)
def test_bbox(box: tuple[float, ...], held: str) -> None:
    places = {"a": 180.0, "b": -179.5, "c": 0.0}
    shops = [{"merchant_id": key, "lat": 0.0, "lng": lng} for key, lng in places.items()]
    request = {"lat": 0.0, "lng": 0.0, "bbox": box, "at": "2026-10-12T12:00:00+08:00"}
    found = world([], merchants=shops).expect(request)
    assert "".join(sorted(one.shop.merchant_id for one in found)) == held


@pytest.mark.parametrize(
    ("instant", "minutes_left", "found"),
    [
        ("20:59:00", 60, True),
        ("21:00:00", 60, True),  # open until 22:00, which is 60 minutes
        ("21:00:01", 60, False),
        ("21:00:00", 61, False),
        ("21:59:59", 0, True),
        ("21:59:00", 1, True),
        ("21:59:01", 1, False),
        ("22:00:00", 0, False),
        ("09:59:59", 0, False),
    ],
)
def test_min_minutes_left(instant: str, minutes_left: int, found: bool) -> None:
    shop = {"merchant_id": "a", "lat": 31.0, "lng": 121.0, "opening_hours": "10:00-22:00"}
    asked = {"at": f"2026-10-12T{instant}+08:00", "min_minutes_left": minutes_left}
    assert (ask(world([], merchants=[shop]), open="now", **asked) is not None) == found
