"""Start a server process, wait until it answers, and stop it again.

Useful for: `http_load`, and peers that are programs of their own.
Not useful for: servers that outlive this process; every one is stopped with it.
"""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

START_SECONDS = 300.0
"""Long enough for the service to compile its kernels."""
STOP_SECONDS = 20.0
MAX_SOCKET_BYTES = 107
"""Longest path of a Unix socket on Linux (`sun_path` of unix(7), less its closing zero)."""

_TAIL = 500


class Server:
    """A running server; stopped by `stop`, at the end of this process, or when this process dies.

    Parameters
    ----------
    folder
        Receives what it says, and is where it runs unless `cwd` is given.
    answers
        Whether it does by now; waited for, up to `START_SECONDS`.
    cores
        The only ones that it may use, if any are named.

    Raises
    ------
    RuntimeError
        If it ends, or does not answer in time; the message has the end of what it said.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        answers: Callable[[], bool],
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        cwd: Path | None = None,
        cores: Collection[int] = (),
    ) -> None:
        self._stop_signal = stop_signal
        self._log = folder / "server.log"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                as_user([*command], user, death_signal=stop_signal),
                cwd=cwd or folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        pin(self._process.pid, cores)
        # The registry must not keep a server alive that nobody else holds.
        self._stop_last = _stop_last(weakref.ref(self))
        atexit.register(self._stop_last)
        try:
            self._wait(answers)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def stop(self) -> None:
        """Ask it to stop, and kill it when it has not within `STOP_SECONDS`; twice is harmless."""
        atexit.unregister(self._stop_last)
        if self._process.poll() is not None:
            return
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self, answers: Callable[[], bool]) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            if answers():
                return
            time.sleep(0.02)
        said = self._log.read_text("utf-8", "replace")[-_TAIL:]
        raise RuntimeError(f"Expected {self._process.args!r} to answer, got: {said}")


def _stop_last(server: "weakref.ref[Server]") -> Callable[[], None]:
    def stop() -> None:
        running = server()
        if running is not None:
            running.stop()

    return stop


def as_user(
    command: list[str], user: str | None = None, *, death_signal: signal.Signals | None = None
) -> list[str]:
    """The command line that runs `command` as `user`, and ends it when this process dies.

    Both need `setpriv` of util-linux (it executes the command in its own place, so that the
    process id is the command's); without it the command stays as it is.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None or (user is None and death_signal is None):
        return command
    options = []
    if user is not None:
        entry = pwd.getpwnam(user)
        options += ["--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--clear-groups"]
    if death_signal is not None:
        options += ["--pdeathsig", death_signal.name.removeprefix("SIG")]
    return [setpriv, *options, "--", *command]


def pin(process: int, cores: Collection[int]) -> None:
    """Keep a process (0 is this one) on these cores, where there are any."""
    if cores:
        os.sched_setaffinity(process, cores)


def listens(address: str | tuple[str, int]) -> bool:
    """Whether somebody listens on a Unix socket, or on a host and port."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        return probe.connect_ex(address) == 0


class Room:
    """A folder that a server can use: `folder`, or a temporary one that `close` removes.

    Temporary where the name of the socket would be too long for the system, or where `user` could
    not enter. It then belongs to `user`.
    """

    def __init__(self, folder: Path, socket_name: str, user: str | None = None) -> None:
        self.folder = folder.resolve()
        self._temporary = len(os.fsencode(self.folder / socket_name)) > MAX_SOCKET_BYTES or (
            user is not None and not _all_may_enter(self.folder.parent)
        )
        if self._temporary:
            self.folder = Path(tempfile.mkdtemp(prefix="geosearch-"))
        if user is not None:
            shutil.chown(self.folder, user)
        self.folder.chmod(0o700)

    def close(self) -> None:
        """Remove what is in it, and itself where it is temporary."""
        for entry in self.folder.iterdir() if self.folder.exists() else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
        if self._temporary and self.folder.exists():
            self.folder.rmdir()


def _all_may_enter(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def bytes_below(folder: Path) -> int:
    """Bytes of the files in a folder and below it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
