"""The byte of a schedule at a minute says what the written hours say, and is found once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geosearch.kernel import states
from geosearch.kernel.criteria import Criteria, Hours
from geosearch.kernel.states import (
    IS_FOUND,
    IS_OPEN,
    MAY_BE_OPEN,
    MAY_STAY_OPEN,
    STAYS_OPEN,
    StateTables,
    state_of,
)
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search.segment_view import SegmentView
from geosearch.segment.columns import Columns
from geosearch.segment.segment import Segment
from indexes.jit import njit
from indexes.timetable import HORIZON_MINUTES, OPEN, UNKNOWN
from tests.geosearch.number_worlds import CENTRE, NOON, START, Shape, open_world
from tests.geosearch.planning import planned


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    return open_world(tmp_path_factory.mktemp("states") / "segment-0000", Shape(docs=2_000, seed=3))


@njit
def look_up(columns: Columns, criteria: Criteria, out: NDArray[np.int64]) -> None:
    for schedule in range(out.shape[0]):
        out[schedule] = state_of(columns, criteria, schedule)


def expected_state(columns: Columns, schedule: int, minute: int, until: int) -> int:
    """By a walk over every minute: no bisection, no code of the product."""
    first, end = columns.schedule_start[schedule : schedule + 2].tolist()
    at = columns.change_minute[first:end].tolist()
    what = columns.change_state[first:end].tolist()
    by_minute: list[int] = []
    for begin, stop, state in zip(at, [*at[1:], HORIZON_MINUTES], what, strict=True):
        by_minute += [state] * (stop - begin)
    now, span = by_minute[minute], by_minute[minute : max(until, minute + 1)]
    return (
        IS_FOUND
        | IS_OPEN * (now == OPEN)
        | MAY_BE_OPEN * (now in (OPEN, UNKNOWN))
        | STAYS_OPEN * all(state == OPEN for state in span)
        | MAY_STAY_OPEN * all(state in (OPEN, UNKNOWN) for state in span)
    )


def criteria_at(segment: Segment, minute: int, left: int) -> Criteria:
    planner = SegmentView(segment, START, Weights()).planner
    query = Query(
        lat=CENTRE[0], lng=CENTRE[1], at=START + timedelta(minutes=minute), open="now",
        min_minutes_left=left,
    )  # fmt: skip
    return planned(planner, query).criteria


def test_every_schedule_at_many_minutes(segment: Segment) -> None:
    columns, rng = segment.columns, Random(5)
    schedules = len(columns.schedule_start) - 1
    assert schedules > 5
    found, seen = np.zeros(schedules, np.int64), set()
    changes = sorted({int(minute) for minute in columns.change_minute})
    for number in range(120):
        # The minutes at which something changes, the ones before, and others.
        minute = rng.choice(changes) - number % 2 if number % 3 else rng.randrange(HORIZON_MINUTES)
        minute, left = max(minute, 0), rng.choice((0, 0, 1, 30, 600, 10_080))
        criteria = criteria_at(segment, minute, left)
        assert not criteria.states.any(), "a new minute has a new table"
        for _ in range(2):
            look_up(columns, criteria, found)
            until = criteria.hours.until_minute
            right = [expected_state(columns, one, minute, until) for one in range(schedules)]
            assert found.tolist() == criteria.states.tolist() == right, (minute, left)
        seen |= set(right)
    assert len(seen) >= 4


def test_a_table_is_shared_by_all_queries_of_a_minute(segment: Segment) -> None:
    planner = SegmentView(segment, START, Weights()).planner
    here: dict[str, Any] = {"lat": CENTRE[0], "lng": CENTRE[1], "at": NOON}
    first = planned(planner, Query(**here, open="now")).criteria
    for same in ({}, {"cards": ("card1",)}, {"sort": "saving"}, {"hours_unknown": "include"}):
        query = Query(**{**here, "open": "now", **same})
        assert planned(planner, query).criteria.states is first.states
    for other in ({"at": NOON + timedelta(minutes=1)}, {"min_minutes_left": 30}):
        query = Query(**{**here, "open": "now", **other})
        assert planned(planner, query).criteria.states is not first.states


def test_old_minutes_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "STATES_BYTES", 10_000)
    tables = StateTables(1_000)
    first = tables.at(Hours(0, -1, 0, 0, 1))
    assert tables.at(Hours(0, -1, 0, 0, 2)) is first
    for minute in range(1, 40):
        assert len(tables.at(Hours(minute, -1, 0, 0, 1))) == 1_000
    assert tables._tables.bytes <= 10_000
    assert tables.at(Hours(0, -1, 0, 0, 1)) is not first


def test_many_threads_fill_one_table(segment: Segment) -> None:
    view = SegmentView(segment, START, Weights())
    asked = [
        Query(lat=CENTRE[0], lng=CENTRE[1] + 0.001 * step, at=NOON, open="now", cards=("card1",))
        for step in range(-50, 50)
    ]
    plans = [planned(view.planner, query) for query in asked]
    assert len({id(one.criteria.states) for one in plans}) == 1
    alone = [
        one._replace(criteria=one.criteria._replace(states=np.zeros_like(one.criteria.states)))
        for one in plans
    ]
    right = [view.rank(one, explain=False)[0].tolist() for one in alone]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda one: view.rank(one, explain=False)[0].tolist(), plans)
        assert list(found) == right


def test_a_state_is_not_found_again(segment: Segment, tmp_path: Path) -> None:
    """A table that says otherwise is believed: nothing bisects a second time."""
    criteria = criteria_at(segment, 5_000, 0)
    found = np.zeros(len(criteria.states), np.int64)
    criteria.states[:] = IS_FOUND
    look_up(segment.columns, criteria, found)
    assert set(found.tolist()) == {IS_FOUND}
