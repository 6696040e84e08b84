"""Land around the shops of an index, for the ground of the map: cut from a map of the world.

The map of the world is in `page/vendor`. A cut of a city has a few kilobytes; that of a country has
fewer corners, because nobody sees them from so far away.
"""

import gzip
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from geosearch.service.page_files import FOLDER

Box = tuple[float, float, float, float]

WORLD = FOLDER / "vendor" / "land-10m.json.gz"
"""Natural Earth at 1:10,000,000, as TopoJSON."""

_LEAST_MARGIN = 0.5
"""Degrees around a box, at least; otherwise its longer side."""

_CORNERS_A_SIDE = 4_000
"""A cut keeps corners that are further from the simpler outline than its longer side by this."""

_LEAST_STEPS = 4
"""Islands of less area are left out, in squares of the distance above."""

_DECIMALS = 5
"""Decimals of degrees: 1 m."""


def land_around(bounds: Box) -> bytes:
    """Return the land in and around a box as a GeoJSON FeatureCollection, UTF-8.

    Parameters
    ----------
    bounds
        min_lng, min_lat, max_lng, max_lat, degrees.
    """
    west, south, east, north = bounds
    margin = max(east - west, north - south, _LEAST_MARGIN)
    area = (
        *(max(-180.0, west - margin), max(-85.0, south - margin)),
        *(min(180.0, east + margin), min(85.0, north + margin)),
    )
    parts = np.array(_world())
    near = parts[shapely.intersects(shapely.box(*area), shapely.envelope(parts))]
    # A cut of an outline that touches itself fails, where one of a valid outline does not.
    cut = shapely.clip_by_rect(shapely.make_valid(near), *area)
    step = max(area[2] - area[0], area[3] - area[1]) / _CORNERS_A_SIDE
    cut = shapely.simplify(cut, step)
    shapes = shapely.get_parts(cut)
    shapes = shapes[shapely.area(shapes) > _LEAST_STEPS * step * step]
    rounded = shapely.transform(shapes, _rounded)
    features = [_feature(shape) for shape in rounded]
    # Beyond the box of the cut nothing is known, not even that it is sea.
    return orjson.dumps({"type": "FeatureCollection", "bbox": area, "features": features})


def _world() -> list[Any]:
    """Return the polygons of the world.

    TopoJSON cuts outlines into arcs: corners are differences, in steps of a grid. A ring is a list
    of numbers of arcs; ~n is arc n backwards. Each arc begins where the one before ends.
    """
    topology = orjson.loads(gzip.decompress(WORLD.read_bytes()))
    scale, origin = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + origin for arc in topology["arcs"]]

    def ring(numbers: list[int]) -> NDArray[np.float64]:
        pieces = [arcs[one] if one >= 0 else arcs[~one][::-1] for one in numbers]
        return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])

    (land,) = topology["objects"]["land"]["geometries"]
    return [
        shapely.Polygon(ring(outline), [ring(hole) for hole in holes])
        for outline, *holes in land["arcs"]
    ]


def _rounded(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(corners, _DECIMALS)


def _feature(shape: Any) -> dict[str, Any]:
    geometry = shapely.geometry.mapping(shape)
    return {"type": "Feature", "geometry": geometry, "properties": {}}
