"""Weekend days that are worked have the hours of `Mo-Fr`, and only where that is asked for."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from geosearch.hours.schedules import Horizon, evaluate, window
from geosearch.hours.workdays import says_weekdays, spell_out_workdays
from indexes.timetable import CLOSED, OPEN

HORIZON = Horizon.for_build(datetime.fromisoformat("2026-09-10T00:00:00+08:00"))
SHANGHAI = ZoneInfo("Asia/Shanghai")
SATURDAY, SUNDAY = date(2026, 10, 10), date(2026, 9, 20)

OFFICE = "Mo-Fr 09:00-18:00; PH off"

# The State Council's days: 20 September (Sunday) and 10 October (Saturday) are worked, 25 to 27
# September and 1 to 7 October are off.
# hours, instant, open without the option, open with it
MAKEUP: list[tuple[str, str, bool, bool]] = [
    (OFFICE, "2026-09-20T10:00", False, True),
    (OFFICE, "2026-10-10T10:00", False, True),
    (OFFICE, "2026-10-10T08:59", False, False),
    (OFFICE, "2026-10-10T17:59", False, True),
    (OFFICE, "2026-10-10T18:00", False, False),
    (OFFICE, "2026-10-11T10:00", False, False),  # the Sunday after
    (OFFICE, "2026-09-19T10:00", False, False),  # the Saturday before
    (OFFICE, "2026-10-17T10:00", False, False),  # an ordinary Saturday
    (OFFICE, "2026-10-09T10:00", True, True),  # an ordinary Friday
    (OFFICE, "2026-09-25T10:00", False, False),  # a Friday off
    (OFFICE, "2026-10-06T10:00", False, False),  # a Tuesday off
    (OFFICE, "2026-10-08T10:00", True, True),
    ("Mo-Fr 09:00-18:00; Sa 10:00-14:00", "2026-10-10T17:00", False, True),
    ("Mo-Fr 09:00-18:00; Sa 10:00-20:00", "2026-10-10T19:00", True, False),  # no Saturday
    ("Mo-Fr 09:00-18:00; Sa 10:00-20:00", "2026-10-17T19:00", True, True),
    ("Mo-Fr 09:00-18:00; Sa,Su off", "2026-10-10T10:00", False, True),
    ("Mo-Fr 09:00-18:00; Sa-Su,PH 10:00-16:00", "2026-10-10T09:30", False, True),
    ("Mo-Fr 09:00-18:00; Sa[2] 10:00-20:00", "2026-10-10T19:00", True, False),
    ("Mo-Sa 09:00-18:00; Su off", "2026-10-10T10:00", True, True),
    ("Mo-Sa 09:00-18:00; Su off", "2026-09-20T10:00", False, True),
    ("Mo-Su 09:00-18:00", "2026-09-20T10:00", True, True),
    ("Mo,Tu,We,Th,Fr 09:00-18:00", "2026-10-10T10:00", False, True),
    ("mo-fr 09:00-18:00", "2026-10-10T10:00", False, True),
    ("Sep-Oct Mo-Fr 09:00-18:00", "2026-10-10T10:00", False, True),
    ("Oct 12-31 Mo-Fr 09:00-18:00", "2026-10-10T10:00", False, False),
    ('Mo-Fr 09:00-18:00 "Sa by phone"', "2026-10-17T10:00", False, False),
    # nights run into the day after, from the day before
    ("Mo-Fr 18:00-02:00", "2026-10-10T01:00", True, True),
    ("Mo-Fr 18:00-02:00", "2026-10-11T01:00", False, True),
    ("Mo-Fr 18:00-02:00", "2026-10-11T02:00", False, False),
    ("Mo-Fr 18:00-02:00", "2026-09-21T01:00", False, True),
    ("Mo-Fr 18:00-23:00, Sa 20:00-03:00", "2026-10-11T02:00", True, False),
    # hours that do not say Monday to Friday keep their weekend
    ("Sa-Su 10:00-20:00", "2026-10-10T12:00", True, True),
    ("Mo-Th 09:00-18:00; Fr 09:00-12:00", "2026-10-10T10:00", False, False),
    ("Su-Th 10:00-22:00; Fr-Sa 10:00-23:00", "2026-10-10T22:30", True, True),
    ("09:00-18:00", "2026-10-10T10:00", True, True),
    ("24/7", "2026-10-10T10:00", True, True),
]


def state_at(schedule: tuple[np.ndarray, np.ndarray], instant: str) -> int:
    at = datetime.fromisoformat(instant).replace(tzinfo=SHANGHAI)
    found = np.searchsorted(schedule[0], HORIZON.minute_of(at), side="right") - 1
    return int(schedule[1][found])


@pytest.mark.parametrize(("hours", "instant", "without", "with_option"), MAKEUP)
def test_hours_of_workdays_hold_on_make_up_workdays(
    hours: str, instant: str, without: bool, with_option: bool
) -> None:
    for makeup, expected in ((False, without), (True, with_option)):
        schedule = evaluate(
            hours, zone="Asia/Shanghai", country="CN", horizon=HORIZON, makeup=makeup
        )
        assert state_at(schedule, instant) == (OPEN if expected else CLOSED), (makeup, instant)
        usable = window(
            hours,
            zone="Asia/Shanghai",
            country="CN",
            horizon=HORIZON,
            valid_from=None,
            valid_through=None,
            makeup=makeup,
        )
        assert state_at(usable, instant) == (OPEN if expected else CLOSED), "deals alike"


@pytest.mark.parametrize("country", ["HK", "MO", "TW", "SG", "DE-BY"])
def test_nobody_else_works_on_them(country: str) -> None:
    for hours in {hours for hours, *_ in MAKEUP}:
        zone = "Asia/Hong_Kong"
        schedules = [
            evaluate(hours, zone=zone, country=country, horizon=HORIZON, makeup=makeup)
            for makeup in (False, True)
        ]
        assert all(np.array_equal(*pair) for pair in zip(*schedules, strict=True))


def test_every_minute_of_a_make_up_workday_is_that_of_a_workday() -> None:
    """A Wednesday and the Saturday have the same minutes, and the nights after them."""
    for hours in ("Mo-Fr 09:00-18:00", "Mo-Fr 09:00-12:00,13:00-18:00", "Mo-Sa 18:00-02:00"):
        minutes, states = evaluate(
            hours, zone="Asia/Shanghai", country="CN", horizon=HORIZON, makeup=True
        )
        whole = states[np.searchsorted(minutes, np.arange(HORIZON.minutes), side="right") - 1]
        days = []
        for day in (date(2026, 10, 14), SATURDAY, SUNDAY):
            begin = datetime.combine(day, datetime.min.time(), SHANGHAI) + timedelta(hours=6)
            first = HORIZON.minute_of(begin)
            days.append(whole[first : first + 1440].tolist())
        assert days[0] == days[1] == days[2]
        assert OPEN in days[0]


# expression, whether it says Monday to Friday, what is left of it on the worked Saturday
SPELLED: list[tuple[str, bool, str]] = [
    ("Mo-Fr 09:00-18:00", True, "Mo,Tu,We,Th,Fr,Sa 09:00-18:00"),
    ("Mo - Fr 09:00-18:00", True, "Mo,Tu,We,Th,Fr,Sa 09:00-18:00"),
    ("Mo, Tu, We, Th, Fr 09:00-12:00", True, "Mo,Tu,We,Th,Fr,Sa 09:00-12:00"),
    ("Fr-Th 10:00-11:00", True, "Mo,Tu,We,Th,Fr,Sa,Su 10:00-11:00"),
    ("Mo-Fr,PH 09:00-18:00", True, "Mo,Tu,We,Th,Fr,Sa,PH 09:00-18:00"),
    ("PH,Mo-Fr 09:00-18:00", True, "PH,Mo,Tu,We,Th,Fr,Sa 09:00-18:00"),
    ("Mo-Fr 09:00-18:00; Sa 10:00-14:00", True, "Mo,Tu,We,Th,Fr,Sa 09:00-18:00; Su 10:00-14:00"),
    ("Mo-Fr 09:00-18:00; Sa,Su[1] off", True, "Mo,Tu,We,Th,Fr,Sa 09:00-18:00; Su[1] off"),
    ("Sa[1],Su 10:00-12:00; Mo-Fr off", True, "Su 10:00-12:00; Mo,Tu,We,Th,Fr,Sa off"),
    ('Mo-Fr 09:00-12:00 "Sa,Su too"', True, 'Mo,Tu,We,Th,Fr,Sa 09:00-12:00 "Sa,Su too"'),
    ('Sa 09:00-12:00 "Mo-Fr"', False, 'Su 09:00-12:00 "Mo-Fr"'),
    ("Mo-Th 09:00-18:00", False, "Mo,Tu,We,Th 09:00-18:00"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "says", "spelled"), SPELLED)
def test_weekdays_are_spelled_out(expression: str, says: bool, spelled: str) -> None:
    assert says_weekdays(expression) == says
    assert spell_out_workdays(expression, SATURDAY, frozenset({SATURDAY})) == spelled
