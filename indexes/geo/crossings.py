"""Limits on how often the edges of a polygon meet, checked before shapely validates it.

Repair cuts every edge where another one crosses it. So 42 kB of corners can cause millions of cuts,
which take seconds and gigabytes. `polygon` repairs what passes.
"""

import numpy as np
from numpy.typing import NDArray

from indexes.jit import njit

OVERLAPS = (10_000, 100)
"""Most pairs of edges whose boxes overlap: a base, and an amount per edge.

shapely compares each pair when it validates, in 70 ns. An edge of an ordinary polygon overlaps its
two neighbours and few others."""

FEW_EDGES = 250
"""A polygon of at most this many edges needs no check of `OVERLAPS`."""

TOUCHES = (2_000, 8)
"""Most pairs of edges that touch or lie on each other: a base, and an amount per edge. A repair
takes a microsecond per pair. Tiles side by side have 7 pairs per edge."""

CROSSINGS = (200, 0.1)
"""Most pairs of edges that cross: a base, and an amount per edge. A repair takes about 25 us per
pair."""

LOOKS = (1_000_000_000, 0)
"""Most pairs of edges with a latitude in common; counting them takes about a second."""

_LOOKS, _OVERLAPS, _TOUCHES, _CROSSINGS = range(4)
_LIMITS = (LOOKS, OVERLAPS, TOUCHES, CROSSINGS)
_REASONS = ("latitudes in common", "overlapping boxes", "a common point", "a crossing")


class TooTangled(ValueError):
    """A polygon has more pairs of meeting edges than the limits allow."""


def check_crossings(edges: NDArray[np.float64]) -> None:
    """Refuse edges that meet too often to validate or repair quickly.

    Parameters
    ----------
    edges
        As `polygon.PreparedPolygon.edges`. Rings may cross themselves and one another.

    Raises
    ------
    TooTangled
        If a number of pairs exceeds its limit above. Limits grow with the number of edges, and so
        does the allowed cost.

    Notes
    -----
    Edges are sorted by their lower end, so the edges that share a latitude with one follow it. The
    count stops at the first edge that exceeds a limit. 10,000 edges have at most 50 million pairs,
    which take 0.1 s.
    """
    limits = np.array([base + an_edge * len(edges) for base, an_edge in _LIMITS], np.int64)
    counts = np.zeros(len(limits), np.int64)
    passed = _count(edges, limits, counts)
    if passed >= 0:
        raise TooTangled(
            f"Expected at most {limits[passed]} pairs of {len(edges)} edges with "
            f"{_REASONS[passed]}, got {counts[passed]} or more"
        )


@njit
def _count(edges: NDArray[np.float64], limits: NDArray[np.int64], counts: NDArray[np.int64]) -> int:
    """Count pairs of edges in `counts`; return the number of the first limit passed, else -1."""
    total = edges.shape[0]
    for i in range(total):
        x0, y0, x1, y1 = edges[i, 0], edges[i, 1], edges[i, 2], edges[i, 3]
        low_x, high_x = min(x0, x1), max(x0, x1)
        for j in range(i + 1, total):
            v0 = edges[j, 1]
            if v0 > y1:
                break
            counts[_LOOKS] += 1
            u0, u1, v1 = edges[j, 0], edges[j, 2], edges[j, 3]
            if max(u0, u1) < low_x or min(u0, u1) > high_x:
                continue
            counts[_OVERLAPS] += 1
            # The sign says on which side of an edge an end of the other lies. Rounding near zero
            # may confuse a touch with a crossing; the limits need no exact counts.
            a = (x1 - x0) * (v0 - y0) - (y1 - y0) * (u0 - x0)
            b = (x1 - x0) * (v1 - y0) - (y1 - y0) * (u1 - x0)
            c = (u1 - u0) * (y0 - v0) - (v1 - v0) * (x0 - u0)
            d = (u1 - u0) * (y1 - v0) - (v1 - v0) * (x1 - u0)
            if (a > 0.0 and b > 0.0) or (a < 0.0 and b < 0.0):
                continue
            if (c > 0.0 and d > 0.0) or (c < 0.0 and d < 0.0):
                continue
            if a == 0.0 or b == 0.0 or c == 0.0 or d == 0.0:
                counts[_TOUCHES] += 1
            else:
                counts[_CROSSINGS] += 1
        for limit in range(counts.shape[0]):
            if counts[limit] > limits[limit]:
                return limit
    return -1


def warm() -> None:
    """Compile the kernel for the first polygon of a query."""
    check_crossings(np.zeros((0, 5)))
