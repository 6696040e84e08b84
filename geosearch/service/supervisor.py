"""Process supervision: restarts a server process that a signal killed.

Useful for: a server that maps files: a damaged disk may kill it at any read (SIGBUS). `split_off`
is for one worker, `Supervisor` for several.
Not useful for: a server that exits on its own; its supervisor then ends with the same status.

A server sends one `Report` when it accepts connections. It may take any time to get there, for
example on a busy machine. If it ends before, `ATTEMPTS` times in a row, the supervisor gives up and
says why. Beside other workers that answer, it tries again every `RETRY_SECONDS` instead.

The parent of one worker only waits, so nothing that kills a server kills the parent. The parent
costs 50 MB and no time at the start: it forks the server before it starts a thread or opens an
index. Every server inherits the parent's socket, so connections wait while a server is replaced.
"""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, NamedTuple, NoReturn, cast

import structlog
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess, multiprocess

from geosearch.errors import BadData, Fault, GeosearchError
from geosearch.service.logs import configure_logs

RECOVERY_VARIABLE = "GEOSEARCH_RECOVERY"
"""Environment variable that is set for workers that replace another one."""

PAUSE_SECONDS = 0.5
"""Pause before a killed server is replaced."""

RETRY_SECONDS = 10.0
"""Pause before a worker that failed `ATTEMPTS` times starts again beside others that answer."""

ATTEMPTS = 3
"""Failed starts in a row after which the supervisor gives up."""

_log = structlog.get_logger()
_clock = time.monotonic


class Report:
    """Sends the id of this process to its supervisor, once.

    uvicorn calls it (`callback_notify`) when the server accepts connections, and repeatedly later.
    """

    def __init__(self, waiting: Connection, then: Callable[[], None] | None = None) -> None:
        self._waiting = waiting
        self._then = then
        self._sent = False

    async def __call__(self) -> None:
        """Send the report on the first call; later calls do nothing."""
        if not self._sent:
            self._sent = True
            self._waiting.send(os.getpid())
            if self._then is not None:
                self._then()


class Supervisor(Multiprocess):
    """uvicorn's supervisor without its ping timeout: it replaces only workers that ended.

    uvicorn replaces a worker whose ping thread does not answer within seconds. On a busy machine it
    so replaces every worker that still loads its modules, again and again. Dropping the ping hides
    no fault: the ping thread answers even if the event loop hangs.

    Parameters
    ----------
    config
        uvicorn's configuration; `callback_notify` is a `Report`.
    sockets
        Sockets that the workers listen on.
    reports
        Receives the reports of the workers.
    serving
        Called once, when the first worker answers.
    """

    def __init__(
        self, config: Config, sockets: Any, *, reports: Connection, serving: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self.failure: GeosearchError | None = None
        """Why workers could not start, unless they ended with `STARTUP_FAILURE`."""
        self.no_version = False
        """Whether the supervisor gave up because workers ended with `STARTUP_FAILURE`."""
        self._reports = reports
        self._serving: Callable[[], None] | None = serving
        self._ready: set[int] = set()
        self._failed: dict[int, int] = {}
        self._not_before: dict[int, float] = {}
        self._outdated: list[Any] = []
        self._asked: set[int] = set()

    def init_processes(self) -> None:
        """Start the first workers; every later worker replaces one that ended."""
        super().init_processes()
        os.environ[RECOVERY_VARIABLE] = "1"

    def keep_subprocess_alive(self) -> None:
        """Read reports and replace ended workers; stop if a worker fails to start too often."""
        ended = [each for each in enumerate(self.processes) if each[1].exitcode is not None]
        # The order matters: every worker in `ended` has sent its report, if it ever was ready.
        self._take_reports()
        for place, process in ended:
            if self.should_exit.is_set():
                return
            if _clock() >= self._not_before.get(place, 0.0):
                self._replace(place, process)
        self._renew()

    def terminate_all(self) -> None:
        """Ask all workers to stop; new connections are refused as soon as the workers do."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def restart_all(self) -> None:
        """Replace all workers (SIGHUP), one at a time, each only while all workers answer."""
        self._outdated = list(self.processes)

    def _take_reports(self) -> None:
        while self._reports.poll():
            process = self._reports.recv()
            self._ready.add(process)
            _log.info("worker ready", process=process)
            if self._serving is not None:
                self._serving()
                self._serving = None

    def _replace(self, place: int, process: Any) -> None:
        number, failed = process.pid, 0
        if self._not_before.pop(place, None) is None:
            process.kill()  # It has ended: this lets go of its pipes.
            process.join()
            failed = self._failures(process)
            if failed == ATTEMPTS or (failed and process.exitcode == STARTUP_FAILURE):
                if self._others_answer(process):
                    self._not_before[place] = _clock() + RETRY_SECONDS
                    return
                self.no_version = process.exitcode == STARTUP_FAILURE
                if not self.no_version:
                    self.failure = _not_started(process.exitcode)
                self.should_exit.set()
                return
        self._ready.discard(number)
        self._asked.discard(number)
        self._failed.pop(number, None)
        fresh = multiprocess.Process(self.config, self.sockets)
        fresh.start()
        self.processes[place] = fresh
        self._failed[cast(int, fresh.pid)] = failed

    def _failures(self, process: Any) -> int:
        """Log how a worker ended; return how many starts in a row have failed with it."""
        code, number = process.exitcode, process.pid
        if number in self._asked:
            _log.info("worker stopped", process=number)
        elif code < 0:
            _log.error("worker killed", signal=_name(code), process=number)
        else:
            _log.error("worker ended", status=code, process=number)
        if number in self._ready or number in self._asked:
            return 0
        return self._failed.get(number, 0) + 1

    def _others_answer(self, process: Any) -> bool:
        """Whether a worker beside this one answers: then the service goes on, and tries again."""
        return any(each.pid in self._ready for each in self.processes if each is not process)

    def _renew(self) -> None:
        """Stop the next outdated worker, if all workers answer."""
        if self._outdated and all(process.pid in self._ready for process in self.processes):
            process = self._outdated.pop()
            if process in self.processes:
                self._asked.add(process.pid)
                process.terminate()


class WorkerServer(NamedTuple):
    """What `split_off` returns in the server process.

    Attributes
    ----------
    replaces_killed
        Whether this process replaces a killed one.
    waiting
        Connection to the parent, for the `Report`.
    """

    replaces_killed: bool
    waiting: Connection


def split_off(log_level: str, listener: socket.socket) -> WorkerServer:
    """Fork a server process, and return in it; the parent supervises it and never returns.

    Parameters
    ----------
    listener
        Socket that the server listens on; the parent keeps it for the next server.

    Raises
    ------
    SystemExit
        In the parent: the server exited, with this status.
    BadData
        In the parent: `ATTEMPTS` servers in a row were killed before they reported.
    """
    killed = failed = 0
    while True:
        ours, theirs = multiprocessing.Pipe()
        process = os.fork()
        if process == 0:
            theirs.close()
            _end_when(partial(ours.poll, None))
            return WorkerServer(bool(killed), ours)
        ours.close()
        if killed:
            # After the fork: the log thread may hold a lock that no thread of a child releases.
            configure_logs(log_level)
            _log.error("server killed", signal=_name(killed), replaced_by=process)
        killed = _wait(process, listener)
        failed = 0 if _has_reported(theirs) else failed + 1
        theirs.close()
        if failed == ATTEMPTS:
            raise _not_started(-killed)
        time.sleep(PAUSE_SECONDS)


def end_with_parent() -> None:
    """Stop this worker gracefully when its supervisor has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        _end_when(parent.join)


def _end_when(parent_is_gone: Callable[[], object]) -> None:
    """Stop this process gracefully as soon as the blocking call `parent_is_gone` returns."""

    def wait() -> None:
        parent_is_gone()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _has_reported(ended: Connection) -> bool:
    """Return whether an ended process has sent its report."""
    try:
        return ended.poll() and bool(ended.recv())
    except (EOFError, OSError):
        return False


def _not_started(code: int) -> GeosearchError:
    """Return the error for servers that ended before they answered."""
    when = f"before it could answer, {ATTEMPTS} times in a row"
    if code >= 0:
        return Fault(f"A server process ended with status {code} {when} - the log says why")
    hints = {"SIGKILL": " - is there enough memory?", "SIGBUS": " - is the disk sound?"}
    hint = hints.get(_name(code), "")
    return BadData(f"A server process was killed by {_name(code)} {when}{hint}")


def _name(code: int) -> str:
    """Return the name of a signal, from its number or its exit code."""
    return next((known.name for known in signal.Signals if known == abs(code)), f"{abs(code)}")


def _wait(process: int, listener: socket.socket) -> int:
    """Wait for a server process, and return the signal that killed it.

    If the process exited, or was asked to stop, this process ends in the same way.
    """
    asked: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        # The socket listens, and clients wait in vain, until the last process has closed it.
        listener.close()
        # A terminal interrupts the server too; a second interrupt would cut answers off.
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
    """End this process by a signal, so that its parent sees that signal."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)
