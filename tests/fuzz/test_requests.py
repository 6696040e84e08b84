"""A short fuzz run of requests, and that it sees what it looks for."""

import pytest

from geosearch.service.problems import CODES
from tests.fuzz.requests import Got, Requests, Sent, complaint, forged, fuzz

COUNT = 2_000


def test_no_mutated_request_is_answered_wrongly() -> None:
    found = fuzz(seed=15, count=COUNT)
    assert sum(found.values()) == COUNT
    # A run that is refused at the door shows nothing.
    assert found["200"] > COUNT / 8
    assert {"200", "400", "404", "405", "413", "414"} <= found.keys()


def test_runs_repeat() -> None:
    one, other, another = Requests(3, "v"), Requests(3, "v"), Requests(4, "v")
    drawn = [one.next().path for _ in range(200)]
    assert [other.next().path for _ in range(200)] == drawn
    assert [another.next().path for _ in range(200)] != drawn


PROBLEM = b"application/problem+json"
GET = Sent("GET", "/v1/nearby")


@pytest.mark.parametrize(
    ("got", "wrong"),
    [
        (Got(200, b"application/json", b"{}"), False),
        (Got(200, b"application/json", b"{"), True),
        (Got(200, b"text/plain; version=0.0.4", b"x 1"), True),
        (Got(500, PROBLEM, b"{}"), True),
        (Got(400, b"application/json", b"{}"), True),
        (Got(400, PROBLEM, b'{"code":"bad_request","status":400,"detail":"no","errors":[]}'), True),
        (
            Got(400, PROBLEM, b'{"code":"made_up","status":400,"detail":"Expected a","errors":[]}'),
            True,
        ),
        (
            Got(400, PROBLEM, b'{"code":"not_found","status":404,"detail":"Expected","errors":[]}'),
            True,
        ),
        (
            Got(
                400,
                PROBLEM,
                b'{"code":"bad_request","status":400,"detail":"Expected a","errors":[]}',
            ),
            False,
        ),
    ],
)
def test_what_is_wrong_is_seen(got: Got, wrong: bool) -> None:
    assert bool(complaint(GET, got)) == wrong
    assert "bad_request" in CODES


def test_a_forged_cursor_has_the_right_checksum() -> None:
    assert forged([1, 2]) != forged([1, 3])
