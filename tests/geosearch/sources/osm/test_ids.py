"""Ids in every form that exporters of OpenStreetMap write, one line a form."""

from typing import Any

import pytest

from geosearch.sources.osm.ids import of_element, of_feature

POINT = {"type": "Point", "coordinates": [1, 50]}
AREA = {"type": "Polygon", "coordinates": []}


@pytest.mark.parametrize(
    ("properties", "feature_id", "geometry", "expected"),
    [
        # osmium-export: ids of features, attributes, or both; areas have numbers of their own
        ({}, "n101", POINT, "osm-node-101"),
        ({}, "w202", AREA, "osm-way-202"),
        ({}, "a404", AREA, "osm-way-202"),
        ({}, "a607", AREA, "osm-relation-303"),
        ({"@type": "relation", "@id": 303}, "a607", AREA, "osm-relation-303"),
        ({"@type": "way", "@id": 101}, None, POINT, "osm-way-101"),
        ({"@type": "way", "@id": 101}, 1, POINT, "osm-way-101"),
        # overpass-turbo, osmtogeojson
        ({"@id": "way/6"}, "way/6", POINT, "osm-way-6"),
        ({}, "relation/5", None, "osm-relation-5"),
        ({"id": "node/8"}, None, None, "osm-node-8"),
        ({"type": "node", "id": 8, "tags": {}}, None, None, "osm-node-8"),
        # Nominatim, Photon, the raw data of HOT, ohsome
        ({"osm_type": "node", "osm_id": 9}, None, None, "osm-node-9"),
        ({"osm_type": "W", "osm_id": "9"}, None, POINT, "osm-way-9"),
        ({"osm_type": "ways_poly", "osm_id": 9}, 3, AREA, "osm-way-9"),
        ({"osm_type": "relation", "osm_id": -9}, None, AREA, "osm-relation-9"),
        ({"@osmId": "way/9", "@osmType": "WAY"}, None, POINT, "osm-way-9"),
        # QuickOSM
        ({"full_id": "r77", "osm_id": "77", "osm_type": "relation"}, None, AREA, "osm-relation-77"),
        ({"full_id": "w77"}, None, POINT, "osm-way-77"),
        # OSMnx, whose feature ids are the text of a pair; pyrosm
        ({"element_type": "way", "osmid": 12}, "0", AREA, "osm-way-12"),
        ({"element_type": "node", "osmid": 12.0}, "0", POINT, "osm-node-12"),
        ({"element": "relation", "id": 12}, "0", AREA, "osm-relation-12"),
        ({}, "('node', 123)", POINT, "osm-node-123"),
        # a table whose columns were renamed in part
        ({"element_type": "way", "osm_id": 12}, "0", POINT, "osm-way-12"),
        ({"element": "relation", "osm_id": 12}, None, POINT, "osm-relation-12"),
        ({"osmType": "WAY", "osmId": 12}, None, POINT, "osm-way-12"),
        ({"type": "way", "osm_id": "12"}, None, POINT, "osm-way-12"),
        ({"osm_node_id": 12}, None, POINT, "osm-node-12"),
        ({"id": 12, "osm_type": "way"}, "0", AREA, "osm-way-12"),
        # osm2pgsql, imposm, GDAL: a number whose sign or shape says which
        ({"osm_id": 13}, None, POINT, "osm-node-13"),
        ({"osm_id": "13"}, None, AREA, "osm-way-13"),
        ({"osm_id": -13}, None, AREA, "osm-relation-13"),
        ({"osm_id": -(10**17) - 13}, None, AREA, "osm-relation-13"),
        ({"osm_id": None, "osm_way_id": "13"}, None, AREA, "osm-way-13"),
        ({"osm_id": "13", "osm_way_id": None}, None, AREA, "osm-relation-13"),
        # addresses of pages
        ({"@id": "https://www.openstreetmap.org/node/123"}, None, None, "osm-node-123"),
        ({"osm_url": "http://osm.org/way/9#map=3/1/1"}, None, POINT, "osm-way-9"),
        ({}, "https://www.openstreetmap.org/relation/5/history", None, "osm-relation-5"),
        # veggiekarte
        ({"_type": "way", "_id": 9}, None, POINT, "osm-way-9"),
        ({"_id": 9}, None, POINT, "osm-node-9"),
        # AllThePlaces
        ({"@spider": "moon_cn", "ref": "12"}, "k9f_Qm1x=", POINT, "atp-moon_cn-12"),
        ({"@spider": "moon_cn", "ref": 12.0}, "k9f_Qm1x=", POINT, "atp-moon_cn-12"),
        ({"@spider": "moon_cn"}, "k9f_Qm1x=", POINT, "atp-moon_cn-k9f_Qm1x="),
        # ids that are none of OpenStreetMap
        ({"ref": "12"}, "k9f_Qm1x=", POINT, "feature-k9f_Qm1x="),
        ({"ref": "12"}, None, POINT, None),
        ({}, 7, POINT, "feature-7"),
        ({"id": "shop-7"}, None, POINT, "feature-shop-7"),
        ({"id": "subway/12"}, None, POINT, "feature-subway/12"),
        ({"type": "restaurant", "id": 12}, None, POINT, "feature-12"),
        ({"name": "x"}, None, POINT, None),
        ({"@id": None, "osm_id": "", "osmid": True, "_id": float("nan")}, " ", POINT, None),
    ],
)
def test_feature(
    properties: dict[str, Any], feature_id: object, geometry: object, expected: str | None
) -> None:
    assert of_feature(properties, feature_id, geometry) == expected


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"type": "node", "id": 1}, "osm-node-1"),
        ({"type": "w", "id": 1}, "osm-way-1"),
        ({"type": "R", "id": "1"}, "osm-relation-1"),
        ({"id": 1}, "osm-node-1"),
        ({"type": "node", "id": -1}, "osm-node--1"),
        ({"osm_type": "way", "osm_id": 4, "lat": 1, "lon": 1}, "osm-way-4"),
        ({"id": "way/4"}, "osm-way-4"),
        ({"type": "node"}, None),
        ({"type": "node", "id": None}, None),
    ],
)
def test_element(element: dict[str, Any], expected: str | None) -> None:
    assert of_element(element) == expected
