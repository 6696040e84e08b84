"""Chosen members of an object are those that a JSON reader finds; nothing around it changes."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexes.json_members import put_members

KEYS = ("id", "name", "ad", "tags", "rating", "box", "ng", "x")
START = 3
GUARD = ord("~")

texts = st.text(st.sampled_from('a"\\,:{}[]名\n '), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """Some keys in their order, and others between them."""
    some = draw(st.dictionaries(st.sampled_from(KEYS), values, max_size=8))
    members = [(key, some[key]) for key in KEYS if key in some]
    for other in draw(st.lists(st.sampled_from(("other", "nam", "names", "")), unique=True)):
        members.insert(draw(st.integers(0, len(members))), (other, draw(values)))
    return dict(members)


def compact(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def copied(stored: bytes, wanted: int, keys: tuple[str, ...] = KEYS) -> bytes:
    """What is written of a text between other texts, without the comma before it."""
    source = np.frombuffer(b'{"id":7}' + stored + b'{"name":8}', np.uint8)
    texts = [f'"{key}"'.encode() for key in keys]
    start = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    text = np.full(START + len(stored) + START, GUARD, np.uint8)
    begin, key = len(b'{"id":7}'), np.frombuffer(b"".join(texts), np.uint8)
    end = put_members(text, START, source, begin, begin + len(stored), key, start, wanted)
    assert end - START < max(1, len(stored))
    assert set(text[:START].tolist()) == set(text[end:].tolist()) == {GUARD}
    written = text[START:end].tobytes()
    assert written[:1] in (b"", b",")
    return written[1:]


@given(objects(), st.integers(0, 2 ** len(KEYS) - 1))
@example({"id": "", "name": 'a"},"ad":"x', "ad": {"name": [1, {"id": "}"}]}}, 0b111)
@example({"names": 1, "name": 2, "ng": 3}, 0b1000010)
@example({"id": 1, "other": 2, "x": 3}, 0b11111110)
def test_the_members_are_those_of_a_reader(record: dict[str, Any], wanted: int) -> None:
    chosen = {KEYS[bit] for bit in range(len(KEYS)) if wanted >> bit & 1}
    expected = {name: value for name, value in record.items() if name in chosen}
    written = json.loads(b"{%b}" % copied(compact(record), wanted))
    # Others stay only where all members that may follow are wanted.
    others = [name for name in written if name not in KEYS]
    assert compact({name: written[name] for name in written if name not in others}) == compact(
        expected
    )
    assert not others or list(written)[-1] == list(record)[-1]


def test_it_stops_after_the_last_wanted_member() -> None:
    """What follows may be no JSON: it is not read."""
    assert copied(b'{"id":"a","name":"b",\xff\xff\xff', 0b11) == b'"id":"a","name":"b"'
    assert copied(b'{"id":"a","tags":"b",\xff\xff\xff', 0b11) == b'"id":"a"', "no name"


def test_it_copies_what_follows_the_last_unwanted_member_as_it_is() -> None:
    assert copied(b'{"id":"a","x":\xff\xff,?}', 0b11111110) == b'"x":\xff\xff,?'
    assert copied(b'{"name":"a","tags":\xff,?}', 0b11111100) == b'"tags":\xff,?'


@pytest.mark.parametrize("cut", range(24))
def test_nothing_outside_of_a_damaged_object_is_read(cut: int) -> None:
    stored = b'{"id":"a\\"","tags":[{"x":1'[:cut]
    if len(stored) > 1:
        assert copied(stored, 0b11111111) in stored
