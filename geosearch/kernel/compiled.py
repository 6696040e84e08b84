"""Compiled entry points of the kernel: `search.warm` loads them before the first query."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from geosearch.kernel import count, misses, rank, verdict
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


class NearKernels(NamedTuple):
    """The compiled entry points of near misses and of the verdict on a document."""

    find_misses: Callable[..., int]
    judge: Callable[..., int]
    count_before: Callable[..., int]
    list_fixes: Callable[..., int]


@cache
def near_kernels() -> NearKernels:
    """As `kernels`: what few queries need, so that opening an index does not load it."""
    return NearKernels(*(make() for make in near_makers()))


def near_makers() -> tuple[Callable[[], Callable[..., Any]], ...]:
    """Functions that compile or load one entry point each, in the order of `NearKernels`."""
    functions = (misses.find_misses, verdict.judge, verdict.count_before, misses.list_fixes)
    return tuple(partial(entry_point, function) for function in functions)
