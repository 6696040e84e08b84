"""What is known of documents at a minute for a wallet, kept from one question to the next.

Useful for: questions that come again. At one minute most people ask with one of a few wallets, and
whether a shop is open and has a deal for one of them does not depend on where they stand.
Not useful for: questions nobody asks twice; for them nothing is kept, and nothing is lost.

A filter has a word for each leaf, with a bit for each of its documents, and is filled leaf by leaf
as searches come by, so no question waits for more than it reads. Those that are asked for again
are kept, up to so many bytes, and those of minutes that are over make room; compare Lucene's
`UsageTrackingQueryCachingPolicy` and `LRUQueryCache`.

Filters are filled by several threads at once without a lock: all of them write the same values,
each in one piece.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np

from geosearch.kernel.criteria import BY_BEST, BY_SAVING, Criteria, Filter
from geosearch.kernel.predicates import (
    doc_best_saving,
    doc_has_deal,
    doc_is_open,
    doc_may_pass,
    doc_value,
)
from geosearch.kernel.relevance import ALL_PASS
from geosearch.kernel.scratch import Scratch
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.segment.columns import Columns
from indexes.cache import BoundedCache
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.jit import inner_njit, int64, njit

KNOWN = 1 << NODE_SIZE
"""Set in the word of a leaf whose bits are known."""

_NOT_WRITTEN = 0.0
"""What new memory holds."""
_ZERO = 5e-324
"""Stands for a value of 0; no other value is this small."""

ASKED_BEFORE = 1
"""How often a filter has been asked for before it is kept."""

KEPT_BYTES = 256 << 20
"""Of all filters of a segment; pages that no search touched take no memory."""

IDLE = 1_000
"""Questions after which a filter that none of them used may be dropped for another."""

_WORD_BYTES, _VALUE_BYTES = 4, 8

REMEMBERED_BYTES = 16 << 20
"""Of how often filters were asked for."""

_WISH_BYTES = 384
"""Of an entry."""

NO_FILTER = Filter(np.zeros(0, np.uint32), np.zeros(0, np.float64))


class FilterCache:
    """Filters of one segment.

    Parameters
    ----------
    docs_of
        Number of documents in the leaves of a tree, by its card as in `criteria.Lists`.
    """

    def __init__(self, docs_of: Callable[[int], int]) -> None:
        self._docs_of = docs_of
        self._asked = BoundedCache[Hashable, int](REMEMBERED_BYTES)
        self._kept: dict[Hashable, _Kept] = {}
        self._bytes = 0
        self._questions = 0
        self._changing = Lock()

    def get(self, wish: Hashable, tree: int, valued: bool) -> Filter:
        """What is kept for a wish; `NO_FILTER` before it has been asked for often enough.

        Parameters
        ----------
        wish
            All that the filter depends on, `tree` and `valued` too.
        tree
            Which one's leaves it is for.
        valued
            Whether finding the value of a document is work.
        """
        self._questions += 1
        kept = self._kept.get(wish)
        if kept is None:
            with self._changing:
                return self._first(wish, tree, valued)
        kept.used = self._questions
        return kept.filter

    def _first(self, wish: Hashable, tree: int, valued: bool) -> Filter:
        if wish in self._kept:
            return self._kept[wish].filter  # of another thread, a moment ago
        asked = self._asked.get(wish, 0)
        if asked < ASKED_BEFORE:
            self._asked.keep(wish, asked + 1, _WISH_BYTES)
            return NO_FILTER
        leaves = (self._docs_of(tree) + NODE_SIZE - 1) >> NODE_BITS
        size = leaves * (_WORD_BYTES + (NODE_SIZE * _VALUE_BYTES if valued else 0))
        if not self._make_room(size):
            return NO_FILTER
        values = leaves * NODE_SIZE if valued else 0
        found = Filter(np.zeros(leaves, np.uint32), np.zeros(values, np.float64))
        self._kept[wish] = _Kept(found, size, self._questions)
        self._bytes += size
        return found

    def _make_room(self, size: int) -> bool:
        """Drop what was not used for long, least recently used first; say whether it is enough.

        What is in use stays: where there are more wallets than room, making filters anew and anew
        would cost more than they give.
        """
        if self._bytes + size <= KEPT_BYTES:
            return True
        idle = [wish for wish, kept in self._kept.items() if self._questions - kept.used > IDLE]
        for wish in sorted(idle, key=lambda wish: self._kept[wish].used):
            self._bytes -= self._kept.pop(wish).size
            if self._bytes + size <= KEPT_BYTES:
                return True
        return not self._kept


@dataclass(slots=True)
class _Kept:
    """A filter, its bytes, and the number of the question that used it last."""

    filter: Filter
    size: int
    used: int


@inner_njit
def is_kept(criteria: Criteria) -> bool:
    """Whether the question has a filter."""
    return bool(criteria.filter.passing.shape[0] > 0)


@inner_njit
def is_priced(criteria: Criteria) -> bool:
    """Whether an order needs the best deal of a document."""
    return bool(criteria.page.sort == BY_BEST or criteria.page.sort == BY_SAVING)


@inner_njit
def is_known(criteria: Criteria, leaf: int) -> bool:
    """Whether it is known which documents of a leaf pass."""
    return is_kept(criteria) and int64(criteria.filter.passing[leaf]) != 0


@inner_njit
def known_bits(criteria: Criteria, leaf: int) -> int:
    """Bits of the documents of a leaf that may pass, from what is known; see `is_known`."""
    return int64(criteria.filter.passing[leaf]) & ALL_PASS


@inner_njit
def passing_bits(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int) -> int:
    """Bits of the documents of a leaf that pass, `ALL_PASS` without a filter."""
    if not is_kept(criteria):
        return ALL_PASS
    known = int64(criteria.filter.passing[leaf])
    return known if known != 0 else _learn(columns, criteria, scratch, leaf)


@inner_njit
def passing_value(
    columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int
) -> float:
    """Value of a document that passes, by its place in the leaves."""
    if criteria.filter.value.shape[0] == 0:
        return doc_value(columns, criteria, doc, UNKNOWN_MONEY)
    value = float(criteria.filter.value[at])
    # Another thread's bits may be seen before its values: memory keeps no order for us.
    if value == _NOT_WRITTEN:
        _matches, _deal, saving = doc_best_saving(columns, criteria, scratch, doc)
        return doc_value(columns, criteria, doc, int64(saving))
    return value if value != _ZERO else 0.0


@njit
def _learn(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int) -> int:
    """Work out which documents of a leaf pass, and their values, and keep that."""
    own = columns.leaf_doc.shape[0] > 0
    docs = columns.leaf_doc.shape[0] if own else columns.doc_signature.shape[0]
    first = leaf << NODE_BITS
    bits = int64(KNOWN)
    for at in range(first, min(first + NODE_SIZE, docs)):
        doc = int64(columns.leaf_doc[at]) if own else at
        if not doc_may_pass(columns, criteria, doc) or not doc_is_open(columns, criteria, doc):
            continue
        if is_priced(criteria):
            matches, _deal, saving = doc_best_saving(columns, criteria, scratch, doc)
            if not matches:
                continue
            value = doc_value(columns, criteria, doc, int64(saving))
            criteria.filter.value[at] = value if value != _NOT_WRITTEN else _ZERO
        elif not doc_has_deal(columns, criteria, scratch, doc):
            continue
        bits |= int64(1) << (at - first)
    criteria.filter.passing[leaf] = bits
    return bits
