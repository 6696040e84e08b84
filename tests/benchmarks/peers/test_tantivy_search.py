"""Tantivy gives the answers of plain loops."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers import Missing, Question
from benchmarks.peers.tantivy_search import Tantivy
from tests.benchmarks.peers.agreement import assert_agrees, key, matches, table

pytest.importorskip("tantivy", reason="needs geosearch[bench]")


@pytest.fixture(name="peer")
def _peer(tmp_path: Path) -> Iterator[Tantivy]:
    made = Tantivy(table(), tmp_path)
    yield made
    made.close()


def test_answers_are_those_of_plain_loops(peer: Tantivy) -> None:
    assert_agrees(peer, table(), least=60)


@pytest.mark.parametrize("sort", ["best", "saving"])
def test_batches_end_no_sooner_than_they_may(peer: Tantivy, sort: str) -> None:
    made = table()
    for place in range(20):
        lat, lng = made.lat[place * 100] + 0.001, made.lng[place * 100]
        question = Question(lat, lng, 1_000.0 + 200 * place, "open_now", sort=sort)
        rows = peer.ask(question).rows
        best = sorted(key(made, question, row) for row in matches(made, question))[:20]
        assert [key(made, question, row) for row in rows] == pytest.approx(best, abs=1e-6)


def test_what_it_refuses(peer: Tantivy, tmp_path: Path) -> None:
    ring = ((121.4, 31.2), (121.5, 31.2), (121.5, 31.3))
    assert peer.answers(Question(31.2, 121.4, polygon=ring))
    assert not peer.answers(Question(31.2, 121.4, polygon=ring, counted=True))
    asked = Question(31.2, 121.4, words=("火锅",))
    assert peer.answers(asked)
    bare = Tantivy(replace(table(200), text=()), tmp_path)
    assert not bare.answers(asked)
    assert bare.answers(asked._replace(words=()))
    bare.close()


def test_unknown_words_are_in_no_row(peer: Tantivy) -> None:
    assert not len(peer.ask(Question(31.23, 121.47, words=("火锅", "没有"))).rows)


def test_its_files_are_sized_and_removed(tmp_path: Path) -> None:
    peer = Tantivy(table(200), tmp_path)
    assert peer.size() > 10_000
    assert peer.version
    peer.close()
    assert not list(tmp_path.iterdir())


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tantivy", None)
    with pytest.raises(Missing, match="bench"):
        Tantivy(table(200), tmp_path)
