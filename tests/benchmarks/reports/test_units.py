"""Numbers are short, have three digits, and say their unit."""

import pytest

from benchmarks.reports.units import bytes_text, share_text, time_text, times_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (time_text(0.0), "0 ns"),
        (time_text(0.34), "340 ns"),
        (time_text(47.26), "47.3 µs"),
        (time_text(999.4), "999 µs"),
        (time_text(999.6), "1.00 ms"),
        (time_text(30_240_000), "30.2 s"),
        (bytes_text(168.1), "168 B"),
        (bytes_text(9_068_750_005), "9.07 GB"),
        (times_text(0.994), "0.99×"),
        (times_text(54.6), "55×"),
        (share_text(0.99999), "99.9 %"),
        (share_text(0.57), "57.0 %"),
        (share_text(1.0), "100 %"),
    ],
)
def test_numbers_are_short_and_say_their_unit(text: str, shown: str) -> None:
    assert text == shown
