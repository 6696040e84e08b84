"""Prometheus metrics of the service: latency by sort, results, errors by code, age of the index.

A single worker keeps the numbers in memory. For several, `serve` sets `PROMETHEUS_MULTIPROC_DIR`
before any worker starts. Each worker then counts into files there, and the scraped worker adds up
the files of all. The scraped worker reads age and horizon of the index at the scrape; all workers
follow the same folder.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from geosearch.query.parameters import SORTS
from geosearch.service.engines import Engines

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

LATENCY_BUCKETS_S = (
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0,
)  # fmt: skip
RESULT_BUCKETS = (0, 1, 5, 10, 20, 50, 100)


class Metrics:
    """The counters and histograms of the service.

    Parameters
    ----------
    engines
        Source of the current index, which each scrape describes.
    """

    def __init__(self, engines: Engines) -> None:
        self._registry = CollectorRegistry()
        self._index = _IndexCollector(engines)
        latency = Histogram(
            "geosearch_nearby_seconds",
            "Time to the encoded answer of a nearby query, and of all answered with it, by sort.",
            ["sort"],
            buckets=LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        results = Histogram(
            "geosearch_nearby_results",
            "Results of a nearby query, by sort.",
            ["sort"],
            buckets=RESULT_BUCKETS,
            registry=self._registry,
        )
        self._by_sort = {sort: (latency.labels(sort), results.labels(sort)) for sort in SORTS}
        self._requests = Counter(
            "geosearch_requests", "Requests by route and status.", ["route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._errors = Counter(
            "geosearch_errors", "Refused and failed requests by code.", ["code"],
            registry=self._registry,
        )  # fmt: skip
        self._ended = Counter(
            "geosearch_connections_ended",
            "Connections that the service ended or refused, by reason: a code or a limit.",
            ["reason"],
            registry=self._registry,
        )
        self._dropped = Counter(
            "geosearch_log_lines_dropped",
            "Lines of the log that nobody read in time.",
            registry=self._registry,
        )
        # labels() costs as much as the rest of an observation, so the children are kept.
        self._request_children: dict[tuple[str, int], Counter] = {}

    def count_requests(self, route: str, status: int, times: int) -> None:
        """Count `times` answered requests of a route and status."""
        child = self._request_children.get((route, status))
        if child is None:
            child = self._requests.labels(route, str(status))
            self._request_children[route, status] = child
        child.inc(times)

    def count_error(self, code: str) -> None:
        """Count one refused or failed request."""
        self._errors.labels(code).inc()

    def count_ended(self, reason: str) -> None:
        """Count one connection that the service ended or refused."""
        self._ended.labels(reason).inc()

    def count_dropped(self, lines: int) -> None:
        """Count dropped lines of the log."""
        if lines:
            self._dropped.inc(lines)

    def observe_nearby(self, sort: str, seconds: float, results: int) -> None:
        """Record one answered nearby query."""
        latency, counts = self._by_sort[sort]
        latency.observe(seconds)
        counts.observe(results)

    def requests_page(self) -> bytes:
        """Return the text that Prometheus scrapes of a service without an index."""
        return generate_latest(self._registry)

    def page(self) -> bytes:
        """Return the text that Prometheus scrapes."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self._registry) + _text_of(self._index)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone) + _text_of(self._index)


def _text_of(collector: Collector) -> bytes:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


class _IndexCollector(Collector):
    """Collector that describes the current index at the time of a scrape."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "geosearch_index_load_failures",
            "Versions that could not be opened since the worker started.",
            value=self._engines.failures,
        )
        yield GaugeMetricFamily(
            "geosearch_index_refused",
            "1 while the version that is to be served cannot be, and the one before answers.",
            value=float(self._engines.refused is not None),
        )
        loaded = self._engines.loaded
        if loaded is None:
            return
        now = datetime.now(UTC)
        yield GaugeMetricFamily(
            "geosearch_index_age_seconds",
            "Time since the current index was built.",
            value=(now - loaded.built_at).total_seconds(),
        )
        yield GaugeMetricFamily(
            "geosearch_index_horizon_left_seconds",
            "Time until the current index no longer knows the hours.",
            value=(loaded.horizon_end - now).total_seconds(),
        )
        if loaded.engine.as_of_seq is not None:
            yield GaugeMetricFamily(
                "geosearch_index_as_of_seq",
                "Number of the last live change that answers include.",
                value=loaded.engine.as_of_seq,
            )
        version = GaugeMetricFamily(
            "geosearch_index_info", "The current index.", labels=["version", "snapshot_id"]
        )
        version.add_metric([loaded.version, loaded.snapshot_id], 1)
        yield version
