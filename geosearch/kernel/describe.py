"""Details of the documents of a page: state of hours, usable deals best first, net benefit.

`result_text` writes them as JSON.
"""

from geosearch.kernel.criteria import CARD_DEAL, Criteria
from geosearch.kernel.deals import (
    doc_spend,
    is_affordable,
    offer_is_timely,
    offers_at,
)
from geosearch.kernel.predicates import (
    doc_worth,
    has_bit,
    net_benefit,
    reads_hours,
)
from geosearch.kernel.relevance import doc_relevance
from geosearch.kernel.scratch import Scratch
from geosearch.kernel.states import schedules_of
from geosearch.money.offers import (
    FREE_ITEM,
    MAX_USES,
    TYPE,
    UNKNOWN_MONEY,
    UNUSABLE,
    is_better,
    offer_value,
)
from geosearch.money.ranking import counted_saving
from geosearch.segment.columns import (
    DOC_TIME_ZONE,
    Columns,
)
from indexes.arrays import F64, I64, F64Matrix, I64Matrix, ReadOnly
from indexes.geo.datum import appearance
from indexes.jit import inner_njit, int64, njit
from indexes.prepared import Prepared
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, next_change, next_open, state_at

AROUND_THE_CLOCK = HORIZON_MINUTES + 1
STATE, UNTIL, OFFERS_OF, X, Y, TIME_ZONE = range(6)
DEAL, SAVING, PAY, USABLE_UNTIL, PROGRAM, STANDING = range(6)
"""Columns of `describe`'s rows of a document, and of an offer."""
LISTED, RIVAL, COUNTS = range(3)
"""Standing of a usable, eligible offer: only listed, as it is for new customers or not within the
budget; public, where only the wallet's own count; it makes the best deal, the saving and the order.
"""
TELLS_HOURS, TELLS_OFFERS = 1, 2
"""Bits of what `describe` computes: `STATE` and `UNTIL`; the offers and, with both, scores."""


@njit
def describe(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    memory: Prepared[Scratch],
    docs: I64,
    keys: F64Matrix,
    datum: int,
    tells: int,
    detail: I64Matrix,
    scores: F64,
    counted: F64,
) -> int:
    """Write the details and net benefits of ranked documents; return how many rows.

    If `detail` may have too few rows, it writes nothing and returns -1.

    Parameters
    ----------
    docs, keys
        [n] and [n, 2], documents and their keys; the secondary key is the distance in metres.
    datum
        Datum of the written positions, an index of `indexes.geo.datum.DATUMS`.
    tells
        What to compute, such as `TELLS_OFFERS`; a document has no offers, and rows and scores keep
        old values, where it is not computed. Scores need both.
    detail
        int64[rows, 6]. One row a document: `STATE`; `UNTIL`, the minute of the next change if it
        is open, else of the next opening; `OFFERS_OF`, the number of offer rows after it; position
        and time zone. Then one row for each usable and eligible offer: `DEAL`, `SAVING`, `PAY`,
        `USABLE_UNTIL`, the card `PROGRAM`, `STANDING`. Those that count come first, then rivals,
        each best first. A minute is `HORIZON_MINUTES` if the horizon ends first;
        `UNTIL` is `AROUND_THE_CLOCK` if the document is always open.
    scores, counted
        float64[n], net benefits, and the savings that count in them.
    """
    columns, scratch = segment.value, memory.value
    if _room(columns, docs, tells) > detail.shape[0]:
        return -1
    at = 0
    for i in range(docs.shape[0]):
        doc = docs[i]
        head = at
        at += 1
        if tells & TELLS_OFFERS:
            at = _describe_offers(columns, criteria, doc, detail, at)
        if tells & TELLS_HOURS:
            _put_hours(columns, criteria, doc, detail, head)
        detail[head, OFFERS_OF] = at - head - 1
        _put_position(columns, doc, datum, detail, head)
        detail[head, TIME_ZONE] = columns.doc_record[doc, DOC_TIME_ZONE]
        if tells & TELLS_OFFERS:
            counted[i] = _counted(columns, criteria, detail, head)
            worth = doc_worth(columns, doc, counted[i])
            relevance = doc_relevance(criteria, scratch, -1, doc)
            scores[i] = net_benefit(criteria, worth, keys[i, 1], relevance)
    return at


@inner_njit
def _counted(columns: Columns, criteria: Criteria, detail: I64Matrix, head: int) -> float:
    """What counts in the net benefit of the best deal's saving; see `deals.doc_best_value`."""
    saving = best_saving(detail, head)
    is_closed = detail[head, STATE] == CLOSED and not reads_hours(criteria)
    if saving == UNKNOWN_MONEY or is_closed:
        return 0.0
    is_gift = columns.deal_terms[detail[head + 1, DEAL], TYPE] == FREE_ITEM
    return counted_saving(criteria.bill.counting, saving, detail[head + 1, PAY], is_gift)


@inner_njit
def best_saving(detail: I64Matrix, head: int) -> int:
    """Saving of the best deal of the document at row `head`; `UNKNOWN_MONEY` without one."""
    if detail[head, OFFERS_OF] > 0 and detail[head + 1, STANDING] == COUNTS:
        return int64(detail[head + 1, SAVING])
    return int64(UNKNOWN_MONEY)


@inner_njit
def better_public(detail: I64Matrix, head: int) -> int:
    """Row of the best public deal that saves more than the best of the wallet; -1 without one."""
    for row in range(head + 1, head + 1 + detail[head, OFFERS_OF]):
        if detail[row, STANDING] == RIVAL:
            return row if detail[row, SAVING] > best_saving(detail, head) else -1
    return -1


@inner_njit
def _room(columns: Columns, docs: I64, tells: int) -> int:
    """Most rows that `describe` writes for these documents.

    The loop also reads the first change of hours and the first deal of each document, and adds
    numbers that are 0, as in `result_text`. These reads wait for memory side by side; in the loop
    of `describe` they would wait one after the other.
    """
    rows = int64(docs.shape[0])
    last = columns.offer_deal.shape[0] - 1
    for i in range(docs.shape[0]):
        doc = docs[i]
        if tells & TELLS_HOURS:
            begin = columns.schedule_start[columns.doc_schedule[doc]]
            rows += columns.change_minute[begin]
        if tells & TELLS_OFFERS == 0:
            continue
        first = int64(columns.offer_start[doc])
        rows += int64(columns.offer_start[doc + 1]) - first
        if last >= 0:
            deal = columns.offer_deal[min(first, last)]
            rows += int64(columns.deal_terms[deal, MAX_USES] < 1)
    return rows


@inner_njit
def _put_hours(
    columns: Columns, criteria: Criteria, doc: int, detail: I64Matrix, head: int
) -> None:
    """Write the state of a document at the minute of the query, and when it changes."""
    schedule = int64(columns.doc_schedule[doc])
    schedules = schedules_of(columns)
    state = state_at(schedules, schedule, criteria.hours.minute)
    if state == OPEN:
        until = next_change(schedules, schedule, criteria.hours.minute)
        always = schedules.start[schedule + 1] - schedules.start[schedule] == 1
        detail[head, UNTIL] = AROUND_THE_CLOCK if always else until
    else:
        detail[head, UNTIL] = next_open(schedules, schedule, criteria.hours.minute)
    detail[head, STATE] = state


@inner_njit
def _put_position(columns: Columns, doc: int, datum: int, detail: I64Matrix, head: int) -> None:
    """Write the position of a document in a datum, to 1e-7 degree."""
    x, y = int64(columns.doc_position[doc, 0]), int64(columns.doc_position[doc, 1])
    detail[head, X], detail[head, Y] = appearance(x, y, datum)


@njit
def _describe_offers(
    columns: Columns, criteria: Criteria, doc: int, detail: I64Matrix, first: int
) -> int:
    """Write the usable, eligible offers of a document in order; return the row after them."""
    at = first
    spend = doc_spend(columns, criteria, doc)
    for offer in offers_at(columns, doc):
        deal = int64(columns.offer_deal[offer])
        program = int64(columns.offer_program[offer])
        standing = LISTED
        if has_bit(columns.deal_on, deal):
            wallet_only = criteria.wallet.deal_mode >= CARD_DEAL
            standing = RIVAL if wallet_only and program == 0 else COUNTS
        elif not has_bit(columns.deal_new, deal):
            continue
        if criteria.wallet.eligible[program] == 0 or not offer_is_timely(columns, criteria, offer):
            continue
        status, saving, pay = offer_value(columns.deal_terms, deal, spend, criteria.bill.party_size)
        if status == UNUSABLE:
            continue
        if not is_affordable(criteria, pay):
            standing = LISTED
        row = at
        while row > first and standing >= detail[row - 1, STANDING]:
            if standing == detail[row - 1, STANDING] and not is_better(
                saving,
                pay,
                deal,
                detail[row - 1, SAVING],
                detail[row - 1, PAY],
                detail[row - 1, DEAL],
            ):
                break
            for column in range(DEAL, STANDING + 1):
                detail[row, column] = detail[row - 1, column]
            row -= 1
        detail[row, DEAL] = deal
        detail[row, SAVING] = saving
        detail[row, PAY] = pay
        detail[row, PROGRAM] = program
        detail[row, STANDING] = standing
        detail[row, USABLE_UNTIL] = next_change(
            schedules_of(columns),
            int64(columns.offer_window[offer]),
            criteria.hours.minute,
        )
        at += 1
    return at
