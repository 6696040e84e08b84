"""Connection limits: timeouts by phase, and the largest number of connections.

This module knows neither HTTP nor how to close a connection; `guard` does.

Each connection is in one `Phase`. `Clients` keeps the connections of a phase in the order in which
they entered it. So a sweep reads only overdue connections and the first other one of each phase.
The number of connections leaves enough file descriptors for versions of the index. At the limit,
the connection that has waited longest for its client is closed in favour of the new one.
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
"""Time between two sweeps, seconds: a timeout may be this late."""

ENOUGH_DESCRIPTORS = 65_536
"""File descriptors that a server asks for, if the hard limit allows them."""

VERSIONS_AT_ONCE = 4
"""Most versions of the index that are open at once: the kept ones and the next one."""

SPARE_DESCRIPTORS = 32
"""File descriptors for logs, metrics, the event loop and connections just accepted."""


class Phase(IntEnum):
    """What a connection waits for. Every phase but `WORK` has a time limit."""

    HEAD = 0
    """The rest of a request head, or a first request."""
    BODY = 1
    """The rest of a body."""
    IDLE = 2
    """The next request, after an answer."""
    UNREAD = 3
    """The client, to read its answers."""
    CLOSING = 4
    """The client, to read the last bytes before the connection closes."""
    WORK = 5
    """The service, to answer."""


class Client(Protocol):
    """What `Clients` needs of a connection."""

    def overdue(self) -> None:
        """Close the connection: its phase has exceeded its time limit."""

    def give_way(self) -> None:
        """Abort the connection at once, in favour of a new one."""


class Clients:
    """The connections of one process.

    Parameters
    ----------
    settings
        The time limit of each phase, and the largest number of connections.
    count
        Called with the reason whenever the service ends a connection.
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
        """Add a new connection; at the limit, abort the one that has waited longest.

        Returns False, and adds nothing, if none of the connections waits for its client.
        """
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
        """Move a connection from phase `old` to `new`; a removed connection stays removed."""
        if self._lines[old].pop(client, None) is not None:
            self._lines[new][client] = self._now()

    def leave(self, client: Client, phase: Phase) -> None:
        """Remove a connection."""
        self._lines[phase].pop(client, None)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sweep every `SWEEP_SECONDS` from now on, as long as there are connections."""
        if not self._sweeps:
            self._sweeps = True
            loop.call_later(SWEEP_SECONDS, self._sweep_again, loop)

    def _sweep_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sweep()
        self._sweeps = False
        if self.number:
            self.watch(loop)

    def sweep(self) -> None:
        """Call `overdue` of each connection whose phase has exceeded its time limit."""
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
    """Return the limit of file descriptors of this process, and how many are open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    folder = next(path for path in (Path("/proc/self/fd"), Path("/dev/fd")) if path.is_dir())
    return most, len(os.listdir(folder))


def connections_within(most: int, opened: int) -> int:
    """Return the largest number of connections, at least 1, that leaves enough descriptors.

    Parameters
    ----------
    most
        Limit of file descriptors of the process.
    opened
        Open descriptors with one version of the index; nearly all belong to that version.

    Examples
    --------
    >>> [connections_within(most, 120) for most in (20_000, 1_024, 300)]
    [19488, 512, 45]
    """
    free = most - opened
    # If that leaves few, a quarter: the next version needs most of the rest.
    return max(free - (VERSIONS_AT_ONCE - 1) * opened - SPARE_DESCRIPTORS, free // 4, 1)


def raise_descriptor_limit() -> None:
    """Raise the soft limit of file descriptors to the hard limit, at most `ENOUGH_DESCRIPTORS`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
