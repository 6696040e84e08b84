"""Conversion of positions between WGS-84, GCJ-02 and BD-09.

Useful for: positions from Chinese maps. GCJ-02 (Amap, Tencent) shifts a position by up to 730 m
inside China; BD-09 (Baidu) shifts it further.
Not useful for: surveying. The shift is smooth but artificial, and no authority publishes it. The
formulas are those of every map tool: `wgtochina_lb` as ported in
https://github.com/googollee/eviltransform and https://github.com/wandergis/coordtransform.

The datums shift a position if its WGS-84 position lies in mainland China or the sea off its coast:
inside the outline of mainland_china.geojson. The file names its source and accuracy. Elsewhere all
three datums are the same. Published code tests a rectangle instead, which moves Seoul and Thimphu
by 450 m.

Hong Kong, Macau and Taiwan lie outside the outline. The law on GCJ-02 holds for the mainland.
Nearly all positions there come from GPS, OpenStreetMap and local maps, which do not shift them.
Baidu shifts them: its manual names BD-09 for them too. The caller must convert positions of Baidu
maps there to WGS-84 first. The Paracels lie inside and the Spratlys outside, because Natural Earth
draws who governs.

The shift begins at the outline with a jump of up to 1.7 km, so the inverse is ambiguous there; see
`to_wgs84`.
"""

import math
from collections.abc import Callable
from math import ceil, floor
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from indexes.geo.datums import DATUMS as DATUMS
from indexes.geo.datums import Datum as Datum
from indexes.geo.polygon import contains, edges_of
from indexes.geo.sphere import UNITS_PER_DEGREE
from indexes.jit import inline_njit, int64, njit

Floats: TypeAlias = NDArray[np.float64]
_Conversion: TypeAlias = Callable[[Floats, Floats, int], None]

WGS84, GCJ02, BD09 = range(len(DATUMS))
"""Indices of `DATUMS`, for kernels."""

# The ellipsoid Krasovsky 1940, as in the formula.
_SEMI_MAJOR_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD09_TURN = math.pi * 3000.0 / 180.0

# A step of the inverse multiplies the error by at most `_SLOPES`: 1.7 km shrink to 1e-11 degree in
# 4 to 6 steps.
_INVERSE_STEPS = 8
_SETTLED_DEG = 1e-11

_OUTLINE = shapely.from_geojson(
    Path(__file__).with_name("mainland_china.geojson").read_text(encoding="utf-8")
)
shapely.prepare(_OUTLINE)
_EDGES = edges_of(shapely.get_parts(_OUTLINE))
_WEST, _SOUTH, _EAST, _NORTH = _OUTLINE.bounds

_FARTHEST_SHIFT = 0.02
"""Degrees above every shift; see `_SHIFTS`."""

# By datum: least shift of longitude and latitude, then greatest, inside the outline, in degrees.
# The tests measure them on a grid of 0.02 degree; `_SLOPES` bounds the shift between its points.
_SHIFTS = {
    "GCJ02": (-0.0003, -0.0042, 0.0089, 0.0032),
    "BD09": (0.0055, 0.0009, 0.0162, 0.0101),
}
# Greatest change of either shift, in degrees, divided by |dx| + |dy| of the move. It follows from
# the derivatives of the formulas, with |lng - 105| <= 33, |lat - 35| <= 21 and |sin|, |cos| <= 1:
# GCJ-02 has at most 462 m per degree, and a degree has 62 km or more; BD-09 adds
# 3e-6 * 52.4 * 150.
_SLOPES = {"GCJ02": 0.01, "BD09": 0.04}
# The root of |lng - 105| has an infinite slope at 0. It adds at most 0.2 m times the root of the
# move.
_ROOT_DEG = 4e-6


@overload
def to_wgs84(lat: float, lng: float, datum: Datum) -> tuple[float, float]: ...
@overload
def to_wgs84(lat: Floats, lng: Floats, datum: Datum) -> tuple[Floats, Floats]: ...
def to_wgs84(lat: Any, lng: Any, datum: Datum) -> tuple[Any, Any]:
    """WGS-84 positions of positions in `datum`.

    Parameters
    ----------
    lat, lng
        Degrees: two numbers, or two float64 arrays of one shape.
    datum
        `"WGS84"`, `"GCJ02"` or `"BD09"`.

    Returns
    -------
    lat, lng
        Degrees: numbers, or new arrays. `from_wgs84` of them is within 1e-6 m of the input, except
        in the strip that the notes describe.

    Raises
    ------
    ValueError
        If the datum is unknown, the shapes differ, or a position is not finite and in range.

    Notes
    -----
    The shift has no inverse formula. Let f be the shift and g the input. The function iterates
    w = g - (f(w) - w) from w = g. The iteration converges because f(w) - w changes by at most 4 %
    of a change of w.

    The function shifts a position back if the position or the result lies inside the outline. So
    `to_wgs84` of `from_wgs84` is the identity for every position inside. It is the identity outside
    too, except in a strip of up to 1.7 km along the outline. There a position in GCJ-02 may come
    from inside or be unshifted. The function chooses inside, because only maps that shift use
    GCJ-02. A position inside whose original would lie outside has no original. The function shifts
    it back too, because it is a shop that the outline cuts off.

    Examples
    --------
    >>> lat, lng = to_wgs84(31.2285, 121.4755, "GCJ02")
    >>> round(lat, 4), round(lng, 4)
    (31.2304, 121.471)
    """
    return _converted(lat, lng, datum, _unshift)


@overload
def from_wgs84(lat: float, lng: float, datum: Datum) -> tuple[float, float]: ...
@overload
def from_wgs84(lat: Floats, lng: Floats, datum: Datum) -> tuple[Floats, Floats]: ...
def from_wgs84(lat: Any, lng: Any, datum: Datum) -> tuple[Any, Any]:
    """Positions in `datum` of WGS-84 positions; inverse of `to_wgs84`, with the same parameters.

    Examples
    --------
    >>> from_wgs84(51.5, -0.1, "GCJ02")
    (51.5, -0.1)
    """
    return _converted(lat, lng, datum, _shift)


def _converted(lat: Any, lng: Any, datum: Datum, convert: _Conversion) -> tuple[Any, Any]:
    if datum not in DATUMS:
        raise ValueError(f"Expected a datum of {', '.join(DATUMS)}, got {datum!r}")
    lats, lngs = _degrees("lat", lat, 90.0), _degrees("lng", lng, 180.0)
    if lats.shape != lngs.shape:
        raise ValueError(f"Expected `lat` and `lng` of one shape, got {lats.shape}, {lngs.shape}")
    scalar = lats.ndim == 0
    out_lat, out_lng = lats.copy(), lngs.copy()
    if datum != "WGS84":
        convert(out_lat.reshape(-1), out_lng.reshape(-1), DATUMS.index(datum))
    return (float(out_lat), float(out_lng)) if scalar else (out_lat, out_lng)


def _degrees(name: str, given: ArrayLike, bound: float) -> Floats:
    values = np.asarray(given, np.float64)
    # Negated, so that NaN counts as wrong.
    wrong = ~(np.abs(values) <= bound)
    if wrong.any():
        worst = np.atleast_1d(values)[np.atleast_1d(wrong)][0]
        raise ValueError(f"Expected `{name}` in [-{bound:g}, {bound:g}], got {worst}")
    return values


@njit
def shifted(lat: float, lng: float, datum: int) -> tuple[float, float]:
    """Position in GCJ-02 or BD-09 of a WGS-84 position in range; for kernels."""
    return _shifted(lat, lng, datum) if in_mainland(lat, lng) else (lat, lng)


@inline_njit
def appearance(x: int, y: int, datum: int) -> tuple[int, int]:
    """Position in a datum of a stored WGS-84 position, both in column units; answers show it."""
    if datum == WGS84:
        return x, y
    lat, lng = shifted(y / UNITS_PER_DEGREE, x / UNITS_PER_DEGREE, datum)
    return int64(np.rint(lng * UNITS_PER_DEGREE)), int64(np.rint(lat * UNITS_PER_DEGREE))


def appearances(x: Floats, y: Floats, datum: Datum) -> tuple[Floats, Floats]:
    """`appearance` of many positions in degrees: lng and lat, float64, rounded to column units."""
    if datum == "WGS84":
        return x, y
    lat, lng = from_wgs84(y, x, datum)
    shown_x, shown_y = np.rint(lng * UNITS_PER_DEGREE), np.rint(lat * UNITS_PER_DEGREE)
    return shown_x / UNITS_PER_DEGREE, shown_y / UNITS_PER_DEGREE


def shift_range(box: tuple[float, float, float, float], datum: Datum) -> tuple[int, int, int, int]:
    """Bounds of the shift of positions whose `appearance` lies in a box.

    Parameters
    ----------
    box
        min_lng, min_lat, max_lng, max_lat in `datum`, degrees; a box across the antimeridian has
        min_lng > max_lng.

    Returns
    -------
    min_x, min_y, max_x, max_y
        Column units, position in `datum` minus stored position. The range holds the shift of two
        kinds of positions: those that appear in the box, and those that some shift in the range
        would bring there. All 0 if the box is so far from the outline that no shift applies.

    Notes
    -----
    Let f be the formula, c the centre of the box, (h, k) half its sides and f(w0) = c. Let w be a
    position inside the outline with f(w) in the box. Let D = |dx| + |dy| of w - w0. The shift of w
    differs from that of w0 by at most r = slope * D + root * sqrt(D) in each direction (`_SLOPES`),
    and D <= h + k + 2 r. As slope <= 0.04 and 2 root sqrt(D) <= D / 100 + 100 root**2,
    D <= 1.1 * (h + k + 2e-9), which is less than `apart` below. So r is at most `reach`. For the
    second kind, w plus a shift in the range lies in the box, so D <= h + k + 2 reach, which is less
    than `apart` too.

    A position outside the outline has shift 0. If the box with `_FARTHEST_SHIFT` around it is
    inside, no such position is of either kind. Otherwise the range is widened to hold 0.
    """
    min_lng, min_lat, max_lng, max_lat = box
    if datum == "WGS84":
        return 0, 0, 0, 0
    if min_lng > max_lng:
        min_lng, max_lng = -180.0, 180.0
    far = _FARTHEST_SHIFT
    west, east = max(min_lng, _WEST - far), min(max_lng, _EAST + far)
    south, north = max(min_lat, _SOUTH - far), min(max_lat, _NORTH + far)
    if west > east or south > north:
        return 0, 0, 0, 0
    lng, lat = 0.5 * (west + east), 0.5 * (south + north)
    from_lat, from_lng = _unshifted(lat, lng, DATUMS.index(datum))
    apart = 1.2 * (0.5 * (east - west) + 0.5 * (north - south) + 2e-9)
    reach = _SLOPES[datum] * apart + _ROOT_DEG * math.sqrt(apart)
    least_x, least_y, most_x, most_y = _SHIFTS[datum]
    least_x, most_x = max(least_x, lng - from_lng - reach), min(most_x, lng - from_lng + reach)
    least_y, most_y = max(least_y, lat - from_lat - reach), min(most_y, lat - from_lat + reach)
    around = shapely.box(min_lng - far, min_lat - far, max_lng + far, max_lat + far)
    if not _OUTLINE.contains_properly(around):
        if _OUTLINE.disjoint(around):
            return 0, 0, 0, 0
        least_x, least_y = min(0.0, least_x), min(0.0, least_y)
        most_x, most_y = max(0.0, most_x), max(0.0, most_y)
    # Ten units of slack for the rounding of both positions and of the inverse.
    low = [floor(degrees * UNITS_PER_DEGREE) - 10 for degrees in (least_x, least_y)]
    high = [ceil(degrees * UNITS_PER_DEGREE) + 10 for degrees in (most_x, most_y)]
    return low[0], low[1], high[0], high[1]


@njit
def _shift(lat: Floats, lng: Floats, datum: int) -> None:
    for i in range(lat.size):
        lat[i], lng[i] = shifted(lat[i], lng[i], datum)


@njit
def _unshift(lat: Floats, lng: Floats, datum: int) -> None:
    for i in range(lat.size):
        if (
            abs(lat[i] - 0.5 * (_SOUTH + _NORTH)) > 0.5 * (_NORTH - _SOUTH) + _FARTHEST_SHIFT
            or abs(lng[i] - 0.5 * (_WEST + _EAST)) > 0.5 * (_EAST - _WEST) + _FARTHEST_SHIFT
        ):
            continue
        from_lat, from_lng = _unshifted(lat[i], lng[i], datum)
        if in_mainland(from_lat, from_lng) or in_mainland(lat[i], lng[i]):
            lat[i], lng[i] = from_lat, from_lng


@njit
def in_mainland(lat: float, lng: float) -> bool:
    """Whether a WGS-84 position lies inside the outline, where the other datums shift it."""
    return _WEST <= lng <= _EAST and _SOUTH <= lat <= _NORTH and contains(_EDGES, lng, lat)


@njit
def _unshifted(lat: float, lng: float, datum: int) -> tuple[float, float]:
    found_lat, found_lng = lat, lng
    for _ in range(_INVERSE_STEPS):
        shifted_lat, shifted_lng = _shifted(found_lat, found_lng, datum)
        step_lat, step_lng = lat - shifted_lat, lng - shifted_lng
        found_lat += step_lat
        found_lng += step_lng
        if abs(step_lat) + abs(step_lng) < _SETTLED_DEG:
            break
    return found_lat, found_lng


@njit
def _shifted(lat: float, lng: float, datum: int) -> tuple[float, float]:
    lat, lng = _gcj02(lat, lng)
    return _bd09(lat, lng) if datum == BD09 else (lat, lng)


@njit
def _gcj02(lat: float, lng: float) -> tuple[float, float]:
    x, y = lng - 105.0, lat - 35.0
    turn = math.pi
    root = math.sqrt(abs(x))
    both = (20.0 * math.sin(6.0 * turn * x) + 20.0 * math.sin(2.0 * turn * x)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    north_m += (20.0 * math.sin(turn * y) + 40.0 * math.sin(turn / 3.0 * y)) * 2.0 / 3.0
    north_m += (160.0 * math.sin(turn / 12.0 * y) + 320.0 * math.sin(turn / 30.0 * y)) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    east_m += (20.0 * math.sin(turn * x) + 40.0 * math.sin(turn / 3.0 * x)) * 2.0 / 3.0
    east_m += (150.0 * math.sin(turn / 12.0 * x) + 300.0 * math.sin(turn / 30.0 * x)) * 2.0 / 3.0
    phi = math.radians(lat)
    w_squared = 1.0 - _ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    w = math.sqrt(w_squared)
    # Radii of curvature of the ellipsoid along the meridian and across it.
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / (w_squared * w)
    across_m = _SEMI_MAJOR_M / w * math.cos(phi)
    return lat + math.degrees(north_m / meridian_m), lng + math.degrees(east_m / across_m)


@njit
def _bd09(lat: float, lng: float) -> tuple[float, float]:
    length = math.hypot(lng, lat) + 0.00002 * math.sin(lat * _BD09_TURN)
    angle = math.atan2(lat, lng) + 0.000003 * math.cos(lng * _BD09_TURN)
    return length * math.sin(angle) + 0.006, length * math.cos(angle) + 0.0065


def warm() -> None:
    """Compile the kernels for the first query in another datum."""
    to_wgs84(*from_wgs84(31.0, 121.0, "BD09"), "BD09")
    shift_range((121.0, 31.0, 121.1, 31.1), "BD09")
