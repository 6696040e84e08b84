"""The text of a segment: from weighted texts of merchants to the columns that searches read.

Useful for: `segment.writer`, which writes the columns, and `segment`, which names them.
Not useful for: what a text is worth in which field (`rows`), or reading a query (`wording`).

Columns: those of `indexes.terms.vocabulary`; ``term_begin``, ``term_doc_freq``, ``posting_doc``,
``posting_impact`` and ``posting_block``, the `indexes.terms.postings`; and ``phrase_hash``
uint64[p], ascending hashes of the names that a run of characters in a query is cut at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from geosearch.segment.columns import I64, U64
from indexes.terms.postings import DocTexts, Postings, WeightedTexts, build_postings
from indexes.terms.vocabulary import build_vocabulary

POSTING_COLUMNS = dict(
    zip(
        Postings._fields,
        ("term_begin", "term_doc_freq", "posting_doc", "posting_impact", "posting_block"),
        strict=True,
    )
)
"""Column of each field of `Postings`."""

TEXT_PREFIXES = ("term_", "posting_", "word_", "row_word", "phrase_")
"""How the names of all columns of text begin."""


@dataclass(frozen=True, kw_only=True)
class TextRows:
    """Texts of merchants in any order.

    Attributes
    ----------
    keys
        Keys of the T terms, ascending.
    words, pinyins
        The strings behind those of kind WORD and PINYIN.
    texts
        Terms of the distinct texts by number of their key, with impacts.
    merchants
        Texts of each merchant.
    phrases
        Normalised names that a query may hold beside other words.
    """

    keys: U64
    words: list[str]
    pinyins: list[str]
    texts: WeightedTexts
    merchants: DocTexts
    phrases: list[str]


def no_text(merchants: int) -> TextRows:
    """Texts of merchants without any: no search for a word finds them."""
    none = np.zeros(0, np.uint32)
    return TextRows(
        keys=np.zeros(0, np.uint64),
        words=[],
        pinyins=[],
        texts=WeightedTexts(none, np.zeros(0, np.uint8), np.zeros(1, np.int64)),
        merchants=DocTexts(np.zeros(merchants + 1, np.int64), none),
        phrases=[],
    )


def text_columns(rows: TextRows, order: I64) -> dict[str, NDArray[Any]]:
    """Columns of the text of a segment.

    Parameters
    ----------
    order
        Row of each document, int64[docs].
    """
    docs = _in_order(rows.merchants, order)
    postings = build_postings(rows.texts, docs, terms=len(rows.keys))
    phrases = {phrase_hash(phrase) for phrase in rows.phrases}
    return {
        **{POSTING_COLUMNS[name]: column for name, column in postings._asdict().items()},
        **build_vocabulary(rows.keys, rows.words, rows.pinyins, doc_freq=postings.doc_freq),
        "phrase_hash": np.array(sorted(phrases), np.uint64),
    }


def postings_of(columns: Mapping[str, NDArray[Any]]) -> Postings:
    """Postings in the columns of a segment."""
    return Postings(*(columns[name] for name in POSTING_COLUMNS.values()))


def phrase_hash(text: str) -> int:
    """Hash of a normalised phrase: its XXH3-64. A wrong hit only cuts a query in two words."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "replace"))


def _in_order(merchants: DocTexts, order: I64) -> DocTexts:
    """Texts by document from texts by row."""
    counts = np.diff(merchants.start)[order]
    start = np.zeros(len(order) + 1, np.int64)
    np.cumsum(counts, out=start[1:])
    place = np.repeat(merchants.start[order] - start[:-1], counts) + np.arange(start[-1])
    return DocTexts(start, merchants.text[place])
