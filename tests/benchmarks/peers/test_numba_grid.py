"""The compiled grid's answers, and what it refuses."""

from pathlib import Path

from benchmarks.peers.numba_grid import NumbaGrid
from tests.benchmarks.peers.agreement import (
    assert_agrees,
    assert_agrees_at_the_edge,
    assert_agrees_in_small_circles,
    assert_no_words_are_answered,
    table,
)


def test_it_finds_what_loops_find(tmp_path: Path) -> None:
    made = table()
    peer = NumbaGrid(made, tmp_path)
    assert_agrees(peer, made, least=50)
    assert_agrees_in_small_circles(peer, made)
    assert_agrees_at_the_edge(peer, made, off_m=1e-3)
    assert peer.size() > 56 * len(made)
    assert peer.version[0].isdigit()
    peer.close()


def test_it_refuses_words(tmp_path: Path) -> None:
    peer = NumbaGrid(table(100), tmp_path)
    assert_no_words_are_answered(peer)
    peer.close()
