"""Deals of a document: which ones a query can use, and the best saving of those that count.

With a budget (`Bill.max_pay`), a deal counts only if its pay is known and within the budget.
"""

from geosearch.kernel.criteria import (
    ANY_DEAL,
    CARD_BEST_DEAL,
    CARD_DEAL,
    NO_BUDGET,
    OPTIONAL_DEAL,
    Criteria,
)
from geosearch.kernel.predicates import has_bit
from geosearch.kernel.scratch import OFFERS, Scratch
from geosearch.kernel.states import IS_OPEN, state_of
from geosearch.money.offers import (
    KNOWN_SAVING,
    UNKNOWN_MONEY,
    UNUSABLE,
    expected_spend,
    offer_value,
)
from geosearch.segment.columns import DOC_PRICE, LARGE_SAVING, NO_SAVING, NO_USE, Columns
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
    if criteria.bill.usual:
        saving = int64(columns.offer_saving[offer])
        if saving != LARGE_SAVING and (saving == NO_USE or not has_budget(criteria)):
            return saving
    deal = int64(columns.offer_deal[offer])
    spend = doc_spend(columns, criteria, doc)
    status, saving, pay = offer_value(columns.deal_terms, deal, spend, criteria.bill.party_size)
    if status == UNUSABLE:
        return NO_USE
    if not is_affordable(criteria, pay):
        return TOO_DEAR
    return int64(saving) if status == KNOWN_SAVING else NO_SAVING


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
        matches, _saving = doc_best_saving(columns, criteria, scratch, at, doc)
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
def doc_best_saving(
    columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int
) -> tuple[bool, int]:
    """Whether the document at a place fulfils `deal_mode`, and the best saving of its deals.

    Only eligible deals count, and of these only the wallet's own where `deal_mode` asks for a
    card. The saving is `UNKNOWN_MONEY` if no usable one has a known saving.

    Where no deal is required, a budget holds for the least known pay of the eligible deals, or for
    the expected bill without such a deal: a dear deal alone exceeds it even if the bill does not.
    Where the pay of a deal is unknown, so is the bill.
    """
    best = int64(UNKNOWN_MONEY)
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
        if saving != NO_SAVING:
            best = max(best, saving)
    if mode == OPTIONAL_DEAL and not (matches or exceeds):
        matches = is_affordable(criteria, doc_spend(columns, criteria, doc))
    # A known saving beats an unknown one.
    return bool(matches and (not rivalled or best > rival)), best
