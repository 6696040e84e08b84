"""SQLite with its modules gives the answers of plain loops."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers import PeerQuestion
from benchmarks.peers.sqlite_rtree import SqliteRtree
from tests.benchmarks.peers.agreement import (
    RING,
    assert_agrees,
    assert_nothing_is_left,
    assert_words_need_texts,
    matches,
    table,
)


@pytest.fixture(name="peer")
def _peer(tmp_path: Path) -> Iterator[SqliteRtree]:
    made = SqliteRtree(table(), tmp_path)
    yield made
    made.close()


def test_answers_are_those_of_plain_loops(peer: SqliteRtree) -> None:
    assert_agrees(peer, table(), least=60)


def test_what_it_refuses(peer: SqliteRtree) -> None:
    assert peer.answers(PeerQuestion(31.2, 121.4, polygon=RING))
    assert not peer.answers(PeerQuestion(31.2, 121.4, polygon=RING, counted=True))
    assert_words_need_texts(peer)


def test_its_file_is_sized_and_removed(tmp_path: Path) -> None:
    peer = SqliteRtree(table(200), tmp_path)
    assert peer.size() > 10_000
    assert peer.version
    assert_nothing_is_left(peer, tmp_path)


def test_a_programme_without_a_tree_is_in_no_row(peer: SqliteRtree) -> None:
    assert not len(peer.ask(PeerQuestion(31.23, 121.47, programs=1 << 40)).rows)


def test_tokens_with_marks_stay_whole(tmp_path: Path) -> None:
    made = replace(table(40), text=["ที", "ทุ"] * 20)
    peer = SqliteRtree(made, tmp_path)
    question = PeerQuestion(31.23, 121.47, radius_m=100_000.0, words=("ที",), limit=40)
    assert sorted(peer.ask(question).rows.tolist()) == list(range(0, 40, 2))
    peer.close()


def test_words_within_a_polygon(peer: SqliteRtree) -> None:
    ring = ((121.45, 31.21), (121.49, 31.21), (121.47, 31.25))
    question = PeerQuestion(31.23, 121.47, polygon=ring, words=("火锅", "海底"), limit=3_000)
    right = matches(table(), question)
    assert len(right) > 10
    assert sorted(peer.ask(question).rows.tolist()) == right
