"""Which prefixes get lists, and what is refused."""

from random import Random

import numpy as np
import pytest

from indexes.names.completion_lists import SortedKeys, build_completions
from indexes.names.completions import MATCH_KIND_BITS
from tests.indexes.names.test_completions import SCORING, Table, built, table

NONE = np.zeros(0, np.int64)


def keys(*texts: str, items: list[int] | None = None) -> SortedKeys:
    """Keys of items 0, 1, 2 ... in this order."""
    numbers = list(range(len(texts))) if items is None else items
    size = np.array([len(text.encode()) + 1 for text in texts], np.int64)
    return SortedKeys(
        np.frombuffer("".join(f"{text}\0" for text in texts).encode(), np.uint8),
        (np.cumsum(size) - size).astype(np.uint32),
        np.array([number << MATCH_KIND_BITS for number in numbers], np.uint32),
    )


def ranges(made: Table, crowd: int) -> set[tuple[int, int]]:
    columns = built(made, 10, crowd)
    return {(value >> 32, value & 0xFFFFFFFF) for value in columns.list_range.tolist()}


@pytest.mark.parametrize("crowd", [1, 3, 10, 1_000])
def test_every_crowded_prefix_of_whole_characters_has_lists(crowd: int) -> None:
    made = table(Random(4), 60, 10)
    texts = [key for key, _, _ in made.keys]
    prefixes = {text[:size] for text in texts for size in range(1, len(text) + 1)}
    wanted = set()
    for prefix in prefixes:
        numbers = [number for number, text in enumerate(texts) if text.startswith(prefix)]
        if len(numbers) > crowd:
            wanted.add((numbers[0], numbers[-1] + 1))
    assert ranges(made, crowd) == wanted
    assert bool(wanted) == (crowd < 1_000)


def test_an_item_is_listed_once_a_tile_by_its_better_key() -> None:
    one = np.zeros(1, np.int64)
    made = build_completions(
        SortedKeys(
            np.frombuffer(b"ab\0ac\0", np.uint8),
            np.array([0, 3], np.uint32),
            np.array([2, 0], np.uint32),  # typed in the worst way, then in the best
        ),
        np.zeros(1, np.uint8),
        np.zeros(1, np.uint32),
        (one, one),
        SCORING,
        docs=1,
        crowd=1,
    )
    # One range of two keys; one fine tile and one coarse one, with one key each.
    assert made.list_range.tolist() == [2]
    assert made.list_start.tolist() == [0, 1, 2]
    assert made.list_key.tolist() == [1, 1]


def test_nothing_at_all() -> None:
    made = build_completions(
        keys(), np.zeros(0, np.uint8), np.zeros(0, np.uint32), (NONE, NONE), SCORING, docs=0
    )
    assert made.item_start.tolist() == [0]
    assert made.list_start.tolist() == [0]


BAD = [
    (keys("b", "a"), [0, 1], [0, 1], [0, 0], "ascending keys"),
    (keys("a", "ab", "aa", items=[0, 1, 0]), [0, 1], [0, 1], [0, 0], "ascending keys"),
    (keys("a", items=[7]), [0, 1], [0, 1], [0, 0], "items below 2, got 7"),
    (keys("a"), [0, 5], [0, 1], [0, 0], "documents below 5"),
    (keys("a"), [0, 1], [1, 0], [0, 0], "ascending items"),
    (keys("a"), [1, 0], [0, 0], [0, 0], "ascending documents"),
    (keys("a"), [1, 1], [0, 0], [0, 0], "ascending documents"),
    (keys("a"), [0, 1], [0, 2], [0, 0], "items below 2, got 2"),
    (keys("a"), [0, 1], [0, 1], [0, 9], "kinds below 2, got 9"),
]


@pytest.mark.parametrize(("given", "doc", "item", "kind", "sentence"), BAD)
def test_what_compiled_code_could_not_trust_is_refused(
    given: SortedKeys, doc: list[int], item: list[int], kind: list[int], sentence: str
) -> None:
    pairs = np.array(item, np.int64), np.array(doc, np.int64)
    with pytest.raises(ValueError, match=sentence):
        build_completions(
            given, np.array(kind, np.uint8), np.zeros(2, np.uint32), pairs, SCORING, docs=5
        )


def test_an_unknown_match_kind_is_refused() -> None:
    wrong = SortedKeys(
        np.frombuffer(b"a\0", np.uint8), np.zeros(1, np.uint32), np.array([3], np.uint32)
    )
    with pytest.raises(ValueError, match="match kinds below 3, got 3"):
        build_completions(
            wrong, np.zeros(1, np.uint8), np.zeros(1, np.uint32), (NONE, NONE), SCORING, docs=0
        )
