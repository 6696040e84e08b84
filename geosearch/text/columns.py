"""Text columns of a segment: writing them from the weighted texts of merchants, and opening them.

`rows` makes the weighted texts; `segment_terms` reads the columns for queries.

Columns: those of `indexes.terms.vocabulary`; ``term_begin``, ``term_doc_freq``, ``posting_doc``,
``posting_impact`` and ``posting_block``, the `indexes.terms.postings`; and ``phrase_hash``
uint64[p], ascending hashes of the names that split a run of characters in a query.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from geosearch.segment.regional import Regional
from geosearch.segment.segment import Segment
from indexes.arrays import I64, U64
from indexes.geo.rtree import node_count
from indexes.layout import Ascending, Column, Facts, Packed, Range, Starts, below, flat, starts_of
from indexes.terms.postings import (
    DocTexts,
    Postings,
    WeightedTexts,
    block_count,
    block_maxima,
    build_postings,
)
from indexes.terms.vocabulary import Vocabulary, build_vocabulary

POSTING_COLUMNS = dict(
    zip(
        Postings._fields,
        ("term_begin", "term_doc_freq", "posting_doc", "posting_impact", "posting_block"),
        strict=True,
    )
)
"""Name of the column of each field of `Postings`."""


@dataclass(frozen=True, kw_only=True)
class TextRows:
    """Texts of merchants in any order.

    Attributes
    ----------
    keys
        Keys of the T terms, ascending.
    words, pinyins
        Strings of the keys of kind WORD and PINYIN.
    texts
        Terms of the distinct texts, by row of `keys`, with impacts.
    merchants
        Texts of each merchant.
    phrases
        Normalised names that a query may join to other words in one run.
    """

    keys: U64
    words: list[str]
    pinyins: list[str]
    texts: WeightedTexts
    merchants: DocTexts
    phrases: list[str]


def no_text(merchants: int) -> TextRows:
    """Rows of merchants without texts: no search for a word finds them."""
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


def text_part(whole: Mapping[str, NDArray[Any]], docs: I64) -> dict[str, NDArray[Any]]:
    """Columns of the text of some documents of a segment; all terms stay, with their rows.

    Parameters
    ----------
    whole
        Columns of the segment.
    docs
        Documents, ascending; they become documents 0, 1 and so on.
    """
    number = np.full(len(whole["doc_by_id"]), -1, np.int64)
    number[docs] = np.arange(len(docs))
    new = number[whole["posting_doc"]]
    kept = new >= 0
    # How many postings before each place stay: a list that terms share is shared again.
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    begin = whole["term_begin"].astype(np.int64)
    impact = whole["posting_impact"][kept]
    return {
        **{name: whole[name] for name in TEXT_COLUMNS},
        "term_begin": before[begin].astype(np.uint32),
        "term_doc_freq": (before[begin + whole["term_doc_freq"]] - before[begin]).astype(np.uint32),
        "posting_doc": new[kept].astype(np.uint32),
        "posting_impact": impact,
        "posting_block": block_maxima(impact),
    }


def phrase_hash(text: str) -> int:
    """XXH3-64 of a normalised phrase. A collision only splits a run of a query in two words."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "replace"))


def _in_order(merchants: DocTexts, order: I64) -> DocTexts:
    """Texts by document, from texts by row."""
    counts = np.diff(merchants.start)[order]
    start = np.zeros(len(order) + 1, np.int64)
    np.cumsum(counts, out=start[1:])
    place = np.repeat(merchants.start[order] - start[:-1], counts) + np.arange(start[-1])
    return DocTexts(start, merchants.text[place])


class _EndsWithin:
    """Rule: each list of postings ends at the end of `posting_doc` or before."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        ends = column.astype(np.uint64) + facts.columns["term_begin"]
        return Range(0, facts.size("posting_doc") + 1).broken(ends, facts)


class _Buckets:
    """Rule: a power of two of buckets, and an end; the first bits of a hash number its bucket."""

    def broken(self, column: NDArray[Any], facts: Facts) -> str:
        buckets = len(column) - 1
        fine = 0 < buckets <= 1 << 32 and buckets & (buckets - 1) == 0
        return "" if fine else f"Expected a power of two and one more rows, got {len(column)}"


TEXT_COLUMNS: dict[str, Column] = {
    "term_key": flat(np.uint64, "term_key", Ascending()),
    "term_begin": flat(np.uint32, "term_key"),
    "term_doc_freq": flat(np.uint32, "term_key", _EndsWithin()),
    "posting_doc": flat(np.uint32, "posting_doc", below("docs")),
    "posting_impact": flat(np.uint8, "posting_doc"),
    "posting_block": flat(np.uint8, "blocks"),
    "phrase_hash": flat(np.uint64, "phrase_hash", Ascending()),
    "word_row": flat(np.uint32, "words", below("term_key")),
    "row_word": flat(np.uint32, "row_word", below("words")),
    "word_text": flat(np.uint8, "word_text"),
    "word_start": starts_of(np.uint32, "words", "word_text"),
    "word_order": flat(np.uint32, "words", below("words")),
    "word_best": flat(np.uint32, "word_nodes", below("words")),
    "word_bucket": flat(np.uint32, "word_bucket", _Buckets(), Starts("word_deletion")),
    "word_deletion": flat(np.uint32, "word_deletion", Packed("words")),
    "word_letters": Column(np.dtype(np.uint32), ("words", 2)),
}
"""Types, shapes and rules of the text columns; see `geosearch.segment.layout`."""


class TextSizes:
    """Sizes that several text columns share, or that no column has.

    Parameters
    ----------
    docs
        Number of documents of the segment.
    rows
        Returns the length of a column by its name.
    """

    def __init__(self, docs: int, rows: Callable[[str], int]) -> None:
        self.docs = docs
        self._rows = rows

    @property
    def words(self) -> int:
        """Number of words of the vocabulary."""
        return self._rows("word_row")

    @property
    def word_nodes(self) -> int:
        """Number of nodes of the tree over the words."""
        return node_count(self.words)

    @property
    def blocks(self) -> int:
        """Length of `posting_block`."""
        return block_count(self._rows("posting_doc"))


class SegmentText:
    """Opened text columns of one segment: vocabulary, postings and known names.

    Parameters
    ----------
    segment
        The segment, or what it knows of shops everywhere.

    Raises
    ------
    BadData
        If a text column is missing or breaks a rule of `TEXT_COLUMNS`.
    """

    def __init__(self, segment: Segment | Regional) -> None:
        self._arrays = segment.part(TEXT_COLUMNS, TextSizes(len(segment), segment.rows))
        columns = (self._arrays[name] for name in POSTING_COLUMNS.values())
        self.postings = Postings(*columns)
        """Documents of each term, by its row in `vocabulary`."""
        self.vocabulary = Vocabulary(self._arrays)
        """Terms and their words."""
        # A query looks up some twenty: a bisection of the column takes 1 us, a set 0.1 us.
        self._phrases = frozenset(self._arrays["phrase_hash"].tolist())

    def is_phrase(self, text: str) -> bool:
        """Whether a normalised text is a known name, such as a category, brand or area."""
        return phrase_hash(text) in self._phrases

    def nbytes(self) -> int:
        """Bytes of all text columns."""
        return sum(int(column.nbytes) for column in self._arrays.values())
