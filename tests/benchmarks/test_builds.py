"""A toy build is timed in a process of its own."""

import numpy as np
import pytest

from benchmarks.builds import run, timed


def test_a_build_is_measured() -> None:
    found = run(1_500)
    assert 1_400 <= found.merchants <= 1_500
    assert found.deals > 0
    assert found.seconds > 0
    assert found.peak_rss_gb > 0.05
    assert 50 < found.text_bytes_per_merchant < 2_000


def test_memory_of_the_caller_does_not_count() -> None:
    held = np.ones(1 << 26)
    _, peak = timed(["--help"])
    assert peak < held.nbytes / 1e9


def test_a_command_that_fails_ends_the_run() -> None:
    with pytest.raises(RuntimeError, match="Expected status 0, got 2"):
        timed(["synth"])
