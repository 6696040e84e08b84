"""Pieces of drawings: scales keep order and ends, ticks are round, text is escaped and fits."""

import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reports import svg, units
from benchmarks.reports.units import bytes_text, share_text, time_text, times_text

POSITIVE = st.floats(1e-3, 1e9)


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_a_log_scale_holds_its_values_in_order(values: list[float]) -> None:
    scale = svg.log_scale(values, 100.0, 300.0)
    places = [scale(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(100 - 1e-6 <= place <= 300 + 1e-6 for place in places)
    assert scale.low <= min(values) * 1.001
    assert scale.high >= max(values) * 0.999
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 5
    assert ticks == sorted(ticks)


@given(POSITIVE)
def test_a_linear_scale_begins_at_zero_with_round_ticks(high: float) -> None:
    scale = svg.linear_scale([high / 2, high], 10.0, 110.0)
    assert scale(0.0) == 10.0
    assert scale(high) == pytest.approx(110.0)
    ticks = scale.ticks()
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] <= high * 1.002


def test_scales_of_nothing_or_of_zeros_do_not_fail() -> None:
    assert svg.log_scale([0.0, -1.0], 0.0, 1.0).ticks()
    assert svg.linear_scale([], 0.0, 1.0).ticks()
    assert svg.log_scale([5.0], 0.0, 1.0)(5.0) >= 0


def test_a_log_scale_puts_decades_at_equal_steps() -> None:
    scale = svg.LogScale(1.0, 1000.0, 0.0, 300.0)
    assert [round(scale(value)) for value in (0.5, 1, 10, 100, 1000, 2000)] == [
        *(0, 0, 100, 200, 300, 300)
    ]
    assert scale.ticks() == [1, 10, 100, 1000]


def test_a_drawing_is_xml_with_a_title_and_a_description() -> None:
    pieces = [
        svg.text(1, 2, "a < b & c", "tick", anchor="end"),
        svg.fitted(0, 0, "<very long words that do not fit>", width=50),
        svg.dot(1, 1, "ours"),
        svg.dot(1, 1, "wrong", shape="diamond"),
        svg.dot(1, 1, "peer", shape="square"),
        *svg.axis_below(svg.log_scale([1, 1e4], 0, 100), 0, 10, units.time_tick),
        *svg.axis_left(svg.log_scale([1, 1e4], 100, 0), 0, 10, units.time_tick),
    ]
    root = ElementTree.fromstring(svg.drawing(10, 20, 'T "<1>"', "D & d", pieces))
    assert root.attrib == {"viewBox": "0 0 10 20", "role": "img", "aria-label": 'T "<1>"'}
    assert root.findtext("title") == 'T "<1>"'
    assert root.findtext("desc") == "D & d"
    assert {"circle", "polygon", "rect", "text", "line"} <= {each.tag for each in root.iter()}
    assert "<very long words that do not fit>" in [each.text for each in root.iter("title")]


def test_names_of_ticks_do_not_overlap() -> None:
    scale = svg.LogScale(1.0, 1e7, 0.0, 100.0)
    pieces = svg.axis_below(scale, 0, 10, units.time_tick, most=8)
    texts = [ElementTree.fromstring(each) for each in pieces if each.startswith("<text")]
    ends = [(float(each.attrib["x"]), svg.text_width(each.text or "") / 2) for each in texts]
    assert 2 <= len(ends) < 8
    for (left, half), (right, other) in pairwise(ends):
        assert left + half < right - other


def test_parts_of_a_stacked_bar_touch_and_keep_their_sizes() -> None:
    parts = [
        ElementTree.fromstring(each)
        for each in svg.stacked_bar([10, 30, 60], svg.LinearScale(100, 0, 200), 5, 20)
    ]
    places = [(float(each.attrib["x"]), float(each.attrib["width"])) for each in parts]
    assert places == [(0, 20), (20, 60), (80, 120)]
    assert len({each.attrib["class"] for each in parts}) == 3


def test_the_outline_of_a_histogram_begins_and_ends_on_its_base() -> None:
    points = svg.steps_of([1.0, 3.0], [0.0, 10.0, 20.0], 9.0)
    assert points == [(0, 9), (0, 8), (10, 8), (10, 6), (20, 6), (20, 9)]


@given(st.text(max_size=60), st.floats(20, 300))
def test_shortened_words_fit(words: str, width: float) -> None:
    shown = svg.shortened(words, width)
    assert shown == words or (shown.endswith("…") and svg.text_width(shown) <= width)


def test_wrapped_words_are_all_there() -> None:
    assert svg.wrapped("PostGIS 3.5, GiST index", 100) == ("PostGIS 3.5,", "GiST index")
    assert svg.wrapped("short", 100) == ("short", "")
    assert svg.wrapped("onelongwordwithoutspaces", 10) == ("onelongwordwithoutspaces", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (time_text(0.0), "0 ns"),
        (time_text(0.34), "340 ns"),
        (time_text(47.26), "47.3 µs"),
        (time_text(999.4), "999 µs"),
        (time_text(999.6), "1.00 ms"),
        (time_text(30_240_000), "30.2 s"),
        (units.time_tick(0), "0"),
        (units.time_tick(100_000), "100 ms"),
        (bytes_text(168.1), "168 B"),
        (bytes_text(9_068_750_005), "9.07 GB"),
        (units.bytes_tick(1_500), "1.5 kB"),
        (times_text(0.994), "0.99×"),
        (times_text(54.6), "55×"),
        (share_text(0.99999), "99.9 %"),
        (share_text(0.57), "57.0 %"),
        (share_text(1.0), "100 %"),
        (units.short_count(2_500_000), "2.5 M"),
    ],
)
def test_numbers_are_short_and_say_their_unit(text: str, shown: str) -> None:
    assert text == shown
