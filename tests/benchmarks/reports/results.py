"""A made-up run of the suite, with the families and about the figures of a real one.

Useful for: the tests of reports, and for looking at a report. Peers' figures are invented.
"""

import math
import random
from functools import cache

from msgspec import structs

from benchmarks.result import (
    BINS,
    BINS_PER_DECADE,
    BuildResult,
    EngineResult,
    FairnessResult,
    FamilyResult,
    HttpResult,
    Latency,
    LatencyBeside,
    Line,
    Loop,
    Result,
    StudiesResult,
    Timing,
    WorldResult,
)

FAMILIES = [
    # name, label, radius, share, matching, p50 in the worlds, p99 / p50
    ("nearest_open_red", "nearest, 3 km, open now, a card 3 % hold", 0.0171, 724, (31, 47, 38)),
    ("nearest_banks", "nearest, 3 km, any of 8 cards", 0.637, 27229, (16, 23, 44)),
    ("best_open_red", "best, 3 km, open now, the 3 % card", 0.0171, 724, (41, 65, 117)),
    ("saving_open_red", "saving, 3 km, open now, the 3 % card", 0.0171, 724, (38, 56, 87)),
    ("nearest_tiny", "nearest, 3 km, open now, a card 0.05 % hold", 0.0002, 7, (9, 20, 31)),
    ("count_facets", "nearest, total and facets by category, 3 km", 1.0, 42740, (88, 230, 189)),
    (
        "count_open_red",
        "nearest, total and facets by category, 3 km, open now, the 3 % card",
        *(0.0171, 724, (210, 599, 524)),
    ),
]
WORLDS = [
    ("100,000, one city", "city", 100_000, 4_274),
    ("1,000,000, one city", "city", 1_000_000, 42_740),
    ("10,000,000, 300 towns", "towns", 10_000_000, 21_805),
]
PEERS = {
    # label, version, seconds a merchant in the circle and the place of its fixed part, bytes
    "numpy": ("numpy scan", "2.4.6", 2600, 45, 1.0),
    "rtree": ("rtree + filter", "1.4.0", 9800, 190, 1.0),
    "strtree": ("shapely STRtree", "2.1.2", 4100, 142, 1.0),
    "kdtree": ("SciPy cKDTree", "1.16.3", 3200, 88, 0.981),
    "grid": ("numpy grid", "2.4.6", 410, 53, 1.0),
    "sqlite": ("SQLite, R*Tree module", "3.45.1", 38_000, 176, 1.0),
    "duckdb": ("DuckDB spatial", "1.4.2", 17_500, 61, 1.0),
    "tantivy": ("tantivy", "0.25.0", 900, 74, 0.8742),
    "postgis": ("PostGIS 3.5, GiST index", "17.2", 11_900, 240, 1.0),
}
MISSING = EngineResult(
    engine="lucene", label="Lucene", missing="needs Java 21 & PyLucene: `apt install <jdk>`"
)


@cache
def timing(p50_us: float, *, tail: float = 2.2, spread: float = 0.04, seed: int = 1) -> Timing:
    """Timings around a median, log-normal, of three rounds."""
    draw = random.Random(f"{seed} {p50_us}")
    sigma = math.log(tail) / 2.326
    samples = sorted(p50_us * math.exp(draw.gauss(0, sigma)) for _ in range(2_000))
    histogram = [0] * BINS
    for sample in samples:
        place = math.floor(math.log10(sample / 0.1) * BINS_PER_DECADE)
        histogram[min(max(place, 0), BINS - 1)] += 1
    return Timing(
        queries=2_000,
        rounds=3,
        p50_us=p50_us,
        p90_us=samples[1_800],
        p99_us=samples[1_980],
        p999_us=samples[1_998],
        round_p50_us=[p50_us * (1 - spread / 3), p50_us, p50_us * (1 + spread * 2 / 3)],
        histogram=histogram,
    )


def line(engine: str, p50_us: float, *, recall: float = 1.0, spread: float = 0.04) -> Line:
    """A line of a tail that differs by engine."""
    tail = 1.6 + len(engine) % 4 * 0.5
    return Line(
        engine=engine,
        timing=timing(p50_us, tail=tail, spread=spread),
        compared=50,
        recall=recall,
    )


def family(row: int, place: int) -> FamilyResult:
    """A family in a world; the largest world has no peers."""
    name, label, share, matching, costs = FAMILIES[row]
    lines = [line("geosearch", float(costs[place]))]
    size = (0.12, 1.0)[place] if place < 2 else 0.0
    for number, (engine, (_, _, cost, _, recall)) in enumerate(PEERS.items()):
        answers = engine != "tantivy" or row != 6
        if size and answers:
            wobble = 1 + 0.35 * math.sin(7 * row + 3 * number)
            lines.append(line(engine, round(cost * size * wobble, 2), recall=recall))
    return FamilyResult(
        family=name,
        label=label,
        radius_m=3_000.0,
        share=share,
        matching=matching // (10, 1, 2)[place],
        lines=lines,
        layers={"search": timing(101.5 + row), "page": timing(61.5 + row)} if row < 2 else {},
        work={"nodes": 305.0 + row, "docs": 544.0 + place, "offers": 22.5, "pushes": 127.0},
    )


def world(place: int) -> WorldResult:
    """A world; engines were asked in the first two."""
    label, shape, merchants, within = WORLDS[place]
    engines = [
        EngineResult(
            engine="geosearch",
            label="geosearch",
            version="0.9.0",
            schema="one segment, as built from a snapshot",
            build_s=30.24,
            bytes=round(168.1 * merchants),
        )
    ]
    if place < 2:
        for engine, (name, version, _, size, _) in PEERS.items():
            engines.append(
                EngineResult(
                    engine=engine,
                    label=name,
                    version=version,
                    schema=f"columns of {name}, an index on the place",
                    build_s=size / 30,
                    bytes=size * merchants,
                )
            )
        engines.append(MISSING)
    return WorldResult(
        label=label,
        shape=shape,
        merchants=merchants,
        deals=round(merchants * 1.6078),
        within_3_km=within,
        hot_bytes=round(168.1 * merchants),
        disk_bytes=round(908.8 * merchants),
        rss_bytes=round(171.5 * merchants) + 92_000_000,
        open_ms=36.24,
        cold_ms=412.7,
        engines=engines,
        families=[family(row, place) for row in range(len(FAMILIES))],
    )


def with_cold(made: Result) -> Result:
    """A run in which every family but counts of all has a cold twin, three times as slow."""
    worlds = []
    for each in made.worlds:
        families = list(each.families)
        for asked in each.families:
            if asked.family != "count_facets":
                lines = [
                    line(one.engine, 3 * one.timing.p50_us, recall=one.recall)
                    for one in asked.lines
                    if one.engine in ("geosearch", "numpy", "grid", "kdtree")
                ]
                name, label = f"{asked.family}_cold", f"{asked.label}, cold"
                twin = structs.replace(asked, family=name, label=label, lines=lines)
                families.append(structs.replace(twin, cold_of=asked.family))
        worlds.append(structs.replace(each, families=families))
    made.worlds = worlds
    return made


def studies() -> StudiesResult:
    """Blocks of questions that are asked twice as fast as one by one."""
    return StudiesResult(
        merchants=992_986,
        cards=11,
        one_by_one=40_100.0,
        block_one=81_300.0,
        block_two=155_000.0,
        worth_s=0.61,
        coverage_s=14.2,
        coverage_rows=612_000,
        counting_s=3.2,
        numpy_s=21.5,
        duckdb_s=30.25,
    )


def fairness() -> FairnessResult:
    """Small questions that a count delays a little, and common words a lot."""
    figures = {
        "total and 4 facets in 50 km": (0.9, 2.4, 7.5, 310.0),
        "8 common words in 50 km": (212.0, 409.0, 466.0, 388.0),
    }
    return FairnessResult(
        merchants=992_986,
        pace=200.0,
        quiet=latency(0.5, 1.2, 4.0),
        beside=[
            LatencyBeside(
                label=label, small=latency(p50, p99, most), large=latency(large, large, large)
            )
            for label, (p50, p99, most, large) in figures.items()
        ],
    )


def latency(p50_ms: float, p99_ms: float, longest_ms: float) -> Latency:
    return Latency(requests=3_000, p50_ms=p50_ms, p99_ms=p99_ms, longest_ms=longest_ms)


def loop(server: str, load: float, *, is_open: bool = False, p50_ms: float = 0.5) -> Loop:
    """A loop at so many connections, or requests a second."""
    served = load if is_open else (24_387.6 if server == "floor" else 2_127.4) * min(1, load / 4)
    return Loop(
        server=server,
        connections=16 if is_open else int(load),
        rate=load if is_open else None,
        requests=int(served * 8),
        requests_per_second=served,
        p50_ms=p50_ms,
        p90_ms=p50_ms * 1.3,
        p99_ms=p50_ms * 2.4,
        p999_ms=p50_ms * 5.1,
        cpu_us=40.2 if server == "floor" else 470.3,
    )


def http() -> HttpResult:
    """Closed loops of both servers, open loops, parts and freshness."""
    return HttpResult(
        world="1,000,000, one city",
        median_bytes=21_637,
        loops=[
            *(loop("geosearch", load, p50_ms=0.47 * load) for load in (1, 4, 16, 64)),
            *(loop("floor", load, p50_ms=0.041 * load) for load in (1, 4, 16, 64)),
            *(
                loop("geosearch", load, is_open=True, p50_ms=0.45 + load / 4_000)
                for load in (500, 1_000, 1_500)
            ),
        ],
        parts_us={
            "read request": 38.2,
            "parse parameters": 21.4,
            "search": 96.7,
            "fetch merchants": 74.9,
            "encode answer": 171.6,
            "write response": 33.8,
            "server and event loop": 33.7,
        },
        freshness_ms=[118.0, 124.5, 131.2, 119.9, 140.1, 122.3, 187.4, 126.6],
    )


def relevance() -> dict[str, object]:
    """Three ways of typing and categories, as `benchmarks.relevance` writes them."""
    rows = [
        ("name", "the name, Chinese or English", 2344, 0.9996, 1.0, 0.9997, 0.99, 1.0),
        ("initials", "initials (3 characters or more)", 761, 0.9947, 0.9974, 0.9959, 0.8, 0.95),
        ("prefix", "half the name in `suggest`", 2241, 0.7947, 0.9295, 0.8533, 0.7, 0.9),
    ]
    names = ("way", "label", "queries", "at_1", "at_5", "mrr", "aim_at_1", "aim_at_5")
    ways: list[dict[str, object]] = [dict(zip(names, row, strict=True)) for row in rows]
    categories = {"way": "category", "label": "category word or synonym", "queries": 1530}
    return {
        "city": {"brands": 1716, "shops": 14563, "categories": 195, "seed": 20261122},
        "ways": [*ways, categories | {"right": 0.9995, "aim_right": 0.98}],
    }


def result() -> Result:
    """A whole run."""
    return Result(
        circumstances={
            "taken_at": "2026-11-22T16:33:59+00:00",
            "command": "geosearch bench --worlds city:1000000",
            "commit": "048fc21",
            "cpu": "AMD EPYC",
            "cores": 2,
            "memory_gb": 23.5,
            "system": "Linux-6.18.44-x86_64-with-glibc2.36",
            "python": "3.11.7",
            "libraries": {"numpy": "2.4.6", "numba": "0.68.1"},
            "load_before": 0.275,
        },
        worlds=[world(place) for place in range(len(WORLDS))],
        build=BuildResult(
            merchants=992_986,
            deals=1_499_014,
            seconds=30.24,
            peak_rss_gb=3.71,
            text_bytes_per_merchant=55.3,
        ),
        http=http(),
        fairness=fairness(),
        studies=studies(),
        relevance=relevance(),
    )
