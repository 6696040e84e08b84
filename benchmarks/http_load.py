"""What the service answers a second, and how late at half that load.

Measured: `geosearch serve`, one worker pinned to one core, default settings (a log line for every
request, to a file), load from another core. Closed loop: `wrk`, or `http_client` where `wrk` is not
installed. Half load: `http_client`, open loop at fixed instants, latency from the planned instant.
Floor: `http_floor`, the same server and framework returning 6 kB of constant bytes. Each measured
several times in turn; the median run counts. "cpu" is the server's CPU time a request, which other
processes disturb least.

Corpus: a world of `worlds`. Questions: the families of `queries` at thousands of places, half of
them `GET`, half `POST`, 20 results each.

Not shown: networks, TLS, several workers.

    python -m benchmarks.http_load --world city:1000000 --out benchmarks/results
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from benchmarks.http_client import run_load
from benchmarks.queries import FAMILIES, TOP_K, places
from benchmarks.record import circumstances, module_command, save
from benchmarks.report import http_lines
from benchmarks.worlds import USUAL_TIME, World, open_world
from geosearch.searcher import open_index

ASKED = ("nearest_open_red", "nearest_banks", "best_open_red", "saving_open_red")
PLACES = 1_000
SEED = 20_261_128
CONNECTIONS = 16
OPEN_LOOP_CONNECTIONS = 64
RUNS = 3
FLOOR_BYTES = 6_000
START_SECONDS = 300
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Question:
    """One request: method, path with query string, and body."""

    method: str
    path: str
    body: str

    def wire(self) -> bytes:
        """The request as bytes."""
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {HOST}\r\n"
        if self.body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        return f"{head}\r\n{self.body}".encode()


def questions(spots: Sequence[tuple[float, float]]) -> list[Question]:
    """Every family of `ASKED` at every place, `GET` and `POST` in turn, in mixed order."""
    families = [family for family in FAMILIES if family.name in ASKED]
    asked: list[Question] = []
    for lat, lng in spots:
        for family in families:
            wishes: dict[str, Any] = {"lat": lat, "lng": lng, "at": USUAL_TIME.isoformat()}
            wishes |= {"limit": TOP_K, **family.wishes}
            if len(asked) % 2:
                asked.append(Question("POST", "/v1/nearby", json.dumps(wishes)))
            else:
                wishes["cards"] = ",".join(wishes["cards"])
                asked.append(Question("GET", f"/v1/nearby?{urlencode(wishes)}", ""))
    random.Random(SEED).shuffle(asked)
    return asked


def usable_cores() -> set[int]:
    """Cores that this process may run on; none where the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def pin(process: int, cores: set[int]) -> None:
    """Keep a process (0 is this one) on these cores, where the system can."""
    if cores:
        os.sched_setaffinity(process, cores)


@contextmanager
def running(command: list[str], port: int, cores: set[int], log: Path) -> Iterator[int]:
    """Process id of a server started with `command`, once it answers on its port; stopped after."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, *command], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            pin(server.pid, cores)
            _wait_for(server, port, log)
            yield server.pid
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"Expected a server on port {port}, got: {log.read_text()[-500:]}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def closed_loop(
    server: int, port: int, asked: Sequence[Question], seconds: float, folder: Path, cores: set[int]
) -> dict[str, Any]:
    """Requests a second with `CONNECTIONS` connections that always have a request under way."""
    before = _cpu_seconds(server)
    wrk = shutil.which("wrk")
    if wrk is None:
        load = run_load(
            (HOST, port),
            [question.wire() for question in asked],
            seconds=seconds,
            connections=CONNECTIONS,
        )
        count, rate = len(load.latency_s), load.requests_per_second
        p50, p99 = load.percentile_ms(50), load.percentile_ms(99)
    else:
        count, rate, p50, p99 = _wrk(wrk, port, asked, seconds, folder, cores)
    return {
        "tool": "wrk" if wrk else "http_client",
        "connections": CONNECTIONS,
        "seconds": seconds,
        "requests": count,
        "requests_per_second": round(rate, 1),
        "p50_ms": round(p50, 3),
        "p99_ms": round(p99, 3),
        "cpu_us": round((_cpu_seconds(server) - before) / count * 1e6, 1),
    }


_LUA = """
local requests, at = {}, 0
for line in io.lines(%s) do
  local method, path, body = line:match("^(%%S+) (%%S+) ?(.*)$")
  local headers = {}
  if body ~= "" then headers["Content-Type"] = "application/json" else body = nil end
  requests[#requests + 1] = wrk.format(method, path, headers, body)
end
request = function()
  at = at %% #requests + 1
  return requests[at]
end
"""


def _wrk(
    wrk: str, port: int, asked: Sequence[Question], seconds: float, folder: Path, cores: set[int]
) -> tuple[int, float, float, float]:
    """Requests, requests a second, and p50 and p99 in milliseconds."""
    lines = folder / "requests.txt"
    lines.write_text("".join(f"{q.method} {q.path} {q.body}".rstrip() + "\n" for q in asked))
    script = folder / "requests.lua"
    script.write_text(_LUA % json.dumps(str(lines)))
    arguments = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency"]
    load = subprocess.Popen(
        [*arguments, "-s", str(script), f"http://{HOST}:{port}"], stdout=subprocess.PIPE, text=True
    )
    pin(load.pid, cores)
    text, _ = load.communicate()
    if "Non-2xx" in text or "Socket errors" in text or load.returncode:
        raise RuntimeError(f"Expected 200 for every request, got: {text}")
    found = {
        name: re.search(pattern, text)
        for name, pattern in (
            ("count", r"(\d+) requests in"),
            ("rate", r"Requests/sec:\s+([\d.]+)"),
            ("p50", r"50%\s+([\d.]+)(us|ms|s)"),
            ("p99", r"99%\s+([\d.]+)(us|ms|s)"),
        )
    }
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    if not all(found.values()):
        raise RuntimeError(f"Expected the report of wrk, got: {text}")
    count, rate, p50, p99 = (match.groups() for match in found.values() if match)
    return (
        int(count[0]),
        float(rate[0]),
        float(p50[0]) * units[p50[1]],
        float(p99[0]) * units[p99[1]],
    )


def open_loop(
    server: int, port: int, asked: Sequence[Question], seconds: float, rate: float
) -> dict[str, Any]:
    """Latency at so many requests a second, sent at fixed instants."""
    before = _cpu_seconds(server)
    load = run_load(
        (HOST, port),
        [question.wire() for question in asked],
        seconds=seconds,
        connections=OPEN_LOOP_CONNECTIONS,
        rate=rate,
    )
    return {
        "tool": "http_client",
        "rate": round(rate, 1),
        "seconds": seconds,
        "requests": len(load.latency_s),
        "median_bytes": int(np.median(load.body_bytes)),
        "p50_ms": round(load.percentile_ms(50), 3),
        "p99_ms": round(load.percentile_ms(99), 3),
        "p99_9_ms": round(load.percentile_ms(99.9), 3),
        "cpu_us": round((_cpu_seconds(server) - before) / len(load.latency_s) * 1e6, 1),
    }


def _cpu_seconds(process: int) -> float:
    """CPU time of a process so far; 0 where the system does not say."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _median_run(runs: list[dict[str, Any]], key: str) -> dict[str, Any]:
    ordered = sorted(runs, key=lambda run: float(run[key]))
    return {**ordered[len(ordered) // 2], "runs": [run[key] for run in runs]}


def run(world: World, *, seconds: float, spots: int, runs: int = RUNS) -> dict[str, Any]:
    """Figures of the service and of the floor under it."""
    index = open_world(world, say=_say)
    engine = open_index(index)
    asked = questions(places(engine.segments[0].columns, spots, SEED))
    engine.close()
    cores = usable_cores()
    servers, mine = set(sorted(cores)[:1]), set(sorted(cores)[-1:])
    floor_port, port = free_port(), free_port()
    pin(0, mine)
    serve = ["-m", "geosearch", "serve", "--index", str(index), "--port", str(port)]
    floor = ["-m", "benchmarks.http_floor", str(floor_port), str(FLOOR_BYTES)]
    with tempfile.TemporaryDirectory(prefix="geosearch-load-") as temporary:
        folder = Path(temporary)
        result: dict[str, Any] = {"world": world.label, "questions": len(asked)}
        with running(floor, floor_port, servers, folder / "floor.log") as process:
            plain = [
                closed_loop(process, floor_port, asked, seconds, folder, mine) for _ in range(runs)
            ]
        result["floor"] = {"bytes": FLOOR_BYTES, **_median_run(plain, "requests_per_second")}
        _say(f"floor: {result['floor']}")
        with running(serve, port, servers, folder / "serve.log") as process:
            closed_loop(process, port, asked, min(2.0, seconds), folder, mine)
            busy = [closed_loop(process, port, asked, seconds, folder, mine) for _ in range(runs)]
            result["closed_loop"] = _median_run(busy, "requests_per_second")
            _say(f"closed loop: {result['closed_loop']}")
            rate = result["closed_loop"]["requests_per_second"] / 2
            half = [open_loop(process, port, asked, seconds, rate) for _ in range(runs)]
            result["half_load"] = _median_run(half, "p99_ms")
            _say(f"half load: {result['half_load']}")
            with urlopen(f"http://{HOST}:{port}/v1/index", timeout=10) as answer:
                result["index"] = json.load(answer)
    pin(0, cores)
    result["median_bytes"] = result["half_load"]["median_bytes"]
    return result


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Result of a run as the command line asks for, saved where it says so."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_load", description=__doc__)
    parser.add_argument("--world", default="city:1000000", help="SHAPE:MERCHANTS")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--out", type=Path, help="folder for http.json")
    options = parser.parse_args(given)
    # A stop must reach the servers, too: it becomes an exception that leaves `running`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    around = circumstances(module_command("http_load", given))
    figures = run(World.parse(options.world), seconds=options.seconds, spots=options.places)
    result = {"circumstances": around, **figures}
    if options.out:
        _say(f"Wrote {save(options.out, 'http', result)}")
    return result


if __name__ == "__main__":
    print(http_lines(main()))
