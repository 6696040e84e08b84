"""A replica group behind a proxy, simulated event by event: queues, retries, a feed behind.

A machine serves first come, first served, with one question a core at a time. The proxy follows
`deploy/haproxy.cfg`: the machine with the fewest requests open, a check that takes a machine out,
and up to three more attempts, each at another machine than the attempt before.
"""

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import NamedTuple

CHECK_EVERY = 0.5
"""Seconds between two health checks, and the time that a check waits for its answer."""

CONSECUTIVE_FAILURES = 2
"""Failed requests in a row after which the proxy takes a machine out without a check."""

RETRIES = 3
"""Attempts after the first one."""

MIN_SEQ_WAIT = 1.0
"""Seconds that a service waits for `min_seq` before it answers 503 `behind`."""

POLL_EVERY = 1.0
"""Seconds between two polls of a feed."""

ROUNDING = 1e-9
"""Seconds by which the sum of two times may miss the moment of a poll."""

STOPPED, SILENT = "stopped", "silent"
"""A process that ends: its connections are reset and new ones refused. A machine that is gone:
nothing answers, and a request waits for the proxy's timeout."""


class Loss(NamedTuple):
    """Machines `machines` are lost at `at` (seconds), as `kind` says, for good."""

    machines: tuple[int, ...]
    at: float
    kind: str


class FeedStop(NamedTuple):
    """The feed of `machine` copies nothing from `start` to `end` (seconds)."""

    machine: int
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run. Times are seconds, `rate` is requests a second, `min_seq_share` a part of them.

    `spread` is the standard deviation of the logarithm of service times (0: all equal). A request
    with `min_seq` asks for a change acknowledged at the moment in which the request is sent.
    """

    machines: int
    cores: int
    rate: float
    service: float
    span: float
    spread: float = 0.0
    proxy: float = 0.0
    timeout: float = 30.0
    min_seq_share: float = 0.0
    loss: Loss | None = None
    behind: FeedStop | None = None
    seed: int = 1


class Attempt(NamedTuple):
    """What the proxy has from one attempt: when it ends, whether with an answer, its staleness."""

    end: float
    answered: bool
    stale: float = 0.0
    is_failure: bool = True


@dataclass(slots=True)
class SimulatedRequest:
    """A request: when it was sent, and what became of it."""

    sent: float
    needs: bool = False
    attempts: int = 0
    end: float = 0.0
    answered: bool = False
    stale: float = 0.0

    @property
    def latency(self) -> float:
        """Seconds from sending to the answer, or to the last failure."""
        return self.end - self.sent


@dataclass(slots=True)
class Machine:
    """Cores as the times at which they are free, open requests as the times at which they end."""

    cores: list[float]
    polled: float
    lost_at: float = math.inf
    kind: str = STOPPED
    out_at: float = math.inf
    feed: tuple[float, float] = (math.inf, math.inf)
    open: list[float] = field(default_factory=list)
    failed_in_a_row: int = 0
    busy: float = 0.0

    def opened(self, now: float) -> int:
        """How many requests are open at `now`."""
        while self.open and self.open[0] <= now:
            heapq.heappop(self.open)
        return len(self.open)

    def copied(self, now: float) -> float:
        """The moment up to which this machine shows changes at `now`."""
        last = now - (now - self.polled + ROUNDING) % POLL_EVERY
        start, end = self.feed
        if start <= last < end:
            return start - (start - self.polled) % POLL_EVERY
        return last

    def shows(self, moment: float, now: float) -> float:
        """When changes up to `moment` show here, asked at `now`."""
        if self.copied(now) >= moment:
            return now
        due = moment + (self.polled - moment) % POLL_EVERY
        start, end = self.feed
        return due if not start <= due < end else end + (self.polled - end) % POLL_EVERY

    def attempt(self, asked: SimulatedRequest, now: float, work: float, timeout: float) -> Attempt:
        """Take a request that needs `work` seconds of a core."""
        if now >= self.lost_at:
            return Attempt(now + (timeout if self.kind == SILENT else 0.0), False)
        if asked.needs and self.shows(asked.sent, now) > now + MIN_SEQ_WAIT:
            return self.ended(Attempt(now + MIN_SEQ_WAIT, False, is_failure=False), now, timeout)
        start = max(now, self.cores[0])
        heapq.heapreplace(self.cores, start + work)
        self.busy += work
        stale = start - self.copied(start)
        return self.ended(Attempt(start + work, True, stale), now, timeout)

    def ended(self, attempt: Attempt, now: float, timeout: float) -> Attempt:
        """The attempt, unless the machine is lost before it ends."""
        if attempt.end <= self.lost_at:
            return attempt
        return Attempt(now + timeout if self.kind == SILENT else self.lost_at, False)


class Run(NamedTuple):
    """Every request in the order of sending, and the busy part of each machine's cores."""

    asked: list[SimulatedRequest]
    busy: list[float]


def simulate(scenario: Scenario) -> Run:
    """Send Poisson arrivals for `span` seconds; follow each to an answer or its last failure."""
    random = Random(scenario.seed)
    machines = _machines(scenario, random)
    arrivals = _arrivals(scenario, random)
    everyone: list[SimulatedRequest] = []
    again: list[tuple[float, int, SimulatedRequest, int, float, int | None]] = []
    ties = count()
    failures: list[tuple[float, int]] = []
    following = next(arrivals, None)
    while following or again:
        if following and (not again or following[0].sent <= again[0][0]):
            asked, work = following
            now, before, waited = asked.sent, -1, None
            everyone.append(asked)
            following = next(arrivals, None)
        else:
            now, _, asked, before, work, waited = heapq.heappop(again)
        while failures and failures[0][0] <= now:
            _count_failure(machines, heapq.heappop(failures))
        chosen = _choose(machines, now, before) if waited is None else waited
        if chosen is None:
            asked.end = now
            continue
        machine = machines[chosen]
        shown = machine.shows(asked.sent, now) if asked.needs and waited is None else now
        if now < shown <= now + MIN_SEQ_WAIT and shown < machine.lost_at:
            # It waits without a core, and takes one when the change shows.
            heapq.heappush(machine.open, shown)
            heapq.heappush(again, (shown, next(ties), asked, before, work, chosen))
            continue
        end, answered, stale, is_failure = machine.attempt(asked, now, work, scenario.timeout)
        heapq.heappush(machine.open, end)
        asked.attempts += 1
        if answered:
            asked.end, asked.answered, asked.stale = end + scenario.proxy, True, stale
            machine.failed_in_a_row = 0
            continue
        if is_failure:
            heapq.heappush(failures, (end, chosen))
        if asked.attempts > RETRIES:
            asked.end = end + scenario.proxy
        else:
            heapq.heappush(again, (end, next(ties), asked, chosen, work, None))
    until = [min(scenario.span, machine.lost_at) * scenario.cores for machine in machines]
    return Run(everyone, [m.busy / whole for m, whole in zip(machines, until, strict=True)])


def quantile(values: list[float], part: float) -> float:
    """The value below which `part` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(part * len(ordered)) - 1))]


def between(run: Run, start: float, end: float) -> list[SimulatedRequest]:
    """Requests sent from `start` up to, and without, `end`."""
    times = [asked.sent for asked in run.asked]
    return run.asked[bisect_right(times, start) : bisect_right(times, end)]


def _machines(scenario: Scenario, random: Random) -> list[Machine]:
    machines = [
        Machine([0.0] * scenario.cores, -random.random() * POLL_EVERY)
        for _ in range(scenario.machines)
    ]
    if scenario.loss:
        for number in scenario.loss.machines:
            machine = machines[number]
            machine.lost_at, machine.kind = scenario.loss.at, scenario.loss.kind
            machine.out_at = machine.lost_at + random.random() * CHECK_EVERY
            if machine.kind == SILENT:
                machine.out_at += CHECK_EVERY
    if scenario.behind:
        machines[scenario.behind.machine].feed = scenario.behind[1:]
    return machines


def _arrivals(scenario: Scenario, random: Random) -> Iterator[tuple[SimulatedRequest, float]]:
    """Requests with the work of each; a lognormal of mean `service`, or `service` itself."""
    spread = scenario.spread
    middle = math.log(scenario.service) - spread * spread / 2
    now = random.expovariate(scenario.rate)
    while now < scenario.span:
        needs = scenario.min_seq_share > 0 and random.random() < scenario.min_seq_share
        work = random.lognormvariate(middle, spread) if spread else scenario.service
        yield SimulatedRequest(now, needs), work
        now += random.expovariate(scenario.rate)


def _choose(machines: list[Machine], now: float, before: int) -> int | None:
    """The machine with the fewest open requests, another one than `before` where there is one."""
    seen = [(m.opened(now), number) for number, m in enumerate(machines) if now < m.out_at]
    others = [each for each in seen if each[1] != before]
    if not (others or seen):
        return None
    fewest = min(others or seen)[0]
    alike = [number for count, number in others or seen if count == fewest]
    return alike[int(now * 1e6) % len(alike)]


def _count_failure(machines: list[Machine], failure: tuple[float, int]) -> None:
    at, number = failure
    machine = machines[number]
    machine.failed_in_a_row += 1
    if machine.failed_in_a_row >= CONSECUTIVE_FAILURES:
        machine.out_at = min(machine.out_at, at)
