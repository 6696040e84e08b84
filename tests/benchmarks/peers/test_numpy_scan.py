"""The scan's answers, and what it refuses."""

from dataclasses import replace
from pathlib import Path

from benchmarks.peers import PeerQuestion
from benchmarks.peers.numpy_scan import NumpyScan
from tests.benchmarks.peers.agreement import assert_agrees, table


def test_it_finds_what_loops_find(tmp_path: Path) -> None:
    made = table()
    peer = NumpyScan(made, tmp_path)
    assert_agrees(peer, made, least=60)
    assert peer.size() > 60 * len(made)
    assert peer.version[0].isdigit()
    peer.close()


def test_an_unknown_word_is_nowhere(tmp_path: Path) -> None:
    peer = NumpyScan(table(100), tmp_path)
    for words in (("没有",), ("火锅", "没有")):
        found = peer.ask(PeerQuestion(lat=31.23, lng=121.47, words=words, counted=True))
        assert (len(found.rows), found.total, found.groups) == (0, 0, {})


def test_it_refuses_words_without_texts(tmp_path: Path) -> None:
    bare = table(100)
    question = PeerQuestion(lat=31.0, lng=121.0, words=("火锅",))
    assert NumpyScan(bare, tmp_path).answers(question)
    assert not NumpyScan(replace(bare, text=()), tmp_path).answers(question)
