"""Verdict on one document: every condition that a query sets, and its place among the matches.

Useful for: `why`, which says in words what the numbers say here.
Not useful for: searches; `rank` and `count` stop at the first condition that fails.

Both kernels ask the predicates that searches ask.
"""

from geosearch.kernel.areas import doc_in_area
from geosearch.kernel.criteria import Criteria
from geosearch.kernel.deals import (
    combine,
    doc_best_value,
    doc_has_deal,
    doc_spend,
    fill_candidates,
    is_affordable,
    offers_at,
    own_kind,
)
from geosearch.kernel.predicates import (
    counts_relevance,
    doc_at,
    doc_is_rated,
    doc_value,
    has_bit,
    has_category,
    is_open,
    is_priced,
    node_primary,
    primary_key,
    reads_categories,
    reads_hours,
)
from geosearch.kernel.relevance import (
    MISSING,
    are_few,
    doc_has_words,
    doc_relevance,
    enter_words,
    whole_words,
)
from geosearch.kernel.scratch import LEAVES, NODES, Scratch
from geosearch.kernel.states import IS_OPEN, schedules_of, state_of
from geosearch.kernel.top_k import id_rank_of, is_after
from geosearch.kernel.traversal import (
    INDEX_MASK,
    LEVEL_SHIFT,
    bits_of,
    children_of,
    fill_places,
    holds_words,
    is_spent,
    may_hold_match,
    run_of,
    settled,
)
from geosearch.money.offers import UNKNOWN_MONEY, offer_value
from geosearch.money.stacking import (
    AT,
    BEST,
    BEST_COUNT,
    BEST_SAVING,
    CARDS,
    DEAL,
    DEPTH,
    LEFT,
    MOST_GROUPS,
    PATH,
    PUBLIC,
    STEPS,
    SUM,
    advance,
    has_card,
    set_none,
    start,
)
from geosearch.money.stacking import STATE as WALK
from geosearch.segment.columns import Columns
from indexes.arrays import F64, I64, I64Matrix, ReadOnly
from indexes.geo.rtree import NODE_SIZE
from indexes.geo.sphere import (
    Circle,
    Place,
    circle_of,
    fill_boxes_m,
    fill_points_m,
    point_distance_m,
    reach_m,
)
from indexes.jit import inner_njit, int64, njit
from indexes.prepared import Prepared
from indexes.timetable import next_open, open_until, state_at

HOURS, CATEGORY, RATED, WORDS, AREA, DEALS, STATE, OPENS, CLOSES, STAYS, BILL, MINUTE = range(12)
"""Numbers of a verdict. The first six are 1 where the document is as wanted, else 0. Then the state
of its hours, the minutes in which it opens next, stops being open, and stops being open or unknown
(`HORIZON_MINUTES` if not before), the expected bill or `UNKNOWN_MONEY`, and the query's minute."""

LEAST_PAY, MOST_SAVED, PUBLIC_SAVED, PUBLIC_COUNT, PUBLIC_DEALS = range(12, 17)
"""Then, of combinations, `UNKNOWN_MONEY` without one: least pay of the wallet's own, the budget
aside; within the budget, the most that these save, and the most that those without a card save
where only the wallet's own count. The last one has `PUBLIC_COUNT` deals, from `PUBLIC_DEALS` on."""

VERDICT_WIDTH = PUBLIC_DEALS + MOST_GROUPS

OFFER, ELIGIBLE, CARD_ON, ON, IN_WINDOW, STATUS, SAVED, PAY, AFFORDABLE, OPENS_AGAIN = range(10)
COMBINES = 10
"""Numbers of an offer: its row, and 1 or 0 for: the wallet has its card or it needs none; the card
is active; the deal counts for this query and is in stock; its window holds the minute. Then status,
saving and pay as of `money.offers.offer_value`, 1 or 0 for a pay within the budget, and the next
minute of the window; and 1 or 0 for a step of a combination that counts."""

OFFER_WIDTH = 11


@njit
def judge(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    place: Place,
    memory: Prepared[Scratch],
    doc: int,
    verdict: I64,
    offers: I64Matrix,
    keys: F64,
) -> int:
    """Write what a query says to a document, and return the number of its offers.

    Parameters
    ----------
    criteria
        Those of the query in the tree of all documents. A list of documents, but not words, may be
        required.
    verdict, offers
        int64[VERDICT_WIDTH] and int64[o, OFFER_WIDTH].
    keys
        float64[2]: primary key, as of a match, and distance in metres.
    """
    columns, scratch = segment.value, memory.value
    scratch.work[:] = 0
    circle, schedules = circle_of(place), schedules_of(columns)
    hours, schedule = criteria.hours, int64(columns.doc_schedule[doc])
    verdict[HOURS] = 1 if not reads_hours(criteria) else is_open(columns, criteria, doc)
    verdict[CATEGORY] = (
        1 if not reads_categories(criteria) else has_category(columns, criteria, doc)
    )
    verdict[RATED] = int64(doc_is_rated(columns, criteria, doc))
    verdict[WORDS] = int64(doc_has_words(criteria, scratch, -1, doc))
    verdict[AREA] = int64(doc_in_area(columns, criteria, doc))
    matches, value = _deals_value(columns, criteria, scratch, doc, doc)
    verdict[DEALS] = int64(matches)
    verdict[STATE] = state_at(schedules, schedule, hours.minute)
    verdict[OPENS] = next_open(schedules, schedule, hours.minute)
    verdict[CLOSES] = open_until(schedules, schedule, hours.minute, False)
    verdict[STAYS] = open_until(schedules, schedule, hours.minute, True)
    verdict[BILL] = doc_spend(columns, criteria, doc)
    verdict[MINUTE] = hours.minute
    distance_m = point_distance_m(columns.doc_position, circle, doc)
    relevance = doc_relevance(criteria, scratch, -1, doc) if counts_relevance(criteria) else 0.0
    keys[0], keys[1] = primary_key(criteria, value, distance_m, relevance), distance_m
    count = int64(0)
    for offer in offers_at(columns, doc):
        _judge_offer(columns, criteria, doc, int64(offer), offers, count)
        count += 1
    _judge_combinations(columns, criteria, scratch, doc, verdict, offers, count)
    return count


@inner_njit
def _deals_value(
    columns: Columns, criteria: Criteria, scratch: Scratch, at: int, doc: int
) -> tuple[bool, float]:
    """Whether the deals of a document are as wanted, and its value in the query's order."""
    if is_priced(criteria):
        return doc_best_value(columns, criteria, scratch, at, doc)
    return doc_has_deal(columns, criteria, scratch, at, doc), doc_value(columns, criteria, doc)


@inner_njit
def _judge_offer(
    columns: Columns, criteria: Criteria, doc: int, offer: int, offers: I64Matrix, row: int
) -> None:
    deal, program = int64(columns.offer_deal[offer]), int64(columns.offer_program[offer])
    window = int64(columns.offer_window[offer])
    spend, party_size = doc_spend(columns, criteria, doc), criteria.bill.party_size
    status, saving, pay = offer_value(columns.deal_terms, deal, spend, party_size)
    offers[row, OFFER] = offer
    offers[row, ELIGIBLE] = criteria.wallet.eligible[program]
    offers[row, CARD_ON] = int64(columns.program_on[program] != 0)
    offers[row, ON] = int64(has_bit(columns.deal_on, deal))
    offers[row, IN_WINDOW] = int64(state_of(columns, criteria, window) & IS_OPEN != 0)
    offers[row, STATUS], offers[row, SAVED], offers[row, PAY] = status, saving, pay
    offers[row, AFFORDABLE] = int64(is_affordable(criteria, pay))
    offers[row, OPENS_AGAIN] = next_open(schedules_of(columns), window, criteria.hours.minute)
    offers[row, COMBINES] = 0


@inner_njit
def _judge_combinations(
    columns: Columns,
    criteria: Criteria,
    scratch: Scratch,
    doc: int,
    verdict: I64,
    offers: I64Matrix,
    count: int,
) -> None:
    """Write what combinations pay and save, and which offers are steps of one that counts."""
    verdict[LEAST_PAY] = verdict[MOST_SAVED] = verdict[PUBLIC_SAVED] = UNKNOWN_MONEY
    verdict[PUBLIC_COUNT] = 0
    if not criteria.bill.combines or not fill_candidates(columns, criteria, scratch, doc, doc):
        return
    memory, terms, spend = (
        scratch.combination,
        columns.deal_terms,
        doc_spend(columns, criteria, doc),
    )
    needs_card = own_kind(criteria) == CARDS
    start(memory, spend)
    while advance(memory, terms, criteria.bill.party_size, UNKNOWN_MONEY):
        top = PATH + memory[WALK, DEPTH]
        if needs_card and not has_card(memory):
            continue
        pay = memory[top, LEFT]
        if verdict[LEAST_PAY] == UNKNOWN_MONEY or pay < verdict[LEAST_PAY]:
            verdict[LEAST_PAY] = pay
        if not is_affordable(criteria, pay):
            continue
        verdict[MOST_SAVED] = max(verdict[MOST_SAVED], memory[top, SUM])
        for row in range(count):
            deal = columns.offer_deal[offers[row, OFFER]]
            for step in range(PATH + 1, top + 1):
                if memory[memory[step, AT], DEAL] == deal:
                    offers[row, COMBINES] = 1
    if needs_card:
        set_none(memory)
        combine(columns, criteria, scratch, doc, PUBLIC)
        verdict[PUBLIC_SAVED] = memory[BEST, BEST_SAVING]
        verdict[PUBLIC_COUNT] = memory[BEST, BEST_COUNT]
        for step in range(memory[BEST, BEST_COUNT]):
            verdict[PUBLIC_DEALS + step] = memory[STEPS + step, DEAL]


@inner_njit
def _comes_before(
    columns: Columns,
    criteria: Criteria,
    scratch: Scratch,
    node: int,
    at: int,
    distance_m: float,
    primary: float,
    last_m: float,
    id_rank: int,
) -> bool:
    """Whether a document within the radius that `may_match` matches, and its key is less."""
    doc = doc_at(columns, at)
    if not doc_is_rated(columns, criteria, doc) or not doc_in_area(columns, criteria, doc):
        return False
    relevance = 0.0
    if counts_relevance(criteria):
        relevance = doc_relevance(criteria, scratch, node, doc)
        if relevance == MISSING:
            return False
    elif not doc_has_words(criteria, scratch, node, doc):
        return False
    matches, value = _deals_value(columns, criteria, scratch, at, doc)
    if not matches:
        return False
    key = primary_key(criteria, value, distance_m, relevance)
    return not is_after(key, distance_m, id_rank_of(columns, doc), primary, last_m, id_rank)


@inner_njit
def _count_run(
    columns: Columns,
    criteria: Criteria,
    circle: Circle,
    scratch: Scratch,
    node: int,
    leaf: int,
    primary: float,
    last_m: float,
    id_rank: int,
) -> int:
    """Count those of the documents at a node that come before a key."""
    total = int64(0)
    begin, end = run_of(columns, criteria, scratch, node, leaf)
    bits = bits_of(columns, criteria, scratch, leaf)
    for first in range(begin, end, NODE_SIZE):
        if is_spent(scratch):
            break
        last = min(first + NODE_SIZE, end)
        count = fill_places(columns, criteria, scratch, first, last, bits)
        fill_points_m(
            columns.leaf_position, circle, scratch.place, count, scratch.offset, scratch.metres
        )
        for place in range(count):
            at, metres = int64(scratch.place[place]), scratch.metres[place]
            if metres <= circle.radius_m and _comes_before(
                columns, criteria, scratch, node, at, metres, primary, last_m, id_rank
            ):
                total += 1
    return total


@njit
def count_before(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    place: Place,
    memory: Prepared[Scratch],
    primary: float,
    last_m: float,
    id_rank: int,
) -> int:
    """Return how many matches come before a key, or `TOO_MUCH`; see `traversal`.

    A node whose bounds do not come before the key holds no such match, as in `rank`.
    """
    columns, scratch = segment.value, memory.value
    circle = circle_of(place)
    scratch.work[:] = 0
    total, size = int64(0), int64(0)
    index, node = int64(0), int64(-1)
    levels = columns.level_start.shape[0] - 1
    # The search reads a driving list like one leaf.
    reading = criteria.lists.driven
    if not reading and levels > 0:
        whole_words(criteria, scratch, columns.level_start[levels - 1])
        scratch.heap_entry[0, 1] = int64(levels - 1) << LEVEL_SHIFT
        size = int64(1)
    while (reading or size > 0) and not is_spent(scratch):
        if not reading:
            size -= 1
            level = scratch.heap_entry[size, 1] >> LEVEL_SHIFT
            index = scratch.heap_entry[size, 1] & INDEX_MASK
            node = columns.level_start[level] + index
            if level > 0 and not are_few(criteria, scratch, node):
                enter_words(criteria, scratch, node)
                first, end = children_of(columns, level, index)
                begin = columns.level_start[level - 1]
                fill_boxes_m(columns.node_box, circle, begin + first, begin + end, scratch.metres)
                for child in range(first, end):
                    scratch.work[NODES] += 1
                    lower_m = scratch.metres[child - first]
                    if (
                        lower_m > circle.radius_m
                        or not may_hold_match(columns, criteria, level - 1, child)
                        or not holds_words(columns, criteria, scratch, level - 1, child)
                    ):
                        continue
                    lower_m = reach_m(columns.node_box, circle, begin + child, lower_m)
                    key = node_primary(columns, criteria, scratch, level - 1, child, lower_m)
                    rank = int64(columns.node_id_rank[begin + child])
                    if not is_after(key, lower_m, rank, primary, last_m, id_rank):
                        scratch.heap_entry[size, 1] = ((level - 1) << LEVEL_SHIFT) | child
                        size += 1
                continue
            scratch.work[LEAVES] += 1
        total += _count_run(
            columns, criteria, circle, scratch, node, index, primary, last_m, id_rank
        )
        reading = False
    return settled(scratch, total)
