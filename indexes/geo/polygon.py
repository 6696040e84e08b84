"""Point-in-polygon and box-in-polygon kernels over a flat array of edges.

Useful for: testing millions of points, and the boxes of a tree, against one polygon inside a
compiled loop. shapely reads, validates and repairs; the kernels read the edges only.
Not useful for: many zones (`zones`), distances to a polygon, or polygons on the sphere.

Edges are straight lines in the plane of longitude and latitude, as GeoJSON defines them (RFC 7946,
3.1.1). A polygon across the antimeridian comes as parts on either side (3.1.9), and a polygon
around a pole as a box up to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from indexes.geo.crossings import FEW_EDGES, check_crossings
from indexes.jit import njit

OUTSIDE = 0
CROSSES = 1
INSIDE = 2

_FARTHEST = np.array([180.0, 90.0])
BLOCK_EDGES = 16
"""Edges per block; the edges of a block share the bound in the last column."""

BORDER_DEG = 5e-13
"""Degrees along each axis within which a point counts as on an edge: 0.05 um. It is the greatest
rounding error of decimal corners and positions as floats."""

MARGIN_DEG = 1e-9
"""Degrees within which an edge counts as crossing a box: 0.1 mm.

`contains` rounds: a point nearer than 1e-12 degree to an edge may count as on it. A box that keeps
this margin from all edges holds no such point, so `box_relation` of the box agrees with `contains`
of each point in it.
"""


@njit
def contains(edges: NDArray[np.float64], x: float, y: float) -> bool:
    """Whether a point lies inside a polygon, by the even-odd rule over all rings.

    Parameters
    ----------
    edges
        `PreparedPolygon.edges`.
    x, y
        Longitude and latitude in degrees.

    Returns
    -------
    bool
        True for a point on an edge, even of a hole. False for an array of no edges.

    Notes
    -----
    A ray to the right counts the edges from y or below to above y. So a vertex between two edges
    counts once, and a horizontal edge never counts
    (https://wrfranklin.org/Research/Short_Notes/pnpoly.html).
    """
    inside = False
    count = edges.shape[0]
    for block in range(0, count, BLOCK_EDGES):
        # Edges are sorted by lower end, so all later ones begin above the point.
        if edges[block, 1] > y:
            break
        # No edge of the block reaches up to the point.
        if edges[block, 4] < y:
            continue
        for i in range(block, min(block + BLOCK_EDGES, count)):
            y0 = edges[i, 1]
            y1 = edges[i, 3]
            if y0 <= y <= y1:
                x0 = edges[i, 0]
                along_x = edges[i, 2] - x0
                along_y = y1 - y0
                # The edge rises, so this is > 0 exactly if the edge passes right of the point.
                offset = along_x * (y - y0) - (x - x0) * along_y
                if (
                    abs(offset) <= BORDER_DEG * (abs(along_x) + along_y)
                    and min(0.0, along_x) - BORDER_DEG <= x - x0 <= max(0.0, along_x) + BORDER_DEG
                ):
                    return True
                if offset > 0.0 and y < y1:
                    inside = not inside
    return inside


@njit
def box_relation(
    edges: NDArray[np.float64], min_x: float, min_y: float, max_x: float, max_y: float
) -> int:
    """Relation of a closed box to a polygon: `OUTSIDE`, `CROSSES` or `INSIDE`.

    Returns
    -------
    int
        `OUTSIDE` only if `contains` is false for every point of the box, and `INSIDE` only if it is
        true for every point. `CROSSES` otherwise, and for boxes within `MARGIN_DEG` of an edge.

    Notes
    -----
    A box that no edge meets lies in one face of the polygon. All points of a face have the same
    parity, so the centre decides. The separating axis test compares edge and box: along the two
    axes of the plane and the normal of the edge.
    """
    low_x = min_x - MARGIN_DEG
    low_y = min_y - MARGIN_DEG
    high_x = max_x + MARGIN_DEG
    high_y = max_y + MARGIN_DEG
    mid_x = 0.5 * (low_x + high_x)
    mid_y = 0.5 * (low_y + high_y)
    half_x = high_x - mid_x
    half_y = high_y - mid_y
    count = edges.shape[0]
    for block in range(0, count, BLOCK_EDGES):
        if edges[block, 1] > high_y:
            break
        if edges[block, 4] < low_y:
            continue
        for i in range(block, min(block + BLOCK_EDGES, count)):
            x0 = edges[i, 0]
            y0 = edges[i, 1]
            x1 = edges[i, 2]
            y1 = edges[i, 3]
            if y0 > high_y or y1 < low_y or min(x0, x1) > high_x or max(x0, x1) < low_x:
                continue
            along_x = x1 - x0
            along_y = y1 - y0
            # Distance of the centre from the line, against half the width of the box along its
            # normal. Both are multiplied by the length of the edge. Rounding is below 1e-12 of
            # that length, a thousandth of the margin.
            offset = abs(along_x * (mid_y - y0) - along_y * (mid_x - x0))
            if offset <= abs(along_x) * half_y + along_y * half_x:
                return CROSSES
    return INSIDE if contains(edges, mid_x, mid_y) else OUTSIDE


@dataclass(frozen=True, eq=False)
class PreparedPolygon:
    """A polygon for the kernels, possibly of many parts and with holes.

    `from_shapely` and `from_geojson` make it.
    """

    geometry: BaseGeometry
    """The valid shapely Polygon or MultiPolygon."""

    edges: NDArray[np.float64]
    """Shape (m, 5): x0, y0, x1, y1 with y0 <= y1, and the greatest y1 in the edge's block of
    `BLOCK_EDGES`. Holds all rings of all parts, sorted by y0."""

    bounds: tuple[float, float, float, float]
    """min_lng, min_lat, max_lng, max_lat over all parts."""


def from_shapely(geometry: BaseGeometry) -> PreparedPolygon:
    """Prepare a Polygon or MultiPolygon in degrees, repaired if it is invalid; see `sound`."""
    whole, edges = _sound(geometry)
    return PreparedPolygon(geometry=whole, edges=edges, bounds=whole.bounds)


def sound(geometry: BaseGeometry) -> BaseGeometry:
    """A valid Polygon or MultiPolygon: the geometry itself, or its repair.

    Parameters
    ----------
    geometry
        In degrees. The repair keeps every loop of a ring that crosses itself, and the part of a
        hole inside its shell. It merges overlapping parts and drops parts without area.

    Raises
    ------
    TooTangled
        If its edges meet too often to validate or repair it quickly; see `crossings`.
    ValueError
        If it is of another type, empty, without area, or not finite and in range.
    """
    return _sound(geometry)[0]


def _sound(geometry: BaseGeometry) -> tuple[BaseGeometry, NDArray[np.float64]]:
    """The result of `sound`, and its edges."""
    kind = geometry.geom_type
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"Expected a Polygon or MultiPolygon, got a {kind}")
    corners = shapely.get_coordinates(geometry)
    if not (np.abs(corners) <= _FARTHEST).all():
        _refuse(corners)
    edges = edges_of([geometry] if kind == "Polygon" else shapely.get_parts(geometry))
    # Fewer edges cannot exceed the time that `crossings` allows for validating.
    if len(edges) > FEW_EDGES:
        check_crossings(edges)
    if geometry.is_valid and geometry.area > 0.0:
        return geometry, edges
    check_crossings(edges)
    try:
        repaired = _repaired(geometry)
    except shapely.GEOSException as error:
        raise ValueError(f"Expected a polygon that can be repaired, got {error}") from error
    parts = [part for part in _polygons(repaired) if part.area > 0.0]
    if not parts:
        raise ValueError("Expected a polygon with an area, got one without")
    whole = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
    return whole, edges_of(parts)


def _refuse(corners: NDArray[np.float64]) -> None:
    if not np.isfinite(corners).all():
        raise ValueError("Expected finite coordinates, got NaN or infinity")
    worst = corners[(np.abs(corners) > _FARTHEST).any(axis=1)][0]
    raise ValueError(
        "Expected positions with lng in [-180, 180] and lat in [-90, 90], "
        f"got [{worst[0]}, {worst[1]}]"
    )


def from_geojson(obj: Any, *, max_vertices: int = 10_000) -> PreparedPolygon:
    """Prepare a GeoJSON Polygon or MultiPolygon.

    Parameters
    ----------
    obj
        The decoded geometry. Altitudes do not count. A ring whose last position differs from its
        first gets closed.
    max_vertices
        Most positions.

    Raises
    ------
    ValueError
        If `obj` is not such a geometry, or has too many positions. The message has a JSON path.

    Examples
    --------
    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
    >>> bool(contains(from_geojson(square).edges, 1.0, 1.0))
    True
    """
    kind = obj.get("type") if isinstance(obj, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"Expected a GeoJSON Polygon or MultiPolygon, got {_shown(kind or obj)}")
    at = "coordinates"
    members = _list(obj.get(at), at)
    polygons = [(members, at)]
    if kind == "MultiPolygon":
        polygons = [(_list(part, f"{at}[{i}]"), f"{at}[{i}]") for i, part in enumerate(members)]
    found = sum(len(ring) for rings, _ in polygons for ring in rings if isinstance(ring, list))
    if found > max_vertices:
        raise ValueError(f"Expected at most {max_vertices} positions, got {found} - at `{at}`")
    shapes = [_polygon(rings, path) for rings, path in polygons]
    return from_shapely(shapes[0] if len(shapes) == 1 else shapely.MultiPolygon(shapes))


def _repaired(geometry: BaseGeometry) -> BaseGeometry:
    parts = shapely.get_parts(geometry)
    valid = shapely.is_valid(parts)
    return shapely.union_all([*parts[valid], *map(_repaired_part, parts[~valid])])


def _repaired_part(part: BaseGeometry) -> BaseGeometry:
    # Ring by ring, because `make_valid` of the whole turns a hole outside its shell into an area.
    rings = shapely.make_valid(
        shapely.polygons(shapely.get_rings(part)), method="structure", keep_collapsed=False
    )
    return shapely.difference(rings[0], shapely.union_all(rings[1:]))


def _polygons(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    if geometry.geom_type == "Polygon":
        yield geometry
    elif geometry.geom_type in ("MultiPolygon", "GeometryCollection"):
        for part in shapely.get_parts(geometry):
            yield from _polygons(part)


def edges_of(parts: Any) -> NDArray[np.float64]:
    """`PreparedPolygon.edges` of all rings of a sequence of shapely Polygons."""
    if len(parts) == 1 and not shapely.get_num_interior_rings(parts[0]):
        corners = shapely.get_coordinates(parts)
        begin, end = corners[:-1], corners[1:]
    else:
        corners, ring = shapely.get_coordinates(shapely.get_rings(parts), return_index=True)
        joined = ring[:-1] == ring[1:]
        begin, end = corners[:-1][joined], corners[1:][joined]
    rising = (begin[:, 1] <= end[:, 1])[:, np.newaxis]
    edges = np.empty((len(begin), 5), dtype=np.float64)
    edges[:, :2] = np.where(rising, begin, end)
    edges[:, 2:4] = np.where(rising, end, begin)
    edges = edges[np.argsort(edges[:, 1], kind="stable")]
    for block in range(0, len(edges), BLOCK_EDGES):
        edges[block : block + BLOCK_EDGES, 4] = edges[block : block + BLOCK_EDGES, 3].max()
    return edges


def _polygon(rings: list[Any], at: str) -> BaseGeometry:
    if not rings:
        raise ValueError(f"Expected at least one ring, got none - at `{at}`")
    shell, *holes = [_ring(ring, f"{at}[{i}]") for i, ring in enumerate(rings)]
    return shapely.polygons(shell, holes or None)


def _ring(ring: Any, at: str) -> BaseGeometry:
    corners = [
        (corner[0], corner[1]) if _is_position(corner) else _position(corner, f"{at}[{i}]")
        for i, corner in enumerate(_list(ring, at))
    ]
    if len(set(corners)) < 3:
        raise ValueError(
            f"Expected a ring of at least 3 different positions, got {len(set(corners))} "
            f"- at `{at}`"
        )
    return shapely.linearrings(np.array(corners, np.float64))


def _is_position(corner: Any) -> bool:
    """Whether a corner is a list of two floats in range, the usual case."""
    return (
        type(corner) is list
        and len(corner) == 2
        and type(corner[0]) is float
        and type(corner[1]) is float
        and -180.0 <= corner[0] <= 180.0
        and -90.0 <= corner[1] <= 90.0
    )


def _position(corner: Any, at: str) -> tuple[float, float]:
    values = _list(corner, at)[:2]
    sound = len(values) == 2 and all(type(value) in (int, float) for value in values)
    if not (sound and abs(values[0]) <= 180 and abs(values[1]) <= 90):
        raise ValueError(
            "Expected a position [lng, lat] with lng in [-180, 180] and lat in [-90, 90], "
            f"got {_shown(corner)} - at `{at}`"
        )
    return float(values[0]), float(values[1])


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"Expected a list, got {_shown(value)} - at `{at}`")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
