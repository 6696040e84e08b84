"""What is the same for every route: the headers of answers, over a made-up engine."""

import io
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from geosearch.service.logs import configure_logs
from tests.geosearch.fakes import engine_of, publish_fake, running

HERE = "lat=31.23&lng=121.47"
NEARBY = f"/v1/nearby?{HERE}"
GETS = [
    NEARBY,
    f"/v1/suggest?{HERE}&q=a",
    "/v1/merchants/m1",
    f"/v1/zones?{HERE}",
    "/v1/zones?bbox=1,2,3,4",
    "/v1/programs",
    "/v1/categories",
    "/v1/index",
    "/healthz",
    "/readyz",
    "/",
    "/metrics",
    "/openapi.json",
]
REFUSED = ["/v1/nearby?lat=91&lng=0", "/v1/nothing", "/v1/merchants/unknown", "/healthz?x=1"]


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logs("info", io.BytesIO())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    index = tmp_path_factory.mktemp("edge") / "index"
    publish_fake(index)
    with running(index) as client:
        yield client


@pytest.mark.parametrize("path", [*GETS, *REFUSED, "/healthz/"])
def test_every_answer_has_a_request_id(client: TestClient, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE"):
        asked = {"x-request-id": f"ours-{method}"}
        answer = client.request(method, path, headers=asked, follow_redirects=False)
        assert answer.headers["x-request-id"] == f"ours-{method}"
        made = client.request(method, path, follow_redirects=False).headers["x-request-id"]
        assert 18 <= len(made) < 40


def test_two_request_ids_are_none(client: TestClient) -> None:
    answer = client.get("/healthz", headers=[("x-request-id", "a"), ("X-Request-ID", "b")])
    assert answer.headers.get_list("x-request-id")[0] not in ("a", "b", "a,b")
    assert len(answer.headers.get_list("x-request-id")) == 1


def test_the_log_has_the_request_id(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index")
    log = io.BytesIO()
    configure_logs("info", log)
    with running(tmp_path / "index") as client:
        client.get(NEARBY, headers={"x-request-id": "one"})
        client.get("/v1/nearby?lat=91&lng=0", headers={"x-request-id": "two"})
        made = client.get(NEARBY, headers={"x-request-id": "31.23,121.47"}).headers["x-request-id"]
        engine_of(client).ways["broken"] = True
        client.get(NEARBY, headers={"x-request-id": "broken"})
    lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
    assert [each["request_id"] for each in lines if each["event"] == "request"] == [
        "one", "two", made, "broken",
    ]  # fmt: skip
    (fault,) = (line for line in lines if line["event"] == "fault")
    assert fault["request_id"] == "broken"
    assert b"31.23" not in log.getvalue()
