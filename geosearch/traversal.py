"""What both traversals of the tree do alike: enter a node's children, and read documents at a node.

Useful for: `kernel`, which ranks, and `counting`.
Not useful for: whether a document or node matches (`predicates`).

A node on a heap or stack is one number, its level and its number in the level. Documents are read
in *runs*: a leaf of the tree, the part of the rarest word's list below a node, or all of the list
that drives a search.
"""

from geosearch.columns import Ask, Columns, Scratch
from geosearch.filters import ALL_PASS, is_known, none_passes, passing_bits
from geosearch.predicates import node_may_match
from geosearch.relevance import narrow_words
from indexes.jit import inner_njit, int64
from indexes.rtree import NODE_BITS, NODE_SIZE

LEVEL_SHIFT = 48
INDEX_MASK = (1 << LEVEL_SHIFT) - 1
"""A node as one number: its level above, its number in the level below."""


@inner_njit
def may_hold_match(columns: Columns, ask: Ask, level: int, index: int) -> bool:
    """Whether a match may lie below a node, wherever that is and whatever its words."""
    known = level == 0 and is_known(ask, index)
    if known and none_passes(ask, index):
        return False
    return node_may_match(columns, ask, columns.level_start[level] + index, level, index, known)


@inner_njit
def children_of(columns: Columns, level: int, index: int) -> tuple[int, int]:
    """Where the children of a node begin and end in the level below."""
    first = index << NODE_BITS
    return first, min(
        first + NODE_SIZE, columns.level_start[level] - columns.level_start[level - 1]
    )


@inner_njit
def holds_words(columns: Columns, ask: Ask, scratch: Scratch, level: int, index: int) -> bool:
    """Whether a node can hold every word asked for; notes its part of their lists.

    Its parent has been entered (`enter_words`); of the root the lists are noted as a whole.
    """
    if ask.words.carried == 0 or level == columns.level_start.shape[0] - 2:
        return True
    shift = NODE_BITS * (level + 1)
    parent = columns.level_start[level + 1] + (index >> NODE_BITS)
    node = columns.level_start[level] + index
    return narrow_words(ask, scratch, parent, node, index << shift, (index + 1) << shift)


@inner_njit
def is_leaf(ask: Ask) -> bool:
    """Whether what is read at a node is a leaf of the tree."""
    return bool(not ask.lists.driven and ask.words.carried == 0)


@inner_njit
def run_of(columns: Columns, ask: Ask, scratch: Scratch, node: int, leaf: int) -> tuple[int, int]:
    """Where what is read at a node begins and ends.

    In the list that drives, in that of the rarest word, or in the leaves.
    """
    if ask.lists.driven:
        return 0, ask.lists.driver.shape[0]
    if ask.words.carried > 0:
        return int64(scratch.span[node, 0]), int64(scratch.span[node, 1])
    first = leaf << NODE_BITS
    return first, min(first + NODE_SIZE, columns.leaf_position.shape[0])


@inner_njit
def place_of(columns: Columns, ask: Ask, scratch: Scratch, at: int, bits: int) -> int:
    """Place in the leaves of what stands at `at` in a run, -1 where it is known not to pass.

    `bits` are those of the leaf, where the run is one. Lists never go with a card's own tree, so
    documents are places then.
    """
    if ask.lists.driven:
        return int64(ask.lists.driver[at])
    if ask.words.carried > 0:
        doc = int64(ask.words.docs[at])
        bits = passing_bits(columns, ask, scratch, doc >> NODE_BITS)
        return doc if (bits >> (doc & (NODE_SIZE - 1))) & 1 else -1
    return at if (bits >> (at & (NODE_SIZE - 1))) & 1 else -1


@inner_njit
def note_places(
    columns: Columns, ask: Ask, scratch: Scratch, begin: int, end: int, bits: int
) -> int:
    """Note the places of what may pass in a part of a run, at most `NODE_SIZE`; return how many."""
    count = int64(0)
    for listed in range(begin, end):
        at = place_of(columns, ask, scratch, listed, bits)
        scratch.place[count] = at
        count += int64(at >= 0)
    return count


@inner_njit
def bits_of(columns: Columns, ask: Ask, scratch: Scratch, leaf: int) -> int:
    """Bits of a leaf that is read as a whole."""
    return passing_bits(columns, ask, scratch, leaf) if is_leaf(ask) else ALL_PASS
