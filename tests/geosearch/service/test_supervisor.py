"""A worker that is killed is told of and replaced by one that looks closer, whenever it dies."""

import os
import signal
from typing import Any, ClassVar

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.supervisors import multiprocess

from geosearch.service.supervisor import RECOVERY_VARIABLE, Supervisor


class Worker:
    """In place of uvicorn's `Process`: dies by `dies_by` when it is asked whether it lives."""

    dies_by: int | None = None
    started: ClassVar[list["Worker"]] = []

    def __init__(self, *_: Any) -> None:
        self.exitcode: int | None = None
        self.pid = len(self.started)
        self.recovers: bool | None = None

    def start(self) -> None:
        self.recovers = RECOVERY_VARIABLE in os.environ
        self.started.append(self)

    def is_alive(self, timeout: float) -> bool:
        self.exitcode = self.dies_by
        return self.exitcode is None

    def wait_until_ready(self, *_: Any, **__: Any) -> bool:
        return True

    def kill(self) -> None:
        pass

    def join(self) -> None:
        pass


@pytest.mark.parametrize(("dies_by", "signals"), [(-7, ["SIGBUS", "SIGBUS"]), (1, []), (None, [])])
def test_a_worker_that_dies_while_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, dies_by: int | None, signals: list[str]
) -> None:
    monkeypatch.delenv(RECOVERY_VARIABLE, raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(multiprocess, "Process", Worker)
    monkeypatch.setattr(Worker, "started", [])
    monkeypatch.setattr(Worker, "dies_by", dies_by)
    supervisor = Supervisor(uvicorn.Config("nothing:at_all", workers=2), sockets=[])
    supervisor.init_processes()
    try:
        with capture_logs() as lines:
            supervisor.keep_subprocess_alive()
    finally:
        os.environ.pop(RECOVERY_VARIABLE, None)
    replaced = [] if dies_by is None else [True, True]
    assert [worker.recovers for worker in Worker.started] == [False, False, *replaced]
    assert [line["signal"] for line in lines if line["event"] == "worker killed"] == signals
