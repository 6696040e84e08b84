"""Processes that start another server where one is killed, as by a damaged disk.

Useful for: a server that maps files, which a damaged disk may end at any read (SIGBUS). `split_off`
is for one worker, `Supervisor` for several.
Not useful for: a server that ends on its own; its supervisor then ends with the same status.

The parent of one worker does nothing but wait, so nothing that ends a server ends it. It costs
50 MB, and the server starts no later for it: it is forked before any thread and before an index is
opened. What the parent has opened, such as the socket, every server inherits: while one is
replaced, connections wait.
"""

import os
import signal
import threading
import time
from types import FrameType
from typing import NoReturn

import structlog
from uvicorn.supervisors import Multiprocess

from geosearch.service.logs import configure_logs

RECOVERY_VARIABLE = "GEOSEARCH_RECOVERY"
"""Set for workers that replace one that ended."""

PAUSE_SECONDS = 0.5
"""Before a server that was killed is replaced."""

_log = structlog.get_logger()


class Supervisor(Multiprocess):
    """uvicorn's supervisor, which says what ended a worker and has its like look closer."""

    def init_processes(self) -> None:
        """Start the first workers; all later ones replace one that ended."""
        super().init_processes()
        os.environ[RECOVERY_VARIABLE] = "1"

    def keep_subprocess_alive(self) -> None:
        """Replace workers that ended, also those that do while they are asked."""
        before = list(self.processes)
        super().keep_subprocess_alive()
        for process in before:
            code = process.exitcode
            if process not in self.processes and code is not None and code < 0:
                _log.error("worker killed", signal=signal.Signals(-code).name, process=process.pid)


def split_off(log_level: str) -> bool:
    """Return in a new process that may be killed; this one waits for it, and never returns.

    Returns
    -------
    bool
        Whether a process before this one was killed.

    Raises
    ------
    SystemExit
        In the parent, with the status of the process that ended on its own.
    """
    killed = 0
    while True:
        ours, theirs = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(theirs)
            threading.Thread(target=_end_with_parent, args=(ours,), daemon=True).start()
            return bool(killed)
        os.close(ours)
        if killed:
            # After the fork: what writes lines may hold a lock, which a child would never get.
            configure_logs(log_level)
            name = signal.Signals(killed).name
            _log.error("server killed", signal=name, replaced_by=process)
        killed = _wait(process)
        os.close(theirs)
        time.sleep(PAUSE_SECONDS)


def _wait(process: int) -> int:
    """Signal that killed a process; ends as the process did where it ended otherwise."""
    asked: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        # From a terminal the server has had the interrupt itself: a second would cut answers off.
        os.kill(process, signal.SIGTERM)

    before = {stop: signal.signal(stop, pass_on) for stop in (signal.SIGTERM, signal.SIGINT)}
    _, status = os.waitpid(process, 0)
    for stop, handler in before.items():
        signal.signal(stop, handler)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        raise SystemExit(code)
    if asked:
        _end_by(-code)
    return -code


def _end_by(number: int) -> NoReturn:
    """End by a signal, as a process without a parent that waits would."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)


def _end_with_parent(pipe: int) -> None:
    """Stop this process in good order when its parent is gone and nobody would wait for it."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)
