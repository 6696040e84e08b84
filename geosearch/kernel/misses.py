"""Best-first search for near misses: documents that match a query after one fix.

Useful for: `find_misses`, which a segment view calls for a query that asks for near misses.
Not useful for: the matches of a query (`rank`).

It is the search of `rank` with a looser test and its own key. A node is visited if a document below
it may match after some fix: within the largest radius, at any minute that one may wait for, with
any card that may be added. The key of a document is its negated value, then distance and id rank.
The key of a node is the least over the fixes that are possible below it, each with the bounds of
the query that it leads to.

No filter is read or kept: it would tell who matches, not who nearly does.
"""

import math

from geosearch.kernel.areas import doc_in_area
from geosearch.kernel.criteria import (
    ANY_HOURS,
    OPEN_OR_UNKNOWN,
    OPTIONAL_DEAL,
    Criteria,
    Hours,
    Wallet,
    with_bill,
    with_hours,
    with_wallet,
)
from geosearch.kernel.deals import reads_deals
from geosearch.kernel.fixes import (
    CODE,
    VALUE,
    Fixes,
    best_fix,
    fill_fixes,
    is_held,
    may_add_card,
    may_bill,
    may_wait,
)
from geosearch.kernel.predicates import (
    counts_relevance,
    doc_is_rated,
    hour_may_match,
    is_open,
    leaf_value,
    may_match,
    node_key,
    node_may_match,
    node_primary,
    primary_key,
    reads_hours,
    saving_bound,
)
from geosearch.kernel.relevance import (
    MISSING,
    are_few,
    doc_relevance,
    enter_words,
    whole_words,
)
from geosearch.kernel.scratch import LEAVES, NODES, PUSHES, Scratch
from geosearch.kernel.states import NO_WAIT, wait_of
from geosearch.kernel.top_k import is_doc_after, is_result_after, keep, pop, push
from geosearch.kernel.traversal import (
    INDEX_MASK,
    LEVEL_SHIFT,
    bits_of,
    children_of,
    fill_places,
    holds_words,
    is_spent,
    may_hold_match,
    run_of,
    settled,
)
from geosearch.segment.columns import Columns
from indexes.arrays import I64, F64Matrix, ReadOnly
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.geo.sphere import (
    Circle,
    Place,
    box_where,
    circle_of,
    fill_boxes_m,
    fill_points_m,
    point_distance_m,
    reach_m,
)
from indexes.jit import inner_njit, int64, njit
from indexes.prepared import Prepared


@inner_njit
def _whoever(criteria: Criteria) -> Criteria:
    """The same criteria at any hours and without deals: what no fix changes."""
    hours = Hours(
        criteria.hours.minute,
        criteria.hours.until_minute,
        criteria.hours.hour,
        criteria.hours.until_hour,
        int64(ANY_HOURS),
    )
    wallet = Wallet(
        int64(OPTIONAL_DEAL),
        criteria.wallet.signature,
        criteria.wallet.always,
        criteria.wallet.eligible,
        criteria.wallet.classes,
    )
    return with_wallet(with_hours(criteria, hours, criteria.states), wallet)


@inner_njit
def _open_sometime(hours: Hours) -> Hours:
    """The same hours for a query whose matches are not closed."""
    return Hours(
        hours.minute, hours.until_minute, hours.hour, hours.until_hour, int64(OPEN_OR_UNKNOWN)
    )


@inner_njit
def _is_held_below(columns: Columns, criteria: Criteria, node: int) -> bool:
    """Whether the wallet may have a deal below the node, where the query requires one."""
    shared = columns.node_signature[node] & criteria.wallet.signature[0]
    return bool(criteria.wallet.deal_mode == OPTIONAL_DEAL or shared != 0)


@inner_njit
def _node_key(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    circle: Circle,
    scratch: Scratch,
    level: int,
    index: int,
    distance_m: float,
) -> float:
    """Lower bound of the primary keys of the near misses below a node; infinite without any.

    `distance_m` is a lower bound of the distance to its documents.
    """
    node = columns.level_start[level] + index
    within = distance_m <= circle.radius_m
    now = node_may_match(columns, criteria, node, level, index)
    # A document that matches is none, so one that is neither beyond the radius nor changed by a
    # deal or by hours is none.
    plain = not reads_deals(criteria)
    moves = (
        now and fixes.reach_m > circle.radius_m and box_where(columns.node_box, circle, node) <= 0
    )
    waits = False
    changes = reads_hours(criteria) or not plain
    if within and may_wait(fixes) and changes and _is_held_below(columns, criteria, node):
        if fixes.opening.shape[0] > 0:
            waits = fixes.opening[node] != 0
        else:
            for at in range(fixes.wait_hours.shape[0]):
                waits |= hour_may_match(columns, criteria, fixes.wait_hours[at], node)
    key = math.inf
    if moves:
        key = node_primary(columns, criteria, scratch, level, index, distance_m)
    if waits:
        # A shop that is closed now may be open then. The shortest wait is a minute.
        timeless = with_hours(criteria, _open_sometime(criteria.hours), criteria.states)
        then = node_primary(columns, timeless, scratch, level, index, distance_m)
        key = min(key, then + fixes.wait_cost)
    if not within or plain:
        return key
    shift = NODE_BITS * (level + 1)
    if now and may_bill(fixes, index << shift, (index + 1) << shift):
        # No more of a saving counts than all of it, whatever the bill of the fix.
        saving = saving_bound(columns, with_bill(criteria, fixes.bill), node)
        value = float(columns.node_quality[node]) + max(saving, 0.0)
        key = min(key, node_key(criteria, scratch, node, level, index, distance_m, value))
    if may_add_card(fixes):
        carded = with_wallet(criteria, fixes.wallet)
        if node_may_match(columns, carded, node, level, index):
            key = min(key, node_primary(columns, carded, scratch, level, index, distance_m))
    return key


@inner_njit
def _offer_node(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    circle: Circle,
    wide: Circle,
    scratch: Scratch,
    found: int,
    size: int,
    level: int,
    index: int,
    lower_m: float,
) -> int:
    """Push a node on the heap unless it holds no result; return the heap's size.

    `lower_m` is a lower bound of the distance to its documents, of those within the circle `wide`.
    """
    scratch.work[NODES] += 1
    if lower_m > wide.radius_m:
        return size
    if not may_hold_match(columns, _whoever(criteria), level, index):
        return size
    if not holds_words(columns, criteria, scratch, level, index):
        return size
    node = columns.level_start[level] + index
    distance_m = reach_m(columns.node_box, wide, node, lower_m)
    primary = _node_key(columns, criteria, fixes, circle, scratch, level, index, distance_m)
    id_rank = int64(columns.node_id_rank[node])
    # As in `rank`: each part of this key is at most that of every near miss below.
    if primary == math.inf or (
        found == criteria.page.top_k
        and is_result_after(columns, scratch, criteria.page.top_k - 1, primary, distance_m, id_rank)
    ):
        return size
    scratch.work[PUSHES] += 1
    return push(scratch, size, primary, distance_m, id_rank, (level << LEVEL_SHIFT) | index)


@inner_njit
def _fill_changeable(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    scratch: Scratch,
    count: int,
    inside: bool,
) -> int:
    """Keep those of the first `count` places whose hours are as wanted, or soon will be.

    `inside` says that all are within the radius: where deals decide nothing, documents whose hours
    are as wanted then match.
    """
    if not reads_hours(criteria):
        return count
    match = inside and not reads_deals(criteria)
    kept = int64(0)
    for place in range(count):
        at = int64(scratch.place[place])
        scratch.place[kept] = at
        if is_open(columns, criteria, at) != 0:
            kept += int64(not match)
        elif may_wait(fixes):
            schedule = int64(columns.leaf_schedule[at])
            wait = wait_of(columns, criteria, fixes.waits, schedule, fixes.last_wait)
            kept += int64(wait != NO_WAIT)
    return kept


@inner_njit
def _offer_doc(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    circle: Circle,
    scratch: Scratch,
    found: int,
    node: int,
    doc: int,
    distance_m: float,
) -> int:
    """Test a document, and keep it if it is a near miss; return how many are kept.

    Hours are as wanted now, or after a wait. The cheapest tests run first.
    """
    if distance_m > fixes.reach_m:
        return found
    within = distance_m <= circle.radius_m
    open_now = not reads_hours(criteria) or is_open(columns, criteria, doc) != 0
    if (within and open_now and not reads_deals(criteria)) or not (within or open_now):
        return found
    held = is_held(columns, criteria, doc)
    if not held and not (within and open_now and may_add_card(fixes)):
        return found
    full, last = found == criteria.page.top_k, criteria.page.top_k - 1
    ranked = counts_relevance(criteria)
    relevance = 0.0
    billed = within and open_now and held and reads_deals(criteria)
    billed = billed and may_bill(fixes, doc, doc + 1)
    if full and not ranked and not billed:
        # No fix but another bill brings more than the best of all deals.
        value = leaf_value(columns, criteria, doc)
        primary = primary_key(criteria, value, distance_m, relevance)
        if is_doc_after(columns, scratch, last, primary, distance_m, doc):
            return found
    if not doc_is_rated(columns, criteria, doc):
        return found
    if ranked:
        relevance = doc_relevance(criteria, scratch, node, doc)
        if relevance == MISSING:
            return found
    if not doc_in_area(columns, criteria, doc):
        return found
    count = fill_fixes(
        columns, criteria, fixes, scratch, doc, distance_m, circle.radius_m, relevance
    )
    row = best_fix(fixes, count)
    if row < 0:
        return found
    primary = -fixes.rows[row, VALUE]
    if full and is_doc_after(columns, scratch, last, primary, distance_m, doc):
        return found
    return keep(columns, scratch, found, criteria.page.top_k, primary, distance_m, doc)


@inner_njit
def _offer_run(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    circle: Circle,
    wide: Circle,
    scratch: Scratch,
    found: int,
    node: int,
    leaf: int,
) -> int:
    """Test the documents that the search reads at a node; return how many results are kept."""
    whoever = _whoever(criteria)
    begin, end = run_of(columns, criteria, scratch, node, leaf)
    bits = bits_of(columns, whoever, scratch, leaf)
    inside = node >= 0 and box_where(columns.node_box, circle, node) > 0
    for first in range(begin, end, NODE_SIZE):
        if is_spent(scratch):
            break
        last = min(first + NODE_SIZE, end)
        count = fill_places(columns, whoever, scratch, first, last, bits)
        count = _fill_changeable(columns, criteria, fixes, scratch, count, inside)
        fill_points_m(
            columns.leaf_position, wide, scratch.place, count, scratch.offset, scratch.metres
        )
        for place in range(count):
            doc = int64(scratch.place[place])
            metres = scratch.metres[place]
            found = _offer_doc(columns, criteria, fixes, circle, scratch, found, node, doc, metres)
    return found


@inner_njit
def _find(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    circle: Circle,
    wide: Circle,
    scratch: Scratch,
) -> int:
    """Write the best near misses into the `top_` arrays of `scratch`; return how many."""
    found, size = int64(0), int64(0)
    level, index, node = int64(0), int64(0), int64(-1)
    levels = columns.level_start.shape[0] - 1
    last = criteria.page.top_k - 1
    # The search reads a driving list like one leaf.
    reading = criteria.lists.driven
    if not reading and levels > 0:
        whole_words(criteria, scratch, columns.level_start[levels - 1])
        size = push(scratch, 0, -math.inf, 0.0, 0, int64(levels - 1) << LEVEL_SHIFT)
    while (reading or size > 0) and not is_spent(scratch):
        if not reading:
            if found > last and is_result_after(
                columns,
                scratch,
                last,
                scratch.heap_key[0, 0],
                scratch.heap_key[0, 1],
                scratch.heap_entry[0, 0],
            ):
                break
            level = scratch.heap_entry[0, 1] >> LEVEL_SHIFT
            index = scratch.heap_entry[0, 1] & INDEX_MASK
            size = pop(scratch, size)
            node = columns.level_start[level] + index
            if level > 0 and not are_few(criteria, scratch, node):
                enter_words(criteria, scratch, node)
                first, end = children_of(columns, level, index)
                begin = columns.level_start[level - 1]
                fill_boxes_m(columns.node_box, wide, begin + first, begin + end, scratch.metres)
                for child in range(first, end):
                    lower_m = scratch.metres[child - first]
                    size = _offer_node(
                        columns, criteria, fixes, circle, wide, scratch,
                        found, size, level - 1, child, lower_m,
                    )  # fmt: skip
                continue
            scratch.work[LEAVES] += 1
        found = _offer_run(columns, criteria, fixes, circle, wide, scratch, found, node, index)
        reading = False
    return found


@njit
def find_misses(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    place: Place,
    memory: Prepared[Scratch],
    fixes: Fixes,
    docs: I64,
    keys: F64Matrix,
    changes: F64Matrix,
) -> int:
    """Write the best near misses and return how many, or `TOO_MUCH`; see `traversal`.

    Parameters
    ----------
    criteria
        Those of the query in the tree of all documents, by net benefit, without a filter.
    docs, keys, changes
        int64[k], float64[k, 2] and float64[k, 3]: doc ids, keys (the negated value and the
        distance) and the best fix of each; k is `criteria.page.top_k`, in 1..`MAX_RESULTS`.
    """
    columns, scratch = segment.value, memory.value
    scratch.work[:] = 0
    circle = circle_of(place)
    reach = Place(place.lat, place.lng, fixes.reach_m, place.min_lat, place.max_lat)
    wide = circle_of(reach)
    found = settled(scratch, _find(columns, criteria, fixes, circle, wide, scratch))
    for at in range(found):
        doc = scratch.top_doc[at]
        docs[at] = doc
        keys[at, 0], keys[at, 1] = scratch.top_key[at, 0], scratch.top_key[at, 1]
        relevance = doc_relevance(criteria, scratch, -1, doc)
        count = fill_fixes(
            columns, criteria, fixes, scratch, doc, keys[at, 1], circle.radius_m, relevance
        )
        row = best_fix(fixes, count)
        for part in range(CODE, VALUE + 1):
            changes[at, part] = fixes.rows[row, part]
    return found


@njit
def list_fixes(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    place: Place,
    memory: Prepared[Scratch],
    fixes: Fixes,
    doc: int,
) -> int:
    """Write all fixes of a document to `Fixes.rows`, and return how many; see `fill_fixes`.

    `criteria` are as in `find_misses`. It is 0 if the document is not as wanted in what no fix
    changes.
    """
    columns, scratch = segment.value, memory.value
    scratch.work[:] = 0
    circle = circle_of(place)
    distance_m = point_distance_m(columns.doc_position, circle, doc)
    relevance = doc_relevance(criteria, scratch, -1, doc)
    if (
        may_match(columns, _whoever(criteria), doc) == 0
        or not doc_is_rated(columns, criteria, doc)
        or relevance == MISSING
        or not doc_in_area(columns, criteria, doc)
    ):
        return 0
    return fill_fixes(
        columns, criteria, fixes, scratch, doc, distance_m, circle.radius_m, relevance
    )
