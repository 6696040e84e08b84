"""The heap against `heapq`, the results kept against a sorted list."""

import heapq
import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.columns import MAX_RESULTS, Scratch, new_scratch
from geosearch.top_k import behind, drop_first, follows, keep, push

# Few values, so that keys tie.
KEY = st.sampled_from([-math.inf, -3.5, -1.0, 0.0, 1.0, 1e-300, 7.0, math.inf])
KEYS = st.lists(st.tuples(KEY, KEY), max_size=80)
RESULTS = st.lists(st.tuples(KEY, KEY), max_size=150)
CAPACITY = 100


def first(scratch: Scratch) -> tuple[float, float, int]:
    return (
        float(scratch.heap_primary[0]),
        float(scratch.heap_secondary[0]),
        int(scratch.heap_node[0]),
    )


@given(KEYS)
def test_entries_leave_the_heap_in_order(keys: list[tuple[float, float]]) -> None:
    scratch, size = new_scratch(CAPACITY), 0
    for node, (primary, secondary) in enumerate(keys):
        size = push(scratch, size, primary, secondary, node)
    assert size == len(keys)
    left = []
    while size:
        left.append(first(scratch))
        size = drop_first(scratch, size)
    assert [entry[:2] for entry in left] == sorted(keys)
    assert sorted(node for *_, node in left) == list(range(len(keys)))
    assert all(keys[node] == (primary, secondary) for primary, secondary, node in left)


@given(st.lists(st.one_of(st.none(), st.tuples(KEY, KEY)), max_size=90))
def test_pushes_and_drops_in_any_order(steps: list[tuple[float, float] | None]) -> None:
    scratch, size = new_scratch(CAPACITY), 0
    twin: list[tuple[float, float]] = []
    for node, key in enumerate(steps):
        if key is not None:
            size = push(scratch, size, *key, node)
            heapq.heappush(twin, key)
        elif twin:
            assert first(scratch)[:2] == heapq.heappop(twin)
            size = drop_first(scratch, size)
        assert size == len(twin)


TRIPLE = st.tuples(KEY, KEY, st.integers(0, 5))


@given(TRIPLE, TRIPLE)
def test_follows_is_the_order_of_tuples(
    one: tuple[float, float, int], other: tuple[float, float, int]
) -> None:
    assert follows(*one, *other) == (one >= other)


@given(RESULTS, st.sampled_from([1, 2, 20, 101, MAX_RESULTS]), st.randoms())
@settings(max_examples=200)
def test_the_best_are_kept_in_order(
    results: list[tuple[float, float]], top_k: int, rng: Random
) -> None:
    keys = [(*key, rank) for rank, key in enumerate(results)]
    rng.shuffle(keys)
    scratch, found = new_scratch(CAPACITY), 0
    for primary, secondary, rank in keys:
        if found == top_k and behind(scratch, top_k - 1, primary, secondary, rank):
            continue
        found = keep(scratch, found, top_k, primary, secondary, rank, 1000 + rank)
    best = sorted(keys)[:top_k]
    assert found == len(best)
    assert scratch.top_key[:found].tolist() == [[*key[:2]] for key in best]
    assert scratch.top_id_rank[:found].tolist() == [rank for *_, rank in best]
    assert scratch.top_doc[:found].tolist() == [1000 + rank for *_, rank in best]
