"""`build --regions`: each shop has one owner, and each region has what its questions reach."""

import importlib.util
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import geosearch
from geosearch.cluster import regional_build
from geosearch.cluster.regional_build import build_regions
from geosearch.cluster.workers import LOCAL, connected
from geosearch.errors import BadData, BadRequest
from geosearch.indexing.pipeline import build
from geosearch.indexing.rebuild import rebuild
from geosearch.query.query import Query
from geosearch.segment.segment import verify_version
from geosearch.segment.versions import current, rollback
from tests.geosearch.small_city import NOW, small_world
from tests.near_worlds import make_islands


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("islands")
    make_islands(Random(5), 60, 5).write(folder)
    return folder


def test_every_shop_has_one_owner(snapshot: Path, tmp_path: Path) -> None:
    # Two processes: that a child finds its work is part of the test.
    report = build_regions(snapshot, tmp_path, 3, now=NOW, processes=2)
    features = json.loads((tmp_path / "regions.geojson").read_bytes())["features"]
    ids = [feature["properties"]["region_id"] for feature in features]
    assert ids == [region.region_id for region in report.regions] == ["r1", "r2", "r3"]
    versions = {current(tmp_path / name).name for name in ids}
    assert versions == {report.whole.version}
    owned: list[str] = []
    shops = 0
    for name, told in zip(ids, report.regions, strict=True):
        engine = geosearch.open_index(tmp_path / name)
        (segment,) = engine.segments
        assert segment.doc_owned is not None
        assert segment.regional is not None
        bits = np.unpackbits(segment.doc_owned.view(np.uint8), bitorder="little")
        own = np.flatnonzero(bits).tolist()
        owned += map(segment.merchant_id, own)
        shops += len(segment)
        assert (told.shops, told.owned) == (len(segment), len(own))
        for doc, (x, y) in enumerate(segment.columns.doc_position.tolist()):
            assert (segment.regional.owner(y / 1e7, x / 1e7) == name) == bool(bits[doc])
    whole = report.whole.counts["merchants"]
    assert len(owned) == len(set(owned)) == whole
    assert report.stored_again == pytest.approx(shops / whole - 1)
    assert min(each.owned for each in report.regions) > whole / 4
    assert f"{whole:>12,}" in report.text()
    assert "3 regions" in report.text()
    assert not list(tmp_path.glob(".tmp*"))


def test_ray_cuts_the_same_bytes(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that dies is done again; a region that fails leaves what is served."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("pip install 'geosearch-deals[ray]'")
    cut_one, died = regional_build._cut_one, tmp_path / "died"

    def dying(task: Any) -> None:
        if task.region_id == "r2" and not died.exists():
            died.touch()
            os._exit(1)
        cut_one(task)

    def failing(task: Any) -> None:
        if task.region_id == "r2":
            raise BadData("Expected a disk, got none")
        cut_one(task)

    build_regions(snapshot, tmp_path / "here", 3, now=NOW, processes=1)
    with connected(LOCAL, cores=2):  # One cluster for all builds.
        monkeypatch.setattr(regional_build, "_cut_one", dying)
        build_regions(snapshot, tmp_path / "ray", 3, now=NOW, ray=LOCAL)
        assert died.exists()
        here, there = (_published(tmp_path / name) for name in ("here", "ray"))
        assert here == there
        assert len(here) > 100
        monkeypatch.setattr(regional_build, "_cut_one", failing)
        for ray in (LOCAL, None):
            with pytest.raises(BadData, match="Expected a disk, got none"):
                build_regions(snapshot, tmp_path / "ray", 3, now=NOW, ray=ray, processes=1)
            assert _published(tmp_path / "ray") == there


def _published(folder: Path) -> dict[str, bytes]:
    """Files without drafts: one who does a task again may come when the build has ended."""
    files = _files(folder).items()
    return {name: content for name, content in files if not name.startswith(".tmp-regions")}


def _files(folder: Path) -> dict[str, bytes]:
    """Contents by path, in which versions are called alike."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        for index in folder.glob("*/CURRENT"):
            name = name.replace(current(index.parent).name, "version")
        if path.is_file() and path.name != "CURRENT":
            found[name] = path.read_bytes()
    return found


def test_a_second_build_replaces_the_first(snapshot: Path, tmp_path: Path) -> None:
    first = build_regions(snapshot, tmp_path, 1, now=NOW, processes=1).whole.version
    second = build_regions(snapshot, tmp_path, 1, now=NOW, processes=1).whole.version
    assert second > first
    with pytest.raises(BadData, match="got that of a region"):
        rebuild(tmp_path / "r1")
    assert current(tmp_path / "r1").name == second


def test_nothing_is_published_unless_all_is(snapshot: Path, tmp_path: Path) -> None:
    area = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    row = {"type": "Feature", "properties": {"region_id": "small"}, "geometry": area}
    file = tmp_path / "areas.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [row]}), "utf-8")
    with pytest.raises(BadData, match="hold every shop"):
        build_regions(snapshot, tmp_path / "out", file, now=NOW)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
    with pytest.raises(BadRequest, match="1 to 1000 regions"):
        build_regions(snapshot, tmp_path / "other", 0, now=NOW)
    assert not (tmp_path / "other").exists()


def test_wrong_areas_are_told_before_the_work(tmp_path: Path) -> None:
    """The work takes minutes; here there is no snapshot to do any with."""
    file = tmp_path / "areas.geojson"
    for text, sentence in (("{", "Expected a GeoJSON file"), ("{}", "of 1 to 1000 features")):
        file.write_text(text)
        with pytest.raises(BadData, match=sentence):
            build_regions(tmp_path / "none", tmp_path / "out", file, now=NOW)
    with pytest.raises(BadRequest, match="1 to 1000 regions"):
        build_regions(tmp_path / "none", tmp_path / "out", 0, now=NOW)
    assert not (tmp_path / "out").exists()


def test_an_ordinary_index_stays_one(tmp_path: Path) -> None:
    small_world().write(tmp_path / "snapshot")
    build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    engine = geosearch.open_index(tmp_path / "index")
    assert engine.segments[0].doc_owned is None
    assert engine.segments[0].regional is None
    with pytest.raises(BadData, match="ordinary index"):
        build_regions(tmp_path / "snapshot", tmp_path / "index", 2, now=NOW)


def test_a_folder_of_regions_stays_one(snapshot: Path, tmp_path: Path) -> None:
    """Else studies would answer from the index, and gateways from the regions."""
    build_regions(snapshot, tmp_path, 2, now=NOW, processes=1)
    with pytest.raises(BadData, match="a folder for one index, got one of regions"):
        build(snapshot, tmp_path, now=NOW)
    for asked in (geosearch.open_index, current, rollback):
        with pytest.raises(BadData, match="got a folder of regions: name one of them"):
            asked(tmp_path)
    assert not (tmp_path / "CURRENT").exists()


def test_live_changes_reach_a_region(snapshot: Path, tmp_path: Path) -> None:
    build_regions(snapshot, tmp_path, 2, now=NOW, processes=1)
    engine = geosearch.open_index(tmp_path / "r1")
    (segment,) = engine.segments
    assert segment.doc_owned is not None
    doc = int(np.flatnonzero(np.unpackbits(segment.doc_owned.view(np.uint8), bitorder="little"))[0])
    x, y = (segment.columns.doc_position[doc] / 1e7).tolist()
    gone = segment.merchant_id(doc)
    query = Query(lat=y, lng=x, at=NOW, ids=(gone, "nobody"), radius=1_000.0)
    assert engine.page(query).answer.unknown_ids == ("nobody",)
    with geosearch.Writer(tmp_path / "r1") as writer:
        row = {"merchant_id": "new", "name": "new", "lat": y, "lng": x}
        end = {"deal_id": segment.deal_id(0), "valid_through": "2099-01-01"}
        receipt = writer.apply(
            [
                {"table": "merchants", "delete": gone},
                {"table": "merchants", "row": row},
                {"table": "merchants", "delete": "nobody"},
                {"table": "deals", "patch": end},
            ]
        )
    codes = {one.line: one.code for one in receipt.rejected}
    assert codes.items() >= {2: "needs_build", 3: "unknown_merchant"}.items()
    assert codes.get(4, "needs_build") == "needs_build"
    latest = engine.latest()
    assert latest.page(query).answer.unknown_ids == (gone, "nobody")
    assert latest.page(query).count == 0


@pytest.mark.parametrize("name", ["whole_names.npy", "whole_term_begin.npy", "manifest.json"])
def test_damage_of_what_is_known_elsewhere_is_found(
    snapshot: Path, tmp_path: Path, name: str
) -> None:
    build_regions(snapshot, tmp_path, 2, now=NOW, processes=1)
    version = current(tmp_path / "r2")
    verify_version(version)
    file = version / "whole" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()  # A link: the other region keeps the file as it was.
    file.write_bytes(content)
    with pytest.raises(BadData, match=str(file)):
        verify_version(version)
    verify_version(current(tmp_path / "r1"))
