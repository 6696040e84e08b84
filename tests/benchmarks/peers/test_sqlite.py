"""SQLite gives the answers of plain loops."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers import Question
from benchmarks.peers.sqlite import Sqlite
from tests.benchmarks.peers.agreement import assert_agrees, table


@pytest.fixture(name="peer")
def _peer(tmp_path: Path) -> Iterator[Sqlite]:
    made = Sqlite(table(), tmp_path)
    yield made
    made.close()


def test_answers_are_those_of_plain_loops(peer: Sqlite) -> None:
    assert_agrees(peer, table(), least=60)


def test_what_it_refuses(peer: Sqlite, tmp_path: Path) -> None:
    ring = ((121.4, 31.2), (121.5, 31.2), (121.5, 31.3))
    assert peer.answers(Question(31.2, 121.4, polygon=ring))
    assert not peer.answers(Question(31.2, 121.4, polygon=ring, counted=True))
    assert peer.answers(Question(31.2, 121.4, words=("火锅",)))
    (tmp_path / "bare").mkdir()
    bare = Sqlite(replace(table(200), text=()), tmp_path / "bare")
    assert not bare.answers(Question(31.2, 121.4, words=("火锅",)))
    bare.close()


def test_unknown_words_are_in_no_row(peer: Sqlite) -> None:
    assert not len(peer.ask(Question(31.23, 121.47, words=("火锅", "没有"))).rows)


def test_its_file_is_sized_and_removed(tmp_path: Path) -> None:
    peer = Sqlite(table(200), tmp_path)
    assert peer.size() > 10_000
    assert peer.version
    peer.close()
    assert not list(tmp_path.iterdir())
