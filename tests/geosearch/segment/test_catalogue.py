"""Texts behind numbers: kept as written, and bits that never overflow a signature."""

from datetime import date

import pytest

from geosearch.segment.catalogue import (
    CATEGORY_BITS,
    PROGRAM_BITS,
    Catalogue,
    ZoneRecord,
    category_bit,
    prefixes,
    program_bit,
)


def zone(valid_from: str | None = None, valid_through: str | None = None) -> ZoneRecord:
    return ZoneRecord("z", "静安寺", None, valid_from, valid_through, (0.0, 1.0, 2.0, 3.0))


def test_a_catalogue_comes_back_as_it_was() -> None:
    catalogue = Catalogue(
        programs=[{}, {"program_id": "red", "name": "小红卡", "fee": 0}],
        category_sets=[[], ["food.cafe", "shop"]],
        category_bits={"food": 0, "food.cafe": 1, "shop": 2},
        areas=["", "静安寺"],
        time_zones=["Asia/Shanghai"],
        zones=[zone(), zone("2026-01-01", "2026-12-31")],
    )
    assert Catalogue.decode(catalogue.encode()) == catalogue


@pytest.mark.parametrize(
    ("first", "last", "day", "expected"),
    [
        (None, None, "2026-11-22", True),
        ("2026-11-22", None, "2026-11-22", True),
        ("2026-11-23", None, "2026-11-22", False),
        (None, "2026-11-22", "2026-11-22", True),
        (None, "2026-11-21", "2026-11-22", False),
        ("2026-11-01", "2026-11-30", "2026-11-22", True),
        ("2026-11-01", "2026-11-30", "2026-12-01", False),
    ],
)
def test_a_zone_is_in_force_on_its_first_and_last_day(
    first: str | None, last: str | None, day: str, expected: bool
) -> None:
    assert zone(first, last).in_force(date.fromisoformat(day)) == expected


def test_the_largest_programmes_have_bits_of_their_own() -> None:
    own = [program_bit(number) for number in range(48)]
    assert len(set(own)) == 48
    others = [program_bit(number) for number in range(48, 5000)]
    assert not set(own) & set(others), "a rare programme never hides behind a common one"
    assert set(others) == set(range(48, PROGRAM_BITS))


def test_the_largest_categories_have_bits_of_their_own() -> None:
    own = [category_bit(number) for number in range(96)]
    assert len(set(own)) == 96
    others = [category_bit(number) for number in range(96, 5000)]
    assert not set(own) & set(others)
    assert set(others) == set(range(96, CATEGORY_BITS))


def test_prefixes_are_whole_words() -> None:
    assert prefixes("food") == ["food"]
    assert prefixes("food.cafe.tea") == ["food", "food.cafe", "food.cafe.tea"]
