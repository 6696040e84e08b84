"""Which requests are answered in the event loop, and which in the threads for large ones."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch.service.handlers import LONG_BODY, LOOP_WORK
from tests.geosearch.fakes import engine_of, publish_fake, running

AT = f"{datetime.now(UTC).date()}T12:00:00Z"
HERE = f"lat=1&lng=2&at={AT}"
BODY: dict[str, Any] = {"lat": 1, "lng": 2, "at": AT}
TRIANGLE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
LONG = {"cards": [f"a card number {number:05}" for number in range(1_000)], "q": "x" * 200}
ZONES = "/v1/zones?bbox=1,2,3,4"

SMALL, LARGE = LOOP_WORK, LOOP_WORK + 1

# method, path, body, work that the engine counts, whether it is answered in a thread
REQUESTS: list[tuple[str, str, Any, int, bool]] = [
    ("GET", f"/v1/nearby?{HERE}", None, SMALL, False),
    ("GET", f"/v1/nearby?{HERE}", None, LARGE, True),
    ("GET", f"/v1/nearby?{HERE}&total=true&facets=category", None, SMALL, False),
    ("POST", "/v1/nearby", BODY, SMALL, False),
    ("POST", "/v1/nearby", BODY, LARGE, True),
    ("POST", "/v1/nearby", BODY | {"polygon": TRIANGLE}, 0, True),
    ("POST", "/v1/nearby", BODY | LONG, 0, True),
    ("POST", "/v1/nearby:batch", {"queries": [BODY]}, 0, True),
    ("GET", "/v1/density?bbox=1,2,3,4", None, 0, True),
    ("GET", "/v1/suggest?lat=1&lng=2&q=a", None, SMALL, False),
    ("GET", "/v1/suggest?lat=1&lng=2&q=a", None, LARGE, True),
    ("GET", f"/v1/merchants/m0?at={AT}", None, SMALL, False),
    ("GET", f"/v1/merchants/m0?at={AT}", None, LARGE, True),
    ("GET", f"/v1/merchants/m0/why?{HERE}", None, SMALL, False),
    ("GET", f"/v1/merchants/m0/why?{HERE}", None, LARGE, True),
    ("POST", "/v1/merchants/m0/why", BODY, SMALL, False),
    ("POST", "/v1/merchants/m0/why", BODY | {"polygon": TRIANGLE}, 0, True),
    ("POST", "/v1/merchants/m0/why", BODY | LONG, 0, True),
    ("GET", f"/v1/zones?{HERE}", None, SMALL, False),
    ("GET", ZONES, None, 0, True),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "work", "in_a_thread"), REQUESTS, ids=map(str, range(len(REQUESTS)))
)
def test_counted_work_decides_where_a_request_is_answered(
    tmp_path: Path, method: str, path: str, body: Any, work: int, in_a_thread: bool
) -> None:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index") as client:
        expected = client.request(method, path, json=body)
        engine = engine_of(client)
        engine.threads.clear()
        engine.ways["work"] = work
        answer = client.request(method, path, json=body)
        assert answer.status_code == 200
        assert answer.content == expected.content
        assert [name.startswith("heavy") for name in engine.threads] == [in_a_thread]


def test_the_body_of_the_table_is_long() -> None:
    assert len(str(BODY | LONG)) > LONG_BODY


def test_what_is_too_large_for_the_loop_is_tried_there_once(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index") as client:
        engine = engine_of(client)
        for query, work, status, asked, in_a_thread in (
            ("lat=1&lng=2", SMALL, 200, 1, False),
            ("lat=1&lng=3", LARGE, 200, 2, True),
            # Refused: asked again, which tells why, and in no thread.
            ("lat=1&lng=4&zone=nowhere", 0, 400, 2, False),
        ):
            engine.ways["work"] = work
            engine.asked.clear()
            engine.threads.clear()
            assert client.get(f"/v1/nearby?{query}").status_code == status
            assert len(engine.asked) == asked
            assert any(name.startswith("heavy") for name in engine.threads) == in_a_thread
