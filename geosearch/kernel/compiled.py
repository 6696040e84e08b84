"""Compiled entry points of the kernel: `search.warm` loads them before the first query."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from geosearch.kernel import count, rank
from indexes.jit import entry_point
from indexes.terms import postings


class Kernels(NamedTuple):
    """The compiled entry points by name."""

    rank: Callable[..., int]
    count: Callable[..., int]
    count_names: Callable[..., int]
    fill_common: Callable[..., int]


@cache
def kernels() -> Kernels:
    """The entry points, compiled for the column types of every segment; made once a process."""
    return Kernels(*(make() for make in makers()))


def makers() -> tuple[Callable[[], Callable[..., Any]], ...]:
    """Functions that compile or load one entry point each, in the order of `Kernels`."""
    functions = (rank.rank, count.count, count.count_names, postings.fill_common)
    return tuple(partial(entry_point, function) for function in functions)
