"""Position of a place: the point of a node, the centroid of any other shape.

It reads GeoJSON geometries, and OSM JSON elements with a `center`, a `geometry`, `bounds`, or only
the ids of their nodes.
"""

from array import array
from collections.abc import Iterable, Mapping
from typing import TypeGuard

import numpy as np
import orjson
import shapely

Object = Mapping[str, object]

_OUTLINE = frozenset({"", "outer", "outline"})


def of_geometry(geometry: object) -> Object:
    """Return `lat` and `lng` of a GeoJSON geometry, unchecked for a point; empty without one."""
    if not isinstance(geometry, dict):
        return {}
    if geometry.get("type") == "Point":
        coordinates = geometry.get("coordinates")
        if isinstance(coordinates, list) and len(coordinates) >= 2:
            return {"lat": coordinates[1], "lng": coordinates[0]}
        return {}
    try:
        return _centre(shapely.from_geojson(orjson.dumps(geometry)))
    except (shapely.GEOSException, TypeError):
        return {}


def of_element(element: Object) -> Object:
    """Return `lat` and `lng` of an OSM JSON element; empty if it has only ids of nodes."""
    for point in (element, element.get("center")):
        if isinstance(point, dict) and ("lat" in point or "lon" in point or "lng" in point):
            return {"lat": point.get("lat"), "lng": point.get("lon", point.get("lng"))}
    return _of_drawn(element) or _of_bounds(element.get("bounds"))


def _of_drawn(element: Object) -> Object:
    """Return the centroid of an element with the coordinates of Overpass's `out geom`."""
    members = element.get("members")
    lines = [element.get("geometry")]
    if isinstance(members, list):
        lines += [
            member.get("geometry")
            for member in members
            if isinstance(member, dict) and member.get("role", "") in _OUTLINE
        ]
    drawn = [_line(points) for points in lines if isinstance(points, list)]
    return _of_lines(line for line in drawn if line)


def _line(points: Iterable[object]) -> list[tuple[float, float]]:
    return [
        (point["lon"], point["lat"])
        for point in points
        if isinstance(point, dict) and _is_number(point.get("lon")) and _is_number(point.get("lat"))
    ]


def _of_bounds(bounds: object) -> Object:
    if not isinstance(bounds, dict):
        return {}
    south, north = bounds.get("minlat"), bounds.get("maxlat")
    west, east = bounds.get("minlon"), bounds.get("maxlon")
    if not (_is_number(south) and _is_number(north) and _is_number(west) and _is_number(east)):
        return {}
    if east < west:
        east += 360
    lng = (west + east) / 2
    return {"lat": round((south + north) / 2, 7), "lng": round(lng - 360 * (lng > 180), 7)}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 360


def _of_lines(lines: Iterable[list[tuple[float, float]]]) -> Object:
    """Return the centroid of the areas that the lines enclose, else of the lines or points."""
    drawn = [line for line in lines if line]
    strings = [shapely.LineString(line) for line in drawn if len(line) > 1]
    areas = shapely.polygonize(strings) if strings else shapely.GeometryCollection()
    if areas.area > 0:
        return _centre(areas)
    return _centre(
        shapely.MultiLineString(strings)
        if strings
        else shapely.MultiPoint([point for line in drawn for point in line])
    )


def _centre(shape: shapely.Geometry) -> Object:
    centre = shape.centroid
    return {} if centre.is_empty else {"lat": round(centre.y, 7), "lng": round(centre.x, 7)}


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


class Skeleton:
    """Positions of nodes and the nodes of ways, for elements without their own coordinates.

    A node takes 24 bytes, and each node of a way 8.
    """

    def __init__(self) -> None:
        self._ids, self._lngs, self._lats = array("q"), array("d"), array("d")
        self._ways: dict[int, array[int]] = {}
        self._order: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None

    def add(self, element: Object) -> None:
        """Add the position of a node, or the nodes of a way; ignore everything else."""
        number, kind = element.get("id"), element.get("type")
        if not _is_id(number):
            return
        lat, lng, refs = element.get("lat"), element.get("lon"), element.get("nodes")
        if kind == "node" and _is_number(lat) and _is_number(lng):
            self._ids.append(number)
            self._lngs.append(lng)
            self._lats.append(lat)
            self._order = None
        elif kind == "way" and isinstance(refs, list):
            self._ways[number] = array("q", filter(_is_id, refs))

    def position(self, element: Object) -> Object:
        """Return `lat` and `lng` of a way or relation; empty if its nodes are missing."""
        refs, members = element.get("nodes"), element.get("members")
        if isinstance(refs, list):
            return _of_lines([self._points(filter(_is_id, refs))])
        if not isinstance(members, list):
            return {}
        numbers = [
            (member.get("type"), member.get("ref"))
            for member in members
            if isinstance(member, dict) and member.get("role", "") in _OUTLINE
        ]
        ways = (self._ways.get(ref) for kind, ref in numbers if kind == "way" and _is_id(ref))
        nodes = [ref for kind, ref in numbers if kind == "node" and _is_id(ref)]
        lines = [self._points(way) for way in ways if way]
        return _of_lines([*lines, *([node] for node in self._points(nodes))])

    def _points(self, refs: Iterable[int]) -> list[tuple[float, float]]:
        ids = np.frombuffer(self._ids, np.int64) if self._ids else np.zeros(0, np.int64)
        if self._order is None:
            self._order = np.argsort(ids, kind="stable")
        wanted = np.fromiter(refs, np.int64)
        at = np.searchsorted(ids, wanted, sorter=self._order)
        inside = at < len(ids)
        rows = self._order[at[inside]]
        rows = rows[ids[rows] == wanted[inside]]
        return [(self._lngs[row], self._lats[row]) for row in rows.tolist()]
