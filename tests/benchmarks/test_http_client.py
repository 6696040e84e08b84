"""The load generator against a server that answers as told."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from benchmarks.http_client import BadAnswer, Stream, run_load, run_streams

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Server(threading.Thread):
    """Answers every request on every connection after a pause.

    The first `together` of them are answered when all of them have come.
    """

    def __init__(self, status: str, pause_s: float, together: int = 1) -> None:
        super().__init__(daemon=True)
        self.status, self.pause_s = status, pause_s
        self.together, self.asked = threading.Barrier(together), [0] * together
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()

    def run(self) -> None:
        for number in itertools.count():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection, number), daemon=True).start()

    def answer(self, connection: socket.socket, number: int) -> None:
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: 5\r\n\r\n".encode()
        with connection, suppress(OSError):
            while connection.recv(4096):
                if number < len(self.asked):
                    self.asked[number] += 1
                    if self.asked[number] == 1:
                        self.together.wait(60)
                time.sleep(self.pause_s)
                connection.sendall(head)
                connection.sendall(b"hello")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(*request.param)
    made.start()
    yield made
    # Ends the wait for the next connection, which a plain close does not.
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()
    made.join(10)


@pytest.mark.parametrize("server", [("200 OK", 0.01, 4)], indirect=True)
def test_closed_loop_keeps_every_connection_busy(server: Server) -> None:
    load = run_load(server.address, [REQUEST], seconds=0.5, connections=4)
    # The first of the four is answered only because the others are asked meanwhile.
    assert min(server.asked) >= 1
    assert len(load.latency_s) == sum(server.asked) <= 4 * 51
    assert min(load.latency_s) >= 0.01
    assert set(load.body_bytes) == {5}
    assert len(load.latency_s) == len(load.body_bytes)


@pytest.mark.parametrize("server", [("200 OK", 0.0)], indirect=True)
def test_open_loop_keeps_its_rate(server: Server) -> None:
    load = run_load(server.address, [REQUEST], seconds=0.5, connections=8, rate=200.0)
    assert len(load.latency_s) == 100
    assert load.seconds >= 0.49


@pytest.mark.parametrize("server", [("200 OK", 0.05)], indirect=True)
def test_open_loop_counts_the_wait_for_a_connection(server: Server) -> None:
    load = run_load(server.address, [REQUEST], seconds=0.4, connections=1, rate=100.0)
    # One connection answers 20 a second of the 100 planned: the last of 40 waits for 1.6 s.
    assert len(load.latency_s) == 40
    assert load.percentile_ms(99) > 1_500.0


@pytest.mark.parametrize("server", [("200 OK", 0.02)], indirect=True)
def test_streams_are_measured_together_and_apart(server: Server) -> None:
    streams = [Stream([REQUEST], connections=4, rate=50.0), Stream([REQUEST], connections=1)]
    paced, busy = run_streams(server.address, streams, seconds=0.4)
    assert len(paced.latency_s) == 20
    assert 2 <= len(busy.latency_s) <= 21
    assert busy.seconds >= 0.4


@pytest.mark.parametrize("server", [("503 Service Unavailable", 0.0)], indirect=True)
def test_refusals_end_the_run(server: Server) -> None:
    with pytest.raises(BadAnswer, match="503"):
        run_load(server.address, [REQUEST], seconds=0.5, connections=2)
