"""Offsets over a horizon agree with the time zone database at every minute looked at."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from geosearch.hours.offsets import offset_changes
from indexes.timetable import HORIZON_MINUTES

CASES = [
    ("Asia/Shanghai", "2026-11-21", 1),
    ("Asia/Kathmandu", "2026-11-21", 1),
    ("America/New_York", "2026-10-10", 2),
    ("Europe/London", "2026-03-01", 2),
    # Half an hour of summer time, which ends in the middle of an hour of UTC.
    ("Australia/Lord_Howe", "2026-03-01", 2),
    # Ramadan puts the clock back and forth within 45 days.
    ("Africa/Casablanca", "2026-02-10", 3),
    # A day that never was: from UTC-10 to UTC+14.
    ("Pacific/Apia", "2011-12-01", 2),
]


@pytest.mark.parametrize(("name", "day", "count"), CASES)
def test_offsets(name: str, day: str, count: int) -> None:
    zone, start = ZoneInfo(name), datetime.fromisoformat(day).replace(tzinfo=UTC)
    changes = offset_changes(zone, start)
    assert len(changes) == count
    assert changes[0][0] == 0
    edges = {minute + step for minute, _ in changes for step in (-1, 0, 1)}
    minutes = {Random(name).randrange(HORIZON_MINUTES) for _ in range(500)} | edges
    ends = [*(minute for minute, _ in changes[1:]), HORIZON_MINUTES + 1]
    for minute in minutes - {-1}:
        said = next(offset for (_, offset), end in zip(changes, ends, strict=True) if minute < end)
        local = (start + timedelta(minutes=minute)).astimezone(zone)
        assert local.utcoffset() == timedelta(minutes=said)
    assert all(one != next_one for (_, one), (_, next_one) in pairwise(changes))
