"""Query benchmark: times this engine and its peers on the same queries in the same run.

Measured: `engine.rank` (`suggest` for suggestions, `page` for near misses, `why` for reasons), one
thread, one query at a time, from an existing `Query` to the answer. A peer is timed from an
existing `PeerQuestion` to the answer of `ask`. Engines alternate, a round each (`timing`). The
first answers of each are compared with brute force (`checks`).

Corpus: `worlds` and `texts`. Queries: `families` and `texts`.

Not shown: cold disks except for the first query, several threads, places far from any shop except
for one family, and cards whose shops cluster. Peers get opening hours and deals evaluated for the
instant of the queries. This engine evaluates them itself for any instant, and may keep them for the
next query. In a cold family every query has another minute and another wallet, and an engine that
was opened for the family is timed on its first run only; peers get deals and the open schedules of
each minute untimed (`peers.ColdPeer`).
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchmarks.brute import BruteForce
from benchmarks.checks import Right, right_answers
from benchmarks.families import (
    FAMILIES,
    LATER,
    MIXED,
    MIXED_COLD,
    PILE_FAMILIES,
    AskedFamily,
    Family,
    asked_in,
    piled,
)
from benchmarks.peers import PEERS, ColdPeer, Missing, Peer, PeerQuestion, may_ask, peer_class
from benchmarks.places import crowded_place, places
from benchmarks.result import EngineResult, FamilyResult, Line, Timing, WorldResult
from benchmarks.table import PeerTable, table_of
from benchmarks.texts import NAMES, READ, TextQuestions, cards_of, text_world
from benchmarks.timing import Runner, interleaved, once
from benchmarks.world_deals import RED
from benchmarks.worlds import USUAL_TIME, World, open_world
from geosearch import __version__
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import current
from geosearch.suggest.suggester import SuggestQuery

SEED = 20_261_127
ENGINE = "geosearch"
LAYERED = ("nearest_red", "nearest_banks", "best_red", "saving_red")
"""Families for which `search` and `page` are timed too."""
PAGE_BYTES = 4_096
REHEARSED = 100
_COUNTED = 300
_SHARED = 20

Say = Callable[[str], None]


class Effort(NamedTuple):
    """Number of queries, rounds and comparisons."""

    queries: int = 2_000
    rounds: int = 11
    compared: int = 20
    peer_seconds: float = 0.6
    """Time limit of a peer in a family."""


class Chosen(NamedTuple):
    """Selection of families and peers, and the largest world for peers."""

    families: Sequence[str] = ()
    """Names of families; empty selects all."""
    peers: Sequence[str] = tuple(PEERS)
    peers_up_to: int = 1_000_000

    def wants(self, family: str) -> bool:
        """Return whether a family is selected."""
        return not self.families or family in self.families


NUMBER_FAMILIES = (*FAMILIES, MIXED, MIXED_COLD)
"""Families without words."""
FAMILY_NAMES = (*(family.name for family in NUMBER_FAMILIES), "pile", *NAMES, "read_query")


class Bench:
    """Measures families in one open world, with its peers.

    It is a context manager, which closes the peers at its end.
    """

    def __init__(self, folder: Path, effort: Effort, say: Say) -> None:
        self._folder = folder
        self.engine = Searcher(current(folder))
        self.brute = BruteForce(self.engine)
        self.effort, self._say = effort, say
        self.peers: dict[str, Peer] = {}
        self.engines: list[EngineResult] = []
        self.families: list[FamilyResult] = []
        self.stopped = False
        """Whether Ctrl-C ended the families early."""
        self._stack = ExitStack()

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        gc.unfreeze()

    def set_up(self, names: Sequence[str], table: PeerTable) -> None:
        """Build the peers; record and skip those that are not installed."""
        for name in names:
            kind = peer_class(name)
            folder = self._stack.enter_context(
                tempfile.TemporaryDirectory(prefix="geosearch-peer-")
            )
            begin = time.perf_counter()
            try:
                peer = kind(table, Path(folder))
            except Missing as error:
                self._say(f"  {kind.label}: not installed, {error}")
                found = EngineResult(engine=name, label=kind.label, missing=str(error))
            else:
                self._stack.callback(peer.close)
                self.peers[name] = peer
                found = EngineResult(
                    engine=name,
                    label=kind.label,
                    version=peer.version,
                    schema=kind.schema,
                    build_s=round(time.perf_counter() - begin, 2),
                    bytes=peer.size(),
                )
                self._say(f"  {found.label} {found.version}: set up in {found.build_s:.1f} s")
            self.engines.append(found)
        # Rounds begin with a garbage collection; `freeze` excludes the objects of peers from it.
        gc.collect()
        gc.freeze()

    def measure_all(self, families: Iterable[AskedFamily]) -> None:
        """Measure families; Ctrl-C stops, and keeps the finished ones."""
        try:
            for asked in families:
                self.measure(asked)
        except KeyboardInterrupt:
            self.stopped = True

    def measure(self, asked: AskedFamily) -> FamilyResult:
        """Measure a family on every engine that can answer it."""
        own = Runner(self._asker(asked), asked.queries)
        peers = {
            name: runner
            for name, peer in self.peers.items()
            if (runner := _peer_runner(peer, asked)) is not None
        }
        timings = self._timings(asked, own, list(peers.values()))
        lines = [
            Line(
                engine=name,
                timing=timing,
                compared=len(recall),
                recall=round(float(np.mean(recall)), 4) if recall else 1.0,
            )
            for (name, recall), timing in zip(
                self._recalls(asked, own, peers).items(), timings, strict=True
            )
        ]
        self.families.append(self._told(asked, lines))
        self._say(_line(self.families[-1]))
        return self.families[-1]

    def _asker(self, asked: AskedFamily) -> Callable[[Any], Any]:
        """Return the function of this engine that answers a family.

        Cold families get a new engine, which kept nothing of other families' queries.
        """
        engine = self.engine
        if asked.cold_of:
            engine = Searcher(current(self._folder))
            rehearse(engine, asked.queries)
        if isinstance(asked.queries[0], SuggestQuery):
            return engine.suggest
        if asked.asks == "why":
            queries = [query for query in asked.queries if isinstance(query, Query)]
            shops = {query: _shop_at(engine, query) for query in queries}
            return lambda query: engine.why(shops[query], query)
        return engine.page if asked.asks == "page" else engine.rank

    def _timings(self, asked: AskedFamily, own: Runner, peers: Sequence[Runner]) -> list[Timing]:
        """Return the timings of this engine and of the peers, in their order."""
        seconds = self.effort.peer_seconds if peers else 60.0
        if asked.once:
            return once([own, *peers], rounds=self.effort.rounds, seconds=seconds)
        return interleaved([own, *peers], rounds=self.effort.rounds, seconds=seconds)

    def _recalls(
        self, asked: AskedFamily, own: Runner, peers: dict[str, Runner]
    ) -> dict[str, list[float]]:
        """Return the recalls of this engine and the peers, for the first queries.

        Call it after the timing, because some families are timed on their first run. Brute force
        knows only words whose documents are given, and makes no suggestions. Where pages or reasons
        are timed, it compares the matches; tests compare near misses and reasons.
        """
        if any(isinstance(query, SuggestQuery) or query.q for query in asked.queries) and (
            asked.among is None
        ):
            return {ENGINE: []}
        right = right_answers(self.brute, asked, self.effort.compared)
        ask = own.ask if asked.asks == "rank" else self.engine.rank
        ours = [one.of_engine(ask(q)) for one, q in zip(right, own.asked, strict=False)]
        return {ENGINE: ours} | {name: _recall(right, peer) for name, peer in peers.items()}

    def _told(self, asked: AskedFamily, lines: list[Line]) -> FamilyResult:
        """Return a family's result: its figures, its selectivity and its work counters."""
        first = asked.queries[0]
        if isinstance(first, SuggestQuery):
            return FamilyResult(
                family=asked.name, label=asked.label, radius_m=first.radius, share=None,
                matching=None, lines=lines,
            )  # fmt: skip
        queries = [query for query in asked.queries[:_COUNTED] if isinstance(query, Query)]
        counted = [msgspec.structs.replace(query, total=True, limit=1) for query in queries]
        return FamilyResult(
            family=asked.name,
            label=asked.label,
            radius_m=first.radius_m,
            share=self._share(asked, queries),
            matching=int(np.median([self.engine.rank(query).total or 0 for query in counted])),
            lines=lines,
            work=self._work(queries),
            layers=self._layers(asked),
            cold_of=asked.cold_of,
        )

    def _share(self, asked: AskedFamily, queries: Sequence[Query]) -> float | None:
        """Return the mean share of merchants that match all but the place; None if unknown."""
        if queries[0].q is not None and asked.among is None:
            return None
        nowhere: dict[str, Any] = {"lat": 0.0, "lng": 0.0, "polygon": None}
        wishes = [msgspec.structs.replace(query, **nowhere) for query in queries[:_SHARED]]
        held: Sequence[Any] = asked.among or [None] * len(wishes)
        among = dict(zip(wishes, held, strict=False))
        shares = {wish: self.brute.share(wish, among=docs) for wish, docs in among.items()}
        return round(float(np.mean([shares[wish] for wish in wishes])), 6)

    def _layers(self, asked: AskedFamily) -> dict[str, Timing]:
        """Return the timings of `search` and `page` for the families of `LAYERED`."""
        if asked.name not in LAYERED:
            return {}
        asks: dict[str, Callable[[Any], Any]]
        asks = {"search": self.engine.search, "page": self.engine.page}
        runners = [Runner(ask, asked.queries) for ask in asks.values()]
        timings = interleaved(runners, rounds=self.effort.rounds, seconds=self.effort.peer_seconds)
        return dict(zip(asks, timings, strict=True))

    def _work(self, queries: Sequence[Query]) -> dict[str, float]:
        """Return medians of the kernel's work counters, for `rank` without total and facets."""
        counters: list[dict[str, int]] = []
        for query in queries:
            plain = msgspec.structs.replace(query, explain=True, total=False, facets=())
            explain = self.engine.rank(plain).explain
            assert explain is not None
            counters.append(explain["work"])
        return {name: float(np.median([one[name] for one in counters])) for name in counters[0]}

    def result(self, label: str, shape: str, folder: Path) -> WorldResult:
        """Return all figures, with the sizes of the world."""
        info = self.engine.info()
        columns = self.engine.segments[0].columns
        around = [
            Query(lat=lat, lng=lng, at=self.engine.start, total=True, limit=1)
            for lat, lng in places(columns, _COUNTED, SEED)
        ]
        opened = opened_afresh(folder)
        return WorldResult(
            label=label,
            shape=shape,
            merchants=info["merchants"],
            deals=info["deals"],
            within_3_km=int(np.median([self.engine.rank(query).total or 0 for query in around])),
            hot_bytes=info["hot_bytes"],
            disk_bytes=sum(file.stat().st_size for file in current(folder).rglob("*.*")),
            engines=[_own_engine(info["hot_bytes"]), *self.engines],
            families=self.families,
            stopped=self.stopped,
            **opened,
        )


def _shop_at(engine: Searcher, query: Query) -> str:
    """Return the id of the shop nearest to a query, whatever it asks for."""
    nearest = engine.rank(
        Query(lat=query.lat, lng=query.lng, at=query.at, limit=1, sort="distance")
    )
    return engine.merchant_ids(nearest.doc_ids)[0]


def rehearse(engine: Searcher, queries: Sequence[Any]) -> None:
    """Do what an engine does once after opening, with queries of minutes that none is timed at."""
    for segment in engine.segments:
        # Read every page, so that no query waits for the system to map it.
        for column in segment.columns:
            np.asarray(column).view(np.uint8).reshape(-1)[::PAGE_BYTES].max(initial=0)
    for query in queries[-REHEARSED:]:
        engine.rank(msgspec.structs.replace(query, at=query.at - timedelta(hours=8)))


def _peer_runner(peer: Peer, asked: AskedFamily) -> Runner | None:
    """Return what asks a peer; None if it does not answer the family."""
    if not asked.questions or not all(may_ask(peer, question) for question in asked.questions):
        return None
    if not asked.cold_of:
        return Runner(peer.ask, asked.questions)
    if not isinstance(peer, ColdPeer):
        return None
    prepare, ask = peer.prepare, peer.ask
    usual = asked.questions[0]._replace(at=None)

    def made_ready(question: PeerQuestion) -> None:
        prepare(question)
        # Preparing leaves the processor without the peer's code: a question of the table's own
        # minute brings it back, as in a row of questions.
        ask(usual)

    return Runner(ask, asked.questions, made_ready)


def _recall(right: Sequence[Right], peer: Runner) -> list[float]:
    """Return the recalls of a peer's answers."""
    found = []
    for one, question in zip(right, peer.asked, strict=False):
        if peer.prepare is not None:
            peer.prepare(question)
        found.append(one.of_peer(peer.ask(question)))
    return found


def _own_engine(hot_bytes: int) -> EngineResult:
    return EngineResult(
        engine=ENGINE,
        label=ENGINE,
        version=__version__,
        schema="One segment: a packed R-tree over all shops and one over those of each rarer card, "
        "columns in their order; hours and deals for whatever instant is asked about.",
        bytes=hot_bytes,
    )


def opened_afresh(folder: Path) -> dict[str, Any]:
    """Return the figures of `benchmarks.fresh` for an index folder."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.fresh", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def number_world(world: World, effort: Effort, chosen: Chosen, say: Say) -> WorldResult | None:
    """Return the figures of all families without words in one world; None if none is selected."""
    families = families_of(world, chosen)
    if not families:
        return None
    say(f"{world.label}:")
    folder = open_world(world, say)
    with Bench(folder, effort, say) as bench:
        columns = bench.engine.segments[0].columns
        table = None
        if chosen.peers and world.merchants <= chosen.peers_up_to:
            table = table_of(bench.brute, USUAL_TIME, LATER, RED)
            bench.set_up(chosen.peers, table)
        near = crowded_place(columns) if world.shape == "pile" else None
        bench.measure_all(
            asked_in(columns, table, family, effort.queries, SEED, near=near) for family in families
        )
        return bench.result(world.label, world.shape, folder)


def families_of(world: World, chosen: Chosen) -> list[Family]:
    """Return the selected families without words for a world."""
    if world.shape == "pile":
        wanted = chosen.wants("pile")
        return [
            piled(family)
            for family in FAMILIES
            if wanted and (family.cold_of or family.name) in PILE_FAMILIES
        ]
    return [family for family in NUMBER_FAMILIES if chosen.wants(family.name)]


def words_world(merchants: int, effort: Effort, chosen: Chosen, say: Say) -> WorldResult | None:
    """Return the figures of the families with words; None if none is selected."""
    names = [name for name in NAMES if chosen.wants(name)]
    if not (names or chosen.wants("read_query")):
        return None
    label = f"{merchants:,}, one city with names"
    say(f"{label}:")
    folder = text_world(merchants, say)
    with Bench(folder, effort, say) as bench:
        (segment,) = bench.engine.segments
        at = TextQuestions(bench.engine, 1).at
        table = table_of(bench.brute, at, at, cards_of(bench.engine)[0], segment)
        bench.set_up(chosen.peers if merchants <= chosen.peers_up_to else (), table)
        questions = TextQuestions(bench.engine, effort.queries, table)
        bench.measure_all(map(questions.family, names))
        if chosen.wants("read_query") and not bench.stopped:
            _measure_reading(bench, questions)
        return bench.result(label, "texts", folder)


def _measure_reading(bench: Bench, questions: TextQuestions) -> None:
    texts = [READ[number % len(READ)] for number in range(bench.effort.queries)]
    runner = Runner(questions.read, texts)
    (timing,) = interleaved([runner], rounds=bench.effort.rounds, seconds=60.0)
    line = Line(engine=ENGINE, timing=timing, compared=0, recall=1.0)
    bench.families.append(
        FamilyResult(
            family="read_query",
            label="reading a query's text",
            radius_m=None,
            share=None,
            matching=None,
            lines=[line],
        )
    )


def _line(family: FamilyResult) -> str:
    times = ", ".join(
        f"{line.engine} {line.timing.p50_us:,.1f} / {line.timing.p99_us:,.1f}"
        + (f" (recall {line.recall:.3f})" if line.recall < 1 else "")
        for line in family.lines
    )
    return f"  {family.label}: {times} us"
