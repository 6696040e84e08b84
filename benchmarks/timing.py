"""How long questions take: rounds over several engines in turn, and what is kept of the timings.

Useful for: `suite`.
Not useful for: processes and servers; `builds` and `http_load` time those.

Engines are asked in turn, a round each, so that what disturbs the machine for a while disturbs all
of them. The collector of Python's garbage is off while a round is timed.
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
"""Questions of an engine in a round, however slow it is."""


class Runner(NamedTuple):
    """An engine's way to be asked, and what it is asked."""

    ask: Callable[[Any], Any]
    asked: Sequence[Any]


def interleaved(runners: Sequence[Runner], *, rounds: int, seconds: float) -> list[Timing]:
    """Timings of runners, asked in turn.

    Parameters
    ----------
    seconds
        What a runner may take for all rounds; one that is slow is asked fewer of its questions,
        but `FEWEST`.
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
    """Timings of questions that are asked once each, none before: in `rounds` equal parts."""
    size = len(runner.asked) // rounds
    parts = [runner.asked[turn * size : (turn + 1) * size] for turn in range(rounds)]
    return timing_of(np.stack([_timed(runner.ask, part) for part in parts]))


def _affordable(runner: Runner, rounds: int, seconds: float) -> int:
    spent = float(np.median(_timed(runner.ask, runner.asked[:PILOT]))) / 1e9
    return min(len(runner.asked), max(FEWEST, int(seconds / (rounds + 1) / spent)))


def _timed(ask: Callable[[Any], Any], asked: Sequence[Any]) -> NDArray[np.int64]:
    """Nanoseconds of each question."""
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
    """What is kept of nanoseconds int64[rounds, questions]."""
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
