"""What people type finds what they mean, and the answer says what was left out or changed.

Each world is a few shops in a town of its own, all towns in one index: so one build serves all.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch.answer.model import Answer
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.suggest.suggester import SuggestQuery
from tests.geosearch.snapshot_files import Row, merchant, write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
STEP = 0.001
"""Degrees of latitude from one shop of a town to the next."""

WORLDS: dict[str, list[str | Row]] = {
    "silent": ["海底世界水族馆", "西餐厅", "老北京布鞋", "海底面馆捞饭"],
    "suffix": ["西餐厅", {"name": "肯德基", "brand": "肯德基"}, "外文书店", "老灶", "蜀九 餐厅店"],
    "near": [
        {"name": "老李五金", "address": "建设路口附近"},
        {"name": "老灶", "categories": ["food.hotpot"]},
        {"name": "漫", "categories": ["food.cafe"]},
        {"name": "甜水面", "categories": ["food.noodles"]},
        {"name": "三阳", "categories": ["shop.convenience"]},
        {"name": "24小时臭豆腐"},
        "张记布店",
        "Near Dark",
        {"name": "Slice", "categories": ["food.pizza"]},
        "West Gate",
    ],
    "joined": [
        "PizzaExpress",
        {"name": "Express", "tags": ["pizza"]},
        "BurgerKing",
        "King Prawn",
        "Burger Lab",
        "Starbucks",
        "Star Nails",
        "YouTube Cafe",
        "Tube Station Bar",
        "FamilyMart",
        "Family Clinic",
        "ToysRUs",
    ],
    "function": [
        {"name": "Falafel in Berlin", "categories": ["food.falafel"]},
        {"name": "Nil", "categories": ["food.falafel"]},
    ],
    "signs": ['Toys"R"Us', "AC/DC Bar", "24/7 Store", "Mix:Bar", "Wal*Mart", "Salt@Pepper"],
    "places": [
        "Mildreds",
        "Soho Vegan Market",
        "Kebab A",
        "Kebab B",
        {"name": "Zoo Palast", "categories": ["shop"]},
        {"name": "Brammi", "business_area": "Mitte"},
        {"name": "Kiosk", "business_area": "Kreuzberg"},
        {"name": "Imbiss", "business_area": "Kreuzberg"},
        "Lobster Burger House",
        "Chips and Burger Bar",
        "Banana Tree",
    ],
    "numbers": ["1点点烧烤", "一点点", "三只松鼠", "3W咖啡", "七分甜", "7分甜品", "第一食堂"],
    "sounds": ["海底捞", "海底捞火锅", "海底世界水族馆", "菊花茶社", "肯尼亚咖啡", "肯德基"],
    "near_sounds": [
        "兰州拉面",
        "四川饭店",
        "湖南土菜馆",
        "黄金海岸",
        "小南国",
        "山城小馆",
        "西贝莜面村",
        "重庆小面",
        "先行咖啡",
        "西安肉夹馍",
    ],
    "readings": ["了不起烧烤", "便宜坊烤鸭店", "仇家烧饼", "和面馆", "毛血旺", "单记面"],
    "houses": [
        {"name": "Blue Door", "address": "201 Valencia Street", "district": "Mission District"},
        {"name": "Red Door", "address": "201 Mission Street", "district": "SoMa"},
        {"name": "Green Door", "address": "Hauptstraße 12, 10827 Berlin"},
        {"name": "Grey Door", "address": "Hauptstraße 7, Platz 12"},
    ],
    "unwanted": ["招商证券", "招商证券公司", "Costa Coffee", "Costa Coffee Bar", "7-Eleven"],
    "initials": ["银k会所", "银咖小馆"],
    "umlauts": ["Bäckerei Schmidt", "Baeckerei Mueller", "Blue Door", "Smørrebrød"],
}

CASES = [
    # world, typed, names found in any order, left out, corrected
    ("silent", "海底捞", "海底世界水族馆|海底面馆捞饭", "捞", {}),
    ("silent", "中餐厅", "西餐厅", "中", {}),
    ("silent", "海底面馆", "海底面馆捞饭", "", {}),
    ("silent", "海底捞饭", "海底面馆捞饭", "", {"海底捞饭": ("海底", "捞饭")}),
    ("suffix", "肯德基餐厅", "肯德基", "餐厅", {}),
    ("suffix", "老灶餐厅", "老灶", "餐厅", {}),
    ("suffix", "外文书店", "外文书店", "", {}),
    ("suffix", "kfd restaurant", "", "", {}),
    ("near", "附近的火锅", "老灶", "附近的", {}),
    ("near", "最近的甜水面", "甜水面", "最近的", {}),
    ("near", "咖啡店", "漫", "店", {}),
    ("near", "24小时便利店", "三阳", "24 小时", {}),
    ("near", "best pizza", "Slice", "best", {}),
    ("near", "pizza near me", "Slice", "near me", {}),
    ("near", "near dark", "Near Dark", "", {}),
    ("near", "best", "", "", {}),
    ("joined", "pizza express", "PizzaExpress|Express", "", {}),
    ("joined", "burger king", "BurgerKing", "", {}),
    ("joined", "star bucks", "Starbucks", "", {}),
    ("joined", "you tube", "YouTube Cafe", "", {}),
    ("joined", "family mart", "FamilyMart", "", {}),
    ("joined", "toys r us", "ToysRUs", "", {}),
    ("joined", "burger lab", "Burger Lab", "", {}),
    ("joined", "star bucks clinic", "Starbucks", "clinic", {}),
    ("function", "falafel in der nähe", "Falafel in Berlin|Nil", "in der nahe", {}),
    ("function", "falafel in berlin", "Falafel in Berlin", "", {}),
    ("signs", "toysrus", 'Toys"R"Us', "", {}),
    ("signs", "toys r us", 'Toys"R"Us', "", {}),
    ("signs", "acdc", "AC/DC Bar", "", {}),
    ("signs", "ac dc", "AC/DC Bar", "", {}),
    ("signs", "247 store", "24/7 Store", "", {}),
    ("signs", "mixbar", "Mix:Bar", "", {}),
    ("signs", "walmart", "Wal*Mart", "", {}),
    ("signs", "wal mart", "Wal*Mart", "", {}),
    ("signs", "saltpepper", "Salt@Pepper", "", {}),
    ("places", "mildreds soho", "Mildreds", "soho", {}),
    ("places", "kebab zoo", "Kebab A|Kebab B", "zoo", {}),
    ("places", "brammi kreuzberg", "Brammi", "kreuzberg", {}),
    ("places", "kreuzberg brammi", "Brammi", "kreuzberg", {}),
    ("places", "burger and lobster", "Lobster Burger House", "and", {}),
    ("places", "gluten free", "", "", {}),
    # A guess goes before a word that is found, however rare what it means.
    ("places", "lobstr kebab", "Kebab A|Kebab B", "lobstr", {}),
    ("places", "the lobstr", "Lobster Burger House", "the", {"lobstr": ("lobster",)}),
    ("numbers", "1点点", "1点点烧烤|一点点", "", {}),
    ("numbers", "一点点", "1点点烧烤|一点点", "", {}),
    ("numbers", "3只松鼠", "三只松鼠", "", {}),
    ("numbers", "７分甜", "七分甜|7分甜品", "", {}),
    ("numbers", "七分甜", "七分甜|7分甜品", "", {}),
    ("numbers", "第1食堂", "第一食堂", "", {}),
    ("sounds", "haidilao", "海底捞|海底捞火锅", "", {}),
    ("sounds", "海底lao", "海底捞|海底捞火锅", "", {}),
    ("sounds", "hai底捞", "海底捞|海底捞火锅", "", {}),
    ("sounds", "海底 lao", "海底捞|海底捞火锅", "", {}),
    ("sounds", "hai 底捞", "海底捞|海底捞火锅", "", {}),
    ("sounds", "海底 lao huoguo", "海底捞火锅", "", {}),
    ("sounds", "海dl", "海底捞|海底捞火锅", "", {}),
    ("sounds", "海dlhg", "海底捞火锅", "", {}),
    ("sounds", "海d", "海底捞|海底捞火锅|海底世界水族馆", "", {}),
    ("sounds", "海底l", "海底捞|海底捞火锅", "", {}),
    ("sounds", "hd捞", "海底捞|海底捞火锅", "", {}),
    ("sounds", "肯nykf", "肯尼亚咖啡", "", {}),
    ("sounds", "海dx", "海底捞|海底捞火锅|海底世界水族馆", "dx", {}),
    ("numbers", "1 点点", "1点点烧烤|一点点", "", {}),
    # A letter that some shop has as a word is no initial.
    ("initials", "银k", "银k会所", "", {}),
    ("sounds", "jvhua", "菊花茶社", "", {}),
    ("sounds", "haidilo", "海底捞|海底捞火锅", "", {"haidilo": ("海底捞",)}),
    ("sounds", "haidlao", "海底捞|海底捞火锅", "", {"haidlao": ("海底捞",)}),
    ("sounds", "海地劳", "海底捞|海底捞火锅", "", {"海地劳": ("海底捞",)}),
    ("near_sounds", "nanzhou", "兰州拉面", "", {"nanzhou": ("兰州",)}),
    ("near_sounds", "南州拉面", "兰州拉面", "", {"南州拉面": ("兰州拉面",)}),
    ("near_sounds", "sicuan", "四川饭店", "", {"sicuan": ("四川",)}),
    ("near_sounds", "fulan", "湖南土菜馆", "", {"fulan": ("湖南",)}),
    ("near_sounds", "huangjing", "黄金海岸", "", {"huangjing": ("黄金",)}),
    ("near_sounds", "fangjin", "黄金海岸", "", {"fangjin": ("黄金",)}),
    ("near_sounds", "xiaolanguo", "小南国", "", {"xiaolanguo": ("小南国",)}),
    ("near_sounds", "shancen", "山城小馆", "", {"shancen": ("山城",)}),
    ("near_sounds", "lanzhou", "兰州拉面", "", {}),
    ("near_sounds", "xibeyoumian", "西贝莜面村", "", {"xibeyoumian": ("西贝莜面",)}),
    ("near_sounds", "chonqing", "重庆小面", "", {"chonqing": ("重庆",)}),
    ("near_sounds", "xi'an", "西安肉夹馍", "", {}),
    ("near_sounds", "xi an", "西安肉夹馍", "", {}),
    ("near_sounds", "xian", "先行咖啡|西安肉夹馍", "", {}),
    ("readings", "liaobuqi", "了不起烧烤", "", {}),
    ("readings", "bianyifang", "便宜坊烤鸭店", "", {}),
    ("readings", "pianyifang", "便宜坊烤鸭店", "", {}),
    ("readings", "qiujia", "仇家烧饼", "", {}),
    ("readings", "choujia", "仇家烧饼", "", {}),
    ("readings", "hemianguan", "和面馆", "", {}),
    ("readings", "huomianguan", "和面馆", "", {}),
    ("readings", "maoxuewang", "毛血旺", "", {}),
    ("readings", "maoxiewang", "毛血旺", "", {}),
    ("readings", "shanji", "单记面", "", {}),
    ("houses", "201 mission street", "Red Door", "", {}),
    ("houses", "mission street 201", "Blue Door|Red Door", "", {}),
    ("houses", "201 mission district", "Blue Door", "", {}),
    ("houses", "hauptstrasse 12", "Green Door", "", {}),
    ("houses", "201 valencia", "Blue Door", "", {}),
    ("houses", "door 12", "Green Door|Grey Door", "", {}),
    ("unwanted", "招商 -公司", "招商证券", "", {}),
    ("unwanted", "costa -bar", "Costa Coffee", "", {}),
    ("unwanted", "costa -bar -coffee", "", "", {}),
    ("unwanted", "costa -zzz", "Costa Coffee|Costa Coffee Bar", "", {}),
    ("unwanted", "costa - bar", "Costa Coffee Bar", "", {}),
    ("unwanted", "-costa", "Costa Coffee|Costa Coffee Bar", "", {}),
    ("unwanted", "7-eleven", "7-Eleven", "", {}),
    ("umlauts", "baeckerei", "Bäckerei Schmidt|Baeckerei Mueller", "", {}),
    ("umlauts", "bäckerei", "Bäckerei Schmidt|Baeckerei Mueller", "", {}),
    ("umlauts", "backerei", "Bäckerei Schmidt", "", {}),
    ("umlauts", "blue", "Blue Door", "", {}),
    ("umlauts", "smoerrebroed", "Smørrebrød", "", {}),
]

CATEGORIES: list[Row | bytes] = [
    {"category_id": "food.hotpot", "names": {"zh": "火锅", "en": "Hot pot"}},
    {"category_id": "food.cafe", "names": {"zh": "咖啡", "en": "Coffee"}},
    {"category_id": "food.falafel", "names": {"en": "Falafel"}},
    {"category_id": "food.pizza", "names": {"en": "Pizza"}},
    {"category_id": "shop.convenience", "names": {"zh": "便利店", "en": "Convenience store"}},
]


def place(world: str) -> tuple[float, float]:
    """Where the town of a world is."""
    return 20.0 + list(WORLDS).index(world), 110.0


def shops() -> Iterator[Row]:
    number = 0
    for world, rows in WORLDS.items():
        lat, lng = place(world)
        for at, row in enumerate(rows):
            fields = {"name": row} if isinstance(row, str) else row
            yield merchant(
                number, **({"categories": ["food"]} | fields), lat=lat + STEP * (at + 1), lng=lng
            )
            number += 1


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("typed")
    tables: dict[str, list[Row | bytes]] = {
        "merchants": list(shops()),
        "deals": [],
        "categories": CATEGORIES,
    }
    write_snapshot(folder / "snapshot", tables)
    build(folder / "snapshot", folder / "index", now=NOW)
    return open_index(folder / "index")


def criteria(engine: Searcher, world: str, text: str, **wish: Any) -> Answer:
    lat, lng = place(world)
    return engine.search(Query(lat=lat, lng=lng, q=text, at=NOW, **wish))


def names(answer: Answer) -> list[str]:
    return [hit.merchant["name"] for hit in answer.hits]


@pytest.mark.parametrize(("world", "text", "found", "left_out", "corrected"), CASES)
def test_finds(
    engine: Searcher,
    world: str,
    text: str,
    found: str,
    left_out: str,
    corrected: dict[str, tuple[str, ...]],
) -> None:
    answer = criteria(engine, world, text, explain=True)
    assert sorted(names(answer)) == sorted(filter(None, found.split("|")))
    assert list(answer.relaxed) == left_out.split()
    assert answer.corrected == corrected
    assert answer.explain is not None
    assert answer.explain["rewording"]["searches"] <= 64


def handed() -> list[dict[str, Any]]:
    file = SHARED / "text_cases.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return [json.loads(line) for line in lines]


HANDED = {
    # The first found, and whether words may be left out.
    "F01a": ("Phở Thìn", False),
    "F01b": ("Bún Chả Hương Liên", False),
    "F01d": ("Phở Thìn", False),
    "F02a": ("海底世界水族馆", True),
    "F02b": ("西餐厅", True),
    "F03a": ("海底捞火锅", False),
    "F04a": ("肯德基", True),
    "F04c": ("老灶", True),
    "F04d": ("漫", True),
    "F05a": ("PizzaExpress", False),
    "F05b": ("BurgerKing", False),
    "F05c": ("Starbucks", False),
    "F05g": ("YouTube Cafe", False),
    "F06a": ("Mildreds", True),
    "F06c": ("Lobster Burger House", True),
    "F07a": ('Toys"R"Us', False),
    "F07b": ("AC/DC Bar", False),
    "F07e": ("Wal*Mart", False),
    "F08a": ("一点点", False),
    "F08b": ("三只松鼠", False),
    "F09a": ("兰州拉面", False),
    "F09b": ("四川饭店", False),
    "F09e": ("湖南土菜馆", False),
    "F10a": ("海底捞火锅", False),
    "F10c": ("西贝莜面村", False),
    "F11a": ("了不起烧烤", False),
    "F11c": ("仇家烧饼", False),
    "F12a": ("海底捞火锅", False),
    "F13a": ("菊花茶社", False),
    "F16": (None, False),
    "U03": ("中国建设银行", False),
    "U01": ("ラーメン太郎", False),
    "F14": ("Red Door", False),
    "U05": ("招商证券", False),
    "U07": ("김밥천국", False),
    "U09": ("스타벅스 강남점", False),
    "F18": ("burger", False),
    "F17": ("85°C 咖啡", False),
    "F01g": ("Phở Thìn", False),
}
SHARED = Path(__file__).resolve().parents[4] / "shared" / "cases" / "text"


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Searcher, list[str]]:
    """The handed snapshots as one, each in a town of its own: one build serves all."""
    if not SHARED.is_dir():
        pytest.skip("the handed cases are not beside this checkout")
    folders = sorted({case["snapshot"] for case in handed()})
    tables: dict[str, list[Row]] = {"merchants": [], "categories": [], "deals": []}
    for number, folder in enumerate(folders):
        for table, rows in tables.items():
            file = SHARED / folder / f"{table}.ndjson"
            for line in file.read_text("utf-8").splitlines() if file.is_file() else ():
                row = json.loads(line)
                if table == "merchants":
                    row |= {"merchant_id": f"{folder}-{row['merchant_id']}"}
                    row |= {"lat": row["lat"] - number}
                if row not in rows and table != "deals":
                    rows.append(row)
    folder = tmp_path_factory.mktemp("handed")
    write_snapshot(folder / "snapshot", tables)
    build(folder / "snapshot", folder / "index", now=NOW)
    return open_index(folder / "index"), folders


@pytest.mark.parametrize("case_id", HANDED)
def test_handed_case(towns: tuple[Searcher, list[str]], case_id: str) -> None:
    engine, folders = towns
    case = next(case for case in handed() if case["id"] == case_id)
    first, may_leave_out = HANDED[case_id]
    lat, lng = 31.2 - folders.index(case["snapshot"]), 121.4
    if "suggest" in case:
        query = SuggestQuery(q=case["suggest"], lat=lat, lng=lng)
        found = [one.text for one in engine.suggest(query).suggestions]
        assert found[:1] == [first]
        return
    answer = engine.search(Query(lat=lat, lng=lng, q=case["q"], at=NOW))
    assert names(answer)[:1] == ([first] if first else [])
    assert bool(answer.relaxed) is may_leave_out
