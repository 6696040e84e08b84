"""What it costs to share out a file of questions: processes, and actors of Ray.

Measured: CPU and time a question of one thread, of two processes and of two actors on Ray, in
pieces of 10,000 questions and of the size that `geosearch rank` takes. The CPU is that of all
processes, those of Ray included, while questions are ranked; workers have started and opened the
index before. The overhead is the CPU that one thread, with pieces of the usual size, does not take.
The first results of each road are compared with those of one thread.

Corpus: any index with cards. Places are those of its shops, with noise; minutes are of a week.

Not shown: several machines, and the time that workers take to start.

    geosearch bench batches INDEX
    geosearch bench --only batches
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.http_load import cpu_seconds
from benchmarks.places import places
from benchmarks.result import BatchesResult, BatchRoad
from geosearch.cluster.batches import batches
from geosearch.cluster.workers import LOCAL
from geosearch.search.block import PIECE_ROWS
from geosearch.search.block_results import Block
from geosearch.search.searcher import Searcher, open_index
from geosearch.search.warm import warm

SEED = 20_261_130
WORKERS = 2
PIECES = (10_000, PIECE_ROWS)
ROUNDS = 3
_WARM_PIECES = 2 * WORKERS
_DAYS = 7
_NO_RAY = "Ray is not installed: pip install 'geosearch-deals[ray]'"

Say = Callable[[str], None]
Ranking = Callable[[Iterator[pl.DataFrame], dict[str, Any]], Iterator[Block]]


def run(
    index: Path, *, questions: int = 100_000, rounds: int = ROUNDS, say: Say = print
) -> BatchesResult:
    """Return the figures of an index.

    Raises
    ------
    AssertionError
        A road finds other results than one thread.
    """
    warm()
    engine = open_index(index)
    frame, same = asked(engine, questions)
    with ExitStack() as stack:
        roads: dict[str, Ranking] = {"one thread": partial(engine.blocks.blocks, threads=1)}
        for name, ray in (("processes", None), ("Ray", LOCAL)):
            if ray is None or find_spec("ray"):
                by = stack.enter_context(batches(engine, index, processes=WORKERS, ray=ray))
                assert by is not None
                roads[name] = by.blocks
        say("  workers start")
        _check(roads, frame, same)
        taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for number in range(rounds):
            say(f"  round {number + 1} of {rounds}")
            for size in PIECES:
                for name, ranking in roads.items():
                    spent = _spent(ranking, frame, same, size)
                    taken.setdefault((name, size), []).append(spent)
    return BatchesResult(
        merchants=engine.info()["merchants"],
        questions=questions,
        workers=WORKERS,
        roads=[
            BatchRoad(
                road=name,
                piece=size,
                cpu_us=round(_median(cpu for cpu, _ in spent) / questions * 1e6, 2),
                wall_us=round(_median(wall for _, wall in spent) / questions * 1e6, 2),
            )
            for (name, size), spent in taken.items()
        ],
        missing="" if "Ray" in roads else _NO_RAY,
    )


def asked(engine: Searcher, questions: int) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Places and minutes, and what all ask: the 20 best, open, with a card that some take."""
    spots = places(engine.segments[0].columns, questions, SEED)
    minutes = np.random.default_rng(SEED).integers(_DAYS * 1_440, size=questions)
    start = int((engine.start + timedelta(days=2)).timestamp())
    frame = pl.DataFrame(spots, schema=["lat", "lng"], orient="row").with_columns(
        pl.Series("at", (start + 60 * minutes) * 1_000_000).cast(pl.Datetime("us", "UTC"))
    )
    programs = sorted(engine.programs(), key=lambda each: -each["merchants"])
    card = programs[len(programs) // 2]["program_id"]
    return frame, {"cards": (card,), "open": "now", "sort": "best", "limit": 20}


def _check(roads: dict[str, Ranking], frame: pl.DataFrame, same: dict[str, Any]) -> None:
    """Compare first results; then each worker has opened the index and read the names in it."""
    some = frame.head(_WARM_PIECES * PIECE_ROWS)
    size = -(-some.height // _WARM_PIECES)
    found = {
        name: pl.concat([block.rows for block in ranking(_pieces(some, size), same)])
        for name, ranking in roads.items()
    }
    expected = found["one thread"]
    assert expected.height
    for rows in found.values():
        assert rows.equals(expected)


def _spent(
    ranking: Ranking, frame: pl.DataFrame, same: dict[str, Any], size: int
) -> tuple[float, float]:
    """Seconds of CPU of all processes, and of the clock."""
    begin, before = time.perf_counter(), cpu_seconds(os.getpid())
    queries = sum(block.queries for block in ranking(_pieces(frame, size), same))
    spent = cpu_seconds(os.getpid()) - before, time.perf_counter() - begin
    assert queries == frame.height
    return spent


def _pieces(frame: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    return (frame.slice(at, size) for at in range(0, frame.height, size))


def _median(seconds: Iterator[float]) -> float:
    return statistics.median(seconds)
