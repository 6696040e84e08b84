"""Holiday calendars against exported official ones."""

import json
from datetime import date, timedelta
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest

from geosearch.hours.holidays import (
    guessed_holidays,
    is_country,
    makeup_workdays,
    public_holidays,
    read_country,
)


def days(*texts: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts)


@pytest.fixture(scope="module")
def exported(shared_data: Path) -> dict[str, dict[str, Any]]:
    folder = shared_data / "holidays_cn"
    loaded: dict[str, dict[str, Any]] = {
        name: json.loads((folder / f"{name}.json").read_text("utf-8"))
        for name in ("chinese_calendar_2024_2026", "python_holidays_2024_2027")
    }
    return loaded


def test_china_has_the_announced_days_off(exported: dict[str, dict[str, Any]]) -> None:
    announced = days(*exported["chinese_calendar_2024_2026"]["holidays"])
    assert public_holidays("CN", date(2024, 1, 1), date(2026, 12, 31)) == announced
    assert len([day for day in announced if day.year == 2026]) == 33


@pytest.mark.parametrize("country", ["HK", "MO", "TW", "SG", "JP"])
def test_other_countries_have_their_holidays(
    country: str, exported: dict[str, dict[str, Any]]
) -> None:
    expected = days(*exported["python_holidays_2024_2027"][country])
    assert len(expected) >= 40
    assert public_holidays(country, date(2024, 1, 1), date(2027, 12, 31)) == expected


def test_china_has_statutory_days_in_years_not_announced() -> None:
    later = public_holidays("CN", date(2026, 12, 1), date(2027, 1, 31))
    assert later == days("2027-01-01")
    assert date(2035, 10, 1) in public_holidays("CN", date(2035, 1, 1), date(2035, 12, 31))


def test_bounds_are_included() -> None:
    christmas = date(2026, 12, 25)
    assert public_holidays("DE", christmas, christmas) == {christmas}
    assert public_holidays("DE", christmas + timedelta(days=2), date(2026, 12, 31)) == frozenset()


# By the law of each, as their governments publish it.
CALENDAR: list[tuple[str, str, bool, str]] = [
    ("GB", "2026-08-31", False, "Summer bank holiday, not in Scotland"),
    ("GB-ENG", "2026-08-31", True, "Summer bank holiday"),
    ("GB-WLS", "2026-08-31", True, "Summer bank holiday"),
    ("GB-NIR", "2026-08-31", True, "Summer bank holiday"),
    ("GB-SCT", "2026-08-31", False, "Scotland has the first Monday of August"),
    ("GB-SCT", "2026-08-03", True, "Summer bank holiday of Scotland"),
    ("GB-ENG", "2026-08-03", False, "Summer bank holiday of Scotland"),
    ("GB-SCT", "2026-11-30", True, "St Andrew's Day"),
    ("GB-NIR", "2026-03-17", True, "St Patrick's Day"),
    ("GB-ENG", "2026-03-17", False, "St Patrick's Day"),
    ("GB-ENG", "2026-12-28", True, "Boxing Day falls on a Saturday"),
    ("DE", "2027-01-06", False, "Epiphany, in three states"),
    ("DE-BY", "2027-01-06", True, "Epiphany"),
    ("DE-BW", "2027-01-06", True, "Epiphany"),
    ("DE-ST", "2027-01-06", True, "Epiphany"),
    ("DE-BE", "2027-01-06", False, "Epiphany"),
    ("DE-BE", "2026-03-08", True, "International Women's Day"),
    ("DE-MV", "2026-03-08", True, "International Women's Day"),
    ("DE-HH", "2026-03-08", False, "International Women's Day"),
    ("DE-SN", "2026-11-18", True, "Day of Repentance and Prayer, in Saxony only"),
    ("DE-BY", "2026-11-18", False, "Day of Repentance and Prayer"),
    ("DE-NW", "2026-06-04", True, "Corpus Christi"),
    ("DE-NI", "2026-06-04", False, "Corpus Christi"),
    ("DE-NI", "2026-10-31", True, "Reformation Day"),
    ("DE-NW", "2026-11-01", True, "All Saints"),
    ("DE-TH", "2026-09-20", True, "World Children's Day"),
    ("US", "2026-03-31", False, "César Chávez Day"),
    ("US-CA", "2026-03-31", True, "César Chávez Day"),
    ("US-MA", "2026-04-20", True, "Patriots' Day"),
    ("US-NY", "2026-04-20", False, "Patriots' Day"),
    ("US-DC", "2026-04-16", True, "Emancipation Day"),
    ("US-HI", "2026-06-11", True, "Kamehameha Day"),
    ("AU-VIC", "2026-11-03", True, "Melbourne Cup"),
    ("AU-NSW", "2026-11-03", False, "Melbourne Cup"),
    ("CA-QC", "2026-06-24", True, "Saint-Jean-Baptiste"),
    ("CA-ON", "2026-06-24", False, "Saint-Jean-Baptiste"),
    ("FR", "2026-12-26", False, "St Stephen's Day"),
    ("FR-6AE", "2026-12-26", True, "St Stephen's Day, in Alsace"),
    ("FR-57", "2026-12-26", True, "St Stephen's Day, in Moselle"),
    ("ES-CT", "2026-09-11", True, "Diada"),
    ("ES-MD", "2026-09-11", False, "Diada"),
    ("CH-ZH", "2026-08-01", True, "Swiss National Day"),
    ("CH-GE", "2026-09-10", True, "Jeûne genevois"),
    ("MY-14", "2026-02-01", True, "Federal Territory Day"),
    ("PT-30", "2026-07-01", True, "Madeira Day"),
    ("CN", "2026-10-06", True, "National Day week"),
    ("CN", "2026-10-19", False, "a Monday"),
    ("CN", "2026-04-07", False, "a Tuesday"),
    ("HK", "2026-10-06", False, "National Day week is of the mainland"),
    ("HK", "2026-10-19", True, "the day after Chung Yeung, a Sunday"),
    ("HK", "2026-04-07", True, "the day after Ching Ming, Easter moved it"),
    ("HK", "2026-07-01", True, "HKSAR Establishment Day"),
    ("MO", "2026-10-06", False, "National Day week is of the mainland"),
    ("MO", "2026-12-20", True, "Macau SAR Establishment Day"),
    ("TW", "2026-10-06", False, "National Day week is of the mainland"),
    ("TW", "2026-10-10", True, "Double Ten, a make-up workday on the mainland"),
    ("TW", "2026-02-28", True, "Peace Memorial Day, a make-up workday on the mainland"),
]


@pytest.mark.parametrize(("country", "day", "is_holiday", "why"), CALENDAR)
def test_a_day_is_a_holiday_where_it_is_one(
    country: str, day: str, is_holiday: bool, why: str
) -> None:
    asked = date.fromisoformat(day)
    assert (asked in public_holidays(country, asked, asked)) == is_holiday, why


def test_make_up_workdays_are_the_announced_ones(exported: dict[str, dict[str, Any]]) -> None:
    announced = days(*exported["chinese_calendar_2024_2026"]["makeup_workdays"])
    assert makeup_workdays("CN", date(2024, 1, 1), date(2026, 12, 31)) == announced
    assert len([day for day in announced if day.year == 2026]) == 6
    for country in ("HK", "MO", "SG"):
        assert makeup_workdays(country, date(2024, 1, 1), date(2027, 12, 31)) == frozenset()


def test_other_countries_work_on_weekends_too() -> None:
    assert makeup_workdays("HU", date(2026, 1, 1), date(2026, 12, 31)) >= days("2026-01-10")


# country, first, last: since when nothing is announced, and the days that are guessed
GUESSED: list[tuple[str, str, str, tuple[str | None, tuple[str, ...]] | None]] = [
    ("CN", "2026-11-18", "2026-12-31", None),
    ("CN", "2026-11-18", "2027-01-01", ("2027-01-01", ("2027-01-01",))),
    ("CN", "2026-12-31", "2027-01-31", ("2027-01-01", ("2027-01-01",))),
    ("CN", "2027-01-05", "2027-01-31", ("2027-01-05", ())),
    ("HK", "2026-11-18", "2027-12-31", None),
    ("MO", "2026-11-18", "2027-12-31", None),
    ("TW", "2026-11-18", "2027-12-31", None),
    ("DE-BY", "2026-11-18", "2027-12-31", None),
    ("ID", "2027-03-01", "2027-03-31", (None, ("2027-03-10", "2027-03-11"))),  # Eid al-Fitr
    ("ID", "2027-01-01", "2027-02-28", None),
    ("IN-MH", "2027-03-01", "2027-03-31", (None, ("2027-03-10",))),
    ("AE", "2027-03-01", "2027-03-31", (None, ("2027-03-09", "2027-03-10", "2027-03-11"))),
]


@pytest.mark.parametrize(("country", "first", "last", "expected"), GUESSED)
def test_what_nobody_announced_is_a_guess(
    country: str, first: str, last: str, expected: tuple[str | None, tuple[str, ...]] | None
) -> None:
    guess = guessed_holidays(country, date.fromisoformat(first), date.fromisoformat(last))
    if guess is None:
        assert expected is None
        return
    since = None if guess.since is None else guess.since.isoformat()
    assert (since, tuple(map(str, guess.days))) == expected
    assert guess.country == country


CODES: list[tuple[str, str | None, bool]] = [
    ("CN", "CN", False),
    ("GB-ENG", "GB-ENG", False),
    ("UK", "GB", False),
    ("UK-SCT", "GB-SCT", False),
    ("DE-BY", "DE-BY", False),
    ("US-CA", "US-CA", False),
    ("MY-14", "MY-14", False),
    ("CN-HK", "HK", False),
    ("CN-MO", "MO", False),
    ("CN-TW", "TW", False),
    ("US-PR", "PR", False),
    ("FR-RE", "RE", False),
    ("NL-CW", "CW", False),
    ("CN-SH", "CN", True),
    ("JP-13", "JP", True),
    ("GB-LND", "GB", True),
    ("DE-XX", "DE", True),
    ("ZZ", None, False),
    ("ZZ-ENG", None, False),
    ("EU", None, False),
    ("GB-", None, False),
    ("GB-ENGL", None, False),
    ("GB_ENG", None, False),
    ("gb-eng", None, False),
    ("England", None, False),
    ("", None, False),
]


@pytest.mark.parametrize(("code", "calendar", "part_unknown"), CODES)
def test_a_code_is_a_calendar(code: str, calendar: str | None, part_unknown: bool) -> None:
    expected = None if calendar is None else (calendar, part_unknown)
    assert read_country(code) == expected
    if calendar is not None:
        public_holidays(calendar, date(2026, 1, 1), date(2026, 12, 31))


COUNTRIES: list[tuple[str, bool]] = [
    ("CN", True),
    ("KP", True),
    ("IQ", True),
    ("SS", True),
    ("BV", True),  # an empty calendar is one
    ("UK", True),  # reserved for GB
    ("XK", True),  # Kosovo, in use though not assigned
    ("ZZ", False),
    ("XX", False),
    ("EU", False),
    ("AN", False),  # no longer a country
    ("SU", False),
    ("cn", False),
    ("CHN", False),
    ("NYSE", False),
    ("DE-BY", False),
    ("", False),
]


@pytest.mark.parametrize(("code", "known"), COUNTRIES)
def test_a_country_is_one_with_a_calendar(code: str, known: bool) -> None:
    assert is_country(code) == known


def test_all_of_iso_3166_have_a_calendar() -> None:
    pairs = [one + two for one in ascii_uppercase for two in ascii_uppercase]
    assert len(set(filter(is_country, pairs)) - {"UK", "XK"}) >= 249


@pytest.mark.parametrize("country", ["XX", "", "DE-XX", "China"])
def test_an_unknown_country_is_refused(country: str) -> None:
    with pytest.raises(ValueError, match="known holiday calendar"):
        public_holidays(country, date(2026, 1, 1), date(2026, 12, 31))
