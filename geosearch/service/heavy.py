"""Thread pool for slow requests (batches, large areas), cancelled when the client disconnects.

`handlers` decides which requests are slow.

No thread can be stopped inside compiled code or GEOS. So batches and areas have size limits, work
does not begin after its client has left, and work checks between its parts whether the client still
waits. A thread that still computes at shutdown ends with the process: every connection has been
answered or closed by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from geosearch.service.problems import HttpProblem

HEAVY_THREADS = 2
"""Threads for slow requests, beside the event loop."""

HEAVY_WAITING = 64
"""Most slow requests that run or wait; the service refuses further ones with 503."""

LAST_SECONDS = 0.2
"""How long a shutdown waits for threads whose clients have left."""

T = TypeVar("T")


class ClientGone(Exception):
    """The client disconnected before it was answered."""


class Attendance:
    """Cancellation flag of a slow request: set by the event loop, checked by the thread."""

    def __init__(self) -> None:
        self._is_over = False

    def end(self) -> None:
        """Cancel the work: no client waits for it."""
        self._is_over = True

    def check(self) -> None:
        """Raise if the work was cancelled.

        Raises
        ------
        ClientGone
            `end` was called.
        """
        if self._is_over:
            raise ClientGone


class HeavyWork:
    """Thread pool for slow requests, with a bounded queue."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(HEAVY_THREADS, thread_name_prefix="heavy")
        self._waiting = 0
        self._begun: set[Future[Any]] = set()

    async def run(self, work: Callable[[Attendance], T], leave: Callable[[], Awaitable[None]]) -> T:
        """Run `work` in a thread, and return its result.

        Parameters
        ----------
        work
            Calls `Attendance.check` between its parts.
        leave
            Returns when the client has disconnected.

        Raises
        ------
        HttpProblem
            `busy`: too many requests wait already. `stopping`: the graceful time of a shutdown is
            over.
        ClientGone
            The client disconnected; work that has not begun never begins.
        """
        if self._waiting >= HEAVY_WAITING:
            raise HttpProblem(
                "busy",
                "Too many batches and large areas are under way - try again in a second",
                {"retry-after": "1"},
            )
        self._waiting += 1
        attendance = Attendance()
        begun = self._threads.submit(work, attendance)
        self._begun.add(begun)
        begun.add_done_callback(self._begun.discard)
        leaving = asyncio.ensure_future(leave())
        answer = asyncio.wrap_future(begun)
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
            self._waiting -= 1
            attendance.end()
            leaving.cancel()
            begun.cancel()  # at once, before a free thread takes it
            answer.cancel()

    def close(self) -> bool:
        """Cancel the queue, wait up to `LAST_SECONDS`, return whether all running work ended."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        return not wait(set(self._begun), LAST_SECONDS).not_done
