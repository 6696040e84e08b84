"""One square as a box, as a zone and as a polygon of any writing gives the same shops."""

import json
from datetime import datetime
from typing import Any

import pytest

import geosearch
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from tests.geosearch.snapshot_files import merchant, write_snapshot

AT = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
WEST, SOUTH, EAST, NORTH = 120.0, 30.0, 120.01, 30.01
RING = [[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, NORTH], [WEST, SOUTH]]
AXIS = {"below": -1e-7, "low": 0.0, "middle": 0.005, "high": 0.01, "above": 0.01 + 1e-7}
INSIDE = ("low", "middle", "high")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Shops in the middle, on each corner and side, and one unit of a position beyond."""
    folder = tmp_path_factory.mktemp("alike")
    shops = [
        merchant(0, merchant_id=f"{x} {y}", lng=round(WEST + dx, 7), lat=round(SOUTH + dy, 7))
        for x, dx in AXIS.items()
        for y, dy in AXIS.items()
    ]
    write_snapshot(folder / "snapshot", {"merchants": shops, "deals": []})
    zone = {
        "type": "Feature",
        "properties": {"zone_id": "z", "name": "z", "kind": "mall"},
        "geometry": {"type": "Polygon", "coordinates": [RING]},
    }
    zones = {"type": "FeatureCollection", "features": [zone]}
    (folder / "snapshot" / "zones.geojson").write_text(json.dumps(zones), encoding="utf-8")
    build(folder / "snapshot", folder / "index", now=AT)
    return geosearch.open_index(folder / "index")


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    if len(rings) == 1:
        return {"polygon": {"type": "Polygon", "coordinates": list(rings)}}
    return {"polygon": {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}}


MIDDLE = 120.005
WRITINGS: dict[str, dict[str, Any]] = {
    "box": {"bbox": (WEST, SOUTH, EAST, NORTH)},
    "zone": {"zone": "z"},
    "polygon": polygon(RING),
    "clockwise": polygon(RING[::-1]),
    "from another corner": polygon(RING[2:] + RING[1:3]),
    "not closed": polygon(RING[:-1]),
    "with altitudes": polygon([[*corner, 5.0] for corner in RING]),
    "in two halves": polygon(
        [[WEST, SOUTH], [MIDDLE, SOUTH], [MIDDLE, NORTH], [WEST, NORTH]],
        [[MIDDLE, SOUTH], [EAST, SOUTH], [EAST, NORTH], [MIDDLE, NORTH]],
    ),
    "box and zone": {"bbox": (WEST, SOUTH, EAST, NORTH), "zone": "z"},
    "box and polygon": {"bbox": (WEST, SOUTH, EAST, NORTH), **polygon(RING)},
}


@pytest.mark.parametrize("area", WRITINGS.values(), ids=WRITINGS)
@pytest.mark.parametrize("sort", ["distance", "best"])
def test_the_border_is_part_of_every_area(
    engine: Searcher, area: dict[str, Any], sort: str
) -> None:
    query = Query(lat=SOUTH, lng=WEST, at=AT, limit=100, total=True, sort=sort, **area)
    answer = engine.search(query)
    expected = {f"{x} {y}" for x in INSIDE for y in INSIDE}
    assert {hit.merchant["merchant_id"] for hit in answer.hits} == expected
    assert answer.total == len(expected) == 9
