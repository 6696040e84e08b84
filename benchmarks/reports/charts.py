"""Charts of engines: latency, distribution, cost against size, and memory.

Useful for: `html`.
Not useful for: HTTP; see `http_charts`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.reports import svg
from benchmarks.reports.findings import (
    OURS,
    by_size,
    by_speed,
    engine_label,
    families,
    is_exact,
    size_slope,
    sizes,
)
from benchmarks.reports.units import (
    bytes_text,
    bytes_tick,
    count_text,
    share_text,
    short_count,
    time_text,
    time_tick,
    times_text,
)
from benchmarks.result import BINS, BINS_PER_DECADE, FamilyResult, Line, Result, WorldResult

WIDTH = 360.0
NAMES = 112.0
"""Where a plot begins, to the right of the rows' names."""
FIRST_EDGE_US = 0.1
SHAPES = ("circle", "square", "diamond")


class Row(NamedTuple):
    """A row of a chart: a mark at `at`, a line to `to`, and what stands left and right of it."""

    name: str
    at: float
    to: float
    kind: str
    """`ours`, `peer` or `wrong`."""
    columns: Sequence[str]
    note: str = ""
    """Small print below the name."""
    far: float | None = None
    """End of a fainter line."""


class Figure(NamedTuple):
    """A drawing with its caption."""

    caption: str
    note: str
    """What stands behind the caption, fainter."""
    svg: str


def latency_charts(world: WorldResult) -> list[Figure]:
    """p50 with p99 of every engine, a chart a family, all with one scale."""
    ends = [end for family in world.families for each in family.lines for end in _ends(each)]
    scale = svg.log_scale(ends, NAMES, WIDTH - 112)
    return [
        Figure(family.label, _matching(family), _latency_chart(world, family, scale))
        for family in world.families
    ]


def range_chart(
    title: str, rows: Sequence[Row], scale: svg.Scale, head: Sequence[str], desc: str = ""
) -> str:
    """Rows of marks with lines to their far ends; times, in µs; `head` names the columns."""
    top = 22.0
    one_ours = sum(row.kind == "ours" for row in rows) == 1
    places, bottom = _places(rows, top)
    pieces = svg.axis_below(scale, top - 4, bottom, time_tick, most=4)
    for number, words in enumerate(reversed(head)):
        pieces.append(svg.text(_column(number), top - 6, words, "small", anchor="end"))
    for row, y in zip(rows, places, strict=True):
        if row.kind == "ours" and one_ours:
            pieces.append(svg.bar(0, y - 10, (WIDTH, 20), "band"))
        pieces += _range_row(row, y, scale)
    said = desc or "; ".join(
        f"{row.name}: {' '.join((*row.columns, row.note))}".strip() for row in rows
    )
    return svg.drawing(WIDTH, bottom + 20, title, said, pieces)


def distribution_charts(world: WorldResult) -> list[Figure]:
    """Histogram of every engine, a chart a family, all with one scale."""
    used = [
        number
        for family in world.families
        for each in family.lines
        for number, count in enumerate(each.timing.histogram)
        if count
    ]
    if not used:
        return []
    first, last = min(used), max(used) + 1
    scale = svg.LogScale(_edge(first), _edge(last), NAMES, WIDTH - 62)
    bins = range(first, last)
    return [
        Figure(family.label, "", _distribution_chart(world, family, scale, bins))
        for family in world.families
        if any(sum(each.timing.histogram) for each in family.lines)
    ]


def size_charts(result: Result) -> list[Figure]:
    """p50 of this engine against the size of the world, a chart a family, all with one scale."""
    named = families(result)
    lines = {name: sizes(result, name) for name in named}
    costs = [cost for line in lines.values() for _, cost in line]
    counts = [world.merchants for world in result.worlds]
    x = svg.LogScale(min(counts) * 0.8, max(counts) * 1.25, 74, WIDTH - 18)
    y = svg.log_scale(costs, 150, 26)
    shapes = list(dict.fromkeys(world.shape for world in by_size(result)))
    charts = []
    for name, label in named.items():
        slope = size_slope(result, name)
        if slope is None:
            continue
        others = [
            svg.path([(x(world.merchants), y(cost)) for world, cost in line], "other")
            for other, line in lines.items()
            if other != name
        ]
        pieces = [*_size_axes(result, x, y), *others, *_size_line(lines[name], (x, y), shapes)]
        said = "; ".join(f"{world.label} {time_text(cost)}" for world, cost in lines[name])
        drawn = svg.drawing(WIDTH, 172, f"Cost against size: {label}", said, pieces)
        charts.append(Figure(label, f"slope {slope:.2f}", drawn))
    return charts


def memory_charts(result: Result, world: WorldResult) -> list[Figure]:
    """Bytes a merchant of every engine of a world, and of this engine in all worlds."""
    told = sorted(
        (each for each in world.engines if each.bytes and not each.missing),
        key=lambda each: each.bytes,
    )
    engines = [
        Row(
            each.label,
            each.bytes / max(world.merchants, 1),
            0.0,
            "ours" if each.engine == OURS else "peer",
            [bytes_text(each.bytes / max(world.merchants, 1))],
        )
        for each in told
    ]
    ours = [
        Row(name, count / max(each.merchants, 1), 0.0, kind, [bytes_text(count / each.merchants)])
        for each in by_size(result)
        if each.merchants
        for name, count, kind in (
            (f"{short_count(each.merchants)}, hot", each.hot_bytes, "ours"),
            (f"{short_count(each.merchants)}, disk", each.disk_bytes, "part1"),
            (f"{short_count(each.merchants)}, RSS", each.rss_bytes, "part2"),
        )
    ]
    shown = (
        ("Bytes a merchant, by engine", world.label, engines),
        ("This engine", "columns that queries read, files, resident memory", ours),
    )
    return [
        Figure(title, note, bar_chart(f"{title} {note}".strip(), rows, bytes_tick))
        for title, note, rows in shown
        if rows
    ]


def bar_chart(title: str, rows: Sequence[Row], tick: Callable[[float], str]) -> str:
    """Bars from zero to each row's `at`, its first column at the end."""
    top, step = 8.0, 26.0
    bottom = top + step * len(rows)
    scale = svg.linear_scale([row.at for row in rows], NAMES, WIDTH - 66)
    pieces = svg.axis_below(scale, top - 4, bottom, tick, most=3)
    for number, row in enumerate(rows):
        y = top + step * number
        strong = "strong" if row.kind == "ours" else ""
        pieces += [
            *named(row.name, y + 16, strong),
            svg.bar(NAMES, y + 4, (scale(row.at) - NAMES, step - 9), row.kind),
            svg.text(scale(row.at) + 5, y + 16, row.columns[0], strong),
        ]
    said = "; ".join(f"{row.name}: {row.columns[0]}" for row in rows)
    return svg.drawing(WIDTH, bottom + 20, title, said, pieces)


def _matching(family: FamilyResult) -> str:
    return "" if family.matching is None else f"{count_text(family.matching)} match"


def _latency_chart(world: WorldResult, family: FamilyResult, scale: svg.Scale) -> str:
    ours = family.line(OURS)
    rows = []
    for each in by_speed(family):
        timing = each.timing
        ratio = times_text(timing.p50_us / ours.timing.p50_us) if ours else ""
        rows.append(
            Row(
                engine_label(world, each.engine),
                *_ends(each),
                _kind(each),
                [time_text(timing.p50_us), "" if each.engine == OURS else ratio],
                _note(each),
            )
        )
    return range_chart(f"Latency: {family.label}", rows, scale, ["p50", "to ours" if ours else ""])


def _range_row(row: Row, y: float, scale: svg.Scale) -> list[str]:
    strong = "strong" if row.kind == "ours" else ""
    shape = "diamond" if row.kind == "wrong" else "circle"
    at, to = scale(row.at), scale(row.to)
    pieces = named(row.name, y + 4, strong, note=row.note)
    if row.far is not None:
        pieces.append(svg.line((to, y), (scale(row.far), y), f"{row.kind} far"))
    pieces += [
        svg.line((at, y), (to, y), f"{row.kind} whisker"),
        svg.line((to, y - 4), (to, y + 4), f"{row.kind} whisker"),
        svg.dot(at, y, f"{row.kind} mark", shape=shape, size=5 if strong else 4),
    ]
    for number, words in enumerate(reversed(row.columns)):
        pieces.append(svg.text(_column(number), y + 4, words, strong, anchor="end"))
    said = f"{row.name}: {time_text(row.at)} to {time_text(row.to)}"
    return [svg.pointed(said, *pieces)]


def _distribution_chart(
    world: WorldResult, family: FamilyResult, scale: svg.Scale, bins: range
) -> str:
    lines = [each for each in by_speed(family) if sum(each.timing.histogram)]
    top, step, height = 6.0, 27.0, 24.0
    bottom = top + step * len(lines)
    edges = [scale(_edge(number)) for number in (*bins, bins.stop)]
    pieces = svg.axis_below(scale, top, bottom, time_tick, most=4)
    for number, each in enumerate(lines):
        y = top + step * (number + 1)
        counts = each.timing.histogram[bins.start : bins.stop]
        kind, most = _kind(each), max(counts)
        outline = svg.steps_of([count / most * height for count in counts], edges, y)
        name = engine_label(world, each.engine)
        strong = "strong" if kind == "ours" else ""
        pieces += [
            *named(name, y - 5, strong),
            svg.area(outline, f"{kind} ridge"),
            svg.text(_column(0), y - 5, time_text(each.timing.p50_us), strong, anchor="end"),
        ]
    said = "; ".join(
        f"{engine_label(world, each.engine)}: p50 {time_text(each.timing.p50_us)}, p99.9 "
        f"{time_text(each.timing.p999_us)}"
        for each in lines
    )
    return svg.drawing(WIDTH, bottom + 20, f"Distribution: {family.label}", said, pieces)


def _size_axes(result: Result, x: svg.Scale, y: svg.Scale) -> list[str]:
    pieces = svg.axis_left(y, 54, WIDTH - 12, time_tick)
    last = -100.0
    for merchants in sorted({world.merchants for world in result.worlds}):
        if x(merchants) - last >= 44:
            last = x(merchants)
            pieces.append(svg.text(last, 168, short_count(merchants), "tick", anchor="middle"))
    return [*pieces, svg.text(0, 168, "merchants", "small")]


def _size_line(
    line: Sequence[tuple[WorldResult, float]],
    scales: tuple[svg.Scale, svg.Scale],
    shapes: Sequence[str],
) -> list[str]:
    x, y = scales
    pieces = [svg.path([(x(world.merchants), y(cost)) for world, cost in line], "ours through")]
    for world, cost in line:
        shape = SHAPES[shapes.index(world.shape) % len(SHAPES)]
        place = x(world.merchants), y(cost)
        mark = svg.dot(*place, "ours mark", shape=shape)
        above = svg.text(place[0], place[1] - 9, time_text(cost), "strong halo", anchor="middle")
        pieces.append(svg.pointed(f"{world.label}: {time_text(cost)}", mark, above))
    return pieces


def named(
    name: str, y: float, kind: str, *, note: str = "", width: float = NAMES - 12
) -> list[str]:
    """A row's name with small print below it: what does not fit on the first line, and a note.

    Without a note, two lines lie around where one would.
    """
    first, rest = svg.wrapped(name, width)
    below = "; ".join(filter(None, (rest, note)))
    up = 5 if rest and not note else 0
    pieces = [svg.fitted(4, y - up, first, kind, width=width)]
    if below:
        pieces.append(svg.fitted(4, y + 12 - up, below, "small", width=width))
    return pieces


def _places(rows: Sequence[Row], top: float) -> tuple[list[float], float]:
    """Middles of rows, and the bottom of the last; rows with small print are higher."""
    places = []
    for row in rows:
        places.append(top + 13)
        top += 36 if row.note else 27
    return places, top


def _column(number: int) -> float:
    """Right end of a column of text, counted from the right."""
    return WIDTH - 4 - 52 * number


def _ends(line: Line) -> tuple[float, float]:
    return line.timing.p50_us, max(line.timing.p99_us, line.timing.p50_us)


def _kind(line: Line) -> str:
    if line.engine == OURS:
        return "ours"
    return "peer" if is_exact(line) else "wrong"


def _note(line: Line) -> str:
    if not line.compared:
        return "not compared"
    return f"recall {share_text(line.recall)}" if line.recall < 1 else ""


def _edge(number: int) -> float:
    """Left edge of a bin, in µs."""
    return float(FIRST_EDGE_US * 10 ** (min(number, BINS) / BINS_PER_DECADE))
