"""Charts of a report: Altair draws them as SVG text, offline.

It needs the extra `bench`. The tables of the report have every number of a chart.

Colours follow Okabe and Ito (2008), "Color Universal Design"; faint ones are darker or lighter.
Each kind of mark also has its own shape, so no chart depends on colour.
"""

from collections.abc import Sequence
from html import escape
from itertools import cycle
from typing import Any, NamedTuple

import altair as alt
import vl_convert

from benchmarks.reports.findings import (
    FLOOR,
    OURS,
    by_size,
    by_speed,
    closed_loops,
    duels,
    engine_label,
    families,
    is_exact,
    open_loops,
    peer_worlds,
    size_slope,
    sizes,
)
from benchmarks.reports.html import Figure, Figures
from benchmarks.reports.sentences import world_name
from benchmarks.reports.units import share_text, time_text, times_text
from benchmarks.result import FamilyResult, HttpResult, Line, Loop, Result, WorldResult

PAPER, INK, DIM, RULE = "#ffffff", "#1a1f26", "#5a6472", "#d8dde3"
BLUE, RED, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#a8578a"
DARK = {
    PAPER: "#12161b",
    INK: "#e6eaef",
    DIM: "#a3adb9",
    RULE: "#38424d",
    BLUE: "#56b4e9",
    RED: "#f08a3c",
    GREEN: "#2cc295",
    PURPLE: "#dd9cc1",
}
"""Each colour on a dark screen."""

STYLE = "@media (prefers-color-scheme: dark) {{{}}}".format(
    " ".join(
        f'svg [{part}="{light}"] {{{part}: {dark}}}'
        for light, dark in DARK.items()
        for part in ("fill", "stroke")
    )
)
"""Attributes have the light colours, which a viewer without styles shows."""

CONFIG = {
    "aria": False,
    "background": PAPER,
    "font": "DejaVu Sans, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "gridColor": RULE,
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 0,
        "ticks": False,
        "titleColor": DIM,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 0,
        "orient": "top",
        "symbolStrokeColor": DIM,
        "title": None,
    },
    "text": {"color": INK, "fontSize": 12},
}

TIME = (
    "datum.value < 1e3 ? datum.value + ' µs' : "
    "datum.value < 1e6 ? datum.value / 1e3 + ' ms' : datum.value / 1e6 + ' s'"
)
"""Name of a tick in microseconds, as an expression of Vega."""


class EngineKind(NamedTuple):
    """A kind of mark, with its colour and shape."""

    name: str
    colour: str
    shape: str


class Mark(NamedTuple):
    """A mark in a row at `us`, with a line to `far`, and words behind the plot."""

    row: str
    kind: str
    us: float
    far: float
    words: str = ""


THIS = EngineKind("geosearch", BLUE, "circle")
RIVAL = EngineKind("fastest exact peer", RED, "square")
PEER = EngineKind("other exact peer", DIM, "triangle-up")
WRONG = EngineKind("peer with wrong answers, or none compared", PURPLE, "cross")
ENGINES = (THIS, RIVAL, PEER, WRONG)
BASE = EngineKind("the same stack, constant bytes", DIM, "square")
WORLDS = (
    ("circle", BLUE),
    ("square", RED),
    ("triangle-up", GREEN),
    ("diamond", PURPLE),
    ("cross", DIM),
)
"""Shapes and colours of worlds, the smallest first."""

WIDE, NARROW = 500, 130
"""Widths of plots, without names and words."""


def draw(result: Result) -> Figures:
    """Figures of a readable result."""
    found: Figures = {}
    asked = peer_worlds(result)
    for world in (asked or by_size(result)[-1:])[:1]:
        if duels(world):
            found["headline"] = {"": [overview(world)]}
    if asked:
        found["latency"] = {world_name(world): _family_charts(world) for world in asked}
    if any(size_slope(result, name) is not None for name in families(result)):
        found["sizes"] = {"": [size_chart(result)]}
    if result.http is not None and result.http.loops:
        found["http"] = {"": load_charts(result.http)}
    return found


def overview(world: WorldResult) -> Figure:
    """All families of a world: this engine, the fastest exact peer and the others."""
    marks = []
    for family, ours, rival in duels(world):
        for line in reversed(by_speed(family)):
            kind = RIVAL if line is rival else _kind(line)
            p50, far, words = line.timing.p50_us, line.timing.p50_us, ""
            if line is ours:
                far = _p99(line)
                words = times_text(rival.timing.p50_us / p50) if rival else ""
            marks.append(Mark(family.label, kind.name, p50, far, words))
    title = "p50, and a line to p99 for geosearch; right: times as fast as the fastest exact peer"
    caption = f"{world_name(world)}: all families"
    return Figure(caption, _svg(_rows(marks, ENGINES, WIDE, title=title), f"{caption}, {title}"))


def family_chart(world: WorldResult, family: FamilyResult, ends: Sequence[float]) -> Figure:
    """p50 to p99 of every engine in a family, the fastest first, on a scale that holds `ends`."""
    marks = []
    for line in by_speed(family):
        words = time_text(line.timing.p50_us)
        if _kind(line) is WRONG:
            words += f", recall {share_text(line.recall)}" if line.compared else ", not compared"
        name = engine_label(world, line.engine)
        marks.append(Mark(name, _kind(line).name, line.timing.p50_us, _p99(line), words))
    chart = _rows(marks, ENGINES, NARROW, ends=ends)
    return Figure(family.label, _svg(chart, f"{family.label}: p50 to p99 of every engine"))


def size_chart(result: Result) -> Figure:
    """p50 of this engine in every world, a row a family."""
    worlds = by_size(result)
    kinds = [
        EngineKind(world.label, colour, shape)
        for world, (shape, colour) in zip(worlds, cycle(WORLDS), strict=False)
    ]
    marks = []
    for name, label in families(result).items():
        costs, slope = sizes(result, name), size_slope(result, name)
        if slope is not None:
            before = costs[0][1]
            for number, (world, cost) in enumerate(costs):
                words = "" if number else f"{slope:.2f}"
                marks.append(Mark(label, world.label, cost, before, words))
                before = cost
    title = "p50 of geosearch in each world, joined in order of size; right: the slope"
    caption = "All families, by size of the world"
    return Figure(caption, _svg(_rows(marks, kinds, WIDE, title=title), f"{caption}, {title}"))


def load_charts(http: HttpResult) -> list[Figure]:
    """Latency against requests a second, of closed loops and of open ones."""
    shown, figures = "p50 and p99 against requests a second", []
    for caption, loops in (
        (f"Closed loops, with their connections: {shown}", closed_loops(http.loops)),
        (f"Open loops: {shown}", open_loops(http.loops)),
    ):
        if loops:
            figures.append(Figure(caption, _svg(_curves(loops), caption)))
    return figures


def _family_charts(world: WorldResult) -> list[Figure]:
    """A chart for each family that peers answered, all with one scale."""
    shown = [family for family in world.families if any(map(_is_peer, family.lines))]
    lines = [line for family in shown for line in family.lines]
    ends = [*(line.timing.p50_us for line in lines), *map(_p99, lines)]
    return [family_chart(world, family, ends) for family in shown]


def _is_peer(line: Line) -> bool:
    return line.engine != OURS


def _kind(line: Line) -> EngineKind:
    if _is_peer(line):
        return PEER if is_exact(line) else WRONG
    return THIS


def _p99(line: Line) -> float:
    """p99, or p50 if that is greater; it may be, because p50 is a median of medians."""
    return max(line.timing.p99_us, line.timing.p50_us)


def _rows(
    marks: Sequence[Mark],
    kinds: Sequence[EngineKind],
    width: int,
    *,
    title: str | None = None,
    ends: Sequence[float] = (),
) -> dict[str, Any]:
    """Marks on a logarithmic axis of time, a row a name, in the order of the marks.

    Later marks cover earlier ones. A legend names the kinds, unless the plot is narrow.
    """
    used = {mark.kind for mark in marks}
    names, colours, shapes = zip(*(kind for kind in kinds if kind.name in used), strict=True)
    legend = alt.Legend(columns=4) if width == WIDE else None
    held = ends or [end for mark in marks for end in (mark.us, mark.far)]
    x = _time(alt.X, "us", held, title=title)
    colour = alt.Color("kind:N", legend=legend).scale(domain=names, range=colours)
    shape = alt.Shape("kind:N", legend=legend).scale(domain=names, range=shapes)
    rows = list(dict.fromkeys(mark.row for mark in marks))
    base = alt.Chart(alt.InlineData(values=[mark._asdict() for mark in marks])).encode(
        y=alt.Y("row:N", sort=rows, title=None).axis(grid=True, labelPadding=8)
    )
    lines = base.transform_filter("datum.far != datum.us").mark_rule(strokeWidth=2)
    words = base.transform_filter("datum.words").mark_text(align="left")
    layers = alt.layer(
        lines.encode(x=x, x2="far:Q", color=colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, color=colour, shape=shape),
        words.encode(x=alt.value(width + 10), text="words:N"),
    )
    step = alt.Step(24 if width == WIDE else 20)
    return layers.properties(width=width, height=step).to_dict()


def _curves(loops: Sequence[Loop]) -> dict[str, Any]:
    """p50 and p99 against requests a second; closed loops say their connections."""
    data: list[dict[str, Any]] = [
        {
            "server": BASE.name if loop.server == FLOOR else THIS.name,
            "part": part,
            "number": number,
            "per_second": loop.requests_per_second,
            "us": ms * 1000,
            "words": f"{loop.connections:,}" if loop.rate is None and part == "p50" else "",
        }
        for number, loop in enumerate(loops)
        for part, ms in (("p50", loop.p50_ms), ("p99", loop.p99_ms))
    ]
    names, colours, shapes = zip(THIS, BASE, strict=True)
    dashes = alt.StrokeDash("part:N").scale(domain=["p50", "p99"], range=[[1, 0], [5, 4]])
    base = alt.Chart(alt.InlineData(values=data)).encode(
        x=alt.X("per_second:Q", title="requests a second")
        .axis(format=",d", tickCount=5)
        .scale(zero=False),
        y=_time(alt.Y, "us", [row["us"] for row in data]),
    )
    coloured = base.encode(color=alt.Color("server:N").scale(domain=names, range=colours))
    shape = alt.Shape("server:N").scale(domain=names, range=shapes)
    layers = alt.layer(
        coloured.mark_line().encode(strokeDash=dashes, order="number:Q"),
        coloured.mark_point(filled=True, size=70, opacity=1).encode(shape=shape),
        base.mark_text(align="left", dx=8, dy=9).encode(text="words:N"),
    )
    return layers.properties(width=400, height=220).to_dict()


def _time(channel: Any, field: str, values: Sequence[float], *, title: str | None = None) -> Any:
    """A logarithmic channel of times in microseconds, a little wider than the values."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive) * 0.75, max(positive) * 1.3
    steps = (1,) if high > 100 * low else (1, 2, 5)
    ticks = [step * 10.0**power for power in range(-3, 9) for step in steps]
    axis = alt.Axis(
        values=[tick for tick in ticks if low <= tick <= high],
        labelExpr=TIME,
        labelOverlap="parity",
        labelSeparation=8,
        title=title,
    )
    scale = alt.Scale(type="log", domain=[low, high], nice=False, clamp=True)
    return channel(f"{field}:Q", axis=axis, scale=scale)


def _svg(chart: dict[str, Any], said: str) -> str:
    """A chart as SVG text that says what it shows, for light and dark screens."""
    drawn = vl_convert.vegalite_to_svg(chart, config=CONFIG, allowed_base_urls=[])
    named = drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(said)}" ', 1)
    return named.replace(">", f"><style>{STYLE}</style>", 1)
