"""A/B benchmark of a revision and the working tree, measured in turn in one run.

Measured: `engine.rank`, one thread, one query at a time, in one process for each commit. Rounds of
both alternate, so a disturbance of the machine affects both. The processes restart a few times,
because the placement of their memory changes the figures. A figure is the median of the rounds'
ratios. It is a change if the interval of that median is beyond `LEAST` on one side of 1. Cold
families have other queries in every round, so no round asks at a minute of another one.

Corpus: `geosearch synth`, one snapshot, built by each commit itself. Queries: `families`, with
cards of that city, and a family of texts. The benchmark uses both commits through the command line
and the public names of the package, so a revision may have any layout.

Not shown: peers, the service, builds; see `run`. Command: `geosearch bench ab REV`.

Source: the interval of a median by order statistics, exact for independent rounds: David and
Nagaraja, Order Statistics, 3rd edition, section 7.1.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from math import comb
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

from benchmarks.ab_side import COMPARED
from benchmarks.cache import cache_folder
from benchmarks.families import FAMILIES, asked_in
from benchmarks.places import places
from benchmarks.reports.units import count_text, time_text
from benchmarks.suite import SEED
from benchmarks.texts import READ, cards_of
from benchmarks.world_deals import ALL_SHARES, PAID, SHARES, TINY
from benchmarks.worlds import USUAL_TIME
from geosearch.errors import BadRequest
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.sources.synth.world import DEFAULT_CREATED_AT, synthesise

ROOT = Path(__file__).resolve().parent.parent
SIDE = Path(__file__).with_name("ab_side.py")
QUERIES = 300
STARTS = 3
ROUNDS = 9
"""Rounds of each start."""
SURE = 0.998
"""Share of runs whose interval contains the true ratio: one family in 500 is wrong."""
LEAST = 0.03
"""Largest difference that counts as none: two processes of one commit differ by this much."""
TEXTS = "texts"
_PAID = ("red", "campus", "city-pass", "star-mobile")
CARDS = {
    **dict(zip(PAID, cycle(_PAID), strict=False)),
    **{name: "museum-friends" for name, share in ALL_SHARES.items() if share == SHARES[TINY]},
    "platform": "saver-plus",
    "government": "spring-voucher",
}
"""Cards of the synthetic city with shares like those of `world_deals`."""
_BANK_CARDS = [name for name in ALL_SHARES if name.startswith("bank-")]
"""Cards that stand for the largest of that city, which has too few: two may stand for one."""

Say = Callable[[str], None]


class Pair(NamedTuple):
    """One family, measured on both sides: the revision first, the working tree second."""

    family: str
    label: str
    p50_us: tuple[float, float]
    ratios: Sequence[float]
    """Time of the working tree divided by that of the revision, for each round."""
    work: dict[str, tuple[float, float]]
    """Work counters that differ."""
    differing: int
    """Compared queries whose answers have different merchants."""

    @property
    def ratio(self) -> float:
        """Median of the rounds' ratios."""
        return median(self.ratios)

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds that contain the true median of the ratios in `SURE` of runs."""
        return median_interval(self.ratios)

    @property
    def verdict(self) -> str:
        """`slower`, `faster`, `same` (within `LEAST`) or `too noisy to tell`."""
        low, high = self.interval
        if low > 1 + LEAST:
            return "slower"
        if high < 1 - LEAST:
            return "faster"
        return "same" if low >= 1 - LEAST and high <= 1 + LEAST else "too noisy to tell"


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return bounds that contain the true median in `SURE` of samples; the extremes of few values.

    >>> median_interval([float(number) for number in range(1, 28)])
    (6.0, 22.0)
    """
    ordered, count = sorted(values), len(values)
    cut, outside = 0, 0.0
    while cut < count // 2:
        outside += 2 * comb(count, cut) / 2**count
        if outside > 1 - SURE:
            break
        cut += 1
    cut = max(cut - 1, 0)
    return ordered[cut], ordered[count - 1 - cut]


def run(revision: str, *, merchants: int, only: Sequence[str] = (), say: Say) -> list[Pair]:
    """Measure families on a revision and on the working tree.

    Raises
    ------
    BadRequest
        The revision or a family is unknown.
    """
    unknown = sorted(set(only) - {*(family.name for family in FAMILIES), TEXTS})
    if unknown:
        names = ", ".join([*(family.name for family in FAMILIES), TEXTS])
        raise BadRequest(f"Expected one of {names}, got {unknown[0]!r} - at `--only`")
    before = sources(revision)
    with tempfile.TemporaryDirectory(prefix="geosearch-ab-") as made:
        folder = Path(made)
        say(f"Writing a city of {merchants:,}")
        synthesise(folder / "snapshot", merchants=merchants, seed=1)
        indexes = []
        for name, packages in (("before", before), ("after", ROOT)):
            say(f"Building its index with {revision if name == 'before' else 'the working tree'}")
            indexes.append((packages, folder / name))
            _build(packages, folder / "snapshot", folder / name)
        chosen = {
            name: asked
            for name, asked in _families(open_index(folder / "after")).items()
            if not only or name in only
        }
        return list(_measure(indexes, chosen, say))


def sources(revision: str) -> Path:
    """Return a cached folder with the sources of a revision, and with its compiled kernels.

    Raises
    ------
    BadRequest
        This is not a checkout, or the revision is unknown.
    """
    try:
        asked = "--verify", "--end-of-options", f"{revision}^{{commit}}"
        commit = _git("rev-parse", *asked).decode().strip()
        packed = _git("archive", "--format=tar", commit, "geosearch", "indexes")
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode().strip() or str(error)
        sentence = f"Expected a revision of this checkout, got {said} - at `{revision}`"
        raise BadRequest(sentence) from error
    folder = cache_folder() / f"revision-{commit}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            with tarfile.open(fileobj=io.BytesIO(packed)) as files:
                files.extractall(Path(made) / "packages", filter="data")
            (Path(made) / "packages").rename(folder)
    return folder


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def _environment(packages: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(packages)}


def _build(packages: Path, snapshot: Path, index: Path) -> None:
    now = DEFAULT_CREATED_AT.isoformat()
    command = ["-m", "geosearch", "build", str(snapshot), "--out", str(index), "--now", now]
    subprocess.run(
        [sys.executable, *command],
        check=True, env=_environment(packages), cwd=packages, stdout=subprocess.DEVNULL,
    )  # fmt: skip


class _Questions(NamedTuple):
    label: str
    queries: list[dict[str, Any]]
    """Arguments of `Query` that differ from its defaults, as JSON values."""
    is_cold: bool = False

    def first_of(self, turn: int) -> int:
        """Return the number of the first query of a round; before them work is counted."""
        return QUERIES * (turn + 1) if self.is_cold else 0


def _families(engine: Searcher) -> dict[str, _Questions]:
    """Return every family's queries in the synthetic city, whose cards have other names."""
    largest = cards_of(engine)
    names = dict(zip(_BANK_CARDS, cycle(largest), strict=False)) | CARDS
    columns = engine.segments[0].columns
    asked: dict[str, _Questions] = {}
    for family in FAMILIES:
        if family.listed:
            continue  # Ids of a world mean no shop of that city.
        is_cold = bool(family.cold_of)
        count = QUERIES * (ROUNDS + 1) if is_cold else QUERIES
        queries = asked_in(columns, None, family, count, SEED).queries
        known = [query for query in queries if isinstance(query, Query)]
        fields = [_fields(query, _wallet(query.cards, names, largest)) for query in known]
        asked[family.name] = _Questions(family.label, fields, is_cold)
    texts = [
        Query(lat=lat, lng=lng, at=USUAL_TIME, open="now", q=READ[number % len(READ)])
        for number, (lat, lng) in enumerate(places(columns, QUERIES, SEED))
    ]
    asked[TEXTS] = _Questions("texts, open now", [_fields(query, []) for query in texts])
    return asked


def _wallet(cards: Sequence[str], names: dict[str, str], largest: Sequence[str]) -> list[str]:
    """Return as many cards of the synthetic city; the largest ones where two stand for one."""
    found = {names[card] for card in cards}
    rest = (card for card in largest if card not in found)
    return sorted(found | set(islice(rest, len(cards) - len(found))))


def _fields(query: Query, cards: Sequence[str]) -> dict[str, Any]:
    """Return the fields that differ from defaults: a revision need not know the others."""
    plain = msgspec.to_builtins(Query(lat=query.lat, lng=query.lng))
    said = {
        name: value for name, value in msgspec.to_builtins(query).items() if value != plain[name]
    }
    if cards:
        said["cards"] = cards
    return {"lat": query.lat, "lng": query.lng, **said}


class _Side:
    """A process of `ab_side` over one commit's packages and index."""

    def __init__(self, packages: Path, index: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(SIDE), str(index)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=_environment(packages), cwd=packages,
        )  # fmt: skip

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"Expected an answer, got exit status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """End the process and wait for it."""
        self._process.kill()
        self._process.communicate()


def _measure(
    indexes: Sequence[tuple[Path, Path]], families: dict[str, _Questions], say: Say
) -> Iterator[Pair]:
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in families}
    found: dict[str, Pair] = {}
    for start in range(STARTS):
        with ExitStack() as stack:
            sides = [_Side(*index) for index in indexes]
            for side in sides:
                stack.callback(side.stop)
            for name, asked in families.items():
                say(f"start {start + 1} of {STARTS}: {asked.label}")
                first, second = (side.ask(queries=asked.queries, count=QUERIES) for side in sides)
                rounds[name] += [
                    _round(sides, turn, asked.first_of(turn)) for turn in range(ROUNDS)
                ]
                found[name] = _pair(name, asked.label, rounds[name], first, second)
    yield from found.values()


def _round(sides: Sequence[_Side], turn: int, first: int) -> tuple[float, float]:
    """Return the microseconds of both sides; their order alternates with `turn`."""
    order = (0, 1) if turn % 2 else (1, 0)
    taken = {
        which: float(sides[which].ask(first=first, count=QUERIES)["p50_us"]) for which in order
    }
    return taken[0], taken[1]


def _pair(
    name: str,
    label: str,
    rounds: Sequence[tuple[float, float]],
    first: dict[str, Any],
    second: dict[str, Any],
) -> Pair:
    both = first["work"].keys() & second["work"].keys()
    counted = {key: (first["work"][key], second["work"][key]) for key in sorted(both)}
    before, after = zip(*rounds, strict=True)
    return Pair(
        family=name,
        label=label,
        p50_us=(median(before), median(after)),
        ratios=[two / one for one, two in rounds],
        work={key: values for key, values in counted.items() if values[0] != values[1]},
        differing=sum(a != b for a, b in zip(first["ids"], second["ids"], strict=True)),
    )


def text(revision: str, pairs: Sequence[Pair]) -> str:
    """Return the result for a terminal: a line for each family, then other differences."""
    wide = max(len(pair.label) for pair in pairs)
    lines = [f"the working tree beside {revision}, {STARTS * ROUNDS} rounds in turn", ""]
    lines.append(f"{'':{wide}}  {'before':>9}  {'after':>9}  {'change':>8}  {'interval':>16}")
    for pair in pairs:
        before, after = map(time_text, pair.p50_us)
        low, high = (f"{(bound - 1) * 100:+.1f}" for bound in pair.interval)
        change = f"{(pair.ratio - 1) * 100:+.1f} %"
        lines.append(
            f"{pair.label:{wide}}  {before:>9}  {after:>9}  {change:>8}  "
            f"{f'{low} to {high} %':>16}  {pair.verdict}"
        )
    lines += [
        f"work of {pair.label}: {name} {count_text(before)} before, {count_text(after)} after"
        for pair in pairs
        for name, (before, after) in pair.work.items()
    ]
    lines += [
        f"answers of {pair.label}: {pair.differing} of {COMPARED} differ"
        for pair in pairs
        if pair.differing
    ]
    return "\n".join(lines)
