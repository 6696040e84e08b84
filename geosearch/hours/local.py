"""An opening_hours expression to changes of state on the local clock, day by day.

Useful for: what an expression says for each minute of a range of local days, holidays included.
Not useful for: instants, time zones (`schedules`); invalid text (`text`).

opening-hours-py parses and evaluates. Three things it cannot be asked for are done here by writing
the expression differently, so that its rules stay the only ones:

**Holidays.** It takes a country code and uses its own calendar, in which China has six single days
a year, and knows no calendar that we could hand to it. Without a country, `PH` and `SH` match no
day at all. So the whole range is evaluated without one, and the few days next to a holiday again,
one by one. The state on day *d* depends on which rules match on *d* and, for spans past midnight,
on *d* - 1; nothing else. Those two days have different names in the week, so for day *d* the word
`PH` means exactly the list of those of the two names whose day is a holiday, or, where neither
is, any third day's name, which matches neither. Offsets (`PH +1 day`) move the question, not the
answer. That is a valid weekday selector in every place where the grammar allows a holiday.

**Bare comments.** A rule whose only modifier is a comment is unknown by the specification; the
library takes it for open, and its own test cases do so for comments on hours
(`10:00-18:00 "may close later"`). We follow it there. But `"temporarily closed"` or
`Sa "by appointment"`, a comment with no hours at all, is unknown here and not open day and night.

**Sunrise and sunset** are computed for a position, on the local clock. Without one the library's
fixed times are used: dawn 06:00, sunrise 07:00, sunset 19:00, dusk 20:00.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from opening_hours import (  # type: ignore[attr-defined]  # its stubs leave the errors out
    OpeningHours,
    ParserError,
    State,
)

from geosearch.hours.holidays import Days
from indexes.timetable import CLOSED, OPEN, UNKNOWN

DAY_MINUTES: Final = 1440
_ONE_DAY: Final = timedelta(days=1)

_STATES: Final = {State.CLOSED: CLOSED, State.OPEN: OPEN, State.UNKNOWN: UNKNOWN}
_WEEKDAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")

_COMMENT: Final = re.compile(r'"[^"]*"')
_SUN: Final = re.compile(r"\b(?:sunrise|sunset|dawn|dusk)\b", re.IGNORECASE)
_SEASONAL: Final = re.compile(
    r"\|\||\[|\d{4}|week|easter|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", re.IGNORECASE
)
_WEEKDAY: Final = r"(?i:mo|tu|we|th|fr|sa|su)\b"
_HOLIDAY: Final = r"(?:PH(?: [+-]\d+ days?)?|SH)"
# The grammar lets a space join a list of holidays and a list of weekdays and means a comma by it;
# between two weekdays, which is what remains after the replacement, only a comma is allowed.
_HOLIDAYS: Final = re.compile(
    rf"(?P<joined_before>(?<=\b[A-Za-z]{{2}}) )?\b(?P<terms>{_HOLIDAY}(?:,{_HOLIDAY})*)\b"
    rf"(?P<joined_after> (?={_WEEKDAY}))?"
)
_HOLIDAY_TERM: Final = re.compile(r"(?P<kind>PH|SH)(?: (?P<offset>[+-]\d+) days?)?")
_RULE_SEPARATOR: Final = re.compile(r";|\|\||, ")
_HAS_TIMES: Final = re.compile(r"\d:\d\d|sunrise|sunset|dawn|dusk", re.IGNORECASE)
_HAS_STATE: Final = re.compile(r"(?:\b(?:open|closed|off|unknown)) ?$", re.IGNORECASE)


class LocalChanges(NamedTuple):
    """Changes of state in minutes since midnight of the first day: ascending, the first at 0."""

    minutes: npt.NDArray[np.int64]
    states: npt.NDArray[np.uint8]


class Holidays(NamedTuple):
    """The days that `PH` and `SH` match."""

    public: Days
    school: Days


def parse(expression: str) -> OpeningHours:
    """Return the parsed expression, without place, country or zone.

    Raises
    ------
    ValueError
        It is not in the grammar; the message is the parser's, in one line.
    """
    return _parse(expression, None, None)


def uses_sun(expression: str) -> bool:
    """Whether the expression depends on the position, by sunrise, sunset, dawn or dusk."""
    return _SUN.search(without_comments(expression)) is not None


def uses_holidays(expression: str) -> bool:
    """Whether the expression depends on a holiday calendar."""
    return _HOLIDAYS.search(without_comments(expression)) is not None


def is_weekly(expression: str) -> bool:
    """Whether nothing but weekdays, times, holidays and the sun is in it: each week is the same.

    Only such expressions are evaluated over many days at once. Over others version 2.1.4 skips
    days that it takes for constant (`07:00-23:00 || 24/7` stays closed from the first 23:00 on),
    which its `state` and its evaluation of single days do not.
    """
    return _SEASONAL.search(without_comments(expression)) is None


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
    meant = _spell_out_comments(expression)
    days_at_once = (last - first).days + 1 if is_weekly(meant) else 1
    changes = _evaluate(_parse(meant, zone, position), first, last, days_at_once)
    pieces: list[LocalChanges] = []
    done = 0
    for day in _days_near_holidays(meant, first, last, holidays):
        begin = (day - first).days * DAY_MINUTES
        try:
            spelled = _parse(_spell_out_holidays(meant, day, holidays), zone, position)
            of_day = _evaluate(spelled, day, day, 1)
        except ValueError:
            # A place where the grammar takes a holiday but no weekday: nothing is known to be true
            # of this day, and unknown sends nobody to a closed door.
            of_day = LocalChanges(np.zeros(1, np.int64), np.array([UNKNOWN], np.uint8))
        pieces.append(part(changes, done, begin))
        pieces.append(LocalChanges(of_day.minutes + begin, of_day.states))
        done = begin + DAY_MINUTES
    end = ((last - first).days + 1) * DAY_MINUTES
    return join([*pieces, part(changes, done, end)])


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


def _parse(
    expression: str, zone: ZoneInfo | None, position: tuple[float, float] | None
) -> OpeningHours:
    try:
        return OpeningHours(
            expression, timezone=zone, coords=position, auto_country=False, auto_timezone=True
        )
    except ParserError as error:
        said = " ".join(str(error).split())
        raise ValueError(said) from None


def _evaluate(parsed: OpeningHours, first: date, last: date, days_at_once: int) -> LocalChanges:
    minutes: list[int] = []
    states: list[int] = []
    begin_day = 0
    midnight = datetime.combine(first, time())
    end = midnight + (last - first + _ONE_DAY)
    while midnight < end:
        following = min(midnight + days_at_once * _ONE_DAY, end)
        ordinal = midnight.toordinal() - begin_day
        for begin, _, state, _ in parsed.intervals(midnight, following):
            # With a zone the bounds come as instants of that zone. Their wall clock is what is
            # wanted; a bound inside an hour that a DST change skips comes as the end of that hour,
            # which no instant can tell from the bound itself.
            day = begin.toordinal() - ordinal
            minute = day * DAY_MINUTES + begin.hour * 60 + begin.minute
            if minutes and minutes[-1] == minute:
                states[-1] = _STATES[state]
            else:
                minutes.append(minute)
                states.append(_STATES[state])
        begin_day += days_at_once
        midnight = following
    return join([LocalChanges(np.array(minutes, np.int64), np.array(states, np.uint8))])


def without_comments(expression: str) -> str:
    """Blank out comments, keeping every position."""
    return _COMMENT.sub(lambda found: '"' + " " * (len(found[0]) - 2) + '"', expression)


def _spell_out_comments(expression: str) -> str:
    """Write `unknown` before a comment that is all a rule says about its state and its hours."""
    blank = without_comments(expression)
    written: list[str] = []
    done = 0
    for comment in _COMMENT.finditer(expression):
        rule = _RULE_SEPARATOR.split(blank[: comment.start()])[-1]
        is_modifier = not blank[comment.end() :].startswith(":")
        if is_modifier and not _HAS_STATE.search(rule) and not _HAS_TIMES.search(rule):
            written += [expression[done : comment.start()], "unknown "]
            done = comment.start()
    # Always: the parser has no rule that is a modifier and nothing else after a selector of times,
    # so the word stands where a modifier may stand.
    return "".join([*written, expression[done:]])


def _days_near_holidays(expression: str, first: date, last: date, holidays: Holidays) -> list[date]:
    """Days of the range on which, or on whose eve, a `PH` or `SH` of the expression matches."""
    days: set[date] = set()
    for sequence in _HOLIDAYS.finditer(without_comments(expression)):
        for term in _HOLIDAY_TERM.finditer(sequence["terms"]):
            offset = timedelta(days=int(term["offset"] or 0))
            for day in _calendar(term["kind"], holidays):
                days |= {day + offset, day + offset + timedelta(days=1)}
    return sorted(day for day in days if first <= day <= last)


def _calendar(kind: str, holidays: Holidays) -> Days:
    return holidays.public if kind == "PH" else holidays.school


def _spell_out_holidays(expression: str, day: date, holidays: Holidays) -> str:
    """Write the expression so that it says for `day` without holidays what it says with them."""

    def weekdays(sequence: re.Match[str]) -> str:
        names: set[str] = set()
        for term in _HOLIDAY_TERM.finditer(sequence["terms"]):
            offset = timedelta(days=int(term["offset"] or 0))
            for matched in (day, day - timedelta(days=1)):
                if matched - offset in _calendar(term["kind"], holidays):
                    names.add(_WEEKDAYS[matched.weekday()])
        if not names:
            names.add(_WEEKDAYS[(day.weekday() + 2) % 7])
        before = "," if sequence["joined_before"] else ""
        after = "," if sequence["joined_after"] else ""
        return before + ",".join(sorted(names)) + after

    pieces: list[str] = []
    done = 0
    for comment in _COMMENT.finditer(expression):
        pieces += [_HOLIDAYS.sub(weekdays, expression[done : comment.start()]), comment[0]]
        done = comment.end()
    return "".join([*pieces, _HOLIDAYS.sub(weekdays, expression[done:])])
