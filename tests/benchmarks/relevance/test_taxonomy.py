"""Categories have words in three languages, and no category takes another's name."""

import pytest

from benchmarks.relevance import taxonomy
from benchmarks.relevance.sources import presets
from benchmarks.relevance.spelling import plain
from geosearch.sources.synth.categories import KINDS


def test_every_kind_of_shop_has_a_preset(data: str) -> None:
    assert {kind.path for kind in KINDS} <= set(taxonomy.KINDS)
    assert set(taxonomy.KINDS.values()) <= set(presets())


@pytest.mark.parametrize(
    ("path", "cuisine", "preset"),
    [
        ("amenity/restaurant", "hotpot", "amenity/restaurant/hotpot"),
        ("amenity/cafe", "bubble_tea", "amenity/cafe/bubble_tea"),
        ("amenity/restaurant", "cantonese;chinese", "amenity/restaurant/chinese"),
        ("amenity/restaurant", "cantonese", "amenity/restaurant"),
        ("amenity/fast_food", "", "amenity/fast_food"),
        ("shop/bakery", "pizza", "shop/bakery"),
    ],
)
def test_preset(data: str, path: str, cuisine: str, preset: str) -> None:
    assert taxonomy.preset_of(path, {"cuisine": cuisine}) == preset


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("一合清吧", "amenity/pub"),
        ("一合酒吧", "amenity/bar"),
        ("潮汕拉面", "amenity/restaurant/ramen"),
        ("清吧旁边", "amenity/bar"),
    ],
)
def test_a_shop_is_what_its_name_ends_in(name: str, preset: str) -> None:
    kind = "food.restaurant.noodles" if "面" in name else "food.bar"
    assert taxonomy.preset_of_shop(name, kind) == preset


def test_nouns_are_those_of_made_up_names() -> None:
    known = {noun for kind in KINDS for noun in kind.nouns}
    ends = [noun for noun in known if taxonomy.preset_of_shop(noun, "sight.park") != "leisure/park"]
    assert len(ends) > 8


def test_rows(data: str) -> None:
    rows = {
        row["category_id"]: row
        for row in taxonomy.category_rows(["amenity/restaurant/hotpot", "amenity/cafe"])
    }
    assert list(rows) == sorted(rows)
    assert set(rows) == {"amenity", "amenity.cafe", "amenity.restaurant", *list(rows)[3:]}
    hotpot = rows["amenity.restaurant.hotpot"]
    assert set(hotpot["names"]) == {"en", "zh-CN", "zh-TW"}
    assert "火锅" in "".join(taxonomy.words(hotpot))
    assert "coffee" in taxonomy.words(rows["amenity.cafe"])


def test_a_name_belongs_to_its_category(data: str) -> None:
    rows = taxonomy.category_rows({*presets()} & {*taxonomy.KINDS.values()})
    names = {plain(name): row["category_id"] for row in rows for name in row["names"].values()}
    taken = [
        (word, row["category_id"])
        for row in rows
        for words in row["aliases"].values()
        for word in words
        if names.get(plain(word), row["category_id"]) != row["category_id"]
    ]
    assert len(names) > 130
    assert taken == []


def test_words_of_categories(data: str) -> None:
    rows = taxonomy.category_rows(["amenity/cafe", "amenity/cafe/coffee_shop"])
    found = taxonomy.words_of_categories(rows)
    assert found["Coffeehouse"] == ["amenity.cafe.coffee_shop"]
    assert found["latte"] == ["amenity.cafe", "amenity.cafe.coffee_shop"]


def test_ancestors() -> None:
    assert taxonomy.with_ancestors("a.b.c") == ["a.b.c", "a.b", "a"]
    assert taxonomy.category_id("amenity/restaurant") == "amenity.restaurant"
