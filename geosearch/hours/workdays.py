"""Make-up workdays (调休): rewrites an expression so that a worked weekend day follows `Mo-Fr`.

It applies if the snapshot's `makeup_workdays` is on. `geosearch.hours.holidays` has the days.

A list of weekdays matches a make-up workday if it contains all of Monday to Friday. Any other list
does not match it, so a worked Saturday is not `Sa`. An expression without such a list says nothing
about workdays, so it keeps its weekend.
"""

import re
from collections.abc import Set
from datetime import date, timedelta
from typing import Final

from geosearch.hours.holidays import Days

_NAMES: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_WORK: Final = frozenset(range(5))
_NAME: Final = r"\b(?:Mo|Tu|We|Th|Fr|Sa|Su)\b"
_ITEM: Final = rf"{_NAME}(?: ?- ?{_NAME}|\[[^\]]*\])?"
_LISTS: Final = re.compile(rf'"[^"]*"|(?P<days>{_ITEM}(?: ?, ?{_ITEM})*)', re.IGNORECASE)

_LONGEST_NIGHT: Final = 2
"""Most days after its own day on which a span may still apply."""


def says_weekdays(expression: str) -> bool:
    """Return whether some list of the expression contains all of Monday to Friday.

    Examples
    --------
    >>> says_weekdays("Mo-Sa 09:00-18:00"), says_weekdays("Mo-Th 09:00-18:00; Fr 09:00-12:00")
    (True, False)
    """
    lists = (found["days"] for found in _LISTS.finditer(expression))
    return any(_days(names)[0] >= _WORK for names in lists if names is not None)


def touched_days(makeup: Days, first: date, last: date) -> list[date]:
    """Return the days from `first` to `last` that are make-up workdays or follow one.

    The nights of a make-up workday may run into the `_LONGEST_NIGHT` days after it.
    """
    after = range(_LONGEST_NIGHT + 1)
    touched = {day + timedelta(days=n) for day in makeup for n in after}
    return sorted(day for day in touched if first <= day <= last)


def spell_out_workdays(expression: str, day: date, makeup: Days) -> str:
    """Return the expression with its weekdays rewritten so that it is right on `day`.

    Examples
    --------
    >>> saturday = date(2026, 10, 10)
    >>> spell_out_workdays("Mo-Fr 09:00-18:00; Sa,Su off", saturday, frozenset({saturday}))
    'Mo,Tu,We,Th,Fr,Sa 09:00-18:00; Su off'
    """
    # The state on a day depends on that day and on the days whose nights may run into it. These
    # days have different names, so each name can get the meaning of its own day.
    before = [day - timedelta(days=n) for n in range(_LONGEST_NIGHT + 1)]
    worked = {each.weekday() for each in before if each in makeup}
    none_of_them = _NAMES[(day.weekday() + 1) % 7]

    def meant(found: re.Match[str]) -> str:
        names: str | None = found["days"]
        return found[0] if names is None else _meant(names, worked) or none_of_them

    return _LISTS.sub(meant, expression)


def _meant(names: str, worked: Set[int]) -> str:
    days, numbered = _days(names)
    meant = days | worked if days >= _WORK else days - worked
    kept = [text for day, text in numbered if day not in worked]
    return ",".join([*(_NAMES[day] for day in sorted(meant)), *kept])


def _days(names: str) -> tuple[set[int], list[tuple[int, str]]]:
    """Return the days of a list, 0 for Monday, and its items of some weeks only, as `Sa[1]`."""
    days: set[int] = set()
    numbered = []
    for item in re.findall(_ITEM, names, re.IGNORECASE):
        first = _NAMES.index(item[:2].capitalize())
        if "[" in item:
            numbered.append((first, item))
        else:
            last = _NAMES.index(item[-2:].capitalize())
            days |= {(first + n) % 7 for n in range((last - first) % 7 + 1)}
    return days, numbered
