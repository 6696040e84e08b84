"""Count and nearest document of many doc id lists within one circle.

Useful for: exact counts and nearest documents of many ascending lists. One walk of the tree marks
the circle, and all lists use the marks.
Not useful for: the best documents of a query; `geosearch.kernel.rank` walks the tree for those.

A run is the 256 documents below one node of the level above the leaves, in Hilbert order. A
segment without that level has one run of at most sixteen documents. The walk marks each run as
inside, outside or on the edge of the circle. `tally` counts documents of inside runs without a
test, and tests the documents of edge runs.
"""

import math
from typing import NamedTuple

import numpy as np

from indexes.arrays import F64, I32, I64, U8, U32, U64, F64Matrix, I32Matrix, I64Matrix
from indexes.bisection import next_at_least, partition_point
from indexes.geo.hilbert import hilbert_value
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.geo.sphere import (
    Circle,
    box_distance_m,
    box_where,
    fill_points_m,
    fill_reached,
    point_distance_m,
    point_is_within,
)
from indexes.jit import inline_njit, inner_njit, int64, njit

RUN_BITS = 2 * NODE_BITS
"""A run is 256 documents."""

OUTSIDE, EDGE, INSIDE = range(3)

FEW = 256
"""`tally` tests each document of a list up to this length; longer lists are counted by runs."""

_NEIGHBOURS = 8
_LEAVES_PAY = 32
_DEPTH = 10
_STACK = _DEPTH << NODE_BITS


class PointTree(NamedTuple):
    """Positions of d documents, and the packed tree of n nodes over them (`indexes.geo.rtree`)."""

    position: I32Matrix  # [d, 2] x = longitude, y = latitude, in 1e-7 degree
    live: U64  # [ceil(d / 64)] one bit a document
    all_live: bool
    level_start: I64
    node_box: I32Matrix  # [4, n] min_x, min_y, max_x, max_y


class CircleCover(NamedTuple):
    """The runs that a circle touches, with working memory; `new_cover` makes it.

    A span is neighbouring runs of one state, INSIDE or EDGE.
    """

    state: U8  # [runs of the segment] OUTSIDE, EDGE or INSIDE
    span: I64Matrix  # [spans, 2] first run and the run after the last, ascending
    stack: (
        I64Matrix  # [_STACK, 3] level, index, position in a list of documents or value of `within`
    )
    within: I64  # [NODE_SIZE] see `indexes.geo.sphere.fill_reached`
    place: I64  # [NODE_SIZE] see `indexes.geo.sphere.fill_points_m`, as the two below
    offset: F64Matrix  # [2, NODE_SIZE]
    metres: F64  # [NODE_SIZE]
    size: I64  # [3] see below


SPANS, SEED, TESTED = range(3)
"""Fields of `CircleCover.size`: number of spans, -1 before `mark`; a document near the centre;
number of documents tested since `clear`."""


def new_cover(docs: int) -> CircleCover:
    """Working memory for a segment of `docs` documents; one query at a time may use it."""
    runs = (docs >> RUN_BITS) + 1
    return CircleCover(
        np.zeros(runs, np.uint8),
        np.empty((runs, 2), np.int64),
        np.empty((_STACK, 3), np.int64),
        np.empty(NODE_SIZE, np.int64),
        np.empty(NODE_SIZE, np.int64),
        np.zeros((2, NODE_SIZE), np.float64),
        np.empty(NODE_SIZE, np.float64),
        np.array([-1, 0, 0], np.int64),
    )


@inline_njit
def mark(ground: PointTree, circle: Circle, cover: CircleCover) -> None:
    """Mark the runs that the circle touches, unless they are marked."""
    if cover.size[SPANS] < 0:
        _mark(ground, circle, cover)


@njit
def clear(cover: CircleCover) -> None:
    """Clear the marks, so that the next circle can use the memory."""
    for i in range(max(cover.size[SPANS], 0)):
        for run in range(cover.span[i, 0], cover.span[i, 1]):
            cover.state[run] = OUTSIDE
    cover.size[SPANS] = -1
    cover.size[TESTED] = 0


@njit
def tally(
    ground: PointTree, circle: Circle, cover: CircleCover, docs: U32, begin: int, end: int
) -> tuple[int, float, int]:
    """Number of live documents within the circle, metres to the nearest, and its doc id.

    The doc id is any of those at equal distance. An empty circle gives 0, infinity and -1.

    Parameters
    ----------
    docs, begin, end
        The documents `docs[begin:end]`, ascending.

    Notes
    -----
    Costs some ten microseconds for a list of any length: a circle of 500,000 documents has about
    300 spans. If the segment has deleted documents, the count reads the live bit of each inside
    document.
    """
    if end - begin <= FEW:
        return _tally_each(ground, circle, cover, docs, begin, end)
    mark(ground, circle, cover)
    count = _count_spans(ground, circle, cover, docs, begin, end)
    if count == 0:
        return 0, math.inf, -1
    near_m, nearest = _nearest(ground, circle, cover, docs, begin, end)
    return count, near_m, nearest


@njit
def _mark(ground: PointTree, circle: Circle, cover: CircleCover) -> None:
    """Walk the tree depth first, which yields runs in ascending order.

    The walk tests no node below an inside node.
    """
    levels = ground.level_start.shape[0] - 1
    cover.size[SPANS] = 0
    if levels == 0:
        return
    cover.size[SEED] = _seed(ground, circle)
    # A segment of at most sixteen documents has no second level; its leaf is run 0.
    bottom = min(1, levels - 1)
    runs = ground.level_start[bottom + 1] - ground.level_start[bottom]
    depth = _push(ground, circle, cover, 0, levels - 1, 0, 1)
    while depth > 0:
        depth -= 1
        level = cover.stack[depth, 0]
        index = cover.stack[depth, 1]
        inside = cover.stack[depth, 2] > 0
        if inside or level == bottom:
            shift = NODE_BITS * (level - bottom)
            after = min((index + 1) << shift, runs)
            _add_span(cover, index << shift, after, INSIDE if inside else EDGE)
            continue
        children = ground.level_start[level] - ground.level_start[level - 1]
        first = index << NODE_BITS
        end = min(first + NODE_SIZE, children)
        depth = _push(ground, circle, cover, depth, level - 1, first, end)


@inner_njit
def _push(
    ground: PointTree,
    circle: Circle,
    cover: CircleCover,
    depth: int,
    level: int,
    first: int,
    end: int,
) -> int:
    """Push nodes `first` to before `end` that may touch the circle; return the new depth.

    The first node is on top of the stack.
    """
    start = ground.level_start[level]
    fill_reached(ground.node_box, circle, start + first, start + end, cover.within)
    for node in range(end - 1, first - 1, -1):
        within = cover.within[node - first]
        if within >= 0:
            cover.stack[depth, 0] = level
            cover.stack[depth, 1] = node
            cover.stack[depth, 2] = within
            depth += 1
    return depth


@inner_njit
def _add_span(cover: CircleCover, first: int, after: int, state: int) -> None:
    for run in range(first, after):
        cover.state[run] = state
    spans = cover.size[SPANS]
    if spans > 0 and cover.span[spans - 1, 1] == first and cover.state[first - 1] == state:
        cover.span[spans - 1, 1] = after
        return
    cover.span[spans, 0] = first
    cover.span[spans, 1] = after
    cover.size[SPANS] = spans + 1


@njit
def _seed(ground: PointTree, circle: Circle) -> int:
    """First document whose Hilbert value is not below that of the centre of the circle."""
    value = hilbert_value(int64(circle.x), int64(circle.y))
    return partition_point(_is_before, ground.position, 0, ground.position.shape[0], value)


@inner_njit
def _is_before(position: I32, doc: int, value: np.uint64) -> bool:
    """Whether the Hilbert value of a document is below `value`."""
    return bool(hilbert_value(position[doc, 0], position[doc, 1]) < value)


@inner_njit
def _is_live(ground: PointTree, doc: int) -> bool:
    return ground.all_live or bool((ground.live[doc >> 6] >> np.uint64(doc & 63)) & np.uint64(1))


@njit
def _tally_each(
    ground: PointTree, circle: Circle, cover: CircleCover, docs: U32, begin: int, end: int
) -> tuple[int, float, int]:
    """`tally` of a short list, document by document; skips documents of runs marked outside."""
    total = 0
    near_m = math.inf
    nearest = -1
    laid = cover.size[SPANS] >= 0
    # In batches: positions lie far apart in memory, and the processor waits for all at once.
    for first in range(begin, end, NODE_SIZE):
        count = int64(0)
        for i in range(first, min(first + NODE_SIZE, end)):
            doc = int64(docs[i])
            cover.place[count] = doc
            count += int64(not laid or cover.state[doc >> RUN_BITS] != OUTSIDE)
        cover.size[TESTED] += count
        fill_points_m(ground.position, circle, cover.place, count, cover.offset, cover.metres)
        for at in range(count):
            distance_m = cover.metres[at]
            if distance_m > circle.radius_m or not _is_live(ground, cover.place[at]):
                continue
            total += 1
            if distance_m < near_m:
                near_m = distance_m
                nearest = cover.place[at]
    return total, near_m, nearest


@njit
def _count_spans(
    ground: PointTree, circle: Circle, cover: CircleCover, docs: U32, begin: int, end: int
) -> int:
    count = 0
    at = begin
    for i in range(cover.size[SPANS]):
        first = cover.span[i, 0]
        at = next_at_least(docs, at, end, first << RUN_BITS)
        if at == end:
            break
        if cover.state[first] == INSIDE:
            stop = next_at_least(docs, at, end, cover.span[i, 1] << RUN_BITS)
            count += _count_live(ground, cover, docs, at, stop)
            at = stop
            continue
        for run in range(first, cover.span[i, 1]):
            stop = next_at_least(docs, at, end, (run + 1) << RUN_BITS)
            if stop - at > _LEAVES_PAY:
                count += _count_leaves(ground, circle, cover, docs, at, stop)
            else:
                count += _count_within(ground, circle, cover, docs, at, stop)
            at = stop
    return count


@inner_njit
def _count_live(ground: PointTree, cover: CircleCover, docs: U32, begin: int, end: int) -> int:
    """Number of live documents in a part of a list that lies inside the circle."""
    if ground.all_live:
        return end - begin
    count = 0
    for at in range(begin, end):
        cover.size[TESTED] += 1
        if _is_live(ground, int64(docs[at])):
            count += 1
    return count


@inner_njit
def _count_within(
    ground: PointTree, circle: Circle, cover: CircleCover, docs: U32, begin: int, end: int
) -> int:
    count = 0
    for at in range(begin, end):
        doc = int64(docs[at])
        cover.size[TESTED] += 1
        if _is_live(ground, doc) and point_is_within(ground.position, circle, doc):
            count += 1
    return count


@inner_njit
def _count_leaves(
    ground: PointTree, circle: Circle, cover: CircleCover, docs: U32, begin: int, end: int
) -> int:
    """`_count_within` by leaves; tests only documents of leaves on the edge."""
    count = 0
    at = begin
    while at < end:
        leaf = int64(docs[at]) >> NODE_BITS
        stop = next_at_least(docs, at, end, (leaf + 1) << NODE_BITS)
        where = box_where(ground.node_box, circle, leaf)
        if where > 0:
            count += _count_live(ground, cover, docs, at, stop)
        elif where == 0:
            count += _count_within(ground, circle, cover, docs, at, stop)
        at = stop
    return count


@njit
def _nearest(
    ground: PointTree, circle: Circle, cover: CircleCover, docs: U32, begin: int, end: int
) -> tuple[float, int]:
    """Metres to the nearest live document within the circle, and its doc id.

    The documents beside the centre in Hilbert order give a first bound. The walk of the tree then
    opens only boxes that are nearer.
    """
    near_m = math.inf
    nearest = -1
    seed = next_at_least(docs, begin, end, cover.size[SEED])
    for at in range(max(seed - _NEIGHBOURS, begin), min(seed + _NEIGHBOURS, end)):
        near_m, nearest = _nearer(ground, circle, cover, int64(docs[at]), near_m, nearest)
    cover.stack[0, 0] = ground.level_start.shape[0] - 2
    cover.stack[0, 1] = 0
    cover.stack[0, 2] = begin
    depth = 1
    while depth > 0:
        depth -= 1
        level = cover.stack[depth, 0]
        index = cover.stack[depth, 1]
        at = cover.stack[depth, 2]
        # No document below is nearer than its box. The bound may have shrunk since the push.
        if box_distance_m(ground.node_box, circle, ground.level_start[level] + index) >= near_m:
            continue
        if level == 0:
            while at < end and docs[at] < (index + 1) << NODE_BITS:
                near_m, nearest = _nearer(ground, circle, cover, int64(docs[at]), near_m, nearest)
                at += 1
            continue
        children = ground.level_start[level] - ground.level_start[level - 1]
        first = index << NODE_BITS
        shift = NODE_BITS * level
        for child in range(first, min(first + NODE_SIZE, children)):
            box_m = box_distance_m(ground.node_box, circle, ground.level_start[level - 1] + child)
            if box_m >= near_m or box_m > circle.radius_m:
                continue
            at = next_at_least(docs, at, end, child << shift)
            if at < end and docs[at] < (child + 1) << shift:
                cover.stack[depth, 0] = level - 1
                cover.stack[depth, 1] = child
                cover.stack[depth, 2] = at
                depth += 1
    return near_m, nearest


@inner_njit
def _nearer(
    ground: PointTree, circle: Circle, cover: CircleCover, doc: int, near_m: float, nearest: int
) -> tuple[float, int]:
    """Metres and doc id of the nearer of `doc` and the nearest so far."""
    cover.size[TESTED] += 1
    distance_m = point_distance_m(ground.position, circle, doc)
    if distance_m < near_m and distance_m <= circle.radius_m and _is_live(ground, doc):
        return distance_m, doc
    return near_m, nearest
