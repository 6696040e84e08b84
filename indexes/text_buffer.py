"""Write text and numbers into a byte buffer from kernels.

A kernel writes a text without an object for each piece. No function escapes anything.

Every function writes from position `at` and returns the position after its last byte. No function
checks the end of the buffer: the caller makes sure of the room. A number takes fewer than
`MOST_DIGITS` bytes.
"""

import numpy as np
from numpy.typing import NDArray

from indexes.jit import inline_njit, int64, njit

MOST_DIGITS = 32
"""More bytes than any number takes: 19 digits, sign, point, commas."""

_POINT, _MINUS, _COMMA = b".-,"
# Unsigned: a division by a constant is one multiplication, without a correction for the sign.
_ZERO, _ONE, _TWO, _TEN, _HUNDRED = map(np.uint64, (ord("0"), 1, 2, 10, 100))
_PAIRS = b"".join(b"%02d" % value for value in range(100))

Bytes = NDArray[np.uint8]


@njit
def put_slice(text: Bytes, at: int, source: Bytes, begin: int, end: int) -> int:
    """Copy `source[begin:end]`."""
    for i in range(end - begin):
        # Unsigned, so that Numba does not compare indices with zero and the copy is vectorised.
        text[np.uint64(at + i)] = source[np.uint64(begin + i)]
    return at + end - begin


@njit
def put_text(text: Bytes, at: int, piece: bytes) -> int:
    """Write a piece of text that is constant at compile time."""
    for i in range(len(piece)):
        text[np.uint64(at + i)] = piece[np.uint64(i)]
    return at + len(piece)


@inline_njit
def put_byte(text: Bytes, at: int, byte: int) -> int:
    """Write one byte."""
    text[np.uint64(at)] = np.uint8(byte)
    return at + 1


@inline_njit
def put_pair(text: Bytes, at: int, value: int) -> int:
    """Write an integer of 0 to 99 as two digits: `07`."""
    digits = np.uint64(value) * _TWO
    text[np.uint64(at)] = _PAIRS[digits]
    text[np.uint64(at + 1)] = _PAIRS[digits + _ONE]
    return at + 2


@njit
def put_integer(text: Bytes, at: int, value: int) -> int:
    """Write an integer: `-12`, `0`, `1200`."""
    if value < 0:
        at = put_byte(text, at, _MINUS)
        value = -value
    return _put_digits(text, at, value, _digits_of(value))


@njit
def put_padded(text: Bytes, at: int, value: int, digits: int) -> int:
    """Write the last `digits` digits of a non-negative integer, with leading zeros: `07`."""
    return _put_digits(text, at, value, int64(digits))


@njit
def put_grouped(text: Bytes, at: int, value: int) -> int:
    """Write a non-negative integer with commas between thousands: `1,234,567`."""
    scale = int64(1)
    while value // scale >= 1000:
        scale *= 1000
    at = put_integer(text, at, value // scale)
    while scale > 1:
        value %= scale
        scale //= 1000
        at = put_byte(text, at, _COMMA)
        at = put_padded(text, at, value // scale, 3)
    return at


@njit
def put_decimal(text: Bytes, at: int, value: int, decimals: int) -> int:
    """Write `value / 10**decimals` exactly, without trailing zeros but one: `-3.0`, `0.25`.

    The text equals `repr` of the nearest float if that needs no exponent.
    """
    while decimals > 1 and value % 10 == 0:
        value //= 10
        decimals -= 1
    if value < 0:
        at = put_byte(text, at, _MINUS)
        value = -value
    scale = _ONE
    for _ in range(decimals):
        scale *= _TEN
    whole = int64(np.uint64(value) // scale)
    at = put_integer(text, at, whole)
    at = put_byte(text, at, _POINT)
    return put_padded(text, at, int64(np.uint64(value) % scale), decimals)


@inline_njit
def _digits_of(value: int) -> int:
    digits, above = int64(1), _TEN
    while np.uint64(value) >= above:
        above *= _TEN
        digits += 1
    return digits


@inline_njit
def _put_digits(text: Bytes, at: int, value: int, digits: int) -> int:
    """Write the last `digits` digits, two at a time from the end."""
    rest, begin = np.uint64(value), at + digits
    while begin - at >= 2:
        begin -= 2
        put_pair(text, begin, int64(rest % _HUNDRED))
        rest //= _HUNDRED
    if begin > at:
        text[np.uint64(at)] = np.uint8(_ZERO + rest % _TEN)
    return at + digits
