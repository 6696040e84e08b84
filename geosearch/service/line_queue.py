"""Bounded queue of log lines that a thread writes to a file descriptor, without blocking callers.

`logs` uses it, because a slow reader of the log must not block the event loop. A full queue drops
and counts lines, so use it for nothing that must arrive.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable

MAX_BYTES = 4 * 1_048_576
"""Most bytes in the queue; the line of a request has about 200."""

MAX_WRITE = 65_536
"""Most bytes of one write: the capacity of a pipe."""

RETRY_SECONDS = 0.05
"""Pause after a failed write, seconds."""


class LineQueue:
    """Stream for whole lines; `write` never blocks.

    Parameters
    ----------
    descriptor
        File descriptor that the thread writes to.
    recovered
        Returns the line that reports a number of dropped lines. The thread writes it when the
        queue is empty again.
    max_bytes
        Most bytes in the queue.
    """

    def __init__(
        self, descriptor: int, recovered: Callable[[int], bytes], max_bytes: int = MAX_BYTES
    ) -> None:
        self._descriptor = descriptor
        self._recovered = recovered
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._unreported = 0
        self._ending = False
        self._changed = threading.Condition()
        self.dropped = 0
        self._thread = threading.Thread(target=self._work, name="write-log", daemon=True)
        self._thread.start()

    def write(self, lines: bytes) -> int:
        """Queue whole lines, or drop them if they do not fit; return their number of bytes."""
        with self._changed:
            if self._bytes + len(lines) > self._max_bytes:
                self._drop(lines)
            else:
                self._waiting.append(lines)
                self._bytes += len(lines)
                self._changed.notify()
        return len(lines)

    def flush(self) -> None:
        """Do nothing: the thread writes the lines."""

    def close(self, seconds: float) -> None:
        """Write the queued lines, for at most `seconds`."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(seconds)

    def _drop(self, lines: bytes) -> None:
        number = lines.count(b"\n")
        self.dropped += number
        self._unreported += number

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            lines, reported = taken
            try:
                self._write_out(lines)
            except OSError:
                # The reader is gone, or the disk is full; later lines may succeed.
                with self._changed:
                    if not reported:
                        self._drop(lines)
                time.sleep(RETRY_SECONDS)
            else:
                with self._changed:
                    self._unreported -= reported

    def _next(self) -> tuple[bytes, int] | None:
        """Wait for lines; return some, and how many dropped lines they report.

        None after `close`, when the queue is empty.
        """
        with self._changed:
            if not self._waiting and self._unreported:
                return self._recovered(self._unreported), self._unreported
            while not self._waiting:
                if self._ending:
                    return None
                self._changed.wait()
            taken = [self._waiting.popleft()]
            size = len(taken[0])
            while self._waiting and size + len(self._waiting[0]) <= MAX_WRITE:
                taken.append(self._waiting.popleft())
                size += len(taken[-1])
            self._bytes -= size
            return b"".join(taken), 0

    def _write_out(self, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                time.sleep(RETRY_SECONDS)
