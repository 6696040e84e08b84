"""Exact count of the matches of a segment, in total and by facet.

`facets` names the counters; `rank` finds the best matches.
"""

from typing import NamedTuple

import numpy as np

from geosearch.kernel.areas import doc_in_area, reads_area
from geosearch.kernel.criteria import CARD_DEAL, Criteria
from geosearch.kernel.deals import (
    doc_has_deal,
    offer_is_on,
    offer_saving,
    offers_at,
    reads_deals,
)
from geosearch.kernel.predicates import (
    doc_at,
    doc_is_rated,
    has_bit,
    leaf_is_within,
    reads_categories,
    reads_hours,
)
from geosearch.kernel.relevance import ALL_PASS, are_few, doc_has_words, enter_words, whole_words
from geosearch.kernel.scratch import DOCS, NODES, Scratch
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
from geosearch.money.offers import TYPE
from geosearch.segment.columns import (
    NO_USE,
    Columns,
)
from indexes.arrays import I64, ReadOnly
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.geo.sphere import Circle, Place, circle_of, fill_reached, fill_within
from indexes.jit import inline_njit, inner_njit, int64, njit, uint64
from indexes.prepared import Prepared

_ALL_LIVE = np.uint64(0xFFFF_FFFF_FFFF_FFFF)

_INSIDE = 1 << 56
"""Bit of a node on the stack whose documents all lie within the radius; see `traversal`."""


class Tally(NamedTuple):
    """Facet counters by row of the catalogue, zero at first; empty for facets nobody wants."""

    by_category_set: I64
    by_area: I64
    by_program: I64
    by_type: I64
    seen: I64  # the last document counted under each card, -1 at first


@inner_njit
def _tally(columns: Columns, criteria: Criteria, at: int, doc: int, tally: Tally) -> None:
    """Count a document under its categories, area, cards and offer types."""
    if tally.by_category_set.shape[0] > 0:
        tally.by_category_set[columns.leaf_category_set[at]] += 1
    if tally.by_area.shape[0] > 0:
        tally.by_area[columns.doc_area[doc]] += 1
    if tally.by_program.shape[0] + tally.by_type.shape[0] > 0:
        _tally_offers(columns, criteria, at, doc, tally)


@inner_njit
def _tally_run(columns: Columns, criteria: Criteria, first: int, end: int, tally: Tally) -> int:
    """Count documents of which every live one matches; return how many are live.

    This is the hot path of counts over whole districts: one short loop for each counter.
    """
    live = _live_in(columns, first, end)
    docs = range(uint64(first), uint64(end))
    if tally.by_category_set.shape[0] > 0:
        if live == end - first:
            for doc in docs:
                tally.by_category_set[columns.leaf_category_set[doc]] += 1
        else:
            for doc in docs:
                tally.by_category_set[columns.leaf_category_set[doc]] += has_bit(
                    columns.doc_live, doc
                )
    if tally.by_area.shape[0] > 0:
        for doc in docs:
            tally.by_area[columns.doc_area[doc]] += has_bit(columns.doc_live, doc)
    if tally.by_program.shape[0] + tally.by_type.shape[0] > 0:
        for doc in range(first, end):
            if has_bit(columns.doc_live, doc):
                _tally_offers(columns, criteria, doc, doc, tally)
    return live


@inner_njit
def _has_rows(tally: Tally) -> bool:
    rows = tally.by_category_set.shape[0] + tally.by_area.shape[0]
    return bool(rows + tally.by_program.shape[0] + tally.by_type.shape[0] > 0)


@inner_njit
def _live_in(columns: Columns, first: int, end: int) -> int:
    """Number of live documents from `first`, which begins a leaf, to before `end`."""
    live = 0
    doc = first
    while doc < end:
        # Leaves are aligned, so a word of 64 bits holds whole leaves.
        if doc & 63 == 0 and doc + 64 <= end and columns.doc_live[doc >> 6] == _ALL_LIVE:
            live += 64
            doc += 64
        else:
            live += int64(has_bit(columns.doc_live, doc))
            doc += 1
    return live


@njit
def _tally_offers(columns: Columns, criteria: Criteria, at: int, doc: int, tally: Tally) -> None:
    """Count a document once under each card and each offer type of its usable deals.

    The cards need not be in the wallet: their counts show what another card would bring. Of types
    only deals count that may be the best one, as in the filter `offer_type`: eligible ones, and
    only the wallet's own where a card is asked for.
    """
    types = 0
    is_of_wallet = criteria.wallet.deal_mode >= CARD_DEAL
    for offer in offers_at(columns, at):
        if offer_saving(columns, criteria, doc, offer) <= NO_USE or not offer_is_on(
            columns, criteria, offer
        ):
            continue
        program = int64(columns.offer_program[offer])
        if tally.by_program.shape[0] > 0 and tally.seen[program] != doc:
            tally.seen[program] = doc
            tally.by_program[program] += 1
        kind = int64(columns.deal_terms[columns.offer_deal[offer], TYPE])
        if (
            tally.by_type.shape[0] > 0
            and criteria.wallet.eligible[program] == 1
            and (program > 0 or not is_of_wallet)
            and not types & (1 << kind)
        ):
            types |= 1 << kind
            tally.by_type[kind] += 1


@inner_njit
def _reads_more(criteria: Criteria) -> bool:
    """Whether a test of a document remains after those of dense columns, place and deals."""
    return bool(
        criteria.kinds.min_rating >= 0 or reads_area(criteria) or criteria.words.span.shape[0] > 0
    )


@inner_njit
def _count_run(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    node: int,
    leaf: int,
    few: int,
    near: bool,
    more: bool,
    tally: Tally,
) -> int:
    """Count the matches among the documents that the search reads at a node; return how many.

    `few` is the result of `fill_few` for the node. `near` says that all its documents are within
    the radius. `more` is the result of `_reads_more`.
    """
    total = int64(0)
    begin, end, bits = int64(0), few, int64(0)
    whole = few < 0 and is_leaf(criteria)
    if few < 0:
        begin, end = run_of(columns, criteria, scratch, node, leaf)
        bits = bits_of(columns, criteria, scratch, leaf)
    if whole and not near:
        bits &= _bits_within(columns, circle, scratch, begin, end)
        near = True
    sure = sure_bits(columns, criteria, leaf, whole)
    # Of a leaf the documents that surely have a deal come first: two loops without a branch that a
    # processor would mispredict.
    for part in range(2 if whole else 1):
        chosen = bits & (sure if part == 0 else ~sure)
        if whole and chosen == 0:
            continue
        for first in range(begin, end, NODE_SIZE):
            if is_spent(scratch):
                break
            count = few
            if few < 0:
                last = min(first + NODE_SIZE, end)
                count = fill_places(columns, criteria, scratch, first, last, chosen)
            for place in range(uint64(count)):
                at = uint64(scratch.place[place])
                if not near and not leaf_is_within(columns, circle, int64(at)):
                    continue
                doc = doc_at(columns, at)
                if more and not (
                    doc_is_rated(columns, criteria, doc)
                    and doc_in_area(columns, criteria, doc)
                    and doc_has_words(criteria, scratch, node, doc)
                ):
                    continue
                has_deal = (whole and part == 0) or sure == ALL_PASS
                if has_deal or doc_has_deal(columns, criteria, scratch, at, doc):
                    total += 1
                    _tally(columns, criteria, at, doc, tally)
    return total


@inner_njit
def _bits_within(columns: Columns, circle: Circle, scratch: Scratch, begin: int, end: int) -> int:
    """Bits of the documents of a leaf that are within the radius."""
    fill_within(columns.leaf_position, circle, begin, end, scratch.within)
    bits = int64(0)
    for at in range(begin, end):
        within = scratch.within[at - begin]
        if within == 0:
            within = int64(leaf_is_within(columns, circle, at))
        bits |= int64(within > 0) << (at - begin)
    return bits


@inner_njit
def _push(
    columns: Columns,
    criteria: Criteria,
    scratch: Scratch,
    size: int,
    level: int,
    index: int,
    within: int,
) -> int:
    """Push a node on the stack unless it holds no match; return the stack's size.

    `within` is the value that `fill_reached` wrote for the node.
    """
    scratch.work[NODES] += 1
    if (
        within < 0
        or not may_hold_match(columns, criteria, level, index)
        or not holds_words(columns, criteria, scratch, level, index)
    ):
        return size
    scratch.heap_entry[size, 1] = (within * _INSIDE) | (level << LEVEL_SHIFT) | index
    return size + 1


@inner_njit
def _reverse(scratch: Scratch, bottom: int, top: int) -> None:
    """Reverse the entries of the stack from `bottom` to before `top`.

    The traversal then reads documents in ascending order. A processor fetches ahead in that order
    only: in descending order of leaves the same count takes four times as long.
    """
    for step in range((top - bottom) >> 1):
        low, high = bottom + step, top - 1 - step
        entry = scratch.heap_entry[low, 1]
        scratch.heap_entry[low, 1] = scratch.heap_entry[high, 1]
        scratch.heap_entry[high, 1] = entry


@njit
def count(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    place: Place,
    memory: Prepared[Scratch],
    tally: Tally,
) -> int:
    """Return the exact number of matches, and add them to the counters of `tally`.

    It returns `TOO_MUCH` if that would take too much work (see `traversal`); `tally` then has part
    of the matches.
    """
    columns, scratch = segment.value, memory.value
    circle = circle_of(place)
    scratch.work[:] = 0
    total = 0
    levels = columns.level_start.shape[0] - 1
    more = _reads_more(criteria)
    # Every live document within the radius matches.
    plain = not (more or reads_hours(criteria) or reads_categories(criteria)) and not reads_deals(
        criteria
    )
    size = 0
    node = -1
    index = 0
    few = int64(-1)
    near = False
    # The search reads a driving list like one leaf.
    reading = criteria.lists.driven
    if not reading and levels > 0:
        root = columns.level_start[levels - 1]
        whole_words(criteria, scratch, root)
        fill_reached(columns.node_box, circle, root, root + 1, scratch.within)
        size = _push(columns, criteria, scratch, 0, levels - 1, 0, scratch.within[0])
    while (reading or size > 0) and not is_spent(scratch):
        if not reading:
            size -= 1
            entry = scratch.heap_entry[size, 1]
            near = entry >= _INSIDE
            level = (entry & (_INSIDE - 1)) >> LEVEL_SHIFT
            index = entry & INDEX_MASK
            node = columns.level_start[level] + index
            if plain and near:
                shift = NODE_BITS * (level + 1)
                first = index << shift
                end = min(first + (int64(1) << shift), columns.leaf_position.shape[0])
                # A total alone looks at 64 documents at once.
                scratch.work[DOCS] += (end - first) >> (0 if _has_rows(tally) else 6)
                if is_spent(scratch):
                    break
                total += _tally_run(columns, criteria, first, end, tally)
                continue
            few = fill_few(columns, criteria, scratch, level, index)
            if level > 0 and few < 0 and not are_few(criteria, scratch, node):
                enter_words(criteria, scratch, node)
                first, end = children_of(columns, level, index)
                begin = columns.level_start[level - 1]
                if not near:
                    fill_reached(
                        columns.node_box, circle, begin + first, begin + end, scratch.within
                    )
                bottom = size
                for child in range(first, end):
                    within = 1 if near else scratch.within[child - first]
                    size = _push(columns, criteria, scratch, size, level - 1, child, within)
                _reverse(scratch, bottom, size)
                continue
        total += _count_run(columns, criteria, circle, scratch, node, index, few, near, more, tally)
        reading = False
    return settled(scratch, total)


class Naming(NamedTuple):
    """Pairs of a counter's row and the number of a name that the counter adds to."""

    row: I64
    name: I64


@njit
def count_names(
    counted: I64,
    naming: Naming,
    total: I64,
    names: I64,
) -> int:
    """Write the names of a facet with a count above 0, and return how many there are.

    The largest count comes first; numbers of names break ties.

    Parameters
    ----------
    counted
        int64[rows], the counters of one facet.
    total
        int64[n], zero at first; receives the count of each of n names.
    names
        int64[n]; receives the numbers of the names, from the first row on.
    """
    for pair in range(naming.row.shape[0]):
        total[naming.name[pair]] += counted[naming.row[pair]]
    room = total.shape[0]
    found = 0
    for name in range(room):
        if total[name] > 0:
            # One number for both parts of the order.
            names[found] = name - total[name] * room
            found += 1
    _sort(names, found)
    for at in range(found):
        names[at] %= room
    return found


@inline_njit
def _sort(values: I64, end: int) -> None:
    """Sort the values before `end` in place: Shell (1959), with the gaps of Knuth."""
    step = 1
    while step < end // 3:
        step = 3 * step + 1
    while step > 0:
        for at in range(step, end):
            value = values[at]
            to = at
            while to >= step and values[to - step] > value:
                values[to] = values[to - step]
                to -= step
            values[to] = value
        step //= 3
