"""Evaluation of opening hours and deal windows to schedules: states over the index's horizon.

Useful for: `evaluate` (shop hours), `window` (when a deal can be used), their `Horizon`, and the
parsers `read_hours` and `periods_expression`.
Not useful for: looking up a schedule at query time (`indexes.timetable`).

An expression refers to the wall clock, a schedule to instants. Each UTC minute takes the state of
the local minute that the wall clock shows. So an hour that the end of DST repeats has the same
states twice, and a skipped hour does not exist.

An expression means what the OSM specification says, as its reference checker, opening_hours.js,
reads it. docs/opening_hours.md lists the differences and their reasons. An ambiguous expression is
unknown or closed, never open. School holidays are not known, so `SH` may match any day: a state
that depends on it is unknown. Make-up workdays count if the snapshot enables them
(`geosearch.hours.workdays`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from geosearch.hours.days import Holidays
from geosearch.hours.holidays import Days, makeup_workdays, public_holidays
from geosearch.hours.local import LocalChanges, join, local_changes, part
from geosearch.hours.offsets import offset_changes
from geosearch.hours.periods import periods_expression
from geosearch.hours.rules import parse, uses_holidays, uses_sun
from geosearch.hours.spans import DAY_MINUTES
from geosearch.hours.text import HoursText, UnreadableHours, read_hours
from geosearch.hours.workdays import says_weekdays, spell_out_workdays, touched_days
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, UNKNOWN

__all__ = [
    "Horizon",
    "HoursText",
    "UnreadableHours",
    "evaluate",
    "local_days",
    "periods_expression",
    "read_hours",
    "uses_country",
    "uses_holidays",
    "uses_school_holidays",
    "uses_sun",
    "window",
]

Schedule = tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]

# Offsets in real data reach back two weeks at most; a month costs nothing.
_HOLIDAY_MARGIN: Final = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The 45 days that an index can answer for.

    Parameters
    ----------
    start
        Midnight UTC. Minute *m* of the horizon is [start + m, start + m + 1) minutes.
    """

    start: datetime

    def __post_init__(self) -> None:
        """Check that the start is a midnight in UTC."""
        if self.start.utcoffset() != timedelta() or self.start.time() != time():
            raise ValueError(f"Expected midnight UTC, got {self.start.isoformat()} - at `start`")

    @classmethod
    def for_build(cls, now: datetime) -> "Horizon":
        """Return the horizon of an index built at `now`, which starts on the day before, in UTC.

        Raises
        ------
        ValueError
            `now` has no offset.
        """
        day = _aware(now).astimezone(UTC).date() - timedelta(days=1)
        return cls(datetime.combine(day, time(), UTC))

    @property
    def minutes(self) -> int:
        """Length in minutes."""
        return HORIZON_MINUTES

    @property
    def end(self) -> datetime:
        """First instant after the horizon."""
        return self.start + timedelta(minutes=HORIZON_MINUTES)

    def minute_of(self, at: datetime) -> int:
        """Return the minute of the horizon of the instant `at`; outside [0, minutes) if none.

        Raises
        ------
        ValueError
            `at` has no offset.
        """
        return (_aware(at) - self.start) // timedelta(minutes=1)

    def contains(self, at: datetime) -> bool:
        """Return whether the instant `at` is inside the horizon."""
        return 0 <= self.minute_of(at) < HORIZON_MINUTES

    def instant(self, minute: int) -> datetime:
        """Return the instant, in UTC, at which a minute of the horizon begins."""
        return self.start + timedelta(minutes=minute)

    def hour_of_week(self) -> int:
        """Return the hour of the UTC week in which the horizon starts; 0 is Monday 00:00."""
        return self.start.weekday() * 24


class _Stretch(NamedTuple):
    """Minutes [begin, end) of the horizon at which the local clock runs `shift` minutes ahead."""

    begin: int
    end: int
    shift: int


class _LocalTime(NamedTuple):
    """Local clock of a zone over a horizon; `shift` counts from midnight of the first local day."""

    first: date
    last: date
    stretches: tuple[_Stretch, ...]


def evaluate(
    expression: str,
    *,
    zone: str,
    country: str,
    horizon: Horizon,
    position: tuple[float, float] | None = None,
    makeup: bool = False,
) -> Schedule:
    """Return the schedule of shop hours over the horizon.

    Parameters
    ----------
    expression
        OSM opening_hours, from `read_hours`.
    zone
        IANA time zone of the expression's wall clock.
    country
        ISO 3166 code whose holidays `PH` means; see `geosearch.hours.holidays`.
    position
        (lat, lng) in degrees. Only used if `uses_sun(expression)`.
    makeup
        Whether hours of `Mo-Fr` apply on make-up workdays.

    Returns
    -------
    tuple of uint16[n], uint8[n]
        Minutes at which the state changes, the first 0, and the states that begin there, as
        `indexes.timetable.TimetableBuilder.add` takes them.

    Raises
    ------
    UnreadableHours
        The grammar does not accept the expression.
    ValueError
        The zone is unknown, or the country has no calendar.

    Notes
    -----
    About 0.2 ms for a usual expression.
    """
    local = _local_time(zone, horizon)
    return _to_schedule(_local_changes(expression, zone, country, local, position, makeup), local)


def window(
    expression: str | None,
    *,
    zone: str,
    country: str,
    horizon: Horizon,
    valid_from: date | None,
    valid_through: date | None,
    position: tuple[float, float] | None = None,
    makeup: bool = False,
) -> Schedule:
    """Return the schedule in which a deal can be used: its hours on its valid dates.

    The other parameters are those of `evaluate`.

    Parameters
    ----------
    expression
        `use_hours`; None is always.
    valid_from, valid_through
        First and last local date, both included; None is no bound.

    Returns
    -------
    tuple of uint16[n], uint8[n]
        As from `evaluate`, but only open or closed: an unknown minute becomes closed, because a
        deal must never send people to a closed door.

    Raises
    ------
    UnreadableHours
        The grammar does not accept the expression.
    ValueError
        The zone is unknown, or the country has no calendar.
    """
    local = _local_time(zone, horizon)
    if expression is None:
        changes = LocalChanges(np.zeros(1, np.int64), np.array([OPEN], np.uint8))
    else:
        changes = _local_changes(expression, zone, country, local, position, makeup)
    usable = np.where(changes.states == UNKNOWN, np.uint8(CLOSED), changes.states)
    end = ((local.last - local.first).days + 1) * DAY_MINUTES
    begin_valid, end_valid = 0, end
    if valid_from is not None:
        begin_valid = min(max((valid_from - local.first).days * DAY_MINUTES, 0), end)
    if valid_through is not None:
        end_valid = min(max(((valid_through - local.first).days + 1) * DAY_MINUTES, 0), end)
    closed = LocalChanges(np.zeros(1, np.int64), np.array([CLOSED], np.uint8))
    end_valid = max(end_valid, begin_valid)
    valid = join(
        [
            part(closed, 0, begin_valid),
            part(LocalChanges(changes.minutes, usable), begin_valid, end_valid),
            part(closed, end_valid, end),
        ]
    )
    return _to_schedule(valid, local)


def uses_country(expression: str, *, makeup: bool) -> bool:
    """Return whether the expression depends on a country, by holidays or make-up workdays."""
    return uses_holidays(expression) or (makeup and says_weekdays(expression))


def uses_school_holidays(expression: str) -> bool:
    """Return whether the expression depends on school holidays.

    Examples
    --------
    >>> uses_school_holidays("Mo-Fr 08:00-16:00; SH off"), uses_school_holidays('24/7 "SH?"')
    (True, False)
    """
    return any(rule.has_school_holidays for rule in parse(expression))


def local_days(zone: str, horizon: Horizon) -> tuple[date, date]:
    """Return the first and last day of the horizon on a zone's wall clock.

    Raises
    ------
    ValueError
        The zone is unknown.
    """
    local = _local_time(zone, horizon)
    return local.first, local.last


def _aware(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"Expected an instant with an offset, got {at.isoformat()} - at `at`")
    return at


@lru_cache(maxsize=1024)
def _local_time(zone: str, horizon: Horizon) -> _LocalTime:
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"Expected an IANA time zone, got {zone!r} - at `time_zone`") from None

    changes = offset_changes(clock, horizon.start)
    offsets = [offset for _, offset in changes]
    first = (horizon.start + timedelta(minutes=min(offsets))).date()
    last = (horizon.end + timedelta(minutes=max(offsets) - 1)).date()
    to_first = (horizon.start.date() - first).days * DAY_MINUTES
    ends = [minute for minute, _ in changes[1:]] + [HORIZON_MINUTES]
    return _LocalTime(
        first,
        last,
        tuple(
            _Stretch(begin, end, to_first + offset)
            for (begin, offset), end in zip(changes, ends, strict=True)
            if begin < end
        ),
    )


def _local_changes(
    expression: str,
    zone: str,
    country: str,
    local: _LocalTime,
    position: tuple[float, float] | None,
    makeup: bool,
) -> LocalChanges:
    """Evaluate on the local clock; drop arguments that do not matter, for cache hits."""
    try:
        if position is None or not uses_sun(expression):
            zone, position = "", None
        makeup = makeup and says_weekdays(expression)
        if not uses_country(expression, makeup=makeup):
            country = ""
    except ValueError as error:
        raise UnreadableHours(f"Expected opening hours, got {expression!r} - at {error}") from None
    return _cached_changes(expression, zone, country, local.first, local.last, position, makeup)


# Offers of one card share a few windows and differ in their dates, so the same expression comes
# again and again.
@lru_cache(maxsize=4096)
def _cached_changes(
    expression: str,
    zone: str,
    country: str,
    first: date,
    last: date,
    position: tuple[float, float] | None,
    makeup: bool,
) -> LocalChanges:
    since, until = first - _HOLIDAY_MARGIN, last + _HOLIDAY_MARGIN
    public = public_holidays(country, since, until) if country else frozenset()
    worked = makeup_workdays(country, since, until) if makeup else frozenset()
    changes_of = partial(
        _calendar_changes, public=public, zone=ZoneInfo(zone) if zone else None, position=position
    )
    try:
        found = changes_of(expression, first, last)
        for day in touched_days(worked, first, last):
            of_day = changes_of(spell_out_workdays(expression, day, worked), day, day)
            found = _with_day(found, (day - first).days, of_day, (last - first).days + 1)
        return found
    except ValueError as error:
        raise UnreadableHours(f"Expected opening hours, got {expression!r} - at {error}") from None


def _calendar_changes(
    expression: str,
    first: date,
    last: date,
    *,
    public: Days,
    zone: ZoneInfo | None,
    position: tuple[float, float] | None,
) -> LocalChanges:
    """Evaluate with public holidays; a state that depends on school holidays is unknown."""

    def changes(school: Days) -> LocalChanges:
        holidays = Holidays(public, school)
        return local_changes(
            expression, first, last, holidays=holidays, zone=zone, position=position
        )

    if not uses_school_holidays(expression):
        return changes(frozenset())
    begin, days = first - _HOLIDAY_MARGIN, (last - first + 2 * _HOLIDAY_MARGIN).days + 1
    every = frozenset(begin + timedelta(days=number) for number in range(days))
    return _where_same(changes(frozenset()), changes(every))


def _where_same(one: LocalChanges, other: LocalChanges) -> LocalChanges:
    """Return the states of both, unknown where they differ."""
    minutes = np.union1d(one.minutes, other.minutes)
    states = [
        each.states[np.searchsorted(each.minutes, minutes, side="right") - 1]
        for each in (one, other)
    ]
    same = np.where(states[0] == states[1], states[0], np.uint8(UNKNOWN))
    return join([LocalChanges(minutes, same)])


def _with_day(changes: LocalChanges, day: int, of_day: LocalChanges, days: int) -> LocalChanges:
    """Return `changes` with one day replaced by `of_day`, which counts from its midnight."""
    begin = day * DAY_MINUTES
    return join(
        [
            part(changes, 0, begin),
            LocalChanges(of_day.minutes + begin, of_day.states),
            part(changes, begin + DAY_MINUTES, days * DAY_MINUTES),
        ]
    )


def _to_schedule(changes: LocalChanges, local: _LocalTime) -> Schedule:
    """Give each UTC minute the state of the local minute that its wall clock shows."""
    pieces = []
    for begin, end, shift in local.stretches:
        shown = part(changes, begin + shift, end + shift)
        pieces.append(LocalChanges(shown.minutes - shift, shown.states))
    minutes, states = join(pieces)
    return minutes.astype(np.uint16), states
