"""`indexes.timetable` against a list with one state per minute, which needs no search."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes import timetable
from indexes.timetable import (
    ALWAYS,
    CLOSED,
    HORIZON_MINUTES,
    NEVER,
    OPEN,
    UNKNOWN,
    UNKNOWN_SCHEDULE,
    Timetable,
    TimetableBuilder,
)

Schedule = tuple[list[int], list[int]]

LAST: Final = HORIZON_MINUTES - 1


def states_by_minute(schedule: Schedule) -> list[int]:
    """Slow twin: the state of each minute, written out."""
    minutes, states = schedule
    written: list[int] = []
    for begin, end, state in zip(minutes, [*minutes[1:], HORIZON_MINUTES], states, strict=True):
        written.extend([state] * (end - begin))
    return written


def first_minute(written: list[int], minute: int, wanted: set[int]) -> int:
    """Slow twin: first minute at or after `minute` with a wanted state."""
    for later in range(minute, HORIZON_MINUTES):
        if written[later] in wanted:
            return later
    return HORIZON_MINUTES


# Trouble lies next to the ends of the horizon, of hours, of days and of the week.
edges = st.sampled_from(
    [1, 2, 59, 60, 61, 1439, 1440, 1441, 10_079, 10_080, 10_081, LAST - 1, LAST]
)
minutes_of_horizon = st.one_of(edges, st.integers(1, LAST))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    later = draw(st.lists(minutes_of_horizon, max_size=12, unique=True))
    minutes = [0, *sorted(later)]
    states = [draw(st.integers(0, 2))]
    for _ in later:
        states.append((states[-1] + draw(st.integers(1, 2))) % 3)
    return minutes, states


def columns_of(all_schedules: list[Schedule]) -> tuple[timetable.Schedules, list[int]]:
    builder = TimetableBuilder()
    ids = [builder.add(minutes, states) for minutes, states in all_schedules]
    table = builder.build()
    return table.schedules, ids


def asked_minutes(schedule: Schedule, more: list[int]) -> list[int]:
    """Every change, one minute either side, the ends, and `more`."""
    near = {minute + step for minute in schedule[0] for step in (-1, 0, 1)}
    return sorted({minute for minute in near | {0, LAST, *more} if 0 <= minute <= LAST})


@settings(max_examples=150)
@given(st.lists(schedules(), min_size=1, max_size=4), st.lists(minutes_of_horizon, max_size=5))
def test_every_look_up_equals_the_written_out_minutes(
    all_schedules: list[Schedule], more: list[int]
) -> None:
    columns, ids = columns_of(all_schedules)
    compared = 0
    for schedule_id, schedule in zip(ids, all_schedules, strict=True):
        written = states_by_minute(schedule)
        for minute in asked_minutes(schedule, more):
            state = written[minute]
            others = {CLOSED, OPEN, UNKNOWN} - {state}
            asked = (columns, schedule_id, minute)
            assert timetable.state_at(*asked) == state
            assert timetable.next_change(*asked) == first_minute(written, minute, others)
            assert timetable.next_open(*asked) == first_minute(written, minute, {OPEN})
            assert timetable.open_until(*asked, False) == first_minute(
                written, minute, {CLOSED, UNKNOWN}
            )
            assert timetable.open_until(*asked, True) == first_minute(written, minute, {CLOSED})
            change = timetable.find_change(columns, schedule_id, minute)
            assert columns.minute[change] == max(m for m in schedule[0] if m <= minute)
            compared += 1
    assert compared >= 2 * len(all_schedules)


@settings(max_examples=60)
@given(schedules(), st.integers(0, 167))
def test_hour_masks_equal_the_written_out_minutes(schedule: Schedule, start_hour: int) -> None:
    builder = TimetableBuilder()
    schedule_id = builder.add(*schedule)
    is_open, maybe_open = builder.build().hour_masks(start_hour)
    written = states_by_minute(schedule)
    for masks, wanted in ((is_open, {OPEN}), (maybe_open, {OPEN, UNKNOWN})):
        assert masks.dtype == np.uint64
        assert masks.shape[1] == 3
        expected = {
            (minute // 60 + start_hour) % 168
            for minute in range(HORIZON_MINUTES)
            if written[minute] in wanted
        }
        words = [int(word) for word in masks[schedule_id]]
        assert {hour for hour in range(192) if words[hour // 64] >> hour % 64 & 1} == expected


def test_the_generator_makes_trouble() -> None:
    """Schedules of one change, changes at the last minute and unknown states do come up."""
    seen: set[str] = set()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(schedules())
    def look(schedule: Schedule) -> None:
        minutes, states = schedule
        seen.update(["single"] * (len(minutes) == 1))
        seen.update(["last minute"] * (minutes[-1] == LAST))
        seen.update(["one minute long"] * any(np.diff(minutes) == 1))
        seen.update(["open into unknown"] * any(np.diff(states) == UNKNOWN - OPEN))

    look()
    assert seen == {"single", "last minute", "one minute long", "open into unknown"}


def test_the_first_three_schedules_are_fixed() -> None:
    table = TimetableBuilder().build()
    columns = table.schedules
    for schedule, state in ((UNKNOWN_SCHEDULE, UNKNOWN), (NEVER, CLOSED), (ALWAYS, OPEN)):
        for minute in (0, LAST):
            assert timetable.state_at(columns, schedule, minute) == state
            assert timetable.next_change(columns, schedule, minute) == HORIZON_MINUTES
    assert timetable.open_until(columns, ALWAYS, 5, False) == HORIZON_MINUTES
    assert timetable.open_until(columns, UNKNOWN_SCHEDULE, 5, True) == HORIZON_MINUTES
    assert timetable.open_until(columns, UNKNOWN_SCHEDULE, 5, False) == 5
    assert timetable.next_open(columns, NEVER, 5) == HORIZON_MINUTES
    is_open, maybe_open = table.hour_masks(17)
    assert [sum(int(word).bit_count() for word in row) for row in is_open] == [0, 0, 168]
    assert [sum(int(word).bit_count() for word in row) for row in maybe_open] == [168, 0, 168]


def test_equal_schedules_are_kept_once() -> None:
    builder = TimetableBuilder()
    first = builder.add([0, 60], [CLOSED, OPEN])
    other = builder.add([0, 60], [UNKNOWN, OPEN])
    again = builder.add(np.array([0, 60], np.uint16), np.array([CLOSED, OPEN], np.uint8))
    assert (first, other, again) == (3, 4, 3)
    table = builder.build()
    assert len(table) == 5
    minutes, states = table.changes(other)
    assert (minutes.tolist(), states.tolist()) == ([0, 60], [UNKNOWN, OPEN])


@pytest.mark.parametrize(
    ("minutes", "states", "said"),
    [
        ([], [], "at least one"),
        ([0, 5], [OPEN], "as many minutes as states"),
        ([1], [OPEN], "begin at 0"),
        ([0, 5, 5], [OPEN, CLOSED, OPEN], "ascend"),
        ([0, 9, 5], [OPEN, CLOSED, OPEN], "ascend"),
        ([0, HORIZON_MINUTES], [OPEN, CLOSED], "below 64800"),
        ([0, 70_000], [OPEN, CLOSED], "below 64800"),
        ([0, 5], [OPEN, OPEN], "unlike the one before"),
        ([0], [3], "states 0, 1 or 2"),
        ([0], [-1], "states 0, 1 or 2"),
    ],
)
def test_a_malformed_schedule_is_refused(minutes: list[int], states: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TimetableBuilder().add(minutes, states)


def test_columns_that_do_not_fit_are_refused() -> None:
    starts = np.array([0, 1], np.uint32)
    minutes, states = np.zeros(1, np.uint16), np.zeros(1, np.uint8)
    with pytest.raises(ValueError, match="`schedule_start`"):
        Timetable(starts.astype(np.int64), minutes, states)
    with pytest.raises(ValueError, match="`change_state`"):
        Timetable(starts, minutes, np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match="`schedule_start`"):
        Timetable(np.array([0, 2], np.uint32), minutes, states)
    with pytest.raises(ValueError, match="start_hour_of_week"):
        Timetable(starts, minutes, states).hour_masks(168)
