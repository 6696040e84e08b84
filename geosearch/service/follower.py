"""Follower: copies the feed of another writer into the log of a copy, number by number.

Useful for: replicas; each has a base of its own, and answers by itself.
Not useful for: taking changes, which go to the writer that is followed.
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from geosearch.errors import BadData
from geosearch.indexing.writer import Receipt, Writer
from geosearch.live.log import Logged
from geosearch.service.change_source import FAILURES, ChangeSource
from geosearch.service.problems import HttpProblem

PIECE = 5_000
"""Changes in one answer of the feed that is followed."""

WAIT_SECONDS = 1.0
"""How long the feed waits for the next change."""

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 5.0
"""First pause after a failure, and the longest one; each failure doubles the pause."""


class Copying:
    """Repeats one step of copying until it is stopped, with pauses after failures.

    Parameters
    ----------
    step
        The step.
    source
        What it copies from.
    event
        What the log says where it fails.
    stopping
        Set when it has to end.
    every
        Seconds between steps that succeed.
    """

    def __init__(
        self,
        step: Callable[[], None],
        source: ChangeSource,
        event: str,
        stopping: threading.Event,
        *,
        every: float = 0.0,
    ) -> None:
        self._step, self._source, self._event, self._stopping = step, source, event, stopping
        self._every = every
        self._log = structlog.get_logger()
        self.failure = ""
        """Why the last step failed; empty if it did not."""

    def run(self, *, once: bool = False) -> None:
        """Repeat the step until it is stopped, or until it succeeds once."""
        pause = RETRY_SECONDS
        while not self._stopping.is_set():
            try:
                self._step()
                pause, self.failure = RETRY_SECONDS, ""
                if once:
                    return
                self._stopping.wait(self._every)
            except Exception as error:
                if str(error) != self.failure:
                    self.failure = str(error)
                    fault = None if isinstance(error, FAILURES) else error
                    self._log.error(
                        self._event, url=self._source.url, error=self.failure, exc_info=fault
                    )
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_RETRY_SECONDS)


class Follower:
    """Follows another writer; in place of a `Committer`.

    Parameters
    ----------
    writer
        The writer of the copy, which only the thread uses from now on.
    source
        The service that is followed.
    """

    def __init__(self, writer: Writer, source: ChangeSource) -> None:
        self._writer, self._source = writer, source
        self._stopping = threading.Event()
        self._copying = Copying(self._copy, source, "feed not followed", self._stopping)
        self._threads = [
            threading.Thread(target=self._copying.run, name="follow-changes", daemon=True)
        ]
        self._is_known_copy = False
        self.progress = writer.progress
        """How far the copy is."""

    @property
    def failure(self) -> str:
        """Why it does not follow now; empty while it does."""
        return self._copying.failure

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop following, and close the writer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._writer.close()

    async def accept(self, lines: Sequence[bytes]) -> Receipt:
        """Refuse changes: they would have other numbers than those of the feed."""
        raise HttpProblem(
            "not_the_writer", f"This index follows {self._source.url}; send changes there"
        )

    def _copy(self) -> None:
        """Copy what the feed has after the last change of the copy."""
        # First, so that all that was copied becomes visible if the source no longer answers.
        self._writer.follow()
        self.progress = self._writer.progress
        # Another log may be in its place when it answers again.
        is_known, self._is_known_copy = self._is_known_copy, False
        last = self._writer.last()
        if last is not None and not is_known:
            self._check_copy(last)
        wait = self._writer.pause(WAIT_SECONDS)
        head, changes = self._source.feed(self._writer.head, PIECE, wait)
        if last is not None and head < last.seq:
            self._check_copy(last)
        self._writer.copy(changes)
        self.progress = self._writer.progress
        self._is_known_copy = True

    def _check_copy(self, last: Logged) -> None:
        """Check that the last change of the copy is that of the feed.

        Raises
        ------
        BadData
            It is another one, or the feed does not have it.
        """
        _, found = self._source.feed(last.seq - 1, 1, 0)
        if [(one.seq, one.change) for one in found] != [last[::2]]:
            raise BadData(
                f"Expected change {last.seq} of the index to be that of {self._source.url}, got "
                "another: remove the folder `live` of the copy, and copy the index again"
            )
