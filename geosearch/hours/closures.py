"""Closures: spans in which a place is closed whatever its hours say, such as "closed today"."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from geosearch.hours.instants import read_instant
from geosearch.hours.schedules import Horizon
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN

Schedule = tuple[NDArray[np.uint16], NDArray[np.uint8]]
"""Minutes at which a state begins, and the states; as from `schedules.evaluate`."""

_MINUTE = timedelta(minutes=1)


def closed_minutes(begin: datetime, end: datetime, horizon: Horizon) -> tuple[int, int]:
    """Return the minutes of a horizon that a closure touches: the first, and the one after them.

    Both are the same if it touches none. A minute that is closed in part counts as closed.

    Examples
    --------
    >>> from datetime import UTC
    >>> horizon = Horizon(datetime(2026, 11, 1, tzinfo=UTC))
    >>> closed_minutes(datetime(2026, 11, 1, 0, 5, 30, tzinfo=UTC),
    ...                datetime(2026, 11, 1, 0, 7, 1, tzinfo=UTC), horizon)
    (5, 8)
    """
    first = max((begin - horizon.start) // _MINUTE, 0)
    after = min(-((horizon.start - end) // _MINUTE), horizon.minutes)
    return first, max(first, after)


def closure_spans(closures: Iterable[Mapping[str, str]], horizon: Horizon) -> list[tuple[int, int]]:
    """Return the minutes of a horizon that each closure of a merchant touches, if any."""
    spans = [
        closed_minutes(read_instant(one["from"]), read_instant(one["until"]), horizon)
        for one in closures
    ]
    return [span for span in spans if span[0] < span[1]]


def open_except(spans: Iterable[tuple[int, int]]) -> Schedule:
    """Return the schedule that is open except in spans of minutes (first, after the last).

    Examples
    --------
    >>> minutes, states = open_except([(30, 60), (40, 90), (0, 5)])
    >>> minutes.tolist(), states.tolist()
    ([0, 5, 30, 90], [0, 1, 0, 1])
    """
    minutes, states, closed_to = [0], [OPEN], 0
    for first, after in sorted(span for span in spans if span[0] < span[1]):
        if after <= closed_to:
            continue
        if first > closed_to:
            minutes.append(first)
            states.append(CLOSED)
        elif closed_to == 0:
            states[0] = CLOSED
        else:
            minutes.pop()
            states.pop()
        minutes.append(after)
        states.append(OPEN)
        closed_to = after
    if minutes[-1] >= HORIZON_MINUTES:
        minutes.pop()
        states.pop()
    return np.array(minutes, np.uint16), np.array(states, np.uint8)


def closed_where(schedule: Schedule, other: Schedule) -> Schedule:
    """Return a schedule that is closed wherever another one is, and elsewhere as it was.

    Examples
    --------
    >>> minutes, states = closed_where(
    ...     (np.array([0, 10], np.uint16), np.array([2, 1], np.uint8)), open_except([(5, 20)])
    ... )
    >>> minutes.tolist(), states.tolist()
    ([0, 5, 20], [2, 0, 1])
    """
    (minutes, states), (others, closing) = schedule, other
    every = np.union1d(minutes, others)
    was = states[np.searchsorted(minutes, every, side="right") - 1]
    closes = closing[np.searchsorted(others, every, side="right") - 1] == CLOSED
    found = np.where(closes, np.uint8(CLOSED), was)
    changes = np.concatenate([[True], found[1:] != found[:-1]])
    return every[changes].astype(np.uint16), found[changes]
