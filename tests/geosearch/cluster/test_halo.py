"""The halo has every shop within reach of an area, at the antimeridian and at the poles too."""

import math
from random import Random

import numpy as np
import pytest
import shapely

from geosearch.cluster.halo import HALO_M, near_area


def metres(lat: float, lng: float, other_lat: float, other_lng: float) -> float:
    """Great-circle distance by the angle between two unit vectors."""
    ends = []
    for phi, theta in ((lat, lng), (other_lat, other_lng)):
        phi, theta = math.radians(phi), math.radians(theta)
        ends.append(
            (math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi))
        )
    one, other = ends
    cross = (
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    )
    return 6_371_008.8 * math.atan2(
        math.hypot(*cross), sum(map(math.prod, zip(one, other, strict=True)))
    )


AREAS = [
    shapely.box(10, 50, 11, 51),
    shapely.box(179, -1, 180, 1),
    shapely.box(-180, 60, -179.5, 61),
    shapely.box(30, 89.8, 40, 90),
    shapely.box(-180, -90, 180, -89.9),
    shapely.Polygon([(170, 70), (180, 75), (172, 80)]),
    shapely.MultiPolygon([shapely.box(179.9, 0, 180, 1), shapely.box(-180, 0, -179.9, 1)]),
]


@pytest.mark.parametrize("number", range(len(AREAS)))
def test_nothing_within_reach_is_left_out(number: int) -> None:
    rng, area = Random(number), AREAS[number]
    corners = shapely.get_coordinates(area)
    within = [(y, x) for x, y in corners.tolist()]
    for start, end in zip(corners[:-1].tolist(), corners[1:].tolist(), strict=True):
        part = rng.random()
        x, y = (a + (b - a) * part for a, b in zip(start, end, strict=True))
        if area.covers(shapely.Point(x, y)):
            within.append((y, x))
    shops = []
    for _ in range(3_000):
        lat, lng = rng.choice(within)
        lat = max(-90.0, min(90.0, lat + rng.uniform(-0.6, 0.6)))
        wide = min(180.0, 0.6 / max(1e-3, math.cos(math.radians(lat))))
        shops.append((lat, (lng + rng.uniform(-wide, wide) + 180) % 360 - 180))
    lat, lng = np.array(shops).T
    found = near_area(area, lat, lng).tolist()
    reached = [min(metres(*shop, *place) for place in within) <= HALO_M for shop in shops]
    assert not [
        shop for shop, near, is_in in zip(shops, reached, found, strict=True) if near > is_in
    ]
    assert sum(reached) > 100
    # Not everything: a box around the reach is larger than the reach by a third at most.
    assert sum(found) < 3_000 or number in (3, 4)


def test_far_shops_are_left_out() -> None:
    lat, lng = np.array([[50.5, 12.0], [52.0, 10.5], [50.5, 11.5], [50.5, -170.0]]).T
    assert near_area(AREAS[0], lat, lng).tolist() == [False, False, True, False]
