"""Rate-limited log warnings, for events that may happen thousands of times a second."""

import time
from collections.abc import Callable
from typing import Any

EVERY_SECONDS = 10.0
"""Least time between two lines about one event, seconds."""


class Seldom:
    """Logs one kind of event, with the number of its occurrences since the last line.

    Parameters
    ----------
    log
        structlog logger.
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
        """Count the event, and log it if the last line is at least `EVERY_SECONDS` old."""
        self._times += 1
        now = self._now()
        if now >= self._next:
            self._log.warning(self._event, times=self._times, **words)
            self._times, self._next = 0, now + EVERY_SECONDS
