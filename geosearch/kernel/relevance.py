"""Word matching and relevance of documents and nodes, compiled.

`rank`, `count` and `predicates` share these definitions; `rewriter` chooses the words of a query.
"""

from geosearch.kernel.criteria import Criteria
from geosearch.kernel.scratch import POSTINGS, Scratch
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.jit import inner_njit, int64
from indexes.terms.postings import first_posting, greatest_impact, next_posting

MISSING = -1.0

ALL_PASS = (1 << NODE_SIZE) - 1
"""Bits of a leaf if each of its documents may pass."""


@inner_njit
def whole_words(criteria: Criteria, scratch: Scratch, node: int) -> None:
    """Set the span of the root in each carried list to the whole list."""
    for t in range(criteria.words.carried):
        scratch.span[node, 2 * t] = criteria.words.span[t, 0]
        scratch.span[node, 2 * t + 1] = criteria.words.span[t, 1]


@inner_njit
def enter_words(criteria: Criteria, scratch: Scratch, parent: int) -> None:
    """Start to narrow the carried lists to the children of a node, in ascending order."""
    for t in range(criteria.words.carried):
        scratch.reached[t] = scratch.span[parent, 2 * t]


@inner_njit
def narrow_words(
    criteria: Criteria, scratch: Scratch, parent: int, node: int, first: int, end: int
) -> bool:
    """Set the node's span in each carried list; False if a list has no document of the node.

    A match is in every list, so a node without documents in one holds no match. A node's span lies
    in its parent's, and begins where the span of the child before it ends.
    """
    words = criteria.words
    for t in range(words.carried):
        high = int64(scratch.span[parent, 2 * t + 1])
        scratch.work[POSTINGS] += 1
        begin = next_posting(words.docs, scratch.reached[t], high, first)
        scratch.reached[t] = begin
        if begin == high or words.docs[begin] >= end:
            return False
        after = next_posting(words.docs, begin + 1, high, end)
        scratch.reached[t] = after
        scratch.span[node, 2 * t] = begin
        scratch.span[node, 2 * t + 1] = after
    return True


@inner_njit
def are_few(criteria: Criteria, scratch: Scratch, node: int) -> bool:
    """Whether the rarest word has at most `NODE_SIZE` documents below a node.

    A traversal then reads these documents like a leaf and skips the levels between.
    """
    if criteria.words.carried == 0:
        return False
    return bool(int64(scratch.span[node, 1]) - int64(scratch.span[node, 0]) <= NODE_SIZE)


@inner_njit
def node_relevance(criteria: Criteria, scratch: Scratch, node: int, first: int, end: int) -> float:
    """Upper bound of the relevance of the documents below a node: the sum of each list's best.

    The node's documents are those from `first` to before `end`.
    """
    words = criteria.words
    relevance = 0.0
    for t in range(words.span.shape[0]):
        begin = words.span[t, 0]
        stop = words.span[t, 1]
        if t < words.carried:
            begin = int64(scratch.span[node, 2 * t])
            stop = int64(scratch.span[node, 2 * t + 1])
        elif t >= words.required:
            scratch.work[POSTINGS] += 1
            begin = first_posting(words.docs, begin, stop, first)
            stop = first_posting(words.docs, begin, stop, end)
        best = greatest_impact(words.impacts, words.blocks, begin, stop)
        relevance += words.weight[t] * best
    return relevance


@inner_njit
def doc_relevance(criteria: Criteria, scratch: Scratch, node: int, doc: int) -> float:
    """Relevance of the document, or `MISSING` if a required list does not hold it.

    `node` is the node that holds the document, whose spans narrow the lists, or -1.
    """
    words = criteria.words
    relevance = 0.0
    for t in range(words.span.shape[0]):
        begin = words.span[t, 0]
        stop = words.span[t, 1]
        if t < words.carried and node >= 0:
            begin = int64(scratch.span[node, 2 * t])
            stop = int64(scratch.span[node, 2 * t + 1])
        scratch.work[POSTINGS] += 1
        at = first_posting(words.docs, begin, stop, doc)
        if at < stop and words.docs[at] == doc:
            # The sum and its order are those of `node_relevance`, so both round alike.
            relevance += words.weight[t] * words.impacts[at]
        elif t < words.required:
            return MISSING
    return relevance


@inner_njit
def word_bits(criteria: Criteria, node: int) -> int:
    """Bits of the children that may hold all words; the children of a leaf are its documents."""
    return int64(criteria.words.below[node]) if criteria.words.below.shape[0] > 0 else ALL_PASS


@inner_njit
def doc_has_words(criteria: Criteria, scratch: Scratch, node: int, doc: int) -> bool:
    """Whether every required list holds the document: `doc_relevance` without the sum."""
    words = criteria.words
    if words.below.shape[0] > 0:
        return bool((int64(words.below[doc >> NODE_BITS]) >> (doc & (NODE_SIZE - 1))) & 1)
    for t in range(words.required):
        begin = words.span[t, 0]
        stop = words.span[t, 1]
        if t < words.carried and node >= 0:
            if t == 0:
                continue  # The traversal found the document in this list.
            begin = int64(scratch.span[node, 2 * t])
            stop = int64(scratch.span[node, 2 * t + 1])
        scratch.work[POSTINGS] += 1
        at = first_posting(words.docs, begin, stop, doc)
        if at == stop or words.docs[at] != doc:
            return False
    return True
