"""Upper bounds of savings and net benefit below a node, by class of card: the `bound_` columns.

`writer` and `card_trees` fill them when a segment is written; `predicates` reads them in searches.

The best saving and the best rating of a node rarely belong to one shop, so a bound from two
separate maxima is loose, and looser still over cards that the wallet does not have. These bounds
are joint (saving and quality of the same shop) and by class of offer: public ones, those of any
card, those for new customers only, and one class for each of the cards with the most shops. Each
offer of a wallet is in one of its classes, so the maximum over these bounds the wallet's best.
"""

import numpy as np
from numpy.typing import NDArray

from geosearch.money.offers import (
    BUNDLE,
    CASHBACK,
    FREE_ITEM,
    KNOWN_SAVING,
    PPM,
    TYPE,
    UNKNOWN_MONEY,
    UNUSABLE,
    VALUE,
    expected_spend,
    offer_value,
    saving_ceiling,
)
from geosearch.money.ranking import BASIS_POINTS, Counting, counted_saving
from geosearch.segment.columns import (
    DOC_PRICE,
    DOC_QUALITY,
    DOC_REDEEM,
    Offers,
)
from indexes.arrays import F32, F64, I32, U64
from indexes.geo.rtree import NODE_SIZE, summarise_leaves
from indexes.jit import inline_njit, int64, njit
from indexes.timetable import NEVER

PUBLIC_CLASS = 0
"""Offers that need no card."""
ANY_PROGRAM_CLASS = 1
"""Offers of any card; the class of cards without an own one."""
NEW_CUSTOMER_CLASS = 2
"""Offers for new customers only, of any card or none; they are in no other class."""
OWN_CLASSES = 14
"""Number of cards with their own class: those with the most documents, numbers 1 to 14."""

BOUNDS = (
    *("best", "saving", "fixed_saving", "slope", "spend"),
    *("spend_best", "party_best", "party_slope", "bundle_best", "bundle_slope"),
)
"""Names of the bounds; each is a maximum over the offers of a class below a node.

`best` and `saving` bound net benefit at distance 0 and saving, for a party of one without a given
spend. For other queries a saving is at most the larger of a fixed part and a part that grows with
the spend. `fixed_saving` bounds the fixed part; `slope` (saving per unit of spend) and `spend`
(saving per person at the shop's usual price) bound the growing part.

The net benefit of such a query counts a saving on a reference: the spend, or what one person's
reference is for the whole party. It is at most the greatest of three parts. A fixed saving or a
gift: `spend_best` with a given spend, `party_best` without. A percentage: quality and `slope` with
a given spend, quality and `party_slope` (likely to count, per person) without. A bundle: at most
`bundle_best`, and at most quality and `bundle_slope` (likely saving per unit of the list price)
times the reference.
"""
BEST, SAVING, FIXED_SAVING, SLOPE, SPEND = range(5)
SPEND_BEST, PARTY_BEST, PARTY_SLOPE, BUNDLE_BEST, BUNDLE_SLOPE = range(5, 10)

SLACK = 1.0 + 2.0**-40
"""Factor of a bound whose quotient is not the one that a query computes: it rounds differently, by
less than 2**-50 of the value."""


ANY_PROGRAM = -1
"""In place of a card: all cards."""


def class_of(program: int) -> int:
    """Bound class of a card by its number; number 0 is "no card needed"."""
    if program == 0:
        return PUBLIC_CLASS
    return NEW_CUSTOMER_CLASS + program if program <= OWN_CLASSES else ANY_PROGRAM_CLASS


def class_count(programs: int) -> int:
    """Number of bound classes of a segment; `programs` includes "no card needed"."""
    return NEW_CUSTOMER_CLASS + 1 + min(programs - 1, OWN_CLASSES)


@inline_njit
def raise_to(bounds: F64, c: int, leaf: int, value: F64) -> None:
    """Raise the bounds of a class in a leaf to those of a document."""
    for part in range(value.shape[0]):
        bounds[part, c, leaf] = max(bounds[part, c, leaf], value[part])


@inline_njit
def is_new(new: U64, deal: int) -> bool:
    """Whether a deal is for new customers only."""
    return bool((new[deal >> 6] >> np.uint64(deal & 63)) & np.uint64(1))


@njit
def _offer_bounds(
    terms: I32, deal: int, price: int, redeem: float, quality: float, counting: Counting, out: F64
) -> None:
    """Write the `BOUNDS` of one offer at one shop.

    Where no saving counts, because it is unknown or the shop is closed, only the quality does. No
    saving is below 0, so each bound of a net benefit is at least the quality.
    """
    status, saving, pay = offer_value(terms, deal, expected_spend(UNKNOWN_MONEY, price, 1), 1)
    out[BEST] = -np.inf
    out[SAVING] = -np.inf
    if status == KNOWN_SAVING:
        # The operations of `deals.doc_best_value` in its order, so both round alike.
        gifts = saving if terms[deal, TYPE] == FREE_ITEM else int64(0)
        counted = counted_saving(counting, saving, pay, gifts)
        out[BEST] = redeem * counted + quality
        out[SAVING] = saving
    elif status != UNUSABLE:
        out[BEST] = quality
    fixed, ppm = saving_ceiling(terms, deal)
    out[FIXED_SAVING] = fixed
    out[SLOPE] = ppm / PPM
    out[SPEND] = ppm / PPM * max(price, 0)
    _other_best_bounds(terms, deal, price, redeem, quality, counting, out)


@inline_njit
def _other_best_bounds(
    terms: I32, deal: int, price: int, redeem: float, quality: float, counting: Counting, out: F64
) -> None:
    """Write the bounds of net benefits for bills that are not the usual one.

    A party of n pays n times the price and has n times the reference of one person. So no more than
    the share reference / price of its saving counts at a dear shop, whatever n.
    """
    kind = terms[deal, TYPE]
    fixed, ppm = saving_ceiling(terms, deal)
    reference = counting.reference
    share = reference / price * SLACK if price > reference else 1.0
    with_spend = without = 0.0
    out[BUNDLE_BEST] = -np.inf
    out[BUNDLE_SLOPE] = -np.inf
    if kind == BUNDLE:
        # The bill is the list price, so the saving counts by min(1, reference / list price).
        out[BUNDLE_BEST] = redeem * fixed + quality
        list_price = int64(terms[deal, VALUE])
        out[BUNDLE_SLOPE] = redeem * fixed / list_price * SLACK if list_price > 0 else 0.0
    elif kind == FREE_ITEM:
        # The bill is the expected one and the gift, so `share` bounds what counts here too.
        with_spend = fixed * counting.gift_value
        without = with_spend * share
    else:
        with_spend = float(fixed)
        # Without a spend and a price the saving is unknown.
        without = fixed * share if price >= 0 else 0.0
    out[SPEND_BEST] = redeem * with_spend + quality
    out[PARTY_BEST] = redeem * without + quality
    # Of a bill b with the part r off, r * min(b, reference) counts. With r back later, saving and
    # pay are (1 + r) * b, so r * min(b, reference / (1 + r)) counts; both grow with the saving.
    rate = ppm / PPM
    most = reference / (1.0 + rate) if kind == CASHBACK else reference
    out[PARTY_SLOPE] = redeem * rate * min(float(max(price, 0)), most) * SLACK


@njit
def _fill_leaves(
    record: I32,
    offers: Offers,
    terms: I32,
    new: U64,
    counting: Counting,
    bounds: F64,
    value: F64,
) -> None:
    classes = bounds.shape[1]
    for doc in range(record.shape[0]):
        leaf = doc // NODE_SIZE
        price = int64(record[doc, DOC_PRICE])
        redeem = record[doc, DOC_REDEEM] / BASIS_POINTS
        quality = float(record[doc, DOC_QUALITY])
        for offer in range(int64(offers.start[doc]), int64(offers.start[doc + 1])):
            if offers.window[offer] == NEVER:
                continue
            program, deal = int64(offers.program[offer]), int64(offers.deal[offer])
            _offer_bounds(terms, deal, price, redeem, quality, counting, value)
            if is_new(new, deal):
                raise_to(bounds, NEW_CUSTOMER_CLASS, leaf, value)
            elif program == 0:
                raise_to(bounds, PUBLIC_CLASS, leaf, value)
            else:
                raise_to(bounds, ANY_PROGRAM_CLASS, leaf, value)
                if NEW_CUSTOMER_CLASS + program < classes:
                    raise_to(bounds, NEW_CUSTOMER_CLASS + program, leaf, value)


@njit
def _fill_docs(
    record: I32,
    offers: Offers,
    terms: I32,
    new: U64,
    counting: Counting,
    program: int,
    bounds: F64,
    value: F64,
) -> None:
    for doc in range(record.shape[0]):
        price = int64(record[doc, DOC_PRICE])
        redeem = record[doc, DOC_REDEEM] / BASIS_POINTS
        quality = float(record[doc, DOC_QUALITY])
        if program == ANY_PROGRAM:
            # Without a deal a document is worth its quality.
            bounds[BEST, doc] = quality
        for offer in range(int64(offers.start[doc]), int64(offers.start[doc + 1])):
            deal = int64(offers.deal[offer])
            counts = offers.program[offer] == program and not is_new(new, deal)
            if (counts or program == ANY_PROGRAM) and offers.window[offer] != NEVER:
                _offer_bounds(terms, deal, price, redeem, quality, counting, value)
                for part in range(value.shape[0]):
                    bounds[part, doc] = max(bounds[part, doc], value[part])


def doc_bounds(
    record: I32, offers: Offers, terms: I32, new: U64, *, counting: Counting, program: int
) -> dict[str, F32]:
    """Bounds of each document for one card, by name in `BOUNDS`; float32[d], rounded up.

    They hold for old customers. For `ANY_PROGRAM` they hold for every wallet and customer, and for
    documents without a deal.

    Parameters
    ----------
    counting
        As in `joint_bounds`.
    """
    bounds = np.full((len(BOUNDS), record.shape[0]), -np.inf)
    _fill_docs(record, offers, terms, new, counting, program, bounds, np.empty(len(BOUNDS)))
    return dict(zip(BOUNDS, round_up(bounds), strict=True))


def joint_bounds(
    record: I32, offers: Offers, terms: I32, new: U64, *, counting: Counting, programs: int
) -> dict[str, F32]:
    """The `bound_` columns by name; float32[classes, nodes], rounded up.

    Parameters
    ----------
    record, offers, terms, new
        `doc_record`, `columns.Offers`, `deal_terms` and `deal_new`, documents in Hilbert order.
    counting
        How much of a saving counts for one person without a given spend.
    programs
        Number of cards; includes "no card needed".
    """
    docs = record.shape[0]
    leaves = (docs + NODE_SIZE - 1) // NODE_SIZE
    bounds = np.full((len(BOUNDS), class_count(programs), leaves), -np.inf)
    _fill_leaves(record, offers, terms, new, counting, bounds, np.empty(len(BOUNDS)))
    rounded = round_up(bounds)
    return {
        f"bound_{name}": summarise_leaves(rounded[part], np.maximum)
        for part, name in enumerate(BOUNDS)
    }


def round_up(values: NDArray[np.float64]) -> F32:
    """The values as float32, none of them below the exact one."""
    narrow = values.astype(np.float32)
    return np.where(narrow < values, np.nextafter(narrow, np.float32(np.inf)), narrow)
