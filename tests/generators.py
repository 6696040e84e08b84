"""Worlds (snapshots) that prefer trouble, for tests against the oracle.

Everything is drawn from a `random.Random`, so a seed names a world; Hypothesis passes its own
(`strategies.randoms()`) and can shrink. What the generator promises to produce, and how often, is
asserted by `test_generators.py`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from shapely.geometry import shape

from tests.oracle import Oracle
from tests.oracles import PLAIN_WORDS

HOURS = (
    "24/7",
    "Mo-Su 00:00-24:00",
    "10:00-22:00",
    "Mo-Fr 09:00-18:00",
    "Mo-Su 11:00-14:00,17:00-22:00",
    "Mo-Sa 08:00-24:00",
    "22:00-24:00",
    "23:59-24:00",
    "00:00-06:00",
    "00:00-00:01",
    "12:00-12:01",
    "18:00-02:00",
    "Mo-Fr 10:00-26:00",
    "Fr,Sa 20:00-05:00",
    "Su 22:00-02:00",
    "Mo 00:00-01:00; Su 23:00-24:00",
    "Fr 18:00-02:00; Sa 10:00-20:00",
    "Fr 18:00-02:00, Sa 10:00-20:00",
    "01:30-02:30",
    "02:00-03:00",
    "Mo-Fr 09:00-18:00; PH off",
    "Mo-Su 10:00-20:00; PH 12:00-16:00",
    "Mo-Sa 09:00-19:00; Su,PH off",
    "Su,PH 18:00-02:00",
    "off",
    "10:00-12:00 unknown",
    "Mo-Fr 09:00-12:00; Sa unknown",
    "Mar-Sep 10:00-18:00; Oct-Feb 10:00-20:00",
    "We[1] 10:00-12:00",
    "week 1-53/2 Mo-Fr 10:00-18:00",
    "Oct 01-07 off; 08:00-20:00",
    *PLAIN_WORDS,
)
UNREADABLE = ("ask at the door", "Mo-Fr 09:00-18:00; whenever we like")
USE_HOURS = (
    "Mo-Fr 11:00-14:00; PH off",
    "Mo-Su 17:00-22:00",
    "22:00-04:00",
    "Sa,Su 00:00-24:00",
    "14:00-14:01",
    "Mo-Th 10:00-12:00; Fr unknown",
    "off",
)
NARROW_HOURS = {
    "We 12:00-12:01": (2, 720, 1),
    "Mo 09:00-10:00": (0, 540, 60),
    "Su 23:30-24:00": (6, 1410, 30),
    "Mo 00:00-00:30": (0, 0, 30),
    "Fr 21:59-23:01": (4, 1319, 62),
    "Sa 05:00-06:00; PH off": (5, 300, 60),
}
"""Hours so rare that an hour of the week decides much, with weekday, first minute and length."""

CATEGORIES = (
    "food",
    "food.cafe",
    "food.cafe.tea",
    "food.noodle",
    "foodie",
    "shop.book",
    "shop.book.comic",
    "beauty.hair",
)
AREAS = ("静安寺", "陆家嘴", "West End")
BRANDS = ("Blue Cup", "蓝杯", "Noodle & Co")
TIME_ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of DST
    "America/Santiago",  # DST changes at midnight
    "Africa/Cairo",
    "America/St_Johns",  # half an hour off
    "Asia/Kathmandu",  # a quarter off
    "Pacific/Kiritimati",  # +14
    "Pacific/Pago_Pago",  # -11
)
NOWS = tuple(
    datetime.fromisoformat(text)
    for text in (
        "2026-02-27T12:00:00+00:00",  # DST begins in America, Europe
        "2026-03-25T23:59:59+00:00",  # DST ends in Australia, Chile; begins in Europe, Egypt
        "2026-09-01T00:00:00+00:00",  # begins in Chile, Australia; Chinese holidays
        "2026-09-26T08:30:00+08:00",  # National Day week; DST ends in Europe, America
    )
)
SIZES = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200, 255, 256, 257)
KINDS = (
    "city",
    "one_position",
    "crumbs",
    "grid",
    "north_pole",
    "south_pole",
    "antimeridian",
    "worldwide",
    "time_zones",
    "many_programs",
    "many_categories",
    "narrow_hours",
)
CENTRES = {
    "city": (31.2304, 121.4737),
    "one_position": (52.52, 13.405),
    "crumbs": (31.2304567, 0.0),
    "grid": (0.0, 0.0),
    "north_pole": (90.0, 0.0),
    "south_pole": (-90.0, 0.0),
    "antimeridian": (-16.8, 180.0),
    "worldwide": (0.0, 0.0),
    "time_zones": (48.2, 16.37),
    "many_programs": (31.2304, 121.4737),
    "many_categories": (25.033, 121.5654),
    "narrow_hours": (31.2304, 121.4737),
}
GROUPS = ("shop", "bank", "平台", "Shop")
EVERYWHERE, NOWHERE_ELSE = "card-everywhere", "card-of-one-shop"
"""Programmes of every world with merchants: one held by all of them, one by a single one."""


@dataclass
class World:
    """A snapshot: rows as they stand in its files, and the `now` of its build."""

    kind: str
    envelope: dict[str, Any]
    now: datetime
    merchants: list[dict[str, Any]] = field(default_factory=list)
    deals: list[dict[str, Any]] = field(default_factory=list)
    programs: list[dict[str, Any]] = field(default_factory=list)
    zones: dict[str, Any] | None = None

    def write(self, folder: Path) -> None:
        """Write the snapshot's files."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "snapshot.json").write_text(json.dumps(self.envelope))
        for table in ("merchants", "deals", "programs"):
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in getattr(self, table))
            (folder / f"{table}.ndjson").write_text("".join(lines), encoding="utf-8")
        if self.zones is not None:
            (folder / "zones.geojson").write_text(json.dumps(self.zones))

    def oracle(self, *, edge_m: float = 1e-6) -> Oracle:
        """The oracle of this world."""
        return Oracle(
            self.envelope,
            self.merchants,
            self.deals,
            self.programs,
            zones=self.zones,
            now=self.now,
            edge_m=edge_m,
        )


def chance(rng: Random, share: float) -> bool:
    """True with the given probability."""
    return rng.random() < share


def make_world(rng: Random, kind: str, size: int) -> World:
    """A world of `size` merchants around one kind of trouble."""
    country, zone = rng.choice(
        (("CN", "Asia/Shanghai"), ("DE", "Europe/Berlin"), ("TW", "Asia/Taipei"))
    )
    world = World(
        kind=kind,
        envelope={
            "snapshot_id": f"{kind}-{size}",
            "schema_version": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "crs": "WGS84",
            "time_zone": zone,
            "country": country,
            "currency": "CNY",
        },
        now=rng.choice(NOWS),
    )
    world.programs = _programs(rng, 130 if kind == "many_programs" else rng.choice((2, 5)), world)
    world.merchants = [_merchant(rng, number, world) for number in range(size)]
    rng.shuffle(world.merchants)
    world.deals = _deals(rng, world)
    if chance(rng, 0.7):
        world.zones = _zones(rng, world)
    return world


def _day(rng: Random, world: World, low: int, high: int) -> str:
    return str(world.now.date() + timedelta(days=rng.randint(low, high)))


def _dates(rng: Random, world: World) -> dict[str, str]:
    """A validity: usually open-ended, sometimes past, to come, or ending within the horizon."""
    dates = {}
    if chance(rng, 0.35):
        dates["valid_from"] = _day(rng, world, -9, 12)
    if chance(rng, 0.35):
        dates["valid_through"] = _day(rng, world, -1 if "valid_from" not in dates else 12, 50)
    return dates


def _programs(rng: Random, count: int, world: World) -> list[dict[str, Any]]:
    programs: list[dict[str, Any]] = [
        {"program_id": EVERYWHERE, "name": "All", "kind": "membership", "status": "ACTIVE"},
        {"program_id": NOWHERE_ELSE, "name": "One", "kind": "platform", "status": "ACTIVE"},
    ]
    for number in range(count):
        status = rng.choice(("ACTIVE",) * 6 + ("SUSPENDED", "ENDED"))
        kind = rng.choice(("membership", "bank_card", "government_voucher", "platform"))
        row = {"program_id": f"card{number}", "name": f"Card {number}", "kind": kind}
        programs.append(row | {"status": status, "fee": 0} | _dates(rng, world))
    return programs


def _position(rng: Random, kind: str) -> tuple[float, float]:
    """Latitude and longitude of a merchant, often in an awkward place."""
    lat, lng = CENTRES[kind]
    if kind == "one_position":
        return lat, lng
    if kind == "crumbs":  # six positions a centimetre apart, mirrored east and west
        return round(lat + rng.randint(0, 1) * 1e-7, 7), rng.randint(-1, 1) * 1e-7
    if kind == "grid":  # equal distances in all directions
        return rng.randint(-4, 4) / 1000, rng.randint(-4, 4) / 1000
    if kind == "worldwide":
        lng = rng.choice((-180.0, 180.0, 0.0, rng.uniform(-180, 180), rng.uniform(-180, 180)))
        return round(math.degrees(math.asin(rng.uniform(-1, 1))), 7), round(lng, 7)
    if kind in ("north_pole", "south_pole"):
        off = rng.choice((0.0, 1e-7, rng.uniform(0, 0.001), rng.uniform(0, 0.1)))
        lng = rng.choice((-180.0, -90.0, 0.0, 90.0, 180.0, rng.uniform(-180, 180)))
        return round(math.copysign(90.0 - off, lat), 7), round(lng, 7)
    if chance(rng, 0.15):  # a mall
        return lat, lng
    spread = rng.choice((1e-7, 1e-4, 0.01, 0.01, 0.03, 0.3))
    lat, lng = lat + rng.uniform(-spread, spread), lng + rng.uniform(-spread, spread)
    return round(lat, 7), wrapped(round(lng, 7))


def wrapped(lng: float) -> float:
    """The same meridian within [-180, 180]."""
    if lng > 180:
        return round(lng - 360, 7)
    return round(lng + 360, 7) if lng < -180 else lng


def _merchant(rng: Random, number: int, world: World) -> dict[str, Any]:
    lat, lng = _position(rng, world.kind)
    # Ids sort as text: "10" before "9", capitals before small letters, Chinese last.
    row: dict[str, Any] = {"merchant_id": f"{rng.choice(('m', 'M', 'é', '店'))}{number}"}
    row |= {"name": f"Shop {number}", "lat": lat, "lng": lng}
    if world.kind == "many_categories":
        row["categories"] = [f"c{rng.randint(0, 20)}.d{rng.randint(0, 20)}"]
    elif chance(rng, 0.9):
        row["categories"] = rng.sample(CATEGORIES, rng.choice((0, 1, 1, 2, 3)))
    if chance(rng, 0.6):
        row["business_area"] = rng.choice(AREAS)
    if chance(rng, 0.3):
        row["brand"] = rng.choice(BRANDS)
    if world.kind == "time_zones" or chance(rng, 0.1):
        row["time_zone"] = rng.choice(TIME_ZONES)
    if world.kind == "narrow_hours":
        row["opening_hours"] = rng.choice((*NARROW_HOURS, "off"))
    else:
        row |= _hours_of(rng)
    status = rng.choice(("OPERATIONAL",) * 16 + ("CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY"))
    if status != "OPERATIONAL" or chance(rng, 0.1):
        row["business_status"] = status
    if chance(rng, 0.75):
        row["rating"] = rng.choice((0.0, 3.5, 4.0, 4.5, 5.0, 4.123, round(rng.uniform(1, 5), 3)))
        row["rating_count"] = rng.choice((0, 1, 20, 3000))
    if chance(rng, 0.7):
        row["avg_price"] = rng.choice((0, 100, 2500, 5000, 9999, rng.randint(1, 60_000)))
    if chance(rng, 0.5):
        row["redemptions_ok"] = rng.choice((0, 3, 90, 100_000))
        row["redemptions_failed"] = rng.choice((0, 1, 10, 400))
    return row


def _hours_of(rng: Random) -> dict[str, Any]:
    """One of the ways a row tells its hours, or none."""
    way = rng.random()
    if way < 0.75:
        return {"opening_hours": rng.choice(HOURS)}
    if way < 0.8:
        return {"opening_hours": rng.choice(UNREADABLE)}
    if way < 0.83:
        return {"opening_periods": [{"open": {"day": 0, "hour": 0, "minute": 0}}]}
    if way > 0.9:
        return {"opening_hours": None} if way > 0.97 else {}
    periods = []
    for day in rng.sample(range(7), rng.randint(1, 7)):
        first, length = rng.choice((0, 7, 12, 22)), rng.choice((1, 2, 12, 24))
        close = {"day": (day + (first + length) // 24) % 7, "hour": (first + length) % 24}
        periods.append(
            {"open": {"day": day, "hour": first, "minute": 30}, "close": close | {"minute": 30}}
        )
    return {"opening_periods": periods}


def make_deal(rng: Random, offer_type: str) -> dict[str, Any]:
    """Type and terms of a deal; amounts are few, so that savings tie."""
    deal: dict[str, Any] = {"offer_type": offer_type}
    if offer_type in ("percent_off", "cashback"):
        deal["percent"] = rng.choice((10, 9.5, 12.5, 33.3333, 0.01, 100, 20))
        if chance(rng, 0.4):
            deal["max_discount"] = rng.choice((0, 1, 500, 1000))
    elif offer_type == "amount_off":
        deal["amount"] = rng.choice((1, 500, 1000, 6000))
    elif offer_type == "voucher":
        deal["face_value"] = rng.choice((1000, 2500, 5000))
        deal["price"] = deal["face_value"] - rng.choice((1, 500, 1000))
        if chance(rng, 0.5):
            deal["max_uses"] = rng.randint(1, 4)
    elif offer_type == "bundle":
        deal["list_price"] = rng.choice((1000, 8000))
        deal["price"] = deal["list_price"] - rng.choice((1, 500, 1000))
    else:
        deal["face_value"] = rng.choice((500, 1000))
    if chance(rng, 0.3) and offer_type not in ("bundle", "free_item"):
        deal["min_spend"] = rng.choice((0, 1, 5000, 10_000))
    if chance(rng, 0.15):
        deal["party_min"] = rng.choice((1, 2, 4))
    if chance(rng, 0.15):
        deal["party_max"] = rng.choice((4, 6))
    # Draws of its own leave the worlds of a seed as they are.
    own = Random(f"dear {deal}")
    if offer_type == "bundle" and chance(own, 0.4):
        deal["list_price"] = own.choice((20_000, 84_900))
        deal["price"] = deal["list_price"] - own.choice((1, 8_000, 19_999))
    elif offer_type == "free_item" and chance(own, 0.2):
        deal["face_value"] = 25_000
    return deal


OFFER_TYPES = ("percent_off", "amount_off", "voucher", "bundle", "cashback", "free_item")


def _deals(rng: Random, world: World) -> list[dict[str, Any]]:
    ids = [row["merchant_id"] for row in world.merchants]
    if not ids:
        return []
    cards = [row["program_id"] for row in world.programs[2:]]
    spread: list[tuple[str | None, list[str] | None]] = [
        (EVERYWHERE, ids),
        (NOWHERE_ELSE, [rng.choice(ids)]),
    ]
    spread += [(rng.choice((None, *cards)), None) for _ in range(2)]  # of a brand
    few = min(len(ids), 3)
    for _ in range(int(len(ids) * 1.5) + 2):
        spread.append((rng.choice((None, *cards, *cards)), rng.sample(ids, rng.randint(1, few))))
    deals = []
    for number, (card, where) in enumerate(spread):
        deal: dict[str, Any] = {"deal_id": f"{rng.choice(('d', 'D'))}{number}", "title": "Deal"}
        deal |= make_deal(rng, rng.choice(OFFER_TYPES))
        deal |= {"brand": rng.choice(BRANDS)} if where is None else {"merchant_ids": where}
        if card is not None:
            deal["program_id"] = card
        if chance(rng, 0.5) and number > 1:
            deal |= _dates(rng, world)
        if world.kind == "narrow_hours":
            deal["use_hours"] = rng.choice(tuple(NARROW_HOURS))
        elif chance(rng, 0.35):
            deal["use_hours"] = rng.choice(USE_HOURS)
        elif chance(rng, 0.03):
            deal["use_hours"] = UNREADABLE[0]
        if chance(rng, 0.15):
            deal["stock"] = rng.choice((0, 0, 1, 100))
        # Draws of its own leave the worlds of a seed as they are.
        if chance(Random(f"new {deal}"), 0.12):
            deal["new_customer_only"] = True
        if chance(own := Random(f"group {deal}"), 0.35):
            deal["stack_group"] = own.choice(GROUPS)
        deals.append(deal)
    rng.shuffle(deals)
    return deals


def _ring(lat: float, lng: float, size: float, corners: int) -> list[list[float]]:
    """A closed ring around a position, kept within the map."""
    ring = []
    for corner in range(corners):
        angle = 2 * math.pi * (corner + 0.5) / corners
        x = min(180.0, max(-180.0, lng + size * math.cos(angle)))
        ring.append([round(x, 7), round(min(90.0, max(-90.0, lat + size * math.sin(angle))), 7)])
    return [*ring, ring[0]]


def make_geometry(rng: Random, lat: float, lng: float) -> dict[str, Any]:
    """A valid polygon around a position: plain, with a hole, in two parts, or cornered on it."""
    size = rng.choice((0.001, 0.01, 0.05, 5.0))
    geometry = _geometry(rng.choice(("plain", "hole", "parts", "corner")), size, lat, lng, rng)
    shaped = shape(geometry)  # cut at the edge of the map it may have come out flat
    return (
        geometry
        if shaped.is_valid and shaped.area > 0
        else _geometry("corner", size, lat, lng, rng)
    )


def _geometry(kind: str, size: float, lat: float, lng: float, rng: Random) -> dict[str, Any]:
    if kind == "corner":  # the position is a corner: the border holds it
        far_lng, far_lat = lng - size if lng > 0 else lng + size, lat - math.copysign(size, lat)
        box = [[lng, lat], [far_lng, lat], [far_lng, far_lat], [lng, far_lat], [lng, lat]]
        return {"type": "Polygon", "coordinates": [[[round(v, 7) for v in p] for p in box]]}
    outer = _ring(lat, lng, size, rng.choice((3, 4, 7)))
    if kind == "hole":
        return {"type": "Polygon", "coordinates": [outer, _ring(lat, lng, size / 8, 4)[::-1]]}
    if kind == "parts":
        other = _ring(lat, lng - 3 * size if lng > 0 else lng + 3 * size, size, 5)
        return {"type": "MultiPolygon", "coordinates": [[outer], [other]]}
    return {"type": "Polygon", "coordinates": [outer]}


def _zones(rng: Random, world: World) -> dict[str, Any]:
    features = []
    for number in range(rng.randint(1, 6)):
        lat, lng = some_position(rng, world)
        geometry = make_geometry(rng, lat, lng)
        if number == 1:  # a bow tie, which shapely repairs
            ring = _ring(lat, lng, 0.01, 4)
            ring = [ring[0], ring[2], ring[1], ring[3], ring[0]]
            geometry = {"type": "Polygon", "coordinates": [ring]}
        properties = {"zone_id": f"z{number}", "name": f"Zone {number}", "kind": "mall"}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}


def some_position(rng: Random, world: World) -> tuple[float, float]:
    """A merchant's position or the world's centre."""
    if world.merchants and chance(rng, 0.8):
        row = rng.choice(world.merchants)
        return row["lat"], row["lng"]
    return CENTRES[world.kind]
