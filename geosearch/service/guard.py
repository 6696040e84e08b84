"""The server's protocol, with limits of size and time for what a client sends and how it reads.

Useful for: `app`, as the protocol of its server.
Not useful for: answering; that is done by the protocol below it, which also notes how far in a
request its client is (`_stage`, `_begun`, `_content`, `_answers`).

Here is only in which phase a connection is, and what an ending looks like. The rules are in `heads`
and `limits`.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from geosearch.service.encode import Pieces
from geosearch.service.heads import (
    HEADERS_TOO_LARGE,
    MAX_HEADERS,
    MAX_TARGET,
    NOT_HTTP,
    TARGET_TOO_LONG,
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

_TIMEOUT = HttpProblem("request_timeout", "The rest of the request did not arrive in time")
_FRAMING = HttpProblem(
    "not_http", f"Expected at most {MAX_FRAMING} bytes between parts of a body, got more"
)
_FULL = HttpProblem("busy", "Too many connections are at work - try again in a moment")


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
        self._phase = Phase.HEAD
        self._settled_at = self._unended = 0
        self._receiving = False
        self._ending: HttpProblem | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve a new connection, if there is a place for it."""
        super().connection_made(transport)
        if self._clients.admit(self):
            self._clients.watch(self.loop)
        else:
            self._phase = Phase.CLOSING
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
        self._content, self._receiving = False, True
        super().data_received(data)
        self._receiving = False
        if self._stage is not Phase.IDLE and self._phase is not Phase.CLOSING:
            self._count_unended(len(data), begun, stage)
        self._settle()

    def _count_unended(self, length: int, begun: int, stage: Phase) -> None:
        new = self._begun - begun
        if self._content or new > 1 or (new and stage is Phase.BODY):
            self._unended = 0  # What of this piece came after it is less than a piece.
        elif new:
            self._unended = length
        else:
            self._unended += length
        if self._stage is Phase.HEAD:
            # The target has a limit of its own.
            if len(self.url) > MAX_TARGET:
                self.refuse(TARGET_TOO_LONG)
            elif self._unended - len(self.url) > MAX_HEADERS + _AROUND_TARGET:
                self.refuse(HEADERS_TOO_LARGE)
        elif self._unended > MAX_FRAMING:
            self.refuse(_FRAMING)

    def on_response_complete(self) -> None:
        """Wait for the client again."""
        super().on_response_complete()
        if self._ending and not self._owed():
            super().refuse(self._ending)
        if self._plain_transport.is_closing():
            self._close()
        self._settle()

    def answered(self, body: Pieces | None) -> None:
        """Send a prompt answer."""
        super().answered(body)
        if not self._receiving:
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
        if self._plain_transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, and end the connection."""
        self.refuse(self._refusal or NOT_HTTP)

    def refuse(self, problem: HttpProblem) -> None:
        """Say why, unless the request has its answer, and end the connection."""
        self._leave_desk()
        self._clients.count(problem.code)
        if self._owed():
            self._ending = problem  # An answer out of turn would be taken for another request's.
            return
        if self._stage is not Phase.BODY or self._answers < self._begun:
            super().refuse(problem)
        self._close()

    def overdue(self) -> None:
        """End the connection: its phase has taken too long."""
        if self._phase in (Phase.UNREAD, Phase.CLOSING):
            self.give_way()
        elif self._stage is Phase.IDLE or not self._begun:
            self._close()
        else:
            self.refuse(_TIMEOUT)

    def give_way(self) -> None:
        """End the connection at once, whatever was not sent yet."""
        self._clients.leave(self, self._phase)
        self._plain_transport.abort()

    def _close(self) -> None:
        self.transport.close()
        self._clients.move(self, self._phase, Phase.CLOSING)
        self._phase = Phase.CLOSING

    def _owed(self) -> bool:
        whole = self._begun if self._stage is Phase.IDLE else self._begun - 1
        return self._answers < whole

    def _settle(self) -> None:
        """Tell in which phase the connection is; each request begins it anew."""
        if self._phase is Phase.CLOSING:
            return
        phase = self._stage
        if self.flow.write_paused:
            phase = Phase.UNREAD
        elif self._owed():
            phase = Phase.WORK
        if phase is not self._phase or self._begun != self._settled_at:
            self._clients.move(self, self._phase, phase)
            self._phase, self._settled_at = phase, self._begun
