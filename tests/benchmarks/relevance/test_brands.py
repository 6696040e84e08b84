"""Brands have the names of the index, each once, and equal names find each other."""

from benchmarks.relevance.brands import Business, brands, distinct, same_name
from benchmarks.relevance.sources import brand_rows
from tests.benchmarks.relevance.conftest import REAL


@REAL
def test_a_brand_of_two_languages(data: str) -> None:
    found = next(brand for brand in brands() if brand.sign == "达美乐比萨")
    assert found.names == ("达美乐比萨", "Domino's")
    assert "达美乐" in found.aliases
    assert found.texts == ("达美乐比萨", "Domino's", "多米诺披萨", "达美乐")


def test_every_brand_has_a_name(data: str) -> None:
    found = brands()
    assert len(found) == len(brand_rows()) >= 300
    assert all(brand.names for brand in found)
    # Marks of the index that nobody writes over a door.
    assert not [brand for brand in found if "(臺灣)" in brand.sign or "(中国)" in brand.sign]


def test_paths_are_taken_as_given(data: str) -> None:
    paths = [f"shop/{number}" for number in range(len(brand_rows()))]
    assert [brand.path for brand in brands(paths)] == paths


def test_distinct() -> None:
    assert distinct([" a ", "", "b", "a", " "]) == ("a", "b")


def test_same_name() -> None:
    one = Business("q1", "必勝客", ("必勝客", "Pizza Hut"), (), "x")
    two = Business("q2", "必胜客", ("必胜客",), ("PIZZA-HUT", "ph"), "x")
    assert same_name([one, two]) == {"必胜客": [0, 1], "pizzahut": [0, 1], "ph": [1]}
