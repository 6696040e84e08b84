"""Conversion of Google's place API opening periods to an OSM opening_hours expression.

A list of periods is one week that repeats, without dates and holidays.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from geosearch.hours.text import UnreadableHours

_WEEKDAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY: Final = 1440
_WEEK: Final = 7 * _DAY
_TIME: Final = re.compile("([01][0-9]|2[0-3])[0-5][0-9]|2400")


def periods_expression(periods: Sequence[Mapping[str, Any]]) -> str:
    """Return the opening_hours expression that is open exactly in the given periods.

    Parameters
    ----------
    periods
        Each is `{"open": point, "close": point}` with a point such as
        `{"day": 5, "hour": 18, "minute": 30}`. Day 0 is Sunday, a missing `minute` is 0, and hour
        24 is the end of the day. `"time": "1830"`, from the older Place Details API, may replace
        hour and minute. A single period without `close` is open all the time. Periods may touch,
        overlap, and run past midnight or Saturday.

    Raises
    ------
    UnreadableHours
        The list is empty, a field is missing or out of range, a period is empty, or one of several
        periods has no `close`.

    Examples
    --------
    >>> periods_expression([{"open": {"day": 5, "hour": 18}, "close": {"day": 6, "hour": 2}}])
    'Fr 18:00-02:00'
    """
    if not periods:
        raise UnreadableHours("Expected at least one period, got none - at `opening_periods`")
    spans: list[tuple[int, int]] = []
    for number, period in enumerate(periods):
        where = f"opening_periods[{number}]"
        if not isinstance(period, Mapping):
            raise UnreadableHours(f"Expected an object, got {period!r} - at `{where}`")
        opens = _minute_of_week(period.get("open"), f"{where}.open")
        if period.get("close") is None:
            if len(periods) > 1:
                raise UnreadableHours(
                    "Expected `close`, or one single period, got a period without it among "
                    f"{len(periods)} - at `{where}`"
                )
            return "24/7"
        closes = _minute_of_week(period["close"], f"{where}.close")
        if closes == opens:
            raise UnreadableHours(
                f"Expected a close after the open, got the same minute - at `{where}`"
            )
        spans.append((opens, closes if closes > opens else closes + _WEEK))
    return _expression(_merged(spans))


def _minute_of_week(point: Any, where: str) -> int:
    """Return the minutes since Monday 00:00."""
    if not isinstance(point, Mapping):
        raise UnreadableHours(f"Expected an object, got {point!r} - at `{where}`")
    day = _integer(point, "day", 6, where)
    if "time" in point and "hour" not in point:
        time = point["time"]
        if not isinstance(time, str) or not _TIME.fullmatch(time):
            raise UnreadableHours(f'Expected `time` such as "1830", got {time!r} - at `{where}`')
        hour, minute = int(time[:2]), int(time[2:])
    else:
        hour = _integer(point, "hour", 24, where)
        minute = _integer(point, "minute", 59 if hour < 24 else 0, where, absent=0)
    return ((day + 6) % 7 * _DAY + hour * 60 + minute) % _WEEK


def _integer(
    point: Mapping[str, Any], name: str, most: int, where: str, absent: int | None = None
) -> int:
    value = point.get(name)
    if value is None:
        value = absent
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # tables of doubles write 9 as 9.0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise UnreadableHours(
            f"Expected an integer in [0, {most}], got {value!r} - at `{where}.{name}`"
        )
    return value


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that touch or overlap on the circle of the week; starts in [0, week)."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    # A span that runs past Sunday may touch the first spans of Monday.
    while len(merged) > 1 and merged[0][0] + _WEEK <= merged[-1][1]:
        _, end = merged.pop(0)
        merged[-1] = (merged[-1][0], max(merged[-1][1], end + _WEEK))
    if merged[0][1] - merged[0][0] >= _WEEK:
        return [(0, _WEEK)]
    return merged


def _expression(spans: list[tuple[int, int]]) -> str:
    if spans == [(0, _WEEK)]:
        return "24/7"
    by_day: dict[int, list[str]] = {}
    for begin, end in spans:
        while begin < end:
            day, minute = divmod(begin, _DAY)
            # A span of less than 24 hours is written on the day it starts; a longer one is split at
            # midnight.
            length = end - begin if end - begin < _DAY else _DAY - minute
            by_day.setdefault(day % 7, []).append(_span(minute, minute + length))
            begin += length
    days_of: dict[str, list[int]] = {}
    for day in sorted(by_day):
        days_of.setdefault(",".join(sorted(by_day[day])), []).append(day)
    # Commas join the rules: a `;` would cut spans that run past midnight into the next rule's days.
    return ", ".join(f"{_days(days)} {times}" for times, days in days_of.items())


def _span(begin: int, end: int) -> str:
    if end > _DAY:
        end -= _DAY
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


def _days(days: list[int]) -> str:
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        _WEEKDAYS[run[0]] if len(run) == 1 else f"{_WEEKDAYS[run[0]]}-{_WEEKDAYS[run[-1]]}"
        for run in runs
    )
