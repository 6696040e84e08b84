"""Words of categories from the table of a snapshot, and without one."""

from __future__ import annotations

import polars as pl
import pytest

from geosearch.text.categories import ANCESTOR_FACTOR, CategoryWords

TABLE = pl.DataFrame(
    {
        "category_id": ["food", "food.cafe", "shop", "empty"],
        "names": ['{"zh":"美食","en":"Food"}', '{"en":"Café"}', None, '{"en":""}'],
        "aliases": [
            None,
            '{"zh":["咖啡","咖啡厅"],"en":["coffee","Café"]}',
            '{"en":["store"]}',
            "{}",
        ],
    }
)

# path, its words
PATHS = [
    ("food", ["美食", "Food"]),
    ("food.cafe", ["Café", "咖啡", "咖啡厅", "coffee"]),
    ("shop", ["store"]),
    ("empty", ["empty"]),
    ("food.tea_drinks", ["tea drinks"]),
    ("food.fast-food__stall", ["fast food stall"]),
    ("ktv", ["ktv"]),
]


@pytest.mark.parametrize(("path", "words"), PATHS, ids=[path for path, _ in PATHS])
def test_words_of_a_category(path: str, words: list[str]) -> None:
    assert CategoryWords(TABLE).of_path(path) == words


def test_without_a_table_the_path_says_what_it_is() -> None:
    assert CategoryWords(None).of_path("food.cafe") == ["cafe"]


def test_ancestors_count_less_a_level() -> None:
    words = CategoryWords(TABLE)
    assert words.of_set(["food.cafe.roastery"]) == {
        "roastery": 1.0,
        **dict.fromkeys(words.of_path("food.cafe"), ANCESTOR_FACTOR),
        **dict.fromkeys(words.of_path("food"), ANCESTOR_FACTOR**2),
    }
    assert words.of_set([]) == {}


def test_of_several_categories_a_word_counts_as_in_the_best() -> None:
    words = CategoryWords(TABLE)
    for paths in (["food", "food.cafe"], ["food.cafe", "food"]):
        assert words.of_set(paths)["美食"] == 1.0


def test_words_of_all_sets_are_distinct() -> None:
    words = CategoryWords(TABLE)
    found = words.of_all([["food.cafe"], [], ["food"], ["shop", "food.cafe"]])
    assert sorted(found) == sorted({"美食", "Food", "Café", "咖啡", "咖啡厅", "coffee", "store"})
