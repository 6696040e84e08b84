"""Named polygons of a snapshot, from `zones.geojson`.

Useful for: geometries in their own datum, repaired where that is little work, bad features out.
Not useful for: finding the zones that hold a point; that is `indexes.zones`.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import shapely
import shapely.geometry

from geosearch.errors import BadData
from geosearch.snapshot.objects import BadObject
from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.source import read_all
from geosearch.snapshot.tables import datum_named
from indexes.crossings import TooTangled
from indexes.datum import DATUMS, Datum
from indexes.polygon import sound

_TABLE = "zones"
# How older GeoJSON files name the datum all newer ones have.
_OTHER_NAMES = {
    "urn:ogc:def:crs:OGC:1.3:CRS84": "WGS84",
    "urn:ogc:def:crs:EPSG::4326": "WGS84",
    "EPSG:4326": "WGS84",
}


@dataclass(frozen=True, slots=True)
class Zone:
    """One named polygon in the datum `crs`; `repaired` if its geometry had to be."""

    zone_id: str
    name: str
    kind: str | None
    valid_from: dt.date | None
    valid_through: dt.date | None
    geometry: shapely.Polygon | shapely.MultiPolygon
    repaired: bool
    crs: Datum


def read_zones(path: Path, log: RejectLog, *, crs: Datum) -> tuple[list[Zone], int]:
    """Accepted zones, in file order, and the number of features in the file.

    Parameters
    ----------
    path
        GeoJSON FeatureCollection.
    log
        Gets rejected features; their `line` is the feature's number, from 1.
    crs
        Datum of positions, unless the collection has a `crs` or a feature a property `crs`.

    Raises
    ------
    BadData
        The file is no FeatureCollection.
    """
    features, crs = _features(path, crs)
    zones: dict[str, Zone] = {}
    for number, feature in enumerate(features, 1):
        try:
            zone = _zone(feature, crs)
            if zone.zone_id in zones:
                got = f"{shown(zone.zone_id)} again"
                raise BadObject("duplicate_id", f"Expected a unique `zone_id`, got {got}")
        except BadObject as error:
            log.reject(_TABLE, number, error.code, str(error))
            continue
        zones[zone.zone_id] = zone
        if zone.repaired:
            sentence = f"Expected valid geometry of zone {shown(zone.zone_id)}, got one to repair"
            log.warn(_TABLE, number, "geometry_repaired", sentence)
    return list(zones.values()), len(features)


def rows_of_zones(path: Path, numbers: set[int]) -> Iterator[tuple[int, object]]:
    """Features of a collection by number, from 1."""
    features, _ = _features(path, "WGS84")
    return ((number, features[number - 1]) for number in sorted(numbers))


def _features(path: Path, crs: Datum) -> tuple[list[object], Datum]:
    try:
        collection = orjson.loads(read_all(path))
    except ValueError as error:
        raise BadData(f"Expected GeoJSON, got {error} - at `{path}`") from error
    is_collection = isinstance(collection, dict) and collection.get("type") == "FeatureCollection"
    if not is_collection or not isinstance(collection.get("features"), list):
        got = shown(collection, longest=40)
        raise BadData(f"Expected a FeatureCollection, got {got} - at `{path}`")
    try:
        return collection["features"], _datum(collection.get("crs"), crs)
    except BadObject as error:
        raise BadData(f"{error} - at `{path}`") from error


def _datum(named: object, crs: Datum) -> Datum:
    """Datum by its name or by GeoJSON's old `crs` object; `crs` where there is none."""
    if named is None:
        return crs
    if isinstance(named, dict) and isinstance(named.get("properties"), dict):
        named = named["properties"].get("name")
    datum = datum_named(_OTHER_NAMES.get(named, named) if isinstance(named, str) else None)
    if datum is None:
        expected = f"`crs` to be one of {', '.join(DATUMS)}"
        raise BadObject("bad_crs", f"Expected {expected}, got {shown(named)}")
    return datum


def _zone(feature: object, crs: Datum) -> Zone:
    if not isinstance(feature, dict):
        raise BadObject("wrong_type", f"Expected a feature, got {shown(feature)}")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        got = shown(properties)
        raise BadObject("wrong_type", f"Expected `properties` to be an object, got {got}")
    zone_id = _text(properties, "zone_id")
    if zone_id is None:
        raise BadObject("missing_field", "Expected `zone_id`, got nothing")
    start, end = _date(properties, "valid_from"), _date(properties, "valid_through")
    if start and end and start > end:
        expected = "`valid_from` <= `valid_through`"
        raise BadObject("bad_order", f"Expected {expected}, got {start} and {end}")
    crs = _datum(properties.get("crs"), crs)
    geometry, repaired = _geometry(feature.get("geometry"))
    name = _text(properties, "name") or zone_id
    return Zone(zone_id, name, _text(properties, "kind"), start, end, geometry, repaired, crs)


def _text(properties: dict[str, object], name: str) -> str | None:
    value = properties.get(name)
    if value is not None and not isinstance(value, str):
        raise BadObject("wrong_type", f"Expected `{name}` to be text, got {shown(value)}")
    return value if value and value.strip() else None


def _date(properties: dict[str, object], name: str) -> dt.date | None:
    text = _text(properties, name)
    try:
        if text is None or len(text) == 10:
            return dt.date.fromisoformat(text) if text else None
    except ValueError:
        pass
    raise BadObject("bad_date", f"Expected `{name}` as YYYY-MM-DD, got {shown(text)}")


def _geometry(value: object) -> tuple[shapely.Polygon | shapely.MultiPolygon, bool]:
    """Polygons of a GeoJSON geometry, and whether they had to be repaired."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise _bad_geometry("a Polygon or MultiPolygon", shown(kind if kind else value))
    try:
        geometry = shapely.geometry.shape(value)
    except (
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        KeyError,
        shapely.GEOSException,
    ) as error:
        raise _bad_geometry("rings of positions", str(error).splitlines()[0]) from error
    positions = shapely.get_coordinates(geometry)
    if len(positions) == 0:
        raise _bad_geometry("rings of positions", "none")
    if not np.isfinite(positions).all() or (np.abs(positions) > [180, 90]).any():
        worst = positions[np.argmax(~(np.abs(positions) <= [180, 90]).all(axis=1))].tolist()
        raise _bad_geometry("positions of lng in [-180, 180], lat in [-90, 90]", shown(worst))
    geometry = shapely.force_2d(geometry)
    try:
        polygons = sound(geometry)
    except TooTangled as error:
        raise BadObject("geometry_too_complex", f"{error} in `geometry`") from error
    except ValueError as error:
        raise _bad_geometry("an area", shapely.is_valid_reason(geometry)) from error
    return polygons, polygons is not geometry


def _bad_geometry(expected: str, got: str) -> BadObject:
    return BadObject("bad_geometry", f"Expected `geometry` to have {expected}, got {got}")
