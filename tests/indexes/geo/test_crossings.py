"""Edges that meet are counted as trying every pair counts them, and not for ever."""

import itertools
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexes.geo import crossings
from indexes.geo.crossings import TooTangled, check_crossings
from indexes.geo.polygon import contains, edges_of, from_geojson, sound

NO_LIMIT = np.full(4, 2**60, np.int64)


def counted(edges: NDArray[np.float64]) -> list[int]:
    """Pairs with latitudes in common, overlapping boxes, touches, crossings."""
    counts = np.zeros(4, np.int64)
    assert crossings._count(edges, NO_LIMIT, counts) == -1
    return [int(count) for count in counts]


def expected(edges: NDArray[np.float64]) -> tuple[int, int]:
    """Pairs that touch and pairs that cross, as shapely has it."""
    touches = crosses = 0
    for (x0, y0, x1, y1, _), (u0, v0, u1, v1, _) in itertools.combinations(edges.tolist(), 2):
        one, other = (
            shapely.LineString([(x0, y0), (x1, y1)]),
            shapely.LineString([(u0, v0), (u1, v1)]),
        )
        if one.intersects(other):
            crosses += bool(one.crosses(other))
            touches += not one.crosses(other)
    return touches, crosses


@given(
    rings=st.lists(
        st.lists(
            st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=9, unique=True
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=300, deadline=None)
def test_pairs_that_meet_are_all_counted(rings: list[list[tuple[int, int]]]) -> None:
    edges = edges_of([shapely.Polygon(ring) for ring in rings])
    looks, overlaps, touches, crosses = counted(edges)
    most_touches, exact_crosses = expected(edges)
    # An end on the other edge is a touch for us, and for shapely no crossing either.
    assert (touches, crosses) == (most_touches, exact_crosses)
    assert looks >= overlaps >= touches + crosses


def scribble(corners: int) -> Any:
    return np.random.default_rng(corners).uniform((121.0, 31.0), (121.5, 31.5), (corners, 2))


def star(spikes: int) -> Any:
    """Spikes that all begin at one point."""
    angle = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False)
    tips = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.stack([tips[0::2], tips[1::2], np.zeros((spikes, 2))], axis=1).reshape(-1, 2)


def zigzag(corners: int) -> Any:
    """A valid ring of long parallel edges: the box of each overlaps that of every other."""
    at = np.arange(corners // 2) * 1e-5
    low = np.column_stack([at, np.zeros_like(at)])
    high = np.column_stack([at + 1.000005, np.ones_like(at)])
    ends = np.stack([low, high], axis=1).reshape(-1, 2)
    return np.concatenate([ends, [[2, 1.5], [-1, 1.5], [-1, -0.1]]])


def polygons(*shells: Any) -> dict[str, Any]:
    rings = [[np.asarray(shell, float).tolist()] for shell in shells]
    return {"type": "MultiPolygon", "coordinates": rings}


def square(x: float, y: float, size: float) -> list[list[float]]:
    return [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]


TANGLED = {
    "a scribble of 2,000 corners": (polygons(scribble(2_000)), "a crossing"),
    "a scribble of 9,999 corners": (polygons(scribble(9_999)), "a crossing"),
    "a small scribble": (polygons(scribble(120)), "a crossing"),
    "a star": (polygons(star(3_000)), "a common point"),
    "one square 2,000 times": (polygons(*[square(0, 0, 1)] * 2_000), "a common point|overlapping"),
    "bars across bars": (
        polygons(
            *([[0, i], [90, i], [90, i + 0.05], [0, i + 0.05]] for i in np.arange(0, 9, 0.1)),
            *([[i, 0], [i + 0.05, 0], [i + 0.05, 9], [i, 9]] for i in np.arange(0, 90, 0.1)),
        ),
        "a crossing",
    ),
    "long parallel edges": (polygons(zigzag(9_000)), "overlapping boxes"),
}


@pytest.mark.parametrize("name", TANGLED)
def test_tangles_are_refused_before_they_are_repaired(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry, reason = TANGLED[name]

    def never(*_: object, **__: object) -> None:
        raise AssertionError("repaired")

    monkeypatch.setattr(shapely, "make_valid", never)
    monkeypatch.setattr(shapely, "union_all", never)
    sentence = rf"^Expected at most \d+ pairs of \d+ edges with ({reason}), got \d+ or more$"
    with pytest.raises(TooTangled, match=sentence):
        from_geojson(geometry)


@pytest.mark.parametrize("name", TANGLED)
def test_counting_stops_at_the_limit(name: str) -> None:
    """Work is bounded by what was sent: no edge is looked at once a limit is passed."""
    geometry, _ = TANGLED[name]
    parts = [shapely.Polygon(rings[0]) for rings in geometry["coordinates"]]
    edges = edges_of(parts)
    limits = np.array([2**60, 10_000, 10_000, 100], np.int64)
    counts = np.zeros(4, np.int64)
    passed = crossings._count(edges, limits, counts)
    assert passed > 0
    assert counts[passed] <= limits[passed] + len(edges)
    assert counts[0] <= len(edges) ** 2 / 2


@pytest.mark.parametrize(
    ("geometry", "area"),
    [
        (polygons([[0, 0], [2, 2], [2, 0], [0, 2]]), 2.0),  # a bow tie
        (polygons(*(square(i, j, 1) for i in range(44) for j in range(44))), 1936.0),  # tiles
        (polygons(*(square(-i / 50, -i / 50, i / 25) for i in range(1, 2_000))), 6393.6),  # nested
        (polygons(*[square(0, 0, 1)] * 15), 1.0),
        (polygons([[0, 0], [1, 0], [1, 0], [2, 0], [1, 0], [1, 1], [0, 1]]), 1.0),  # spike, double
        (polygons(star(35)), None),
        (polygons(scribble(30)), None),
        (polygons(scribble(40)), None),
        (polygons(zigzag(200)), None),
        (
            {
                "type": "Polygon",
                "coordinates": [
                    square(-1, -1, 60),
                    *(square(i, j, 0.5) for i in range(44) for j in range(44)),
                ],
            },
            3600 - 44 * 44 / 4,
        ),
        (
            {"type": "Polygon", "coordinates": [square(0, 0, 4), square(2, 2, 4), square(1, 1, 2)]},
            16 - 4 - 3,
        ),  # holes that cross each other and the shell
    ],
)
def test_honest_polygons_are_repaired(geometry: dict[str, Any], area: float | None) -> None:
    polygon = from_geojson(geometry)
    assert polygon.geometry.is_valid
    assert area is None or polygon.geometry.area == pytest.approx(area)


def test_ten_thousand_honest_corners() -> None:
    angle = np.linspace(0, 2 * np.pi, 9_999, endpoint=False)
    away = 1 + 0.3 * np.sin(7 * angle) + 0.01 * np.random.default_rng(1).standard_normal(9_999)
    ring = np.column_stack([away * np.cos(angle), away * np.sin(angle)])
    edges = from_geojson(polygons(ring)).edges
    looks, overlaps, touches, crosses = counted(edges)
    assert (touches, crosses) == (9_999, 0)
    assert looks < 1_000_000
    assert overlaps < 60_000
    assert contains(edges, 0.0, 0.0)


def test_a_valid_shape_comes_back_as_it_is() -> None:
    box = shapely.box(0, 0, 1, 1)
    assert sound(box) is box


def test_no_edges_are_no_tangle() -> None:
    check_crossings(np.zeros((0, 5)))


def test_few_edges_need_no_count_before_they_are_validated() -> None:
    few, (base, an_edge) = crossings.FEW_EDGES, crossings.OVERLAPS
    assert few * (few - 1) / 2 <= base + an_edge * few
