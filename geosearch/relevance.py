"""Does a document hold every word, can a node, and how well do they fit: one definition each.

Useful for: the traversals of `kernel`, and `predicates` where text counts in an order.
Not useful for: what the words of a query are (`texts`); everything here is compiled.
"""

from geosearch.columns import POSTINGS, Ask, Scratch
from indexes.jit import inline_njit, int64
from indexes.postings import first_posting, greatest_impact

MISSING = -1.0


@inline_njit
def narrow_words(ask: Ask, scratch: Scratch, parent: int, node: int, first: int, end: int) -> bool:
    """Note which part of each carried list lies in the node's documents; False where none of one.

    A match is in every list, so a node that misses one holds no match. The part below a node is a
    part of that below its parent, so the search gets shorter from level to level.
    """
    words = ask.words
    for t in range(words.carried):
        low = int64(scratch.span[parent, 2 * t])
        high = int64(scratch.span[parent, 2 * t + 1])
        scratch.work[POSTINGS] += 1
        begin = first_posting(words.docs, low, high, first)
        if begin == high or words.docs[begin] >= end:
            return False
        scratch.span[node, 2 * t] = begin
        scratch.span[node, 2 * t + 1] = first_posting(words.docs, begin + 1, high, end)
    return True


@inline_njit
def whole_words(ask: Ask, scratch: Scratch, node: int) -> None:
    """Note that the whole of each carried list lies below the node, the root."""
    for t in range(ask.words.carried):
        scratch.span[node, 2 * t] = ask.words.span[t, 0]
        scratch.span[node, 2 * t + 1] = ask.words.span[t, 1]


@inline_njit
def node_relevance(ask: Ask, scratch: Scratch, node: int, first: int, end: int) -> float:
    """Relevance that no document below the node exceeds: each list at its best there.

    The node's documents are those from `first` to before `end`.
    """
    words = ask.words
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


@inline_njit
def doc_relevance(ask: Ask, scratch: Scratch, leaf: int, doc: int) -> float:
    """Relevance of the document, or `MISSING` where a required list does not hold it.

    `leaf` is the node it was found in, for the noted parts of the lists, or -1.
    """
    words = ask.words
    relevance = 0.0
    for t in range(words.span.shape[0]):
        begin = words.span[t, 0]
        stop = words.span[t, 1]
        if t < words.carried and leaf >= 0:
            begin = int64(scratch.span[leaf, 2 * t])
            stop = int64(scratch.span[leaf, 2 * t + 1])
        scratch.work[POSTINGS] += 1
        at = first_posting(words.docs, begin, stop, doc)
        if at < stop and words.docs[at] == doc:
            # The terms and their order are those of `node_relevance`, so that they round alike.
            relevance += words.weight[t] * words.impacts[at]
        elif t < words.required:
            return MISSING
    return relevance
