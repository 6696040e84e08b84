"""A disk that is full at any file: one sentence that names it, status 3, nothing half-published."""

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from geosearch.cli.app import BAD_DATA, DONE, run
from geosearch.indexing import pipeline
from geosearch.segment.versions import current, versions

AT = ["--now", "2026-11-22T00:00:00+08:00"]
SENTENCE = re.compile(r"geosearch: Cannot use `(.+)`: File too large\Z")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Context in which the system takes no more bytes for a file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def named(capsys: pytest.CaptureFixture[str]) -> Path:
    """The file that the one sentence names."""
    last = capsys.readouterr().err.strip().splitlines()[-1]
    found = SENTENCE.match(last)
    assert found, last
    return Path(found[1])


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("full") / "snapshot"
    assert run(["synth", str(out), "--merchants", "60"]) == DONE
    return out


@pytest.mark.parametrize("size", [0, 200, 2_000, 20_000])
def test_synth_names_the_file(
    size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with files_of_at_most(size):
        assert run(["synth", str(tmp_path / "out"), "--merchants", "60"]) == BAD_DATA
    assert named(capsys).parent == tmp_path / "out"
    assert not (tmp_path / "out" / "snapshot.json").exists(), "it is written last"


@pytest.mark.parametrize("size", [0, 50, 2_000])
def test_import_names_the_file(
    size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = {
        "type": "Feature",
        "id": "node/1",
        "geometry": {"type": "Point", "coordinates": [121.47, 31.23]},
        "properties": {"shop": "bakery", "name": "Bread", "addr:country": "CN"},
    }
    features = [shop | {"id": f"node/{number}"} for number in range(100)]
    file = tmp_path / "places.geojson"
    file.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": features}))
    with files_of_at_most(size):
        assert run(["import", "osm", str(file), "--out", str(tmp_path / "out")]) == BAD_DATA
    assert named(capsys).parent == tmp_path / "out"


@pytest.mark.parametrize("keeps", [True, False])
def test_a_build_names_the_file_and_serves_what_it_did(
    keeps: bool,
    snapshot: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit rises, so that one file after the other fails, until the last build succeeds.

    The kept rows are written first, and no other file fails while they do.
    """
    if not keeps:
        monkeypatch.setattr(pipeline, "keep_rows", lambda *_: None)
    index = tmp_path / "index"
    assert run(["build", str(snapshot), "--out", str(index), *AT]) == DONE
    served = current(index)
    files = [file for file in served.rglob("*") if file.is_file()]
    sizes = sorted({file.stat().st_size for file in files})
    seen = set()
    for size in (0, 1_000) if keeps else (0, *sizes[:-1:6]):
        with files_of_at_most(size):
            assert run(["build", str(snapshot), "--out", str(index), *AT]) == BAD_DATA
        file = named(capsys)
        seen.add(file.name)
        assert file.is_relative_to(index)
        assert not file.exists()
        assert current(index) == served
        assert versions(index) == [served.name]
        assert [path.name for path in (index / "versions").iterdir()] == [served.name]
    assert seen == {"merchants.blocks"} if keeps else len(seen) > 3, (seen, len(sizes))
    with files_of_at_most(sizes[-1]):
        assert run(["build", str(snapshot), "--out", str(index), *AT]) == DONE
    assert len(versions(index)) == 2
