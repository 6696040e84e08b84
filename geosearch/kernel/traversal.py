"""Tree traversal that `rank` and `count` share: a node's children and the documents at a node.

`predicates` decides whether a document or node matches.

A node on a heap or stack is one number: its level and its number in the level. A traversal reads
documents in *runs*: a leaf of the tree, the part of the rarest word's list below a node, or the
whole list that drives the search.
"""

import numpy as np

from geosearch.kernel.criteria import Criteria
from geosearch.kernel.deals import reads_deals
from geosearch.kernel.filters import is_kept, kept_bits
from geosearch.kernel.predicates import (
    always_bits,
    category_bits,
    dense_bits,
    has_category,
    may_match,
    node_may_match,
    reads_categories,
)
from geosearch.kernel.relevance import ALL_PASS, narrow_words, word_bits
from geosearch.kernel.scratch import DOCS, NODES, OFFERS, POSTINGS, TOO_MUCH, Scratch
from geosearch.segment.columns import Columns
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.jit import inner_njit, int64, uint64

LEVEL_SHIFT = 48
INDEX_MASK = (1 << LEVEL_SHIFT) - 1
"""Bits of a node's number in its level; the level is in the bits above."""

_BIT_NUMBER = np.array([{2**bit % 37: bit for bit in range(36)}.get(rest, 0) for rest in range(37)])
"""Exponent of a power of 2 by its remainder modulo 37; up to 2**35 all remainders differ."""


@inner_njit
def is_spent(scratch: Scratch) -> bool:
    """Whether a traversal has done more work than it may: `Scratch.left`.

    The traversals ask this before each run of documents, so they pass the limit by one run at most.
    """
    return bool(_done(scratch) > scratch.left[0])


@inner_njit
def settled(scratch: Scratch, found: int) -> int:
    """Result of a traversal that ends: `found`, or `TOO_MUCH`; takes its work from what is left.

    Only the work decides, so a limit gives either the result without a limit or `TOO_MUCH`.
    """
    scratch.left[0] -= _done(scratch)
    return found if scratch.left[0] >= 0 else TOO_MUCH


@inner_njit
def _done(scratch: Scratch) -> int:
    work = scratch.work
    return int64(work[NODES] + work[DOCS] + work[OFFERS] + work[POSTINGS])


@inner_njit
def may_hold_match(columns: Columns, criteria: Criteria, level: int, index: int) -> bool:
    """Whether a node may hold a match, distance and the spans of word lists aside."""
    node = columns.level_start[level] + index
    return word_bits(criteria, node) != 0 and node_may_match(columns, criteria, node, level, index)


@inner_njit
def children_of(columns: Columns, level: int, index: int) -> tuple[int, int]:
    """Begin and end of a node's children in the level below."""
    first = index << NODE_BITS
    return first, min(
        first + NODE_SIZE, columns.level_start[level] - columns.level_start[level - 1]
    )


@inner_njit
def holds_words(
    columns: Columns, criteria: Criteria, scratch: Scratch, level: int, index: int
) -> bool:
    """Whether a node may hold every word; sets its spans in the word lists.

    Callers call `enter_words` for its parent first, and `whole_words` for the root.
    """
    if criteria.words.carried == 0 or level == columns.level_start.shape[0] - 2:
        return True
    shift = NODE_BITS * (level + 1)
    parent = columns.level_start[level + 1] + (index >> NODE_BITS)
    node = columns.level_start[level] + index
    return narrow_words(criteria, scratch, parent, node, index << shift, (index + 1) << shift)


@inner_njit
def is_leaf(criteria: Criteria) -> bool:
    """Whether the run at a node is a leaf of the tree."""
    return bool(not criteria.lists.driven and criteria.words.carried == 0)


@inner_njit
def run_of(
    columns: Columns, criteria: Criteria, scratch: Scratch, node: int, leaf: int
) -> tuple[int, int]:
    """Begin and end of the run at a node.

    They count in the driving list, in the list of the rarest word, or in the leaves.
    """
    if criteria.lists.driven:
        return 0, criteria.lists.driver.shape[0]
    if criteria.words.carried > 0:
        return int64(scratch.span[node, 0]), int64(scratch.span[node, 1])
    first = leaf << NODE_BITS
    return first, min(first + NODE_SIZE, columns.leaf_position.shape[0])


@inner_njit
def leaf_bits(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int, among: int) -> int:
    """Those of the bits `among` whose documents in a leaf may match, words and place aside."""
    kept = is_kept(criteria)
    if kept or among == ALL_PASS:
        bits = among
        if kept:
            bits &= kept_bits(columns, criteria, scratch, leaf)
        else:
            bits &= dense_bits(columns, criteria, scratch, leaf)
        if reads_categories(criteria):
            bits &= category_bits(columns, criteria, leaf)
        return bits
    bits = among
    while among != 0:
        lowest = among & -among
        among ^= lowest
        scratch.work[DOCS] += 1
        at = (leaf << NODE_BITS) + int64(_BIT_NUMBER[lowest % 37])
        if may_match(columns, criteria, at) == 0:
            bits ^= lowest
    return bits


@inner_njit
def fill_places(
    columns: Columns, criteria: Criteria, scratch: Scratch, begin: int, end: int, bits: int
) -> int:
    """Write the places of a part of a run, at most `NODE_SIZE` entries; return how many.

    It leaves out documents that the filter or `predicates.may_match` excludes. `bits` are those of
    `bits_of` if the run is a leaf. No search combines a list with a card's own tree, so a document
    of a list is its own place.
    """
    count = int64(0)
    if is_leaf(criteria):
        for entry in range(uint64(end - begin)):
            scratch.place[count] = begin + int64(entry)
            count += (bits >> entry) & 1
        if is_kept(criteria):
            scratch.work[DOCS] += count
        return count
    scratch.work[DOCS] += end - begin
    for entry in range(begin, end):
        if criteria.lists.driven:
            at = int64(criteria.lists.driver[entry])
        else:
            at = int64(criteria.words.docs[entry])
        scratch.place[count] = at
        if is_kept(criteria):
            kept = kept_bits(columns, criteria, scratch, at >> NODE_BITS)
            passes = (kept >> (at & (NODE_SIZE - 1))) & 1
            # The categories of this document alone, not of its whole leaf for each entry.
            if reads_categories(criteria):
                passes &= has_category(columns, criteria, at)
            count += passes
        else:
            count += may_match(columns, criteria, at)
    return count


@inner_njit
def fill_few(columns: Columns, criteria: Criteria, scratch: Scratch, level: int, index: int) -> int:
    """Write the places of the documents below a node of level 1 that hold all words and may pass.

    Returns how many, or -1 if they are more than `NODE_SIZE`, the node is not of level 1, or
    `Words.below` is not set. The caller then visits the children one by one.
    """
    if level != 1 or criteria.words.carried > 0 or criteria.words.below.shape[0] == 0:
        return -1
    first, end = children_of(columns, level, index)
    count = int64(0)
    for leaf in range(first, end):
        bits = word_bits(criteria, leaf)
        if bits == 0:
            continue
        if is_kept(criteria):
            bits = leaf_bits(columns, criteria, scratch, leaf, bits)
        while bits != 0:
            if count == NODE_SIZE:
                return -1
            lowest = bits & -bits
            scratch.place[count] = (leaf << NODE_BITS) + int64(_BIT_NUMBER[lowest % 37])
            count += 1
            bits ^= lowest
    scratch.work[DOCS] += count
    if is_kept(criteria):
        return count
    passing = int64(0)
    for place in range(count):
        at = int64(scratch.place[place])
        scratch.place[passing] = at
        passing += may_match(columns, criteria, at)
    return passing


@inner_njit
def sure_bits(columns: Columns, criteria: Criteria, leaf: int, whole: bool) -> int:
    """Bits, by place in its leaf, of documents of a run that surely have a deal as wanted.

    `whole` says that the run is the leaf `leaf`. All documents that pass a filter have a deal.
    """
    if is_kept(criteria) or not reads_deals(criteria):
        return ALL_PASS
    return always_bits(columns, criteria, leaf) if whole else int64(0)


@inner_njit
def bits_of(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int) -> int:
    """Bits of the documents that may match in a leaf that a traversal reads as a run."""
    if not is_leaf(criteria):
        return ALL_PASS
    return leaf_bits(columns, criteria, scratch, leaf, word_bits(criteria, leaf))
