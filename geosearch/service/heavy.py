"""Heavy requests: worked on in threads, for as long as somebody waits for the answer.

Useful for: what takes longer than others should wait in the event loop: batches, large areas.
Not useful for: deciding what is heavy (`handlers`).

Compiled code and GEOS cannot be stopped in a thread. So work has an end of its own (a batch is
bounded, an area is), is not begun where its client has left, and asks between its parts whether
anybody still waits. What computes when the process should end is left behind by ending the process:
every connection has been answered or closed by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from geosearch.service.problems import HttpProblem

HEAVY_THREADS = 2
"""Threads for heavy requests: as many may run beside the event loop."""

HEAVY_WAITING = 64
"""Most heavy requests under way or waiting; more are refused with 503."""

LAST_SECONDS = 0.2
"""How long a stop waits for threads whose work nobody waits for any more."""

T = TypeVar("T")


class ClientGone(Exception):
    """The client went away before it was answered."""


class Attendance:
    """Whether somebody waits for the answer of a heavy request; read by its thread."""

    def __init__(self) -> None:
        self._is_over = False

    def end(self) -> None:
        """Nobody waits any more."""
        self._is_over = True

    def check(self) -> None:
        """Go on only while somebody waits.

        Raises
        ------
        ClientGone
            Nobody does.
        """
        if self._is_over:
            raise ClientGone


class HeavyWork:
    """Threads for heavy requests, and those that wait for them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(HEAVY_THREADS, thread_name_prefix="heavy")
        self._waiting = 0
        self._begun: set[Future[Any]] = set()

    async def run(self, work: Callable[[Attendance], T], leave: Callable[[], Awaitable[None]]) -> T:
        """Return what `work` returns, from a thread.

        Parameters
        ----------
        work
            Checks between its parts whether it should go on.
        leave
            Returns when the client has left.

        Raises
        ------
        HttpProblem
            `busy`: too many wait already; `stopping`: the graceful time of a stop is over.
        ClientGone
            The client left; work that had not begun never will.
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
            begun.cancel()  # at once: before a thread that is free now takes it
            answer.cancel()

    def close(self) -> bool:
        """Begin nothing more, and return whether all that was begun has ended."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        return not wait(set(self._begun), LAST_SECONDS).not_done
