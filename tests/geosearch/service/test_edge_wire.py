"""Compressed, conditional and empty answers over a connection: a client always knows their end."""

import asyncio
import gzip
import io
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import orjson
import pytest

from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.logs import configure_logs
from geosearch.service.metrics import Metrics
from geosearch.service.settings import Settings
from tests.geosearch.fakes import FakeEngine, publish_fake
from tests.geosearch.service.test_guard_exchanges import Exchange, request

NEARBY = "/v1/nearby?lat=31.23&lng=121.47&limit=9"
GZIP = "Accept-Encoding: gzip"
NONE_MATCH = "If-None-Match: *"
ORIGIN = "Origin: https://a.example"
PREFLIGHT = "Access-Control-Request-Method: POST"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def answers(sent: bytes, methods: list[str]) -> list[Answer]:
    """The answers to requests of these methods, by the rules of RFC 9112, section 6.3."""
    found = []
    for method in methods:
        head, _, sent = sent.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        assert len(headers) == len(lines), "no header twice"
        status = int(first.split(" ")[1])
        assert "transfer-encoding" not in headers
        length = int(headers.get("content-length", 0))
        if method == "HEAD" or status in (204, 304):
            length = 0
        found.append(Answer(status, headers, sent[:length]))
        sent = sent[length:]
    assert sent == b"", "nothing is left"
    return found


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handlers]:
    configure_logs("info", io.BytesIO())
    index = tmp_path_factory.mktemp("wire") / "index"
    publish_fake(index)
    engines = Engines(index, FakeEngine, poll_seconds=60)
    engines.load()
    settings = Settings(cors_origins=("https://a.example",))
    handlers = Handlers(engines, Metrics(engines), settings)
    yield handlers
    handlers.close()


def exchanged(handlers: Handlers, sent: bytes) -> tuple[bytes, bool]:
    """What is answered over a connection, and whether it stays open."""

    async def run() -> tuple[bytes, bool]:
        exchange = Exchange(make_app(handlers))
        await exchange.send(sent)
        stays = not exchange.wire.closed
        exchange.close()
        return exchange.wire.sent, stays

    return asyncio.run(run())


ASKED: list[tuple[str, str, tuple[str, ...], int]] = [
    ("GET", NEARBY, (), 200),
    ("GET", NEARBY, (GZIP,), 200),
    ("HEAD", NEARBY, (), 200),
    ("HEAD", NEARBY, (GZIP,), 200),
    ("HEAD", NEARBY, (GZIP, NONE_MATCH), 200),
    ("GET", "/openapi.json", (GZIP,), 200),
    ("GET", "/openapi.json", (NONE_MATCH,), 304),
    ("GET", "/openapi.json", (GZIP, NONE_MATCH), 304),
    ("HEAD", "/openapi.json", (GZIP, NONE_MATCH), 304),
    ("GET", "/healthz", (GZIP,), 200),
    ("GET", "/healthz/", (GZIP,), 308),
    ("HEAD", "/v1/nothing", (GZIP,), 404),
    ("OPTIONS", "/v1/nearby", (ORIGIN, PREFLIGHT), 204),
    ("OPTIONS", "/v1/nearby", ("Origin: https://b.example", PREFLIGHT), 403),
    ("OPTIONS", "/v1/nearby", (ORIGIN,), 405),
]


def test_a_pipeline_of_all_kinds(handlers: Handlers) -> None:
    for seed in range(6):
        asked = Random(seed).sample(ASKED, len(ASKED))
        pipeline = b"".join(request(method, path, *headers) for method, path, headers, _ in asked)
        got, stays = exchanged(handlers, pipeline)
        assert stays
        found = answers(got, [method for method, *_ in asked])
        assert [answer.status for answer in found] == [status for *_, status in asked]
        for (method, _, headers, _), answer in zip(asked, found, strict=True):
            if GZIP in headers and "content-encoding" in answer.headers and method == "GET":
                assert orjson.loads(gzip.decompress(answer.body))
            assert ("access-control-allow-origin" in answer.headers) == (ORIGIN in headers)
        assert len({answer.headers["x-request-id"] for answer in found}) == len(asked)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_last_answer_of_a_connection(handlers: Handlers, method: str) -> None:
    for path, headers, status in (
        (NEARBY, (GZIP,), 200),
        ("/openapi.json", (NONE_MATCH,), 304),
        ("/openapi.json", (GZIP,), 200),
    ):
        got, stays = exchanged(handlers, request(method, path, "Connection: close", *headers))
        (answer,) = answers(got, [method])
        assert (answer.status, stays) == (status, False)
        assert answer.headers["connection"] == "close"


def test_a_long_answer_is_compressed_between_others(handlers: Handlers) -> None:
    """It leaves the loop for a thread, and keeps its place in the pipeline."""
    queries = [{"lat": 1, "lng": 2, "limit": 100}] * 8
    body = orjson.dumps({"queries": queries})
    batch = request("POST", "/v1/nearby:batch", GZIP, "Content-Type: application/json", body=body)
    get = request("GET", NEARBY, GZIP)
    got, _ = exchanged(handlers, get + batch + get)
    found = answers(got, ["GET", "POST", "GET"])
    decoded = [orjson.loads(gzip.decompress(answer.body)) for answer in found]
    assert [len(each.get("answers", ())) for each in decoded] == [0, 8, 0]


@pytest.mark.parametrize(
    "line",
    [
        b"X-Request-ID: a\rSet-Cookie: x=1",
        b"X-Request-ID: a\n Set-Cookie: x=1",
        b"X-Request-ID: a\x00b",
        b"Origin: https://a.example\rSet-Cookie: x=1",
        b"Origin: https://a.example\x0bSet-Cookie: x=1",
        b"X-Request-ID: \xff\xfe",
        b"Accept-Encoding: " + b"gzip;q=0.5," * 1_300,
        b"If-None-Match: " + b'W/"' * 5_000,
        b"Access-Control-Request-Method: \xe4",
    ],
)
def test_no_header_of_a_request_becomes_one_of_the_answer(handlers: Handlers, line: bytes) -> None:
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n"
    (answer,) = answers(exchanged(handlers, asked)[0], ["GET"])
    assert answer.status in (200, 400)
    assert "set-cookie" not in answer.headers
    for value in answer.headers.values():
        assert value.isascii()
        assert value.isprintable()
        assert "Set-Cookie" not in value
