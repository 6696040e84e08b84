"""Deals of a document: which ones a query can use, the best one that counts, and its worth.

With a budget (`Bill.max_pay`), a deal counts only if its pay is known and within the budget.
"""

import math

from geosearch.kernel.criteria import (
    ANY_DEAL,
    BY_SAVING,
    CARD_BEST_DEAL,
    CARD_DEAL,
    NO_BUDGET,
    OPTIONAL_DEAL,
    Criteria,
)
from geosearch.kernel.predicates import counts_saving, doc_worth, has_bit
from geosearch.kernel.scratch import OFFERS, Scratch
from geosearch.kernel.states import IS_OPEN, state_of
from geosearch.money.offers import (
    FREE_ITEM,
    KNOWN_SAVING,
    TYPE,
    UNKNOWN_MONEY,
    UNUSABLE,
    expected_spend,
    is_better,
    offer_value,
)
from geosearch.money.ranking import counted_saving
from geosearch.segment.columns import DOC_PRICE, LARGE_SAVING, NO_PAY, NO_SAVING, NO_USE, Columns
from indexes.jit import inner_njit, int64, uint64

TOO_DEAR = NO_USE - 1
"""Result of `offer_saving` for a usable offer that is not surely within the budget."""


@inner_njit
def doc_spend(columns: Columns, criteria: Criteria, doc: int) -> int:
    """Expected bill at the document in minor units, or `UNKNOWN_MONEY`."""
    price = int64(columns.doc_record[doc, DOC_PRICE])
    return expected_spend(criteria.bill.spend, price, criteria.bill.party_size)


@inner_njit
def offers_at(columns: Columns, at: int) -> range:
    """The offers of the document at a place in the leaves."""
    return range(uint64(columns.offer_start[at]), uint64(columns.offer_start[at + 1]))


@inner_njit
def offer_is_on(columns: Columns, criteria: Criteria, offer: int) -> bool:
    """Whether the offer counts, but for its spend and party: it is timely and in stock."""
    return bool(
        offer_is_timely(columns, criteria, offer)
        and has_bit(columns.deal_on, columns.offer_deal[offer])
    )


@inner_njit
def offer_is_timely(columns: Columns, criteria: Criteria, offer: int) -> bool:
    """Whether the offer's card is active and the minute is in its time window."""
    state = state_of(columns, criteria, columns.offer_window[offer])
    return bool(state & IS_OPEN != 0 and columns.program_on[columns.offer_program[offer]] != 0)


@inner_njit
def has_budget(criteria: Criteria) -> bool:
    """Whether the query limits what the user pays."""
    return bool(criteria.bill.max_pay != NO_BUDGET)


@inner_njit
def is_affordable(criteria: Criteria, pay: int) -> bool:
    """Whether an amount, or `UNKNOWN_MONEY`, is surely within the budget of the query."""
    return not has_budget(criteria) or (pay != UNKNOWN_MONEY and pay <= criteria.bill.max_pay)


@inner_njit
def offer_saving(columns: Columns, criteria: Criteria, doc: int, offer: int) -> int:
    """Saving of the offer at the document for the bill of the query; see `columns.NO_USE`.

    With a budget it is `TOO_DEAR` if the pay is above it or unknown.
    """
    if is_stored(columns, criteria, offer):
        saving = int64(columns.offer_saving[offer])
        if saving == NO_USE or not has_budget(criteria):
            return saving
        pay = offer_pay(columns, criteria, doc, offer)
        return saving if is_affordable(criteria, pay) else TOO_DEAR
    deal = int64(columns.offer_deal[offer])
    spend = doc_spend(columns, criteria, doc)
    status, saving, pay = offer_value(columns.deal_terms, deal, spend, criteria.bill.party_size)
    if status == UNUSABLE:
        return NO_USE
    if not is_affordable(criteria, pay):
        return TOO_DEAR
    return int64(saving) if status == KNOWN_SAVING else NO_SAVING


@inner_njit
def is_stored(columns: Columns, criteria: Criteria, offer: int) -> bool:
    """Whether `offer_saving` and `offer_pay` hold for the bill of the query."""
    return bool(criteria.bill.usual and columns.offer_saving[offer] != LARGE_SAVING)


@inner_njit
def offer_pay(columns: Columns, criteria: Criteria, doc: int, offer: int) -> int:
    """Pay of a usable offer at the document for the bill of the query, or `UNKNOWN_MONEY`."""
    if is_stored(columns, criteria, offer):
        pay = int64(columns.offer_pay[offer])
        if pay == NO_PAY:
            return int64(UNKNOWN_MONEY)
        return pay if pay >= 0 else -1 - pay
    deal = int64(columns.offer_deal[offer])
    spend = doc_spend(columns, criteria, doc)
    return int64(offer_value(columns.deal_terms, deal, spend, criteria.bill.party_size)[2])


@inner_njit
def offer_is_gift(columns: Columns, criteria: Criteria, offer: int) -> bool:
    """Whether an offer of known saving is a gift."""
    if is_stored(columns, criteria, offer):
        return bool(columns.offer_pay[offer] < 0)
    return bool(columns.deal_terms[columns.offer_deal[offer], TYPE] == FREE_ITEM)


@inner_njit
def reads_deals(criteria: Criteria) -> bool:
    """Whether deals or the budget decide who matches."""
    return bool(criteria.wallet.deal_mode != OPTIONAL_DEAL or has_budget(criteria))


@inner_njit
def doc_has_deal(columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int) -> bool:
    """Whether the document at a place fulfils `deal_mode`, within the budget if there is one."""
    mode = criteria.wallet.deal_mode
    if not reads_deals(criteria):
        return True
    if mode == OPTIONAL_DEAL or mode == CARD_BEST_DEAL:
        matches, _saving, _offer = doc_best_deal(columns, criteria, scratch, at, doc)
        return bool(matches)
    for offer in offers_at(columns, at):
        program = columns.offer_program[offer]
        if criteria.wallet.eligible[program] == 0 or (program == 0 and mode == CARD_DEAL):
            continue
        scratch.work[OFFERS] += 1
        if offer_saving(columns, criteria, doc, offer) > NO_USE and offer_is_on(
            columns, criteria, offer
        ):
            return True
    return False


@inner_njit
def doc_best_value(
    columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int
) -> tuple[bool, float]:
    """Whether the document at a place fulfils `deal_mode`, and its value in an order by deals.

    The value is the best saving for `BY_SAVING`, minus infinity if it is unknown, and the worth for
    `BY_BEST`. The operations for the worth are those of `bounds` in the same order, and each is
    monotone in floating point. So no bound over all deals is below the worth with the best one.
    """
    counts = criteria.page.sort == BY_SAVING or counts_saving(columns, criteria, at)
    if not counts:
        return doc_has_deal(columns, criteria, scratch, at, doc), doc_worth(columns, doc, 0.0)
    matches, saving, offer = doc_best_deal(columns, criteria, scratch, at, doc)
    if criteria.page.sort == BY_SAVING:
        return matches, float(saving) if offer >= 0 else -math.inf
    if not matches or offer < 0:
        return matches, doc_worth(columns, doc, 0.0)
    pay = offer_pay(columns, criteria, doc, offer)
    is_gift = offer_is_gift(columns, criteria, offer)
    counted = counted_saving(criteria.bill.counting, saving, pay, is_gift)
    return True, doc_worth(columns, doc, counted)


@inner_njit
def doc_best_deal(
    columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int
) -> tuple[bool, int, int]:
    """Whether the document at a place fulfils `deal_mode`; its best saving, and whose that is.

    Only eligible deals count, and of these only the wallet's own where `deal_mode` asks for a
    card. If no usable one has a known saving, that is `UNKNOWN_MONEY` and the offer is -1. The
    offers of a document ascend by `deal_id`, the last tie-break of the best deal.

    Where no deal is required, a budget holds for the least known pay of the eligible deals, or for
    the expected bill without such a deal: a dear deal alone exceeds it even if the bill does not.
    Where the pay of a deal is unknown, so is the bill.
    """
    best, best_offer = int64(UNKNOWN_MONEY), int64(-1)
    mode = criteria.wallet.deal_mode
    matches = not reads_deals(criteria)
    exceeds = False
    rivalled, rival = False, int64(UNKNOWN_MONEY)
    for offer in offers_at(columns, at):
        program = columns.offer_program[offer]
        if criteria.wallet.eligible[program] == 0 or (program == 0 and mode == CARD_DEAL):
            continue
        scratch.work[OFFERS] += 1
        saving = offer_saving(columns, criteria, doc, offer)
        if saving == NO_USE or not offer_is_on(columns, criteria, offer):
            continue
        if saving == TOO_DEAR:
            exceeds = True
            continue
        if program == 0 and mode == CARD_BEST_DEAL:
            rivalled = True
            if saving != NO_SAVING:
                rival = max(rival, saving)
            continue
        if mode == ANY_DEAL or mode == OPTIONAL_DEAL or program != 0:
            matches = True
        if saving == NO_SAVING or saving < best:
            continue
        # Offers that tie are rare, so the loop reads the pay of these alone.
        if saving > best or is_cheaper(columns, criteria, doc, offer, best_offer):
            best, best_offer = int64(saving), int64(offer)
    if mode == OPTIONAL_DEAL and not (matches or exceeds):
        matches = is_affordable(criteria, doc_spend(columns, criteria, doc))
    # A known saving beats an unknown one.
    return bool(matches and (not rivalled or best > rival)), best, best_offer


@inner_njit
def is_cheaper(columns: Columns, criteria: Criteria, doc: int, offer: int, other: int) -> bool:
    """Whether an offer is better than an earlier one of the document with the same saving."""
    pay = offer_pay(columns, criteria, doc, offer)
    return is_better(0, pay, 1, 0, offer_pay(columns, criteria, doc, other), 0)
