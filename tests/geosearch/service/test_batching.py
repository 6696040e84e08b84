"""Queries of one iteration of the loop are searched together, and each gets its own answer."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geosearch.answer.model import Page
from geosearch.errors import BadRequest
from geosearch.query.query import Query
from geosearch.service.batching import TOGETHER, Batching
from indexes.allowance import TooMuchWork
from tests.geosearch.fakes import FakeEngine, publish_fake

AT = datetime.now(UTC).replace(hour=12)
WORK = 100
BAD = Query(lat=31.23, lng=121.47, at=AT, zone="nowhere")


def asking(limit: int) -> Query:
    return Query(lat=31.23, lng=121.47, at=AT, limit=limit)


class CountingEngine(FakeEngine):
    """Notes how many queries it is asked together; fails with those of `fatal` results."""

    def __init__(self, folder: Path, fatal: int = 0) -> None:
        super().__init__(folder)
        self.fatal = fatal
        self.together: list[int] = []

    def page(self, query: Query) -> Page:
        if query.limit == self.fatal:
            raise RuntimeError("fatal")
        return super().page(query)

    def pages(self, queries: Sequence[Query], most_work: int) -> list[Page | TooMuchWork | None]:
        self.together.append(len(queries))
        return super().pages(queries, most_work)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    publish_fake(tmp_path / "index")
    return next((tmp_path / "index" / "versions").iterdir())


def counts(found: Sequence[Page | BaseException]) -> list[int | str]:
    """Return the number of results of each page, or the name of its error."""
    return [
        type(one).__name__
        if isinstance(one, BaseException)
        else len(json.loads(bytes(one.results)))
        for one in found
    ]


async def ask(engine: FakeEngine, *queries: Query) -> list[Page | BaseException]:
    batching = Batching()
    asked = [batching.page(engine, query, WORK) for query in queries]
    return await asyncio.gather(*asked, return_exceptions=True)


@pytest.mark.parametrize(
    ("number", "together"),
    [
        (1, [1]),
        (5, [5]),
        (TOGETHER, [TOGETHER]),
        (TOGETHER + 1, [TOGETHER, 1]),
        (2 * TOGETHER + 3, [TOGETHER, TOGETHER, 3]),
    ],
)
def test_what_comes_in_one_iteration_is_searched_together(
    folder: Path, number: int, together: list[int]
) -> None:
    engine = CountingEngine(folder)
    limits = [1 + at % 5 for at in range(number)]
    found = asyncio.run(ask(engine, *map(asking, limits)))
    assert counts(found) == limits
    assert engine.together == together


def test_answers_go_before_the_next_are_searched(folder: Path) -> None:
    engine = CountingEngine(folder)
    searched: list[int] = []

    async def answer(batching: Batching) -> None:
        await batching.page(engine, asking(1), WORK)
        searched.append(len(engine.together))

    async def run() -> None:
        batching = Batching()
        await asyncio.gather(*(answer(batching) for _ in range(2 * TOGETHER)))

    asyncio.run(run())
    assert searched == [1] * TOGETHER + [2] * TOGETHER


def test_iterations_are_searched_one_after_the_other(folder: Path) -> None:
    engine = CountingEngine(folder)

    async def run() -> None:
        batching = Batching()
        for number in (3, 1, 2):
            await asyncio.gather(*(batching.page(engine, asking(1), WORK) for _ in range(number)))

    asyncio.run(run())
    assert engine.together == [3, 1, 2]


def test_a_refusal_is_that_of_its_query(folder: Path) -> None:
    found = asyncio.run(ask(FakeEngine(folder), asking(1), BAD, asking(3)))
    assert counts(found) == [1, "BadRequest", 3]
    assert isinstance(found[1], BadRequest)
    assert found[1].code == "unknown_zone"


def test_a_fault_is_that_of_its_query(folder: Path) -> None:
    engine = CountingEngine(folder, fatal=2)
    assert counts(asyncio.run(ask(engine, asking(1), asking(2), asking(3)))) == [
        *(1, "RuntimeError", 3)
    ]
    assert engine.together == [3]


def test_work_is_counted_for_each_query(folder: Path) -> None:
    engine = CountingEngine(folder)
    for work, expected in ((WORK, [1, 2]), (WORK + 1, ["TooMuchWork", "TooMuchWork"])):
        engine.ways["work"] = work
        assert counts(asyncio.run(ask(engine, asking(1), asking(2)))) == expected


def test_each_engine_searches_its_own(folder: Path) -> None:
    old, new = CountingEngine(folder), CountingEngine(folder)

    async def run() -> list[Page]:
        batching = Batching()
        engines = (old, old, new, old)
        asked = [batching.page(one, asking(at + 1), WORK) for at, one in enumerate(engines)]
        return await asyncio.gather(*asked)

    assert counts(asyncio.run(run())) == [1, 2, 3, 4]
    assert (old.together, new.together) == ([2, 1], [1])


def test_who_goes_takes_nobodys_answer(folder: Path) -> None:
    engine = CountingEngine(folder)

    async def run() -> list[Page | BaseException]:
        batching = Batching()
        tasks = [asyncio.create_task(batching.page(engine, asking(at), WORK)) for at in (1, 2, 3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert counts(asyncio.run(run())) == ["CancelledError", 2, 3]
    assert engine.together == [3]
