"""The service is loaded, and what it spends is told of part by part."""

import json
from pathlib import Path

import pytest

from benchmarks import http_load
from benchmarks.families import FAMILIES
from benchmarks.http_load import (
    ASKED,
    CONNECTIONS,
    FRESHENED,
    SHARES,
    USUAL_SHARE,
    parts_of,
    questions,
)
from benchmarks.result import HttpResult
from geosearch.search.searcher import Searcher
from tests.benchmarks.conftest import TOY


@pytest.fixture(scope="module")
def measured(world_cache: Path) -> HttpResult:
    return http_load.run(TOY, seconds=0.3, spots=20, runs=1)


def test_both_kinds_of_loops_are_told(measured: HttpResult) -> None:
    ours = [loop for loop in measured.loops if loop.server == "geosearch"]
    closed = [loop.connections for loop in ours if loop.rate is None]
    opened = [loop.rate for loop in ours if loop.rate is not None]
    assert tuple(closed) == CONNECTIONS
    assert len(opened) == len(SHARES)
    floor = [loop.rate for loop in measured.loops if loop.server == "floor"]
    assert floor == [None, opened[SHARES.index(USUAL_SHARE)]]
    for loop in measured.loops:
        assert loop.requests > 0
        assert 0 < loop.p50_ms <= loop.p90_ms <= loop.p99_ms <= loop.p999_ms


def test_a_request_is_the_sum_of_its_parts(measured: HttpResult) -> None:
    assert len(measured.parts_us) == 3
    assert sum(measured.parts_us.values()) > 0
    assert measured.median_bytes > 2_000


def test_new_versions_are_seen(measured: HttpResult) -> None:
    assert len(measured.freshness_ms) == FRESHENED
    assert all(0 < spent < 5_000 for spent in measured.freshness_ms)


def test_parts_add_up_to_the_cpu_time(toy: Searcher) -> None:
    asked = [family.at(31.23, 121.47) for family in FAMILIES[:3]]
    parts = parts_of(toy, asked, cpu_us=1e6)
    assert sum(parts.values()) == pytest.approx(1e6, abs=1)
    assert parts_of(toy, asked, cpu_us=0.0).keys() == parts.keys()


def test_questions_are_of_every_family_by_both_methods() -> None:
    asked = questions([(31.23, 121.47)] * 4)
    assert len(asked) == 4 * len(ASKED)
    assert {question.method for question in asked} == {"GET", "POST"}
    for question in asked:
        wire = question.wire()
        assert wire.startswith(f"{question.method} /v1/nearby".encode())
        if question.body:
            assert json.loads(question.body)["lat"] == 31.23
            assert f"Content-Length: {len(question.body)}\r\n".encode() in wire
