"""Figures rise and fall with the answers, and misses say what went wrong."""

import random
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.relevance import measure
from benchmarks.relevance.city import City
from benchmarks.relevance.ways import WAYS, Case, Way
from geosearch.search.searcher import Searcher

BY_NAME = {way.name: way for way in WAYS}
Answering = Callable[[Case], Iterable[str]]


class Oracle:
    """An engine that is told the case, and answers with the shops or texts it is given."""

    def __init__(self, cases: Iterable[Case], answering: Answering) -> None:
        self.cases = {(case.typed, case.lat): case for case in cases}
        self.answering = answering

    def search(self, query: Any) -> Any:
        assert query.sort == "relevance"
        shops = list(self.answering(self.cases[query.q, query.lat]))[: query.limit]
        merchants = [{"merchant_id": shop, "name": shop, "categories": ["c"]} for shop in shops]
        hits = [SimpleNamespace(merchant=merchant) for merchant in merchants]
        return SimpleNamespace(hits=hits, corrected={query.q: ("meant",)}, relaxed=("left",))

    def suggest(self, query: Any) -> Any:
        shops = list(self.answering(self.cases[query.q, query.lat]))[: query.limit]
        found = [
            SimpleNamespace(text="t", kind="brand", count=1, merchant_id=shop) for shop in shops
        ]
        return SimpleNamespace(suggestions=found)


def outcomes(city: City, name: str, answering: Answering) -> list[measure.Outcome]:
    way = BY_NAME[name]
    cases = measure.cases(way, city, seed=5, most=40)
    assert len(cases) == 40
    return measure.outcomes(cast(Searcher, Oracle(cases, answering)), way, cases)


def at(place: int) -> Answering:
    """Answers whose first right one is at `place`, 1 for the first."""
    return lambda case: [*["wrong"] * (place - 1), *sorted(case.right), *["wrong"] * 9]


@pytest.mark.parametrize(
    ("place", "at_1", "at_5", "mrr"),
    [(1, 1, 1, 1), (2, 0, 1, 0.5), (5, 0, 1, 0.2), (6, 0, 0, 0.1667), (11, 0, 0, 0)],
)
def test_rank(city: City, place: int, at_1: float, at_5: float, mrr: float) -> None:
    found = measure.figures(BY_NAME["pinyin"], outcomes(city, "pinyin", at(place)))
    assert (found["at_1"], found["at_5"], found["mrr"]) == (at_1, at_5, mrr)
    assert (found["aim_at_1"], found["aim_at_5"], found["queries"]) == (0.95, 0.99, 40)


@pytest.mark.parametrize(("place", "right"), [(1, 1.0), (3, 0.8), (11, 0.0)])
def test_category_share(city: City, place: int, right: float) -> None:
    found = measure.figures(BY_NAME["category"], outcomes(city, "category", at(place)))
    assert found["right"] == right


def test_short_answers_of_a_category_are_partly_wrong(city: City) -> None:
    found = outcomes(city, "category", lambda case: sorted(case.right)[:4])
    assert measure.figures(BY_NAME["category"], found)["right"] == 0.4


def test_suggestions_count_by_where_they_lead(city: City) -> None:
    found = outcomes(city, "prefix", at(2))
    assert {outcome.rank for outcome in found} == {2}
    assert {outcome.shown[0] for outcome in found} == {"t (brand, 1)"}


def test_figures_of_nothing() -> None:
    found = measure.figures(BY_NAME["name"], [])
    assert (found["queries"], found["at_1"], found["mrr"]) == (0, 0, 0)


def test_misses_come_worst_first(city: City) -> None:
    rng = random.Random(3)
    found = outcomes(city, "edit", lambda case: at(rng.choice([1, 2, 7, 11]))(case))
    wrong = measure.misses(BY_NAME["edit"], found)
    ranks = [outcome.rank for outcome in wrong]
    assert set(ranks) == {0, 2, 7}
    assert ranks == sorted(ranks, key=lambda rank: -(rank or 11))
    assert len(wrong) + sum(outcome.rank == 1 for outcome in found) == len(found)


@pytest.mark.parametrize("name", ["edit", "category"])
def test_miss_line(city: City, name: str) -> None:
    found = outcomes(city, name, at(3))
    line = measure.miss_line(measure.misses(BY_NAME[name], found)[0])
    case = found[0].case
    assert line.startswith(f"{case.typed!r} for {case.meant!r}: ")
    assert ": rank 3, " in line
    assert "8 of 10 right" in line or name == "edit"
    assert line.endswith(f" (c) | {case.typed} → meant | without left")


def test_cases_are_the_same_each_time(city: City) -> None:
    way: Way = BY_NAME["edit"]
    every = measure.cases(way, city, seed=1)
    assert measure.cases(way, city, seed=1) == every
    assert measure.cases(way, city, seed=2) != every
    assert set(measure.cases(way, city, seed=1, most=10)) <= set(every)
    assert len(measure.cases(way, city, seed=1, most=10)) == 10
