"""States of schedules at the minute of a query: a byte for each schedule, shared by all queries.

A million shops have some 4,000 distinct schedules of opening hours and deals, and a search asks for
the state of one at each document and offer that it tests. `state_of` finds a state by one bisection
in cold memory, at most once a minute for each schedule, and keeps it in a table of some kilobytes,
which the fastest cache of a processor holds. So the first query of a minute and of a wallet costs
what the next one costs.

Several threads fill one table without a lock: all of them write the same bytes.
"""

from collections.abc import Hashable

import numpy as np

from geosearch.kernel.criteria import OPEN_OR_UNKNOWN, Criteria, Hours
from geosearch.segment.columns import Columns
from indexes.arrays import U8
from indexes.cache import BoundedCache
from indexes.jit import inner_njit, int64, njit
from indexes.timetable import (
    CLOSED,
    HORIZON_MINUTES,
    OPEN,
    Schedules,
    next_change,
    open_until,
    state_at,
)

IS_FOUND, IS_OPEN, MAY_BE_OPEN, STAYS_OPEN, MAY_STAY_OPEN = 1, 2, 4, 8, 16
"""Bits of a state: the others hold; open; open or unknown; both up to the minute
`until_minute`, which is before every minute if it is -1."""

NO_WAIT = 255
"""Result of `wait_of` for a schedule that is not as wanted within the time."""

STATES_BYTES = 16 << 20
"""Most bytes of the tables of a segment."""

_ENTRY_BYTES = 256
"""Bytes of a table without its states, and of its key."""

NO_STATES = np.zeros(0, np.uint8)
"""For queries that read no schedule."""


class StateTables:
    """Tables of one segment, by minute.

    Parameters
    ----------
    schedules
        Number of schedules of the segment.
    """

    def __init__(self, schedules: int) -> None:
        self._schedules = schedules
        self._tables = BoundedCache[Hashable, U8](STATES_BYTES)

    def at(self, hours: Hours) -> U8:
        """Table of a minute, uint8[schedules]; 0 where nobody has asked for the state yet."""
        return self._table((hours.minute, hours.until_minute))

    def waits(self, hours: Hours, last: int) -> U8:
        """Table of waits after a minute, uint8[schedules]; 0 where nobody has asked yet.

        See `wait_of`.
        """
        return self._table((hours.minute, hours.until_minute, hours.open_mode, last))

    def _table(self, key: Hashable) -> U8:
        found = self._tables.get(key)
        if found is None:
            found = np.zeros(self._schedules, np.uint8)
            self._tables.keep(key, found, self._schedules + _ENTRY_BYTES)
        return found


@inner_njit
def schedules_of(columns: Columns) -> Schedules:
    """The schedules of a segment."""
    return Schedules(columns.schedule_start, columns.change_minute, columns.change_state)


@inner_njit
def state_of(columns: Columns, criteria: Criteria, schedule: int) -> int:
    """Bits of the state of a schedule at the minute of the query."""
    state = int64(criteria.states[schedule])
    if state == 0:
        state = _find_state(
            schedules_of(columns),
            int64(schedule),
            criteria.hours.minute,
            criteria.hours.until_minute,
        )
        criteria.states[schedule] = state
    return state


@inner_njit
def wanted_state(criteria: Criteria) -> int:
    """Bit of the states of opening hours that a query wants, unless it wants any hours."""
    return MAY_STAY_OPEN if criteria.hours.open_mode == OPEN_OR_UNKNOWN else STAYS_OPEN


@inner_njit
def wait_of(columns: Columns, criteria: Criteria, waits: U8, schedule: int, last: int) -> int:
    """Least minutes from 1 to `last` after which a schedule is as the query wants, or `NO_WAIT`.

    Parameters
    ----------
    waits
        `StateTables.waits` of the query and of `last`.
    last
        Below `NO_WAIT`; the horizon does not end before.
    """
    wait = int64(waits[schedule])
    if wait == 0:
        wait = _find_wait(
            schedules_of(columns), int64(schedule), criteria.hours, wanted_state(criteria), last
        )
        waits[schedule] = wait
    return wait


@inner_njit
def until_after(hours: Hours, minutes: int) -> int:
    """`Hours.until_minute` of the same query some minutes later."""
    if hours.until_minute < 0:
        return hours.until_minute
    return min(hours.until_minute + minutes, HORIZON_MINUTES)


@njit
def _find_wait(schedules: Schedules, schedule: int, hours: Hours, wanted: int, last: int) -> int:
    """`wait_of`; hours begin to be as wanted only where a state begins: later it is less long."""
    minute = next_change(schedules, schedule, hours.minute)
    while minute <= hours.minute + last:
        wait = minute - hours.minute
        if _find_state(schedules, schedule, minute, until_after(hours, wait)) & wanted != 0:
            return wait
        minute = next_change(schedules, schedule, minute)
    return NO_WAIT


@njit
def _find_state(schedules: Schedules, schedule: int, minute: int, until: int) -> int:
    """Bits of the state of a schedule; `until` is `Hours.until_minute`."""
    state = state_at(schedules, schedule, minute)
    if state == CLOSED:
        return IS_FOUND
    found = IS_FOUND | MAY_BE_OPEN
    if state == OPEN:
        found |= IS_OPEN
        if until < 0 or open_until(schedules, schedule, minute, False) >= until:
            found |= STAYS_OPEN
    if until < 0 or open_until(schedules, schedule, minute, True) >= until:
        found |= MAY_STAY_OPEN
    return found
