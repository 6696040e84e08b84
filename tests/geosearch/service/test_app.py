"""What the service answers, counts and logs, over a made-up engine."""

import gc
import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import orjson
import pytest
import structlog
from starlette.testclient import TestClient
from uvicorn.config import STARTUP_FAILURE

from geosearch.query.query import Query
from geosearch.service import app
from geosearch.service.encode import encode_page
from geosearch.service.logs import configure_logs
from tests.geosearch.fakes import SHOPS, FakeEngine, engine_of, publish_fake, running

HERE = "lat=31.23&lng=121.47"
NEARBY = f"/v1/nearby?{HERE}"


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logs("info", io.BytesIO())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    index = tmp_path_factory.mktemp("service") / "index"
    publish_fake(index)
    with running(index) as client:
        yield client


def test_get_and_post_answer_what_the_engine_answers(client: TestClient, tmp_path: Path) -> None:
    at = f"{datetime.now(UTC).date()}T12:00:00Z"
    values = {"lat": 31.23, "lng": 121.47, "cards": ["red", "nobodys"], "at": at, "limit": 3}
    got = client.get(f"{NEARBY}&cards=red,nobodys&at={at}&limit=3")
    posted = client.post("/v1/nearby", json=values)
    assert got.status_code == posted.status_code == 200
    assert got.headers["content-type"] == "application/json"
    assert got.headers["cache-control"] == "no-store"
    publish_fake(tmp_path / "index")
    (folder,) = (tmp_path / "index" / "versions").iterdir()
    query = Query(
        lat=31.23, lng=121.47, cards=("red", "nobodys"), at=datetime.fromisoformat(at), limit=3
    )
    said = orjson.loads(b"".join(encode_page(FakeEngine(folder).page(query))))
    for answer in (got.json(), posted.json()):
        assert len(answer.pop("next_cursor")) > 20
        assert answer == {name: v for name, v in said.items() if name != "next_cursor"}


def test_extras_come_when_asked_for(client: TestClient) -> None:
    plain = client.get(NEARBY).json()
    assert list(plain) == ["snapshot_id", "at", "took_us", "results", "next_cursor"]
    extra = client.get(f"{NEARBY}&total=true&facets=category,program&explain=true").json()
    assert extra["total"] == SHOPS
    assert list(extra["facets"]) == ["category", "program"]
    assert extra["explain"] == {"plan": [{"driver": "tree"}]}
    assert extra["results"][0]["explain"] == {"saving": 1_200.0}


def test_geojson_has_the_same_results(client: TestClient) -> None:
    at = f"{datetime.now(UTC).date()}T12:00:00Z"
    asked = f"{NEARBY}&at={at}&limit=3&total=true&cards=nobodys"
    said = client.get(asked).json()
    body = {"lat": 31.23, "lng": 121.47, "at": at, "limit": 3, "total": True, "cards": ["nobodys"]}
    for answer in (
        client.get(f"{asked}&format=geojson"),
        client.post("/v1/nearby", json=body | {"format": "geojson"}),
        client.get(f"{asked}&format=geojson&facets=category&zone=mall"),  # in a thread
    ):
        assert answer.headers["content-type"] == "application/geo+json"
        collection = answer.json()
        assert list(collection)[:2] == ["type", "features"]
        assert [feature["properties"] for feature in collection["features"]] == said["results"]
        assert collection["features"][1]["geometry"]["coordinates"] == [
            121.47, said["results"][1]["merchant"]["lat"],
        ]  # fmt: skip
        others = {name: collection[name] for name in ("at", "total", "unknown_cards")}
        assert others == {name: said[name] for name in others}
    page = client.get(f"{asked}&cursor={said['next_cursor']}&format=geojson").json()
    assert page["features"][0]["id"] == "m00003", "a cursor may change the format"


def test_a_batch_has_one_format(client: TestClient) -> None:
    queries: list[dict[str, Any]] = [
        {"lat": 1, "lng": 2},
        {"lat": 1, "lng": 2, "format": "geojson"},
    ]
    answer = client.post("/v1/nearby:batch", json={"queries": queries})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, "conflict")
    assert error["pointer"] == "/queries/1/format"
    assert error["detail"] == (
        "Expected `format` json in a batch, got geojson - at `$.queries[1].format`"
    )
    queries[1]["format"] = "json"
    assert client.post("/v1/nearby:batch", json={"queries": queries}).status_code == 200


@pytest.mark.parametrize(
    "area",
    [
        {"zone": "mall", "total": True},
        {"bbox": [121, 31, 122, 32], "facets": ["category"]},
        {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}},
    ],
)
def test_large_areas_are_answered_from_a_thread(client: TestClient, area: dict[str, Any]) -> None:
    answer = client.post("/v1/nearby", json={"lat": 31.23, "lng": 121.47} | area)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 20


def test_a_batch_is_answered_in_order(client: TestClient) -> None:
    queries = [{"lat": lat, "lng": 121.47, "limit": 2} for lat in (31.0, 32.0, 33.0)]
    answers = client.post("/v1/nearby:batch", json={"queries": queries}).json()["answers"]
    assert [round(a["results"][0]["merchant"]["lat"]) for a in answers] == [31, 32, 33]


def test_a_leap_second_is_the_next_second(client: TestClient) -> None:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    for answer in (
        client.get(f"{NEARBY}&at={day}T23:59:60Z"),
        client.post("/v1/nearby", json={"lat": 31.23, "lng": 121.47, "at": f"{day}T23:59:60Z"}),
    ):
        midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(days=1)
        assert answer.json()["at"] == midnight.isoformat()


TOGETHER = "Expected `queries` with limits and near misses of at most 300 together"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


@pytest.mark.parametrize(
    ("queries", "sentence"),
    [
        ([{"limit": 60}] * 5, ""),
        (
            [{"limit": 61}] * 5,
            f"{TOGETHER}, got 305 - at `$.queries`",
        ),
        ([{}] * 15, ""),
        (
            [{}] * 16,
            f"{TOGETHER}, got 320",
        ),
        ([{"polygon": SQUARE}] * 2, ""),
        (
            [
                {"polygon": SQUARE},
                {"zone": "mall", "total": True},
                {"limit": 1},
                {"bbox": [1, 2, 3, 4], "facets": ["category"]},
            ],
            "Expected `queries` with at most 2 polygons, totals and facets without a radius, got 3",
        ),
        ([{"total": True, "facets": ["category"]}] * 5, ""),
        ([{"zone": "mall", "total": True, "radius": 500}] * 5, ""),
    ],
)
def test_the_work_of_a_batch_is_bounded(
    tmp_path: Path, queries: list[dict[str, Any]], sentence: str
) -> None:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index", max_batch_results=300, max_batch_heavy=2) as client:
        asked = [{"lat": 0.5, "lng": 0.5} | query for query in queries]
        answer = client.post("/v1/nearby:batch", json={"queries": asked})
        assert answer.status_code == (400 if sentence else 200)
        if sentence:
            assert answer.json()["code"] == "batch_too_heavy"
            assert answer.json()["detail"].startswith(sentence)
            assert answer.json()["errors"][0]["pointer"] == "/queries"
            assert engine_of(client).asked[1:] == [], "nothing of it was begun"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/v1/nearby/?lat=1&lng=2", "/v1/nearby?lat=1&lng=2"),
        ("/v1/nearby:batch/", "/v1/nearby:batch"),
        ("/v1/programs/", "/v1/programs"),
        ("/healthz/", "/healthz"),
        ("/v1/zones/?lat=1&lng=2&at=2026-11-22T11:30:00%2B08:00",
         "/v1/zones?lat=1&lng=2&at=2026-11-22T11:30:00%2B08:00"),
    ],
)  # fmt: skip
def test_a_slash_too_many_leads_to_the_route(client: TestClient, path: str, leads_to: str) -> None:
    for method in ("GET", "POST", "HEAD"):
        answer = client.request(method, path, follow_redirects=False)
        assert answer.status_code == 308
        assert urljoin(f"http://x/behind{path}", answer.headers["location"]) == (
            f"http://x/behind{leads_to}"
        )


def test_a_slash_after_the_id_of_a_merchant(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index") as client:
        assert client.get("/v1/merchants/unknown/").status_code == 404
        # An id may end with a slash: it is looked for as it is first.
        assert client.get("/v1/merchants/m1/").json()["merchant"]["merchant_id"] == "m1/"
        lost = client.get("/v1/merchants/lost%20\u5e97/?at=2026-11-22T11:30:00Z")
        assert (lost.status_code, lost.history[0].status_code) == (200, 308)
        assert lost.json()["merchant"]["merchant_id"] == "lost \u5e97"


def test_other_routes(client: TestClient) -> None:
    assert client.get("/v1/merchants/m%2F1").json()["merchant"]["merchant_id"] == "m/1"
    at = client.get("/v1/merchants/m1?at=2026-11-22T11:30:00Z").json()["at"]
    assert at == "2026-11-22T11:30:00+00:00"
    (zone,) = client.get(f"/v1/zones?{HERE}&crs=GCJ02").json()["zones"]
    assert (zone["name"], zone["bounds"][:2]) == ("GCJ02", [121.47, 31.23])
    (zone,) = client.get("/v1/zones?bbox=1,2,3,4").json()["zones"]
    assert (zone["name"], zone["bounds"]) == ("WGS84", [1.0, 2.0, 3.0, 4.0])
    assert "geometry" in zone
    (category,) = client.get("/v1/categories").json()["categories"]
    assert category["names"] == {"en": "Food"}
    assert client.get("/v1/programs").json() == {
        "programs": [{"program_id": "red", "name": "小红卡", "merchants": SHOPS}]
    }
    assert client.get("/v1/index").json()["snapshot_id"] == "fake"
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json()["status"] == "ready"


@pytest.mark.parametrize("path", [NEARBY, "/healthz", "/openapi.json", "/v1/nothing"])
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]


def test_a_fault_shows_an_id_and_nothing_else(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index)
    log = io.BytesIO()
    configure_logs("info", log)
    with running(index) as client:
        engine_of(client).ways["broken"] = True
        answer = client.get(NEARBY)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (500, "fault")
        assert b"secret" not in answer.content
        assert b"Traceback" not in answer.content
        fault = problem["detail"].rpartition(" ")[2]
        assert fault.encode() in log.getvalue()
        assert b"a secret of the engine" in log.getvalue()


def test_too_many_heavy_requests_are_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    publish_fake(index)
    monkeypatch.setattr("geosearch.service.heavy.HEAVY_WAITING", 2)
    with running(index) as client:
        engine_of(client).ways["slow"] = 0.3
        body = {"queries": [{"lat": 1, "lng": 2}] * 2}
        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(client.post, "/v1/nearby:batch", json=body) for _ in range(6)]
            answers = [one.result() for one in asked]
        assert {answer.status_code for answer in answers} == {200, 503}
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.json()["code"] == "busy"
        assert refused.headers["retry-after"] == "1"
        assert client.post("/v1/nearby:batch", json=body).status_code == 200


def test_metrics_count_what_happened(tmp_path: Path) -> None:
    index = tmp_path / "index"
    version = publish_fake(index)
    with running(index) as client:
        for _ in range(3):
            client.get(f"{NEARBY}&sort=distance&limit=7")
        client.get("/v1/nearby?lat=91&lng=0")
        client.get("/v1/nothing")
        page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    lines = dict(line.rsplit(" ", 1) for line in page.text.splitlines() if line[0] != "#")
    assert lines['geosearch_nearby_seconds_count{sort="distance"}'] == "3.0"
    assert lines['geosearch_nearby_results_sum{sort="distance"}'] == "21.0"
    assert lines['geosearch_requests_total{route="/v1/nearby",status="200"}'] == "3.0"
    assert lines['geosearch_requests_total{route="/v1/nearby",status="400"}'] == "1.0"
    assert lines['geosearch_errors_total{code="bad_request"}'] == "1.0"
    assert lines['geosearch_errors_total{code="not_found"}'] == "1.0"
    assert 0 <= float(lines["geosearch_index_age_seconds"]) < 86_400
    left = timedelta(seconds=float(lines["geosearch_index_horizon_left_seconds"]))
    assert timedelta(days=42) < left < timedelta(days=45)
    assert lines[f'geosearch_index_info{{snapshot_id="fake",version="{version}"}}'] == "1.0"


def test_logs_know_no_position_and_no_wallet(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index)
    log = io.BytesIO()
    configure_logs("info", log)
    with running(index) as client:
        client.get("/v1/nearby?lat=31.234567&lng=121.476543&cards=secret-card")
        client.get("/v1/nearby?lat=31.234567&lng=121.476543&cards=secret-card&zone=secret-zone")
        client.get("/v1/merchants/unknown?at=secret")
        body = {"lat": 31.234567, "lng": 121.476543, "cards": ["secret-card"], "limit": 5}
        client.post("/v1/nearby", json=body)
    lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
    lines = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in lines] == [200, 400, 400, 200]
    first = lines[0]
    assert (first["route"], first["sort"], first["results"]) == ("/v1/nearby", "best", 20)
    assert not {"lat", "lng"} & {name for line in lines for name in line}
    for hidden in (b"secret", b"31.2", b"121.4"):
        assert hidden not in log.getvalue()


def test_requests_need_not_be_logged(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index)
    log = io.BytesIO()
    configure_logs("info", log)
    with running(index, log_requests=False) as client:
        client.get(NEARBY)
    assert b'"request"' not in log.getvalue()


def test_kernels_are_there_before_the_first_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(app, "configure_logs", lambda *_: None)
    monkeypatch.setattr(app, "warm", lambda _: steps.append("kernels loaded"))
    monkeypatch.setattr(gc, "freeze", lambda: steps.append("kept out of collections"))
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    monkeypatch.setattr(app, "create_app", lambda *_, **__: steps.append("application made"))
    monkeypatch.setattr(app, "Searcher", FakeEngine)
    monkeypatch.setenv("GEOSEARCH_INDEX", str(tmp_path / "index"))
    with pytest.raises(SystemExit) as ended:
        app.app_from_environment()
    assert ended.value.code == STARTUP_FAILURE, "a worker without any version would fail for ever"
    publish_fake(tmp_path / "index")
    app.app_from_environment()
    ready = ["kernels loaded", "kept out of collections"]
    assert steps == [*ready, *ready, "application made"]


def test_a_worker_that_cannot_start_says_why_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = io.BytesIO()
    configure_logs("info", log)
    monkeypatch.setattr(app, "configure_logs", lambda *_: None)
    monkeypatch.setattr(app, "_log", structlog.get_logger())
    monkeypatch.setattr(app, "warm", lambda _: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        app.app_from_environment()
    assert ended.value.code == app.WORKER_FAILURE != STARTUP_FAILURE
    (line,) = map(orjson.loads, log.getvalue().splitlines())
    assert line["event"] == "worker failed"
    assert "ZeroDivisionError" in line["exception"]


def test_a_service_waits_for_no_table_reader() -> None:
    """Polars takes 24 MB and 0.1 s; only a build needs it."""
    code = "import sys, geosearch.service.app as app; print('polars' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
