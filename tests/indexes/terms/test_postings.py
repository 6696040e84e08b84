"""Postings against a dictionary of dictionaries, and runs of them against slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexes.geo.rtree import NODE_SIZE
from indexes.jit import njit
from indexes.terms.postings import (
    BLOCK_SIZE,
    DocTexts,
    Postings,
    WeightedTexts,
    block_maxima,
    build_postings,
    fill_common,
    greatest_impact,
)

Entries = list[tuple[int, int]]
Corpus = tuple[int, list[Entries], list[list[int]]]

SIZES = [0, 1, 2]
SIZES += [count * BLOCK_SIZE + off for count in (1, 2, 3, BLOCK_SIZE) for off in (-1, 0, 1)]
SIZES += [3 * BLOCK_SIZE**2 + 5, 2 * BLOCK_SIZE**3 + 70]


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    """Number of terms, texts as (term, impact) with repeats, and the texts of each document."""
    terms = draw(st.integers(1, 6))
    entry = st.tuples(st.integers(0, terms - 1), st.integers(1, 255))
    texts = draw(st.lists(st.lists(entry, max_size=8), max_size=8))
    text = st.integers(0, max(len(texts) - 1, 0))
    docs = draw(st.lists(st.lists(text, max_size=4 if texts else 0), max_size=40))
    return terms, texts, docs


def weighted(texts: list[Entries]) -> WeightedTexts:
    entries = [entry for text in texts for entry in text]
    start = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    rows = np.array([row for row, _ in entries], np.uint32)
    return WeightedTexts(rows, np.array([impact for _, impact in entries], np.uint8), start)


def docs_of(docs: list[list[int]]) -> DocTexts:
    start = np.cumsum([0, *map(len, docs)], dtype=np.int64)
    return DocTexts(start, np.array([text for doc in docs for text in doc], np.uint32))


def built(corpus: Corpus) -> Postings:
    terms, texts, docs = corpus
    return build_postings(weighted(texts), docs_of(docs), terms=terms)


def held(postings: Postings, row: int) -> dict[int, int]:
    """Impact by document; fails unless documents ascend, each one once."""
    begin = int(postings.begin[row])
    mine = slice(begin, begin + int(postings.doc_freq[row]))
    docs = postings.doc[mine].tolist()
    assert docs == sorted(set(docs))
    return dict(zip(docs, postings.impact[mine].tolist(), strict=True))


def slow_postings(corpus: Corpus) -> list[dict[int, int]]:
    """Greatest impact of each term by document."""
    terms, texts, docs = corpus
    found: list[dict[int, int]] = [{} for _ in range(terms)]
    for doc, held in enumerate(docs):
        for text in held:
            for row, impact in texts[text]:
                found[row][doc] = max(impact, found[row].get(doc, 0))
    return found


@njit
def _greatest(impact: NDArray[np.uint8], block: NDArray[np.uint8], begin: int, end: int) -> int:
    return greatest_impact(impact, block, begin, end)


@given(corpora())
@example((3, [[(0, 1), (0, 9), (0, 5), (2, 255)], [(0, 8)]], [[1, 0], [], [0, 1, 0]]))
@settings(max_examples=300)
def test_postings_are_those_of_a_dictionary(corpus: Corpus) -> None:
    postings, expected = built(corpus), slow_postings(corpus)
    assert len(postings.begin) == len(postings.doc_freq) == corpus[0]
    assert [held(postings, row) for row in range(corpus[0])] == expected
    assert len(postings.doc) == len(postings.impact) <= sum(map(len, expected))
    assert postings.block.tolist() == block_maxima(postings.impact).tolist()


@given(corpora())
def test_terms_of_the_same_texts_share_their_postings(corpus: Corpus) -> None:
    terms, texts, docs = corpus
    doubled = [text + [(row + terms, impact) for row, impact in text] for text in texts]
    once, twice = built(corpus), built((2 * terms, doubled, docs))
    assert twice.doc.tolist() == once.doc.tolist()
    for row in range(terms):
        assert held(twice, row) == held(twice, row + terms) == held(once, row)


# texts as lists of (term, impact), then the number of lists that two terms take
LISTS: list[tuple[str, list[Entries], int]] = [
    ("same texts, same impacts", [[(0, 5), (1, 5)], [(1, 7), (0, 7)]], 1),
    ("another impact", [[(0, 5), (1, 6)]], 2),
    ("impacts the other way round", [[(0, 5), (1, 6)], [(0, 6), (1, 5)]], 2),
    ("another text", [[(0, 5)], [(1, 5)]], 2),
    ("one text more", [[(0, 5), (1, 5)], [(1, 5)]], 2),
]


@pytest.mark.parametrize(("texts", "lists"), [s[1:] for s in LISTS], ids=[s[0] for s in LISTS])
def test_only_equal_lists_are_shared(texts: list[Entries], lists: int) -> None:
    postings = built((2, texts, [[text] for text in range(len(texts))]))
    assert len(set(postings.begin.tolist())) == lists


def test_more_postings_than_can_be_numbered_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus: Corpus = (1, [[(0, 7)]], [[0], [0], [0]])
    monkeypatch.setattr("indexes.terms.postings._MOST", 3)
    assert len(built(corpus).doc) == 3
    monkeypatch.setattr("indexes.terms.postings._MOST", 2)
    with pytest.raises(ValueError, match=r"^Expected at most 2 postings, got 3 - at `docs`$"):
        built(corpus)


def test_columns_have_the_types_of_a_segment() -> None:
    postings = built((2, [[(1, 7)]], [[0]]))
    types = [column.dtype.name for column in postings]
    assert types == ["uint32", "uint32", "uint32", "uint8", "uint8"]


@given(docs=st.integers(1, 600), lists=st.integers(1, 4), seed=st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_what_all_lists_hold_is_noted_in_every_node(docs: int, lists: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    held = [
        np.flatnonzero(rng.random(docs) < rng.choice((0.0, 0.3, 0.95, 1.0))) for _ in range(lists)
    ]
    ends = np.cumsum([len(one) for one in held])
    span = np.stack([ends - [len(one) for one in held], ends], axis=1).astype(np.int64)
    sizes = [-(-docs // NODE_SIZE)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // NODE_SIZE))
    starts = np.cumsum([0, *sizes]).astype(np.int64)
    below = np.zeros(starts[-1], np.uint16)
    found = fill_common(
        np.concatenate(held).astype(np.uint32), span, starts, below, np.empty(lists, np.int64)
    )
    common = set(held[0].tolist()).intersection(*(one.tolist() for one in held))
    assert found == len(common)
    for start, size in zip(starts.tolist(), sizes, strict=False):
        bits = below[start : start + size].tolist()
        assert common == {
            NODE_SIZE * node + bit
            for node in range(size)
            for bit in range(NODE_SIZE)
            if bits[node] >> bit & 1
        }
        common = {item // NODE_SIZE for item in common}


@pytest.mark.parametrize("size", SIZES)
def test_the_greatest_impact_of_a_run_is_that_of_the_slice(size: int) -> None:
    rng = np.random.default_rng(size)
    # Mostly low, a few high: a block too many or too few changes the answer.
    impact = np.where(rng.random(size) < 0.02, rng.integers(2, 256, size), 1).astype(np.uint8)
    block = block_maxima(impact)
    edges = sorted({0, size, *rng.integers(0, size + 1, 30).tolist()})
    edges += [edge + off for edge in range(0, size, BLOCK_SIZE)[:4] for off in (-1, 1)]
    asked = 0
    for begin in edges:
        for end in edges:
            if 0 <= begin <= end <= size:
                expected = max(impact[begin:end].tolist(), default=0)
                assert _greatest(impact, block, begin, end) == expected
                asked += 1
    assert asked >= len(set(edges)) * (len(set(edges)) - 1) // 3


@pytest.mark.parametrize("size", SIZES)
def test_each_level_sums_up_the_one_below(size: int) -> None:
    level = np.random.default_rng(size).integers(1, 256, size, np.uint8).tolist()
    expected = []
    while len(level) > 1:
        level = [max(level[at : at + BLOCK_SIZE]) for at in range(0, len(level), BLOCK_SIZE)]
        expected += level
    first = np.random.default_rng(size).integers(1, 256, size, np.uint8)
    assert block_maxima(first).tolist() == expected


FINE = weighted([[(0, 1)], [(1, 2)]])
DOCS = DocTexts(np.array([0, 1]), np.array([1], np.uint32))
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("a term without a row", {"terms": 1}, "Expected numbers below 1, got 1 - at `texts.term_row`"),
    (
        "a text that is not there",
        {"docs": DOCS._replace(text=np.array([2], np.uint32))},
        "Expected numbers below 2, got 2 - at `docs.text`",
    ),
    (
        "an impact of nothing",
        {"texts": FINE._replace(impact=np.zeros(2, np.uint8))},
        "Expected impacts from 1 to 255, got 0 - at `texts.impact`",
    ),
    (
        "an impact missing",
        {"texts": FINE._replace(impact=np.ones(1, np.uint8))},
        "Expected 2 impacts, got 1 - at `texts.impact`",
    ),
    (
        "starts that go back",
        {"texts": FINE._replace(start=np.array([0, 2, 1, 2]))},
        "Expected starts that ascend from 0 to 2 - at `texts.start`",
    ),
    (
        "starts that end early",
        {"docs": DOCS._replace(start=np.array([0, 0]))},
        "Expected starts that ascend from 0 to 1 - at `docs.start`",
    ),
    (
        "starts without an end",
        {"docs": DocTexts(np.zeros(0, np.int64), np.zeros(0, np.uint32))},
        "Expected starts that ascend from 0 to 0 - at `docs.start`",
    ),
    (
        "other numbers",
        {"docs": DOCS._replace(text=np.array([1]))},
        "Expected 1-dimensional uint32, got 1-dimensional int64 - at `docs.text`",
    ),
]


@pytest.mark.parametrize(("change", "message"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    fine: dict[str, Any] = {"texts": FINE, "docs": DOCS, "terms": 2}
    assert len(build_postings(**fine).doc) == 1
    with pytest.raises(ValueError, match=f"^{message}$"):
        build_postings(**fine | change)
