"""The grid's answers, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import PeerQuestion
from benchmarks.peers.numpy_grid import NumpyGrid
from tests.benchmarks.peers.agreement import (
    PROGRAMS,
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


def test_a_card_has_a_grid_of_its_own(tmp_path: Path) -> None:
    """Of all rows that ever take it, so that it serves every minute."""
    made = table()
    assert made.minutes is not None
    peer = NumpyGrid(made, tmp_path)
    red = 1 << PROGRAMS["red"]
    grid = peer._grid(PeerQuestion(31.23, 121.47, programs=red))
    assert sorted(grid.columns.row.tolist()) == np.flatnonzero(made.minutes.ever() & red).tolist()
    assert (made.programs & red != 0).sum() < len(grid.columns.row) < len(made) / 5
    for programs in (0, red | 1 << PROGRAMS["tiny"]):
        every = peer._grid(PeerQuestion(31.23, 121.47, programs=programs))
        assert len(every.columns.row) == len(made)


def test_it_refuses_words(tmp_path: Path) -> None:
    peer = NumpyGrid(table(100), tmp_path)
    assert_no_words_are_answered(peer)
    peer.close()
