"""Holiday calendars against exported official ones."""

import json
from datetime import date, timedelta
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest

from geosearch.hours.holidays import is_country, public_holidays, school_holidays


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


def test_a_part_of_a_country_adds_its_own() -> None:
    epiphany = date(2027, 1, 6)
    assert epiphany not in public_holidays("DE", epiphany, epiphany)
    assert epiphany in public_holidays("DE-BY", epiphany, epiphany)


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


def test_school_holidays_where_they_are_known() -> None:
    assert school_holidays("CN", date(2026, 1, 1), date(2026, 12, 31)) == frozenset()
    assert school_holidays("XX", date(2026, 1, 1), date(2026, 12, 31)) == frozenset()
    assert school_holidays("NL", date(2026, 1, 1), date(2026, 12, 31))
