"""The server's protocol, with limits of size and time for what a client sends and how it reads.

Useful for: `app`, as the protocol of its server.
Not useful for: answering; that is done by the protocol below it, which may be uvicorn's own.

Here is only what has to be asked of a connection: where in a request its client is (from the
callbacks of the parser), and what an ending looks like. The rules are in `heads` and `limits`.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from geosearch.service.heads import (
    HEADERS_TOO_LARGE,
    MAX_HEADERS,
    MAX_TARGET,
    NOT_HTTP,
    TARGET_TOO_LONG,
    check_head,
)
from geosearch.service.limits import Clients, Phase
from geosearch.service.problems import HttpProblem
from geosearch.service.protocol import JoiningProtocol
from geosearch.service.settings import Settings

CLIENTS = "clients"
"""Attribute of an application: the `Clients` of its process."""

MAX_FRAMING = 16_384
"""Most bytes of a body in a row that are none of its content: sizes, extensions and trailers."""

_AROUND_TARGET = 64
"""More bytes than a request line has beside its target."""

_TIMEOUT = HttpProblem("request_timeout", "Expected the rest of the request, got nothing in time")
_FRAMING = HttpProblem(
    "not_http", f"Expected at most {MAX_FRAMING} bytes between parts of a body, got more"
)
_FULL = HttpProblem(
    "busy", "Expected fewer connections that are at work, got as many as there may be"
)


class GuardedProtocol(JoiningProtocol):
    """One connection whose client cannot keep it, or make it work, for as long as it likes."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        **options: Any,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, **options)
        clients: Clients | None = getattr(self.app, CLIENTS, None)
        self._clients = Clients(Settings()) if clients is None else clients
        self._phase = self._stage = Phase.HEAD
        self._begun = self._asked = self._answers = 0
        self._settled_at = self._unended = 0
        self._content = False
        self._refusal: HttpProblem | None = None
        self._ending: HttpProblem | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve a new connection, if there is a place for it."""
        super().connection_made(transport)
        if self._clients.admit(self):
            self._clients.watch(self.loop)
        else:
            super().refuse(_FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._clients.leave(self, self._phase)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Serve what came, unless it is more than a request may have without an end."""
        if self._ending:
            return
        begun, stage = self._begun, self._stage
        self._content = False
        super().data_received(data)
        if self._stage is not Phase.IDLE and not self._plain_transport.is_closing():
            self._count_unended(len(data), begun, stage)
        self._settle()

    def _count_unended(self, length: int, begun: int, stage: Phase) -> None:
        if self._content or self._begun - begun > 1:
            self._unended = 0  # What of this piece came after it is less than a piece.
        elif self._begun > begun and stage is Phase.BODY:
            self._unended = 0
        elif self._begun > begun:
            self._unended = length
        else:
            self._unended += length
        if self._stage is Phase.HEAD:
            # The target has a limit of its own.
            if self._unended - len(self.url) > MAX_HEADERS + _AROUND_TARGET:
                self.refuse(HEADERS_TOO_LARGE)
        elif self._unended > MAX_FRAMING:
            self.refuse(_FRAMING)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begun += 1
        self._stage = Phase.HEAD
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the request target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self._refuse_to_parser(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those after a body say nothing that is known here."""
        if self._stage is Phase.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Take the request up, if its head is one."""
        self._stage, self._content = Phase.BODY, True
        try:
            check_head(self.parser.get_method(), self.parser.get_http_version(), self.headers)
        except HttpProblem as problem:
            self._refuse_to_parser(problem)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._content = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the request."""
        self._stage = Phase.IDLE
        self._asked += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the client again."""
        self._answers += 1
        super().on_response_complete()
        if self._ending and self._answers == self._asked:
            super().refuse(self._ending)
        self._settle()

    def answered(self, body: Any) -> None:
        """Send a prompt answer."""
        super().answered(body)
        if body is not None:
            self._answers += 1
            self._settle()

    def pause_writing(self) -> None:
        """Wait for a client that does not read."""
        super().pause_writing()
        self._settle()

    def resume_writing(self) -> None:
        """Go on with a client that reads."""
        super().resume_writing()
        self._settle()

    def shutdown(self) -> None:
        """Answer what was asked for, then end the connection."""
        super().shutdown()
        self._settle()

    def _refuse_to_parser(self, problem: HttpProblem) -> None:
        # The parser goes on to the end of the piece unless its callback fails.
        self._refusal = problem
        raise problem

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, and end the connection."""
        self.refuse(self._refusal or NOT_HTTP)

    def refuse(self, problem: HttpProblem) -> None:
        """Say why, unless the request has its answer, and end the connection."""
        self._leave_desk()
        self._clients.count(problem.code)
        if self._answers < self._asked:
            self._ending = problem  # An answer out of turn would be taken for another request's.
        elif self._answers > self._asked:
            self.transport.close()
        else:
            super().refuse(problem)
        self._settle()

    def overdue(self) -> None:
        """End the connection: its phase has taken too long."""
        if self._phase in (Phase.UNREAD, Phase.CLOSING):
            self.give_way()
            return
        if self._stage is Phase.IDLE or not self._begun:
            self.transport.close()
            self._settle()
        else:
            self.refuse(_TIMEOUT)

    def give_way(self) -> None:
        """End the connection at once, whatever was not sent yet."""
        self._clients.leave(self, self._phase)
        self._plain_transport.abort()

    def _settle(self) -> None:
        """Tell in which phase the connection is; each request begins it anew."""
        phase = self._phase_now()
        if phase is not self._phase or self._begun != self._settled_at:
            self._clients.move(self, self._phase, phase)
            self._phase, self._settled_at = phase, self._begun

    def _phase_now(self) -> Phase:
        if self._plain_transport.is_closing():
            return Phase.CLOSING
        if self.flow.write_paused:
            return Phase.UNREAD
        if self._asked > self._answers:
            return Phase.WORK
        return self._stage
