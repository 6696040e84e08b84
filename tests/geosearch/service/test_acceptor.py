"""Accepting goes on after it failed, with a line of the log that says so."""

import asyncio
import errno
import io
import os
import socket
from typing import Any, cast

import orjson
import pytest

from geosearch.service import acceptor as subject
from geosearch.service.acceptor import AT_ONCE, AcceptingLoop, Acceptor
from geosearch.service.logs import configure_logs


class Greeting(asyncio.Protocol):
    """Greets and goes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(b"hello")
        transport.close()


class Listener:
    """A socket that listens, some of whose first attempts to accept fail."""

    def __init__(self, *failures: int) -> None:
        self._real = socket.create_server(("127.0.0.1", 0))
        self._failures = list(failures)
        self.accepted = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def accept(self) -> Any:
        if self._failures:
            number = self._failures.pop(0)
            raise OSError(number, os.strerror(number))
        accepted = self._real.accept()
        self.accepted += 1
        return accepted


def in_loop(coroutine: Any) -> None:
    with asyncio.Runner(loop_factory=AcceptingLoop) as runner:
        runner.run(coroutine)


async def greeted(listener: Listener) -> bytes:
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    told = await reader.read()
    writer.close()
    return told


@pytest.mark.parametrize(
    ("failures", "lines"),
    [
        ([], 0),
        ([errno.EMFILE], 1),
        ([errno.EMFILE] * 3, 1),
        ([errno.ENFILE, errno.ENOBUFS, errno.ENOMEM], 1),
        ([errno.ECONNABORTED] * 2, 0),
        ([errno.EPERM], 1),
        ([errno.EINTR, errno.EAGAIN], 0),
    ],
)
def test_accepting_goes_on(
    monkeypatch: pytest.MonkeyPatch, failures: list[int], lines: int
) -> None:
    monkeypatch.setattr(subject, "PAUSE_SECONDS", 0.001)
    log = io.BytesIO()
    configure_logs("warning", log)
    listener = Listener(*failures)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Greeting, sock=cast(Any, listener), backlog=5)
        assert server.is_serving()
        for _ in range(3):
            assert await greeted(listener) == b"hello"
        server.close()
        server.close()
        assert not server.is_serving()
        await server.wait_closed()
        listener.close()

    in_loop(run())
    said = [orjson.loads(line) for line in log.getvalue().splitlines()]
    assert len(said) == lines
    for line in said:
        assert (line["event"], line["times"]) == ("connection not accepted", 1)
        assert line["error"] == os.strerror(failures[0])


def test_few_are_accepted_at_once() -> None:
    listener = Listener()

    async def run() -> None:
        acceptor = Acceptor(asyncio.get_running_loop(), Greeting, cast(Any, listener))
        waiting = [socket.create_connection(listener.getsockname()) for _ in range(AT_ONCE + 3)]
        acceptor._accept()
        assert listener.accepted == AT_ONCE
        acceptor._accept()
        assert listener.accepted == AT_ONCE + 3
        await acceptor.wait_closed()
        assert not acceptor._accepting
        acceptor.close()
        for connection in waiting:
            connection.close()
        listener.close()

    in_loop(run())


def test_a_closed_one_does_not_begin_again() -> None:
    listener = Listener(errno.EMFILE)

    async def run() -> None:
        acceptor = Acceptor(asyncio.get_running_loop(), Greeting, cast(Any, listener))
        acceptor._accept()
        acceptor.close()
        listener.close()
        acceptor._resume()

    in_loop(run())


def test_a_protocol_that_fails_is_told() -> None:
    log = io.BytesIO()
    configure_logs("warning", log)
    listener = Listener()

    def broken() -> asyncio.Protocol:
        raise RuntimeError("no protocol")

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(broken, sock=cast(Any, listener))
        assert await greeted(listener) == b""
        server.close()
        listener.close()

    in_loop(run())
    assert b"no protocol" in log.getvalue()
