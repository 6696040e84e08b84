"""Slow, obvious twins of the fast paths: distance, datum, hours, deal windows, money.

They share no line with the engine (nothing here imports `indexes` or `geosearch`) and read what a
data team writes: rows as they stand in the snapshot. Time is an array with one state per minute of
the horizon, money is Python integers and fractions, distance is `math`'s haversine. `tests.oracle`
answers whole requests with them. Not for anything that has to be fast.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays
import numpy as np
from numpy.typing import NDArray
from opening_hours import OpeningHours, ParserError, State  # type: ignore[attr-defined]

Row = Mapping[str, Any]

EARTH_RADIUS_M = 6_371_008.8
HORIZON_MINUTES = 45 * 24 * 60
CLOSED, OPEN, UNKNOWN = 0, 1, 2
STATE_NAMES = {CLOSED: "closed", OPEN: "open", UNKNOWN: "unknown"}
_STATES = {State.CLOSED: CLOSED, State.OPEN: OPEN, State.UNKNOWN: UNKNOWN}
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MARGIN_DAYS = 3
"""Days of wall clock kept before and after the horizon: more than any offset from UTC plus one
day whose hours run past midnight."""

# The documented net benefit of `sort=best`, in minor units.
STAR_VALUE = 500
PRIOR_RATING = 3.5
PRIOR_RATINGS = 20
WALK_COST_PER_M = 50 / 80
REFERENCE_BILL = 10_000
GIFT_SHARE = Fraction(1, 2)

# Hours a person understands although the grammar does not, with what they mean.
PLAIN_WORDS = {
    "周一至周五 10:00-22:00": "Mo-Fr 10:00-22:00",
    "每天 9:00-21:00": "Mo-Su 09:00-21:00",
    "24小时营业": "24/7",
    "Mo-Fr 8:00-18:00": "Mo-Fr 08:00-18:00",
    "Mo-Fr 09:00-18:00": "Mo-Fr 09:00-18:00",
}


# --- space -----------------------------------------------------------------------------------


def haversine_m(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Great-circle distance in metres on the contract's sphere."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    up = math.sin(math.radians(lat2 - lat1) / 2) ** 2
    along = math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lng2 - lng1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, up + along)))


def stored(degrees: float) -> float:
    """The position a snapshot's degrees are kept as: rounded to 1e-7."""
    return round(degrees * 1e7) / 1e7


def _gcj02(lat: float, lng: float) -> tuple[float, float]:
    """WGS-84 to GCJ-02 inside China (the published formulas of eviltransform and others)."""
    x, y = lng - 105.0, lat - 35.0
    wave = 20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    d_lat += 2 / 3 * (wave + 20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi))
    d_lat += 2 / 3 * (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30))
    d_lng = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    d_lng += 2 / 3 * (wave + 20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi))
    d_lng += 2 / 3 * (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi))
    axis, eccentricity = 6_378_245.0, 0.00669342162296594323
    phi = math.radians(lat)
    magic = 1 - eccentricity * math.sin(phi) ** 2
    d_lat = math.degrees(d_lat * magic * math.sqrt(magic) / (axis * (1 - eccentricity)))
    d_lng = math.degrees(d_lng * math.sqrt(magic) / (axis * math.cos(phi)))
    return lat + d_lat, lng + d_lng


def _bd09(lat: float, lng: float) -> tuple[float, float]:
    """WGS-84 to BD-09 inside China, by way of GCJ-02."""
    y, x = _gcj02(lat, lng)
    turn = math.pi * 3000 / 180
    radius = math.hypot(x, y) + 0.00002 * math.sin(y * turn)
    angle = math.atan2(y, x) + 0.000003 * math.cos(x * turn)
    return radius * math.sin(angle) + 0.006, radius * math.cos(angle) + 0.0065


_FORWARD = {"GCJ02": _gcj02, "BD09": _bd09}
OUTLINE = Path(__file__).resolve().parents[1] / "indexes" / "geo" / "mainland_china.geojson"


@cache
def _outline_sides() -> tuple[tuple[float, float, float, float], ...]:
    polygons = json.loads(OUTLINE.read_text("utf-8"))["geometry"]["coordinates"]
    return tuple((*a, *b) for rings in polygons for ring in rings for a, b in pairwise(ring))


def in_mainland(lat: float, lng: float) -> bool:
    """Whether the ray to the west of a position meets an odd number of the outline's sides."""
    return (
        sum(
            (y0 > lat) != (y1 > lat) and x0 + (lat - y0) / (y1 - y0) * (x1 - x0) < lng
            for x0, y0, x1, y1 in _outline_sides()
        )
        % 2
        == 1
    )


def from_wgs84(lat: float, lng: float, crs: str) -> tuple[float, float]:
    """Where a WGS-84 position appears in a datum."""
    if crs == "WGS84" or not in_mainland(lat, lng):
        return lat, lng
    return _FORWARD[crs](lat, lng)


def to_wgs84(lat: float, lng: float, crs: str) -> tuple[float, float]:
    """The WGS-84 position that a position in another datum stands for.

    A position is shifted back where it, or where it comes from, lies inside the outline.
    """
    if crs == "WGS84" or not (60 < lng < 150 and 5 < lat < 65):
        return lat, lng
    guess_lat, guess_lng = lat, lng
    for _ in range(50):
        found_lat, found_lng = _FORWARD[crs](guess_lat, guess_lng)
        guess_lat, guess_lng = guess_lat + lat - found_lat, guess_lng + lng - found_lng
    inside = in_mainland(guess_lat, guess_lng) or in_mainland(lat, lng)
    return (guess_lat, guess_lng) if inside else (lat, lng)


# --- time ------------------------------------------------------------------------------------


def horizon_start(now: datetime) -> datetime:
    """Midnight UTC of the day before `now`'s UTC date."""
    day = now.astimezone(UTC).date() - timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@cache
def wall_clock(zone: str, start: datetime) -> NDArray[np.int64]:
    """Wall-clock minutes in `zone` since `_MARGIN_DAYS` before `start`, for each horizon minute.

    Offsets change only on quarter hours of UTC (the tests check it), so one look-up serves 15.
    """
    origin = start.replace(tzinfo=None) - timedelta(days=_MARGIN_DAYS)
    clock = np.empty(HORIZON_MINUTES, np.int64)
    for minute in range(0, HORIZON_MINUTES, 15):
        local = (start + timedelta(minutes=minute)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        first = (local - origin) // timedelta(minutes=1)
        clock[minute : minute + 15] = np.arange(first, first + 15)
    return clock


@cache
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Days off of a year: official ones with their weekends for CN, else of `holidays`.

    A country, or a part of one such as `DE-BE`.
    """
    if country == "CN":
        return frozenset(day for day in chinese_calendar.holidays if day.year == year)
    whole, _, part = country.partition("-")
    try:
        return frozenset(holidays.country_holidays(whole, subdiv=part or None, years=year))
    except NotImplementedError:
        return frozenset()


_RULE_WITH_HOLIDAY = re.compile(r"((?:[A-Z][a-z]|PH)(?:[-,](?:[A-Z][a-z]|PH))*) (.+)")


def _without_holidays(expression: str, country: str, days: Sequence[date]) -> str:
    """The expression with every rule that names `PH` written out as a list of dates of `days`."""
    rules = []
    for rule in (part.strip() for part in expression.split(";")):
        if "PH" not in rule:
            rules.append(rule)
            continue
        matched = _RULE_WITH_HOLIDAY.fullmatch(rule)
        if matched is None or "PH" in matched[2]:
            raise NotImplementedError(f"the oracle does not read the holiday rule {rule!r}")
        dates = [
            f"{day.year} {day:%b} {day.day:02}"
            for day in days
            if any(
                day in public_holidays(country, day.year)
                if selector == "PH"
                else _weekday_in(day.weekday(), selector)
                for selector in matched[1].split(",")
            )
        ]
        if dates:
            rules.append(f"{','.join(dates)} {matched[2]}")
    return "; ".join(rules) or "off"


def _weekday_in(weekday: int, selector: str) -> bool:
    first, _, last = selector.partition("-")
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return (weekday - begin) % 7 <= (end - begin) % 7


@cache
def hours_states(
    text: str, zone: str, country: str, start: datetime, coords: tuple[float, float] | None = None
) -> NDArray[np.uint8] | None:
    """One state per minute of the horizon, or None where nobody can read the text.

    The state at an instant is what the expression says about the wall clock at that instant:
    opening-hours-py is asked about the wall clock only and never about a zone.
    """
    origin = start.replace(tzinfo=None) - timedelta(days=_MARGIN_DAYS)
    days = [origin.date() + timedelta(days=n) for n in range(-2, 45 + 2 * _MARGIN_DAYS + 2)]
    expression = PLAIN_WORDS.get(text, text)
    if "PH" in expression:
        expression = _without_holidays(expression, country, days)
    try:
        parsed = (
            OpeningHours(expression)
            if coords is None
            else OpeningHours(expression, coords=coords, timezone=ZoneInfo(zone))
        )
    except ParserError:
        return None
    end = origin + timedelta(days=45 + 2 * _MARGIN_DAYS)
    naive = np.full((end - origin) // timedelta(minutes=1), 255, np.uint8)
    for begins, ends, state, _ in parsed.intervals(origin, end):
        first = (begins.replace(tzinfo=None) - origin) // timedelta(minutes=1)
        last = ((ends or end).replace(tzinfo=None) - origin) // timedelta(minutes=1)
        naive[max(first, 0) : last] = _STATES[state]
    assert (naive <= UNKNOWN).all(), f"opening-hours-py left a hole in {text!r}"
    return naive[wall_clock(zone, start)]


def periods_states(periods: Sequence[Row], zone: str, start: datetime) -> NDArray[np.uint8]:
    """One state per minute for Google's periods: minutes of a local week, day 0 = Sunday."""
    if len(periods) == 1 and "close" not in periods[0]:
        return np.full(HORIZON_MINUTES, OPEN, np.uint8)
    week = np.full(7 * 1440, CLOSED, np.uint8)
    for period in periods:
        first, last = (
            point["day"] * 1440 + point["hour"] * 60 + point["minute"]
            for point in (period["open"], period["close"])
        )
        for minute in range(first, last if last > first else last + 7 * 1440):
            week[minute % (7 * 1440)] = OPEN
    origin = start - timedelta(days=_MARGIN_DAYS)
    since_sunday = (origin.weekday() + 1) % 7 * 1440
    return week[(wall_clock(zone, start) + since_sunday) % (7 * 1440)]


def closed_in(
    states: NDArray[np.uint8], closures: Iterable[Row], start: datetime
) -> NDArray[np.uint8]:
    """The states with every minute closed that a closure touches."""
    found, seconds = states.copy(), np.arange(HORIZON_MINUTES) * 60.0
    for closure in closures:
        first, last = (
            (datetime.fromisoformat(closure[name]) - start).total_seconds()
            for name in ("from", "until")
        )
        found[(seconds + 60 > first) & (seconds < last)] = CLOSED
    return found


@cache
def dates_mask(
    first: str | None, last: str | None, zone: str, start: datetime
) -> NDArray[np.bool_]:
    """For each minute: whether the local date lies in [first, last]."""
    day = wall_clock(zone, start) // 1440
    origin = start.date() - timedelta(days=_MARGIN_DAYS)
    mask = np.ones(HORIZON_MINUTES, np.bool_)
    if first is not None:
        mask &= day >= (date.fromisoformat(first) - origin).days
    if last is not None:
        mask &= day <= (date.fromisoformat(last) - origin).days
    return mask


@cache
def usable_minutes(
    use_hours: str | None,
    windows: tuple[tuple[str | None, str | None], ...],
    zone: str,
    country: str,
    start: datetime,
) -> NDArray[np.bool_]:
    """For each minute: whether use_hours cover it and every window holds the local date."""
    mask = np.ones(HORIZON_MINUTES, np.bool_)
    if use_hours is not None:
        states = hours_states(use_hours, zone, country, start)
        if states is None:  # nobody may be sent to a closed door
            return np.zeros(HORIZON_MINUTES, np.bool_)
        mask &= states == OPEN
    for first, last in windows:
        mask &= dates_mask(first, last, zone, start)
    return mask


def run_end(flags: NDArray[np.bool_], minute: int) -> int | None:
    """First minute from `minute` on whose flag is off; None if the horizon ends first."""
    off = np.flatnonzero(~flags[minute:])
    return minute + int(off[0]) if len(off) else None


_exact = cache(Fraction)


# --- money -----------------------------------------------------------------------------------


def expected_spend(request: Row, merchant: Row) -> int | None:
    """The bill the user expects, or None where neither spend nor price is known."""
    if request.get("spend") is not None:
        return int(request["spend"])
    if merchant.get("avg_price") is not None:
        return int(merchant["avg_price"]) * int(request.get("party_size", 1))
    return None


def conditions_met(deal: Row, spend: int | None, party_size: int) -> bool:
    """Whether the deal's party and spend conditions hold."""
    if party_size < (deal.get("party_min") or 0):
        return False
    if deal.get("party_max") is not None and party_size > deal["party_max"]:
        return False
    if spend is None or deal["offer_type"] in ("bundle", "free_item"):
        return True
    needed = deal.get("min_spend") or 0
    if deal["offer_type"] == "voucher":
        needed = max(needed, deal["face_value"])
    return bool(spend >= needed)


def saving_and_pay(deal: Row, spend: int | None) -> tuple[int | None, int | None]:
    """The two money columns of the contract's table; None is unknown."""
    kind = deal["offer_type"]
    if kind == "bundle":
        return deal["list_price"] - deal["price"], deal["price"]
    if kind == "free_item":
        return deal["face_value"], spend
    if spend is None:
        return None, None
    if kind == "amount_off":
        saving = min(deal["amount"], spend)
    elif kind == "voucher":
        uses = 1 if deal.get("max_uses") is None else deal["max_uses"]
        saving = min(uses, spend // deal["face_value"]) * (deal["face_value"] - deal["price"])
    else:
        saving = math.floor(spend * _exact(str(deal["percent"])) / 100)
        if deal.get("max_discount") is not None:
            saving = min(saving, deal["max_discount"])
    return saving, spend if kind == "cashback" else spend - saving


def counted_saving(request: Row, deal: Row, saving: int | None, pay: int | None) -> float:
    """What the net benefit counts of a deal's saving: on no more than the reference of the bill."""
    if saving is None:
        return 0.0
    reference = request.get("spend")
    if reference is None:
        reference = REFERENCE_BILL * int(request.get("party_size", 1))
    bill = saving + (pay or 0)
    share = Fraction(reference, bill) if bill > reference else Fraction(1)
    return float(saving * share * (GIFT_SHARE if deal["offer_type"] == "free_item" else 1))


def redeem_share(merchant: Row) -> float:
    """Probability that a redemption works, to 1/10000."""
    ok, failed = merchant.get("redemptions_ok") or 0, merchant.get("redemptions_failed") or 0
    return round((ok + 9) / (ok + failed + 10) * 10_000) / 10_000


def quality_minor(merchant: Row) -> int:
    """Worth of the rating in minor units, drawn to the prior where few have rated."""
    if merchant.get("rating") is None:
        return 0
    count = merchant.get("rating_count") or 0
    rating = round(float(merchant["rating"]), 3)
    shrunk = (rating * count + PRIOR_RATING * PRIOR_RATINGS) / (count + PRIOR_RATINGS)
    return round(STAR_VALUE * (shrunk - PRIOR_RATING))
