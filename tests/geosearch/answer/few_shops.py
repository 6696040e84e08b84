"""Nine shops, one for each way that hours are told, and deals of every kind of money."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from geosearch.answer.model import Hit
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from tests.comparison import Duel
from tests.generators import World
from tests.geosearch.snapshot_files import ENVELOPE, PROGRAM, Row, deal, merchant

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")  # a Sunday
LAT, LNG = 31.23, 121.47

SHOPS: list[Row] = [
    merchant(0, opening_hours="Mo-Su 10:00-22:00", avg_price=5000, rating=5.0, rating_count=20),
    merchant(1, opening_hours="Mo-Su 10:00-22:00", time_zone="America/New_York"),
    merchant(2, opening_hours="24/7"),
    merchant(3),
    merchant(4, opening_hours="off"),
    merchant(5, opening_hours="Mo-Fr 09:00-18:00"),
    merchant(6, opening_hours="18:00-02:00", lat=LAT + 0.01),
    merchant(7, opening_hours="24/7", lat=LAT + 0.4),
    merchant(8, opening_hours="10:00-12:30 unknown, 12:30-14:00"),
]
DEALS: list[Row] = [
    deal(0, merchant_ids=["m0", "m1"], title="十分之一", redemption={"channel": "qr"}),
    deal(1, merchant_ids=["m0"], offer_type="free_item", face_value=800, use_hours="11:00-14:00"),
    deal(2, merchant_ids=["m2"], offer_type="cashback", percent=5, min_spend=100),
    deal(3, merchant_ids=["m3"], offer_type="free_item", face_value=1200),
    deal(4, merchant_ids=["m5"], offer_type="free_item", face_value=1200, program_id="red"),
    deal(5, merchant_ids=["m5"], offer_type="free_item", face_value=1, stock=0),
]


def shops_in(folder: Path, **envelope: Any) -> Duel:
    """The shops, built in a folder, and their oracle; `envelope` changes that of the snapshot."""
    shops, deals = ([dict(row) for row in rows] for rows in (SHOPS, DEALS))
    world = World("few", ENVELOPE | envelope, NOW, shops, deals, [PROGRAM])
    return Duel(world, folder)


def hit_of(engine: Searcher, number: int, **wish: Any) -> Hit:
    """One of them as a hit."""
    fields: dict[str, Any] = {"lat": LAT, "lng": LNG, "at": NOW, "radius": 50_000.0}
    hits = engine.search(Query(**fields | wish)).hits
    (hit,) = [hit for hit in hits if hit.merchant["merchant_id"] == f"m{number}"]
    return hit
