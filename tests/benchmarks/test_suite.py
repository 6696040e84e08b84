"""A toy run: every family, several engines, the same answers, and nothing hidden."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmarks import suite
from benchmarks.families import PILE_FAMILIES
from benchmarks.peers import Found, Missing, PeerQuestion, peer_class
from benchmarks.result import WorldResult
from benchmarks.suite import (
    ENGINE,
    LAYERED,
    NUMBER_FAMILIES,
    Chosen,
    Effort,
    number_world,
    words_world,
)
from benchmarks.table import PeerTable
from benchmarks.texts import NAMES
from benchmarks.worlds import USUAL_TIME, World
from geosearch.search.searcher import Searcher

TOY = Effort(queries=40, rounds=2, compared=8, peer_seconds=0.05)


class Lazy:
    """A peer that knows one row and answers nothing that is to be counted."""

    name: ClassVar[str] = "lazy"
    label: ClassVar[str] = "Lazy"
    schema: ClassVar[str] = "one row"
    version = "1"
    closed = 0

    def __init__(self, table: PeerTable, folder: Path) -> None:
        assert len(table) > 0
        assert folder.is_dir()

    def answers(self, question: PeerQuestion) -> bool:
        return not question.counted

    def prepare(self, question: PeerQuestion) -> None:
        self.prepared = question

    def ask(self, question: PeerQuestion) -> Found:
        assert question.at is None or self.prepared is question
        return Found(np.zeros(1, np.int64))

    def size(self) -> int:
        return 1

    def close(self) -> None:
        Lazy.closed += 1


class Slow(Lazy):
    """A peer that knows one minute only."""

    name: ClassVar[str] = "slow"
    prepare = None  # type: ignore[assignment]


class Absent(Lazy):
    """A peer that is not installed."""

    def __init__(self, table: PeerTable, folder: Path) -> None:
        raise Missing("get it")


@pytest.fixture(scope="module")
def measured(world_cache: Path) -> WorldResult:
    with pytest.MonkeyPatch.context() as patch:
        known = peer_class
        own: dict[str, Any] = {"lazy": Lazy, "slow": Slow, "absent": Absent}
        patch.setattr(suite, "peer_class", lambda name: own.get(name) or known(name))
        chosen = Chosen(peers=("numpy", "lazy", "slow", "absent"))
        found = number_world(World("city", 12_000), TOY, chosen, print)
    assert found is not None
    return found


def test_every_family_is_measured(measured: WorldResult) -> None:
    assert [one.family for one in measured.families] == [f.name for f in NUMBER_FAMILIES]
    for family, asked in zip(measured.families, NUMBER_FAMILIES, strict=True):
        ours = family.line(ENGINE)
        assert ours is not None
        assert ours.recall == 1.0
        assert ours.compared == TOY.compared
        # What is asked once only is another part of the questions in each round.
        assert ours.timing.queries * (TOY.rounds if asked.cold_of else 1) == TOY.queries
        assert family.cold_of == asked.cold_of
        assert family.work["nodes"] + family.work["docs"] > 0
        assert set(family.layers) == ({"search", "page"} if family.family in LAYERED else set())
    assert measured.families[0].radius_m == 3_000
    shares = {family.family: family.share or 0.0 for family in measured.families}
    assert 0 < shares["nearest_red"] < 0.03
    # Some evenings have more shops open than others.
    assert shares["nearest_red_cold"] == pytest.approx(shares["nearest_red"], rel=0.3)
    assert shares["count_open_banks_cold"] == pytest.approx(shares["count_open_banks"], rel=0.3)
    assert 0.05 < shares["nearest_wallets"] < 0.4


def test_peers_are_asked_what_they_answer(measured: WorldResult) -> None:
    by_family = {one.family: [line.engine for line in one.lines] for one in measured.families}
    assert by_family["nearest_red"] == [ENGINE, "numpy", "lazy", "slow"]
    assert by_family["nearest_red_cold"] == [ENGINE, "numpy", "lazy"]
    assert by_family["count_open_banks_cold"] == [ENGINE, "numpy"]
    assert by_family["count_all"] == [ENGINE, "numpy"]
    assert by_family["nearest_wallets"] == [ENGINE, "numpy", "lazy", "slow"]
    assert by_family["rating_cafe"] == by_family["rating_cafe_cold"] == [ENGINE]


def test_no_exact_peer_is_wrong_at_other_minutes(measured: WorldResult) -> None:
    lines = {family.family: family.line("numpy") for family in measured.families}
    recalls = {name: line.recall for name, line in lines.items() if line is not None}
    assert len(recalls) > 20
    assert set(recalls.values()) == {1.0}


def test_an_engine_of_its_own_answers_a_cold_family(
    world_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not been asked at any minute of the queries that are timed."""
    asked: list[tuple[int, Any]] = []
    rank = Searcher.rank

    def noted(engine: Searcher, query: Any) -> Any:
        if not (query.explain or query.limit == 1):  # work counters and totals come afterwards
            asked.append((id(engine), query.at))
        return rank(engine, query)

    monkeypatch.setattr(Searcher, "rank", noted)
    families = ("nearest_red", "nearest_red_cold")
    assert number_world(World("city", 12_000), TOY, Chosen(families, ()), print) is not None
    warm = {engine for engine, at in asked if at == USUAL_TIME}
    cold = [(engine, at) for engine, at in asked if engine not in warm]
    assert len(warm) == 1
    rehearsed, timed = cold[: TOY.queries], cold[TOY.queries : 2 * TOY.queries]
    assert len({engine for engine, _ in cold}) == 1
    assert len({at for _, at in timed}) == TOY.queries
    assert not {at for _, at in timed} & {at for _, at in rehearsed}


def test_a_wrong_peer_is_told_with_its_recall(measured: WorldResult) -> None:
    line = measured.families[0].line("lazy")
    right = measured.families[0].line("numpy")
    assert line is not None
    assert right is not None
    assert line.recall < 0.2
    assert right.recall == 1.0


def test_engines_are_told_of(measured: WorldResult) -> None:
    ours, numpy, lazy, slow, absent = measured.engines
    assert (ours.engine, ours.bytes) == (ENGINE, measured.hot_bytes)
    assert (lazy.engine, lazy.version, lazy.bytes, lazy.missing) == ("lazy", "1", 1, "")
    assert numpy.bytes > 0
    assert absent.missing == "get it"
    assert (slow.engine, slow.missing) == ("slow", "")
    assert Lazy.closed == 2


def test_sizes_and_the_first_answer(measured: WorldResult) -> None:
    assert measured.merchants == 12_000
    assert 0 < measured.open_ms <= measured.cold_ms
    assert measured.rss_bytes > measured.hot_bytes > 0
    assert measured.disk_bytes > measured.hot_bytes
    assert not measured.stopped


def test_families_with_words(world_cache: Path) -> None:
    found = words_world(4_000, TOY, Chosen(peers=("numpy",)), print)
    assert found is not None
    assert [one.family for one in found.families] == [*NAMES, "read_query"]
    engines = {one.family: [line.engine for line in one.lines] for one in found.families}
    assert engines["two_words"] == [ENGINE, "numpy"]
    assert engines["suggest"] == engines["read_query"] == [ENGINE]
    assert all(line.recall == 1.0 for one in found.families for line in one.lines)
    by_name = {one.family: one for one in found.families}
    # Of those that hold the word, not all are open and take one of the cards.
    assert 0.01 < (by_name["word_5"].share or 0.0) < 0.045
    assert by_name["misspelt"].share is None
    for name in ("suggest", "read_query"):
        assert by_name[name].share is by_name[name].matching is None


def test_a_pile_asks_fewer_families(world_cache: Path) -> None:
    found = number_world(World("pile", 12_000), TOY, Chosen(peers=()), print)
    assert found is not None
    names = [*PILE_FAMILIES, *(f"{name}_cold" for name in PILE_FAMILIES)]
    assert [one.family for one in found.families] == [f"pile_{name}" for name in names]
    assert found.families[-1].cold_of == f"pile_{PILE_FAMILIES[-1]}"
    assert found.within_3_km >= 10_000


def test_only_what_is_wanted_is_measured(world_cache: Path) -> None:
    chosen = Chosen(("best_red", "suggest"), ())
    found = number_world(World("city", 12_000), TOY, chosen, print)
    assert found is not None
    assert [one.family for one in found.families] == ["best_red"]
    assert number_world(World("pile", 12_000), TOY, chosen, print) is None
    assert words_world(4_000, TOY, Chosen(("best_red",)), print) is None


def test_ctrl_c_keeps_what_was_measured(world_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = suite.Bench.measure

    def stopped(bench: suite.Bench, asked: Any) -> object:
        if bench.families:
            raise KeyboardInterrupt
        return measure(bench, asked)

    monkeypatch.setattr(suite.Bench, "measure", stopped)
    found = number_world(World("city", 12_000), TOY, Chosen(peers=()), print)
    assert found is not None
    assert found.stopped
    assert len(found.families) == 1
