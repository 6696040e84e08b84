"""Lines reach their descriptor in order; a reader that stops costs lines, never the writer."""

import os
import threading
from collections.abc import Iterator

import pytest

from geosearch.service import line_queue as subject
from geosearch.service.line_queue import LineQueue

Pipe = tuple[int, int]


def recovered(number: int) -> bytes:
    return b"dropped %d\n" % number


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read, write = os.pipe()
    yield read, write
    os.close(write)
    os.close(read)


def read_until(descriptor: int, end: bytes) -> bytes:
    told = b""
    while not told.endswith(end):
        told += os.read(descriptor, 65_536)
    return told


def test_lines_come_in_order(pipe: Pipe) -> None:
    queue = LineQueue(pipe[1], recovered)
    lines = [b"line %d\n" % at for at in range(1_000)]
    for line in lines:
        queue.write(line)
    queue.flush()
    queue.write(b"")
    queue.write(b"end\n")
    assert read_until(pipe[0], b"end\n") == b"".join(lines) + b"end\n"
    queue.close(60)
    assert not queue._thread.is_alive()
    assert queue.dropped == 0


def test_a_reader_that_stops_costs_lines(pipe: Pipe) -> None:
    queue = LineQueue(pipe[1], recovered, max_bytes=100_000)
    line = b"x" * 999 + b"\n"
    for _ in range(1_000):
        queue.write(line)
    # What the pipe holds, what is about to be written, and what waits; the rest is dropped.
    assert 1_000 - queue.dropped <= (65_536 + subject.MAX_WRITE + 100_000) // len(line) + 3
    queue.write(line * 300)
    dropped = queue.dropped
    assert dropped > 1_000
    told = read_until(pipe[0], b"dropped %d\n" % dropped)
    assert told == line * (1_300 - dropped) + recovered(dropped)
    queue.write(b"again\n")
    queue.write(b"and again\n")
    assert read_until(pipe[0], b"and again\n") == b"again\nand again\n"
    assert queue.dropped == dropped
    queue.close(60)


def test_an_end_does_not_wait_for_a_reader_that_stops(pipe: Pipe) -> None:
    queue = LineQueue(pipe[1], recovered)
    queue.write(b"x" * 200_000 + b"\n")
    queue.close(0.01)
    assert queue._thread.is_alive()
    os.read(pipe[0], 65_536)
    read_until(pipe[0], b"\n")
    queue._thread.join(60)
    assert not queue._thread.is_alive()


def test_an_end_writes_what_waits(pipe: Pipe) -> None:
    queue = LineQueue(pipe[1], recovered)
    reading: list[bytes] = []
    reader = threading.Thread(target=lambda: reading.append(read_until(pipe[0], b"end\n")))
    reader.start()
    for _ in range(100):
        queue.write(b"x" * 10_000 + b"\n")
    queue.write(b"end\n")
    queue.close(60)
    reader.join(60)
    assert len(reading[0]) == 100 * 10_001 + 4


def test_a_descriptor_that_does_not_wait(pipe: Pipe) -> None:
    os.set_blocking(pipe[1], False)
    queue = LineQueue(pipe[1], recovered)
    queue.write(b"x" * 300_000 + b"\n")
    assert len(read_until(pipe[0], b"\n")) == 300_001
    queue.close(60)
    assert queue.dropped == 0


def test_a_descriptor_that_fails(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if descriptor == pipe[1] and not failed.is_set():
            failed.set()
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    queue = LineQueue(pipe[1], recovered)
    queue.write(b"lost\nlost\n")
    assert read_until(pipe[0], b"dropped 2\n") == b"dropped 2\n"
    queue.write(b"again\n")
    assert read_until(pipe[0], b"again\n") == b"again\n"
    assert queue.dropped == 2
    queue.close(60)


def test_a_descriptor_that_fails_again_and_again(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that tells of lost lines may be lost itself: it is none of them, and told later."""
    failures: list[bytes] = []
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if descriptor == pipe[1] and len(failures) < 4:
            failures.append(bytes(data))
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(subject, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(os, "write", full)
    queue = LineQueue(pipe[1], recovered)
    queue.write(b"lost\nlost\n")
    assert read_until(pipe[0], b"\n") == b"dropped 2\n"
    assert failures == [b"lost\nlost\n", *3 * [b"dropped 2\n"]]
    assert queue.dropped == 2
    queue.close(60)
