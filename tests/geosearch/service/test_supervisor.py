"""Workers get the time they take to start, are replaced where they end, and not for ever."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, ClassVar

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from geosearch.errors import BadData, Fault
from geosearch.service import supervisor as subject
from geosearch.service.supervisor import ATTEMPTS, RECOVERY_VARIABLE, Report, Supervisor


class Worker:
    """In place of uvicorn's `Process`; must never be asked for a sign of life."""

    started: ClassVar[list["Worker"]] = []

    def __init__(self, *_: Any) -> None:
        self.exitcode: int | None = None
        self.pid = len(self.started) + 1
        self.recovers: bool | None = None

    def start(self) -> None:
        self.recovers = RECOVERY_VARIABLE in os.environ
        self.started.append(self)

    def is_alive(self, timeout: float) -> bool:
        raise AssertionError("a worker that is slow does not answer in time")

    wait_until_ready = ping = is_ready = is_alive

    def terminate(self) -> None:
        self.exitcode = -signal.SIGTERM

    def kill(self) -> None:
        assert self.exitcode is not None, "killed although it lives"

    def join(self) -> None:
        pass


class Watch:
    """A supervisor over workers of the test, turned by hand."""

    def __init__(self, workers: int) -> None:
        reports, self.waiting = multiprocessing.Pipe(duplex=False)
        self.served: list[int] = []
        self.supervisor = Supervisor(
            uvicorn.Config("nothing:at_all", workers=workers),
            [],
            reports=reports,
            serving=lambda: self.served.append(len(Worker.started)),
        )
        self.supervisor.init_processes()

    def turn(self) -> None:
        self.supervisor.keep_subprocess_alive()

    def running(self) -> list[int]:
        return [process.pid or 0 for process in self.supervisor.processes]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Watch]]:
    monkeypatch.delenv(RECOVERY_VARIABLE, raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(multiprocess, "Process", Worker)
    monkeypatch.setattr(Worker, "started", [])
    yield Watch
    os.environ.pop(RECOVERY_VARIABLE, None)


def test_a_worker_that_starts_slowly_is_waited_for(watch: Callable[[int], Watch]) -> None:
    watched = watch(2)
    for _ in range(100):
        watched.turn()
    assert watched.running() == [1, 2]
    assert watched.served == []


def test_the_service_is_announced_once_when_the_first_worker_answers(
    watch: Callable[[int], Watch],
) -> None:
    watched = watch(3)
    watched.waiting.send(2)
    with capture_logs() as lines:
        watched.turn()
        for process in (1, 3):
            watched.waiting.send(process)
        watched.turn()
    assert watched.served == [3]
    assert [line["process"] for line in lines if line["event"] == "worker ready"] == [2, 1, 3]


@pytest.mark.parametrize(
    ("code", "event", "said"),
    [
        (-signal.SIGBUS, "worker killed", {"signal": "SIGBUS"}),
        (-signal.SIGTERM, "worker killed", {"signal": "SIGTERM"}),
        (1, "worker ended", {"status": 1}),
        (0, "worker ended", {"status": 0}),
        (STARTUP_FAILURE, "worker ended", {"status": STARTUP_FAILURE}),
    ],
)
def test_a_worker_that_ends_is_replaced_by_one_that_looks_closer(
    watch: Callable[[int], Watch], code: int, event: str, said: dict[str, Any]
) -> None:
    """However often, as long as each one answered before."""
    watched = watch(2)
    with capture_logs() as lines:
        for _ in range(2 * ATTEMPTS):
            for worker in Worker.started[-2:]:
                watched.waiting.send(worker.pid)
                worker.exitcode = code
            watched.turn()
    assert [worker.recovers for worker in Worker.started] == [False] * 2 + [True] * 4 * ATTEMPTS
    told = [line for line in lines if line["event"] == event]
    assert len(told) == 4 * ATTEMPTS
    assert said.items() <= told[0].items()
    assert not watched.supervisor.should_exit.is_set()


@pytest.mark.parametrize(
    ("code", "kind", "sentence"),
    [
        (-signal.SIGKILL, BadData, "was killed by SIGKILL before it could answer, 3 times in a row"
         " - is there enough memory?"),
        (-signal.SIGBUS, BadData, "was killed by SIGBUS before it could answer, 3 times in a row"
         " - is the disk sound?"),
        (-signal.SIGILL, BadData, "was killed by SIGILL before it could answer, 3 times in a row"),
        (-40, BadData, "was killed by 40 before it could answer, 3 times in a row"),
        (1, Fault, "ended with status 1 before it could answer, 3 times in a row"
         " - the log says why"),
    ],
)  # fmt: skip
def test_a_worker_that_fails_to_start_again_and_again_ends_the_service(
    watch: Callable[[int], Watch], code: int, kind: type[Exception], sentence: str
) -> None:
    watched = watch(2)
    for attempt in range(ATTEMPTS):
        assert not watched.supervisor.should_exit.is_set(), attempt
        Worker.started[-1].exitcode = code
        watched.turn()
    assert watched.supervisor.should_exit.is_set()
    assert len(Worker.started) == 2 + ATTEMPTS - 1
    failure = watched.supervisor.failure
    assert isinstance(failure, kind)
    assert str(failure) == f"A server process {sentence}"


@pytest.mark.parametrize(("code", "attempts"), [(1, ATTEMPTS), (STARTUP_FAILURE, 1)])
def test_a_worker_that_fails_beside_one_that_answers_is_tried_again_later(
    watch: Callable[[int], Watch], monkeypatch: pytest.MonkeyPatch, code: int, attempts: int
) -> None:
    """As an index that cannot be opened for a moment: the service goes on."""
    watched, clock = watch(2), [1_000.0]
    monkeypatch.setattr(subject, "_clock", lambda: clock[0])
    watched.waiting.send(1)
    for tried in range(1, 4):
        for _ in range(attempts):
            Worker.started[-1].exitcode = code
            watched.turn()
        started = len(Worker.started)
        assert started == 1 + tried * attempts
        watched.turn()
        assert len(Worker.started) == started, "not before its time"
        clock[0] += subject.RETRY_SECONDS
        watched.turn()
        assert len(Worker.started) == started + 1
    # Whoever stops the service in a pause stops no service that has failed.
    Worker.started[-1].exitcode = code
    watched.turn()
    assert not watched.supervisor.should_exit.is_set()
    assert watched.supervisor.failure is None
    assert not watched.supervisor.no_version


def test_a_worker_without_a_version_to_serve_ends_the_service_at_once(
    watch: Callable[[int], Watch],
) -> None:
    watched = watch(2)
    Worker.started[0].exitcode = STARTUP_FAILURE
    watched.turn()
    assert watched.supervisor.should_exit.is_set()
    assert watched.supervisor.no_version
    assert watched.supervisor.failure is None
    assert len(Worker.started) == 2


def test_failures_of_different_workers_do_not_add_up(watch: Callable[[int], Watch]) -> None:
    watched = watch(ATTEMPTS)
    for worker in list(Worker.started):
        worker.exitcode = -signal.SIGKILL
    watched.turn()
    assert watched.running() == [ATTEMPTS + 1 + place for place in range(ATTEMPTS)]
    assert not watched.supervisor.should_exit.is_set()


def test_a_restart_takes_one_worker_when_all_answer(watch: Callable[[int], Watch]) -> None:
    watched = watch(2)
    watched.supervisor.signal_queue.append(signal.SIGHUP)
    watched.supervisor.handle_signals()
    watched.turn()
    assert [worker.exitcode for worker in Worker.started] == [None, None], "they still start"
    seen = []
    for ready in (1, 2, 3, 4):
        watched.waiting.send(ready)
        for _ in range(3):
            watched.turn()
        seen.append(watched.running())
    # Worker 3 follows 2, and only when it answers 4 follows 1.
    assert seen == [[1, 2], [1, 3], [4, 3], [4, 3]]
    assert not watched.supervisor.should_exit.is_set()


def test_a_report_is_sent_once() -> None:
    there, here = multiprocessing.Pipe(duplex=False)
    then: list[str] = []
    report = Report(here, lambda: then.append("said"))

    async def tick_twice() -> None:
        await report()
        await report()

    asyncio.run(tick_twice())
    assert there.recv() == os.getpid()
    assert not there.poll()
    assert then == ["said"]
    for end in (there, here):
        assert isinstance(end, Connection)
        end.close()
