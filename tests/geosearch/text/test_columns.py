"""Texts by row become columns by document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geosearch.text.columns import (
    POSTING_COLUMNS,
    TEXT_COLUMNS,
    SegmentText,
    TextRows,
    no_text,
    phrase_hash,
    text_columns,
)
from indexes.terms.keys import PINYIN, WORD, text_key
from indexes.terms.postings import DocTexts, Postings, WeightedTexts
from indexes.terms.vocabulary import Vocabulary
from tests.geosearch.number_worlds import Shape, open_world

WORDS = ["cafe", "noodle"]
PINYINS = ["huoguo", "miantiao", "shouji"]


def opened(columns: Mapping[str, NDArray[Any]]) -> Postings:
    """Postings in columns of text."""
    return Postings(*(columns[name] for name in POSTING_COLUMNS.values()))


def some_text(merchants: list[list[int]]) -> TextRows:
    """Merchants with texts of one term each, words first; text `t` has impact `t + 1`."""
    terms = [text_key(WORD, word) for word in WORDS] + [text_key(PINYIN, one) for one in PINYINS]
    keys = np.array(sorted(terms), np.uint64)
    count = len(keys)
    return TextRows(
        keys=keys,
        words=WORDS,
        pinyins=PINYINS,
        texts=WeightedTexts(
            np.searchsorted(keys, np.array(terms, np.uint64)).astype(np.uint32),
            np.arange(1, count + 1).astype(np.uint8),
            np.arange(count + 1),
        ),
        merchants=DocTexts(
            np.cumsum([0, *map(len, merchants)]),
            np.array([text for held in merchants for text in held], np.uint32),
        ),
        phrases=["火锅", "静安寺", "火锅"],
    )


def docs_of(columns: dict[str, np.ndarray], key: int) -> dict[int, int]:
    postings, row = opened(columns), Vocabulary(columns).term(key)
    begin = int(postings.begin[row])
    end = begin + int(postings.doc_freq[row])
    docs, impacts = postings.doc[begin:end].tolist(), postings.impact[begin:end].tolist()
    return dict(zip(docs, impacts, strict=True)) if row >= 0 else {}


def test_documents_hold_the_texts_of_their_rows() -> None:
    merchants = [[0, 1], [], [1, 2], [0, 3, 4]]
    order = np.array([2, 0, 3, 1])
    columns = text_columns(some_text(merchants), order)
    terms = [text_key(WORD, word) for word in WORDS] + [text_key(PINYIN, one) for one in PINYINS]
    for text, key in enumerate(terms):
        expected = {doc: text + 1 for doc, row in enumerate(order) if text in merchants[row]}
        assert docs_of(columns, key) == expected


@pytest.mark.parametrize("merchants", [0, 1, 5])
def test_no_text_is_columns_without_terms(merchants: int) -> None:
    columns = text_columns(no_text(merchants), np.arange(merchants))
    assert opened(columns).begin.size == opened(columns).doc.size == 0
    vocabulary = Vocabulary(columns)
    assert len(vocabulary) == 0
    assert vocabulary.term(text_key(WORD, "cafe")) == -1
    assert vocabulary.with_prefix("c", limit=5) == []
    assert vocabulary.similar("coffee", limit=5) == []


@pytest.mark.parametrize("rows", [no_text(2), some_text([[0], [1]])])
def test_columns_have_the_types_that_are_checked(rows: TextRows) -> None:
    columns = text_columns(rows, np.arange(2))
    assert set(POSTING_COLUMNS.values()) < columns.keys() == TEXT_COLUMNS.keys()
    for name, column in columns.items():
        assert column.dtype == TEXT_COLUMNS[name].dtype
        assert column.ndim == len(TEXT_COLUMNS[name].shape)


def test_phrases_are_hashes_in_order() -> None:
    columns = text_columns(some_text([[0]]), np.arange(1))
    assert columns["phrase_hash"].tolist() == sorted({phrase_hash("火锅"), phrase_hash("静安寺")})


def test_a_segment_without_text_knows_no_term(tmp_path: Path) -> None:
    text = SegmentText(open_world(tmp_path / "segment-0000", Shape(docs=40)))
    assert len(text.vocabulary) == 0
    assert text.postings.begin.size == text.postings.doc.size == 0
    assert not text.is_phrase("火锅")
    own = text_columns(no_text(40), np.arange(40))
    assert text.nbytes() == sum(column.nbytes for column in own.values()) > 0
