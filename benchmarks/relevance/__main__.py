"""Recall of known-item search by way of typing a name, beside its aims.

Corpus: `city`, 1,716 real brands with branches among 8,000 other shops. `ways` has the ways of
typing and the right answers; `measure` has the figures.

Not shown: other cities and languages, queries of several intents, and real input. The suite draws
mistakes evenly, but fingers and input methods have habits.

    python -m benchmarks.relevance --out benchmarks/results/relevance.json
    python -m benchmarks.relevance --ways edit,initials --misses 20
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.record import circumstances, module_command, save
from benchmarks.relevance import city as cities
from benchmarks.relevance.measure import cases, figures, miss_line, misses, outcomes
from benchmarks.relevance.ways import WAYS, Way
from geosearch.indexing.pipeline import build
from geosearch.search.searcher import open_index

_LIBRARIES = ("opencc", "pypinyin", "rapidfuzz")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Figures of the chosen ways in a new city."""
    ways = _chosen(options.ways)
    with tempfile.TemporaryDirectory(prefix="geosearch-relevance-") as temporary:
        snapshot, index = Path(temporary) / "snapshot", Path(temporary) / "index"
        city = cities.write_city(
            snapshot,
            seed=options.seed,
            most_brands=options.brands,
            shops=options.shops,
            places=options.places,
        )
        build(snapshot, index)
        engine = open_index(index)
        rows = []
        for way in ways:
            found = outcomes(engine, way, cases(way, city, seed=options.seed, most=options.most))
            rows.append(figures(way, found))
            wrong = misses(way, found)[: options.misses]
            print("\n".join([_cells(rows[-1]), *map(miss_line, wrong)]), file=sys.stderr)
        engine.close()
    return {
        "city": {
            "brands": city.brands,
            "shops": len(city.shops),
            "categories": len(city.categories),
            "seed": options.seed,
        },
        "ways": rows,
    }


def table(result: dict[str, Any]) -> str:
    """Markdown of the figures, aims in brackets."""
    lines = ["| query is | queries | @1 (aim) | @5 (aim) | MRR |", "|---|--:|--:|--:|--:|"]
    return "\n".join([*lines, *map(_cells, result["ways"])])


def _cells(row: dict[str, Any]) -> str:
    if "right" in row:
        cells = [_share(row["right"], row["aim_right"]) + " of ten right", "", ""]
    else:
        cells = [_share(row[key], row[f"aim_{key}"]) for key in ("at_1", "at_5")]
        cells.append(f"{row['mrr']:.3f}")
    return f"| {' | '.join([row['label'], format(row['queries'], ','), *cells])} |"


def _share(reached: float, aim: float) -> str:
    return f"{reached:.1%} ({aim:.0%})"


def _chosen(names: str) -> Sequence[Way]:
    """Ways by their names, separated by commas; all ways for an empty text."""
    wanted = [name for name in names.split(",") if name]
    unknown = set(wanted) - {way.name for way in WAYS}
    if unknown:
        known = ", ".join(way.name for way in WAYS)
        raise SystemExit(f"Expected ways of {known}, got {', '.join(sorted(unknown))}")
    return [way for way in WAYS if not wanted or way.name in wanted]


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run the command line and return its result; `--out` also saves it."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relevance", description=__doc__)
    parser.add_argument("--out", type=Path, help="file for the result, such as relevance.json")
    parser.add_argument("--ways", default="", help="names of ways, by commas")
    parser.add_argument("--misses", type=int, default=0, help="misses of each way to print")
    parser.add_argument("--most", type=int, help="most queries of a way")
    parser.add_argument("--brands", type=int, help="most brands")
    parser.add_argument("--shops", type=int, default=cities.SHOPS, help="made-up shops")
    parser.add_argument("--places", type=int, default=cities.PLACES, help="most real places")
    parser.add_argument("--seed", type=int, default=cities.SEED)
    options = parser.parse_args(given)
    around = circumstances(module_command("relevance", given))
    around["libraries"] |= {name: version(name) for name in _LIBRARIES}
    result = {"circumstances": around, **run(options)}
    if options.out:
        print(f"Wrote {save(options.out.parent, options.out.stem, result)}", file=sys.stderr)
    return result


if __name__ == "__main__":
    print(table(main()))
