"""`indexes.terms.unions` against dictionaries that share no code with it."""

from itertools import accumulate, pairwise
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import config

from indexes.terms import unions
from indexes.terms.postings import Postings
from indexes.terms.unions import Spans, Unions, warm

FACTORS = (1.0, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.001)
NONE = np.zeros(0, np.uint32)


class Asked(NamedTuple):
    """Lists of postings, and readings by the numbers of their lists."""

    lists: list[dict[int, int]]
    readings: list[tuple[list[int], float]]
    most: int


def draw(rng: Random) -> Asked:
    """Lists that meet often, seldom and never; the last document there can be is in some."""
    size = rng.choice((1, 12, 200))
    first = rng.choice((0, 2**32 - size))
    lists = []
    for _ in range(rng.randrange(1, 8)):
        density = rng.choice((0.02, 0.3, 0.6, 1.0))
        docs = [doc for doc in range(first, first + size) if rng.random() < density]
        lists.append({doc: rng.choice((1, 2, 127, 254, 255)) for doc in docs or [first]})
    readings = [
        (rng.choices(range(len(lists)), k=rng.choice((1, 1, 2, 3))), rng.choice(FACTORS))
        for _ in range(rng.randrange(12))
    ]
    readings.sort(key=lambda reading: -reading[1])
    return Asked(lists, readings, rng.choice((0, 20, 1000)))


def slow_union(asked: Asked) -> dict[int, int]:
    best: dict[int, int] = {}
    taken = 0
    for numbers, factor in asked.readings:
        if taken > asked.most:
            break
        lists = [asked.lists[number] for number in numbers]
        for doc in set.intersection(*(set(each) for each in lists)):
            mean = sum(each[doc] for each in lists) / len(lists)
            best[doc] = max(best.get(doc, 0), 1, round(mean * factor))
            taken += 1
    return best


def opened(lists: list[dict[int, int]]) -> tuple[Unions, list[tuple[int, int]]]:
    """Unions of these lists, and where each stands."""
    listed = [sorted(each.items()) for each in lists]
    doc = np.array([doc for each in listed for doc, _ in each], np.uint32)
    impact = np.array([impact for each in listed for _, impact in each], np.uint8)
    for column in (doc, impact):
        column.flags.writeable = False
    ends = accumulate(map(len, lists), initial=0)
    return Unions(Postings(NONE, NONE, doc, impact, impact[:0])), list(pairwise(ends))


def union(asked: Asked) -> dict[int, int]:
    """What is found, once it is known to ascend."""
    index, spans = opened(asked.lists)
    readings: list[tuple[Spans, float]] = [
        (tuple(spans[number] for number in numbers), factor) for numbers, factor in asked.readings
    ]
    docs, impacts = index.union(readings, most=asked.most)
    assert docs.dtype == np.uint32
    assert impacts.dtype == np.uint8
    assert (docs[:-1] < docs[1:]).all()
    return dict(zip(docs.tolist(), impacts.tolist(), strict=True))


def test_unions_are_those_of_dictionaries() -> None:
    rng = Random(5)
    found = met = 0
    for _ in range(1_000):
        asked = draw(rng)
        expected = slow_union(asked)
        assert union(asked) == expected
        found += len(expected)
        met += len(expected) * any(len(numbers) > 1 for numbers, _ in asked.readings)
    assert found > 20_000
    assert met > 10_000


def test_nothing_is_found_by_no_reading() -> None:
    assert union(Asked([{3: 9}], [], 9)) == {}
    assert union(Asked([{3: 9}, {4: 9}], [([0, 1], 1.0)], 9)) == {}


def test_what_follows_too_many_is_left_out() -> None:
    lists = [{1: 9, 2: 9}, {3: 9}, {4: 9}]
    readings = [([number], 1.0) for number in range(3)]
    assert list(union(Asked(lists, readings, 3))) == [1, 2, 3, 4]
    assert list(union(Asked(lists, readings, 2))) == [1, 2, 3]
    assert list(union(Asked(lists, readings, 1))) == [1, 2]
    # The same list again counts again.
    twice = [readings[1], readings[1], readings[2]]
    assert list(union(Asked(lists, twice, 1))) == [3]
    assert list(union(Asked(lists, twice, 2))) == [3, 4]


def test_a_long_list_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortest runs are merged first, and equal lists not at all."""
    read: list[int] = []
    lists = [dict.fromkeys(range(1000), 5), *({doc: 7} for doc in range(0, 640, 10))]
    index, spans = opened(lists)
    merge = index._merge

    def counted(*asked: Any) -> int:
        found = merge(*asked)
        read.append(found)
        return found

    monkeypatch.setattr(index, "_merge", counted)
    docs, _ = index.union([((span,), 0.5) for span in [*spans, *spans]], most=9_999)
    assert len(docs) == 1_000
    assert len(read) == len(lists) - 1
    # Sixty-four single postings are merged in six rounds, and then with the long list.
    assert sum(read) == 6 * 64 + 1_000


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_unions_compile_nothing_after_warming() -> None:
    warm()
    opened([{1: 9}])
    for kernel in (unions._meet, unions._merge, unions._price):
        assert len(getattr(kernel, "signatures")) == 1  # noqa: B009, a dispatcher has them
