"""What both traversals of the tree do alike: enter a node's children, and read documents at a node.

Useful for: `rank`, which ranks, and `count`.
Not useful for: whether a document or node matches (`predicates`).

A node on a heap or stack is one number, its level and its number in the level. Documents are read
in *runs*: a leaf of the tree, the part of the rarest word's list below a node, or all of the list
that drives a search.
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
"""A node as one number: its level above, its number in the level below."""

_BIT_NUMBER = np.array([{2**bit % 37: bit for bit in range(36)}.get(rest, 0) for rest in range(37)])
"""Which bit a power of 2 is, by its remainder: up to 2**35 these are all different."""


@inner_njit
def may_hold_match(columns: Columns, criteria: Criteria, level: int, index: int) -> bool:
    """Whether a match may lie below a node, wherever that is; lists of words are not looked at."""
    node = columns.level_start[level] + index
    known = level == 0 and is_known(criteria, index)
    bits = word_bits(criteria, node)
    if known:
        bits &= known_bits(criteria, index)
    return bits != 0 and node_may_match(columns, criteria, node, level, index, known)


@inner_njit
def children_of(columns: Columns, level: int, index: int) -> tuple[int, int]:
    """Where the children of a node begin and end in the level below."""
    first = index << NODE_BITS
    return first, min(
        first + NODE_SIZE, columns.level_start[level] - columns.level_start[level - 1]
    )


@inner_njit
def holds_words(
    columns: Columns, criteria: Criteria, scratch: Scratch, level: int, index: int
) -> bool:
    """Whether a node can hold every word asked for; notes its part of their lists.

    Its parent has been entered (`enter_words`); of the root the lists are noted as a whole.
    """
    if criteria.words.carried == 0 or level == columns.level_start.shape[0] - 2:
        return True
    shift = NODE_BITS * (level + 1)
    parent = columns.level_start[level + 1] + (index >> NODE_BITS)
    node = columns.level_start[level] + index
    return narrow_words(criteria, scratch, parent, node, index << shift, (index + 1) << shift)


@inner_njit
def is_leaf(criteria: Criteria) -> bool:
    """Whether what is read at a node is a leaf of the tree."""
    return bool(not criteria.lists.driven and criteria.words.carried == 0)


@inner_njit
def run_of(
    columns: Columns, criteria: Criteria, scratch: Scratch, node: int, leaf: int
) -> tuple[int, int]:
    """Where what is read at a node begins and ends.

    In the list that drives, in that of the rarest word, or in the leaves.
    """
    if criteria.lists.driven:
        return 0, criteria.lists.driver.shape[0]
    if criteria.words.carried > 0:
        return int64(scratch.span[node, 0]), int64(scratch.span[node, 1])
    first = leaf << NODE_BITS
    return first, min(first + NODE_SIZE, columns.leaf_position.shape[0])


@inner_njit
def place_of(columns: Columns, criteria: Criteria, scratch: Scratch, at: int, bits: int) -> int:
    """Place in the leaves of what stands at `at` in a run, -1 where it is known not to pass.

    `bits` are those of the leaf, where the run is one. Lists never go with a card's own tree, so
    documents are places then.
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
    """Note the places of what may pass in a part of a run, at most `NODE_SIZE`; return how many."""
    count = int64(0)
    for listed in range(begin, end):
        at = place_of(columns, criteria, scratch, listed, bits)
        scratch.place[count] = at
        count += int64(at >= 0)
    return count


@inner_njit
def fill_few(columns: Columns, criteria: Criteria, scratch: Scratch, level: int, index: int) -> int:
    """Note the places of what may pass below a node above the leaves, where a bit tells of words.

    Returns how many; -1 where they are more than a leaf has, or no bit tells: then its children
    are looked at one by one.
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
    """Bits of a leaf that is read as a whole."""
    if not is_leaf(criteria):
        return ALL_PASS
    return passing_bits(columns, criteria, scratch, leaf) & word_bits(criteria, leaf)
