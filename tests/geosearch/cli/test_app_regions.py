"""`geosearch build --regions`: a number or a file, and what is refused."""

import json
from pathlib import Path

import pytest

from geosearch.cli.app import BAD_DATA, DONE, WRONG_USE, run
from tests.geosearch.small_city import small_world

NOW = ("--now", "2026-11-23T00:00:00+08:00")


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    small_world().write(tmp_path / "snapshot")
    return str(tmp_path / "snapshot")


def test_more_regions_than_shops(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["build", snapshot, "--out", str(out), "--regions", "4", "--json", *NOW]) == DONE
    report = json.loads(capsys.readouterr().out)
    assert [each["region_id"] for each in report["regions"]] == ["r1", "r2", "r3", "r4"]
    assert sum(each["owned"] for each in report["regions"]) == report["counts"]["merchants"] == 3
    # A region without a shop of its own answers too.
    (empty, *_) = [each for each in report["regions"] if not each["owned"]]
    areas = json.loads((out / "regions.geojson").read_bytes())["features"]
    (area,) = [each for each in areas if each["properties"] == {"region_id": empty["region_id"]}]
    lng, lat = map(min, zip(*area["geometry"]["coordinates"][0], strict=True))
    question = ["--lat", str(lat), "--lng", str(lng), "--at", NOW[1], "--json"]
    index = out / empty["region_id"]
    assert run(["search", "--index", str(index), *question]) == DONE
    assert json.loads(capsys.readouterr().out)["results"] == []


def test_studies_of_all_regions(
    snapshot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(tmp_path / name) for name in ("regions", "one")]
    assert run(["build", snapshot, "--out", folders[0], "--regions", "3", *NOW]) == DONE
    assert run(["build", snapshot, "--out", folders[1], *NOW]) == DONE
    question = {"lat": small_world().merchants[0]["lat"], "lng": small_world().merchants[0]["lng"]}
    asked, results = tmp_path / "in.ndjson", [f"{folder}.arrow" for folder in folders]
    asked.write_text(json.dumps(question))
    capsys.readouterr()
    counted = []
    for folder, out in zip(folders, results, strict=True):
        rank = ["rank", folder, "--queries", str(asked), "--out", out, "--at", NOW[1]]
        assert run(rank) == DONE
        assert "1 queries" in capsys.readouterr().out
        assert run(["coverage", folder, "--json", "--at", NOW[1]]) == DONE
        counted.append(json.loads(capsys.readouterr().out))
    assert Path(results[0]).read_bytes() == Path(results[1]).read_bytes()
    assert counted[0] == counted[1]


@pytest.mark.parametrize(
    ("regions", "status", "sentence"),
    [
        ("0", WRONG_USE, "Expected 1 to 1000 regions or a GeoJSON file, got 0"),
        ("-3", WRONG_USE, "Expected 1 to 1000 regions or a GeoJSON file, got -3"),
        ("nowhere.geojson", BAD_DATA, "Expected a GeoJSON file, got: No such file"),
    ],
)
def test_other_regions_are_refused(
    snapshot: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    regions: str,
    status: int,
    sentence: str,
) -> None:
    out = tmp_path / "out"
    assert run(["build", snapshot, "--out", str(out), f"--regions={regions}", *NOW]) == status
    assert sentence in capsys.readouterr().err
    assert not (out / "regions.geojson").exists()


def test_a_rollback_has_no_regions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", "--rollback", "--regions", "2"]) == WRONG_USE
    assert "either SNAPSHOT or --rollback" in capsys.readouterr().err


def test_ray_needs_regions(snapshot: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", snapshot, "--ray", "local"]) == WRONG_USE
    assert "Expected --regions with --ray" in capsys.readouterr().err
