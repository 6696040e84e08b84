"""Tantivy gives the answers of plain loops."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import Missing, PeerQuestion
from benchmarks.peers.tantivy_search import Tantivy
from tests.benchmarks.peers.agreement import (
    RING,
    assert_agrees,
    assert_nothing_is_left,
    assert_words_need_texts,
    key,
    matches,
    table,
)

pytest.importorskip("tantivy", reason="needs geosearch-deals[bench]")


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
        question = PeerQuestion(lat, lng, 1_000.0 + 200 * place, "open_now", sort=sort)
        rows = peer.ask(question).rows
        best = sorted(key(made, question, row) for row in matches(made, question))[:20]
        assert [key(made, question, row) for row in rows] == pytest.approx(best, abs=1e-6)


def test_what_it_refuses(peer: Tantivy) -> None:
    assert peer.answers(PeerQuestion(31.2, 121.4, polygon=RING))
    assert not peer.answers(PeerQuestion(31.2, 121.4, polygon=RING, counted=True))
    assert_words_need_texts(peer)


def test_its_files_are_sized_and_removed(tmp_path: Path) -> None:
    peer = Tantivy(table(200), tmp_path)
    assert peer.size() > 10_000
    assert peer.version
    assert_nothing_is_left(peer, tmp_path)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tantivy", None)
    with pytest.raises(Missing, match="bench"):
        Tantivy(table(200), tmp_path)
