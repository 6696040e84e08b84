"""Evaluation of opening_hours rules to changes of state on the local clock.

Useful for: the state of each minute of a range of local days, holidays included.
Not useful for: instants and time zones (`schedules`), or parsing an expression (`rules`).

Rules apply in their order, each to the days that its selectors name:

- A `;` rule deletes the states of earlier rules on those days, from midnight to midnight. That
  includes nights of the day before, but not the rule's own nights. A closed `;` rule with times
  deletes nothing: it closes only those times.
- A `,` rule overwrites its minutes.
- A `||` rule applies only to minutes that are closed so far.

A span past midnight belongs to the minutes of the next day. `Fr 18:00-02:00` opens Saturday until
02:00 even if a later rule closes Friday. The specification and its reference checker agree on this.

In one case this module follows the specification against the reference checker: a `;` rule of times
only (`Mo-Fr 08:00-12:00; 14:00-16:00`) applies to every day and replaces all rules before it.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from geosearch.hours.days import Holidays, matching_days
from geosearch.hours.rules import Rule, parse
from geosearch.hours.spans import DAY_MINUTES, Stretch, SunPlace, stretches
from indexes.timetable import CLOSED, OPEN, UNKNOWN

_ONE_DAY: Final = timedelta(days=1)
# A span, and the guessed end of an open one, ends at most on the day after its own.
_TAIL_DAYS: Final = 1


class LocalChanges(NamedTuple):
    """Changes of state in minutes since midnight of the first day: ascending, the first at 0."""

    minutes: npt.NDArray[np.int64]
    states: npt.NDArray[np.uint8]


def local_changes(
    expression: str,
    first: date,
    last: date,
    *,
    holidays: Holidays,
    zone: ZoneInfo | None = None,
    position: tuple[float, float] | None = None,
) -> LocalChanges:
    """Return the changes of state on the local clock from `first` to `last`, both included.

    Parameters
    ----------
    holidays
        Days that `PH` and `SH` match. Days before `first` matter too, for spans past midnight and
        for offsets such as `PH +1 day`.
    zone, position
        Time zone and (lat, lng) in degrees, for sunrise and sunset. Both or neither.

    Raises
    ------
    ValueError
        The grammar does not accept the expression.
    """
    place = None if zone is None or position is None else SunPlace(zone, position)
    states = minute_states(parse(expression), first, last, holidays=holidays, place=place).states
    return _changes(states)


class MinuteStates(NamedTuple):
    """State of each local minute of a range of days, and the rules that cut nights.

    Parameters
    ----------
    states
        `OPEN`, `CLOSED` or `UNKNOWN`, uint8[days * 1440].
    cut_by
        Number of the rule that closed an open minute of the night before, if no later rule opened
        the minute again, int16[days * 1440]; -1 if none.
    """

    states: npt.NDArray[np.uint8]
    cut_by: npt.NDArray[np.int16]


def minute_states(
    rules: Sequence[Rule],
    first: date,
    last: date,
    *,
    holidays: Holidays,
    place: SunPlace | None = None,
) -> MinuteStates:
    """Return the state of each minute from `first` to `last`, both included.

    The parameters are those of `local_changes`.
    """
    since = first - _TAIL_DAYS * _ONE_DAY
    days = (last - since).days + 1
    whole = (days + _TAIL_DAYS) * DAY_MINUTES
    states = np.full(whole, CLOSED, np.uint8)
    is_tail = np.zeros(whole, np.bool_)
    cut_by = np.full(whole, -1, np.int16)
    for number, rule in enumerate(rules):
        found = np.flatnonzero(matching_days(rule.days, since, days, holidays))
        if number > 0 and rule.clears_days:
            for day in found.tolist():
                this = slice(day * DAY_MINUTES, (day + 1) * DAY_MINUTES)
                cut_by[this][is_tail[this] & (states[this] == OPEN)] = number
                states[this] = CLOSED
                is_tail[this] = False
        said = [
            (day * DAY_MINUTES, stretch)
            for day in found.tolist()
            for stretch in stretches(rule.spans, since + day * _ONE_DAY, place)
        ]
        # Stated hours override the guessed end of an open span, also that of another day.
        for midnight, stretch in sorted(said, key=_is_known, reverse=rule.separator == "||"):
            this = slice(midnight + stretch.begin, midnight + stretch.end)
            _lay(rule, stretch.is_known, states[this])
            is_tail[midnight + DAY_MINUTES : this.stop] = True
    shown = slice(_TAIL_DAYS * DAY_MINUTES, days * DAY_MINUTES)
    cut_by[states == OPEN] = -1
    return MinuteStates(states[shown], cut_by[shown])


def _is_known(said: tuple[int, Stretch]) -> bool:
    return said[1].is_known


def _lay(rule: Rule, is_known: bool, states: npt.NDArray[np.uint8]) -> None:
    """Apply a rule to the minutes of one stretch."""
    state = rule.state if is_known or rule.state == CLOSED else UNKNOWN
    if rule.separator == "||":
        states[states == CLOSED] = state
    else:
        states[:] = state


def _changes(states: npt.NDArray[np.uint8]) -> LocalChanges:
    minutes = np.concatenate(([0], np.flatnonzero(states[1:] != states[:-1]) + 1))
    return LocalChanges(minutes, states[minutes])


def part(changes: LocalChanges, begin: int, end: int) -> LocalChanges:
    """Return the changes inside [begin, end), the first at `begin`; none for an empty range."""
    if begin >= end:
        return LocalChanges(changes.minutes[:0], changes.states[:0])
    at_begin = int(np.searchsorted(changes.minutes, begin, side="right")) - 1
    after = int(np.searchsorted(changes.minutes, end, side="left"))
    minutes = changes.minutes[at_begin:after].copy()
    minutes[0] = begin
    return LocalChanges(minutes, changes.states[at_begin:after])


def join(pieces: Iterable[LocalChanges]) -> LocalChanges:
    """Return consecutive pieces as one, without changes to the same state."""
    parts = list(pieces)
    minutes = np.concatenate([piece.minutes for piece in parts])
    states = np.concatenate([piece.states for piece in parts])
    changed = np.ones(states.size, np.bool_)
    changed[1:] = states[1:] != states[:-1]
    return LocalChanges(minutes[changed], states[changed])
