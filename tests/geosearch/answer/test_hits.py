"""What a hit says: times on the shop's clock, reasons, money known and unknown."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from geosearch.answer.model import Hit
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from indexes.geo.datum import from_wgs84
from tests.geosearch.snapshot_files import PROGRAM, Row, deal, merchant, write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")  # a Sunday
LAT, LNG = 31.23, 121.47

SHOPS: list[Row | bytes] = [
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
DEALS: list[Row | bytes] = [
    deal(0, merchant_ids=["m0", "m1"], title="十分之一", redemption={"channel": "qr"}),
    deal(1, merchant_ids=["m0"], offer_type="free_item", face_value=800, use_hours="11:00-14:00"),
    deal(2, merchant_ids=["m2"], offer_type="cashback", percent=5, min_spend=100),
    deal(3, merchant_ids=["m3"], offer_type="free_item", face_value=1200),
    deal(4, merchant_ids=["m5"], offer_type="free_item", face_value=1200, program_id="red"),
    deal(5, merchant_ids=["m5"], offer_type="free_item", face_value=1, stock=0),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("hits")
    tables: dict[str, Any] = {"merchants": SHOPS, "deals": DEALS, "programs": [PROGRAM]}
    write_snapshot(folder / "snapshot", tables)
    build(folder / "snapshot", folder / "index", now=NOW)
    return open_index(folder / "index")


def hit_of(engine: Searcher, number: int, **wish: Any) -> Hit:
    fields: dict[str, Any] = {"lat": LAT, "lng": LNG, "at": NOW, "radius": 50_000.0}
    query = Query(**fields | wish)
    (hit,) = [
        hit for hit in engine.search(query).hits if hit.merchant["merchant_id"] == f"m{number}"
    ]
    return hit


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


def test_positions_are_in_the_datum_of_the_question(engine: Searcher) -> None:
    lat, lng = from_wgs84(LAT, LNG, "GCJ02")
    hit = hit_of(engine, 0, lat=lat, lng=lng, crs="GCJ02")
    assert hit.merchant["lat"] == pytest.approx(lat, abs=2e-7)
    assert hit.merchant["lng"] == pytest.approx(lng, abs=2e-7)
    assert hit.distance_m < 0.1
    plain = hit_of(engine, 0)
    assert (plain.lat, plain.lng, plain.distance_m) == (LAT, LNG, 0.0)


def test_score_parts_add_up(engine: Searcher) -> None:
    parts = hit_of(engine, 0, explain=True).explain
    assert parts == {
        "redeem_probability": 0.9,
        "expected_saving": 720.0,
        "walk_cost": 0.0,
        "quality": 375,
        "score": 1095.0,
    }
    unknown = hit_of(engine, 2, explain=True).explain
    assert unknown is not None
    assert unknown["expected_saving"] == 0.0


def test_a_record_has_the_hours_of_the_week_and_every_deal(engine: Searcher) -> None:
    record = engine.merchant("m0", NOW)
    assert record is not None
    spans = record["hours"]
    assert spans[0] == {
        "state": "open",
        "from": "2026-11-22T10:00:00+08:00",
        "to": "2026-11-22T22:00:00+08:00",
    }
    assert len(spans) == 8, "today's, and those of the seven days ahead that begin in time"
    late = engine.merchant("m0", NOW + timedelta(hours=3))
    assert late is not None
    usable = {one["deal_id"]: (one["usable"], one["saving"]) for one in late["deals"]}
    assert usable == {"d0": (True, 500), "d1": (False, None)}
    five = engine.merchant("m5", NOW)
    assert five is not None
    assert {one["deal_id"]: one["usable"] for one in five["deals"]} == {"d4": True, "d5": False}


def test_hours_of_the_week_keep_unknown_apart(engine: Searcher) -> None:
    record = engine.merchant("m8", NOW)
    assert record is not None
    assert [span["state"] for span in record["hours"][:3]] == ["unknown", "open", "unknown"]
    always = engine.merchant("m2", NOW)
    assert always is not None
    assert [span["to"] for span in always["hours"]] == [None]
    never = engine.merchant("m4", NOW)
    assert never is not None
    assert never["hours"] == []


def test_times_are_remembered_up_to_a_bound(
    engine: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = engine._views[0]._maker
    for kept in (maker._times, maker._savings, maker._told):
        kept.forget()
        monkeypatch.setattr(kept, "most_bytes", 700)
    for _ in range(2):
        assert hit_of(engine, 0).open.closes_at == "2026-11-22T22:00:00+08:00"
        assert hit_of(engine, 0).reasons[0] == "saves ¥8"
        assert hit_of(engine, 3).reasons[0] == "saves ¥12"
    assert max(len(maker._times), len(maker._savings), len(maker._told)) == 1


def test_a_path_may_be_text(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s")
    build(tmp_path / "s", tmp_path / "index", now=NOW)
    assert open_index(str(tmp_path / "index")).info()["merchants"] == 2
