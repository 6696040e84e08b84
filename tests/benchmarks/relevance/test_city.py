"""The city is a valid snapshot, the same each time, in which every brand can be found."""

from collections import Counter
from pathlib import Path

import orjson

from benchmarks.relevance.city import BRANCHES, MOST_MEANT, City, write_city
from benchmarks.relevance.sources import preset_words
from benchmarks.relevance.spelling import plain
from benchmarks.relevance.taxonomy import words_of_categories
from geosearch.snapshot.reader import read_snapshot
from tests.benchmarks.relevance.conftest import BRANDS, PLACES, SHOPS, Toy


def test_the_snapshot_is_valid(toy: Toy) -> None:
    snapshot = read_snapshot(toy.snapshot)
    assert snapshot.rejects.counts("reject") == {}
    assert snapshot.merchants.height == len(toy.city.shops)
    assert snapshot.categories is not None
    assert snapshot.categories.height == len(toy.city.categories)


def test_branches(city: City) -> None:
    assert city.brands == BRANDS
    shops = Counter(city.shops.values())
    sizes = [shops[number] for number in range(city.brands)]
    assert (min(sizes), max(sizes)) == BRANCHES
    assert sum(sizes) + SHOPS < len(city.shops) <= sum(sizes) + SHOPS + PLACES


def test_every_category_with_a_name_is_in_the_table(toy: Toy) -> None:
    known = {row["category_id"] for row in toy.city.categories}
    lines = (toy.snapshot / "merchants.ndjson").read_bytes().splitlines()
    used = {category for line in lines for category in orjson.loads(line)["categories"]}
    assert len(used) > 60
    nameless = {category.replace(".", "/") for category in used - known}
    assert not [path for path in nameless if "name" in preset_words("en").get(path, {})]
    assert len(nameless) < 0.2 * len(used)


def test_category_words(city: City) -> None:
    found = city.category_words()
    assert len(found) > 300
    assert all(len(word) > 1 for word in found)
    bearers = words_of_categories(city.categories)
    names = {name for row in city.categories for name in row["names"].values()}
    assert {name for name in names if len(name) > 1} <= set(found)
    for word, categories in found.items():
        # Of several categories that hold a word, those that bear it are among them.
        assert set(bearers[word]) <= set(categories)
        assert word in names or len(bearers[word]) <= MOST_MEANT or plain(word) in map(plain, names)
    left_out = set(bearers) - set(found)
    assert {"dinner", "吃"} & set(bearers) <= left_out


def test_no_other_place_is_a_branch(city: City) -> None:
    names = {plain(text) for brand in city.businesses[: city.brands] for text in brand.texts}
    places = [city.businesses[number] for shop, number in city.shops.items() if shop[0] == "p"]
    assert len(places) == PLACES
    assert not [place for place in places if plain(place.sign) in names]


def test_the_same_arguments_write_the_same(data: str, tmp_path: Path) -> None:
    wrote = [
        write_city(tmp_path / name, seed=seed, most_brands=20, shops=80, places=10)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    texts = [(tmp_path / name / "merchants.ndjson").read_bytes() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]
    assert wrote[0] == wrote[1] != wrote[2]
