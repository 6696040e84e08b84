"""A client cannot keep a connection, or make it work, for as long as it likes."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.guard import CLIENTS, CROSS_ORIGIN, GuardedProtocol, guarded
from geosearch.service.heads import MAX_HEADERS, MAX_TARGET
from geosearch.service.incoming import MAX_FRAMING
from geosearch.service.limits import Clients, Phase
from geosearch.service.settings import Settings

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
EARLY = POST.replace(b"/ ", b"/early ")

HEAD, BODY, IDLE, ANSWER = 10, 20, 30, 60
SETTINGS = Settings(
    header_timeout_seconds=HEAD,
    body_timeout_seconds=BODY,
    keep_alive_seconds=IDLE,
    answer_timeout_seconds=ANSWER,
    max_connections=2,
)


class Wire:
    """Stands for a transport."""

    def __init__(self) -> None:
        self.sent = b""
        self.closed = self.aborted = False

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        if not self.closed:
            self.sent += data

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class App:
    """Answers with what it was sent; `/slow` waits to be let on, `/early` does not read a body."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.go_on = asyncio.Event()
        self.reasons: list[str] = []
        self.clients = Clients(SETTINGS, self.reasons.append, now=seconds)
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await guarded(self._answer, scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers = scope["headers"]
        body, more = b"", scope["method"] == "POST" and scope["path"] != "/early"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if scope["path"] == "/slow":
            await self.go_on.wait()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Connection:
    """One connection, and a clock."""

    def __init__(self, app: App | None = None, origins: tuple[str, ...] = ()) -> None:
        self.seconds = 0.0
        self.app = app or App(lambda: self.seconds)
        self.clients = self.app.clients
        options: dict[str, Any] = {"lifespan": "off", "log_config": None, "ws": "none"}
        config = uvicorn.Config(
            cast(Any, self.app), proxy_headers=False, access_log=False, **options
        )
        config.load()
        self.wire = Wire()
        self.state = ServerState()
        state = {CLIENTS: self.clients, CROSS_ORIGIN: CrossOrigin(origins)}
        self.protocol = GuardedProtocol(config, self.state, state)
        self.protocol.connection_made(cast(asyncio.Transport, self.wire))

    async def send(self, data: bytes) -> None:
        """Send something, and give the application a moment."""
        if not self.wire.closed:
            self.protocol.data_received(data)
        await moment()

    def wait(self, seconds: float) -> bool:
        """Wait, and tell whether the connection is still open."""
        self.seconds += seconds
        self.clients.sweep()
        return not self.wire.closed

    @property
    def statuses(self) -> list[int]:
        """Statuses of the answers."""
        pieces = self.wire.sent.split(b"HTTP/1.1 ")[1:]
        return [int(piece[:3]) for piece in pieces if piece[:3] != b"100"]

    @property
    def code(self) -> str:
        """Code of the last answer."""
        code: str = json.loads(self.wire.sent.rpartition(b"\r\n\r\n")[2])["code"]
        return code

    def close(self) -> None:
        """End the connection."""
        self.protocol.connection_lost(None)


async def moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


# What is sent, how long it may stay like this, and the answers in the end.
STAYS: list[tuple[str, list[bytes], float, list[int]]] = [
    ("nothing", [], HEAD, []),
    ("empty lines", [b"\r\n", b"\r\n\r\n"], HEAD, []),
    ("half a method", [b"GE"], HEAD, [408]),
    ("half a target", [b"GET /v1"], HEAD, [408]),
    ("half a head", [GET[:-2]], HEAD, [408]),
    ("no body", [POST], BODY, [408]),
    ("half a body", [POST, b"ab"], BODY, [408]),
    ("half a chunk", [CHUNKED, b"4\r\nab"], BODY, [408]),
    ("no last chunk", [CHUNKED, b"2\r\nab\r\n"], BODY, [408]),
    ("half a trailer", [CHUNKED, b"2\r\nab\r\n0\r\nX: y"], BODY, [408]),
    ("a promise of a body", [POST[:-2] + b"Expect: 100-continue\r\n\r\n"], BODY, [408]),
    ("a request", [GET], IDLE, [200]),
    ("a request in two pieces", [GET[:5], GET[5:]], IDLE, [200]),
    ("a body", [POST + b"abcd"], IDLE, [200]),
    ("two requests", [GET, GET], IDLE, [200, 200]),
    ("a pipeline", [GET + GET], IDLE, [200, 200]),
    ("empty lines after it", [GET, b"\r\n", b"\r\n"], IDLE, [200]),
    ("half the next head", [GET + GET[:5]], HEAD, [200, 408]),
    ("half the next body", [GET + POST], BODY, [200, 408]),
    ("an answer before the body", [EARLY], BODY, [200]),
    ("an answer in the body", [EARLY, b"ab"], BODY, [200]),
    ("a body after its answer", [EARLY, b"abcd"], IDLE, [200]),
    ("work", [SLOW], 1e9, []),
    ("half a head behind work", [SLOW + GET[:5]], 1e9, []),
    ("half a body behind work", [SLOW + POST], 1e9, []),
]


@pytest.mark.parametrize(
    ("pieces", "seconds", "statuses"), [row[1:] for row in STAYS], ids=[row[0] for row in STAYS]
)
def test_how_long_a_connection_may_stay(
    pieces: list[bytes], seconds: float, statuses: list[int]
) -> None:
    async def run() -> None:
        connection = Connection()
        for piece in pieces:
            await connection.send(piece)
        assert connection.wait(seconds - 0.001)
        open_still = connection.wait(0.002)
        assert open_still == (seconds == 1e9)
        assert connection.statuses == statuses
        if statuses[-1:] == [408]:
            assert connection.code == "request_timeout"
            assert connection.app.reasons[-1] == "request_timeout"
        await moment()
        connection.app.go_on.set()
        await moment()
        connection.close()
        assert connection.clients.number == 0

    asyncio.run(run())


def test_work_is_not_timed_and_what_follows_is() -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(SLOW + GET[:5])
        assert connection.wait(1e6)
        connection.app.go_on.set()
        await moment()
        assert connection.statuses == [200]
        assert connection.wait(HEAD - 1)
        assert not connection.wait(1)
        assert connection.statuses == [200, 408]
        connection.close()

    asyncio.run(run())


# Each piece comes in time after the one before: a drip does not make a limit longer.
DRIPS: list[tuple[str, list[bytes], float]] = [
    ("a head", [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 30], HEAD),
    ("a body", [CHUNKED, *[b"1\r\na\r\n"] * 60], BODY),
    ("empty lines", [GET, *[b"\r\n"] * 90], IDLE),
]


@pytest.mark.parametrize(
    ("pieces", "seconds"), [row[1:] for row in DRIPS], ids=[row[0] for row in DRIPS]
)
def test_a_drip_does_not_help(pieces: list[bytes], seconds: float) -> None:
    async def run() -> None:
        connection = Connection()
        for piece in pieces:
            await connection.send(piece)
            if not connection.wait(0.5):
                break
        assert connection.seconds == seconds
        connection.close()

    asyncio.run(run())


def test_requests_in_time_keep_a_connection() -> None:
    async def run() -> None:
        connection = Connection()
        for at in range(20):
            await connection.send(GET[7:] + GET[:7] if at else GET + GET[:7])
            assert connection.wait(HEAD - 1), "each head has its time"
        for _ in range(20):
            await connection.send(GET[7:] + POST + b"abcd" + GET[:7])
            assert connection.wait(HEAD - 1)
        await connection.send(GET[7:])
        for _ in range(20):
            assert connection.wait(IDLE - 1)
            await connection.send(POST + b"abcd")
        assert set(connection.statuses) == {200}
        connection.close()

    asyncio.run(run())


@pytest.mark.parametrize(("begin", "seconds"), [(0, IDLE), (7, HEAD)], ids=["whole", "cut"])
def test_answers_in_time_keep_a_connection(begin: int, seconds: float) -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(GET[:begin])
        for at in range(5):
            await connection.send(GET[begin:] + GET[:begin])
            assert connection.statuses == [200] * (at + 1)
            assert connection.wait(seconds - 1)
        assert not connection.wait(1)
        connection.close()

    asyncio.run(run())


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def run() -> None:
        connection = Connection()
        connection.protocol.pause_writing()
        await connection.send(GET)
        assert connection.wait(ANSWER - 1)
        connection.protocol.resume_writing()
        connection.protocol.pause_writing()
        assert connection.wait(ANSWER - 1), "it has read some"
        assert not connection.wait(1)
        assert connection.wire.aborted
        connection.close()
        await moment()

    asyncio.run(run())


@pytest.mark.parametrize(
    "asked",
    [GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"garbage\r\n\r\n"],
    ids=["close", "garbage"],
)
def test_an_end_waits_for_a_reader_for_a_while(asked: bytes) -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(asked)
        assert connection.wire.closed
        connection.wait(ANSWER - 1)
        assert not connection.wire.aborted
        connection.wait(1)
        assert connection.wire.aborted
        connection.close()

    asyncio.run(run())


def test_an_idle_client_that_does_not_read_is_cut_off_in_the_end() -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(GET)
        assert not connection.wait(IDLE)
        assert not connection.wire.aborted
        connection.wait(ANSWER)
        assert connection.wire.aborted
        connection.close()

    asyncio.run(run())


def test_a_stop_ends_as_any_end() -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(GET)
        (uvicorns,) = connection.state.connections
        uvicorns.shutdown()
        assert connection.wire.closed
        connection.wait(ANSWER)
        assert connection.wire.aborted
        connection.close()

    asyncio.run(run())


def test_a_new_connection_has_the_place_of_the_longest_waiting() -> None:
    async def run() -> None:
        first = Connection()
        await first.send(SLOW)
        second, third = Connection(first.app), Connection(first.app)
        assert [one.wire.aborted for one in (first, second, third)] == [False, True, False]
        await third.send(SLOW)
        fourth = Connection(first.app)
        assert fourth.wire.closed
        assert (fourth.statuses, fourth.code) == ([503], "busy")
        first.app.go_on.set()
        await moment()
        assert (first.statuses, third.statuses) == ([200], [200])
        for one in (first, second, third, fourth):
            one.close()
        assert first.clients.number == 0
        assert first.app.reasons == ["gave way", "refused"]

    asyncio.run(run())


START = b"GET / HTTP/1.1\r\nHost: x\r\n"
TOO_MUCH: list[tuple[str, bytes, bytes, int, int]] = [
    ("a target", b"GET /", b"a", MAX_TARGET, 414),
    ("a value", START + b"X: ", b"a", MAX_HEADERS, 431),
    ("a name", START, b"a", MAX_HEADERS, 431),
    ("headers", START, b"X: y\r\n", MAX_HEADERS, 431),
    ("a size", CHUNKED, b"0", MAX_FRAMING, 400),
    ("an extension", CHUNKED + b"2;a=", b"a", MAX_FRAMING, 400),
    ("a trailer", CHUNKED + b"2\r\nab\r\n0\r\nX: ", b"a", MAX_FRAMING, 400),
    ("trailers", CHUNKED + b"2\r\nab\r\n0\r\n", b"X: y\r\n", MAX_FRAMING, 400),
]


@pytest.mark.parametrize("size", [1, 97, 1_460, 65_536])
@pytest.mark.parametrize(
    ("start", "more", "most", "status"),
    [row[1:] for row in TOO_MUCH],
    ids=[row[0] for row in TOO_MUCH],
)
def test_what_has_no_end_is_refused_as_it_comes(
    start: bytes, more: bytes, most: int, status: int, size: int
) -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(start)
        piece = (more * (size // len(more) + 1))[: max(size, len(more))]
        taken = 0
        while not connection.wire.closed:
            assert taken <= most + 64 + len(piece), "no more is taken than the limit and a piece"
            connection.protocol.data_received(piece)
            taken += len(piece)
        assert taken > most - 64, "what is within the limit is taken"
        assert connection.statuses == [status]
        connection.close()
        await moment()

    asyncio.run(run())


def test_a_long_body_in_tiny_pieces_is_no_framing() -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(CHUNKED)
        for _ in range(200):
            await connection.send(b"1\r\na\r\n" * 100)
        await connection.send(b"0\r\n\r\n")
        assert connection.statuses == [200]
        assert connection.wire.sent.endswith(b"a" * 20_000)
        connection.close()

    asyncio.run(run())


def test_trailers_are_no_headers() -> None:
    async def run() -> None:
        connection = Connection()
        await connection.send(CHUNKED + b"0\r\nContent-Type: text/plain\r\nHost: y\r\n\r\n")
        assert connection.app.headers == [
            (b"host", b"x"),
            (b"transfer-encoding", b"chunked"),
        ]
        connection.close()

    asyncio.run(run())


def test_other_applications_have_limits_too() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    async def run() -> None:
        config = uvicorn.Config(app, lifespan="off", log_config=None, ws="none")
        config.load()
        protocol, wire = GuardedProtocol(config, ServerState(), {}), Wire()
        protocol.connection_made(cast(asyncio.Transport, wire))
        assert protocol._clients.number == 1
        assert protocol._phase is Phase.HEAD
        protocol.connection_lost(None)

    asyncio.run(run())


PAGE = b"Origin: https://a.example\r\n"
OTHER = b"Origin: https://b.example\r\n"
LONG = b"Cookie: " + b"x" * MAX_HEADERS + b"\r\n\r\n"
HEAD_OF = b"POST /v1/nearby HTTP/1.1\r\nHost: x\r\n"
TOO_LONG = b"GET /" + b"x" * (MAX_TARGET + 1) + b" HTTP/1.1\r\nHost: x\r\n"
ORIGINS = ("https://a.example",)


@pytest.mark.parametrize(
    ("sent", "origins", "permission"),
    [
        (HEAD_OF + PAGE + LONG, ORIGINS, b"https://a.example"),
        (HEAD_OF + OTHER + LONG, ORIGINS, None),
        (HEAD_OF + PAGE + OTHER + LONG, ORIGINS, None),
        (HEAD_OF + LONG, ORIGINS, None),
        (HEAD_OF + LONG, ("*",), b"*"),
        (HEAD_OF + PAGE + LONG, (), None),
        (TOO_LONG, ("*",), b"*"),
        (TOO_LONG + PAGE + b"\r\n", ORIGINS, b"https://a.example"),
        (GET + HEAD_OF + OTHER + LONG, ORIGINS, None),
        (GET[:-2] + PAGE + b"\r\n" + HEAD_OF + LONG, ORIGINS, None),
        (b"nothing\r\n\r\n", ORIGINS, None),
        (HEAD_OF + PAGE + b"Content-Length: 4\r\n\r\nab", ORIGINS, b"https://a.example"),
    ],
)
def test_a_page_reads_why_its_connection_was_refused(
    sent: bytes, origins: tuple[str, ...], permission: bytes | None
) -> None:
    async def run() -> None:
        exchange = Connection(origins=origins)
        await exchange.send(sent)
        exchange.wait(BODY)
        await moment()
        assert exchange.statuses[-1] in (400, 408, 414, 431)
        head = exchange.wire.sent.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")[0]
        lines = [line.partition(b": ") for line in head.split(b"\r\n")]
        found = [value for name, _, value in lines if name == b"access-control-allow-origin"]
        assert found == ([] if permission is None else [permission])
        exchange.close()

    asyncio.run(run())
