"""All that may happen to an index with live changes, in any order, against plain rows.

The model is a dict of rows, and brute force answers from it. After every step the newest moment has
exactly the accepted changes, and a replica has those up to its own number.
`GEOSEARCH_LIVE_SEQUENCES` sets how many sequences are tried.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from copy import deepcopy
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from geosearch.indexing import small_segments
from geosearch.indexing.go_back import go_back
from geosearch.indexing.pipeline import build
from geosearch.indexing.rebuild import rebuild
from geosearch.indexing.writer import Writer
from geosearch.live.base import Base
from geosearch.live.log import ChangeLog
from geosearch.search.searcher import open_index
from geosearch.segment.versions import KEEP, current
from geosearch.suggest.suggester import SuggestQuery
from tests.generators import make_world
from tests.geosearch.cluster.copies import Copy
from tests.geosearch.live.live_worlds import LiveDuel, LiveRows, Row, check_listings
from tests.questions import make_request

SEQUENCES = int(os.environ.get("GEOSEARCH_LIVE_SEQUENCES", "3"))
ACTIONS = ("merge", "build", "rebuild", "rollback", "restart")
CHOICES = st.randoms(use_true_random=False)


class Background:
    """Executor whose work is done when the test says so."""

    every: ClassVar[list["Background"]] = []

    def __init__(self, threads: int) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.every.append(self)

    def submit(self, function: Callable[..., object], *arguments: object) -> "Future[object]":
        done: Future[object] = Future()
        self.waiting.append(lambda: done.set_result(function(*arguments)))
        return done

    def shutdown(self) -> int:
        """Do the work; return how much there was."""
        count = len(self.waiting)
        while self.waiting:
            self.waiting.pop()()
        return count


class LiveMachine(RuleBasedStateMachine):
    """An index, its writer, a reader and a replica; and the rows that they should show.

    Small segments are merged long before they are large.
    """

    done: ClassVar[Counter[str]] = Counter()

    @initialize(kind=st.sampled_from(["city", "time_zones", "many_programs"]), seed=st.integers())
    def begin(self, kind: str, seed: int) -> None:
        Background.every.clear()
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(small_segments, "ThreadPoolExecutor", Background)
        self.patches.setattr(small_segments, "FEW", 3)
        self.temporary = TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.index = self.folder / "index"
        self.duel = LiveDuel(make_world(Random(seed), kind, 40), self.folder)
        self.rows = LiveRows(self.duel.world, whole=True)
        self.writer = Writer(self.index)
        self.accepted: list[Row] = []
        self.versions: dict[str, int] = {}
        self.snapshots = [(0, deepcopy(self.duel.world))]
        self.older = self.number = 0
        self.copy = Copy(self.index, self.folder / "copy")

    @rule(rng=CHOICES, count=st.integers(3, 8))
    def change(self, rng: Random, count: int) -> None:
        """A batch of changes, some of which are refused; then one that was accepted, again."""
        self._change(rng, count)

    def _change(self, rng: Random, count: int) -> None:
        changes, codes = [], []
        for _ in range(count):
            self.number += 1
            one, code = self.rows.change(rng, self.number)
            if rng.random() < 0.3:
                one.setdefault("change_id", f"c{self.number}")
            changes.append(one)
            codes.append(code)
        receipt = self.writer.apply(changes)
        refused = [(line, code) for line, code in enumerate(codes, 1) if code]
        assert [(one.line, one.code) for one in receipt.rejected] == refused
        self._accept(*(one for one, code in zip(changes, codes, strict=True) if not code))
        assert receipt.seq == len(self.accepted)
        named = [one for one in self.accepted if "change_id" in one]
        if named:
            receipt = self.writer.apply([rng.choice(named)])
            assert (receipt.accepted, receipt.duplicate) == (0, 1)
            self.done["again"] += 1

    @precondition(lambda self: self.rows.deals)
    @rule(rng=CHOICES, version=st.integers(0, 5), stock=st.integers(0, 2))
    def versioned(self, rng: Random, version: int, stock: int) -> None:
        """A change that is accepted unless the source sent a newer one of the row."""
        key = rng.choice(list(self.rows.deals))
        one = {"table": "deals", "patch": {"deal_id": key, "stock": stock}, "version": version}
        receipt = self.writer.apply([json.dumps(one).encode()])
        if version < self.versions.get(key, 0):
            assert (receipt.accepted, receipt.stale) == (0, 1)
            self.done["stale"] += 1
        else:
            self.versions[key] = version
            self.rows.deals[key]["stock"] = stock
            self._accept(one)

    @rule(rng=CHOICES)
    def merge(self, rng: Random) -> None:
        """Small segments become a larger one, beside changes."""
        last = self.number + 100
        while self.number < last and not any(one.waiting for one in Background.every):
            self._change(rng, 4)
        self._change(rng, 4)
        self.done["merge"] += sum(one.shutdown() for one in Background.every)
        self._change(rng, 4)

    @rule(rng=CHOICES)
    def build(self, rng: Random) -> None:
        """A snapshot that has some of the changes; the others are applied again."""
        cut, world = rng.choice(self.snapshots)
        world.envelope["changes_through"] = cut
        world.write(self.folder / "snapshot")
        build(self.folder / "snapshot", self.index, now=world.now, max_rejected=1.0)
        self.older = min(self.older + 1, KEEP - 1)
        self.done["build"] += 1
        self._change(rng, 4)

    @rule(rng=CHOICES)
    def rebuild(self, rng: Random) -> None:
        """A version without a snapshot, which contains all changes."""
        rebuild(self.index, now=self.duel.world.now)
        self.older = min(self.older + 1, KEEP - 1)
        self.done["rebuild"] += 1
        self._change(rng, 4)

    @precondition(lambda self: self.older)
    @rule(rng=CHOICES)
    def rollback(self, rng: Random) -> None:
        go_back(self.index)
        self.older -= 1
        self.done["rollback"] += 1
        self._change(rng, 4)

    @rule(rng=CHOICES)
    def restart(self, rng: Random) -> None:
        """Another process writes, and another reads."""
        self.writer.close()
        self.writer = Writer(self.index)
        self.duel.engine = open_index(self.index)
        self.done["restart"] += 1
        self._change(rng, 4)

    @rule(rng=CHOICES, breaks=st.booleans(), restarts=st.booleans())
    def replicate(self, rng: Random, breaks: bool, restarts: bool) -> None:
        """A replica fetches the version, and copies changes up to one of them."""
        left = rng.choice((0, 1, 5_000, 100_000, 400_000)) if breaks else None
        self.done["broken off"] += self.copy.fetch(left)
        if restarts:
            self.copy.restart()
        seqs = [seq for seq, _ in self.snapshots if seq >= self.copy.head]
        self.copy.follow(rng.choice(seqs))
        shown = max(self.copy.head, Base(current(self.index)).cut)
        assert (open_index(self.copy.folder).as_of_seq or 0) == shown
        self.copy.check(self.duel, dict(self.snapshots)[shown], rng)
        self.done["replica"] += 1
        self.done["replica behind"] += shown < len(self.accepted)

    @invariant()
    def shows_the_rows(self) -> None:
        if self.duel.engine.version != current(self.index).name:
            self.duel.engine = open_index(self.index)
        self.duel.take_changes()
        engine = self.duel.engine
        assert (engine.as_of_seq or 0) == self.writer.head == len(self.accepted)
        log = ChangeLog.read(self.index)
        assert log is not None
        assert [one.seq for one in log.after(0)] == list(range(1, len(self.accepted) + 1))
        log.close()
        rng = Random(len(self.accepted))
        for place in range(3):
            request = make_request(rng, self.duel.world)
            expected = self.duel.check_rank(request)
            if place == 0:
                self.duel.check_search(request, expected)
        check_listings(self.duel, self.rows)
        for shop in list(self.duel.oracle.shops.values())[:2]:
            query = SuggestQuery(q=shop.row["name"], lat=shop.lat, lng=shop.lng, radius=50_000.0)
            assert shop.row["name"] in {one.id for one in engine.suggest(query).suggestions}

    def _accept(self, *changes: Row) -> None:
        self.accepted += changes
        self.done["accepted"] += len(changes)
        self.rows.write()
        self.snapshots.append((len(self.accepted), deepcopy(self.duel.world)))

    def teardown(self) -> None:
        self.copy.restart()
        self.writer.close()
        self.patches.undo()
        self.temporary.cleanup()


def each_action_once() -> None:
    """What chance may leave out: Hypothesis draws other orders when any module changes."""
    machine, rng = LiveMachine(), Random(5)
    machine.begin(kind="city", seed=5)
    try:
        machine.change(rng=rng, count=5)
        for act in ACTIONS:
            getattr(machine, act)(rng=rng)
            machine.shows_the_rows()
            machine.replicate(rng=rng, breaks=act != "restart", restarts=True)
    finally:
        machine.teardown()


def test_any_order_of_changes_builds_rollbacks_restarts_and_replicas() -> None:
    each_action_once()
    run_state_machine_as_test(
        LiveMachine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # A smaller failure would take many builds to find.
        ),
    )
    done = LiveMachine.done
    needed = ["again", *ACTIONS, "replica", "replica behind", "broken off"]
    assert min(done[name] for name in needed) > 0, done
