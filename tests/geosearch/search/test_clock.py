"""The clock of an index: minutes and hours of instants, and the bounds of its horizon."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from geosearch.errors import BadRequest
from geosearch.kernel.criteria import ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN
from geosearch.query.query import Query
from geosearch.search.clock import Clock
from indexes.timetable import HORIZON_MINUTES
from tests.geosearch.number_worlds import START


def hours_at(at: datetime, **wish: Any) -> tuple[int, ...]:
    return tuple(Clock(START).hours(Query(lat=0.0, lng=0.0, **wish), at))


END = START + timedelta(minutes=HORIZON_MINUTES)
INCLUDE = {"hours_unknown": "include"}


@pytest.mark.parametrize(
    ("at", "wish", "expected"),
    [
        # START is a Saturday: hour 120 of the week.
        (START, {}, (0, -1, 120, 120, ANY_HOURS)),
        (START + timedelta(seconds=59.9), {}, (0, -1, 120, 120, ANY_HOURS)),
        (START + timedelta(days=2), {"open": "now"}, (2880, -1, 0, 0, OPEN_ONLY)),
        (START, {"open": "now", **INCLUDE}, (0, -1, 120, 120, OPEN_OR_UNKNOWN)),
        (START, {"min_minutes_left": 60}, (0, 60, 120, 120, OPEN_ONLY)),
        (START, {"min_minutes_left": 61}, (0, 61, 120, 121, OPEN_ONLY)),
        # A part of a minute counts: half a minute on, 60 more end within minute 60.
        (START + timedelta(seconds=30), {"min_minutes_left": 60}, (0, 61, 120, 121, OPEN_ONLY)),
        (
            END - timedelta(microseconds=1),
            {"min_minutes_left": 9},
            (
                HORIZON_MINUTES - 1,
                HORIZON_MINUTES,
                (120 + 45 * 24 - 1) % 168,
                (120 + 45 * 24 - 1) % 168,
                OPEN_ONLY,
            ),
        ),
    ],
)
def test_clock(at: datetime, wish: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert hours_at(at, **wish) == expected
    for zone in (timezone(timedelta(hours=5, minutes=45)), ZoneInfo("America/New_York")):
        assert hours_at(at.astimezone(zone), **wish) == expected


@pytest.mark.parametrize("at", [START - timedelta(microseconds=1), END, END + timedelta(days=999)])
def test_an_instant_outside_the_horizon_is_refused_with_the_bounds(at: datetime) -> None:
    with pytest.raises(BadRequest) as caught:
        hours_at(at)
    assert caught.value.code == "at_outside_horizon"
    assert caught.value.errors[0]["pointer"] == "/at"
    for bound in (START, END, at):
        assert bound.astimezone(UTC).isoformat() in str(caught.value)
