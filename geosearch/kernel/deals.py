"""Deals of a document: which ones a query can use, and the best saving of those that count."""

from geosearch.kernel.criteria import (
    ANY_DEAL,
    CARD_BEST_DEAL,
    CARD_DEAL,
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
def offer_saving(columns: Columns, criteria: Criteria, doc: int, offer: int) -> int:
    """Saving of the offer at the document for the bill of the query; see `columns.NO_USE`."""
    if criteria.bill.usual:
        saving = int64(columns.offer_saving[offer])
        if saving != LARGE_SAVING:
            return saving
    deal = int64(columns.offer_deal[offer])
    spend = doc_spend(columns, criteria, doc)
    status, saving, _pay = offer_value(columns.deal_terms, deal, spend, criteria.bill.party_size)
    if status == UNUSABLE:
        return NO_USE
    return int64(saving) if status == KNOWN_SAVING else NO_SAVING


@inner_njit
def doc_has_deal(columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int) -> bool:
    """Whether the document at a place in the leaves has a usable deal as `deal_mode` wants."""
    if criteria.wallet.deal_mode == OPTIONAL_DEAL:
        return True
    if criteria.wallet.deal_mode == CARD_BEST_DEAL:
        matches, _saving = doc_best_saving(columns, criteria, scratch, at, doc)
        return bool(matches)
    for offer in offers_at(columns, at):
        program = columns.offer_program[offer]
        if criteria.wallet.eligible[program] == 0 or (
            program == 0 and criteria.wallet.deal_mode == CARD_DEAL
        ):
            continue
        scratch.work[OFFERS] += 1
        if offer_saving(columns, criteria, doc, offer) != NO_USE and offer_is_on(
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
    """
    best = int64(UNKNOWN_MONEY)
    mode = criteria.wallet.deal_mode
    matches = mode == OPTIONAL_DEAL
    rivalled, rival = False, int64(UNKNOWN_MONEY)
    for offer in offers_at(columns, at):
        program = columns.offer_program[offer]
        if criteria.wallet.eligible[program] == 0 or (program == 0 and mode == CARD_DEAL):
            continue
        scratch.work[OFFERS] += 1
        saving = offer_saving(columns, criteria, doc, offer)
        if saving == NO_USE or not offer_is_on(columns, criteria, offer):
            continue
        if program == 0 and mode == CARD_BEST_DEAL:
            rivalled = True
            if saving != NO_SAVING:
                rival = max(rival, saving)
            continue
        if mode == ANY_DEAL or program != 0:
            matches = True
        if saving != NO_SAVING:
            best = max(best, saving)
    # A known saving beats an unknown one.
    return bool(matches and (not rivalled or best > rival)), best
