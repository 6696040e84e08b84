"""Who keeps the service waiting is let go in time, and the longest waiting first."""

import asyncio
import os
import resource
from typing import Any, cast

import pytest

from geosearch.service import limits as subject
from geosearch.service.limits import (
    ENOUGH_DESCRIPTORS,
    Clients,
    Phase,
    connections_within,
    descriptors,
    raise_descriptor_limit,
)
from geosearch.service.settings import Settings

SETTINGS = Settings(
    header_timeout_seconds=10,
    body_timeout_seconds=20,
    keep_alive_seconds=30,
    answer_timeout_seconds=60,
    max_connections=3,
)


class Counted:
    """Clients with a clock of their own, and the reasons that were counted."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.reasons: list[str] = []
        self.all = Clients(SETTINGS, self.reasons.append, now=lambda: self.seconds)


class One:
    """Stands for a connection."""

    def __init__(self, counted: Counted, phase: Phase = Phase.HEAD) -> None:
        self.ended: list[str] = []
        self._clients, self._phase = counted.all, phase
        self.admitted = self._clients.admit(self)
        self._clients.move(self, Phase.HEAD, phase)

    def overdue(self) -> None:
        self.ended.append("overdue")
        self._clients.leave(self, self._phase)

    def give_way(self) -> None:
        self.ended.append("gave way")
        self._clients.leave(self, self._phase)


@pytest.mark.parametrize(
    ("phase", "seconds", "reason"),
    [
        (Phase.HEAD, 10, "head timeout"),
        (Phase.BODY, 20, "body timeout"),
        (Phase.IDLE, 30, "idle timeout"),
        (Phase.UNREAD, 60, "unread timeout"),
        (Phase.CLOSING, 60, "closing timeout"),
        (Phase.WORK, None, ""),
    ],
)
def test_each_phase_has_its_time(phase: Phase, seconds: float | None, reason: str) -> None:
    counted = Counted()
    one = One(counted, phase)
    counted.seconds = 1e9 if seconds is None else seconds - 0.001
    counted.all.sweep()
    assert (one.ended, counted.reasons) == ([], [])
    if seconds is not None:
        counted.seconds = seconds
        counted.all.sweep()
        assert (one.ended, counted.reasons) == (["overdue"], [reason])
        assert counted.all.number == 0


def test_a_phase_that_begins_anew_has_its_time_again() -> None:
    counted = Counted()
    first, second = One(counted), One(counted)
    counted.seconds = 9
    counted.all.move(first, Phase.HEAD, Phase.HEAD)
    counted.seconds = 11
    counted.all.sweep()
    assert (first.ended, second.ended) == ([], ["overdue"])


@pytest.mark.parametrize(
    ("phases", "gives_way"),
    [
        ([Phase.HEAD, Phase.HEAD, Phase.HEAD], 0),
        ([Phase.WORK, Phase.IDLE, Phase.HEAD], 1),
        ([Phase.WORK, Phase.WORK, Phase.BODY], 2),
        ([Phase.IDLE, Phase.HEAD, Phase.BODY], 0),
        ([Phase.CLOSING, Phase.UNREAD, Phase.BODY], 0),
        ([Phase.WORK, Phase.WORK, Phase.WORK], None),
    ],
)
def test_the_longest_waiting_gives_way(phases: list[Phase], gives_way: int | None) -> None:
    counted = Counted()
    held = []
    for phase in phases:
        held.append(One(counted, phase))
        counted.seconds += 1
    new = One(counted)
    assert new.admitted == (gives_way is not None)
    assert [at for at, one in enumerate(held) if one.ended == ["gave way"]] == (
        [] if gives_way is None else [gives_way]
    )
    assert counted.reasons == (["refused"] if gives_way is None else ["gave way"])
    assert counted.all.number == 3


def test_a_sweep_looks_at_the_overdue_only() -> None:
    class Line(dict[Any, float]):
        looked = 0

        def items(self) -> Any:
            for item in super().items():
                self.looked += 1
                yield item

    counted = Counted()
    line = Line((object(), float(at)) for at in range(1_000))
    cast(list[Any], counted.all._lines)[Phase.IDLE] = line
    counted.all.sweep()
    assert line.looked == 1


def test_limits_are_kept_as_long_as_there_are_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "SWEEP_SECONDS", 0.001)

    async def run() -> None:
        counted = Counted()
        one = One(counted)
        for _ in range(3):
            counted.all.watch(asyncio.get_running_loop())
        counted.seconds = 1e9
        while counted.all.number:
            await asyncio.sleep(0.001)
        assert one.ended == ["overdue"]
        assert not counted.all._sweeps
        later = One(counted)
        counted.all.watch(asyncio.get_running_loop())
        counted.seconds = 2e9
        while counted.all.number:
            await asyncio.sleep(0.001)
        assert later.ended == ["overdue"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("most", "opened", "connections"),
    [
        (65_536, 120, 65_024),
        (1_024, 120, 512),
        (300, 120, 45),
        (300, 20, 188),
        (130, 120, 2),
        (120, 120, 1),
        (64, 120, 1),
    ],
)
def test_descriptors_are_left_for_the_index(most: int, opened: int, connections: int) -> None:
    assert connections_within(most, opened) == connections


def test_the_limit_is_read_at_the_first_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "descriptors", lambda: (64, 60))
    counted = Counted()
    assert [one.ended for one in (One(counted), One(counted))] == [["gave way"], []]
    assert counted.reasons == ["gave way"]


def test_descriptors_are_counted() -> None:
    before = descriptors()
    read, write = os.pipe()
    after = descriptors()
    os.close(read)
    os.close(write)
    assert after == (before[0], before[1] + 2)


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1_024, 4_096, 4_096),
        (1_024, 1_048_576, ENOUGH_DESCRIPTORS),
        (1_024, resource.RLIM_INFINITY, ENOUGH_DESCRIPTORS),
        (300, 300, None),
        (100_000, 1_048_576, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None),
    ],
)
def test_more_descriptors_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised: int | None
) -> None:
    said: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: said.append(limits))
    raise_descriptor_limit()
    assert said == ([] if raised is None else [(raised, hard)])
