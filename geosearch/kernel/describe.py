"""Details of the documents of a page: state of hours, usable deals best first, net benefit.

`result_text` writes them as JSON.
"""

from geosearch.kernel.criteria import CARD_DEAL, Criteria
from geosearch.kernel.deals import (
    COUNTS,
    NOT_LISTED,
    RIVAL,
    appraise,
    combine,
    doc_spend,
    fill_candidates,
    offers_at,
    own_kind,
)
from geosearch.kernel.predicates import (
    doc_worth,
    net_benefit,
    reads_hours,
)
from geosearch.kernel.relevance import doc_relevance
from geosearch.kernel.scratch import Scratch
from geosearch.kernel.states import schedules_of
from geosearch.money.offers import FREE_ITEM, MAX_USES, TYPE, UNKNOWN_MONEY, is_better
from geosearch.money.ranking import counted_saving
from geosearch.money.stacking import (
    BEST,
    BEST_COUNT,
    BEST_GIFTS,
    BEST_PAY,
    BEST_SAVING,
    PUBLIC,
    STEPS,
    set_alone,
    set_none,
)
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
STATE, UNTIL, OFFERS_OF, X, Y, TIME_ZONE, BEST_SAVED = range(7)
DEAL, SAVING, PAY, USABLE_UNTIL, PROGRAM, STANDING = range(6)
"""Columns of `describe`'s rows of a document, and of an offer."""
COMBINED_COUNT, COMBINED_SAVING, COMBINED_PAY, COMBINED_GIFTS, COMBINED_STEPS = range(5)
"""Columns of `Scratch.combined`: number of deals, 0 for no combination; figures of the combination;
from `COMBINED_STEPS` on, three for each step: deal, saving, and what is left of the bill."""
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
        int64[rows, 7]. One row a document: `STATE`; `UNTIL`, the minute of the next change if it
        is open, else of the next opening; `OFFERS_OF`, the number of offer rows after it; position
        and time zone; `BEST_SAVED`, the saving of its best deal or combination. Then one row for
        each usable and eligible offer: `DEAL`, `SAVING`, `PAY`, `USABLE_UNTIL`, the card `PROGRAM`,
        `STANDING`. Those that count come first, then rivals, each best first. A minute is
        `HORIZON_MINUTES` if the horizon ends first; `UNTIL` is `AROUND_THE_CLOCK` if the document
        is always open.

        Where deals combine, rows 2 i and 2 i + 1 of `Scratch.combined` get the best combination of
        document i, which may be a single deal, and that of public deals where only the wallet's
        own count. Else they get none.
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
        scratch.combined[2 * i, COMBINED_COUNT] = 0
        scratch.combined[2 * i + 1, COMBINED_COUNT] = 0
        if tells & TELLS_OFFERS:
            if criteria.bill.combines:
                _describe_combinations(columns, criteria, scratch, doc, detail, head, 2 * i)
            counted[i] = _put_best(columns, criteria, scratch, detail, head, 2 * i)
            worth = doc_worth(columns, doc, counted[i])
            relevance = doc_relevance(criteria, scratch, -1, doc)
            scores[i] = net_benefit(criteria, worth, keys[i, 1], relevance)
    return at


@inner_njit
def _put_best(
    columns: Columns,
    criteria: Criteria,
    scratch: Scratch,
    detail: I64Matrix,
    head: int,
    row: int,
) -> float:
    """Write `BEST_SAVED`; return what of it counts in the net benefit, as `doc_best_value` does.

    `row` is that of the best combination in `Scratch.combined`.
    """
    best = _first_of(detail, head, COUNTS)
    saving, pay, gifts = int64(UNKNOWN_MONEY), int64(UNKNOWN_MONEY), int64(0)
    if scratch.combined[row, COMBINED_COUNT] > 0:
        saving = scratch.combined[row, COMBINED_SAVING]
        pay, gifts = scratch.combined[row, COMBINED_PAY], scratch.combined[row, COMBINED_GIFTS]
    elif best >= 0:
        saving, pay = detail[best, SAVING], detail[best, PAY]
        gifts = saving if columns.deal_terms[detail[best, DEAL], TYPE] == FREE_ITEM else int64(0)
    detail[head, BEST_SAVED] = saving
    is_closed = detail[head, STATE] == CLOSED and not reads_hours(criteria)
    if saving == UNKNOWN_MONEY or is_closed:
        return 0.0
    return counted_saving(criteria.bill.counting, saving, pay, gifts)


@inner_njit
def better_public(detail: I64Matrix, head: int) -> int:
    """Row of the best public deal that saves more than what the wallet has; -1 without one."""
    row = _first_of(detail, head, RIVAL)
    return row if row >= 0 and detail[row, SAVING] > detail[head, BEST_SAVED] else -1


@inner_njit
def _first_of(detail: I64Matrix, head: int, standing: int) -> int:
    """Row of the best offer of a document with a standing; -1 without one."""
    for row in range(head + 1, head + 1 + detail[head, OFFERS_OF]):
        if detail[row, STANDING] == standing:
            return row
    return -1


@inner_njit
def _describe_combinations(
    columns: Columns,
    criteria: Criteria,
    scratch: Scratch,
    doc: int,
    detail: I64Matrix,
    head: int,
    row: int,
) -> None:
    """Write the best combination of a document, and that of public deals, to `Scratch.combined`.

    A single deal is a combination with the figures of the table.
    """
    combining = fill_candidates(columns, criteria, scratch, doc, doc)
    wallet_only = criteria.wallet.deal_mode >= CARD_DEAL
    for side in range(2 if wallet_only else 1):
        alone = _first_of(detail, head, RIVAL if side else COUNTS)
        memory = scratch.combination
        set_none(memory)
        if alone >= 0:
            deal, saving = detail[alone, DEAL], detail[alone, SAVING]
            set_alone(memory, columns.deal_terms, deal, saving, detail[alone, PAY])
        if combining:
            combine(columns, criteria, scratch, doc, PUBLIC if side else own_kind(criteria))
        _put_combination(scratch, row + side)


@inner_njit
def _put_combination(scratch: Scratch, row: int) -> None:
    """Copy the best combination to a row of `Scratch.combined`."""
    memory, out = scratch.combination, scratch.combined
    out[row, COMBINED_COUNT] = memory[BEST, BEST_COUNT]
    out[row, COMBINED_SAVING] = memory[BEST, BEST_SAVING]
    out[row, COMBINED_PAY] = memory[BEST, BEST_PAY]
    out[row, COMBINED_GIFTS] = memory[BEST, BEST_GIFTS]
    for step in range(memory[BEST, BEST_COUNT]):
        for column in range(3):
            out[row, COMBINED_STEPS + 3 * step + column] = memory[STEPS + step, column]


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
        standing, saving, pay = appraise(columns, criteria, offer, spend)
        if standing == NOT_LISTED:
            continue
        deal = int64(columns.offer_deal[offer])
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
        detail[row, PROGRAM] = columns.offer_program[offer]
        detail[row, STANDING] = standing
        detail[row, USABLE_UNTIL] = next_change(
            schedules_of(columns),
            int64(columns.offer_window[offer]),
            criteria.hours.minute,
        )
        at += 1
    return at
