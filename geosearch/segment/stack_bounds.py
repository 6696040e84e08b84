"""Upper bounds of combinations of deals below a node, by class of card: `bound_stack_` columns.

`writer` and `card_trees` fill them when a segment is written; `kernel.stacks` reads them in
searches with `stacking=on`. `bounds` has the bounds of single deals, which hold there too.

The classes are those of `bounds`. The value of a class is the best combination of offers of the
class and public offers, with at least one of the class. So it bounds every combination of a wallet
with deals of one card at most: such a combination is in the class of its card, or in the public
one. The value of `ANY_PROGRAM_CLASS` is the best combination of all offers, with or without cards,
also for new customers. So it bounds every combination; it is loose, since other wallets have other
cards. Only wallets of several cards need it, and only where deals of two of them combine, which the
bits of `node_crossing` rule out at many nodes; deals for new customers count as one more card. The
sum of the values of the wallet's classes would be a bound, too. But it adds up savings of different
shops, so in a city of a million a wallet of three cards tested three times as many nodes with it.

Why nothing else can break a bound: a search combines a subset of these offers, as some are out of
stock, not timely or beyond the budget. `best` and `saving` are exact for a party of one without a
given spend, and the greatest over all combinations: the one that saves most need not be the one
that counts most, and without one of its deals it may be any other. The single deals, one of which
may be the best combination, are in the bounds of `bounds`.

For other bills a saving of the table is at most `fixed + slope * bill` (see
`offers.saving_ceiling`), no step raises the bill, and each group has one deal at most, so the sums
over the groups of the greatest parts bound a combination. The net benefit counts at most that
saving, of gifts their share. With a given spend: `spend_best` and `slope`. Without one: a
combination without a bundle has pay + saving >= bill, for what is left, the savings that lowered
the bill, cashback and gifts add up to no less. So a party of n counts at most the share
n * reference / (n * price) of it, whatever n: `party_best` and `party_slope`. A bundle is paid for
by its own price, so where one may be a step all of the saving may count. Where the bill is unknown,
nothing combines.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from geosearch.money.offers import (
    BUNDLE,
    FREE_ITEM,
    PPM,
    TYPE,
    UNKNOWN_MONEY,
    expected_spend,
    saving_ceiling,
)
from geosearch.money.ranking import BASIS_POINTS, Counting, counted_saving
from geosearch.money.stacking import (
    DEPTH,
    GIFTS,
    LEFT,
    MOST_GROUPS,
    PATH,
    STATE,
    SUM,
    add_candidate,
    advance,
    clear,
    has_card,
    may_combine,
    new_memory,
    start,
)
from geosearch.segment.bounds import (
    ANY_PROGRAM_CLASS,
    BEST,
    BOUNDS,
    FIXED_SAVING,
    NEW_CUSTOMER_CLASS,
    PARTY_BEST,
    PARTY_SLOPE,
    SAVING,
    SLACK,
    SLOPE,
    SPEND,
    SPEND_BEST,
    class_count,
    is_new,
    raise_to,
    round_up,
)
from geosearch.segment.catalogue import program_bit
from geosearch.segment.columns import DOC_PRICE, DOC_QUALITY, DOC_REDEEM, Offers, offers_in
from indexes.arrays import F32, F64, I32, U64, I64Matrix
from indexes.geo.rtree import NODE_SIZE, summarise_leaves
from indexes.jit import inline_njit, int64, njit
from indexes.timetable import NEVER

NEW_OFFERS, ALL_OFFERS = -1, -2
"""In place of a card: offers for new customers only; all offers.

Card 0 means public offers. A card and `NEW_OFFERS` leave out combinations of public offers alone, a
card leaves out offers for new customers.
"""

STACK_BOUNDS = BOUNDS[: PARTY_SLOPE + 1]
"""Names of the bounds of combinations: all but those of a bundle alone."""


@inline_njit
def _standing(program: int, new: bool, wanted: int) -> int:
    """-1 for an offer that is left out, 1 for one of the wanted class, 0 for a public one."""
    if wanted == ALL_OFFERS:
        return 0
    if wanted == NEW_OFFERS:
        own = new
    else:
        own = not new and program > 0 and wanted == program
    if own:
        return 1
    return 0 if program == 0 and not new else -1


@inline_njit
def _group_bits(offers: Offers, doc: int) -> int:
    """Bits of the groups of a document."""
    bits = int64(0)
    for offer in range(int64(offers.start[doc]), int64(offers.start[doc + 1])):
        if offers.window[offer] != NEVER:
            bits |= int64(1) << int64(offers.group[offer])
    return bits >> 1


@inline_njit
def _combines(offers: Offers, doc: int) -> bool:
    """Whether a document has two groups."""
    groups = _group_bits(offers, doc)
    return bool(groups & (groups - 1) != 0)


@njit
def _stack_bounds(
    record: I32,
    offers: Offers,
    terms: I32,
    new: U64,
    counting: Counting,
    doc: int,
    wanted: int,
    memory: I64Matrix,
    out: F64,
) -> None:
    """Write the `STACK_BOUNDS` of the combinations at a document; minus infinity without one."""
    for part in range(out.shape[0]):
        out[part] = -np.inf
    price = int64(record[doc, DOC_PRICE])
    redeem, quality = record[doc, DOC_REDEEM] / BASIS_POINTS, float(record[doc, DOC_QUALITY])
    bill = expected_spend(UNKNOWN_MONEY, price, 1)
    clear(memory)
    own, bundled, groups = False, False, int64(0)
    fixed, counted, ppm = int64(0), 0.0, int64(0)
    for group in range(1, MOST_GROUPS + 1):
        most_fixed, most_counted, most_ppm = int64(0), 0.0, int64(0)
        for offer in range(int64(offers.start[doc]), int64(offers.start[doc + 1])):
            if offers.group[offer] != group or offers.window[offer] == NEVER:
                continue
            deal = int64(offers.deal[offer])
            standing = _standing(int64(offers.program[offer]), is_new(new, deal), wanted)
            if standing < 0:
                continue
            own = own or standing > 0
            bundled = bundled or terms[deal, TYPE] == BUNDLE
            groups |= int64(1) << group
            add_candidate(memory, terms, deal, group, standing, bill, 1)
            offer_fixed, offer_ppm = saving_ceiling(terms, deal)
            counts = counting.gift_value if terms[deal, TYPE] == FREE_ITEM else 1.0
            most_fixed, most_ppm = max(most_fixed, offer_fixed), max(most_ppm, offer_ppm)
            most_counted = max(most_counted, counts * offer_fixed)
        fixed += most_fixed
        counted += most_counted
        ppm += most_ppm
    needs_own = wanted > 0 or wanted == NEW_OFFERS
    if groups & (groups - 1) == 0 or (needs_own and not own):
        return
    out[FIXED_SAVING] = fixed
    out[SLOPE] = ppm / PPM
    out[SPEND] = ppm / PPM * max(price, 0)
    out[SPEND_BEST] = redeem * (counted * SLACK) + quality
    share = 1.0
    if price > counting.reference and not bundled:
        share = counting.reference / price
    out[PARTY_BEST] = redeem * (counted * share * SLACK) + quality
    out[PARTY_SLOPE] = redeem * (ppm / PPM * max(price, 0) * share * SLACK)
    if may_combine(memory):
        _usual_bounds(terms, counting, bill, needs_own, redeem, quality, memory, out)


@njit
def _usual_bounds(
    terms: I32,
    counting: Counting,
    bill: int,
    needs_own: bool,
    redeem: float,
    quality: float,
    memory: I64Matrix,
    out: F64,
) -> None:
    """Write `best` and `saving` over all combinations of the candidates."""
    start(memory, bill)
    while advance(memory, terms, 1, UNKNOWN_MONEY):
        top = PATH + memory[STATE, DEPTH]
        if needs_own and not has_card(memory):
            continue
        saving, pay = memory[top, SUM], memory[top, LEFT]
        # The operations of `deals.doc_best_value` in its order, so both round alike.
        counted = counted_saving(counting, saving, pay, memory[top, GIFTS])
        out[BEST] = max(out[BEST], redeem * counted + quality)
        out[SAVING] = max(out[SAVING], float(saving))


@njit
def _fill_leaves(
    record: I32,
    offers: Offers,
    terms: I32,
    new: U64,
    counting: Counting,
    bounds: F64,
    memory: I64Matrix,
    value: F64,
) -> None:
    classes = bounds.shape[1]
    for doc in range(record.shape[0]):
        if not _combines(offers, doc):
            continue
        leaf = doc // NODE_SIZE
        for c in range(NEW_CUSTOMER_CLASS + 1):
            wanted = 0
            if c == ANY_PROGRAM_CLASS:
                wanted = ALL_OFFERS
            elif c == NEW_CUSTOMER_CLASS:
                wanted = NEW_OFFERS
            _stack_bounds(record, offers, terms, new, counting, doc, wanted, memory, value)
            raise_to(bounds, c, leaf, value)
        first = int64(offers.start[doc])
        for offer in range(first, int64(offers.start[doc + 1])):
            program = int64(offers.program[offer])
            if program == 0 or NEW_CUSTOMER_CLASS + program >= classes:
                continue
            repeated = False
            for earlier in range(first, offer):
                repeated = repeated or offers.program[earlier] == program
            if not repeated:
                _stack_bounds(record, offers, terms, new, counting, doc, program, memory, value)
                raise_to(bounds, NEW_CUSTOMER_CLASS + program, leaf, value)


@njit
def _fill_docs(
    record: I32,
    offers: Offers,
    terms: I32,
    new: U64,
    counting: Counting,
    wanted: int,
    bounds: F64,
    memory: I64Matrix,
    value: F64,
) -> None:
    for doc in range(record.shape[0]):
        if _combines(offers, doc):
            _stack_bounds(record, offers, terms, new, counting, doc, wanted, memory, value)
            for part in range(value.shape[0]):
                bounds[part, doc] = value[part]


@njit
def _fill_crossings(offers: Offers, new: U64, bits: U64, out: U64) -> None:
    for doc in range(out.shape[0]):
        if not _combines(offers, doc):
            continue
        for offer in range(int64(offers.start[doc]), int64(offers.start[doc + 1])):
            for other in range(int64(offers.start[doc]), offer):
                card, other_card = _card(offers, new, offer), _card(offers, new, other)
                group, other_group = offers.group[offer], offers.group[other]
                combine = group != other_group and group > 0 and other_group > 0
                if combine and card != other_card and card != 0 and other_card != 0:
                    out[doc] |= bits[max(card, 0)] | bits[max(other_card, 0)]


@inline_njit
def _card(offers: Offers, new: U64, offer: int) -> int:
    """Card of an offer; -1 for one for new customers only, 0 for a public one."""
    if is_new(new, int64(offers.deal[offer])):
        return int64(-1)
    return int64(offers.program[offer])


def crossings(columns: Mapping[str, Any]) -> U64:
    """Bits of the cards whose deals may combine with those of another card, uint64[d].

    Deals for new customers count as one more card, with the bit of public deals.
    """
    out = np.zeros(len(columns["doc_record"]), np.uint64)
    programs = range(len(columns["program_on"]))
    bits = np.array([1 << program_bit(program) for program in programs], np.uint64)
    _fill_crossings(offers_in(columns), columns["deal_new"], bits, out)
    return out


def doc_stack_bounds(
    columns: Mapping[str, Any], counting: Counting, *, wanted: int
) -> dict[str, F32]:
    """Bounds of the combinations at each document by name; float32[d], rounded up.

    Parameters
    ----------
    counting
        How much of a saving counts for one person without a given spend.
    wanted
        A card, or `ALL_OFFERS`: bounds for every wallet and customer.
    """
    record, offers = columns["doc_record"], offers_in(columns)
    terms, new = columns["deal_terms"], columns["deal_new"]
    bounds = np.full((len(STACK_BOUNDS), record.shape[0]), -np.inf)
    value = np.empty(len(STACK_BOUNDS))
    _fill_docs(record, offers, terms, new, counting, wanted, bounds, new_memory(), value)
    return dict(zip(STACK_BOUNDS, round_up(bounds), strict=True))


def joint_stack_bounds(columns: Mapping[str, Any], counting: Counting) -> dict[str, F32]:
    """The `bound_stack_` columns by name; float32[classes, nodes], rounded up."""
    record, offers = columns["doc_record"], offers_in(columns)
    terms, new = columns["deal_terms"], columns["deal_new"]
    leaves = (record.shape[0] + NODE_SIZE - 1) // NODE_SIZE
    classes = class_count(len(columns["program_on"]))
    bounds = np.full((len(STACK_BOUNDS), classes, leaves), -np.inf)
    value = np.empty(len(STACK_BOUNDS))
    _fill_leaves(record, offers, terms, new, counting, bounds, new_memory(), value)
    rounded = round_up(bounds)
    return {
        f"bound_stack_{name}": summarise_leaves(rounded[part], np.maximum)
        for part, name in enumerate(STACK_BOUNDS)
    }
