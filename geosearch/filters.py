"""What is known of documents at a minute for a wallet, kept from one question to the next.

Useful for: questions that come again. At one minute most people ask with one of a few wallets, and
whether a shop is open and has a deal for one of them does not depend on where they stand.
Not useful for: questions nobody asks twice; for them nothing is kept, and nothing is lost.

A filter has a word for each leaf, with a bit for each of its documents, and is filled leaf by leaf
as searches come by, so no question waits for more than it reads. Those that are asked for again
are kept, up to so many bytes, and the oldest are dropped first; compare Lucene's
`UsageTrackingQueryCachingPolicy` and `LRUQueryCache`.

Filters are filled by several threads at once without a lock: all of them write the same values,
each in one piece.
"""

from collections.abc import Callable, Hashable

import numpy as np

from geosearch.columns import BY_BEST, BY_SAVING, Ask, Columns, Filter, Scratch
from geosearch.offers import UNKNOWN_MONEY
from geosearch.predicates import (
    doc_best_saving,
    doc_has_deal,
    doc_is_open,
    doc_may_pass,
    doc_value,
)
from indexes.jit import inline_njit, int64, njit
from indexes.rtree import NODE_BITS, NODE_SIZE

ALL_PASS = (1 << NODE_SIZE) - 1
"""Bits of a leaf all of whose documents may pass."""
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

_REMEMBERED = 65_536
"""Filters of which it is known how often they were asked for."""

NO_FILTER = Filter(np.zeros(0, np.uint32), np.zeros(0, np.float64))


class FilterCache:
    """Filters of one segment.

    Parameters
    ----------
    docs_of
        Number of documents in the leaves of a tree, by its programme as in `columns.Lists`.
    """

    def __init__(self, docs_of: Callable[[int], int]) -> None:
        self._docs_of = docs_of
        self._asked: dict[Hashable, int] = {}
        self._kept: dict[Hashable, Filter] = {}
        self._bytes = 0

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
        found = self._kept.get(wish)
        return found if found is not None else self._first(wish, tree, valued)

    def _first(self, wish: Hashable, tree: int, valued: bool) -> Filter:
        asked = self._asked.get(wish, 0)
        if asked < ASKED_BEFORE:
            if len(self._asked) >= _REMEMBERED:
                self._asked.clear()
            self._asked[wish] = asked + 1
            return NO_FILTER
        leaves = (self._docs_of(tree) + NODE_SIZE - 1) >> NODE_BITS
        found = Filter(
            np.zeros(leaves, np.uint32), np.zeros(leaves * NODE_SIZE if valued else 0, np.float64)
        )
        size = _size(found)
        while self._kept and self._bytes + size > KEPT_BYTES:
            self._bytes -= _size(self._kept.pop(next(iter(self._kept))))
        self._kept[wish] = found
        self._bytes += size
        return found


def _size(one: Filter) -> int:
    return one.passing.nbytes + one.value.nbytes


@inline_njit
def is_kept(ask: Ask) -> bool:
    """Whether the question has a filter."""
    return bool(ask.filter.passing.shape[0] > 0)


@inline_njit
def is_priced(ask: Ask) -> bool:
    """Whether an order needs the best deal of a document."""
    return bool(ask.page.sort == BY_BEST or ask.page.sort == BY_SAVING)


@inline_njit
def none_passes(ask: Ask, leaf: int) -> bool:
    """Whether it is known that no document of a leaf passes."""
    return is_kept(ask) and int64(ask.filter.passing[leaf]) == KNOWN


@inline_njit
def passing_bits(columns: Columns, ask: Ask, scratch: Scratch, leaf: int) -> int:
    """Bits of the documents of a leaf that pass, `ALL_PASS` without a filter."""
    if not is_kept(ask):
        return ALL_PASS
    known = int64(ask.filter.passing[leaf])
    return known if known != 0 else _learn(columns, ask, scratch, leaf)


@inline_njit
def passing_value(columns: Columns, ask: Ask, scratch: Scratch, at: int, doc: int) -> float:
    """Value of a document that passes, by its place in the leaves."""
    if ask.filter.value.shape[0] == 0:
        return doc_value(columns, ask, doc, UNKNOWN_MONEY)
    value = float(ask.filter.value[at])
    # Another thread's bits may be seen before its values: memory keeps no order for us.
    if value == _NOT_WRITTEN:
        _matches, _deal, saving = doc_best_saving(columns, ask, scratch, doc)
        return doc_value(columns, ask, doc, int64(saving))
    return value if value != _ZERO else 0.0


@njit
def _learn(columns: Columns, ask: Ask, scratch: Scratch, leaf: int) -> int:
    """Work out which documents of a leaf pass, and their values, and keep that."""
    own = columns.leaf_doc.shape[0] > 0
    docs = columns.leaf_doc.shape[0] if own else columns.doc_signature.shape[0]
    first = leaf << NODE_BITS
    bits = int64(KNOWN)
    for at in range(first, min(first + NODE_SIZE, docs)):
        doc = int64(columns.leaf_doc[at]) if own else at
        if not doc_may_pass(columns, ask, doc) or not doc_is_open(columns, ask, doc):
            continue
        if is_priced(ask):
            matches, _deal, saving = doc_best_saving(columns, ask, scratch, doc)
            if not matches:
                continue
            value = doc_value(columns, ask, doc, int64(saving))
            ask.filter.value[at] = value if value != _NOT_WRITTEN else _ZERO
        elif not doc_has_deal(columns, ask, scratch, doc):
            continue
        bits |= int64(1) << (at - first)
    ask.filter.passing[leaf] = bits
    return bits
