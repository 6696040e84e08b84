"""A small HTTP/1.1 load generator: keep-alive connections, closed or open loop, exact latencies.

The open loop sends at fixed instants, independent of the answers, and counts latency from the
planned instant. So a slow answer delays no other one (no coordinated omission). It supports no TLS,
chunked answers or pipelining.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np
import uvloop
from numpy.typing import NDArray

_LENGTH = b"content-length:"


class BadAnswer(RuntimeError):
    """The server answered with another status than 200, or closed the connection."""


@dataclass
class Load:
    """Result of a load: latencies in seconds, bytes of the bodies, and its duration."""

    seconds: float = 0.0
    latency_s: list[float] = field(default_factory=list)
    body_bytes: list[int] = field(default_factory=list)
    failure: str | None = None

    @property
    def requests_per_second(self) -> float:
        """Answers per second."""
        return len(self.latency_s) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the latency, in milliseconds."""
        latency: NDArray[np.float64] = np.asarray(self.latency_s)
        return float(np.percentile(latency, percent)) * 1_000.0


class _Connection(asyncio.Protocol):
    """One connection with at most one open request."""

    def __init__(self, load: Load, idle: "deque[_Connection]") -> None:
        self._load = load
        self._idle = idle
        self._answer = bytearray()
        self._needed = -1
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._transport or not self._transport.is_closing():
            self._load.failure = self._load.failure or "the server hung up"

    def ask(self, request: bytes, due: float) -> None:
        """Send a request that is due at the instant `due` of `time.perf_counter`."""
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        answer += data
        if self._needed < 0:
            head = answer.find(b"\r\n\r\n")
            if head < 0:
                return
            self._read_head(bytes(answer[:head]).lower(), head + 4)
        if len(answer) >= self._needed:
            self._load.latency_s.append(time.perf_counter() - self._due)
            answer.clear()
            self._needed = -1
            self._idle.append(self)

    def _read_head(self, head: bytes, body_at: int) -> None:
        at = head.find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        self._needed = body_at + length
        self._load.body_bytes.append(length)
        if not head.startswith(b"http/1.1 200 "):
            self._load.failure = head.split(b"\r\n", 1)[0].decode()


class Stream(NamedTuple):
    """A client: requests sent in a cycle on some connections, at a rate or one after the other."""

    requests: Sequence[bytes]
    """Complete requests as bytes."""
    connections: int
    rate: float | None = None
    """Requests per second, sent at fixed instants (open loop). None sends the next request as soon
    as a connection is free (closed loop)."""


def run_load(
    address: tuple[str, int],
    requests: Sequence[bytes],
    *,
    seconds: float,
    connections: int,
    rate: float | None = None,
) -> Load:
    """Return the load of one stream; see `run_streams`."""
    (load,) = run_streams(address, [Stream(requests, connections, rate)], seconds=seconds)
    return load


def run_streams(
    address: tuple[str, int], streams: Sequence[Stream], *, seconds: float
) -> list[Load]:
    """Send the requests of all streams for `seconds`, and return the load of each.

    It waits for the last answers.

    Raises
    ------
    BadAnswer
        A status is not 200, or a connection is lost.
    """

    async def send() -> list[Load]:
        return await asyncio.gather(*(_send_all(address, one, seconds) for one in streams))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loads = runner.run(send())
    for load in loads:
        if load.failure is not None:
            raise BadAnswer(f"Expected 200 for every request, got: {load.failure}")
    return loads


async def _send_all(address: tuple[str, int], stream: Stream, seconds: float) -> Load:
    requests, connections, rate = stream
    load = Load()
    loop = asyncio.get_running_loop()
    idle: deque[_Connection] = deque()
    opened = []
    try:
        for _ in range(connections):
            opened.append(await loop.create_connection(lambda: _Connection(load, idle), *address))
        started = time.perf_counter()
        sent = 0
        # The loop spins: timers of an event loop have a resolution of a millisecond, and this core
        # has no other work. Every planned request is sent, even late: skipping one would hide its
        # waiting time.
        planned = None if rate is None else int(rate * seconds)
        while load.failure is None and sent != planned:
            now = time.perf_counter()
            if rate is None and now >= started + seconds:
                break
            while idle and sent != planned and (rate is None or started + sent / rate <= now):
                due = now if rate is None else started + sent / rate
                idle.popleft().ask(requests[sent % len(requests)], due)
                sent += 1
            await asyncio.sleep(0)
        while len(idle) < connections and load.failure is None:
            await asyncio.sleep(0)
        load.seconds = time.perf_counter() - started
    finally:
        for transport, _ in opened:
            transport.close()
        # uvloop does not close while a connection is closing.
        await asyncio.sleep(0.01)
    return load
