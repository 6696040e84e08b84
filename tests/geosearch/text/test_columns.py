"""Texts by row become columns by document."""

from __future__ import annotations

import numpy as np
import pytest

from geosearch.segment.layout import SEGMENT_COLUMNS
from geosearch.text.columns import (
    POSTING_COLUMNS,
    TextRows,
    no_text,
    phrase_hash,
    postings_of,
    text_columns,
)
from indexes.terms.keys import PINYIN, WORD, text_key
from indexes.terms.postings import DocTexts, WeightedTexts
from indexes.terms.vocabulary import Vocabulary

WORDS = ["cafe", "noodle"]
PINYINS = ["huoguo", "miantiao", "shouji"]


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
    postings, row = postings_of(columns), Vocabulary(columns).term(key)
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
    assert postings_of(columns).begin.size == postings_of(columns).doc.size == 0
    vocabulary = Vocabulary(columns)
    assert len(vocabulary) == 0
    assert vocabulary.term(text_key(WORD, "cafe")) == -1
    assert vocabulary.with_prefix("c", limit=5) == []
    assert vocabulary.similar("coffee", limit=5) == []


@pytest.mark.parametrize("rows", [no_text(2), some_text([[0], [1]])])
def test_columns_have_the_types_that_are_checked(rows: TextRows) -> None:
    columns = text_columns(rows, np.arange(2))
    assert set(POSTING_COLUMNS.values()) < columns.keys() < SEGMENT_COLUMNS.keys()
    for name, column in columns.items():
        assert column.dtype == SEGMENT_COLUMNS[name].dtype
        assert column.ndim == len(SEGMENT_COLUMNS[name].shape)


def test_phrases_are_hashes_in_order() -> None:
    columns = text_columns(some_text([[0]]), np.arange(1))
    assert columns["phrase_hash"].tolist() == sorted({phrase_hash("火锅"), phrase_hash("静安寺")})
