"""Completions against a scan of all keys, all items and all documents."""

import math
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.geo.cover import RUN_BITS, clear, mark, new_cover
from indexes.geo.sphere import circle_around
from indexes.names.completion_lists import SortedKeys, build_completions
from indexes.names.completions import (
    CANDIDATES,
    COARSE_BITS,
    COARSE_KEPT,
    FINE_BITS,
    FINE_KEPT,
    FINE_TILES,
    ITEMS,
    KEYS,
    MATCH_KIND_BITS,
    MAX_PREFIXES,
    Completions,
    Scoring,
    TypedPrefixes,
    best_completions,
    new_finding,
    prefix_range,
    score_of,
)
from tests.indexes.geo.test_cover import World, slow_tally, world

# Such that sums are equal only where their parts are: rounding then decides nothing.
SCORING = Scoring(
    kind=np.array([1.0, 0.47]),
    match_kind=np.array([0.0, -0.53, -1.61]),
    popularity=0.23,
    whole=2.0,
    near_m=1e3,
)
LETTERS = "ab海底é"

SEEDED = st.integers(0, 1 << 32).map(Random)
"""Tables of hundreds of rows: too much for Hypothesis to draw value by value."""


class Table(NamedTuple):
    """Keys as (text, item, match_kind), sorted; and what items are."""

    keys: list[tuple[str, int, int]]
    kind: list[int]
    popularity: list[int]
    docs: list[list[int]]


def table(random: Random, items: int, docs: int) -> Table:
    keys = {
        ("".join(random.choices(LETTERS, k=random.randint(1, 4))), item, random.randrange(3))
        for item in range(items)
        for _ in range(random.randint(1, 3))
    }
    held = [
        sorted(random.sample(range(docs), min(docs, random.choice((1, 1, 2, 5, 40, docs)))))
        for _ in range(items)
    ]
    return Table(
        sorted(keys, key=lambda key: (key[0].encode(), key[1:])),
        [random.randrange(2) for _ in range(items)],
        [random.choice((0, 7, 5_000)) for _ in range(items)],
        held,
    )


def built(made: Table, docs: int, crowd: int) -> Completions:
    text = "".join(f"{key}\0" for key, _, _ in made.keys).encode()
    size = np.array([len(key.encode()) + 1 for key, _, _ in made.keys], np.int64)
    keys = SortedKeys(
        np.frombuffer(text, np.uint8),
        (np.cumsum(size) - size).astype(np.uint32),
        np.array(
            [item << MATCH_KIND_BITS | match_kind for _, item, match_kind in made.keys], np.uint32
        ),
    )
    pairs = [(item, doc) for item, held in enumerate(made.docs) for doc in held]
    item, doc = np.array(pairs, np.int64).reshape(-1, 2).T
    kind, popularity = np.array(made.kind, np.uint8), np.array(made.popularity, np.uint32)
    return build_completions(keys, kind, popularity, (item, doc), SCORING, docs=docs, crowd=crowd)


def asked(
    columns: Completions, prefix: str, first_item: int = 0, after_item: int = 1 << 40
) -> TypedPrefixes:
    first, after, length = (np.zeros(MAX_PREFIXES, np.int64) for _ in range(3))
    typed = np.frombuffer(prefix.encode(), np.uint8)
    first[0], after[0] = prefix_range(columns, typed)
    length[0] = len(typed)
    return TypedPrefixes(first, after, length, 1, first_item, after_item)


class Row(NamedTuple):
    """An item found."""

    score: float
    item: int
    near: int


def ranked(
    columns: Completions, made: World, prefix: str, where: tuple[float, float, float], top_k: int
) -> list[Row]:
    """What is found, in its order."""
    cover, finding = new_cover(len(made.lat)), new_finding()
    circle, prefixes = circle_around(*where), asked(columns, prefix)
    found = best_completions(columns, SCORING, made.ground, circle, prefixes, cover, finding, top_k)
    clear(cover)
    assert not finding.slot_item.any()
    tops = (finding.top_score, finding.top_item, finding.top_count)
    return [Row(*row) for row in zip(*(top[:found].tolist() for top in tops), strict=True)]


def assert_agree(fast: list[Row], slow: list[Row], top_k: int) -> None:
    """The same items, best first; scores that differ by rounding alone may swap places."""
    assert len(fast) == min(top_k, len(slow))
    assert fast == sorted(fast, key=lambda row: (-row.score, row.item))
    wanted = {row.item: row for row in slow}
    for row in fast:
        assert row.near == wanted[row.item].near
        assert row.score == pytest.approx(wanted.pop(row.item).score, abs=1e-9)
    assert all(row.score <= fast[-1].score + 1e-9 for row in wanted.values())


def static(known: Table, item: int, count: int) -> float:
    weight = float(SCORING.kind[known.kind[item]])
    return weight * math.log2(1 + count) + SCORING.popularity * math.log2(
        1 + known.popularity[item]
    )


def slow_ranked(
    known: Table,
    made: World,
    candidates: Iterable[int],
    prefix: str,
    where: tuple[float, float, float],
) -> list[Row]:
    """Those of these items that are near, in no order."""
    rows = []
    for item in set(candidates):
        worth = max(
            float(SCORING.match_kind[match_kind]) + (SCORING.whole if key == prefix else 0.0)
            for key, owner, match_kind in known.keys
            if owner == item and key.startswith(prefix)
        )
        count, near_m, _ = slow_tally(made, *where, known.docs[item])
        if count:
            score = worth + static(known, item, count) - math.log2(1 + near_m / SCORING.near_m)
            rows.append(Row(score, item, count))
    return rows


def of_tile(known: Table, prefix: str, tile: int, bits: int, kept: int) -> list[int]:
    """Items listed for a tile, by its documents alone."""
    best: dict[int, tuple[float, int]] = {}
    for number, (key, item, match_kind) in enumerate(known.keys):
        count = sum(doc >> bits == tile for doc in known.docs[item])
        if key.startswith(prefix) and count:
            score = static(known, item, count) + float(SCORING.match_kind[match_kind])
            best[item] = min(best.get(item, (math.inf, 0)), (-score, number))
    return sorted(best, key=lambda item: best[item])[:kept]


@given(random=SEEDED, items=st.sampled_from((0, 1, 5, 60)),
       docs=st.sampled_from((1, 40, 700)))  # fmt: skip
@settings(max_examples=60)
def test_few_keys_are_ranked_exactly(random: Random, items: int, docs: int) -> None:
    made, known = world(random, "city", docs, dead=0.1), table(random, items, docs)
    columns = built(known, docs, crowd=10_000)
    for prefix in [
        "",
        "a",
        "海",
        "é",
        *(key[: random.randint(1, 4)] for key, _, _ in known.keys[:8]),
    ]:
        where = (31.23, 121.47, random.choice((2_000.0, 10_000.0)))
        matching = {item for key, item, _ in known.keys if key.startswith(prefix)}
        slow = slow_ranked(known, made, matching, prefix, where)
        for top_k in (1, 8, 128):
            assert_agree(ranked(columns, made, prefix, where, top_k), slow, top_k)


@given(random=SEEDED)
@settings(max_examples=20)
def test_a_crowd_is_ranked_among_the_best_of_its_tile(random: Random) -> None:
    made, known = world(random, "city", 300), table(random, 80, 300)
    columns = built(known, 300, crowd=5)
    for prefix in ("a", "b", "海", "海a", "ab"):
        keys = [key for key in known.keys if key[0].startswith(prefix)]
        listed = {item for _, item, _ in keys}
        if len(keys) > 5:
            whole = [item for key, item, _ in keys if key == prefix][:COARSE_KEPT]
            listed = {*whole, *of_tile(known, prefix, 0, FINE_BITS, FINE_KEPT)}
        where = (31.23, 121.47, 5_000.0)
        slow = slow_ranked(known, made, listed, prefix, where)
        assert_agree(ranked(columns, made, prefix, where, 20), slow, 20)


def test_a_wide_circle_reads_coarse_tiles() -> None:
    random = Random(3)
    docs = (FINE_TILES + 2) << FINE_BITS
    made, known = world(random, "city", docs), table(random, 60, docs)
    columns = built(known, docs, crowd=5)
    compared = set()
    for radius_m in (300.0, 1_000.0, 3_000.0, 50_000.0):
        where = (31.23, 121.47, radius_m)
        cover = new_cover(docs)
        mark(made.ground, circle_around(*where), cover)
        runs = np.flatnonzero(cover.state)
        bits, kept = FINE_BITS, FINE_KEPT
        if len(set(runs >> (FINE_BITS - RUN_BITS))) > FINE_TILES:
            bits, kept = COARSE_BITS, COARSE_KEPT
        compared.add((bits, len(set(runs >> (bits - RUN_BITS)))))
        whole = [item for key, item, _ in known.keys if key == "a"][:COARSE_KEPT]
        tiles = set((runs >> (bits - RUN_BITS)).tolist())
        listed = {item for tile in tiles for item in of_tile(known, "a", tile, bits, kept)}
        slow = slow_ranked(known, made, {*whole, *listed}, "a", where)
        assert_agree(ranked(columns, made, "a", where, 20), slow, 20)
    assert {bits for bits, _ in compared} == {FINE_BITS, COARSE_BITS}
    assert len(compared) > 2


def test_work_is_bounded_however_many_keys_begin_alike() -> None:
    random = Random(5)
    docs = 20_000
    made, known = world(random, "city", docs), table(random, 3_000, docs)
    columns = built(known, docs, crowd=200)
    for prefix in ("a", "b", "海", ""):
        cover, finding = new_cover(docs), new_finding()
        where = circle_around(31.23, 121.47, 10_000.0)
        asked_for = asked(columns, prefix)
        keys = int(asked_for.after[0] - asked_for.first[0])
        best_completions(columns, SCORING, made.ground, where, asked_for, cover, finding, 8)
        if prefix:
            assert keys > 800
            tiles = max(FINE_TILES * FINE_KEPT, -(-docs >> COARSE_BITS) * COARSE_KEPT)
            assert finding.work[KEYS] <= COARSE_KEPT + tiles
            assert finding.work[ITEMS] <= finding.work[KEYS]
        else:
            # No list is kept for what nobody typed; what is read is bounded all the same.
            assert finding.work[ITEMS] <= CANDIDATES


def test_only_wanted_items_are_found() -> None:
    random = Random(6)
    made, known = world(random, "city", 40), table(random, 30, 40)
    columns = built(known, 40, crowd=10_000)
    cover, finding = new_cover(40), new_finding()
    where = circle_around(31.23, 121.47, 50_000.0)
    found = best_completions(
        columns, SCORING, made.ground, where, asked(columns, "a", 10, 20), cover, finding, 128
    )
    wanted = {item for key, item, _ in known.keys if key.startswith("a") and 10 <= item < 20}
    assert wanted
    assert set(finding.top_item[:found].tolist()) == wanted


def test_several_prefixes_find_an_item_once() -> None:
    random = Random(8)
    made, known = world(random, "city", 40), table(random, 30, 40)
    columns = built(known, 40, crowd=10_000)
    ranges = [asked(columns, prefix) for prefix in ("a", "ab", "海")]
    first, after, length = (np.zeros(MAX_PREFIXES, np.int64) for _ in range(3))
    for i, one in enumerate(ranges):
        first[i], after[i], length[i] = one.first[0], one.after[0], one.length[0]
    cover, finding = new_cover(40), new_finding()
    where = circle_around(31.23, 121.47, 50_000.0)
    prefixes = TypedPrefixes(first, after, length, 3, 0, 1 << 40)
    found = best_completions(columns, SCORING, made.ground, where, prefixes, cover, finding, 128)
    items = finding.top_item[:found].tolist()
    wanted = {item for key, item, _ in known.keys if key.startswith(("a", "海"))}
    assert sorted(items) == sorted(wanted)


@pytest.mark.parametrize("prefix", ["", "a", "ab", "b", "é", "海", "海底", "zz", "\U0010ffff"])
def test_range_of_a_prefix(prefix: str) -> None:
    known = table(Random(9), 50, 10)
    columns = built(known, 10, crowd=10_000)
    first, after = prefix_range(columns, np.frombuffer(prefix.encode(), np.uint8))
    texts = [key for key, _, _ in known.keys]
    wanted = [number for number, text in enumerate(texts) if text.startswith(prefix)]
    assert list(range(first, after)) == wanted


def test_score_of_an_item() -> None:
    scoring = SCORING._replace(kind=np.array([1.0, 0.5]), popularity=0.25)
    assert score_of(scoring, 0, 0.0, 1, 0.0) == 1.0
    assert score_of(scoring, 1, 0.0, 3, 0.0) == 1.0
    assert score_of(scoring, 0, 15.0, 1, 0.0) == 2.0
    assert score_of(scoring, 0, 0.0, 1, 1_000.0) == 0.0
