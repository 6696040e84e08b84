"""Postings lists: the ascending doc ids of each term with impacts, and block-max impacts.

Useful for: the documents of a term, and the greatest impact of a term in a range of doc ids. A node
of the tree is such a range, so search prunes with it.
Not useful for: cutting text into terms (`analysis`), or the row of a term (`vocabulary`).

All lists are in one column. At place `i`, document `doc[i]` holds the term with impact `impact[i]`,
1 to 255. The list of term row `r` has `doc_freq[r]` postings from place `begin[r]` on, ascending by
document, each document once. Terms with equal postings share one list: synonyms of a category, or
the sounds of a name that only one shop has. `block` holds the greatest impact of each aligned run
of 64 places, then of each run of 64 such runs, and so on: Ding and Suel (2011), "Faster Top-k
Document Retrieval Using Block-Max Indexes". A run may extend over the end of a list.
"""

from typing import NamedTuple

import numpy as np

from indexes.arrays import I64, U8, U16, U32, U64, I64Matrix, ReadOnly, check_array
from indexes.bisection import first_at_least, next_at_least
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.jit import inline_njit, int64, njit

BLOCK_BITS = 6
BLOCK_SIZE = 1 << BLOCK_BITS
"""Postings per block: one cache line of impacts."""

_BELOW = BLOCK_SIZE - 1
_MOST = (1 << 32) - 1
"""Most postings of a segment: those of some 80 million shops."""
_SALTS = (0x243F6A8885A308D3, 0x13198A2E03707344)
"""Digits of pi; any two different numbers work."""
_SUM_MASK = (1 << 62) - 1
"""Keeps sums of two hashes below 2**63, so that plain Python and compiled code agree."""


class Postings(NamedTuple):
    """The p postings of T terms; the module describes the columns."""

    begin: U32  # [T]
    doc_freq: U32  # [T]
    doc: U32  # [p]
    impact: U8  # [p]
    block: U8


class WeightedTexts(NamedTuple):
    """The e terms of t distinct texts, each with its impact in that text."""

    term_row: U32  # [e] a text may have a term several times
    impact: U8  # [e] 1 to 255
    start: I64  # [t + 1] where the terms of each text begin


class DocTexts(NamedTuple):
    """Texts of each document: document `d` has `text[start[d] : start[d + 1]]`."""

    start: I64  # [docs + 1]
    text: U32


class _Writing(NamedTuple):
    """Postings lists during the build."""

    place: I64  # [lists] place of the next posting
    last: U32  # [lists] last document + 1, 0 = none
    doc: U32
    impact: U8


def build_postings(texts: WeightedTexts, docs: DocTexts, *, terms: int) -> Postings:
    """Postings of the terms of documents.

    Parameters
    ----------
    texts, docs
        Terms of texts, and texts of documents. A term gets one posting per document, with its
        greatest impact there.
    terms
        Number of term rows. A row without documents has no postings.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or there are more than 4,294,967,295 postings.

    Notes
    -----
    A counting sort in two passes over the documents. Documents share texts, so no array of the
    terms of all documents is made. Costs 70 ns per term of a document.
    """
    _check(texts, docs, terms)
    list_of, lists = _shared_lists(texts, terms)
    texts = texts._replace(term_row=list_of[texts.term_row])
    place, last = np.zeros(lists + 1, np.int64), np.zeros(lists, np.uint32)
    _count(texts, docs, place[1:], last)
    sizes = place[1:].astype(np.uint32)
    np.cumsum(place, out=place)
    if place[-1] > _MOST:
        raise ValueError(f"Expected at most {_MOST} postings, got {place[-1]} - at `docs`")
    begin = place.astype(np.uint32)
    doc, impact = np.empty(place[-1], np.uint32), np.empty(place[-1], np.uint8)
    last[:] = 0
    _fill(texts, docs, _Writing(place, last, doc, impact))
    return Postings(begin[list_of], sizes[list_of], doc, impact, block_maxima(impact))


def _shared_lists(texts: WeightedTexts, terms: int) -> tuple[U32, int]:
    """List number of each term, uint32[terms], numbered in term order; and the number of lists.

    Terms of the same texts with the same impacts share a list. Two sums of 62-bit hashes over
    (text, impact) identify a list. With a million terms the chance that two different lists have
    equal sums is below 1e-25.
    """
    text = np.repeat(np.arange(len(texts.start) - 1, dtype=np.uint64), np.diff(texts.start))
    entry = text << np.uint64(8) | texts.impact
    signature = np.zeros((2, terms), np.int64)
    for sums, salt in zip(signature, _SALTS, strict=True):
        _add_hashes(_hashed(entry ^ np.uint64(salt)), texts.term_row, sums)
    order = np.lexsort(signature)
    is_first = np.ones(terms, np.bool_)
    is_first[1:] = (np.diff(signature[:, order], axis=1) != 0).any(axis=0)
    # `lexsort` is stable, so the first of equal terms is the lowest. Lists ascend by it.
    first = order[is_first]
    number = np.empty(len(first), np.uint32)
    number[np.argsort(first)] = np.arange(len(first), dtype=np.uint32)
    list_of = np.empty(terms, np.uint32)
    list_of[order] = number[np.cumsum(is_first) - 1]
    return list_of, len(first)


def _hashed(values: U64) -> I64:
    """62-bit hashes: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return (values ^ values >> np.uint64(31)).view(np.int64) & _SUM_MASK


@njit
def _add_hashes(hashes: I64, term_row: U32, sums: I64) -> None:
    for entry in range(hashes.shape[0]):
        row = term_row[entry]
        sums[row] = (sums[row] + hashes[entry]) & _SUM_MASK


def block_maxima(impact: U8) -> U8:
    """`Postings.block` of a column of impacts: the maxima of each level, the finest first.

    Examples
    --------
    >>> block_maxima(np.arange(130, dtype=np.uint8)).tolist()
    [63, 127, 129, 129]
    """
    levels = []
    level = impact
    while len(level) > 1:
        level = np.maximum.reduceat(level, np.arange(0, len(level), BLOCK_SIZE))
        levels.append(level)
    return np.concatenate(levels) if levels else np.zeros(0, np.uint8)


def block_count(entries: int) -> int:
    """Length of the `block_maxima` of `entries` impacts.

    Examples
    --------
    >>> block_count(130)
    4
    """
    total = 0
    while entries > 1:
        entries = -(-entries // BLOCK_SIZE)
        total += entries
    return total


first_posting = first_at_least
"""First place of a list of postings whose document is at least the wanted one."""

next_posting = next_at_least
"""`first_posting` for a document that is probably near the beginning."""


@njit
def fill_common(
    docs: U32, span: I64Matrix, level_start: ReadOnly[I64], below: U16, reached: I64
) -> int:
    """Fill `below` with the tree nodes of documents in all lists; return the documents' number.

    Parameters
    ----------
    docs, span
        Column of postings, and int64[t, 2], t > 0, where each list begins and ends in it. The first
        list is best a short one.
    level_start
        Level starts of the tree over the documents; see `indexes.geo.rtree`.
    below
        uint16[nodes], zero at first. The kernel sets bit `i` of a leaf if its document `i` is in
        all lists, and bit `i` of a node if its child `i` holds such a document.
    reached
        int64[t], working memory.
    """
    lists = span.shape[0]
    for t in range(lists):
        reached[t] = span[t, 0]
    found = 0
    for at in range(span[0, 0], span[0, 1]):
        doc = int64(docs[at])
        held = 1
        while held < lists:
            place = next_at_least(docs, reached[held], span[held, 1], doc)
            reached[held] = place
            if place == span[held, 1] or docs[place] != doc:
                break
            held += 1
        if held < lists:
            continue
        found += 1
        item = doc
        for level in range(level_start.shape[0] - 1):
            node = level_start[level] + (item >> NODE_BITS)
            bits = int64(below[node])
            bit = int64(1) << (item & (NODE_SIZE - 1))
            if bits & bit:
                break
            below[node] = bits | bit
            item >>= NODE_BITS
    return found


@inline_njit
def greatest_impact(impacts: U8, blocks: U8, begin: int, end: int) -> int:
    """Greatest impact at places `begin` to before `end`, 0 for an empty range; exact.

    Reads at most 126 values per level, some 500 of a hundred million. It uses the maximum of a
    block only if the block lies within the range. It reads the values of other blocks one by one.
    """
    best = 0
    if end - begin <= 2 * BLOCK_SIZE:
        for i in range(begin, end):
            best = max(best, int64(impacts[i]))
        return best
    first = (begin + _BELOW) >> BLOCK_BITS
    after = end >> BLOCK_BITS
    for i in range(begin, first << BLOCK_BITS):
        best = max(best, int64(impacts[i]))
    for i in range(after << BLOCK_BITS, end):
        best = max(best, int64(impacts[i]))
    # Blocks `first` to before `after` of the level that begins at `level`.
    level = 0
    size = (impacts.shape[0] + _BELOW) >> BLOCK_BITS
    while after - first > 2 * BLOCK_SIZE:
        next_first = (first + _BELOW) >> BLOCK_BITS
        next_after = after >> BLOCK_BITS
        for i in range(level + first, level + (next_first << BLOCK_BITS)):
            best = max(best, int64(blocks[i]))
        for i in range(level + (next_after << BLOCK_BITS), level + after):
            best = max(best, int64(blocks[i]))
        first = next_first
        after = next_after
        level += size
        size = (size + _BELOW) >> BLOCK_BITS
    for i in range(level + first, level + after):
        best = max(best, int64(blocks[i]))
    return best


@njit
def _count(texts: WeightedTexts, docs: DocTexts, count: I64, last: U32) -> None:
    """Count the documents of each list; `last` is the last counted document + 1."""
    for doc in range(docs.start.shape[0] - 1):
        for i in range(docs.start[doc], docs.start[doc + 1]):
            text = docs.text[i]
            for entry in range(texts.start[text], texts.start[text + 1]):
                row = texts.term_row[entry]
                if last[row] != doc + 1:
                    last[row] = doc + 1
                    count[row] += 1


@njit
def _fill(texts: WeightedTexts, docs: DocTexts, lists: _Writing) -> None:
    for doc in range(docs.start.shape[0] - 1):
        for i in range(docs.start[doc], docs.start[doc + 1]):
            text = docs.text[i]
            for entry in range(texts.start[text], texts.start[text + 1]):
                row = texts.term_row[entry]
                free = lists.place[row]
                if lists.last[row] != doc + 1:
                    lists.last[row] = doc + 1
                    lists.place[row] = free + 1
                    lists.doc[free] = doc
                    lists.impact[free] = texts.impact[entry]
                elif lists.impact[free - 1] < texts.impact[entry]:
                    lists.impact[free - 1] = texts.impact[entry]


def _check(texts: WeightedTexts, docs: DocTexts, terms: int) -> None:
    """Check what compiled loops trust."""
    check_array("texts.term_row", texts.term_row, U32)
    check_array("texts.impact", texts.impact, U8)
    check_array("texts.start", texts.start, I64)
    check_array("docs.start", docs.start, I64)
    check_array("docs.text", docs.text, U32)
    entries = len(texts.term_row)
    if len(texts.impact) != entries:
        raise ValueError(f"Expected {entries} impacts, got {len(texts.impact)} - at `texts.impact`")
    _check_starts("texts.start", texts.start, entries)
    _check_starts("docs.start", docs.start, len(docs.text))
    if entries and not texts.impact.min():
        raise ValueError("Expected impacts from 1 to 255, got 0 - at `texts.impact`")
    _check_below("texts.term_row", texts.term_row, terms)
    _check_below("docs.text", docs.text, len(texts.start) - 1)


def _check_starts(name: str, starts: I64, total: int) -> None:
    if not len(starts) or starts[0] != 0 or starts[-1] != total or (np.diff(starts) < 0).any():
        raise ValueError(f"Expected starts that ascend from 0 to {total} - at `{name}`")


def _check_below(name: str, numbers: U32, limit: int) -> None:
    if len(numbers) and numbers.max() >= limit:
        raise ValueError(f"Expected numbers below {limit}, got {numbers.max()} - at `{name}`")
