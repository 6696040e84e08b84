"""The distance against a slow twin, and bounds that are never on the wrong side of it."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.geo import sphere
from indexes.geo.sphere import (
    EARTH_RADIUS_M,
    FULL_TURN,
    HALF_TURN,
    UNITS_PER_DEGREE,
    Circle,
    at_least_m,
    circle_around,
    cosine_range,
    fill_points_m,
    fill_within,
    gap,
    haversine_m,
    haversine_of,
    lng_gap,
    lower_haversine,
    point_distance_m,
    to_units,
    upper_haversine,
)

Point = tuple[float, float]
"""Latitude and longitude in column units, whole numbers in a float as columns give them."""

LATS = (-90.0, -89.9999999, -45.0, -1e-7, 0.0, 1e-7, 31.2304, 60.0, 89.9999999, 90.0)
LNGS = (-180.0, -179.9999999, -90.0, -1e-7, 0.0, 1e-7, 121.4737, 179.9999999, 180.0)
EXAMPLES = settings(max_examples=500)


def awkward(limit: float, favourites: tuple[float, ...]) -> st.SearchStrategy[float]:
    """Whole column units: known trouble, a few units beside it, or anything."""
    whole = st.sampled_from([round(value * UNITS_PER_DEGREE) for value in favourites])
    near = st.builds(lambda value, off: value + off, whole, st.integers(-3, 3))
    bound = round(limit * UNITS_PER_DEGREE)
    anywhere = st.integers(-bound, bound)
    return st.one_of(whole, near, anywhere).map(lambda value: float(max(-bound, min(bound, value))))


LAT, LNG = awkward(90.0, LATS), awkward(180.0, LNGS)
POINT = st.tuples(LAT, LNG)
APART = st.one_of(st.integers(-5, 5), st.integers(-100_000, 100_000), st.integers(-(10**9), 10**9))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Point, Point]:
    """Two points, mostly near each other, sometimes the same, sometimes across the antimeridian."""
    lat, lng = draw(POINT)
    other_lat = max(-9e8, min(9e8, lat + draw(APART)))
    other_lng = lng + draw(APART)
    other_lng -= FULL_TURN * (other_lng > HALF_TURN) - FULL_TURN * (other_lng < -HALF_TURN)
    return (lat, lng), (other_lat, other_lng)


def degrees(units: float) -> float:
    return units / UNITS_PER_DEGREE


def metres(here: Point, there: Point) -> float:
    return haversine_m(degrees(here[0]), degrees(here[1]), degrees(there[0]), degrees(there[1]))


def by_vectors(here: Point, there: Point) -> float:
    """The same arc from the chord between two unit vectors."""
    ends = []
    for lat, lng in (here, there):
        p, q = math.radians(degrees(lat)), math.radians(degrees(lng))
        ends.append((math.cos(p) * math.cos(q), math.cos(p) * math.sin(q), math.sin(p)))
    return 2.0 * EARTH_RADIUS_M * math.asin(min(1.0, math.dist(*ends) / 2.0))


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ((0.0, 0.0), (0.0, 180.0), math.pi * EARTH_RADIUS_M),
        ((90.0, 0.0), (-90.0, 77.0), math.pi * EARTH_RADIUS_M),
        ((90.0, -33.0), (90.0, 120.0), 0.0),
        ((0.0, 179.5), (0.0, -179.5), math.radians(1.0) * EARTH_RADIUS_M),
        ((60.0, 10.0), (60.0, 10.0), 0.0),
        ((0.0, 0.0), (1.0, 0.0), 111_195.0802),  # a degree on a sphere of 6 371 008.8 m
    ],
)
def test_known_distances(here: Point, there: Point, expected: float) -> None:
    assert haversine_m(*here, *there) == pytest.approx(expected, rel=1e-9, abs=1e-8)


@given(pairs())
@EXAMPLES
def test_distance_is_that_of_the_vectors(pair: tuple[Point, Point]) -> None:
    here, there = pair
    exact = by_vectors(here, there)
    assert metres(here, there) == pytest.approx(exact, rel=1e-6, abs=1e-6 if exact < 1e7 else 1.0)
    assert metres(here, there) == pytest.approx(metres(there, here), rel=1e-12, abs=1e-12)


def by_sines(here: Point, there: Point) -> float:
    """The haversine as it is written in books, by the functions of the standard library."""
    (p, q), (r, s) = ((math.radians(degrees(units)) for units in point) for point in (here, there))
    h = math.sin((r - p) / 2.0) ** 2 + math.cos(p) * math.cos(r) * math.sin((s - q) / 2.0) ** 2
    return 2.0 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))


@given(POINT, st.floats(-1.1, 1.1), st.floats(-1.1, 1.1))
@EXAMPLES
def test_series_are_exact(here: Point, north: float, east: float) -> None:
    """Where they are used, up to 127 km, and just behind."""
    there = (
        max(-9e8, min(9e8, here[0] + north * UNITS_PER_DEGREE)),
        max(-18e8, min(18e8, here[1] + east * UNITS_PER_DEGREE)),
    )
    assert metres(here, there) == pytest.approx(by_sines(here, there), rel=1e-12, abs=1e-8)


@given(POINT)
def test_a_point_is_at_no_distance_from_itself(point: Point) -> None:
    assert metres(point, point) == 0.0


# --- bounds --------------------------------------------------------------------------------------


def lower(here: Point, there: Point) -> float:
    dy, dx = abs(here[0] - there[0]), lng_gap(there[1], there[1], here[1], True)
    return at_least_m(lower_haversine(dy, dx, cosine(here) * cosine(there)))


def cosine(point: Point) -> float:
    return max(0.0, math.cos(math.radians(degrees(point[0]))))


@given(pairs())
@EXAMPLES
def test_lower_bound_is_never_above_the_distance(pair: tuple[Point, Point]) -> None:
    assert 0.0 <= lower(*pair) <= metres(*pair)


@given(pairs())
@EXAMPLES
def test_lower_bound_is_tight_where_it_matters(pair: tuple[Point, Point]) -> None:
    """Within a city a bound loses a millionth; a bound of 0 would be admissible and useless."""
    exact = metres(*pair)
    if exact < 50_000.0:
        near_pole = 90.0 - abs(degrees(pair[0][0])) < 1.0
        assert lower(*pair) >= exact * (0.5 if near_pole else 1.0 - 1e-4) - 2e-7


@given(pairs())
@EXAMPLES
def test_upper_haversine_is_never_below(pair: tuple[Point, Point]) -> None:
    """Where it says "within the radius", the distance that filters says so too."""
    here, there = pair
    dy, dx = abs(here[0] - there[0]), lng_gap(there[1], there[1], here[1], True)
    bound = upper_haversine(dy, dx, cosine(here) * cosine(there))
    exact = metres(here, there)
    for radius_m in (exact, math.nextafter(exact, 0.0), exact - 1e-9, exact * (1.0 - 1e-12)):
        if 0.0 <= radius_m < exact:
            assert bound > haversine_of(radius_m)
    # Not vacuous: a little more than the distance is recognised as enough.
    if 1.0 < exact < 50_000.0 and abs(degrees(here[0])) < 89.0:
        assert bound <= haversine_of(exact * (1.0 + 1e-4))


def test_zero_apart_is_not_certainly_within_nothing() -> None:
    assert at_least_m(lower_haversine(0.0, 0.0, 1.0)) == 0.0
    assert upper_haversine(0.0, 0.0, 1.0) > haversine_of(0.0)


@given(POINT, st.tuples(LAT, LAT), st.tuples(LNG, LNG), st.floats(0, 1), st.floats(0, 1))
@EXAMPLES
def test_bound_of_a_box_holds_for_its_points(
    here: Point, lats: Point, lngs: Point, up: float, along: float
) -> None:
    min_y, max_y = sorted(lats)
    min_x, max_x = sorted(lngs)
    there = (
        min(max_y, max(min_y, float(round(min_y + up * (max_y - min_y))))),
        min(max_x, max(min_x, float(round(min_x + along * (max_x - min_x))))),
    )
    low, high = cosine_range(degrees(min_y), degrees(max_y))
    assert low <= cosine(there) <= high
    dy = gap(min_y, max_y, here[0])
    dx = lng_gap(min_x, max_x, here[1], True)
    assert 0.0 <= dx <= HALF_TURN
    assert at_least_m(lower_haversine(dy, dx, cosine(here) * low)) <= metres(here, there)


def noted(here: Point, there: Point, radius_m: float) -> int:
    """What `fill_within` says of a point between two others that are far away."""
    circle = circle_around(degrees(here[0]), degrees(here[1]), radius_m)
    far = (-here[1], -here[0])
    position = np.array([far, there[::-1], far], np.int32)
    within = np.full(2, 7, np.int64)
    fill_within(position, circle, 1, 2, within)
    assert within[1] == 7, "no more is written than was asked"
    return int(within[0])


@given(pairs(), st.floats(0.0, 2.0))
@EXAMPLES
def test_who_is_noted_inside_is_and_who_is_noted_outside_is_not(
    pair: tuple[Point, Point], share: float
) -> None:
    exact = metres(*pair)
    for radius_m in (exact, math.nextafter(exact, -1.0), exact * share, math.inf):
        if radius_m >= 0.0:
            assert noted(*pair, radius_m) != (-1 if exact <= radius_m else 1)


@given(pairs(), st.floats(1.0, 50_000.0))
@EXAMPLES
def test_only_who_is_near_the_edge_stays_unknown(
    pair: tuple[Point, Point], radius_m: float
) -> None:
    exact = metres(*pair)
    if abs(degrees(pair[0][0])) < 60.0 and abs(exact - radius_m) > 0.02 * radius_m:
        assert noted(*pair, radius_m) == (1 if exact <= radius_m else -1)


def circle_at(here: Point) -> Circle:
    return circle_around(degrees(here[0]), degrees(here[1]), 50_000.0)


@given(pairs())
@EXAMPLES
def test_distance_of_columns_is_that_of_degrees(pair: tuple[Point, Point]) -> None:
    here, there = pair
    position = np.array([there[::-1]], np.int32)
    found = point_distance_m(position, circle_at(here), 0)
    assert found == pytest.approx(metres(here, there), rel=1e-9, abs=1e-8)


@given(POINT, st.lists(APART, min_size=32, max_size=32), st.integers(1, 16))
@EXAMPLES
def test_distances_are_the_same_in_any_company(here: Point, apart: list[int], count: int) -> None:
    """Several at once or alone, near or far, to the last bit: or ties would not be ties."""
    lat = np.clip(here[0] + np.array(apart[:16]), -9e8, 9e8)
    lng = np.clip(here[1] + np.array(apart[16:]), -18e8, 18e8)
    position = np.column_stack([lng, lat]).astype(np.int32)
    places = np.arange(16)[::-1].copy()
    found = np.full(16, -7.0)
    fill_points_m(position, circle_at(here), places, count, np.zeros((2, 16)), found)
    alone = [point_distance_m(position, circle_at(here), place) for place in places[:count]]
    assert found[:count].tolist() == alone


@pytest.mark.parametrize(
    ("name", "value"), [("_SLACK", -1e-9), ("_SLACK_M", 0.0), ("_SLACK_UNITS", 0.0)]
)
def test_the_slacks_are_needed(name: str, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: without each of them some distance of the table is on the wrong side."""
    cases = [
        ((lat, lng), (lat + dy, lng + dx))
        for lat in (0.0, 312_304_567.0, 600_000_001.0, 899_999_990.0, 9e8 - 3)
        for lng in (0.0, 1.2e9)
        for dy in (0.0, 1.0, 2.0, 3.0)
        for dx in (0.0, 1.0, 7.0, 1e5)
    ]
    assert not wrong_sides(cases)
    monkeypatch.setattr(sphere, name, value)
    assert wrong_sides(cases)


def wrong_sides(cases: list[tuple[Point, Point]]) -> int:
    """Bounds on the wrong side, as plain Python, so that a changed constant counts."""
    below = getattr(sphere.at_least_m, "py_func", sphere.at_least_m)
    above = getattr(sphere.upper_haversine, "py_func", sphere.upper_haversine)
    beyond = getattr(sphere.beyond_haversine, "py_func", sphere.beyond_haversine)
    wrong = 0
    for here, there in cases:
        dy, dx = abs(here[0] - there[0]), abs(here[1] - there[1])
        cosines, exact = cosine(here) * cosine(there), metres(here, there)
        haversine = lower_haversine(dy, dx, cosines)
        wrong += below(haversine) > exact
        wrong += haversine > beyond(exact)
        just_less = math.nextafter(exact, -1.0)
        wrong += just_less >= 0.0 and above(dy, dx, cosines) <= haversine_of(just_less)
    return wrong


# --- pieces --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "x", "wraps", "expected"),
    [
        (0.0, 10.0, 5.0, False, 0.0),
        (0.0, 10.0, 12.0, False, 2.0),
        (0.0, 10.0, -3.0, False, 3.0),
        (179.0, 180.0, -180.0, True, 0.0),
        (179.0, 180.0, -179.0, True, 1.0),
        (-180.0, -179.0, 179.5, True, 0.5),
        (-180.0, 180.0, 33.0, True, 0.0),
        (0.0, 0.0, 180.0, True, 180.0),
        (179.0, 180.0, -179.0, False, 180.0),  # 358, which no path is as long as
    ],
)
def test_lng_gap(low: float, high: float, x: float, wraps: bool, expected: float) -> None:
    units = UNITS_PER_DEGREE
    assert lng_gap(low * units, high * units, x * units, wraps) == expected * units


@pytest.mark.parametrize(
    ("low", "high", "least", "most"),
    [
        (-10.0, 10.0, 10.0, 0.0),
        (10.0, 20.0, 20.0, 10.0),
        (-20.0, -10.0, 20.0, 10.0),
        (-60.0, 10.0, 60.0, 0.0),
        (80.0, 95.0, 90.0, 80.0),
        (-95.0, 95.0, 90.0, 0.0),
    ],
)
def test_cosine_range(low: float, high: float, least: float, most: float) -> None:
    found = cosine_range(low, high)
    assert found == pytest.approx(
        (math.cos(math.radians(least)), math.cos(math.radians(most))), abs=1e-15
    )
    assert found[0] >= 0.0


def test_haversine_of_a_distance() -> None:
    assert haversine_of(0.0) == 0.0
    assert haversine_of(math.inf) == math.inf
    assert haversine_of(1e9) == 1.0, "no distance is longer than half way round"
    assert haversine_of(math.pi * EARTH_RADIUS_M / 2) == pytest.approx(0.5)


def test_units_are_rounded_to_the_nearest() -> None:
    units = to_units([0.0, 1e-7, 0.4e-7, 0.6e-7, -180.0, 180.0, 121.4737])
    assert units.dtype == np.int32
    assert units.tolist() == [0, 1, 0, 1, -1_800_000_000, 1_800_000_000, 1_214_737_000]


@pytest.mark.parametrize("value", [180.0000001, -181.0, math.nan, math.inf])
def test_units_refuse_what_is_no_position(value: float) -> None:
    with pytest.raises(ValueError, match=re.escape("in [-180, 180], got")):
        to_units([0.0, value])
