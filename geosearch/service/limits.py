"""Limits of time and number for connections: whoever keeps us waiting too long is let go.

Useful for: `guard`, which tells what each connection waits for.
Not useful for: knowing HTTP, or how a connection is ended.

A connection is in one `Phase`. Those that wait for their client stand in a line, longest first, so
that looking for the overdue costs nothing where nobody is, however many connections there are.
There are never more connections than leave descriptors for versions of the index: at the limit,
the one whose client keeps it waiting longest gives way to the new one.
"""

import asyncio
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import structlog

from geosearch.service.seldom import Seldom
from geosearch.service.settings import Settings

SWEEP_SECONDS = 0.25
"""How late a limit of time may be kept."""

ENOUGH_DESCRIPTORS = 65_536
"""Descriptors that a server asks for where it may have as many."""

VERSIONS_AT_ONCE = 4
"""Versions of the index that may be open: those kept, and the one that is about to be."""

SPARE_DESCRIPTORS = 32
"""Descriptors for logs, metrics, the event loop and connections that have just been accepted."""


class Phase(IntEnum):
    """What a connection waits for; only `WORK` is ours to do, and not timed."""

    HEAD = 0
    """A request, of which nothing or a part of the head came."""
    BODY = 1
    """The rest of a body."""
    IDLE = 2
    """The next request, after an answer."""
    UNREAD = 3
    """A client that does not read its answers."""
    CLOSING = 4
    """The same, at the end of a connection."""
    WORK = 5
    """An answer."""


class Client(Protocol):
    """A connection, as far as limits know it."""

    def overdue(self) -> None:
        """End the connection: its phase has taken too long."""

    def give_way(self) -> None:
        """End the connection at once: its place is needed."""


class Clients:
    """The connections of one process.

    Parameters
    ----------
    settings
        How long each phase may take, and how many connections there may be.
    count
        Called with the reason for which a connection was ended.
    now
        A clock, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        count: Callable[[str], None] = lambda reason: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits: Mapping[Phase, float] = {
            Phase.HEAD: settings.header_timeout_seconds,
            Phase.BODY: settings.body_timeout_seconds,
            Phase.IDLE: settings.keep_alive_seconds,
            Phase.UNREAD: settings.answer_timeout_seconds,
            Phase.CLOSING: settings.answer_timeout_seconds,
        }
        self._lines: Sequence[dict[Client, float]] = [{} for _ in Phase]
        self._max_connections = settings.max_connections
        self._most: int | None = None
        self.count = count
        self._now = now
        self._sweeps = False
        self._full = Seldom(structlog.get_logger(), "connections full", now=now)

    @property
    def number(self) -> int:
        """Number of connections."""
        return sum(len(line) for line in self._lines)

    def admit(self, client: Client) -> bool:
        """Take in a new connection; False where there is no place, even if somebody gives way."""
        if self._most is None:
            self._most = min(self._max_connections, connections_within(*descriptors()))
            structlog.get_logger().info("connection limit", connections=self._most)
        if self.number >= self._most:
            self._full.warn(connections=self._most)
            longest = self._longest_waiting()
            if longest is None:
                self.count("refused")
                return False
            self.count("gave way")
            longest.give_way()
        self._lines[Phase.HEAD][client] = self._now()
        return True

    def move(self, client: Client, old: Phase, new: Phase) -> None:
        """Let a connection's phase begin; no phase begins for one that has left."""
        if self._lines[old].pop(client, None) is not None:
            self._lines[new][client] = self._now()

    def leave(self, client: Client, phase: Phase) -> None:
        """Forget a connection."""
        self._lines[phase].pop(client, None)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep the limits of time from now on, as long as there are connections."""
        if not self._sweeps:
            self._sweeps = True
            loop.call_later(SWEEP_SECONDS, self._sweep_again, loop)

    def _sweep_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sweep()
        self._sweeps = False
        if self.number:
            self.watch(loop)

    def sweep(self) -> None:
        """End the connections whose phase has taken too long."""
        now = self._now()
        for phase, seconds in self._limits.items():
            overdue = []
            for client, since in self._lines[phase].items():
                if now - since < seconds:
                    break
                overdue.append(client)
            for client in overdue:
                self.count(f"{phase.name.lower()} timeout")
                client.overdue()

    def _longest_waiting(self) -> Client | None:
        first = [next(iter(self._lines[phase].items()), None) for phase in self._limits]
        waiting = [one for one in first if one is not None]
        return min(waiting, key=lambda one: one[1])[0] if waiting else None


def descriptors() -> tuple[int, int]:
    """Return how many descriptors this process may have, and how many it has."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    folder = next(path for path in (Path("/proc/self/fd"), Path("/dev/fd")) if path.is_dir())
    return most, len(os.listdir(folder))


def connections_within(most: int, opened: int) -> int:
    """Return how many connections leave enough descriptors for what else has to be opened.

    Parameters
    ----------
    most
        Descriptors that the process may have.
    opened
        Those it has with one version of the index, nearly all of which are that version's.

    Examples
    --------
    >>> [connections_within(most, 120) for most in (20_000, 1_024, 300)]
    [19488, 512, 45]
    """
    free = most - opened
    # Where that leaves few, a quarter: most of the rest is for the next version.
    return max(free - (VERSIONS_AT_ONCE - 1) * opened - SPARE_DESCRIPTORS, free // 4, 1)


def raise_descriptor_limit() -> None:
    """Have as many descriptors as the system grants without asking, up to enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
