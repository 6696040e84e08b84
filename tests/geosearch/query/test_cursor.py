"""Cursors survive the trip through a URL, and only continue the question they came from."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosearch.errors import BadRequest
from geosearch.query.cursor import (
    Cursor,
    continue_from,
    expired,
    fingerprint,
    read_cursor,
    write_cursor,
)
from geosearch.query.query import Query
from tests.fuzz.requests import forged

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUERY = Query(lat=31.23, lng=121.47, cards=("red",))


def cursor_of(query: Query) -> Cursor:
    return Cursor(version="v1", at=NOON, question=fingerprint(query), keys=(1.5, 2.5), doc=7)


@given(
    st.text(max_size=40),
    st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),
    st.tuples(
        st.floats(-1e300, allow_nan=False), st.floats(0.0, allow_nan=False, allow_infinity=False)
    ),
    st.integers(0, 2**40),
)
def test_round_trip(version: str, at: datetime, keys: tuple[float, float], doc: int) -> None:
    cursor = Cursor(version=version, at=at, question=fingerprint(QUERY), keys=keys, doc=doc)
    text = write_cursor(cursor)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert read_cursor(text) == cursor


@pytest.mark.parametrize("text", ["x", "AAAA", "é", "====", "a" * 999, "!!!!!!!!", "AAAAAAA"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="Expected `next_cursor` of an earlier answer") as refused:
        read_cursor(text)
    assert refused.value.code == "bad_cursor"


RIGHT: dict[str, Any] = {
    "version": "v1", "at": NOON, "question": 7, "keys": (1.5, 2.5), "doc": 7,
}  # fmt: skip
NAIVE = NOON.replace(tzinfo=None)
IMPOSSIBLE: list[Any] = [
    RIGHT | {"at": NAIVE},
    RIGHT | {"at": NOON.replace(year=1)},
    RIGHT | {"at": NOON.replace(year=9999)},
    RIGHT | {"at": "yesterday"},
    RIGHT | {"at": 2**62},
    RIGHT | {"version": 7},
    RIGHT | {"version": b"\xff\xfe"},
    RIGHT | {"question": 2.5},
    RIGHT | {"question": None},
    RIGHT | {"keys": (math.nan, 1.0)},
    RIGHT | {"keys": (-math.inf, 1.0)},
    RIGHT | {"keys": (1.0, math.nan)},
    RIGHT | {"keys": (1.0, math.inf)},
    RIGHT | {"keys": (1.0, -1.0)},
    RIGHT | {"keys": (1.0,)},
    RIGHT | {"keys": (1.0, 2.0, 3.0)},
    RIGHT | {"keys": "ab"},
    RIGHT | {"keys": {"a": 1.0}},
    RIGHT | {"doc": -1},
    RIGHT | {"doc": 2**63},
    RIGHT | {"doc": 7.5},
    RIGHT | {"doc": [[[[[]]]]]},
    RIGHT | {"more": 1},
    {},
    [],
    7,
    None,
]


@pytest.mark.parametrize("given", IMPOSSIBLE, ids=repr)
def test_a_forged_cursor_is_refused_whatever_it_holds(given: Any) -> None:
    packed = msgspec.msgpack.encode(list(given.values()) if isinstance(given, dict) else given)
    with pytest.raises(BadRequest) as refused:
        read_cursor(forged(packed))
    assert refused.value.code == "bad_cursor"


def test_a_forged_cursor_that_is_possible_is_read() -> None:
    for keys in ((1.5, 2.5), (math.inf, 0.0), (-1e300, 1e7)):
        packed = msgspec.msgpack.encode(list((RIGHT | {"keys": keys}).values()))
        assert read_cursor(forged(packed)).keys == keys


@pytest.mark.parametrize("depth", [1, 300, 700])
@pytest.mark.parametrize("head", [b"", b"\x95", b"\x95\xa2v1", b"\xdd\xff\xff\xff\xff"])
def test_deep_cursors_are_refused(head: bytes, depth: int) -> None:
    for nest in (b"\x91" * depth + b"\x90", b"\x81\xa1a" * depth + b"\xc0"):
        with pytest.raises(BadRequest):
            read_cursor(forged(head + nest))


def test_areas_of_any_kind_have_a_fingerprint() -> None:
    def area(coordinates: Any, **more: Any) -> Query:
        polygon = {"type": "Polygon", "coordinates": coordinates, **more}
        return Query(lat=1.0, lng=2.0, polygon=polygon)

    corners = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    high = [[[0, 0, 2**70], [1, 0, 2**70], [1, 1, 2**70], [0, 0, 2**70]]]
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    assert fingerprint(area(corners)) != fingerprint(area(high))
    # What GeoJSON has beside them is no part of the question.
    assert fingerprint(area(corners, crs=deep)) == fingerprint(area(corners))
    cursor = write_cursor(cursor_of(area(corners)))
    question = msgspec.structs.replace(area(deep), cursor=cursor)
    with pytest.raises(BadRequest, match="a `cursor` with the parameters it was given for"):
        continue_from(question)


def test_every_cut_or_altered_cursor_is_refused() -> None:
    text = write_cursor(cursor_of(QUERY))
    altered = [text[:end] for end in range(1, len(text))]
    altered += [
        text[:i] + ("A" if text[i] != "A" else "B") + text[i + 1 :] for i in range(len(text) - 1)
    ]
    for wrong in altered:
        with pytest.raises(BadRequest):
            read_cursor(wrong)


@pytest.mark.parametrize(
    "given",
    [
        {"limit": 5},
        {"total": True},
        {"facets": ("category",)},
        {"explain": True},
        {"format": "geojson"},
        {},
    ],
)
def test_page_size_and_extras_may_change(given: dict[str, Any]) -> None:
    cursor = cursor_of(QUERY)
    page = msgspec.structs.replace(QUERY, cursor=write_cursor(cursor), **given)
    assert continue_from(page) == cursor


@pytest.mark.parametrize(
    "given",
    [
        {"lat": 31.24},
        {"cards": ("blue",)},
        {"sort": "distance"},
        {"open": "now"},
        {"zone": "z"},
        {"at": NOON.replace(hour=13)},
    ],
)
def test_another_question_is_refused(given: dict[str, Any]) -> None:
    page = msgspec.structs.replace(QUERY, cursor=write_cursor(cursor_of(QUERY)), **given)
    with pytest.raises(BadRequest) as refused:
        continue_from(page)
    assert refused.value.code == "bad_cursor"
    assert refused.value.errors[0]["pointer"] == "/cursor"


def test_a_cursor_holds_no_wallet() -> None:
    query = Query(lat=31.23, lng=121.47, cards=("secret-card",))
    assert b"secret" not in msgspec.msgpack.encode(cursor_of(query))


def test_expired_names_the_version() -> None:
    refusal = expired("v0")
    assert refusal.code == "cursor_expired"
    assert "v0" in str(refusal)


@pytest.mark.parametrize(
    ("first", "then", "same"),
    [
        ({"cards": ("red", "blue")}, {"cards": ("blue", "red")}, True),
        ({"cards": ("red", "blue", "red")}, {"cards": ("blue", "red", "blue")}, True),
        ({"cards": ("red", "blue")}, {"cards": ("red",)}, False),
        ({"cards": ("red", "blue")}, {"cards": ("red,blue",)}, False),
        ({"cards": ("red",)}, {"cards": ("red",), "deals": "card"}, True),
        ({"cards": ("red",)}, {"cards": ("red",), "deals": "any"}, False),
        ({"categories": ("a", "b")}, {"categories": ("b", "a", "a")}, True),
        ({"categories": ("a",)}, {"cards": ("a",), "deals": "optional"}, False),
        ({}, {"radius": 3_000}, True),
        ({}, {"radius": 3_001}, False),
        ({"bbox": (0, 0, 1, 1)}, {"bbox": (0, 0, 1, 1), "radius": 3_000}, False),
        ({}, {"q": " "}, True),
        ({"q": "a"}, {"q": "a "}, False),
    ],
)
def test_what_means_the_same_continues(
    first: dict[str, Any], then: dict[str, Any], same: bool
) -> None:
    here: dict[str, Any] = {"lat": 31.23, "lng": 121.47}
    text = write_cursor(cursor_of(Query(**here, **first)))
    query = Query(**here, **then, cursor=text)
    if same:
        assert continue_from(query).doc == 7
    else:
        with pytest.raises(BadRequest, match="Expected a `cursor` with the parameters"):
            continue_from(query)
