"""Minutes of the horizon that people name in words: `Mo-Fr 12:00-13:30`, `Sa,Su 19:00`.

Useful for: `worth` (when a habit happens) and `coverage` (the slots of a week).
"""

import re
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from geosearch.errors import BadRequest
from geosearch.hours.schedules import Horizon, evaluate
from geosearch.hours.text import UnreadableHours, read_hours
from geosearch.query.parameters import Where, problem, shown
from indexes.arrays import I64, Bools
from indexes.timetable import HORIZON_MINUTES, OPEN

_INSTANT = re.compile(r"(?P<days>.*?)\s*\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\s*$")


class WallClock:
    """The local time of an index, over its horizon.

    Parameters
    ----------
    start
        Start of the horizon, midnight UTC.
    info
        Result of `Searcher.info`, which names zone and country.
    """

    def __init__(self, start: datetime, info: dict[str, Any]) -> None:
        self._horizon = Horizon(start)
        self._zone, self._country = info["time_zone"], info["country"]

    def inside(
        self, text: str, position: tuple[float, float] | None = None, where: Where = ()
    ) -> Bools:
        """Whether each minute of the horizon is inside opening hours, bool[HORIZON_MINUTES].

        A minute that the text leaves in doubt is not inside.

        Parameters
        ----------
        position
            (lat, lng) in degrees, for hours that follow the sun.
        where
            Path of the text in a request.

        Raises
        ------
        BadRequest
            The text is not understood.
        """
        try:
            minutes, states = evaluate(
                read_hours(text).expression,
                zone=self._zone,
                country=self._country,
                horizon=self._horizon,
                position=position,
            )
        except UnreadableHours as error:
            name = f"`{where[-1]}`" if where else "times"
            expected = f"{name} as opening hours, such as Mo-Fr 12:00-13:30"
            found = problem("unreadable_hours", expected, shown(text), where)
            raise BadRequest(f"{found['detail']} ({error})", [found]) from None
        lengths = np.diff(np.append(minutes.astype(np.int64), HORIZON_MINUTES))
        inside: Bools = np.repeat(states == OPEN, lengths)
        return inside

    def instants(self, text: str, where: Where = ()) -> I64:
        """Minutes of the horizon that a text such as `Mo-Fr 12:15` names, ascending.

        Raises
        ------
        BadRequest
            The text is not understood, or names no time of day.
        """
        named = _INSTANT.match(text)
        if named is None:
            expected = "days and a time, such as Mo-Fr 12:15"
            found = problem("unreadable_hours", expected, shown(text), where)
            raise BadRequest(found["detail"], [found])
        first = int(named["hour"]) * 60 + int(named["minute"])
        span = f"{_clock(first)}-{_clock(first + 1)}"
        return np.flatnonzero(self.inside(f"{named['days']} {span}".strip(), None, where))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def minutes_since(start: datetime, at: datetime) -> int:
    """Minutes from the start of the horizon to an instant, rounded up."""
    return -((start - at) // timedelta(minutes=1))
