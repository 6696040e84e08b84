"""What is the same for every route: the headers of answers, over a made-up engine."""

import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pyarrow
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from geosearch.service.compression import IN_THREAD, SMALLEST
from geosearch.service.logs import configure_logs
from tests.geosearch.fakes import engine_of, publish_fake, running
from tests.geosearch.waiting import until

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
    "/docs",
]
LASTING = [
    f"/v1/zones?{HERE}",
    "/v1/zones?bbox=1,2,3,4",
    "/v1/programs",
    "/v1/categories",
    "/v1/index",
    "/openapi.json",
    "/docs",
]
CONSTANT = ["/docs", "/v1/programs", "/v1/categories", "/healthz", "/openapi.json"]
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
    asked = ["one", "two", made, "broken"]
    # The service of the other tests may log its last requests here.
    named = [line["request_id"] for line in lines if line["event"] == "request"]
    assert [each for each in named if each in asked] == asked
    (fault,) = (line for line in lines if line["event"] == "fault")
    assert fault["request_id"] == "broken"
    assert b"31.23" not in log.getvalue()


def raw(client: TestClient, method: str, path: str, **headers: str) -> tuple[Response, bytes]:
    """The answer and its body as it was sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream(method, path, headers=named, follow_redirects=False) as answer:
        return answer, b"".join(answer.iter_raw())


def decoded(coding: str, body: bytes) -> bytes:
    """A body as another library decodes it."""
    if coding == "gzip":
        return gzip.decompress(body)
    return bytes(pyarrow.CompressedInputStream(pyarrow.py_buffer(body), "zstd").read())


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("path", [*GETS, *REFUSED, "/healthz/"])
def test_a_long_answer_is_compressed(client: TestClient, path: str, coding: str) -> None:
    plain, body = raw(client, "GET", path, accept_encoding="identity")
    answer, sent = raw(client, "GET", path, accept_encoding=coding)
    assert "content-encoding" not in plain.headers
    assert int(answer.headers["content-length"]) == len(sent)
    is_long = len(body) >= SMALLEST
    varies = is_long or path in LASTING
    assert ("accept-encoding" in answer.headers.get("vary", "")) == varies
    assert plain.headers.get("vary") == answer.headers.get("vary")
    assert answer.headers.get("content-encoding") == (coding if is_long else None)
    if is_long:
        assert len(sent) < len(body)
        sent = decoded(coding, sent)
    assert answer.headers["content-type"] == plain.headers["content-type"]
    if "json" in answer.headers["content-type"] and body:
        assert set(orjson.loads(sent)) == set(orjson.loads(body))


def test_a_short_answer_is_compressed_where_it_must_not_be_plain(client: TestClient) -> None:
    answer, sent = raw(client, "GET", "/healthz", accept_encoding="gzip, identity;q=0")
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == (
        "gzip", "accept-encoding",
    )  # fmt: skip
    assert gzip.decompress(sent) == b'{"status":"alive"}'
    empty, sent = raw(client, "GET", "/healthz/", accept_encoding="gzip, identity;q=0")
    assert (empty.status_code, empty.headers["content-length"], sent) == (308, "0", b"")
    assert "content-encoding" not in empty.headers


def test_a_very_long_answer_is_compressed_in_a_thread(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    async def to_thread(work: Callable[[bytes], bytes], body: bytes) -> bytes:
        threads.append(len(body))
        return work(body)

    monkeypatch.setattr("geosearch.service.edge.asyncio.to_thread", to_thread)
    for limit, queries in ((100, 1), (100, 8)):
        asked = {"queries": [{"lat": 1, "lng": 2, "limit": limit}] * queries}
        accepted = {"accept-encoding": "zstd"}
        with client.stream("POST", "/v1/nearby:batch", json=asked, headers=accepted) as answer:
            sent = b"".join(answer.iter_raw())
        answers = orjson.loads(decoded("zstd", sent))["answers"]
        assert [len(each["results"]) for each in answers] == [limit] * queries
        assert len(threads) == (queries > 1)
    assert threads[0] >= IN_THREAD


@pytest.mark.parametrize("path", [*GETS, *REFUSED, "/healthz/"])
def test_head_has_the_headers_of_get(client: TestClient, path: str) -> None:
    for coding in ("identity", "gzip", "zstd, identity;q=0"):
        asked = {"accept_encoding": coding, "x_request_id": "a"}
        (get, body), (head, nothing) = (
            raw(client, method, path, **asked) for method in ("GET", "HEAD")
        )
        assert nothing == b""
        assert head.status_code == get.status_code
        lengths = [int(answer.headers.pop("content-length")) for answer in (get, head)]
        assert lengths[0] == len(body)
        # Some answers tell the time and how long they took, so their lengths differ by some bytes.
        assert abs(lengths[1] - lengths[0]) <= (0 if path in CONSTANT else 100)
        assert list(head.headers.items()) == list(get.headers.items())


@pytest.mark.parametrize("path", LASTING)
def test_an_answer_that_lasts_is_sent_once(client: TestClient, path: str) -> None:
    answer, body = raw(client, "GET", path)
    etag = answer.headers["etag"]
    own = ("content-security-policy", "content-language")
    named = {name: answer.headers[name] for name in own if name in answer.headers}
    assert answer.headers["cache-control"] == (
        "private, no-cache" if "lat=" in path else "no-cache"
    )
    for method in ("GET", "HEAD"):
        for coding in ("identity", "gzip"):
            for asked in (etag, f'"other", {etag.removeprefix("W/")}', "*"):
                again, sent = raw(
                    client, method, path, if_none_match=asked, accept_encoding=coding,
                    x_request_id="a",
                )  # fmt: skip
                assert (again.status_code, sent) == (304, b"")
                assert (
                    dict(again.headers)
                    == {
                        "etag": etag,
                        "cache-control": answer.headers["cache-control"],
                        "vary": answer.headers["vary"],
                        "x-request-id": "a",
                    }
                    | named
                )
    other, sent = raw(client, "GET", path, if_none_match='"other"')
    assert (other.status_code, len(sent)) == (200, len(body))
    compressed, _ = raw(client, "GET", path, accept_encoding="zstd", if_none_match='"other"')
    assert compressed.headers["etag"] == etag


@pytest.mark.parametrize("path", sorted({*GETS, *REFUSED, "/healthz/"} - {*LASTING}))
def test_other_answers_are_never_kept(client: TestClient, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer, _ = raw(client, method, path, if_none_match="*")
        assert answer.status_code != 304
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


def test_a_tag_changes_with_the_content(tmp_path: Path) -> None:
    """Not with the time that passes, and with a version that is refused."""
    index = tmp_path / "index"
    publish_fake(index)
    with running(index) as client:
        first = {path: client.get(path).headers["etag"] for path in LASTING}
        engine_of(client).ways["age_seconds"] = 99
        assert client.get("/v1/index").json()["age_seconds"] == 99
        assert client.get("/v1/index").headers["etag"] == first["/v1/index"]
        version = publish_fake(index, programs=2)
        until(lambda: client.get("/v1/index").json()["version"] == version)
        changed = [path for path in LASTING if client.get(path).headers["etag"] != first[path]]
    assert changed == ["/v1/programs", "/v1/index"]
