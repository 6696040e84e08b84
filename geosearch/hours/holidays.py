"""Which days are public holidays, for `PH` in opening_hours.

Useful for: the days off of a country, or of a part of one (`DE-BE`), between two dates; weekend
days worked in exchange; which of all these are guessed; and what a country code means.
Not useful for: what a holiday does to a shop's hours (`geosearch.hours.local` asks the expression),
or which country a place is in (`geosearch.hours.countries`).

Sources, by country:

- China: `chinesecalendar`, the days off the State Council announces, with the weekend days and
  exchanged days inside them, and the weekend days worked for them. It knows only announced years
  (to 2026 in version 1.11) and raises past them; those years come from `holidays`, which has the
  statutory days, and are guessed. Hong Kong, Macau and Taiwan have calendars of their own.
- elsewhere: `holidays`. A day moved from a weekend is in it twice, as the day itself and as
  its substitute; shops close on both. Days that only parts of a country keep count where the part
  is named. It knows all of ISO 3166-1; some of its calendars are empty, such as Ukraine's. Days
  that hang on the sight of the moon are marked as estimated until they are announced.
- school holidays: none. opening-hours-py has one to four days a year of five countries, which are
  days without school and no school holidays.
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
"""Parts that ISO 3166-2 lists under a country (`CN-HK`) and ISO 3166-1 by themselves (`HK`)."""


class Country(NamedTuple):
    """What a code means: the code of a calendar, and whether that is less than what was asked."""

    code: str
    part_unknown: bool = False


class Guess(NamedTuple):
    """What is guessed of a country's holidays between two dates.

    `since` is the first day for which nothing is announced, None where only `days` are estimates.
    """

    country: str
    since: date | None
    days: tuple[date, ...]


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


@lru_cache(maxsize=8192)
def read_country(code: str) -> Country | None:
    """Return the calendar that a code of ISO 3166-1 or 3166-2 means; None where it is no code.

    Of a part that has no calendar the country's is the answer.

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


@lru_cache(maxsize=1024)
def makeup_workdays(country: str, first: date, last: date) -> Days:
    """Weekend days from `first` to `last`, both included, that are worked for days off (调休).

    Raises
    ------
    ValueError
        No calendar of that country or part is known.
    """
    days: set[date] = set()
    for year in range(first.year, last.year + 1):
        if country == "CN" and year in _ANNOUNCED:
            days |= {day for day in chinese_calendar.constants.workdays if day.year == year}
        else:
            days |= set(_calendar(country, year).weekend_workdays)
    return frozenset(day for day in days if first <= day <= last)


def guessed_holidays(country: str, first: date, last: date) -> Guess | None:
    """What is guessed of the days from `first` to `last`, both included; None where nothing is.

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
