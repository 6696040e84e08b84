"""The heap against `heapq`, the results kept against a sorted list."""

import heapq
import math
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.kernel.scratch import MAX_RESULTS, Scratch, new_scratch
from geosearch.kernel.top_k import is_after, is_doc_after, is_result_after, keep, pop, push
from geosearch.segment.columns import DOC_ID_RANK, Columns, column_types
from indexes.arrays import read_only_arrays

# Few values, so that keys tie.
KEY = st.sampled_from([-math.inf, -3.5, -1.0, 0.0, 1.0, 1e-300, 7.0, math.inf])
KEYS = st.lists(st.tuples(KEY, KEY), max_size=80)
RESULTS = st.lists(st.tuples(KEY, KEY), max_size=150)
CAPACITY = 100


TRIPLE = st.tuples(KEY, KEY, st.integers(0, 5))
Entry = tuple[float, float, int]


def first(scratch: Scratch) -> tuple[float, float, int, int]:
    primary, secondary = scratch.heap_key[0].tolist()
    id_rank, node = scratch.heap_entry[0].tolist()
    return primary, secondary, id_rank, node


@given(st.lists(TRIPLE, max_size=90))
def test_entries_leave_the_heap_in_order(keys: list[Entry]) -> None:
    scratch, size = new_scratch(CAPACITY), 0
    for node, key in enumerate(keys):
        size = push(scratch, size, *key, node)
    assert size == len(keys)
    left = []
    while size:
        left.append(first(scratch))
        size = pop(scratch, size)
    assert [entry[:3] for entry in left] == sorted(keys)
    assert sorted(node for *_, node in left) == list(range(len(keys)))
    assert all(keys[node] == (*key,) for *key, node in left)


@given(st.lists(st.one_of(st.none(), TRIPLE), max_size=90))
def test_pushes_and_drops_in_any_order(steps: list[Entry | None]) -> None:
    scratch, size = new_scratch(CAPACITY), 0
    twin: list[Entry] = []
    for node, key in enumerate(steps):
        if key is not None:
            size = push(scratch, size, *key, node)
            heapq.heappush(twin, key)
        elif twin:
            assert first(scratch)[:3] == heapq.heappop(twin)
            size = pop(scratch, size)
        assert size == len(twin)


@given(TRIPLE, TRIPLE)
def test_follows_is_the_order_of_tuples(
    one: tuple[float, float, int], other: tuple[float, float, int]
) -> None:
    assert is_after(*one, *other) == (one >= other)


def ranked(ranks: list[int]) -> Columns:
    """Columns of documents with these id ranks."""
    record = np.zeros((len(ranks), 6), np.int32)
    record[:, DOC_ID_RANK] = ranks
    arrays = {name: np.zeros((0,) * rank, kind) for name, (kind, rank) in column_types().items()}
    return read_only_arrays(Columns, arrays | {"doc_record": record})


@given(RESULTS, st.sampled_from([1, 2, 20, 101, MAX_RESULTS]), st.randoms())
@settings(max_examples=200)
def test_the_best_are_kept_in_order(
    results: list[tuple[float, float]], top_k: int, rng: Random
) -> None:
    keys = [(*key, rank) for rank, key in enumerate(results)]
    rng.shuffle(keys)
    columns = ranked([rank for *_, rank in keys])
    scratch, found = new_scratch(CAPACITY), 0
    for doc, (primary, secondary, rank) in enumerate(keys):
        if found == top_k:
            is_behind = is_doc_after(columns, scratch, top_k - 1, primary, secondary, doc)
            assert is_behind == is_result_after(
                columns, scratch, top_k - 1, primary, secondary, rank
            )
            if is_behind:
                continue
        found = keep(columns, scratch, found, top_k, primary, secondary, doc)
    best = sorted((*key, doc) for doc, key in enumerate(keys))[:top_k]
    assert found == len(best)
    assert scratch.top_key[:found].tolist() == [[*key[:2]] for key in best]
    assert scratch.top_doc[:found].tolist() == [doc for *_, doc in best]
