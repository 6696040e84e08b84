"""A prompt answer is, byte for byte, the answer that uvicorn's path gives."""

import asyncio
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from uvicorn import Config
from uvicorn.server import ServerState

from geosearch.service.app import make_app
from geosearch.service.encode import Pieces
from geosearch.service.engines import Engines
from geosearch.service.guard import GuardedProtocol
from geosearch.service.handlers import Handlers
from geosearch.service.logs import configure_logs
from geosearch.service.metrics import Metrics
from geosearch.service.protocol import FAST_PATH, TOGETHER, Batch, Request
from geosearch.service.settings import Settings
from tests.geosearch.fakes import FakeEngine, publish_fake
from tests.geosearch.service.test_app_refusals import BAD

AT = f"{datetime.now(UTC).date()}T12:00:00Z"
HERE = f"lat=31.23&lng=121.47&at={AT}"
ASKED = {"lat": 31.23, "lng": 121.47, "at": AT, "cards": ["red", "nobodys"], "limit": 3}
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handlers]:
    configure_logs("info", io.BytesIO())
    index = tmp_path_factory.mktemp("prompt") / "index"
    publish_fake(index)
    engines = Engines(index, FakeEngine, poll_seconds=60)
    engines.load()
    handlers = Handlers(engines, Metrics(engines), Settings(max_body_bytes=20_000))
    yield handlers
    handlers.close()


class Wire:
    """Stands for a transport: what was written, and whether it was closed."""

    def __init__(self) -> None:
        self.sent = b""
        self.closed = False

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.sent += data

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.sent += b"".join(pieces)

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def _config(app: Starlette) -> Config:
    # Nothing stands between the server and the application.
    options: dict[str, Any] = {"lifespan": "off", "log_config": None, "ws": "none"}
    return Config(app, proxy_headers=False, access_log=False, **options)


def nobody(requests: Sequence[Request]) -> list[Pieces | None]:
    """Leaves every request to the long way."""
    return [None] * len(requests)


class Exchange:
    """What a connection got for what it sent, piece by piece, and the number of prompt answers."""

    def __init__(self, handlers: Handlers, *pieces: bytes, uvicorns_path: bool = False) -> None:
        self.prompt: Counter[bytes] = Counter()
        app = make_app(handlers)
        setattr(
            app,
            FAST_PATH,
            Batch((), nobody) if uvicorns_path else self._counted(getattr(app, FAST_PATH)),
        )
        self.wire = Wire()
        asyncio.run(self._send(app, pieces))

    def _counted(self, batch: Batch) -> Batch:
        def answer(requests: Sequence[Request]) -> Sequence[Pieces | None]:
            bodies = batch._fast_path(requests)
            for request, body in zip(requests, bodies, strict=True):
                self.prompt[request.method] += body is not None
            return bodies

        return Batch(batch.kept, answer)

    async def _send(self, app: Starlette, pieces: Iterable[bytes]) -> None:
        config = _config(app)
        state = ServerState()
        state.default_headers = [(b"date", b"today")]
        protocol = GuardedProtocol(config, state, {})
        protocol.connection_made(cast(asyncio.Transport, self.wire))
        for piece in pieces:
            if self.wire.closed:
                break
            protocol.data_received(piece)
            for _ in range(2):  # The batch's turn, and that of the task of uvicorn's path.
                await asyncio.sleep(0)
        while state.tasks or protocol.pipeline:
            await asyncio.sleep(0.001)
        self.closed = self.wire.closed
        protocol.connection_lost(None)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


GET = request("GET", f"/v1/nearby?{HERE}&cards=red,nobodys")
POST = request("POST", "/v1/nearby", JSON, body=json.dumps(ASKED).encode())
HALF = len(POST) - 20
CHUNKED = (
    request("POST", "/v1/nearby", JSON, "Transfer-Encoding: chunked")
    + f"{len(json.dumps(ASKED)):x}\r\n{json.dumps(ASKED)}\r\n0\r\n\r\n".encode()
)
OLD = GET.replace(b"1.1\r\n", b"1.0\r\nConnection: keep-alive\r\n")
POLYGON = {"type": "Polygon", "coordinates": [[[121, 31], [122, 31], [122, 32], [121, 31]]]}
AREA = json.dumps(ASKED | {"polygon": POLYGON}).encode()

EXCHANGES: list[tuple[str, list[bytes], int]] = [
    ("a get", [GET], 1),
    ("a post", [POST], 1),
    ("one after the other", [GET, POST, GET], 3),
    ("a post of unknown length", [CHUNKED], 1),
    ("a get with a body", [request("GET", f"/v1/nearby?{HERE}", body=b"{}")], 1),
    ("a head in two pieces", [GET[:30], GET[30:]], 1),
    ("a body in two pieces", [POST[:HALF], POST[HALF:]], 0),
    ("a body in two pieces, then another", [POST[:HALF], POST[HALF:], POST], 1),
    ("a pipeline", [GET + POST + GET], 1),
    ("a pipeline behind a long way", [request("GET", "/healthz") + GET + POST], 0),
    ("a pipeline, cut", [GET + POST[:HALF], POST[HALF:] + GET], 1),
    ("the last of a connection", [request("GET", f"/v1/nearby?{HERE}", "Connection: close")], 0),
    ("an old client", [GET.replace(b"HTTP/1.1", b"HTTP/1.0")], 0),
    ("an old client that stays", [OLD], 0),
    ("an upgrade", [request("GET", f"/v1/nearby?{HERE}", "Connection: upgrade", "Upgrade: x")], 0),
    ("expectations", [POST.replace(b"Host: x", b"Expect: 100-continue")], 0),
    ("only a head", [request("HEAD", f"/v1/nearby?{HERE}")], 0),
    ("a fragment", [request("GET", f"/v1/nearby?{HERE}&q=noodles#here")], 0),
    ("an absolute URL", [request("GET", f"http://x/v1/nearby?{HERE}")], 0),
    ("an escaped path", [request("GET", f"/v1/n%65arby?{HERE}")], 0),
    ("too long a query", [request("GET", f"/v1/nearby?{HERE}&q={'a' * 20_000}")], 0),
    ("a large body", [request("POST", "/v1/nearby", JSON, body=b" " * 30_000)], 0),
    ("no JSON", [request("POST", "/v1/nearby", body=json.dumps(ASKED).encode())], 0),
    ("a query beside a body", [POST.replace(b"nearby ", b"nearby?lat=1 ")], 0),
    ("a polygon", [request("POST", "/v1/nearby", JSON, body=AREA)], 0),
]  # fmt: skip


@pytest.mark.parametrize(("pieces", "prompt"), [row[1:] for row in EXCHANGES])
def test_prompt_answers_are_those_of_uvicorns_path(
    handlers: Handlers, pieces: list[bytes], prompt: int
) -> None:
    told = Exchange(handlers, *pieces)
    twin = Exchange(handlers, *pieces, uvicorns_path=True)
    assert told.wire.sent.startswith(b"HTTP/1.1 ")
    assert told.wire.sent == twin.wire.sent
    assert told.closed == twin.closed
    assert (told.prompt.total(), twin.prompt.total()) == (prompt, 0)


class Crowd:
    """Connections that send something each before the loop has another turn."""

    def __init__(self, handlers: Handlers) -> None:
        self.app = make_app(handlers)
        self.together: list[int] = []
        self.protocols: list[GuardedProtocol] = []
        self.wires: list[Wire] = []
        batch: Batch = getattr(self.app, FAST_PATH)

        def noted(requests: Sequence[Request]) -> Sequence[Pieces | None]:
            self.together.append(len(requests))
            return batch._fast_path(requests)

        setattr(self.app, FAST_PATH, Batch(batch.kept, noted))

    def send(self, *asked: bytes) -> None:
        """Send each over a connection of its own."""
        for one in asked:
            protocol, wire = GuardedProtocol(_config(self.app), ServerState(), {}), Wire()
            protocol.connection_made(cast(asyncio.Transport, wire))
            protocol.data_received(one)
            self.protocols.append(protocol)
            self.wires.append(wire)

    def answered(self) -> int:
        """Number of connections that something was sent over."""
        return sum(bool(wire.sent) for wire in self.wires)

    def close(self) -> None:
        """End every connection that is there."""
        for protocol in self.protocols:
            protocol.connection_lost(None)


def nearby(limit: int) -> bytes:
    return request("GET", f"/v1/nearby?{HERE}&limit={limit}")


def results_of(sent: bytes) -> int:
    return len(json.loads(sent.partition(b"\r\n\r\n")[2])["results"])


def test_what_comes_in_one_turn_is_answered_together(handlers: Handlers) -> None:
    async def run() -> None:
        crowd = Crowd(handlers)
        crowd.send(*(nearby(1 + at % 5) for at in range(2 * TOGETHER + 3)))
        assert crowd.answered() == 1, "nobody waits for others to come"
        await asyncio.sleep(0)
        assert crowd.answered() == 1 + TOGETHER, "what is answered is sent before more is"
        for _ in range(2):
            await asyncio.sleep(0)
        assert crowd.together == [1, TOGETHER, TOGETHER, 2]
        assert [results_of(wire.sent) for wire in crowd.wires] == [
            1 + at % 5 for at in range(2 * TOGETHER + 3)
        ]
        crowd.close()

    asyncio.run(run())


def test_each_of_them_may_take_uvicorns_path(handlers: Handlers) -> None:
    async def run() -> None:
        crowd = Crowd(handlers)
        crowd.send(nearby(1), nearby(2), request("GET", "/v1/nearby?lat=x"), nearby(3))
        for _ in range(3):
            await asyncio.sleep(0)
        assert crowd.together == [1, 3]
        _, first, refused, last = (wire.sent for wire in crowd.wires)
        assert (results_of(first), results_of(last)) == (2, 3)
        assert refused.startswith(b"HTTP/1.1 400 ")
        crowd.close()

    asyncio.run(run())


@pytest.mark.parametrize("end", ["eof_received", "shutdown", "garbage"])
def test_who_waits_is_answered_before_the_connection_ends(handlers: Handlers, end: str) -> None:
    async def run() -> None:
        crowd = Crowd(handlers)
        crowd.send(*[nearby(2)] * (TOGETHER + 2))
        protocol, wire = crowd.protocols[-1], crowd.wires[-1]
        assert not wire.sent
        if end == "garbage":
            protocol.data_received(b"\x00\x01")
        else:
            getattr(protocol, end)()
        assert wire.sent.startswith(b"HTTP/1.1 200 OK")
        assert wire.closed == (end != "eof_received")
        assert (b"HTTP/1.1 400 " in wire.sent) == (end == "garbage")
        assert crowd.together == [1, TOGETHER, 1]
        await asyncio.sleep(0)
        crowd.close()

    asyncio.run(run())


def test_nothing_is_sent_to_who_has_gone(handlers: Handlers) -> None:
    async def run() -> None:
        crowd = Crowd(handlers)
        crowd.send(nearby(1), nearby(2), nearby(3), request("GET", "/v1/nearby?lat=x"))
        for gone in (1, 3):
            crowd.protocols[gone].connection_lost(None)
        await asyncio.sleep(0.001)
        assert [bool(wire.sent) for wire in crowd.wires] == [True, False, True, False]
        for stayed in (0, 2):
            crowd.protocols[stayed].connection_lost(None)

    asyncio.run(run())


def test_what_is_refused_goes_uvicorns_path(handlers: Handlers) -> None:
    asked_nearby = [bad for bad in BAD if bad.url.partition("?")[0] == "/v1/nearby"]
    refused = 0
    for bad in asked_nearby:
        media_type = f"Content-Type: {bad.media_type}"
        method = bad.method or ("GET" if bad.body is None else "POST")
        asked = request(method, bad.url, media_type, body=bad.body or b"")
        told = Exchange(handlers, asked, GET)
        assert told.wire.sent == Exchange(handlers, asked, GET, uvicorns_path=True).wire.sent
        assert told.wire.sent.startswith(b"HTTP/1.1 %d " % bad.status), bad
        refused += told.prompt.total() == (not told.closed)
    assert refused == len(asked_nearby) > 50


def test_every_answer_has_the_date_of_its_second(handlers: Handlers) -> None:
    async def run() -> None:
        state = ServerState()
        protocol = GuardedProtocol(_config(make_app(handlers)), state, {})
        wire = Wire()
        protocol.connection_made(cast(asyncio.Transport, wire))
        for date, times in ((b"one", 2), (b"two", 1)):
            state.default_headers = [(b"date", date), (b"server", b"us")]
            for _ in range(times):
                protocol.data_received(GET)
                await asyncio.sleep(0)
            assert wire.sent.count(b"date: %b\r\nserver: us\r\n" % date) == times
        protocol.connection_lost(None)

    asyncio.run(run())


def test_a_client_that_does_not_read_gets_no_prompt_answers(handlers: Handlers) -> None:
    async def run() -> bytes:
        config = _config(make_app(handlers))
        protocol = GuardedProtocol(config, ServerState(), {})
        wire = Wire()
        protocol.connection_made(cast(asyncio.Transport, wire))
        protocol.pause_writing()
        protocol.data_received(GET)
        await asyncio.sleep(0.01)
        unread = wire.sent
        protocol.resume_writing()
        while protocol.tasks:
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        assert wire.sent.startswith(b"HTTP/1.1 200 OK")
        return unread

    assert asyncio.run(run()) == b""


def test_prompt_answers_are_counted(handlers: Handlers) -> None:
    name = 'geosearch_requests_total{route="/v1/nearby",status="200"} '

    def counted() -> float:
        text = Exchange(handlers, request("GET", "/metrics")).wire.sent.decode()
        return float(text.rpartition(name)[2].split()[0]) if name in text else 0.0

    before = counted()
    assert Exchange(handlers, GET, POST, POST[:HALF], POST[HALF:]).prompt.total() == 2
    assert counted() == before + 3


def test_a_fault_is_met_again_on_uvicorns_path(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index", broken=False)
    engines = Engines(tmp_path / "index", FakeEngine, poll_seconds=60)
    engines.load()
    cast(FakeEngine, engines.current().engine).ways["broken"] = True
    handlers = Handlers(engines, Metrics(engines), Settings())
    sent = Exchange(handlers, GET).wire.sent
    handlers.close()
    assert sent.startswith(b"HTTP/1.1 500 ")
    assert b"logged as" in sent
    assert b"secret" not in sent
