"""SQLite gives the answers of plain loops."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import PeerQuestion
from benchmarks.peers.sqlite import Sqlite
from tests.benchmarks.peers.agreement import (
    RING,
    assert_agrees,
    assert_nothing_is_left,
    assert_words_need_texts,
    table,
)


@pytest.fixture(name="peer")
def _peer(tmp_path: Path) -> Iterator[Sqlite]:
    made = Sqlite(table(), tmp_path)
    yield made
    made.close()


def test_answers_are_those_of_plain_loops(peer: Sqlite) -> None:
    assert_agrees(peer, table(), least=60)


def test_what_it_refuses(peer: Sqlite) -> None:
    assert peer.answers(PeerQuestion(31.2, 121.4, polygon=RING))
    assert not peer.answers(PeerQuestion(31.2, 121.4, polygon=RING, counted=True))
    assert_words_need_texts(peer)


def test_its_file_is_sized_and_removed(tmp_path: Path) -> None:
    peer = Sqlite(table(200), tmp_path)
    assert peer.size() > 10_000
    assert peer.version
    assert_nothing_is_left(peer, tmp_path)
