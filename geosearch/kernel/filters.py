"""Cached filters: which documents are open and have a deal, for a minute and a wallet.

At one minute most people search with one of a few wallets. Whether a shop is open and has a deal
for a wallet does not depend on the place that a query searches from, so queries share a filter.
The first queries that could use a new filter go without it.

A filter has a word for each leaf, with a bit for each document of the leaf. A search fills the
words of the leaves that it reads, so no query does more work than its own. `FilterCache` keeps at
most `KEPT_BYTES` of filters and drops idle ones, such as those of past minutes; compare Lucene's
`UsageTrackingQueryCachingPolicy` and `LRUQueryCache`.

Several threads fill one filter without a lock: all of them write the same values, and each write
is atomic.

Filters outlive live changes. A leaf with a document that changed since the build is marked, and
a search tests its documents each time. Marks are only ever added, also while searches run: an
unmarked leaf has the same results at every moment, and a marked one has none that are read.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np

from geosearch.kernel.criteria import Criteria, Filter
from geosearch.kernel.deals import (
    doc_best_value,
    doc_has_deal,
)
from geosearch.kernel.predicates import (
    dense_bits,
    doc_at,
    doc_value,
    has_bit,
    is_priced,
)
from geosearch.kernel.relevance import ALL_PASS
from geosearch.kernel.scratch import Scratch
from geosearch.segment.columns import Columns
from indexes.arrays import I64, U64
from indexes.cache import BoundedCache
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.jit import inner_njit, int64, njit

KNOWN = 1 << NODE_SIZE
"""Bit of a leaf's word that says that the other bits are known."""

_NOT_WRITTEN = 0.0
"""Value in new memory."""
_ZERO = 5e-324
"""Stands for a value of 0; no other value is this small."""

ASKED_BEFORE = 8
"""Queries that miss a filter before the cache keeps one.

To fill a filter of a million documents costs the query that begins it 75 us, and each later one of
the nearest saves 12 us by it."""

KEPT_BYTES = 256 << 20
"""Most bytes of the filters of a segment; pages that no search touched take no memory."""

IDLE = 1_000
"""Queries since its last use after which the cache may drop a filter for another one."""

_WORD_BYTES, _VALUE_BYTES = 4, 8

REMEMBERED_BYTES = 16 << 20
"""Most bytes of the counts of missed filters."""

_WISH_BYTES = 384
"""Bytes of such a count with its key."""

NO_FILTER = Filter(np.zeros(0, np.uint32), np.zeros(0, np.float64), np.zeros(0, np.uint64))


class FilterCache:
    """Cache of the filters of one segment.

    Parameters
    ----------
    docs_of
        Returns the number of documents in the leaves of a tree; `criteria.Drivers.tree` names it.
    """

    def __init__(self, docs_of: Callable[[int], int]) -> None:
        self._docs_of = docs_of
        self._changed: dict[int, U64] = {}
        self._asked = BoundedCache[Hashable, int](REMEMBERED_BYTES)
        self._kept: dict[Hashable, _Kept] = {}
        self._bytes = 0
        self._questions = 0
        self._changing = Lock()

    def get(self, wish: Hashable, tree: int, valued: bool) -> Filter:
        """The filter of a key; `NO_FILTER` for its first queries, and where room is short.

        Parameters
        ----------
        wish
            Everything that the filter depends on, `tree` and `valued` included.
        tree
            The tree whose leaves the filter covers, as in `criteria.Drivers.tree`.
        valued
            Whether the order needs the best deal of a document, so that the filter keeps values.
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
            return self._kept[wish].filter  # another thread has just added it
        asked = self._asked.get(wish, 0)
        if asked < ASKED_BEFORE:
            self._asked.keep(wish, asked + 1, _WISH_BYTES)
            return NO_FILTER
        leaves = _leaves(self._docs_of(tree))
        size = leaves * (_WORD_BYTES + (NODE_SIZE * _VALUE_BYTES if valued else 0))
        if not self._make_room(size):
            return NO_FILTER
        found = new_filter(self._docs_of(tree), valued=valued)._replace(
            changed=self._changed_of(tree)
        )
        self._kept[wish] = _Kept(found, size, self._questions)
        self._bytes += size
        return found

    def mark(self, tree: int, places: I64) -> None:
        """Mark leaves that hold changed documents, before a search sees the changes.

        Parameters
        ----------
        tree
            The tree, as in `get`.
        places
            Places of the documents in its leaves.
        """
        if len(places):
            with self._changing:
                leaves = np.unique(places >> NODE_BITS)
                bits = np.uint64(1) << (leaves & 63).astype(np.uint64)
                np.bitwise_or.at(self._changed_of(tree), leaves >> 6, bits)

    def _changed_of(self, tree: int) -> U64:
        """Marks of a tree, the same array for all its filters; the caller holds the lock."""
        found = self._changed.get(tree)
        if found is None:
            found = self._changed[tree] = _no_marks(_leaves(self._docs_of(tree)))
        return found

    def _make_room(self, size: int) -> bool:
        """Drop idle filters, least recently used first; return whether `size` bytes fit then.

        Filters in use stay: where there are more wallets than room, filling filters again and
        again would cost more than they save.
        """
        if self._bytes + size <= KEPT_BYTES:
            return True
        idle = [wish for wish, kept in self._kept.items() if self._questions - kept.used > IDLE]
        for wish in sorted(idle, key=lambda wish: self._kept[wish].used):
            self._bytes -= self._kept.pop(wish).size
            if self._bytes + size <= KEPT_BYTES:
                return True
        return not self._kept


def new_filter(docs: int, *, valued: bool) -> Filter:
    """An empty filter for a tree with a number of documents; searches of one moment fill it."""
    leaves = _leaves(docs)
    values = leaves * NODE_SIZE if valued else 0
    return Filter(np.zeros(leaves, np.uint32), np.zeros(values, np.float64), _no_marks(leaves))


def _leaves(docs: int) -> int:
    return (docs + NODE_SIZE - 1) >> NODE_BITS


def _no_marks(leaves: int) -> U64:
    return np.zeros((leaves + 63) >> 6, np.uint64)


@dataclass(slots=True)
class _Kept:
    """A filter, its bytes, and the number of the query that used it last."""

    filter: Filter
    size: int
    used: int


@inner_njit
def is_kept(criteria: Criteria) -> bool:
    """Whether the query has a filter."""
    return bool(criteria.filter.passing.shape[0] > 0)


@inner_njit
def kept_bits(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int) -> int:
    """Bits of the documents of a leaf that pass the filter, worked out if new or changed."""
    known = int64(criteria.filter.passing[leaf])
    if known == 0 or has_bit(criteria.filter.changed, leaf):
        known = _learn(columns, criteria, scratch, leaf)
    return known & ALL_PASS


@inner_njit
def kept_value(columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int) -> float:
    """Value of a document that passes, as `rank` needs it; `at` is its place in the leaves."""
    if criteria.filter.value.shape[0] == 0:
        return doc_value(columns, criteria, doc)
    value = float(criteria.filter.value[at])
    # A thread may see another thread's bits before its values: nothing orders these writes.
    if value == _NOT_WRITTEN or has_bit(criteria.filter.changed, at >> NODE_BITS):
        _matches, value = doc_best_value(columns, criteria, scratch, at, doc)
        return value
    return value if value != _ZERO else 0.0


@njit
def _learn(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int) -> int:
    """Fill the filter's bits and values of a leaf; return the bits.

    In a changed leaf, searches of different moments overwrite them, and nobody reads them.
    """
    first = leaf << NODE_BITS
    bits = int64(KNOWN)
    candidates = dense_bits(columns, criteria, scratch, leaf)
    for at in range(first, min(first + NODE_SIZE, columns.leaf_position.shape[0])):
        if (candidates >> (at - first)) & 1 == 0:
            continue
        doc = doc_at(columns, at)
        if is_priced(criteria):
            matches, value = doc_best_value(columns, criteria, scratch, at, doc)
            if not matches:
                continue
            criteria.filter.value[at] = value if value != _NOT_WRITTEN else _ZERO
        elif not doc_has_deal(columns, criteria, scratch, at, doc):
            continue
        bits |= int64(1) << (at - first)
    criteria.filter.passing[leaf] = bits
    return bits
