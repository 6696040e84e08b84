"""PostgreSQL with PostGIS answers as plain loops do, and is gone afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import PeerQuestion
from benchmarks.peers.postgis import PostGis, _box
from tests.benchmarks.peers.agreement import (
    PROGRAMS,
    WORDS,
    assert_agrees,
    assert_agrees_at_the_edge,
    assert_agrees_in_small_circles,
    assert_nothing_is_left,
    built,
    table,
)

MADE = table()


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostGis]:
    made = built(PostGis, MADE, tmp_path_factory.mktemp("postgis"))
    yield made
    made.close()


def test_agrees_with_loops(peer: PostGis) -> None:
    assert_agrees(peer, MADE, least=60)


def test_agrees_where_the_circle_is_small(peer: PostGis) -> None:
    assert_agrees_in_small_circles(peer, MADE)


def test_circle_that_ends_at_a_shop(peer: PostGis) -> None:
    assert_agrees_at_the_edge(peer, MADE, off_m=1e-3)


def test_words_may_hold_anything(peer: PostGis) -> None:
    for word in ("it's", "a\\b", "x & y", "'", ":*"):
        assert len(peer.ask(PeerQuestion(lat=31.23, lng=121.47, words=(word, WORDS[0]))).rows) == 0


def test_one_programme_is_asked_of_its_own_index(peer: PostGis) -> None:
    where = f"programs & {1 << PROGRAMS['tiny']}::int8 <> 0"
    plan = peer._cursor.execute(f"EXPLAIN SELECT row FROM shop WHERE {where}".encode()).fetchall()
    assert "shop_geo" in str(plan)


def test_says_what_it_is(peer: PostGis) -> None:
    assert "with PostGIS 3" in peer.version
    assert peer.size() > len(MADE) * 100


@pytest.mark.parametrize(
    ("lat", "lng", "expected"),
    [
        (0.0, 0.0, (-1.0, -1.0, 1.0, 1.0)),
        (60.0, 10.0, (8.0, 59.0, 12.0, 61.0)),
        (0.0, 179.5, (-180.0, -1.0, 180.0, 1.0)),
        (89.5, 0.0, (-180.0, 88.5, 180.0, 90.5)),
    ],
)
def test_box_holds_the_circle(lat: float, lng: float, expected: tuple[float, ...]) -> None:
    found = _box(lat, lng, 0.017453292519943295)
    assert found == pytest.approx(expected, abs=1e-2)
    west, south, east, north = found
    assert west <= expected[0] + 1e-9
    assert south <= expected[1]
    assert east >= expected[2] - 1e-9
    assert north >= expected[3]


def test_nothing_is_left(tmp_path: Path) -> None:
    made = built(PostGis, table(50), tmp_path)
    assert made._server is not None
    room = made._room.folder
    assert room.exists()
    assert_nothing_is_left(made, tmp_path, made._server.pid)
    assert not room.exists() or not list(room.iterdir())
