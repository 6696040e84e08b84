"""Time spans of a rule to minutes of a day, with open ends, sunrise and sunset.

`stretches` returns the minutes of a rule on a day. `days` matches the days; `local` combines rules.

**Open ends.** `17:00-18:00+` is open for an hour and unknown after it; `17:00+` is unknown from
17:00 on. The specification does not say when the unknown time ends. This follows the guess of the
reference checker: eight hours after an end from 22:00 on, ten hours after one from 17:00 on, else
midnight. A later span of the same day ends it too. A guess never covers stated hours.

**Sunrise and sunset.** opening-hours-py computes them for a position, on the local clock. Without a
position, its fixed times apply: dawn 06:00, sunrise 07:00, sunset 19:00, dusk 20:00. The fixed
times also decide whether a span runs past midnight: `15:00-sunset` never does, so a sunset at 14:50
makes it empty. If the sun does not rise or set on a day, the span is unknown.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, State

DAY_MINUTES: Final = 1440
_FIXED: Final = {"dawn": 360, "sunrise": 420, "sunset": 1140, "dusk": 1200}
_ONE_DAY: Final = timedelta(days=1)


class SunPlace(NamedTuple):
    """Place for sunrise and sunset: a time zone and (lat, lng) in degrees."""

    zone: ZoneInfo
    position: tuple[float, float]


class Time(NamedTuple):
    """Minutes since midnight, or since sunrise, sunset, dawn or dusk (`event`)."""

    minutes: int
    event: str = ""

    @property
    def usual(self) -> int:
        """Minutes since midnight, with the fixed times of the sun."""
        return self.minutes + _FIXED.get(self.event, 0)


class Span(NamedTuple):
    """A span from `begin` to `end`, which may be on the next day; None is an open end."""

    begin: Time
    end: Time | None
    open_end: bool

    @property
    def has_sun(self) -> bool:
        """Whether the span depends on the position."""
        return bool(self.begin.event or (self.end is not None and self.end.event))

    @property
    def is_overnight(self) -> bool:
        """Whether the end is on the next day; so is an end at the same time as the begin."""
        return self.end is not None and self.end.usual <= self.begin.usual


class Stretch(NamedTuple):
    """Minutes [begin, end) since midnight of a day; minutes from 1440 on are on the next day."""

    begin: int
    end: int
    is_known: bool


_WHOLE_DAY: Final = (Stretch(0, DAY_MINUTES, True),)


def check_span(span: Span) -> Span:
    """Check a span, and return it.

    Raises
    ------
    ValueError
        The span begins at or after 24:00, or ends after 48:00.
    """
    if not span.begin.event and span.begin.minutes >= DAY_MINUTES:
        raise ValueError("a span begins after 24:00")
    if span.end is not None and not span.end.event and span.end.minutes > 2 * DAY_MINUTES:
        raise ValueError("a span ends after 48:00")
    return span


def stretches(spans: Sequence[Span], day: date, place: SunPlace | None) -> tuple[Stretch, ...]:
    """Return the minutes that spans cover on a day: first the open ends, then the stated spans.

    Parameters
    ----------
    spans
        Spans of the rule; empty is the whole day.
    place
        Only used if a span `has_sun`; None selects the fixed times.
    """
    if not spans:
        return _WHOLE_DAY
    if place is None or not any(span.has_sun for span in spans):
        return _usual_stretches(tuple(spans))
    return tuple(_resolved(spans, [_bounds(span, day, place) for span in spans]))


@lru_cache(maxsize=16_384)
def _usual_stretches(spans: tuple[Span, ...]) -> tuple[Stretch, ...]:
    bounds = []
    for span in spans:
        end = span.begin if span.end is None else span.end
        bounds.append(_Bounds(span.begin.usual, end.usual + DAY_MINUTES * span.is_overnight))
    return tuple(_resolved(spans, bounds))


class _Bounds(NamedTuple):
    """Minutes since midnight; `is_known` is false if the sun lacks an event on that day."""

    begin: int
    end: int
    is_known: bool = True


def _bounds(span: Span, day: date, place: SunPlace) -> _Bounds:
    begin, overnight = _minute(span.begin, day, place), DAY_MINUTES * span.is_overnight
    end = begin
    if span.end is not None:
        end = _minute(span.end, day + _ONE_DAY if overnight else day, place)
    if begin is not None and end is not None:
        return _Bounds(begin, end + overnight)
    return _Bounds(begin or 0, (DAY_MINUTES if end is None else end) + overnight, is_known=False)


def _resolved(spans: Sequence[Span], bounds: Sequence[_Bounds]) -> Iterator[Stretch]:
    begins = sorted(begin for begin, _, _ in bounds)
    for span, (_, end, is_known) in zip(spans, bounds, strict=True):
        if span.open_end and is_known:
            usual = span.begin.usual if span.end is None else span.end.usual
            guess = max(end, _guessed_end(usual + DAY_MINUTES * span.is_overnight))
            later = [begin for begin in begins if begin > end or (begin == end and span.end)]
            yield Stretch(end, min([guess, 2 * DAY_MINUTES, *later]), False)
    for span, (begin, end, is_known) in zip(spans, bounds, strict=True):
        if begin < end and (span.end is not None or not is_known):
            yield Stretch(max(begin, 0), end, is_known)


def _guessed_end(minute: int) -> int:
    if minute >= 22 * 60:
        return minute + 8 * 60
    return minute + 10 * 60 if minute >= 17 * 60 else DAY_MINUTES


def _minute(at: Time, day: date, place: SunPlace) -> int | None:
    """Return the minutes since midnight of the day; None if the sun lacks the event."""
    if not at.event:
        return at.minutes
    minute = _sun_minute(at.event, day, place)
    return None if minute is None else minute + at.minutes


@lru_cache(maxsize=65_536)
def _sun_minute(event: str, day: date, place: SunPlace) -> int | None:
    midnight = datetime.combine(day, time())
    before = _until(event, place).intervals(midnight, midnight + _ONE_DAY)
    for begin, end, state, _ in before:
        is_event = state == State.OPEN and begin.date() == day and end.date() == day
        return end.hour * 60 + end.minute if is_event else None
    return None


@lru_cache(maxsize=256)
def _until(event: str, place: SunPlace) -> OpeningHours:
    return OpeningHours(
        f"00:00-{event}",
        timezone=place.zone,
        coords=place.position,
        auto_country=False,
        auto_timezone=True,
    )
