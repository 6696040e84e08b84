"""Predicates and bounds: whether a document matches, whether a node can, and how good it can be.

`rank` and `count` share these definitions. Every `node_` function is conservative: it
says no only if no document below the node can match, and the reason is next to it.
"""

import math

import numpy as np

from geosearch.kernel.areas import node_meets_area
from geosearch.kernel.criteria import (
    ANY_HOURS,
    BY_BEST,
    BY_DISTANCE,
    BY_RATING,
    BY_RELEVANCE,
    BY_SAVING,
    NO_BUDGET,
    OPEN_ONLY,
    OPEN_OR_UNKNOWN,
    OPTIONAL_DEAL,
    Criteria,
)
from geosearch.kernel.relevance import node_relevance
from geosearch.kernel.scratch import DOCS, Scratch
from geosearch.kernel.stacks import (
    best_of_class,
    saving_of_class,
    with_stack_best,
    with_stack_saving,
)
from geosearch.kernel.states import MAY_BE_OPEN, state_of, wanted_state
from geosearch.money.ranking import BASIS_POINTS
from geosearch.segment.columns import (
    DOC_QUALITY,
    DOC_RATING,
    DOC_REDEEM,
    Columns,
)
from indexes.arrays import U64
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.geo.sphere import Circle, point_is_within
from indexes.jit import inline_njit, inner_njit, int64, uint64
from indexes.terms.postings import first_posting


@inline_njit
def has_hour(masks: U64, hour: int, item: int) -> bool:
    """Bit `hour` of the 168-bit mask of a node; `masks` is uint64[3, n]."""
    return bool((masks[hour >> 6, item] >> np.uint64(hour & 63)) & np.uint64(1))


@inline_njit
def has_bit(words: U64, item: int) -> bool:
    """Bit of an item in a column of 64-bit words."""
    return bool((words[item >> 6] >> np.uint64(item & 63)) & np.uint64(1))


@inner_njit
def node_may_match(columns: Columns, criteria: Criteria, node: int, level: int, index: int) -> bool:
    """Whether a document below the node may match, distance and words aside.

    A node's summary is the union of its documents: a clear bit, a disjoint box or a low maximum
    holds for every document of the node. Cheap and selective tests run first.
    """
    # All documents of a card's own tree have its bit.
    if (
        criteria.wallet.deal_mode != OPTIONAL_DEAL
        and columns.leaf_doc.shape[0] == 0
        and columns.node_signature[node] & criteria.wallet.signature[0] == np.uint64(0)
    ):
        return False
    if not hour_may_match(columns, criteria, criteria.hours.hour, node):
        return False
    if (
        criteria.hours.open_mode == OPEN_ONLY
        and criteria.hours.until_minute >= 0
        and not has_hour(columns.node_open, criteria.hours.until_hour, node)
    ):
        return False
    if criteria.kinds.allowed.shape[0] > 0:
        shared = (columns.node_category[0, node] & criteria.kinds.bits[0]) | (
            columns.node_category[1, node] & criteria.kinds.bits[1]
        )
        if shared == np.uint64(0):
            return False
    if criteria.kinds.min_rating >= 0 and columns.node_rating[node] < criteria.kinds.min_rating:
        return False
    if not node_meets_area(columns, criteria, node):
        return False
    if criteria.lists.restricted:
        shift = NODE_BITS * (level + 1)
        listed = criteria.lists.required.shape[0]
        first = first_posting(criteria.lists.required, 0, listed, index << shift)
        if first == listed or criteria.lists.required[first] >= (index + 1) << shift:
            return False
    return True


@inner_njit
def hour_may_match(columns: Columns, criteria: Criteria, hour: int, node: int) -> bool:
    """Whether in an hour of the week a document below may be open, and some deal be usable."""
    if criteria.wallet.deal_mode != OPTIONAL_DEAL and not has_hour(columns.node_deal, hour, node):
        return False
    if criteria.hours.open_mode == OPEN_ONLY:
        return has_hour(columns.node_open, hour, node)
    if criteria.hours.open_mode == OPEN_OR_UNKNOWN:
        return has_hour(columns.node_maybe_open, hour, node)
    return True


@inner_njit
def primary_key(criteria: Criteria, value: float, distance_m: float, relevance: float) -> float:
    """Primary key of a document in the query's order; keys ascend, unknown values come last.

    The key is monotone in floating point: a higher value or relevance and a lower distance never
    raise it. A node's bounds of these three thus give a lower bound of the key of every document
    below the node.

    Parameters
    ----------
    value
        The document's `doc_value` or `deals.doc_best_value`, or an upper bound of it.
    """
    if criteria.page.sort == BY_DISTANCE:
        return distance_m
    if criteria.page.sort == BY_RELEVANCE:
        return -relevance
    if criteria.page.sort == BY_BEST:
        return -net_benefit(criteria, value, distance_m, relevance)
    return -value


@inner_njit
def is_priced(criteria: Criteria) -> bool:
    """Whether the order needs the best saving of a document."""
    return bool(criteria.page.sort == BY_BEST or criteria.page.sort == BY_SAVING)


@inner_njit
def counts_relevance(criteria: Criteria) -> bool:
    """Whether the order depends on how well a document fits the words."""
    return bool(
        criteria.words.span.shape[0] > 0
        and (criteria.page.sort == BY_BEST or criteria.page.sort == BY_RELEVANCE)
    )


@inner_njit
def net_benefit(criteria: Criteria, worth: float, distance_m: float, relevance: float) -> float:
    """Net benefit in minor units, as in `ranking`: worth plus relevance minus the walk."""
    if criteria.words.span.shape[0] > 0:
        worth += criteria.words.worth * relevance
    return worth - criteria.page.walk_cost_per_m * distance_m


@inner_njit
def node_primary(
    columns: Columns,
    criteria: Criteria,
    scratch: Scratch,
    level: int,
    index: int,
    distance_m: float,
) -> float:
    """Lower bound of the primary keys of the documents below a node."""
    node = columns.level_start[level] + index
    value = 0.0
    if criteria.page.sort == BY_RATING:
        rating = columns.node_rating[node]
        value = float(rating) if rating >= 0 else -math.inf
    elif criteria.page.sort == BY_SAVING:
        value = saving_bound(columns, criteria, node)
    elif criteria.page.sort == BY_BEST:
        value = _best_bound(columns, criteria, node)
    return node_key(criteria, scratch, node, level, index, distance_m, value)


@inner_njit
def node_key(
    criteria: Criteria,
    scratch: Scratch,
    node: int,
    level: int,
    index: int,
    distance_m: float,
    value: float,
) -> float:
    """Lower bound of the primary keys below a node whose documents have at most the value."""
    relevance = 0.0
    if counts_relevance(criteria):
        relevance = _relevance_bound(criteria, scratch, node, level, index)
    return primary_key(criteria, value, distance_m, relevance)


@inner_njit
def _relevance_bound(
    criteria: Criteria, scratch: Scratch, node: int, level: int, index: int
) -> float:
    shift = NODE_BITS * (level + 1)
    return node_relevance(criteria, scratch, node, index << shift, (index + 1) << shift)


@inner_njit
def saving_bound(columns: Columns, criteria: Criteria, node: int) -> float:
    """Upper bound of the savings of the documents below a node; minus infinity without a deal."""
    # A class bound is a maximum over the offers of the class, and every offer that counts for a
    # wallet is in one of its classes.
    bound = -math.inf
    for c in criteria.wallet.classes:
        bound = max(bound, saving_of_class(columns, criteria, c, node))
    if criteria.bill.combines:
        bound = with_stack_saving(columns, criteria, node, bound)
    return bound


@inner_njit
def _best_bound(columns: Columns, criteria: Criteria, node: int) -> float:
    quality = float(columns.node_quality[node])
    # No saving counts at a closed shop, and all are closed below the node.
    if not reads_hours(criteria) and not has_hour(
        columns.node_maybe_open, criteria.hours.hour, node
    ):
        return quality
    bound = quality if criteria.wallet.deal_mode == OPTIONAL_DEAL else -math.inf
    for c in criteria.wallet.classes:
        bound = max(bound, best_of_class(columns, criteria, c, node, quality))
    if criteria.bill.combines:
        bound = with_stack_best(columns, criteria, node, bound)
    return bound


@inner_njit
def leaf_value(columns: Columns, criteria: Criteria, at: int) -> float:
    """Upper bound of the value (`deals.doc_best_value`) of the document at a place."""
    # The stored bounds hold for a party of one without a given spend only.
    if not criteria.bill.usual:
        return math.inf
    if criteria.page.sort == BY_SAVING:
        value = float(columns.leaf_saving[at])
        if criteria.bill.combines:
            value = max(value, float(columns.leaf_stack_saving[at]))
        return value
    value = float(columns.leaf_best[at])
    if criteria.bill.combines:
        value = max(value, float(columns.leaf_stack_best[at]))
    return value


@inner_njit
def leaf_is_within(columns: Columns, circle: Circle, at: int) -> bool:
    """Whether the document at place `at` is within the radius; exact, and mostly without a sine."""
    return point_is_within(columns.leaf_position, circle, at)


@inner_njit
def may_match(columns: Columns, criteria: Criteria, at: int) -> int:
    """1 if the document at a place in the leaves passes the tests of dense columns, else 0.

    It is then live, open as the query wants, of a wanted category, and has the bit of a card of the
    wallet if a deal is required. Cards share bits, so it may lack a deal.
    """
    passes = is_live(columns, at)
    if reads_hours(criteria):
        passes &= is_open(columns, criteria, at)
    if reads_categories(criteria):
        passes &= has_category(columns, criteria, at)
    if reads_signature(columns, criteria):
        passes &= may_have_deal(columns, criteria, at)
    return passes


# Each test of a dense column returns 0 or 1 without a branch: a processor would mispredict half of
# them. The function before it says whether a query needs the test.


@inner_njit
def is_live(columns: Columns, at: int) -> int:
    """1 if the document at a place in the leaves is live, else 0."""
    return int64(has_bit(columns.doc_live, doc_at(columns, at)))


@inner_njit
def reads_hours(criteria: Criteria) -> bool:
    """Whether opening hours decide who matches."""
    return bool(criteria.hours.open_mode != ANY_HOURS)


@inner_njit
def is_open(columns: Columns, criteria: Criteria, at: int) -> int:
    """1 if the document at a place in the leaves is open as the query wants, else 0."""
    state = state_of(columns, criteria, columns.leaf_schedule[at])
    return int64(state & wanted_state(criteria) != 0)


@inner_njit
def counts_saving(columns: Columns, criteria: Criteria, at: int) -> bool:
    """Whether a saving counts in the net benefit of the document at a place: not if it is closed.

    A search for open shops finds no closed ones.
    """
    if reads_hours(criteria):
        return True
    return bool(state_of(columns, criteria, columns.leaf_schedule[at]) & MAY_BE_OPEN != 0)


@inner_njit
def reads_categories(criteria: Criteria) -> bool:
    """Whether categories decide who matches."""
    return bool(criteria.kinds.allowed.shape[0] > 0)


@inner_njit
def has_category(columns: Columns, criteria: Criteria, at: int) -> int:
    """1 if the document at a place in the leaves has a wanted category, else 0."""
    return int64(criteria.kinds.allowed[columns.leaf_category_set[at]])


@inner_njit
def reads_signature(columns: Columns, criteria: Criteria) -> bool:
    """Whether signatures exclude documents; all documents of a card's own tree have its bit."""
    return bool(criteria.wallet.deal_mode != OPTIONAL_DEAL and columns.leaf_doc.shape[0] == 0)


@inner_njit
def may_have_deal(columns: Columns, criteria: Criteria, at: int) -> int:
    """1 if a document, at its own place, has the bit of a card of the wallet, else 0."""
    shared = columns.doc_signature[at] & criteria.wallet.signature[0]
    return int64(shared != np.uint64(0))


@inner_njit
def dense_bits(columns: Columns, criteria: Criteria, scratch: Scratch, leaf: int) -> int:
    """Bits of the documents of a leaf that pass the tests of `may_match`, categories aside."""
    first = leaf << NODE_BITS
    end = min(first + NODE_SIZE, columns.leaf_position.shape[0])
    scratch.work[DOCS] += end - first
    start, count = uint64(first), uint64(end - first)
    bits = _live_bits(columns, first, end)
    # One short loop for each test keeps its columns in the registers of the processor.
    if reads_hours(criteria):
        found = int64(0)
        for at in range(count):
            found |= is_open(columns, criteria, start + at) << at
        bits &= found
    if reads_signature(columns, criteria):
        found = int64(0)
        for at in range(count):
            found |= may_have_deal(columns, criteria, start + at) << at
        bits &= found
    return bits


@inner_njit
def _live_bits(columns: Columns, first: int, end: int) -> int:
    """Bits of the live documents of the leaf from `first` to before `end`."""
    bits = int64(0)
    if columns.leaf_doc.shape[0] > 0:
        for at in range(first, end):
            bits |= is_live(columns, at) << (at - first)
        return bits
    # Leaves are aligned, so a word of 64 bits holds whole leaves.
    return int64(columns.doc_live[first >> 6] >> np.uint64(first & 63)) & ((1 << (end - first)) - 1)


@inner_njit
def category_bits(columns: Columns, criteria: Criteria, leaf: int) -> int:
    """Bits of the documents of a leaf that have a wanted category."""
    first = leaf << NODE_BITS
    count = uint64(min(NODE_SIZE, columns.leaf_position.shape[0] - first))
    start, bits = uint64(first), int64(0)
    for at in range(count):
        bits |= has_category(columns, criteria, start + at) << at
    return bits


@inner_njit
def always_bits(columns: Columns, criteria: Criteria, leaf: int) -> int:
    """Bits of documents of a leaf that surely have a deal as `deal_mode` wants.

    With a budget none has: a deal that one person can use may be too dear.
    """
    first = leaf << NODE_BITS
    count = uint64(min(NODE_SIZE, columns.leaf_position.shape[0] - first))
    start, bits = uint64(first), int64(0)
    if (
        criteria.bill.usual
        and criteria.bill.max_pay == NO_BUDGET
        and reads_signature(columns, criteria)
    ):
        for at in range(count):
            shared = columns.doc_always[start + at] & criteria.wallet.always[0]
            bits |= int64(shared != np.uint64(0)) << at
    return bits


@inner_njit
def doc_at(columns: Columns, at: int) -> int:
    """Document at a place in the leaves."""
    return int64(columns.leaf_doc[at]) if columns.leaf_doc.shape[0] > 0 else int64(at)


@inner_njit
def doc_is_rated(columns: Columns, criteria: Criteria, doc: int) -> bool:
    """Whether the document has the rating that the query wants."""
    return bool(
        criteria.kinds.min_rating < 0
        or columns.doc_record[doc, DOC_RATING] >= criteria.kinds.min_rating
    )


@inner_njit
def doc_value(columns: Columns, criteria: Criteria, doc: int) -> float:
    """The part of a matching document's sort value that distance and words do not change.

    It is the rating, or 0 in orders by distance and relevance; orders by deals have
    `deals.doc_best_value`.
    """
    if criteria.page.sort == BY_RATING:
        rating = columns.doc_record[doc, DOC_RATING]
        return float(rating) if rating >= 0 else -math.inf
    return 0.0


@inner_njit
def doc_worth(columns: Columns, doc: int, counted: float) -> float:
    """Quality of the document plus what is likely to be saved, in minor units.

    Parameters
    ----------
    counted
        `counted_saving` of the best deal, 0 without one.
    """
    quality = float(columns.doc_record[doc, DOC_QUALITY])
    likely = float(columns.doc_record[doc, DOC_REDEEM] / BASIS_POINTS * counted)
    return likely + quality
