"""Whether a shop appears in a box or polygon, and whether float noise decides that: shapely's view.

For `tests.oracle`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely
from shapely.geometry.base import BaseGeometry

if TYPE_CHECKING:
    from tests.oracle import Shop

BORDER_DEGREES = 2e-12
"""A position so close to the border of a request's polygon may be in or out."""
ON_BORDER_DEGREES = 1e-13
"""A position so close to it is on it: what decimal numbers are off as floats."""
UNIT_DEGREES = 1.5e-7
"""What a shifted position may be off: two careful computations may round to other units."""


def points(shop: Shop, crs: str) -> list[shapely.Point]:
    """Where a shop appears in a datum, by each name of its meridian."""
    lat, lng = shop.shown(crs)
    return [shapely.Point(name, lat) for name in (shop.lngs if len(shop.lngs) > 1 else (lng,))]


def shift_slack(shop: Shop, crs: str) -> float:
    return 0.0 if shop.shown(crs) == (shop.lat, shop.lng) else UNIT_DEGREES


def border_distance(area: BaseGeometry, shop: Shop, crs: str) -> float:
    lat, lng = shop.shown(crs)
    return float(area.boundary.distance(shapely.Point(lng, lat)))


def covers(polygon: BaseGeometry, shop: Shop, crs: str) -> tuple[bool, bool]:
    """Whether a shop may appear in a polygon, border inside, and whether float noise decides."""
    distance, slack = border_distance(polygon, shop, crs), shift_slack(shop, crs)
    if distance <= ON_BORDER_DEGREES and not slack:
        return True, False
    if distance <= max(BORDER_DEGREES, slack):
        return True, True
    lat, lng = shop.shown(crs)
    if polygon.covers(shapely.Point(lng, lat)):
        return True, False
    # By the other name of its meridian it may be on the border.
    return any(map(polygon.covers, points(shop, crs))), True


def box_holds(box: tuple[float, float, float, float], lng: float, lat: float, slack: float) -> bool:
    """Whether a box, wider by the slack, holds a position; it may cross the antimeridian."""
    across = box[0] > box[2]
    min_lng, min_lat, max_lng, max_lat = (
        box[0] - slack,
        box[1] - slack,
        box[2] + slack,
        box[3] + slack,
    )
    if not min_lat <= lat <= max_lat:
        return False
    if not across:
        return min_lng <= lng <= max_lng
    return lng >= min_lng or lng <= max_lng


# Boxes around what worlds of `generators` have of parts of a country with holidays of their own.
_PARTS = (
    ("CN", "TW", (21.8, 119.9, 25.4, 122.1)),
    ("DE", "DE-BE", (52.3, 13.1, 52.7, 13.8)),
)


def calendar_of(country: str, lat: float, lng: float) -> str:
    """Whose holidays hold at a position: a part's, where it lies in one of the country."""
    for whole, part, (south, west, north, east) in _PARTS:
        if country == whole and south <= lat <= north and west <= lng <= east:
            return part
    return country
