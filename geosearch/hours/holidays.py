"""Which days are public or school holidays, for `PH` and `SH` in opening_hours.

Useful for: the days off of a country, or of a part of one (`DE-BE`), between two dates.
Not useful for: what a holiday does to a shop's hours; `geosearch.hours.local` asks the expression.

Sources, by country:

- China: `chinesecalendar`, the days off the State Council announces, with the weekend days and
  exchanged days inside them. It knows only announced years (to 2026 in version 1.11) and raises
  past them; those years come from `holidays`, which has the statutory days.
- elsewhere: `holidays`. A day moved from a weekend is in it twice, as the day itself and as
  its substitute; shops close on both. Days that only parts of a country keep count where the part
  is named. It knows all of ISO 3166-1; some of its calendars are empty, such as Ukraine's.
- school holidays: the few that opening-hours-py brings (Denmark, Greenland, Ireland, Mexico, the
  Netherlands). No other country's are known, so `SH` never matches there.
"""

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import chinese_calendar
import holidays
from opening_hours import (  # type: ignore[attr-defined]  # its stubs leave the errors out
    OpeningHours,
    State,
    UnknownCountryError,
)

Days = frozenset[date]

_ISO_3166: Final = re.compile(r"(?P<country>[A-Z]{2})(?:-(?P<part>[A-Z0-9]{1,3}))?")


@lru_cache(maxsize=1024)
def is_country(code: str) -> bool:
    """Whether `code` is a country with a calendar: any of ISO 3166-1 alpha-2, and `UK` and `XK`.

    Examples
    --------
    >>> is_country("CN"), is_country("EU"), is_country("ZZ")
    (True, False, False)
    """
    if not re.fullmatch("[A-Z]{2}", code):  # the library has stock exchanges too
        return False
    try:
        holidays.country_holidays(code)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=256)
def public_holidays(country: str, first: date, last: date) -> Days:
    """Public holidays from `first` to `last`, both included.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 (`CN`), or ISO 3166-2 (`DE-BE`) for the holidays of that part as well.

    Raises
    ------
    ValueError
        No calendar of that country or part is known.
    """
    days: set[date] = set()
    for year in range(first.year, last.year + 1):
        days |= _holidays_of_year(country, year)
    return frozenset(day for day in days if first <= day <= last)


@lru_cache(maxsize=256)
def school_holidays(country: str, first: date, last: date) -> Days:
    """School holidays from `first` to `last`, both included; none where they are not known."""
    try:
        expression = OpeningHours("SH", country=country.partition("-")[0])
    except UnknownCountryError:
        return frozenset()
    end = datetime.combine(last, time()) + timedelta(days=1)
    days: set[date] = set()
    for begin, until, state, _ in expression.intervals(datetime.combine(first, time()), end):
        if state == State.OPEN:
            days |= {begin.date() + timedelta(days=n) for n in range((until - begin).days)}
    return frozenset(days)


@lru_cache(maxsize=1024)
def _holidays_of_year(country: str, year: int) -> Days:
    if country == "CN" and any(day.year == year for day in chinese_calendar.constants.holidays):
        return frozenset(day for day in chinese_calendar.constants.holidays if day.year == year)
    code = _ISO_3166.fullmatch(country)
    try:
        if code is not None:
            return frozenset(holidays.country_holidays(code["country"], code["part"], years=year))
    except NotImplementedError:
        pass
    raise ValueError(
        f"Expected a country or part of one with a known holiday calendar, got {country!r} - at "
        "`country`"
    )
