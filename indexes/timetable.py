"""Interned schedules over a fixed horizon: state at a minute, next change, hours of the week.

Useful for: the state (closed, open, unknown) of a schedule at a minute, the next change, the next
opening, the end of an opening, and 168-bit masks of the hours of the week for pruning.
Not useful for: opening_hours text, time zones, dates; `geosearch.hours` turns those into schedules.

A schedule is a list of changes of state in minutes since the horizon's start. Three columns hold
all schedules:

- ``schedule_start`` uint32[n + 1]: schedule ``i`` is the slice ``start[i]:start[i + 1]`` of the
  other columns;
- ``change_minute`` uint16[m]: minutes at which a state begins, 0 first, then strictly ascending;
- ``change_state`` uint8[m]: the state that begins there; neighbours differ.

So every minute of the horizon has exactly one state: that of the last change at or before it. Usual
shop hours have 90 changes, 270 bytes, and a look-up takes seven steps of a binary search.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from indexes.arrays import U8, U16, U32, U64Matrix, check_array
from indexes.bisection import first_at_least
from indexes.jit import inline_njit, int64, njit

CLOSED: Final = 0
OPEN: Final = 1
UNKNOWN: Final = 2

HORIZON_MINUTES: Final = 64_800
"""45 days of 1440 minutes, the most whole days that 16 bits can number."""

UNKNOWN_SCHEDULE: Final = 0
"""Id of the schedule that is always unknown."""
NEVER: Final = 1
"""Id of the schedule that is always closed."""
ALWAYS: Final = 2
"""Id of the schedule that is always open."""

HOURS_OF_WEEK: Final = 168

Minutes = U16
States = U8
Starts = U32
Masks = U64Matrix


class Schedules(NamedTuple):
    """The three columns of the module in one value."""

    start: Starts
    minute: Minutes
    state: States


@inline_njit
def find_change(schedules: Schedules, schedule: int, minute: int) -> int:
    """Index into `Schedules.minute` of the last change of `schedule` at or before `minute`.

    The caller checks that `minute` is in [0, HORIZON_MINUTES) and `schedule` in [0, n).
    """
    # The first change is at minute 0, so it is never later than `minute`.
    second = int64(schedules.start[schedule]) + 1
    end = int64(schedules.start[schedule + 1])
    return first_at_least(schedules.minute, second, end, minute + 1) - 1


@inline_njit
def state_at(schedules: Schedules, schedule: int, minute: int) -> int:
    """State of `schedule` at `minute`: `CLOSED`, `OPEN` or `UNKNOWN`."""
    change = find_change(schedules, schedule, minute)
    return int(np.int64(schedules.state[change]))


@inline_njit
def next_change(schedules: Schedules, schedule: int, minute: int) -> int:
    """First minute after `minute` with another state; `HORIZON_MINUTES` if there is none."""
    following = find_change(schedules, schedule, minute) + 1
    if following == schedules.start[schedule + 1]:
        return HORIZON_MINUTES
    return int(np.int64(schedules.minute[following]))


@njit
def open_until(schedules: Schedules, schedule: int, minute: int, include_unknown: bool) -> int:
    """First minute at or after `minute` at which `schedule` is not open.

    Parameters
    ----------
    include_unknown
        Count unknown as open.

    Returns
    -------
    int
        `minute` if the schedule is not open then; `HORIZON_MINUTES` if it stays open.
    """
    end = np.int64(schedules.start[schedule + 1])
    change = np.int64(find_change(schedules, schedule, minute))
    until = np.int64(minute)
    while change < end:
        state = schedules.state[change]
        if not (state == OPEN or (include_unknown and state == UNKNOWN)):
            return int(until)
        change += 1
        until = np.int64(schedules.minute[change]) if change < end else np.int64(HORIZON_MINUTES)
    return int(until)


@njit
def next_open(schedules: Schedules, schedule: int, minute: int) -> int:
    """First minute at or after `minute` at which `schedule` is open; `HORIZON_MINUTES` if none.

    Unknown does not count as open.
    """
    end = np.int64(schedules.start[schedule + 1])
    change = np.int64(find_change(schedules, schedule, minute))
    if schedules.state[change] == OPEN:
        return minute
    for later in range(change + 1, end):
        if schedules.state[later] == OPEN:
            return int(np.int64(schedules.minute[later]))
    return HORIZON_MINUTES


@njit
def _fill_hour_masks(
    schedules: Schedules, start_hour: int, is_open: Masks, maybe_open: Masks
) -> None:
    for schedule in range(schedules.start.size - 1):
        end = np.int64(schedules.start[schedule + 1])
        for change in range(np.int64(schedules.start[schedule]), end):
            state = schedules.state[change]
            if state == CLOSED:
                continue
            begin_minute = np.int64(schedules.minute[change])
            end_minute = np.int64(HORIZON_MINUTES)
            if change + 1 < end:
                end_minute = np.int64(schedules.minute[change + 1])
            # An interval is never empty, so it covers the hours from its first to its last minute.
            # 168 hours cover every hour of the week.
            first = begin_minute // 60
            last = min((end_minute - 1) // 60, first + HOURS_OF_WEEK - 1)
            for hour in range(first, last + 1):
                hour_of_week = (hour + start_hour) % HOURS_OF_WEEK
                word = hour_of_week >> 6
                bit = np.uint64(1) << np.uint64(hour_of_week & 63)
                maybe_open[schedule, word] |= bit
                if state == OPEN:
                    is_open[schedule, word] |= bit


class Timetable:
    """Immutable schedules in three columns.

    Parameters
    ----------
    schedule_start, change_minute, change_state
        The columns of the module. The constructor checks types, lengths and the last start.
        `TimetableBuilder` checks each schedule, and the checksums of the storage protect it later.

    Raises
    ------
    ValueError
        A column has the wrong type or the three do not fit together.
    """

    def __init__(
        self, schedule_start: Starts, change_minute: Minutes, change_state: States
    ) -> None:
        check_array("schedule_start", schedule_start, Starts)
        check_array("change_minute", change_minute, Minutes)
        check_array("change_state", change_state, States)
        if change_minute.size != change_state.size:
            raise ValueError(
                f"Expected as many states as minutes, got {change_state.size} and "
                f"{change_minute.size} - at `change_state`"
            )
        if schedule_start.size == 0 or schedule_start[-1] != change_minute.size:
            raise ValueError(
                f"Expected the last start to be {change_minute.size}, got "
                f"{schedule_start[-1:].tolist()} - at `schedule_start`"
            )
        self.schedules = Schedules(schedule_start, change_minute, change_state)

    def __len__(self) -> int:
        """Return the number of schedules."""
        return int(self.schedules.start.size) - 1

    def changes(self, schedule: int) -> tuple[Minutes, States]:
        """Minutes and states of one schedule: views of the columns."""
        starts, minutes, states = self.schedules
        part = slice(int(starts[schedule]), int(starts[schedule + 1]))
        return minutes[part], states[part]

    def hour_masks(self, start_hour_of_week: int) -> tuple[Masks, Masks]:
        """UTC hours of the week in which each schedule is open, and in which open or unknown.

        Parameters
        ----------
        start_hour_of_week
            The hour in [0, 168) in which the horizon starts; 0 is Monday 00:00 UTC.

        Returns
        -------
        tuple of two uint64[n, 3]
            Bit ``h % 64`` of word ``h // 64`` is set exactly if some minute of the horizon in hour
            ``h`` of the week has the state. So a clear bit proves that the schedule is not open in
            that hour on any day. A set bit proves nothing about a single day.

        Raises
        ------
        ValueError
            `start_hour_of_week` is outside [0, 168).
        """
        if not 0 <= start_hour_of_week < HOURS_OF_WEEK:
            raise ValueError(
                f"Expected an hour in [0, {HOURS_OF_WEEK}), got {start_hour_of_week} - at "
                "`start_hour_of_week`"
            )
        is_open = np.zeros((len(self), 3), np.uint64)
        maybe_open = np.zeros((len(self), 3), np.uint64)
        _fill_hour_masks(self.schedules, start_hour_of_week, is_open, maybe_open)
        return is_open, maybe_open


class TimetableBuilder:
    """Collects schedules; equal schedules get the same id.

    A new builder has the ids 0, 1 and 2: `UNKNOWN_SCHEDULE`, `NEVER`, `ALWAYS`.

    >>> builder = TimetableBuilder()
    >>> builder.add([0, 600, 1320], [CLOSED, OPEN, CLOSED])
    3
    >>> builder.add([0], [OPEN]) == ALWAYS
    True
    """

    def __init__(self) -> None:
        self._ids: dict[bytes, int] = {}
        self._minutes: list[Minutes] = []
        self._states: list[States] = []
        for state in (UNKNOWN, CLOSED, OPEN):
            self.add([0], [state])

    def add(
        self, minutes: Sequence[int] | npt.NDArray[np.integer], states: Sequence[int] | States
    ) -> int:
        """Id of a schedule; adds the schedule if the builder has no equal one.

        Parameters
        ----------
        minutes
            Minutes at which states begin: 0 first, strictly ascending, below `HORIZON_MINUTES`.
        states
            The state that begins at each minute; neighbours differ.

        Raises
        ------
        ValueError
            If the schedule does not have that form.
        """
        at = np.asarray(minutes, np.int64)
        what = np.asarray(states, np.int64)
        _check_schedule(at, what)
        begins, begun = at.astype(np.uint16), what.astype(np.uint8)
        # Minutes take two bytes and states one, so different schedules never give equal bytes.
        key = begins.tobytes() + begun.tobytes()
        schedule = self._ids.setdefault(key, len(self._ids))
        if schedule == len(self._minutes):
            self._minutes.append(begins)
            self._states.append(begun)
        return schedule

    def build(self) -> Timetable:
        """`Timetable` of all schedules so far."""
        lengths = [minutes.size for minutes in self._minutes]
        starts = np.zeros(len(lengths) + 1, np.uint32)
        starts[1:] = np.cumsum(lengths)
        return Timetable(starts, np.concatenate(self._minutes), np.concatenate(self._states))


def _check_schedule(minutes: npt.NDArray[np.int64], states: npt.NDArray[np.int64]) -> None:
    if minutes.ndim != 1 or minutes.shape != states.shape or minutes.size == 0:
        raise ValueError(
            f"Expected as many minutes as states, at least one, got shapes {minutes.shape} and "
            f"{states.shape} - at `minutes`"
        )
    if minutes[0] != 0 or minutes[-1] >= HORIZON_MINUTES or (np.diff(minutes) <= 0).any():
        raise ValueError(
            f"Expected minutes that begin at 0 and ascend below {HORIZON_MINUTES}, got "
            f"{minutes.tolist()[:8]} to {minutes[-1]} - at `minutes`"
        )
    if states.min() < CLOSED or states.max() > UNKNOWN or (np.diff(states) == 0).any():
        raise ValueError(
            f"Expected states 0, 1 or 2, each unlike the one before, got {states.tolist()[:8]} - "
            "at `states`"
        )
