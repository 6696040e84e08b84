"""Deals of a document: which ones a query can use, the best one that counts, and its worth.

With a budget (`Bill.max_pay`), a deal counts only if its pay is known and within the budget. Where
deals combine (`Bill.combines`), the best combination counts instead of the best deal.
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
from geosearch.money.stacking import (
    ANYONES,
    BEST,
    BEST_GIFTS,
    BEST_PAY,
    CARDS,
    PUBLIC,
    add_candidate,
    clear,
    find_best,
    may_combine,
    most_saved,
)
from geosearch.segment.columns import DOC_PRICE, LARGE_SAVING, NO_PAY, NO_SAVING, NO_USE, Columns
from indexes.jit import inner_njit, int64, uint64

TOO_DEAR = NO_USE - 1
"""Result of `offer_saving` for a usable offer that is not surely within the budget."""

NOT_LISTED, LISTED, RIVAL, COUNTS = range(-1, 3)
"""Standing of an offer: not usable or not eligible; only listed, as it is for new customers or not
within the budget; public, where only the wallet's own count; it makes the best deal, the saving and
the order."""

NO_OFFER, COMBINED = -1, -2
"""In place of the offer of the best deal: none has a known saving; several deals combine."""

_ANY_PAY = 2**62
"""In place of a budget."""


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
def appraise(columns: Columns, criteria: Criteria, offer: int, spend: int) -> tuple[int, int, int]:
    """Standing of an offer for people to see, and its saving and pay for a bill of `spend`."""
    deal, program = int64(columns.offer_deal[offer]), columns.offer_program[offer]
    none = int64(NOT_LISTED), int64(UNKNOWN_MONEY), int64(UNKNOWN_MONEY)
    is_on = has_bit(columns.deal_on, deal)
    if not is_on and not has_bit(columns.deal_new, deal):
        return none
    if criteria.wallet.eligible[program] == 0 or not offer_is_timely(columns, criteria, offer):
        return none
    status, saving, pay = offer_value(columns.deal_terms, deal, spend, criteria.bill.party_size)
    if status == UNUSABLE:
        return none
    standing = int64(LISTED)
    if is_on and is_affordable(criteria, pay):
        is_own = criteria.wallet.deal_mode < CARD_DEAL or program != 0
        standing = int64(COUNTS) if is_own else int64(RIVAL)
    return standing, saving, pay


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
    # Without a budget, a shop with a combination has a deal: each of its deals can be used alone.
    needs_all = criteria.bill.combines and has_budget(criteria)
    if mode == OPTIONAL_DEAL or mode == CARD_BEST_DEAL or needs_all:
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
        return matches, float(saving) if offer != NO_OFFER else -math.inf
    if not matches or offer == NO_OFFER:
        return matches, doc_worth(columns, doc, 0.0)
    if offer == COMBINED:
        pay, gifts = scratch.combination[BEST, BEST_PAY], scratch.combination[BEST, BEST_GIFTS]
    else:
        pay = offer_pay(columns, criteria, doc, offer)
        gifts = saving if offer_is_gift(columns, criteria, offer) else int64(0)
    counted = counted_saving(criteria.bill.counting, saving, pay, gifts)
    return True, doc_worth(columns, doc, counted)


@inner_njit
def doc_best_deal(
    columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int
) -> tuple[bool, int, int]:
    """Whether the document at a place fulfils `deal_mode`; its best saving, and whose that is.

    Only eligible deals count, and of these only the wallet's own where `deal_mode` asks for a
    card. If no usable one has a known saving, that is `UNKNOWN_MONEY` and the offer is `NO_OFFER`.
    The offers of a document ascend by `deal_id`, the last tie-break of the best deal.

    Where deals combine, the best combination counts instead of the best deal, and the wallet's own
    are those with a deal of a card. If it has several deals, the offer is `COMBINED`, and
    `Scratch.combination` has it.

    Where no deal is required, a budget holds for the least known pay of the eligible deals, or for
    the expected bill without such a deal: a dear deal alone exceeds it even if the bill does not.
    Where the pay of a deal is unknown, so is the bill.
    """
    best, best_offer = int64(UNKNOWN_MONEY), int64(NO_OFFER)
    mode = criteria.wallet.deal_mode
    matches = not reads_deals(criteria)
    exceeds = False
    rivalled, rival = False, int64(UNKNOWN_MONEY)
    combines = criteria.bill.combines
    if combines:
        clear(scratch.combination)
    for offer in offers_at(columns, at):
        program = columns.offer_program[offer]
        is_left_out = program == 0 and mode == CARD_DEAL
        if criteria.wallet.eligible[program] == 0 or (is_left_out and not combines):
            continue
        scratch.work[OFFERS] += 1
        saving = offer_saving(columns, criteria, doc, offer)
        if saving == NO_USE or not offer_is_on(columns, criteria, offer):
            continue
        # A deal that is too dear alone may be a step, as may a public one beside that of a card.
        if combines and columns.offer_group[offer] != 0:
            _add_candidate(columns, criteria, scratch, doc, offer)
        if is_left_out:
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
    if combines and may_combine(scratch.combination):
        if mode == CARD_BEST_DEAL:
            public = _most_saved(columns, criteria, scratch, doc, PUBLIC, NO_OFFER)
            rivalled, rival = rivalled or public != UNKNOWN_MONEY, max(rival, public)
        found = _most_saved(columns, criteria, scratch, doc, own_kind(criteria), best_offer)
        if found != UNKNOWN_MONEY:
            matches, best, best_offer = True, found, int64(COMBINED)
    if mode == OPTIONAL_DEAL and not (matches or exceeds):
        matches = is_affordable(criteria, doc_spend(columns, criteria, doc))
    # A known saving beats an unknown one.
    return bool(matches and (not rivalled or best > rival)), best, best_offer


@inner_njit
def is_cheaper(columns: Columns, criteria: Criteria, doc: int, offer: int, other: int) -> bool:
    """Whether an offer is better than an earlier one of the document with the same saving."""
    pay = offer_pay(columns, criteria, doc, offer)
    return is_better(0, pay, 1, 0, offer_pay(columns, criteria, doc, other), 0)


@inner_njit
def fill_candidates(
    columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int
) -> bool:
    """Fill `Scratch.combination` with the deals that may combine; False if there are no two groups.

    All deals that the query can use are candidates, also one that is too dear alone.
    """
    clear(scratch.combination)
    for offer in offers_at(columns, at):
        program = columns.offer_program[offer]
        if columns.offer_group[offer] == 0 or criteria.wallet.eligible[program] == 0:
            continue
        if offer_is_on(columns, criteria, offer):
            scratch.work[OFFERS] += 1
            _add_candidate(columns, criteria, scratch, doc, offer)
    return may_combine(scratch.combination)


@inner_njit
def _add_candidate(
    columns: Columns, criteria: Criteria, scratch: Scratch, doc: int, offer: int
) -> None:
    """Add an offer that counts to the deals that may combine."""
    add_candidate(
        scratch.combination,
        columns.deal_terms,
        int64(columns.offer_deal[offer]),
        int64(columns.offer_group[offer]),
        int64(columns.offer_program[offer] != 0),
        doc_spend(columns, criteria, doc),
        criteria.bill.party_size,
    )


@inner_njit
def own_kind(criteria: Criteria) -> int:
    """Which combinations make the best one: those with a card where `deal_mode` asks for one."""
    return CARDS if criteria.wallet.deal_mode >= CARD_DEAL else ANYONES


@inner_njit
def combine(columns: Columns, criteria: Criteria, scratch: Scratch, doc: int, kind: int) -> None:
    """Replace the best combination so far by a better one of the candidates; see `find_best`."""
    find_best(
        scratch.combination,
        columns.deal_terms,
        doc_spend(columns, criteria, doc),
        criteria.bill.party_size,
        kind,
        criteria.bill.max_pay if has_budget(criteria) else _ANY_PAY,
    )


@inner_njit
def _most_saved(
    columns: Columns, criteria: Criteria, scratch: Scratch, doc: int, kind: int, offer: int
) -> int:
    """Saving of the best combination of the candidates; `UNKNOWN_MONEY` unless one is the best.

    It has to be better than the deal of `offer`, if that is not `NO_OFFER`. If it is,
    `Scratch.combination` has it.
    """
    return most_saved(
        scratch.combination,
        columns.deal_terms,
        doc_spend(columns, criteria, doc),
        criteria.bill.party_size,
        kind,
        criteria.bill.max_pay if has_budget(criteria) else _ANY_PAY,
        int64(columns.offer_deal[offer]) if offer != NO_OFFER else int64(NO_OFFER),
    )


@inner_njit
def public_saving(
    columns: Columns, criteria: Criteria, scratch: Scratch, doc: int
) -> tuple[bool, int]:
    """Whether deals without a card count at a document, and the most that they save together."""
    rivalled, rival = False, int64(UNKNOWN_MONEY)
    for offer in offers_at(columns, doc):
        if columns.offer_program[offer] != 0:
            continue
        saving = offer_saving(columns, criteria, doc, offer)
        if saving <= NO_USE or not offer_is_on(columns, criteria, offer):
            continue
        rivalled = True
        if saving != NO_SAVING:
            rival = max(rival, saving)
    if fill_candidates(columns, criteria, scratch, doc, doc):
        public = _most_saved(columns, criteria, scratch, doc, PUBLIC, NO_OFFER)
        rivalled, rival = rivalled or public != UNKNOWN_MONEY, max(rival, public)
    return rivalled, rival
