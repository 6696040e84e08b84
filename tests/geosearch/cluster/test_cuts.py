"""Rectangles with as many shops each, and polygons of a file."""

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import shapely

from geosearch.cluster.cuts import degrees_of, polygons, rectangles
from geosearch.errors import BadData, BadRequest
from indexes.geo.territories import Territories


def shops(rng: Random, count: int, kind: str) -> np.ndarray[Any, Any]:
    """Positions in column units, some of them on the ends of the Earth or all alike."""
    if kind == "one place":
        rows = [(1_214_737_000, 312_304_000)] * count
    elif kind == "ends":
        rows = [(rng.choice((-1, 1)) * 1_800_000_000, rng.choice((-1, 1)) * 900_000_000)] * count
    else:
        rows = [
            (round(rng.gauss(121, 3) * 1e7), round(rng.gauss(31, 2) * 1e7)) for _ in range(count)
        ]
    return np.array(rows, np.int32).reshape(-1, 2)


@pytest.mark.parametrize("regions", [1, 2, 5, 9, 64])
@pytest.mark.parametrize("kind", ["spread", "one place", "ends"])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_rectangles_tile_the_earth(regions: int, kind: str, count: int) -> None:
    rng = Random(regions)
    position = shops(rng, count, kind)
    found = rectangles(position, regions)
    assert len({region.region_id for region in found}) == regions
    assert sum(region.area.area for region in found) == pytest.approx(360 * 180)
    owners = Territories([region.area for region in found]).owners(*degrees_of(position))
    assert (owners >= 0).all()
    lat = np.array([rng.choice((-90.0, 90.0, rng.uniform(-90, 90))) for _ in range(200)])
    lng = np.array([rng.choice((-180.0, 180.0, rng.uniform(-180, 180))) for _ in range(200)])
    assert (Territories([region.area for region in found]).owners(lat, lng) >= 0).all()
    if kind == "spread" and count == 500:
        held = np.bincount(owners, minlength=regions)
        # Each of up to six cuts may be a tenth off, and hardly all are in one direction.
        assert held.max() <= 1 + 1.05**6 * count / regions
    assert rectangles(position, regions) == found


def test_cuts_go_between_towns() -> None:
    """Three countries of 3, 2 and 3 parts far apart: no region has shops of two of them."""
    rng = Random(3)
    rows = [
        (middle + rng.uniform(-4, 4), rng.uniform(28, 34))
        for middle, parts in ((80, 3), (105, 2), (130, 3))
        for _ in range(500 * parts)
    ]
    position = np.round(np.array(rows) * 1e7).astype(np.int32)
    found = rectangles(position, 8)
    lat, lng = degrees_of(position)
    owners = Territories([region.area for region in found]).owners(lat, lng)
    countries = [set(np.round((lng[owners == number] - 80) / 25).tolist()) for number in range(8)]
    assert sorted(map(len, countries)) == [1] * 8
    assert np.bincount(owners).max() <= 1.25 * 500
    # Cut in halves, the country in the middle would be in four regions.
    assert sum(105 / 25 - 80 / 25 in each for each in countries) == 2


def test_a_cut_avoids_a_town_beside_it() -> None:
    """A town a little off the median has all its shops on one side."""
    town = [(round(1_000_000_000 + n), 300_000_000) for n in range(60)]
    far = [(round(9e8 + 2e6 * n), 300_000_000 + n) for n in range(47)]
    far += [(round(10.5e8 + 2e6 * n), 300_000_000 + n) for n in range(103)]
    position = np.array([*town, *far], np.int32)
    one, _ = rectangles(position, 2)
    reach = 54_000 / 111_195 / 0.866
    east = one.area.bounds[2]
    assert abs(east - 100) > reach


@pytest.mark.parametrize("regions", [0, -1, 1_001])
def test_other_numbers_are_refused(regions: int) -> None:
    with pytest.raises(BadRequest, match="1 to 1000 regions"):
        rectangles(shops(Random(1), 3, "spread"), regions)


def feature(name: Any, area: Any) -> dict[str, Any]:
    geometry = area if isinstance(area, dict | None) else shapely.geometry.mapping(area)
    return {"type": "Feature", "properties": {"region_id": name}, "geometry": geometry}


WEST, EAST = shapely.box(-180, -90, 0, 90), shapely.box(0, -90, 180, 90)
BOW = {"type": "Polygon", "coordinates": [[[0, 0], [9, 9], [9, 0], [0, 9], [0, 0]]]}
SHOPS = np.array([(-10_000_000, 0), (10_000_000, 0)], np.int32)


def written(file: Path, features: Any) -> Path:
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return file


def test_polygons_of_a_file(tmp_path: Path) -> None:
    file = written(tmp_path / "areas.geojson", [feature("west", WEST), feature("east", EAST)])
    found = polygons(file, SHOPS, "m{}".format)
    assert [region.region_id for region in found] == ["west", "east"]
    assert found[1].area.equals(EAST)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([], "1 to 1000 features"),
        ([feature("W!", WEST)], "lower-case letters"),
        ([feature("../up", WEST)], "lower-case letters"),
        ([feature(1, WEST)], "lower-case letters"),
        ([feature("w", None)], "Polygon or MultiPolygon"),
        ([feature("w", shapely.Point(0, 0))], "Polygon or MultiPolygon"),
        ([feature("w", BOW)], "valid polygon"),
        ([feature("w", shapely.box(0, 0, 181, 9))], "cut an area at the antimeridian"),
        ([feature("w", WEST), feature("w", EAST)], "each `region_id` once"),
        (
            [feature("w-1", WEST), feature("w_1", EAST)],
            "more than `-` and `_`, got `w-1` and `w_1`",
        ),
        ([feature("w", WEST), feature("e", shapely.box(-1, -90, 180, 90))], "do not overlap"),
        ([feature("w", WEST)], "got 1 outside, such as `m1` at latitude 0.0, longitude 1.0"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, features: Any, message: str) -> None:
    with pytest.raises(BadData, match=message):
        polygons(written(tmp_path / "areas.geojson", features), SHOPS, "m{}".format)
