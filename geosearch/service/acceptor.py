"""An event loop whose servers go on accepting after they could not.

Useful for: `app`, as the event loop of its server.
Not useful for: anything but listening on a socket that exists.

uvloop gives a server up, without a word, when the system has no descriptor left for a connection.
Here a line of the log says so, and a moment later it is tried again. Few connections are accepted a
turn of the loop, so that those which are to be closed are closed before too many are open.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import structlog
import uvloop

from geosearch.service.seldom import Seldom

AT_ONCE = 16
"""Most connections that are accepted in a turn of the loop."""

PAUSE_SECONDS = 0.25
"""How long after a failure accepting is tried again."""

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class AcceptingLoop(uvloop.Loop):
    """uvloop, with its servers replaced."""

    async def create_server(  # type: ignore[override]
        self, protocol_factory: ProtocolFactory, *, sock: socket.socket, **options: Any
    ) -> "Acceptor":
        """Serve the connections of a socket that listens already."""
        return Acceptor(self, protocol_factory, sock)


class Acceptor:
    """Accepts connections until it is closed.

    Parameters
    ----------
    loop
        The event loop.
    protocol_factory
        Makes the protocol of a connection.
    listener
        A socket that listens.
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
        """Accept no more; what was accepted goes on."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._listener.fileno())

    def is_serving(self) -> bool:
        """Whether connections are accepted."""
        return not self._closed

    async def wait_closed(self) -> None:
        """Wait for what was being accepted."""
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
