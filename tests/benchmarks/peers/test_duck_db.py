"""DuckDB gives the answers of plain loops."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers import Missing, Question
from benchmarks.peers.duck_db import DuckDb
from tests.benchmarks.peers.agreement import assert_agrees, table

pytest.importorskip("duckdb", reason="needs geosearch[bench]")


@pytest.fixture(name="peer")
def _peer(tmp_path: Path) -> Iterator[DuckDb]:
    made = DuckDb(table(), tmp_path)
    yield made
    made.close()


def test_answers_are_those_of_plain_loops(peer: DuckDb) -> None:
    assert_agrees(peer, table(), least=60)


def test_what_it_refuses(peer: DuckDb, tmp_path: Path) -> None:
    asked = Question(31.2, 121.4, words=("火锅",))
    assert peer.answers(asked)
    bare = DuckDb(replace(table(200), text=()), tmp_path)
    assert not bare.answers(asked)
    assert bare.answers(asked._replace(words=()))
    bare.close()


def test_unknown_words_are_in_no_row(peer: DuckDb) -> None:
    assert not len(peer.ask(Question(31.23, 121.47, words=("火锅", "没有"))).rows)


def test_its_tables_are_sized(peer: DuckDb) -> None:
    assert peer.size() > 100_000
    assert peer.version


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(Missing, match="bench"):
        DuckDb(table(200), tmp_path)
