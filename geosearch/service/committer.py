"""Thread that hands changes to the `Writer`: all that wait at once, in one transaction.

A sync of the disk takes milliseconds, so one for each request would make the next ones wait.
"""

import asyncio
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import structlog

from geosearch.errors import GeosearchError
from geosearch.indexing.writer import Receipt, Writer

MOST_REQUESTS = 256
"""Most requests in one transaction."""

FOLLOW_SECONDS = 0.1
"""How often an idle thread looks for a new version of the index, and again after a failure."""

_Waiting = tuple[Sequence[bytes], "Future[Receipt]"]


class Committer:
    """Accepts the changes of many requests in the order in which they came.

    Parameters
    ----------
    writer
        The writer, which only the thread uses from now on.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="commit-changes", daemon=True)
        self._pause = FOLLOW_SECONDS
        self._failure = ""
        self._log = structlog.get_logger()
        self.progress = writer.progress
        """How far the writer is."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Accept what waits, and close the writer."""
        self._waiting.put(None)
        self._thread.join()
        self._writer.close()

    async def accept(self, lines: Sequence[bytes]) -> Receipt:
        """Accept changes; return when they are durable.

        Raises
        ------
        NotDurable
            The disk is full or fails: none of them is accepted.
        """
        done: Future[Receipt] = Future()
        self._waiting.put((lines, done))
        return await asyncio.wrap_future(done)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            try:
                batch = [self._waiting.get(timeout=self._pause)]
                while len(batch) < MOST_REQUESTS and not self._waiting.empty():
                    batch.append(self._waiting.get())
            except queue.Empty:
                batch = []
            stopping = None in batch
            self._commit([one for one in batch if one is not None])
            self._follow()

    def _commit(self, waiting: list[_Waiting]) -> None:
        # A client that left meanwhile has cancelled its request.
        batch = [one for one in waiting if one[1].set_running_or_notify_cancel()]
        if not batch:
            return
        failure: BaseException | None = None
        receipts: list[Receipt] = []
        try:
            receipts = self._writer.accept([lines for lines, _ in batch])
        except BaseException as error:
            failure = error
        # Before the answers: who has a receipt finds its changes in the feed.
        self.progress = self._writer.progress
        for number, (_, done) in enumerate(batch):
            if failure is None:
                done.set_result(receipts[number])
            else:
                done.set_exception(failure)

    def _follow(self) -> None:
        self._pause, before, self._failure = FOLLOW_SECONDS, self._failure, ""
        try:
            self._writer.follow()
            self._pause = self._writer.pause(FOLLOW_SECONDS)
        except Exception as error:  # Without its thread, the service would answer nobody.
            self._failure = str(error)
            if self._failure != before:
                fault = None if isinstance(error, (GeosearchError, OSError)) else error
                self._log.error("index not followed", error=self._failure, exc_info=fault)
        self.progress = self._writer.progress
