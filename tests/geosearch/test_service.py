"""The service over a made-up engine: answers, refusals word for word, following, cursors, logs."""

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from starlette.testclient import TestClient

from geosearch.encode import encode_answer
from geosearch.engines import Engines
from geosearch.logs import configure_logs
from geosearch.model import Query
from geosearch.publish import rollback
from geosearch.service import create_app
from geosearch.settings import Settings
from tests.geosearch.fakes import SHOPS, FakeEngine, publish_fake

HERE = "lat=31.23&lng=121.47"
NEARBY = f"/v1/nearby?{HERE}"
NOW = datetime.now(UTC).isoformat()
KNOWN = (
    "lat, lng, crs, radius, at, open, hours_unknown, min_minutes_left, cards, deals, party_size, "
    "spend, categories, min_rating, zone, bbox, {}sort, limit, cursor, facets, total, explain"
)
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logs("info", io.BytesIO())


@contextmanager
def running(index: Path, **settings: Any) -> Iterator[TestClient]:
    chosen = Settings(index=str(index), poll_seconds=0.02, **settings)
    engines = Engines(index, FakeEngine, poll_seconds=chosen.poll_seconds)
    with TestClient(create_app(chosen, engines), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    index = tmp_path_factory.mktemp("service") / "index"
    publish_fake(index)
    with running(index, max_body_bytes=20_000) as client:
        yield client


def until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


# --- answers -------------------------------------------------------------------------------------


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
    said = orjson.loads(encode_answer(FakeEngine(folder).search(query)))
    for answer in (got.json(), posted.json()):
        assert len(answer.pop("next_cursor")) > 20
        assert answer == {name: v for name, v in said.items() if name != "next_cursor"}


def test_extras_come_when_asked_for(client: TestClient) -> None:
    plain = client.get(NEARBY).json()
    assert list(plain) == ["snapshot_id", "at", "took_us", "results", "next_cursor"]
    extra = client.get(f"{NEARBY}&total=true&facets=category,program&explain=true").json()
    assert extra["total"] == SHOPS
    assert list(extra["facets"]) == ["category", "program"]
    assert extra["explain"] == {"plan": "tree"}
    assert extra["results"][0]["explain"] == {"saving": 1_200.0}


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


def test_other_routes(client: TestClient) -> None:
    assert client.get("/v1/merchants/m%2F1").json() == {"merchant_id": "m/1", "at": None}
    at = client.get("/v1/merchants/m1?at=2026-11-22T11:30:00Z").json()["at"]
    assert at == "2026-11-22T11:30:00+00:00"
    (zone,) = client.get(f"/v1/zones?{HERE}").json()["zones"]
    assert (zone["lat"], zone["lng"]) == (31.23, 121.47)
    (zone,) = client.get(f"/v1/zones?{HERE}&crs=GCJ02").json()["zones"]
    assert 100 < abs(zone["lng"] - 121.47) * 95_000 < 700, "GCJ-02 lies some hundred metres east"
    assert client.get("/v1/programs").json() == {
        "programs": [{"program_id": "red", "name": "小红卡"}]
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


# --- refusals ------------------------------------------------------------------------------------


class Bad(NamedTuple):
    """A request, and the first sentence it is refused with; more may follow."""

    url: str
    sentence: str
    body: bytes | None = None
    code: str = "bad_request"
    status: int = 400
    method: str = ""
    media_type: str = "application/json"


INSTANT = "Expected `at` as an RFC 3339 instant with offset, got "
BAD = [
    Bad("/v1/nearby", "Expected `lat`, got nothing - at `$.lat`; Expected `lng`, got nothing"),
    Bad("/v1/nearby?lat=31.23", "Expected `lng`, got nothing - at `$.lng`"),
    Bad("/v1/nearby?lat=91&lng=0", "Expected `lat` in [-90, 90], got 91.0 - at `$.lat`"),
    Bad("/v1/nearby?lat=0&lng=-180.1", "Expected `lng` in [-180, 180], got -180.1 - at `$.lng`"),
    Bad("/v1/nearby?lat=nan&lng=0", "Expected `lat` as a number, got 'nan' - at `$.lat`"),
    Bad("/v1/nearby?lat=&lng=0", "Expected `lat` as a number, got '' - at `$.lat`"),
    Bad("/v1/nearby?lat=31,23&lng=0", "Expected `lat` as a number, got '31,23' - at `$.lat`"),
    Bad("/v1/nearby?lat=1&lng=1e999", "Expected `lng` in [-180, 180], got inf - at `$.lng`"),
    Bad(f"{NEARBY}&lat=5", "Expected `lat` once, got it 2 times - at `$.lat`"),
    Bad(f"{NEARBY}&sort=best&sort=best", "Expected `sort` once, got it 2 times - at `$.sort`"),
    Bad(f"{NEARBY}&foo=1", f"Expected one of {KNOWN.format('')}, got 'foo' - at `$.foo`"),
    Bad(f"{NEARBY}&q=tea", f"Expected one of {KNOWN.format('')}, got 'q' - at `$.q`"),
    Bad(
        f"{NEARBY}&crs=EPSG:4326",
        "Expected `crs` as one of WGS84, GCJ02, BD09, got 'EPSG:4326' - at `$.crs`",
    ),
    Bad(f"{NEARBY}&radius=0", "Expected `radius` in [1, 50000], got 0.0 - at `$.radius`"),
    Bad(f"{NEARBY}&radius=50001", "Expected `radius` in [1, 50000], got 50001.0 - at `$.radius`"),
    Bad(f"{NEARBY}&radius=3km", "Expected `radius` as a number, got '3km' - at `$.radius`"),
    Bad(f"{NEARBY}&at=tomorrow", INSTANT + "'tomorrow' - at `$.at`"),
    Bad(
        f"{NEARBY}&at=2026-11-22T19:30:00",
        INSTANT + "2026-11-22T19:30:00 without an offset - at `$.at`",
    ),
    Bad(f"{NEARBY}&at=1763811000", INSTANT + "'1763811000' - at `$.at`"),
    Bad(
        f"{NEARBY}&at=1999-01-01T00:00:00Z",
        "Expected `at` from 2",
        code="at_outside_horizon",
    ),
    Bad(
        f"/v1/zones?{HERE}&at=0001-01-01T00:00:00Z",
        INSTANT + "0001-01-01T00:00:00+00:00, at the end of the calendar - at `$.at`",
    ),
    Bad(f"{NEARBY}&open=yes", "Expected `open` as one of any, now, got 'yes' - at `$.open`"),
    Bad(
        f"{NEARBY}&hours_unknown=maybe",
        "Expected `hours_unknown` as one of exclude, include, got 'maybe' - at `$.hours_unknown`",
    ),
    Bad(
        f"{NEARBY}&min_minutes_left=-1",
        "Expected `min_minutes_left` in [0, 10080], got -1 - at `$.min_minutes_left`",
    ),
    Bad(
        f"{NEARBY}&cards=red,,blue",
        "Expected `cards` as text of 1 to 200 characters, got 0 characters - at `$.cards[1]`",
    ),
    Bad(
        f"{NEARBY}&cards={','.join('x' * 1_001)}",
        "Expected `cards` of at most 1000 items, got 1001 - at `$.cards`",
    ),
    Bad(f"{NEARBY}&deals=card", "Expected `cards` with deals=card, got none - at `$.cards`"),
    Bad(
        f"{NEARBY}&deals=best",
        "Expected `deals` as one of card, any, optional, got 'best' - at `$.deals`",
    ),
    Bad(
        f"{NEARBY}&party_size=two",
        "Expected `party_size` as an integer, got 'two' - at `$.party_size`",
    ),
    Bad(f"{NEARBY}&spend=-5", "Expected `spend` in [0, 2000000000], got -5 - at `$.spend`"),
    Bad(f"{NEARBY}&spend=12.50", "Expected `spend` as an integer, got '12.50' - at `$.spend`"),
    Bad(
        f"{NEARBY}&categories={'x' * 201}",
        "Expected `categories` as text of 1 to 200 characters, got 201 characters",
    ),
    Bad(f"{NEARBY}&min_rating=6", "Expected `min_rating` in [0, 5], got 6.0 - at `$.min_rating`"),
    Bad(
        f"{NEARBY}&zone=nowhere",
        "Expected `zone` of the snapshot, got 'nowhere' - at `$.zone`",
        code="unknown_zone",
    ),
    Bad(
        f"{NEARBY}&bbox=1,2,3",
        "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got a list of 3 - at `$.bbox`",
    ),
    Bad(
        f"{NEARBY}&bbox=1,5,2,4",
        "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got min_lat 5.0 above max_lat 4.0",
    ),
    Bad(
        f"{NEARBY}&bbox=a,b,c,d",
        "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got 'a,b,c,d' - at `$.bbox`",
    ),
    Bad(
        f"{NEARBY}&polygon=%7B%7D",
        "Expected `polygon` in the body of a POST, got it in the URL - at `$.polygon`",
    ),
    Bad(
        f"{NEARBY}&sort=relevance",
        "Expected `sort` as one of best, distance, saving, rating, got 'relevance' - at `$.sort`",
    ),
    Bad(f"{NEARBY}&limit=101", "Expected `limit` in [1, 100], got 101 - at `$.limit`"),
    Bad(f"{NEARBY}&limit=ten", "Expected `limit` as an integer, got 'ten' - at `$.limit`"),
    Bad(
        f"{NEARBY}&cursor=abc",
        "Expected `next_cursor` of an earlier answer, got 'abc' - at `$.cursor`",
        code="bad_cursor",
    ),
    Bad(
        f"{NEARBY}&facets=colour",
        "Expected `facets` as one of category, program, offer_type, business_area, got 'colour'",
    ),
    Bad(f"{NEARBY}&total=1", "Expected `total` as true or false, got '1' - at `$.total`"),
    Bad(f"{NEARBY}&zone=%FF", "Expected percent-encoded UTF-8, got other bytes - at `$`"),
    Bad(
        f"{NEARBY}&zone={'x' * 16_384}",
        "Expected a query string of at most 16384 bytes, got more",
        code="uri_too_long",
        status=414,
    ),
    Bad(
        "/v1/nearby",
        "Expected a JSON object in UTF-8, got unexpected end of data in line 1, column 2",
        b"{",
        "not_json",
    ),
    Bad("/v1/nearby", "Expected a JSON object in UTF-8, got nothing", b"", "not_json"),
    Bad("/v1/nearby", "Expected an object of query parameters, got a list of 0 - at `$`", b"[]"),
    Bad(
        "/v1/nearby",
        "Expected `lat` as a number, got '31.23' - at `$.lat`",
        b'{"lat":"31.23","lng":121.47}',
    ),
    Bad(
        "/v1/nearby",
        f"Expected one of {KNOWN.format('polygon, ')}, got 'Radius' - at `$.Radius`",
        b'{"lat":1,"lng":2,"Radius":5}',
    ),
    Bad(
        "/v1/nearby",
        "Expected `cards` as a list, got 'red' - at `$.cards`",
        b'{"lat":1,"lng":2,"cards":"red"}',
    ),
    Bad(
        "/v1/nearby",
        "Expected `polygon` as a GeoJSON Polygon or MultiPolygon, got type 'Point'",
        b'{"lat":1,"lng":2,"polygon":{"type":"Point","coordinates":[1,2]}}',
    ),
    Bad(
        f"/v1/nearby?{HERE}",
        "Expected no parameters, got 'lat' - at `$.lat`",
        b'{"lat":1,"lng":2}',
    ),
    Bad(
        "/v1/nearby",
        "Expected content type application/json, got 'text/plain'",
        b"{}",
        "wrong_media_type",
        415,
        media_type="text/plain",
    ),
    Bad(
        "/v1/nearby",
        "Expected a body of at most 20000 bytes, got more",
        b" " * 20_001,
        "too_large",
        413,
    ),
    Bad("/v1/nearby:batch", "Expected an object with a list `queries`, got null - at `$`", b"{}"),
    Bad(
        "/v1/nearby:batch",
        "Expected `queries` of 1 to 100 items, got 101 - at `$.queries`",
        orjson.dumps({"queries": [{"lat": 1, "lng": 2}] * 101}),
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected `lng` in [-180, 180], got 200 - at `$.queries[1].lng`",
        b'{"queries":[{"lat":1,"lng":2},{"lat":1,"lng":200}]}',
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected `zone` of the snapshot, got 'nowhere' - at `$.queries[1].zone`",
        b'{"queries":[{"lat":1,"lng":2},{"lat":1,"lng":2,"zone":"nowhere"}]}',
        "unknown_zone",
    ),
    Bad(
        "/v1/merchants/unknown",
        "Expected the id of a merchant, got an unknown one",
        code="not_found",
        status=404,
    ),
    Bad("/v1/merchants/m1?lat=3", "Expected one of at, got 'lat' - at `$.lat`"),
    Bad("/v1/zones?lat=1", "Expected `lng`, got nothing - at `$.lng`"),
    Bad(f"/v1/zones?{HERE}&radius=5", "Expected one of lat, lng, crs, at, got 'radius'"),
    Bad("/v1/programs?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad("/v1/index?x=1", "Expected no parameters, got 'x' - at `$.x`"),
    Bad(
        "/v1/nearby",
        "Expected GET, HEAD, POST, got DELETE - at `/v1/nearby`",
        code="method_not_allowed",
        status=405,
        method="DELETE",
    ),
    Bad(
        "/v1/nearby:batch",
        "Expected POST, got GET - at `/v1/nearby:batch`",
        code="method_not_allowed",
        status=405,
    ),
    Bad(
        "/v1/suggest?q=a",
        "Expected a route of /openapi.json, got another path",
        code="not_found",
        status=404,
    ),
    Bad(
        "/v1/nearby/",
        "Expected a route of /openapi.json, got another path",
        code="not_found",
        status=404,
    ),
    Bad(
        "/v1/near%0Aby",
        "Expected a route of /openapi.json, got another path",
        code="not_found",
        status=404,
    ),
    Bad("/", "Expected a route of /openapi.json, got another path", code="not_found", status=404),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.url[:60]} {(bad.body or b'')[:40]!r}")
def test_every_bad_request_gets_its_sentence(client: TestClient, bad: Bad) -> None:
    method = bad.method or ("GET" if bad.body is None else "POST")
    headers = {"content-type": bad.media_type} if bad.body is not None else {}
    answer = client.request(method, bad.url, content=bad.body, headers=headers)
    assert answer.status_code == bad.status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["detail"].startswith(bad.sentence)
    assert (problem["status"], problem["code"]) == (bad.status, bad.code)
    assert list(problem) == ["type", "title", "status", "code", "detail", "errors"]
    if bad.status == 400:
        details = [error["detail"] for error in problem["errors"]]
        assert "; ".join(details) == problem["detail"]
    else:
        assert problem["errors"] == []


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 60


def test_methods_allowed_are_named(client: TestClient) -> None:
    assert client.put("/v1/nearby").headers["allow"] == "GET, HEAD, POST"


def test_pointers_are_json_pointers(client: TestClient) -> None:
    body = {"queries": [{"lat": 1, "lng": 2, "a/b~c": 1, "cards": ["x", ""]}]}
    errors = client.post("/v1/nearby:batch", json=body).json()["errors"]
    assert [e["pointer"] for e in errors] == ["/queries/0/cards/1", "/queries/0/a~1b~0c"]


def test_a_body_in_pieces_is_bounded_too(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 1_000

    answer = client.post("/v1/nearby", content=pieces(), headers=JSON)
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


def test_an_encoded_body_is_refused(client: TestClient) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    answer = client.post("/v1/nearby", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert answer.json()["detail"] == "Expected a body without content encoding, got 'gzip'"


def test_a_fault_shows_an_id_and_nothing_else(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index)
    log = io.BytesIO()
    configure_logs("info", log)
    with running(index) as client:
        _engine_of(client).ways["broken"] = True
        answer = client.get(NEARBY)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (500, "fault")
        assert b"secret" not in answer.content
        assert b"Traceback" not in answer.content
        fault = problem["detail"].rpartition(" ")[2]
        assert fault.encode() in log.getvalue()
        assert b"a secret of the engine" in log.getvalue()


# --- versions ------------------------------------------------------------------------------------


def test_a_new_version_is_followed_without_a_failure(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        assert client.get(NEARBY).json()["snapshot_id"] == "one"
        publish_fake(index, snapshot_id="two")
        started = time.monotonic()
        seen = []
        while time.monotonic() - started < 5 and "two" not in seen:
            answer = client.get(NEARBY)
            assert answer.status_code == 200
            seen.append(answer.json()["snapshot_id"])
        assert seen[-1] == "two"
        assert time.monotonic() - started < 1
        rollback(index)
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "one", 1)


def test_a_version_that_cannot_answer_never_takes_over(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="good")
    with running(index) as client:
        publish_fake(index, snapshot_id="bad", broken=True)
        until(lambda: "geosearch_index_load_failures 0" not in client.get("/metrics").text)
        assert client.get(NEARBY).json()["snapshot_id"] == "good"
        publish_fake(index, snapshot_id="better")
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "better")


def test_without_an_index_it_is_alive_but_not_ready(tmp_path: Path) -> None:
    index = tmp_path / "index"
    with running(index) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", NEARBY, "/v1/index", "/v1/programs", "/v1/merchants/m1"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert answer.json()["detail"] == "Expected an index to answer from, got none yet"
        assert client.get("/metrics").status_code == 200
        publish_fake(index)
        until(lambda: client.get("/readyz").status_code == 200)


def test_an_index_past_its_horizon_is_not_ready(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, past=100)
    with running(index) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("Expected an index whose horizon holds now, ")
        assert client.get("/healthz").status_code == 200


def test_pages_stay_on_their_version(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        page = client.get(f"{NEARBY}&limit=100").json()
        names = [result["merchant"]["merchant_id"] for result in page["results"]]
        publish_fake(index, snapshot_id="two")
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "two")
        at = page["at"]
        while page["next_cursor"]:
            page = client.get(f"{NEARBY}&limit=100&cursor={page['next_cursor']}").json()
            assert (page["snapshot_id"], page["at"]) == ("one", at)
            names += [result["merchant"]["merchant_id"] for result in page["results"]]
        assert names == [f"m{doc:05d}" for doc in range(SHOPS)]


def test_a_restarted_service_still_reads_old_cursors(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        cursor = client.get(NEARBY).json()["next_cursor"]
    publish_fake(index, snapshot_id="two")
    with running(index) as client:
        assert client.get(NEARBY).json()["snapshot_id"] == "two"
        assert client.get(f"{NEARBY}&cursor={cursor}").json()["snapshot_id"] == "one"


def test_a_cursor_of_a_version_gone_is_expired(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index, snapshot_id="one")
    with running(index) as client:
        cursor = client.get(NEARBY).json()["next_cursor"]
        for number in range(4):
            publish_fake(index, snapshot_id=f"later {number}")
        until(lambda: client.get(NEARBY).json()["snapshot_id"] == "later 3")
        until(lambda: client.get(f"{NEARBY}&cursor={cursor}").status_code == 410)
        problem = client.get(f"{NEARBY}&cursor={cursor}").json()
        assert problem["code"] == problem["errors"][0]["code"] == "cursor_expired"
        assert problem["errors"][0]["pointer"] == "/cursor"


# --- limits, metrics, logs -----------------------------------------------------------------------


def test_too_many_heavy_requests_are_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    publish_fake(index)
    monkeypatch.setattr("geosearch.handlers.HEAVY_WAITING", 2)
    with running(index) as client:
        _engine_of(client).ways["slow"] = 0.3
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


def test_logs_know_a_kilometre_and_no_wallet(tmp_path: Path) -> None:
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
    assert (first["lat"], first["lng"], first["results"]) == (31.23, 121.48, 20)
    assert (first["route"], first["sort"], first["method"]) == ("/v1/nearby", "best", "GET")
    for hidden in (b"secret", b"31.234", b"121.476"):
        assert hidden not in log.getvalue()


def test_requests_need_not_be_logged(tmp_path: Path) -> None:
    index = tmp_path / "index"
    publish_fake(index)
    log = io.BytesIO()
    configure_logs("info", log)
    with running(index, log_requests=False) as client:
        client.get(NEARBY)
    assert b'"request"' not in log.getvalue()


def _engine_of(client: TestClient) -> FakeEngine:
    """The engine that answered last, found through the routes of the application."""
    handler = client.app.routes[0].endpoint._handlers["GET"]  # type: ignore[attr-defined]
    engine = handler.__self__._engines.loaded.engine
    assert isinstance(engine, FakeEngine)
    return engine
