"""A queue of nodes by distance, in which the children of a node stay together.

Useful for: a best-first search by distance alone (`geosearch.kernel.rank`), which sees many nodes
and opens few of them. Children stand in a row of keys; the least of a row is found by comparing all
of them at once, without a branch, and only the least of each row is in a heap. So a child that is
never opened is never moved, and nothing else of it is read.
Not useful for: orders by more than one number; `geosearch.kernel.top_k` has a heap for them.

A key is one integer: the bits of a distance, which are ordered like the number itself where it is
not negative, with the number of the child in the last ones. That makes a distance smaller by less
than 4e-15 of it, so a lower bound stays one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.geo.rtree import NODE_SIZE
from indexes.jit import inline_njit, int64, uint64

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

CHILD_MASK = NODE_SIZE - 1
NO_KEY = (1 << 63) - 1
"""Key of a child that is not in the queue."""


class Siblings(NamedTuple):
    """The queue: room for r rows, of which each node that is opened takes one."""

    key: I64  # [r, NODE_SIZE] of each child; NO_KEY where it is not or no longer queued
    parent: I64  # [r] what the caller knows the node by
    front: I64  # [r, 2] heap of rows: their least key, their number


@inline_njit
def limit_of(distance: float) -> int:
    """The greatest key of a distance: what comes after it is farther."""
    return int64(np.float64(distance).view(np.int64)) | CHILD_MASK


@inline_njit
def fill_row(queue: Siblings, row: int, distance: F64, count: int, bits: int, limit: int) -> None:
    """Note the keys of a node's children in a new row.

    Parameters
    ----------
    distance
        float64[NODE_SIZE], not negative; the first `count` are those of the children.
    bits
        Which of them may be queued.
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
    """Take a child out of a row that has not been added yet."""
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
    """Queue the children noted in a row; return the number of rows on the heap, `size` so far."""
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
    """Parent of the child with that key."""
    return int64(queue.parent[queue.front[0, 1]])


@inline_njit
def drop_first(queue: Siblings, size: int) -> int:
    """Take the first child off the queue; return the number of rows that are left on the heap."""
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
