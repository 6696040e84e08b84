"""Cursors survive the trip through a URL, and only continue the question they came from."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosearch.cursor import (
    Cursor,
    continue_from,
    expired,
    fingerprint,
    read_cursor,
    write_cursor,
)
from geosearch.errors import BadRequest
from geosearch.model import Query

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUERY = Query(lat=31.23, lng=121.47, cards=("red",))


def cursor_of(query: Query) -> Cursor:
    return Cursor(version="v1", at=NOON, question=fingerprint(query), keys=(1.5, 2.5), doc=7)


@given(
    st.text(max_size=40),
    st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
    st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
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
    "given", [{"limit": 5}, {"total": True}, {"facets": ("category",)}, {"explain": True}, {}]
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
