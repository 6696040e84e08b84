"""UTC offsets of a time zone over the minutes of a horizon.

Use it to convert many minutes of the horizon to local time or back; `zoneinfo` converts single
instants.
"""

from bisect import bisect_left
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from indexes.timetable import HORIZON_MINUTES

_STEP = 6 * 60
_MINUTE = timedelta(minutes=1)
_ZONES = 1_024
"""Most zones and starts whose changes are kept; each small segment asks for them again."""


@lru_cache(maxsize=_ZONES)
def offset_changes(zone: ZoneInfo, start: datetime) -> tuple[tuple[int, int], ...]:
    """Return the minutes of the horizon at which an offset begins, and the offsets in minutes east.

    Parameters
    ----------
    start
        Start of the horizon.

    Returns
    -------
    tuple of (minute, offset)
        Ascending, the first at 0, the last at most at the end of the horizon.

    Notes
    -----
    No zone changes its offset twice within six hours, and none has had an offset with seconds since
    1972. If the offsets at both ends of six hours differ, bisection finds the minute of the change.

    Examples
    --------
    >>> from datetime import UTC
    >>> offset_changes(ZoneInfo("Europe/Berlin"), datetime(2026, 10, 1, tzinfo=UTC))
    ((0, 120), (34620, 60))
    """

    def offset_at(minute: int) -> int:
        offset = (start + minute * _MINUTE).astimezone(zone).utcoffset()
        assert offset is not None
        return offset // _MINUTE

    def first_minute(offset: int, step_end: int) -> int:
        minutes = range(step_end - _STEP, step_end)
        return minutes.start + bisect_left(minutes, True, key=lambda at: offset_at(at) == offset)

    changes = [(0, offset_at(0))]
    for step_end in range(_STEP, HORIZON_MINUTES + 1, _STEP):
        after = offset_at(step_end)
        if after != changes[-1][1]:
            changes.append((first_minute(after, step_end), after))
    return tuple(changes)
