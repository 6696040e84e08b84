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

_MOST_OFF = 0.05
"""How far the share of a cut may be from an equal one."""
_OFF_SHARES = sorted((0.01 * step for step in range(-5, 6)), key=abs)

_TOUCH = 1e-9
"""Square degrees, some 10 m x 1 m, in which two polygons may overlap by their rounding."""


class Region(NamedTuple):
    """A region by its id, and the area that it owns, in WGS-84."""

    region_id: str
    area: Any


def rectangles(position: I32, regions: int) -> list[Region]:
    """Rectangles that tile the Earth, with about equal numbers of shops.

    A cut divides a rectangle near its shops' median, or another quantile for an odd number of
    regions: where the fewest shops lie in the halo, among the places within `_MOST_OFF` of it.

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
    boxes = _divided(_WORLD, position.astype(np.int64), regions)
    width = len(str(regions))
    return [
        Region(f"r{number:0{width}}", shapely.box(*(end / UNITS_PER_DEGREE for end in box)))
        for number, box in enumerate(boxes, 1)
    ]


def _divided(box: tuple[int, int, int, int], shops: I64, regions: int) -> list[Any]:
    if regions == 1:
        return [box]
    west, south, east, north = box
    first = regions // 2
    axis, cut = _best_cut(box, shops, first / regions)
    below = shops[:, axis] < cut
    ends = ((west, south, cut, north), (cut, south, east, north)) if axis == 0 else (
        (west, south, east, cut), (west, cut, east, north))  # fmt: skip
    return [
        *_divided(ends[0], shops[below], first),
        *_divided(ends[1], shops[~below], regions - first),
    ]


def _best_cut(box: tuple[int, int, int, int], shops: I64, share: float) -> tuple[int, int]:
    """The axis and coordinate of a cut near a share of the shops, with the fewest in its halo.

    Equal ones: across the direction in which the shops lie farther apart, then nearer to the share.
    """
    wider = _wider(box, shops)
    found: list[tuple[float, int, int, int, int]] = []
    middle = shops[:, 1].mean() if len(shops) else 0.0
    stretch = 1.0 / max(0.05, np.cos(np.radians(middle / UNITS_PER_DEGREE)))
    halo = np.degrees(HALO_M / EARTH_RADIUS_M) * UNITS_PER_DEGREE
    for axis in (wider, 1 - wider):
        values, reach = np.sort(shops[:, axis]), halo * (stretch if axis == 0 else 1.0)
        for off in _OFF_SHARES:
            cut = _quantile(values, share + off, box[axis], box[axis + 2])
            ends = np.searchsorted(values, (cut - reach, cut, cut + reach))
            unequal = abs(int(ends[1]) - share * len(values)) - _MOST_OFF * len(values)
            found.append((max(0.0, unequal), int(ends[2] - ends[0]), len(found), axis, cut))
    *_, axis, cut = min(found)
    return axis, cut


def _wider(box: tuple[int, int, int, int], shops: I64) -> int:
    """The axis along which the shops lie farther apart; without two shops, the box's sides."""
    ends = np.array(box).reshape(2, 2)
    if len(shops) > 1 and (shops.max(axis=0) > shops.min(axis=0)).any():
        ends = np.array([shops.min(axis=0), shops.max(axis=0)])
    middle = np.radians(ends[:, 1].mean() / UNITS_PER_DEGREE)
    wide, tall = (ends[1] - ends[0]).tolist()
    return 0 if wide * np.cos(middle) >= tall else 1


def _quantile(values: I64, share: float, low: int, high: int) -> int:
    """A coordinate between two ends, below which about this share of ascending values lies."""
    if len(values):
        place = min(round(len(values) * share), len(values) - 1)
        at = values[place]
        # Shops at one coordinate stay together: on the side that comes nearer to the share.
        before, after = np.searchsorted(values, at), np.searchsorted(values, at, side="right")
        above = values[after] if after < len(values) else high
        nearer = (at, above) if place - before <= after - place else (above, at)
        for cut in nearer:
            if low < cut < high:
                return int(cut)
    return (low + high) // 2


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
