"""`Server`: starts a server process, waits until it answers, and stops it.

`http_load` and peers that are separate programs use it. No server outlives this process.
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
"""Longest time to wait for a server: the service may compile its kernels first."""
STOP_SECONDS = 20.0
MAX_SOCKET_BYTES = 107
"""Longest path of a Unix socket on Linux (`sun_path` of unix(7) without its final zero)."""

_TAIL = 500


class Server:
    """A running server; `stop`, or the end of this process, stops it.

    Parameters
    ----------
    folder
        Folder of its log, and its working folder unless `cwd` is given.
    answers
        Returns whether the server answers; called repeatedly for up to `START_SECONDS`.
    cores
        Cores that it may use; empty allows all.

    Raises
    ------
    RuntimeError
        The server ends, or does not answer in time. The message has the end of its log.
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
        # A weak reference, so that the registry does not keep the object alive.
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
        """Stop the server, and kill it after `STOP_SECONDS`; a second call does nothing."""
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
    """Return the command line that runs `command` as `user` and ends it when this process dies.

    Both need `setpriv` of util-linux, which replaces itself by the command, so the process id is
    the command's. Without `setpriv` the command stays unchanged.
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
    """Pin a process (0 is this one) to these cores; do nothing if there are none."""
    if cores:
        os.sched_setaffinity(process, cores)


def listens(address: str | tuple[str, int]) -> bool:
    """Return whether a server listens on a Unix socket, or on a host and port."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        return probe.connect_ex(address) == 0


class Room:
    """A folder that a server can use: `folder`, or a temporary one that `close` removes.

    It is temporary if the path of the socket would be too long, or if `user` cannot enter `folder`.
    It belongs to `user`, if given.
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
        """Remove the contents of the folder, and a temporary folder itself."""
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
    """Return the bytes of all files in a folder and below it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
