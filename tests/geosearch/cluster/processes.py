"""Processes of `geosearch` that a test starts, kills, and starts again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.geosearch.waiting import PATIENCE_S


class Processes:
    """Processes by name, which end with the test."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._commands: dict[str, list[str]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        self._commands[name] = [sys.executable, "-m", "geosearch", *command]
        with (self._log / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._commands[name], stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """Kill a process and its workers without a word."""
        os.killpg(self._running[name].pid, signal.SIGKILL)
        self._running[name].wait(PATIENCE_S)

    def start_again(self, name: str) -> None:
        """Start a process that was killed, as it was started before."""
        self.start(name, *self._commands[name][3:])

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(PATIENCE_S)
