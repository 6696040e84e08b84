"""Reader of `zones.geojson`: named polygons in their own datum, invalid geometries repaired.

`indexes.geo.zones` finds the zones that contain a point.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import orjson
import shapely
import shapely.geometry

from geosearch.errors import BadData
from geosearch.snapshot.fields import datum_named
from geosearch.snapshot.objects import BadObject, has_half_surrogate
from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.source import read_all
from indexes.geo.crossings import TooTangled
from indexes.geo.datum import DATUMS, Datum
from indexes.geo.polygon import sound

T = TypeVar("T")

_TABLE = "zones"
# Names of WGS-84 in older GeoJSON files; newer files always have WGS-84.
_OTHER_NAMES = {
    "urn:ogc:def:crs:OGC:1.3:CRS84": "WGS84",
    "urn:ogc:def:crs:EPSG::4326": "WGS84",
    "EPSG:4326": "WGS84",
}


@dataclass(frozen=True, slots=True)
class Zone:
    """One named polygon in the datum `crs`; `repaired` says whether its geometry was invalid."""

    zone_id: str
    name: str
    kind: str | None
    valid_from: dt.date | None
    valid_through: dt.date | None
    geometry: shapely.Polygon | shapely.MultiPolygon
    repaired: bool
    crs: Datum


def read_zones(path: Path, log: RejectLog, *, crs: Datum) -> tuple[list[Zone], int]:
    """Return the accepted zones, in file order, and the number of features in the file.

    Parameters
    ----------
    path
        GeoJSON FeatureCollection.
    log
        Gets rejected features and faults of optional properties; `line` is the number of the
        feature, from 1.
    crs
        Datum of positions, unless the collection or a feature's properties have a `crs`.

    Raises
    ------
    BadData
        The file is unreadable or not a FeatureCollection, or its `crs` is unknown.
    """
    features, crs = _features(path, crs)
    zones: dict[str, Zone] = {}
    for number, feature in enumerate(features, 1):
        try:
            zone, faults = _zone(feature, crs)
            if zone.zone_id in zones:
                got = f"{shown(zone.zone_id)} again"
                raise BadObject("duplicate_id", f"Expected a unique `zone_id`, got {got}")
        except BadObject as error:
            log.reject(_TABLE, number, error.code, str(error))
            continue
        zones[zone.zone_id] = zone
        for fault in faults:
            log.warn(_TABLE, number, fault.code, str(fault))
        if zone.repaired:
            name = shown(zone.zone_id)
            sentence = f"Expected valid geometry of zone {name}, got one that was repaired"
            log.warn(_TABLE, number, "geometry_repaired", sentence)
    return list(zones.values()), len(features)


def rows_of_zones(path: Path, numbers: set[int]) -> Iterator[tuple[int, object]]:
    """Yield the features of a collection at some numbers, from 1, ascending."""
    features, _ = _features(path, "WGS84")
    return ((number, features[number - 1]) for number in sorted(numbers))


def _features(path: Path, crs: Datum) -> tuple[list[object], Datum]:
    content = read_all(path)
    try:
        try:
            collection = orjson.loads(content)
        except ValueError:
            # NaN or half a surrogate pair costs its feature, not the file.
            collection = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadData(f"Cannot read the file as GeoJSON: {error} - at `{path}`") from error
    is_collection = isinstance(collection, dict) and collection.get("type") == "FeatureCollection"
    if not is_collection or not isinstance(collection.get("features"), list):
        got = shown(collection, longest=40)
        raise BadData(f"Expected a FeatureCollection, got {got} - at `{path}`")
    try:
        return collection["features"], _datum(collection.get("crs"), crs)
    except BadObject as error:
        raise BadData(f"{error} - at `{path}`") from error


def _datum(named: object, crs: Datum) -> Datum:
    """Return the datum of a name or of an old GeoJSON `crs` object; `crs` for None."""
    if named is None:
        return crs
    if isinstance(named, dict) and isinstance(named.get("properties"), dict):
        named = named["properties"].get("name")
    datum = datum_named(_OTHER_NAMES.get(named, named) if isinstance(named, str) else None)
    if datum is None:
        expected = f"`crs` to be one of {', '.join(DATUMS)}"
        raise BadObject("bad_crs", f"Expected {expected}, got {shown(named)}")
    return datum


def _zone(feature: object, crs: Datum) -> tuple[Zone, list[BadObject]]:
    """Return the zone of a feature, and the faults of optional properties, which become None."""
    if not isinstance(feature, dict):
        raise BadObject("wrong_type", f"Expected a feature, got {shown(feature)}")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        got = shown(properties)
        raise BadObject("wrong_type", f"Expected `properties` to be an object, got {got}")
    zone_id = _text(properties, "zone_id")
    if zone_id is None:
        raise BadObject("missing_field", "Expected `zone_id`, got nothing")
    faults: list[BadObject] = []

    def optional(read: Callable[[dict[str, object], str], T], name: str) -> T | None:
        try:
            return read(properties, name)
        except BadObject as fault:
            faults.append(fault)
            return None

    start, end = optional(_date, "valid_from"), optional(_date, "valid_through")
    if start and end and start > end:
        expected = "`valid_from` <= `valid_through`"
        raise BadObject("bad_order", f"Expected {expected}, got {start} and {end}")
    crs = _datum(properties.get("crs"), crs)
    geometry, repaired = _geometry(feature.get("geometry"))
    name = optional(_text, "name") or zone_id
    kind = optional(_text, "kind")
    return Zone(zone_id, name, kind, start, end, geometry, repaired, crs), faults


def _text(properties: dict[str, object], name: str) -> str | None:
    value = properties.get(name)
    if value is not None and not isinstance(value, str):
        raise BadObject("wrong_type", f"Expected `{name}` to be text, got {shown(value)}")
    if value and has_half_surrogate(value):
        raise BadObject("not_utf8", f"Expected `{name}` in Unicode, got {value!a}")
    return value if value and value.strip() else None


def _date(properties: dict[str, object], name: str) -> dt.date | None:
    text = _text(properties, name)
    try:
        if text is None or len(text) == 10:
            # Not `date.fromisoformat`, which also accepts weeks (2026-W01-1).
            return dt.datetime.strptime(text, "%Y-%m-%d").date() if text else None
    except ValueError:
        pass
    raise BadObject("bad_date", f"Expected `{name}` as YYYY-MM-DD, got {shown(text)}")


def _geometry(value: object) -> tuple[shapely.Polygon | shapely.MultiPolygon, bool]:
    """Return the polygons of a GeoJSON geometry, and whether they were repaired."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise _bad_geometry("a Polygon or MultiPolygon", shown(kind if kind else value))
    try:
        with np.errstate(invalid="ignore"):  # the check below reports NaN
            geometry = shapely.geometry.shape(value)
    except (
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        KeyError,
        OverflowError,
        RecursionError,
        shapely.GEOSException,
    ) as error:
        got = str(error).partition("\n")[0] or type(error).__name__
        raise _bad_geometry("rings of positions", got) from error
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
