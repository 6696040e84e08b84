"""Tables of a report, as text cells for Markdown and HTML."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.reports.findings import (
    OURS,
    Duel,
    by_size,
    by_speed,
    closed_loops,
    duels,
    engine_label,
    families,
    has_cold,
    open_loops,
    size_slope,
    sizes,
    twins,
)
from benchmarks.reports.units import (
    bytes_text,
    count_text,
    near_share,
    share_text,
    time_text,
    times_text,
)
from benchmarks.result import (
    FairnessResult,
    FamilyResult,
    HttpResult,
    Latency,
    Line,
    Result,
    WorldResult,
)

COLD = "cold"
"""Heading of the columns of cold twins."""


class ReportTable(NamedTuple):
    """Rows of cells below a head; `words` are the columns of words, the others are numbers."""

    head: Sequence[str]
    rows: list[list[str]]
    words: Sequence[int] = (0,)
    ours: frozenset[int] = frozenset()
    """Rows of this engine in a table that also has others."""
    title: str = ""


def duel_table(world: WorldResult) -> ReportTable:
    """The fastest exact peer beside this engine, a row a family with its cold twin."""
    with_cold = has_cold(world)
    rows = []
    for label, warm, cold in twins(world):
        either = warm or cold
        row = [label, _matching(either.family) if either else "", *_duel(world, warm)]
        rows.append([*row, *(_duel(world, cold) if with_cold else [])])
    head = ["family", "matching", "p50 / p99", "fastest exact peer", "its p50 / p99", "times"]
    if with_cold:
        head += [f"{COLD}: p50 / p99", "fastest exact peer", "its p50 / p99", "times"]
    return ReportTable(head, rows, (0, 3, 7))


def short_duel_table(world: WorldResult, names: Sequence[str]) -> ReportTable:
    """Times of this engine, and how many times as fast as the fastest exact peer it is."""
    with_cold = has_cold(world)
    rows = []
    for label, warm, cold in twins(world):
        if warm is not None and warm.family.family in names and warm.rival is not None:
            cells = [label, *_short_duel(world, warm)]
            rows.append([*cells, *(_short_duel(world, cold) if with_cold else [])])
    head = ["question", "p50 / p99", "times as fast as the fastest exact peer"]
    if with_cold:
        head += [f"{COLD}: p50 / p99", "times as fast"]
    return ReportTable(head, rows, (0,))


def _duel(world: WorldResult, duel: Duel | None) -> list[str]:
    """Times of this engine, the peer, its times, and the ratio of the medians."""
    if duel is None:
        return [""] * 4
    ours, rival = duel.ours, duel.rival
    if rival is None:
        return [_pair(ours), "", "", ""]
    peer = engine_label(world, rival.engine)
    return [_pair(ours), peer, _pair(rival), times_text(duel.ratio or 0.0)]


def _short_duel(world: WorldResult, duel: Duel | None) -> list[str]:
    times, peer, _, ratio = _duel(world, duel)
    return [times, f"{ratio} {peer}".strip()]


def _pair(line: Line) -> str:
    return " / ".join(_ends(line))


def own_table(world: WorldResult) -> ReportTable:
    """p50 and p99 of this engine, a row a family."""
    rows = [[duel.family.label, *_ends(duel.ours)] for duel in duels(world)]
    return ReportTable([f"family, {world.label}", "p50", "p99"], rows)


def line_table(world: WorldResult) -> ReportTable:
    """Every engine in every family, the fastest first."""
    rows: list[list[str]] = []
    ours = set()
    for family in world.families:
        for line in by_speed(family):
            if line.engine == OURS:
                ours.add(len(rows))
            engine = engine_label(world, line.engine)
            rows.append([family.label, *_wanted(family), engine, *_times(line), *_right(line)])
    head = ["family", "radius", "match", "engine", "p50", "p90", "p99", "p99.9", "spread"]
    return ReportTable([*head, "recall", "compared"], rows, (0, 3), frozenset(ours), world.label)


def family_table(world: WorldResult) -> ReportTable:
    """Conditions of each family."""
    rows = [
        [
            family.label,
            family.family,
            *_wanted(family),
            _matching(family),
        ]
        for family in world.families
    ]
    head = ["family", "name", "radius", "match but for the place", "match with the place"]
    return ReportTable(head, rows, (0, 1), title=world.label)


def layer_table(world: WorldResult) -> ReportTable | None:
    """p50 and p99 of this engine by form of the results; None without such figures."""
    names = list(dict.fromkeys(name for family in world.families for name in family.layers))
    rows = []
    for family in (family for family in world.families if family.layers):
        ours = family.line(OURS)
        timings = [ours.timing if ours else None, *(family.layers.get(name) for name in names)]
        cells = [
            [time_text(timing.p50_us), time_text(timing.p99_us)] if timing else ["", ""]
            for timing in timings
        ]
        rows.append([family.label, *(text for pair in cells for text in pair)])
    if not rows:
        return None
    head = [f"{name}, {part}" for name in ("rank", *names) for part in ("p50", "p99")]
    return ReportTable(["family", *head], rows, title=world.label)


def size_table(result: Result) -> ReportTable:
    """p50 of this engine in every world, and the slope, a row a family."""
    worlds = by_size(result)
    rows = []
    for name, label in families(result).items():
        found = {world.label: cost for world, cost in sizes(result, name)}
        costs = [time_text(found[each.label]) if each.label in found else "" for each in worlds]
        slope = size_slope(result, name)
        rows.append([label, *costs, "" if slope is None else f"{slope:.2f}"])
    return ReportTable(["family, p50", *(world.label for world in worlds), "slope"], rows)


def world_table(result: Result) -> ReportTable:
    """Merchants and bytes of every world."""
    rows = [
        [
            world.label,
            world.shape,
            f"{world.merchants:,}",
            f"{world.deals:,}",
            f"{world.within_3_km:,}",
            *(
                bytes_text(count / max(world.merchants, 1))
                for count in (world.hot_bytes, world.disk_bytes, world.rss_bytes)
            ),
            bytes_text(world.disk_bytes),
            bytes_text(world.rss_bytes),
            time_text(world.open_ms * 1000),
            time_text(world.cold_ms * 1000),
        ]
        for world in by_size(result)
    ]
    head = ["world", "shape", "merchants", "deals", "within 3 km", "hot a merchant"]
    head += ["disk a merchant", "RSS a merchant", "disk", "RSS", "opened", "first answer"]
    return ReportTable(head, rows, (0, 1))


def engine_table(world: WorldResult) -> ReportTable:
    """Every engine of a world: version, schema, build and bytes, or what it needs."""
    rows = []
    for each in world.engines:
        if each.missing:
            rows.append([each.label, "not installed", each.missing, "", "", ""])
            continue
        rows.append(
            [
                each.label,
                each.version,
                each.schema,
                time_text(each.build_s * 1e6) if each.build_s else "",
                bytes_text(each.bytes) if each.bytes else "unknown",
                bytes_text(each.bytes / max(world.merchants, 1)) if each.bytes else "",
            ]
        )
    ours = {row for row, each in enumerate(world.engines) if each.engine == OURS}
    head = ["engine", "version", "set up", "built in", "bytes", "a merchant"]
    return ReportTable(head, rows, (0, 1, 2), frozenset(ours), world.label)


def loop_table(http: HttpResult) -> ReportTable:
    """Every loop: closed ones first, then open ones."""
    rows = [
        [
            loop.server,
            "closed" if loop.rate is None else f"open, {loop.rate:,.0f} a second",
            count_text(loop.connections),
            f"{loop.requests:,}",
            f"{loop.requests_per_second:,.0f}",
            *(time_text(ms * 1000) for ms in (loop.p50_ms, loop.p90_ms, loop.p99_ms, loop.p999_ms)),
            time_text(loop.cpu_us),
        ]
        for loop in [*closed_loops(http.loops), *open_loops(http.loops)]
    ]
    head = ["server", "loop", "connections", "requests", "a second", "p50", "p90", "p99", "p99.9"]
    return ReportTable([*head, "CPU a request"], rows, (0, 1))


def fairness_table(found: FairnessResult) -> ReportTable:
    """Small questions alone and beside each kind of large ones, and the large ones."""
    rows = [["nothing else", *_latency(found.quiet), "", ""]]
    for beside in found.beside:
        times = times_text(beside.small.p99_ms / found.quiet.p99_ms)
        large = time_text(beside.large.p50_ms * 1000)
        rows.append([beside.label, *_latency(beside.small), times, large])
    head = ["beside", "p50", "p99", "longest", "p99, times the quiet one", "p50 of a large one"]
    return ReportTable(head, rows)


def _latency(latency: Latency) -> list[str]:
    return [time_text(ms * 1000) for ms in (latency.p50_ms, latency.p99_ms, latency.longest_ms)]


def part_table(http: HttpResult) -> ReportTable:
    """CPU time of a request by part."""
    whole = sum(http.parts_us.values())
    rows = [
        [name, time_text(us), near_share(us / whole) if whole else ""]
        for name, us in http.parts_us.items()
    ]
    return ReportTable(
        ["part of a request", "CPU time", "share"], [*rows, ["all", time_text(whole), ""]]
    )


def relevance_table(relevance: dict[str, Any]) -> ReportTable:
    """Recall by way of typing, aims in brackets."""
    rows = []
    for way in relevance.get("ways", []):
        if "right" in way:
            cells = [f"{_aimed(way, 'right')} of ten right", "", ""]
        else:
            cells = [_aimed(way, "at_1"), _aimed(way, "at_5"), f"{way['mrr']:.3f}"]
        rows.append([way["label"], f"{way['queries']:,}", *cells])
    return ReportTable(["query is", "queries", "first (aim)", "in the first 5 (aim)", "MRR"], rows)


def work_table(world: WorldResult) -> ReportTable | None:
    """Medians of this engine's work counters, a row a family; None without counters."""
    counters = list(dict.fromkeys(name for family in world.families for name in family.work))
    if not counters:
        return None
    rows = [
        [family.label]
        + [_exact(family.work[name]) if name in family.work else "" for name in counters]
        for family in world.families
        if family.work
    ]
    return ReportTable(["family, medians", *counters], rows, title=world.label)


def _wanted(family: FamilyResult) -> list[str]:
    """Radius, and the share of all merchants that match all conditions but the place."""
    return [
        f"{family.radius_m:,.0f} m" if family.radius_m is not None else "",
        "" if family.share is None else f"{family.share * 100:.3g} %",
    ]


def _matching(family: FamilyResult) -> str:
    return "" if family.matching is None else count_text(family.matching)


def _ends(line: Line) -> list[str]:
    return [time_text(line.timing.p50_us), time_text(line.timing.p99_us)]


def _times(line: Line) -> list[str]:
    timing = line.timing
    return [
        time_text(us) for us in (timing.p50_us, timing.p90_us, timing.p99_us, timing.p999_us)
    ] + [near_share(timing.spread)]


def _right(line: Line) -> list[str]:
    return [share_text(line.recall) if line.compared else "", f"{line.compared:,}"]


def _exact(count: float) -> str:
    """A counter's median, which may lie between two counts."""
    return f"{count:,.0f}" if count == int(count) else f"{count:,.1f}"


def _aimed(way: dict[str, Any], key: str) -> str:
    aim = way.get(f"aim_{key}")
    return share_text(way[key]) + (f" ({aim * 100:.0f} %)" if aim is not None else "")
