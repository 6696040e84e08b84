"""Redis answers as plain loops do, and is gone afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import PeerQuestion
from benchmarks.peers.redis_geo import RedisGeo
from tests.benchmarks.peers.agreement import (
    RING,
    assert_agrees,
    assert_agrees_at_the_edge,
    assert_agrees_in_small_circles,
    assert_nothing_is_left,
    built,
    table,
)

MADE = table()


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisGeo]:
    made = built(RedisGeo, MADE, tmp_path_factory.mktemp("redis"))
    yield made
    made.close()


def test_agrees_with_loops(peer: RedisGeo) -> None:
    assert_agrees(peer, MADE, least=40)


def test_agrees_where_the_circle_is_small(peer: RedisGeo) -> None:
    assert_agrees_in_small_circles(peer, MADE)


def test_circle_that_ends_at_a_shop(peer: RedisGeo) -> None:
    assert_agrees_at_the_edge(peer, MADE, off_m=1e-4)


def test_asks_only_what_redis_has(peer: RedisGeo) -> None:
    asked = PeerQuestion(lat=31.23, lng=121.47)
    assert peer.answers(asked)
    assert not peer.answers(asked._replace(words=("咖啡",)))
    assert not peer.answers(asked._replace(polygon=RING))
    assert not peer.answers(asked._replace(lat=86.0))


def test_says_what_it_is(peer: RedisGeo) -> None:
    assert peer.version.count(".") == 2
    assert peer.size() > len(MADE) * 60


def test_nothing_is_left(tmp_path: Path) -> None:
    made = built(RedisGeo, table(50), tmp_path)
    assert made._server is not None
    assert_nothing_is_left(made, tmp_path, made._server.pid)
