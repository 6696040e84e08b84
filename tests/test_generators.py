"""The generator produces every trouble it promises, and often enough to matter.

A request is looked at together with what the oracle finds for it, because trouble that filters
everything away, or nothing, tests little.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from shapely.geometry import shape

from tests.generators import (
    EVERYWHERE,
    HOURS,
    KINDS,
    NOWHERE_ELSE,
    NOWS,
    OFFER_TYPES,
    SIZES,
    TIME_ZONES,
    UNREADABLE,
    World,
    make_world,
)
from tests.oracles import HORIZON_MINUTES, horizon_start
from tests.questions import make_request

WORLD_SIZE = 64
REQUESTS_PER_WORLD = 100


@cache
def drawn() -> tuple[World, ...]:
    """Four worlds of every kind."""
    return tuple(
        make_world(Random(f"{kind} {n}"), kind, WORLD_SIZE) for kind in KINDS for n in "abcd"
    )


@cache
def asked() -> dict[str, float]:
    """Shares of all requests that have a feature, by its name."""
    seen: Counter[str] = Counter()
    total = 0
    for number, world in enumerate(drawn()):
        rng, oracle = Random(number), world.oracle()
        for _ in range(REQUESTS_PER_WORLD):
            request = make_request(rng, world)
            found = oracle.expect(request)
            total += 1
            seen.update(features(world, request))
            seen["finds nothing"] += not found
            seen["finds several"] += len(found) > 1
            seen["more than a page"] += len(found) > request.get("limit", 20)
            seen["on the circle"] += any(one.on_edge for one in found)
            counted = [
                (o.saving or 0, one.counted) for one in found for o in [one.best] if o is not None
            ]
            seen["part of a saving counts"] += any(0 < part < saving for saving, part in counted)
            seen["no saving counts"] += any(part == 0 < saving for saving, part in counted)
            seen["other deals"] += any(len(one.offers) > 1 for one in found)
            seen["unknown saving"] += any(o.saving is None for one in found for o in one.offers)
            budget = request.get("max_pay", math.inf)
            pays = [o.pay for one in found for o in one.offers if o.pay is not None]
            seen["a deal above the budget"] += any(pay > budget for pay in pays)
            seen["a deal at the budget"] += budget in pays
            seen["no deal within the budget"] += "max_pay" in request and any(
                one.best is None for one in found
            )
            seen["no deal among deals"] += len({bool(one.offers) for one in found}) == 2
            keys = [one.keys for one in found]
            seen["exact ties"] += len(set(keys)) < len(keys)
            minute = oracle.minute_of(request)
            seen["something changes"] += any(
                minute > 0 and one.shop.states[minute] != one.shop.states[minute - 1]
                for one in found
            )
            seen["a deal window opens"] += any(
                minute > 0 and mask[minute] != mask[minute - 1]
                for one in found
                for _, mask in one.shop.deals
            )
    return {name: count / total for name, count in seen.items()}


def features(world: World, request: dict[str, Any]) -> Iterable[str]:
    """What is special about a request."""
    at = datetime.fromisoformat(request["at"])
    minute = (at - horizon_start(world.now)) // timedelta(minutes=1)
    assert 0 <= minute < HORIZON_MINUTES
    assert -90 <= request["lat"] <= 90
    assert -180 <= request["lng"] <= 180
    yield from (f"{name} asked" for name, value in request.items() if value not in (False, []))
    yield f"sort {request['sort']}"
    yield f"deals {request.get('deals')}"
    yield f"limit {request.get('limit')}"
    radius = request.get("radius")
    yield f"radius {radius}"
    areas = [name for name in ("bbox", "polygon", "zone") if name in request]
    if areas and radius is None:
        yield "area without radius"
    if len(areas) > 1:
        yield "several areas"
    if "bbox" in request and request["bbox"][0] > request["bbox"][2]:
        yield "bbox across the antimeridian"
    if "polygon" in request:
        polygon = shape(request["polygon"])
        assert polygon.is_valid
        parts = getattr(polygon, "geoms", [polygon])
        yield "polygon with a hole" if any(part.interiors for part in parts) else "polygon plain"
        yield f"polygon {polygon.geom_type}"
    if any((row["lat"], row["lng"]) == (request["lat"], request["lng"]) for row in world.merchants):
        yield "on a merchant"
    if abs(request["lat"]) == 90:
        yield "on a pole"
    if abs(request["lng"]) == 180:
        yield "on the antimeridian"
    if minute in (0, HORIZON_MINUTES - 1):
        yield "at an end of the horizon"
    local = at.astimezone(ZoneInfo(world.envelope["time_zone"]))
    if (local.hour, local.minute) in ((0, 0), (23, 59)):
        yield "at midnight"
        if (local + timedelta(minutes=1)).weekday() == 0:
            yield "between Sunday and Monday"
    if at.second:
        yield "between minutes"


@pytest.mark.parametrize(
    ("feature", "share"),
    [
        ("finds nothing", 0.1),
        ("finds several", 0.4),
        ("more than a page", 0.15),
        ("exact ties", 0.1),
        ("on the circle", 0.02),
        ("other deals", 0.25),
        ("part of a saving counts", 0.1),
        ("no saving counts", 0.1),
        ("unknown saving", 0.1),
        ("no deal among deals", 0.1),
        ("something changes", 0.05),
        ("a deal window opens", 0.03),
        ("on a merchant", 0.2),
        ("on a pole", 0.02),
        ("on the antimeridian", 0.02),
        ("at midnight", 0.05),
        ("between Sunday and Monday", 0.01),
        ("at an end of the horizon", 0.01),
        ("between minutes", 0.2),
        ("radius None", 0.15),
        ("radius 1.0", 0.05),
        ("radius 50000.0", 0.03),
        ("area without radius", 0.05),
        ("several areas", 0.01),
        ("bbox asked", 0.08),
        ("bbox across the antimeridian", 0.005),
        ("polygon with a hole", 0.01),
        ("polygon MultiPolygon", 0.01),
        ("zone asked", 0.05),
        ("sort best", 0.2),
        ("sort distance", 0.2),
        ("sort saving", 0.2),
        ("sort rating", 0.2),
        ("deals card", 0.03),
        ("deals card_best", 0.04),
        ("new_customer asked", 0.15),
        ("deals any", 0.1),
        ("deals optional", 0.1),
        ("deals None", 0.4),
        ("cards asked", 0.4),
        ("party_size asked", 0.2),
        ("spend asked", 0.3),
        ("max_pay asked", 0.08),
        ("a deal above the budget", 0.015),
        ("a deal at the budget", 0.01),
        ("no deal within the budget", 0.02),
        ("open asked", 0.3),
        ("hours_unknown asked", 0.3),
        ("min_minutes_left asked", 0.08),
        ("categories asked", 0.15),
        ("min_rating asked", 0.1),
        ("business_area asked", 0.04),
        ("offer_type asked", 0.04),
        ("ids asked", 0.06),
        ("limit 1", 0.05),
        ("limit 100", 0.05),
        ("limit None", 0.1),
        ("total asked", 0.5),
        ("facets asked", 0.5),
        ("explain asked", 0.05),
    ],
)
def test_share_of_requests(feature: str, share: float) -> None:
    assert asked().get(feature, 0) >= share


def merchants() -> list[dict[str, Any]]:
    return [row for world in drawn() for row in world.merchants]


def deals() -> list[dict[str, Any]]:
    return [row for world in drawn() for row in world.deals]


def test_every_shape_of_hours() -> None:
    texts = Counter(row.get("opening_hours") for row in merchants())
    assert {*HOURS, *UNREADABLE} <= texts.keys()
    rows = merchants()
    assert sum("opening_hours" not in row for row in rows) > 0.05 * len(rows)
    periods = [row["opening_periods"] for row in rows if row.get("opening_periods")]
    assert any("close" not in one[0] for one in periods)
    assert sum(p["close"]["day"] < p["open"]["day"] for one in periods for p in one if "close" in p)


def test_every_state_of_business_and_missing_values() -> None:
    rows = merchants()
    status = Counter(row.get("business_status") for row in rows)
    assert {"OPERATIONAL", "CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY", None} == status.keys()
    for name in ("rating", "avg_price", "categories", "business_area", "redemptions_ok", "brand"):
        assert 0.02 < sum(name not in row for row in rows) / len(rows) < 0.95, name


@pytest.mark.parametrize("offer_type", OFFER_TYPES)
def test_every_offer_type(offer_type: str) -> None:
    rows = [row for row in deals() if row["offer_type"] == offer_type]
    assert len(rows) > 0.1 * len(deals())
    assert any("party_min" in row for row in rows)
    assert any("party_max" in row for row in rows)
    assert any(row.get("min_spend", 0) > 0 for row in rows) == (
        offer_type not in ("bundle", "free_item")
    )


def test_every_way_a_deal_is_out_of_use() -> None:
    rows, total = deals(), len(deals())
    for name, share in (("stock", 0.1), ("use_hours", 0.25), ("valid_from", 0.1), ("brand", 0.01)):
        assert sum(name in row for row in rows) > share * total, name
    assert sum(row.get("stock") == 0 for row in rows) > 0.04 * total
    for card in (True, False):
        new = [row for row in rows if row.get("new_customer_only")]
        assert sum(("program_id" in row) == card for row in new) > 0.01 * total
    assert any(row.get("use_hours") in UNREADABLE for row in rows)
    assert sum("program_id" not in row for row in rows) > 0.05 * total
    for world in drawn():
        today = str(world.now.date())
        assert any(row.get("valid_from", "") > today for row in world.deals)
        status = {row["status"] for row in world.programs}
        assert "ACTIVE" in status
    programs = [row for world in drawn() for row in world.programs]
    assert {"ACTIVE", "SUSPENDED", "ENDED"} == {row["status"] for row in programs}
    assert any("valid_through" in row for row in programs)


def test_expired_deals() -> None:
    expired = [
        row
        for world in drawn()
        for row in world.deals
        if row.get("valid_through", "9") < str(world.now.date() + timedelta(days=20))
    ]
    assert len(expired) > 0.03 * len(deals())


def test_positions() -> None:
    by_kind: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for world in drawn():
        by_kind[world.kind] += world.merchants
    assert len({(row["lat"], row["lng"]) for row in by_kind["one_position"]}) == 1
    crumbs = {(row["lat"], row["lng"]) for row in by_kind["crumbs"]}
    assert len(crumbs) == 6
    assert {(lat, -lng) for lat, lng in crumbs} == crumbs
    assert any(row["lat"] == 90 for row in by_kind["north_pole"])
    assert any(row["lat"] == -90 for row in by_kind["south_pole"])
    for edge in (-180.0, 180.0):
        assert any(row["lng"] == edge for row in by_kind["worldwide"])
    lngs = [row["lng"] for row in by_kind["antimeridian"]]
    assert min(lngs) < -179 < 179 < max(lngs)
    positions = Counter((row["lat"], row["lng"]) for row in by_kind["city"])
    assert positions.most_common(1)[0][1] > 5
    assert len({row["merchant_id"] for row in drawn()[0].merchants}) == WORLD_SIZE


def test_programmes() -> None:
    for world in drawn():
        by_card: dict[str, set[str]] = {}
        for deal in world.deals:
            if "program_id" in deal:
                by_card.setdefault(deal["program_id"], set()).update(deal.get("merchant_ids", ()))
        assert len(by_card[EVERYWHERE]) == WORLD_SIZE
        assert len(by_card[NOWHERE_ELSE]) == 1
        if world.kind == "many_programs":
            assert len(by_card) > 64


def test_categories() -> None:
    many = [world for world in drawn() if world.kind == "many_categories"]
    paths = {path for world in many for row in world.merchants for path in row["categories"]}
    assert len(paths) > 128


def test_time_zones_and_their_changes() -> None:
    assert {row["time_zone"] for row in merchants() if "time_zone" in row} == set(TIME_ZONES)
    changing = {
        zone
        for zone in TIME_ZONES
        for now in NOWS
        if len({offset(zone, now + timedelta(days=day)) for day in range(-1, 43)}) > 1
    }
    assert len(changing) >= 6
    assert {world.now for world in drawn()} == set(NOWS)


def offset(zone: str, instant: datetime) -> timedelta | None:
    return instant.astimezone(ZoneInfo(zone)).utcoffset()


def test_zones() -> None:
    found = [shape(f["geometry"]) for w in drawn() if w.zones for f in w.zones["features"]]
    assert any(not geometry.is_valid for geometry in found)
    assert any(geometry.geom_type == "MultiPolygon" for geometry in found)
    assert any(world.zones is None for world in drawn())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1])
def test_tiny_worlds(kind: str, size: int) -> None:
    rng = Random(size)
    world = make_world(rng, kind, size)
    assert len(world.merchants) == size
    oracle = world.oracle()
    for _ in range(20):
        assert len(oracle.expect(make_request(rng, world))) <= size


def test_sizes_straddle_leaves_and_nodes() -> None:
    for power in (8, 16, 32, 64, 128, 256):
        assert {power - 1, power, power + 1} <= set(SIZES)


def test_a_seed_names_a_world(tmp_path: Path) -> None:
    for name in "ab":
        make_world(Random(7), "city", 20).write(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "merchants.ndjson" in files
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_nows_are_aware() -> None:
    assert all(now.astimezone(UTC).year == 2026 for now in NOWS)
