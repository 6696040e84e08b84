"""Sentences about a result; each is empty if the result lacks its figures."""

from collections.abc import Sequence
from statistics import median

from benchmarks.reports.findings import (
    FLOOR,
    Duel,
    closed_loops,
    duels,
    open_loops,
    peer_worlds,
    spreads,
)
from benchmarks.reports.units import count_text, near_share, share_text, time_text, times_text
from benchmarks.result import (
    BatchesResult,
    ChangesResult,
    FairnessResult,
    Loop,
    Result,
    SegmentsCost,
    StudiesResult,
    Times,
    WorldResult,
)

COLD = (
    "Cold: each question has another minute and another wallet that about as many shops take, and "
    "its first answer is timed."
)
COLD_PEERS = (
    "Peers in this process get the open schedules, the deals and the savings of each minute worked "
    "out beforehand, untimed; databases and servers would have to store them anew for every "
    "question, so they are not asked."
)
NOT_SHOWN = (
    "Merchants are made up, on one machine; engines have warm caches and one question at a time. "
    "Peers get opening hours and deals already worked out for the one instant of the questions, "
    "and answer with row numbers; their users would have to work these out again every minute. "
    "This engine works them out itself, and may keep them while the same minute and wallet are "
    "asked for again; where a family is cold nothing it kept helps. Network and process borders of "
    "servers are in their figures. Not shown: other machines, updates while questions are asked, "
    "and filters outside these families."
)

NAMED_LOST = 3
"""Most families that a claim names where this engine is slower."""

# Medians of four runs with 1,000,000 merchants, beside all twelve peers, beside three with idle
# servers, with stopped servers, and twice alone: 35, 36, 35, 35 and 36 us for the nearest with the
# 3 % card; 32, 32, 33, 32 and 32 us for any of 8 cards. Peers in this process vary no more.
IDLE_SERVERS = (
    "Servers of peers are idle while others are asked; tried with them stopped, and with no other "
    "engine asked in between, engines in this process took the same time within the noise."
)


def headline(result: Result) -> list[str]:
    """How many times as fast as the fastest exact peer, at the largest world with peers."""
    worlds = peer_worlds(result)
    if not worlds:
        return ["No peer was asked in this run."]
    world = worlds[0]
    said, ratios = [claim(world)], _ratios(duels(world))
    if ratios:
        said.append(f"Half of these families: {times_text(median(ratios))} or more.")
    alone = len(duels(world)) - len(ratios)
    if ratios and alone:
        said.append(f"No exact peer answered {alone} of the families.")
    return [" ".join(said)]


def claim(world: WorldResult) -> str:
    """How many times as fast as the fastest exact peer, and where this engine is slower."""
    warm, cold = (
        [duel for duel in duels(world) if bool(duel.family.cold_of) == is_cold]
        for is_cold in (False, True)
    )
    ratios = _ratios([*warm, *cold])
    if not ratios:
        return f"{world_name(world)}: no exact peer was asked."
    ranges = [_range(found) for found in (_ratios(warm), _ratios(cold)) if found]
    text = (
        f"With {world.merchants:,} merchants this engine is {ranges[0]} as fast as the "
        "fastest exact peer of each family of questions, by medians"
    )
    text += f"; cold, {ranges[1]}." if len(ranges) > 1 else "."
    lost = [duel for duel in [*warm, *cold] if duel.ratio is not None and duel.ratio < 1]
    if lost:
        text += f" It is slower in {len(lost)} of {len(ratios)}: {_lost(lost)}."
    return text


def _ratios(found: Sequence[Duel]) -> list[float]:
    return sorted(duel.ratio for duel in found if duel.ratio is not None)


def world_name(world: WorldResult) -> str:
    """Name of a world with its number of merchants, once."""
    count = f"{world.merchants:,}"
    return world.label if count in world.label else f"{world.label}, {count} merchants"


def size_notes(result: Result) -> list[str]:
    """Notes for a comparison of worlds."""
    notes = [
        "Slope b: cost grows as size to the power of b; 1 is a scan, 0 does not mind the size."
    ]
    shapes = list(dict.fromkeys(world.shape for world in result.worlds))
    if len(shapes) > 1:
        notes.append(
            f"The worlds differ in shape ({', '.join(shapes)}), so a slope mixes size with "
            "density: within 3 km lie "
            + ", ".join(f"{world.within_3_km:,} ({world.label})" for world in result.worlds)
            + "."
        )
    return notes


def build(result: Result) -> str:
    """Time, memory and text of a build."""
    found = result.build
    if found is None:
        return ""
    return (
        f"Build of a snapshot of {found.merchants:,} merchants and {found.deals:,} deals: "
        f"{time_text(found.seconds * 1e6)}, {found.peak_rss_gb:.1f} GB at the peak, "
        f"{found.text_bytes_per_merchant:.0f} bytes a merchant for text."
    )


def claim_of_build(result: Result) -> str:
    """Time of a build, in a sentence."""
    found = result.build
    if found is None:
        return ""
    return f"A build of {found.merchants:,} merchants takes {time_text(found.seconds * 1e6)}."


def http(result: Result) -> str:
    """Most requests a second, the latency of the open loops, and the floor."""
    found = result.http
    if found is None:
        return ""
    parts = [
        f"HTTP, one worker on one core, load from another, {found.world}, answers of "
        f"{found.median_bytes / 1000:.1f} kB"
    ]
    closed = closed_loops(found.loops)
    ours = [loop for loop in closed if loop.server != FLOOR]
    floor = [loop for loop in closed if loop.server == FLOOR]
    if ours:
        best = max(ours, key=lambda loop: loop.requests_per_second)
        parts.append(
            f"{best.requests_per_second:,.0f} requests a second over {best.connections} "
            f"connections, p50 {best.p50_ms:.2f} ms, p99 {best.p99_ms:.2f} ms"
        )
    opened = open_loops(found.loops)
    floor_rates = {loop.rate for loop in opened if loop.server == FLOOR}
    # A loop that the floor has too, or else the first one.
    shown_loops = [loop for loop in opened if loop.server != FLOOR]
    shown_loops = [loop for loop in shown_loops if loop.rate in floor_rates] or shown_loops
    for loop in shown_loops[:1]:
        parts.append(_at_rate(loop))
    if floor:
        most = max(loop.requests_per_second for loop in floor)
        parts.append(f"the same stack returning constant bytes: {most:,.0f} a second")
    for loop in [loop for loop in opened if loop.server == FLOOR][:1]:
        parts.append(_at_rate(loop))
    return "; ".join(parts) + "."


def claim_of_http(result: Result) -> str:
    """Most requests a second, in a sentence."""
    found = result.http
    loops = closed_loops(found.loops) if found else []
    most = max((loop.requests_per_second for loop in loops if loop.server != FLOOR), default=0.0)
    if found is None or not most:
        return ""
    size = f"{found.median_bytes / 1000:.0f} kB"
    return f"One worker on one core answers {most:,.0f} requests a second, {size} each."


def _at_rate(loop: Loop) -> str:
    return f"at {loop.rate:,.0f} a second p50 {loop.p50_ms:.2f} ms, p99 {loop.p99_ms:.2f} ms"


def freshness(result: Result) -> str:
    """How long a new version takes to answer."""
    if result.http is None or not result.http.freshness_ms:
        return ""
    times = result.http.freshness_ms
    return (
        f"From the publishing of a version to the first answer from it: median "
        f"{median(times):.0f} ms, longest {max(times):.0f} ms, of {len(times)}."
    )


def fairness(found: FairnessResult) -> str:
    """How small questions were asked while another client asked large ones."""
    return (
        f"Small questions (20 results within 3 km, open, with cards) at {found.pace:,.0f} a second "
        f"to one worker on one core, {found.merchants:,} merchants with names, while another "
        "client always asks the largest questions there are. Late answers count from the instant "
        "at which the question was due; figures are medians of the rounds."
    )


def studies(found: StudiesResult) -> list[str]:
    """How fast many questions are answered at once, and by whom else."""
    peers = [f"numpy {found.numpy_s:.2f} s"]
    if found.duckdb_s is not None:
        peers.append(f"DuckDB {found.duckdb_s:.2f} s")
    return [
        f"{found.merchants:,} merchants, {found.cards} cards.",
        f"Questions a second, nearest 20, open, one card: {found.one_by_one:,.0f} one by one, "
        f"{found.block_one:,.0f} in a block on one thread, {found.block_two:,.0f} on two.",
        f"Worth of the cards, 4 habits, 28 days: {found.worth_s:.2f} s.",
        f"Coverage, H3 9, 5 slots: {found.coverage_s:.1f} s, {found.coverage_rows:,} rows. "
        f"Its counts alone: {found.counting_s:.2f} s; {', '.join(peers)}.",
    ]


def batches(found: BatchesResult) -> list[str]:
    """What sharing out a file of questions costs, and why Ray was left out."""
    roads = [
        f"{road.road}, pieces of {road.piece:,}: {road.cpu_us:.2f} us of CPU a question, "
        f"{road.wall_us:.2f} us of time, {100 * found.overhead(road):+.1f} %."
        for road in found.roads
    ]
    return [
        f"{found.questions:,} questions, best 20, open at minutes of a week, one card, to "
        f"{found.merchants:,} merchants; {found.workers} processes or actors. CPU is that of all "
        "processes, without the start of workers; the percentage is what one thread does not take.",
        *roads,
        *([f"Left out: {found.missing}."] if found.missing else []),
    ]


def changes(found: ChangesResult) -> list[str]:
    """How fast changes are durable and visible, what they cost, and what peers take."""

    def ms(times: Times) -> str:
        return f"{times.p50_ms:.1f} / {times.p99_ms:.1f} ms"

    peers = [("PostgreSQL", found.postgres), ("Redis", found.redis)]
    told = [f"{name} {ms(times)}" for name, times in peers if times is not None]
    document = "not taken" if found.document_visible is None else ms(found.document_visible)
    rows, flowing = found.documents_a_second, found.flowing_visible
    return [
        f"{found.merchants:,} merchants, p50 / p99. A sync of the disk {ms(found.sync)}.",
        f"One change of a stock: durable after {ms(found.bit_acknowledged)}, shown by two readers "
        f"after {ms(found.bit_visible)}. A whole row of a shop, shown: {document}.",
        "The same change, and the nearest 20 with it, on one connection: "
        f"{', '.join(told) or 'no peer is installed'}.",
        f"In bodies of many lines {found.bits_a_second:,.0f} changes a second"
        + (f", {rows:,.0f} whole rows." if rows is not None else "."),
        f"Questions without changes {found.quiet.p50_ms:.2f} / {found.quiet.p99_ms:.2f} ms, beside "
        f"500 changes a second {found.beside.p50_ms:.2f} / {found.beside.p99_ms:.2f} ms"
        + (f"; each is shown after {ms(flowing)}." if flowing is not None else "."),
        *_beside_segments(found.segments),
    ]


def _beside_segments(costs: Sequence[SegmentsCost]) -> list[str]:
    if not costs:
        return []
    alone, *others = costs
    more = (
        f"{cost.segments} of them +{cost.rank_us - alone.rank_us:.1f} and "
        f"+{cost.page_us - alone.page_us:.1f} us"
        for cost in others
    )
    return [
        f"Without small segments rank takes {alone.rank_us:.1f} us and a page "
        f"{alone.page_us:.1f} us, beside {', beside '.join(more)}."
    ]


def relevance(result: Result) -> str:
    """Share of queries whose first result is right, by way of typing."""
    found = result.relevance
    if not found or not found.get("ways"):
        return ""
    ways = ", ".join(
        f"{way['label']} {share_text(way['at_1'])}" for way in found["ways"] if "at_1" in way
    )
    city = found.get("city", {})
    of = f", of {city['brands']:,} brands with {city['shops']:,} shops" if city else ""
    return f"Found first{of}, by way of typing: {ways}."


def measured(result: Result) -> list[str]:
    """How the figures were measured, and what they do not show."""
    timings = [
        line.timing for world in result.worlds for family in world.families for line in family.lines
    ]
    said = []
    if timings:
        rounds = sorted({timing.rounds for timing in timings})
        asked = sorted({timing.queries for timing in timings})
        said.append(
            f"In each of {_span(rounds)} rounds the engines take turns with the same questions, "
            f"{_span(asked)} a line, so that a slow minute of the machine meets all of them. p50 "
            "is the median of the rounds' medians; p90, p99 and p99.9 are over all timings. Every "
            "engine's answers are compared with brute force: recall is the share of the right "
            "ones that it gave."
        )
    spread = spreads(result)
    if spread:
        said.append(
            f"Rounds' medians lie {near_share(spread[0])} apart, by the median line, and "
            f"{near_share(spread[1])} at worst; smaller differences mean nothing."
        )
    return [*said, *([IDLE_SERVERS] if peer_worlds(result) else []), NOT_SHOWN]


def circumstances(result: Result) -> str:
    """Machine, versions, commit, date and command, as far as they are known."""
    around = result.circumstances
    parts = [hardware] if (hardware := _hardware(result)) else []
    if "system" in around:
        parts.append(str(around["system"]))
    versions = [f"Python {around['python']}"] if "python" in around else []
    versions += [f"{name} {version}" for name, version in around.get("libraries", {}).items()]
    parts += [", ".join(versions)] if versions else []
    parts.append(_commit(result))
    command = f": `{around['command']}`" if "command" in around else ""
    return "; ".join(parts) + command + "."


def machine(result: Result) -> str:
    """Machine, commit and day, in a few words."""
    return "; ".join(part for part in (_hardware(result), _commit(result)) if part)


def _hardware(result: Result) -> str:
    around, parts = result.circumstances, []
    if "cpu" in around:
        parts += [str(around["cpu"]), f"{around.get('cores')} cores"]
    if "memory_gb" in around:
        parts.append(f"{around['memory_gb']:.0f} GB")
    return ", ".join(parts)


def _commit(result: Result) -> str:
    return f"commit {result.circumstances.get('commit', 'unknown')}, {taken_on(result)}"


def taken_on(result: Result) -> str:
    """Day of the run."""
    return str(result.circumstances.get("taken_at", "at an unknown time"))[:10]


def _range(ratios: Sequence[float]) -> str:
    low, high = times_text(ratios[0]), times_text(ratios[-1])
    return low if low == high else f"{low} to {high}"


def _lost(lost: Sequence[Duel]) -> str:
    """Return the families in which this engine is slower: the worst ones, if they are many."""
    worst = sorted(lost, key=lambda duel: duel.ratio or 0.0)[:NAMED_LOST]
    told = "; ".join(f"{duel.family.label} {times_text(duel.ratio or 0.0)}" for duel in worst)
    return told if len(lost) == len(worst) else f"most of all in {told}"


def _span(values: Sequence[int]) -> str:
    low, high = count_text(values[0]), count_text(values[-1])
    return low if low == high else f"{low} to {high}"
