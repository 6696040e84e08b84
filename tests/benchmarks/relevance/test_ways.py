"""Every way of typing asks what it says, differs from the name, and has a right answer."""

import random
from collections.abc import Callable

import pytest
from rapidfuzz.distance import OSA

from benchmarks.relevance.city import City
from benchmarks.relevance.spelling import SpellingTexts, initials, pinyin, plain, simplified
from benchmarks.relevance.taxonomy import with_ancestors, words
from benchmarks.relevance.ways import WAYS, Case, Way

BY_NAME = {way.name: way for way in WAYS}
AS_IT_IS = ("name", "alias")
Named = Callable[[str], set[str]]


def asked(city: City, name: str) -> list[Case]:
    cases = list(BY_NAME[name].cases(city, random.Random(1)))
    assert len(cases) >= 20
    return cases


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_questions(city: City, way: Way) -> None:
    cases = asked(city, way.name)
    assert len({case.typed for case in cases}) == len(cases) or way.name == "prefix"
    assert all(case.typed.strip() and case.right for case in cases)
    assert all(case.right <= set(city.shops) for case in cases)
    assert all(30.9 < case.lat < 31.5 and 121.2 < case.lng < 121.8 for case in cases)
    assert list(way.cases(city, random.Random(1))) == cases
    assert list(way.cases(city, random.Random(2))) != cases


@pytest.mark.parametrize("way", WAYS[:7], ids=lambda way: way.name)
def test_who_has_the_name_is_right(city: City, named: Named, way: Way) -> None:
    for case in asked(city, way.name):
        assert named(case.meant) <= case.right
        assert (case.typed == case.meant) is (way.name in AS_IT_IS)


@pytest.mark.parametrize("name", ["homophone", "edit"])
def test_a_mistake_is_nobodys_name(city: City, name: str) -> None:
    names = {plain(text) for business in city.businesses for text in business.texts}
    assert not [case for case in asked(city, name) if plain(case.typed) in names]


def test_scripts_are_not_in_the_data(city: City, named: Named) -> None:
    for case in asked(city, "script"):
        assert not {shop for shop in named(case.typed) if shop.startswith("b")}
        assert simplified(case.typed) == simplified(case.meant)


@pytest.mark.parametrize(("name", "form"), [("pinyin", pinyin), ("initials", initials)])
def test_sounds(city: City, name: str, form: Callable[[str], str]) -> None:
    for case in asked(city, name):
        assert case.typed == form(case.meant)
        assert case.typed.isascii()
        assert len(case.typed) >= 3


def test_homophones_are_one_character_off(city: City) -> None:
    for case in asked(city, "homophone"):
        right = simplified(case.meant)
        assert sum(a != b for a, b in zip(case.typed, right, strict=True)) == 1
        assert pinyin(case.typed) == pinyin(right)


def test_edits_are_one_off(city: City) -> None:
    longer = [0, 0, 0]
    for case in asked(city, "edit"):
        assert OSA.distance(case.typed.lower(), case.meant.lower()) == 1
        longer[len(case.typed) - len(case.meant) + 1] += 1
    dropped, kept, doubled = longer
    assert abs(dropped - doubled) <= 1
    assert abs(kept - 2 * dropped) <= 2


def test_prefixes_are_half(city: City) -> None:
    for case in asked(city, "prefix"):
        assert case.meant.startswith(case.typed)
        assert len(case.typed) == (len(case.meant) + 1) // 2 >= 2


def test_category_words_mean_all_that_hold_them(city: City) -> None:
    rows = {row["category_id"]: SpellingTexts(words(row)) for row in city.categories}
    names = {plain(text) for business in city.businesses for text in business.texts}
    for case in asked(city, "category"):
        holders = {category for category, texts in rows.items() if texts.hold(case.typed)}
        assert holders == set(case.meant.split(", "))
        assert len(case.right) >= 10
        assert plain(case.typed) not in names
        for shop, number in city.shops.items():
            own = with_ancestors(city.businesses[number].path.replace("/", "."))
            assert (shop in case.right) is bool(holders & set(own))


def test_one_company_under_two_brands_is_right(city: City) -> None:
    companies = [business.company for business in city.businesses[: city.brands]]
    double = {company for company in companies if companies.count(company) > 1}
    assert double
    for case in asked(city, "name"):
        found = {city.businesses[city.shops[shop]].company for shop in case.right} & double
        for company in found:
            assert set(city.shops_of_company[company]) <= case.right
