"""Timing of queries: rounds over several engines in turn, and their statistics.

`builds` and `http_load` time processes and servers.

Engines alternate, a round each, so a temporary disturbance of the machine affects all of them.
Python's garbage collector is off during a round.
"""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.result import BINS, BINS_PER_DECADE, Timing

PILOT = 8
FEWEST = 25
"""Least number of queries of an engine in a round, even for a slow engine."""


class Runner(NamedTuple):
    """A function that queries an engine, and its queries."""

    ask: Callable[[Any], Any]
    asked: Sequence[Any]


def interleaved(runners: Sequence[Runner], *, rounds: int, seconds: float) -> list[Timing]:
    """Return the timings of runners, measured in turn.

    Parameters
    ----------
    seconds
        Time limit of a runner for all rounds; a slow one gets fewer queries, at least `FEWEST`.
    """
    chosen = [runner.asked[: _affordable(runner, rounds, seconds)] for runner in runners]
    taken = [np.zeros((rounds, len(asked)), np.int64) for asked in chosen]
    for runner, asked in zip(runners, chosen, strict=True):
        _timed(runner.ask, asked)
    for turn in range(rounds):
        for runner, asked, spent in zip(runners, chosen, taken, strict=True):
            spent[turn] = _timed(runner.ask, asked)
    return [timing_of(spent) for spent in taken]


def once(runner: Runner, *, rounds: int) -> Timing:
    """Return the timings of queries that are asked only once, in `rounds` equal parts."""
    size = len(runner.asked) // rounds
    parts = [runner.asked[turn * size : (turn + 1) * size] for turn in range(rounds)]
    return timing_of(np.stack([_timed(runner.ask, part) for part in parts]))


def _affordable(runner: Runner, rounds: int, seconds: float) -> int:
    spent = float(np.median(_timed(runner.ask, runner.asked[:PILOT]))) / 1e9
    return min(len(runner.asked), max(FEWEST, int(seconds / (rounds + 1) / spent)))


def _timed(ask: Callable[[Any], Any], asked: Sequence[Any]) -> NDArray[np.int64]:
    """Return the nanoseconds of each query."""
    clock = time.perf_counter_ns
    spent = np.empty(len(asked), np.int64)
    sink = 0
    gc.collect()
    gc.disable()
    try:
        for number, question in enumerate(asked):
            begin = clock()
            answer = ask(question)
            spent[number] = clock() - begin
            sink += answer is not None
    finally:
        gc.enable()
    assert sink == len(asked)
    return spent


def timing_of(spent: NDArray[np.int64]) -> Timing:
    """Return the statistics of nanoseconds int64[rounds, queries]."""
    us = spent / 1_000.0
    by_round = np.median(us, axis=1)
    p90, p99, p999 = np.percentile(us, (90, 99, 99.9))
    bins = np.floor((np.log10(np.maximum(us, 1e-3)) + 1.0) * BINS_PER_DECADE).astype(np.int64)
    return Timing(
        queries=us.shape[1],
        rounds=us.shape[0],
        p50_us=_rounded(np.median(by_round)),
        p90_us=_rounded(p90),
        p99_us=_rounded(p99),
        p999_us=_rounded(p999),
        round_p50_us=[_rounded(value) for value in by_round],
        histogram=np.bincount(np.clip(bins, 0, BINS - 1).ravel(), minlength=BINS).tolist(),
    )


def _rounded(value: Any) -> float:
    return round(float(value), 2)
