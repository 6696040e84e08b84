"""Areas of regions: rectangles with equal numbers of shops, or polygons of a file.

Both tile: each shop has one owner, by the rule of `indexes.geo.territories`.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from geosearch.cluster.halo import HALO_M
from geosearch.errors import BadData, BadRequest
from indexes.arrays import F64, I32, I64
from indexes.geo.sphere import EARTH_RADIUS_M, UNITS_PER_DEGREE
from indexes.geo.territories import NOBODY, Territories

MOST_REGIONS = 1_000

_REGION_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_WORLD = (-180 * UNITS_PER_DEGREE, -90 * UNITS_PER_DEGREE, 180 * UNITS_PER_DEGREE,
          90 * UNITS_PER_DEGREE)  # fmt: skip

_MOST_OFF = 0.1
"""How far the shops on a side of a cut may be from their share, as a part of the smaller share."""
_OFFS = np.array(sorted(np.linspace(-1.0, 1.0, 41), key=abs))
"""Places of cuts that are tried, as parts of what is allowed, the nearest first."""

_SEARCHED = 9
"""Most regions for which all ways to divide them are tried, some 220 cuts of boxes at most."""

_LOOKED_AT = 20_000
"""Shops that choose the cuts, each so many places after the one before."""

Box = tuple[int, int, int, int]
"""West, south, east and north end in column units."""

_TOUCH = 1e-9
"""Square degrees, some 10 m x 1 m, in which two polygons may overlap by their rounding."""


class Region(NamedTuple):
    """A region by its id, and the area that it owns, in WGS-84."""

    region_id: str
    area: Any


def rectangles(position: I32, regions: int) -> list[Region]:
    """Rectangles that tile the Earth, with about equal numbers of shops.

    A cut divides a rectangle from west to east or from south to north, near a quantile of its
    shops. Of all ways to divide up to `_SEARCHED` regions, in halves or nearly, the one with the
    fewest shops in the halos of its cuts is taken; of more, the first cut is the one with the
    fewest.

    Parameters
    ----------
    position
        Positions in column units, int32[n, 2], x = longitude.
    regions
        Number of rectangles, 1 to `MOST_REGIONS`.

    Raises
    ------
    BadRequest
        The number is another one.
    """
    if not 1 <= regions <= MOST_REGIONS:
        raise BadRequest(
            f"Expected 1 to {MOST_REGIONS} regions or a GeoJSON file, got {regions} - at `regions`"
        )
    step = 1 + len(position) // _LOOKED_AT
    boxes = _divided(_WORLD, position[::step].astype(np.int64), regions).boxes
    width = len(str(regions))
    return [
        Region(f"r{number:0{width}}", shapely.box(*(end / UNITS_PER_DEGREE for end in box)))
        for number, box in enumerate(boxes, 1)
    ]


class _Cut(NamedTuple):
    """Shops beyond what is allowed, and in the halo; then the axis and the coordinate."""

    unequal: float
    again: int
    axis: int
    at: int


class _Division(NamedTuple):
    """Sums over the cuts, and the boxes."""

    unequal: float
    again: int
    boxes: list[Box]


def _divided(box: Box, shops: I64, regions: int) -> _Division:
    """The division of a box with the least sums; the first of equal ones."""
    if regions == 1:
        return _Division(0.0, 0, [box])
    tried = [
        (cut, first) for first in _firsts(regions) for cut in _cuts(box, shops, first / regions)
    ]
    if regions > _SEARCHED:
        tried = [min(tried, key=lambda each: each[0][:2])]
    found = (_joined(box, shops, regions, first, cut) for cut, first in tried)
    return min(found, key=lambda each: each[:2])


def _firsts(regions: int) -> list[int]:
    """Regions on the lower side of a cut: a half, or one more or fewer than the other side."""
    half, odd = divmod(regions, 2)
    counts = (half, half + 1) if odd else (half, half - 1, half + 1)
    return [count for count in counts if 0 < count < regions]


def _joined(box: Box, shops: I64, regions: int, first: int, cut: _Cut) -> _Division:
    """A cut with the divisions of both sides."""
    west, south, east, north = box
    below = shops[:, cut.axis] < cut.at
    low, high = (
        ((west, south, cut.at, north), (cut.at, south, east, north))
        if cut.axis == 0
        else ((west, south, east, cut.at), (west, cut.at, east, north))
    )
    one = _divided(low, shops[below], first)
    other = _divided(high, shops[~below], regions - first)
    return _Division(
        cut.unequal + one.unequal + other.unequal,
        cut.again + one.again + other.again,
        one.boxes + other.boxes,
    )


def _cuts(box: Box, shops: I64, share: float) -> list[_Cut]:
    """For each axis the cut near a share of the shops with the fewest in its halo.

    The axis comes first along which the shops lie farther apart; of equal cuts the one nearer to
    the share is taken.
    """
    wider = _wider(box, shops)
    middle = shops[:, 1].mean() if len(shops) else 0.0
    stretch = 1.0 / max(0.05, np.cos(np.radians(middle / UNITS_PER_DEGREE)))
    halo = np.degrees(HALO_M / EARTH_RADIUS_M) * UNITS_PER_DEGREE
    allowed = _MOST_OFF * min(share, 1.0 - share)
    found = []
    for axis in (wider, 1 - wider):
        values, reach = np.sort(shops[:, axis]), halo * (stretch if axis == 0 else 1.0)
        at = _quantiles(values, share + allowed * _OFFS, box[axis], box[axis + 2])
        below, cut, above = (np.searchsorted(values, at + way * reach) for way in (-1, 0, 1))
        off = np.abs(cut - share * len(values)) - allowed * len(values)
        unequal, again = np.maximum(0.0, off), above - below
        best = np.lexsort((np.arange(len(at)), again, unequal))[0]
        found.append(_Cut(float(unequal[best]), int(again[best]), axis, int(at[best])))
    return found


def _wider(box: Box, shops: I64) -> int:
    """The axis along which the shops lie farther apart; without two shops, the box's sides."""
    ends = np.array(box).reshape(2, 2)
    if len(shops) > 1 and (shops.max(axis=0) > shops.min(axis=0)).any():
        ends = np.array([shops.min(axis=0), shops.max(axis=0)])
    middle = np.radians(ends[:, 1].mean() / UNITS_PER_DEGREE)
    wide, tall = (ends[1] - ends[0]).tolist()
    return 0 if wide * np.cos(middle) >= tall else 1


def _quantiles(values: I64, shares: F64, low: int, high: int) -> I64:
    """Coordinates between two ends, below which about these shares of ascending values lie."""
    middle = (low + high) // 2
    if not len(values):
        return np.full(len(shares), middle, np.int64)
    last = len(values) - 1
    place = np.clip(np.round(len(values) * shares).astype(np.int64), 0, last)
    at = values[place]
    # Shops at one coordinate stay together: on the side that comes nearer to the share.
    before, after = np.searchsorted(values, at), np.searchsorted(values, at, side="right")
    # Half-way between neighbours: in a wide gap, no shop is in the halo.
    under = np.where(before > 0, (values[np.maximum(before - 1, 0)] + at + 1) // 2, at)
    above = np.where(after > last, high, (at + values[np.minimum(after, last)] + 1) // 2)
    is_first = place - before <= after - place
    found = np.full(len(shares), middle, np.int64)
    for cut in (np.where(is_first, above, under), np.where(is_first, under, above)):
        found = np.where((low < cut) & (cut < high), cut, found)
    return found


def polygons(file: Path, position: I32, ids: Any) -> list[Region]:
    """Regions of a GeoJSON file: features with `region_id`, and a Polygon or MultiPolygon.

    Parameters
    ----------
    position, ids
        Positions of the shops in column units, and a function from a shop's row to its id.

    Raises
    ------
    BadData
        The file is not such a file; an area is invalid, leaves the Earth or overlaps another one;
        or a shop lies in no area.
    """
    found = [_region(feature, number, file) for number, feature in enumerate(_features(file))]
    names = [region.region_id for region in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadData(f"Expected each `region_id` once, got `{twice[0]}` again - at `{file}`")
    # As `routing.variable_of` has it.
    variables = {name.replace("-", "_"): name for name in names}
    alike = sorted(set(names) - set(variables.values()))
    if alike:
        same = variables[alike[0].replace("-", "_")]
        raise BadData(
            f"Expected ids that differ in more than `-` and `_`, got `{alike[0]}` and `{same}` - "
            f"at `{file}`"
        )
    for at, one in enumerate(found):
        for other in found[:at]:
            shared = shapely.intersection(one.area, other.area).area
            if shared > _TOUCH:
                raise BadData(
                    f"Expected regions that do not overlap, got `{other.region_id}` and "
                    f"`{one.region_id}` sharing {shared:.3g} square degrees - at `{file}`"
                )
    owners = Territories([region.area for region in found]).owners(*degrees_of(position))
    outside = np.flatnonzero(owners == NOBODY)
    if len(outside):
        x, y = (position[outside[0]] / UNITS_PER_DEGREE).tolist()
        raise BadData(
            f"Expected regions that hold every shop, got {len(outside):,} outside, such as "
            f"`{ids(int(outside[0]))}` at latitude {y}, longitude {x} - at `{file}`"
        )
    return found


def degrees_of(position: I32) -> tuple[F64, F64]:
    """Latitudes and longitudes of positions in column units."""
    return position[:, 1] / UNITS_PER_DEGREE, position[:, 0] / UNITS_PER_DEGREE


def _features(file: Path) -> list[Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadData(f"Expected a GeoJSON file, got: {reason} - at `{file}`") from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not 1 <= len(features) <= MOST_REGIONS:
        raise BadData(
            f"Expected a FeatureCollection of 1 to {MOST_REGIONS} features, got another value - "
            f"at `{file}`"
        )
    return features


def _region(feature: Any, number: int, file: Path) -> Region:
    where = f"at feature {number} of `{file}`"
    properties = feature.get("properties") if isinstance(feature, dict) else None
    name = properties.get("region_id") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not _REGION_ID.match(name):
        raise BadData(
            "Expected `region_id` of 1 to 63 lower-case letters, digits, `-` and `_`, got "
            f"{name!r} - {where}"
        )
    try:
        area = shapely.from_geojson(json.dumps(feature.get("geometry")))
    except (shapely.errors.GEOSException, ValueError, TypeError):
        area = None
    if area is None or area.geom_type not in ("Polygon", "MultiPolygon") or area.is_empty:
        raise BadData(f"Expected a Polygon or MultiPolygon, got another geometry - {where}")
    if not area.is_valid:
        raise BadData(f"Expected a valid polygon, got: {shapely.is_valid_reason(area)} - {where}")
    west, south, east, north = area.bounds
    if west < -180.0 or south < -90.0 or east > 180.0 or north > 90.0:
        raise BadData(
            f"Expected longitudes in [-180, 180] and latitudes in [-90, 90], got {area.bounds} - "
            f"{where}; cut an area at the antimeridian"
        )
    return Region(name, shapely.force_2d(area))
