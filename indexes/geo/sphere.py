"""Great-circle distances in metres, and bounds on them that never drop a true result.

The Earth is a sphere here; roads, ellipsoids and heights do not count. Columns hold positions as
32-bit integers of 1e-7 degree (1.1 cm), `x` for longitude and `y` for latitude. Queries hold
positions as floats of the same unit.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indexes.arrays import F64, I32, I64
from indexes.jit import inline_njit, int64, njit, uint64

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth in metres (IUGG R1, Moritz 2000, "Geodetic Reference System 1980")."""

UNITS_PER_DEGREE = 10_000_000
"""Column units in a degree."""

HALF_TURN = 180.0 * UNITS_PER_DEGREE
FULL_TURN = 360.0 * UNITS_PER_DEGREE
RADIANS_PER_UNIT = math.pi / HALF_TURN

_DEGREES_PER_M = math.degrees(1.0 / EARTH_RADIUS_M)

# Bounds are relaxed by this factor and by these metres. The formulas have relative errors below
# 1e-14. `haversine_m` subtracts degrees, which adds an error of up to 3e-14 degree, or 3e-9 m, at
# any distance. The slack costs no pruning.
_SLACK = 1e-9
_SLACK_M = 1e-7
_SLACK_UNITS = 1e-5

_SMALL = 0.01
"""Greatest half angle, in radians, for which the series are exact: 127 km."""
_SMALL_UNITS = 0.99 * 2.0 * _SMALL / RADIANS_PER_UNIT
"""A difference in column units whose half is certainly below `_SMALL`."""
_LANES = 8
"""Vector width: the processor computes a multiple of this many distances without a remainder."""


class Place(NamedTuple):
    """Position and reach of a query, in degrees and metres; `circle_of` makes a circle of it."""

    lat: float
    lng: float
    radius_m: float  # infinite if an area limits the query instead
    min_lat: float  # least latitude of that area; not used if the radius is finite
    max_lat: float


class Circle(NamedTuple):
    """A position and a radius, with terms that the bounds use; `circle_of` makes it."""

    x: float  # longitude in column units
    y: float  # latitude in column units
    cosine: float  # of the latitude
    sine: float
    low_cosines: float  # lower bound of cos(lat) * cos(lat of any position inside)
    high_cosines: float  # upper bound of it
    wraps: bool  # whether longitudes are compared the short way round
    radius_m: float
    radius_haversine: float
    beyond_haversine: float  # a greater `lower_haversine` is farther than the radius


@inline_njit
def _sine(x: float) -> float:
    """Sine to the last place for |x| <= `_SMALL`: the terms of its series that still count."""
    x2 = x * x
    return x - x * x2 * (1.0 / 6.0 - x2 * (1.0 / 120.0 - x2 * (1.0 / 5040.0)))


@inline_njit
def _arcsine(x: float) -> float:
    """Arcsine to the last place for 0 <= x <= 2 * `_SMALL`, as `_sine`."""
    x2 = x * x
    return x + x * x2 * (
        1.0 / 6.0 + x2 * (3.0 / 40.0 + x2 * (15.0 / 336.0 + x2 * (105.0 / 3456.0)))
    )


@inline_njit
def _small_distance_m(cosine: float, sine: float, half_dy: float, half_dx: float) -> float:
    """`_distance_m` for differences up to `_SMALL`, without library calls."""
    sin_y = _sine(half_dy)
    sin_x = _sine(half_dx)
    y2 = sin_y * sin_y
    # cos_y is sqrt(1 - y2) by its series; `other` is the cosine of the other latitude, a sum.
    cos_y = 1.0 - y2 * (1.0 / 2.0 + y2 * (1.0 / 8.0 + y2 * (1.0 / 16.0)))
    other = cosine * (1.0 - 2.0 * y2) - sine * (2.0 * sin_y * cos_y)
    return 2.0 * EARTH_RADIUS_M * _arcsine(math.sqrt(y2 + cosine * other * sin_x * sin_x))


@inline_njit
def _distance_m(
    cosine: float, sine: float, half_dy: float, half_dx: float, other_lat: float
) -> float:
    """Metres between two positions.

    Parameters
    ----------
    cosine, sine
        Cosine and sine of the first latitude.
    half_dy, half_dx
        Half the differences of latitude and of longitude, in radians.
    other_lat
        The second latitude, in radians.
    """
    if abs(half_dy) <= _SMALL and abs(half_dx) <= _SMALL:
        # The usual case: the same value in a third of the time.
        return _small_distance_m(cosine, sine, half_dy, half_dx)
    sin_y = math.sin(half_dy)
    sin_x = math.sin(half_dx)
    h = sin_y * sin_y + cosine * math.cos(other_lat) * sin_x * sin_x
    return 2.0 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))


@njit
def haversine_m(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Great-circle distance in metres between two positions in degrees.

    Sinnott (1984), "Virtues of the Haversine"; well conditioned for small distances. Filters,
    orders and reports use `point_distance_m`, which differs by the rounding of degrees to units.

    Examples
    --------
    >>> round(haversine_m(31.2304, 121.4737, 31.2397, 121.4998))
    2688
    """
    here, there = math.radians(lat1), math.radians(lat2)
    half_dy = math.radians(lat2 - lat1) * 0.5
    half_dx = math.radians(lng2 - lng1) * 0.5
    return _distance_m(math.cos(here), math.sin(here), half_dy, half_dx, there)


def to_units(degrees: ArrayLike) -> NDArray[np.int32]:
    """Degrees as column units, int32, rounded to the nearest 1e-7 degree.

    Raises
    ------
    ValueError
        If a value is not finite or not in [-180, 180].
    """
    values = np.asarray(degrees, dtype=np.float64)
    bad = ~(np.abs(values) <= 180.0)
    if bad.any():
        raise ValueError(f"Expected degrees in [-180, 180], got {values[bad].flat[0]!r}")
    return np.rint(values * UNITS_PER_DEGREE).astype(np.int32)


@inline_njit
def cosine_range(min_lat: float, max_lat: float) -> tuple[float, float]:
    """Least and greatest cosine of the latitudes between two, in degrees."""
    farthest = max(-min_lat, max_lat)
    smallest = math.cos(math.radians(farthest)) if farthest < 90.0 else 0.0
    if min_lat <= 0.0 <= max_lat:
        return smallest, 1.0
    return smallest, math.cos(math.radians(min(abs(min_lat), abs(max_lat))))


@inline_njit
def gap(low: float, high: float, value: float) -> float:
    """Distance from `value` to the interval [low, high]; 0 inside."""
    return max(low - value, value - high, 0.0)


@inline_njit
def lng_gap(low: float, high: float, x: float, wraps: bool) -> float:
    """Longitude units from `x` to [low, high], at most a half turn.

    With `wraps` the way over the antimeridian counts too.
    """
    apart = gap(low, high, x)
    if wraps:
        apart = min(apart, gap(low, high, x + FULL_TURN), gap(low, high, x - FULL_TURN))
    return min(apart, HALF_TURN)


@inline_njit
def at_least_m(haversine: float) -> float:
    """Lower bound in metres of a distance, from a lower bound of its haversine.

    With `lower_haversine` it never exceeds the true distance, poles and antimeridian included.
    """
    return max(0.0, 2.0 * EARTH_RADIUS_M * math.sqrt(haversine) * (1.0 - _SLACK) - _SLACK_M)


@inline_njit
def lower_haversine(dy: float, dx: float, cosines: float) -> float:
    """Lower bound of the haversine of the angle between two positions, but for rounding.

    Parameters
    ----------
    dy, dx
        Lower bounds of the differences of latitude and of longitude, in column units; dx is at
        most a half turn.
    cosines
        Lower bound of the product of the cosines of both latitudes.

    Notes
    -----
    hav(d) = hav(dy) + cos p1 cos p2 hav(dx), and hav(a) = (1 - cos a)/2 >= a^2/4 - a^4/48 >= 0 for
    0 <= a <= pi (the series of the cosine alternates), increasing in each difference; and
    d = 2R asin sqrt(hav) >= 2R sqrt(hav).
    """
    a = dy * RADIANS_PER_UNIT
    b = dx * RADIANS_PER_UNIT
    a2 = a * a
    b2 = b * b
    return a2 * (0.25 - a2 / 48.0) + cosines * b2 * (0.25 - b2 / 48.0)


@inline_njit
def upper_haversine(dy: float, dx: float, cosines: float) -> float:
    """Upper bound of the haversine of the angle between two positions.

    Takes upper bounds of what `lower_haversine` takes lower bounds of; hav(a) <= a^2/4. Compare
    the result with `haversine_of(radius_m)`.
    """
    a = (dy + _SLACK_UNITS) * RADIANS_PER_UNIT
    b = (dx + _SLACK_UNITS) * RADIANS_PER_UNIT
    return (a * a + cosines * b * b) * 0.25 * (1.0 + _SLACK)


@inline_njit
def haversine_of(radius_m: float) -> float:
    """Haversine of the angle of a distance in metres; infinite for an infinite distance."""
    if radius_m == math.inf:
        return math.inf
    return math.sin(min(math.pi, radius_m / EARTH_RADIUS_M) * 0.5) ** 2


@inline_njit
def beyond_haversine(metres: float) -> float:
    """Inverse of `at_least_m`: a greater `lower_haversine` is farther than `metres`."""
    return ((metres + _SLACK_M) / (2.0 * EARTH_RADIUS_M * (1.0 - _SLACK))) ** 2


@njit
def circle_of(place: Place) -> Circle:
    """The circle of all positions within the radius, or in the latitudes, of a place."""
    min_lat = place.min_lat
    max_lat = place.max_lat
    reach = 180.0
    if place.radius_m < math.inf:
        # Slightly more than the radius, so that rounding cannot exclude a latitude.
        reach = place.radius_m * _DEGREES_PER_M * (1.0 + 1e-9) + 1e-9
        min_lat = place.lat - reach
        max_lat = place.lat + reach
    low, high = cosine_range(min_lat, max_lat)
    cosine = math.cos(math.radians(place.lat))
    sine = math.sin(math.radians(place.lat))
    # A path of `reach` degrees changes the longitude by at most `reach` divided by the least
    # cosine on the path, which is 0 if a pole is inside.
    wraps = low <= 0.0 or abs(place.lng) + reach / low >= 180.0
    return Circle(
        place.lng * UNITS_PER_DEGREE,
        place.lat * UNITS_PER_DEGREE,
        cosine,
        sine,
        cosine * low,
        cosine * high,
        wraps,
        place.radius_m,
        haversine_of(place.radius_m),
        beyond_haversine(place.radius_m),
    )


@njit
def circle_around(lat: float, lng: float, radius_m: float) -> Circle:
    """The circle of all positions at most `radius_m` from a WGS-84 position in degrees."""
    return circle_of(Place(lat, lng, radius_m, -90.0, 90.0))


# --- positions and boxes in columns, seen from a circle ------------------------------------------


@inline_njit
def _circle_distance_m(circle: Circle, x: int, y: int) -> float:
    """Metres from the centre to a position in column units."""
    return _distance_m(
        circle.cosine,
        circle.sine,
        (y - circle.y) * (0.5 * RADIANS_PER_UNIT),
        (x - circle.x) * (0.5 * RADIANS_PER_UNIT),
        y * RADIANS_PER_UNIT,
    )


@inline_njit
def box_distance_m(node_box: I32, circle: Circle, node: int) -> float:
    """Lower bound in metres of the distance to a node's box; boxes are int32[4, n]."""
    return reach_m(node_box, circle, node, at_least_m(_box_haversine(node_box, circle, node)))


@inline_njit
def reach_m(node_box: I32, circle: Circle, node: int, lower_m: float) -> float:
    """`lower_m`, or the exact distance if the box is one position.

    Shops of one mall share a position. The exact distance lets the search see ties with them.
    """
    if node_box[0, node] == node_box[2, node] and node_box[1, node] == node_box[3, node]:
        return _circle_distance_m(circle, node_box[0, node], node_box[1, node])
    return lower_m


@inline_njit
def _box_haversine(node_box: I32, circle: Circle, node: int) -> float:
    """`lower_haversine` of the centre and a node's box."""
    dy = gap(float(node_box[1, node]), float(node_box[3, node]), circle.y)
    dx = lng_gap(float(node_box[0, node]), float(node_box[2, node]), circle.x, circle.wraps)
    return lower_haversine(dy, dx, circle.low_cosines)


@inline_njit
def box_is_inside(node_box: I32, circle: Circle, node: int) -> bool:
    """Whether every position of a node's box is within the radius; False if uncertain."""
    min_x = float(node_box[0, node])
    max_x = float(node_box[2, node])
    x = circle.x
    if circle.wraps:
        middle = 0.5 * (min_x + max_x)
        if middle - x > 0.5 * FULL_TURN:
            x += FULL_TURN
        elif x - middle > 0.5 * FULL_TURN:
            x -= FULL_TURN
    dy = max(abs(node_box[1, node] - circle.y), abs(node_box[3, node] - circle.y))
    dx = max(abs(min_x - x), abs(max_x - x))
    # If dy exceeds the radius, the first term alone fails the comparison. Otherwise all latitudes
    # of the box lie within the range that `high_cosines` bounds.
    return upper_haversine(dy, dx, circle.high_cosines) <= circle.radius_haversine


@inline_njit
def point_distance_m(position: I32, circle: Circle, at: int) -> float:
    """Metres from the centre to a position; positions are int32[n, 2], x and y.

    Filters, orders and reports use this number, and no other distance.
    """
    return _circle_distance_m(circle, position[at, 0], position[at, 1])


@inline_njit
def point_is_within(position: I32, circle: Circle, at: int) -> bool:
    """Whether a position is within the radius; exact, and mostly without the distance."""
    where = _point_where(position, circle, at)
    return where > 0 or (where == 0 and point_distance_m(position, circle, at) <= circle.radius_m)


@inline_njit
def _point_where(position: I32, circle: Circle, at: int) -> int:
    """1 if a position is certainly inside, -1 if outside, 0 if only the distance can decide."""
    x, y = float(position[at, 0]), float(position[at, 1])
    dx = lng_gap(x, x, circle.x, circle.wraps)
    dy = abs(y - circle.y)
    inside = upper_haversine(dy, dx, circle.high_cosines) <= circle.radius_haversine
    outside = lower_haversine(dy, dx, circle.low_cosines) > circle.beyond_haversine
    return int64(inside) - int64(outside)


@inline_njit
def box_where(node_box: I32, circle: Circle, node: int) -> int:
    """1 if a node's box is certainly inside, -1 if outside, 0 if it crosses or is uncertain."""
    outside = _box_haversine(node_box, circle, node) > circle.beyond_haversine
    return int64(box_is_inside(node_box, circle, node)) - int64(outside)


# --- several at once -----------------------------------------------------------------------------

# These loops have no branch, so that the compiler vectorises them. Indices are unsigned, because
# Numba treats a negative signed index as counted from the end.


@inline_njit
def fill_boxes(node_box: I32, circle: Circle, first: int, end: int, haversines: F64) -> None:
    """Fill `haversines` with `lower_haversine` of the centre and boxes `first` to before `end`.

    Parameters
    ----------
    haversines
        float64[n], n at least `end - first`; compare them with `beyond_haversine`.
    """
    start = uint64(first)
    for at in range(uint64(end) - start):
        haversines[at] = _box_haversine(node_box, circle, start + at)


@inline_njit
def fill_boxes_m(node_box: I32, circle: Circle, first: int, end: int, lower_m: F64) -> None:
    """Fill `lower_m` with lower bounds in metres for boxes `first` to before `end`.

    Parameters
    ----------
    lower_m
        float64[n], n at least `end - first`; `reach_m` tightens them.
    """
    start = uint64(first)
    for at in range(uint64(end) - start):
        lower_m[at] = at_least_m(_box_haversine(node_box, circle, start + at))


@inline_njit
def fill_points_m(
    position: I32, circle: Circle, places: I64, count: int, offset: F64, metres: F64
) -> None:
    """Fill `metres` with `point_distance_m` of the positions at the first `count` places.

    The positions may lie far apart in memory. The first loop has no branch, so the processor waits
    for all of them at once.

    Parameters
    ----------
    places, metres
        int64[n] and float64[n], n at least `count` and a multiple of 8. Metres after the first
        `count` may be overwritten.
    offset
        float64[2, n], working memory.
    """
    small = True
    for at in range(uint64(count)):
        offset[0, at] = position[places[at], 1] - circle.y
        offset[1, at] = position[places[at], 0] - circle.x
        small &= (abs(offset[0, at]) <= _SMALL_UNITS) & (abs(offset[1, at]) <= _SMALL_UNITS)
    for at in range(uint64((count + _LANES - 1) & -_LANES)):
        metres[at] = _small_distance_m(
            circle.cosine,
            circle.sine,
            offset[0, at] * (0.5 * RADIANS_PER_UNIT),
            offset[1, at] * (0.5 * RADIANS_PER_UNIT),
        )
    if not small:
        for at in range(uint64(count)):
            metres[at] = point_distance_m(position, circle, places[at])


@inline_njit
def fill_reached(node_box: I32, circle: Circle, first: int, end: int, within: I64) -> None:
    """Fill `within` with `box_where` of boxes `first` to before `end`.

    Parameters
    ----------
    within
        int64[n], n at least `end - first`.
    """
    start = uint64(first)
    for at in range(uint64(end) - start):
        within[at] = box_where(node_box, circle, start + at)


@inline_njit
def fill_within(position: I32, circle: Circle, first: int, end: int, within: I64) -> None:
    """Fill `within` for positions `first` to before `end`: 1 inside, -1 outside, 0 unknown.

    Few positions near the edge are unknown; `point_is_within` decides them.

    Parameters
    ----------
    within
        int64[n], n at least `end - first`.
    """
    start = uint64(first)
    # Always true. It gives the compiler the stride, without which the loop is not vectorised.
    if position.shape[1] == 2:
        for at in range(uint64(end) - start):
            within[at] = _point_where(position, circle, start + at)
