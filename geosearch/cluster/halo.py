"""Halo of a region: every shop that a question from its area may reach.

A radius is at most 50 km. A position in GCJ-02 or BD-09 counts as it is given: the proxy routes by
it without conversion. Its WGS-84 position is less than 0.02 degrees away in either direction, which
is less than 3.2 km. So 54 km reach every shop of every such question.
"""

from typing import Any

import numpy as np
import shapely

from indexes.arrays import F64
from indexes.geo.sphere import EARTH_RADIUS_M

HALO_M = 54_000.0

_ROUNDING_DEG = 1e-6
"""More than all rounding errors below."""


def near_area(area: Any, lat: F64, lng: F64, reach_m: float = HALO_M) -> np.ndarray[Any, Any]:
    """Whether a shop may be within a distance of an area, bool[n]; may err only to True.

    Parameters
    ----------
    area
        Polygon or MultiPolygon in degrees.
    lat, lng
        Positions in degrees, float64[n].

    Notes
    -----
    A position of the area within the distance lies in the cap of angle d = reach / radius around
    the shop. The cap lies in a box: its latitudes differ by at most d, its longitudes by at most
    asin(sin d / cos lat), or by any if the cap holds a pole. So a box without a point of the area
    proves that no position of the area is within the distance. The area is compared at three
    turns, because a box may cross the antimeridian.
    """
    reach = reach_m / EARTH_RADIUS_M
    tall = np.degrees(reach) + _ROUNDING_DEG
    cosine = np.cos(np.radians(lat))
    polar = np.abs(lat) + tall >= 90.0
    sine = np.where(polar, 0.0, np.sin(reach) / np.where(polar, 1.0, cosine))
    wide = np.where(polar, 360.0, np.degrees(np.arcsin(np.minimum(sine, 1.0))) + _ROUNDING_DEG)
    found = np.zeros(len(lat), np.bool_)
    west, south, east, north = area.bounds
    is_box = area.equals(shapely.box(west, south, east, north))
    for turn in (-360.0, 0.0, 360.0):
        left, right = lng + turn - wide, lng + turn + wide
        meets = (left <= east) & (right >= west) & (lat - tall <= north) & (lat + tall >= south)
        rows = np.flatnonzero(meets & ~found)
        if not is_box and len(rows):
            shapely.prepare(area)
            ends = (left[rows], lat[rows] - tall, right[rows], lat[rows] + tall)
            rows = rows[shapely.intersects(area, shapely.box(*ends))]
        found[rows] = True
    return found
