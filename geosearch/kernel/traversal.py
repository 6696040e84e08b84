"""Tree traversal that `rank` and `count` share: a node's children and the documents at a node.

`predicates` decides whether a document or node matches.

A node on a heap or stack is one number: its level and its number in the level. A traversal reads
documents in *runs*: a leaf of the tree, the part of the rarest word's list below a node, or the
whole list that drives the search.
"""

import numpy as np

from geosearch.kernel.criteria import Criteria
from geosearch.kernel.filters import is_known, known_bits, passing_bits
from geosearch.kernel.predicates import node_may_match
from geosearch.kernel.relevance import ALL_PASS, narrow_words, word_bits
from geosearch.kernel.scratch import Scratch
from geosearch.segment.columns import Columns
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.jit import inner_njit, int64

LEVEL_SHIFT = 48
INDEX_MASK = (1 << LEVEL_SHIFT) - 1
"""Bits of a node's number in its level; the level is in the bits above."""

_BIT_NUMBER = np.array([{2**bit % 37: bit for bit in range(36)}.get(rest, 0) for rest in range(37)])
"""Exponent of a power of 2 by its remainder modulo 37; up to 2**35 all remainders differ."""


@inner_njit
def may_hold_match(columns: Columns, criteria: Criteria, level: int, index: int) -> bool:
    """Whether a node may hold a match, distance and the spans of word lists aside."""
    node = columns.level_start[level] + index
    known = level == 0 and is_known(criteria, index)
    bits = word_bits(criteria, node)
    if known:
        bits &= known_bits(criteria, index)
    return bits != 0 and node_may_match(columns, criteria, node, level, index, known)


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
def place_of(columns: Columns, criteria: Criteria, scratch: Scratch, at: int, bits: int) -> int:
    """Place in the leaves of entry `at` of a run; -1 if a filter or word bits exclude it.

    `bits` are the bits of the leaf if the run is one. No search combines a list with a card's own
    tree, so a document of a list is its own place.
    """
    if criteria.lists.driven:
        return int64(criteria.lists.driver[at])
    if criteria.words.carried > 0:
        doc = int64(criteria.words.docs[at])
        bits = passing_bits(columns, criteria, scratch, doc >> NODE_BITS)
        return doc if (bits >> (doc & (NODE_SIZE - 1))) & 1 else -1
    return at if (bits >> (at & (NODE_SIZE - 1))) & 1 else -1


@inner_njit
def fill_places(
    columns: Columns, criteria: Criteria, scratch: Scratch, begin: int, end: int, bits: int
) -> int:
    """Write the places of a part of a run, at most `NODE_SIZE` entries; return how many.

    It leaves out what `place_of` excludes.
    """
    count = int64(0)
    for listed in range(begin, end):
        at = place_of(columns, criteria, scratch, listed, bits)
        scratch.place[count] = at
        count += int64(at >= 0)
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
        bits &= passing_bits(columns, criteria, scratch, leaf)
        while bits != 0:
            if count == NODE_SIZE:
                return -1
            lowest = bits & -bits
            scratch.place[count] = (leaf << NODE_BITS) + int64(_BIT_NUMBER[lowest % 37])
            count += 1
            bits ^= lowest
    return count


@inner_njit
def bits_of(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int) -> int:
    """Bits of the documents that may pass in a leaf that a traversal reads as a run."""
    if not is_leaf(criteria):
        return ALL_PASS
    return passing_bits(columns, criteria, scratch, leaf) & word_bits(criteria, leaf)
