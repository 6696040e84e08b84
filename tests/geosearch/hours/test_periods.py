"""Opening periods to expressions, against a week written out minute by minute."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.hours.periods import periods_expression
from geosearch.hours.schedules import Horizon, evaluate
from geosearch.hours.text import UnreadableHours

Point = dict[str, Any]
Period = dict[str, Any]

SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)
WEEK = 7 * 1440

points = st.builds(
    lambda day, hour, minute: {"day": day, "hour": hour, "minute": minute},
    st.integers(0, 6),
    st.one_of(st.sampled_from([0, 23]), st.integers(0, 23)),
    st.sampled_from([0, 30, 59]),
)


def minute_of_week(point: Point) -> int:
    return int(point["day"]) * 1440 + int(point["hour"]) * 60 + int(point["minute"])


periods = st.lists(
    st.builds(lambda opens, closes: {"open": opens, "close": closes}, points, points).filter(
        lambda period: period["open"] != period["close"]
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200)
@given(periods)
def test_the_expression_is_open_in_the_periods_only(given_periods: list[Period]) -> None:
    expected = np.zeros(WEEK, np.bool_)
    for period in given_periods:
        minute = minute_of_week(period["open"])
        while minute != minute_of_week(period["close"]):
            expected[minute] = True
            minute = (minute + 1) % WEEK
    horizon = Horizon.for_build(SUNDAY)
    minutes, states = evaluate(
        periods_expression(given_periods), zone="UTC", country="CN", horizon=horizon
    )
    first = horizon.minute_of(SUNDAY)
    asked = np.arange(first, first + 2 * WEEK)
    got = states[np.searchsorted(minutes, asked, side="right") - 1]
    assert np.array_equal(got == 1, np.tile(expected, 2))


def period(*numbers: int) -> Period:
    open_day, open_hour, close_day, close_hour = numbers
    return {
        "open": {"day": open_day, "hour": open_hour, "minute": 0},
        "close": {"day": close_day, "hour": close_hour, "minute": 0},
    }


def timed(day: int, opens: str, closes: str) -> Period:
    """A period as the older Place Details have it."""
    return {"open": {"day": day, "time": opens}, "close": {"day": day, "time": closes}}


@pytest.mark.parametrize(
    ("given_periods", "expression"),
    [
        ([{"open": {"day": 0, "hour": 0, "minute": 0}}], "24/7"),
        ([{"open": {"day": 0, "hour": 0, "minute": 0}, "close": None}], "24/7"),
        ([{"open": {"day": 1, "hour": 9, "minute": 0}}], "24/7"),
        ([{"open": {"day": 6, "hour": 23, "minute": 59}, "close": None}], "24/7"),
        ([period(day, 9, day, 17) for day in range(1, 6)], "Mo-Fr 09:00-17:00"),
        ([period(0, 9, 0, 17), period(6, 9, 6, 17)], "Sa-Su 09:00-17:00"),
        ([period(5, 18, 6, 2), period(6, 18, 0, 2)], "Fr-Sa 18:00-02:00"),
        ([period(6, 20, 0, 3), period(0, 10, 0, 20)], "Sa 20:00-03:00, Su 10:00-20:00"),
        ([period(1, 9, 1, 12), period(1, 14, 1, 18)], "Mo 09:00-12:00,14:00-18:00"),
        ([period(5, 20, 0, 3)], "Fr 20:00-24:00, Sa 00:00-24:00, Su 00:00-03:00"),
        ([period(day, 0, (day + 1) % 7, 0) for day in range(7)], "24/7"),
        ([period(0, 12, 6, 12), period(6, 12, 0, 12)], "24/7"),
        ([{"open": {"day": 2, "hour": 8}, "close": {"day": 2, "hour": 9}}], "Tu 08:00-09:00"),
        ([period(2, 9, 2, 24)], "Tu 09:00-24:00"),
        ([period(0, 20, 0, 24), period(1, 0, 1, 2)], "Su 20:00-02:00"),
        ([timed(2, "0930", "1700")], "Tu 09:30-17:00"),
        ([timed(6, "1800", "2400"), timed(0, "0000", "0200")], "Sa 18:00-02:00"),
        ([{"open": {"day": 0, "time": "0000"}}], "24/7"),
    ],
)
def test_expressions_are_short(given_periods: list[Period], expression: str) -> None:
    assert periods_expression(given_periods) == expression


@pytest.mark.parametrize(
    ("given_periods", "said"),
    [
        ([], "at least one period"),
        ([{}], "opening_periods[0].open"),
        (["always"], "opening_periods[0]"),
        ([{"open": {"day": 7, "hour": 0, "minute": 0}}], "[0, 6], got 7"),
        ([{"open": {"day": 1, "hour": 25}}], "[0, 24], got 25"),
        ([{"open": {"day": 1, "hour": 24, "minute": 1}}], "[0, 0], got 1"),
        ([{"open": {"day": 1, "time": "2460"}}], "Expected `time` such as \"1830\", got '2460'"),
        ([{"open": {"day": 1, "time": 900}}], "got 900 - at `opening_periods[0].open`"),
        ([{"open": {"day": 1, "hour": 9, "minute": 60}}], "[0, 59], got 60"),
        ([{"open": {"day": 1, "hour": "9"}}], "got '9'"),
        ([{"open": {"day": True, "hour": 9}}], "got True"),
        ([{"open": {"hour": 9}}], "opening_periods[0].open.day"),
        ([{"close": {"day": 1, "hour": 9}}], "opening_periods[0].open"),
        ([period(1, 9, 1, 17), {"open": {"day": 0, "hour": 0}}], "opening_periods[1]"),
        ([{"open": {"day": 0, "hour": 0}}, period(1, 9, 1, 17)], "Expected `close`"),
        ([period(1, 9, 1, 9)], "got the same minute"),
    ],
)
def test_what_is_no_list_of_periods_is_refused(given_periods: list[Any], said: str) -> None:
    with pytest.raises(UnreadableHours) as refused:
        periods_expression(given_periods)
    assert said in str(refused.value)


def test_the_week_above_begins_on_sunday() -> None:
    assert SUNDAY.date() == date(2026, 11, 22)
    assert SUNDAY.isoweekday() == 7
