"""The overnight trap: a rule behind or before a `;` that cuts off a span past midnight.

Useful for: telling a data team that `Fr 18:00-02:00; Sa 10:00-20:00` is closed on Saturday at
01:00, by the specification and by both reference readers, and which `,` was probably meant. (Of a
span of the last weekday, cut by an earlier rule at the start of the next week, opening-hours-py
alone says so; the engine says what it says.)
Not useful for: changing what an expression means; nothing here does.
"""

import re
from datetime import date
from typing import Final

import numpy as np

from geosearch.hours.local import (
    DAY_MINUTES,
    Holidays,
    LocalChanges,
    is_weekly,
    local_changes,
    without_comments,
)
from indexes.timetable import OPEN

# A leap year, in which every season and every day of the year is; for hours that are the same each
# week, two weeks and a day of it.
_FIRST: Final = date(2024, 1, 1)
_LAST: Final = date(2024, 12, 31)
_LAST_OF_WEEKS: Final = date(2024, 1, 15)
_NO_HOLIDAYS: Final = Holidays(frozenset(), frozenset())

_SPAN: Final = re.compile(r"(\d{1,2}):(\d\d) ?- ?(\d{1,2}):(\d\d)")


def overnight_trap(expression: str) -> str | None:
    """Return the expression with the `,` that was probably meant; None where nothing is cut off.

    A `;` is taken for a trap when a `,` in its place changes nothing but this: what was open up to
    a midnight now stays open for a while after it. A year without holidays is compared.
    """
    blank = without_comments(expression)
    if ";" not in blank or not _runs_past_midnight(blank):
        return None
    meant = expression
    for semicolon in reversed([found.start() for found in re.finditer(";", blank)]):
        candidate = _with_comma(meant, semicolon)
        if _only_adds_after_midnight(meant, candidate):
            meant = candidate
    return None if meant == expression else meant


def _runs_past_midnight(blank: str) -> bool:
    for found in _SPAN.finditer(blank):
        begin, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        if end > DAY_MINUTES or 0 < end <= begin:
            return True
    return False


def _with_comma(expression: str, semicolon: int) -> str:
    return f"{expression[:semicolon].rstrip()}, {expression[semicolon + 1 :].lstrip()}"


def _only_adds_after_midnight(expression: str, candidate: str) -> bool:
    last = _LAST_OF_WEEKS if is_weekly(expression) else _LAST
    try:
        before = local_changes(expression, _FIRST, last, holidays=_NO_HOLIDAYS)
        after = local_changes(candidate, _FIRST, last, holidays=_NO_HOLIDAYS)
    except ValueError:
        return False
    minutes = np.union1d(before.minutes, after.minutes)
    was, now = _states_at(before, minutes), _states_at(after, minutes)
    differs = was != now
    if not differs.any():
        return False
    # Every stretch that differs is newly open, and begins at a midnight up to which it was open.
    begins = differs & ~np.concatenate(([False], differs[:-1]))
    at_midnight = minutes[begins] % DAY_MINUTES == 0
    open_before = _states_at(before, np.maximum(minutes[begins] - 1, 0)) == OPEN
    # What comes over from the day before the first cannot be seen; a week later it can.
    open_before |= minutes[begins] == 0
    return bool((now[differs] == OPEN).all() and at_midnight.all() and open_before.all())


def _states_at(changes: LocalChanges, minutes: np.ndarray) -> np.ndarray:
    return changes.states[np.searchsorted(changes.minutes, minutes, side="right") - 1]
