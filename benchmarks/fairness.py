"""How long small questions take while another client asks the largest ones, and without it.

Measured: `geosearch serve`, one worker pinned to one core, load from another core. Small questions
come at a fixed pace on several connections (open loop), so a stall of the worker counts for every
question that is due in it. The other client has one connection and always asks. Each round measures
the quiet service first, then the service beside each kind of large question.

Corpus: any index; kinds of questions that it cannot answer are left out. Small questions: 20
results within 3 km, open, nearest with the commonest cards or best with one of them, at one minute.
Large questions: each at another minute and another place.

Not shown: several workers, several such clients, slow networks.

    geosearch bench fairness INDEX
"""

import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import numpy as np

from benchmarks.families import TOP_K, another_minute
from benchmarks.http_client import Load, Stream, run_streams
from benchmarks.http_load import HOST, HttpQuestion, Say, free_port, running, usable_cores
from benchmarks.places import places
from benchmarks.result import FairnessResult, Latency, LatencyBeside
from benchmarks.servers import pin
from benchmarks.texts import cards_of, terms_of_share
from geosearch.errors import BadRequest
from geosearch.query.parameters import FACETS
from geosearch.search.searcher import Searcher, open_index

SEED = 20_261_129
PACE = 200.0
"""Small questions per second: a few per cent of what one worker answers."""
CONNECTIONS = 128
"""More than the small questions that are due while the largest question is answered: a client that
waited for a connection would measure its own queue."""
WIDE_M = 50_000
COMMON_WORDS = 8
SMALL, LARGE = 1_000, 200
"""Number of different questions of each kind."""
SECONDS = 5.0
ROUNDS = 3
WARM_SECONDS = 1.0


def run(
    index: Path, *, seconds: float = SECONDS, rounds: int = ROUNDS, say: Say = print
) -> FairnessResult:
    """Return the latencies of small questions on a quiet service and beside large ones.

    Raises
    ------
    BadRequest
        A load is too short for a question, or there is no round.
    """
    if not 1 <= seconds * PACE < inf:
        raise BadRequest(f"Expected at least {1 / PACE} seconds, got {seconds} - at `--seconds`")
    if rounds < 1:
        raise BadRequest(f"Expected at least one round, got {rounds} - at `--rounds`")
    engine = open_index(index)
    small = small_questions(engine)
    large = large_questions(engine)
    merchants = engine.info()["merchants"]
    engine.close()
    cores = usable_cores()
    port = free_port()
    serve = ["-m", "geosearch", "serve", "--index", str(index), "--port", str(port)]
    quiet: list[Load] = []
    beside: dict[str, list[tuple[Load, Load]]] = {label: [] for label in large}
    pin(0, set(sorted(cores)[-1:]))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="geosearch-fairness-") as folder,
            running(serve, port, set(sorted(cores)[:1]), Path(folder)),
        ):
            measure(port, small, (), WARM_SECONDS)
            for turn in range(rounds):
                quiet.append(measure(port, small, (), seconds)[0])
                say(f"  round {turn + 1}, quiet: {_told(quiet[-1])}")
                for label, asked in large.items():
                    ours, theirs = measure(port, small, asked, seconds)
                    beside[label].append((ours, theirs))
                    say(f"  round {turn + 1}, beside {label}: {_told(ours)}")
    finally:
        pin(0, cores)
    return FairnessResult(
        merchants=merchants,
        pace=PACE,
        quiet=latency_of(quiet),
        beside=[
            LatencyBeside(
                label=label,
                small=latency_of([ours for ours, _ in loads]),
                large=latency_of([theirs for _, theirs in loads]),
            )
            for label, loads in beside.items()
        ],
    )


def measure(
    port: int, small: Sequence[HttpQuestion], large: Sequence[HttpQuestion], seconds: float
) -> list[Load]:
    """Return the load of small questions and, if there are large ones, that of the large ones."""
    streams = [Stream([one.wire() for one in small], CONNECTIONS, PACE)]
    if large:
        streams.append(Stream([one.wire() for one in large], connections=1))
    return run_streams((HOST, port), streams, seconds=seconds)


def latency_of(loads: Sequence[Load]) -> Latency:
    """Return the medians of the rounds' percentiles, in milliseconds."""

    def ms(percent: float) -> float:
        return round(median(load.percentile_ms(percent) for load in loads), 3)

    requests = sum(len(load.latency_s) for load in loads)
    return Latency(requests=requests, p50_ms=ms(50), p99_ms=ms(99), longest_ms=ms(100))


def small_questions(engine: Searcher) -> list[HttpQuestion]:
    """Return the usual questions of an app, all at one minute."""
    cards = cards_of(engine)
    at = _minutes(engine, 1)[0]
    asked = []
    for number, (lat, lng) in enumerate(places(engine.segments[0].columns, SMALL, SEED)):
        wallet = {"sort": "distance", "cards": ",".join(cards)}
        if number % 2 and cards:
            wallet = {"sort": "best", "cards": cards[-1]}
        asked.append(_get(lat=lat, lng=lng, at=at, open="now", limit=TOP_K, **wallet))
    return asked


def large_questions(engine: Searcher) -> dict[str, list[HttpQuestion]]:
    """Return the largest questions that the service accepts, by kind."""
    (first, *_) = engine.segments
    spots = places(first.columns, LARGE, SEED + 1)
    minutes = _minutes(engine, LARGE)
    # No wallet: a card leaves fewer shops to count.
    counted = {"radius": WIDE_M, "open": "now", "total": "true", "facets": ",".join(FACETS)}
    kinds: dict[str, dict[str, Any]] = {
        f"total and {len(FACETS)} facets in {WIDE_M // 1_000} km": counted
    }
    words = [term.text for term in terms_of_share(first, 1.0)[:COMMON_WORDS]]
    if words:
        said = {"q": " ".join(words), "radius": WIDE_M}
        kinds[f"{len(words)} common words in {WIDE_M // 1_000} km"] = said
    return {
        label: [
            _get(lat=lat, lng=lng, at=at, limit=TOP_K, **wishes)
            for (lat, lng), at in zip(spots, minutes, strict=True)
        ]
        for label, wishes in kinds.items()
    }


def _minutes(engine: Searcher, count: int) -> list[datetime]:
    """Return distinct evening minutes within the horizon of an index."""
    wishes = another_minute(np.random.default_rng(SEED), count, engine.start + timedelta(days=1))
    return [wish["at"] for wish in wishes]


def _get(**wishes: Any) -> HttpQuestion:
    said = {name: value for name, value in wishes.items() if value != ""}
    said["at"] = wishes["at"].isoformat()
    return HttpQuestion("GET", f"/v1/nearby?{urlencode(said)}", "")


def _told(load: Load) -> str:
    p50, p99, longest = (load.percentile_ms(percent) for percent in (50, 99, 100))
    return f"p50 {p50:.2f}, p99 {p99:.2f}, longest {longest:.1f} ms"


def text(found: FairnessResult) -> str:
    """Return the result for a terminal."""
    lines = [
        f"{found.merchants:,} merchants, {found.pace:.0f} small questions a second; ms",
        f"{'':<40}{'p50':>9}{'p99':>9}{'longest':>9}{'p99 / quiet':>13}{'large p50':>11}",
        _row("quiet", found.quiet),
    ]
    for one in found.beside:
        times = one.small.p99_ms / found.quiet.p99_ms
        row = _row(f"beside {one.label}", one.small)
        lines.append(f"{row}{times:>12.1f}×{one.large.p50_ms:>11.1f}")
    return "\n".join(lines)


def _row(what: str, latency: Latency) -> str:
    figures = (latency.p50_ms, latency.p99_ms, latency.longest_ms)
    return f"{what:<40}" + "".join(f"{ms:>9.2f}" for ms in figures)
