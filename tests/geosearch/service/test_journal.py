"""Requests are told to metrics and logs soon, in order, and all of them before a stop."""

import asyncio
import io

import orjson
import pytest

from geosearch.service import journal as subject
from geosearch.service.journal import Answered, Journal
from geosearch.service.logs import configure_logs


class Counts:
    """Stands for `Metrics`."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def count_requests(self, route: str, status: int, times: int) -> None:
        self.told.append((route, status, times))

    def count_error(self, code: str) -> None:
        self.told.append((code,))

    def count_dropped(self, lines: int) -> None:
        assert lines == 0

    def observe_nearby(self, sort: str, seconds: float, results: int) -> None:
        self.told.append((sort, seconds, results))


NEARBY = Answered("GET", "/v1/nearby", 200, 1_500_000, b"a-1", "", "best", 20)
REFUSED = Answered("POST", "/v1/nearby", 400, 9_999, b"a-2", "bad_request")


def told(journal: Journal, *answered: Answered) -> None:
    """Note requests in an event loop and wait until they are told."""

    async def run() -> None:
        for one in answered:
            journal.add(one)
        await asyncio.sleep(5 * subject.REPORTED_AFTER_S)

    asyncio.run(run())


@pytest.mark.parametrize(("level", "lines"), [("info", 3), ("warning", 0)])
def test_metrics_and_log_lines(level: str, lines: int) -> None:
    log, counts = io.BytesIO(), Counts()
    configure_logs(level, log)
    told(Journal(counts, logs=True), NEARBY, REFUSED, NEARBY)  # type: ignore[arg-type]
    assert counts.told == [
        ("/v1/nearby", 200, 2),
        ("/v1/nearby", 400, 1),
        ("best", 0.0015, 20),
        ("bad_request",),
        ("best", 0.0015, 20),
    ]
    said = [orjson.loads(line) for line in log.getvalue().splitlines()]
    assert len(said) == lines
    if lines:
        assert said[0].pop("timestamp") <= said[1].pop("timestamp")
        assert said[0] == {
            "event": "request", "level": "info", "method": "GET", "route": "/v1/nearby",
            "status": 200, "took_us": 1500, "request_id": "a-1", "sort": "best", "results": 20,
        }  # fmt: skip
        assert (said[1]["took_us"], said[1]["code"]) == (9, "bad_request")


def test_without_logs_and_when_told_early() -> None:
    log, counts = io.BytesIO(), Counts()
    configure_logs("info", log)
    journal = Journal(counts, logs=False)  # type: ignore[arg-type]

    async def run() -> None:
        journal.add(REFUSED)
        journal.tell()
        journal.tell()
        assert len(counts.told) == 2
        journal.add(REFUSED)

    asyncio.run(run())
    journal.tell()
    assert len(counts.told) == 4
    assert not log.getvalue()
