"""Hours against opening-hours-py and its upstream's cases, on real values.

The library is not the reference: it takes `Mo, We 09:00-12:00` for open all Monday, and a rule of
which only a comment tells the state for open. What it reads as the specification says is compared,
with zones and changes of the clock. By default every such value is asked at 12 random minutes and
every sixteenth at 200; `GEOSEARCH_ALL_HOURS=1` asks all of them at 200.
"""

import gzip
import json
import os
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from opening_hours import OpeningHours, State

from geosearch.hours.days import Holidays
from geosearch.hours.holidays import public_holidays
from geosearch.hours.local import local_changes
from geosearch.hours.schedules import (
    Horizon,
    Schedule,
    UnreadableHours,
    evaluate,
    read_hours,
    uses_holidays,
    uses_school_holidays,
)
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, UNKNOWN
from tests.opening_hours_py import library_errs

STATES: Final = {State.OPEN: OPEN, State.CLOSED: CLOSED, State.UNKNOWN: UNKNOWN}
NAMES: Final = {"open": OPEN, "closed": CLOSED, "unknown": UNKNOWN}

# Horizons that hold a change of the clock, the end of a year, and Chinese holidays.
PLACES: Final = (
    ("Europe/Berlin", "DE", "2026-10-01"),
    ("Europe/Berlin", "DE", "2026-03-10"),
    ("America/New_York", "US", "2026-12-10"),
    ("Australia/Lord_Howe", "AU", "2026-03-20"),
    ("Asia/Shanghai", "CN", "2026-09-10"),
)


def states(schedule: Schedule, minutes: np.ndarray) -> list[int]:
    found = np.searchsorted(schedule[0], minutes, side="right") - 1
    return [int(state) for state in schedule[1][found]]


def counted(path: Path) -> list[tuple[int, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        pairs = (line.rstrip("\n").split("\t", 1) for line in lines)
        return [(int(count), value) for count, value in pairs]


@pytest.fixture(scope="module")
def real_values(shared_data: Path) -> list[str]:
    return [
        value
        for _, value in counted(
            shared_data / "opening_hours_values" / "veg_osm_2022_value_counts.tsv.gz"
        )
    ]


def test_state_equals_the_library_for_every_real_value(real_values: list[str]) -> None:
    every = bool(os.environ.get("GEOSEARCH_ALL_HOURS"))
    numbers = np.random.default_rng(20261122)
    compared = excepted = refused = 0
    wrong: list[tuple[str, str, str]] = []
    for place, value in enumerate(real_values):
        try:
            library = OpeningHours(value)
        except Exception:
            refused += 1
            continue
        try:
            errs = library_errs(value) or uses_school_holidays(value)
        except ValueError:
            refused += 1  # by us: `Sa, Aug 10:00-12:00`
            continue
        if errs:
            excepted += 1
            continue
        assert read_hours(value).expression == value.strip()
        zone, country, now = PLACES[place % len(PLACES)]
        horizon = Horizon.for_build(datetime.fromisoformat(now).replace(tzinfo=UTC))
        schedule = evaluate(value, zone=zone, country=country, horizon=horizon)
        library = OpeningHours(value, timezone=ZoneInfo(zone))
        minutes = numbers.integers(0, HORIZON_MINUTES, 200 if every or place % 16 == 0 else 12)
        days = public_holidays(country, horizon.start.date(), horizon.end.date())
        near = {day + timedelta(days=n) for day in days for n in (-1, 0, 1, 2)}
        skip_holidays = uses_holidays(value)
        for minute, got in zip(minutes.tolist(), states(schedule, minutes), strict=True):
            instant = horizon.instant(minute).astimezone(ZoneInfo(zone))
            # The second listed exception: the library has other holidays.
            if skip_holidays and instant.date() in near:
                continue
            # The third: asked for the last minute before a clock goes back, the library looks at a
            # stretch that ends before it begins, and says closed whatever the hours.
            following = horizon.instant(minute + 1).astimezone(ZoneInfo(zone))
            if following.replace(tzinfo=None) < instant.replace(tzinfo=None):
                continue
            compared += 1
            if got != STATES[library.state(instant)[0]]:
                wrong.append((value, zone, instant.isoformat()))
    assert not wrong, f"{len(wrong)}, such as {wrong[:5]}"
    assert refused + excepted < 0.35 * len(real_values)
    assert compared > (2_700_000 if every else 300_000)


def test_holidays_follow_the_librarys_rules(real_values: list[str]) -> None:
    """With the library's own holidays handed in, holidays of every value are the library's."""
    made = [
        "10:00-20:00; PH +1 day off",
        "Mo-Su 10:00-20:00; PH -1 day 10:00-14:00",
        "Mo-Fr 18:00-02:00; PH off",
        "PH 20:00-04:00",
        "Mo-Fr PH 10:00-20:00",
        "PH Su 10:00-12:00",
        "SH,PH 10:00-12:00",
        "Oct-May Mo-Fr,PH 10:00-26:00; PH off",
        "10:00-18:00, PH 12:00-14:00 off",
        "PH 10:00-12:00 || Mo-Fr 12:00-20:00",
        'Mo-Su 10:00-12:00 open "PH off?"; PH closed "no PH"',
    ]
    values = made + [value for value in real_values if "PH" in value or "SH" in value]
    numbers = random.Random(20261122)
    compared = 0
    for country, day in (
        ("DE", "2026-12-24"),
        ("FR", "2026-05-01"),
        ("US", "2026-07-03"),
        ("NL", "2026-04-27"),
    ):
        first = datetime.fromisoformat(day) - timedelta(days=2)
        public, school = (
            frozenset(
                each.date()
                for each in (first + timedelta(days=n) for n in range(-30, 60))
                if OpeningHours(word, country=country).state(each)[0] == State.OPEN
            )
            for word in ("PH", "SH")
        )
        assert datetime.fromisoformat(day).date() in public | school or country == "DE"
        for value in values:
            try:
                library = OpeningHours(value, country=country)
            except Exception:
                continue
            try:
                if library_errs(value):
                    continue
            except ValueError:
                continue
            changes = local_changes(
                value,
                first.date(),
                (first + timedelta(days=6)).date(),
                holidays=Holidays(public, school),
            )
            for _ in range(4):
                minute = numbers.randrange(7 * 1440)
                found = int(np.searchsorted(changes.minutes, minute, side="right")) - 1
                asked = library.state(first + timedelta(minutes=minute))[0]
                assert changes.states[found] == STATES[asked], (value, country, minute)
                compared += 1
    assert compared > 40_000


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> dict[str, list[Any]]:
    path = shared_data / "opening_hours_cases" / "rs_cases.json.gz"
    loaded: dict[str, list[Any]] = json.loads(gzip.decompress(path.read_bytes()))
    assert sum(len(group) for group in loaded.values()) == 414
    return loaded


def over(value: str, now: datetime, **where: Any) -> tuple[Horizon, Schedule]:
    """Schedule of an index built at `now`, by default in UTC and with China's holidays."""
    horizon = Horizon.for_build(now)
    asked: dict[str, Any] = {"zone": "UTC", "country": "CN", **where}
    return horizon, evaluate(value, horizon=horizon, **asked)


def case_instant(text: str) -> datetime | None:
    """Instant of a case; None past the year 9999, which no horizon reaches."""
    return None if text.startswith("+") else datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_upstream_cases_of_state(cases: dict[str, list[Any]]) -> None:
    compared = 0
    for case in cases["state"]:
        instant = case_instant(case["at"])
        # The library is closed before 1900, whatever the hours.
        if instant is None or instant.year < 1900:
            continue
        horizon, schedule = over(case["value"], instant)
        minute = np.array([horizon.minute_of(instant)])
        assert states(schedule, minute) == [NAMES[case["state"]]], case
        compared += 1
    assert compared == 34


def test_upstream_cases_of_next_change(cases: dict[str, list[Any]]) -> None:
    compared = comments = 0
    for case in cases["next_change"]:
        instant = case_instant(case["at"])
        # The horizon of a case in the last days of 9999 would end in the year 10000.
        if instant is None or instant.year == 9999:
            continue
        horizon, schedule = over(case["value"], instant)
        minutes = schedule[0]
        later = minutes[minutes > horizon.minute_of(instant)]
        got = horizon.instant(int(later[0])) if later.size else None
        expected = None if case["next_change"] is None else case_instant(case["next_change"])
        if expected is not None and expected >= horizon.end:
            expected = None
        if case["value"] == "Jun dusk+":
            # An open end lasts into the night.
            assert (expected, got) == tuple(
                datetime(2024, 6, 22, hour, tzinfo=UTC) for hour in (0, 6)
            )
        elif case["group"] == "comment" and expected is not None and got != expected:
            # Only the comment changes there; a schedule has no comments.
            around = [horizon.minute_of(expected) + step for step in (-1, 0)]
            assert len(set(states(schedule, np.array(around)))) == 1, case
            comments += 1
        else:
            assert got == expected, case
        compared += 1
    assert (compared, comments) == (42, 3)


# The cases file lost the places of the cases with sun events: upstream asks in Paris, and for the
# group "pole" in Antarctica.
PARIS: Final = {"zone": "Europe/Paris", "position": (48.87, 2.29)}
POLE: Final = {"zone": "Antarctica/Davis", "position": (-80.0, 80.0)}

POLAR: Final = ("sunrise-20:00", "10:00-sunset", "sunset-dusk", "dusk-sunset")

# Where we differ, and why.
DIFFERENT: Final = {
    # `holidays` has the holiday on Saturday 4 July beside its substitute on Friday.
    ("US", "2020-07-04", "10:00-12:00; PH off"),
    # A holiday of Berlin only. The country alone does not tell, and the Python library, too,
    # takes it for no holiday; with `DE-BE` we say closed where upstream says unknown.
    ("DE", "2025-03-08", "10:00-12:00; PH off"),
    ("DE", "2025-03-08", "08:00-18:00, PH 12:00-14:00 off"),
    # Only a comment tells the state, so it is unknown.
    (None, "2024-01-01", '10:00-18:00 "may close later" ; 12:00-13:00 closed "ring the bell"'),
    (None, "2024-01-01", '10:00-18:00 "may close later", 12:00-13:00 "ring the bell"'),
    (None, "2024-01-01", '10:00-14:00 "may open earlier", 14:00-18:00 "may close later"'),
    # An open end lasts for hours, and nobody knows how many.
    (None, "2181-08-01", "Tu closed; Jul sunset-15:19+"),
    # A fallback rule counts for the whole day, not only until the one before has ended.
    (None, "2020-06-01", "Jun:10:00-12:00 open || unknown"),
    (None, "2020-06-01", "Jun:10:00-12:00 open || Mo-Fr closed || unknown"),
    # From dusk to the next sunset, not to that of the day before.
    (None, "2020-04-01", "dusk-sunset"),
    # The sun does not rise or set: unknown. (Upstream takes the night of June for a day.)
    *((None, day, value) for day in ("2020-01-01", "2020-06-01") for value in POLAR),
}


def day_of_case(text: str) -> list[int]:
    """State of each minute of a day, written `10:00 open 12:00 unknown 14:00 | 15:00 open …`."""
    day = [CLOSED] * 1440
    for stretch in filter(None, (part.strip() for part in text.split("|"))):
        words = re.findall(r"\d\d:\d\d|open|closed|unknown", re.sub(r"\[[^\]]*\]", "", stretch))
        for begin, name, end in zip(words[::2], words[1::2], words[2::2], strict=False):
            first, last = (int(time[:2]) * 60 + int(time[3:]) for time in (begin, end))
            day[first:last] = [NAMES[name]] * (last - first)
    return day


def test_upstream_cases_of_days(cases: dict[str, list[Any]]) -> None:
    compared, different = 0, set()
    for case in cases["schedule"]:
        where: dict[str, Any] = {"country": case["country"]} if case["country"] else {}
        if case["group"] == "pole":
            where = POLE
        elif case["fn"] == "schedule_at_with_country" and not case["country"]:
            where = PARIS
        zone = ZoneInfo(where.get("zone", "UTC"))
        midnight = datetime.fromisoformat(case["date"]).replace(tzinfo=zone)
        horizon, schedule = over(case["value"], midnight.astimezone(UTC), **where)
        first = horizon.minute_of(midnight)
        if states(schedule, np.arange(first, first + 1440)) != day_of_case(case["schedule"]):
            different.add((case["country"], case["date"], case["value"]))
        compared += 1
    assert compared == 131
    assert different == DIFFERENT


def test_a_regional_holiday_counts_where_the_region_is_given() -> None:
    for country, expected in (("DE", OPEN), ("DE-BE", CLOSED), ("DE-BY", OPEN)):
        horizon, schedule = over(
            "10:00-12:00; PH off", datetime(2025, 3, 8, tzinfo=UTC), country=country
        )
        minute = horizon.minute_of(datetime(2025, 3, 8, 11, tzinfo=UTC))
        assert states(schedule, np.array([minute])) == [expected]


def test_upstream_samples_are_read(cases: dict[str, list[Any]]) -> None:
    """Each is evaluated and equals the library at 50 minutes of the horizon."""
    numbers = np.random.default_rng(414)
    compared = comments = bare = 0
    for value in cases["valid_samples"]:
        if not value or value.startswith("#"):  # a comment line of the samples file
            comments += 1
            continue
        if library_errs(value):
            bare += 1
            continue
        library = OpeningHours(value)
        horizon, schedule = over(value, datetime(2026, 2, 1, tzinfo=UTC))
        holidays = public_holidays("CN", horizon.start.date(), horizon.end.date())
        minutes = numbers.integers(0, HORIZON_MINUTES, 50)
        for minute, got in zip(minutes.tolist(), states(schedule, minutes), strict=True):
            instant = horizon.instant(minute).replace(tzinfo=None)
            near = {instant.date() + timedelta(days=n) for n in (-3, -2, -1, 0, 1, 2)}
            if uses_holidays(value) and near & holidays:
                continue
            assert got == STATES[library.state(instant)[0]], (value, instant)
            compared += 1
    assert comments + bare < 130
    assert compared > 3_000


def test_at_least_four_fifths_of_invalid_values_are_read(shared_data: Path) -> None:
    values = counted(
        shared_data / "opening_hours_values" / "invalid_but_unambiguous_opening_hours.tsv.gz"
    )
    assert len(values) == 61_075
    total = read = 0
    for count, value in values:
        total += count
        try:
            read_hours(value)
        except UnreadableHours:
            continue
        read += count
    assert read / total >= 0.92
