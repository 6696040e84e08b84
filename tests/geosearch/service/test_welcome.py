"""`GET /` leads on, for programs and in a browser, with a question that has an answer."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from geosearch.indexing.pipeline import build
from geosearch.search.searcher import Searcher
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.settings import Settings
from geosearch.service.welcome import wants_page
from geosearch.sources.synth.world import synthesise
from tests.geosearch.fakes import publish_fake, running
from tests.geosearch.snapshot_files import merchant, write_snapshot

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """The service over shops that are at no round positions, and over no made-up engine."""
    folder = tmp_path_factory.mktemp("welcome")
    synthesise(folder / "snapshot", merchants=400, seed=1, created_at=datetime.now(UTC))
    build(folder / "snapshot", folder / "index")
    return asked(folder / "index")


def asked(index: Path) -> TestClient:
    engines = Engines(index, Searcher, poll_seconds=1)
    engines.load()
    settings = Settings(log_requests=False)
    return TestClient(make_app(Handlers(engines, Metrics(engines), settings)))


def test_every_link_of_the_answer_works(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"] == "application/json"
    links = answer.json()["links"]
    assert set(links) == {
        *(
            "example",
            "index",
            "categories",
            "programs",
            "ready",
            "docs",
            "openapi",
            "land",
            "basemap",
            "coverage",
        )
    }
    for name in ("basemap", "coverage"):
        assert links.pop(name) is None, "no setting, no file"
    for path in links.values():
        assert client.get(path).status_code == 200, path
    assert len(client.get(links["example"]).json()["results"]) == 5


def test_a_browser_gets_the_map_page(client: TestClient) -> None:
    """`test_page_files` looks at its files, `test_page_files_browser` at what they show."""
    page = client.get("/", headers={"accept": BROWSER})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (BROWSER, True), ("text/html", True), ("TEXT/HTML;q=0.5", True),
        ("", False), ("*/*", False), ("application/json", False), ("text/plain", False),
        ("application/json, text/html;q=0.5", False), ("application/json, text/plain, */*", False),
    ],
)  # fmt: skip
def test_who_gets_a_page(client: TestClient, accept: str, page: bool) -> None:
    assert wants_page(accept) == page
    got = client.get("/", headers={"accept": accept}).headers["content-type"]
    assert got.startswith("text/html") == page


@pytest.mark.parametrize("accept", [BROWSER, "*/*"])
def test_head_has_the_headers_and_no_body(client: TestClient, accept: str) -> None:
    asked = {"accept": accept, "x-request-id": "a"}
    head, got = (client.request(way, "/", headers=asked) for way in ("HEAD", "GET"))
    assert head.content == b""
    assert dict(head.headers) == dict(got.headers)
    assert head.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/", 405, "method_not_allowed"),
        ("GET", "/?lat=1", 400, "bad_request"),
        ("GET", "/index.html", 404, "not_found"),
    ],
)
def test_what_is_refused(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_slash_too_many_leads_there(client: TestClient) -> None:
    answer = client.get("http://testserver//", follow_redirects=False)
    assert answer.status_code == 308
    assert urljoin("http://x//", answer.headers["location"]) == "http://x/"


@pytest.mark.parametrize(
    "places",
    [
        [(31.19, 121.43)],
        [(-16.8, 179.99), (-16.8, -179.99)],
        [(89.9999, 10.0)],
        [(60.0, -170.0), (-60.0, 170.0)],
    ],
    ids=["one", "antimeridian", "pole", "far apart"],
)
def test_the_example_is_where_a_shop_is(tmp_path: Path, places: list[tuple[float, float]]) -> None:
    """Not in the middle of the bounds, which is the sea for some."""
    shops = [merchant(number, lat=lat, lng=lng) for number, (lat, lng) in enumerate(places)]
    write_snapshot(tmp_path / "snapshot", {"merchants": shops, "programs": [], "deals": []})
    build(tmp_path / "snapshot", tmp_path / "index")
    client = asked(tmp_path / "index")
    west, south, east, north = client.get("/v1/index").json()["bounds"]
    assert all(south <= lat <= north and west <= lng <= east for lat, lng in places)
    example = client.get("/").json()["links"]["example"]
    assert client.get(example).json()["results"]


def test_an_index_without_shops_has_no_example(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index", bounds=None)
    with running(tmp_path / "index") as client:
        assert client.get("/").json()["links"]["example"] is None


def test_without_an_index_it_is_not_ready(tmp_path: Path) -> None:
    """But the page comes, to say so."""
    with running(tmp_path / "index") as client:
        assert client.get("/", headers={"accept": BROWSER}).status_code == 200
        assert (client.get("/").status_code, client.get("/").json()["code"]) == (503, "not_ready")
