"""Processes that wait until a server answers, and start another where one is killed.

Useful for: a server that maps files, which a damaged disk may end at any read (SIGBUS), and that
takes long to start on a busy machine. `split_off` is for one worker, `Supervisor` for several.
Not useful for: a server that ends on its own; its supervisor then ends with the same status.

A server sends one `Report` when it accepts connections. Until then it may take any time; if it
ends before, `ATTEMPTS` times in a row, the supervisor gives up and says why.

The parent of one worker does nothing but wait, so nothing that ends a server ends it. It costs
50 MB, and the server starts no later for it: it is forked before any thread and before an index is
opened. What the parent has opened, such as the socket, every server inherits: while one is
replaced, connections wait.
"""

import multiprocessing
import os
import signal
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
"""Set for workers that replace one that ended."""

PAUSE_SECONDS = 0.5
"""Before a server that was killed is replaced."""

ATTEMPTS = 3
"""Starts of a worker in a row that may fail."""

_log = structlog.get_logger()


class Report:
    """Sends the id of this process, once, to whoever waits for it to answer.

    uvicorn calls it (`callback_notify`) when the server accepts connections, and now and then.
    """

    def __init__(self, waiting: Connection, then: Callable[[], None] | None = None) -> None:
        self._waiting = waiting
        self._then = then
        self._sent = False

    async def __call__(self) -> None:
        """Send the report, unless that is done."""
        if not self._sent:
            self._sent = True
            self._waiting.send(os.getpid())
            if self._then is not None:
                self._then()


class Supervisor(Multiprocess):
    """uvicorn's supervisor, which waits for workers however long they take.

    uvicorn replaces a worker whose thread does not answer a ping within seconds. On a busy machine
    that is every worker which still loads its modules, again and again. Here a worker is replaced
    where it has ended. No fault goes unseen for that: the thread answers whatever the event loop
    does, and requests do not wait for it.

    Parameters
    ----------
    config
        As uvicorn has it; `callback_notify` is a `Report`.
    sockets
        What the workers listen on.
    reports
        Where the reports of the workers arrive.
    serving
        Called once, when the first worker answers.
    """

    def __init__(
        self, config: Config, sockets: Any, *, reports: Connection, serving: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self.failure: GeosearchError | None = None
        """Why workers could not start, where none of them said that it has nothing to serve."""
        self._reports = reports
        self._serving: Callable[[], None] | None = serving
        self._ready: set[int] = set()
        self._failed: dict[int, int] = {}
        self._outdated: list[Any] = []
        self._asked: set[int] = set()

    def init_processes(self) -> None:
        """Start the first workers; all later ones replace one that ended."""
        super().init_processes()
        os.environ[RECOVERY_VARIABLE] = "1"

    def keep_subprocess_alive(self) -> None:
        """Take reports, and replace workers that ended, until one fails to start too often."""
        ended = [each for each in enumerate(self.processes) if each[1].exitcode is not None]
        # After a look at who has ended: who was ready before its end has said so.
        self._take_reports()
        for place, process in ended:
            if self.should_exit.is_set():
                return
            self._replace(place, process)
        self._renew()

    def restart_all(self) -> None:
        """Replace every worker (SIGHUP): one by one, each when all others answer."""
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
        code, number = process.exitcode, process.pid
        process.kill()  # It has ended: this lets go of its pipes.
        process.join()
        if number in self._asked:
            _log.info("worker stopped", process=number)
        elif code < 0:
            _log.error("worker killed", signal=_name(code), process=number)
        else:
            _log.error("worker ended", status=code, process=number)
        failed = 0
        if number not in self._ready and number not in self._asked:
            failed = self._failed.get(number, 0) + 1
            if failed == ATTEMPTS and code != STARTUP_FAILURE:
                self.failure = _not_started(code)
            if failed == ATTEMPTS or code == STARTUP_FAILURE:
                self.should_exit.set()
                return
        self._ready.discard(number)
        self._asked.discard(number)
        self._failed.pop(number, None)
        fresh = multiprocess.Process(self.config, self.sockets)
        fresh.start()
        self.processes[place] = fresh
        self._failed[cast(int, fresh.pid)] = failed

    def _renew(self) -> None:
        """Stop the next worker that is to be replaced, if all answer."""
        if self._outdated and all(process.pid in self._ready for process in self.processes):
            process = self._outdated.pop()
            if process in self.processes:
                self._asked.add(process.pid)
                process.terminate()


class WorkerServer(NamedTuple):
    """What `split_off` returns in the process that is to serve.

    Attributes
    ----------
    replaces_killed
        Whether a process before this one was killed.
    waiting
        Where the parent waits for the `Report`.
    """

    replaces_killed: bool
    waiting: Connection


def split_off(log_level: str) -> WorkerServer:
    """Return in a new process that may be killed; this one waits for it, and never returns.

    Raises
    ------
    SystemExit
        In the parent, with the status of the process that ended on its own.
    BadData
        In the parent: `ATTEMPTS` processes in a row were killed before they reported.
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
            # After the fork: what writes lines may hold a lock, which a child would never get.
            configure_logs(log_level)
            _log.error("server killed", signal=_name(killed), replaced_by=process)
        killed = _wait(process)
        failed = 0 if _has_reported(theirs) else failed + 1
        theirs.close()
        if failed == ATTEMPTS:
            raise _not_started(-killed)
        time.sleep(PAUSE_SECONDS)


def end_with_parent() -> None:
    """Stop this worker in good order when its supervisor is gone and nobody would replace it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        _end_when(parent.join)


def _end_when(parent_is_gone: Callable[[], object]) -> None:
    """Stop this process in good order as soon as a call that blocks until then returns."""

    def wait() -> None:
        parent_is_gone()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _has_reported(ended: Connection) -> bool:
    """Whether a process that has ended sent its report."""
    try:
        return ended.poll() and bool(ended.recv())
    except (EOFError, OSError):
        return False


def _not_started(code: int) -> GeosearchError:
    """Return what to say of processes that ended alike before they answered."""
    when = f"before it could answer, {ATTEMPTS} times in a row"
    if code >= 0:
        return Fault(f"A server process ended with status {code} {when} - the log says why")
    hints = {"SIGKILL": " - is there enough memory?", "SIGBUS": " - is the disk sound?"}
    hint = hints.get(_name(code), "")
    return BadData(f"A server process was killed by {_name(code)} {when}{hint}")


def _name(code: int) -> str:
    """Name of a signal, from its number or the exit code that it leaves."""
    return next((known.name for known in signal.Signals if known == abs(code)), f"{abs(code)}")


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
