"""What the service answers a second, how late, and where a request's time goes.

Measured: `geosearch serve`, one worker pinned to one core, default settings (a log line for every
request, to a file), load from another core. Closed loop: `wrk`, or `http_client` where `wrk` is not
installed, with several numbers of connections that always have a request under way. Open loop:
`http_client`, requests at fixed instants at shares of the most that it answered, latency from the
planned instant, so that waiting counts. Floor: `http_floor`, the same server and framework
returning constant bytes; also at the rate of half the load, for a machine that stops now and then
(a host that takes a core away for 20 ms) has late answers whoever gives them. "cpu" is the
server's CPU time a request, which other processes disturb least. Freshness: from the publishing of
a new version to the first answer that tells of it.

Corpus: a world of `worlds`. Questions: four families of `families` at thousands of places, half of
them `GET`, half `POST`, 20 results each.

Not shown: networks, TLS, several workers.

    python -m benchmarks.http_load --world city:1000000
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec
import numpy as np

from benchmarks.families import FAMILIES, TOP_K
from benchmarks.http_client import Load, run_load
from benchmarks.places import places
from benchmarks.result import HttpResult, Loop
from benchmarks.servers import Server, listens, pin
from benchmarks.worlds import USUAL_TIME, World, open_world
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.segment.versions import current, publish

ASKED = ("nearest_red", "nearest_banks", "best_red", "saving_red")
PLACES = 1_000
SEED = 20_261_128
CONNECTIONS = (1, 4, 16, 64)
USUAL_CONNECTIONS = 16
OPEN_LOOP_CONNECTIONS = 64
SHARES = (0.25, 0.5, 0.75)
"""Rates of the open loops, as shares of the highest rate of the closed loops."""
USUAL_SHARE = 0.5
"""Share at which the floor is measured too, and loops are repeated."""
RUNS = 3
PAGES = 400
FRESHENED = 5
PROBE_SECONDS = 0.001
HOST = "127.0.0.1"

Say = Callable[[str], None]


@dataclass(frozen=True)
class HttpQuestion:
    """One request: method, path with query string, and body."""

    method: str
    path: str
    body: str

    def wire(self) -> bytes:
        """Return the request as bytes."""
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {HOST}\r\n"
        if self.body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        return f"{head}\r\n{self.body}".encode()


def questions(spots: Sequence[tuple[float, float]]) -> list[HttpQuestion]:
    """Return every family of `ASKED` at every place, alternately `GET` and `POST`, shuffled."""
    families = [family for family in FAMILIES if family.name in ASKED]
    asked: list[HttpQuestion] = []
    for lat, lng in spots:
        for family in families:
            wishes: dict[str, Any] = {"lat": lat, "lng": lng, "at": USUAL_TIME.isoformat()}
            wishes |= {"limit": TOP_K, **family.wishes}
            if len(asked) % 2:
                asked.append(HttpQuestion("POST", "/v1/nearby", json.dumps(wishes)))
            else:
                wishes["cards"] = ",".join(wishes["cards"])
                asked.append(HttpQuestion("GET", f"/v1/nearby?{urlencode(wishes)}", ""))
    random.Random(SEED).shuffle(asked)
    return asked


def usable_cores() -> set[int]:
    """Return the cores that this process may use; empty if the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@contextmanager
def running(command: list[str], port: int, cores: set[int], folder: Path) -> Iterator[int]:
    """Start a Python server, yield its process id when it listens, and stop it at the end."""
    server = Server(
        [sys.executable, *command],
        folder,
        answers=partial(listens, (HOST, port)),
        cwd=Path.cwd(),
        cores=cores,
    )
    try:
        yield server.pid
    finally:
        server.stop()


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Served(NamedTuple):
    """A running server under load."""

    name: str
    process: int
    port: int

    def closed_loop(
        self, asked: Sequence[HttpQuestion], seconds: float, connections: int, cores: set[int]
    ) -> Loop:
        """Measure a closed loop: each connection always has an open request. It prefers `wrk`."""
        before = cpu_seconds(self.process)
        wrk = shutil.which("wrk")
        if wrk is None:
            load = run_load(
                (HOST, self.port),
                [question.wire() for question in asked],
                seconds=seconds,
                connections=connections,
            )
            found = (len(load.latency_s), load.requests_per_second, _percentiles(load))
        else:
            found = _wrk(wrk, self.port, asked, seconds, connections, cores)
        count, rate, percentiles = found
        return self._loop(connections, None, count, rate, percentiles, before)

    def open_loop(
        self, asked: Sequence[HttpQuestion], seconds: float, rate: float
    ) -> tuple[Loop, int]:
        """Measure an open loop of `rate` requests per second; return also the median body bytes."""
        before = cpu_seconds(self.process)
        load = run_load(
            (HOST, self.port),
            [question.wire() for question in asked],
            seconds=seconds,
            connections=OPEN_LOOP_CONNECTIONS,
            rate=rate,
        )
        loop = self._loop(
            OPEN_LOOP_CONNECTIONS,
            round(rate, 1),
            len(load.latency_s),
            load.requests_per_second,
            _percentiles(load),
            before,
        )
        return loop, int(np.median(load.body_bytes))

    def _loop(
        self,
        connections: int,
        rate: float | None,
        count: int,
        per_second: float,
        percentiles: Sequence[float],
        before: float,
    ) -> Loop:
        p50, p90, p99, p999 = (round(value, 3) for value in percentiles)
        return Loop(
            server=self.name,
            connections=connections,
            rate=rate,
            requests=count,
            requests_per_second=round(per_second, 1),
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
            p999_ms=p999,
            cpu_us=round((cpu_seconds(self.process) - before) / count * 1e6, 1),
        )


def _percentiles(load: Load) -> list[float]:
    return [load.percentile_ms(percent) for percent in (50, 90, 99, 99.9)]


_LUA = """
local requests, at = {}, 0
for line in io.lines(%s) do
  local method, path, body = line:match("^(%%S+) (%%S+) ?(.*)$")
  local headers = {Host = %s}
  if body ~= "" then headers["Content-Type"] = "application/json" else body = nil end
  requests[#requests + 1] = wrk.format(method, path, headers, body)
end
request = function()
  at = at %% #requests + 1
  return requests[at]
end
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("told %%d %%d %%f %%f %%f %%f %%f\\n", summary.requests, failed,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
"""


def _wrk(
    wrk: str,
    port: int,
    asked: Sequence[HttpQuestion],
    seconds: float,
    connections: int,
    cores: set[int],
) -> tuple[int, float, list[float]]:
    """Return the number of requests, requests per second, and percentiles in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="geosearch-wrk-") as temporary:
        lines = Path(temporary) / "requests.txt"
        lines.write_text("".join(f"{q.method} {q.path} {q.body}".rstrip() + "\n" for q in asked))
        script = Path(temporary) / "requests.lua"
        script.write_text(_LUA % (json.dumps(str(lines)), json.dumps(HOST)))
        arguments = [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        load = subprocess.Popen(
            [*arguments, "-s", str(script), f"http://{HOST}:{port}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        pin(load.pid, cores)
        text, _ = load.communicate()
    told = text.rpartition("told ")[2].split()
    if load.returncode or len(told) != 7 or int(told[1]):
        raise RuntimeError(f"Expected 200 for every request, got: {text}")
    count, _, spent, *percentiles = map(float, told)
    return int(count), count / spent, percentiles


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process and its children; 0 if the system does not say.

    A server with one worker has two processes: one waits, the other answers.
    """
    about = Path(f"/proc/{process}")
    try:
        after_name = (about / "stat").read_text().rpartition(")")[2].split()
        started = (about / "task" / str(process) / "children").read_text().split()
    except OSError:
        return 0.0
    own = (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in started)


def _usual(runs: Sequence[Loop]) -> Loop:
    """Return the run with the median rate; for open loops, the run with the median p99."""
    ordered = sorted(
        runs, key=lambda run: run.requests_per_second if run.rate is None else run.p99_ms
    )
    return ordered[len(ordered) // 2]


def parts_of(engine: Searcher, asked: Sequence[Query], cpu_us: float) -> dict[str, float]:
    """Return the CPU time of a request by part, mean microseconds over the same queries.

    The floor is not a part: most answers use less of the framework than the floor does.
    """

    def spent(ask: Callable[[Query], object]) -> float:
        for query in asked:
            ask(query)
        begin = time.thread_time_ns()
        for query in asked:
            ask(query)
        return (time.thread_time_ns() - begin) / 1e3 / len(asked)

    rank = spent(engine.rank)
    page = max(rank, spent(engine.page))
    parts = {
        "finding and ordering (`rank`)": rank,
        "writing the results (`page`)": page - rank,
        "all around them (server, parsing, checks, log, metrics)": max(0.0, cpu_us - page),
    }
    return {name: round(us, 1) for name, us in parts.items()}


def run(world: World, *, seconds: float, spots: int, runs: int = RUNS) -> HttpResult:
    """Return the figures of the service and of its floor."""
    index = open_world(world, say=_say)
    engine = open_index(index)
    around = places(engine.segments[0].columns, spots, SEED)
    asked = questions(around)
    body = len(engine.page(_queries(around[:1])[0]).results)
    cores = usable_cores()
    servers, mine = set(sorted(cores)[:1]), set(sorted(cores)[-1:])
    floor_port, port = free_port(), free_port()
    pin(0, mine)
    serve = ["-m", "geosearch", "serve", "--index", str(index), "--port", str(port)]
    floor = ["-m", "benchmarks.http_floor", str(floor_port), str(body)]
    loops: list[Loop] = []
    with tempfile.TemporaryDirectory(prefix="geosearch-load-") as temporary:
        folder = Path(temporary)
        with running(floor, floor_port, servers, folder) as process:
            served = Served("floor", process, floor_port)
            closed = [
                served.closed_loop(asked, seconds, USUAL_CONNECTIONS, mine) for _ in range(runs)
            ]
            loops.append(_usual(closed))
            _tell(loops[-1])
        with running(serve, port, servers, folder) as process:
            served = Served("geosearch", process, port)
            served.closed_loop(asked, min(2.0, seconds), USUAL_CONNECTIONS, mine)
            for connections in CONNECTIONS:
                turns = runs if connections == USUAL_CONNECTIONS else 1
                closed = [
                    served.closed_loop(asked, seconds, connections, mine) for _ in range(turns)
                ]
                loops.append(_usual(closed))
                _tell(loops[-1])
            usual = next(
                loop
                for loop in loops
                if loop.server == "geosearch" and loop.connections == USUAL_CONNECTIONS
            )
            for share in SHARES:
                opened = [
                    served.open_loop(asked, seconds, usual.requests_per_second * share)
                    for _ in range(runs if share == USUAL_SHARE else 1)
                ]
                loops.append(_usual([loop for loop, _ in opened]))
                _tell(loops[-1])
        median_bytes = opened[0][1]
        with running(floor, floor_port, servers, folder) as process:
            served = Served("floor", process, floor_port)
            rate = usual.requests_per_second * USUAL_SHARE
            opened = [served.open_loop(asked, seconds, rate) for _ in range(runs)]
            loops.append(_usual([loop for loop, _ in opened]))
            _tell(loops[-1])
        parts = parts_of(engine, _queries(around)[:PAGES], usual.cpu_us)
        engine.close()
        freshness = freshness_ms(folder, servers)
    pin(0, cores)
    return HttpResult(
        world=world.label,
        median_bytes=median_bytes,
        loops=loops,
        parts_us=parts,
        freshness_ms=freshness,
    )


def _queries(spots: Sequence[tuple[float, float]]) -> list[Query]:
    return [family.at(*spot) for spot in spots for family in FAMILIES if family.name in ASKED]


def freshness_ms(folder: Path, cores: set[int]) -> list[float]:
    """Return the milliseconds from publishing a version to the first answer with it."""
    source = open_world(World("city", 1_000), say=_say)
    index = folder / "fresh"
    shutil.copytree(source, index)
    port = free_port()
    serve = ["-m", "geosearch", "serve", "--index", str(index), "--port", str(port)]
    spent = []
    with running(serve, port, cores, folder):
        for _ in range(FRESHENED):
            version = publish(index, lambda new: _copied(current(source), new))
            begin = time.perf_counter()
            while _version(port) != version:
                time.sleep(PROBE_SECONDS)
            spent.append(round((time.perf_counter() - begin) * 1e3, 1))
    return spent


def _copied(version: Path, folder: Path) -> None:
    shutil.copytree(version, folder, dirs_exist_ok=True)


def _version(port: int) -> str:
    with urlopen(f"http://{HOST}:{port}/v1/index", timeout=10) as answer:
        return str(json.load(answer)["version"])


def _tell(loop: Loop) -> None:
    kind = "closed" if loop.rate is None else f"open at {loop.rate:,.0f}/s"
    _say(
        f"  {loop.server}, {kind}, {loop.connections} connections:"
        f" {loop.requests_per_second:,.0f} requests/s, p50 {loop.p50_ms:.2f}, p99 {loop.p99_ms:.2f}"
        f" ms, {loop.cpu_us:.0f} us of CPU"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run from the command line and print the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_load", description=__doc__)
    parser.add_argument("--world", default="city:1000000", help="SHAPE:MERCHANTS")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--places", type=int, default=PLACES)
    options = parser.parse_args()
    # SIGTERM becomes an exception that leaves `running`, so that it also stops the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    figures = run(World.parse(options.world), seconds=options.seconds, spots=options.places)
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main()
