"""Places that compiled searches find are those that a look at each item finds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexes.bisection import (
    first_at_least,
    next_at_least,
    next_partition_point,
    partition_point,
)
from indexes.jit import njit

DTYPES = ("uint8", "uint16", "uint32", "int64")


@njit
def _first(values: NDArray[Any], begin: int, end: int, wanted: int) -> int:
    return first_at_least(values, begin, end, wanted)


@njit
def _next(values: NDArray[Any], begin: int, end: int, wanted: int) -> int:
    return next_at_least(values, begin, end, wanted)


@njit
def _is_below(pairs: NDArray[np.int64], place: int, wanted: tuple[int, int]) -> bool:
    return bool(
        pairs[place, 0] < wanted[0]
        or (pairs[place, 0] == wanted[0] and pairs[place, 1] < wanted[1])
    )


@njit
def _points(
    pairs: NDArray[np.int64], begin: int, end: int, wanted: tuple[int, int]
) -> tuple[int, int]:
    """Places that both searches find among pairs of numbers."""
    return (
        partition_point(_is_below, pairs, begin, end, wanted),
        next_partition_point(_is_below, pairs, begin, end, wanted),
    )


# values, begin, wanted, place
PLACES = [
    ([], 0, 5, 0),
    ([5], 0, 5, 0),
    ([5], 0, 6, 1),
    ([1, 3, 5, 7, 9, 11, 13], 0, 8, 4),
    ([1, 3, 5, 7, 9, 11, 13], 4, 8, 4),
    ([1, 3, 5, 7, 9, 11, 13], 5, 8, 5),
    ([1, 3, 5, 7, 9, 11, 13], 0, 99, 7),
    ([4, 4, 4, 4], 0, 4, 0),
    ([4, 4, 4, 4], 2, 4, 2),
    ([1, 4, 4, 4, 9], 0, 5, 4),
]


@pytest.mark.parametrize(("values", "begin", "wanted", "place"), PLACES)
def test_the_first_place_that_is_not_below(
    values: list[int], begin: int, wanted: int, place: int
) -> None:
    for dtype in DTYPES:
        column = np.array(values, dtype)
        assert _first(column, begin, len(values), wanted) == place
        assert _next(column, begin, len(values), wanted) == place


@given(st.lists(st.integers(0, 50), max_size=40), st.sampled_from(DTYPES), st.data())
def test_places_in_a_part_of_a_column(values: list[int], dtype: str, data: st.DataObject) -> None:
    values.sort()
    column = np.array(values, dtype)
    begin = data.draw(st.integers(0, len(values)))
    end = data.draw(st.integers(begin, len(values)))
    for wanted in range(-1, 53):
        expected = next((at for at in range(begin, end) if values[at] >= wanted), end)
        assert _first(column, begin, end, wanted) == expected
        assert _next(column, begin, end, wanted) == expected


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30))
def test_places_among_items_that_a_function_compares(pairs: list[tuple[int, int]]) -> None:
    pairs.sort()
    column = np.array(pairs, np.int64).reshape(-1, 2)
    for wanted in [(one, other) for one in range(6) for other in range(6)]:
        expected = next((at for at, pair in enumerate(pairs) if pair >= wanted), len(pairs))
        assert _points(column, 0, len(pairs), wanted) == (expected, expected)
