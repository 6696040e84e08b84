"""Batches on processes of this machine, or on actors of a Ray cluster: pieces in, answers in order.

Useful for: files of millions of questions, many habits, coverage of many minutes.
Not useful for: one question, whose search takes less than the way to another process.

Each worker opens the index for itself; on one machine they share its mapped pages. A piece travels
as columns, and only its own questions decide its answer, so workers change no result. Results
travel as numbers, and the process that asks writes their names.

In a folder of regions, a question goes to the region that owns its position, as a part of its piece
(`pieces`). A worker opens the regions that it is asked of, and one on Ray is asked of regions that
it has. What concerns several regions, all answer together (`all_regions`).
"""

import multiprocessing
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from geosearch.cluster.all_regions import RegionsSearcher
from geosearch.cluster.pieces import Piece, PiecePart, ids_of, joined, parts_of
from geosearch.cluster.workers import RESTARTS, connected, result_of, told_of_death
from geosearch.errors import BadData, BadRequest
from geosearch.search.block_results import Block, RawBlock
from geosearch.search.searcher import Searcher, open_index
from geosearch.studies.coverage import CellCounts, CoverageAsked, Survey, survey_of
from geosearch.studies.habits import Habit
from geosearch.studies.worth import HabitFigures, WorthQuery, habit_figures

_AHEAD = 2
"""Pieces a worker has: the one that it works on, and the next.

One that must open a region counts as if it had as many more.
"""

MOST_WORKERS = 4_096

Moment = tuple[str, int | None]
"""Version of an index, and number of its last live change."""

Moments = Mapping[str, Moment]
"""That of each region by its id; of one index, under `_WHOLE`."""

_WHOLE = ""


class Worker:
    """What is asked of an index, or of some regions; it opens them when it is first asked.

    Parameters
    ----------
    index
        Index folder, or folder of regions.
    wanted
        The moments that they must have: those of the process which asks.
    threads
        Threads that rank a piece.
    """

    def __init__(self, index: str, wanted: Moments, threads: int | None = 1) -> None:
        self._index, self._wanted, self._threads = Path(index), wanted, threads
        self._engine = lru_cache(maxsize=None)(self._opened)
        self._survey = lru_cache(maxsize=1)(self._new_survey)

    def call(self, name: str, region_id: str | None, *asked: Any) -> Any:
        """Call a method with the engine of a region; None = of all shops.

        Raises
        ------
        BadData
            The index has another version, or other live changes, than wanted.
        """
        return getattr(self, name)(self._engine(region_id), *asked)

    def _opened(self, region_id: str | None) -> Searcher:
        if region_id is not None:
            engine = open_index(self._index / region_id)
            self._check(region_id, moments_of(engine)[_WHOLE])
        elif _WHOLE in self._wanted:
            engine = open_index(self._index)
            self._check(_WHOLE, moments_of(engine)[_WHOLE])
        else:
            engine = RegionsSearcher({one: self._engine(one) for one in self._wanted})
        return engine

    def _check(self, region_id: str, found: Moment) -> None:
        if found != self._wanted[region_id]:
            raise BadData(
                f"Expected workers with version {_shown(self._wanted[region_id])}, got one with "
                f"{_shown(found)}: the index changed, or is another one there"
            )

    def block(
        self,
        engine: Searcher,
        piece: Piece,
        constants: Mapping[str, Any],
        first: int,
        now: datetime,
    ) -> RawBlock:
        """The answers to a piece, whose rows are numbered from `first`, in numbers."""
        asked = [piece], constants, self._threads
        raw, _ = next(engine.blocks.raw_blocks(*asked, first=first, now=now))
        return raw

    def habit(self, engine: Searcher, query: WorthQuery, number: int) -> HabitFigures:
        """What a habit adds to what cards are worth."""
        return habit_figures(engine, query, number)

    def minute(
        self, engine: Searcher, programs: tuple[str, ...], cells: str, at: datetime, minute: int
    ) -> CellCounts:
        """Counts of one minute."""
        return self._survey(engine, programs, cells, at).minute(minute)

    def _new_survey(
        self, engine: Searcher, programs: tuple[str, ...], cells: str, at: datetime
    ) -> Survey:
        return survey_of(engine, CoverageAsked([*programs], cells, at))


class _Here(Worker):
    """A worker that has all regions open already."""

    def __init__(self, regions: RegionsSearcher, threads: int | None) -> None:
        super().__init__("", moments_of(regions), threads)
        self._regions = regions

    def _opened(self, region_id: str | None) -> Searcher:
        return self._regions if region_id is None else self._regions.regions[region_id]


def _shown(moment: Moment) -> str:
    version, seq = moment
    return version if seq is None else f"{version} and live changes up to {seq}"


def moments_of(engine: Searcher) -> Moments:
    """The moments that an engine shows."""
    parts = engine.regions if isinstance(engine, RegionsSearcher) else {_WHOLE: engine}
    return {name: (each.version, each.as_of_seq) for name, each in parts.items()}


class Workers(Protocol):
    """Workers, each with its own index."""

    size: int

    def submit(self, name: str, region_id: str | None, *asked: Any) -> Any:
        """Let a worker call a method of a region, None = of all; return what `result` takes."""

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
    engine
        The open index, or all regions.
    workers
        They have the version and the live changes that the engine has.
    """

    def __init__(self, engine: Searcher, workers: Workers) -> None:
        self._engine = engine
        self._regions = engine if isinstance(engine, RegionsSearcher) else None
        self._workers = workers

    def blocks(self, pieces: Iterator[Piece], constants: Mapping[str, Any]) -> Iterator[Block]:
        """The block of each piece, in their order (`studies.rank_files.Ranking`)."""
        now = datetime.now(UTC)
        asked: deque[tuple[pl.Series, list[PiecePart]]] = deque()

        def tasks() -> Iterator[tuple[Any, ...]]:
            first = 0
            for piece in pieces:
                ids, parts = ids_of(piece, first), self._parts(piece, constants)
                asked.append((ids, parts))
                for part in parts:
                    yield part.region_id, part.questions, constants, first, now
                first += len(ids)

        answers = self._in_order("block", tasks())
        for raw in answers:
            ids, parts = asked.popleft()
            if self._regions is None:
                yield self._engine.blocks.writer.written(raw, ids)
            else:
                raws = zip(parts, [raw, *islice(answers, len(parts) - 1)], strict=True)
                yield joined([self._written(part, one) for part, one in raws], ids)

    def _written(self, part: PiecePart, raw: RawBlock) -> Block:
        engine = self._engine
        if self._regions is not None and part.region_id is not None:
            engine = self._regions.regions[part.region_id]
        return engine.blocks.writer.written(raw, ids_of(part.questions, 0))

    def _parts(self, piece: Piece, constants: Mapping[str, Any]) -> list[PiecePart]:
        if self._regions is None:
            return [PiecePart(None, piece)]
        return parts_of(self._regions, piece, constants)

    def habits(self, query: WorthQuery) -> Iterator[HabitFigures]:
        """The figures of each habit (`studies.worth.Measure`)."""
        owners = map(self._owner, query.habits)
        return self._in_order("habit", ((own, query, at) for at, own in enumerate(owners)))

    def _owner(self, habit: Habit) -> str | None:
        if self._regions is None:
            return None
        ((owner, _),) = self._regions.owned(np.array([habit.lat]), np.array([habit.lng]))
        return owner

    def minutes(self, query: CoverageAsked, minutes: Sequence[int]) -> Iterator[CellCounts]:
        """The counts of each minute (`studies.coverage.Counting`)."""
        asked = None, tuple(query.programs), query.cells, query.at
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
    engine: Searcher,
    index: Path,
    *,
    processes: int | None = None,
    ray: str | None = None,
    threads: int | None = None,
) -> Iterator[Batches | None]:
    """Workers for an index while the context lasts; None where `engine` answers best alone.

    Parameters
    ----------
    engine
        The open index, or all regions, whose versions and live changes the workers must have.
    index
        Its folder, which each machine of a Ray cluster has under this path.
    processes
        Number of processes on this machine; with `ray`, number of actors.
    ray
        Address of a Ray cluster, or `local`.
    threads
        Number of threads where neither is asked for; by default that of cores.

    Raises
    ------
    BadRequest
        Ray is asked for and not installed, there is none at the address, or `processes` is out of
        range.
    """
    if processes is not None and not 1 <= processes <= MOST_WORKERS:
        raise BadRequest(f"Expected `--processes` in [1, {MOST_WORKERS}], got {processes}")
    opening = str(Path(index).resolve()), moments_of(engine)
    started: AbstractContextManager[Workers]
    if ray is not None:
        started = _actors(opening, processes, ray)
    elif processes is not None:
        started = _processes(opening, processes)
    elif isinstance(engine, RegionsSearcher):
        started = _here(engine, threads)
    else:
        yield None
        return
    with started as workers:
        yield Batches(engine, workers)


Opening = tuple[str, Moments]
"""What a worker needs to open an index: its folder, and the wanted moments."""

_worker: Worker


def _open(index: str, wanted: Moments) -> None:
    global _worker  # One a process.
    _worker = Worker(index, wanted)


def _call(name: str, *asked: Any) -> Any:
    return _worker.call(name, *asked)


class _Thread:
    """One worker in a thread: it ranks a piece while the one before is written."""

    size = 1

    def __init__(self, worker: Worker, pool: ThreadPoolExecutor) -> None:
        self._worker, self._pool = worker, pool

    def submit(self, name: str, *asked: Any) -> Any:
        return self._pool.submit(self._worker.call, name, *asked)

    def result(self, submitted: Any) -> Any:
        return submitted.result()


@contextmanager
def _here(regions: RegionsSearcher, threads: int | None) -> Iterator[_Thread]:
    with ThreadPoolExecutor(1) as pool:
        yield _Thread(_Here(regions, threads), pool)


class _Processes:
    """Workers in processes of this machine."""

    def __init__(self, opening: Opening, size: int) -> None:
        self.size = size
        # A fork would copy threads that hold locks.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(size, context, initializer=_open, initargs=opening)

    def submit(self, name: str, *asked: Any) -> Any:
        with told_of_death():
            return self._pool.submit(_call, name, *asked)

    def result(self, submitted: Any) -> Any:
        with told_of_death():
            return submitted.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


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
        self.size, self._ray = size, ray
        self._waiting: Counter[int] = Counter()
        self._asked: dict[Any, int] = {}
        self._has: list[set[str | None]] = [set() for _ in range(size)]
        kind = ray.remote(num_cpus=1, max_restarts=RESTARTS, max_task_retries=RESTARTS)(Worker)
        self._actors = [kind.remote(*opening) for _ in range(size)]

    def submit(self, name: str, region_id: str | None, *asked: Any) -> Any:
        number = min(range(self.size), key=lambda one: self._busy(one, region_id))
        self._has[number].add(region_id)
        self._waiting[number] += 1
        submitted = self._actors[number].call.remote(name, region_id, *asked)
        self._asked[submitted] = number
        return submitted

    def _busy(self, number: int, region_id: str | None) -> int:
        """Pieces that an actor has, and what it takes to open a region."""
        return self._waiting[number] + (0 if region_id in self._has[number] else _AHEAD)

    def result(self, submitted: Any) -> Any:
        self._waiting[self._asked.pop(submitted)] -= 1
        return result_of(self._ray, submitted)


@contextmanager
def _actors(opening: Opening, size: int | None, address: str) -> Iterator[_Actors]:
    with connected(address, cores=size) as ray:
        cores = int(ray.available_resources().get("CPU", 1))
        yield _Actors(ray, opening, size or max(1, cores))
