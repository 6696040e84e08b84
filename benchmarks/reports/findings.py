"""What a result says: the fastest exact peer of each family, and how cost grows with size."""

import math
from collections.abc import Sequence
from statistics import linear_regression, median
from typing import NamedTuple

from msgspec import structs

from benchmarks.result import FamilyResult, Line, Loop, Result, WorldResult

_BESIDE = ("texts", "pile")
_ABOUT = 0.05
OURS = "geosearch"
FLOOR = "floor"
YARDSTICKS = frozenset(("numba",))
"""Peers that are no engines: a loop written for these questions alone. Nothing is claimed against
them; the tables show them."""


class Duel(NamedTuple):
    """The fastest exact peer of a family beside this engine."""

    family: FamilyResult
    ours: Line
    rival: Line | None
    """None where no exact peer was asked."""

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the peer this engine is."""
        return self.rival.timing.p50_us / self.ours.timing.p50_us if self.rival else None


class Twins(NamedTuple):
    """A family beside its cold twin; one of them may be missing."""

    label: str
    warm: Duel | None
    cold: Duel | None


def is_exact(line: Line) -> bool:
    """Whether some answers were compared, and all of them were right."""
    return line.compared > 0 and line.recall >= 1


def readable(result: Result) -> Result:
    """The result with each small side world next to the world of about its size.

    Worlds with names, and worlds with many shops at one position, have families of their own. A
    reader looks for worlds of one size together.
    """
    worlds = [world for world in result.worlds if world.shape not in _BESIDE]
    for side in (world for world in result.worlds if world.shape in _BESIDE):
        at = next((n for n, world in enumerate(worlds) if _alike(world, side)), None)
        if at is None:
            worlds.append(side)
            continue
        known = {each.engine for each in worlds[at].engines}
        worlds[at] = structs.replace(
            worlds[at],
            families=[*worlds[at].families, *side.families],
            engines=[*worlds[at].engines, *(e for e in side.engines if e.engine not in known)],
            stopped=worlds[at].stopped or side.stopped,
        )
    return structs.replace(result, worlds=worlds)


def _alike(world: WorldResult, side: WorldResult) -> bool:
    return abs(world.merchants - side.merchants) <= _ABOUT * world.merchants


def has_peers(world: WorldResult) -> bool:
    """Whether the world has figures of another engine."""
    return any(line.engine != OURS for family in world.families for line in family.lines)


def by_size(result: Result) -> list[WorldResult]:
    """Worlds, the smallest first."""
    return sorted(result.worlds, key=lambda world: world.merchants)


def peer_worlds(result: Result) -> list[WorldResult]:
    """Worlds in which peers were asked, the largest first."""
    return [world for world in reversed(by_size(result)) if has_peers(world)]


def duels(world: WorldResult) -> list[Duel]:
    """A duel for each family that this engine answered, in order."""
    found = []
    for family in world.families:
        ours = family.line(OURS)
        if ours is not None:
            others = YARDSTICKS | {OURS}
            peers = [line for line in family.lines if line.engine not in others and is_exact(line)]
            rival = min(peers, key=lambda line: line.timing.p50_us, default=None)
            found.append(Duel(family, ours, rival))
    return found


def twins(world: WorldResult) -> list[Twins]:
    """Duels of a world, each beside that of its cold twin, in the order of the first of both."""
    found: dict[str, Twins] = {}
    for duel in duels(world):
        family = duel.family
        if not family.cold_of:
            found[family.family] = Twins(family.label, duel, None)
        elif family.cold_of in found:
            found[family.cold_of] = found[family.cold_of]._replace(cold=duel)
        else:
            found[family.cold_of] = Twins(family.label, None, duel)
    return list(found.values())


def has_cold(world: WorldResult) -> bool:
    """Whether any family of a world is cold."""
    return any(family.cold_of for family in world.families)


def by_speed(family: FamilyResult) -> list[Line]:
    """Lines of a family, the fastest first."""
    return sorted(family.lines, key=lambda line: line.timing.p50_us)


def engine_label(world: WorldResult, engine: str) -> str:
    """How a report names an engine."""
    return next((each.label for each in world.engines if each.engine == engine), engine)


def families(result: Result) -> dict[str, str]:
    """Labels of all families, by name, in order of appearance."""
    return {family.family: family.label for world in by_size(result) for family in world.families}


def sizes(result: Result, name: str) -> list[tuple[WorldResult, float]]:
    """Worlds in which this engine answered a family, the smallest first, with its p50 in µs."""
    found = []
    for world in by_size(result):
        for family in world.families:
            line = family.line(OURS)
            if family.family == name and line is not None:
                found.append((world, line.timing.p50_us))
    return found


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Exponent b of the cost ~ size**b that fits points best on logarithmic axes.

    None for fewer than two sizes.
    """
    logs = [(math.log(size), math.log(cost)) for size, cost in points if cost > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    return linear_regression(*zip(*logs, strict=True)).slope


def size_slope(result: Result, name: str) -> float | None:
    """`slope` of this engine's p50 over the worlds."""
    return slope([(world.merchants, cost) for world, cost in sizes(result, name)])


def spreads(result: Result) -> tuple[float, float] | None:
    """Median and largest spread of rounds over all lines of several rounds."""
    found = [
        line.timing.spread
        for world in result.worlds
        for family in world.families
        for line in family.lines
        if len(line.timing.round_p50_us) > 1
    ]
    return (median(found), max(found)) if found else None


def closed_loops(loops: Sequence[Loop]) -> list[Loop]:
    """Closed loops, which ask again after each answer, by connections; this engine first."""
    found = [loop for loop in loops if loop.rate is None]
    return sorted(found, key=lambda loop: (loop.server == FLOOR, loop.connections))


def open_loops(loops: Sequence[Loop]) -> list[Loop]:
    """Open loops, which ask at a rate, by rate; this engine first."""
    found = [loop for loop in loops if loop.rate is not None]
    return sorted(found, key=lambda loop: (loop.server == FLOOR, loop.rate))
