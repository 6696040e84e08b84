"""The KD-trees' answers, and what they refuse."""

import sys
from pathlib import Path

import pytest

from benchmarks.peers import Missing, PeerQuestion
from benchmarks.peers.kd_tree import KdTree
from tests.benchmarks.peers.agreement import PROGRAMS, RING, assert_agrees, key, matches, table


def test_it_finds_what_loops_find(tmp_path: Path) -> None:
    made = table()
    peer = KdTree(made, tmp_path)
    assert_agrees(peer, made, least=45)
    assert peer.size() > 80 * len(made)
    assert peer.version[0].isdigit()
    peer.close()


def test_it_refuses_words_and_polygons(tmp_path: Path) -> None:
    peer = KdTree(table(100), tmp_path)
    assert peer.answers(PeerQuestion(lat=31.0, lng=121.0, sort="best", counted=True))
    assert peer.answers(PeerQuestion(lat=31.0, lng=121.0, polygon=RING)) is False
    assert not peer.answers(PeerQuestion(lat=31.0, lng=121.0, words=("火锅",)))
    peer.close()


def test_trees_of_rare_programmes_are_merged(tmp_path: Path) -> None:
    made = table()
    # Shops of both, on the place that is asked about.
    made.programs[:10] |= 1 << PROGRAMS["red"] | 1 << PROGRAMS["tiny"]
    peer = KdTree(made, tmp_path)
    rare = 1 << PROGRAMS["red"] | 1 << PROGRAMS["tiny"]
    for sort in ("distance", "best"):
        question = PeerQuestion(lat=31.231, lng=121.471, programs=rare, sort=sort, limit=30)
        keys = sorted(key(made, question, row) for row in matches(made, question))
        rows = peer.ask(question).rows.tolist()
        assert len(set(rows)) == len(rows) == 30
        assert [key(made, question, row) for row in rows] == pytest.approx(keys[:30], abs=1e-6)


def test_a_programme_nobody_takes_has_no_rows(tmp_path: Path) -> None:
    peer = KdTree(table(100), tmp_path)
    for sort in ("distance", "best"):
        assert not len(
            peer.ask(PeerQuestion(lat=31.23, lng=121.47, programs=1 << 40, sort=sort)).rows
        )


def test_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    with pytest.raises(Missing, match="pip install"):
        KdTree(table(100), tmp_path)
