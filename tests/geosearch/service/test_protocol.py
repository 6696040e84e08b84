"""An answer is sent in one piece, whatever its method and length, and none is kept back."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from geosearch.service.protocol import BusyPolling, JoiningProtocol, _Joining
from tests.geosearch.waiting import PATIENCE_S


class Wire:
    """Stands for a transport: what was written, one item a call."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.sent.append(b"".join(pieces))

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str) -> None:
        return None


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def test_a_head_waits_for_its_body() -> None:
    wire = Wire()
    joining = _Joining(cast(asyncio.Transport, wire))
    joining.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    joining.write(HEAD)
    assert wire.sent == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    joining.write(b"HTTP/1.1 is what this body is about")
    joining.write(b"more")
    assert wire.sent[1:] == [HEAD + b"HTTP/1.1 is what this body is about", b"more"]
    joining.write(HEAD)
    joining.flush()
    joining.flush()
    assert wire.sent[3:] == [HEAD]
    joining.write(HEAD)
    joining.close()
    assert wire.sent[4:] == [HEAD]
    assert wire.closed


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    body = b"" if scope["path"] == "/empty" else b"x" * 100_000
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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
    protocol = cast(Any, partial(JoiningProtocol, busy_polling=polling))

    async def run() -> bytes:
        config = uvicorn.Config(
            answers, port=0, http=protocol, lifespan="off", log_config=None, ws="none"
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


class Loop:
    """Stands for an event loop: what is to be called in its next turn."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def call_soon(self, callback: Callable[..., None], *args: Any) -> None:
        self.calls.append((callback, args))

    def turn(self) -> int:
        calls, self.calls = self.calls, []
        for callback, args in calls:
            callback(*args)
        return len(calls)


def test_a_loop_stays_awake_until_nothing_came_for_a_moment() -> None:
    seconds = 0.0
    polling = BusyPolling(1.0, now=lambda: seconds)
    loop = Loop()
    for seconds in (0.0, 0.25, 0.5):  # noqa: B007 - the clock reads it
        polling.begin(cast(asyncio.AbstractEventLoop, loop))
        assert loop.turn() == 1  # however many connections begin
    seconds = 1.25
    assert loop.turn() == 1
    seconds = 1.5
    assert loop.turn() == 1
    assert loop.turn() == 0
    polling.begin(cast(asyncio.AbstractEventLoop, loop))
    assert loop.turn() == 1


def test_a_loop_sleeps_at_once_where_it_is_told_to() -> None:
    loop = Loop()
    BusyPolling(0).begin(cast(asyncio.AbstractEventLoop, loop))
    assert not loop.calls
