"""The polygon that a query is drawn with, from GeoJSON.

Useful for: `plan`. Not useful for: zones of a snapshot; `snapshot.zones` reads them.
"""

from typing import Any

import numpy as np

from geosearch.errors import BadRequest, Problem
from geosearch.query.parameters import MAX_VERTICES
from indexes.geo.crossings import TooTangled
from indexes.geo.polygon import PreparedPolygon, from_geojson


def _check_antimeridian(polygon: PreparedPolygon) -> None:
    """Refuse an edge that goes around the world: its writer meant the short way over 180 degrees.

    Only an edge along a whole parallel, of a polygon around the world, is meant as it stands.
    """
    west, east = np.sort(polygon.edges[:, [0, 2]]).T
    wide = (east - west > 180.0) & (east - west < 360.0)
    if wide.any():
        first = int(np.argmax(wide))
        raise ValueError(
            "Expected a polygon that is cut in two at the antimeridian, as GeoJSON asks for, got "
            f"an edge from lng {west[first]} to {east[first]} - at `coordinates`"
        )


def read_polygon(geometry: dict[str, Any]) -> PreparedPolygon:
    """Return the polygon of a GeoJSON geometry.

    Raises
    ------
    BadRequest
        If it is none; code `bad_polygon` or `polygon_too_complex`.
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
