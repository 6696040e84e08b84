"""Closures: every minute that one touches is closed, every other one as it was."""

from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest

from geosearch.hours.closures import closed_minutes, closed_where, closure_spans, open_except
from geosearch.hours.schedules import Horizon
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, UNKNOWN

START = datetime(2026, 11, 21, tzinfo=UTC)
HORIZON = Horizon(START)


@pytest.mark.parametrize(
    ("begin_s", "end_s", "minutes"),
    [
        (0, 60, (0, 1)),
        (0, 1, (0, 1)),
        (59, 61, (0, 2)),
        (60, 120, (1, 2)),
        (90, 90.5, (1, 2)),
        (-600, 0, (0, 0)),
        (-600, 30, (0, 1)),
        (-600, -60, (0, 0)),
        (HORIZON_MINUTES * 60 - 1, HORIZON_MINUTES * 60 + 9, (64_799, 64_800)),
        (HORIZON_MINUTES * 60, HORIZON_MINUTES * 60 + 9, (64_800, 64_800)),
        (-1e6, 1e9, (0, 64_800)),
    ],
)
def test_a_minute_that_is_closed_in_part_is_closed(
    begin_s: float, end_s: float, minutes: tuple[int, int]
) -> None:
    begin, end = (START + timedelta(seconds=seconds) for seconds in (begin_s, end_s))
    assert closed_minutes(begin, end, HORIZON) == minutes
    closure = {"from": begin.isoformat(), "until": end.isoformat()}
    assert closure_spans([closure], HORIZON) == ([minutes] if minutes[0] < minutes[1] else [])


def states(schedule: tuple[np.ndarray, np.ndarray], length: int) -> np.ndarray:
    """State of each minute; also checks the form of a schedule."""
    minutes, found = schedule
    assert minutes.dtype == np.uint16
    assert found.dtype == np.uint8
    assert minutes[0] == 0
    assert (np.diff(minutes.astype(int)) > 0).all()
    assert (np.diff(found.astype(int)) != 0).all()
    return np.repeat(found, np.diff([*minutes.tolist(), length]))


def test_spans_and_schedules_against_every_minute() -> None:
    rng, compared = Random(3), 0
    for _ in range(2_000):
        spans = [
            tuple(sorted((rng.randint(0, 30), rng.randint(0, 30))))
            for _ in range(rng.randint(0, 5))
        ]
        closes = np.zeros(30, np.bool_)
        for first, after in spans:
            closes[first:after] = True
        other = open_except(spans)  # type: ignore[arg-type]
        other = tuple(part[: np.searchsorted(other[0], 30)] for part in other)  # type: ignore[assignment]
        assert (states(other, 30) == np.where(closes, CLOSED, OPEN)).all()
        at = sorted({0, *(rng.randint(1, 29) for _ in range(rng.randint(0, 5)))})
        was = [rng.choice((CLOSED, OPEN, UNKNOWN))]
        while len(was) < len(at):
            was.append(rng.choice([one for one in (CLOSED, OPEN, UNKNOWN) if one != was[-1]]))
        schedule = np.array(at, np.uint16), np.array(was, np.uint8)
        found = closed_where(schedule, other)
        assert (states(found, 30) == np.where(closes, CLOSED, states(schedule, 30))).all()
        compared += int(closes.any())
    assert compared > 500


def test_a_closure_up_to_the_end_of_the_horizon() -> None:
    minutes, found = open_except([(0, HORIZON_MINUTES)])
    assert (minutes.tolist(), found.tolist()) == ([0], [CLOSED])
    minutes, found = open_except([(5, HORIZON_MINUTES)])
    assert (minutes.tolist(), found.tolist()) == ([0, 5], [OPEN, CLOSED])
