"""Each distinct expression is evaluated once, and nothing is sent to a closed door."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from geosearch.hours import schedules as hours_module
from geosearch.hours.schedules import Horizon
from geosearch.indexing import hours as build_hours
from geosearch.indexing.hours import ScheduleBook
from geosearch.snapshot.rejects import RejectLog
from indexes.timetable import ALWAYS, CLOSED, NEVER, OPEN, UNKNOWN_SCHEDULE, state_at

HORIZON = Horizon.for_build(datetime(2026, 11, 22, 12, tzinfo=UTC))
SHOP = {
    "opening_hours": None,
    "time_zone": "Asia/Shanghai",
    "calendar": "CN",
    "lat": 31.23,
    "lng": 121.47,
    "business_status": "OPERATIONAL",
    "closures": None,
}
TYPES = {"opening_hours": pl.String, "closures": pl.String, "line": pl.UInt32}


def shops(*changes: dict[str, Any]) -> pl.DataFrame:
    rows = [SHOP | change | {"line": line} for line, change in enumerate(changes, 1)]
    return pl.DataFrame(rows, schema_overrides=TYPES)


@pytest.fixture
def log() -> RejectLog:
    return RejectLog()


@pytest.fixture
def book(log: RejectLog) -> ScheduleBook:
    return ScheduleBook(HORIZON, log)


def hours(text: str | None, **changes: Any) -> dict[str, Any]:
    return {"opening_hours": text, **changes}


def test_every_shop_has_a_schedule(book: ScheduleBook, log: RejectLog) -> None:
    found = book.merchant_schedules(
        shops(
            hours(None),
            hours("24/7"),
            hours("off"),
            hours("24/7", business_status="CLOSED_TEMPORARILY"),
            hours(None, business_status="CLOSED_TEMPORARILY"),
            hours("ask at the door"),
        )
    )
    unknown, never = UNKNOWN_SCHEDULE, NEVER
    assert found.tolist() == [unknown, ALWAYS, never, never, never, unknown]
    assert log.counts() == {"merchants": {"unreadable_hours": 1}}


def test_equal_hours_share_a_schedule(book: ScheduleBook) -> None:
    found = book.merchant_schedules(
        shops(
            hours("10:00-22:00"),
            hours("Mo-Su 10:00-22:00", lat=1.0),
            hours("10:00-22:00", time_zone="Asia/Taipei"),
            hours("10:00-22:00", time_zone="Europe/Berlin"),
        )
    ).tolist()
    assert found[0] == found[1] == found[2], "one clock, one schedule"
    assert found[3] != found[0]


def test_sunrise_depends_on_the_place(book: ScheduleBook) -> None:
    found = book.merchant_schedules(
        shops(*(hours("sunrise-sunset", lng=lng) for lng in (121.0, 121.0, 80.0)))
    ).tolist()
    assert found[0] == found[1] != found[2]


def test_each_expression_is_evaluated_once(
    book: ScheduleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def evaluate(*args: Any, **options: Any) -> Any:
        asked.append(args)
        return hours_module.evaluate(*args, **options)

    monkeypatch.setattr(build_hours, "evaluate", evaluate)
    book.merchant_schedules(shops(*[hours("10:00-22:00"), hours("24/7")] * 50))
    assert len(asked) == 2


def test_every_line_of_a_trap_is_named(book: ScheduleBook, log: RejectLog) -> None:
    trap = "Fr 18:00-02:00; Sa 10:00-20:00"
    book.merchant_schedules(shops(hours(trap), hours("24/7"), hours(trap)))
    assert [(entry.line, entry.code) for entry in log.entries] == [
        (1, "overnight_trap"),
        (3, "overnight_trap"),
    ]
    assert "Fr 18:00-02:00, Sa 10:00-20:00" in log.entries[0].message
    assert "`Sa 10:00-20:00` closes the night before" in log.entries[0].message
    assert all(" - at line" in entry.message for entry in log.entries)


def test_a_closed_day_that_cuts_the_night_is_named(book: ScheduleBook, log: RejectLog) -> None:
    book.merchant_schedules(shops(hours("18:00-02:00; PH off"), hours("10:00-18:00; PH off")))
    assert [(entry.line, entry.code) for entry in log.entries] == [(1, "overnight_trap")]
    assert "18:00-02:00; PH 02:00-26:00 off" in log.entries[0].message


def test_a_doubt_is_named_and_counts_as_the_specification_says(
    book: ScheduleBook, log: RejectLog
) -> None:
    first, second = book.merchant_schedules(
        shops(hours("Mo-Fr 08:00-12:00; 14:00-18:00"), hours("14:00-18:00"))
    )
    assert first == second
    (entry,) = log.entries
    assert entry.code == "doubtful_hours"
    assert "`14:00-18:00` names no days, so it replaces all hours before it" in entry.message
    assert entry.message.count(" - at ") == 1


def test_unreadable_hours_are_told_with_field_and_place(book: ScheduleBook, log: RejectLog) -> None:
    book.merchant_schedules(shops(hours("24/7"), hours("whenever we like")))
    (entry,) = log.entries
    assert "`opening_hours`" in entry.message
    assert entry.message.endswith(" - at line 2 of merchants")
    assert entry.message.count(" - at ") == 1


@pytest.mark.parametrize(
    ("country", "texts", "sentence"),
    [
        ("BV", ["10:00-22:00; PH off", "PH 10:00-12:00"], "`country` with public holidays"),
        ("BV", ["Mo-Fr 10:00-22:00", "24/7"], None),
        ("SA", ["Mo-Fr 10:00-22:00; PH off"], None),  # none in these 45 days, but others
        ("IQ", ["Mo-Fr 10:00-22:00; PH off"], None),
    ],
)
def test_an_empty_calendar_is_told_once(
    log: RejectLog, country: str, texts: list[str], sentence: str | None
) -> None:
    book = ScheduleBook(HORIZON, log)
    found = book.merchant_schedules(shops(*(hours(text, calendar=country) for text in texts)))
    assert UNKNOWN_SCHEDULE not in found
    assert book.guesses() == []
    messages = [entry.message for entry in log.entries]
    assert len(messages) == (sentence is not None)
    assert all(message.startswith(f"Expected {sentence}") for message in messages)


SPRING_FESTIVAL = [f"2027-02-{day:02}" for day in range(5, 11)]

# now, country, hours, make-up workdays: since, days that are guessed
GUESSES: list[tuple[str, str, str, bool, tuple[str, list[str]] | None]] = [
    ("2026-11-22", "CN", "Mo-Fr 10:00-22:00; PH off", False, ("2027-01-01", ["2027-01-01"])),
    ("2026-11-19", "CN", "PH off", False, ("2027-01-01", ["2027-01-01"])),
    ("2026-11-16", "CN", "PH off", False, None),  # the horizon ends with 30 December
    ("2026-11-22", "CN", "Mo-Fr 10:00-22:00", False, None),  # no holiday matters
    ("2026-11-22", "CN", "Mo-Fr 10:00-22:00", True, ("2027-01-01", ["2027-01-01"])),
    ("2026-11-22", "CN", "Mo-Th 10:00-22:00", True, None),
    ("2027-01-10", "CN", "PH off", False, ("2027-01-09", SPRING_FESTIVAL)),
    ("2027-02-20", "CN", "PH off", False, ("2027-02-19", ["2027-04-05"])),
    ("2026-11-22", "HK", "PH off", False, None),
    ("2026-11-22", "MO", "PH off", False, None),
    ("2026-11-22", "TW", "PH off", False, None),
    ("2026-11-22", "DE", "PH off", False, None),
    ("2027-02-20", "PK", "PH off", False, ("", ["2027-03-10", "2027-03-11", "2027-03-12"])),
]


@pytest.mark.parametrize(("now", "country", "text", "makeup", "guess"), GUESSES)
def test_what_is_guessed_is_told_by_day(
    log: RejectLog,
    now: str,
    country: str,
    text: str,
    makeup: bool,
    guess: tuple[str, list[str]] | None,
) -> None:
    horizon = Horizon.for_build(datetime.fromisoformat(f"{now}T12:00:00+00:00"))
    book = ScheduleBook(horizon, log, makeup=makeup)
    book.merchant_schedules(shops(hours(text, calendar=country)))
    found = [
        (each.country, each.since.isoformat() if each.since else "", [*map(str, each.days)])
        for each in book.guesses()
    ]
    assert found == ([] if guess is None else [(country, *guess)])
    assert log.counts() == ({} if guess is None else {"snapshot": {"provisional_holidays": 1}})
    for entry in log.entries:
        assert all(day in entry.message for day in guess[1]), "each day is named"  # type: ignore[index]


def test_the_country_tells_hours_apart_where_it_matters(book: ScheduleBook) -> None:
    found = book.merchant_schedules(
        shops(
            hours("10:00-22:00; PH off"),
            hours("10:00-22:00; PH off", calendar="HK"),
            hours("10:00-22:00"),
            hours("10:00-22:00", calendar="HK"),
        )
    ).tolist()
    assert len(set(found)) == 3
    assert found[2] == found[3]


def windows(
    book: ScheduleBook, *rows: tuple[str | None, date | None, date | None], lng: float = 121.47
) -> list[int]:
    offers = pl.DataFrame(
        [
            {
                "use_hours": text,
                "time_zone": "Asia/Shanghai",
                "calendar": None,
                "lat": 31.23,
                "lng": lng,
                "first_day": first,
                "last_day": last,
            }
            for text, first, last in rows
        ],
        schema_overrides={
            "use_hours": pl.String,
            "calendar": pl.String,
            "first_day": pl.Date,
            "last_day": pl.Date,
        },
    )
    deals = pl.DataFrame(
        {"use_hours": [row[0] for row in rows], "line": range(1, len(rows) + 1)},
        schema_overrides={"use_hours": pl.String},
    )
    found: list[int] = book.offer_windows(offers, deals).tolist()
    return found


def test_windows(book: ScheduleBook, log: RejectLog) -> None:
    today = date(2026, 11, 22)
    found = windows(
        book,
        (None, None, None),
        (None, None, date(2020, 1, 1)),
        (None, date(2030, 1, 1), None),
        (None, date(2020, 1, 1), date(2030, 1, 1)),
        ("whenever we like", None, None),
        ("off", None, None),
        (None, today, today),
        ("00:00-24:00", today, today),
        ("10:00-12:00 unknown", None, None),
    )
    assert found[:6] == [ALWAYS, NEVER, NEVER, ALWAYS, NEVER, NEVER]
    assert found[6] == found[7] not in (ALWAYS, NEVER)
    assert found[8] == NEVER, "perhaps usable is not usable"
    assert log.counts() == {"deals": {"unreadable_hours": 1}}
    timetable = book.build()
    schedules = timetable.schedules
    first = HORIZON.minute_of(datetime.fromisoformat("2026-11-22T00:00:00+08:00"))
    states = [state_at(schedules, found[6], first + off) for off in (-1, 0, 1439, 1440)]
    assert states == [CLOSED, OPEN, OPEN, CLOSED]


def test_a_window_with_the_sun_is_that_of_the_shop(book: ScheduleBook) -> None:
    here = windows(book, ("sunset-23:00", None, None), ("10:00-12:00", None, None))
    west = windows(book, ("sunset-23:00", None, None), ("10:00-12:00", None, None), lng=100.0)
    assert here[0] != west[0]
    assert here[1] == west[1], "for other hours the place must not tell them apart"
    timetable = book.build()
    schedules = timetable.schedules
    # The sun sets at 16:53 in Shanghai, an hour and a half later where the clock is the same.
    for clock, states in (("16:30", (CLOSED, CLOSED)), ("17:30", (OPEN, CLOSED))):
        minute = HORIZON.minute_of(datetime.fromisoformat(f"2026-11-25T{clock}:00+08:00"))
        assert tuple(state_at(schedules, each[0], minute) for each in (here, west)) == states
