"""Kinds of shops have the words that people look for them by."""

from collections import Counter

import pytest

from geosearch.sources.synth.categories import KINDS, PARENTS, Parent, ShopKind

GROUPS: tuple[ShopKind | Parent, ...] = (*PARENTS, *KINDS)


def words(group: ShopKind | Parent) -> list[str]:
    """Every name and alias, in lower case."""
    return [word.casefold() for word in (group.zh, *group.zh_aliases, group.en, *group.en_aliases)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.path)
def test_names_and_aliases_in_both_languages(group: ShopKind | Parent) -> None:
    assert group.zh_aliases
    assert group.en_aliases
    assert all(word.strip() == word != "" for word in words(group))
    assert all(word.isascii() for word in group.en_aliases)
    assert not any(word.isascii() for word in group.zh_aliases)
    assert len(set(words(group))) == len(words(group))


def test_a_word_means_one_kind() -> None:
    times = Counter(word for group in GROUPS for word in words(group))
    assert len(times) > 500
    assert [word for word, count in times.items() if count > 1] == []


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("火锅", "food.restaurant.hotpot"),
        ("涮锅", "food.restaurant.hotpot"),
        ("hot pot", "food.restaurant.hotpot"),
        ("hotpot", "food.restaurant.hotpot"),
        ("奶茶", "food.tea_drinks"),
        ("bubble tea", "food.tea_drinks"),
        ("咖啡", "food.cafe"),
        ("coffee", "food.cafe"),
        ("药店", "shop.pharmacy"),
        ("drugstore", "shop.pharmacy"),
        ("比萨", "food.restaurant.pizza"),
        ("宾馆", "hotel.hotel"),
        ("理发", "beauty.hair"),
        ("bbq", "food.restaurant.barbecue"),
    ],
)
def test_synonyms(word: str, path: str) -> None:
    assert [group.path for group in GROUPS if word in words(group)] == [path]
