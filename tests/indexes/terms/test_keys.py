"""Keys tell kinds and payloads apart, and sort as look-ups need."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.terms.keys import (
    CHUNK,
    GRAM1,
    GRAM2,
    INITIALS,
    KIND_BITS,
    MAX_INITIALS,
    PINYIN,
    SOUND1,
    SOUND2,
    TABLE,
    WORD,
    Strings,
    distinct,
    gram_keys,
    initials_key,
    pack,
    ranges,
    sound_keys,
    text_key,
)

LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", max_size=MAX_INITIALS)


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        (gram_keys("火"), [GRAM1]),
        (gram_keys("火锅"), [GRAM2]),
        (gram_keys("火锅火锅"), [GRAM2, GRAM2]),
        (sound_keys((1,)), [SOUND1]),
        (sound_keys((1, 2, 1, 2)), [SOUND2, SOUND2]),
        ((text_key(WORD, "kfc"), text_key(PINYIN, "kfc")), [WORD, PINYIN]),
        ((initials_key("hdl"),), [INITIALS]),
    ],
)
def test_the_kind_is_above_the_payload(keys: tuple[int, ...], kinds: list[int]) -> None:
    assert [key >> KIND_BITS for key in keys] == kinds
    assert len(set(keys)) == len(keys)
    assert all(0 < key < 2**63 for key in keys)


@given(LETTERS, LETTERS)
def test_initials_sort_as_letters_do(one: str, other: str) -> None:
    assert (initials_key(one) < initials_key(other)) == (one < other)


def test_more_initials_than_are_kept() -> None:
    assert initials_key("a" * 50) == initials_key("a" * MAX_INITIALS)


@given(st.text(), st.text())
def test_different_strings_have_different_keys(one: str, other: str) -> None:
    same = one.encode("utf-8", "replace") == other.encode("utf-8", "replace")
    assert (text_key(WORD, one) == text_key(WORD, other)) == same


def test_strings_are_numbered_as_they_turn_up() -> None:
    strings = Strings(WORD)
    assert [strings[word] for word in ("b", "a", "b", "c")] == [0, 1, 0, 2]
    assert strings.term_keys().tolist() == [text_key(WORD, word) for word in "bac"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4) | st.just(CHUNK - 1),
            st.sampled_from([0, 1, TABLE]),
            st.integers(0, 2),
        )
    )
)
def test_distinct_terms_of_each_text(entries: list[tuple[int, int, int]]) -> None:
    table = np.array([100, 200, 300], dtype=np.uint64)
    meant = {0: GRAM1 << KIND_BITS, 1: GRAM2 << KIND_BITS}
    columns = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    packed = [pack(columns[0][i : i + 1], *map(int, columns[1:, i])) for i in range(len(entries))]  # type: ignore[arg-type]
    joined = np.concatenate([np.zeros(0, dtype=np.int64), *packed])
    key, count = distinct(joined, (GRAM1, GRAM2), table, CHUNK)
    assert count.sum() == key.size == len(set(entries))
    ends = np.cumsum(count)
    for text in {entry[0] for entry in entries}:
        found = key[ends[text] - count[text] : ends[text]].tolist()
        assert sorted(found) == sorted(
            int(table[payload]) if place == TABLE else meant[place] | payload
            for owner, place, payload in set(entries)
            if owner == text
        )


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5))))
def test_ranges(spans: list[tuple[int, int]]) -> None:
    begin, size = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    assert ranges(begin, size).tolist() == [b + i for b, n in spans for i in range(n)]
