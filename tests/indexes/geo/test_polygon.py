"""The kernels agree with shapely away from edges, and boxes agree with the points they hold."""

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from indexes.geo.polygon import (
    BLOCK_EDGES,
    CROSSES,
    INSIDE,
    MARGIN_DEG,
    OUTSIDE,
    PreparedPolygon,
    box_relation,
    contains,
    from_geojson,
    from_shapely,
)

SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
HOLE = [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]
COUNTS: Counter[str] = Counter()

# Corners on a coarse grid share lines, meet points and make horizontal edges and spikes; on a
# fine one they are within the margin of each other. Poles and antimeridian are on both.
STEPS = st.sampled_from([1.0, 1e-7, 1e-9, 1e-11])
CENTRES = st.sampled_from(
    [(0.0, 0.0), (121.47, 31.23), (180.0, 0.0), (-180.0, -90.0), (180.0, 90.0), (-0.1, 51.5)]
)


@st.composite
def grids(draw: st.DrawFn) -> Any:
    step = draw(STEPS)
    centre = draw(CENTRES)

    def at(cell: tuple[int, int]) -> tuple[float, float]:
        x = min(180.0, max(-180.0, centre[0] + cell[0] * step))
        return x, min(90.0, max(-90.0, centre[1] + cell[1] * step))

    return at


CELLS = st.tuples(st.integers(-6, 6), st.integers(-6, 6))


@st.composite
def polygons(draw: st.DrawFn) -> tuple[PreparedPolygon, Any]:
    """Draw repaired polygons from rings of any shape, mostly crossing themselves."""
    at = draw(grids())
    rings = st.lists(CELLS, min_size=3, max_size=12).map(lambda cells: [at(c) for c in cells])
    parts = draw(st.lists(st.lists(rings, min_size=1, max_size=2), min_size=1, max_size=3))
    geometry = shapely.MultiPolygon([shapely.Polygon(p[0], p[1:]) for p in parts])
    try:
        polygon = from_shapely(geometry)
    except ValueError:
        assume(False)  # without an area
    assert polygon.geometry.is_valid
    return polygon, at


@st.composite
def points(draw: st.DrawFn, polygon: PreparedPolygon, at: Any) -> tuple[float, float]:
    """Draw points on grid lines, in the middle of edges, and one step of a float from both."""
    if draw(st.booleans()):
        x, y = at(draw(CELLS))
    else:
        edge = polygon.edges[draw(st.integers(0, len(polygon.edges) - 1))]
        part = draw(st.sampled_from([0.0, 0.5, 1.0, 0.3]))
        x = float(edge[0] + part * (edge[2] - edge[0]))
        y = float(edge[1] + part * (edge[3] - edge[1]))
    towards = st.sampled_from([None, -math.inf, math.inf])
    size = draw(st.sampled_from([0.0, 0.0, 2e-9, 1e-7, 0.5]))
    for step in (draw(towards), draw(towards)):
        x, y = y, x if step is None else float(np.nextafter(x, step)) + math.copysign(size, step)
    # Where numbers are below 1e-300, products of them vanish; shapely warns and stops.
    return (x if abs(x) > 1e-300 else 0.0), (y if abs(y) > 1e-300 else 0.0)


def border_distance(geometry: BaseGeometry, x: float, y: float) -> float:
    return float(shapely.distance(geometry.boundary, shapely.Point(x, y)))


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_points_agree_with_shapely(data: st.DataObject) -> None:
    polygon, at = data.draw(polygons())
    for _ in range(5):
        x, y = data.draw(points(polygon, at))
        got = contains(polygon.edges, x, y)
        if border_distance(polygon.geometry, x, y) > 1e-12:
            assert got == polygon.geometry.contains(shapely.Point(x, y)), (x, y)
            COUNTS["inside" if got else "outside"] += 1
        else:
            COUNTS["border"] += 1


@st.composite
def boxes(draw: st.DrawFn, polygon: PreparedPolygon, at: Any) -> tuple[list[float], list[float]]:
    """Draw boxes between two points, and small ones at a point and in the midst of the polygon."""
    corner = draw(points(polygon, at))
    kind = draw(st.sampled_from(["between", "at", "midst"]))
    if kind == "between":
        other = draw(points(polygon, at))
        return sorted([corner[0], other[0]]), sorted([corner[1], other[1]])
    if kind == "midst":
        middle = polygon.geometry.representative_point()
        corner = (middle.x, middle.y)
    size = draw(st.sampled_from([0.0, 1e-12, 1e-9, 1e-3]))
    return [corner[0], corner[0] + size], [corner[1], corner[1] + size]


def as_shape(xs: list[float], ys: list[float]) -> BaseGeometry:
    if xs[0] < xs[1] and ys[0] < ys[1]:
        return shapely.box(xs[0], ys[0], xs[1], ys[1])
    return shapely.LineString([(xs[0], ys[0]), (xs[1], ys[1])])


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_boxes_agree_with_shapely_and_their_points(data: st.DataObject) -> None:
    polygon, at = data.draw(polygons())
    for _ in range(4):
        xs, ys = data.draw(boxes(polygon, at))
        relation = box_relation(polygon.edges, xs[0], ys[0], xs[1], ys[1])
        COUNTS[("out", "cross", "in")[relation]] += 1
        box = as_shape(xs, ys)
        if relation == CROSSES:
            # Not an answer for lack of thought: an edge really is that near.
            assert shapely.distance(polygon.geometry.boundary, box) <= 2 * MARGIN_DEG
            continue
        inside = relation == INSIDE
        assert polygon.geometry.contains(box) == inside
        assert polygon.geometry.disjoint(box) != inside
        share = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
        held = [
            (min(xs[1], xs[0] + u * (xs[1] - xs[0])), min(ys[1], ys[0] + v * (ys[1] - ys[0])))
            for u, v in (data.draw(share), data.draw(share))
        ]
        for x, y in [*held, *itertools.product(xs, ys)]:
            assert contains(polygon.edges, x, y) == inside


def test_the_comparisons_were_made() -> None:
    """Runs after the two above: each kind of answer has been seen often."""
    if not COUNTS:
        pytest.skip("the comparisons did not run")
    for kind in ("inside", "outside", "border", "in", "out", "cross"):
        assert COUNTS[kind] >= 20, COUNTS


def star(corners: int, seed: int) -> list[list[float]]:
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    radius = random.uniform(0.3, 1.0, corners)
    return [
        [float(r * np.cos(a)), float(r * np.sin(a))] for a, r in zip(angle, radius, strict=True)
    ]


@pytest.mark.parametrize("corners", [3, BLOCK_EDGES - 1, BLOCK_EDGES, BLOCK_EDGES + 1, 200, 2000])
def test_polygons_of_many_edges(corners: int) -> None:
    polygon = from_geojson({"type": "Polygon", "coordinates": [star(corners, corners)]})
    x, y = np.random.default_rng(1).uniform(-1.1, 1.1, (2, 300))
    got = [bool(contains(polygon.edges, *at)) for at in zip(x, y, strict=True)]
    assert got == shapely.contains_xy(polygon.geometry, x, y).tolist()
    shapely.prepare(polygon.geometry)
    seen: Counter[int] = Counter()
    for left, low, size in zip(x, y, np.geomspace(1e-6, 1.0, 300), strict=True):
        box = shapely.box(left, low, left + size, low + size)
        relation = int(box_relation(polygon.edges, left, low, left + size, low + size))
        expected = CROSSES
        if polygon.geometry.contains_properly(box):
            expected = INSIDE
        elif polygon.geometry.disjoint(box):
            expected = OUTSIDE
        assert relation == expected
        seen[relation] += 1
    assert seen[OUTSIDE] > 30
    assert seen[CROSSES] >= 5


def test_no_edges_hold_nothing() -> None:
    for columns in (4, 5):
        edges = np.empty((0, columns))
        assert not contains(edges, 0.0, 0.0)
        assert box_relation(edges, -1.0, -1.0, 1.0, 1.0) == OUTSIDE


def geojson(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [(0.5, 0.5, True), (1.5, 1.5, False), (3.0, 1.5, True), (5.0, 1.0, False), (0.5, 2.0, True)],
)
def test_holes_are_outside(x: float, y: float, inside: bool) -> None:
    polygon = from_geojson(geojson(SQUARE, HOLE))
    assert contains(polygon.edges, x, y) == inside
    assert box_relation(polygon.edges, x, y, x, y) == (INSIDE if inside else OUTSIDE)


def test_a_box_around_a_hole_crosses() -> None:
    polygon = from_geojson(geojson(SQUARE, HOLE))
    assert box_relation(polygon.edges, 0.5, 0.5, 3.5, 3.5) == CROSSES
    assert box_relation(polygon.edges, -1.0, -1.0, 5.0, 5.0) == CROSSES
    assert box_relation(polygon.edges, 1.2, 1.2, 1.8, 1.8) == OUTSIDE
    assert box_relation(polygon.edges, 2.5, 0.5, 3.5, 3.5) == INSIDE


def test_parts_and_bounds() -> None:
    far = [[[x + 100, y] for x, y in SQUARE]]
    polygon = from_geojson({"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], far]})
    assert polygon.bounds == (0.0, 0.0, 104.0, 4.0)
    assert contains(polygon.edges, 101.5, 1.5)
    assert not contains(polygon.edges, 50.0, 1.5)


@pytest.mark.parametrize(
    ("coordinates", "area"),
    [
        ([[[0, 0], [4, 0], [4, 4], [0, 4]]], 16.0),  # not closed
        ([[[0, 0, 7], [4, 0, 7], [4, 4, 7], [0, 4, 7], [0, 0, 7]]], 16.0),  # altitude
        ([[[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]]], 16.0),  # clockwise
        ([[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]], 2.0),  # a bow tie keeps both halves
        ([[[0, 0], [4, 0], [4, 0], [8, 0], [4, 0], [4, 4], [0, 4], [0, 0]]], 16.0),  # a spike
        ([SQUARE, [[6, 6], [7, 6], [7, 7], [6, 6]]], 16.0),  # a hole outside
        ([SQUARE, [[2, 2], [6, 2], [6, 3], [2, 3], [2, 2]]], 14.0),  # a hole across the border
    ],
)
def test_repairs(coordinates: Any, area: float) -> None:
    polygon = from_geojson({"type": "Polygon", "coordinates": coordinates})
    assert polygon.geometry.is_valid
    assert polygon.geometry.area == pytest.approx(area)


def test_overlapping_parts_merge() -> None:
    shifted = [[x + 2, y] for x, y in SQUARE]
    polygon = from_geojson({"type": "MultiPolygon", "coordinates": [[SQUARE], [shifted]]})
    assert polygon.geometry.area == pytest.approx(24.0)
    assert contains(polygon.edges, 3.0, 2.0)


BAD: list[tuple[Any, str]] = [
    (None, "Polygon or MultiPolygon, got None"),
    ([], r"got \[\]"),
    ({}, r"got \{\}"),
    ({"type": "Point", "coordinates": [0, 0]}, "got 'Point'"),
    ({"type": ["Polygon"], "coordinates": []}, "got"),
    ({"type": "Polygon"}, "Expected a list, got None - at `coordinates`"),
    ({"type": "Polygon", "coordinates": {}}, "Expected a list"),
    ({"type": "Polygon", "coordinates": []}, "at least one ring, got none - at `coordinates`"),
    ({"type": "MultiPolygon", "coordinates": []}, "without"),
    ({"type": "MultiPolygon", "coordinates": [[]]}, r"at `coordinates\[0\]`"),
    ({"type": "MultiPolygon", "coordinates": [SQUARE]}, r"at `coordinates\[0\]\[0\]\[0\]`"),
    (geojson([]), r"at least 3 different positions, got 0 - at `coordinates\[0\]`"),
    (geojson([[0, 0], [1, 1], [0, 0]]), "got 2"),
    (geojson([[0, 0], [0.0, 0], [-0.0, 0], [0, 0]]), "got 1"),
    (geojson([[0, 0], [1, 1], [2, 2], [0, 0]]), "without"),
    (geojson(SQUARE, [[0, 0]]), r"at `coordinates\[1\]`"),
    (geojson([[0, 0], [1], [1, 1], [0, 0]]), r"at `coordinates\[0\]\[1\]`"),
    (geojson([[0, 0], ["1", 1], [1, 1], [0, 0]]), r"got \['1', 1\]"),
    (geojson([[0, 0], [True, 1], [1, 1], [0, 0]]), "got .True"),
    (geojson([[0, 0], [None, 1], [1, 1], [0, 0]]), "got .None"),
    (geojson([[0, 0], 7, [1, 1], [0, 0]]), "Expected a list, got 7"),
    (geojson([[0, 0], [181, 0], [1, 1], [0, 0]]), r"lng in \[-180, 180\]"),
    (geojson([[0, 0], [0, -90.5], [1, 1], [0, 0]]), r"lat in \[-90, 90\]"),
    (geojson([[0, 0], [math.nan, 0], [1, 1], [0, 0]]), "got .nan"),
    (geojson([[0, 0], [10**400, 0], [1, 1], [0, 0]]), r"\.\.\. - at"),
    (geojson(*[SQUARE] * 2001), "at most 10000 positions, got 10005"),
]


@pytest.mark.parametrize(("obj", "message"), BAD)
def test_bad_geometry_is_refused(obj: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        from_geojson(obj)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (shapely.Point(0, 0), "got a Point"),
        (shapely.Polygon(), "without"),
        (shapely.Polygon([(0, 0), (200, 0), (0, 1)]), "200"),
        (shapely.Polygon([(0, 0), (math.inf, 0), (0, 1)]), "finite"),
        (shapely.Polygon([(0, 0), (1, 0), (2, 0)]), "without"),
    ],
)
def test_bad_shapes_are_refused(geometry: BaseGeometry, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_shapely(geometry)


# Corners and positions as people write them: what lies on the border is inside.
BORDER = [[121.47, 31.22], [121.5, 31.22], [121.52, 31.25], [121.48, 31.28], [121.47, 31.28]]
INNER = [[121.48, 31.24], [121.49, 31.24], [121.49, 31.25], [121.48, 31.25]]


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [
        *((x, y, True) for x, y in BORDER + INNER),
        (121.485, 31.22, True),  # on a level side, below
        (121.475, 31.28, True),  # above
        (121.47, 31.25, True),  # on an upright side
        (121.51, 31.235, True),  # on slanting ones
        (121.5, 31.265, True),
        (121.505, 31.2275, True),
        (121.485, 31.24, True),  # on a hole's sides
        (121.49, 31.245, True),
        (121.485, 31.245, False),  # in the hole
        (121.485, 31.2199999, False),  # a unit off the border
        (121.475, 31.2800001, False),
        (121.4699999, 31.25, False),
        (121.5100001, 31.235, False),
        (121.5000001, 31.265, False),
        (121.46, 31.22, False),  # on a side's line, beyond its ends
        (121.51, 31.22, False),
        (121.49, 31.28, False),
        (121.53, 31.25, False),
    ],
)
def test_a_border_is_inside(x: float, y: float, inside: bool) -> None:
    polygon = from_geojson(geojson(BORDER, INNER))
    assert contains(polygon.edges, x, y) == inside
    if inside:
        assert box_relation(polygon.edges, x, y, x, y) != OUTSIDE


@given(
    corners=st.lists(
        st.tuples(st.integers(1_214_000_000, 1_214_000_400), st.integers(312_000_000, 312_000_400)),
        min_size=3,
        max_size=8,
        unique=True,
    ),
    side=st.integers(0, 7),
    parts=st.integers(1, 6),
    part=st.integers(0, 6),
)
@settings(max_examples=500, deadline=None)
def test_positions_on_any_side_are_inside(
    corners: list[tuple[int, int]], side: int, parts: int, part: int
) -> None:
    """Whole units that lie exactly on a side, wherever it goes, in degrees as they come."""
    try:
        polygon = from_geojson(geojson([[x / 1e7, y / 1e7] for x, y in corners]))
    except ValueError:
        assume(False)
    assume(len(polygon.edges) == len(corners))  # as drawn, not repaired
    (x0, y0), (x1, y1) = corners[side % len(corners)], corners[(side + 1) % len(corners)]
    x, x_rest = divmod(x0 * parts + (x1 - x0) * min(part, parts), parts)
    y, y_rest = divmod(y0 * parts + (y1 - y0) * min(part, parts), parts)
    assume(x_rest == y_rest == 0)
    assert contains(polygon.edges, x / 1e7, y / 1e7)


def test_parts_on_either_side_of_the_antimeridian() -> None:
    east = [[170, -10], [180, -10], [180, 10], [170, 10], [170, -10]]
    west = [[-180, -10], [-170, -10], [-170, 10], [-180, 10], [-180, -10]]
    polygon = from_geojson({"type": "MultiPolygon", "coordinates": [[east], [west]]})
    assert polygon.bounds == (-180.0, -10.0, 180.0, 10.0)
    assert box_relation(polygon.edges, 171.0, -5.0, 179.0, 5.0) == INSIDE
    assert box_relation(polygon.edges, -1.0, -5.0, 1.0, 5.0) == OUTSIDE
    assert box_relation(polygon.edges, 165.0, -5.0, 175.0, 5.0) == CROSSES
