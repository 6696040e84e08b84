"""How far the clock of a time zone is ahead of UTC, over the minutes of a horizon.

Useful for: whatever turns minutes of the horizon into local time, or back, many times.
Not useful for: one instant; `zoneinfo` does that.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from indexes.timetable import HORIZON_MINUTES

_STEP = 6 * 60
_MINUTE = timedelta(minutes=1)


def offset_changes(zone: ZoneInfo, start: datetime) -> list[tuple[int, int]]:
    """Minutes of the horizon from which on an offset holds, and the offset in minutes east.

    Parameters
    ----------
    start
        Start of the horizon.

    Returns
    -------
    list of (minute, offset)
        Ascending, the first at 0, the last at most at the end of the horizon.

    Notes
    -----
    No zone changes its offset twice within six hours, and none has had an offset with seconds in it
    since 1972. Where the ends of six hours differ, the minute of the change is bisected.

    Examples
    --------
    >>> from datetime import UTC
    >>> offset_changes(ZoneInfo("Europe/Berlin"), datetime(2026, 10, 1, tzinfo=UTC))
    [(0, 120), (34620, 60)]
    """

    def offset_at(minute: int) -> int:
        offset = (start + minute * _MINUTE).astimezone(zone).utcoffset()
        assert offset is not None
        return offset // _MINUTE

    changes = [(0, offset_at(0))]
    for step_end in range(_STEP, HORIZON_MINUTES + 1, _STEP):
        after = offset_at(step_end)
        if after != changes[-1][1]:
            before, minute = step_end - _STEP, step_end
            while minute - before > 1:
                middle = (before + minute) // 2
                if offset_at(middle) == after:
                    minute = middle
                else:
                    before = middle
            changes.append((minute, after))
    return changes
