"""Each position has one owner, also on borders; the oracle counts in exact fractions."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
import shapely

from indexes.geo.territories import LAST_LAT, NOBODY, Territories

HALVES = [shapely.box(-180, -90, 0, 90), shapely.box(0, -90, 180, 90)]
HOLED = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(3, 3), (6, 3), (6, 6), (3, 6)]])


@pytest.mark.parametrize(
    ("lat", "lng", "owner"),
    [
        (0.0, -1e-300, 0),
        (0.0, 0.0, 1),
        (0.0, 180.0, 0),
        (0.0, np.nextafter(180.0, 0.0), 1),
        (90.0, 179.0, 1),
        (-90.0, -180.0, 0),
        (LAST_LAT, 0.0, 1),
    ],
)
def test_halves(lat: float, lng: float, owner: int) -> None:
    assert Territories(HALVES).owner(lat, lng) == owner


@pytest.mark.parametrize(
    ("lat", "lng", "owner"),
    [(1, 1, 0), (4, 4, NOBODY), (3, 3, NOBODY), (6, 4, 0), (4, 6, 0), (9, 4, NOBODY), (0, 0, 0)],
)
def test_hole_is_half_open_too(lat: float, lng: float, owner: int) -> None:
    assert Territories([HOLED]).owner(lat, lng) == owner


def test_the_first_of_two_owns_what_both_hold() -> None:
    assert Territories([HALVES[1], HOLED]).owner(1.0, 1.0) == 0
    assert Territories([HOLED, HALVES[1]]).owner(4.0, 4.0) == 1


def fan(rng: Random, rays: int) -> list[shapely.Polygon]:
    """Triangles around a centre: every two neighbours share an edge, and no corner is level."""
    centre = (rng.uniform(-1, 1), rng.uniform(-1, 1))
    turns = [(at + 0.9 * rng.random()) * 2 * np.pi / rays for at in range(rays)]
    rim = [(50 * np.cos(turn), 50 * np.sin(turn)) for turn in turns]
    return [shapely.Polygon([centre, rim[at - 1], rim[at]]) for at in range(rays)]


def test_positions_on_common_edges_have_one_owner() -> None:
    rng = Random(1)
    for _ in range(30):
        areas = fan(rng, 9)
        alone = [Territories([area]) for area in areas]
        for area in areas:
            (cx, cy), (x, y) = area.exterior.coords[0], area.exterior.coords[1]
            for _ in range(30):
                part = rng.random() * 0.5
                lat, lng = cy + (y - cy) * part, cx + (x - cx) * part
                assert sum(one.owner(lat, lng) == 0 for one in alone) == 1


def exact_owner(areas: list[shapely.Polygon], lat: float, lng: float) -> int:
    """The rule in fractions; only for rectangles, where doubles are exact."""
    y = Fraction(lat) if lat < 90 else Fraction(LAST_LAT)
    x = Fraction(lng) if lng < 180 else Fraction(-180)
    for number, area in enumerate(areas):
        west, south, east, north = map(Fraction, area.bounds)
        if west <= x < east and south <= y < north:
            return number
    return NOBODY


def test_many_positions_as_single_ones() -> None:
    rng = Random(2)
    areas = [shapely.box(-180, -90, 12.3456789, 1.5), shapely.box(12.3456789, -90, 180, 90)]
    ends = [-180.0, 12.3456789, 180.0, 0.0]
    lng = np.array([rng.choice((*ends, rng.uniform(-180, 180))) for _ in range(500)])
    lat = np.array([rng.choice((-90.0, 1.5, 90.0, rng.uniform(-90, 90))) for _ in range(500)])
    found = Territories(areas).owners(lat, lng).tolist()
    assert found == [
        Territories(areas).owner(*place) for place in zip(lat.tolist(), lng.tolist(), strict=True)
    ]
    assert found == [exact_owner(areas, *place) for place in zip(lat, lng, strict=True)]
    assert set(found) == {NOBODY, 0, 1}
