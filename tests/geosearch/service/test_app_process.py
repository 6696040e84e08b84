"""`serve` as a process: real engine, several workers, following under load, good endings."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from geosearch.indexing.pipeline import build
from geosearch.segment.versions import current, rollback
from geosearch.sources.synth.world import synthesise
from tests.geosearch.waiting import PATIENCE_S, until

REQUESTS = 1_500
ANSWERS = 40
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PATIENT = ("--header-timeout-seconds", "600", "--body-timeout-seconds", "600")

HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
NEARBY = "/v1/nearby?lat=31.2304&lng=121.4737&limit=5"


class Server(NamedTuple):
    """A running service: how to ask it, and its process."""

    port: int
    process: subprocess.Popen[str]
    log: list[dict[str, Any]]

    def get(self, path: str) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
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
    assert ready.wait(PATIENCE_S), "not serving"
    port = next((line["port"] for line in log if line["event"] == "serving"), 0)
    server = Server(port, process, log)
    try:
        until_ready(server)
        yield server
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        reader.join(PATIENCE_S)
        process.stderr.close()


def until_ready(server: Server) -> None:
    def is_ready() -> bool:
        with suppress(OSError):  # Nobody listens yet.
            return server.get("/readyz")[0] == 200
        return False

    until(is_ready, lambda: server.log[-3:])


def test_new_versions_are_followed_under_load(index: Path, snapshot: Path) -> None:
    with serving(index) as server:
        answers: list[tuple[int, str]] = []
        stopping = threading.Event()

        def ask() -> None:
            while not stopping.is_set():
                status, _ = server.get(NEARBY)
                answers.append((status, server.get("/v1/index")[1]["version"]))

        asking = [threading.Thread(target=ask) for _ in range(3)]
        for thread in asking:
            thread.start()
        versions = [current(index).name]
        try:
            for change in (lambda: build(snapshot, index), lambda: rollback(index)):
                change()
                versions.append(current(index).name)
                before = len(answers)
                until(lambda: (200, versions[-1]) in answers[before:])  # noqa: B023
                # As many again are asked of the version that was followed.
                until(lambda: len(answers) >= before + ANSWERS)  # noqa: B023
        finally:
            stopping.set()
            for thread in asking:
                thread.join()
        assert {status for status, _ in answers} == {200}
        assert {name for _, name in answers} <= set(versions)


def test_workers_share_the_port_and_the_metrics(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOSEARCH_WORKRES", "3")
    with serving(index, "--workers", "2", "--log-level", "info") as server:
        for _ in range(40):
            assert server.get(NEARBY)[0] == 200

        def metrics() -> dict[str, str]:
            status, text = server.get("/metrics")
            assert status == 200
            return dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")

        # A worker that is not asked for metrics tells of its requests a moment later.
        asked = 'geosearch_requests_total{route="/v1/nearby",status="200"}'
        until(lambda: float(metrics().get(asked, "0")) >= 40.0)
        lines = metrics()
        assert lines[asked] == "40.0"
        assert lines['geosearch_nearby_seconds_count{sort="best"}'] == "40.0"
        named = [line for line in server.log if line.get("variable") == "GEOSEARCH_WORKRES"]
        assert [(line["level"], line["closest"]) for line in named] == [
            ("warning", "GEOSEARCH_WORKERS")
        ]
    assert server.process.returncode == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_under_way(index: Path, stop: signal.Signals) -> None:
    with serving(index) as server:
        queries = [{"lat": 31.2304, "lng": 121.4737, "total": True, "limit": 100}] * 100
        body = json.dumps({"queries": queries})
        head = (
            "POST /v1/nearby:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        address = ("127.0.0.1", server.port)
        with socket.create_connection(address, timeout=PATIENCE_S) as connection:
            connection.sendall((head + body).encode())
            # Said when the request is at work.
            assert connection.recv(len(CONTINUE)) == CONTINUE
            server.process.send_signal(stop)
            response = HTTPResponse(connection)
            response.begin()
            answers = json.loads(response.read())["answers"]
        assert len(answers) == 100
        assert server.process.wait(PATIENCE_S) == 0
    events = [line["event"] for line in server.log]
    assert events[-1] == "stopped"
    assert not [line for line in server.log if line["level"] in ("error", "warning")]


def test_a_large_body_ends_the_connection_in_good_order(index: Path) -> None:
    with serving(index, "--max-body-bytes", "20000") as server:
        # What the sockets hold is answered; more may be cut while it is still being sent.
        for size, may_be_cut in ((40_000, False), (20_000_000, True)):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
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
    with serving(index, *PATIENT, descriptors=400) as server, ExitStack() as held:
        for _ in range(400):
            address = ("127.0.0.1", server.port)
            held.enter_context(socket.create_connection(address, timeout=PATIENCE_S)).sendall(sent)
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
    until(lambda: server.get("/v1/index")[1]["version"] == version)


def test_clients_that_are_slow_are_let_go(index: Path) -> None:
    with serving(index, "--header-timeout-seconds", "0.2") as server:
        address = ("127.0.0.1", server.port)
        with (
            socket.create_connection(address, timeout=PATIENCE_S) as silent,
            socket.create_connection(address, timeout=PATIENCE_S) as half,
        ):
            half.sendall(b"GET / HTTP/1.1\r\n")
            assert silent.recv(1) == b""
            assert half.recv(12) == b"HTTP/1.1 408"
        # A busy machine may be late for the head of a quick client, too.
        until(lambda: server.get(NEARBY)[0] == 200)


def test_a_log_that_nobody_reads_stops_nobody(index: Path) -> None:
    command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line: dict[str, Any] = {}
        while line.get("event") != "serving":
            line = json.loads(process.stderr.readline())
        connection = HTTPConnection("127.0.0.1", line["port"], timeout=PATIENCE_S)
        for _ in range(REQUESTS):  # Their lines are several times what a pipe holds.
            connection.request("GET", NEARBY)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
        connection.close()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, "nor does it keep a process from its end"


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (
            ["--index", "nowhere"],
            3,
            "There is no index (no file CURRENT); geosearch build",
        ),
        (["--port", "70000"], 2, "Expected port in [0, 65535], got 70000 - at `--port`"),
        (["--workers", "many"], 2, "Expected workers to be an integer, got 'many' - at `--worke"),
        (["--log-level", "loud"], 2, "Expected log_level to be one of debug, info, warning, error"),
    ],
)
def test_a_start_that_fails_says_why(options: list[str], status: int, sentence: str) -> None:
    command = [sys.executable, "-m", "geosearch", "serve", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == status
    assert sentence in ended.stderr.replace("\n", " ")
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_named(index: Path) -> None:
    with serving(index) as server:
        command = [sys.executable, "-m", "geosearch", "serve", "--index", str(index)]
        ended = subprocess.run(
            [*command, "--port", str(server.port)],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert ended.returncode == 3
    assert f"Port {server.port} is already in use - choose another with --port" in (
        ended.stderr.replace("\n", " ")
    )
