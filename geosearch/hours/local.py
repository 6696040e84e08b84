"""Rules to changes of state on the local clock: what each rule does to the rules before it.

Useful for: what an expression says for each minute of a range of local days, holidays included.
Not useful for: instants, time zones (`schedules`); reading an expression (`rules`).

Rules are applied in their order, each to the days that its selectors name:

- a `;` rule takes away what earlier rules say about those days, from midnight to midnight; the
  tails of the nights before go too, its own do not. A closed one takes away nothing, it lies over
  the rest, so that with times it closes only those;
- a `,` rule lies over the rest;
- a `||` rule counts where it is closed so far.

What a span says past midnight is said on the next day, wherever that day comes: `Fr 18:00-02:00`
speaks of Saturday until 02:00 even where a later rule closes Friday. So do the specification and
its reference checker.

One thing is read as the specification has it and the reference checker does not: a `;` rule of
times only (`Mo-Fr 08:00-12:00; 14:00-16:00`) is for every day and replaces all before it.
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
# A span, and the guess how long an open end lasts, ends at most on the day after its own.
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
    """Changes of state on the local clock from `first` to `last`, both included.

    Parameters
    ----------
    holidays
        Days that `PH` and `SH` match. Those before `first` count too: for spans past midnight and
        for offsets such as `PH +1 day`.
    zone, position
        Where the sun rises and sets: a zone and (lat, lng) in degrees. Both or neither.

    Raises
    ------
    ValueError
        The expression is not in the grammar.
    """
    place = None if zone is None or position is None else SunPlace(zone, position)
    states = minute_states(parse(expression), first, last, holidays=holidays, place=place).states
    return _changes(states)


class MinuteStates(NamedTuple):
    """State of each local minute of a range of days, and what happened to the nights.

    Parameters
    ----------
    states
        uint8[days * 1440].
    cut_by
        Number of the rule that took an open minute of the night before away, and no later one gave
        it back, int16[days * 1440]; -1 where there is none.
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
    """State of each minute from `first` to `last`, both included; see `local_changes`."""
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
        # Stated hours count more than a guess how long an open end lasts, of another day too.
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
    """Write a rule over the minutes of one stretch."""
    state = rule.state if is_known or rule.state == CLOSED else UNKNOWN
    if rule.separator == "||":
        states[states == CLOSED] = state
    else:
        states[:] = state


def _changes(states: npt.NDArray[np.uint8]) -> LocalChanges:
    minutes = np.concatenate(([0], np.flatnonzero(states[1:] != states[:-1]) + 1))
    return LocalChanges(minutes, states[minutes])


def part(changes: LocalChanges, begin: int, end: int) -> LocalChanges:
    """Return the changes inside [begin, end), the first at `begin`; none if that is empty."""
    if begin >= end:
        return LocalChanges(changes.minutes[:0], changes.states[:0])
    at_begin = int(np.searchsorted(changes.minutes, begin, side="right")) - 1
    after = int(np.searchsorted(changes.minutes, end, side="left"))
    minutes = changes.minutes[at_begin:after].copy()
    minutes[0] = begin
    return LocalChanges(minutes, changes.states[at_begin:after])


def join(pieces: Iterable[LocalChanges]) -> LocalChanges:
    """Return pieces that follow each other as one, without changes that change nothing."""
    parts = list(pieces)
    minutes = np.concatenate([piece.minutes for piece in parts])
    states = np.concatenate([piece.states for piece in parts])
    changed = np.ones(states.size, np.bool_)
    changed[1:] = states[1:] != states[:-1]
    return LocalChanges(minutes[changed], states[changed])
