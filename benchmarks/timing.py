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
PREPARING = 3
"""How many times as long an engine may prepare queries as answer them."""


class Runner(NamedTuple):
    """A function that queries an engine, and its queries; `prepare` runs untimed before each."""

    ask: Callable[[Any], Any]
    asked: Sequence[Any]
    prepare: Callable[[Any], None] | None = None


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


def once(runners: Sequence[Runner], *, rounds: int, seconds: float) -> list[Timing]:
    """Return the timings of queries that are asked only once, in `rounds` equal parts.

    The first runner is asked all queries, and no query before it is timed. The others, which keep
    nothing of a query, get fewer in each part, as in `interleaved`, and are warmed up with the last
    queries.
    """
    size = len(runners[0].asked) // rounds
    counts = [size, *(min(size, _affordable_once(one, rounds, seconds)) for one in runners[1:])]
    taken = [np.zeros((rounds, count), np.int64) for count in counts]
    for turn in range(rounds):
        for runner, spent in zip(runners, taken, strict=True):
            begin = turn * size
            part = runner.asked[begin : begin + spent.shape[1]]
            spent[turn] = _timed(runner.ask, part, runner.prepare)
    return [timing_of(spent) for spent in taken]


def _affordable_once(runner: Runner, rounds: int, seconds: float) -> int:
    last = runner.asked[-PILOT:]
    _timed(runner.ask, last, runner.prepare)
    begin = time.perf_counter()
    asking = float(_timed(runner.ask, last, runner.prepare).sum()) / 1e9
    preparing = time.perf_counter() - begin - asking
    spent = (asking + preparing / PREPARING) / len(last)
    return max(FEWEST, int(seconds / rounds / spent))


def _affordable(runner: Runner, rounds: int, seconds: float) -> int:
    spent = float(np.median(_timed(runner.ask, runner.asked[:PILOT]))) / 1e9
    return min(len(runner.asked), max(FEWEST, int(seconds / (rounds + 1) / spent)))


def _timed(
    ask: Callable[[Any], Any], asked: Sequence[Any], prepare: Callable[[Any], None] | None = None
) -> NDArray[np.int64]:
    """Return the nanoseconds of each query."""
    clock = time.perf_counter_ns
    spent = np.empty(len(asked), np.int64)
    sink = 0
    gc.collect()
    gc.disable()
    try:
        for number, question in enumerate(asked):
            if prepare is not None:
                prepare(question)
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
