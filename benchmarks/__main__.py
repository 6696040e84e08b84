"""The suite: `python -m benchmarks` measures everything, `--quick` what fits into three minutes.

The quick run (100,000 merchants, some hundred queries, a short HTTP load) prints its report and
keeps nothing. The full run writes its results to a folder, from which `benchmarks.report` makes
the README's table.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import builds, figures, http_load, texts
from benchmarks.report import render

_RESULTS = Path(__file__).resolve().parent / "results"


def quick(folder: Path) -> None:
    """A small world, few queries, short loads."""
    world = "city:100000"
    out = ["--out", str(folder)]
    small = ["--queries", "400", "--rounds", "3", "--compared", "20"]
    figures.main(["--worlds", world, *small, *out])
    texts.main(["--merchants", "100000", *small, *out])
    builds.main(["--merchants", "100000", *out])
    http_load.main(["--world", world, "--seconds", "3", "--places", "500", *out])


def full(folder: Path, worlds: str) -> None:
    """The worlds and the load of the README."""
    out = ["--out", str(folder)]
    figures.main(["--worlds", worlds, *out])
    texts.main(out)
    builds.main(out)
    http_load.main(out)


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under three minutes, prints only")
    parser.add_argument("--worlds", default="city:1000000,towns:10000000")
    parser.add_argument("--out", type=Path, default=_RESULTS, help="folder of the full run")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if not options.quick:
        full(options.out, options.worlds)
        print(render(options.out))
        return
    with tempfile.TemporaryDirectory(prefix="geosearch-bench-") as folder:
        quick(Path(folder))
        print(render(Path(folder)))


if __name__ == "__main__":
    main()
