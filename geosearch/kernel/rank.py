"""Best-first search for the k best documents of a segment.

Useful for: `rank`, which a segment view calls once a query.
Not useful for: planning a query (`plan`), merging segments (`searcher`), counting all matches
(`count`).

`rank` is a best-first search (Hjaltason and Samet 1999, "Distance Browsing in Spatial Databases")
over the packed tree. It pops the node whose documents may have the lowest key, and ends when that
key comes after the key of the k-th result. Keys are (primary, secondary, id rank) and ascend; the
secondary key is the distance, the id rank the order of `merchant_id`.

By distance, a node's key needs only its box: the search queues nodes in `indexes.geo.siblings` and
tests a node when it pops it. In other orders a node's key needs its summaries: the search tests a
node first and then pushes it on the heap of `top_k`.
"""

from geosearch.kernel.areas import doc_in_area
from geosearch.kernel.criteria import BY_DISTANCE, Criteria
from geosearch.kernel.deals import (
    doc_best_value,
    doc_has_deal,
)
from geosearch.kernel.filters import is_kept, kept_value
from geosearch.kernel.predicates import (
    counts_relevance,
    doc_at,
    doc_is_rated,
    doc_value,
    is_priced,
    leaf_value,
    node_primary,
    primary_key,
)
from geosearch.kernel.relevance import (
    MISSING,
    are_few,
    doc_has_words,
    doc_relevance,
    enter_words,
    whole_words,
    word_bits,
)
from geosearch.kernel.scratch import LEAVES, NODES, PUSHES, Scratch
from geosearch.kernel.top_k import (
    ELSEWHERE,
    id_rank_of,
    is_after,
    is_doc_after,
    is_result_after,
    keep,
    keep_elsewhere,
    pop,
    push,
)
from geosearch.kernel.traversal import (
    INDEX_MASK,
    LEVEL_SHIFT,
    bits_of,
    children_of,
    fill_few,
    fill_places,
    holds_words,
    is_leaf,
    is_spent,
    may_hold_match,
    run_of,
    settled,
    sure_bits,
)
from geosearch.segment.columns import Columns
from indexes.arrays import I64, F64Matrix, ReadOnly
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.geo.siblings import (
    CHILD_MASK,
    Siblings,
    add_row,
    drop_child,
    drop_first,
    fill_row,
    first_key,
    is_queued,
    limit_of,
    parent_of_first,
)
from indexes.geo.sphere import (
    Circle,
    Place,
    beyond_haversine,
    circle_of,
    fill_boxes,
    fill_boxes_m,
    fill_points_m,
    reach_m,
)
from indexes.jit import inner_njit, int64, njit
from indexes.prepared import Prepared


@inner_njit
def _offer_doc(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    found: int,
    node: int,
    at: int,
    doc: int,
    distance_m: float,
    sure: bool,
) -> int:
    """Test a document that `may_match` and keep it if it is a result; return how many are kept.

    The cheapest and most selective tests run first. `node` is the node that holds the document, -1
    if a list drives the search; `at` is the document's place in the leaves. `sure` says that
    it has a deal as the query wants.
    """
    kept, priced = is_kept(criteria), is_priced(criteria)
    if kept:
        value = kept_value(columns, criteria, scratch, at, doc)
    elif priced:
        value = leaf_value(columns, criteria, at)
    else:
        value = doc_value(columns, criteria, doc)
    full = found == criteria.page.top_k
    last = criteria.page.top_k - 1
    ranked = counts_relevance(criteria)
    if distance_m > circle.radius_m:
        return found
    relevance = 0.0
    # `value` is at least the document's, so the document's key does not come before this one.
    primary = primary_key(criteria, value, distance_m, relevance)
    if full and not ranked and is_doc_after(columns, scratch, last, primary, distance_m, doc):
        return found
    if not doc_is_rated(columns, criteria, doc):
        return found
    if ranked:
        relevance = doc_relevance(criteria, scratch, node, doc)
        if relevance == MISSING:
            return found
        primary = primary_key(criteria, value, distance_m, relevance)
        if full and is_doc_after(columns, scratch, last, primary, distance_m, doc):
            return found
    elif not doc_has_words(criteria, scratch, node, doc):
        return found
    if not doc_in_area(columns, criteria, doc):
        return found
    if priced and not kept:
        matches, value = doc_best_value(columns, criteria, scratch, at, doc)
        if not matches:
            return found
        primary = primary_key(criteria, value, distance_m, relevance)
        if full and is_doc_after(columns, scratch, last, primary, distance_m, doc):
            return found
    elif not sure and not doc_has_deal(columns, criteria, scratch, at, doc):
        return found
    if criteria.page.after and not (
        is_after(
            primary,
            distance_m,
            id_rank_of(columns, doc),
            criteria.page.after_primary,
            criteria.page.after_secondary,
            criteria.page.after_id_rank + 1,
        )
    ):
        return found
    return keep(columns, scratch, found, criteria.page.top_k, primary, distance_m, doc)


@inner_njit
def _offer_run(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    found: int,
    node: int,
    leaf: int,
    noted: int,
) -> int:
    """Test the documents that the search reads at a node; return how many results are kept.

    `noted` is the result of `fill_few` for the node: how many places it wrote, or -1.
    """
    begin, end, bits = int64(0), noted, int64(0)
    if noted < 0:
        begin, end = run_of(columns, criteria, scratch, node, leaf)
        bits = bits_of(columns, criteria, scratch, leaf)
    whole = noted < 0 and is_leaf(criteria) and not is_priced(criteria)
    sure = sure_bits(columns, criteria, leaf, whole)
    for first in range(begin, end, NODE_SIZE):
        if is_spent(scratch):
            break
        count = noted
        if noted < 0:
            count = fill_places(
                columns, criteria, scratch, first, min(first + NODE_SIZE, end), bits
            )
        fill_points_m(
            columns.leaf_position, circle, scratch.place, count, scratch.offset, scratch.metres
        )
        for place in range(count):
            at = scratch.place[place]
            doc = doc_at(columns, at)
            metres = scratch.metres[place]
            has_deal = bool((sure >> (at & (NODE_SIZE - 1))) & 1)
            found = _offer_doc(
                columns, criteria, circle, scratch, found, node, at, doc, metres, has_deal
            )
    return found


@inner_njit
def _offer_node(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    found: int,
    size: int,
    level: int,
    index: int,
    lower_m: float,
) -> int:
    """Push a node on the heap unless it holds no result; return the heap's size.

    `lower_m` is a lower bound of the distance to its documents.
    """
    scratch.work[NODES] += 1
    if lower_m > circle.radius_m:
        return size
    if not may_hold_match(columns, criteria, level, index):
        return size
    node = columns.level_start[level] + index
    distance_m = reach_m(columns.node_box, circle, node, lower_m)
    # Word lists lie far apart in memory: this test runs last, unless the key needs the lists.
    ranked = counts_relevance(criteria)
    if ranked and not holds_words(columns, criteria, scratch, level, index):
        return size
    primary = node_primary(columns, criteria, scratch, level, index, distance_m)
    id_rank = int64(columns.node_id_rank[node])
    # Each part of this key is at most that of every document below. If this key does not come
    # before the k-th result, no document below does.
    if found == criteria.page.top_k and is_result_after(
        columns, scratch, criteria.page.top_k - 1, primary, distance_m, id_rank
    ):
        return size
    if not ranked and not holds_words(columns, criteria, scratch, level, index):
        return size
    scratch.work[PUSHES] += 1
    return push(scratch, size, primary, distance_m, id_rank, (level << LEVEL_SHIFT) | index)


@inner_njit
def _push_children(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    found: int,
    size: int,
    level: int,
    index: int,
) -> int:
    """Push the children of a node on the heap; return the heap's size."""
    first, end = children_of(columns, level, index)
    begin = columns.level_start[level - 1]
    fill_boxes_m(columns.node_box, circle, begin + first, begin + end, scratch.metres)
    for child in range(first, end):
        lower_m = scratch.metres[child - first]
        size = _offer_node(
            columns, criteria, circle, scratch, found, size, level - 1, child, lower_m
        )
    return size


@inner_njit
def _queue_children(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    size: int,
    row: int,
    level: int,
    index: int,
    limit: int,
) -> int:
    """Queue the children of a node as one row; return the number of rows queued.

    Until the search pops a child it reads only the child's box. It narrows word lists for all
    children together.
    """
    first, end = children_of(columns, level, index)
    begin = columns.level_start[level - 1]
    fill_boxes(columns.node_box, circle, begin + first, begin + end, scratch.metres)
    queue = _queue_of(scratch)
    bits = word_bits(criteria, columns.level_start[level] + index)
    fill_row(queue, row, scratch.metres, end - first, bits, limit)
    if criteria.words.carried > 0:
        for child in range(first, end):
            if is_queued(queue, row, child - first) and not holds_words(
                columns, criteria, scratch, level - 1, child
            ):
                drop_child(queue, row, child - first)
    scratch.work[PUSHES] += 1
    return add_row(queue, size, row, (level << LEVEL_SHIFT) | index)


@inner_njit
def _may_come(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    found: int,
    level: int,
    index: int,
) -> bool:
    """Whether a node that the search by distance popped may hold a result."""
    scratch.work[NODES] += 1
    if not may_hold_match(columns, criteria, level, index):
        return False
    if found < criteria.page.top_k:
        return True
    # Ids order the shops on one position, as in a mall.
    node = columns.level_start[level] + index
    metres = reach_m(columns.node_box, circle, node, 0.0)
    id_rank = int64(columns.node_id_rank[node])
    return not is_result_after(columns, scratch, found - 1, metres, metres, id_rank)


@inner_njit
def _farthest(criteria: Criteria, circle: Circle, scratch: Scratch, found: int) -> int:
    """Return the greatest queue key of a node that may hold a result, in the order by distance."""
    if found == criteria.page.top_k:
        last_m = min(circle.radius_m, scratch.top_key[found - 1, 0])
        return limit_of(beyond_haversine(last_m))
    return limit_of(circle.beyond_haversine)


@inner_njit
def _queue_of(scratch: Scratch) -> Siblings:
    return Siblings(scratch.sibling_key, scratch.sibling_parent, scratch.sibling_front)


@inner_njit
def _find_best(
    columns: Columns, criteria: Criteria, circle: Circle, scratch: Scratch, found: int
) -> int:
    """Write the best matches into the `top_` arrays of `scratch`; return how many are kept.

    `found` is the number of results kept already; see `top_k.keep_elsewhere`.
    """
    size = 0
    rows = 0
    level, index, node = 0, 0, -1
    noted = int64(-1)
    levels = columns.level_start.shape[0] - 1
    by_distance = criteria.page.sort == BY_DISTANCE
    queue = _queue_of(scratch)
    limit = _farthest(criteria, circle, scratch, found)
    # The search reads a driving list like one leaf.
    reading = criteria.lists.driven
    if not reading and levels > 0:
        whole_words(criteria, scratch, columns.level_start[levels - 1])
        if by_distance:
            # The queue takes rows of children: the root is the only child of a node above it.
            scratch.metres[0] = 0.0
            fill_row(queue, 0, scratch.metres, 1, 1, limit)
            size = add_row(queue, 0, 0, levels << LEVEL_SHIFT)
            rows = 1
        else:
            size = _offer_node(columns, criteria, circle, scratch, found, 0, levels - 1, 0, 0.0)
    while (reading or size > 0) and not is_spent(scratch):
        if not reading:
            # Both queues pop nodes in the order of results: no node left beats the last result.
            if by_distance:
                if first_key(queue) > limit:
                    break
                level, index = _number_of(queue)
                size = drop_first(queue, size)
                if not _may_come(columns, criteria, circle, scratch, found, level, index):
                    continue
            else:
                if found == criteria.page.top_k and is_result_after(
                    columns,
                    scratch,
                    criteria.page.top_k - 1,
                    scratch.heap_key[0, 0],
                    scratch.heap_key[0, 1],
                    scratch.heap_entry[0, 0],
                ):
                    break
                level = scratch.heap_entry[0, 1] >> LEVEL_SHIFT
                index = scratch.heap_entry[0, 1] & INDEX_MASK
                size = pop(scratch, size)
            node = columns.level_start[level] + index
            noted = fill_few(columns, criteria, scratch, level, index)
            if level > 0 and noted < 0 and not are_few(criteria, scratch, node):
                enter_words(criteria, scratch, node)
                if by_distance:
                    size = _queue_children(
                        columns, criteria, circle, scratch, size, rows, level, index, limit
                    )
                    rows += 1
                else:
                    size = _push_children(
                        columns, criteria, circle, scratch, found, size, level, index
                    )
                continue
            scratch.work[LEAVES] += 1
        found = _offer_run(columns, criteria, circle, scratch, found, node, index, noted)
        limit = _farthest(criteria, circle, scratch, found)
        reading = False
    return found


@inner_njit
def _number_of(queue: Siblings) -> tuple[int, int]:
    """Return the level of the first child in the queue, and its number in that level."""
    parent = parent_of_first(queue)
    first = (parent & INDEX_MASK) << NODE_BITS
    return (parent >> LEVEL_SHIFT) - 1, first + (first_key(queue) & CHILD_MASK)


@njit
def rank(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    place: Place,
    memory: Prepared[Scratch],
    docs: I64,
    keys: F64Matrix,
    bounded: bool,
) -> int:
    """Write the k best matches and return how many there are, or `TOO_MUCH`; see `traversal`.

    Parameters
    ----------
    docs, keys
        int64[k] and float64[k, 2], doc ids with their primary and secondary keys; k is
        `criteria.page.top_k`, in 1..`MAX_RESULTS`. Rows ascend by (primary, secondary, id rank).
    bounded
        Whether the first row of `keys` holds those of the k-th result of other segments. Then a
        match is written only if its two keys do not come after them.
    """
    columns, scratch = segment.value, memory.value
    scratch.work[:] = 0
    found = 0
    if bounded:
        found = keep_elsewhere(scratch, criteria.page.top_k, keys[0, 0], keys[0, 1])
    found = settled(scratch, _find_best(columns, criteria, circle_of(place), scratch, found))
    while found > 0 and scratch.top_doc[found - 1] == ELSEWHERE:
        found -= 1
    for at in range(found):
        docs[at] = scratch.top_doc[at]
        keys[at, 0] = scratch.top_key[at, 0]
        keys[at, 1] = scratch.top_key[at, 1]
    return found
