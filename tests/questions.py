"""Requests that prefer trouble, about the worlds of `tests.generators`.

Every parameter of `/v1/nearby` but `q` and `cursor` (pages are read by `tests.comparison`). Asked
positions, instants and areas are those at which something is about to change. What is promised
here is asserted by `test_generators.py` too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.generators import (
    AREAS,
    CATEGORIES,
    NARROW_HOURS,
    World,
    chance,
    make_geometry,
    some_position,
    wrapped,
)
from tests.oracles import (
    HORIZON_MINUTES,
    expected_spend,
    from_wgs84,
    haversine_m,
    horizon_start,
    saving_and_pay,
)

WALL_CLOCKS: tuple[int, ...] = (
    0,
    1,
    30,
    89,
    90,
    119,
    120,
    121,
    150,
    179,
    180,
    539,
    540,
    600,
    660,
    719,
    720,
    839,
)
WALL_CLOCKS += (840, 959, 960, 1020, 1079, 1080, 1140, 1199, 1200, 1260, 1319, 1320, 1380, 1439)
OFFER_TYPES = ("percent_off", "amount_off", "voucher", "bundle", "cashback", "free_item")
MAX_MONEY = 2_000_000_000
MINUTES_LEFT = (1, 2, 30, 59, 60, 61, 120, 240, 720, 1440)


def _moment(rng: Random, world: World) -> str:
    """An instant within the horizon, as text: often one at which something changes."""
    start = horizon_start(world.now)
    last = start + timedelta(minutes=HORIZON_MINUTES) - timedelta(microseconds=1)
    way = rng.random()
    if way < 0.03:
        instant = rng.choice((start, last, last - timedelta(minutes=1)))
    elif way < 0.15:
        instant = start + timedelta(minutes=rng.randrange(HORIZON_MINUTES))
    else:
        zones = {row.get("time_zone", "") for row in world.merchants[:50]} - {""}
        own = world.envelope["time_zone"]
        zone = ZoneInfo(rng.choice((own, rng.choice(sorted(zones)))) if zones else own)
        day = start.date() + timedelta(days=rng.choice((1, 2, rng.randint(0, 44))))
        wall = datetime(day.year, day.month, day.day)
        if world.kind == "narrow_hours":  # at an end of them, or within
            weekday, first, length = rng.choice(tuple(NARROW_HOURS.values()))
            wall += timedelta(days=weekday - wall.weekday())
            wall += timedelta(minutes=first + rng.choice((-1, 0, length - 1, length, length // 2)))
        elif chance(rng, 0.2):  # midnight, often of a Sunday or the Monday after it
            wall -= timedelta(days=wall.weekday() if chance(rng, 0.4) else 0)
            wall += timedelta(minutes=rng.choice((0, 0, -1, 1)))
        else:
            wall += timedelta(minutes=rng.choice(WALL_CLOCKS))
        instant = wall.replace(tzinfo=zone, fold=rng.choice((0, 1))).astimezone(UTC)
        instant += timedelta(seconds=rng.choice((0, 0, 1, 59)))
    offset = timezone(timedelta(minutes=rng.choice((0, 480, -210, 345))))
    return min(max(instant, start), last).astimezone(offset).isoformat()


def _where(rng: Random, world: World) -> tuple[float, float]:
    """Where somebody stands: on a merchant, next to one, in the middle, or on an odd spot."""
    lat, lng = some_position(rng, world)
    way = rng.random()
    if way < 0.35:
        return lat, lng
    if way < 0.4:
        return rng.choice(((90.0, 0.0), (-90.0, 77.0), (lat, 180.0), (lat, -180.0), (0.0, 0.0)))
    off = rng.choice((1e-7, 1e-4, 0.005, 0.02, 0.2))
    lat, lng = lat + rng.uniform(-off, off), wrapped(lng + rng.uniform(-off, off))
    return min(90.0, max(-90.0, lat)), lng


def _radius(rng: Random, world: World, lat: float, lng: float) -> float:
    """A radius: the bounds, the usual ones, and exactly a merchant's distance, give or take."""
    if world.merchants and chance(rng, 0.25):
        row = rng.choice(world.merchants)
        exact = haversine_m(lat, lng, row["lat"], row["lng"])
        if 1.001 < exact < 49_999:
            return rng.choice((exact, math.nextafter(exact, 0), math.nextafter(exact, math.inf)))
    return rng.choice((1.0, 30.0, 500.0, 1000.0, 3000.0, 3000.0, 10_000.0, 50_000.0, 50_000.0))


def _bbox(rng: Random, lat: float, lng: float) -> tuple[float, float, float, float]:
    """A box around a position or with it in a corner; it may cross the antimeridian."""
    size = rng.choice((0.0, 0.001, 0.02, 1.0, 30.0))
    low_lat, high_lat = (lat, lat + size) if chance(rng, 0.2) else (lat - size, lat + size)
    low_lng, high_lng = (lng - size, lng) if chance(rng, 0.2) else (lng - size, lng + size)
    low_lat, high_lat = max(-90.0, round(low_lat, 7)), min(90.0, round(high_lat, 7))
    return wrapped(round(low_lng, 7)), low_lat, wrapped(round(high_lng, 7)), high_lat


def make_request(rng: Random, world: World) -> dict[str, Any]:
    """A request for `/v1/nearby` as a dict of its parameters; everything but q and cursor."""
    lat, lng = _where(rng, world)
    request: dict[str, Any] = {"lat": lat, "lng": lng, "at": _moment(rng, world)}
    request["sort"] = rng.choice(("best", "distance", "saving", "rating"))
    if chance(rng, 0.25):
        request["crs"] = rng.choice(("GCJ02", "GCJ02", "BD09", "WGS84"))
        request["lat"], request["lng"] = from_wgs84(lat, lng, request["crs"])
    if chance(rng, 0.7):
        request["radius"] = _radius(rng, world, lat, lng)
    _ask_area(rng, world, request)
    _ask_deals(rng, world, request)
    if chance(rng, 0.4):
        request["open"] = rng.choice(("now", "now", "any"))
        request["hours_unknown"] = rng.choice(("exclude", "include"))
    if chance(rng, 0.12):
        request["min_minutes_left"] = rng.choice(MINUTES_LEFT)
        request["hours_unknown"] = rng.choice(("exclude", "include"))
    if chance(rng, 0.18):
        wanted: Sequence[str] = (*CATEGORIES, "foo", "shop", "beauty", "c1", "c2", "c3.d4")
        request["categories"] = rng.sample(wanted, rng.randint(1, 3))
    if chance(rng, 0.15):
        request["min_rating"] = rng.choice((0.0, 3.5, 4.0, 4.123, 4.4999, 4.5, 5.0))
    if chance(rng, 0.8):
        request["limit"] = rng.choice((1, 2, 3, 20, 99, 100, rng.randint(1, 100)))
    request["total"] = chance(rng, 0.7)
    if chance(rng, 0.1):
        request["explain"] = True
    facets = ("category", "program", "offer_type", "business_area")
    request["facets"] = list(facets) if chance(rng, 0.4) else rng.sample(facets, rng.randint(0, 2))
    _ask_facets(Random(repr(request)), request)
    _ask_customer(Random(f"customer {request}"), request)
    _ask_ids(Random(f"ids {request}"), world, request)
    _ask_budget(Random(f"budget {request}"), world, request)
    if chance(language := Random(f"language {request}"), 0.5):
        request["lang"] = language.choice(("zh", "zh", "en"))
    if chance(own := Random(f"stacking {request}"), 0.3):
        request["stacking"] = "on" if chance(own, 0.9) else "off"
    return request


def _ask_budget(rng: Random, world: World, request: dict[str, Any]) -> None:
    """A most to pay: nothing, anything, and what a shop or a deal costs, give or take."""
    if not chance(rng, 0.16):
        return
    around: list[int | None] = []
    if world.merchants:
        spend = expected_spend(request, rng.choice(world.merchants))
        deals = rng.sample(world.deals, min(3, len(world.deals)))
        around = [spend, *(saving_and_pay(deal, spend)[1] for deal in deals)]
    values = [pay + rng.choice((-1, 0, 0, 1)) for pay in around if pay is not None]
    values += [0, 5_000, MAX_MONEY]
    request["max_pay"] = min(MAX_MONEY, max(0, rng.choice(values)))


def _ask_ids(rng: Random, world: World, request: dict[str, Any]) -> None:
    """Saved places: some are gone, some were never there, some are saved twice."""
    if not chance(rng, 0.12):
        return
    saved = [row["merchant_id"] for row in world.merchants]
    some = rng.choice((0, 1, 5, 40, 900))
    saved = rng.sample(saved, min(len(saved), some))
    if chance(rng, 0.4):
        saved += ["nobody's", "", *saved[:1]][:: rng.choice((1, 2))]
    request["ids"] = [one for one in saved if one]
    if chance(rng, 0.6):
        request.pop("radius", None)


def _ask_customer(rng: Random, request: dict[str, Any]) -> None:
    """Where the card wins, and deals for new customers."""
    if request.get("cards") and chance(rng, 0.12):
        request["deals"] = "card_best"
    if chance(rng, 0.25):
        request["new_customer"] = chance(rng, 0.8)


def _ask_facets(rng: Random, request: dict[str, Any]) -> None:
    """Filters by values of facets."""
    if chance(rng, 0.07):
        request["business_area"] = rng.sample((*AREAS, "nowhere"), rng.randint(1, 2))
    if chance(rng, 0.08):
        request["offer_type"] = rng.sample(OFFER_TYPES, rng.choice((1, 1, 2, 3)))


def _ask_area(rng: Random, world: World, request: dict[str, Any]) -> None:
    lat, lng = from_wgs84(*some_position(rng, world), request.get("crs", "WGS84"))
    lat, lng = round(lat, 7), round(lng, 7)
    if chance(rng, 0.12):
        request["bbox"] = _bbox(rng, lat, lng)
    if chance(rng, 0.1):
        request["polygon"] = make_geometry(rng, lat, lng)
    if world.zones is not None and chance(rng, 0.1):
        request["zone"] = rng.choice(world.zones["features"])["properties"]["zone_id"]


def _ask_deals(rng: Random, world: World, request: dict[str, Any]) -> None:
    cards = [row["program_id"] for row in world.programs]
    if chance(rng, 0.55):
        count = rng.choice((1, 1, 2, 3, 20, len(cards)))
        request["cards"] = rng.sample(cards, min(count, len(cards)))
        if chance(rng, 0.1):
            request["cards"].append("card-nobody-knows")
    if chance(rng, 0.4):
        choices = ("any", "optional", "card") if request.get("cards") else ("any", "optional")
        request["deals"] = rng.choice(choices)
    if chance(rng, 0.3):
        request["party_size"] = rng.choice((1, 2, 3, 4, 5, 7, 1000))
    if chance(rng, 0.4):
        request["spend"] = rng.choice((0, 1, 999, 1000, 2500, 4999, 5000, 7500, 10_000, 123_456))
