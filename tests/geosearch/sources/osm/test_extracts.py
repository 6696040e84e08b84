"""OSM PBF and XML, from small extracts that libosmium writes for each test."""

import gzip
import json
from pathlib import Path
from typing import Any

import osmium
import pytest
from osmium.osm.mutable import Node, Relation, Way

from geosearch.errors import BadData
from geosearch.sources.osm.extracts import kind_of
from geosearch.sources.osm.importer import import_osm
from geosearch.sources.osm.report import ImportReport

Row = dict[str, Any]

NODES = [
    Node(id=1, location=(121.0, 31.0)),
    Node(id=2, location=(121.2, 31.0)),
    Node(id=3, location=(121.2, 31.2)),
    Node(id=4, location=(121.0, 31.2), tags={"highway": "crossing"}),
    Node(id=5, location=(121.4, 31.4), tags={"amenity": "cafe", "name": "月", "name:en": "Moon"}),
    Node(id=6, location=(121.4, 31.4), tags={"place": "town", "name": "no business"}),
    Node(id=7, location=(121.4, 31.4), tags={"amenity": "bench"}),
    Node(id=8, location=(121.4, 31.4), tags={"disused:shop": "shoes", "name": "Old"}),
    Node(id=9, location=(121.4, 31.4), tags={"shop": "shoes", "disused": "yes", "name": "Gone"}),
]
WAYS = [
    Way(id=5, nodes=[1, 2, 3, 4, 1], tags={"shop": "mall", "name": "Mall"}),
    Way(id=10, nodes=[1, 2, 3]),
    Way(id=11, nodes=[3, 4, 1], tags={"highway": "service"}),
    Way(id=12, nodes=[1, 2], tags={"highway": "residential", "name": "no business"}),
    Way(id=13, nodes=[77, 78], tags={"shop": "toys", "name": "Nowhere"}),
]
RELATIONS = [
    Relation(
        id=5,
        members=[("w", 10, "outer"), ("w", 11, "outer"), ("n", 2, "entrance")],
        tags={"type": "multipolygon", "tourism": "hotel", "name": "Hotel"},
    ),
    Relation(id=6, members=[("n", 5, "stop")], tags={"type": "route", "name": "no business"}),
]
EXPECTED = {
    "osm-node-5": ("月", 31.4, 121.4),
    "osm-node-9": ("Gone", 31.4, 121.4),
    "osm-way-5": ("Mall", 31.1, 121.1),
    "osm-way-13": ("Nowhere", None, None),
    "osm-relation-5": ("Hotel", 31.1, 121.1),
}


def written(path: Path, header: osmium.io.Header | None = None) -> Path:
    with osmium.SimpleWriter(path, header=header) as writer:
        for node in NODES:
            writer.add_node(node)
        for way in WAYS:
            writer.add_way(way)
        for relation in RELATIONS:
            writer.add_relation(relation)
    return path


def imported(path: Path) -> tuple[ImportReport, dict[str, Row]]:
    out = path.parent / "out"
    report = import_osm(path, out)
    lines = (out / "merchants.ndjson").read_text("utf-8").splitlines()
    return report, {row["merchant_id"]: row for row in map(json.loads, lines)}


@pytest.mark.parametrize("ending", ["osm.pbf", "osm", "osm.gz"])
def test_businesses_of_an_extract(tmp_path: Path, ending: str) -> None:
    """Nodes, ways by their nodes, relations by their outer ways; nothing else of the town."""
    path = written(tmp_path / f"town.{ending}").rename(tmp_path / "town.any")
    report, rows = imported(path)
    found = {key: (row["name"], row.get("lat"), row.get("lng")) for key, row in rows.items()}
    assert found == EXPECTED
    assert rows["osm-node-5"]["aliases"] == ["Moon"]
    assert rows["osm-relation-5"]["categories"] == ["hotel.hotel"]
    assert rows["osm-node-9"]["business_status"] == "CLOSED_PERMANENTLY"
    assert (report.places, report.not_imported, report.gone, report.bad) == (6, 1, 1, 1)
    (bench,) = (tmp_path / "out" / "not_imported.ndjson").read_text("utf-8").splitlines()
    assert json.loads(bench)["row"]["id"] == 7


def test_time_of_an_extract(tmp_path: Path) -> None:
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2026-11-01T02:03:04Z")
    imported(written(tmp_path / "town.osm.pbf", header))
    envelope = json.loads((tmp_path / "out" / "snapshot.json").read_text("utf-8"))
    assert envelope["created_at"] == "2026-11-01T02:03:04+00:00"


def test_deleted_objects_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "town.osm"
    path.write_text(
        '<osm version="0.6"><node id="1" lat="31" lon="121" visible="true">'
        '<tag k="shop" v="shoes"/><tag k="name" v="x"/></node>'
        '<node id="2" visible="false"><tag k="shop" v="shoes"/></node></osm>',
        "utf-8",
    )
    report, rows = imported(path)
    assert (report.places, list(rows)) == (1, ["osm-node-1"])


def test_broken_extracts_are_told(tmp_path: Path) -> None:
    whole = written(tmp_path / "town.osm.pbf").read_bytes()
    text = written(tmp_path / "town.osm").read_bytes()
    cases = {
        whole[:-20]: "Cannot read the OSM extract: PBF error",
        whole[:40]: "Cannot read the OSM extract: PBF error",
        gzip.compress(whole): "Expected a PBF as it is, got it gzipped",
        text[:-20]: "Cannot read the OSM extract: XML parsing error",
        b'<?xml version="1.0"?><kml></kml>': "Cannot read the OSM extract: Unknown top",
        b'<osm version="0.6"></osm>': "Expected places, got none",
    }
    path = tmp_path / "broken"
    for content, says in cases.items():
        path.write_bytes(content)
        with pytest.raises(BadData, match=says):
            import_osm(path, tmp_path / "out")
        assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18", "pbf"),
        (b'<?xml version="1.0"?>', "xml"),
        (b"\xef\xbb\xbf\n<osm>", "xml"),
        (b'{"a": "<osm>"}', None),
        (b"OSMHeader", None),
        (b"", None),
    ],
)
def test_kind_is_told_by_the_content(head: bytes, kind: str | None) -> None:
    assert kind_of(head) == kind
