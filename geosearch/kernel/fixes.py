"""Fixes of a query for one document: single changes with which the document matches.

A fix waits, moves, asks for another party or a larger bill, or adds a card. A document is judged by
the predicates of searches under the criteria of the changed query.
"""

from typing import NamedTuple

from geosearch.kernel.bills import least_bill
from geosearch.kernel.criteria import (
    OPTIONAL_DEAL,
    Bill,
    Criteria,
    Hours,
    Wallet,
    with_bill,
    with_hours,
    with_wallet,
)
from geosearch.kernel.deals import doc_best_value, doc_spend, offer_is_on, offers_at, reads_deals
from geosearch.kernel.predicates import (
    is_open,
    may_have_deal,
    net_benefit,
    reads_hours,
)
from geosearch.kernel.scratch import Scratch
from geosearch.kernel.stack_bills import decides_by_bill, least_combined_bill
from geosearch.kernel.states import NO_WAIT, schedules_of, until_after, wait_of
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import Counting
from geosearch.segment.columns import Columns
from indexes.arrays import F64, I64, U8, U32, F64Matrix
from indexes.jit import called_njit, inner_njit, int64
from indexes.terms.postings import first_posting
from indexes.timetable import next_change

WAIT, MOVE, PARTY, SPEND, CARD = range(5)
FIXES = ("wait", "move", "party", "spend", "card")
"""Names of the codes. Of equally good fixes the first one counts."""

CODE, CHANGE, VALUE = range(3)
"""Columns of a fix. Its change is minutes, metres, the party, the bill, or the number of a card.
Its value is the net benefit that it brings less its cost, in minor units."""

FARTHEST_PARTY = 4
"""Largest change of the party."""

FEWEST_ROWS = 4
"""Rows for the fixes of a document without cards: each offer may add one."""


class Fixes(NamedTuple):
    """What the fixes of a query may change, and what they cost in minor units."""

    reach_m: float  # largest radius; the query's own if it has none
    last_wait: int  # most minutes to wait; 0 = none
    wait_hours: I64  # [h] hours of the week, UTC, of these minutes
    opening: U8  # [nodes] 1 = a wait may help below; no rows = unknown, see `search.openings`
    waits: U8  # [schedules] see `states.wait_of`
    states: U8  # [schedules] states at the minute of a fix; all 0 between documents
    wallet: Wallet  # the query's with every card that may be added; `eligible` is the query's
    fees: F64  # [p] cost of each card that may be added; below 0 for others
    card_order: I64  # [p] order of the cards by fee and id
    bill: Bill  # the largest party and bill of a fix; not `usual`
    few_billed: bool  # whether another party or bill helps only documents in `billed`
    billed: U32  # ascending documents
    most_party: int
    most_spend: int
    wait_cost: float  # of a minute
    reference_bill: float  # of a person; see `money.ranking.Weights.counting`
    rows: F64Matrix  # [FEWEST_ROWS + most offers of a document, 3] see `CODE`


@inner_njit
def may_wait(fixes: Fixes) -> bool:
    """Whether the query may be asked later."""
    return bool(fixes.last_wait > 0)


@inner_njit
def may_add_card(fixes: Fixes) -> bool:
    """Whether the wallet may get another card."""
    return bool(fixes.fees.shape[0] > 0)


@inner_njit
def may_bill(fixes: Fixes, first: int, end: int) -> bool:
    """Whether another party or bill may help a document from `first` to before `end`."""
    if not fixes.few_billed:
        return True
    listed = fixes.billed.shape[0]
    at = first_posting(fixes.billed, 0, listed, first)
    return bool(at < listed and fixes.billed[at] < end)


@inner_njit
def is_held(columns: Columns, criteria: Criteria, doc: int) -> bool:
    """Whether the wallet may have a deal at the document, where the query requires one."""
    return bool(
        criteria.wallet.deal_mode == OPTIONAL_DEAL or may_have_deal(columns, criteria, doc) != 0
    )


@called_njit
def _benefit(
    columns: Columns,
    criteria: Criteria,
    scratch: Scratch,
    doc: int,
    distance_m: float,
    relevance: float,
) -> tuple[bool, float]:
    """Whether the deals of a document match, and its net benefit then."""
    matches, worth = doc_best_value(columns, criteria, scratch, doc, doc)
    return matches, net_benefit(criteria, worth, distance_m, relevance)


@called_njit
def fill_fixes(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    scratch: Scratch,
    doc: int,
    distance_m: float,
    radius_m: float,
    relevance: float,
) -> int:
    """Write the fixes of a document to `Fixes.rows`, and return how many.

    There is none if the document matches without one. The document is as wanted in all that no fix
    changes, and `Fixes.rows` are in the order of `FIXES`.

    Parameters
    ----------
    criteria
        Those of the query in the tree of all documents, by net benefit, without a filter.
    """
    is_held_now = is_held(columns, criteria, doc)
    open_now = not reads_hours(criteria) or is_open(columns, criteria, doc) != 0
    within = distance_m <= radius_m
    if open_now and is_held_now:
        matches, value = _benefit(columns, criteria, scratch, doc, distance_m, relevance)
        if matches:
            if within or distance_m > fixes.reach_m:
                return 0
            return _put(fixes, 0, MOVE, distance_m, value)
    if not within:
        return 0
    count = int64(0)
    if is_held_now and may_wait(fixes):
        count = _fill_wait(columns, criteria, fixes, scratch, doc, distance_m, relevance)
    if not open_now or not reads_deals(criteria):
        return count
    if is_held_now and may_bill(fixes, doc, doc + 1):
        count = _fill_party(columns, criteria, fixes, scratch, doc, count, distance_m, relevance)
        count = _fill_spend(columns, criteria, fixes, scratch, doc, count, distance_m, relevance)
    if may_add_card(fixes):
        count = _fill_cards(columns, criteria, fixes, scratch, doc, count, distance_m, relevance)
    return count


@inner_njit
def best_fix(fixes: Fixes, count: int) -> int:
    """Row of the best fix of a document; -1 without one."""
    best = int64(-1)
    for row in range(count):
        if best < 0 or _is_better(fixes, row, best):
            best = int64(row)
    return best


@inner_njit
def _is_better(fixes: Fixes, row: int, other: int) -> bool:
    """Whether a fix is better than one of a row before it; only cards are several."""
    rows = fixes.rows
    if rows[row, VALUE] != rows[other, VALUE] or rows[other, CODE] != CARD:
        return bool(rows[row, VALUE] > rows[other, VALUE])
    cards = int64(rows[row, CHANGE]), int64(rows[other, CHANGE])
    return bool(fixes.card_order[cards[0]] < fixes.card_order[cards[1]])


@inner_njit
def _put(fixes: Fixes, count: int, code: int, change: float, value: float) -> int:
    fixes.rows[count, CODE] = code
    fixes.rows[count, CHANGE] = change
    fixes.rows[count, VALUE] = value
    return count + 1


@inner_njit
def _fill_wait(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    scratch: Scratch,
    doc: int,
    distance_m: float,
    relevance: float,
) -> int:
    """Write the shortest wait; return how many fixes there are then.

    A document begins to match only in a minute in which hours or a deal begin or end.
    """
    now, schedule = criteria.hours.minute, int64(columns.doc_schedule[doc])
    last = now + fixes.last_wait
    minute = now
    if reads_hours(criteria) and is_open(columns, criteria, doc) == 0:
        wait = wait_of(columns, criteria, fixes.waits, schedule, fixes.last_wait)
        if wait == NO_WAIT:
            return 0
        minute += wait
    else:
        minute = _next_minute(columns, criteria, doc, minute)
    while minute <= last:
        until = until_after(criteria.hours, minute - now)
        hours = Hours(
            minute, until, criteria.hours.hour, criteria.hours.until_hour, criteria.hours.open_mode
        )
        later = with_hours(criteria, hours, fixes.states)
        matches, value = False, 0.0
        if not reads_hours(criteria) or is_open(columns, later, doc) != 0:
            matches, value = _benefit(columns, later, scratch, doc, distance_m, relevance)
        fixes.states[schedule] = 0
        for offer in offers_at(columns, doc):
            fixes.states[columns.offer_window[offer]] = 0
        if matches:
            wait = minute - now
            return _put(fixes, 0, WAIT, wait, value - wait * fixes.wait_cost)
        minute = _next_minute(columns, criteria, doc, minute)
    return 0


@inner_njit
def _next_minute(columns: Columns, criteria: Criteria, doc: int, minute: int) -> int:
    """First minute after `minute` in which the state of hours or of a deal's window changes."""
    schedules = schedules_of(columns)
    found = int64(2**62)
    if reads_hours(criteria):
        found = next_change(schedules, int64(columns.doc_schedule[doc]), minute)
    if reads_deals(criteria):
        for offer in offers_at(columns, doc):
            found = min(found, next_change(schedules, int64(columns.offer_window[offer]), minute))
    return found


@inner_njit
def _billed(criteria: Criteria, fixes: Fixes, party: int, spend: int) -> Criteria:
    """The same criteria with another party or bill, as `money.ranking.Weights.counting` has it."""
    reference = fixes.reference_bill * party if spend == UNKNOWN_MONEY else float(spend)
    counting = Counting(reference, criteria.bill.counting.gift_value)
    old = criteria.bill
    bill = Bill(fixes.bill.usual, party, spend, old.max_pay, counting, old.combines)
    return with_bill(criteria, bill)


@inner_njit
def _fill_party(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    scratch: Scratch,
    doc: int,
    count: int,
    distance_m: float,
    relevance: float,
) -> int:
    """Write the nearest party; of two that are equally near, the better one, then the smaller."""
    for step in range(1, FARTHEST_PARTY + 1):
        found, best, chosen = False, 0.0, int64(0)
        for side in range(2):
            party = criteria.bill.party_size + (step if side else -step)
            if party < 1 or party > fixes.most_party:
                continue
            other = _billed(criteria, fixes, party, criteria.bill.spend)
            matches, value = _benefit(columns, other, scratch, doc, distance_m, relevance)
            if matches and (not found or value > best):
                found, best, chosen = True, value, party
        if found:
            return _put(fixes, count, PARTY, chosen, best)
    return count


@inner_njit
def _fill_spend(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    scratch: Scratch,
    doc: int,
    count: int,
    distance_m: float,
    relevance: float,
) -> int:
    """Write the least larger bill; return how many fixes there are then."""
    if decides_by_bill(criteria):
        most = fixes.most_spend
        spend = least_combined_bill(columns, criteria, scratch, fixes.bill, most, doc)
    else:
        spend = least_bill(columns, criteria, scratch, fixes.bill, fixes.most_spend, doc)
    if spend == UNKNOWN_MONEY:
        return count
    dearer = _billed(criteria, fixes, criteria.bill.party_size, spend)
    _matches, value = _benefit(columns, dearer, scratch, doc, distance_m, relevance)
    more = spend - doc_spend(columns, criteria, doc)
    return _put(fixes, count, SPEND, spend, value - more)


@inner_njit
def _fill_cards(
    columns: Columns,
    criteria: Criteria,
    fixes: Fixes,
    scratch: Scratch,
    doc: int,
    count: int,
    distance_m: float,
    relevance: float,
) -> int:
    """Write each card that may be added; return how many fixes there are then.

    A card changes a match only by one of its deals that somebody can use now.
    """
    carded = with_wallet(criteria, fixes.wallet)
    for offer in offers_at(columns, doc):
        card = int64(columns.offer_program[offer])
        if fixes.fees[card] < 0.0 or not offer_is_on(columns, criteria, offer):
            continue
        is_known = False
        for row in range(count):
            is_known |= fixes.rows[row, CODE] == CARD and fixes.rows[row, CHANGE] == card
        if is_known:
            continue
        fixes.wallet.eligible[card] = 1
        matches, value = _benefit(columns, carded, scratch, doc, distance_m, relevance)
        fixes.wallet.eligible[card] = 0
        if matches:
            count = _put(fixes, count, CARD, card, value - fixes.fees[card])
    return count
