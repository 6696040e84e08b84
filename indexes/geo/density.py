"""Number of documents in each cell of a grid over a box, from the nodes of a packed R-tree.

Useful for: a picture of where documents are, at any zoom.
Not useful for: counting matches of a query; `geosearch.kernel.count` does.

A node whose box lies in one cell adds the number of its live documents at once. Only nodes that
straddle a border are opened, so the work follows the number of cells, not of documents.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.geo.rtree import NODE_BITS
from indexes.geo.sphere import UNITS_PER_DEGREE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class CellGrid(NamedTuple):
    """A grid by the borders of its columns and rows, degrees, both ascending.

    A cell holds its west and south border; the last column and row hold both.  The borders of a
    grid across the antimeridian go on beyond 180.
    """

    lngs: Floats
    lats: Floats


def grid_over(box: tuple[float, float, float, float], cells: int) -> CellGrid:
    """Return a grid of `cells` x `cells` over a box: min_lng, min_lat, max_lng, max_lat in degrees.

    Border `k` is at `low + (high - low) * k / cells`. A box with min_lng > max_lng crosses the
    antimeridian.

    Examples
    --------
    >>> grid_over((170.0, 0.0, -170.0, 10.0), 2).lngs.tolist()
    [170.0, 180.0, 190.0]
    """
    west, south, east, north = box
    if west > east:
        east += 360.0
    steps = np.arange(cells + 1)
    lngs, lats = west + (east - west) * steps / cells, south + (north - south) * steps / cells
    # Rounding must not move the border of the box.
    lngs[-1], lats[-1] = east, north
    return CellGrid(lngs, lats)


def density(
    position: NDArray[np.int32],
    live: NDArray[np.uint64],
    node_box: NDArray[np.int32],
    level_start: NDArray[np.int64],
    grid: CellGrid,
) -> Ints:
    """Return the exact number of live documents in each cell.

    Parameters
    ----------
    position
        int32[docs, 2]: x, y in 1e-7 degree, in the order of the tree.
    live
        uint64[ceil(docs / 64)], one bit a document.
    node_box
        int32[4, nodes]: min_x, min_y, max_x, max_y.
    level_start
        Column offset of each level; see `rtree.level_starts`.
    grid
        The cells.

    Returns
    -------
    array
        int64[rows, columns], the southernmost row first, each from west to east.

    Notes
    -----
    The number of a column grows with the longitude. So where both ends of a node's box are in one
    column, every document of the node is. A node that crosses the west border of a grid across the
    antimeridian has its west end behind its east end; it is opened.
    """
    docs, levels = len(position), len(level_start) - 1
    counts = np.zeros((len(grid.lats) - 1, len(grid.lngs) - 1), np.int64)
    before = _LiveBefore(live)
    nodes = np.zeros(min(levels, 1), np.int64)
    for level in range(levels - 1, -1, -1):
        box = node_box[:, level_start[level] + nodes]
        west, south = _cells_of(box[0], box[1], grid)
        east, north = _cells_of(box[2], box[3], grid)
        inside = (west >= 0) & (east < counts.shape[1]) & (south >= 0) & (north < counts.shape[0])
        in_one = inside & (west == east) & (south == north)
        shift = NODE_BITS * (level + 1)
        first = nodes[in_one] << shift
        end = np.minimum(first + (1 << shift), docs)
        np.add.at(counts, (south[in_one], west[in_one]), before(end) - before(first))
        apart = (north < 0) | (south >= counts.shape[0])
        apart |= (west <= east) & ((east < 0) | (west >= counts.shape[1]))
        size = docs if level == 0 else level_start[level] - level_start[level - 1]
        nodes = _children(nodes[~(in_one | apart)], size)
    # What is left are documents of the leaves that straddle a border.
    x, y = position[nodes, 0], position[nodes, 1]
    column, row = _cells_of(x, y, grid)
    kept = (column >= 0) & (column < counts.shape[1]) & (row >= 0) & (row < counts.shape[0])
    kept &= before(nodes + 1) > before(nodes)
    np.add.at(counts, (row[kept], column[kept]), 1)
    return counts


class _LiveBefore:
    """Number of live documents before a document."""

    def __init__(self, live: NDArray[np.uint64]) -> None:
        self._words = np.append(live, np.uint64(0))
        self._sums = np.concatenate(([0], np.cumsum(np.bitwise_count(live), dtype=np.int64)))

    def __call__(self, docs: Ints) -> Ints:
        word, bit = docs >> 6, (docs & 63).astype(np.uint64)
        lower = self._words[word] & ((np.uint64(1) << bit) - np.uint64(1))
        found: Ints = self._sums[word] + np.bitwise_count(lower)
        return found


def _children(nodes: Ints, size: Any) -> Ints:
    """Return the children of some nodes in a level, or documents, of which there are `size`."""
    children = ((nodes[:, None] << NODE_BITS) + np.arange(1 << NODE_BITS)).ravel()
    found: Ints = children[children < size]
    return found


def _cells_of(x: NDArray[np.int32], y: NDArray[np.int32], grid: CellGrid) -> tuple[Ints, Ints]:
    """Return column and row of positions: -1 before the grid, their number beyond it."""
    lng, lat = x / UNITS_PER_DEGREE, y / UNITS_PER_DEGREE
    if grid.lngs[-1] > 180.0:
        lng = np.where(lng < grid.lngs[0], lng + 360.0, lng)
    return _places(grid.lngs, lng), _places(grid.lats, lat)


def _places(borders: Floats, values: Floats) -> Ints:
    places = np.searchsorted(borders, values, side="right") - 1
    places[values == borders[-1]] = len(borders) - 2
    found: Ints = places
    return found
