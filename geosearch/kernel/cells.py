"""Counts by cells: where a card can be used at a minute, and where it beats the public price.

Useful for: `studies.coverage`.
Not useful for: searches; and for what a card is worth to one person (`gains`).
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from geosearch.kernel.criteria import Criteria
from geosearch.kernel.deals import offer_is_on, offer_saving, offers_at
from geosearch.kernel.predicates import is_live, is_open
from geosearch.segment.columns import NO_SAVING, NO_USE, Columns
from indexes.arrays import F64, I64, U64, I32Matrix, I64Matrix, ReadOnly
from indexes.geo.rtree import NODE_BITS, NODE_SIZE
from indexes.geo.sphere import box_distance_m, circle_around, haversine_m, point_distance_m
from indexes.jit import entry_point, inner_njit, int64, njit, uint64
from indexes.prepared import Prepared

MOST_CARDS = 64
"""Most cards of one count: one bit each."""

_SLACK_M = 1e-3
"""More than two computed distances are off together."""

USABLE, WINS, GAIN = range(3)
"""Columns of `Counts.card`."""


class Cells(NamedTuple):
    """The cells that each document is in, as lists one behind the other."""

    start: I64  # [d + 1]
    cell: I64


class Counts(NamedTuple):
    """Sums over the minutes of a slot, for each cell and last for all documents."""

    open: I64  # [cells + 1]
    card: I64Matrix  # [(cells + 1) * cards, 3]
    saving: I64  # [cards] working memory
    win: U64  # [d] bits of the cards that win at a document, of the last minute


class Wins(NamedTuple):
    """Shops where a card wins, in the order of documents, in blocks with a box each."""

    position: I32Matrix  # [n, 2]
    leaf_box: I32Matrix  # [4, ceil(n / 16)]
    block_box: I32Matrix  # [4, blocks]
    leaves: int  # leaves of a block


@njit
def count_cells(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    card_of: I64,
    cells: Cells,
    counts: Counts,
) -> int:
    """Add the shops that are open at the minute of the criteria; return how many.

    Parameters
    ----------
    card_of
        int64[p]: number of a card in the study, below `MOST_CARDS`; -1 = not in it.
    """
    columns = segment.value
    opened = int64(0)
    cards = counts.saving.shape[0]
    every = counts.open.shape[0] - 1
    for doc in range(columns.doc_schedule.shape[0]):
        counts.win[doc] = uint64(0)
        if is_live(columns, doc) == 0 or is_open(columns, criteria, doc) == 0:
            continue
        opened += 1
        public, usable = _savings(columns, criteria, card_of, counts, doc)
        begin, end = cells.start[doc], cells.start[doc + 1]
        for at in range(begin, end + 1):
            counts.open[cells.cell[at] if at < end else every] += 1
        bits = usable
        while bits != uint64(0):
            card = _lowest(bits)
            bits &= bits - uint64(1)
            gain = counts.saving[card] - public
            if gain > 0:
                counts.win[doc] |= uint64(1) << uint64(card)
            for at in range(begin, end + 1):
                row = (cells.cell[at] if at < end else every) * cards + card
                counts.card[row, USABLE] += 1
                if gain > 0:
                    counts.card[row, WINS] += 1
                    counts.card[row, GAIN] += gain
    return opened


@inner_njit
def _lowest(bits: int) -> int:
    """Return the number of the lowest bit that is set."""
    number = int64(0)
    while (bits >> uint64(number)) & uint64(1) == uint64(0):
        number += 1
    return number


@inner_njit
def _savings(
    columns: Columns, criteria: Criteria, card_of: I64, counts: Counts, doc: int
) -> tuple[int, int]:
    """Return the best public saving and the bits of usable cards; fills `saving` for these.

    An unknown saving counts as 0: nobody can say that it beats a price. So does no deal.
    """
    public, usable = int64(0), uint64(0)
    for offer in offers_at(columns, doc):
        program = columns.offer_program[offer]
        card = card_of[program]
        if program != 0 and card < 0:
            continue
        saving = offer_saving(columns, criteria, doc, offer)
        if saving == NO_USE or not offer_is_on(columns, criteria, offer):
            continue
        if saving == NO_SAVING:
            saving = int64(0)
        if program == 0:
            public = max(public, saving)
            continue
        bit = uint64(1) << uint64(card)
        if usable & bit == uint64(0):
            usable |= bit
            counts.saving[card] = saving
        counts.saving[card] = max(counts.saving[card], saving)
    return public, usable


@njit
def fill_third(wins: Wins, lat: F64, lng: F64, most_m: float, third_m: F64) -> int:
    """Raise `third_m` to the distance of the third nearest win of each centre; return the rows.

    It is infinite where fewer than three wins are within `most_m`.

    Parameters
    ----------
    lat, lng
        float64[n], the centres, degrees. It is faster if neighbours follow each other.
    """
    last, last_m = int64(0), math.inf
    for row in range(lat.shape[0]):
        if third_m[row] == math.inf:
            continue
        # By the triangle inequality, the three wins nearest to the last centre are within this.
        away_m = haversine_m(lat[last], lng[last], lat[row], lng[row])
        limit_m = min(most_m, last_m + away_m + _SLACK_M)
        circle = circle_around(lat[row], lng[row], most_m)
        first, second, third = math.inf, math.inf, math.inf
        for block in range(wins.block_box.shape[1]):
            # A box's bound is never above the distance of a win inside.
            if box_distance_m(wins.block_box, circle, block) > min(third, limit_m):
                continue
            begin = block * wins.leaves
            for leaf in range(begin, min(begin + wins.leaves, wins.leaf_box.shape[1])):
                if box_distance_m(wins.leaf_box, circle, leaf) > min(third, limit_m):
                    continue
                at = leaf << NODE_BITS
                for win in range(at, min(at + NODE_SIZE, wins.position.shape[0])):
                    metres = point_distance_m(wins.position, circle, win)
                    if metres < first:
                        first, second, third = metres, first, second
                    elif metres < second:
                        second, third = metres, second
                    elif metres < third:
                        third = metres
        last, last_m = int64(row), third
        third_m[row] = max(third_m[row], third) if third <= most_m else math.inf
    return int64(lat.shape[0])


class CellKernels(NamedTuple):
    """Compiled entry points by name."""

    count_cells: Callable[..., int]
    fill_third: Callable[..., int]


@cache
def cell_kernels() -> CellKernels:
    """Return the entry points, compiled; made once a process."""
    functions: tuple[Any, ...] = (count_cells, fill_third)
    return CellKernels(*map(entry_point, functions))
