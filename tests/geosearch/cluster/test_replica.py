"""A replica serves the versions of its source, whole, whatever interrupts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from geosearch.cluster.regional_build import build_regions
from geosearch.cluster.replica import Fetcher, Replica
from geosearch.errors import BadData
from geosearch.indexing.rebuild import rebuild
from geosearch.indexing.writer import Writer
from geosearch.search.searcher import open_index
from geosearch.segment.versions import current, rollback, version_files, versions
from geosearch.service.change_source import ChangeSource
from geosearch.service.version_files import VersionFile
from tests.geosearch.cluster.copies import FolderSource
from tests.geosearch.indexing.test_writer import AT, DEALS, built, status, stock
from tests.geosearch.service.test_follower import accept, shown, source, until
from tests.geosearch.service.test_ingest import TOKEN, ingesting
from tests.geosearch.small_city import NOW, small_world


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return built(tmp_path, DEALS)


def fetcher_of(copy: Path, port: int, token: str = TOKEN) -> Fetcher:
    return Fetcher(copy, ChangeSource(f"http://127.0.0.1:{port}", token.encode()))


@contextmanager
def replica(copy: Path, port: int) -> Iterator[Replica]:
    fetcher = fetcher_of(copy, port)
    fetcher.step()
    followed = Replica(Writer(copy), fetcher)
    followed.start()
    try:
        yield followed
    finally:
        followed.stop()


def contents(version: Path) -> dict[str, bytes]:
    return {path: (version / path).read_bytes() for path in version_files(version)}


def test_versions_and_changes_are_followed(index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "copy"
    with source(index) as (committer, port):
        accept(committer, stock(0, 3))
        with replica(copy, port) as followed:
            until(lambda: followed.progress.visible == 1)
            assert contents(current(copy)) == contents(current(index))
            first = current(index).name
            rebuild(index, now=AT)
            accept(committer, stock(0, 0), status("SUSPENDED"))
            until(lambda: current(copy).name == current(index).name)
            until(lambda: shown(copy) == shown(index))
            assert shown(copy)[0] == 3
            assert contents(current(copy)) == contents(current(index))
            # Files that did not change are not fetched again.
            reports = [current(index).name, first]
            inodes = {
                (copy / "versions" / name / "rejected.ndjson").stat().st_ino for name in reports
            }
            assert len(inodes) == 1
            # A version that the source goes back to is there already. No change is forgotten.
            rollback(index)
            committer._writer.follow()
            until(lambda: current(copy).name == first)
            until(lambda: shown(copy) == shown(index))
            assert shown(copy)[0] == 3


def test_a_region_is_copied_whole(tmp_path: Path) -> None:
    """Its areas lie beside its segment, and without them it cannot be opened."""
    small_world().write(tmp_path / "snapshot")
    build_regions(tmp_path / "snapshot", tmp_path / "regions", 2, now=NOW, processes=1)
    index, copy = tmp_path / "regions" / "r2", tmp_path / "copy"
    Fetcher(copy, FolderSource(index)).step()
    told, found = (
        {file.relative_to(version): file.read_bytes() for file in version.rglob("*.*")}
        for version in (current(index), current(copy))
    )
    assert found == told
    assert open_index(copy).info()["region_id"] == "r2"


def test_old_versions_go_but_not_the_served_one(index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with source(index) as (_, port):
        fetcher = fetcher_of(copy, port)
        for _ in range(5):
            fetcher.step()
            rebuild(index, now=AT)
        fetcher.step()
    assert versions(copy) == versions(index)
    assert not list((copy / "versions").glob(".tmp*"))


class Cut(Exception):
    """The connection ends."""


def test_a_fetch_goes_on_where_it_stopped(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, fetched, left = tmp_path / "copy", [], [0]
    read = HTTPResponse.read

    def cut(answer: HTTPResponse, most: int | None = None) -> bytes:
        if most is None or "octet-stream" not in answer.headers["content-type"]:
            return read(answer, most)
        if left[0] <= 0:
            raise Cut
        piece = read(answer, min(most, left[0], 5_000))
        left[0] -= len(piece)
        fetched.append(len(piece))
        return piece

    monkeypatch.setattr(HTTPResponse, "read", cut)
    with source(index) as (_, port):
        stops = 0
        while True:
            left[0] = 7_000
            try:
                fetcher_of(copy, port).step()  # A new process each time.
            except Cut:
                stops += 1
                assert not (copy / "CURRENT").exists()
                assert stops < 100
            else:
                break
    assert stops > 3
    files = contents(current(index))
    assert contents(current(copy)) == files
    assert sum(fetched) == sum(map(len, files.values()))  # No byte came twice.


def test_damaged_bytes_are_fetched_again_and_never_served(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, damaged = tmp_path / "copy", [1]
    read = HTTPResponse.read

    def damage(answer: HTTPResponse, most: int | None = None) -> bytes:
        piece = read(answer, most)
        if damaged[0] and most is not None and len(piece) > 100:
            damaged[0] -= 1
            return piece[:50] + bytes([piece[50] ^ 1]) + piece[51:]
        return piece

    monkeypatch.setattr(HTTPResponse, "read", damage)
    with source(index) as (_, port):
        fetcher = fetcher_of(copy, port)
        with pytest.raises(BadData, match="Expected the bytes of its checksum, got others - at `"):
            fetcher.step()
        assert not (copy / "CURRENT").exists()
        fetcher.step()
        assert contents(current(copy)) == contents(current(index))
        # A byte that the disk of the copy lost meanwhile comes again when the process starts again.
        path = version_files(current(copy))[5]
        content = (current(copy) / path).read_bytes()
        (current(copy) / path).write_bytes(
            content[:-1] + b"\x00\xff"[content[-1:] == b"\x00" :][:1]
        )
        assert contents(current(copy)) != contents(current(index))
        fetcher_of(copy, port).step()
        assert contents(current(copy)) == contents(current(index))


def test_what_stands_in_the_way_is_said(index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with source(index) as (_, port):
        with pytest.raises(BadData, match="Expected a list of files, got status 401"):
            fetcher_of(copy, port, "x" * 20).step()
        fetcher = fetcher_of(copy, port)
        (tmp_path / "copy").write_text("")
        with pytest.raises(BadData, match="Expected the index to be a folder, got a file"):
            fetcher.step()
    copy.unlink()
    with pytest.raises(OSError, match="refused"):
        fetcher.step()
    assert not copy.exists()


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//x", ".", ""])
def test_no_file_is_written_outside(
    index: Path, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with source(index) as (_, port):
        fetcher = fetcher_of(tmp_path / "copy", port)
        listing = fetcher.source.listing()
        files = (VersionFile(path, 1, "00"), *listing.files)
        told = type(listing)(listing.version, files)
        monkeypatch.setattr(fetcher.source, "listing", lambda: told)
        with pytest.raises(BadData, match="Expected a path below the folder of a version"):
            fetcher.step()


@pytest.mark.parametrize("name", ["../x", "", "20261122T193000Z-0001/..", "LIVE"])
def test_only_versions_are_received(
    tmp_path: Path, name: str, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with source(index) as (_, port):
        fetcher = fetcher_of(tmp_path / "copy", port)
        listing = fetcher.source.listing()
        told = type(listing)(name, listing.files)
        monkeypatch.setattr(fetcher.source, "listing", lambda: told)
        with pytest.raises(BadData, match="Expected the name of a version"):
            fetcher.step()


def test_the_source_gives_what_it_lists_and_nothing_else(index: Path) -> None:
    with Writer(index) as writer:
        writer.apply([stock(0, 0)])
    with ingesting(index) as client:
        listing = client.get("/v1/versions").json()
        name = current(index).name
        assert listing["version"] == name
        paths = [one["path"] for one in listing["files"]]
        assert paths == version_files(current(index))
        assert "LIVE" not in paths
        for one in listing["files"]:
            answer = client.get(f"/v1/versions/{name}/{one['path']}")
            assert len(answer.content) == one["bytes"]
        part = client.get(f"/v1/versions/{name}/{paths[3]}", headers={"range": "bytes=1-"})
        assert part.status_code == 206
        for path in (
            f"{name}/LIVE", f"{name}/../../CURRENT", f"{name}/%2e%2e/%2e%2e/CURRENT",
            f"x/{paths[0]}", f"{name}/", name,
        ):  # fmt: skip
            answer = client.get(f"/v1/versions/{path}")
            assert answer.status_code == 404, path
        client.headers.pop("authorization")
        assert client.get("/v1/versions").status_code == 401
        assert client.get(f"/v1/versions/{name}/{paths[0]}").status_code == 401


def test_a_version_that_goes_while_it_is_fetched_is_left(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with source(index) as (_, port):
        fetcher = fetcher_of(tmp_path / "copy", port)
        old = fetcher.source.listing()
        asked = fetcher.source.file

        def gone(*asked_for: Any) -> Any:
            for _ in range(3):
                rebuild(index, now=AT)
            monkeypatch.undo()
            return asked(*asked_for)

        monkeypatch.setattr(fetcher.source, "file", gone)
        with pytest.raises(BadData, match="got status 404"):
            fetcher.step()
        fetcher.step()
    assert old.version not in versions(tmp_path / "copy")
    assert current(tmp_path / "copy").name == current(index).name
    assert not list((tmp_path / "copy" / "versions").glob(".tmp*"))


def test_a_full_disk_leaves_the_served_version(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    with source(index) as (_, port):
        fetcher = fetcher_of(copy, port)
        fetcher.step()
        before = shown(copy)
        rebuild(index, now=AT)

        def full(path: Path) -> Any:
            raise OSError(28, "No space left on device", str(path))

        with monkeypatch.context() as patch:
            patch.setattr("geosearch.cluster.replica.create", full)
            with pytest.raises(OSError, match="No space left"):
                fetcher.step()
        assert shown(copy) == before
        fetcher.step()
        assert current(copy).name == current(index).name
