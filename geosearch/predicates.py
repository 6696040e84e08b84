"""Does a document match, can a node hold a match, and how good can it be: one definition each.

Useful for: the traversals of `kernel`, which all ask these questions.
Not useful for: Python callers; everything here is compiled.

Every `node_` function is conservative: it says no only where no document below the node can
match, for the reason that stands beside it.
"""

import math

import numpy as np

from geosearch.columns import (
    ANY_DEAL,
    ANY_HOURS,
    BY_DISTANCE,
    BY_RATING,
    BY_SAVING,
    CARD_DEAL,
    OFFERS,
    OPEN_ONLY,
    OPEN_OR_UNKNOWN,
    OPTIONAL_DEAL,
    U32,
    U64,
    Ask,
    Columns,
    Scratch,
)
from geosearch.offers import (
    UNKNOWN_MONEY,
    UNUSABLE,
    expected_spend,
    is_better,
    offer_value,
)
from geosearch.ranking import BASIS_POINTS
from indexes.jit import inline_njit, int64, njit
from indexes.polygon import box_relation, contains
from indexes.rtree import NODE_BITS
from indexes.sphere import (
    FULL_TURN,
    UNITS_PER_DEGREE,
    gap,
    haversine_m,
    lng_gap,
    lower_bound_m,
    upper_haversine,
)
from indexes.timetable import ALWAYS, OPEN, UNKNOWN, open_until, state_at

NO_DEAL = -1
OUTSIDE_AREA = 0


@inline_njit
def has_hour(masks: U64, hour: int, item: int) -> bool:
    """Bit `hour` of the 168-bit mask of a node; masks uint64[3, n]."""
    return bool((masks[hour >> 6, item] >> np.uint64(hour & 63)) & np.uint64(1))


@njit
def first_at_least(docs: U32, low: int, value: int) -> int:
    """Index of the first of ascending `docs`, from `low` on, that is not below `value`."""
    base = low
    size = docs.shape[0] - low
    while size > 0:
        half = size >> 1
        if docs[base + half] < value:
            base += half + 1
            size -= half + 1
        else:
            size = half
    return base


@inline_njit
def node_distance_m(columns: Columns, ask: Ask, node: int) -> float:
    """Metres that no document below the node is nearer than."""
    min_x = columns.node_box[0, node]
    min_y = columns.node_box[1, node]
    max_x = columns.node_box[2, node]
    max_y = columns.node_box[3, node]
    if min_x == max_x and min_y == max_y:
        # One position, as in a mall: the distance itself, so that ties with a result are seen.
        return haversine_m(ask.lat, ask.lng, min_y / UNITS_PER_DEGREE, min_x / UNITS_PER_DEGREE)
    dy = gap(float(min_y), float(max_y), ask.y)
    dx = lng_gap(float(min_x), float(max_x), ask.x, ask.wraps)
    return lower_bound_m(dy, dx, ask.low_cosines)


@inline_njit
def node_within_radius(columns: Columns, ask: Ask, node: int) -> bool:
    """Whether every document below the node is certainly within the radius."""
    min_x = float(columns.node_box[0, node])
    max_x = float(columns.node_box[2, node])
    x = ask.x
    if ask.wraps:
        middle = 0.5 * (min_x + max_x)
        if middle - x > 0.5 * FULL_TURN:
            x += FULL_TURN
        elif x - middle > 0.5 * FULL_TURN:
            x -= FULL_TURN
    dy = max(abs(columns.node_box[1, node] - ask.y), abs(columns.node_box[3, node] - ask.y))
    dx = max(abs(min_x - x), abs(max_x - x))
    # Where dy exceeds the radius the comparison fails by its first term alone; otherwise all
    # latitudes lie within those that `high_cosines` was taken from.
    return upper_haversine(dy, dx, ask.high_cosines) <= ask.radius_haversine


@inline_njit
def node_can_match(columns: Columns, ask: Ask, node: int, level: int, index: int) -> bool:
    """Whether some document below the node can fulfil every wish but the distance."""
    # A summary is the union of what lies below: a bit that is clear, a box that is apart or a
    # maximum that is too low holds for every document of the node.
    if ask.deal_mode != OPTIONAL_DEAL:
        if columns.node_signature[node] & ask.bits[0] == np.uint64(0):
            return False
        if not has_hour(columns.node_deal, ask.hour, node):
            return False
    if ask.open_mode == OPEN_ONLY:
        if not has_hour(columns.node_open, ask.hour, node):
            return False
        if ask.until_minute >= 0 and not has_hour(columns.node_open, ask.until_hour, node):
            return False
    elif ask.open_mode == OPEN_OR_UNKNOWN and not has_hour(columns.node_maybe_open, ask.hour, node):
        return False
    if ask.category_allowed.shape[0] > 0:
        shared = (columns.node_category[0, node] & ask.bits[1]) | (
            columns.node_category[1, node] & ask.bits[2]
        )
        if shared == np.uint64(0):
            return False
    if columns.node_rating[node] < ask.min_rating:
        return False
    if ask.boxed and not _node_meets_box(columns, ask, node):
        return False
    if ask.edges.shape[0] > 0:
        relation = box_relation(
            ask.edges,
            columns.node_box[0, node] / UNITS_PER_DEGREE,
            columns.node_box[1, node] / UNITS_PER_DEGREE,
            columns.node_box[2, node] / UNITS_PER_DEGREE,
            columns.node_box[3, node] / UNITS_PER_DEGREE,
        )
        if relation == OUTSIDE_AREA:
            return False
    if ask.restricted:
        shift = NODE_BITS * (level + 1)
        first = first_at_least(ask.required, 0, index << shift)
        if first == ask.required.shape[0] or ask.required[first] >= (index + 1) << shift:
            return False
    return True


@inline_njit
def _node_meets_box(columns: Columns, ask: Ask, node: int) -> bool:
    if columns.node_box[1, node] > ask.box_max_y or columns.node_box[3, node] < ask.box_min_y:
        return False
    starts_before = columns.node_box[0, node] <= ask.box_max_x
    ends_after = columns.node_box[2, node] >= ask.box_min_x
    if ask.box_min_x <= ask.box_max_x:
        return bool(starts_before and ends_after)
    return bool(starts_before or ends_after)


@inline_njit
def node_primary(columns: Columns, ask: Ask, node: int, distance_m: float) -> float:
    """Primary key that no document below the node has a lower one than; keys ascend."""
    if ask.sort == BY_DISTANCE:
        return distance_m
    if ask.sort == BY_RATING:
        rating = columns.node_rating[node]
        return -float(rating) if rating >= 0 else math.inf
    if ask.sort == BY_SAVING:
        return -_saving_bound(columns, ask, node)
    return -(_best_bound(columns, ask, node) - ask.walk_cost_per_m * distance_m)


@inline_njit
def _saving_bound(columns: Columns, ask: Ask, node: int) -> float:
    # Class bounds are maxima over the documents with a deal of the class, of the largest saving
    # among its offers and the public ones; a wallet's best offer is in one of its classes.
    bound = -math.inf
    for c in ask.classes:
        if ask.usual_spend:
            value = float(columns.bound_saving[c, node])
        else:
            value = max(
                float(columns.bound_fixed_saving[c, node]), _spend_part(columns, ask, c, node)
            )
        bound = max(bound, value)
    return bound


@inline_njit
def _best_bound(columns: Columns, ask: Ask, node: int) -> float:
    quality = float(columns.node_quality[node])
    bound = quality if ask.deal_mode == OPTIONAL_DEAL else -math.inf
    for c in ask.classes:
        if ask.usual_spend:
            value = float(columns.bound_best[c, node])
        else:
            # A redemption works with probability at most 1, so the part that grows with the
            # spend is at most that saving, and the quality at most the node's.
            value = max(
                float(columns.bound_fixed_best[c, node]),
                quality + _spend_part(columns, ask, c, node),
            )
        bound = max(bound, value)
    return bound


@inline_njit
def _spend_part(columns: Columns, ask: Ask, c: int, node: int) -> float:
    if ask.spend != UNKNOWN_MONEY:
        return ask.spend * float(columns.bound_slope[c, node])
    return ask.party_size * float(columns.bound_spend[c, node])


@inline_njit
def doc_distance_m(columns: Columns, ask: Ask, doc: int) -> float:
    """Metres from the query to the document: the number that filters, orders and is reported."""
    return haversine_m(
        ask.lat,
        ask.lng,
        columns.doc_y[doc] / UNITS_PER_DEGREE,
        columns.doc_x[doc] / UNITS_PER_DEGREE,
    )


@inline_njit
def doc_within_radius(columns: Columns, ask: Ask, doc: int) -> bool:
    """Whether the document lies within the radius; exact, and mostly without a sine."""
    y = float(columns.doc_y[doc])
    x = float(columns.doc_x[doc])
    dy = abs(y - ask.y)
    dx = lng_gap(x, x, ask.x, ask.wraps)
    if lower_bound_m(dy, dx, ask.low_cosines) > ask.radius_m:
        return False
    if upper_haversine(dy, dx, ask.high_cosines) <= ask.radius_haversine:
        return True
    return doc_distance_m(columns, ask, doc) <= ask.radius_m


@inline_njit
def doc_can_match(columns: Columns, ask: Ask, doc: int) -> bool:
    """Every wish but distance, hours and deals: the tests that read one value."""
    if (columns.doc_live[doc >> 6] >> np.uint64(doc & 63)) & np.uint64(1) == np.uint64(0):
        return False
    if ask.deal_mode != OPTIONAL_DEAL and columns.doc_signature[doc] & ask.bits[0] == np.uint64(0):
        return False
    if (
        ask.category_allowed.shape[0] > 0
        and ask.category_allowed[columns.doc_category_set[doc]] == 0
    ):
        return False
    return bool(columns.doc_rating[doc] >= ask.min_rating)


@inline_njit
def doc_in_area(columns: Columns, ask: Ask, doc: int) -> bool:
    """Whether the document lies in the box, the polygon and the zone asked for."""
    if ask.boxed:
        x = columns.doc_x[doc]
        y = columns.doc_y[doc]
        if y < ask.box_min_y or y > ask.box_max_y:
            return False
        after = x >= ask.box_min_x
        before = x <= ask.box_max_x
        if ask.box_min_x <= ask.box_max_x:
            if not (after and before):
                return False
        elif not (after or before):
            return False
    if ask.restricted:
        at = first_at_least(ask.required, 0, doc)
        if at == ask.required.shape[0] or ask.required[at] != doc:
            return False
    if ask.edges.shape[0] > 0:
        return contains(
            ask.edges,
            columns.doc_x[doc] / UNITS_PER_DEGREE,
            columns.doc_y[doc] / UNITS_PER_DEGREE,
        )
    return True


@inline_njit
def doc_is_open(columns: Columns, ask: Ask, doc: int) -> bool:
    """Whether the document's hours fulfil the wish, up to `until_minute` where that is set."""
    if ask.open_mode == ANY_HOURS:
        return True
    schedule = int64(columns.doc_schedule[doc])
    state = state_at(
        columns.schedule_start, columns.change_minute, columns.change_state, schedule, ask.minute
    )
    maybe = ask.open_mode == OPEN_OR_UNKNOWN
    if not (state == OPEN or (maybe and state == UNKNOWN)):
        return False
    if ask.until_minute < 0:
        return True
    until = open_until(
        columns.schedule_start,
        columns.change_minute,
        columns.change_state,
        schedule,
        ask.minute,
        maybe,
    )
    return until >= ask.until_minute


@inline_njit
def offer_is_on(columns: Columns, ask: Ask, offer: int) -> bool:
    """Whether the offer is active, in stock and inside its window; spend and party aside."""
    deal = columns.offer_deal[offer]
    if columns.deal_on[deal] == 0 or columns.program_on[columns.deal_program[deal]] == 0:
        return False
    window = int64(columns.offer_window[offer])
    if window == ALWAYS:
        return True
    return (
        state_at(
            columns.schedule_start, columns.change_minute, columns.change_state, window, ask.minute
        )
        == OPEN
    )


@inline_njit
def doc_has_deal(columns: Columns, ask: Ask, scratch: Scratch, doc: int) -> bool:
    """Whether the document has the deal that `deal_mode` asks for."""
    if ask.deal_mode == OPTIONAL_DEAL:
        return True
    spend = expected_spend(ask.spend, int64(columns.doc_price[doc]), ask.party_size)
    for offer in range(columns.offer_start[doc], columns.offer_start[doc + 1]):
        deal = int64(columns.offer_deal[offer])
        program = columns.deal_program[deal]
        if ask.wallet[program] == 0 or (program == 0 and ask.deal_mode == CARD_DEAL):
            continue
        scratch.work[OFFERS] += 1
        if not offer_is_on(columns, ask, offer):
            continue
        if offer_value(columns.deal_terms, deal, spend, ask.party_size)[0] != UNUSABLE:
            return True
    return False


@inline_njit
def doc_best_saving(
    columns: Columns, ask: Ask, scratch: Scratch, doc: int
) -> tuple[bool, int, int]:
    """Return `(matches, deal, saving)`: the best usable, eligible deal at the document.

    `matches` is whether `deal_mode` is fulfilled; `deal` is `NO_DEAL` where there is none.
    """
    spend = expected_spend(ask.spend, int64(columns.doc_price[doc]), ask.party_size)
    best_deal = int64(NO_DEAL)
    best_saving = int64(UNKNOWN_MONEY)
    best_pay = int64(UNKNOWN_MONEY)
    matches = ask.deal_mode == OPTIONAL_DEAL
    for offer in range(columns.offer_start[doc], columns.offer_start[doc + 1]):
        deal = int64(columns.offer_deal[offer])
        program = columns.deal_program[deal]
        if ask.wallet[program] == 0:
            continue
        scratch.work[OFFERS] += 1
        if not offer_is_on(columns, ask, offer):
            continue
        status, saving, pay = offer_value(columns.deal_terms, deal, spend, ask.party_size)
        if status == UNUSABLE:
            continue
        if ask.deal_mode == ANY_DEAL or program != 0:
            matches = True
        if best_deal == NO_DEAL or is_better(saving, pay, deal, best_saving, best_pay, best_deal):
            best_deal, best_saving, best_pay = deal, int64(saving), int64(pay)
    return matches, best_deal, best_saving


@inline_njit
def doc_primary(columns: Columns, ask: Ask, doc: int, distance_m: float, saving: int) -> float:
    """Primary key of a matching document; keys ascend, unknown values come last."""
    if ask.sort == BY_DISTANCE:
        return distance_m
    if ask.sort == BY_RATING:
        rating = columns.doc_rating[doc]
        return -float(rating) if rating >= 0 else math.inf
    if ask.sort == BY_SAVING:
        return -float(saving) if saving != UNKNOWN_MONEY else math.inf
    return -net_benefit(columns, ask, doc, distance_m, saving)


@inline_njit
def net_benefit(columns: Columns, ask: Ask, doc: int, distance_m: float, saving: int) -> float:
    """Score of `ranking`: the saving that is likely, less the walk, plus the quality.

    The walk is taken off last, as in `node_primary`: subtraction is monotone in floating point,
    so a node's bound is never below a document's score.
    """
    worth = float(columns.doc_quality[doc])
    if saving != UNKNOWN_MONEY:
        worth = columns.doc_redeem[doc] / BASIS_POINTS * saving + worth
    return worth - ask.walk_cost_per_m * distance_m
