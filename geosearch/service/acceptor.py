"""Event loop whose servers keep accepting connections after they ran out of file descriptors.

`app` uses it for its server. It serves only a socket that exists.

uvloop closes a server silently when the system has no descriptor left for a connection. This loop
logs the failure and tries again a moment later. It accepts few connections an iteration, so that it
can close connections before too many are open.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import structlog
import uvloop

from geosearch.service.seldom import Seldom

AT_ONCE = 16
"""Most connections accepted in one iteration of the loop."""

PAUSE_SECONDS = 0.25
"""Pause after a failed accept, seconds."""

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class AcceptingLoop(uvloop.Loop):
    """uvloop whose `create_server` returns an `Acceptor`."""

    async def create_server(  # type: ignore[override]
        self, protocol_factory: ProtocolFactory, *, sock: socket.socket, **options: Any
    ) -> "Acceptor":
        """Return an `Acceptor` for a listening socket."""
        return Acceptor(self, protocol_factory, sock)


class Acceptor:
    """Server that accepts the connections of a listening socket until it is closed.

    Parameters
    ----------
    loop
        The event loop.
    protocol_factory
        Returns the protocol of a new connection.
    listener
        A listening socket.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol_factory: ProtocolFactory,
        listener: socket.socket,
    ) -> None:
        self._loop = loop
        self._protocol_factory = protocol_factory
        self._listener = listener
        self._failed = Seldom(structlog.get_logger(), "connection not accepted")
        self._accepting: set[asyncio.Task[Any]] = set()
        self._closed = False
        listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Stop accepting; open connections go on."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._listener.fileno())

    def is_serving(self) -> bool:
        """Return whether the server still accepts connections."""
        return not self._closed

    async def wait_closed(self) -> None:
        """Wait until every accepted connection has its protocol."""
        await asyncio.gather(*self._accepting, return_exceptions=True)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._failed.warn(error=error.strerror)
                self._loop.remove_reader(self._listener.fileno())
                self._loop.call_later(PAUSE_SECONDS, self._resume)
                return
            task = self._loop.create_task(self._serve(connection))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol_factory, connection)
        except Exception as error:
            connection.close()
            self._failed.warn(error=str(error))
