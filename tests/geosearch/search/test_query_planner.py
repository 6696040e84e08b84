"""What queries ask apart from place and time is planned once, and forgotten when there is much."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch.indexing.pipeline import build
from geosearch.kernel.criteria import CARD_DEAL
from geosearch.query import drawn_polygon
from geosearch.query.query import Query
from geosearch.search.query_planner import PlannedQuery, prepared_fields
from geosearch.search.searcher import Searcher, open_index
from geosearch.search.wishes import Wishes
from geosearch.text.segment_terms import TextQuery
from indexes.geo.polygon import from_geojson
from tests.geosearch.snapshot_files import PROGRAM, deal, merchant, write_snapshot

NAMES = ("Blue Lantern", "Red Bridge", "Old Mill", "Blue Bridge", "Mill Garden")
NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")


@pytest.fixture
def engine(tmp_path: Path) -> Searcher:
    tables = {
        "merchants": [merchant(n, name=name) for n, name in enumerate(NAMES)],
        "programs": [PROGRAM],
        "deals": [deal(0, merchant_ids=["m1"], program_id="red")],
    }
    write_snapshot(tmp_path / "snapshot", tables)
    build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    return open_index(tmp_path / "index")


def asked(engine: Searcher, top_k: int = 20, **wish: Any) -> PlannedQuery:
    fields: dict[str, Any] = {"lat": 31.23, "lng": 121.47, "at": NOW}
    return engine._planner.planned(Query(**fields | wish), top_k)


def test_place_time_area_and_text_make_no_other_statement(engine: Searcher) -> None:
    usual = asked(engine, cards=("red",))
    for wish in (
        {"lat": 30.0, "lng": -5.0, "crs": "GCJ02"},
        {"at": NOW.replace(hour=23), "open": "now", "min_minutes_left": 5},
        {"radius": 5.0, "bbox": (1.0, 2.0, 3.0, 4.0)},
        {"q": "noodles"},
        {"total": True, "facets": ("category",), "explain": True, "format": "geojson"},
    ):
        assert asked(engine, cards=("red",), **wish).prepared is usual.prepared, wish


def test_every_other_wish_makes_one(engine: Searcher) -> None:
    wishes: list[dict[str, Any]] = [
        {},
        {"cards": ("red",)},
        {"cards": ("red",), "deals": "any"},
        {"party_size": 2},
        {"spend": 0},
        {"max_pay": 0},
        {"max_pay": 1},
        {"stacking": "on"},
        {"categories": ("food",)},
        {"min_rating": 4.0},
        {"sort": "rating"},
        {"top_k": 21},
    ]
    made = [asked(engine, **wish) for wish in wishes]
    assert len({id(one.prepared) for one in made}) == len(wishes)
    for wish, one in zip(wishes, made, strict=True):
        assert asked(engine, **wish).prepared is one.prepared, wish


def test_statements_are_forgotten(engine: Searcher) -> None:
    first = asked(engine, party_size=1)
    prepared = engine._planner._prepared_queries
    prepared.most_bytes = 2 * prepared.bytes
    for number in (2, 3):
        asked(engine, party_size=number)
    again = asked(engine, party_size=1)
    assert again.prepared is not first.prepared
    assert again.plans[0].criteria.bill == first.plans[0].criteria.bill
    assert len(prepared) <= 2


def test_a_new_parameter_is_never_answered_with_an_older_plan() -> None:
    """Whoever adds a field has to say that it is bound each time, or what it makes of a segment."""

    class Extended(Query, frozen=True, kw_only=True):
        takes_reservations: bool = False

    assert "takes_reservations" in prepared_fields(Extended)
    stated = [name.removesuffix("_mode") for name in Wishes._fields[1:]]
    assert stated == list(prepared_fields(Query)), "each field that decides a plan has a wish"


def test_cards_that_no_segment_knows(engine: Searcher) -> None:
    wallet = ("nobodys", "red", "nobodys", "other")
    assert asked(engine, cards=wallet).prepared.unknown_cards == ("nobodys", "other")
    assert asked(engine).prepared.unknown_cards == ()


def test_cards_that_no_segment_knows_make_no_entries(engine: Searcher) -> None:
    kept = asked(engine, cards=("red",), deals="card").prepared
    match_none = asked(engine, cards=("nobodys",)).prepared
    before = len(engine._planner._prepared_queries)
    for number in range(50):
        made_up = f"made up {number}"
        for wallet in (("red", made_up), (made_up, "red", "red"), ("red", "red")):
            found = asked(engine, cards=wallet).prepared
            assert found.segments is kept.segments
            assert found.unknown_cards == ((made_up,) if made_up in wallet else ())
        alone = asked(engine, cards=(made_up,)).prepared
        assert alone.segments is match_none.segments
        assert alone.segments[0].wallet_plan.wallet.deal_mode == CARD_DEAL
    assert len(engine._planner._prepared_queries) == before
    assert len(engine._planner._planners[0]._wallet_plans) == 2


def test_a_polygon_is_prepared_once_however_many_wordings_are_tried(
    engine: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []

    def counted(*given: Any, **options: Any) -> Any:
        prepared.append(given)
        return from_geojson(*given, **options)

    monkeypatch.setattr(drawn_polygon, "from_geojson", counted)
    wordings = []
    reworded = engine._planner.reworded

    def noted(planned: PlannedQuery, text_query: TextQuery) -> PlannedQuery:
        wordings.append(text_query)
        return reworded(planned, text_query)

    monkeypatch.setattr(engine._planner, "reworded", noted)
    ring = [[121.0, 31.0], [122.0, 31.0], [122.0, 32.0], [121.0, 32.0]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    query = Query(lat=31.0, lng=121.0, at=NOW, q="lantern bridge mill", polygon=polygon)
    engine.search(query)
    assert len(wordings) > 1
    assert len(prepared) == len(engine.segments)
