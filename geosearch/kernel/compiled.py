"""Compiled entry points of the kernel: `search.warm` loads them before the first query."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from geosearch.kernel import count, rank
from geosearch.kernel.criteria import (
    Area,
    Bill,
    Criteria,
    Drivers,
    Filter,
    Hours,
    KindFilter,
    Paging,
    Wallet,
    Words,
)
from geosearch.kernel.scratch import new_scratch
from geosearch.segment.columns import Columns, column_types
from indexes.geo.sphere import Place
from indexes.jit import entry_point
from indexes.prepared import Prepared
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
    columns, criteria, scratch = (
        Prepared(empty_columns()),
        example_criteria(),
        Prepared(new_scratch(1)),
    )
    place = Place(0.0, 0.0, 0.0, 0.0, 0.0)
    none, keys = np.zeros(0, np.int64), np.zeros((1, 2))
    words, level_start = criteria.words, columns.value.level_start
    tally = count.Tally(none, none, none, none, none)
    return (
        _maker(rank.rank, columns, criteria, place, scratch, none, keys),
        _maker(count.count, columns, criteria, place, scratch, tally),
        _maker(count.count_names, none, count.Naming(none, none), none, none),
        _maker(postings.fill_common, words.docs, words.span, level_start, words.below, none),
    )


def _maker(function: Any, *arguments: Any) -> Callable[[], Callable[..., Any]]:
    return partial(entry_point, function, arguments)


def empty_columns() -> Columns:
    """Columns with the types of a segment's, read-only like those of an opened one."""
    columns: dict[str, Any] = {}
    for name, (dtype, dimensions) in column_types().items():
        columns[name] = np.zeros((1,) * dimensions, dtype)
        columns[name].flags.writeable = False
    return Columns(**columns)


def example_criteria() -> Criteria:
    """A `Criteria` for its types alone; the compiler reads none of its values."""
    docs, flags, bits = np.zeros(1, np.uint32), np.zeros(1, np.uint8), np.zeros(1, np.uint64)
    spans, weights, below = np.zeros((1, 2), np.int64), np.zeros(1), np.zeros(1, np.uint16)
    return Criteria(
        Hours(0, 0, 0, 0, 0),
        Wallet(0, bits, bits, flags, np.zeros(1, np.int64)),
        Bill(False, 0, 0),
        KindFilter(np.zeros(2, np.uint64), flags, 0),
        Area(False, 0, 0, 0, 0, np.zeros((1, 5)), 0, 0, 0, 0, 0),
        Drivers(False, docs, False, docs, 0),
        Words(docs, flags, flags, spans, weights, 0, 0, 0.0, below),
        Paging(0, 0.0, 0, False, 0.0, 0.0, 0),
        flags,
        Filter(docs, np.zeros(1)),
    )
