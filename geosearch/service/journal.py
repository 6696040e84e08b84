"""Request log and request metrics, written in batches, at most `REPORTED_AFTER_S` late.

`edge` adds each answered request. Rare events bypass this module: their code logs them directly.

A search evicts the code and data of metrics and logs from the processor's caches. Reporting a
request alone costs 20 us, in a batch 6 us.
"""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

import msgspec

from geosearch.service.logs import take_dropped, write_lines
from geosearch.service.metrics import Metrics

REPORTED_AFTER_S = 0.02
"""Longest time from an answer to its report, seconds."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """One answered request.

    `request_id` is ASCII, from the client or ours. `code` is the code of its error. `sort` and
    `results` describe a nearby query.
    """

    method: str
    route: str
    status: int
    elapsed_ns: int
    request_id: bytes
    code: str = ""
    sort: str = ""
    results: int = 0
    at_s: float = msgspec.field(default_factory=time.time)


class Journal:
    """Collects answered requests in the event loop, and writes them to metrics and log.

    Parameters
    ----------
    metrics
        Counts the requests.
    logs
        Whether the log has a line for each request.
    """

    def __init__(self, metrics: Metrics, *, logs: bool) -> None:
        self._metrics = metrics
        self._logs = logs
        self._answered: list[Answered] = []

    def add(self, answered: Answered) -> None:
        """Add one request; it is reported within `REPORTED_AFTER_S`."""
        if not self._answered:
            asyncio.get_running_loop().call_later(REPORTED_AFTER_S, self.tell)
        self._answered.append(answered)

    def tell(self) -> None:
        """Write the collected requests to metrics and log now."""
        answered, self._answered = self._answered, []
        asked = Counter([(request.route, request.status) for request in answered])
        for (route, status), times in asked.items():
            self._metrics.count_requests(route, status, times)
        for request in answered:
            if request.code:
                self._metrics.count_error(request.code)
            if request.sort:
                seconds = request.elapsed_ns / 1e9
                self._metrics.observe_nearby(request.sort, seconds, request.results)
        if self._logs:
            write_lines([_line(request) for request in answered])
        self._metrics.count_dropped(take_dropped())


class _Line(msgspec.Struct, omit_defaults=True, gc=False):
    """Log line of a request."""

    event: str
    level: str
    timestamp: datetime
    method: str
    route: str
    status: int
    took_us: int
    request_id: str
    code: str = ""
    sort: str = ""
    results: int | msgspec.UnsetType = msgspec.UNSET


def _line(request: Answered) -> _Line:
    at = datetime.fromtimestamp(request.at_s, UTC)
    fields = (
        request.method,
        request.route,
        request.status,
        request.elapsed_ns // 1000,
        request.request_id.decode(),
        request.code,
    )
    if not request.sort:
        return _Line("request", "info", at, *fields)
    return _Line("request", "info", at, *fields, request.sort, request.results)
