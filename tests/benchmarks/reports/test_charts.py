"""Charts have every figure at its place, in colours and shapes that everybody can tell apart."""

import math
import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import msgspec
import pytest

pytest.importorskip("altair", reason="needs geosearch-deals[bench]")
pytest.importorskip("vl_convert", reason="needs geosearch-deals[bench]")

from benchmarks.peers import PEERS, peer_class
from benchmarks.reports import charts
from benchmarks.reports.charts import (
    BLUE,
    DARK,
    DIM,
    GREEN,
    INK,
    PAPER,
    PURPLE,
    RED,
    WRONG,
    draw,
    family_chart,
    load_charts,
    overview,
)
from benchmarks.reports.html import Figure
from benchmarks.reports.units import time_text
from benchmarks.result import Result
from tests.benchmarks.reports import results

SVG = "{http://www.w3.org/2000/svg}"
FAMILIES = len(results.FAMILIES)


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Figure]]:
    """Figures of the made-up run, by section."""
    found = draw(results.result())
    return {
        key: [each for group in groups.values() for each in group] for key, groups in found.items()
    }


def root(figure: Figure) -> ElementTree.Element:
    return ElementTree.fromstring(figure.svg)


def texts(figure: Figure) -> list[str]:
    return [each.text for each in root(figure).iter(f"{SVG}text") if each.text]


def marks(figure: Figure, colour: str) -> list[tuple[float, float]]:
    """Places of the marks of a colour in the plot, from top to bottom."""
    (layer,) = root(figure).findall(f".//{SVG}g[@class='mark-symbol role-mark layer_1_marks']")
    places = [
        re.findall(r"-?[\d.]+", each.attrib["transform"])
        for each in layer.iter(f"{SVG}path")
        if each.attrib["fill"] == colour
    ]
    return sorted(((float(x), float(y)) for x, y in places), key=lambda place: place[1])


def test_there_is_a_chart_for_each_question(drawn: dict[str, list[Figure]]) -> None:
    counts = {key: len(figures) for key, figures in drawn.items()}
    # Two worlds have peers; loops are closed or open.
    assert counts == {"headline": 1, "latency": 2 * FAMILIES, "sizes": 1, "http": 2}


def test_every_drawing_says_what_it_shows_and_cuts_no_words(
    drawn: dict[str, list[Figure]],
) -> None:
    for figure in (each for figures in drawn.values() for each in figures):
        assert root(figure).attrib["role"] == "img"
        assert figure.caption in root(figure).attrib["aria-label"]
        assert "…" not in figure.svg
        assert not re.search(r"(?<!xmlns=\")(?<!xlink=\")https?:|url\(|@import|<image", figure.svg)


def test_every_colour_has_one_for_the_dark(drawn: dict[str, list[Figure]]) -> None:
    for figure in (each for figures in drawn.values() for each in figures):
        used = set(re.findall(r'(?:fill|stroke)="([^"]*)"', figure.svg)) - {"none"}
        assert used <= DARK.keys()
        for colour in used:
            for part in ("fill", "stroke"):
                assert f'svg [{part}="{colour}"] {{{part}: {DARK[colour]}}}' in figure.svg


def brightness(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_black_on_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("colour", "least"),
    # WCAG 2.2: 4.5 for text, 3 for graphics.
    [(INK, 4.5), (DIM, 4.5), (BLUE, 3), (RED, 3), (GREEN, 3), (PURPLE, 3)],
)
def test_colours_stand_out_in_light_and_dark(colour: str, least: float) -> None:
    assert contrast(colour, PAPER) >= least
    assert contrast(DARK[colour], DARK[PAPER]) >= least


def test_no_two_kinds_of_mark_differ_by_colour_only() -> None:
    for kinds in (charts.ENGINES, (charts.THIS, charts.BASE)):
        assert all(one.shape != other.shape for one, other in combinations(kinds, 2))
    assert len({shape for shape, _ in charts.WORLDS}) == len(charts.WORLDS)


def test_marks_lie_where_their_times_are() -> None:
    world = results.world(1)
    places = marks(overview(world), BLUE)
    times = [family.lines[0].timing.p50_us for family in world.families]
    assert len(places) == len(times) == FAMILIES
    ys = [y for _, y in places]
    assert [round(after - before) for before, after in pairwise(ys)] == [24] * (FAMILIES - 1)
    # On a logarithmic scale equal ratios are equal distances.
    steps = [
        (x - places[0][0]) / math.log(us / times[0])
        for (x, _), us in zip(places, times, strict=True)
        if us != times[0]
    ]
    assert len(steps) >= FAMILIES - 2
    # Lines reach as far as p99 is from p50.
    rules = root(overview(world)).findall(
        f".//{SVG}g[@class='mark-rule role-mark layer_0_marks']/*"
    )
    assert len(rules) == FAMILIES
    for rule, family in zip(rules, world.families, strict=True):
        timing = family.lines[0].timing
        steps.append(float(rule.attrib["x2"]) / math.log(timing.p99_us / timing.p50_us))
    assert min(steps) > 0
    assert max(steps) - min(steps) < 0.01 * max(steps)


def test_the_headline_marks_the_fastest_exact_peer_and_says_the_ratio() -> None:
    figure = overview(results.world(1))
    assert len(marks(figure, RED)) == FAMILIES
    # tantivy, in all families but one, and the KD-tree are not exact.
    assert len(marks(figure, PURPLE)) == 2 * FAMILIES - 1
    assert len(marks(figure, DIM)) == 6 * FAMILIES
    shown = texts(figure)
    assert {family.label for family in results.world(1).families} <= set(shown)
    assert {"geosearch", "fastest exact peer", WRONG.name, "19×", "0.55×"} <= set(shown)


def test_a_family_shows_every_engine_with_its_time_the_fastest_first() -> None:
    world = results.world(1)
    for family in world.families:
        figure = family_chart(world, family, [1.0, 1e6])
        shown = texts(figure)
        for line in family.lines:
            (label,) = (each.label for each in world.engines if each.engine == line.engine)
            assert label in shown
            assert any(text.startswith(time_text(line.timing.p50_us)) for text in shown)
        every = [place for colour in (BLUE, DIM, PURPLE) for place in marks(figure, colour)]
        every.sort(key=lambda place: place[1])
        assert len(every) == len(family.lines)
        assert every == sorted(every)
        assert sum(text.endswith(", recall 98.1 %") for text in shown) == 1


def test_an_answer_that_was_not_compared_is_not_called_right() -> None:
    world = results.world(1)
    lines = [msgspec.structs.replace(line, compared=0) for line in world.families[0].lines]
    family = msgspec.structs.replace(world.families[0], lines=lines)
    figure = family_chart(world, family, [1.0, 1e6])
    assert sum(text.endswith(", not compared") for text in texts(figure)) == len(results.PEERS)
    assert not marks(figure, DIM)
    # This engine's line is not compared with itself everywhere; it is this engine's all the same.
    assert len(marks(figure, BLUE)) == 1


def test_a_p99_below_the_p50_draws_no_line_backwards() -> None:
    world = results.world(1)
    line = world.families[0].lines[0]
    low = msgspec.structs.replace(line, timing=msgspec.structs.replace(line.timing, p99_us=1.0))
    family = msgspec.structs.replace(world.families[0], lines=[low])
    figure = family_chart(world, family, [1.0, 1e6])
    assert not root(figure).findall(f".//{SVG}g[@class='mark-rule role-mark layer_0_marks']//*")


def test_sizes_have_a_mark_a_world_and_the_slope(drawn: dict[str, list[Figure]]) -> None:
    (figure,) = drawn["sizes"]
    for colour in (BLUE, RED, GREEN):
        assert len(marks(figure, colour)) == FAMILIES
    assert {"0.04", "100,000, one city", "10,000,000, 300 towns"} <= set(texts(figure))


def test_loads_show_both_servers_and_the_connections(drawn: dict[str, list[Figure]]) -> None:
    closed, opened = drawn["http"]
    # p50 and p99 of four loops each.
    assert [len(marks(closed, colour)) for colour in (BLUE, DIM)] == [8, 8]
    assert [len(marks(opened, colour)) for colour in (BLUE, DIM)] == [6, 0]
    assert [texts(closed).count(words) for words in ("1", "4", "16", "64")] == [2] * 4
    assert {"p50", "p99", "requests a second"} <= set(texts(closed))
    # p99 is 2.4 times p50 in all of these loops: as far above on a logarithmic scale.
    heights: dict[float, list[float]] = {}
    for x, y in marks(opened, BLUE):
        heights.setdefault(x, []).append(y)
    assert len(heights) == 3
    assert len({round(low - high) for high, low in heights.values()}) == 1
    assert all(low - high > 10 for high, low in heights.values())


def test_a_curve_follows_the_connections_where_more_of_them_serve_less() -> None:
    loops = [results.loop("geosearch", load, p50_ms=0.5 * load) for load in (1, 4, 16)]
    loops[2] = msgspec.structs.replace(loops[2], requests_per_second=1_000.0)
    (figure,) = load_charts(msgspec.structs.replace(results.http(), loops=loops))
    lines = root(figure).findall(f".//{SVG}g[@class='mark-line role-mark layer_0_marks']/{SVG}path")
    assert len(lines) == 2
    for line in lines:
        xs = [float(step.split(",")[0]) for step in re.split("[ML]", line.attrib["d"])[1:]]
        assert len(xs) == 3
        assert xs[2] < xs[1]


def test_marks_lie_within_their_drawing(drawn: dict[str, list[Figure]]) -> None:
    checked = 0
    for figure in (each for figures in drawn.values() for each in figures):
        box = [float(number) for number in root(figure).attrib["viewBox"].split()]
        plot = root(figure).find(f".//{SVG}path[@class='background']")
        assert plot is not None
        _, _, width, height = (float(x) for x in re.findall(r"[\d.]+", plot.attrib["d"])[:4])
        assert width <= box[2]
        for colour in (BLUE, RED, GREEN, PURPLE, DIM):
            for x, y in marks(figure, colour):
                assert 0 <= x <= width
                assert 0 <= y <= height
                checked += 1
    # A line a mark in the headline and in both worlds' families, then sizes, then loops.
    lines = 10 * FAMILIES - 1
    assert checked == 3 * lines + 3 * FAMILIES + 8 + 8 + 6


def test_names_of_peers_fit_before_their_plot() -> None:
    world = results.world(1)
    labels = {name: peer_class(name).label for name in PEERS}
    engines = [
        msgspec.structs.replace(world.engines[0], engine=name, label=label)
        for name, label in labels.items()
    ]
    world = msgspec.structs.replace(world, engines=engines)
    family = world.families[0]
    lines = [results.line(name, 10.0 + number) for number, name in enumerate(PEERS)]
    figure = family_chart(world, msgspec.structs.replace(family, lines=lines), [1.0, 1e6])
    assert set(labels.values()) <= set(texts(figure))
    assert float(root(figure).attrib["width"]) < 400  # three beside each other
    plot = root(figure).find(f"{SVG}g")
    assert plot is not None
    before = float(re.findall(r"[\d.]+", plot.attrib["transform"])[0])
    # A letter of 12 px is 5 px wide at least, on average.
    assert before >= 5 * max(map(len, labels.values()))


def test_a_run_of_little_has_few_charts() -> None:
    assert draw(Result(circumstances={})) == {}
    made = results.result()
    made.worlds = made.worlds[2:]
    made.http = None
    # Without peers there is this engine alone.
    (key,) = draw(made)
    assert key == "headline"
    (figure,) = draw(made)[key][""]
    assert len(marks(figure, BLUE)) == FAMILIES
    assert not marks(figure, RED)
