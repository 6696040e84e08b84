"""The grid's answers, and what it refuses."""

from pathlib import Path

import pytest

from benchmarks.peers import PeerQuestion
from benchmarks.peers.numpy_grid import NumpyGrid
from tests.benchmarks.peers.agreement import (
    assert_agrees,
    assert_no_words_are_answered,
    key,
    matches,
    table,
)


def test_it_finds_what_loops_find(tmp_path: Path) -> None:
    made = table()
    peer = NumpyGrid(made, tmp_path)
    assert_agrees(peer, made, least=50)
    assert peer.size() > 56 * len(made)
    assert peer.version[0].isdigit()
    peer.close()


def test_it_looks_further_where_shops_are_far(tmp_path: Path) -> None:
    made = table()
    peer = NumpyGrid(made, tmp_path)
    question = PeerQuestion(lat=31.33, lng=121.57, radius_m=20_000.0)
    keys = sorted(key(made, question, row) for row in matches(made, question))
    rows = peer.ask(question).rows.tolist()
    assert len(rows) == question.limit < len(keys) / 8
    assert [key(made, question, row) for row in rows] == pytest.approx(keys[:20], abs=1e-6)


def test_it_refuses_words(tmp_path: Path) -> None:
    peer = NumpyGrid(table(100), tmp_path)
    assert_no_words_are_answered(peer)
    peer.close()
