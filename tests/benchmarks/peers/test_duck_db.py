"""DuckDB gives the answers of plain loops."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import Missing
from benchmarks.peers.duck_db import DuckDb
from tests.benchmarks.peers.agreement import assert_agrees, assert_words_need_texts, table

pytest.importorskip("duckdb", reason="needs geosearch-deals[bench]")


@pytest.fixture(name="peer")
def _peer(tmp_path: Path) -> Iterator[DuckDb]:
    made = DuckDb(table(), tmp_path)
    yield made
    made.close()


def test_answers_are_those_of_plain_loops(peer: DuckDb) -> None:
    assert_agrees(peer, table(), least=60)


def test_what_it_refuses(peer: DuckDb) -> None:
    assert_words_need_texts(peer)


def test_its_tables_are_sized(peer: DuckDb) -> None:
    assert peer.size() > 100_000
    assert peer.version


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(Missing, match="bench"):
        DuckDb(table(200), tmp_path)
