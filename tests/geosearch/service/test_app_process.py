"""`serve` as a process: real engine, several workers, following under load, good endings."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from geosearch.build.pipeline import build
from geosearch.publish import current, rollback
from geosearch.service.journal import TOLD_AFTER_S
from geosearch.synth.world import synthesise

# Promised is a second; a test machine may be busy with other tests.
FOLLOWED_WITHIN_S = 2.5

REQUESTS = 1_500

HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
NEARBY = "/v1/nearby?lat=31.2304&lng=121.4737&limit=5"


class Server(NamedTuple):
    """A running service: how to ask it, and its process."""

    port: int
    process: subprocess.Popen[str]
    log: list[dict[str, Any]]

    def get(self, path: str) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            plain = response.getheader("content-type", "").startswith("text/plain")
            return response.status, body.decode() if plain else json.loads(body)
        finally:
            connection.close()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("process") / "snapshot"
    synthesise(folder, merchants=400, seed=1, created_at=datetime.now(UTC))
    return folder


@pytest.fixture(scope="module")
def index(snapshot: Path) -> Path:
    folder = snapshot.parent / "index"
    build(snapshot, folder)
    return folder


@contextmanager
def serving(index: Path, *options: str, descriptors: int = 0) -> Iterator[Server]:
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index), "--port", "0"]
    if descriptors:
        command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    log: list[dict[str, Any]] = []
    ready = threading.Event()

    def read(lines: Any = process.stderr) -> None:
        for line in lines:
            log.append(json.loads(line))
            if log[-1]["event"] == "serving":
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert ready.wait(240), "the first start compiles the kernels"
    port = next((line["port"] for line in log if line["event"] == "serving"), 0)
    server = Server(port, process, log)
    try:
        until_ready(server)
        yield server
    finally:
        process.terminate()
        process.wait(30)
        reader.join(30)
        process.stderr.close()


def until_ready(server: Server) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if server.get("/readyz")[0] == 200:
                return
        except OSError:  # Nobody listens yet, or a worker of a busy machine still starts.
            pass
        time.sleep(0.05)
    pytest.fail(f"not ready: {server.log[-3:]}")


def test_new_versions_are_followed_under_load(index: Path, snapshot: Path) -> None:
    with serving(index) as server:
        answers: list[tuple[float, int, str]] = []
        stopping = threading.Event()

        def ask() -> None:
            while not stopping.is_set():
                status, _ = server.get(NEARBY)
                answers.append((time.monotonic(), status, server.get("/v1/index")[1]["version"]))

        asking = [threading.Thread(target=ask) for _ in range(3)]
        for thread in asking:
            thread.start()
        published = []
        for change in (lambda: build(snapshot, index), lambda: rollback(index)):
            change()
            published.append((time.monotonic(), current(index).name))
            time.sleep(1.5)
        stopping.set()
        for thread in asking:
            thread.join()
        assert len(answers) > 100
        assert {status for _, status, _ in answers} == {200}
        for when, version in published:
            seen = next(then for then, _, name in answers if then > when and name == version)
            assert seen - when < FOLLOWED_WITHIN_S


def test_workers_share_the_port_and_the_metrics(index: Path) -> None:
    with serving(index, "--workers", "2", "--log-level", "info") as server:
        for _ in range(40):
            assert server.get(NEARBY)[0] == 200
        # A worker that is not asked for metrics tells of its requests a moment later.
        time.sleep(20 * TOLD_AFTER_S)
        status, text = server.get("/metrics")
        assert status == 200
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        assert lines['geosearch_requests_total{route="/v1/nearby",status="200"}'] == "40.0"
        assert lines['geosearch_nearby_seconds_count{sort="best"}'] == "40.0"
    assert server.process.returncode == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_under_way(index: Path, stop: signal.Signals) -> None:
    with serving(index) as server:
        queries = [{"lat": 31.2304, "lng": 121.4737, "total": True, "limit": 100}] * 100
        body = json.dumps({"queries": queries})
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request(
            "POST", "/v1/nearby:batch", body, headers={"content-type": "application/json"}
        )
        time.sleep(0.01)
        server.process.send_signal(stop)
        answers = json.loads(connection.getresponse().read())["answers"]
        connection.close()
        assert len(answers) == 100
        assert server.process.wait(30) == 0
    events = [line["event"] for line in server.log]
    assert events[-1] == "stopped"
    assert not [line for line in server.log if line["level"] in ("error", "warning")]


def test_a_large_body_ends_the_connection_in_good_order(index: Path) -> None:
    with serving(index, "--max-body-bytes", "20000") as server:
        # What the sockets hold is answered; more may be cut while it is still being sent.
        for size, may_be_cut in ((40_000, False), (20_000_000, True)):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
            try:
                headers = {"content-type": "application/json"}
                connection.request("POST", "/v1/nearby", b" " * size, headers=headers)
                assert connection.getresponse().status == 413
            except (BrokenPipeError, ConnectionResetError):
                assert may_be_cut
            finally:
                connection.close()
        assert server.get(NEARBY)[0] == 200


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n", HALF], ids=["nothing", "head", "body"]
)
def test_clients_that_wait_lock_nobody_out(index: Path, snapshot: Path, sent: bytes) -> None:
    with serving(index, descriptors=300) as server, ExitStack() as held:
        for _ in range(400):
            address = ("127.0.0.1", server.port)
            held.enter_context(socket.create_connection(address, timeout=60)).sendall(sent)
        for _ in range(5):
            assert server.get(NEARBY)[0] == 200
        if not sent:
            build(snapshot, index)
            followed_until(server, current(index).name)
        _, text = server.get("/metrics")
        gave_way = text.partition('geosearch_connections_ended_total{reason="gave way"} ')[2]
        assert float(gave_way.split()[0]) >= 300
    events = [line["event"] for line in server.log]
    assert events.count("connections full") >= 1
    assert "index not opened" not in events
    assert "connection not accepted" not in events


def followed_until(server: Server, version: str) -> None:
    deadline = time.monotonic() + 60
    while server.get("/v1/index")[1]["version"] != version:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_clients_that_are_slow_are_let_go(index: Path) -> None:
    with serving(index, "--header-timeout-seconds", "0.2") as server:
        address = ("127.0.0.1", server.port)
        with (
            socket.create_connection(address, timeout=60) as silent,
            socket.create_connection(address, timeout=60) as half,
        ):
            half.sendall(b"GET / HTTP/1.1\r\n")
            assert silent.recv(1) == b""
            assert half.recv(12) == b"HTTP/1.1 408"
        assert server.get(NEARBY)[0] == 200


def test_a_log_that_nobody_reads_stops_nobody(index: Path) -> None:
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line: dict[str, Any] = {}
        while line.get("event") != "serving":
            line = json.loads(process.stderr.readline())
        connection = HTTPConnection("127.0.0.1", line["port"], timeout=60)
        for _ in range(REQUESTS):  # Their lines are several times what a pipe holds.
            connection.request("GET", NEARBY)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
        connection.close()
        process.terminate()
        assert process.wait(60) == 0, "nor does it keep a process from its end"


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (["--index", "nowhere"], 3, "Expected an index, got no file CURRENT - at `nowhere`"),
        (["--port", "70000"], 2, "Expected port in [0, 65535], got 70000 - at `--port`"),
        (["--workers", "many"], 2, "Expected workers as an integer, got 'many' - at `--workers`"),
        (["--log-level", "loud"], 2, "Expected log_level as one of debug, info, warning, error"),
    ],
)
def test_a_start_that_fails_says_why(options: list[str], status: int, sentence: str) -> None:
    command = [sys.executable, "-m", "geosearch", "serve", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == status
    assert sentence in ended.stderr.replace("\n", " ")
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_named(index: Path) -> None:
    with serving(index) as server:
        command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index)]
        ended = subprocess.run(
            [*command, "--port", str(server.port)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert ended.returncode == 3
    assert f"Port {server.port} is already in use - choose another with --port" in (
        ended.stderr.replace("\n", " ")
    )
