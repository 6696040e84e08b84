"""Gains of cards at shops, minute by minute: what a card saves over public deals and cards held.

Useful for: `studies.worth`, for all candidate cards in one traversal a minute.
Not useful for: searches; and for counts by cells (`cells`).
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from geosearch.kernel.criteria import Criteria
from geosearch.kernel.deals import offer_is_on, offers_at
from geosearch.kernel.predicates import has_bit, has_category, is_live, is_open, reads_categories
from geosearch.money.offers import KNOWN_SAVING, offer_value
from geosearch.money.ranking import BASIS_POINTS
from geosearch.segment.columns import DOC_PRICE, DOC_QUALITY, DOC_REDEEM, Columns
from indexes.arrays import F64, I64, U8, U64, F64Matrix, I64Matrix, ReadOnly
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.geo.sphere import Place, box_where, circle_of, point_distance_m, point_is_within
from indexes.jit import entry_point, inner_njit, int64, njit
from indexes.prepared import Prepared

AS_YOU_GO, SHARE, ADVISED = range(3)
"""Columns of `add_gains`, sums over minutes."""


class Choice(NamedTuple):
    """Shops that a habit may choose, those of one segment after those of another."""

    doc: I64  # of its segment
    value: F64  # quality less the walk, minor units
    works: F64  # probability that a redemption works
    is_open: U8  # this and the following change from minute to minute
    base: I64  # saving without a candidate
    is_offered: U8  # 1 = `saving` is known, else no candidate saves anything
    saving: I64Matrix  # [n, candidates]
    weight: F64


class Cards(NamedTuple):
    """Cards of a study, in the numbers of one segment."""

    candidate: I64  # [p] number of the candidate that a card is; -1 = none
    limited: U64  # [ceil(m / 64)] one bit a deal with limited stock


@njit
def find_choice(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    place: Place,
    stack: I64,
    begin: int,
    choice: Choice,
) -> int:
    """Write the shops of a segment that a habit may choose, open or not; return their end.

    They are live, within the radius, of a wanted category, and their expected bill is known and
    from half to one and a half of the spend. If `choice` has no room for some, it only counts them.

    Parameters
    ----------
    stack
        Memory for node numbers, int64[n], n at least 16 times the levels.
    begin
        Where they begin in `choice`.
    """
    columns = segment.value
    circle = circle_of(place)
    levels = columns.level_start.shape[0] - 1
    end, size = int64(begin), int64(0)
    if levels > 0:
        stack[0], size = columns.level_start[levels] - 1, int64(1)
    while size > 0:
        size -= 1
        node = stack[size]
        # A box that is certainly outside has no shop within the radius.
        if box_where(columns.node_box, circle, node) < 0:
            continue
        level = _level_of(columns, node)
        first = (node - columns.level_start[level]) << NODE_BITS
        if level > 0:
            start = columns.level_start[level - 1]
            last = min(first + NODE_SIZE, columns.level_start[level] - start)
            # The last child first, so that documents come in their order.
            for child in range(last - 1, first - 1, -1):
                stack[size] = start + child
                size += 1
            continue
        for doc in range(first, min(first + NODE_SIZE, columns.leaf_position.shape[0])):
            if not _may_choose(columns, criteria, doc):
                continue
            if not point_is_within(columns.leaf_position, circle, doc):
                continue
            if end < choice.doc.shape[0]:
                metres = point_distance_m(columns.leaf_position, circle, doc)
                quality = float(columns.doc_record[doc, DOC_QUALITY])
                choice.doc[end] = doc
                choice.value[end] = quality - criteria.page.walk_cost_per_m * metres
                choice.works[end] = columns.doc_record[doc, DOC_REDEEM] / BASIS_POINTS
            end += 1
    return end


@inner_njit
def _level_of(columns: Columns, node: int) -> int:
    level = int64(0)
    while node >= columns.level_start[level + 1]:
        level += 1
    return level


@inner_njit
def _may_choose(columns: Columns, criteria: Criteria, doc: int) -> bool:
    """Return whether a document is in the choice set, place and hours aside."""
    if is_live(columns, doc) == 0:
        return False
    if reads_categories(criteria) and has_category(columns, criteria, doc) == 0:
        return False
    price = int64(columns.doc_record[doc, DOC_PRICE])
    bill, spend = price * criteria.bill.party_size, criteria.bill.spend
    return bool(price >= 0 and 2 * bill >= spend and 2 * bill <= 3 * spend)


@njit
def fill_savings(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    cards: Cards,
    choice: Choice,
    begin: int,
    end: int,
) -> int:
    """Write which shops of a segment are open at the minute of the criteria, and their savings.

    Returns how many are open. `begin` and `end` are where the segment's shops lie in `choice`.
    """
    columns = segment.value
    opened = int64(0)
    for at in range(begin, end):
        doc = choice.doc[at]
        choice.is_open[at] = is_open(columns, criteria, doc)
        if choice.is_open[at] == 0:
            continue
        opened += 1
        base, offered = int64(0), int64(0)
        # Nobody uses a deal that costs more than the bill, so savings begin at 0.
        for offer in offers_at(columns, doc):
            program = columns.offer_program[offer]
            card = cards.candidate[program]
            held = criteria.wallet.eligible[program] != 0
            if card < 0 and not held:
                continue
            saving = _counted(columns, criteria, cards, offer)
            if saving <= 0:
                continue
            if held:
                base = max(base, saving)
                continue
            if offered == 0:
                offered = int64(1)
                for other in range(choice.saving.shape[1]):
                    choice.saving[at, other] = 0
            choice.saving[at, card] = max(choice.saving[at, card], saving)
        choice.base[at], choice.is_offered[at] = base, offered
    return opened


@njit
def add_gains(choice: Choice, shops: int, scale: float, best: F64, sums: F64Matrix) -> int:
    """Add the gains of all candidates at the minute of `fill_savings`; return the shops open.

    Parameters
    ----------
    shops
        Number of shops in `choice`, of all segments.
    scale
        Minor units by which a shop must be worth more to be chosen e times as often.
    best
        float64[candidates], working memory.
    sums
        float64[candidates, 3]: `AS_YOU_GO`, `SHARE`, `ADVISED`.
    """
    opened, top = int64(0), -math.inf
    for at in range(shops):
        if choice.is_open[at] != 0:
            opened += 1
            top = max(top, choice.value[at])
    if opened == 0:
        return opened
    total, without = 0.0, -math.inf
    for at in range(shops):
        if choice.is_open[at] != 0:
            # The best shop has the weight 1, so no sum is 0.
            choice.weight[at] = math.exp((choice.value[at] - top) / scale)
            total += choice.weight[at]
            without = max(without, choice.value[at] + choice.works[at] * choice.base[at])
    for card in range(best.shape[0]):
        best[card] = without
    for at in range(shops):
        if choice.is_open[at] == 0 or choice.is_offered[at] == 0:
            continue
        chance, base = choice.weight[at] / total, choice.base[at]
        for card in range(best.shape[0]):
            saving = choice.saving[at, card]
            if saving > base:
                sums[card, AS_YOU_GO] += chance * (choice.works[at] * (saving - base))
                sums[card, SHARE] += chance
                best[card] = max(best[card], choice.value[at] + choice.works[at] * saving)
    for card in range(best.shape[0]):
        sums[card, ADVISED] += best[card] - without
    return opened


@inner_njit
def _counted(columns: Columns, criteria: Criteria, cards: Cards, offer: int) -> int:
    """Return the saving of an offer, at most the spend; 0 for one that does not count."""
    deal = int64(columns.offer_deal[offer])
    spend = criteria.bill.spend
    if has_bit(cards.limited, deal) or not offer_is_on(columns, criteria, offer):
        return 0
    status, saving, pay = offer_value(columns.deal_terms, deal, spend, criteria.bill.party_size)
    if status != KNOWN_SAVING or 2 * pay > 3 * spend:
        return 0
    return int64(min(saving, spend))


class GainKernels(NamedTuple):
    """Compiled entry points by name."""

    find_choice: Callable[..., int]
    fill_savings: Callable[..., int]
    add_gains: Callable[..., int]


@cache
def gain_kernels() -> GainKernels:
    """Return the entry points, compiled; made once a process."""
    functions: tuple[Any, ...] = (find_choice, fill_savings, add_gains)
    return GainKernels(*map(entry_point, functions))
