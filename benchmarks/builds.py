"""What a build costs: a synthetic snapshot, then `geosearch build` in a process of its own.

Measured: wall time and peak resident memory of the two commands, from start to exit of the process.
Corpus: `geosearch synth`, 1.5 deals a merchant, NDJSON.
Not shown: rebuilding beside a running service, compressed or Parquet snapshots.

    python -m benchmarks.builds --merchants 1000000 --out benchmarks/results
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.record import circumstances, module_command, save
from benchmarks.report import build_lines
from geosearch.searcher import open_index

MERCHANTS = 1_000_000
SEED = 1
NOW = "2026-11-22T12:00:00+08:00"
"""The horizon is built around the date that `synth` dates its deals by."""


def timed(arguments: list[str]) -> dict[str, float]:
    """Wall seconds and peak resident GB of `geosearch` with these arguments.

    Raises
    ------
    RuntimeError
        If it does not end with status 0.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "geosearch", *arguments], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"Expected status 0, got {process.returncode} - at {arguments}")
    scale = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_rss_gb": round(usage.ru_maxrss * scale / 1e9, 2),
    }


def run(merchants: int) -> dict[str, Any]:
    """Figures of `synth` and `build` for a snapshot of so many merchants."""
    with tempfile.TemporaryDirectory(prefix="geosearch-build-") as temporary:
        snapshot, index = Path(temporary) / "snapshot", Path(temporary) / "index"
        synth = timed(["synth", str(snapshot), "--merchants", str(merchants), "--seed", str(SEED)])
        size = sum(file.stat().st_size for file in snapshot.iterdir())
        build = timed(["build", str(snapshot), "--out", str(index), "--now", NOW])
        engine = open_index(index)
        info = engine.info()
        engine.close()
        disk = sum(file.stat().st_size for file in index.rglob("*") if file.is_file())
    return {
        "merchants": info["merchants"],
        "deals": info["deals"],
        "snapshot_bytes": size,
        "index_bytes": disk,
        "hot_bytes_per_merchant": round(info["hot_bytes"] / info["merchants"], 1),
        "synth": synth,
        "build": build,
    }


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Result of a run as the command line asks for, saved where it says so."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.builds", description=__doc__)
    parser.add_argument("--merchants", type=int, default=MERCHANTS)
    parser.add_argument("--out", type=Path, help="folder for build.json")
    options = parser.parse_args(given)
    around = circumstances(module_command("builds", given))
    result = {"circumstances": around, **run(options.merchants)}
    if options.out:
        print(f"Wrote {save(options.out, 'build', result)}", file=sys.stderr)
    return result


if __name__ == "__main__":
    print(build_lines(main()))
