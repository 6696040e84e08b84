"""Names of categories: the tables, the rows of an import, and searches by them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import geosearch
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.sources.osm import category_names
from geosearch.sources.osm import tags as osm_tags
from geosearch.sources.osm.category_names import category_rows, languages_of
from geosearch.sources.osm.importer import import_osm
from geosearch.sources.osm.tagging_schema import LANGUAGES, NAMES

NOW = datetime.fromisoformat("2026-11-29T00:00:00+00:00")
TABLES = ["zh" if language == "zh-CN" else language for language in LANGUAGES]
SHOWN = re.compile(r"(shop|sight|leisure|health|craft|office|food|hotel|money|transport|education"
                   r"|amenity|cuisine)(\.[\w-]+){0,2}")  # fmt: skip


def table(name: str) -> list[list[str]]:
    return [line.split("\t") for line in (NAMES / f"{name}.tsv").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("language", TABLES)
def test_table_of_a_language(language: str) -> None:
    rows = table(language)
    paths = [path for path, *_ in rows]
    assert paths == sorted(set(paths))
    assert len(rows) > 440
    for path, *words in rows:
        assert SHOWN.fullmatch(path), path
        assert words
        assert all(word and word == word.strip() and "?" not in word for word in words), path
        assert len({word.casefold() for word in words}) == len(words), path


def test_own_table() -> None:
    rows = table("own")
    keys = [(path, language) for path, language, *_ in rows]
    assert len(set(keys)) == len(keys) > 150
    for path, language, *words in rows:
        assert SHOWN.fullmatch(path), path
        assert language in TABLES
        assert any(words)
        assert all(words[1:])


def test_every_file_of_names_is_used_and_the_licence_is_beside_them() -> None:
    files = {path.name for path in NAMES.iterdir()}
    assert files == {f"{name}.tsv" for name in [*TABLES, "own"]} | {"LICENSE"}
    assert "ISC License" in (NAMES / "LICENSE").read_text("utf-8")
    assert set(category_names._COUNTRIES) | {"en"} == set(TABLES)


@pytest.mark.parametrize(
    ("countries", "languages"),
    [
        ("CN", "en zh"),
        ("TW", "en zh-TW"),
        ("HK", "en zh-HK"),
        ("JP KR", "en ja ko"),
        ("DE", "en de"),
        ("CH", "en de fr it"),
        ("BE", "en de fr nl"),
        ("MX", "en es"),
        ("US GB", "en"),
        ("DE-BY", "en de"),
        ("", "en"),
    ],
)
def test_languages_of_countries(countries: str, languages: str) -> None:
    assert languages_of(countries.split()) == languages.split()


@pytest.mark.parametrize(
    ("path", "language", "words"),
    [
        ("health.pharmacy", "zh", "药房 药店"),
        ("health.pharmacy", "en", "Pharmacy drugstore pharmacy"),
        ("health.pharmacy", "de", "Apotheke"),
        ("food.restaurant.pizza", "zh", "披萨餐馆 披萨 比萨"),
        ("food.fast_food.pizza", "zh", "披萨"),
        ("food.cafe.coffee", "zh", "咖啡馆 咖啡"),
        ("food.restaurant.noodles", "en", "Noodle noodles"),
        ("food.restaurant.hot_pot", "zh", "火锅"),
        ("food.cafe", "de", "Café Kaffee"),
        ("shop.bakery", "de", "Bäckerei"),
        ("food", "de", "Essen"),
        ("food", "zh-TW", "美食"),
    ],
)
def test_words_of_a_category(path: str, language: str, words: str) -> None:
    (row,) = [row for row in category_rows([path], ["en", language]) if row["category_id"] == path]
    found = json.loads(json.dumps(row))
    known = {found["names"].get(language), *found["aliases"].get(language, [])}
    assert {word.casefold() for word in words.split()} <= {str(word).casefold() for word in known}


@pytest.mark.parametrize("path", sorted(osm_tags._SOUGHT_BY_KIND))
def test_a_place_that_is_sought_by_kind_has_a_name_in_every_country(path: str) -> None:
    known = " ".join(category_names._COUNTRIES.values()).split()
    for country in (None, "GB", *known):
        name = category_names.kind_name(path, country)
        assert name, (path, country)
        assert " / " not in name


def test_rows_are_of_the_paths_and_those_above_in_the_languages_asked_for() -> None:
    rows = list(category_rows(["food.restaurant.pizza", "food.cafe", "shop.火锅"], ["en", "de"]))
    paths = ["food", "food.cafe", "food.restaurant", "food.restaurant.pizza", "shop"]
    assert [row["category_id"] for row in rows] == paths
    for row in rows:
        names, aliases = row["names"], row["aliases"]
        assert isinstance(names, dict)
        assert isinstance(aliases, dict)
        assert list(names) == ["en", "de"]
        assert aliases.keys() <= names.keys()


@pytest.mark.parametrize(("language", "file"), [("zh", "zh-CN"), ("ja", "ja"), ("en", "en")])
def test_names_are_those_of_the_schema(shared_data: Path, language: str, file: str) -> None:
    """Compared with another copy of the schema, read anew: nothing is invented or mixed up."""
    packed = shared_data / "id_tagging_schema" / f"{file}.min.json.gz"
    presets = json.loads(gzip.decompress(packed.read_bytes()))[file]["presets"]["presets"]
    found = {path.replace(".", "/"): words[0] for path, *words in table(language)}
    shared = [preset for preset in presets if preset.startswith("shop/") and preset in found]
    wrong = [
        preset
        for preset in shared
        if found[preset] != re.sub(r"\s*[(（][^)）]*[)）]", "", presets[preset]["name"])
    ]
    assert not wrong
    assert len(shared) > 140


# -- searches in a small imported world: shops whose names say nothing

PLACES = {
    "Hangzhou": (30.25, 120.16),
    "Taipei": (25.03, 121.56),
    "Hong Kong": (22.28, 114.16),
    "Tokyo": (35.68, 139.76),
    "Seoul": (37.56, 126.98),
    "Berlin": (52.52, 13.40),
    "Paris": (48.85, 2.35),
    "Madrid": (40.41, -3.70),
    "Rome": (41.90, 12.50),
}
KINDS: dict[str, dict[str, str]] = {
    "pharmacy": {"amenity": "pharmacy"},
    "cafe": {"amenity": "cafe"},
    "bakery": {"shop": "bakery"},
    "pizza": {"amenity": "restaurant", "cuisine": "pizza"},
    "indian": {"amenity": "restaurant", "cuisine": "indian"},
    "hotpot": {"amenity": "restaurant", "cuisine": "hot_pot"},
    "burger": {"amenity": "fast_food", "cuisine": "burger"},
    "bar": {"amenity": "bar"},
    "supermarket": {"shop": "supermarket"},
    "hairdresser": {"shop": "hairdresser"},
    "hotel": {"tourism": "hotel"},
    "fuel": {"amenity": "fuel"},
}
FOOD = "cafe pizza indian hotpot burger bar"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("names")
    with (folder / "world.jsonl").open("w", encoding="utf-8") as file:
        for at, (lat, lng) in enumerate(PLACES.values()):
            for number, (kind, tags) in enumerate(KINDS.items()):
                tags = {**tags, "name": f"Qx{number}", "ref": kind}
                place = {"id": 100 * at + number, "lat": lat, "lon": lng, "tags": tags}
                file.write(json.dumps({"type": "node", **place}) + "\n")
    import_osm(folder / "world.jsonl", folder / "snapshot", country="CN")
    build(folder / "snapshot", folder / "index", now=NOW)
    opened = geosearch.open_index(folder / "index")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("place", "text", "kinds"),
    [
        ("Hangzhou", "药店", "pharmacy"),
        ("Hangzhou", "yaodian", "pharmacy"),
        ("Hangzhou", "披萨", "pizza"),
        ("Hangzhou", "比萨", "pizza"),
        ("Hangzhou", "咖啡", "cafe"),
        ("Hangzhou", "面包店", "bakery"),
        ("Hangzhou", "印度菜", "indian"),
        ("Hangzhou", "火锅", "hotpot"),
        ("Hangzhou", "汉堡", "burger"),
        ("Hangzhou", "酒吧", "bar"),
        ("Hangzhou", "超市", "supermarket"),
        ("Hangzhou", "理发店", "hairdresser"),
        ("Hangzhou", "酒店", "hotel"),
        ("Hangzhou", "加油站", "fuel"),
        ("Hangzhou", "餐厅", "pizza indian hotpot"),
        ("Hangzhou", "美食", FOOD),
        ("Hangzhou", "pharmacy", "pharmacy"),
        ("Hangzhou", "coffee", "cafe"),
        ("Taipei", "藥局", "pharmacy"),
        ("Taipei", "披薩", "pizza"),
        ("Taipei", "麵包店", "bakery"),
        ("Hong Kong", "藥房", "pharmacy"),
        ("Hong Kong", "薄餅", "pizza"),
        ("Tokyo", "薬局", "pharmacy"),
        ("Tokyo", "ピザ", "pizza"),
        ("Tokyo", "パン屋", "bakery"),
        ("Tokyo", "インド料理", "indian"),
        ("Tokyo", "コーヒー", "cafe"),
        ("Seoul", "약국", "pharmacy"),
        ("Seoul", "피자", "pizza"),
        ("Seoul", "커피", "cafe"),
        ("Berlin", "Apotheke", "pharmacy"),
        ("Berlin", "Bäckerei", "bakery"),
        ("Berlin", "bäcker", "bakery"),
        ("Berlin", "Kaffee", "cafe"),
        ("Berlin", "indisches Restaurant", "indian"),
        ("Berlin", "Pizzeria", "pizza"),
        ("Berlin", "Friseur", "hairdresser"),
        ("Berlin", "Tankstelle", "fuel"),
        ("Berlin", "Supermarkt", "supermarket"),
        ("Berlin", "Restaurant", "pizza indian hotpot"),
        ("Paris", "pharmacie", "pharmacy"),
        ("Paris", "boulangerie", "bakery"),
        ("Paris", "restaurant indien", "indian"),
        ("Paris", "coiffeur", "hairdresser"),
        ("Madrid", "farmacia", "pharmacy"),
        ("Madrid", "panadería", "bakery"),
        ("Madrid", "peluquería", "hairdresser"),
        ("Rome", "farmacia", "pharmacy"),
        ("Rome", "ristorante indiano", "indian"),
        ("Rome", "panificio", "bakery"),
    ],
)
def test_search_in_the_language_of_the_place(
    engine: Any, place: str, text: str, kinds: str
) -> None:
    lat, lng = PLACES[place]
    answer = engine.search(Query(lat=lat, lng=lng, radius=1000.0, q=text, at=NOW, limit=50))
    found = {list(KINDS)[int(hit.merchant["name"].removeprefix("Qx"))] for hit in answer.hits}
    assert found == set(kinds.split())
    assert not answer.corrected
    assert not answer.relaxed
