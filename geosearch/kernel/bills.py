"""Least larger bill with which the deals of a document are as a query wants.

Between two *steps* of its deals nothing about them changes but savings in proportion to the bill.
A step is a bill at which a deal becomes usable, another voucher counts, a discount reaches its
limit, or the pay exceeds the budget. So it suffices to look at each step, and, where the wallet has
to beat public deals, for the least bill before the next one at which its growing saving does.
"""

from geosearch.kernel.criteria import CARD_BEST_DEAL, NO_BUDGET, Bill, Criteria, with_bill
from geosearch.kernel.deals import (
    doc_has_deal,
    doc_spend,
    offer_is_on,
    offer_saving,
    offers_at,
)
from geosearch.kernel.scratch import OFFERS, Scratch
from geosearch.money.offers import (
    AMOUNT_OFF,
    BUNDLE,
    CASHBACK,
    FREE_ITEM,
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    NO_LIMIT,
    PERCENT_OFF,
    PPM,
    PRICE,
    TYPE,
    UNKNOWN_MONEY,
    VALUE,
    VOUCHER,
)
from geosearch.segment.columns import NO_SAVING, Columns
from indexes.arrays import I32Matrix
from indexes.jit import called_njit, inline_njit, inner_njit, int64


@called_njit
def least_bill(
    columns: Columns, criteria: Criteria, scratch: Scratch, plain: Bill, most_spend: int, doc: int
) -> int:
    """Least bill above the expected one, at most twice it, that makes the deals match.

    Parameters
    ----------
    plain
        A bill that is not `usual`.
    most_spend
        Largest bill that a query may have.

    Returns
    -------
    int
        `UNKNOWN_MONEY` if there is none, or the expected bill is unknown.
    """
    expected = doc_spend(columns, criteria, doc)
    if expected == UNKNOWN_MONEY:
        return int64(UNKNOWN_MONEY)
    most = min(2 * expected, most_spend)
    spend = expected + 1
    while spend <= most:
        old = criteria.bill
        bill = Bill(plain.usual, old.party_size, spend, old.max_pay, old.counting, old.combines)
        dearer = with_bill(criteria, bill)
        if doc_has_deal(columns, dearer, scratch, doc, doc):
            return spend
        end = most + 1
        for offer in offers_at(columns, doc):
            step = next_step(
                columns.deal_terms,
                int64(columns.offer_deal[offer]),
                spend,
                criteria.bill.max_pay,
            )
            end = min(end, step)
        if criteria.wallet.deal_mode == CARD_BEST_DEAL:
            winning = _least_winning(columns, dearer, scratch, doc, spend, end)
            if winning < end:
                return winning
        spend = end
    return int64(UNKNOWN_MONEY)


@inline_njit
def next_step(terms: I32Matrix, deal: int, spend: int, max_pay: int) -> int:
    """First bill above `spend` at which more about a deal changes than a saving in proportion.

    Parameters
    ----------
    max_pay
        Budget, or `NO_BUDGET`.
    """
    kind = terms[deal, TYPE]
    value, step = int64(terms[deal, VALUE]), int64(2**62)
    if kind == BUNDLE:
        return step
    # What the bill falls by, once it is fixed; `PPM` parts of it are the whole.
    fixed, rate = int64(0), growth(terms, deal, spend)
    if kind == PERCENT_OFF or kind == CASHBACK:
        limit = int64(terms[deal, MAX_DISCOUNT])
        if rate > 0 and limit != NO_LIMIT:
            step = min(step, -(-limit * PPM // rate))
        if rate == 0 and kind == PERCENT_OFF and value > 0:
            fixed = limit
    elif kind == AMOUNT_OFF:
        if spend < value:
            step = min(step, value)
        else:
            fixed = value
    elif kind == VOUCHER:
        uses = min(int64(terms[deal, MAX_USES]), spend // value)
        if uses < terms[deal, MAX_USES]:
            step = min(step, (spend // value + 1) * value)
        fixed = uses * (value - int64(terms[deal, PRICE]))
    if kind != FREE_ITEM and spend < terms[deal, MIN_SPEND]:
        step = min(step, int64(terms[deal, MIN_SPEND]))
    if max_pay != NO_BUDGET:
        if kind == CASHBACK:
            rate = int64(0)
        if rate < PPM:
            # The pay is the bill less `fixed`, or less its share rounded down: it exceeds the
            # budget M first where (bill * (PPM - rate)) / PPM does.
            beyond = (max_pay + fixed) * PPM // (PPM - rate) + 1
            if beyond > spend:
                step = min(step, beyond)
    return step


@inline_njit
def growth(terms: I32Matrix, deal: int, spend: int) -> int:
    """Millionths of each further unit of the bill that a deal saves before its next step."""
    kind = terms[deal, TYPE]
    value = int64(terms[deal, VALUE])
    if kind == PERCENT_OFF or kind == CASHBACK:
        limit = int64(terms[deal, MAX_DISCOUNT])
        return value if limit == NO_LIMIT or spend * value // PPM < limit else int64(0)
    return int64(PPM) if kind == AMOUNT_OFF and spend < value else int64(0)


@inner_njit
def _least_winning(
    columns: Columns, criteria: Criteria, scratch: Scratch, doc: int, spend: int, end: int
) -> int:
    """First bill from `spend` to before `end`, at most the next step, where the wallet wins.

    `end` if there is none. The wallet does not win at `spend`: so only a saving that grows may, and
    of the savings in proportion, rounded down, that of the largest rate is the largest.
    """
    own, public, fixed = int64(0), int64(0), int64(-1)
    for offer in offers_at(columns, doc):
        program = columns.offer_program[offer]
        if criteria.wallet.eligible[program] == 0:
            continue
        scratch.work[OFFERS] += 1
        saving = offer_saving(columns, criteria, doc, offer)
        if saving <= NO_SAVING or not offer_is_on(columns, criteria, offer):
            continue
        rate = growth(columns.deal_terms, int64(columns.offer_deal[offer]), spend)
        if program != 0:
            own = max(own, rate)
        elif rate > 0:
            public = max(public, rate)
        else:
            fixed = max(fixed, saving)
    if own <= public:
        return end
    bill = max(spend, -(-(fixed + 1) * PPM // own))
    saving = bill * own // PPM
    while bill < end:
        scratch.work[OFFERS] += 1
        if bill * public // PPM < saving:
            return bill
        # The least bill of the next saving: between two of them only the public one grows.
        saving += 1
        bill = max(bill, -(-saving * PPM // own))
    return end
