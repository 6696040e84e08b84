"""uvicorn's HTTP protocol, sending an answer in one piece, and the usual ones at once.

Useful for: `app`, as the protocol of its server.
Not useful for: answers in several pieces: the head waits for the first of them.

uvicorn writes the head of an answer, then its body. Without delay (TCP_NODELAY) these are two
packets, each with a way through the system of its own; joined, a core answers 7 % more requests.

It also makes a task of each request, and messages of what is asked and answered. An application
may have answers that need neither (`FAST_PATH`, a `Batch`): of a request that came whole, over a
connection that stays open, and the only one of what was received, so that nobody waits behind a
pipeline of them. Any other request, and any that such an answer declines, goes uvicorn's way from
its first byte.

What comes in one turn of the event loop, but the first, is answered together. A search runs through
more code than a processor keeps at hand: with 16 connections, where some ten requests come in a
turn, a core answers half as many again if they go through it stage by stage.

A server that sleeps until the next request takes long to wake, above all in a virtual machine: at
half of its load a request cost 300 us of a core instead of 200. `BusyPolling` keeps it awake for a
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

FAST_PATH = "prompt"
"""Attribute of an application: the `Batch` of its prompt answers."""

TOGETHER = 16
"""Most requests that are answered before the first of their answers is sent."""

Headers = Sequence[tuple[bytes, bytes]]


class Request(NamedTuple):
    """A whole request; `path` and `query_string` as they came."""

    method: bytes
    path: bytes
    query_string: bytes
    headers: Headers
    body: bytes


Prompt = Callable[[Sequence[Request]], Sequence[Pieces | None]]
"""Bodies of the answers to requests: 200, JSON, not to be stored.

None, without any effect, where a request has to go the long way: it waits for something, it is
refused, or it fails.
"""


class Batch:
    """Answers requests: the first of a turn of the loop at once, those that come with it together.

    Parameters
    ----------
    kept
        Methods and paths of requests that may have a prompt answer.
    prompt
        What answers them.
    """

    def __init__(self, kept: Collection[tuple[bytes, bytes]], prompt: Prompt) -> None:
        self.kept = frozenset(kept)
        self._prompt = prompt
        self._waiting: list[tuple[JoiningProtocol, Request]] = []
        self._turn_begun = False

    def add(self, protocol: "JoiningProtocol", request: Request) -> None:
        """Have `protocol.answered` called with the body: now, or when the loop has read the rest.

        Where nobody comes together nobody should wait: that cost a lone request a fifth.
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
        """Answer everybody who waits, now."""
        while self._waiting:
            self.answer()

    def answer(self) -> None:
        """Answer those who waited longest; what else waits is answered when these are sent."""
        together, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
        if self._waiting:
            self._waiting[0][0].loop.call_soon(self.answer)
        if together:
            self._answer(together)

    def _answer(self, together: "list[tuple[JoiningProtocol, Request]]") -> None:
        bodies = self._prompt([request for _, request in together])
        for (protocol, _), body in zip(together, bodies, strict=True):
            protocol.answered(body)


_NO_BATCH = Batch((), lambda requests: [None] * len(requests))


class BusyPolling:
    """Keeps an event loop from sleeping for a moment after what came last; one for all connections.

    A loop that has something to call asks the system what came without waiting for it.

    Parameters
    ----------
    seconds
        How long; 0 lets the loop sleep at once.
    now
        A clock, in seconds.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._until = 0.0
        self._goes_on = False

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stay awake from now on."""
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
    """One connection; the head of each answer leaves together with the body.

    It notes how far its client is, for `guard`: `_begun` requests, the last of them in `_stage`,
    `_content` if a head ended or a part of a body came, and `_answers` sent.
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
        self._desk: Batch = getattr(self.app, FAST_PATH, _NO_BATCH)
        self._may_be_prompt = self._held = self._waiting = False
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
        """Serve a new connection."""
        self._plain_transport = transport
        self._joining = _Joining(transport)
        super().connection_made(cast(asyncio.Transport, self._joining))

    def data_received(self, data: bytes) -> None:
        """Serve what came; a request that is not whole is not held for a prompt answer."""
        self._may_be_prompt = True
        if self._stage is Phase.IDLE or not self._begun:
            self._in_request_line = True
        if self._in_request_line:
            data = self._escaped(data)
        super().data_received(data)
        if self._held and not self._waiting:
            self._let_go()
        self._busy_polling.begin(self.loop)

    def _escaped(self, data: bytes) -> bytes:
        """Percent-encode what a request line has beyond ASCII, as clients send it from a shell.

        The parser refuses it. Only the first request of what came at once is looked at: no client
        that sends several in a row leaves this to the server.
        """
        begin = len(data) - len(data.lstrip(b"\r\n"))
        end = data.find(b"\n", begin) + 1
        self._in_request_line = not end
        line = data[:end] if end else data
        if line.isascii():
            return data
        return _BEYOND_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line) + data[len(line) :]

    def refuse(self, problem: HttpProblem) -> None:
        """Answer what was asked for before, refuse what comes now, and end the connection."""
        self._leave_desk()
        line, body = STATUS_LINE[status_of(problem.code)], problem_body(problem.code, str(problem))
        self.transport.write(_REFUSAL % (line, self._dated(), MEDIA_TYPE, len(body), body))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request, without the scope that only uvicorn's way needs."""
        self._leave_desk()
        self._begun += 1
        self._stage = Phase.HEAD
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Hold the request, if its answer may be prompt, until it is whole.

        Raises
        ------
        HttpProblem
            Its head is none; the parser stops where this fails, and `send_400_response` says why.
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
            (method, path) in self._desk.kept
            and self._may_be_prompt
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
            self._go_the_long_way()
        self._may_be_prompt = False
        self.headers = []  # Headers after a body are none of the request's.

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._content = True
        if self._held:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Hand a request in that was held."""
        self._stage = Phase.IDLE
        if not self._held:
            super().on_message_complete()
            return
        self._waiting = True
        self._desk.add(self, Request(*self._line, bytes(self._body)))

    def answered(self, body: Pieces | None) -> None:
        """Send the body of a prompt answer, or let the request go the long way."""
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
        """Answer what the client asked for before it stopped sending."""
        self._leave_desk()

    def shutdown(self) -> None:
        """Answer what was asked for, then end the connection."""
        self._leave_desk()
        super().shutdown()

    def _leave_desk(self) -> None:
        if self._waiting:
            self._desk.answer_all()

    def _answer(self, body: Pieces) -> None:
        head = _HEAD % (self._dated(), sum(map(len, body)))
        self._plain_transport.writelines((head, *body))
        self.server_state.total_requests += 1
        self._answers += 1

    def _dated(self) -> bytes:
        """Headers of every answer; uvicorn makes a new list of them each second."""
        headers = self.server_state.default_headers
        if headers is not self._headers_dated:
            self._headers_dated = headers
            self._dated_lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._dated_lines

    def _let_go(self) -> None:
        """Tell uvicorn of the request that was held."""
        self._held = False
        self._go_the_long_way()
        if self._body:
            super().on_body(bytes(self._body))

    def _go_the_long_way(self) -> None:
        url, expect_100_continue = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect_100_continue
        self.headers.extend(self._line[-1])
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Send what is left of an answer without a body, then serve the next request."""
        self._joining.flush()
        self._answers += 1
        super().on_response_complete()


class _Joining:
    """A transport that keeps the head of an answer until more is written."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write the head kept, if any, and `data`; keep `data` if it is a head itself."""
        if self._head:
            self._transport.writelines((self._head, data))
            self._head = b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(_CONTINUE):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write the head kept."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        """Close the connection when everything is written."""
        self.flush()
        self._transport.close()
