"""Leap seconds, wherever an instant comes as text."""

import pytest

from geosearch.hours.instants import read_instant

READ = [
    ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00+00:00"),
    ("2026-11-29T23:59:60+08:00", "2026-11-30T00:00:00+08:00"),
    ("2027-01-01T07:59:60+08:00", "2027-01-01T08:00:00+08:00"),
    ("2027-01-01T05:29:60+05:30", "2027-01-01T05:30:00+05:30"),
    ("2026-12-31 23:59:60Z", "2027-01-01T00:00:00+00:00"),
    ("2028-02-28T23:59:60Z", "2028-02-29T00:00:00+00:00"),
    ("2026-12-31T23:59:60.5Z", "2027-01-01T00:00:00.500000+00:00"),
    ("2026-12-31T23:59:59Z", "2026-12-31T23:59:59+00:00"),
    ("2026-11-29T12:00:00+08:00", "2026-11-29T12:00:00+08:00"),
]


@pytest.mark.parametrize(("text", "instant"), READ)
def test_a_leap_second_is_the_next_second(text: str, instant: str) -> None:
    assert read_instant(text).isoformat() == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-31T23:58:60Z", "2026-12-31T23:59:61Z", "2026-12-31T12:30:60Z", "23:59:60", "",
        "2026-12-31T24:59:60Z", "2026-02-30T23:59:60Z", "x:59:60",
    ],
)  # fmt: skip
def test_other_seconds_are_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the sentence is that of the caller
        read_instant(text)
