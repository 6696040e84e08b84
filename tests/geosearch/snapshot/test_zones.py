"""Zones: as they are, repaired or rejected, with the sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from geosearch.snapshot.reader import Snapshot, read_snapshot
from tests.geosearch.snapshot_files import Row, write_snapshot

SQUARE = [[[121.0, 31.0], [121.1, 31.0], [121.1, 31.1], [121.0, 31.1], [121.0, 31.0]]]
SCRIBBLE = np.random.default_rng(1).uniform((121.0, 31.0), (121.5, 31.5), (2_000, 2)).tolist()
BOW_TIE = [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]


def zone(kind: str = "Polygon", rings: object = SQUARE, **properties: object) -> Row:
    return {
        "type": "Feature",
        "properties": {"zone_id": "z", "name": "静安寺", "kind": "mall"} | properties,
        "geometry": {"type": kind, "coordinates": rings},
    }


def read(folder: Path, *features: object, **collection: object) -> Snapshot:
    write_snapshot(folder)
    whole = {"type": "FeatureCollection", "features": features} | collection
    (folder / "zones.geojson").write_text(json.dumps(whole), encoding="utf-8")
    return read_snapshot(folder, max_rejected=1)


def test_good_zones(tmp_path: Path) -> None:
    features = [
        zone(valid_from="2026-11-01"),
        zone("MultiPolygon", [SQUARE], zone_id="y", name=None),
    ]
    first, second = read(tmp_path, *features).zones
    assert (first.name, first.kind, str(first.valid_from)) == ("静安寺", "mall", "2026-11-01")
    assert first.geometry.bounds == (121.0, 31.0, 121.1, 31.1)
    assert (second.name, second.repaired) == ("y", False)


def test_bow_tie_is_repaired_with_a_warning(tmp_path: Path) -> None:
    snapshot = read(tmp_path, zone(rings=BOW_TIE))
    (repaired,) = snapshot.zones
    assert repaired.repaired
    assert repaired.geometry.geom_type == "MultiPolygon"
    assert repaired.geometry.area == pytest.approx(2.0)
    assert [entry.code for entry in snapshot.rejects.entries] == ["geometry_repaired"]


@pytest.mark.parametrize("where", ["collection", "feature", "old"])
def test_a_zone_stays_in_its_datum(tmp_path: Path, where: str) -> None:
    old: dict[str, object] = {"type": "name", "properties": {"name": "GCJ02"}}
    names: dict[str, object] = {"collection": "GCJ02", "old": old}
    collection = {"crs": names[where]} if where in names else {}
    feature = zone(crs="GCJ02") if where == "feature" else zone()
    (found,) = read(tmp_path, feature, **collection).zones
    assert (found.crs, found.geometry) == ("GCJ02", shapely.Polygon(SQUARE[0]))


BAD: list[tuple[object, str, str]] = [
    ("text", "wrong_type", 'Expected a feature, got "text"'),
    ({"type": "Feature"}, "wrong_type", "Expected `properties` to be an object, got nothing"),
    (zone(zone_id=None), "missing_field", "Expected `zone_id`, got nothing"),
    (zone(zone_id=5), "wrong_type", "Expected `zone_id` to be text, got 5"),
    (zone(zone_id="first"), "duplicate_id", 'Expected a unique `zone_id`, got "first" again'),
    (zone(zone_id="\ud83d"), "not_utf8", "Expected `zone_id` in Unicode, got '\\ud83d'"),
    (
        zone(valid_from="2026-02-02", valid_through="2026-02-01"),
        "bad_order",
        "Expected `valid_from` <= `valid_through`, got 2026-02-02 and 2026-02-01",
    ),
    (zone(crs="UTM"), "bad_crs", 'Expected `crs` to be one of WGS84, GCJ02, BD09, got "UTM"'),
    (zone("Point", [1, 2]), "bad_geometry", 'a Polygon or MultiPolygon, got "Point"'),
    (zone() | {"geometry": None}, "bad_geometry", "a Polygon or MultiPolygon, got nothing"),
    (zone(rings=[]), "bad_geometry", "rings of positions, got none"),
    (zone(rings=[[[0, 0], [1, 1]]]), "bad_geometry", "rings of positions, got "),
    (zone(rings="x"), "bad_geometry", "rings of positions, got "),
    (zone(rings=[[["a", "b"]] * 4]), "bad_geometry", "rings of positions, got "),
    (zone(rings=None), "bad_geometry", "rings of positions, got "),
    (zone(rings=[[[0, 0], [10**400, 1], [1, 1], [0, 0]]]), "bad_geometry", "rings of positions"),
    (zone(rings=[[[0, 0], [float("nan"), 1], [1, 1], [0, 0]]]), "bad_geometry", "positions of lng"),
    (zone(rings=json.loads("[" * 300 + "]" * 300)), "bad_geometry", "rings of positions"),
    (zone(rings=[[[0, 0], [0, 99], [1, 1], [0, 0]]]), "bad_geometry", "got [0.0,99.0]"),
    (zone(rings=[[[0, 0], [1, 1], [2, 2], [0, 0]]]), "bad_geometry", "an area, got "),
    (zone(rings=[SCRIBBLE]), "geometry_too_complex", "Expected at most 400 pairs of 2000 edges"),
]


@pytest.mark.parametrize(("feature", "code", "sentence"), BAD)
def test_bad_zone_is_rejected_alone(
    tmp_path: Path, feature: object, code: str, sentence: str
) -> None:
    snapshot = read(tmp_path, zone(zone_id="first"), feature, zone(zone_id="last"))
    assert [found.zone_id for found in snapshot.zones] == ["first", "last"]
    (entry,) = snapshot.rejects.entries
    assert (entry.line, entry.code) == (2, code)
    assert sentence in entry.message
    assert entry.message.endswith(" - at feature 2 of zones.geojson")


LOST: list[tuple[str, object, str, str]] = [
    # property, value, code, sentence
    ("valid_from", "soon", "bad_date", 'Expected `valid_from` as YYYY-MM-DD, got "soon"'),
    ("valid_from", "2026-02-30", "bad_date", "Expected `valid_from` as YYYY-MM-DD"),
    ("valid_through", "2026-W01-1", "bad_date", "Expected `valid_through` as YYYY-MM-DD"),
    ("valid_through", 20261130, "wrong_type", "Expected `valid_through` to be text, got 20261130"),
    ("name", 5, "wrong_type", "Expected `name` to be text, got 5"),
    ("name", "\ud83d", "not_utf8", "Expected `name` in Unicode, got '\\ud83d'"),
    ("kind", ["mall"], "wrong_type", 'Expected `kind` to be text, got ["mall"]'),
]


@pytest.mark.parametrize(("name", "value", "code", "sentence"), LOST)
def test_bad_optional_property_is_absent(
    tmp_path: Path, name: str, value: object, code: str, sentence: str
) -> None:
    feature = zone()
    feature["properties"][name] = value
    snapshot = read(tmp_path, feature, zone(zone_id="last"))
    (found, _) = snapshot.zones
    assert getattr(found, name) == ("z" if name == "name" else None)
    (entry,) = snapshot.rejects.entries
    assert (entry.kind, entry.line, entry.code) == ("warning", 1, code)
    assert entry.message.startswith(sentence)
    snapshot.rejects.write(tmp_path / "rejected.ndjson")
    assert json.loads((tmp_path / "rejected.ndjson").read_bytes())["line"] == 1


def test_property_without_meaning_may_hold_anything(tmp_path: Path) -> None:
    odd = zone(note="\ud83d", size=float("nan"), many=10**400)
    snapshot = read(tmp_path, odd, zone(zone_id="last"))
    assert [found.zone_id for found in snapshot.zones] == ["z", "last"]
    assert snapshot.rejects.entries == []
