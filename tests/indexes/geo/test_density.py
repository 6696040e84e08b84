"""Counts by cell against a loop over all documents, with borders on documents and on the grid."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from indexes.geo.density import density, grid_over
from indexes.geo.rtree import level_starts, summarise

Box = tuple[float, float, float, float]

CITY, SEAM, WORLD = (121.0, 31.0, 121.5, 31.25), (179.5, -17.0, -179.5, -16.0), (-180, -90, 180, 90)
BOXES: dict[str, Box] = {
    "city": CITY,
    "a corner of it": (121.25, 31.0, 121.375, 31.125),
    "nowhere": (10.0, 10.0, 11.0, 11.0),
    "antimeridian": SEAM,
    "world": WORLD,
    "all but a strip": (-179.75, -90.0, 179.75, 90.0),
    "a line": (121.25, 31.0, 121.25, 31.25),
    "a point": (121.25, 31.125, 121.25, 31.125),
}


def places(size: int, seed: int) -> NDArray[np.int32]:
    """Positions in the city and around the antimeridian, many of them on borders of cells."""
    rng = np.random.default_rng(seed)
    lng = rng.choice(np.arange(121.0, 121.5001, 1 / 64), size)
    lat = rng.choice(np.arange(31.0, 31.2501, 1 / 64), size)
    loose = rng.random(size) < 0.3
    lng[loose], lat[loose] = 121 + 0.5 * rng.random(loose.sum()), 31 + rng.random(loose.sum()) / 4
    far = rng.random(size) < 0.3
    lng[far] = rng.choice([179.5, 179.75, 179.9, 180.0, -180.0, -179.75, -179.5], far.sum())
    lat[far] = rng.choice([-17.0, -16.5, -16.25, -16.0], far.sum())
    # By degrees, as Hilbert order would: neighbours share a leaf.
    order = np.lexsort((lat, np.round(lng, 1)))
    return np.rint(np.column_stack((lng, lat))[order] * 1e7).astype(np.int32)


def counted(position: NDArray[np.int32], live: list[bool], box: Box, cells: int) -> Counter[object]:
    """Number of live documents by row and column, one by one, from the words of the reference."""
    west, south, east, north = box
    east += 360.0 if west > east else 0.0
    borders_x = [west + (east - west) * k / cells for k in range(cells)]
    borders_y = [south + (north - south) * k / cells for k in range(cells)]
    found: Counter[object] = Counter()
    for (x, y), is_live in zip(position.tolist(), live, strict=True):
        lng, lat = x / 1e7, y / 1e7
        if east > 180.0 and lng < west:
            lng += 360.0
        if is_live and west <= lng <= east and south <= lat <= north:
            row = sum(border <= lat for border in borders_y) - 1
            found[row, sum(border <= lng for border in borders_x) - 1] += 1
    return found


def in_tree(position: NDArray[np.int32], live: list[bool], box: Box, cells: int) -> Counter[object]:
    low, high = (summarise(position.T.copy(), how) for how in (np.minimum, np.maximum))
    bits = np.zeros((len(position) + 63) // 64 * 64, np.uint8)
    bits[: len(live)] = live
    counts = density(
        position,
        np.packbits(bits, bitorder="little").view(np.uint64),
        np.concatenate((low, high)),
        level_starts(len(position)),
        grid_over(box, cells),
    )
    assert counts.shape == (cells, cells)
    return Counter({place: count for place, count in np.ndenumerate(counts) if count})


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_cells_hold_what_a_loop_counts(box: Box) -> None:
    compared = 0
    for size in (0, 1, 16, 17, 64, 257, 4_500):
        position = places(size, seed=size)
        live = (np.random.default_rng(size).random(size) < 0.9).tolist()
        for cells in (1, 2, 7, 32):
            expected = counted(position, live, box, cells)
            assert in_tree(position, live, box, cells) == expected, (size, cells)
            compared += expected.total()
    assert compared > 100 or box in (BOXES["nowhere"], BOXES["a point"], BOXES["a line"])


def test_a_border_belongs_to_the_cell_north_and_east_of_it() -> None:
    position = np.array([[1, 1], [2, 1], [2, 2], [3, 3], [4, 4]], np.int32) * 10_000_000
    found = in_tree(position, [True] * 5, (0.0, 0.0, 4.0, 4.0), 2)
    assert found == {(0, 0): 1, (0, 1): 1, (1, 1): 3}


def test_whole_nodes_are_counted_without_their_documents() -> None:
    """Documents are read only where a leaf straddles a border: none here."""
    position = np.zeros((4_096, 2), np.int32)
    unread = np.full((4_096, 2), 2**31 - 1, np.int32)
    box = np.concatenate((summarise(position.T.copy(), np.minimum),) * 2)
    live = np.full(64, 2**64 - 1, np.uint64)
    starts = level_starts(4_096)
    counts = density(unread, live, box, starts, grid_over((-1.0, -1.0, 1.0, 1.0), 2))
    assert counts.tolist() == [[0, 0], [0, 4_096]]
