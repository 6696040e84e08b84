"""What comes over a connection is answered in its order, each answer in one piece."""

import asyncio
import gc
import io
import json
import re
import weakref
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.guard import (
    HALF_CLOSED_SECONDS,
    GuardedProtocol,
    _Outgoing,
    guarded,
)
from geosearch.service.handlers import Handlers
from geosearch.service.logs import configure_logs
from geosearch.service.metrics import Metrics
from geosearch.service.polling import BusyPolling
from geosearch.service.settings import Settings
from tests.geosearch.fakes import FakeEngine, publish_fake
from tests.geosearch.waiting import PATIENCE_S

AT = f"{datetime.now(UTC).date()}T12:00:00Z"
HERE = f"lat=31.23&lng=121.47&at={AT}"
ASKED = {"lat": 31.23, "lng": 121.47, "at": AT, "cards": ["red", "nobodys"], "limit": 3}
JSON = "Content-Type: application/json"


class Wire:
    """Stands for a transport: what was written, one item a call."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    @property
    def sent(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def statuses(self) -> list[int]:
        """Statuses of the answers in their order."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", self.sent)]

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.pieces.append(b"".join(pieces))

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def outgoing() -> tuple[Wire, _Outgoing, list[bool]]:
    """Return a transport, the one before it, and what it tells when it is closed."""
    wire, told = Wire(), list[bool]()
    return wire, _Outgoing(cast(asyncio.Transport, wire), lambda: told.append(True)), told


def test_a_head_waits_for_its_body() -> None:
    wire, joining, told = outgoing()
    joining.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    joining.write(HEAD)
    assert wire.pieces == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    joining.write(b"HTTP/1.1 is what this body is about")
    joining.write(b"more")
    assert wire.pieces[1:] == [HEAD + b"HTTP/1.1 is what this body is about", b"more"]
    joining.write(HEAD)
    joining.flush()
    joining.flush()
    assert wire.pieces[3:] == [HEAD]
    joining.write(HEAD)
    assert not told
    joining.close()
    assert wire.pieces[4:] == [HEAD]
    assert wire.closed
    assert told == [True]


def test_nothing_comes_from_a_muted_one() -> None:
    wire, muted, told = outgoing()
    muted.muted = True
    muted.write(HEAD)
    muted.close()
    assert (wire.pieces, wire.closed, told) == ([], False, [])
    assert muted.used_muted
    muted.end()
    assert (wire.pieces, wire.closed, told) == ([], True, [True])


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    body = b"" if scope["path"] == "/empty" else b"x" * 100_000
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def app_of_answers(scope: Scope, receive: Receive, send: Send) -> None:
    await guarded(answers, scope, receive, send)


class CountedPolling(BusyPolling):
    begun = 0

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self.begun += 1
        super().begin(loop)


@pytest.mark.parametrize(
    ("request_line", "length"),
    [("GET /", 100_000), ("HEAD /", 0), ("GET /empty", 0), ("POST /", 100_000)],
)
@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_over_a_socket(request_line: str, length: int, connection: str) -> None:
    polling = CountedPolling(0.0001)
    protocol = cast(Any, partial(GuardedProtocol, busy_polling=polling))

    async def run() -> bytes:
        config = uvicorn.Config(
            app_of_answers, port=0, http=protocol, lifespan="off", log_config=None, ws="none"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode()
        answer = b""
        # Twice on one connection, where that stays open.
        for _ in range(2 if connection == "keep-alive" else 1):
            writer.write(asked)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            answer = head + await asyncio.wait_for(reader.readexactly(length), PATIENCE_S)
        if connection == "close":
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()
        server.should_exit = True
        await serving
        return answer

    answer = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n" + b"x" * length)
    assert polling.begun == (2 if connection == "keep-alive" else 1)


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handlers]:
    configure_logs("info", io.BytesIO())
    index = tmp_path_factory.mktemp("exchanges") / "index"
    publish_fake(index)
    engines = Engines(index, FakeEngine, poll_seconds=60)
    engines.load()
    handlers = Handlers(engines, Metrics(engines), Settings(max_body_bytes=20_000))
    yield handlers
    handlers.close()


class Exchange:
    """A connection to the service, without a socket."""

    def __init__(self, app: Starlette) -> None:
        options: dict[str, Any] = {"lifespan": "off", "log_config": None, "ws": "none"}
        config = uvicorn.Config(app, proxy_headers=False, access_log=False, **options)
        config.load()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"today")]
        self.wire = Wire()
        self.protocol = GuardedProtocol(config, self.state, {})
        self.protocol.connection_made(cast(asyncio.Transport, self.wire))

    async def send(self, *pieces: bytes) -> None:
        """Send each piece when those before it are answered as far as they can be."""
        for piece in pieces:
            if not self.wire.closed:
                self.protocol.data_received(piece)
                await turns(6)
        while self.state.tasks and self.protocol._incoming.stage.name != "BODY":
            await asyncio.sleep(0.001)

    def close(self) -> None:
        self.protocol.connection_lost(None)


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def nearby(limit: int, *headers: str) -> bytes:
    return request("GET", f"/v1/nearby?{HERE}&limit={limit}", *headers)


GET = request("GET", f"/v1/nearby?{HERE}&cards=red,nobodys")
POST = request("POST", "/v1/nearby", JSON, body=json.dumps(ASKED).encode())
HALF = len(POST) - 20
CHUNKED = (
    request("POST", "/v1/nearby", JSON, "Transfer-Encoding: chunked")
    + f"{len(json.dumps(ASKED)):x}\r\n{json.dumps(ASKED)}\r\n0\r\n\r\n".encode()
)
TYPE_IN_TRAILER = request("POST", "/v1/nearby", "Transfer-Encoding: chunked") + (
    f"{len(json.dumps(ASKED)):x}\r\n{json.dumps(ASKED)}\r\n0\r\n{JSON}\r\n\r\n".encode()
)
ALIVE = request("GET", "/healthz")
OLD = GET.replace(b"1.1\r\n", b"1.0\r\nConnection: keep-alive\r\n")
POLYGON = {"type": "Polygon", "coordinates": [[[121, 31], [122, 31], [122, 32], [121, 31]]]}
AREA = json.dumps(ASKED | {"polygon": POLYGON}).encode()
HOSTLESS = b"GET /healthz HTTP/1.1\r\n\r\n"
CODED = request("POST", "/v1/nearby", JSON, "Transfer-Encoding: gzip")

EXCHANGES: list[tuple[str, list[bytes], list[int], bool]] = [
    # What is sent, the statuses, and whether the connection stays open.
    ("a get", [GET], [200], True),
    ("a post", [POST], [200], True),
    ("one after the other", [GET, POST, GET], [200] * 3, True),
    ("a post of unknown length", [CHUNKED], [200], True),
    ("a media type behind the body", [TYPE_IN_TRAILER], [415], True),
    ("a get with a body", [request("GET", f"/v1/nearby?{HERE}", body=b"{}")], [200], True),
    ("a head in two pieces", [GET[:30], GET[30:]], [200], True),
    ("a body in two pieces", [POST[:HALF], POST[HALF:]], [200], True),
    ("a body in two pieces, then another", [POST[:HALF], POST[HALF:], POST], [200] * 2, True),
    ("a pipeline", [GET + POST + GET], [200] * 3, True),
    ("a pipeline behind another route", [ALIVE + GET + POST], [200] * 3, True),
    ("a pipeline, cut", [GET + POST[:HALF], POST[HALF:] + GET], [200] * 3, True),
    ("the last of a connection", [nearby(1, "Connection: close") + GET], [200], False),
    ("an old client", [GET.replace(b"HTTP/1.1", b"HTTP/1.0")], [200], False),
    ("an old client that would stay", [OLD], [200], False),
    ("an upgrade", [nearby(1, "Connection: upgrade", "Upgrade: x")], [200], True),
    ("an upgrade, then a request", [nearby(1, "Connection: upgrade", "Upgrade: x"), GET],
     [200, 200], True),
    ("expectations", [POST.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue")],
     [100, 200], True),
    ("only a head", [request("HEAD", f"/v1/nearby?{HERE}"), GET], [200, 200], True),
    ("a fragment", [request("GET", f"/v1/nearby?{HERE}&q=noodles#here")], [200], True),
    ("an absolute URL", [request("GET", f"http://x/v1/nearby?{HERE}")], [200], True),
    ("an escaped path", [request("GET", f"/v1/n%65arby?{HERE}")], [200], True),
    ("too long a query", [request("GET", f"/v1/nearby?{HERE}&q={'a' * 17_000}")], [414], True),
    ("a large body", [request("POST", "/v1/nearby", JSON, body=b" " * 30_000)], [413], False),
    ("no JSON", [request("POST", "/v1/nearby", body=json.dumps(ASKED).encode())], [415], True),
    ("a query beside a body", [POST.replace(b"nearby ", b"nearby?lat=1 ")], [400], True),
    ("a polygon", [request("POST", "/v1/nearby", JSON, body=AREA)], [200], True),
    ("a refusal between answers", [GET + request("GET", "/v1/nearby?lat=x") + GET],
     [200, 400, 200], True),
    # An invalid head ends the connection, after the answers before it.
    ("no host", [HOSTLESS], [400], False),
    ("no host, then more", [HOSTLESS + GET + POST], [400], False),
    ("a pipeline with one that has no host", [GET + ALIVE + HOSTLESS + GET], [200, 200, 400],
     False),
    ("a coding in a pipeline", [GET + CODED + GET], [200, 501], False),
    ("garbage in a pipeline", [GET + POST + b"\x00\x01"], [200, 200, 400], False),
    ("garbage in a body", [CHUNKED[:-7] + b"garbage\r\n"], [400], False),
    ("a target without path in a pipeline", [GET + GET.replace(b"/v1/nearby?", b"http://x?")],
     [200, 400], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pieces", "statuses", "stays"),
    [row[1:] for row in EXCHANGES],
    ids=[row[0] for row in EXCHANGES],
)
def test_exchanges(
    handlers: Handlers, pieces: list[bytes], statuses: list[int], stays: bool
) -> None:
    async def run() -> Exchange:
        exchange = Exchange(make_app(handlers))
        await exchange.send(*pieces)
        assert exchange.wire.closed == (not stays)
        exchange.close()
        await turns(3)
        assert not exchange.state.tasks, "no task is left"
        return exchange

    wire = asyncio.run(run()).wire
    assert wire.statuses == statuses
    answered = [piece for piece in wire.pieces if not piece.startswith(b"HTTP/1.1 100 ")]
    assert len(answered) == len([status for status in statuses if status != 100])
    assert all(piece.startswith(b"HTTP/1.1 ") for piece in answered), "head and body in one write"


def test_what_only_uvicorn_refuses_is_refused(handlers: Handlers) -> None:
    async def run() -> Wire:
        exchange = Exchange(make_app(handlers))
        exchange.protocol._incoming.read = lambda data: data  # type: ignore[method-assign]
        await exchange.send(b"\x00\x01")
        exchange.close()
        return exchange.wire

    wire = asyncio.run(run())
    assert (wire.statuses, wire.closed) == ([400], True)
    assert json.loads(wire.sent.partition(b"\r\n\r\n")[2])["code"] == "not_http"


def test_answers_come_in_the_order_of_the_requests(handlers: Handlers) -> None:
    async def run() -> Wire:
        exchange = Exchange(make_app(handlers))
        await exchange.send(nearby(1) + nearby(2) + nearby(3))
        exchange.close()
        return exchange.wire

    bodies = [piece.partition(b"\r\n\r\n")[2] for piece in asyncio.run(run()).pieces]
    assert [len(json.loads(body)["results"]) for body in bodies] == [1, 2, 3]


@pytest.mark.parametrize("end", ["eof", "stop", "garbage"])
def test_who_waits_is_answered_before_the_connection_ends(handlers: Handlers, end: str) -> None:
    async def run() -> Wire:
        exchange = Exchange(make_app(handlers))
        exchange.protocol.data_received(GET)
        assert not exchange.wire.sent
        if end == "garbage":
            exchange.protocol.data_received(b"\x00\x01")
        elif end == "stop":
            for connection in exchange.state.connections:
                connection.shutdown()
        else:
            assert exchange.protocol.eof_received(), "the transport stays open"
        await turns(6)
        assert exchange.wire.closed
        exchange.close()
        return exchange.wire

    assert asyncio.run(run()).statuses == ([200, 400] if end == "garbage" else [200])


def test_who_waits_for_nothing_may_go_at_once(handlers: Handlers) -> None:
    async def run() -> None:
        for asked in (b"", GET, GET[:20], POST[:HALF]):
            exchange = Exchange(make_app(handlers))
            exchange.protocol.data_received(asked)
            await turns(6)
            assert not exchange.protocol.eof_received(), asked
            exchange.close()
            await turns(3)

    asyncio.run(run())


def test_a_half_closed_connection_does_not_wait_for_long(handlers: Handlers) -> None:
    gone: list[str] = []

    async def works(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := (await receive())["type"]) != "http.disconnect":
            pass
        gone.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await guarded(works, scope, receive, send)

    async def run() -> None:
        exchange = Exchange(cast(Any, app))
        exchange.protocol.data_received(GET)
        assert exchange.protocol.eof_received()
        await asyncio.sleep(HALF_CLOSED_SECONDS / 2)
        assert not exchange.wire.closed
        async with asyncio.timeout(PATIENCE_S):
            while not exchange.wire.closed:
                await asyncio.sleep(0.005)
        exchange.close()
        await turns(3)

    asyncio.run(run())
    assert gone == ["http.disconnect"]


@pytest.mark.parametrize(
    "asked",
    [b"", GET + POST, GET[:20], POST[:HALF], GET + HOSTLESS, nearby(1, "Connection: close")],
)
def test_a_lost_connection_leaves_no_cycle(handlers: Handlers, asked: bytes) -> None:
    async def run() -> list["weakref.ref[Any]"]:
        exchange = Exchange(make_app(handlers))
        exchange.protocol.data_received(asked)
        await turns(6)
        exchange.close()
        await turns(6)
        protocol = exchange.protocol
        return [weakref.ref(one) for one in (protocol, protocol._incoming, protocol._outgoing)]

    gc.collect()
    gc.disable()
    try:
        assert [left() for left in asyncio.run(run())] == [None] * 3
    finally:
        gc.enable()


def test_nothing_is_sent_to_who_has_gone(handlers: Handlers) -> None:
    async def run() -> None:
        exchange = Exchange(make_app(handlers))
        exchange.protocol.data_received(GET)
        exchange.close()
        await turns(6)
        assert not exchange.wire.sent
        assert not exchange.state.tasks

    asyncio.run(run())


def test_a_client_that_does_not_read_waits_for_its_answer(handlers: Handlers) -> None:
    async def run() -> None:
        exchange = Exchange(make_app(handlers))
        exchange.protocol.pause_writing()
        exchange.protocol.data_received(GET)
        await turns(6)
        assert not exchange.wire.sent
        exchange.protocol.resume_writing()
        await turns(6)
        assert exchange.wire.statuses == [200]
        exchange.close()

    asyncio.run(run())


def test_requests_are_counted(handlers: Handlers) -> None:
    name = 'geosearch_requests_total{route="/v1/nearby",status="200"} '

    async def run() -> list[float]:
        exchange = Exchange(make_app(handlers))
        counted = []
        for pieces in ([], [GET, POST, POST[:HALF], POST[HALF:]]):
            await exchange.send(*pieces, request("GET", "/metrics"))
            text = exchange.wire.pieces[-1].decode()
            counted.append(float(text.rpartition(name)[2].split()[0]) if name in text else 0.0)
        exchange.close()
        return counted

    before, after = asyncio.run(run())
    assert after == before + 3
