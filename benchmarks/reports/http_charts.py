"""Charts of the service: loops, where a request's time goes, freshness; and of relevance.

Useful for: `html`.
Not useful for: engines; see `charts`.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.reports import svg
from benchmarks.reports.charts import NAMES, WIDTH, Figure, Row, named, range_chart
from benchmarks.reports.findings import FLOOR, closed_loops, open_loops
from benchmarks.reports.units import near_share, share_text, time_text, time_tick
from benchmarks.result import HttpResult, Loop


def http_charts(http: HttpResult) -> list[Figure]:
    """Charts of what was measured."""
    charts = []
    for title, loops in (
        ("Closed loops, by connections", closed_loops(http.loops)),
        ("Open loops, by requests asked a second", open_loops(http.loops)),
    ):
        if loops:
            note = "p50 to p99, faint to p99.9"
            charts.append(Figure(title, note, _loop_chart(title, loops)))
    if any(http.parts_us.values()):
        title = "Where a request's CPU time goes"
        charts.append(Figure(title, "", _part_chart(http.parts_us)))
    if http.freshness_ms:
        title = "From publishing to the first new answer"
        charts.append(Figure(title, "", _fresh_chart(http.freshness_ms)))
    return charts


def relevance_chart(relevance: dict[str, Any]) -> Figure | None:
    """Recall at one by way of typing, with the aims; None where there is none."""
    ways = [way for way in relevance.get("ways", []) if "at_1" in way]
    if not ways:
        return None
    begin, top, step = 150.0, 8.0, 27.0
    bottom = top + step * len(ways)
    low: float = min(0.5, *(min(way["at_1"], way.get("aim_at_1", 1)) for way in ways))

    def x(share: float) -> float:
        return begin + (share - low) / (1 - low) * (WIDTH - 62 - begin)

    pieces = []
    for share in (low, (1 + low) / 2, 1):
        pieces.append(svg.line((x(share), top), (x(share), bottom), "rule"))
        name = f"{share * 100:.0f} %"
        pieces.append(svg.text(x(share), bottom + 14, name, "tick", anchor="middle"))
    for number, way in enumerate(ways):
        y = top + step * (number + 0.5)
        pieces += named(way["label"].replace("`", ""), y + 4, "", width=begin - 10)
        if "aim_at_1" in way:
            aim = x(way["aim_at_1"])
            pieces.append(svg.line((aim, y - 8), (aim, y + 8), "aim"))
        pieces.append(svg.dot(x(way["at_1"]), y, "ours mark"))
        pieces.append(svg.text(WIDTH - 4, y + 4, share_text(way["at_1"]), anchor="end"))
    said = "; ".join(f"{way['label']}: {share_text(way['at_1'])}" for way in ways)
    drawn = svg.drawing(WIDTH, bottom + 20, "Found first, by way of typing", said, pieces)
    return Figure("Found first, by way of typing", "line: aim", drawn)


def _loop_chart(title: str, loops: Sequence[Loop]) -> str:
    rows = []
    for loop in loops:
        floor = loop.server == FLOOR
        load = f"{loop.rate:,.0f} per s" if loop.rate is not None else f"{loop.connections:,}"
        if loop.rate is None and not floor:
            load += " connection" if loop.connections == 1 else " connections"
        rows.append(
            Row(
                f"floor, {load}" if floor else load,
                loop.p50_ms * 1000,
                max(loop.p99_ms, loop.p50_ms) * 1000,
                "peer" if floor else "ours",
                [time_text(loop.p50_ms * 1000), f"{loop.requests_per_second:,.0f}"],
                far=max(loop.p999_ms, loop.p99_ms, loop.p50_ms) * 1000,
            )
        )
    ends = [end for row in rows for end in (row.at, row.far or row.to)]
    scale = svg.log_scale(ends, NAMES, WIDTH - 112)
    return range_chart(title, rows, scale, ["p50", "per s"])


def _part_chart(parts: dict[str, float]) -> str:
    """A stacked bar, and below it each part where it lies in the bar."""
    whole = sum(parts.values())
    top, step = 4.0, 26.0
    bottom = top + 28 + step * len(parts)
    scale = svg.LinearScale(whole, NAMES, WIDTH - 106)
    pieces = svg.axis_below(scale, top, bottom, time_tick, most=3)
    pieces += svg.stacked_bar(list(parts.values()), scale, top, 20)
    pieces.append(svg.text(4, top + 14, "all", "strong"))
    pieces.append(svg.text(WIDTH - 4, top + 14, time_text(whole), "strong", anchor="end"))
    before = 0.0
    for number, (name, us) in enumerate(parts.items()):
        y = top + 28 + step * number
        begin, end = scale(before), scale(before + us)
        before += us
        pieces += [
            *named(name.partition(" (")[0], y + 16, ""),
            svg.bar(begin, y + 4, (max(end - begin, 1.0), step - 9), f"part{number % svg.PARTS}"),
            svg.text(WIDTH - 46, y + 16, time_text(us), anchor="end"),
            svg.text(WIDTH - 4, y + 16, near_share(us / whole), "small", anchor="end"),
        ]
    said = "; ".join(f"{name}: {time_text(us)}" for name, us in parts.items())
    return svg.drawing(WIDTH, bottom + 20, "Where a request's CPU time goes", said, pieces)


def _fresh_chart(times_ms: Sequence[float]) -> str:
    """A dot for each publishing, and their median."""
    scale = svg.linear_scale([each * 1000 for each in times_ms], 16, WIDTH - 40)
    middle = median(times_ms) * 1000
    pieces = svg.axis_below(scale, 26, 60, time_tick, most=4)
    pieces += [svg.dot(scale(each * 1000), 44, "ours faint") for each in times_ms]
    pieces.append(svg.line((scale(middle), 26), (scale(middle), 60), "aim"))
    words = f"median {time_text(middle)}"
    inside = min(max(scale(middle), 60), WIDTH - 60)
    pieces.append(svg.text(inside, 18, words, "strong", anchor="middle"))
    said = f"{words}, longest {time_text(max(times_ms) * 1000)}, of {len(times_ms)}"
    return svg.drawing(WIDTH, 80, "From publishing to the first new answer", said, pieces)
