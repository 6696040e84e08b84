"""Lines on their way to a file descriptor, written by a thread, so that its reader stops nobody.

Useful for: `logs`, whose lines are written by the event loop.
Not useful for: anything that must not be lost: what finds no room is counted and dropped.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable

MAX_BYTES = 4 * 1_048_576
"""Bytes that may wait for a slow reader; a request is a line of some 200."""

MAX_WRITE = 65_536
"""Bytes that are written at once; as much as a pipe holds."""

RETRY_SECONDS = 0.05
"""How long after a failure writing is tried again."""


class LineQueue:
    """A stream for whole lines; writing to it never waits.

    Parameters
    ----------
    descriptor
        Where the lines go.
    recovered
        Makes the line that says how many were dropped; it is written when there is room again.
    max_bytes
        Bytes that may wait.
    """

    def __init__(
        self, descriptor: int, recovered: Callable[[int], bytes], max_bytes: int = MAX_BYTES
    ) -> None:
        self._descriptor = descriptor
        self._recovered = recovered
        self._max_bytes = max_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._untold = 0
        self._ending = False
        self._changed = threading.Condition()
        self.dropped = 0
        self._thread = threading.Thread(target=self._work, name="write-log", daemon=True)
        self._thread.start()

    def write(self, lines: bytes) -> int:
        """Let whole lines be written, or drop them."""
        with self._changed:
            if self._bytes + len(lines) > self._max_bytes:
                self._drop(lines)
            else:
                self._waiting.append(lines)
                self._bytes += len(lines)
                self._changed.notify()
        return len(lines)

    def flush(self) -> None:
        """Do nothing: lines are on their way already."""

    def close(self, seconds: float) -> None:
        """Write what waits, as far as that goes in `seconds`."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(seconds)

    def _drop(self, lines: bytes) -> None:
        number = lines.count(b"\n")
        self.dropped += number
        self._untold += number

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            lines, told = taken
            try:
                self._write_out(lines)
            except OSError:
                # Nobody reads any more, or a disk is full: the next lines may find it better.
                with self._changed:
                    if not told:
                        self._drop(lines)
                time.sleep(RETRY_SECONDS)
            else:
                with self._changed:
                    self._untold -= told

    def _next(self) -> tuple[bytes, int] | None:
        """Wait for lines, and return some and how many dropped ones they tell of.

        None where no more come.
        """
        with self._changed:
            if not self._waiting and self._untold:
                return self._recovered(self._untold), self._untold
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
