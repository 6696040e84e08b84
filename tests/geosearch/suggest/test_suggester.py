"""Suggestions of a small town as a table, what is refused, and how much work it takes."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosearch.errors import BadRequest
from geosearch.indexing.pipeline import build
from geosearch.search.searcher import Searcher, open_index
from geosearch.sources.synth.world import synthesise
from geosearch.suggest.suggester import SuggestQuery
from tests.geosearch.snapshot_files import Row, merchant, write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
SHOPS: list[Row | bytes] = [
    merchant(
        0, name="海底捞火锅", brand="海底捞", aliases=["Haidilao"], categories=["food.hotpot"]
    ),
    merchant(1, name="海底撈火鍋", brand="海底捞", categories=["food.hotpot"], lat=31.24),
    merchant(2, name="肯德基", brand="肯德基", aliases=["KFC", "肯德基"], business_area="静安寺"),
    merchant(3, name="Café Moon", categories=["food.cafe"], business_area="静安寺"),
    merchant(4, name="7-Eleven", lat=31.235),
    merchant(5, name="重庆小面"),
    merchant(6, name="绿茶餐厅"),
    merchant(7, name="🍔!!"),
    merchant(8, name="海底捞火锅", brand="海底捞", business_status="CLOSED_PERMANENTLY"),
    merchant(9, name="海上皇宫", lat=40.0, lng=116.0),
    merchant(10, name="Phở Thìn"),
    merchant(11, name="Käseglöckchen"),
    merchant(12, name="85°C Bakery"),
    merchant(13, name="ラーメン太郎"),
    merchant(14, name="스타벅스 강남점"),
    merchant(15, name="A", categories=["snack.grill.burger"]),
    merchant(16, name="B", categories=["snack.fast.burger"]),
]
CATEGORIES: list[Row | bytes] = [
    {"category_id": "food", "names": {"en": "Food", "zh": "美食"}, "aliases": {}},
    {
        "category_id": "food.hotpot",
        "names": {"zh": "火锅", "en": "Hot pot"},
        "aliases": {"zh": ["涮锅"], "en": ["shabu"]},
    },
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("suggest")
    tables = {"merchants": SHOPS, "deals": [], "categories": CATEGORIES}
    write_snapshot(folder / "snapshot", tables)
    build(folder / "snapshot", folder / "index", now=NOW)
    return open_index(folder / "index")


def shown(engine: Searcher, typed: str, radius: float = 10_000.0) -> list[str]:
    """Suggestions as `kind text`, what was typed in brackets, the other name behind a slash."""
    query = SuggestQuery(q=typed, lat=31.23, lng=121.47, radius=radius)
    lines = []
    for one in engine.suggest(query).suggestions:
        text = one.text
        for begin, end in one.highlight:
            text = f"{text[:begin]}[{text[begin:end]}]{text[end:]}"
        lines.append(f"{one.kind} {text} {one.count}" + (f" / {one.other}" if one.other else ""))
    return lines


TABLE = [
    ("海底", ["brand [海底]捞 2", "merchant [海底]捞火锅 2"]),
    ("海底撈", ["brand [海底捞] 2", "merchant [海底捞]火锅 2"]),
    ("haid", ["brand [海底]捞 2", "merchant [海底]捞火锅 2"]),
    ("hai di l", ["brand [海底捞] 2", "merchant [海底捞]火锅 2"]),
    ("HDL", ["brand [海底捞] 2", "merchant [海底捞]火锅 2"]),
    ("hdlhg", ["merchant [海底捞火锅] 2"]),
    ("海di", ["brand [海底]捞 2", "merchant [海底]捞火锅 2"]),
    ("hai底", ["brand [海底]捞 2", "merchant [海底]捞火锅 2"]),
    ("火", ["category [火]锅 2"]),
    ("hot", ["category [Hot] pot 2"]),
    ("shab", ["category Hot pot 2 / shabu"]),
    ("涮", ["category 火锅 2 / 涮锅"]),
    ("meis", ["category [美食] 3"]),
    ("kf", ["brand 肯德基 1 / KFC"]),
    ("肯", ["brand [肯]德基 1"]),
    ("静安", ["area [静安]寺 2"]),
    ("pho", ["merchant [Phở] Thìn 1"]),
    ("phở t", ["merchant [Phở T]hìn 1"]),
    ("kaeseg", ["merchant [Käseg]löckchen 1"]),
    ("kaseg", ["merchant [Käseg]löckchen 1"]),
    ("85c", ["merchant [85°C] Bakery 1"]),
    ("85度c", ["merchant [85°C] Bakery 1"]),
    ("らーめ", ["merchant [ラーメ]ン太郎 1"]),
    ("스타버", ["merchant 스타벅스 강남점 1"]),
    ("스탑", ["merchant 스타벅스 강남점 1"]),
    ("스타ㅂ", ["merchant 스타벅스 강남점 1"]),
    ("스타벅ㅅ", ["merchant 스타벅스 강남점 1"]),
    ("스타버스", []),
    ("bur", ["category [bur]ger 1"]),
    ("burgr", ["category burger 1"]),
    ("bugrer", ["category burger 1"]),
    ("haidilo", ["brand 海底捞 2", "merchant 海底捞火锅 2"]),
    ("海地捞", ["brand 海底捞 2", "merchant 海底捞火锅 2"]),
    ("buq", []),
    ("cafe m", ["merchant [Café M]oon 1"]),
    ("moon", ["merchant Café [Moon] 1"]),
    ("7el", ["merchant [7-El]even 1"]),
    ("elev", ["merchant 7-[Elev]en 1"]),
    ("chongq", ["merchant [重庆]小面 1"]),
    ("cqxm", ["merchant [重庆小面] 1"]),
    ("lüc", ["merchant [绿茶]餐厅 1"]),
    ("lvc", ["merchant [绿茶]餐厅 1"]),
    ("海上", []),  # a thousand kilometres away
    ("zzz", []),
    ("🍔", []),
    ("!!!", []),
    ("\u202eשלום", []),
    ("\x00", []),
    ("'; DROP TABLE merchants; --", []),
]


@pytest.mark.parametrize(("typed", "expected"), TABLE)
def test_suggestions(engine: Searcher, typed: str, expected: list[str]) -> None:
    assert shown(engine, typed) == expected


def test_a_category_that_no_table_names_is_called_by_its_path(engine: Searcher) -> None:
    query = SuggestQuery(q="caf", lat=31.23, lng=121.47)
    found = {one.id: one.text for one in engine.suggest(query).suggestions}
    assert found["food.cafe"] == "cafe"


def test_only_shops_within_the_radius_count(engine: Searcher) -> None:
    assert shown(engine, "海底", radius=500.0) == ["brand [海底]捞 1", "merchant [海底]捞火锅 1"]
    assert shown(engine, "7el", radius=500.0) == []


def test_positions_are_of_the_datum_asked_for(engine: Searcher) -> None:
    there = SuggestQuery(q="kf", lat=31.23, lng=121.47, crs="GCJ02", radius=300.0)
    assert engine.suggest(there).suggestions == ()


BAD = [
    ({"q": ""}, "Expected `q` as text of 1 to 200 characters, got 0 characters - at `$.q`"),
    ({"q": "好" * 10_000}, "Expected `q` as text of 1 to 200 characters, got 10000 characters"),
    ({"q": 7}, "Expected `q` as text"),
    ({"lat": 91.0}, "Expected `lat` in [-90, 90], got 91.0 - at `$.lat`"),
    ({"radius": 0.5}, "Expected `radius` in [1, 50000], got 0.5 - at `$.radius`"),
    ({"limit": 21}, "Expected `limit` in [1, 20], got 21 - at `$.limit`"),
    ({"limit": 0}, "Expected `limit` in [1, 20], got 0 - at `$.limit`"),
    ({"crs": "EPSG"}, "Expected `crs` as one of WGS84, GCJ02, BD09, got 'EPSG' - at `$.crs`"),
]


@pytest.mark.parametrize(("wrong", "sentence"), BAD)
def test_wrong_values_are_refused(wrong: dict[str, object], sentence: str) -> None:
    values: dict[str, object] = {"q": "h", "lat": 31, "lng": 121, **wrong}
    with pytest.raises(BadRequest) as refused:
        SuggestQuery(**values)  # type: ignore[arg-type]
    assert str(refused.value).startswith(sentence)


@given(st.text(min_size=1, max_size=200))
def test_any_text_is_answered(engine: Searcher, typed: str) -> None:
    found = engine.suggest(SuggestQuery(q=typed, lat=31.23, lng=121.47, limit=20))
    assert len(found.suggestions) <= 20
    for one in found.suggestions:
        assert one.count >= 1
        assert all(0 <= begin < end <= len(one.text) for begin, end in one.highlight)


def test_work_does_not_grow_with_what_begins_alike(tmp_path: Path) -> None:
    synthesise(tmp_path / "snapshot", merchants=20_000, seed=1)
    build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    engine = open_index(tmp_path / "index")
    keys = len(engine._views[0].directory.completions.key_start)
    assert keys > 30_000
    for typed in ("h", "s", "x", "j", "ha", "shi", "大", "海d", "hd", "东" * 200):
        for radius in (500.0, 10_000.0, 50_000.0):
            query = SuggestQuery(q=typed, lat=31.2304, lng=121.4737, radius=radius, limit=20)
            work = engine.suggest(query).work
            assert work["keys"] <= 4_096
            assert work["items"] <= 1_000
            assert work["docs"] <= 10_000
