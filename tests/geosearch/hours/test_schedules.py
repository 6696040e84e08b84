"""`geosearch.hours.schedules`: instants, zones, DST and dates, against a wall-clock twin."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.hours.schedules import Horizon, Schedule, UnreadableHours, evaluate, uses_sun, window
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, UNKNOWN, TimetableBuilder

STATES = {"open": OPEN, "closed": CLOSED, "unknown": UNKNOWN}
WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def state(schedule: Schedule, minute: int) -> int:
    minutes, states = schedule
    return int(states[np.searchsorted(minutes, minute, side="right") - 1])


def asked(
    expression: str,
    instant: str,
    zone: str,
    *,
    country: str = "CN",
    position: tuple[float, float] | None = None,
) -> int:
    """State at an instant, with the horizon of a build on that day."""
    horizon = Horizon.for_build(at(instant))
    schedule = evaluate(expression, zone=zone, country=country, horizon=horizon, position=position)
    TimetableBuilder().add(*schedule)
    return state(schedule, horizon.minute_of(at(instant)))


@pytest.mark.parametrize(
    ("expression", "zone", "instant", "expected"),
    [
        # the plain week, to the minute
        ("Mo-Fr 10:00-22:00", "Asia/Shanghai", "2026-11-23T09:59:59+08:00", "closed"),
        ("Mo-Fr 10:00-22:00", "Asia/Shanghai", "2026-11-23T10:00:00+08:00", "open"),
        ("Mo-Fr 10:00-22:00", "Asia/Shanghai", "2026-11-23T21:59:59+08:00", "open"),
        ("Mo-Fr 10:00-22:00", "Asia/Shanghai", "2026-11-23T22:00:00+08:00", "closed"),
        ("10:00-24:00", "Asia/Shanghai", "2026-11-23T23:59:00+08:00", "open"),
        ("10:00-24:00", "Asia/Shanghai", "2026-11-24T00:00:00+08:00", "closed"),
        # past midnight, Sunday to Monday
        ("Mo 22:00-02:00", "Asia/Shanghai", "2026-11-23T22:00:00+08:00", "open"),
        ("Mo 22:00-02:00", "Asia/Shanghai", "2026-11-24T01:59:00+08:00", "open"),
        ("Mo 22:00-02:00", "Asia/Shanghai", "2026-11-24T02:00:00+08:00", "closed"),
        ("Mo 22:00-02:00", "Asia/Shanghai", "2026-11-23T01:00:00+08:00", "closed"),
        ("Su 22:00-02:00", "Asia/Shanghai", "2026-11-23T01:59:00+08:00", "open"),
        ("Su 22:00-26:30", "Asia/Shanghai", "2026-11-23T02:29:00+08:00", "open"),
        ("Su 22:00-26:30", "Asia/Shanghai", "2026-11-23T02:30:00+08:00", "closed"),
        ("Mo-Fr 10:00-10:00", "Asia/Shanghai", "2026-11-24T09:59:00+08:00", "open"),
        # a span that began on the eve of the horizon's first local day
        ("Fr 22:00-30:00", "Asia/Shanghai", "2026-11-21T05:59:00+08:00", "open"),
        # DST ends: 02:00 to 03:00 comes twice, with the same hours both times
        ("Su 00:00-02:30", "Europe/Berlin", "2026-10-25T02:29:00+02:00", "open"),
        ("Su 00:00-02:30", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "closed"),
        ("Su 00:00-02:30", "Europe/Berlin", "2026-10-25T02:29:00+01:00", "open"),
        ("Su 00:00-02:30", "Europe/Berlin", "2026-10-25T02:30:00+01:00", "closed"),
        ("Sa 22:00-02:30", "Europe/Berlin", "2026-10-25T02:15:00+01:00", "open"),
        # DST begins: 02:00 to 03:00 does not exist
        ("Su 01:00-02:30", "Europe/Berlin", "2026-03-29T01:59:00+01:00", "open"),
        ("Su 01:00-02:30", "Europe/Berlin", "2026-03-29T03:00:00+02:00", "closed"),
        ("Su 02:30-05:00", "Europe/Berlin", "2026-03-29T01:59:00+01:00", "closed"),
        ("Su 02:30-05:00", "Europe/Berlin", "2026-03-29T03:00:00+02:00", "open"),
        # half an hour of DST, and a change at midnight
        ("Su 01:30-01:45", "Australia/Lord_Howe", "2026-04-05T01:40:00+11:00", "open"),
        ("Su 01:30-01:45", "Australia/Lord_Howe", "2026-04-05T01:40:00+10:30", "open"),
        # the clock changes at 15:30 UTC, within an hour
        ("Su 02:30-02:45", "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00", "open"),
        ("Su 01:30-02:15", "Australia/Lord_Howe", "2026-10-04T01:59:00+10:30", "open"),
        ("Fr 00:00-01:30", "Africa/Cairo", "2026-04-24T01:15:00+03:00", "open"),
        ("Th 20:00-01:30", "Africa/Cairo", "2026-04-24T01:15:00+03:00", "open"),
        # the ends of the world's clocks, and quarter hours
        ("Mo 00:00-00:15", "Pacific/Kiritimati", "2026-11-23T00:14:00+14:00", "open"),
        ("Su 23:45-24:00", "Pacific/Niue", "2026-11-22T23:50:00-11:00", "open"),
        ("Mo 10:00-11:00", "Asia/Kathmandu", "2026-11-23T10:59:00+05:45", "open"),
        # unknown stays unknown
        ("Mo-Fr 10:00-18:00 unknown", "Asia/Shanghai", "2026-11-23T12:00:00+08:00", "unknown"),
        ("Mo-Fr 10:00-18:00 unknown", "Asia/Shanghai", "2026-11-23T09:00:00+08:00", "closed"),
        ("10:00-14:00 || unknown", "Asia/Shanghai", "2026-11-23T12:00:00+08:00", "open"),
        ('10:00-14:00; Mo "by appointment"', "Asia/Shanghai", "2026-11-23T12:00+08:00", "unknown"),
        ('"temporarily closed"', "Asia/Shanghai", "2026-11-23T12:00:00+08:00", "unknown"),
        ('10:00-18:00 "by request"', "Asia/Shanghai", "2026-11-23T12:00:00+08:00", "unknown"),
        ('10:00-18:00 "by request"', "Asia/Shanghai", "2026-11-23T18:00:00+08:00", "closed"),
        ('10:00-18:00 open "or later"', "Asia/Shanghai", "2026-11-23T12:00:00+08:00", "open"),
        # an open end is open as far as it is stated
        ("17:00-18:00+", "Asia/Shanghai", "2026-11-23T17:59:00+08:00", "open"),
        ("17:00-18:00+", "Asia/Shanghai", "2026-11-23T18:00:00+08:00", "unknown"),
        ("11:30+", "Asia/Shanghai", "2026-11-23T11:30:00+08:00", "unknown"),
        ("11:30+", "Asia/Shanghai", "2026-11-23T11:29:00+08:00", "closed"),
        ('Mo closed "moved"', "Asia/Shanghai", "2026-11-23T12:00:00+08:00", "closed"),
        # official days off in China: 1 to 7 October 2026, a Sunday worked instead
        ("10:00-22:00; PH off", "Asia/Shanghai", "2026-10-05T12:00:00+08:00", "closed"),
        ("10:00-22:00; PH off", "Asia/Shanghai", "2026-10-08T12:00:00+08:00", "open"),
        ("Mo-Fr 10:00-22:00; PH 12:00-20:00", "Asia/Shanghai", "2026-10-04T12:00+08:00", "open"),
        ("Mo-Fr 10:00-22:00; PH 12:00-20:00", "Asia/Shanghai", "2026-10-05T11:00+08:00", "closed"),
        ("Mo-Fr,PH 10:00-22:00", "Asia/Shanghai", "2026-10-04T12:00:00+08:00", "open"),
        ("Mo-Fr,PH 10:00-22:00", "Asia/Shanghai", "2026-10-11T12:00:00+08:00", "closed"),
        # past midnight into a holiday and out of one
        ("20:00-03:00; PH off", "Asia/Shanghai", "2026-10-01T01:00:00+08:00", "closed"),
        ("We 20:00-03:00; PH off", "Asia/Shanghai", "2026-10-01T01:00:00+08:00", "closed"),
        # an earlier rule cuts nothing
        ("Th 10:00-12:00; We 20:00-03:00", "Asia/Shanghai", "2026-11-26T01:00:00+08:00", "open"),
        # `PH Su`: a holiday and a Sunday; 4 October 2026 is both, the 5th and the 11th are not
        ("PH Su 10:00-12:00", "Asia/Shanghai", "2026-10-04T11:00:00+08:00", "open"),
        ("PH Su 10:00-12:00", "Asia/Shanghai", "2026-10-05T11:00:00+08:00", "closed"),
        ("PH Su 10:00-12:00", "Asia/Shanghai", "2026-10-11T11:00:00+08:00", "closed"),
        ("PH 20:00-03:00", "Asia/Shanghai", "2026-10-08T02:59:00+08:00", "open"),
        ("PH 20:00-03:00", "Asia/Shanghai", "2026-10-09T02:00:00+08:00", "closed"),
        # a year that the Chinese calendar does not have yet
        ("10:00-22:00; PH off", "Asia/Shanghai", "2027-01-01T12:00:00+08:00", "closed"),
        # a fallback rule, over which the library's own long evaluation skips days
        ("07:00-23:00 || 24/7", "Europe/Berlin", "2026-12-09T12:00:00+01:00", "open"),
    ],
)
def test_state_at(expression: str, zone: str, instant: str, expected: str) -> None:
    # The line means what it says: the offset is the zone's at that instant.
    assert at(instant).utcoffset() == at(instant).astimezone(ZoneInfo(zone)).utcoffset()
    assert asked(expression, instant, zone) == STATES[expected]
    # The same instant from a horizon that began 40 days before, over any DST change between.
    earlier = Horizon.for_build(at(instant) - timedelta(days=40))
    schedule = evaluate(expression, zone=zone, country="CN", horizon=earlier)
    assert state(schedule, earlier.minute_of(at(instant))) == STATES[expected]


# hours, country, instant in Berlin: state
SCHOOL = [
    ("Mo-Fr 08:00-16:00; SH off", "NL", "2026-10-06T12:00:00+02:00", "unknown"),
    ("Mo-Fr 08:00-16:00; SH off", "DE-BE", "2026-10-06T12:00:00+02:00", "unknown"),
    ("Mo-Fr 08:00-16:00; SH off", "DE-BE", "2026-10-06T17:00:00+02:00", "closed"),
    ("Mo-Fr 08:00-16:00; SH 10:00-12:00", "DE", "2026-10-06T11:00:00+02:00", "open"),
    ("Mo-Fr 08:00-16:00; SH 10:00-12:00", "DE", "2026-10-06T09:00:00+02:00", "unknown"),
    ("Mo-Fr 08:00-16:00; SH 10:00-12:00", "DE", "2026-10-10T11:00:00+02:00", "unknown"),
    ("Mo-Fr 08:00-16:00; PH,SH off", "DE", "2026-10-03T12:00:00+02:00", "closed"),
    ("SH 10:00-12:00", "DE", "2026-10-06T11:00:00+02:00", "unknown"),
    ('Mo-Fr 08:00-16:00 open "not in SH"', "DE", "2026-10-06T11:00:00+02:00", "open"),
]


@pytest.mark.parametrize(("expression", "country", "instant", "expected"), SCHOOL)
def test_school_holidays_that_nobody_knows_are_unknown(
    expression: str, country: str, instant: str, expected: str
) -> None:
    assert asked(expression, instant, "Europe/Berlin", country=country) == STATES[expected]


def test_sunset_is_that_of_the_place() -> None:
    assert uses_sun("Mo-Fr sunrise-(sunset-01:00)")
    assert not uses_sun('10:00-18:00 "until sunset"')
    paris = (48.87, 2.29)
    dusk = "2026-11-23T17:30:00+01:00"
    assert asked("08:00-sunset", dusk, "Europe/Paris", position=paris) == CLOSED
    assert asked("08:00-sunset", dusk, "Europe/Paris") == OPEN
    # The clock goes back in the night before; the sun does not.
    after = "2026-10-25T17:40:00+01:00"
    assert asked("08:00-sunset", after, "Europe/Paris", position=paris) == OPEN
    assert asked("08:00-17:30", after, "Europe/Paris", position=paris) == CLOSED


ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/St_Johns",
    "Pacific/Chatham",
    "Africa/Casablanca",
)
# Days of 2026 on which a clock of those zones changes, and some on which none does.
CHANGES = tuple(
    date.fromisoformat(f"2026-{day}")
    for day in "02-15 03-08 03-22 03-29 04-05 04-24 07-15 09-27 10-04 10-25 10-29 11-01".split()
)
# Midnight, 24:00, the hours that DST repeats and skips.
clock = st.one_of(
    st.sampled_from([0, 1, 60, 119, 120, 121, 150, 179, 180, 1380, 1439]), st.integers(0, 1439)
)
weeks = st.dictionaries(
    st.integers(0, 6),
    st.lists(st.tuples(clock, st.integers(1, 1440)), min_size=1, max_size=2),
    max_size=5,
)
Week = dict[int, list[tuple[int, int]]]


def written(week: Week) -> str:
    """Comma rules add up, so the expression is open in every span of the week."""

    def time(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    rules = [
        f"{WEEKDAYS[day]} {time(begin)}-{time(begin + length)}"
        for day, spans in week.items()
        for begin, length in spans
    ]
    return ", ".join(rules) or "closed"


def is_open(week: Week, local: datetime) -> bool:
    """Slow twin: is this wall clock inside a span of today or of yesterday."""
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday(), (local.weekday() - 1) % 7
    return any(begin <= minute < begin + length for begin, length in week.get(today, [])) or any(
        begin <= minute + 1440 < begin + length for begin, length in week.get(yesterday, [])
    )


@settings(max_examples=120)
@given(
    weeks,
    st.sampled_from(ZONES),
    st.sampled_from(CHANGES),
    st.integers(1, 44),
    st.none() | st.integers(-3, 50),
    st.none() | st.integers(-3, 50),
    st.data(),
)
def test_schedules_and_windows_equal_the_wall_clock(
    week: Week,
    zone: str,
    change: date,
    days_before: int,
    first_valid: int | None,
    last_valid: int | None,
    data: st.DataObject,
) -> None:
    noon = datetime(change.year, change.month, change.day, 12, tzinfo=UTC)
    horizon = Horizon.for_build(noon - timedelta(days=days_before))
    day_one = horizon.start.date()
    valid_from = None if first_valid is None else day_one + timedelta(days=first_valid)
    valid_through = None if last_valid is None else day_one + timedelta(days=last_valid)
    hours = evaluate(written(week), zone=zone, country="CN", horizon=horizon)
    usable, always = (
        window(
            expression,
            zone=zone,
            country="CN",
            horizon=horizon,
            valid_from=valid_from,
            valid_through=valid_through,
        )
        for expression in (written(week), None)
    )
    builder = TimetableBuilder()
    near = horizon.minute_of(noon)
    asked_minutes = {0, HORIZON_MINUTES - 1, *range(near - 1500, near + 1500, 13)}
    for schedule in (hours, usable, always):
        builder.add(*schedule)
        assert schedule[0].dtype == np.uint16
        assert schedule[1].dtype == np.uint8
        asked_minutes |= {int(minute) + step for minute in schedule[0][:60] for step in (-1, 0)}
    asked_minutes |= set(data.draw(st.lists(st.integers(0, HORIZON_MINUTES - 1), max_size=20)))
    compared = 0
    for minute in asked_minutes:
        if not 0 <= minute < HORIZON_MINUTES:
            continue
        local = horizon.instant(minute).astimezone(ZoneInfo(zone))
        valid = (valid_from is None or valid_from <= local.date()) and (
            valid_through is None or local.date() <= valid_through
        )
        expected = is_open(week, local)
        assert state(hours, minute) == (OPEN if expected else CLOSED)
        assert state(usable, minute) == (OPEN if expected and valid else CLOSED)
        assert state(always, minute) == (OPEN if valid else CLOSED)
        compared += 3
    assert compared >= 300


def test_a_window_counts_unknown_as_closed() -> None:
    horizon = Horizon.for_build(at("2026-11-22T00:00:00+00:00"))
    minutes, states = window(
        "Mo-Fr 10:00-12:00 unknown, 12:00-14:00",
        zone="Asia/Shanghai",
        country="CN",
        horizon=horizon,
        valid_from=None,
        valid_through=date(2026, 11, 23),
    )
    TimetableBuilder().add(minutes, states)
    assert [horizon.instant(int(m)).isoformat() for m in minutes[states == OPEN]] == [
        f"2026-11-{day}T04:00:00+00:00" for day in (21, 22, 23)
    ]


def test_a_window_outside_the_horizon_is_never_open() -> None:
    horizon = Horizon.for_build(at("2026-11-22T00:00:00+00:00"))
    for valid_from, valid_through in (
        (date(2030, 1, 1), None),
        (None, date(2020, 1, 1)),
        (date(2026, 12, 2), date(2026, 12, 1)),
    ):
        minutes, states = window(
            None,
            zone="Asia/Shanghai",
            country="CN",
            horizon=horizon,
            valid_from=valid_from,
            valid_through=valid_through,
        )
        assert (minutes.tolist(), states.tolist()) == ([0], [CLOSED])


def test_the_horizon_counts_minutes_from_the_day_before() -> None:
    # 22 November in Shanghai, still the 21st in UTC.
    horizon = Horizon.for_build(at("2026-11-22T07:59:59+08:00"))
    assert horizon.start == at("2026-11-20T00:00:00+00:00")
    assert horizon.end == at("2027-01-04T00:00:00+00:00")
    assert horizon.minutes == HORIZON_MINUTES
    assert horizon.minute_of(at("2026-11-20T00:00:59+00:00")) == 0
    assert horizon.minute_of(at("2026-11-19T23:59:59+00:00")) == -1
    assert not horizon.contains(at("2026-11-19T23:59:59+00:00"))
    assert horizon.contains(at("2027-01-04T07:59:59+08:00"))
    assert not horizon.contains(at("2027-01-04T08:00:00+08:00"))
    assert horizon.instant(61) == at("2026-11-20T01:01:00+00:00")
    assert horizon.hour_of_week() == 4 * 24
    assert Horizon.for_build(at("2026-11-24T00:00:00+00:00")).hour_of_week() == 0


def test_what_cannot_be_evaluated_is_refused_with_a_sentence() -> None:
    horizon = Horizon.for_build(at("2026-11-22T00:00:00+00:00"))
    with pytest.raises(UnreadableHours, match="Expected opening hours, got 'soon'"):
        evaluate("soon", zone="UTC", country="CN", horizon=horizon)
    for zone in ("Mars/Olympus", "", "../etc/passwd", "Asia"):
        with pytest.raises(ValueError, match="Expected an IANA time zone, got"):
            evaluate("24/7", zone=zone, country="CN", horizon=horizon)
    with pytest.raises(ValueError, match="got 'XX' - at `country`"):
        evaluate("PH off", zone="UTC", country="XX", horizon=horizon)
    assert evaluate("24/7", zone="UTC", country="XX", horizon=horizon)[1].tolist() == [OPEN]
    with pytest.raises(ValueError, match="with an offset"):
        horizon.minute_of(datetime(2026, 11, 22))
    with pytest.raises(ValueError, match="midnight UTC"):
        Horizon(at("2026-11-22T01:00:00+00:00"))
