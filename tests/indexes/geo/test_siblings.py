"""The queue of siblings against `heapq`."""

import heapq
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indexes.geo.rtree import NODE_SIZE
from indexes.geo.siblings import (
    CHILD_MASK,
    NO_KEY,
    Siblings,
    add_row,
    drop_child,
    drop_first,
    fill_row,
    first_key,
    is_queued,
    limit_of,
    parent_of_first,
)

ROWS = 40
# Few values, so that keys tie; a number and its neighbours, which a key does not tell apart.
DISTANCE = st.sampled_from([0.0, 5e-324, 1e-9, 1.0, math.nextafter(1.0, 2.0), 2.5, 7e6, math.inf])
ALL = 2**NODE_SIZE - 1
ROW = st.tuples(
    # Most nodes are full.
    st.one_of(
        st.lists(DISTANCE, min_size=NODE_SIZE, max_size=NODE_SIZE),
        st.lists(DISTANCE, min_size=1, max_size=NODE_SIZE),
    ),
    st.one_of(st.just(ALL), st.integers(0, ALL)),
    st.sampled_from([0.0, 1.0, 2.5, math.inf]),
    st.sets(st.integers(0, NODE_SIZE - 1), max_size=2),
)


def empty_queue() -> Siblings:
    return Siblings(
        np.full((ROWS, NODE_SIZE), -1), np.full(ROWS, -1), np.full((ROWS, 2), -1, np.int64)
    )


def key(distance: float, child: int) -> int:
    return int(np.float64(distance).view(np.int64)) // NODE_SIZE * NODE_SIZE + child


@given(st.lists(st.one_of(st.none(), ROW), max_size=ROWS))
def test_children_leave_in_order_of_distance(
    steps: list[tuple[list[float], int, float, set[int]] | None],
) -> None:
    queue, size = empty_queue(), 0
    twin: list[tuple[int, int]] = []
    for row, step in enumerate([*steps, *[None] * (NODE_SIZE * len(steps))]):
        if step is not None:
            distances, bits, limit_at, dropped = step
            padded = np.array([*distances, *[0.0] * (NODE_SIZE - len(distances))])
            limit = limit_of(limit_at)
            fill_row(queue, row, padded, len(distances), bits, limit)
            for child in dropped:
                drop_child(queue, row, child)
            queued = [
                child
                for child, distance in enumerate(distances)
                if bits >> child & 1 and key(distance, child) <= key(limit_at, NODE_SIZE - 1)
                if child not in dropped
            ]
            assert [is_queued(queue, row, child) for child in range(NODE_SIZE)] == [
                child in queued for child in range(NODE_SIZE)
            ]
            size = add_row(queue, size, row, 1000 + row)
            for child in queued:
                heapq.heappush(twin, (key(distances[child], child), 1000 + row))
        elif twin:
            assert size > 0
            # Of rows with the same key either may be first.
            found = first_key(queue), parent_of_first(queue)
            assert found[0] == twin[0][0]
            assert found[0] & CHILD_MASK < NODE_SIZE
            twin.remove(found)
            heapq.heapify(twin)
            size = drop_first(queue, size)
        assert (size == 0) == (not twin)
    assert size == 0


@given(DISTANCE, DISTANCE, st.integers(0, NODE_SIZE - 1))
def test_a_key_is_a_lower_bound_and_nearly_the_distance(
    distance: float, other: float, child: int
) -> None:
    found = key(distance, child)
    assert found <= limit_of(distance) < NO_KEY
    if distance < other * (1.0 - 1e-14) and 1e-300 < other < math.inf:
        assert limit_of(distance) < key(other, 0)
