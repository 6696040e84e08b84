"""Days that selectors name, line by line, and holidays against sets of dates."""

from datetime import date, timedelta

import pytest

from geosearch.hours.days import DayList, Holiday, Holidays, day_list, matching_days

# Tuesday, 22 December 2026 to Sunday, 3 January 2027.
FIRST = date(2026, 12, 22)
HOLIDAYS = Holidays(
    frozenset([date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)]),
    frozenset(date(2026, 12, 23) + timedelta(days=n) for n in range(10)),
)


def found(*alternatives: tuple[DayList, ...]) -> list[int]:
    flags = matching_days(alternatives, FIRST, 13, HOLIDAYS)
    return [(FIRST + timedelta(days=place)).day for place in range(13) if flags[place]]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("Mo,We-Th", [23, 24, 28, 30, 31]),
        ("Sa-Mo", [26, 27, 28, 2, 3]),
        ("Su[-1]", [27]),
        ("Su[1]", [3]),
        ("Sa[1] +1 day", [3]),
        ("Dec 31,Jan 1", [31, 1]),
        ("Dec 24-26", [24, 25, 26]),
        ("Dec 30-Jan 2", [30, 31, 1, 2]),
        ("2026 Dec 31-2027 Jan 1", [31, 1]),
        ("2025 Dec 31", []),
        ("Jan", [1, 2, 3]),
        ("2027", [1, 2, 3]),
        ("week 53", [28, 29, 30, 31, 1, 2, 3]),
        ("week 51-53/2", [28, 29, 30, 31, 1, 2, 3]),
    ],
)
def test_what_the_library_names(days: str, expected: list[int]) -> None:
    assert found((day_list(days, ()),)) == expected


def test_holidays_join_or_condition() -> None:
    public, school = Holiday("PH", 0), Holiday("SH", 0)
    sundays = day_list("Su", ())
    assert found((DayList("", (public,)),)) == [25, 26, 1]
    assert found((DayList("", (Holiday("PH", 1),)),)) == [26, 27, 2]
    assert found((DayList("", (Holiday("PH", -1),)),)) == [24, 25, 31]
    assert found((DayList("Su", (public,)),)) == [25, 26, 27, 1, 3]
    assert found((DayList("", (school,)), sundays)) == [27]
    assert found((DayList("", (school, public)), day_list("Fr", ()))) == [25, 1]
    assert found((DayList("", (public,)), sundays), (day_list("Dec 31", ()),)) == [31]
    assert found() == [*range(22, 32), 1, 2, 3]


def test_what_kind_of_days_a_list_names() -> None:
    kinds = {
        "Mo-Fr,Su": (True, False, False),
        "": (True, False, False),
        "Su[1]": (False, False, False),
        "Mar-Oct": (False, True, True),
        "week 1-10": (False, True, True),
        "2026-2027": (False, True, True),
        "Dec 24": (False, True, False),
        "easter": (False, True, False),
    }
    for days, expected in kinds.items():
        each = DayList(days, ())
        assert (each.is_weekly, each.is_wide, each.is_season) == expected, days


def test_what_names_no_days_is_refused() -> None:
    for days in ("Mi", "Feb 31-Mar", "week 60", "Su[9]"):
        with pytest.raises(ValueError, match="names no days"):
            day_list(days, ())
