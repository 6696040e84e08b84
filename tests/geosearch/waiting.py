"""Waits of tests: for what happens, not for a time, since a test machine may be busy."""

import time
from collections.abc import Callable

PATIENCE_S = 240.0
"""After so many seconds nothing comes any more; the first start compiles the kernels."""


def until(happened: Callable[[], bool], said: Callable[[], object] = str) -> None:
    """Wait until something has happened; fail with what `said` returns where it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain: {said()}"
        time.sleep(0.005)
