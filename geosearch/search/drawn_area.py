"""Box and polygon of a query as the kernels read them."""

from math import ceil, floor
from typing import cast

import numpy as np

from geosearch.kernel.criteria import Area
from geosearch.query.drawn_polygon import read_polygon
from geosearch.query.query import Query
from indexes.geo.datum import DATUMS, WGS84, Datum, shift_range
from indexes.geo.sphere import UNITS_PER_DEGREE

NO_AREA = Area(False, 0, 0, 0, 0, np.zeros((0, 5), np.float64), WGS84, 0, 0, 0, 0)


def inward(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Outermost positions, in column units, inside a box of degrees or on its border.

    Floating point may move a border that is a whole number of units; a tolerance of a thousandth
    of a unit (0.01 mm) makes up for that.
    """
    return (
        ceil(box[0] * UNITS_PER_DEGREE - 1e-3),
        ceil(box[1] * UNITS_PER_DEGREE - 1e-3),
        floor(box[2] * UNITS_PER_DEGREE + 1e-3),
        floor(box[3] * UNITS_PER_DEGREE + 1e-3),
    )


def area_of(query: Query) -> tuple[Area, tuple[float, float, float, float]]:
    """Box and polygon of a query in its own datum, and a box around the positions in both."""
    edges, box = NO_AREA.edges, (0, 0, 0, 0)
    around = (-180.0, -90.0, 180.0, 90.0)
    if query.polygon is not None:
        polygon = read_polygon(query.polygon)
        edges, around = polygon.edges, polygon.bounds
    if query.bbox is not None:
        box = inward(query.bbox)
        west, south, east, north = query.bbox
        around = (west, max(south, around[1]), east, min(north, around[3]))
    datum, shift = WGS84, (0, 0, 0, 0)
    if query.crs != "WGS84":
        shift = shift_range(around, cast(Datum, query.crs))
        datum = DATUMS.index(cast(Datum, query.crs)) if any(shift) else WGS84
    return Area(query.bbox is not None, *box, edges, datum, *shift), around
