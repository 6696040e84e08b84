"""What is written into a buffer is what Python would say."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexes.text_buffer import (
    MOST_DIGITS,
    put_byte,
    put_decimal,
    put_grouped,
    put_integer,
    put_padded,
    put_pair,
    put_slice,
    put_text,
)

START = 3
integers = st.integers(-(2**62), 2**62)


def written(put: Callable[..., int], *values: object) -> str:
    """What `put` writes in the middle of a buffer; nothing around it may change."""
    text = np.full(START + MOST_DIGITS + START, ord("~"), np.uint8)
    end = put(text, START, *values)
    whole = text.tobytes().decode()
    assert whole[:START] == "~" * START
    assert set(whole[end:]) == {"~"}
    return whole[START:end]


@pytest.mark.parametrize("value", range(100))
def test_pairs(value: int) -> None:
    assert written(put_pair, value) == f"{value:02}"


@given(integers)
@example(0)
@example(-1)
@example(9)
@example(10)
def test_integers(value: int) -> None:
    assert written(put_integer, value) == str(value)


@given(st.integers(0, 2**62))
@example(999)
@example(1000)
@example(1_000_007)
def test_thousands(value: int) -> None:
    assert written(put_grouped, value) == f"{value:,}"


@given(st.integers(0, 99_999), st.integers(1, 9))
def test_leading_zeros(value: int, digits: int) -> None:
    assert written(put_padded, value, digits) == f"{value:0{digits}}"[-digits:]


@given(st.integers(-(10**15), 10**15), st.integers(1, 7))
@example(1_215_000_000, 7)
@example(-5, 2)
@example(0, 1)
def test_decimals_are_those_of_the_nearest_float(value: int, decimals: int) -> None:
    said = written(put_decimal, value, decimals)
    assert float(said) == value / 10**decimals
    if abs(value) >= 10 ** (decimals - 3):
        assert said == repr(value / 10**decimals), "the shortest that says it"


@given(st.binary(max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_slices(source: bytes, begin: int, length: int) -> None:
    end = min(len(source), begin + length)
    begin = min(begin, end)
    text = np.zeros(64, np.uint8)
    after = put_slice(text, START, np.frombuffer(source + b" ", np.uint8), begin, end)
    assert after == START + end - begin
    assert text[START:after].tobytes() == source[begin:end]
    assert not text[:START].any()
    assert not text[after:].any()


@pytest.mark.parametrize("piece", [b"", b"]", b',"reasons":["'])
def test_pieces(piece: bytes) -> None:
    assert written(put_text, piece) == piece.decode()
    assert written(put_byte, ord("]")) == "]"
