"""Positions in WGS-84, GCJ-02 and BD-09, converted either way.

Useful for: positions from Chinese maps. GCJ-02 (Amap, Tencent) shifts a position by up to 730 m
inside China; BD-09 (Baidu) shifts it further.
Not useful for: surveying. The shift is smooth but made up, and no authority publishes it. The
formulas are those every map tool uses: `wgtochina_lb` as ported in
https://github.com/googollee/eviltransform and https://github.com/wandergis/coordtransform.

"China" is the box of these formulas, 72.004 to 137.8347 E and 0.8293 to 55.8271 N, neighbours
included: a service that speaks GCJ-02 shifts all of it. Outside, all three are the same, BD-09
too. At the sides of the box the shift begins with a jump: within 2 km of them a position has no
certain inverse. No land of China lies there.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indexes.jit import njit

Datum: TypeAlias = Literal["WGS84", "GCJ02", "BD09"]
Floats: TypeAlias = NDArray[np.float64]
_Conversion: TypeAlias = Callable[[Floats, Floats, int], None]

DATUMS: tuple[Datum, ...] = get_args(Datum)
WGS84, GCJ02, BD09 = range(len(DATUMS))
"""Indices of `DATUMS`, for kernels."""

# Krasovsky 1940, as the formula has it.
_SEMI_MAJOR_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_WEST, _EAST = 72.004, 137.8347
_SOUTH, _NORTH = 0.8293, 55.8271
_BD09_TURN = math.pi * 3000.0 / 180.0

# A step of the inverse shrinks the error by the slope of the shift, measured below 0.01 for
# GCJ-02 and 0.03 for BD-09 everywhere in the box: 1.6 km become 1e-11 degree in 4 to 6 steps.
_INVERSE_STEPS = 8
_SETTLED_DEG = 1e-11


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
        Degrees, as given: numbers or new arrays. `from_wgs84` of them is within 1e-6 m of the
        input over China.

    Raises
    ------
    ValueError
        If the datum is another, the shapes differ, or a position is not finite and in range.

    Notes
    -----
    The shift has no inverse formula. If f shifts, w = g - (f(w) - w) is iterated from w = g; it
    converges because the shift f(w) - w changes by at most 3 % of a change of w.

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
    """Positions in `datum` of WGS-84 positions; the other way of `to_wgs84`, same parameters.

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
    # Written so that NaN is refused too.
    wrong = ~(np.abs(values) <= bound)
    if wrong.any():
        worst = np.atleast_1d(values)[np.atleast_1d(wrong)][0]
        raise ValueError(f"Expected `{name}` in [-{bound:g}, {bound:g}], got {worst}")
    return values


@njit
def shifted(lat: float, lng: float, datum: int) -> tuple[float, float]:
    """Position in a datum other than WGS-84 of one in WGS-84, both in range; for kernels."""
    return _shifted(lat, lng, datum) if _in_china(lat, lng) else (lat, lng)


@njit
def _shift(lat: Floats, lng: Floats, datum: int) -> None:
    for i in range(lat.size):
        lat[i], lng[i] = shifted(lat[i], lng[i], datum)


@njit
def _unshift(lat: Floats, lng: Floats, datum: int) -> None:
    for i in range(lat.size):
        if _in_china(lat[i], lng[i]):
            lat[i], lng[i] = _unshifted(lat[i], lng[i], datum)


@njit
def _in_china(lat: float, lng: float) -> bool:
    return _WEST <= lng <= _EAST and _SOUTH <= lat <= _NORTH


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
