"""HTTP protocol of the server with limits: request size, header, body and read timeouts.

Useful for: `app`, as the protocol of its server.
Not useful for: answering. uvicorn does that, with the application.

A `GuardedProtocol` stands between the transport and uvicorn's protocol, and overrides nothing of
it. It uses the methods of asyncio's protocols and transports, and the `state` of an ASGI scope, by
which the application tells it of each answer (`guarded`). `incoming` follows the requests, `heads`
and `limits` hold the rules.

A protocol that overrode 13 methods of uvicorn's, and answered searches without tasks and ASGI
messages, was faster: this one answers 79 to 88 % as many requests a second, for 14 to 26 % more CPU
each (126 to 162 us in the longest series). Measured on 2026-11-29 in three series of 10 to 26
interleaved runs of `wrk`, 16 connections, a million merchants, shared cores, with uvicorn 0.54,
httptools 0.9 and uvloop 0.23. Of 18 us more for a constant answer without a socket, uvicorn's task
and messages are 9 us, the second parser is 4 us, and the rest of this module is 5 us.

uvicorn writes the head of an answer, then its body. With TCP_NODELAY these become two packets, and
each passes through the network stack alone. One write for both lets a core answer 7 % more
requests.
"""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.heads import NOT_HTTP
from geosearch.service.incoming import Headers, Incoming
from geosearch.service.limits import Clients, Phase
from geosearch.service.polling import NO_POLLING, BusyPolling
from geosearch.service.problems import MEDIA_TYPE, HttpProblem, problem_body, status_of
from geosearch.service.settings import Settings

CLIENTS = "clients"
"""Name in the lifespan state of the application for the `Clients` of its process."""

CROSS_ORIGIN = "cross_origin"
"""Name in the lifespan state for the `CrossOrigin` of the settings."""

CONNECTION = "connection"
"""Name in the state of a scope for the `GuardedProtocol` of the request."""

HALF_CLOSED_SECONDS = 0.05
"""How long a client that has closed its side gets answers to what it sent, seconds."""

_CONTINUE = b"HTTP/1.1 100 "
_REFUSAL = (
    b"HTTP/1.1 %d %b\r\ndate: %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n"
    b"connection: close\r\ncache-control: no-store\r\n%b\r\n%b"
)
_SAME_ORIGIN = CrossOrigin()
_TIMEOUT = HttpProblem("request_timeout", "The rest of the request did not arrive in time")
_FULL = HttpProblem("busy", "Too many connections are at work - try again in a moment")


async def guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let `app` answer a request, and tell its connection of the answer.

    The application does not see a request that its connection refuses. It sees the headers that the
    connection has checked; uvicorn adds the trailers of a body to them.
    """
    connection: GuardedProtocol | None = scope.get("state", {}).get(CONNECTION)
    if connection is None:
        await app(scope, receive, send)
        return
    headers = connection.next_headers()
    if headers is None:
        # For uvicorn, which goes on only after an answer; the connection does not send it.
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body"})
        return
    scope["headers"] = headers
    try:
        await app(scope, receive, send)
    finally:
        connection.answered()


class GuardedProtocol(asyncio.Protocol):
    """One connection with limits of size and time for its client."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        busy_polling: BusyPolling = NO_POLLING,
    ) -> None:
        state = {**app_state, CONNECTION: self}
        self._uvicorn = HttpToolsProtocol(config, server_state, state, _loop)
        self._loop = _loop or asyncio.get_running_loop()
        self._busy_polling = busy_polling
        clients: Clients | None = app_state.get(CLIENTS)
        self._clients = Clients(Settings()) if clients is None else clients
        self._cross_origin: CrossOrigin = app_state.get(CROSS_ORIGIN, _SAME_ORIGIN)
        self._incoming = Incoming()
        self._phase = Phase.HEAD
        self._settled_at = self._passed_on = self._answers = 0
        self._write_paused = self._half_closed = False
        self._ending: HttpProblem | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to serve a new connection, or refuse it if the process has too many."""
        self._transport = cast(asyncio.Transport, transport)
        self._outgoing = _Outgoing(self._transport, self._closed)
        self._uvicorn.connection_made(cast(asyncio.Transport, self._outgoing))
        if self._clients.admit(self):
            self._clients.watch(self._loop)
        else:
            self._refuse(_FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from `Clients`."""
        self._clients.leave(self, self._phase)
        self._phase = Phase.CLOSING
        self._uvicorn.connection_lost(exc)
        # Collections are rare, so no reference cycle may keep the objects of the connection.
        del self._uvicorn
        self._incoming.close()
        self._outgoing.closed = _ignore

    def data_received(self, data: bytes) -> None:
        """Pass received data to uvicorn, or refuse it."""
        if self._ending:
            return
        data = self._incoming.read(data)
        self._outgoing.muted = True  # uvicorn answers in a task; now it only refuses data.
        self._uvicorn.data_received(data)
        self._outgoing.muted = False
        if self._incoming.problem:
            self.refuse(self._incoming.problem)
        elif self._outgoing.used_muted:
            self._clients.count(NOT_HTTP.code)
            self._refuse(NOT_HTTP)
        self._settle()
        self._busy_polling.begin(self._loop)

    def eof_received(self) -> bool:
        """Return whether answers are under way, for which the connection stays open for a moment.

        After that the client counts as gone: it may have closed both sides.
        """
        self._half_closed = self._owed()
        if self._half_closed:
            self._loop.call_later(HALF_CLOSED_SECONDS, self._outgoing.end)
        return self._half_closed

    def pause_writing(self) -> None:
        """Start the phase `UNREAD`: the client does not read its answers."""
        self._uvicorn.pause_writing()
        self._write_paused = True
        self._settle()

    def resume_writing(self) -> None:
        """End the phase `UNREAD`: the client reads again."""
        self._uvicorn.resume_writing()
        self._write_paused = False
        self._settle()

    def next_headers(self) -> Headers | None:
        """Return the headers of the next request to answer; None for a refused request."""
        self._passed_on += 1
        if self._ending and self._passed_on > self._incoming.complete:
            self._outgoing.muted = True
            return None
        return self._incoming.heads.popleft()

    def answered(self) -> None:
        """Close the connection if it is ending; otherwise wait for the client again."""
        self._outgoing.flush()
        self._answers += 1
        if not self._owed() and self._phase is not Phase.CLOSING:
            if self._ending:
                self._refuse(self._ending)
            elif self._half_closed:
                self._outgoing.end()
        self._settle()

    def refuse(self, problem: HttpProblem) -> None:
        """Send `problem`, unless the request is answered already, and close the connection.

        If earlier requests still lack their answers, this waits for them first.
        """
        self._clients.count(problem.code)
        self._ending = problem
        if self._owed():
            return  # The client would take it for the answer to an earlier request.
        if self._incoming.stage is not Phase.BODY or self._answers < self._incoming.begun:
            self._refuse(problem)
        else:
            self._outgoing.end()

    def overdue(self) -> None:
        """Close the connection: its phase has exceeded its time limit."""
        if self._phase in (Phase.UNREAD, Phase.CLOSING):
            self.give_way()
        elif self._incoming.stage is Phase.IDLE or not self._incoming.begun:
            self._outgoing.end()
        else:
            self.refuse(_TIMEOUT)

    def give_way(self) -> None:
        """Abort the connection at once; unsent data is lost."""
        self._clients.leave(self, self._phase)
        self._transport.abort()

    def _refuse(self, problem: HttpProblem) -> None:
        self._ending = problem
        status, body = HTTPStatus(status_of(problem.code)), problem_body(problem.code, str(problem))
        head = (status, status.phrase.encode(), formatdate(usegmt=True).encode(), MEDIA_TYPE)
        self._outgoing.flush()
        # A page of another origin reads the sentence, too, where its origin has arrived.
        more = self._cross_origin.headers(self._incoming.header(b"origin"))
        vary = [(b"vary", name) for name in self._cross_origin.varies]
        lines = b"".join(b"%b: %b\r\n" % header for header in (*more, *vary))
        self._transport.write(_REFUSAL % (*head, len(body), lines, body))
        self._outgoing.end()

    def _closed(self) -> None:
        self._clients.move(self, self._phase, Phase.CLOSING)
        self._phase = Phase.CLOSING

    def _owed(self) -> bool:
        return self._answers < self._incoming.complete

    def _settle(self) -> None:
        """Report the phase to `Clients`; each new request restarts its clock."""
        if self._phase is Phase.CLOSING:
            return
        phase = self._incoming.stage
        if self._write_paused:
            phase = Phase.UNREAD
        elif self._owed():
            phase = Phase.WORK
        if phase is not self._phase or self._incoming.begun != self._settled_at:
            self._clients.move(self, self._phase, phase)
            self._phase, self._settled_at = phase, self._incoming.begun


def _ignore() -> None: ...


class _Outgoing:
    """Transport that uvicorn writes to; it holds the head of an answer until the next write.

    Attributes
    ----------
    muted
        Whether what uvicorn writes is dropped, and the connection stays open.
    used_muted
        Whether something was dropped.
    closed
        Called when the connection closes.
    """

    def __init__(self, transport: asyncio.Transport, closed: Callable[[], None]) -> None:
        self.muted = self.used_muted = False
        self._transport = transport
        self.closed = closed
        self._head = b""
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write the held head, if any, and `data`; hold `data` if it is a head itself."""
        if self.muted:
            self.used_muted = True
        elif self._head:
            self._transport.writelines((self._head, data))
            self._head = b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(_CONTINUE):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write the held head, if any."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        """Write the held head, then close the connection, unless it is muted."""
        if not self.muted:
            self.end()

    def end(self) -> None:
        """Write the held head, then close the connection."""
        self.flush()
        self._transport.close()
        self.closed()
