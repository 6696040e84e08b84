"""`GET /basemap.pmtiles`: ranges of a file, as a map asks for them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from geosearch.errors import BadData
from geosearch.service.basemap import LONGEST, open_basemap
from tests.geosearch.fakes import publish_fake, running

CONTENT = b"PMTiles\x03" + bytes(range(256)) * 4
SIZE = len(CONTENT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "city.pmtiles").write_bytes(CONTENT)
    return tmp_path / "city.pmtiles"


@pytest.fixture
def client(tmp_path: Path, file: Path) -> Iterator[TestClient]:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index", basemap=str(file)) as client:
        yield client


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-6", 0, 6), ("bytes=7-7", 7, 7), ("bytes=0-", 0, SIZE - 1),
        ("bytes=1000-99999", 1_000, SIZE - 1), ("bytes=-10", SIZE - 10, SIZE - 1),
        ("bytes=-99999", 0, SIZE - 1), ("bytes= 0-6", 0, 6),
    ],
)  # fmt: skip
def test_parts(client: TestClient, asked: str, first: int, last: int) -> None:
    answer = client.get("/basemap.pmtiles", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert "content-encoding" not in answer.headers, "tiles are compressed already"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    "asked", [None, "bytes=5-4", f"bytes={SIZE}-", "bytes=-0", "bytes=0-1,3-4", "lines=0-1", "x"]
)
def test_what_is_no_part(client: TestClient, asked: str | None) -> None:
    answer = client.get("/basemap.pmtiles", headers={"range": asked} if asked else {})
    assert (answer.status_code, answer.json()["code"]) == (416, "bad_range")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


def test_a_long_range_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "world.pmtiles"
    with path.open("wb") as file:
        file.write(b"PMTiles\x03")
        file.truncate(3 * LONGEST)
    basemap = open_basemap(str(path))
    assert basemap is not None
    part = basemap.part(b"bytes=10-")
    assert len(part.body) == LONGEST
    assert part.place == b"bytes 10-%d/%d" % (LONGEST + 9, 3 * LONGEST)


def test_the_page_is_told(client: TestClient) -> None:
    assert client.get("/").json()["links"]["basemap"] == "/basemap.pmtiles"


def test_without_the_setting_there_is_none(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index") as client:
        answer = client.get("/basemap.pmtiles", headers={"range": "bytes=0-6"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "Cannot read the basemap: No such file or directory - at `"),
        (b"PMTiles\x02", "Expected PMTiles of version 3, got another file - at `"),
        (b"", "Expected PMTiles of version 3, got another file - at `"),
    ],
)
def test_a_wrong_file_is_said_at_the_start(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(BadData) as wrong:
        open_basemap(str(tmp_path / "x"))
    assert str(wrong.value).startswith(sentence)


def test_a_service_with_a_wrong_file_does_not_start(tmp_path: Path) -> None:
    """The sentence comes once and at once, also where several workers would open it."""
    publish_fake(tmp_path / "index")
    (tmp_path / "x").write_bytes(b"")
    asked = ["--index", f"{tmp_path / 'index'}", "--port", "0", "--basemap", f"{tmp_path / 'x'}"]
    command = [sys.executable, "-m", "geosearch", "serve", *asked, "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.count("Expected PMTiles of version 3") == 1
