"""uvicorn's HTTP protocol with a fast path: batched answers, head and body in one write.

Useful for: `guard`, whose protocol `app` gives to its server.
Not useful for: streaming; the head waits for the first piece of the body.

uvicorn writes the head of an answer, then its body. With TCP_NODELAY these become two packets, and
each passes through the network stack alone. One write for both lets a core answer 7 % more
requests.

uvicorn also creates a task and ASGI messages for each request. The fast path creates neither: the
application's `Batch` (attribute `FAST_PATH`) returns the body. A request takes the fast path if it
is the first that a read of the socket completes, its connection stays open, and the requests before
it are answered. Every other request takes uvicorn's path from its first byte. So does a request
that the batch declines.

The batch answers the first request of an event loop iteration at once, and the others of that
iteration together. A search runs through more code than the processor's caches hold. With 16
connections about ten requests arrive in an iteration; running them stage by stage lets a core
answer 50 % more.

A server that sleeps until the next request wakes slowly, above all in a virtual machine. At half
load a request cost 300 us of a core instead of 200. `BusyPolling` keeps the server awake for a
moment.
"""

import asyncio
import re
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from geosearch.service.encode import Pieces
from geosearch.service.heads import check_head
from geosearch.service.limits import Phase
from geosearch.service.problems import MEDIA_TYPE, HttpProblem, problem_body, status_of

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_CONTINUE = b"HTTP/1.1 100 "
_HEAD = (
    b"HTTP/1.1 200 OK\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n"
    b"cache-control: no-store\r\n\r\n"
)

_REFUSAL = (
    b"%b%bcontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n"
    b"cache-control: no-store\r\n\r\n%b"
)

FAST_PATH = "fast_path"
"""Name of the application's attribute that holds the `Batch` of its fast path."""

TOGETHER = 16
"""Largest number of requests that a batch answers before it sends the first answer."""

Headers = Sequence[tuple[bytes, bytes]]


class Request(NamedTuple):
    """A complete request; `path` and `query_string` are still percent-encoded."""

    method: bytes
    path: bytes
    query_string: bytes
    headers: Headers
    body: bytes


FastPath = Callable[[Sequence[Request]], Sequence[Pieces | None]]
"""Function that returns the body of each request's answer: status 200, JSON, `no-store`.

It returns None for a request that must take uvicorn's path: the request is slow, is refused or
fails. Such a request has had no effect.
"""


class Batch:
    """Batch of requests on the fast path: the first of a loop iteration is answered at once.

    The others of the same iteration are answered together, at most `TOGETHER` at a time.

    Parameters
    ----------
    kept
        Pairs of method and path that may take the fast path.
    fast_path
        Function that returns the bodies of their answers.
    """

    def __init__(self, kept: Collection[tuple[bytes, bytes]], fast_path: FastPath) -> None:
        self.kept = frozenset(kept)
        self._fast_path = fast_path
        self._waiting: list[tuple[JoiningProtocol, Request]] = []
        self._turn_begun = False

    def add(self, protocol: "JoiningProtocol", request: Request) -> None:
        """Answer the request now, or together with the others of this loop iteration.

        The batch calls `protocol.answered` with the body. A lone request is answered at once,
        because waiting for the end of the iteration cost it 20 %.
        """
        if self._turn_begun or self._waiting:
            self._waiting.append((protocol, request))
            return
        self._turn_begun = True
        protocol.loop.call_soon(self._end_turn)
        self._answer([(protocol, request)])

    def _end_turn(self) -> None:
        self._turn_begun = False
        self.answer()

    def answer_all(self) -> None:
        """Answer all waiting requests now."""
        while self._waiting:
            self.answer()

    def answer(self) -> None:
        """Answer the `TOGETHER` oldest requests; schedule the others for the next iteration."""
        together, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
        if self._waiting:
            self._waiting[0][0].loop.call_soon(self.answer)
        if together:
            self._answer(together)

    def _answer(self, together: "list[tuple[JoiningProtocol, Request]]") -> None:
        bodies = self._fast_path([request for _, request in together])
        for (protocol, _), body in zip(together, bodies, strict=True):
            protocol.answered(body)


_NO_BATCH = Batch((), lambda requests: [None] * len(requests))


class BusyPolling:
    """Keeps an event loop polling for a moment after the last data; shared by all connections.

    A loop with a scheduled callback polls its sockets without blocking.

    Parameters
    ----------
    seconds
        How long the loop polls; 0 lets it sleep at once.
    now
        A clock, in seconds.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._until = 0.0
        self._goes_on = False

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep `loop` awake for `seconds` from now."""
        if self._seconds:
            self._until = self._now() + self._seconds
            if not self._goes_on:
                self._go_on(loop)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._goes_on = self._now() < self._until
        if self._goes_on:
            loop.call_soon(self._go_on, loop)


_SLEEPING = BusyPolling(0)


class JoiningProtocol(HttpToolsProtocol):
    """One connection; it writes the head of each answer together with the body.

    It keeps the connection's state for `guard`: `_begun` counts requests, `_answers` counts answers
    sent, `_stage` is the phase of the last request, and `_content` is set when a head ends or a
    part of a body arrives.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        busy_polling: BusyPolling = _SLEEPING,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._busy_polling = busy_polling
        self._batch: Batch = getattr(self.app, FAST_PATH, _NO_BATCH)
        self._may_be_fast = self._held = self._waiting = False
        self._in_request_line = False
        self.url = b""
        self._body = bytearray()
        self._line: tuple[bytes, bytes, bytes, Headers] = b"", b"", b"", ()
        self._stage, self._content = Phase.HEAD, False
        self._begun = self._answers = 0
        self._refusal: HttpProblem | None = None
        self._headers_dated: list[tuple[bytes, bytes]] = []
        self._dated_lines = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to serve a new connection."""
        self._plain_transport = transport
        self._joining = _Joining(transport)
        super().connection_made(cast(asyncio.Transport, self._joining))

    def data_received(self, data: bytes) -> None:
        """Parse received data; an incomplete request leaves the fast path."""
        self._may_be_fast = True
        if self._stage is Phase.IDLE or not self._begun:
            self._in_request_line = True
        if self._in_request_line:
            data = self._escaped(data)
        super().data_received(data)
        if self._held and not self._waiting:
            self._let_go()
        self._busy_polling.begin(self.loop)

    def _escaped(self, data: bytes) -> bytes:
        """Percent-encode the non-ASCII bytes of a request line, as curl sends them from a shell.

        The parser refuses such bytes. This checks only the first request of the data: clients that
        pipeline requests encode their URLs.
        """
        begin = len(data) - len(data.lstrip(b"\r\n"))
        end = data.find(b"\n", begin) + 1
        self._in_request_line = not end
        line = data[:end] if end else data
        if line.isascii():
            return data
        return _BEYOND_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line) + data[len(line) :]

    def refuse(self, problem: HttpProblem) -> None:
        """Answer the requests before, send `problem`, and close the connection."""
        self._leave_batch()
        line, body = STATUS_LINE[status_of(problem.code)], problem_body(problem.code, str(problem))
        self.transport.write(_REFUSAL % (line, self._dated(), MEDIA_TYPE, len(body), body))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request, without the ASGI scope that only uvicorn's path needs."""
        self._leave_batch()
        self._begun += 1
        self._stage = Phase.HEAD
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Hold a request for the fast path until it is complete, or give it to uvicorn.

        Raises
        ------
        HttpProblem
            The head is invalid. The parser then stops, and `send_400_response` sends the problem.
        """
        self._stage, self._content = Phase.BODY, True
        method, version = self.parser.get_method(), self.parser.get_http_version()
        try:
            check_head(self.url, method, version, self.headers)
        except HttpProblem as problem:
            self._refusal = problem
            raise
        path, _, query_string = self.url.partition(b"?")
        self._line = method, path, query_string, self.headers
        if (
            (method, path) in self._batch.kept
            and self._may_be_fast
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and b"#" not in query_string
            and version == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        ):
            self._held, self._body = True, bytearray()
        else:
            self._take_uvicorns_path()
        self._may_be_fast = False
        self.headers = []  # Trailers after a body are not headers of the request.

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body, or pass it to uvicorn."""
        self._content = True
        if self._held:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Add a held request to the batch."""
        self._stage = Phase.IDLE
        if not self._held:
            super().on_message_complete()
            return
        self._waiting = True
        self._batch.add(self, Request(*self._line, bytes(self._body)))

    def answered(self, body: Pieces | None) -> None:
        """Send the body from the batch; without one, give the request to uvicorn's path."""
        self._waiting = False
        if self.parser is None:  # The client is gone.
            return
        if body is not None:
            self._held = False
            self._answer(body)
            return
        self._let_go()
        super().on_message_complete()

    def eof_received(self) -> None:
        """Answer the requests that the client sent before it closed its side."""
        self._leave_batch()

    def shutdown(self) -> None:
        """Answer the waiting requests, then close the connection."""
        self._leave_batch()
        super().shutdown()

    def _leave_batch(self) -> None:
        if self._waiting:
            self._batch.answer_all()

    def _answer(self, body: Pieces) -> None:
        head = _HEAD % (self._dated(), sum(map(len, body)))
        self._plain_transport.writelines((head, *body))
        self.server_state.total_requests += 1
        self._answers += 1

    def _dated(self) -> bytes:
        """Return the default headers as bytes; uvicorn makes a new list of them each second."""
        headers = self.server_state.default_headers
        if headers is not self._headers_dated:
            self._headers_dated = headers
            self._dated_lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._dated_lines

    def _let_go(self) -> None:
        """Give the held request to uvicorn's path."""
        self._held = False
        self._take_uvicorns_path()
        if self._body:
            super().on_body(bytes(self._body))

    def _take_uvicorns_path(self) -> None:
        url, expect_100_continue = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect_100_continue
        self.headers.extend(self._line[-1])
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Send the head of an answer without a body, then serve the next request."""
        self._joining.flush()
        self._answers += 1
        super().on_response_complete()


class _Joining:
    """Transport that holds the head of an answer until the next write."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write the held head, if any, and `data`; hold `data` if it is a head itself."""
        if self._head:
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
        """Write the held head, then close the connection."""
        self.flush()
        self._transport.close()
