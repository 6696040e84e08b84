"""Read the GeoJSON `polygon` of a query.

`snapshot.zones` reads the zones of a snapshot.
"""

from typing import Any

import numpy as np

from geosearch.errors import BadRequest, Problem
from geosearch.query.parameters import MAX_VERTICES
from indexes.geo.crossings import TooTangled
from indexes.geo.polygon import PreparedPolygon, from_geojson


def _check_antimeridian(polygon: PreparedPolygon) -> None:
    """Refuse an edge of more than 180 degrees: its writer meant the short way.

    An edge of the whole 360 degrees belongs to a polygon around the world and is valid.
    """
    if polygon.bounds[2] - polygon.bounds[0] <= 180.0:
        return
    west, east = np.sort(polygon.edges[:, [0, 2]]).T
    wide = (east - west > 180.0) & (east - west < 360.0)
    if wide.any():
        first = int(np.argmax(wide))
        raise ValueError(
            "Expected a polygon that is cut in two at the antimeridian, as GeoJSON asks for, got "
            f"an edge from lng {west[first]} to {east[first]} - at `coordinates`"
        )


def read_polygon(geometry: dict[str, Any]) -> PreparedPolygon:
    """The polygon of a GeoJSON geometry.

    Raises
    ------
    BadRequest
        If it is no valid polygon; code `bad_polygon` or `polygon_too_complex`.
    """
    try:
        polygon = from_geojson(geometry, max_vertices=MAX_VERTICES)
        _check_antimeridian(polygon)
        return polygon
    except ValueError as error:
        code = "polygon_too_complex" if isinstance(error, TooTangled) else "bad_polygon"
        sentence = str(error).replace(" - at `", " - at `$.polygon.")
        if " - at `" not in sentence:
            sentence += " - at `$.polygon`"
        found: Problem = {"pointer": "/polygon", "code": code, "detail": sentence}
        raise BadRequest(found["detail"], [found], code) from error
