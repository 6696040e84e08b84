"""Counts and nearest documents of circles against distances one by one."""

import math
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.geo import sphere
from indexes.geo.cover import (
    EDGE,
    FEW,
    INSIDE,
    RUN_BITS,
    SEED,
    SPANS,
    TESTED,
    PointTree,
    clear,
    mark,
    new_cover,
    tally,
)
from indexes.geo.hilbert import hilbert_values
from indexes.geo.rtree import level_starts, summarise
from indexes.geo.sphere import UNITS_PER_DEGREE, circle_around, to_units
from tests.oracles import haversine_m

SIZES = (0, 1, 15, 16, 17, 255, 256, 257, 700, 5_000)
KINDS = ("city", "one_position", "grid", "worldwide", "antimeridian", "pole")
RADII = (1.0, 300.0, 3_000.0, 10_000.0, 50_000.0)


class World(NamedTuple):
    ground: PointTree
    lat: list[float]
    lng: list[float]
    live: list[bool]


def nudged(random: Random, value: float, spread: float) -> float:
    """A value not far from another; bounded, as a drawn deviation need not be."""
    return value + min(3.0, max(-3.0, random.gauss(0, 1))) * spread


def positions(random: Random, kind: str, count: int) -> list[tuple[float, float]]:
    match kind:
        case "city":
            return [
                (nudged(random, 31.23, 0.08), nudged(random, 121.47, 0.1)) for _ in range(count)
            ]
        case "one_position":
            return [(31.23, 121.47)] * count
        case "grid":
            return [(31.2 + i % 40 * 1e-3, 121.4 + i // 40 * 1e-3) for i in range(count)]
        case "worldwide":
            return [
                (math.degrees(math.asin(random.uniform(-1, 1))), random.uniform(-180, 180))
                for _ in range(count)
            ]
        case "antimeridian":
            return [
                (random.uniform(-0.3, 0.3), nudged(random, 0.0, 0.2) % 360 - 180)
                for _ in range(count)
            ]
    return [(90 - abs(nudged(random, 0.0, 0.2)), random.uniform(-180, 180)) for _ in range(count)]


def world(random: Random, kind: str, count: int, *, dead: float = 0.0) -> World:
    lat, lng = np.array(positions(random, kind, count)).reshape(-1, 2).T
    x, y = to_units(lng), to_units(lat)
    order = np.argsort(hilbert_values(x, y), kind="stable")
    x, y = x[order], y[order]
    live = np.array([random.random() >= dead for _ in range(count)], np.bool_)
    padded = np.zeros((count + 63) // 64 * 64, np.bool_)
    padded[:count] = live
    ground = PointTree(
        np.stack([x, y], axis=1),
        np.packbits(padded, bitorder="little").view(np.uint64),
        bool(live.all()),
        level_starts(count),
        np.stack([summarise(x, np.minimum), summarise(y, np.minimum),
                  summarise(x, np.maximum), summarise(y, np.maximum)]),
    )  # fmt: skip
    lat, lng = (y / UNITS_PER_DEGREE).tolist(), (x / UNITS_PER_DEGREE).tolist()
    return World(ground, lat, lng, live.tolist())


def slow_tally(
    made: World, lat: float, lng: float, radius_m: float, docs: list[int]
) -> tuple[int, float, int]:
    near = [
        (haversine_m(lat, lng, made.lat[doc], made.lng[doc]), doc) for doc in docs if made.live[doc]
    ]
    near = [found for found in near if found[0] <= radius_m]
    return (len(near), *min(near)) if near else (0, math.inf, -1)


def drawn_docs(random: Random, count: int) -> list[int]:
    share = random.choice((0.0, 0.01, 0.1, 0.6, 1.0))
    return [doc for doc in range(count) if random.random() < share]


def drawn_centre(random: Random, made: World) -> tuple[float, float]:
    if made.lat and random.random() < 0.8:
        doc = random.randrange(len(made.lat))
        return (
            min(90.0, max(-90.0, made.lat[doc] + random.choice((0.0, 1e-7, 0.01, 0.2)))),
            made.lng[doc],
        )
    return random.uniform(-90, 90), random.choice((-180.0, 0.0, 121.47, 180.0))


@given(random=st.randoms(use_true_random=False), kind=st.sampled_from(KINDS),
       count=st.sampled_from(SIZES), dead=st.sampled_from((0.0, 0.3)))  # fmt: skip
@settings(max_examples=80)
def test_a_tally_equals_testing_each(random: Random, kind: str, count: int, dead: float) -> None:
    made = world(random, kind, count, dead=dead)
    cover = new_cover(count)
    for _ in range(3):
        lat, lng = drawn_centre(random, made)
        radius_m = random.choice(RADII)
        circle = circle_around(lat, lng, radius_m)
        for _ in range(3):
            docs = drawn_docs(random, count)
            found = tally(made.ground, circle, cover, np.array(docs, np.uint32), 0, len(docs))
            count_, near_m, nearest = slow_tally(made, lat, lng, radius_m, docs)
            assert found[0] == count_
            assert found[1] == pytest.approx(near_m, abs=1e-6)
            if nearest >= 0:
                at = haversine_m(lat, lng, made.lat[found[2]], made.lng[found[2]])
                assert at == pytest.approx(near_m, abs=1e-6)
            else:
                assert found[2] == -1
        clear(cover)
        assert not cover.state.any()


def test_few_and_many_documents_are_compared_in_every_kind_of_world() -> None:
    random = Random(7)
    compared = {"few": 0, "many": 0, "within": 0, "edge": 0, "inside": 0}
    for kind in KINDS:
        made = world(random, kind, 3_000)
        cover = new_cover(3_000)
        for radius_m in RADII:
            lat, lng = drawn_centre(random, made)
            circle = circle_around(lat, lng, radius_m)
            for share in (0.02, 0.5, 1.0):
                docs = [doc for doc in range(3_000) if random.random() < share]
                found = tally(made.ground, circle, cover, np.array(docs, np.uint32), 0, len(docs))
                slow = slow_tally(made, lat, lng, radius_m, docs)
                assert found[0] == slow[0]
                assert found[1] == pytest.approx(slow[1], abs=1e-6)
                compared["few" if len(docs) <= FEW else "many"] += 1
                compared["within"] += slow[0]
            compared["edge"] += int((cover.state == EDGE).sum())
            compared["inside"] += int((cover.state == INSIDE).sum())
            clear(cover)
    assert min(compared.values()) >= 30
    assert compared["within"] > 20_000


def test_documents_inside_are_counted_without_being_looked_at() -> None:
    random = Random(1)
    made = world(random, "city", 40_000)
    docs = np.arange(40_000, dtype=np.uint32)
    cover = new_cover(40_000)
    count, _, _ = tally(made.ground, circle_around(31.23, 121.47, 10_000.0), cover, docs, 0, 40_000)
    assert 0 < cover.size[SPANS] < (40_000 >> RUN_BITS) // 2
    edge = int((cover.state == EDGE).sum())
    assert count > 15_000
    # Those on the edge for the count, and those of a few leaves for the nearest.
    assert cover.size[TESTED] <= (edge << RUN_BITS) + 1_000
    assert cover.size[TESTED] < count


def test_a_radius_holds_what_lies_on_it() -> None:
    made = world(Random(2), "grid", 700)
    docs = np.arange(700, dtype=np.uint32)
    for doc in range(0, 700, 37):
        # By the engine's own distance: the oracle's may differ in the last bit.
        here = circle_around(31.23, 121.47, 0.0)
        radius_m = sphere.point_distance_m(made.ground.position, here, doc)
        cover = new_cover(700)
        circle = circle_around(31.23, 121.47, radius_m)
        assert tally(made.ground, circle, cover, docs[doc : doc + 1], 0, 1)[0] == 1
        clear(cover)
        mark(made.ground, circle, cover)
        assert tally(made.ground, circle, cover, docs[doc : doc + 1], 0, 1)[0] == 1


def test_the_nearest_are_looked_for_beside_the_centre() -> None:
    made = world(Random(4), "city", 5_000)
    values = hilbert_values(*made.ground.position.T).tolist()
    for lat, lng in ((31.23, 121.47), (31.1, 121.3), (31.4, 121.6), (-31.0, 0.0), (80.0, 180.0)):
        circle, cover = circle_around(lat, lng, 3_000.0), new_cover(5_000)
        mark(made.ground, circle, cover)
        (centre,) = hilbert_values(np.array([int(circle.x)]), np.array([int(circle.y)])).tolist()
        expected = next((doc for doc, value in enumerate(values) if value >= centre), 5_000)
        assert cover.size[SEED] == expected
