"""Follower: copies the feed of another writer into the log of a copy, number by number.

Useful for: replicas; each has a base of its own, copied as files, and answers by itself.
Not useful for: taking changes, which go to the writer that is followed.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson
import structlog

from geosearch.errors import BadData, GeosearchError
from geosearch.live.log import Logged
from geosearch.live.writer import Receipt, Writer
from geosearch.service.problems import HttpProblem

PIECE = 5_000
"""Changes in one answer of the feed that is followed."""

WAIT_SECONDS = 1.0
"""How long the feed waits for the next change."""

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 5.0
"""First pause after a failure, and the longest one; each failure doubles the pause."""

_TIMEOUT_SECONDS = 10.0
_FAILURES = (GeosearchError, HTTPException, OSError, ValueError)


class Follower:
    """Follows another writer; in place of a `Committer`.

    Parameters
    ----------
    writer
        The writer of the copy, which only the thread uses from now on.
    url
        Of the service that is followed.
    token
        What its requests must carry.
    """

    def __init__(self, writer: Writer, url: str, token: bytes) -> None:
        self._writer, self._url, self._token = writer, url.rstrip("/"), token
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-changes", daemon=True)
        self._log = structlog.get_logger()
        self._is_known_copy = False
        self.head, self.visible = writer.head, writer.visible
        """Number of the last change of the copy; of the last one that readers can see."""
        self.failure = ""
        """Why it does not follow now; empty while it does."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following, and close the writer."""
        self._stopping.set()
        self._thread.join()
        self._writer.close()

    async def accept(self, lines: Sequence[bytes]) -> Receipt:
        """Refuse changes: they would have other numbers than those of the feed."""
        raise HttpProblem("not_the_writer", f"This index follows {self._url}; send changes there")

    def _run(self) -> None:
        pause = RETRY_SECONDS
        while not self._stopping.is_set():
            try:
                self._copy()
                pause, self.failure = RETRY_SECONDS, ""
            except Exception as error:
                # Another log may be in its place when it answers again.
                self._is_known_copy = False
                if str(error) != self.failure:
                    self.failure = str(error)
                    fault = None if isinstance(error, _FAILURES) else error
                    self._log.error(
                        "feed not followed", url=self._url, error=self.failure, exc_info=fault
                    )
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_RETRY_SECONDS)

    def _copy(self) -> None:
        """Copy what the feed has after the last change of the copy."""
        last = self._writer.last()
        if last is not None and not self._is_known_copy:
            self._check_copy(last)
        self._is_known_copy = True
        head, changes = self._feed(self._writer.head, PIECE, WAIT_SECONDS)
        if last is not None and head < last.seq:
            self._check_copy(last)
        self._writer.copy(changes)
        self.head, self.visible = self._writer.head, self._writer.visible

    def _check_copy(self, last: Logged) -> None:
        """Check that the last change of the copy is that of the feed.

        Raises
        ------
        BadData
            It is another one, or the feed does not have it.
        """
        _, found = self._feed(last.seq - 1, 1, 0)
        if [(one.seq, one.change) for one in found] != [last[::2]]:
            raise BadData(
                f"Expected change {last.seq} of the index to be that of {self._url}, got another: "
                "remove the folder `live` of the copy, and copy the index again"
            )

    def _feed(self, after: int, limit: int, wait: float) -> tuple[int, list[Logged]]:
        """Number of the last change of the feed, and its changes after a number."""
        url = f"{self._url}/v1/changes?after={after}&limit={limit}&wait={wait}"
        request = Request(url, headers={"Authorization": f"Bearer {self._token.decode('ascii')}"})
        try:
            with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                told = orjson.loads(answer.read())
                return int(told["head"]), [_logged(one) for one in told["changes"]]
        except HTTPError as error:
            raise BadData(f"Expected the feed, got status {error.code}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise BadData("Expected the feed of changes, got other JSON") from error


def _logged(told: dict[str, Any]) -> Logged:
    """A change of the feed as the log has it."""
    accepted = datetime.fromisoformat(told.pop("accepted_at"))
    return Logged(told.pop("seq"), round(accepted.timestamp() * 1_000), orjson.dumps(told))
