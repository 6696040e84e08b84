"""Comparison of two runs: what became slower or faster beyond noise, and what does more work.

Useful for: `geosearch bench compare A B`, which reads two results.
Not useful for: runs of different machines, or small differences; `geosearch bench ab` runs two
commits in turn. The comparison leaves out worlds and families that only one run has.

A peer that both runs asked did not change, so the median ratio of its lines is the drift of the
machine. Each ratio is divided by that drift. The rest of the peers' ratios is noise that the rounds
of one run do not show. So the noise of a family is the largest of three values: the distance of its
peers' ratios from the drift, the distance within which nine in ten of all peers' ratios stay, and
the spread of the medians of our rounds. A difference within the noise is too noisy to tell. So is a
time that was measured once, or in runs without a common peer. Work counters are exact: their noise
is 0.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.reports.findings import FLOOR, OURS
from benchmarks.reports.sentences import taken_on
from benchmarks.reports.units import bytes_text, count_text, near_share, time_text
from benchmarks.result import FamilyResult, HttpResult, Loop, Result, WorldResult

LEAST_NOISE = 0.03
LOOP_NOISE = 0.1
"""Least noise of loops, which are measured once but over seconds."""
USUAL_SHARE = 0.9
"""Share of all peers' ratios that every family's noise covers."""
MEMORY_NOISE = 0.03
DRIFT_PEER = "numpy"

SLOWER, FASTER, SAME, UNCLEAR = "slower", "faster", "same", "too noisy to tell"


class Change(NamedTuple):
    """One figure of both runs; more is worse."""

    group: str
    what: str
    before: float
    after: float
    noise: float
    """Share by which it may differ without a cause; infinite if that is unknown."""
    drift: float
    """How many times as slow the machine was after; 1 for a figure that is no time."""
    text: Callable[[float], str]

    @property
    def ratio(self) -> float:
        """Times as much as before, without the machine's drift."""
        return self.after / self.before / self.drift if self.before else math.inf

    @property
    def verdict(self) -> str:
        """`slower` or `faster` (for memory: more or less) beyond noise, `same` or unclear."""
        times = max(self.ratio, 1 / self.ratio)
        if times <= 1 + min(self.noise, LEAST_NOISE):
            return SAME
        if times <= 1 + self.noise:
            return UNCLEAR
        return SLOWER if self.ratio > 1 else FASTER


class Comparison(NamedTuple):
    """What changed between two runs."""

    runs: tuple[str, str]
    """Commits and days of both."""
    threshold: float
    times: list[Change]
    memory: list[Change]
    counters: list[Change]
    """Work counters that changed."""
    drift: float | None
    """How many times as slow the machine was after; None if the runs share no peer."""
    drift_lines: int
    drift_from: str
    http_drift: float | None
    skipped: list[str]
    """Worlds and families of one run only, and differences of the circumstances."""

    @property
    def slowdowns(self) -> list[Change]:
        """Times that grew by more than the threshold, and beyond noise; the worst first."""
        found = [
            each
            for each in self.times
            if each.verdict == SLOWER and each.ratio > 1 + self.threshold
        ]
        return sorted(found, key=lambda each: -each.ratio)

    @property
    def grown(self) -> list[Change]:
        """Work counters that grew."""
        return [each for each in self.counters if each.after > each.before]

    @property
    def failed(self) -> bool:
        """Whether there is a slowdown."""
        return bool(self.slowdowns)


def compare(before: Result, after: Result, threshold: float = 0.1) -> Comparison:
    """What changed from one run to another.

    A slowdown is a time that grew beyond its noise and by more than `threshold`.
    """
    worlds = list(_pairs(before, after))
    drift, lines, source = _drift(worlds)
    http_drift = _http_drift(before.http, after.http)
    by_machine = drift or http_drift or 1.0
    times = [*_family_times(worlds, by_machine), *_world_times(worlds, by_machine)]
    times += _build_times(before, after, by_machine)
    if _same_http(before.http, after.http):
        times += _http_times(before.http, after.http, http_drift or by_machine)
    return Comparison(
        runs=(_run(before), _run(after)),
        threshold=threshold,
        times=[each for each in times if each.before > 0 and each.after > 0],
        memory=[each for each in _memory(before, after, worlds) if each.before > 0],
        counters=list(_counters(worlds)),
        drift=drift,
        drift_lines=lines,
        drift_from=source,
        http_drift=http_drift,
        skipped=list(_skipped(before, after)),
    )


def compare_text(comparison: Comparison) -> str:
    """A comparison for a terminal: every time with its change, what else changed, the verdict."""
    lines = [f"before: {comparison.runs[0]}", f"after:  {comparison.runs[1]}", ""]
    lines += [_drift_line(comparison), *_http_drift_line(comparison)]
    lines += [f"left out: {each}" for each in comparison.skipped]
    lines += _blocks(comparison.times, comparison.slowdowns)
    changed = [each for each in comparison.memory if each.verdict != SAME]
    lines += ["", f"Memory: {'' if changed else 'as before'}".rstrip()]
    lines += _rows(changed, {SLOWER: "more", FASTER: "less"}) if changed else []
    grown = comparison.grown
    fallen = len(comparison.counters) - len(grown)
    said = f"{len(grown)} counters grew, {fallen} fell" if comparison.counters else "as before"
    lines += ["", f"Work: {said}"]
    lines += _rows(grown, {SLOWER: "more"}) if grown else []
    return "\n".join([*lines, "", _verdict(comparison)])


def _verdict(comparison: Comparison) -> str:
    over = f"over {near_share(comparison.threshold)} beyond noise"
    counts = {
        verdict: sum(each.verdict == verdict for each in comparison.times)
        for verdict in (FASTER, SAME, SLOWER, UNCLEAR)
    }
    found = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    if counts[UNCLEAR]:
        found += " (`geosearch bench ab REV` runs two commits in turn)"
    if not comparison.times:
        return "Nothing to compare: no time is in both runs."
    if not comparison.failed:
        return f"{found}; no slowdown {over}."
    worst = comparison.slowdowns[0]
    return (
        f"{found}; {len(comparison.slowdowns)} slowed down {over}, most of all {worst.what} "
        f"({worst.group}): {_percent(worst)}."
    )


def _drift_line(comparison: Comparison) -> str:
    if comparison.drift is None:
        return "No peer is in both runs: whether the machine itself was slower is not known."
    return (
        f"The machine was {_slower(comparison.drift)}, by {comparison.drift_lines} lines of "
        f"{comparison.drift_from}; changes of times are without that."
    )


def _http_drift_line(comparison: Comparison) -> list[str]:
    if comparison.http_drift is None:
        return []
    uses = "changes of HTTP are without that"
    if comparison.drift is None:
        uses = "changes of times are without that"
    return [f"By the floor it was {_slower(comparison.http_drift)}; {uses}."]


def _slower(drift: float) -> str:
    if abs(drift - 1) < 0.005:
        return "as fast as before"
    return f"{near_share(abs(drift - 1))} {'slower' if drift > 1 else 'faster'}"


def _blocks(changes: Sequence[Change], slowdowns: Sequence[Change]) -> list[str]:
    """Times by world, in order; an arrow marks each slowdown."""
    if not changes:
        return []
    rows = _rows(changes, {word: word for word in (SLOWER, FASTER, UNCLEAR)})
    wide = max(len(row) for row in rows)
    head = _cells("", "before", "after", "change", "noise", wide=_wide(changes))
    lines, group = ["", head.rstrip()], ""
    for change, row in zip(changes, rows, strict=True):
        if change.group != group:
            group = change.group
            lines += ["", group]
        lines.append(row.ljust(wide) + "  <--" if change in slowdowns else row)
    return lines


def _rows(changes: Sequence[Change], words: dict[str, str]) -> list[str]:
    wide = _wide(changes)
    return [
        (
            _cells(
                _cut(each.what),
                each.text(each.before),
                each.text(each.after),
                _percent(each),
                f"±{near_share(each.noise)}" if 0 < each.noise < math.inf else "",
                wide=wide,
            )
            + f"  {words.get(each.verdict, '')}"
        ).rstrip()
        for each in changes
    ]


def _cells(what: str, *cells: str, wide: int) -> str:
    return f"  {what.ljust(wide)}" + "".join(f"  {cell:>9}" for cell in cells)


def _wide(changes: Sequence[Change]) -> int:
    return max(len(_cut(each.what)) for each in changes)


def _cut(words: str) -> str:
    return words if len(words) <= 70 else words[:69] + "…"


def _percent(change: Change) -> str:
    return "new" if math.isinf(change.ratio) else f"{(change.ratio - 1) * 100:+.1f} %"


def _run(result: Result) -> str:
    return f"{result.circumstances.get('commit', 'unknown')}, {taken_on(result)}"


def _pairs(before: Result, after: Result) -> Iterator[tuple[WorldResult, WorldResult]]:
    """Worlds of both runs that have the same merchants."""
    known = {_identity(world): world for world in before.worlds}
    for world in after.worlds:
        if _identity(world) in known:
            yield known[_identity(world)], world


def _identity(world: WorldResult) -> tuple[str, str, int, int]:
    return world.label, world.shape, world.merchants, world.deals


def _families(
    worlds: Sequence[tuple[WorldResult, WorldResult]],
) -> Iterator[tuple[str, FamilyResult, FamilyResult]]:
    """Families that both runs asked in the same way, with their world's label."""
    for before, after in worlds:
        known = {(family.family, family.radius_m): family for family in before.families}
        for family in after.families:
            same = known.get((family.family, family.radius_m))
            if same is not None:
                yield after.label, same, family


def _ratios(
    worlds: Sequence[tuple[WorldResult, WorldResult]], engine: str
) -> Iterator[tuple[tuple[str, str], float]]:
    """How many times as long an engine took, by world and family."""
    for label, before, after in _families(worlds):
        old, new = before.line(engine), after.line(engine)
        if old is not None and new is not None and old.timing.p50_us > 0:
            yield (label, after.family), new.timing.p50_us / old.timing.p50_us


def _family_times(
    worlds: Sequence[tuple[WorldResult, WorldResult]], drift: float
) -> Iterator[Change]:
    off: dict[tuple[str, str], list[float]] = {}
    for engine in _peers(worlds):
        for asked, ratio in _ratios(worlds, engine):
            off.setdefault(asked, []).append(_off(ratio / drift))
    usual = _usual([one for family in off.values() for one in family])
    for label, before, after in _families(worlds):
        old, new = before.line(OURS), after.line(OURS)
        if old is not None and new is not None:
            beside = max(off.get((label, after.family), [0.0]))
            noise = max(LEAST_NOISE, old.timing.spread, new.timing.spread, beside, usual)
            p50s = old.timing.p50_us, new.timing.p50_us
            yield Change(label, after.label, *p50s, noise, drift, time_text)


def _off(ratio: float) -> float:
    """How far a ratio is from 1, either way.

    >>> _off(1.25), _off(0.8)
    (0.25, 0.25)
    """
    return max(ratio, 1 / ratio) - 1


def _usual(off: list[float]) -> float:
    """Value that `USUAL_SHARE` of the values do not exceed; infinite without values."""
    return sorted(off)[math.ceil(USUAL_SHARE * len(off)) - 1] if off else math.inf


def _peers(worlds: Sequence[tuple[WorldResult, WorldResult]]) -> list[str]:
    engines = {line.engine for _, _, family in _families(worlds) for line in family.lines}
    return sorted(engines - {OURS})


def _drift(worlds: Sequence[tuple[WorldResult, WorldResult]]) -> tuple[float | None, int, str]:
    """Median ratio of a peer's lines, their number, and the peer; of all peers without `numpy`."""
    for chosen in ([DRIFT_PEER], _peers(worlds)):
        ratios = [ratio for engine in chosen for _, ratio in _ratios(worlds, engine)]
        if ratios:
            return median(ratios), len(ratios), ", ".join(chosen)
    return None, 0, ""


def _loops(
    before: HttpResult | None, after: HttpResult | None
) -> Iterator[tuple[str, str, Loop, Loop]]:
    """Server, load and loops that both runs have."""
    if before is None or after is None:
        return
    known = {(loop.server, loop.connections, loop.rate): loop for loop in before.loops}
    for loop in after.loops:
        same = known.get((loop.server, loop.connections, loop.rate))
        if same is not None:
            load = f"{loop.connections} connections" if loop.rate is None else f"{loop.rate:g}/s"
            yield loop.server, load, same, loop


def _http_drift(before: HttpResult | None, after: HttpResult | None) -> float | None:
    """Median ratio of the floor's CPU time a request, or of its p50s where that was not taken."""
    ratios = _floor_ratios(before, after)
    return median(ratios) if ratios else None


def _floor_ratios(before: HttpResult | None, after: HttpResult | None) -> list[float]:
    floors = [pair for server, _, *pair in _loops(before, after) if server == FLOOR]
    cpu = [new.cpu_us / old.cpu_us for old, new in floors if old.cpu_us > 0 and new.cpu_us > 0]
    p50 = [new.p50_ms / old.p50_ms for old, new in floors if old.p50_ms > 0 and new.p50_ms > 0]
    return cpu or p50


def _http_times(
    before: HttpResult | None, after: HttpResult | None, drift: float
) -> Iterator[Change]:
    off = [_off(ratio / drift) for ratio in _floor_ratios(before, after)]
    noise = max(LOOP_NOISE, _usual(off))
    for server, load, old, new in _loops(before, after):
        if server == FLOOR:
            continue
        cpu = old.cpu_us, new.cpu_us
        p50 = old.p50_ms * 1000, new.p50_ms * 1000
        yield Change("HTTP", f"{load}, p50", *p50, noise, drift, time_text)
        yield Change("HTTP", f"{load}, CPU a request", *cpu, noise, drift, time_text)
        if new.rate is None and old.requests_per_second > 0 and new.requests_per_second > 0:
            each = 1e6 / old.requests_per_second, 1e6 / new.requests_per_second
            yield Change("HTTP", f"{load}, time a request", *each, noise, drift, time_text)
    if before and after and before.freshness_ms and after.freshness_ms:
        fresh = median(before.freshness_ms) * 1000, median(after.freshness_ms) * 1000
        yield Change("HTTP", "freshness", *fresh, math.inf, drift, time_text)


def _same_http(before: HttpResult | None, after: HttpResult | None) -> bool:
    return before is not None and after is not None and before.world == after.world


def _world_times(
    worlds: Sequence[tuple[WorldResult, WorldResult]], drift: float
) -> Iterator[Change]:
    for old, new in worlds:
        for what, before, after in (
            ("open", old.open_ms, new.open_ms),
            ("first answer", old.cold_ms, new.cold_ms),
        ):
            both = before * 1000, after * 1000
            yield Change("opening", f"{new.label}, {what}", *both, math.inf, drift, time_text)


def _build_times(before: Result, after: Result, drift: float) -> Iterator[Change]:
    old, new = before.build, after.build
    if old and new and old.merchants == new.merchants:
        seconds = old.seconds * 1e6, new.seconds * 1e6
        yield Change("build", f"{new.merchants:,} merchants", *seconds, math.inf, drift, time_text)


def _memory(
    before: Result, after: Result, worlds: Sequence[tuple[WorldResult, WorldResult]]
) -> Iterator[Change]:
    for old, new in worlds:
        for what, one, two in (
            ("hot", old.hot_bytes, new.hot_bytes),
            ("disk", old.disk_bytes, new.disk_bytes),
            ("RSS", old.rss_bytes, new.rss_bytes),
        ):
            yield Change(new.label, what, one, two, MEMORY_NOISE, 1.0, bytes_text)
    if before.build and after.build and before.build.merchants == after.build.merchants:
        peaks = before.build.peak_rss_gb * 1e9, after.build.peak_rss_gb * 1e9
        yield Change("build", "RSS at the peak", *peaks, MEMORY_NOISE, 1.0, bytes_text)
        texts = before.build.text_bytes_per_merchant, after.build.text_bytes_per_merchant
        yield Change("build", "text a merchant", *texts, MEMORY_NOISE, 1.0, bytes_text)


def _counters(worlds: Sequence[tuple[WorldResult, WorldResult]]) -> Iterator[Change]:
    for label, before, after in _families(worlds):
        for name, count in after.work.items():
            if name in before.work and count != before.work[name]:
                what = f"{after.label}: {name}"
                yield Change(label, what, before.work[name], count, 0.0, 1.0, count_text)


def _skipped(before: Result, after: Result) -> Iterator[str]:
    for key in ("cpu", "cores", "python"):
        old, new = before.circumstances.get(key), after.circumstances.get(key)
        if old != new:
            yield f"{key} differs: {old} before, {new} after"
    for one, other, name in ((before, after, "before"), (after, before, "after")):
        if one.unfinished:
            yield f"the run {name} is unfinished: {one.unfinished}"
        known = {_identity(world) for world in other.worlds}
        for world in one.worlds:
            if _identity(world) not in known:
                yield f"{world.label} ({world.merchants:,} merchants): only {name}, or differs"
    for old_world, new_world in _pairs(before, after):
        old_asked = {(family.family, family.radius_m) for family in old_world.families}
        new_asked = {(family.family, family.radius_m) for family in new_world.families}
        for asked, _ in sorted(old_asked ^ new_asked, key=str):
            yield f"{new_world.label}, {asked}: in one run only"
    if before.http and after.http and not _same_http(before.http, after.http):
        yield f"HTTP: {before.http.world} before, {after.http.world} after"
