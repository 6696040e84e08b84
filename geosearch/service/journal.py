"""Every answered request, for metrics and logs: noted at once, told a moment later with others.

Useful for: `edge`, which notes each request, and whoever is about to read the metrics.
Not useful for: events that are rare; they are logged as they happen.

Between two searches, with their columns and payloads, code and data of metrics and logs have left
the processor's caches: told on its own, a request costs 20 us, among others 6.
"""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

import msgspec

from geosearch.service.logs import take_dropped, write_lines
from geosearch.service.metrics import Metrics

REPORTED_AFTER_S = 0.02
"""How long a request may wait for others."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """One answered request; `code` is that of its error, `sort` and the rest of a nearby query."""

    method: str
    route: str
    status: int
    elapsed_ns: int
    code: str = ""
    sort: str = ""
    results: int = 0
    at_s: float = msgspec.field(default_factory=time.time)


class Journal:
    """Gathers what was answered, in an event loop, and tells it to metrics and logs.

    Parameters
    ----------
    metrics
        Where requests are counted.
    logs
        Whether each request is a line of the log.
    """

    def __init__(self, metrics: Metrics, *, logs: bool) -> None:
        self._metrics = metrics
        self._logs = logs
        self._answered: list[Answered] = []

    def add(self, answered: Answered) -> None:
        """Note one request."""
        if not self._answered:
            asyncio.get_running_loop().call_later(REPORTED_AFTER_S, self.tell)
        self._answered.append(answered)

    def tell(self) -> None:
        """Tell what was gathered until now."""
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
    """What the log says of a request."""

    event: str
    level: str
    timestamp: datetime
    method: str
    route: str
    status: int
    took_us: int
    code: str = ""
    sort: str = ""
    results: int | msgspec.UnsetType = msgspec.UNSET


def _line(request: Answered) -> _Line:
    at = datetime.fromtimestamp(request.at_s, UTC)
    told = (request.method, request.route, request.status, request.elapsed_ns // 1000, request.code)
    if not request.sort:
        return _Line("request", "info", at, *told)
    return _Line("request", "info", at, *told, request.sort, request.results)
