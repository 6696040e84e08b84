"""Territories: which of some areas holds a position, by one exact rule.

Useful for: areas that tile the Earth, where each position must have exactly one owner, also on a
border; and for other programs that decide alike.
Not useful for: distances, datums, or matching documents (`zones`, `polygon`).

The rule, in doubles and in exactly these steps:

1. A longitude of 180 or more becomes -180, and a latitude of 90 or more the greatest double below
   90. So the antimeridian and the pole belong to somebody.
2. An edge from (x1, y1) to (x2, y2), where y1 <= y2, crosses the ray from a position to the east
   if y1 <= lat < y2 and lng < x1 + (lat - y1) * (x2 - x1) / (y2 - y1).
3. An area holds a position if an odd number of its edges cross the ray; those of holes count too.
4. The first area that holds a position owns it.

A rectangle is then half-open: it holds its west and south side. Two polygons with a common edge
compute the same number for it, because the lower end comes first in both. So neither both nor none
holds a position on the edge.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from indexes.arrays import F64, I64

LAST_LAT = float(np.nextafter(90.0, 0.0))
"""The greatest latitude below 90 degrees."""

NOBODY = -1


class Territories:
    """Areas in the order in which they own positions.

    Parameters
    ----------
    areas
        Polygons and MultiPolygons in degrees, x = longitude.

    Examples
    --------
    >>> halves = Territories([shapely.box(-180, -90, 0, 90), shapely.box(0, -90, 180, 90)])
    >>> halves.owner(10.0, 0.0), halves.owner(90.0, -1.0), halves.owner(0.0, 180.0)
    (1, 0, 0)
    """

    def __init__(self, areas: Sequence[Any]) -> None:
        self.areas = tuple(areas)
        """The areas."""
        self._edges = [edges_of_area(area) for area in areas]
        self._rows = [edges.tolist() for edges in self._edges]

    def owner(self, lat: float, lng: float) -> int:
        """Number of the area that owns a position in degrees; `NOBODY` if none does."""
        lat, lng = min(lat, LAST_LAT), -180.0 if lng >= 180.0 else lng
        for number, edges in enumerate(self._rows):
            odd = False
            for x1, y1, x2, y2 in edges:
                if y1 <= lat < y2 and lng < x1 + (lat - y1) * (x2 - x1) / (y2 - y1):
                    odd = not odd
            if odd:
                return number
        return NOBODY

    def owners(self, lat: F64, lng: F64) -> I64:
        """`owner` of each position, int64[n]."""
        lat, lng = np.minimum(lat, LAST_LAT), np.where(lng >= 180.0, -180.0, lng)
        found = np.full(len(lat), NOBODY, np.int64)
        for number, edges in enumerate(self._edges):
            odd = np.zeros(len(lat), np.bool_)
            for x1, y1, x2, y2 in edges.tolist():
                crossed = np.flatnonzero((y1 <= lat) & (lat < y2))
                east = lng[crossed] < x1 + (lat[crossed] - y1) * (x2 - x1) / (y2 - y1)
                odd[crossed[east]] ^= True
            found[(found == NOBODY) & odd] = number
        return found


def edges_of_area(area: Any) -> NDArray[np.float64]:
    """Edges of all rings, float64[n, 4]: x1, y1, x2, y2 with y1 < y2; level ones cross no ray."""
    pieces = [np.zeros((0, 4))]
    for part in shapely.get_parts(area):
        for ring in (part.exterior, *part.interiors):
            corners = shapely.get_coordinates(ring)
            pieces.append(np.hstack((corners[:-1], corners[1:])))
    edges = np.concatenate(pieces)
    falls = edges[:, 1] > edges[:, 3]
    edges[falls] = edges[falls][:, [2, 3, 0, 1]]
    return edges[edges[:, 1] < edges[:, 3]]
