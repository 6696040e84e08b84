"""Combinations of deals (stacking): which are valid, in which order they apply, which is the best.

Useful for: kernels that know which deals of a shop count, and the bounds of the build.
Not useful for: the saving of one deal alone (`offers`).

A combination has two deals or more, each of another `stack_group`, and at most one bundle. Its
deals apply in the order bundle, percent_off, amount_off, voucher, cashback, free_item, and within a
type by `deal_id`. Each one is valued by the table of `offers`, with what is left of the bill in
place of the bill; after a bundle that is at most its price. A combination with a condition that
fails is none. Nothing combines where the bill is unknown.

The search is a walk over subsets in the order of application. It skips subsets that cannot reach
the best saving found so far:

    saving of a combination <= sum over its groups of the best saving of one deal alone

because no step raises the bill, and no saving of the table grows when the bill falls. A voucher
that costs more than its face value would raise the bill, so it is never a step. The same reasons
imply that every deal of a combination can be used alone: a combination adds savings, but no shop to
those with a usable deal.
"""

import numpy as np

from geosearch.money.offers import (
    BUNDLE,
    FREE_ITEM,
    KNOWN_SAVING,
    TYPE,
    UNKNOWN_MONEY,
    VOUCHER,
    Terms,
    offer_value,
)
from indexes.arrays import I64Matrix
from indexes.jit import inline_njit, int64, njit

MOST_GROUPS = 4
"""Groups of one shop that combine, numbered from 1; group 0 is that of deals used alone."""

MOST_DEALS = 16
"""Deals of one shop that combine; there are at most 5 ** 4 subsets with one of each group."""

ANYONES, CARDS, PUBLIC = range(3)
"""Which combinations count: all; those with a deal of a card; those with none."""

PATH = MOST_DEALS
STATE = PATH + MOST_GROUPS + 1
MOST = STATE + 1
BEST = MOST + 1
STEPS = BEST + 1
ROWS = STEPS + MOST_GROUPS
WIDTH = 5
"""Rows and columns of the memory, int64[ROWS, WIDTH]: a row for each candidate, for each step of
the walk, for its state, for the best saving of each group, for the best combination and its steps.
"""

DEAL, SAVING, BILL, CARD, GROUP = range(5)
"""Columns of a candidate (`BILL` is its place in the order of application) and of a step."""
AT, SUM, LEFT, USED, GIFTS = range(5)
"""Columns of the walk: candidate, saving so far, bill, bits, and how much of the saving is gifts.

Bits of `USED` are the groups, `_BUNDLE` and `_CARD`."""
COUNT, DEPTH, NEXT, GROUPS = range(4)
"""Columns of the state: candidates, depth of the walk, next candidate, bits of the groups."""
BEST_SAVING, BEST_PAY, BEST_COUNT, BEST_GIFTS = range(4)
"""Columns of the best combination; a single deal is one of one step."""

_BUNDLE, _CARD = 1 << 8, 1 << 9


def new_memory() -> I64Matrix:
    """Memory of one search, int64[ROWS, WIDTH]."""
    return np.zeros((ROWS, WIDTH), np.int64)


@inline_njit
def clear(memory: I64Matrix) -> None:
    """Remove all candidates."""
    for column in range(WIDTH):
        memory[STATE, column] = 0
        memory[MOST, column] = 0


@njit
def add_candidate(
    memory: I64Matrix, terms: Terms, deal: int, group: int, card: int, spend: int, party_size: int
) -> None:
    """Add a deal that may be a step of a combination; nothing if it cannot be.

    Parameters
    ----------
    deal
        Row of `terms`. Rows ascend by `deal_id`.
    group
        Group of the deal at the shop, 1 to `MOST_GROUPS`.
    card
        1 if the deal needs a card, else 0.
    spend
        The bill; if it is `UNKNOWN_MONEY`, nothing combines.
    """
    count = memory[STATE, COUNT]
    if spend == UNKNOWN_MONEY or count == MOST_DEALS:
        return
    status, saving, _pay = offer_value(terms, deal, spend, party_size)
    if status != KNOWN_SAVING or (terms[deal, TYPE] == VOUCHER and saving < 0):
        return
    place = place_of(int64(terms[deal, TYPE]))
    row = count
    while row > 0 and (
        memory[row - 1, BILL] > place
        or (memory[row - 1, BILL] == place and memory[row - 1, DEAL] > deal)
    ):
        for column in range(WIDTH):
            memory[row, column] = memory[row - 1, column]
        row -= 1
    memory[row, DEAL] = deal
    memory[row, SAVING] = saving
    memory[row, BILL] = place
    memory[row, CARD] = card
    memory[row, GROUP] = group - 1
    memory[STATE, COUNT] = count + 1
    memory[STATE, GROUPS] |= 1 << (group - 1)
    memory[MOST, group - 1] = max(memory[MOST, group - 1], saving)


@inline_njit
def place_of(offer_type: int) -> int:
    """Place of an offer type in the order of application."""
    if offer_type == BUNDLE:
        return 0
    return offer_type + 1 if offer_type < BUNDLE else offer_type


@inline_njit
def may_combine(memory: I64Matrix) -> bool:
    """Whether the candidates have two groups."""
    groups = memory[STATE, GROUPS]
    return bool(groups & (groups - 1) != 0)


@inline_njit
def set_alone(memory: I64Matrix, terms: Terms, deal: int, saving: int, pay: int) -> None:
    """Make a single deal the best combination so far; its figures are those of the table.

    A saving of `UNKNOWN_MONEY` loses to every known one.
    """
    memory[BEST, BEST_SAVING] = saving
    memory[BEST, BEST_PAY] = pay
    memory[BEST, BEST_COUNT] = 1
    memory[BEST, BEST_GIFTS] = saving if terms[deal, TYPE] == FREE_ITEM else 0
    memory[STEPS, DEAL] = deal
    memory[STEPS, SAVING] = saving
    memory[STEPS, BILL] = pay


@inline_njit
def set_none(memory: I64Matrix) -> None:
    """Make nothing the best combination so far."""
    memory[BEST, BEST_SAVING] = UNKNOWN_MONEY
    memory[BEST, BEST_PAY] = UNKNOWN_MONEY
    memory[BEST, BEST_COUNT] = 0
    memory[BEST, BEST_GIFTS] = 0


@njit
def find_best(
    memory: I64Matrix, terms: Terms, spend: int, party_size: int, kind: int, max_pay: int
) -> None:
    """Replace the best combination so far by a better one of the candidates, if there is one.

    The order is by the largest saving, then the lower pay, fewer deals, and the ids of the deals as
    they apply.

    Parameters
    ----------
    kind
        `ANYONES`, `CARDS` or `PUBLIC`.
    max_pay
        Combinations with a pay above it do not count.
    """
    start(memory, spend)
    # Equal savings go on to the tie-breaks, so the floor itself is still reached.
    while advance(memory, terms, party_size, memory[BEST, BEST_SAVING]):
        top = PATH + memory[STATE, DEPTH]
        card = has_card(memory)
        if (kind == CARDS and not card) or (kind == PUBLIC and card):
            continue
        if memory[top, LEFT] <= max_pay and _is_better(memory, top):
            _keep(memory, top)


@njit
def most_saved(
    memory: I64Matrix,
    terms: Terms,
    spend: int,
    party_size: int,
    kind: int,
    max_pay: int,
    alone: int,
) -> int:
    """Find the best combination, and return its saving; `UNKNOWN_MONEY` unless it is the best.

    Parameters
    ----------
    alone
        Row of the deal that it has to be better than, or -1. The other parameters are those of
        `find_best`.
    """
    set_none(memory)
    if alone >= 0:
        _status, saving, pay = offer_value(terms, alone, spend, party_size)
        set_alone(memory, terms, alone, saving, pay)
    find_best(memory, terms, spend, party_size, kind, max_pay)
    if memory[BEST, BEST_COUNT] < 2:
        return int64(UNKNOWN_MONEY)
    return int64(memory[BEST, BEST_SAVING])


@inline_njit
def start(memory: I64Matrix, spend: int) -> None:
    """Begin a walk over the combinations of the candidates; the bill must be known."""
    memory[STATE, DEPTH] = 0
    memory[STATE, NEXT] = 0
    memory[PATH, AT] = 0
    memory[PATH, SUM] = 0
    memory[PATH, LEFT] = spend
    memory[PATH, USED] = 0
    memory[PATH, GIFTS] = 0


@njit
def advance(memory: I64Matrix, terms: Terms, party_size: int, floor: int) -> bool:
    """Go on to the next valid combination; False after the last one.

    It may skip combinations whose saving is below `floor`. The row `PATH + memory[STATE, DEPTH]`
    has the figures of the combination.
    """
    count, depth, at = memory[STATE, COUNT], memory[STATE, DEPTH], memory[STATE, NEXT]
    while True:
        row = PATH + depth
        if at == count or _reach(memory, row) < floor:
            if depth == 0:
                return False
            at = memory[row, AT] + 1
            depth -= 1
        elif _takes(memory, terms, party_size, row, at):
            depth += 1
            at += 1
            if depth > 1:
                memory[STATE, DEPTH] = depth
                memory[STATE, NEXT] = at
                return True
        else:
            at += 1


@inline_njit
def has_card(memory: I64Matrix) -> bool:
    """Whether a deal of the combination of the walk needs a card."""
    return bool(memory[PATH + memory[STATE, DEPTH], USED] & _CARD != 0)


@inline_njit
def _reach(memory: I64Matrix, row: int) -> int:
    """Upper bound of the saving of every combination that begins with the steps up to a row."""
    reach, used = memory[row, SUM], memory[row, USED]
    for group in range(MOST_GROUPS):
        if (used >> group) & 1 == 0:
            reach += memory[MOST, group]
    return int64(reach)


@inline_njit
def _takes(memory: I64Matrix, terms: Terms, party_size: int, row: int, at: int) -> bool:
    """Write the step after `row` that applies a candidate; False if it does not apply."""
    used, group = memory[row, USED], int64(1) << memory[at, GROUP]
    deal, bill = memory[at, DEAL], memory[row, LEFT]
    kind = terms[deal, TYPE]
    if used & group != 0 or (kind == BUNDLE and used & _BUNDLE != 0):
        return False
    status, saving, pay = offer_value(terms, deal, bill, party_size)
    if status != KNOWN_SAVING:
        return False
    if kind == BUNDLE:
        used |= _BUNDLE
    if memory[at, CARD] != 0:
        used |= _CARD
    memory[row + 1, AT] = at
    memory[row + 1, SUM] = memory[row, SUM] + saving
    memory[row + 1, LEFT] = min(pay, bill)
    memory[row + 1, USED] = used | group
    memory[row + 1, GIFTS] = memory[row, GIFTS] + (saving if kind == FREE_ITEM else 0)
    return True


@inline_njit
def _is_better(memory: I64Matrix, top: int) -> bool:
    """Whether the combination of the walk is better than the best so far."""
    if memory[top, SUM] != memory[BEST, BEST_SAVING]:
        return bool(memory[top, SUM] > memory[BEST, BEST_SAVING])
    if memory[top, LEFT] != memory[BEST, BEST_PAY]:
        return bool(memory[top, LEFT] < memory[BEST, BEST_PAY])
    depth = top - PATH
    if depth != memory[BEST, BEST_COUNT]:
        return bool(depth < memory[BEST, BEST_COUNT])
    for step in range(depth):
        deal = memory[memory[PATH + 1 + step, AT], DEAL]
        if deal != memory[STEPS + step, DEAL]:
            return bool(deal < memory[STEPS + step, DEAL])
    return False


@inline_njit
def _keep(memory: I64Matrix, top: int) -> None:
    """Make the combination of the walk the best so far."""
    memory[BEST, BEST_SAVING] = memory[top, SUM]
    memory[BEST, BEST_PAY] = memory[top, LEFT]
    memory[BEST, BEST_COUNT] = top - PATH
    memory[BEST, BEST_GIFTS] = memory[top, GIFTS]
    for step in range(top - PATH):
        row = PATH + 1 + step
        memory[STEPS + step, DEAL] = memory[memory[row, AT], DEAL]
        memory[STEPS + step, SAVING] = memory[row, SUM] - memory[row - 1, SUM]
        memory[STEPS + step, BILL] = memory[row, LEFT]
