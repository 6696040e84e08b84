"""Ordinary queries among real places: the judge knows each, and what was reached stays."""

import re
from pathlib import Path

import orjson
import pytest

from benchmarks.relevance.places import AIM, RIGHT, Judged, judged


@pytest.fixture(scope="module")
def found(shared_data: Path) -> list[Judged]:
    """Every query once; four cities are imported and built, which takes some seconds."""
    if not (shared_data.parent / "cases/text/relevance/queries.json").is_file():
        pytest.skip("the handed queries are not beside this checkout")
    return judged(shared_data.parent)


def test_the_judge_knows_every_query(found: list[Judged], shared_data: Path) -> None:
    assert found
    file = shared_data.parent / "cases/text/relevance/queries.json"
    asked = {query["q"] for query in orjson.loads(file.read_bytes())}
    assert asked == set(RIGHT)
    assert all(re.compile(pattern) for pattern in RIGHT.values())


def test_the_first_are_right(found: list[Judged]) -> None:
    assert len(found) > 30
    assert sum(one.precision for one in found) / len(found) >= AIM
    assert not [one.text for one in found if not one.precision]
