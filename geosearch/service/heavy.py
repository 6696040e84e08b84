"""Thread pool for large requests: clients in turn, part by part, cancelled when a client leaves.

`handlers` decides which requests are large.

Each client has a queue. A free thread takes the client whose turn it is, runs one part of its first
request, and puts the rest at the end of that queue. So a client with many requests, or with a batch
of a hundred queries, delays another one by the parts under way. Where the pool is full, the client
with the most requests loses its newest one.

No thread can be stopped inside compiled code or GEOS. So parts have size limits, and between parts
a thread drops work whose client has left. A thread that still computes at shutdown ends with the
process: every connection has been answered or closed by then.
"""

import asyncio
import os
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

from geosearch.service.problems import HttpProblem

HEAVY_THREADS = 2
"""Threads for large requests, beside the event loop."""

HEAVY_WAITING = 64
"""Most large requests that run or wait; the service refuses further ones with 503."""

NICENESS = 10
"""Added to the niceness of these threads: the event loop gets ten times their share of a core.

Where a thread of Python code shared a busy core with it, a small search took 0.3 ms instead of 2.5
(median). More is worse: what a thread with the GIL waits for a core, the loop waits, too."""

LAST_SECONDS = 0.2
"""How long a shutdown waits for threads whose clients have left."""

T = TypeVar("T")

Work = Generator[None, None, T]
"""Work in parts: it yields between them, and returns its result."""


class ClientGone(Exception):
    """The client disconnected before it was answered."""


def in_one_part(work: Callable[[], T]) -> Work[T]:
    """Work that has no parts."""
    return work()
    yield


class _Job:
    """Work of a client, and the result to come."""

    def __init__(self, client: str, work: Work[Any]) -> None:
        self.client = client
        self.work = work
        self.result: Future[Any] = Future()
        self.is_begun = False
        self.is_over = False
        """Whether nobody waits for it; set by the event loop, read between parts."""


class Turns(Generic[T]):
    """Queues of clients that have their turns one after the other.

    Examples
    --------
    >>> turns = Turns[int]()
    >>> for client, item in (("a", 1), ("a", 2), ("a", 3), ("b", 4)):
    ...     turns.put(client, item)
    >>> [turns.take() for _ in range(5)]
    [1, 4, 2, 3, None]
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[T]] = {}

    def put(self, client: str, item: T) -> None:
        """Put an item at the end of a client's queue; a new client has the last turn."""
        self._queues.setdefault(client, deque()).append(item)

    def take(self) -> T | None:
        """Take the first item of the client whose turn it is; None if there is none."""
        if not self._queues:
            return None
        client, items = next(iter(self._queues.items()))
        del self._queues[client]
        item = items.popleft()
        if items:
            self._queues[client] = items
        return item

    def of(self, client: str) -> deque[T]:
        """The items of a client, oldest first."""
        return self._queues.get(client, deque())

    def remove(self, client: str, item: T) -> bool:
        """Remove an item; return whether it was there."""
        items = self.of(client)
        if item not in items:
            return False
        items.remove(item)
        if not items:
            del self._queues[client]
        return True


class HeavyWork:
    """Thread pool for large requests, with a bounded number of requests."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(HEAVY_THREADS, "heavy", _step_back)
        self._turns = Turns[_Job]()
        self._changing = threading.Lock()
        self._busy = 0
        self._jobs: Counter[str] = Counter()
        self._begun: set[Future[Any]] = set()

    async def run(self, work: Work[T], leave: Callable[[], Awaitable[None]], client: str = "") -> T:
        """Run `work` in threads, and return its result.

        Parameters
        ----------
        work
            The work; each part runs when it is the client's turn.
        leave
            Returns when the client has disconnected.
        client
            Whose work it is.

        Raises
        ------
        HttpProblem
            `busy`: too many requests wait already. `stopping`: the graceful time of a shutdown is
            over.
        ClientGone
            The client disconnected; work that has not begun never begins.
        """
        job = _Job(client, work)
        self._add(job)
        leaving = asyncio.ensure_future(leave())
        answer: asyncio.Future[T] = asyncio.wrap_future(job.result)
        try:
            await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ClientGone
            return answer.result()
        except asyncio.CancelledError:
            raise HttpProblem(
                "stopping", "The service is stopping, and this took longer than the graceful time"
            ) from None
        finally:
            self._drop(job)
            leaving.cancel()
            answer.cancel()

    def close(self) -> bool:
        """Drop what waits, wait up to `LAST_SECONDS`, return whether all running work ended."""
        with self._changing:
            while (job := self._turns.take()) is not None:
                if not job.result.cancel():  # It has begun.
                    job.result.set_exception(ClientGone())
        self._threads.shutdown(wait=False, cancel_futures=True)
        return not wait(set(self._begun), LAST_SECONDS).not_done

    def _add(self, job: _Job) -> None:
        with self._changing:
            if self._jobs.total() >= HEAVY_WAITING:
                self._make_room(job.client)
            self._jobs[job.client] += 1
            self._turns.put(job.client, job)
            if self._busy < HEAVY_THREADS:
                self._busy += 1
                thread = self._threads.submit(self._serve)
                self._begun.add(thread)
                thread.add_done_callback(self._begun.discard)

    def _make_room(self, client: str) -> None:
        """Refuse the newest waiting request of the client that has most, which may be this one."""
        most, jobs = self._jobs.most_common(1)[0]
        waiting = [job for job in self._turns.of(most) if not job.is_begun]
        if jobs <= self._jobs[client] + 1 or not waiting:
            raise _busy()
        self._turns.remove(most, waiting[-1])
        waiting[-1].result.set_exception(_busy())
        self._forget(waiting[-1])

    def _drop(self, job: _Job) -> None:
        """End a job that nobody waits for any more: it has a result, or its client is gone."""
        with self._changing:
            self._turns.remove(job.client, job)
            self._forget(job)

    def _forget(self, job: _Job) -> None:
        if not job.is_over:
            job.is_over = True
            self._jobs[job.client] -= 1
            self._jobs += Counter()  # drops clients without jobs

    def _serve(self) -> None:
        """Run one part after the other while any waits."""
        while (job := self._next()) is not None:
            try:
                next(job.work)
            except StopIteration as done:
                job.result.set_result(done.value)
            except BaseException as error:
                job.result.set_exception(error)
            else:
                self._put_back(job)

    def _next(self) -> _Job | None:
        with self._changing:
            job = self._turns.take()
            if job is None:
                self._busy -= 1
            elif not job.is_begun:
                job.is_begun = job.result.set_running_or_notify_cancel()
            return job

    def _put_back(self, job: _Job) -> None:
        with self._changing:
            if not job.is_over:
                self._turns.put(job.client, job)


def _busy() -> HttpProblem:
    return HttpProblem(
        "busy",
        "Too many large requests are under way - try again in a second",
        {"retry-after": "1"},
    )


def _step_back() -> None:
    """Let the event loop go first where this thread shares its core."""
    os.nice(NICENESS)  # On Linux it is that of the thread.
