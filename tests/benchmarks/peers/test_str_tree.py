"""The STRtree's answers, and what it refuses."""

from pathlib import Path

from benchmarks.peers import Question
from benchmarks.peers.str_tree import StrTree
from tests.benchmarks.peers.agreement import assert_agrees, table


def test_it_finds_what_loops_find(tmp_path: Path) -> None:
    made = table()
    peer = StrTree(made, tmp_path)
    assert_agrees(peer, made, least=50)
    assert peer.size() >= 0
    assert peer.version[0].isdigit()
    peer.close()


def test_it_refuses_words(tmp_path: Path) -> None:
    peer = StrTree(table(100), tmp_path)
    ring = ((121.0, 31.0), (122.0, 31.0), (122.0, 32.0))
    assert peer.answers(Question(lat=31.0, lng=121.0, sort="best", counted=True))
    assert peer.answers(Question(lat=31.0, lng=121.0, polygon=ring)) is True
    assert not peer.answers(Question(lat=31.0, lng=121.0, words=("火锅",)))
    peer.close()
