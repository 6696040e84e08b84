"""What a build costs: a synthetic snapshot, then `geosearch build` in a process of its own.

Measured: wall time and peak resident memory of the build, from start to exit of the process.
Corpus: `geosearch synth`, 1.5 deals a merchant, NDJSON, with text and suggestions.
Not shown: rebuilding beside a running service, compressed or Parquet snapshots.

    python -m benchmarks.builds --merchants 1000000
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.result import BuildResult
from geosearch.search.searcher import open_index
from geosearch.text.columns import SegmentText

MERCHANTS = 1_000_000
SEED = 1
NOW = "2026-11-22T12:00:00+08:00"
"""Instant of the build; `synth` dates its deals around it."""

# A new process inherits the peak memory of its parent (`exec` keeps it). So a small process
# launches the build: otherwise a benchmark that once held 7 GB would report that for every build.
_LAUNCH = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def timed(arguments: list[str]) -> tuple[float, float]:
    """Return wall seconds and peak resident GB of `geosearch` with these arguments.

    Raises
    ------
    RuntimeError
        The exit status is not 0.
    """
    begin = time.perf_counter()
    command = [sys.executable, "-c", _LAUNCH, sys.executable, "-m", "geosearch", *arguments]
    launched = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - begin
    if launched.returncode:
        raise RuntimeError(f"Expected status 0, got {launched.returncode} - at {arguments}")
    scale = 1 if sys.platform == "darwin" else 1024
    return round(seconds, 2), round(int(launched.stdout) * scale / 1e9, 2)


def run(merchants: int) -> BuildResult:
    """Return the figures of `build` for a snapshot of `merchants` merchants."""
    with tempfile.TemporaryDirectory(prefix="geosearch-build-") as temporary:
        snapshot, index = Path(temporary) / "snapshot", Path(temporary) / "index"
        timed(["synth", str(snapshot), "--merchants", str(merchants), "--seed", str(SEED)])
        seconds, peak = timed(["build", str(snapshot), "--out", str(index), "--now", NOW])
        engine = open_index(index)
        info = engine.info()
        text = sum(SegmentText(segment).nbytes() for segment in engine.segments)
        engine.close()
    return BuildResult(
        merchants=info["merchants"],
        deals=info["deals"],
        seconds=seconds,
        peak_rss_gb=peak,
        text_bytes_per_merchant=round(text / info["merchants"], 1),
    )


def main() -> None:
    """Run from the command line and print the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.builds", description=__doc__)
    parser.add_argument("--merchants", type=int, default=MERCHANTS)
    print(msgspec.json.encode(run(parser.parse_args().merchants)).decode())


if __name__ == "__main__":
    main()
