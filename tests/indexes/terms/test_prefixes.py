"""`indexes.terms.prefixes` against a scan of all words; the work is counted."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from indexes.geo.rtree import NODE_SIZE
from indexes.terms.prefixes import Prefixes, build_prefixes


def scanned(words: Sequence[str], prefix: str, limit: int) -> list[int]:
    """Slow twin: look at every word."""
    return [rank for rank, word in enumerate(words) if word.startswith(prefix)][:limit]


# Code points of one to four bytes, the ends of each, and letters that share their first bytes.
letters = st.sampled_from("aab0zéèß\x7f\x80߿ࠀ\uffff\U00010000\U0010ffff")
some_words = st.lists(st.text(letters, max_size=5), max_size=400)


@settings(max_examples=200)
@given(some_words, st.lists(st.text(letters, max_size=6), max_size=8), st.integers(1, 40))
def test_completions_equal_a_scan(words: list[str], asked: list[str], limit: int) -> None:
    prefixes = Prefixes(build_prefixes(words))
    assert len(prefixes) == len(words)
    assert prefixes.texts(range(len(words))) == words
    asked += ["", *(word[: 1 + i % 3] for i, word in enumerate(words[:20])), *words[-3:]]
    for prefix in asked:
        expected = scanned(words, prefix, limit)
        assert prefixes.complete(prefix, limit=limit).words == expected
    assert len(asked) >= 1 + min(len(words), 20)


@pytest.mark.parametrize("size", [0, 1, 2, 15, 16, 17, 255, 256, 257, 273, 4_095, 4_097])
def test_every_number_of_words_around_a_node(size: int) -> None:
    """Runs that begin and end anywhere, also in the last node, which is not full."""
    draw = random.Random(size)
    places = [f"{place:04}" for place in range(size)]
    words = draw.sample(places, size)
    prefixes = Prefixes(build_prefixes(words))
    asked = ["", "0", "1", "00", "02", "40", "000", "001", "027", "409", "0000", "4096", "5"]
    found = 0
    for prefix in asked:
        for limit in (1, 16, 300):
            expected = scanned(words, prefix, limit)
            assert prefixes.complete(prefix, limit=limit).words == expected
            found += len(expected)
    assert found >= min(size, 300)


@pytest.mark.parametrize(
    ("words", "prefix", "found"),
    [
        (["haidilao", "hai", "haidi"], "haidi", [0, 2]),
        (["haidilao"], "haidilao", [0]),
        (["haidilao"], "haidilaohuoguo", []),
        (["kfc", "kfc"], "k", [0, 1]),
        (["", "a"], "", [0, 1]),
        (["zz"], "a", []),
        (["aa"], "b", []),
        (["é", "e"], "é", [0]),
        (["\ud800a", "\ud801"], "\ud800", [0]),
        ([], "a", []),
        (["a" * 60, "a" * 61, "a" * 59], "a" * 60, [0, 1]),
    ],
)
def test_completions(words: list[str], prefix: str, found: list[int]) -> None:
    assert Prefixes(build_prefixes(words)).complete(prefix, limit=9).words == found


def test_no_completions_where_none_are_wanted() -> None:
    assert Prefixes(build_prefixes(["a", "b"])).complete("a", limit=0).words == []


def test_a_letter_of_half_the_words_costs_no_more_than_a_word() -> None:
    draw = random.Random(4)
    size = 1_000 if config.DISABLE_JIT else 50_000
    words = ["s" * draw.randint(0, 1) + "".join(draw.choices("aeiou", k=6)) for _ in range(size)]
    prefixes = Prefixes(build_prefixes(words))
    levels = 4
    assert NODE_SIZE**levels >= size
    compared = 0
    for limit in (1, 8, 20):
        for prefix in ("", "s", "sa", "a", "aeiou", words[0]):
            found = prefixes.complete(prefix, limit=limit)
            assert found.words == scanned(words, prefix, limit)
            assert found.visits <= 2 * NODE_SIZE * levels + NODE_SIZE * (levels - 1) * limit
            compared += len(found.words)
    assert compared > 100


def test_wrong_columns_are_refused() -> None:
    columns = build_prefixes(["a"])
    with pytest.raises(ValueError, match=r"Expected 1-dimensional uint32.*`word_order`"):
        Prefixes({**columns, "word_order": columns["word_order"].astype(np.int64)})
    with pytest.raises(ValueError, match="got 2-dimensional uint8 - at `word_text`"):
        Prefixes({**columns, "word_text": columns["word_text"].reshape(1, 1)})
