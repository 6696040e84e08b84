"""Priority queue of tree nodes by distance, with one heap entry for all children of a node.

Useful for: best-first search by distance alone (`geosearch.kernel.rank`).
Not useful for: orders by more than one number; `geosearch.kernel.top_k` has a heap for them.

The search pushes many nodes and pops few. The keys of a node's children form one row, and the heap
holds the least key of each row. A branchless loop over the row finds that key. So a child that is
never popped is never moved.

A key is one integer: the bits of a float64 distance, with the child number in the lowest four.
The bits of non-negative floats ascend like the floats. Clearing the lowest four lowers a distance
by less than 4e-15 of it, so a lower bound stays one.
"""

from typing import NamedTuple

import numpy as np

from indexes.arrays import F64, I64, I64Matrix
from indexes.geo.rtree import NODE_SIZE
from indexes.jit import inline_njit, int64, uint64

CHILD_MASK = NODE_SIZE - 1
NO_KEY = (1 << 63) - 1
"""Key of a child that is not in the queue."""


class Siblings(NamedTuple):
    """The queue; each opened node takes one of its r rows."""

    key: I64Matrix  # [r, NODE_SIZE] key of each child; NO_KEY if it is not queued
    parent: I64  # [r] the caller's number of the node
    front: I64Matrix  # [r, 2] heap of rows: least key, row number


@inline_njit
def limit_of(distance: float) -> int:
    """The greatest key of a distance; a greater key belongs to a greater distance."""
    return int64(np.float64(distance).view(np.int64)) | CHILD_MASK


@inline_njit
def fill_row(queue: Siblings, row: int, distance: F64, count: int, bits: int, limit: int) -> None:
    """Fill a new row with the keys of a node's children.

    Parameters
    ----------
    distance
        float64[NODE_SIZE], not negative; the children have the first `count`.
    bits
        Bit `i` is set if child `i` may be queued.
    limit
        Greatest key (`limit_of`) to queue.
    """
    for child in range(uint64(NODE_SIZE)):
        number = int64(child)
        key = (int64(np.float64(distance[child]).view(np.int64)) & ~CHILD_MASK) | number
        queued = (number < count) & (key <= limit) & ((bits >> number) & 1 == 1)
        queue.key[row, child] = key if queued else int64(NO_KEY)


@inline_njit
def is_queued(queue: Siblings, row: int, child: int) -> bool:
    """Whether a child is in the queue."""
    return bool(queue.key[row, child] != NO_KEY)


@inline_njit
def drop_child(queue: Siblings, row: int, child: int) -> None:
    """Remove a child from a row that `add_row` has not queued yet."""
    queue.key[row, child] = NO_KEY


@inline_njit
def _least(queue: Siblings, row: int) -> int:
    """Least key of a row."""
    least = int64(NO_KEY)
    for child in range(uint64(NODE_SIZE)):
        least = min(least, int64(queue.key[row, child]))
    return least


@inline_njit
def add_row(queue: Siblings, size: int, row: int, parent: int) -> int:
    """Queue a filled row on a heap of `size` rows; return the new number of rows."""
    least = _least(queue, row)
    if least == NO_KEY:
        return size
    queue.parent[row] = parent
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if queue.front[above, 0] <= least:
            break
        queue.front[at, 0] = queue.front[above, 0]
        queue.front[at, 1] = queue.front[above, 1]
        at = above
    queue.front[at, 0] = least
    queue.front[at, 1] = row
    return size + 1


@inline_njit
def first_key(queue: Siblings) -> int:
    """Least key of a queue that is not empty."""
    return int64(queue.front[0, 0])


@inline_njit
def parent_of_first(queue: Siblings) -> int:
    """Parent of the child with the least key."""
    return int64(queue.parent[queue.front[0, 1]])


@inline_njit
def drop_first(queue: Siblings, size: int) -> int:
    """Pop the child with the least key; return the number of rows left on the heap."""
    row = int64(queue.front[0, 1])
    queue.key[row, first_key(queue) & CHILD_MASK] = NO_KEY
    least = _least(queue, row)
    if least == NO_KEY:
        size -= 1
        least, row = int64(queue.front[size, 0]), int64(queue.front[size, 1])
    at = 0
    below = 1
    while below < size:
        other = min(below + 1, size - 1)
        below += int64(queue.front[other, 0] < queue.front[below, 0])
        if queue.front[below, 0] >= least:
            break
        queue.front[at, 0] = queue.front[below, 0]
        queue.front[at, 1] = queue.front[below, 1]
        at = below
        below = 2 * at + 1
    queue.front[at, 0] = least
    queue.front[at, 1] = row
    return size
