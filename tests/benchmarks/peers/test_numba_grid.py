"""The compiled grid's answers, and what it refuses."""

from pathlib import Path

from benchmarks.peers import PeerQuestion
from benchmarks.peers.numba_grid import NumbaGrid
from tests.benchmarks.peers.agreement import (
    RING,
    assert_agrees,
    assert_agrees_at_the_edge,
    assert_agrees_in_small_circles,
    table,
)


def test_it_finds_what_loops_find(tmp_path: Path) -> None:
    made = table()
    peer = NumbaGrid(made, tmp_path)
    assert_agrees(peer, made, least=45)
    assert_agrees_in_small_circles(peer, made)
    assert_agrees_at_the_edge(peer, made, off_m=1e-3)
    assert peer.size() > 56 * len(made)
    assert peer.version[0].isdigit()
    peer.close()


def test_it_refuses_words_and_polygons(tmp_path: Path) -> None:
    peer = NumbaGrid(table(100), tmp_path)
    assert peer.answers(PeerQuestion(lat=31.0, lng=121.0, sort="best", counted=True))
    assert not peer.answers(PeerQuestion(lat=31.0, lng=121.0, polygon=RING))
    assert not peer.answers(PeerQuestion(lat=31.0, lng=121.0, words=("火锅",)))
    peer.close()
