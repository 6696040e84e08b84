"""Kernel that copies chosen members of a stored JSON object.

Useful for: compact JSON with members in a known order, as the build writes it.
Not useful for: JSON of others. Nothing is validated, but nothing outside of the object is read.
"""

import numpy as np
from numpy.typing import NDArray

from indexes.jit import inline_njit, int64, njit, uint64
from indexes.text_buffer import put_byte, put_slice

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

_QUOTE, _BACKSLASH, _COMMA, _OPENS, _CLOSES = b'"\\,{}'
_OPENS_LIST, _CLOSES_LIST = b"[]"


@njit
def put_members(
    text: Bytes,
    at: int,
    source: Bytes,
    begin: int,
    end: int,
    key: Bytes,
    key_start: Numbers,
    wanted: int,
) -> int:
    """Copy members of the object `source[begin:end]`, each after a comma; return the end in `text`.

    It writes fewer than `end - begin` bytes. It reads members only until the rest is wanted as a
    whole, or none of it.

    Parameters
    ----------
    key
        Keys of members with their quotes, one after another; keys have no escapes. Members come in
        this order; some may be missing, and others between them are left out.
    key_start
        int64[keys + 1], where each key begins.
    wanted
        Bits of the wanted keys.
    """
    keys = key_start.shape[0] - 1
    last = end - 1  # the closing brace
    here = begin + 1
    expected = int64(0)
    while here < last:
        rest = wanted >> expected
        if rest == 0:
            break
        if rest + 1 == int64(1) << (keys - expected):
            at = put_byte(text, at, _COMMA)
            return put_slice(text, at, source, here, last)
        number = _key_number(source, here, last, key, key_start, expected)
        if number < 0:
            colon = _after_text(source, here, last)
        else:
            expected = number + 1
            colon = here + key_start[uint64(number + 1)] - key_start[uint64(number)]
        stop = _after_value(source, colon + 1, last)
        if number >= 0 and wanted >> number & 1:
            at = put_byte(text, at, _COMMA)
            at = put_slice(text, at, source, here, stop)
        here = stop + 1
    return at


@inline_njit
def _key_number(
    source: Bytes, here: int, last: int, key: Bytes, key_start: Numbers, expected: int
) -> int:
    """Number of the key at `here`, from `expected` on; -1 if it is another one."""
    for number in range(expected, key_start.shape[0] - 1):
        first = key_start[uint64(number)]
        size = key_start[uint64(number + 1)] - first
        same = int64(0)
        if here + size <= last:
            # From the end: the closing quote tells keys of other lengths apart.
            while same < size and (
                key[uint64(first + size - 1 - same)] == source[uint64(here + size - 1 - same)]
            ):
                same += 1
        if same == size:
            return number
    return int64(-1)


@inline_njit
def _after_text(source: Bytes, at: int, last: int) -> int:
    """Position after the text that begins at `at` with a quote, at most `last`."""
    at += 1
    while at < last:
        byte = source[uint64(at)]
        at += 1
        if byte == _QUOTE:
            break
        if byte == _BACKSLASH:
            at += 1
    return min(at, last)


@inline_njit
def _after_value(source: Bytes, at: int, last: int) -> int:
    """Position after the value that begins at `at`, at most `last`."""
    depth = int64(0)
    while at < last:
        byte = source[uint64(at)]
        if byte == _QUOTE:
            at = _after_text(source, at, last)
            continue
        if byte == _OPENS or byte == _OPENS_LIST:
            depth += 1
        elif byte == _CLOSES or byte == _CLOSES_LIST:
            depth -= 1
        elif byte == _COMMA and depth == 0:
            break
        at += 1
    return min(at, last)
