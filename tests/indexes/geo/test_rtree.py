"""Summaries of nodes against a slow loop, for sizes around every power of the node size."""

import operator
from collections.abc import Callable
from functools import reduce

import numpy as np
import pytest
from numpy.typing import NDArray

from indexes.geo.rtree import NODE_BITS, NODE_SIZE, level_starts, summarise, summarise_leaves

SIZES = [0, 1, 2]
SIZES += [NODE_SIZE**power + off for power in (1, 2, 3) for off in (-1, 0, 1)]
SIZES += [3 * NODE_SIZE - 1, 3 * NODE_SIZE, 3 * NODE_SIZE + 1, 1000]
Fold = Callable[[int, int], int]
COMBINE: list[tuple[np.ufunc, Fold]] = [
    (np.minimum, min),
    (np.maximum, max),
    (np.bitwise_or, operator.or_),
]


def documents(level: int, index: int, count: int) -> range:
    """Documents below a node, from its number alone, as the module says."""
    first = index << (NODE_BITS * (level + 1))
    return range(first, min(count, (index + 1) << (NODE_BITS * (level + 1))))


def nodes(count: int) -> list[tuple[int, int]]:
    """Level and index of each node in the order of a column, found by halving by hand."""
    found, level, size = [], 0, count
    while size > 0:
        size = -(-size // NODE_SIZE)
        found += [(level, index) for index in range(size)]
        if size == 1:
            break
        level += 1
    return found


@pytest.mark.parametrize("count", SIZES)
def test_starts_of_the_levels(count: int) -> None:
    starts = level_starts(count)
    levels = [level for level, _ in nodes(count)]
    assert starts.dtype == np.int64
    assert starts.tolist() == [
        *(levels.index(level) for level in sorted(set(levels))),
        len(levels),
    ]
    if count:
        assert starts[-1] - starts[-2] == 1, "one root"


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize(("combine", "fold"), COMBINE, ids=str)
def test_a_node_sums_up_its_documents(count: int, combine: np.ufunc, fold: Fold) -> None:
    values = np.random.default_rng(count).integers(0, 2**40, count)
    found = summarise(values, combine)
    assert found.dtype == values.dtype
    expected = [
        reduce(fold, [int(values[doc]) for doc in documents(level, index, count)])
        for level, index in nodes(count)
    ]
    assert found.tolist() == expected
    assert len(found) == level_starts(count)[-1]


@pytest.mark.parametrize("count", SIZES)
def test_every_document_is_below_one_node_of_each_level(count: int) -> None:
    for level in {level for level, _ in nodes(count)}:
        below = [doc for one, i in nodes(count) if one == level for doc in documents(one, i, count)]
        assert below == list(range(count))


@pytest.mark.parametrize("count", [1, NODE_SIZE, NODE_SIZE + 1, 1000])
def test_rows_are_summed_up_one_by_one(count: int) -> None:
    rows: NDArray[np.float32] = np.random.default_rng(1).random((3, 2, count), np.float32)
    found = summarise(rows, np.maximum)
    assert found.shape == (3, 2, level_starts(count)[-1])
    assert found.dtype == np.float32
    for row in np.ndindex(3, 2):
        assert found[row].tolist() == summarise(rows[row], np.maximum).tolist()


@pytest.mark.parametrize("count", SIZES)
def test_leaves_lead_to_the_same_nodes(count: int) -> None:
    values = np.random.default_rng(count).integers(-(2**31), 2**31, count, np.int32)
    all_nodes = summarise(values, np.minimum)
    leaves = all_nodes[: -(-count // NODE_SIZE)]
    assert summarise_leaves(leaves, np.minimum).tolist() == all_nodes.tolist()


def test_a_node_that_forgets_a_document_is_noticed() -> None:
    """The comparison can fail: move the lowest value by one document across a leaf's border."""
    values = np.arange(100)[::-1].copy()
    before = summarise(values, np.minimum)
    values[[NODE_SIZE - 1, NODE_SIZE]] = values[[NODE_SIZE, NODE_SIZE - 1]]
    assert summarise(values, np.minimum).tolist() != before.tolist()
