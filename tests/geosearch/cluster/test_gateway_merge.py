"""Cursors of several regions: short for any number of them, and only for the regions they name."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from geosearch.answer.model import Answer
from geosearch.cluster.cuts import MOST_REGIONS
from geosearch.cluster.gateway_merge import merged_page, read_cursor, regions_of
from geosearch.errors import BadRequest
from geosearch.query.query import Query
from geosearch.search.owned import Key, RegionPart

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
VERSION = "20261122T000000Z-0001"
QUESTION = Query(lat=1.0, lng=2.0, bbox=(0.0, 0.0, 9.0, 9.0), limit=1)


def part(name: str) -> RegionPart:
    answer = Answer(snapshot_id="s", at=AT.isoformat(), took_us=0)
    keys: list[Key] = [(None, float(number), f"{name}-{number}") for number in range(2)]
    return RegionPart(VERSION, answer, [msgspec.Raw(b"{}")], keys, {})


def next_page(names: list[str], every: list[str]) -> Query:
    """The question of the page after that of some regions."""
    page = merged_page(QUESTION, AT, {name: part(name) for name in names}, every, 0)
    return msgspec.structs.replace(QUESTION, cursor=page.answer.next_cursor)


@pytest.mark.parametrize("count", [1, 8, 9, 34, MOST_REGIONS])
def test_a_cursor_of_many_regions_is_a_parameter(count: int) -> None:
    """`Query` refuses a cursor of more than a thousand characters."""
    every = [f"province-number-{number}" for number in range(count)]
    for names in (every, every[-1:], every[::2]):
        cursor = read_cursor(next_page(names, every))
        assert regions_of(cursor, every) == names
        assert (cursor.version, cursor.at) == (VERSION, AT)


@pytest.mark.parametrize("others", [["a"], ["a", "b", "c"], ["b", "a"], ["a", "x"], []])
def test_other_regions_refuse_a_cursor(others: list[str]) -> None:
    """Else shops of a region that is not there any more would be left out silently."""
    cursor = read_cursor(next_page(["a", "b"], ["a", "b"]))
    assert regions_of(cursor, ["a", "b"]) == ["a", "b"]
    with pytest.raises(BadRequest) as refused:
        regions_of(cursor, others)
    assert refused.value.code == "cursor_expired"


def test_a_cursor_of_no_region_is_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        read_cursor(next_page(["a"], ["b"]))
    assert refused.value.code == "bad_cursor"
