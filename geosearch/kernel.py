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
    BY_BEST,
    BY_SAVING,
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
from geosearch.offers import (
    TYPE,
    UNKNOWN_MONEY,
    UNUSABLE,
    offer_value,
)
from geosearch.predicates import (
    NO_MATCH,
    doc_best_saving,
    doc_can_match,
    doc_distance_m,
    doc_has_deal,
    doc_in_area,
    doc_is_open,
    doc_primary,
    doc_spend,
    doc_within_radius,
    has_bit,
    leaf_distance_m,
    leaf_primary,
    node_primary,
    node_reach_m,
    node_within_radius,
    offer_is_on,
)
from geosearch.relevance import MISSING, doc_relevance, narrow_words, whole_words
from geosearch.top_k import behind, drop_first, follows, keep, push
from indexes.jit import inline_njit, int64, njit
from indexes.rtree import NODE_BITS, NODE_SIZE

_LEVEL_SHIFT = 48
_INDEX_MASK = (1 << _LEVEL_SHIFT) - 1


@inline_njit
def _offer_doc(
    columns: Columns, ask: Ask, scratch: Scratch, found: int, leaf: int, doc: int
) -> int:
    """Test one document, cheapest and most selective first; return how many results are kept.

    `leaf` is the node it was found in, -1 where a list drives.
    """
    scratch.work[DOCS] += 1
    if not doc_can_match(columns, ask, doc):
        return found
    distance_m = doc_distance_m(columns, ask, doc)
    if distance_m > ask.place.radius_m:
        return found
    full = found == ask.page.top_k
    last = ask.page.top_k - 1
    id_rank = int64(columns.doc_record[doc, DOC_ID_RANK])
    saving = int64(UNKNOWN_MONEY)
    relevance = 0.0
    if ask.words.span.shape[0] > 0:
        relevance = doc_relevance(ask, scratch, leaf, doc)
        if relevance == MISSING:
            return found
    priced = ask.page.sort == BY_BEST or ask.page.sort == BY_SAVING
    if not priced:
        primary = doc_primary(columns, ask, doc, distance_m, saving, relevance)
        if full and behind(scratch, last, primary, distance_m, id_rank):
            return found
    if not doc_in_area(columns, ask, doc) or not doc_is_open(columns, ask, doc):
        return found
    if priced:
        matches, _deal, saving = doc_best_saving(columns, ask, scratch, doc)
        if not matches:
            return found
        primary = doc_primary(columns, ask, doc, distance_m, saving, relevance)
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
def _can_follow(columns: Columns, ask: Ask, scratch: Scratch, found: int, at: int) -> bool:
    """Whether a document of a leaf may become a result, by its place and bounds alone."""
    distance_m = leaf_distance_m(columns, ask, at)
    if distance_m > ask.place.radius_m:
        return False
    if found < ask.page.top_k:
        return True
    primary = leaf_primary(columns, ask, at, distance_m)
    return not behind(scratch, ask.page.top_k - 1, primary, distance_m, -1)


@inline_njit
def _offer_node(
    columns: Columns, ask: Ask, scratch: Scratch, found: int, size: int, level: int, index: int
) -> int:
    """Push a node unless nothing below it can become a result; return the heap's size.

    Where words are asked for, its part of their lists has been noted.
    """
    scratch.work[NODES] += 1
    node = columns.level_start[level] + index
    distance_m = node_reach_m(columns, ask, node, level, index)
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


@njit
def rank(columns: Columns, ask: Ask, scratch: Scratch) -> int:
    """Fill the `top_` arrays of `scratch` with the best `top_k` matches; return how many.

    Ascending by (primary, secondary, id rank). `ask.page.top_k` is in 1..`MAX_RESULTS`.
    """
    scratch.work[:] = 0
    found = 0
    if ask.lists.driven:
        for doc in ask.lists.driver:
            found = _offer_doc(columns, ask, scratch, found, -1, int64(doc))
        return found
    levels = columns.level_start.shape[0] - 1
    if levels == 0:
        return 0
    own = columns.leaf_doc.shape[0] > 0
    docs = columns.leaf_doc.shape[0] if own else columns.doc_signature.shape[0]
    whole_words(ask, scratch, columns.level_start[levels - 1])
    size = _offer_node(columns, ask, scratch, found, 0, levels - 1, 0)
    while size > 0:
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
        size = drop_first(scratch, size)
        first = index << NODE_BITS
        if level == 0:
            scratch.work[LEAVES] += 1
            if ask.words.carried > 0:
                for at in range(scratch.span[index, 0], scratch.span[index, 1]):
                    doc = int64(ask.words.docs[at])
                    found = _offer_doc(columns, ask, scratch, found, index, doc)
            else:
                for at in range(first, min(first + NODE_SIZE, docs)):
                    doc = at
                    if own:
                        if not _can_follow(columns, ask, scratch, found, at):
                            continue
                        doc = int64(columns.leaf_doc[at])
                    found = _offer_doc(columns, ask, scratch, found, index, doc)
        else:
            below = columns.level_start[level] - columns.level_start[level - 1]
            for child in range(first, min(first + NODE_SIZE, below)):
                if _holds_words(columns, ask, scratch, level, index, child):
                    size = _offer_node(columns, ask, scratch, found, size, level - 1, child)
    return found


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
def _doc_matches(
    columns: Columns, ask: Ask, scratch: Scratch, leaf: int, doc: int, near: bool
) -> bool:
    """Whether a document matches; `leaf` as in `_offer_doc`, `near`: it lies in the radius."""
    return (
        doc_can_match(columns, ask, doc)
        and (near or doc_within_radius(columns, ask, doc))
        and doc_in_area(columns, ask, doc)
        and doc_is_open(columns, ask, doc)
        and (ask.words.span.shape[0] == 0 or doc_relevance(ask, scratch, leaf, doc) != MISSING)
        and doc_has_deal(columns, ask, scratch, doc)
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


@njit
def count(columns: Columns, ask: Ask, scratch: Scratch, tally: Tally) -> int:
    """Return the exact number of matches, and count them in `tally`."""
    scratch.work[:] = 0
    total = 0
    own = columns.leaf_doc.shape[0] > 0
    docs = columns.leaf_doc.shape[0] if own else columns.doc_signature.shape[0]
    if ask.lists.driven:
        for at in range(ask.lists.driver.shape[0]):
            doc = int64(ask.lists.driver[at])
            scratch.work[DOCS] += 1
            if _doc_matches(columns, ask, scratch, -1, doc, False):
                total += 1
                _tally(columns, ask, doc, tally)
        return total
    levels = columns.level_start.shape[0] - 1
    if levels == 0:
        return 0
    plain = _plain(ask)
    size = 1
    scratch.heap_entry[0, 1] = (levels - 1) << _LEVEL_SHIFT
    whole_words(ask, scratch, columns.level_start[levels - 1])
    while size > 0:
        size -= 1
        entry = scratch.heap_entry[size, 1]
        level = entry >> _LEVEL_SHIFT
        index = entry & _INDEX_MASK
        node = columns.level_start[level] + index
        scratch.work[NODES] += 1
        if node_reach_m(columns, ask, node, level, index) == NO_MATCH:
            continue
        near = node_within_radius(columns, ask, node)
        if level > 0 and not (near and plain):
            first = index << NODE_BITS
            below = columns.level_start[level] - columns.level_start[level - 1]
            for child in range(first, min(first + NODE_SIZE, below)):
                if _holds_words(columns, ask, scratch, level, index, child):
                    scratch.heap_entry[size, 1] = ((level - 1) << _LEVEL_SHIFT) | child
                    size += 1
            continue
        shift = NODE_BITS * (level + 1)
        first = index << shift
        end = min(first + (int64(1) << shift), docs)
        if plain and near:
            scratch.work[DOCS] += end - first
            total += _tally_run(columns, ask, first, end, tally)
            continue
        if ask.words.carried > 0:
            first = int64(scratch.span[index, 0])
            end = int64(scratch.span[index, 1])
        scratch.work[DOCS] += end - first
        for at in range(first, end):
            doc = at
            if ask.words.carried > 0:
                doc = int64(ask.words.docs[at])
            elif own:
                doc = int64(columns.leaf_doc[at])
            if _doc_matches(columns, ask, scratch, index, doc, near):
                total += 1
                _tally(columns, ask, doc, tally)
    return total
