"""The R-tree's answers, and what it refuses."""

from pathlib import Path

from benchmarks.peers.rtree_filter import RtreeFilter
from tests.benchmarks.peers.agreement import assert_agrees, assert_no_words_are_answered, table


def test_it_finds_what_loops_find(tmp_path: Path) -> None:
    made = table()
    peer = RtreeFilter(made, tmp_path)
    assert_agrees(peer, made, least=50)
    assert peer.size() >= 0
    assert peer.version[0].isdigit()
    peer.close()


def test_it_refuses_words(tmp_path: Path) -> None:
    peer = RtreeFilter(table(100), tmp_path)
    assert_no_words_are_answered(peer)
    peer.close()
