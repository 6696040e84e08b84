"""Minutes that people name in words."""

from datetime import UTC, datetime

import numpy as np
import pytest

from geosearch.errors import BadRequest
from geosearch.studies.moments import WallClock, minutes_since

START = datetime(2026, 11, 22, tzinfo=UTC)  # a Sunday
CLOCK = WallClock(START, {"time_zone": "Asia/Shanghai", "country": "CN"})


@pytest.mark.parametrize(
    ("text", "first", "count"),
    [
        ("12:15", 4 * 60 + 15, 45),
        ("Mo-Fr 12:15", 1440 + 4 * 60 + 15, 32),
        ("We 19:00", 3 * 1440 + 11 * 60, 6),
        ("23:59", 15 * 60 + 59, 45),
        ("Su 7:05", 6 * 1440 + 23 * 60 + 5 - 1440 + 1440, 6),
    ],
)
def test_instants(text: str, first: int, count: int) -> None:
    minutes = CLOCK.instants(text)
    assert minutes[0] == first
    assert len(minutes) == count


@pytest.mark.parametrize("text", ["", "Mo-Fr", "noon", "25:00", "Mo 12:15-13:00 14:"])
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(BadRequest, match="Expected"):
        CLOCK.instants(text)


def test_inside_is_a_minute_wise_answer() -> None:
    inside = CLOCK.inside("Su 08:00-08:30")
    assert np.flatnonzero(inside[:1440]).tolist() == list(range(30))


def test_minutes_since_rounds_up() -> None:
    assert minutes_since(START, START) == 0
    assert minutes_since(START, datetime(2026, 11, 22, 0, 0, 1, tzinfo=UTC)) == 1
    assert minutes_since(START, datetime(2026, 11, 21, 23, 59, 30, tzinfo=UTC)) == 0
