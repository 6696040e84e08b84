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
    KNOWN_SAVING,
    PPM,
    UNKNOWN_MONEY,
    UNUSABLE,
    expected_spend,
    offer_value,
    saving_ceiling,
)
from geosearch.money.ranking import BASIS_POINTS
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

BOUNDS = ("best", "saving", "fixed_best", "fixed_saving", "slope", "spend")
"""Names of the bounds; each is a maximum over the offers of a class below a node.

`best` and `saving` bound net benefit at distance 0 and saving, for a party of one without a given
spend. For other queries a saving is at most the larger of a fixed part and a part that grows with
the spend. `fixed_best` and `fixed_saving` bound the fixed part; `slope` (saving per unit of spend)
and `spend` (saving per person at the shop's usual price) bound the growing part.
"""
BEST, SAVING, FIXED_BEST, FIXED_SAVING, SLOPE, SPEND = range(6)


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
def _raise_to(bounds: F64, c: int, leaf: int, value: F64) -> None:
    for part in range(6):
        bounds[part, c, leaf] = max(bounds[part, c, leaf], value[part])


@inline_njit
def _is_new(new: U64, deal: int) -> bool:
    """Whether a deal is for new customers only."""
    return bool((new[deal >> 6] >> np.uint64(deal & 63)) & np.uint64(1))


@njit
def _offer_bounds(
    terms: I32, deal: int, price: int, redeem: float, quality: float, out: F64
) -> None:
    """Write the six `BOUNDS` of one offer at one shop."""
    status, saving, _pay = offer_value(terms, deal, expected_spend(UNKNOWN_MONEY, price, 1), 1)
    out[BEST] = -np.inf
    out[SAVING] = -np.inf
    if status == KNOWN_SAVING:
        # The operations of `predicates.doc_worth` in its order, so both round alike.
        out[BEST] = redeem * saving + quality
        out[SAVING] = saving
    elif status != UNUSABLE:
        out[BEST] = quality
    fixed, ppm = saving_ceiling(terms, deal)
    # If the saving turns out unknown, only the quality counts.
    out[FIXED_BEST] = max(redeem * fixed + quality, quality)
    out[FIXED_SAVING] = fixed
    out[SLOPE] = ppm / PPM
    out[SPEND] = ppm / PPM * max(price, 0)


@njit
def _fill_leaves(
    record: I32, offers: Offers, terms: I32, new: U64, bounds: F64, value: F64
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
            _offer_bounds(terms, deal, price, redeem, quality, value)
            if _is_new(new, deal):
                _raise_to(bounds, NEW_CUSTOMER_CLASS, leaf, value)
            elif program == 0:
                _raise_to(bounds, PUBLIC_CLASS, leaf, value)
            else:
                _raise_to(bounds, ANY_PROGRAM_CLASS, leaf, value)
                if NEW_CUSTOMER_CLASS + program < classes:
                    _raise_to(bounds, NEW_CUSTOMER_CLASS + program, leaf, value)


@njit
def _fill_docs(
    record: I32, offers: Offers, terms: I32, new: U64, program: int, bounds: F64, value: F64
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
            counts = offers.program[offer] == program and not _is_new(new, deal)
            if (counts or program == ANY_PROGRAM) and offers.window[offer] != NEVER:
                _offer_bounds(terms, deal, price, redeem, quality, value)
                for part in range(6):
                    bounds[part, doc] = max(bounds[part, doc], value[part])


def doc_bounds(
    record: I32, offers: Offers, terms: I32, new: U64, *, program: int
) -> dict[str, F32]:
    """Bounds of each document for one card, by name in `BOUNDS`; float32[d], rounded up.

    They hold for old customers. For `ANY_PROGRAM` they hold for every wallet and customer, and for
    documents without a deal.
    """
    bounds = np.full((len(BOUNDS), record.shape[0]), -np.inf)
    _fill_docs(record, offers, terms, new, program, bounds, np.empty(len(BOUNDS)))
    return dict(zip(BOUNDS, _round_up(bounds), strict=True))


def joint_bounds(
    record: I32, offers: Offers, terms: I32, new: U64, *, programs: int
) -> dict[str, F32]:
    """The `bound_` columns by name; float32[classes, nodes], rounded up.

    Parameters
    ----------
    record, offers, terms, new
        `doc_record`, `columns.Offers`, `deal_terms` and `deal_new`, documents in Hilbert order.
    programs
        Number of cards; includes "no card needed".
    """
    docs = record.shape[0]
    leaves = (docs + NODE_SIZE - 1) // NODE_SIZE
    bounds = np.full((len(BOUNDS), class_count(programs), leaves), -np.inf)
    _fill_leaves(record, offers, terms, new, bounds, np.empty(len(BOUNDS)))
    rounded = _round_up(bounds)
    return {
        f"bound_{name}": summarise_leaves(rounded[part], np.maximum)
        for part, name in enumerate(BOUNDS)
    }


def _round_up(values: NDArray[np.float64]) -> F32:
    narrow = values.astype(np.float32)
    return np.where(narrow < values, np.nextafter(narrow, np.float32(np.inf)), narrow)
