"""Batches on processes of this machine, or on actors of a Ray cluster: pieces in, answers in order.

Useful for: files of millions of questions, many habits, coverage of many minutes.
Not useful for: one question, whose search takes less than the way to another process.

Each worker opens the index for itself; on one machine they share its mapped pages. A piece travels
as columns, and only its own questions decide its answer, so workers change no result. Ray is
imported where it is asked for.
"""

import logging
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import polars as pl

from geosearch.errors import BadData, BadRequest, GeosearchError
from geosearch.search.block import Block
from geosearch.search.block_rows import Records
from geosearch.search.searcher import Searcher, open_index
from geosearch.studies.coverage import CellCounts, CoverageAsked, Survey, survey_of
from geosearch.studies.worth import HabitFigures, WorthQuery, habit_figures

LOCAL = "local"
"""Address that starts Ray on this machine."""

_AHEAD = 2
"""Pieces a worker has: the one that it works on, and the next."""

_RESTARTS = 3
"""How often an actor that died is started again, and its piece asked again."""

MOST_WORKERS = 4_096

Moment = tuple[str, int | None]
"""Version of an index, and number of its last live change."""


class PackedBlock(NamedTuple):
    """A block as Arrow IPC: half of the time that pickled frames take."""

    rows: bytes
    refused: bytes
    queries: int


def _packed(frame: pl.DataFrame) -> bytes:
    packed = BytesIO()
    frame.write_ipc(packed)
    return packed.getvalue()


class Worker:
    """An open index, and what it does for a batch.

    Parameters
    ----------
    index
        Index folder.
    wanted
        The moment that it must have: the one of the process which asks.
    """

    def __init__(self, index: str, wanted: Moment) -> None:
        self._engine = open_index(index)
        self._wanted = wanted
        self._survey = lru_cache(maxsize=1)(self._new_survey)

    def call(self, name: str, *asked: Any) -> Any:
        """Call a method.

        Raises
        ------
        BadData
            The index has another version, or other live changes, than wanted.
        """
        found = moment_of(self._engine)
        if found != self._wanted:
            raise BadData(
                f"Expected workers with version {_shown(self._wanted)}, got one with "
                f"{_shown(found)}: the index changed, or is another one there"
            )
        return getattr(self, name)(*asked)

    def block(
        self, piece: pl.DataFrame | Records, constants: Mapping[str, Any], first: int, now: datetime
    ) -> PackedBlock:
        """The answers to a piece, whose rows are numbered from `first`."""
        block = next(self._engine.blocks.blocks([piece], constants, 1, first=first, now=now))
        return PackedBlock(_packed(block.rows), _packed(block.refused), block.queries)

    def habit(self, query: WorthQuery, number: int) -> HabitFigures:
        """What a habit adds to what cards are worth."""
        return habit_figures(self._engine, query, number)

    def minute(
        self, programs: tuple[str, ...], cells: str, at: datetime, minute: int
    ) -> CellCounts:
        """Counts of one minute."""
        return self._survey(programs, cells, at).minute(minute)

    def _new_survey(self, programs: tuple[str, ...], cells: str, at: datetime) -> Survey:
        return survey_of(self._engine, CoverageAsked([*programs], cells, at))


def _shown(moment: Moment) -> str:
    version, seq = moment
    return version if seq is None else f"{version} and live changes up to {seq}"


def moment_of(engine: Searcher) -> Moment:
    """The moment that an engine shows."""
    return engine.version, engine.as_of_seq


class Workers(Protocol):
    """Workers, each with its own index."""

    size: int

    def submit(self, name: str, *asked: Any) -> Any:
        """Let some worker call a method; return what `result` takes."""

    def result(self, submitted: Any) -> Any:
        """What a method returned.

        Raises
        ------
        GeosearchError
            The method raised it.
        BadData
            The worker died, more than once if it can be started again.
        """


class Batches:
    """Answers batches by workers, as `engine` does alone.

    Parameters
    ----------
    workers
        They have the version and the live changes that the engine has.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def blocks(
        self, pieces: Iterator[pl.DataFrame | Records], constants: Mapping[str, Any]
    ) -> Iterator[Block]:
        """The block of each piece, in their order (`studies.rank_files.Ranking`)."""
        now, first = datetime.now(UTC), 0

        def asked() -> Iterator[tuple[Any, ...]]:
            nonlocal first
            for piece in pieces:
                yield piece, constants, first, now
                first += len(piece.ids) if isinstance(piece, Records) else piece.height

        for packed in self._in_order("block", asked()):
            rows, refused = pl.read_ipc(packed.rows), pl.read_ipc(packed.refused)
            yield Block(rows, refused, packed.queries)

    def habits(self, query: WorthQuery) -> Iterator[HabitFigures]:
        """The figures of each habit (`studies.worth.Measure`)."""
        return self._in_order("habit", ((query, number) for number in range(len(query.habits))))

    def minutes(self, query: CoverageAsked, minutes: Sequence[int]) -> Iterator[CellCounts]:
        """The counts of each minute (`studies.coverage.Counting`)."""
        asked = tuple(query.programs), query.cells, query.at
        return self._in_order("minute", ((*asked, minute) for minute in minutes))

    def _in_order(self, name: str, tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Results of tasks in their order; a few are under way at any time."""
        waiting: deque[Any] = deque()
        for task in tasks:
            waiting.append(self._workers.submit(name, *task))
            if len(waiting) >= _AHEAD * self._workers.size:
                yield self._workers.result(waiting.popleft())
        while waiting:
            yield self._workers.result(waiting.popleft())


@contextmanager
def batches(
    engine: Searcher, index: Path, *, processes: int | None = None, ray: str | None = None
) -> Iterator[Batches | None]:
    """Workers for an index while the context lasts; None where neither is asked for.

    Parameters
    ----------
    engine
        The open index, whose version and live changes the workers must have.
    index
        Its folder, which each machine of a Ray cluster has under this path.
    processes
        Number of processes on this machine; with `ray`, number of actors.
    ray
        Address of a Ray cluster, or `local`.

    Raises
    ------
    BadRequest
        Ray is asked for and not installed, there is none at the address, or `processes` is out of
        range.
    """
    if ray is None and processes is None:
        yield None
        return
    if processes is not None and not 1 <= processes <= MOST_WORKERS:
        raise BadRequest(f"Expected `--processes` in [1, {MOST_WORKERS}], got {processes}")
    opening = str(Path(index).resolve()), moment_of(engine)
    started = (
        _processes(opening, processes or 1) if ray is None else _actors(opening, processes, ray)
    )
    with started as workers:
        yield Batches(workers)


Opening = tuple[str, Moment]
"""What a worker needs to open an index: its folder, and the wanted moment."""

_worker: Worker


def _open(index: str, wanted: Moment) -> None:
    global _worker  # One a process.
    _worker = Worker(index, wanted)


def _call(name: str, *asked: Any) -> Any:
    return _worker.call(name, *asked)


class _Processes:
    """Workers in processes of this machine."""

    def __init__(self, opening: Opening, size: int) -> None:
        self.size = size
        # A fork would copy threads that hold locks.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(size, context, initializer=_open, initargs=opening)

    def submit(self, name: str, *asked: Any) -> Any:
        with _told_of_death():
            return self._pool.submit(_call, name, *asked)

    def result(self, submitted: Any) -> Any:
        with _told_of_death():
            return submitted.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def _told_of_death() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise BadData("Expected workers that live, got one that died: is memory short?") from error


@contextmanager
def _processes(opening: Opening, size: int) -> Iterator[_Processes]:
    workers = _Processes(opening, size)
    try:
        yield workers
    finally:
        workers.close()


class _Actors:
    """Workers as actors of Ray."""

    def __init__(self, ray: Any, opening: Opening, size: int) -> None:
        self.size, self._ray, self._turn = size, ray, 0
        kind = ray.remote(num_cpus=1, max_restarts=_RESTARTS, max_task_retries=_RESTARTS)(Worker)
        self._actors = [kind.remote(*opening) for _ in range(size)]

    def submit(self, name: str, *asked: Any) -> Any:
        actor = self._actors[self._turn % self.size]
        self._turn += 1
        return actor.call.remote(name, *asked)

    def result(self, submitted: Any) -> Any:
        try:
            return self._ray.get(submitted)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, GeosearchError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayActorError as error:
            reason = str(error).partition("\n")[0]
            raise BadData(f"Expected workers that live, got one that died: {reason}") from error


@contextmanager
def _actors(opening: Opening, size: int | None, address: str) -> Iterator[_Actors]:
    # Before the import, which reads it: nothing is told to anybody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray as installed
    except ImportError as error:
        raise BadRequest(
            "Expected Ray for `--ray`, got none: pip install 'geosearch-deals[ray]'"
        ) from error
    ray: Any = installed  # Half of it has types.
    started: dict[str, Any] = {"num_cpus": size} if address == LOCAL else {}
    try:
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **started,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise BadRequest(f"Expected a Ray cluster at {address}, got none: {reason}") from error
    try:
        cores = int(ray.available_resources().get("CPU", 1))
        yield _Actors(ray, opening, size or max(1, cores))
    finally:
        ray.shutdown()
