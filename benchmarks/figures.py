"""What a query costs inside the engine, against brute force in the same run.

Measured: `engine.rank` (and `engine.search` with 20 typed hits where a family says so), one
thread, one query at a time, from a `Query` that exists to the answer. Every query is asked in
each of several rounds over all of them, after a round that is not counted. p50 and p99 are over
all timings; "quiet" p99 is over the medians of each query's rounds, and "cpu" is the thread's CPU
time: both are nearly free of what other processes add, the table shows neither. Brute force is
`brute.BruteForce` on the first of the same queries; the answers of both are compared, totals
included, and a difference ends the run.

Corpus: `worlds`. Questions: `queries`.

Not shown: cold disks, several threads, HTTP (`http_load`), queries far from any shop, and cards
whose shops cluster.

    python -m benchmarks.figures --worlds city:1000000,towns:10000000 --out benchmarks/results
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.brute import BruteForce
from benchmarks.queries import FAMILIES, Family, places
from benchmarks.record import circumstances, module_command, peak_rss_gb, save
from benchmarks.report import figures_table
from benchmarks.worlds import USUAL_TIME, World, open_world
from geosearch.kernels import warm
from geosearch.model import Query, Ranked
from geosearch.publish import current
from geosearch.searcher import Searcher

QUERIES = 2_000
ROUNDS = 5
SEED = 20_261_127
COMPARED = 25
COUNTED = 500
OPENINGS = 5


class WrongAnswer(AssertionError):
    """The engine and brute force differ."""


def measure(ask: Callable[[Query], Any], queries: Sequence[Query], rounds: int) -> dict[str, float]:
    """Microseconds of a query: median and p99, of the wall clock and of this thread's CPU time.

    "Quiet" p99 is over the median of each query's rounds. A first round is not counted.
    """
    clock, cpu_clock = time.perf_counter_ns, time.thread_time_ns
    wall = np.zeros((rounds + 1, len(queries)), np.int64)
    cpu = np.zeros_like(wall)
    sink = 0
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds + 1):
            for number, query in enumerate(queries):
                cpu_begin = cpu_clock()
                begin = clock()
                answer = ask(query)
                wall[turn, number] = clock() - begin
                cpu[turn, number] = cpu_clock() - cpu_begin
                sink += answer is not None
    finally:
        gc.enable()
    assert sink == wall.size
    counted = wall[1:] / 1_000.0
    return {
        "p50_us": _rounded(np.median(counted)),
        "p99_us": _rounded(np.percentile(counted, 99)),
        "quiet_p99_us": _rounded(np.percentile(np.median(counted, axis=0), 99)),
        "cpu_p50_us": _rounded(np.median(cpu[1:]) / 1_000.0),
        "cpu_p99_us": _rounded(np.percentile(cpu[1:], 99) / 1_000.0),
    }


def _rounded(value: Any) -> float:
    return round(float(value), 2)


def compare(query: Query, ranked: Ranked, expected: Ranked) -> None:
    """Check that two answers are the same.

    Raises
    ------
    WrongAnswer
        If documents, order, total or facets differ, or a key by more than rounding.
    """
    same = (
        ranked.doc_ids.tolist() == expected.doc_ids.tolist()
        and np.allclose(ranked.keys, expected.keys, rtol=1e-9, atol=1e-6)
        and ranked.total == expected.total
        and ranked.facets == expected.facets
    )
    if not same:
        raise WrongAnswer(f"Expected {expected}, got {ranked} - at {query}")


def family_figures(
    engine: Searcher,
    brute: BruteForce,
    family: Family,
    spots: Sequence[tuple[float, float]],
    *,
    rounds: int,
    compared: int,
) -> dict[str, Any]:
    """Figures of one family of queries in one world."""
    queries = [family.at(lat, lng) for lat, lng in spots]
    checked = queries[:compared]
    for query in checked:
        counted = msgspec.structs.replace(query, total=True)
        compare(counted, engine.rank(counted), brute.rank(counted))
    figures: dict[str, Any] = {
        "family": family.name,
        "label": family.label,
        "share": brute.share(queries[0]),
        "radius_m": queries[0].radius_m,
        "median_matching": _median_total(engine, queries),
        "queries": len(queries),
        "rounds": rounds,
        "compared": len(checked),
        "rank": measure(engine.rank, queries, rounds),
        "brute": measure(brute.rank, checked, 1),
        "work": _work(engine, family, spots[:COUNTED]),
    }
    figures["ratio"] = round(figures["brute"]["p50_us"] / figures["rank"]["p50_us"], 1)
    if family.search:
        figures["search"] = measure(engine.search, queries, max(1, rounds // 2))
    return figures


def _median_total(engine: Searcher, queries: Sequence[Query]) -> int:
    counted = [msgspec.structs.replace(query, total=True, limit=1) for query in queries]
    return int(np.median([engine.rank(query).total or 0 for query in counted]))


def _work(
    engine: Searcher, family: Family, spots: Sequence[tuple[float, float]]
) -> dict[str, dict[str, float]]:
    """Median and p99 of the kernel's work counters for `rank` without counting."""
    counters: list[dict[str, int]] = []
    wishes = {**family.wishes, "explain": True, "total": False, "facets": ()}
    for lat, lng in spots:
        query = Family(family.name, family.label, wishes).at(lat, lng)
        explain = engine.rank(query).explain
        assert explain is not None
        counters.append(explain["work"])
    return {
        name: {
            "p50": float(np.median([counter[name] for counter in counters])),
            "p99": float(np.percentile([counter[name] for counter in counters], 99)),
        }
        for name in counters[0]
    }


def world_figures(
    world: World, *, queries: int, rounds: int, compared: int, only: Sequence[str] = ()
) -> dict[str, Any]:
    """Sizes, opening time and the figures of every family in one world."""
    folder = current(open_world(world, say=_say))
    opened = measure(lambda _: Searcher(folder), [Query(lat=0.0, lng=0.0)], OPENINGS)["p50_us"]
    engine = Searcher(folder)
    brute = BruteForce(engine)
    spots = places(engine.segments[0].columns, queries, SEED)
    reach = [Query(lat=lat, lng=lng, at=USUAL_TIME) for lat, lng in spots]
    families = [family for family in FAMILIES if not only or family.name in only]
    rows = []
    for family in families:
        rows.append(family_figures(engine, brute, family, spots, rounds=rounds, compared=compared))
        _say(_line(rows[-1]))
    info = engine.info()
    disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        "world": world.label,
        "shape": world.shape,
        "merchants": world.merchants,
        "seed": world.seed,
        "deals": info["deals"],
        "hot_bytes_per_merchant": round(info["hot_bytes"] / world.merchants, 1),
        "disk_bytes": disk,
        "median_within_3_km": _median_total(engine, reach),
        "open_ms": _rounded(opened / 1_000),
        "families": rows,
    }


def _line(figures: dict[str, Any]) -> str:
    rank, brute, work = figures["rank"], figures["brute"], figures["work"]
    found = figures.get("search")
    return (
        f"  {figures['label']}: rank {rank['p50_us']:.1f} / {rank['p99_us']:.1f} us"
        f" (quiet p99 {rank['quiet_p99_us']:.1f}, cpu {rank['cpu_p50_us']:.1f} /"
        f" {rank['cpu_p99_us']:.1f})"
        + (f", search {found['p50_us']:.1f} / {found['p99_us']:.1f}" if found else "")
        + f", brute force {brute['p50_us']:.0f} ({figures['ratio']:.0f}x),"
        f" share {figures['share']:.4f}, {figures['median_matching']:,} match, work "
        + " ".join(
            f"{name} {counts['p50']:.0f}/{counts['p99']:.0f}" for name, counts in work.items()
        )
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(worlds: Sequence[World], **options: Any) -> dict[str, Any]:
    """Figures of several worlds; `options` are those of `world_figures`."""
    warm(_say)
    result: dict[str, Any] = {"worlds": []}
    for world in worlds:
        _say(f"{world.label}:")
        result["worlds"].append(world_figures(world, **options))
    result["peak_rss_gb"] = round(peak_rss_gb(), 2)
    return result


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Result of a run as the command line asks for, saved where it says so."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("--worlds", default="city:1000000", help="SHAPE:MERCHANTS, by commas")
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--compared", type=int, default=COMPARED, help="queries of brute force")
    parser.add_argument("--only", default="", help="families, by commas")
    parser.add_argument("--out", type=Path, help="folder for figures.json")
    options = parser.parse_args(given)
    around = circumstances(module_command("figures", given))
    result = {
        "circumstances": around,
        **run(
            [World.parse(text) for text in options.worlds.split(",")],
            queries=options.queries,
            rounds=options.rounds,
            compared=options.compared,
            only=[name for name in options.only.split(",") if name],
        ),
    }
    if options.out:
        _say(f"Wrote {save(options.out, 'figures', result)}")
    return result


if __name__ == "__main__":
    print(figures_table(main()))
