"""`geosearch bench`: runs the suite step by step: worlds, words, a build, the service, relevance.

Each step has its own module. After every step the reports are rewritten, so Ctrl-C or an error
loses only the running step.
"""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import batches, builds, changes, fairness, http_load, studies
from benchmarks.peers import PEERS
from benchmarks.record import circumstances
from benchmarks.relevance.__main__ import main as measure_relevance
from benchmarks.relevance.sources import DATA, missing
from benchmarks.reports import write_reports
from benchmarks.result import Result, WorldResult
from benchmarks.suite import (
    FAMILY_NAMES,
    Chosen,
    Effort,
    families_of,
    number_world,
    words_world,
)
from benchmarks.texts import NAMES, text_world
from benchmarks.worlds import World
from geosearch.errors import BadRequest
from geosearch.search.warm import warm

QUICK_WORLDS = (100_000, 1_000_000)
FULL_WORLDS = (*QUICK_WORLDS, 10_000_000)
PEERS_UP_TO = 1_000_000
PILE_UP_TO = 100_000
QUICK = Effort(rounds=3, compared=10, peer_seconds=0.5)
FULL = Effort()
QUICK_LOAD_S, FULL_LOAD_S = 2.0, 8.0
"""Length of each load on the service."""
QUICK_QUESTIONS, FULL_QUESTIONS = 100_000, 1_000_000
"""Questions that are shared out."""
OTHERS = ("build", "http", "fairness", "studies", "batches", "changes", "relevance")
"""Values of `--only` other than families."""


class Options(NamedTuple):
    """Options of a run, from the command line."""

    full: bool = False
    only: Sequence[str] = ()
    peers: Sequence[str] | None = None
    worlds: Sequence[int] | None = None
    out: Path | None = None
    queries: int | None = None


class _Step(NamedTuple):
    """One step: its name, its estimated seconds, and a function that adds to the result."""

    name: str
    seconds: float
    do: Callable[[Result], None]


def parse(
    *, full: bool, only: str, peers: str | None, worlds: str | None, out: Path | None
) -> Options:
    """Return the options from comma-separated lists.

    Raises
    ------
    BadRequest
        A family or peer is unknown, or a number of merchants is invalid.
    """
    return Options(
        full=full,
        only=_names(only, (*FAMILY_NAMES, *OTHERS), "--only"),
        peers=None if peers is None else _names(peers, tuple(PEERS), "--peers"),
        worlds=None if worlds is None else _counts(worlds),
        out=out,
    )


def _names(text: str, known: Sequence[str], option: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    for name in names:
        if name not in known:
            raise BadRequest(f"Expected one of {', '.join(known)}, got {name!r} - at `{option}`")
    return names


def _counts(text: str) -> tuple[int, ...]:
    counts = text.replace("_", "").split(",")
    if not all(count.isdigit() and int(count) > 0 for count in counts):
        raise BadRequest(f"Expected merchant counts by commas, got {text!r} - at `--worlds`")
    return tuple(sorted(set(map(int, counts))))


def run(options: Options, command: Sequence[str] = ("geosearch", "bench")) -> Result:
    """Measure, and write the reports to the folder `out` of the options, if given.

    Returns
    -------
    Result
        All figures; `unfinished` says why some are missing.
    """
    result = Result(circumstances=circumstances(list(command)))
    # SIGTERM raises the exception of Ctrl-C, so that it also stops the servers.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        planned = steps(options)
        warm(_say)
        _do_all(planned, result, options.out)
    finally:
        signal.signal(signal.SIGTERM, before)
    return result


def _do_all(planned: Sequence[_Step], result: Result, out: Path | None) -> None:
    begin = time.monotonic()
    for number, step in enumerate(planned):
        _say(f"[{number + 1}/{len(planned)}] {step.name}{_left(planned, number, begin)}")
        stopped = False
        try:
            step.do(result)
        except KeyboardInterrupt:
            stopped = True
        # A stopped world keeps its finished families.
        if stopped or any(world.stopped for world in result.worlds):
            result.unfinished = f"stopped by hand during step {number + 1} of {len(planned)}"
        if out is not None:
            write_reports(result, out)
        if result.unfinished:
            _say("Stopped; what was measured is kept")
            break


def _left(planned: Sequence[_Step], number: int, begin: float) -> str:
    """Return the estimated time left, scaled by the time of the finished steps."""
    done = sum(step.seconds for step in planned[:number])
    left = sum(step.seconds for step in planned[number:])
    if done:
        left *= (time.monotonic() - begin) / done
    return f", about {left / 60:.0f} min left" if left >= 60 else f", about {left:.0f} s left"


def steps(options: Options) -> list[_Step]:
    """Return the steps of a run, in order.

    Raises
    ------
    BadRequest
        The options leave no step.
    """
    effort = FULL if options.full else QUICK
    if options.queries is not None:
        effort = effort._replace(queries=options.queries)
    worlds = options.worlds or (FULL_WORLDS if options.full else QUICK_WORLDS)
    peers = tuple(PEERS) if options.peers is None else options.peers
    chosen = Chosen(options.only, peers, PEERS_UP_TO)
    with_peers = [count for count in worlds if count <= PEERS_UP_TO]
    small, large = worlds[0], (with_peers or worlds)[-1]
    main_world = large if options.full else small

    planned = []
    shapes = [*map(World.of_size, worlds), World("pile", min(small, PILE_UP_TO))]
    for world in (one for one in shapes if families_of(one, chosen)):
        guess = _guess(world.merchants, len(peers), effort)
        ask = partial(_world, partial(number_world, world, effort, chosen, _say))
        planned.append(_Step(f"{world.label}: families without words", guess, ask))
    sizes = with_peers if options.full else with_peers[:1]
    for count in sizes if any(map(chosen.wants, (*NAMES, "read_query"))) else ():
        guess = count / 8_000 + _guess(count, len(peers), effort) / 2
        ask = partial(_world, partial(words_world, count, effort, chosen, _say))
        planned.append(_Step(f"{count:,} merchants: families with words", guess, ask))
    city, seconds = World.of_size(main_world), FULL_LOAD_S if options.full else QUICK_LOAD_S
    others = {
        "build": _Step("a build", main_world / 8_000 + 5, partial(_build, main_world)),
        "http": _Step("the service under load", 25 * seconds, partial(_http, city, seconds)),
        "fairness": _Step(
            "small questions beside large ones",
            main_world / 8_000 + 10 * seconds,
            partial(_fairness, main_world, seconds),
        ),
        "studies": _Step(
            "many questions at once", main_world / 8_000 + 20, partial(_studies, main_world)
        ),
        "batches": _Step(
            "questions shared out",
            main_world / 8_000 + (200 if options.full else 30),
            partial(_batches, main_world, FULL_QUESTIONS if options.full else QUICK_QUESTIONS),
        ),
        "changes": _Step(
            "live changes", main_world / 8_000 + 30, partial(_changes, main_world, seconds)
        ),
        "relevance": _Step("relevance", 20.0, _relevance),
    }
    planned += [step for name, step in others.items() if chosen.wants(name)]
    if not planned:
        raise BadRequest(
            f"Expected a family that is asked in worlds of {', '.join(map(str, worlds))}, got "
            f"{', '.join(options.only)} - at `--only`"
        )
    return planned


def _guess(merchants: int, peers: int, effort: Effort) -> float:
    return merchants / 40_000 * (1 + peers / 3) + 25 * (1 + peers) * effort.peer_seconds


def _world(measure: Callable[[], WorldResult | None], result: Result) -> None:
    found = measure()
    if found is not None and found.families:
        result.worlds.append(found)


def _build(merchants: int, result: Result) -> None:
    result.build = builds.run(merchants)


def _http(world: World, seconds: float, result: Result) -> None:
    result.http = http_load.run(world, seconds=seconds, spots=http_load.PLACES)


def _fairness(merchants: int, seconds: float, result: Result) -> None:
    index = text_world(merchants, _say)
    result.fairness = fairness.run(index, seconds=seconds, say=_say)


def _studies(merchants: int, result: Result) -> None:
    result.studies = studies.run(text_world(merchants, _say), say=_say)


def _batches(merchants: int, questions: int, result: Result) -> None:
    result.batches = batches.run(text_world(merchants, _say), questions=questions, say=_say)


def _changes(merchants: int, seconds: float, result: Result) -> None:
    result.changes = changes.run(text_world(merchants, _say), seconds=seconds, say=_say)


def _relevance(result: Result) -> None:
    """Run the relevance suite, if its data are there."""
    result.relevance_missing = missing()
    if result.relevance_missing:
        _say(f"  left out, {', '.join(result.relevance_missing)} missing in {DATA}")
    else:
        result.relevance = measure_relevance([])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
