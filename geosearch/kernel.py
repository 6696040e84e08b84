"""The traversals: the best k of a segment, and counts of all that match.

Useful for: `rank` and `count`, called once a query and segment.
Not useful for: planning a query or merging segments; see `plan` and `searcher`.

`rank` is a best-first search (Hjaltason and Samet 1999, "Distance Browsing in Spatial Databases")
over the packed tree: nodes leave a heap by the best key that something below them may have, and
the search ends when that is worse than the k-th result. Keys are (primary, secondary, id rank),
ascending; secondary is the distance, id rank the order of `merchant_id`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geosearch.columns import (
    ANY_HOURS,
    DOC_END_OFFER,
    DOC_FIRST_OFFER,
    DOC_ID_RANK,
    DOCS,
    LEAVES,
    NODES,
    OFFER_DEAL,
    OFFER_PROGRAM,
    OPTIONAL_DEAL,
    PUSHES,
    Ask,
    Columns,
    Scratch,
)
from geosearch.filters import (
    ALL_PASS,
    is_kept,
    is_priced,
    none_passes,
    passing_bits,
    passing_value,
)
from geosearch.offers import (
    TYPE,
    UNKNOWN_MONEY,
    UNUSABLE,
    offer_value,
)
from geosearch.predicates import (
    NO_MATCH,
    counts_relevance,
    doc_best_saving,
    doc_has_deal,
    doc_in_area,
    doc_is_open,
    doc_is_to_taste,
    doc_may_pass,
    doc_spend,
    doc_value,
    has_bit,
    leaf_distance_m,
    leaf_is_within,
    leaf_lower_m,
    leaf_value,
    node_primary,
    node_reach_m,
    node_within_radius,
    offer_is_on,
    primary_key,
)
from geosearch.relevance import (
    MISSING,
    are_few,
    doc_has_words,
    doc_relevance,
    enter_words,
    narrow_words,
    whole_words,
)
from geosearch.top_k import behind, drop_first, follows, keep, push
from indexes.jit import inline_njit, int64, njit
from indexes.rtree import NODE_BITS, NODE_SIZE
from indexes.sphere import Circle, Place, circle_of

_LEVEL_SHIFT = 48
_INDEX_MASK = (1 << _LEVEL_SHIFT) - 1


@inline_njit
def _offer_doc(
    columns: Columns,
    ask: Ask,
    circle: Circle,
    scratch: Scratch,
    found: int,
    node: int,
    at: int,
    doc: int,
) -> int:
    """Test one document, cheapest and most selective first; return how many results are kept.

    `node` is the one it was found in, -1 where a list drives; `at` its place in the leaves. With
    a filter it is one that passes.
    """
    scratch.work[DOCS] += 1
    passes = node >= 0 and is_kept(ask)
    if not passes and not doc_may_pass(columns, ask, doc):
        return found
    priced = is_priced(ask)
    if passes:
        value = passing_value(columns, ask, scratch, at, doc)
    elif priced:
        value = leaf_value(columns, ask, at)
    else:
        value = doc_value(columns, ask, doc, UNKNOWN_MONEY)
    full = found == ask.page.top_k
    last = ask.page.top_k - 1
    ranked = counts_relevance(ask)
    # Neither distance nor value is better than these, so the key is not.
    distance_m = leaf_lower_m(columns, circle, at)
    if distance_m > circle.radius_m:
        return found
    if full and not ranked:
        primary = primary_key(ask, value, distance_m, 0.0)
        if behind(scratch, last, primary, distance_m, -1):
            return found
    if not doc_is_to_taste(columns, ask, doc):
        return found
    distance_m = leaf_distance_m(columns, circle, at)
    if distance_m > circle.radius_m:
        return found
    relevance = 0.0
    if ranked:
        relevance = doc_relevance(ask, scratch, node, doc)
        if relevance == MISSING:
            return found
    elif not doc_has_words(ask, scratch, node, doc):
        return found
    id_rank = int64(columns.doc_record[doc, DOC_ID_RANK])
    primary = primary_key(ask, value, distance_m, relevance)
    if full and behind(scratch, last, primary, distance_m, id_rank):
        return found
    if not doc_in_area(columns, ask, doc):
        return found
    if not passes:
        if not doc_is_open(columns, ask, doc):
            return found
        if priced:
            matches, _deal, saving = doc_best_saving(columns, ask, scratch, doc)
            if not matches:
                return found
            value = doc_value(columns, ask, doc, int64(saving))
            primary = primary_key(ask, value, distance_m, relevance)
            if full and behind(scratch, last, primary, distance_m, id_rank):
                return found
        elif not doc_has_deal(columns, ask, scratch, doc):
            return found
    if ask.page.after and not (
        follows(
            primary,
            distance_m,
            id_rank,
            ask.page.after_primary,
            ask.page.after_secondary,
            ask.page.after_id_rank + 1,
        )
    ):
        return found
    return keep(scratch, found, ask.page.top_k, primary, distance_m, id_rank, doc)


@inline_njit
def _run_of(columns: Columns, ask: Ask, scratch: Scratch, node: int, leaf: int) -> tuple[int, int]:
    """Where what is read at a node begins and ends.

    In the list that drives, in that of the rarest word, or in the leaves.
    """
    if ask.lists.driven:
        return 0, ask.lists.driver.shape[0]
    if ask.words.carried > 0:
        return int64(scratch.span[node, 0]), int64(scratch.span[node, 1])
    first = leaf << NODE_BITS
    return first, min(first + NODE_SIZE, columns.leaf_position.shape[0])


@inline_njit
def _place_of(columns: Columns, ask: Ask, scratch: Scratch, at: int, bits: int) -> int:
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


@inline_njit
def _bits_of(columns: Columns, ask: Ask, scratch: Scratch, leaf: int) -> int:
    """Bits of a leaf that is read as a whole."""
    if ask.lists.driven or ask.words.carried > 0:
        return ALL_PASS
    return passing_bits(columns, ask, scratch, leaf)


@inline_njit
def _offer_run(
    columns: Columns, ask: Ask, circle: Circle, scratch: Scratch, found: int, node: int, leaf: int
) -> int:
    """Test what is read at a node; return how many results are kept."""
    begin, end = _run_of(columns, ask, scratch, node, leaf)
    bits = _bits_of(columns, ask, scratch, leaf)
    for listed in range(begin, end):
        at = _place_of(columns, ask, scratch, listed, bits)
        if at >= 0:
            doc = int64(columns.leaf_doc[at]) if columns.leaf_doc.shape[0] > 0 else at
            found = _offer_doc(columns, ask, circle, scratch, found, node, at, doc)
    return found


@inline_njit
def _offer_node(
    columns: Columns,
    ask: Ask,
    circle: Circle,
    scratch: Scratch,
    found: int,
    size: int,
    level: int,
    index: int,
) -> int:
    """Push a node unless nothing below it can become a result; return the heap's size.

    Where words are asked for, its part of their lists has been noted.
    """
    scratch.work[NODES] += 1
    if level == 0 and none_passes(ask, index):
        return size
    node = columns.level_start[level] + index
    distance_m = node_reach_m(columns, ask, circle, node, level, index)
    if distance_m == NO_MATCH:
        return size
    primary = node_primary(columns, ask, scratch, level, index, distance_m)
    id_rank = int64(columns.node_id_rank[node])
    # All three parts are at most those of any document below, so if they already come after the
    # k-th result, no document below can come before it.
    if found == ask.page.top_k and behind(
        scratch, ask.page.top_k - 1, primary, distance_m, id_rank
    ):
        return size
    scratch.work[PUSHES] += 1
    return push(scratch, size, primary, distance_m, id_rank, (level << _LEVEL_SHIFT) | index)


@inline_njit
def _holds_words(
    columns: Columns, ask: Ask, scratch: Scratch, level: int, index: int, child: int
) -> bool:
    """Whether a child of a node can hold every word asked for; notes its part of their lists."""
    if ask.words.carried == 0:
        return True
    shift = NODE_BITS * level
    parent = columns.level_start[level] + index
    node = columns.level_start[level - 1] + child
    return narrow_words(ask, scratch, parent, node, child << shift, (child + 1) << shift)


@inline_njit
def _find_best(columns: Columns, ask: Ask, circle: Circle, scratch: Scratch) -> int:
    """Fill the `top_` arrays of `scratch` with the best matches; return how many."""
    found = 0
    size = 0
    node = -1
    index = 0
    levels = columns.level_start.shape[0] - 1
    # A list that drives is read like one leaf.
    reading = ask.lists.driven
    if not reading and levels > 0:
        whole_words(ask, scratch, columns.level_start[levels - 1])
        size = _offer_node(columns, ask, circle, scratch, found, 0, levels - 1, 0)
    while reading or size > 0:
        if not reading:
            # The heap is in the order of the results, so nothing left in it can beat the last one.
            if found == ask.page.top_k and behind(
                scratch,
                ask.page.top_k - 1,
                scratch.heap_key[0, 0],
                scratch.heap_key[0, 1],
                scratch.heap_entry[0, 0],
            ):
                break
            level = scratch.heap_entry[0, 1] >> _LEVEL_SHIFT
            index = scratch.heap_entry[0, 1] & _INDEX_MASK
            node = columns.level_start[level] + index
            size = drop_first(scratch, size)
            if level > 0 and not are_few(ask, scratch, node):
                enter_words(ask, scratch, node)
                first = index << NODE_BITS
                below = columns.level_start[level] - columns.level_start[level - 1]
                for child in range(first, min(first + NODE_SIZE, below)):
                    if _holds_words(columns, ask, scratch, level, index, child):
                        size = _offer_node(
                            columns, ask, circle, scratch, found, size, level - 1, child
                        )
                continue
            scratch.work[LEAVES] += 1
        found = _offer_run(columns, ask, circle, scratch, found, node, index)
        reading = False
    return found


@njit
def rank(
    columns: Columns,
    ask: Ask,
    place: Place,
    scratch: Scratch,
    docs: NDArray[np.int64],
    keys: NDArray[np.float64],
) -> int:
    """Write the best matches, and return how many.

    Parameters
    ----------
    docs, keys
        int64[k] and float64[k, 2], primary and secondary key: room for `ask.page.top_k`, which is
        in 1..`MAX_RESULTS`. Ascending by (primary, secondary, id rank).
    """
    scratch.work[:] = 0
    found = _find_best(columns, ask, circle_of(place), scratch)
    for at in range(found):
        docs[at] = scratch.top_doc[at]
        keys[at, 0] = scratch.top_key[at, 0]
        keys[at, 1] = scratch.top_key[at, 1]
    return found


@inline_njit
def _doc_matches(
    columns: Columns,
    ask: Ask,
    circle: Circle,
    scratch: Scratch,
    node: int,
    at: int,
    doc: int,
    near: bool,
) -> bool:
    """Whether a document matches; `node` and `at` as in `_offer_doc`, `near`: within the radius."""
    passes = node >= 0 and is_kept(ask)
    return (
        (passes or doc_may_pass(columns, ask, doc))
        and doc_is_to_taste(columns, ask, doc)
        and (near or leaf_is_within(columns, circle, at))
        and doc_in_area(columns, ask, doc)
        and (passes or doc_is_open(columns, ask, doc))
        and doc_has_words(ask, scratch, node, doc)
        and (passes or doc_has_deal(columns, ask, scratch, doc))
    )


class Tally(NamedTuple):
    """Counters of facets, int64, zero at first, by row of the catalogue; empty = not asked for."""

    by_category_set: NDArray[np.int64]
    by_area: NDArray[np.int64]
    by_program: NDArray[np.int64]
    by_type: NDArray[np.int64]
    seen: NDArray[np.int64]  # the last document counted under each programme, -1 at first


@inline_njit
def _tally(columns: Columns, ask: Ask, doc: int, tally: Tally) -> None:
    if tally.by_category_set.shape[0] > 0:
        tally.by_category_set[columns.doc_category_set[doc]] += 1
    if tally.by_area.shape[0] > 0:
        tally.by_area[columns.doc_area[doc]] += 1
    if tally.by_program.shape[0] + tally.by_type.shape[0] > 0:
        _tally_offers(columns, ask, doc, tally)


@njit
def _tally_run(columns: Columns, ask: Ask, first: int, end: int, tally: Tally) -> int:
    """Count documents that need no test but to be alive; return how many.

    The hot path of counting whole districts: one short loop for each counter asked for.
    """
    alive = 0
    for doc in range(first, end):
        alive += int64(has_bit(columns.doc_live, doc))
    if tally.by_category_set.shape[0] > 0:
        for doc in range(first, end):
            alive_here = int64(has_bit(columns.doc_live, doc))
            tally.by_category_set[columns.doc_category_set[doc]] += alive_here
    if tally.by_area.shape[0] > 0:
        for doc in range(first, end):
            tally.by_area[columns.doc_area[doc]] += int64(has_bit(columns.doc_live, doc))
    if tally.by_program.shape[0] + tally.by_type.shape[0] > 0:
        for doc in range(first, end):
            if has_bit(columns.doc_live, doc):
                _tally_offers(columns, ask, doc, tally)
    return alive


@njit
def _tally_offers(columns: Columns, ask: Ask, doc: int, tally: Tally) -> None:
    """Count the document once under each programme and type of its usable deals."""
    spend = doc_spend(columns, ask, doc)
    types = 0
    for offer in range(
        columns.doc_record[doc, DOC_FIRST_OFFER], columns.doc_record[doc, DOC_END_OFFER]
    ):
        deal = int64(columns.offer_record[offer, OFFER_DEAL])
        if not offer_is_on(columns, ask, offer):
            continue
        if offer_value(columns.deal_terms, deal, spend, ask.bill.party_size)[0] == UNUSABLE:
            continue
        program = int64(columns.offer_record[offer, OFFER_PROGRAM])
        if tally.by_program.shape[0] > 0 and tally.seen[program] != doc:
            tally.seen[program] = doc
            tally.by_program[program] += 1
        kind = int64(columns.deal_terms[deal, TYPE])
        if (
            tally.by_type.shape[0] > 0
            and ask.wallet.eligible[program] == 1
            and not types & (1 << kind)
        ):
            types |= 1 << kind
            tally.by_type[kind] += 1


@inline_njit
def _plain(ask: Ask) -> bool:
    """Whether nothing but the distance decides, live bits aside."""
    return (
        ask.hours.open_mode == ANY_HOURS
        and ask.wallet.deal_mode == OPTIONAL_DEAL
        and ask.taste.allowed.shape[0] == 0
        and ask.taste.min_rating < 0
        and not ask.area.boxed
        and not ask.lists.restricted
        and ask.words.span.shape[0] == 0
        and ask.area.edges.shape[0] == 0
    )


@inline_njit
def _count_run(
    columns: Columns,
    ask: Ask,
    circle: Circle,
    scratch: Scratch,
    node: int,
    leaf: int,
    near: bool,
    tally: Tally,
) -> int:
    """Count what matches of what is read at a node; return how many."""
    total = 0
    begin, end = _run_of(columns, ask, scratch, node, leaf)
    bits = _bits_of(columns, ask, scratch, leaf)
    for listed in range(begin, end):
        at = _place_of(columns, ask, scratch, listed, bits)
        if at < 0:
            continue
        scratch.work[DOCS] += 1
        doc = int64(columns.leaf_doc[at]) if columns.leaf_doc.shape[0] > 0 else at
        if _doc_matches(columns, ask, circle, scratch, node, at, doc, near):
            total += 1
            _tally(columns, ask, doc, tally)
    return total


@njit
def count(columns: Columns, ask: Ask, place: Place, scratch: Scratch, tally: Tally) -> int:
    """Return the exact number of matches, and count them in `tally`."""
    circle = circle_of(place)
    scratch.work[:] = 0
    total = 0
    levels = columns.level_start.shape[0] - 1
    plain = _plain(ask)
    size = 0
    node = -1
    index = 0
    near = False
    # A list that drives is read like one leaf.
    reading = ask.lists.driven
    if not reading and levels > 0:
        size = 1
        scratch.heap_entry[0, 1] = (levels - 1) << _LEVEL_SHIFT
        whole_words(ask, scratch, columns.level_start[levels - 1])
    while reading or size > 0:
        if not reading:
            size -= 1
            level = scratch.heap_entry[size, 1] >> _LEVEL_SHIFT
            index = scratch.heap_entry[size, 1] & _INDEX_MASK
            node = columns.level_start[level] + index
            scratch.work[NODES] += 1
            if level == 0 and none_passes(ask, index):
                continue
            if node_reach_m(columns, ask, circle, node, level, index) == NO_MATCH:
                continue
            near = node_within_radius(columns, circle, node)
            if plain and near:
                shift = NODE_BITS * (level + 1)
                first = index << shift
                end = min(first + (int64(1) << shift), columns.leaf_position.shape[0])
                scratch.work[DOCS] += end - first
                total += _tally_run(columns, ask, first, end, tally)
                continue
            if level > 0 and not are_few(ask, scratch, node):
                enter_words(ask, scratch, node)
                first = index << NODE_BITS
                below = columns.level_start[level] - columns.level_start[level - 1]
                for child in range(first, min(first + NODE_SIZE, below)):
                    if _holds_words(columns, ask, scratch, level, index, child):
                        scratch.heap_entry[size, 1] = ((level - 1) << _LEVEL_SHIFT) | child
                        size += 1
                continue
        total += _count_run(columns, ask, circle, scratch, node, index, near, tally)
        reading = False
    return total
