"""Least larger bill with which a document whose deals combine matches: `bills` for combinations.

It is needed where a budget or a public rival decides. Elsewhere a usable deal suffices.

A *chain* is deals in the order in which they apply, one of each group, whether or not the last one
is usable. Its *change* is the first larger bill at which something about its last deal changes but
a saving in proportion: what is left of the bill before it reaches a step of that deal (see
`bills.next_step`). Up to the changes of its own deals, what a chain leaves of the bill and what it
saves never fall when the bill grows. So bisection finds the change of each longer chain below those
of its beginning, and three kinds of bills are all at which a document can begin to match:

- the change of a chain, where it becomes usable or takes another voucher;
- the first bill at which the pay of a chain within the budget exceeds it, for the chain may have
  been the rival of the wallet;
- the first bill at which a chain with a card saves more than the best public one does now, which
  saves no less then.
"""

from geosearch.kernel.bills import next_step
from geosearch.kernel.criteria import CARD_BEST_DEAL, NO_BUDGET, Bill, Criteria, with_bill
from geosearch.kernel.deals import (
    doc_has_deal,
    doc_spend,
    has_budget,
    is_affordable,
    offer_is_on,
    offers_at,
    public_saving,
)
from geosearch.kernel.scratch import CHAIN_WIDTH, OFFERS, Scratch
from geosearch.money.offers import BUNDLE, KNOWN_SAVING, TYPE, UNKNOWN_MONEY, VOUCHER, offer_value
from geosearch.money.stacking import MOST_DEALS, MOST_GROUPS, place_of
from geosearch.segment.columns import Columns
from indexes.arrays import I32Matrix, I64Matrix
from indexes.jit import inline_njit, inner_njit, int64, njit

ALONE = MOST_DEALS
PATH = ALONE + 1
"""Rows of `Scratch.chains`: before these the deals that may combine, in the order of application; a
deal that is used alone; and the steps of the walk."""

DEAL, GROUP, CARD, PLACE = range(4)
"""Columns of a deal."""
AT, END = range(2)
"""Columns of step i of the walk: the deal that it applies; first bill at which the i deals before
it change."""

_NEVER = 2**62


@inner_njit
def decides_by_bill(criteria: Criteria) -> bool:
    """Whether combinations decide who matches: within a budget, or against a public rival."""
    return bool(
        criteria.bill.combines
        and (has_budget(criteria) or criteria.wallet.deal_mode == CARD_BEST_DEAL)
    )


@njit
def least_combined_bill(
    columns: Columns, criteria: Criteria, scratch: Scratch, plain: Bill, most_spend: int, doc: int
) -> int:
    """Least bill above the expected one, at most twice it, that makes the deals match.

    The parameters and the result are those of `bills.least_bill`.
    """
    expected = doc_spend(columns, criteria, doc)
    if expected == UNKNOWN_MONEY:
        return int64(UNKNOWN_MONEY)
    most = min(2 * expected, most_spend)
    spend = expected + 1
    old = criteria.bill
    while spend <= most:
        bill = Bill(plain.usual, old.party_size, spend, old.max_pay, old.counting, old.combines)
        dearer = with_bill(criteria, bill)
        if doc_has_deal(columns, dearer, scratch, doc, doc):
            return spend
        spend = _next_bill(columns, dearer, scratch, doc, spend, most + 1)
    return int64(UNKNOWN_MONEY)


@inner_njit
def _next_bill(
    columns: Columns, criteria: Criteria, scratch: Scratch, doc: int, spend: int, end: int
) -> int:
    """First bill above `spend` and up to `end` at which the document may begin to match."""
    terms, chains = columns.deal_terms, scratch.chains
    rivalled, rival = False, int64(UNKNOWN_MONEY)
    if criteria.wallet.deal_mode == CARD_BEST_DEAL:
        rivalled, rival = public_saving(columns, criteria, scratch, doc)
    wanted = rival + 1 if rivalled else int64(_NEVER)
    party_size, max_pay = criteria.bill.party_size, criteria.bill.max_pay
    count = int64(0)
    for offer in offers_at(columns, doc):
        program = columns.offer_program[offer]
        if criteria.wallet.eligible[program] == 0 or not offer_is_on(columns, criteria, offer):
            continue
        scratch.work[OFFERS] += 1
        deal, group = int64(columns.offer_deal[offer]), int64(columns.offer_group[offer])
        end = min(end, next_step(terms, deal, spend, max_pay))
        if group > 0:
            count = _enter(terms, chains, count, deal, group, int64(program != 0))
        elif program != 0 and wanted != _NEVER:
            chains[ALONE, DEAL] = deal
            chains[PATH, AT] = ALONE
            status, _saving, pay = offer_value(terms, deal, spend, party_size)
            if status == KNOWN_SAVING and is_affordable(criteria, pay):
                end = _first_bill(terms, chains, 1, party_size, spend, end, wanted, True)
    return _next_change(terms, chains, count, party_size, spend, end, wanted, max_pay)


@inner_njit
def _enter(
    terms: I32Matrix, chains: I64Matrix, count: int, deal: int, group: int, card: int
) -> int:
    """Enter a deal in the order of application; deals come by id. Return how many there are."""
    place = place_of(int64(terms[deal, TYPE]))
    row = count
    while row > 0 and chains[row - 1, PLACE] > place:
        for column in range(CHAIN_WIDTH):
            chains[row, column] = chains[row - 1, column]
        row -= 1
    chains[row, DEAL], chains[row, GROUP] = deal, group
    chains[row, CARD], chains[row, PLACE] = card, place
    return count + 1


@njit
def _next_change(
    terms: I32Matrix,
    chains: I64Matrix,
    count: int,
    party_size: int,
    spend: int,
    end: int,
    wanted: int,
    max_pay: int,
) -> int:
    """First bill above `spend` and up to `end` at which a chain changes, is too dear, or wins.

    Parameters
    ----------
    count
        Number of deals that may combine.
    wanted
        Saving with which a chain with a card wins.
    max_pay
        Budget, or `NO_BUDGET`.
    """
    depth, at = int64(0), int64(0)
    chains[PATH, END] = end
    while True:
        if at == count or depth == MOST_GROUPS:
            if depth == 0:
                return end
            depth -= 1
            at = chains[PATH + depth, AT] + 1
            continue
        if not _may_follow(terms, chains, depth, at):
            at += 1
            continue
        left, _saved = _run(terms, chains, depth, party_size, spend)
        deal, last = chains[at, DEAL], chains[PATH + depth, END]
        step = next_step(terms, deal, left, NO_BUDGET)
        if step < _NEVER:
            last = _first_bill(terms, chains, depth, party_size, spend, last, step, False)
            end = min(end, last)
        status, saving, pay = offer_value(terms, deal, left, party_size)
        if status != KNOWN_SAVING or (terms[deal, TYPE] == VOUCHER and saving < 0):
            at += 1
            continue
        chains[PATH + depth, AT] = at
        depth += 1
        chains[PATH + depth, END] = last
        # One that is too dear is so up to its change.
        is_affordable_now = max_pay == NO_BUDGET or min(pay, left) <= max_pay
        if max_pay != NO_BUDGET and is_affordable_now:
            beyond = _first_bill(terms, chains, depth, party_size, spend, last, max_pay + 1, False)
            end = min(end, beyond)
        if wanted != _NEVER and is_affordable_now and _is_own(chains, depth):
            end = min(end, _first_bill(terms, chains, depth, party_size, spend, last, wanted, True))
        at += 1


@inline_njit
def _may_follow(terms: I32Matrix, chains: I64Matrix, depth: int, at: int) -> bool:
    """Whether a deal has another group than those of the walk, and is no second bundle."""
    for step in range(depth):
        row = chains[PATH + step, AT]
        if chains[row, GROUP] == chains[at, GROUP]:
            return False
        both = terms[chains[row, DEAL], TYPE] == BUNDLE
        if both and terms[chains[at, DEAL], TYPE] == BUNDLE:
            return False
    return True


@inline_njit
def _is_own(chains: I64Matrix, depth: int) -> bool:
    """Whether a deal of the walk needs a card."""
    cards = int64(0)
    for step in range(depth):
        cards += chains[chains[PATH + step, AT], CARD]
    return cards > 0


@inline_njit
def _run(
    terms: I32Matrix, chains: I64Matrix, depth: int, party_size: int, bill: int
) -> tuple[int, int]:
    """What the first steps of the walk leave of a bill at which they are usable, and save."""
    left, saved = bill, int64(0)
    for step in range(depth):
        deal = chains[chains[PATH + step, AT], DEAL]
        _status, saving, pay = offer_value(terms, deal, left, party_size)
        saved += saving
        left = min(pay, left)
    return left, saved


@njit
def _first_bill(
    terms: I32Matrix,
    chains: I64Matrix,
    depth: int,
    party_size: int,
    spend: int,
    end: int,
    wanted: int,
    of_saving: bool,
) -> int:
    """First bill above `spend` where the first steps leave, or save, `wanted`; `end` if none is.

    They are usable and do not change before `end`, so neither figure falls when the bill grows.
    """
    low, high = spend, end
    while low + 1 < high:
        middle = (low + high) >> 1
        left, saved = _run(terms, chains, depth, party_size, middle)
        if (saved if of_saving else left) >= wanted:
            high = middle
        else:
            low = middle
    return high
