"""A city of three shops and three cards, as a snapshot and as an open index."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import geosearch
from geosearch.indexing.pipeline import build
from geosearch.search.searcher import Searcher
from tests.generators import World

NOW = datetime.fromisoformat("2026-11-23T00:00:00+08:00")
LUNCH: dict[str, Any] = {
    "lat": 31.0, "lng": 121.0, "when": "Mo-Fr 12:00-13:00", "visits": 20, "spend": 4000
}  # fmt: skip


def shop(number: int, **more: Any) -> dict[str, Any]:
    return {
        "merchant_id": f"m{number}", "name": f"Shop {number}", "lat": 31.0 + number * 1e-3,
        "lng": 121.0, "opening_hours": "24/7", "avg_price": 4000, **more,
    }  # fmt: skip


def small_world() -> World:
    """Three shops, of which one takes a card."""
    envelope = {
        "snapshot_id": "small", "schema_version": 1, "created_at": "2026-11-23T00:00:00+08:00",
        "crs": "WGS84", "time_zone": "Asia/Shanghai", "country": "CN", "currency": "CNY",
    }  # fmt: skip
    world = World(kind="city", envelope=envelope, now=NOW)
    world.merchants = [shop(0), shop(1), shop(2)]
    world.programs = [
        {
            "program_id": name,
            "name": name.title(),
            "kind": "membership",
            "status": status,
            "fee": fee,
        }
        for name, status, fee in (
            ("red", "ACTIVE", 16_800),
            ("blue", "ACTIVE", 0),
            ("old", "ENDED", 100),
        )
    ]
    world.deals = [
        deal("r1", ["m0"], program_id="red", percent=20),
        deal("b1", ["m1"], program_id="blue", percent=50),
        deal("o1", ["m0"], program_id="old", percent=90),
        deal("p1", ["m1"], percent=10),
    ]
    return world


def deal(name: str, ids: list[str], **more: Any) -> dict[str, Any]:
    terms = {"offer_type": "percent_off"} | more
    return {"deal_id": name, "title": name, "merchant_ids": ids, **terms}


def opened(world: World, folder: Path) -> Searcher:
    world.write(folder / "snapshot")
    build(folder / "snapshot", folder / "index", now=world.now, max_rejected=1.0)
    return geosearch.open_index(folder / "index")


def priced(rng: Random, world: World) -> World:
    """The world with more prices, fees and simple deals, so that habits meet shops and deals."""
    for row in world.merchants:
        if rng.random() < 0.7:
            row["avg_price"] = rng.choice((500, 1000, 2500, 4000, 5000))
        if rng.random() < 0.5:
            row["opening_hours"] = rng.choice(("24/7", "Mo-Su 10:00-22:00"))
            row.pop("opening_periods", None)
    for row in world.programs:
        row["fee"] = rng.choice((0, 16_800, 99, 5_000_000))
    cards = [row["program_id"] for row in world.programs]
    for number, row in enumerate(world.merchants):
        for card in (None, rng.choice(cards)):
            if rng.random() < 0.5:
                terms = {"percent": rng.choice((5, 10, 20, 30))}
                terms |= {} if card is None else {"program_id": card}
                world.deals.append(deal(f"x{number}{card}", [row["merchant_id"]], **terms))
    return world
