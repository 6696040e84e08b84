"""Conversion of a query's instant to minutes and hours of the index, once for all segments."""

from datetime import datetime, timedelta, timezone

from geosearch.errors import BadRequest
from geosearch.kernel.criteria import ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN, Hours
from geosearch.query.parameters import problem
from geosearch.query.query import Query
from indexes.cache import BoundedCache
from indexes.timetable import HORIZON_MINUTES, HOURS_OF_WEEK

HOURS_BYTES = 2 << 20
"""Most bytes of cached `Hours`, by minute."""

OFFSETS_BYTES = 64 << 10
"""Most bytes of the cached start, by offset from UTC."""

_HOURS_BYTES, _OFFSET_BYTES = 384, 256
"""Bytes of one entry of each cache."""

_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 1_440


class Clock:
    """Converts instants to minutes of an index's time horizon.

    Parameters
    ----------
    start
        Start of the horizon, midnight UTC.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._starts = BoundedCache[timezone, datetime](OFFSETS_BYTES)
        self._first_hour = start.weekday() * 24
        self._kept = BoundedCache[tuple[int, int], Hours](HOURS_BYTES)

    def hours(self, query: Query, at: datetime) -> Hours:
        """The minute of a query at an aware instant, and its condition on opening hours.

        Raises
        ------
        BadRequest
            If the instant lies outside the horizon; the message names the bounds.
        """
        since = at - self._start_for(at)
        minute = since.days * _DAY_MINUTES + since.seconds // 60
        if not 0 <= minute < HORIZON_MINUTES:
            raise _outside_horizon(at, self._start)
        mode = ANY_HOURS
        if query.must_be_open:
            mode = OPEN_OR_UNKNOWN if query.hours_unknown == "include" else OPEN_ONLY
        if query.min_minutes_left:
            # Rounds up: a shop that closes within the last minute closes too early.
            until = min(-(-since // _MINUTE) + query.min_minutes_left, HORIZON_MINUTES)
            last = self._hour_of_week(max(until - 1, minute))
            return Hours(minute, until, self._hour_of_week(minute), last, mode)
        found = self._kept.get((minute, mode))
        if found is None:
            hour = self._hour_of_week(minute)
            hours = Hours(minute, -1, hour, hour, mode)
            found = self._kept.keep((minute, mode), hours, _HOURS_BYTES)
        return found

    def not_now(self, now: datetime) -> str:
        """The error message for an index whose horizon does not include now."""
        shown = now.isoformat(timespec="seconds")
        return (
            f"The time horizon of the index, {_horizon(self._start)}, does not include now, "
            f"{shown} - build a new version"
        )

    def _start_for(self, at: datetime) -> datetime:
        """The start in the UTC offset of an instant: two datetimes of one offset subtract faster.

        Only for fixed offsets: Python subtracts two datetimes of one zone by their wall clocks.
        """
        zone = at.tzinfo
        if type(zone) is not timezone:
            return self._start
        start = self._starts.get(zone)
        if start is None:
            start = self._starts.keep(zone, self._start.astimezone(zone), _OFFSET_BYTES)
        return start

    def _hour_of_week(self, minute: int) -> int:
        return (self._first_hour + minute // 60) % HOURS_OF_WEEK


def _outside_horizon(at: datetime, start: datetime) -> BadRequest:
    expected = f"`at` in the index's time horizon, {_horizon(start)}"
    found = problem("at_outside_horizon", expected, at.isoformat(), ("at",))
    return BadRequest(found["detail"], [found], "at_outside_horizon")


def _horizon(start: datetime) -> str:
    end = start + timedelta(minutes=HORIZON_MINUTES)
    return f"{start.isoformat()} to {end.isoformat()}"
