"""What a region answers is what one index answers, byte for byte but for the time it took.

`GEOSEARCH_REGION_QUESTIONS` sets how many questions a run asks of each world.
"""

from __future__ import annotations

import os
import re
from random import Random

import msgspec
import pytest

from geosearch.errors import BadRequest
from geosearch.suggest.suggester import SuggestQuery
from tests.generators import make_world
from tests.geosearch.cluster.region_worlds import Cut, answer, asked

QUESTIONS = int(os.environ.get("GEOSEARCH_REGION_QUESTIONS", "60"))
KINDS = ("city", "antimeridian", "north_pole", "worldwide", "crumbs", "many_programs")
REGIONS = (1, 2, 5, 9)
FEW = [("city", 3), ("antimeridian", 2)]
CASES = FEW if QUESTIONS < 1_000 else [(kind, number) for kind in KINDS for number in REGIONS]


@pytest.fixture(scope="module", params=CASES, ids=str)
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    kind, regions = request.param
    rng = Random(f"{kind} {regions}")
    world = make_world(rng, kind, 400 if QUESTIONS >= 1_000 else 250)
    return Cut(world, regions, tmp_path_factory.mktemp(kind))


def test_answers_are_those_of_one_index(cut: Cut) -> None:
    rng = Random(7)
    done = dict.fromkeys(("asked", "found", "pages", "moved", "corrected", "near"), 0)
    while done["asked"] < QUESTIONS:
        try:
            query = asked(cut.question(rng))
        except BadRequest:
            continue
        done["asked"] += 1
        expected, got = answer(cut.one, query), answer(cut.of(query), query)
        if got is None:
            assert expected is not None
            assert b'"around":{' in expected
            done["moved"] += 1
            continue
        assert got == expected, query
        done["found"] += b'"results":[{' in got
        done["corrected"] += b'"corrected":{' in got
        done["near"] += b'"near_misses":[{' in got
        while found := re.search(rb'"next_cursor":"([^"]+)"', got):
            cursor = found[1].decode()
            query = msgspec.structs.replace(query, cursor=cursor, near_misses=0)
            expected, got = answer(cut.one, query), answer(cut.of(query), query)
            assert got == expected, query
            assert got is not None
            done["pages"] += 1
            if done["pages"] > 3 * QUESTIONS:
                break
    # A world as large as the Earth has few shops near any place.
    assert done["found"] > QUESTIONS / 16, done
    assert done["pages"] > QUESTIONS / 20 or cut.world.kind == "worldwide", done


def test_batches_are_those_of_one_index(cut: Cut) -> None:
    rng = Random(8)
    for _ in range(3):
        batch = []
        while len(batch) < 20:
            try:
                batch.append(asked(cut.question(rng)))
            except BadRequest:
                continue
        engine = cut.of(batch[0])
        own = [query for query in batch if cut.of(query) is engine]
        pages = zip(engine.pages(own), cut.one.pages(own), strict=True)
        for got, expected in pages:
            if got is not None:
                assert expected is not None
                assert not isinstance(got, Exception)
                assert not isinstance(expected, Exception)
                assert got.results == expected.results
                assert msgspec.structs.replace(got.answer, took_us=0) == msgspec.structs.replace(
                    expected.answer, took_us=0
                )


def test_suggestions_are_those_of_one_index(cut: Cut) -> None:
    rng = Random(9)
    found = 0
    for _ in range(QUESTIONS):
        query = cut.question(rng)
        name = rng.choice(cut.names or ["x"])
        asked_of = SuggestQuery(
            q=name[: rng.randint(1, 6)], lat=query["lat"], lng=query["lng"], radius=query["radius"]
        )
        engine = cut.regions[str(cut.regional.owner(asked_of.lat, asked_of.lng))]
        got, expected = engine.suggest(asked_of), cut.one.suggest(asked_of)
        assert got.suggestions == expected.suggestions
        assert got.outside_coverage == expected.outside_coverage
        found += bool(got.suggestions)
    assert found > QUESTIONS / 10
