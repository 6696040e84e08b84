"""HTTP protocol of the server with limits: request size, header, body and read timeouts.

Useful for: `app`, as the protocol of its server.
Not useful for: answering. `protocol` answers and keeps the state of the request (`_stage`,
`_begun`, `_content`, `_answers`).

This module derives the `Phase` of a connection and closes connections. `heads` and `limits` hold
the rules.
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
"""Name of the application's attribute that holds the `Clients` of its process."""

MAX_FRAMING = 16_384
"""Most bytes in a row of a chunked body that are not content: sizes, extensions, trailers."""

_AROUND_TARGET = 64
"""Upper bound of the bytes of a request line outside its target."""

_TIMEOUT = HttpProblem("request_timeout", "The rest of the request did not arrive in time")
_FRAMING = HttpProblem(
    "not_http", f"Expected at most {MAX_FRAMING} bytes between parts of a body, got more"
)
_FULL = HttpProblem("busy", "Too many connections are at work - try again in a moment")


class GuardedProtocol(JoiningProtocol):
    """One connection with limits of size and time for its client."""

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
        """Start to serve a new connection, or refuse it if the process has too many."""
        super().connection_made(transport)
        if self._clients.admit(self):
            self._clients.watch(self.loop)
        else:
            self._phase = Phase.CLOSING
            super().refuse(_FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from `Clients`."""
        self._clients.leave(self, self._phase)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received data; refuse a head or chunk framing that is too long."""
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
            self._unended = 0  # The bytes after it are fewer than one read of the socket.
        elif new:
            self._unended = length
        else:
            self._unended += length
        if self._stage is Phase.HEAD:
            # The target has its own limit.
            if len(self.url) > MAX_TARGET:
                self.refuse(TARGET_TOO_LONG)
            elif self._unended - len(self.url) > MAX_HEADERS + _AROUND_TARGET:
                self.refuse(HEADERS_TOO_LARGE)
        elif self._unended > MAX_FRAMING:
            self.refuse(_FRAMING)

    def on_response_complete(self) -> None:
        """Close the connection if it is ending; otherwise wait for the client again."""
        super().on_response_complete()
        if self._ending and not self._owed():
            super().refuse(self._ending)
        if self._plain_transport.is_closing():
            self._close()
        self._settle()

    def answered(self, body: Pieces | None) -> None:
        """Send the body from the batch, and update the phase."""
        super().answered(body)
        if not self._receiving:
            self._settle()

    def pause_writing(self) -> None:
        """Start the phase `UNREAD`: the client does not read its answers."""
        super().pause_writing()
        self._settle()

    def resume_writing(self) -> None:
        """End the phase `UNREAD`: the client reads again."""
        super().resume_writing()
        self._settle()

    def shutdown(self) -> None:
        """Answer the waiting requests, then close the connection."""
        super().shutdown()
        if self._plain_transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser rejects, and close the connection."""
        self.refuse(self._refusal or NOT_HTTP)

    def refuse(self, problem: HttpProblem) -> None:
        """Send `problem`, unless the request is answered already, and close the connection.

        If earlier requests still lack their answers, this waits for them first.
        """
        self._leave_batch()
        self._clients.count(problem.code)
        if self._owed():
            # The client would take it for the answer to an earlier request.
            self._ending = problem
            return
        if self._stage is not Phase.BODY or self._answers < self._begun:
            super().refuse(problem)
        self._close()

    def overdue(self) -> None:
        """Close the connection: its phase has exceeded its time limit."""
        if self._phase in (Phase.UNREAD, Phase.CLOSING):
            self.give_way()
        elif self._stage is Phase.IDLE or not self._begun:
            self._close()
        else:
            self.refuse(_TIMEOUT)

    def give_way(self) -> None:
        """Abort the connection at once; unsent data is lost."""
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
        """Report the phase to `Clients`; each new request restarts its clock."""
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
