"""Servers start, answer, and are gone afterwards, also when they or their owner do not behave."""

import os
import shutil
import signal
import socketserver
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks import servers
from benchmarks.servers import Room, Server, as_user, bytes_below, listens

_LISTEN = """
import signal, socket, sys
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1])
    server.listen()
    signal.pause()
"""


def command(socket: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", _LISTEN, str(socket), *more]


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(process: int) -> bool:
    end = time.monotonic() + 120
    while time.monotonic() < end and is_running(process):
        time.sleep(0.02)
    return not is_running(process)


def test_stops(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    server = Server(command(socket), tmp_path, answers=partial(listens, str(socket)))
    assert is_running(server.pid)
    assert listens(str(socket))
    server.stop()
    server.stop()
    assert not is_running(server.pid)
    assert not listens(str(socket))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_stays_on_its_cores_and_in_its_folder(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    (tmp_path / "here").mkdir()
    socket = tmp_path / "s"
    server = Server(
        command(socket),
        tmp_path,
        answers=partial(listens, str(socket)),
        cwd=tmp_path / "here",
        cores={core},
    )
    assert os.sched_getaffinity(server.pid) == {core}
    assert Path(f"/proc/{server.pid}/cwd").resolve() == tmp_path / "here"
    server.stop()


def test_a_port_is_listened_on_or_not() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        address = ("127.0.0.1", int(server.server_address[1]))
        assert listens(address)
    assert not listens(address)


def test_killed_when_it_does_not_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "STOP_SECONDS", 0.2)
    socket = tmp_path / "s"
    server = Server(command(socket, "deaf"), tmp_path, answers=partial(listens, str(socket)))
    server.stop()
    assert not is_running(server.pid)


def test_says_what_a_server_said_that_ended(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such world"):
        Server(
            [sys.executable, "-c", "raise SystemExit('no such world')"],
            tmp_path,
            answers=lambda: False,
        )


def test_stopped_when_it_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "START_SECONDS", 0.5)
    note = tmp_path / "pid"
    script = f"import os, signal; open({str(note)!r}, 'w').write(str(os.getpid())); signal.pause()"
    with pytest.raises(RuntimeError, match="to answer"):
        Server([sys.executable, "-c", script], tmp_path, answers=lambda: False)
    assert not is_running(int(note.read_text()))


@pytest.mark.parametrize(
    "how", ["end", pytest.param("kill", marks=pytest.mark.skipif(
        not shutil.which("setpriv"), reason="needs setpriv of util-linux"))],
)  # fmt: skip
def test_gone_with_its_owner(tmp_path: Path, how: str) -> None:
    socket = tmp_path / "s"
    script = f"""
import os, signal
from functools import partial
from pathlib import Path
from benchmarks.servers import Server, listens
path = {str(socket)!r}
server = Server({command(socket)!r}, Path({str(tmp_path)!r}), answers=partial(listens, path))
print(server.pid, flush=True)
if {how!r} == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == (0 if how == "end" else -signal.SIGKILL), done.stderr
    assert wait_until_gone(int(done.stdout))


def test_room_is_the_folder_where_that_will_do(tmp_path: Path) -> None:
    room = Room(tmp_path, "s")
    assert room.folder == tmp_path
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_bytes(b"12345")
    assert bytes_below(tmp_path) == 5
    room.close()
    assert tmp_path.exists()
    assert not list(tmp_path.iterdir())


def test_room_is_elsewhere_where_the_name_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    room = Room(folder, "s")
    assert room.folder != folder
    (room.folder / "file").touch()
    room.close()
    room.close()
    assert not room.folder.exists()
    assert folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a server as another user")
def test_room_can_be_entered_by_another_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    folder = closed / "folder"
    folder.mkdir(parents=True)
    closed.chmod(0o700)
    room = Room(folder, "s", "nobody")
    subprocess.run(as_user(["touch", str(room.folder / "file")], "nobody"), check=True)
    assert (room.folder / "file").owner() == "nobody"
    room.close()
    assert not room.folder.exists()


def test_command_stays_as_it_is_without_setpriv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    assert as_user(["ls"], "root", death_signal=signal.SIGTERM) == ["ls"]
