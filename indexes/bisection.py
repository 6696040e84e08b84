"""Binary search for kernels: the first place of an ascending range that is not below a value.

Useful for: compiled code; all functions are inlined into their callers.
Not useful for: Python (`bisect`) and whole arrays (`numpy.searchsorted`).

`first_at_least` halves the range. `next_at_least` gallops, for a value that is probably near the
beginning. `partition_point` and `next_partition_point` do the same for items that are not simply
elements of a column: a function says whether an item is below the value.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numpy.typing import NDArray

from indexes.jit import inline_njit, inner_njit

Data = TypeVar("Data")
Wanted = TypeVar("Wanted")


@inner_njit
def partition_point(
    is_below: Callable[[Data, int, Wanted], bool], data: Data, begin: int, end: int, wanted: Wanted
) -> int:
    """First place in `[begin, end)` that is not below `wanted`, else `end`, by bisection.

    Parameters
    ----------
    is_below
        Compiled function of `data`, a place and `wanted`. No place that is below `wanted` may come
        after one that is not.
    """
    base = begin
    size = end - begin
    while size > 0:
        half = size >> 1
        if is_below(data, base + half, wanted):
            base += half + 1
            size -= half + 1
        else:
            size = half
    return base


@inner_njit
def next_partition_point(
    is_below: Callable[[Data, int, Wanted], bool], data: Data, begin: int, end: int, wanted: Wanted
) -> int:
    """`partition_point` by galloping search, for a point that is probably near `begin`.

    Bentley and Yao (1976), "An Almost Optimal Algorithm for Unbounded Searching".
    """
    step = 1
    low = begin
    high = begin
    while high < end and is_below(data, high, wanted):
        low = high + 1
        high += step
        step <<= 1
    return partition_point(is_below, data, low, min(high, end), wanted)


@inner_njit
def _is_less(values: NDArray[Any], place: int, wanted: int) -> bool:
    return bool(values[place] < wanted)


@inline_njit
def first_at_least(values: NDArray[Any], begin: int, end: int, wanted: int) -> int:
    """First place in `values[begin:end]`, which ascend, of at least `wanted`; else `end`."""
    return partition_point(_is_less, values, begin, end, wanted)


@inline_njit
def next_at_least(values: NDArray[Any], begin: int, end: int, wanted: int) -> int:
    """`first_at_least` by galloping search, for a value that is probably near `begin`."""
    return next_partition_point(_is_less, values, begin, end, wanted)
