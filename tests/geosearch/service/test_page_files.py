"""Files of the map page: addresses by content, caching, compression and a policy without gaps."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from geosearch.service.page_files import FOLDER, FOR_EVER, PageFile, page, read_page
from tests.geosearch.fakes import publish_fake, running

BROWSER = {"accept": "text/html,*/*;q=0.8", "accept-encoding": "gzip"}
MOST_LINES = 1_500
FIRST_VIEW_BYTES = 1_500_000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    index = tmp_path_factory.mktemp("page") / "index"
    publish_fake(index)
    with running(index) as client:
        yield client


@pytest.mark.parametrize("name", page().files)
@pytest.mark.parametrize("accepted", ["gzip", "zstd, gzip", "identity", "gzip;q=0"])
def test_every_file_is_kept_for_ever(client: TestClient, name: str, accepted: str) -> None:
    path = f"/page/{page().version}/{name}"
    answer = client.get(path, headers={"accept-encoding": accepted})
    assert answer.status_code == 200
    assert answer.content == page().files[name].body
    assert answer.headers["cache-control"] == FOR_EVER.decode()
    packed = answer.headers.get("content-encoding")
    assert packed == ("gzip" if accepted in ("gzip", "zstd, gzip") else None)
    assert "accept-encoding" in answer.headers["vary"]
    again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["/page/0000/app.js", "/page/{}/none.js", "/page/{}/../app.js", "/page/{}/%2e%2e/page_files.py",
     "/page/{}/vendor/lock.json", "/page/{}/"],
)  # fmt: skip
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path.format(page().version))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_page_is_asked_for_each_time_and_its_files_never(client: TestClient) -> None:
    answer = client.get("/", headers=BROWSER)
    assert answer.headers["cache-control"] == "no-cache"
    assert set(answer.headers["vary"].split(", ")) == {"accept", "accept-encoding"}
    asked = {**BROWSER, "if-none-match": answer.headers["etag"]}
    assert client.get("/", headers=asked).status_code == 304
    found = re.findall(r'(?:href|src)="\./page/([^/]+)/([^"]+)"', answer.text)
    assert len(found) >= 5
    assert {version for version, _ in found} == {page().version}
    assert {name for _, name in found} <= page().files.keys()
    assert "{{" not in answer.text


def test_policy_has_no_exceptions(client: TestClient) -> None:
    for path in ("/", f"/page/{page().version}/vendor/maplibre-gl-worker.mjs"):
        policy = client.get(path, headers=BROWSER).headers["content-security-policy"]
        parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert parts["default-src"] == "'none'"
        assert set(parts.values()) == {"'none'", "'self'"}


def test_no_file_asks_another_host() -> None:
    """Strings that look like addresses are names of formats and licences, or links for people."""
    own = {name: file for name, file in page().files.items() if not name.startswith("vendor/")}
    for name, file in own.items():
        found = set(re.findall(rb"https?://[\w.-]+", file.body))
        assert found <= {b"http://www.w3.org"}, name


def test_every_import_is_a_file_beside_it() -> None:
    imported = 0
    for name, file in page().files.items():
        if not name.endswith(".js") or name.startswith("vendor/"):
            continue
        for path in re.findall(rb"""(?:from|import\(|URL\() ?'\./([^']+\.js)'""", file.body):
            assert path.decode() in page().files, (name, path)
            imported += 1
    assert imported > 20


def test_page_is_small_enough_to_read_and_to_load() -> None:
    written = [path for path in FOLDER.iterdir() if path.suffix in (".html", ".css", ".js")]
    lines = [line for path in written for line in path.read_text("utf-8").splitlines()]
    assert 0 < sum(bool(line.strip()) for line in lines) <= MOST_LINES
    assert sum(len(file.gzip) for file in page().files.values()) < FIRST_VIEW_BYTES


@pytest.mark.parametrize("name", page().files)
def test_both_forms_are_the_same(name: str) -> None:
    file: PageFile = page().files[name]
    assert gzip.decompress(file.gzip) == file.body


def test_addresses_change_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b'<script src="./page/{{version}}/a.js">')
    pages = []
    for text in (b"1", b"2"):
        (tmp_path / "a.js").write_bytes(text)
        pages.append(read_page(tmp_path))
        assert pages[-1].version.encode() in pages[-1].files["index.html"].body
    assert pages[0].version != pages[1].version
