"""Land under the map: what is known to be land and sea, near and far, and its size."""

import json

import pytest
import shapely

from geosearch.service.land import Box, land_around

SHANGHAI: Box = (121.3, 31.1, 121.6, 31.35)

# box, positions on land, positions at sea
PLACES: dict[str, tuple[Box, list[tuple[float, float]], list[tuple[float, float]]]] = {
    "Shanghai": (SHANGHAI, [(121.47, 31.23), (121.4, 31.63)], [(122.0, 31.5), (122.05, 31.2)]),
    "Lisbon": ((-9.2, 38.7, -9.1, 38.8), [(-9.14, 38.72)], [(-9.6, 38.6)]),
    "China": ((75.0, 20.0, 130.0, 50.0), [(104.07, 30.66), (87.6, 43.8)], [(128.0, 25.5)]),
    "both sides of the antimeridian": ((-180, -20, 180, 0), [(-60.0, -10.0)], [(-150.0, -12.0)]),
    "an ocean": ((-150.0, -12.0, -149.9, -11.9), [], [(-149.95, -11.95)]),
}


@pytest.mark.parametrize(("box", "land", "sea"), PLACES.values(), ids=PLACES)
def test_land_is_land(
    box: Box, land: list[tuple[float, float]], sea: list[tuple[float, float]]
) -> None:
    body = land_around(box)
    assert len(body) < 600_000
    features = json.loads(body)["features"]
    shapes = shapely.union_all([shapely.geometry.shape(one["geometry"]) for one in features])
    assert all(shapes.contains(shapely.Point(*place)) for place in land)
    assert not any(shapes.contains(shapely.Point(*place)) for place in sea)


def test_a_city_has_a_few_kilobytes_and_a_margin() -> None:
    body = land_around(SHANGHAI)
    assert len(body) < 60_000
    corners = shapely.get_coordinates(shapely.from_geojson(body))
    assert corners[:, 0].min() < SHANGHAI[0] - 0.4
    assert json.loads(body)["bbox"] == pytest.approx([120.8, 30.6, 122.1, 31.85])
    assert corners[:, 0].max() <= SHANGHAI[2] + 0.5 + 1e-9
