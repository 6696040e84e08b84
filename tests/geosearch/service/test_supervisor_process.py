"""`serve` as a process whose workers start slowly, or not at all; nothing waits for a clock."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from geosearch.service.supervisor import ATTEMPTS
from tests.geosearch.fakes import publish_fake

ROOT = Path(__file__).resolve().parents[3]

MADE_UP = """
import os, signal, sys

IS_WORKER = "--multiprocessing-fork" in sys.argv

from geosearch.service import app
from tests.geosearch.fakes import FakeEngine
app.Searcher, app.warm = FakeEngine, lambda _: None
"""

SLOW = """
def wait(_):
    # A reader of the gate lets one byte through for each worker.
    if IS_WORKER:
        os.write(arrived, b"%d\\n" % os.getpid())
        os.read(gate, 1)

arrived, gate = os.open("arrived", os.O_WRONLY), os.open("gate", os.O_RDWR)
app.warm = wait
"""


@contextmanager
def served(folder: Path, custom: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`serve` over a made-up engine, with a module that every process of it imports first."""
    publish_fake(folder / "index")
    (folder / "sitecustomize.py").write_text(MADE_UP + custom)
    command = [sys.executable, "-m", "geosearch", "serve", "--port", "0"]
    options = options if "--index" in options else ("--index", "index", *options)
    process = subprocess.Popen(
        [*command, *options],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)
        assert process.stderr is not None
        process.stderr.close()


def lines_until(process: subprocess.Popen[str], event: str) -> list[dict[str, Any]]:
    """Lines of the log up to an event."""
    assert process.stderr is not None
    lines: list[dict[str, Any]] = []
    for text in process.stderr:
        lines.append(json.loads(text))
        if lines[-1]["event"] == event:
            return lines
    raise AssertionError(lines)


def ask(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_slow_workers_are_waited_for_and_then_announced(tmp_path: Path) -> None:
    """Also one that the system does not run at all, for as long as others take to start."""
    os.mkfifo(tmp_path / "arrived")
    os.mkfifo(tmp_path / "gate")
    gate = os.open(tmp_path / "gate", os.O_RDWR)
    arrived = os.fdopen(os.open(tmp_path / "arrived", os.O_RDWR))
    with arrived, served(tmp_path, SLOW, "--workers", "2") as process:
        workers = [int(arrived.readline()) for _ in range(2)]
        os.kill(workers[0], signal.SIGSTOP)
        for _ in range(2):
            # One more worker a turn of the supervisor: it has looked at the others before.
            process.send_signal(signal.SIGTTIN)
            workers.append(int(arrived.readline()))
        os.kill(workers[0], signal.SIGCONT)
        os.write(gate, b"....")
        lines = lines_until(process, "serving")
        assert [line["event"] for line in lines].count("worker ready") == 1
        assert lines[-1]["url"] == f"http://127.0.0.1:{lines[-1]['port']}/"
        assert ask(lines[-1]["port"], "/readyz") == 200, "at the first attempt"
        while len(ready := _processes(lines, "worker ready")) < 4:
            lines += lines_until(process, "worker ready")
        assert sorted(ready) == sorted(workers), "nobody was replaced"
        process.terminate()
        assert process.wait(60) == 0
    os.close(gate)


def _processes(lines: list[dict[str, Any]], event: str) -> list[int]:
    return [line["process"] for line in lines if line["event"] == event]


FAILING = """
def fail(_):
    if {when}:
        with open("starts", "a") as file:
            file.write("x")
        {how}

app.warm = fail
"""
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
WORKERS = range(2 * ATTEMPTS - 1, 2 * ATTEMPTS + 1)
"""Starts of two workers until one of them has failed `ATTEMPTS` times."""


@pytest.mark.parametrize(
    ("workers", "when", "how", "starts", "status", "sentence"),
    [
        (1, "True", KILLED, [ATTEMPTS], 3, "was killed by SIGKILL before it could answer"),
        (2, "IS_WORKER", "1 / 0", WORKERS, 1, "ended with status 1 before it could answer"),
        (1, "True", "1 / 0", [1], 1, "A fault of ours, ZeroDivisionError"),
        (2, "True", "1 / 0", [1], 1, "A fault of ours, ZeroDivisionError"),
    ],
)
def test_a_server_that_cannot_start_ends_the_command(
    tmp_path: Path,
    workers: int,
    when: str,
    how: str,
    starts: Sequence[int],
    status: int,
    sentence: str,
) -> None:
    custom = FAILING.format(when=when, how=how)
    with served(tmp_path, custom, "--workers", str(workers)) as process:
        _, log = process.communicate()
    last = log.splitlines()[-1]
    assert (process.returncode, last.startswith("geosearch: ")) == (status, True), log
    assert sentence in last
    assert '"event":"serving"' not in log
    assert len((tmp_path / "starts").read_text()) in starts


def test_a_first_start_says_what_it_waits_for(tmp_path: Path) -> None:
    """Before it opens the index, which compiles what is not compiled yet, without a word."""
    with served(tmp_path, 'app.warm = lambda say: say("compiling")') as process:
        lines = lines_until(process, "serving")
    events = [line["event"] for line in lines]
    told = ["starting", "not ready yet", "index opened", "serving"]
    assert [event for event in events if event in told] == told
    assert lines[events.index("not ready yet")]["doing"] == "compiling"


def test_without_an_index_nobody_waits_for_kernels(tmp_path: Path) -> None:
    custom = 'app.warm = lambda say: say("compiling")'
    with served(tmp_path, custom, "--index", "nowhere") as process:
        _, log = process.communicate()
    assert process.returncode == 3
    assert "There is no index (no file CURRENT)" in log
    assert "compiling" not in log


def test_workers_end_with_their_supervisor(tmp_path: Path) -> None:
    """Else they would hold the port, and nobody would replace them."""
    with served(tmp_path, "", "--workers", "2") as process:
        lines = lines_until(process, "serving")
        while len(_processes(lines, "worker ready")) < 2:
            lines += lines_until(process, "worker ready")
        process.kill()
        assert process.stderr is not None
        process.stderr.read()  # Ends when the last process that holds it has ended.
    with pytest.raises(ConnectionRefusedError):
        ask(next(line["port"] for line in lines if "port" in line), "/healthz")
