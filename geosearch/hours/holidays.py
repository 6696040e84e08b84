"""Public holidays of a country or part of one (`DE-BE`), and make-up workdays, for `PH`.

It also says which of these days are guessed, and what a country code means. `geosearch.hours.local`
applies holidays to hours; `geosearch.hours.countries` finds the country of a place.

Sources:

- China: `chinesecalendar` has the days off that the State Council announces, with the weekend and
  exchanged days inside them, and the make-up workdays. It covers only announced years (to 2026 in
  version 1.11). Later years come from `holidays`, which has the statutory days; they are guessed.
  Hong Kong, Macau and Taiwan have their own calendars.
- Other countries: `holidays`. A day moved from a weekend is in it twice, as the day itself and as
  its substitute; shops close on both. Regional holidays count only if the code names the part. The
  package has all of ISO 3166-1; some calendars are empty, such as Ukraine's. It marks days that
  depend on sighting the moon as estimated until they are announced.
- School holidays: none. opening-hours-py has one to four days a year for five countries: single
  days without school, not school holidays.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

import chinese_calendar
import holidays

Days = frozenset[date]

_ISO_3166: Final = re.compile(r"(?P<country>[A-Z]{2})(?:-(?P<part>[A-Z0-9]{1,3}))?")
_ANNOUNCED: Final = frozenset(day.year for day in chinese_calendar.constants.holidays)
_ESTIMATED: Final = "estimated"

OWN_CODES: Final = {
    "CN": frozenset("HK MO TW".split()),
    "FR": frozenset("BL GF GP MF MQ NC PF PM RE TF WF YT".split()),
    "NL": frozenset("AW CW SX".split()),
    "US": frozenset("AS GU MP PR UM VI".split()),
}
"""Parts that have codes in both ISO 3166-2 (`CN-HK`) and ISO 3166-1 (`HK`), by country."""


class Country(NamedTuple):
    """Meaning of a country code: its calendar's code, and whether its part has no calendar."""

    code: str
    part_unknown: bool = False


class Guess(NamedTuple):
    """Guessed holidays of a country between two dates.

    `since` is the first day without announced holidays. It is None if only `days` are estimates.
    """

    country: str
    since: date | None
    days: tuple[date, ...]


@lru_cache(maxsize=1024)
def is_country(code: str) -> bool:
    """Return whether `code` has a calendar: all of ISO 3166-1 alpha-2, and `UK` and `XK`.

    Examples
    --------
    >>> is_country("CN"), is_country("EU"), is_country("ZZ")
    (True, False, False)
    """
    if not re.fullmatch("[A-Z]{2}", code):  # the package also has stock exchanges
        return False
    try:
        holidays.country_holidays(code)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=8192)
def read_country(code: str) -> Country | None:
    """Return the calendar of an ISO 3166-1 or 3166-2 code; None if it is not a code.

    A part without a calendar gets its country's.

    Examples
    --------
    >>> read_country("GB-ENG"), read_country("CN-HK"), read_country("CN-SH"), read_country("ZZ-X")
    (Country(code='GB-ENG', part_unknown=False), Country(code='HK', part_unknown=False), \
Country(code='CN', part_unknown=True), None)
    """
    found = _ISO_3166.fullmatch(code)
    if found is None or not is_country(found["country"]):
        return None
    country = "GB" if found["country"] == "UK" else str(found["country"])
    part = found["part"]
    if part is None:
        return Country(country)
    if part in OWN_CODES.get(country, ()):
        return Country(part)
    try:
        holidays.country_holidays(country, part)
    except NotImplementedError:
        return Country(country, part_unknown=True)
    return Country(f"{country}-{part}")


@lru_cache(maxsize=1024)
def public_holidays(country: str, first: date, last: date) -> Days:
    """Return the public holidays from `first` to `last`, both included.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 (`CN`), or ISO 3166-2 (`DE-BE`), which adds the holidays of that part.

    Raises
    ------
    ValueError
        The country or part has no calendar.
    """
    days: set[date] = set()
    for year in range(first.year, last.year + 1):
        days |= _holidays_of_year(country, year)
    return frozenset(day for day in days if first <= day <= last)


@lru_cache(maxsize=1024)
def makeup_workdays(country: str, first: date, last: date) -> Days:
    """Return the make-up workdays (调休) from `first` to `last`, both included.

    These are weekend days that people work in exchange for days off.

    Raises
    ------
    ValueError
        The country or part has no calendar.
    """
    days: set[date] = set()
    for year in range(first.year, last.year + 1):
        if country == "CN" and year in _ANNOUNCED:
            days |= {day for day in chinese_calendar.constants.workdays if day.year == year}
        else:
            days |= set(_calendar(country, year).weekend_workdays)
    return frozenset(day for day in days if first <= day <= last)


def guessed_holidays(country: str, first: date, last: date) -> Guess | None:
    """Return the guessed holidays from `first` to `last`, both included; None if none is guessed.

    Examples
    --------
    >>> guessed_holidays("CN", date(2026, 12, 1), date(2026, 12, 31)) is None
    True
    """
    since = None
    if country == "CN":
        unknown = date(max(_ANNOUNCED) + 1, 1, 1)
        since = max(unknown, first) if unknown <= last else None
        days = public_holidays(country, since, last) if since else frozenset()
    else:
        years = range(first.year, last.year + 1)
        days = frozenset(
            day
            for year in years
            for day, name in _calendar(country, year, english=True).items()
            if _ESTIMATED in name.lower() and first <= day <= last
        )
    return Guess(country, since, tuple(sorted(days))) if since or days else None


def _holidays_of_year(country: str, year: int) -> Days:
    if country == "CN" and year in _ANNOUNCED:
        return frozenset(day for day in chinese_calendar.constants.holidays if day.year == year)
    return frozenset(_calendar(country, year))


@lru_cache(maxsize=2048)
def _calendar(country: str, year: int, english: bool = False) -> holidays.HolidayBase:
    code = _ISO_3166.fullmatch(country)
    try:
        if code is not None:
            found = holidays.country_holidays(code["country"], code["part"], years=year)
            if english and "en_US" in found.supported_languages:
                found = holidays.country_holidays(
                    code["country"], code["part"], years=year, language="en_US"
                )
            return found
    except NotImplementedError:
        pass
    raise ValueError(
        f"Expected a country or part of one with a known holiday calendar, got {country!r} - at "
        "`country`"
    )
