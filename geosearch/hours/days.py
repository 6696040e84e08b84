"""Matching of the day selectors of a rule: weekdays, dates, seasons, holidays.

`matching_days` returns a flag for each day of a range. `rules` parses selectors; `holidays` has the
calendars.

opening-hours-py matches weekdays, dates, weeks, years and Easter: this module asks it for each day
whether `SELECTOR 00:00-24:00` is open at noon. Its own holiday calendars are incomplete (six days a
year for China), so this module matches holidays itself.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from opening_hours import (  # type: ignore[attr-defined]  # its stubs leave the errors out
    OpeningHours,
    ParserError,
)

from geosearch.hours.holidays import Days

_ONE_DAY: Final = timedelta(days=1)
_NOON: Final = time(12)


class Holidays(NamedTuple):
    """The days that `PH` and `SH` match."""

    public: Days
    school: Days


class Holiday(NamedTuple):
    """A holiday selector: `PH +1 day` is the day after each public holiday."""

    kind: Literal["PH", "SH"]
    offset: int


class DayList(NamedTuple):
    """A comma list of days, which matches a day if any item does.

    opening-hours-py matches `days`; this module matches `holidays`.
    """

    days: str
    holidays: tuple[Holiday, ...]

    @property
    def is_wide(self) -> bool:
        """Whether the list names dates, months, weeks or years, not weekdays or holidays."""
        return bool(self.days) and self.days[:2] not in _WEEKDAYS

    @property
    def is_weekly(self) -> bool:
        """Whether the list names only weekdays and holidays, not `Su[1]`, a date or a season."""
        return not self.is_wide and "[" not in self.days

    @property
    def is_season(self) -> bool:
        """Whether the list names months, weeks or years, not single dates."""
        return self.is_wide and (self.days.startswith("week") or not _DATE.search(self.days))


Conjunction = tuple[DayList, ...]
"""Lists that must all hold: `Dec Sa,Su`, `PH Su`."""

_WEEKDAYS: Final = frozenset("Mo Tu We Th Fr Sa Su".split())
_DATE: Final = re.compile(r"[a-z] ?\d|\[|easter")


def day_list(days: str, holidays: tuple[Holiday, ...]) -> DayList:
    """Return a `DayList`, after opening-hours-py has accepted `days`.

    Raises
    ------
    ValueError
        opening-hours-py does not accept `days`.
    """
    if days:
        _parsed(days)
    return DayList(days, holidays)


def matching_days(
    alternatives: Sequence[Conjunction], first: date, count: int, holidays: Holidays
) -> npt.NDArray[np.bool_]:
    """Return whether each of `count` days from `first` matches, bool[count].

    Parameters
    ----------
    alternatives
        A day matches if any of them matches; an empty sequence matches every day.
    """
    if not alternatives:
        return np.ones(count, np.bool_)
    found: npt.NDArray[np.bool_] = np.any(
        [
            np.all([_of_list(each, first, count, holidays) for each in conjunction], axis=0)
            for conjunction in alternatives
        ],
        axis=0,
    )
    return found


def _of_list(each: DayList, first: date, count: int, holidays: Holidays) -> npt.NDArray[np.bool_]:
    found = np.zeros(count, np.bool_)
    if each.days:
        found |= _named_days(each.days, first, count)
    for kind, offset in each.holidays:
        for day in holidays.public if kind == "PH" else holidays.school:
            number = (day - first).days + offset
            if 0 <= number < count:
                found[number] = True
    return found


@lru_cache(maxsize=4096)
def _parsed(days: str) -> OpeningHours:
    try:
        return OpeningHours(f"{days} 00:00-24:00")
    except ParserError:
        raise ValueError(f"{days!r} names no days") from None


@lru_cache(maxsize=4096)
def _named_days(days: str, first: date, count: int) -> npt.NDArray[np.bool_]:
    parsed, noon = _parsed(days), datetime.combine(first, _NOON)
    flags = np.array([parsed.is_open(noon + number * _ONE_DAY) for number in range(count)])
    flags.flags.writeable = False
    return flags
