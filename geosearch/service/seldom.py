"""A warning about what may happen thousands of times a second, as a line now and then.

Useful for: events that a client or a full system causes, and that nobody should have to read twice.
Not useful for: events that are rare by themselves.
"""

import time
from collections.abc import Callable
from typing import Any

EVERY_SECONDS = 10.0
"""Least time between two lines about the same."""


class Seldom:
    """Warns of one kind of event, with the number of times it happened since the last line.

    Parameters
    ----------
    log
        Where to.
    event
        Name of the event.
    now
        A clock, in seconds.
    """

    def __init__(
        self,
        log: Any,
        event: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._event = event
        self._now = now
        self._times = 0
        self._next = float("-inf")

    def warn(self, **words: Any) -> None:
        """Note that it happened, and say so if nothing was said of it for a while."""
        self._times += 1
        now = self._now()
        if now >= self._next:
            self._log.warning(self._event, times=self._times, **words)
            self._times, self._next = 0, now + EVERY_SECONDS
