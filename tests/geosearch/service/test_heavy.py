"""Heavy work ends with the client that waits for it, and with the service."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from geosearch.service import heavy
from geosearch.service.heavy import HEAVY_THREADS, ClientGone, HeavyWork, Work, in_one_part
from geosearch.service.problems import HttpProblem
from tests.geosearch import waiting
from tests.geosearch.fakes import publish_fake
from tests.geosearch.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]


async def stays() -> None:
    await asyncio.Event().wait()


def leaves_after(event: threading.Event) -> Callable[[], Awaitable[None]]:
    async def leave() -> None:
        while not event.is_set():
            await asyncio.sleep(0.001)

    return leave


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.001)


class Slow:
    """Work that occupies a thread until it is released."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()

    def __call__(self) -> Work[str]:
        return in_one_part(self._wait)

    def _wait(self) -> str:
        self.begun.set()
        assert self.release.wait(PATIENCE_S)
        return "done"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_waits_behind_slow_work_is_dropped_with_its_client(loop: Any) -> None:
    async def scenario() -> None:
        work = HeavyWork()
        slow = [Slow() for _ in range(HEAVY_THREADS)]
        first = [asyncio.ensure_future(work.run(one(), stays)) for one in slow]
        await until(lambda: all(one.begun.is_set() for one in slow))
        begun: list[str] = []

        def note(name: str) -> Work[str]:
            begun.append(name)
            return name
            yield

        gone = threading.Event()
        left = [
            asyncio.ensure_future(work.run(note("left"), leaves_after(gone))) for _ in range(20)
        ]
        stayed = asyncio.ensure_future(work.run(note("stayed"), stays))
        await asyncio.sleep(0.01)
        gone.set()
        for asked in left:
            with pytest.raises(ClientGone):
                await asked
        for one in slow:
            one.release.set()
        assert await asyncio.gather(*first) == ["done"] * HEAVY_THREADS
        assert await stayed == "stayed"
        assert begun == ["stayed"]
        assert work.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())


def test_work_ends_between_its_parts_when_its_client_left() -> None:
    async def scenario() -> None:
        work, gone = HeavyWork(), threading.Event()
        parts: list[int] = []

        def batch() -> Work[None]:
            for part in range(10_000):
                yield
                parts.append(part)
                if part == 3:
                    gone.set()
                time.sleep(0.001)

        with pytest.raises(ClientGone):
            await work.run(batch(), leaves_after(gone))
        assert work.close()
        assert 4 <= len(parts) < 10_000

    asyncio.run(scenario())


def test_a_client_that_left_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "HEAVY_WAITING", 1)

    async def scenario() -> None:
        work, gone, slow = HeavyWork(), threading.Event(), Slow()
        first = asyncio.ensure_future(work.run(slow(), leaves_after(gone)))
        await until(slow.begun.is_set)
        with pytest.raises(HttpProblem, match="Too many large requests"):
            await work.run(in_one_part(lambda: "refused"), stays)
        gone.set()
        with pytest.raises(ClientGone):
            await first
        # The other thread is free, although the first one still computes for nobody.
        assert await work.run(in_one_part(lambda: "answered"), stays) == "answered"
        slow.release.set()
        await until(work.close)

    asyncio.run(scenario())


def test_a_batch_gives_way_to_other_clients_between_its_parts() -> None:
    async def scenario() -> None:
        work, slow = HeavyWork(), [Slow() for _ in range(HEAVY_THREADS)]
        asked = [asyncio.ensure_future(work.run(one(), stays, "busy")) for one in slow]
        await until(lambda: all(one.begun.is_set() for one in slow))
        done: list[str] = []

        def batch(name: str, parts: int) -> Work[str]:
            for part in range(parts):
                if part:
                    yield
                done.append(name)
            return name

        # Two clients with much to do, and one that comes last and asks for little.
        asked += [asyncio.ensure_future(work.run(batch("a", 20), stays, "a")) for _ in range(3)]
        asked += [asyncio.ensure_future(work.run(batch("b", 20), stays, "b"))]
        asked += [asyncio.ensure_future(work.run(batch("c", 2), stays, "c"))]
        await asyncio.sleep(0.01)
        slow[0].release.set()  # One thread does it all: the order is that of the turns.
        await asyncio.gather(*asked[HEAVY_THREADS:])
        assert done[:7] == ["a", "b", "c", "a", "b", "c", "a"]
        assert done[6:42] == ["a", "b"] * 18
        assert done[42:] == ["a"] * (len(done) - 42)
        assert len(done) == 3 * 20 + 20 + 2
        slow[1].release.set()
        await asyncio.gather(*asked)
        assert work.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("mine", "others", "gives_way"),
    [(0, 4, True), (1, 4, True), (2, 4, True), (3, 4, False), (0, 1, False)],
)
def test_a_full_pool_refuses_the_client_that_has_most(
    monkeypatch: pytest.MonkeyPatch, mine: int, others: int, gives_way: bool
) -> None:
    """`others` requests of another client wait, and as many of mine; now comes one more of mine."""

    async def scenario() -> None:
        work, slow = HeavyWork(), [Slow() for _ in range(HEAVY_THREADS)]
        first = [asyncio.ensure_future(work.run(one(), stays, f"{one}")) for one in slow]
        await until(lambda: all(one.begun.is_set() for one in slow))
        monkeypatch.setattr(heavy, "HEAVY_WAITING", HEAVY_THREADS + mine + others)

        def ask(client: str) -> asyncio.Future[str]:
            return asyncio.ensure_future(work.run(in_one_part(lambda: client), stays, client))

        theirs = [ask("theirs") for _ in range(others)]
        own = [ask("mine") for _ in range(mine)]
        await asyncio.sleep(0)
        own.append(ask("mine"))
        refused = theirs[-1] if gives_way else own[-1]
        with pytest.raises(HttpProblem, match="Too many large requests"):
            await asyncio.wait_for(refused, PATIENCE_S)
        for one in slow:
            one.release.set()
        left = [one for one in (*theirs, *own) if one is not refused]
        answers = ["theirs"] * (others - gives_way) + ["mine"] * (mine + gives_way)
        assert await asyncio.gather(*left) == answers
        await asyncio.gather(*first)
        assert await ask("mine") == "mine", "there is room again"
        assert work.close()

    asyncio.run(scenario())


def test_threads_for_large_requests_step_back() -> None:
    async def scenario() -> None:
        work = HeavyWork()
        own = os.getpriority(os.PRIO_PROCESS, 0)

        def niceness() -> int:
            return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

        assert await work.run(in_one_part(niceness), stays) == min(own + heavy.NICENESS, 19)
        assert os.getpriority(os.PRIO_PROCESS, 0) == own
        assert work.close()

    asyncio.run(scenario())


def test_errors_of_work_are_raised_where_it_is_awaited() -> None:
    def broken() -> None:
        raise KeyError("of the work")

    async def scenario() -> None:
        work = HeavyWork()
        with pytest.raises(KeyError, match="of the work"):
            await work.run(in_one_part(broken), stays)
        assert work.close()

    asyncio.run(scenario())


def test_the_end_of_the_graceful_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "LAST_SECONDS", 0.01)

    async def scenario() -> None:
        work, slow = HeavyWork(), Slow()
        asked = asyncio.ensure_future(work.run(slow(), stays))
        await until(slow.begun.is_set)
        asked.cancel()  # as uvicorn does when the graceful time is over
        with pytest.raises(HttpProblem, match="longer than the graceful time") as refusal:
            await asked
        assert refusal.value.code == "stopping"
        assert not work.close()
        slow.release.set()
        await until(work.close)

    asyncio.run(scenario())


# --- a process -----------------------------------------------------------------------------------

CUSTOM = """
import os, pathlib, time
from tests.geosearch.fakes import FakeEngine
from geosearch.service import app

class Computing(FakeEngine):
    def page(self, query):
        if query.polygon is not None:
            pathlib.Path(os.environ["PYTHONPATH"].partition(os.pathsep)[0], "computing").touch()
            time.sleep(3_600)
        return super().page(query)

app.Searcher, app._get_ready = Computing, lambda: None
"""
SQUARE = (
    b'{"lat":1,"lng":2,"polygon":{"type":"Polygon",'
    b'"coordinates":[[[1,1],[2,1],[2,2],[1,2],[1,1]]]}}'
)
HEAVY = (
    b"POST /v1/nearby HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
    b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n%b" % (len(SQUARE), SQUARE)
)
GRACEFUL_SECONDS = 2
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def is_ready(port: int) -> bool:
    address = ("127.0.0.1", port)
    with suppress(OSError), socket.create_connection(address, PATIENCE_S) as probe:
        probe.sendall(b"GET /readyz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        return b"200 OK" in probe.recv(4_096)
    return False


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:  # Reset: it came at the moment of the close.
        pass
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("waits", [True, False])
def test_a_stop_ends_although_a_thread_computes(tmp_path: Path, workers: int, waits: bool) -> None:
    publish_fake(tmp_path / "index")
    (tmp_path / "sitecustomize.py").write_text(CUSTOM)
    port = free_port()
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(tmp_path / "index")]
    command += ["--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(
        [*command, "--graceful-seconds", str(GRACEFUL_SECONDS)],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )
    try:
        waiting.until(lambda: is_ready(port))
        clients = [socket.create_connection(("127.0.0.1", port), PATIENCE_S) for _ in range(4)]
        for client in clients:
            client.sendall(HEAVY)
            # Said when the request is at work.
            assert client.recv(len(CONTINUE)) == CONTINUE
        waiting.until((tmp_path / "computing").exists)
        if not waits:
            for client in clients:
                client.close()
        process.send_signal(signal.SIGTERM)
        if waits:
            waiting.until(lambda: is_refused(port))
            assert not select.select(clients, (), (), 0)[0], "none is answered yet"
        assert process.wait(PATIENCE_S) == 0, "long before its thread has computed"
        if waits:
            for client in clients:
                answer = client.recv(65_536)
                assert answer.startswith(b"HTTP/1.1 503"), answer
                assert b'"code":"stopping"' in answer
                client.close()
        assert process.stderr is not None
        log = process.stderr.read().decode()
        assert "stopped before its threads ended" in log
        assert '"event":"stopped"' in log if workers == 2 else True
        assert "Traceback" not in log
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        assert process.stderr is not None
        process.stderr.close()
