"""Minutes that times cover on a day: nights, open ends, and the sun of a place."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from geosearch.hours.rules import parse
from geosearch.hours.spans import Stretch, SunPlace, stretches

DAY = date(2026, 12, 21)
BERLIN = SunPlace(ZoneInfo("Europe/Berlin"), (52.52, 13.405))
TROMSO = SunPlace(ZoneInfo("Europe/Oslo"), (69.65, 18.96))


def found(times: str, place: SunPlace | None = None, day: date = DAY) -> list[str]:
    (rule,) = parse(times)
    return [written(each) for each in stretches(rule.spans, day, place)]


def written(stretch: Stretch) -> str:
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (stretch.begin, stretch.end))
    return f"{begin}-{end}" + "?" * (not stretch.is_known)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("Mo", ["00:00-24:00"]),
        ("24/7", ["00:00-24:00"]),
        ("10:00-12:00,14:00-18:00", ["10:00-12:00", "14:00-18:00"]),
        ("18:00-02:00", ["18:00-26:00"]),
        ("18:00-26:00", ["18:00-26:00"]),
        ("18:00-00:00", ["18:00-24:00"]),
        ("10:00-10:00", ["10:00-34:00"]),
        ("00:00-48:00", ["00:00-48:00"]),
        # how long an open end is guessed to last
        ("11:30+", ["11:30-24:00?"]),
        ("17:00+", ["17:00-27:00?"]),
        ("22:00+", ["22:00-30:00?"]),
        ("10:00-16:00+", ["16:00-24:00?", "10:00-16:00"]),
        ("10:00-18:00+", ["18:00-28:00?", "10:00-18:00"]),
        ("10:00-24:00+", ["24:00-32:00?", "10:00-24:00"]),
        ("18:00-02:00+", ["26:00-34:00?", "18:00-26:00"]),
        ("18:00-18:00+", ["42:00-48:00?", "18:00-42:00"]),
        # what begins later ends it
        ("07:00+,12:00-16:00", ["07:00-12:00?", "12:00-16:00"]),
        ("10:00-12:00+,12:00-14:00", ["12:00-12:00?", "10:00-12:00", "12:00-14:00"]),
        ("17:00+,10:00-12:00", ["17:00-27:00?", "10:00-12:00"]),
        # without a place
        ("sunrise-sunset", ["07:00-19:00"]),
        ("(dawn+00:30)-dusk", ["06:30-20:00"]),
        ("sunset-sunrise", ["19:00-31:00"]),
    ],
)
def test_stretches(times: str, expected: list[str]) -> None:
    assert found(times) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        # 21 December in Berlin: the sun rises at 08:14, on the next day at 08:15, and sets at 15:53
        ("sunrise-sunset", ["08:14-15:53"]),
        ("sunset-sunrise", ["15:53-32:15"]),
        ("(sunrise-01:00)-(sunset+00:30)", ["07:14-16:23"]),
        ("sunset-23:00", ["15:53-23:00"]),
        ("sunset+", ["15:53-29:00?"]),
        # there is no afternoon between: no time at all, and no night
        ("16:00-sunset", []),
        ("16:00-sunset,18:00-20:00", ["18:00-20:00"]),
    ],
)
def test_the_sun_of_a_place(times: str, expected: list[str]) -> None:
    assert found(times, BERLIN) == expected
    assert found(times.replace("sun", "Sun"), BERLIN) == expected


def test_where_the_sun_does_not_rise_nobody_knows() -> None:
    assert found("sunrise-20:00", TROMSO) == ["00:00-20:00?"]
    assert found("10:00-sunset", TROMSO) == ["10:00-24:00?"]
    assert found("08:00-12:00,14:00-sunset", TROMSO) == ["08:00-12:00", "14:00-24:00?"]
    assert found("08:00-12:00", TROMSO) == ["08:00-12:00"]
    assert found("dawn-dusk", TROMSO) != ["00:00-24:00?"], "it dawns there"
