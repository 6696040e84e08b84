"""Every question is timed in every round, slow engines are asked fewer, and sums are right."""

import itertools
import time

import numpy as np
import pytest

from benchmarks.result import BINS
from benchmarks.timing import FEWEST, PILOT, Runner, interleaved, once, timing_of


def test_engines_take_turns_and_are_asked_everything() -> None:
    asked: list[tuple[str, int]] = []

    def runner(name: str) -> Runner:
        return Runner(lambda number: asked.append((name, number)) or True, range(60))  # type: ignore[func-returns-value]

    first, second = interleaved([runner("a"), runner("b")], rounds=3, seconds=60.0)
    assert (first.queries, first.rounds, second.queries) == (60, 3, 60)
    rounds = [[(name, number) for number in range(60)] for name in "ababab"]
    assert asked[-360:] == [one for turn in rounds for one in turn]
    # A pilot and a round that does not count come before.
    assert len(asked) == 360 + 120 + 2 * PILOT


def test_a_slow_engine_is_asked_fewer_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=1_000)
    monkeypatch.setattr(time, "perf_counter_ns", clock.__next__)

    def slow(_: int) -> bool:
        for _ in range(999):
            next(clock)
        return True

    runners = [Runner(lambda _: True, range(400)), Runner(slow, range(400))]
    quick, late = interleaved(runners, rounds=2, seconds=0.12)
    assert (quick.queries, quick.p50_us) == (400, 1.0)
    assert (late.queries, late.p50_us) == (40, 1_000.0)
    assert interleaved(runners, rounds=2, seconds=0.01)[1].queries == FEWEST


def test_once_asks_nothing_twice_of_the_first_engine() -> None:
    asked: list[int] = []
    (timing,) = once([_noting(asked)], rounds=3, seconds=9.0)
    assert asked == list(range(31))[:30]
    assert (timing.queries, timing.rounds) == (10, 3)


def _noting(asked: list[int]) -> Runner:
    return Runner(lambda number: asked.append(number) or True, range(31))  # type: ignore[func-returns-value]


def test_once_prepares_each_query_of_others_untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=1_000)
    monkeypatch.setattr(time, "perf_counter_ns", clock.__next__)
    done: list[tuple[str, int]] = []

    def prepare(number: int) -> None:
        done.append(("prepare", number))
        for _ in range(50):
            next(clock)

    def ask(number: int) -> bool:
        done.append(("ask", number))
        return True

    mine: list[int] = []
    other = Runner(ask, range(90), prepare)
    own = Runner(lambda number: mine.append(number) or True, range(90))  # type: ignore[func-returns-value]
    first, second = once([own, other], rounds=3, seconds=60.0)
    assert mine == list(range(90))
    assert (first.queries, second.queries, second.p50_us) == (30, 30, 1.0)
    # Two pilots of the last queries, then the same parts.
    numbers = [*range(82, 90), *range(82, 90), *range(90)]
    assert done == [(what, number) for number in numbers for what in ("prepare", "ask")]


def test_sums_of_timings() -> None:
    spent = np.array([[1_000, 2_000, 3_000], [10_000, 20_000, 30_000], [2_000, 4_000, 90_000]])
    timing = timing_of(spent)
    assert timing.round_p50_us == [2.0, 20.0, 4.0]
    assert timing.p50_us == 4.0
    assert timing.spread == pytest.approx(18 / 4)
    assert timing.p90_us < timing.p99_us <= 90.0
    assert len(timing.histogram) == BINS
    assert sum(timing.histogram) == 9
    # 1 us is a decade above the first bin's edge, 10 us two.
    assert timing.histogram[10] == 1
    assert timing.histogram[20] == 1


def test_odd_timings_fall_into_the_last_bins() -> None:
    histogram = timing_of(np.array([[0, 10**13]])).histogram
    assert (histogram[0], histogram[-1]) == (1, 1)
