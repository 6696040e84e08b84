"""Ranking of many queries in one call: those that differ only in place and minute.

Useful for: `search.block`, which splits a block of queries over threads; the loop holds no GIL.
Not useful for: one query (`rank`).
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from geosearch.kernel.criteria import Criteria, Hours, with_hours
from geosearch.kernel.deals import (
    COUNTS,
    appraise,
    combine,
    doc_spend,
    fill_candidates,
    offers_at,
    own_kind,
)
from geosearch.kernel.rank import rank
from geosearch.kernel.scratch import Scratch
from geosearch.money.offers import UNKNOWN_MONEY, is_better
from geosearch.money.stacking import (
    BEST,
    BEST_COUNT,
    BEST_PAY,
    BEST_SAVING,
    MOST_GROUPS,
    STEPS,
    set_alone,
    set_none,
)
from geosearch.money.stacking import DEAL as STEP_DEAL
from geosearch.segment.columns import Columns
from indexes.arrays import F64, I64, U8, F64Matrix, I64Matrix, ReadOnly
from indexes.geo.sphere import Place
from indexes.jit import entry_point, inner_njit, int64, njit
from indexes.prepared import Prepared
from indexes.timetable import HOURS_OF_WEEK

NO_DEAL = -1
DEAL, SAVING, PAY = range(3)
"""Columns of `fill_deals`: the best deal."""
COMBINED_SAVING, COMBINED_PAY, COMBINED_COUNT, COMBINED_DEALS = range(3, 7)
"""Where deals combine, further columns: the best combination, which may be a single deal. Its first
`COMBINED_COUNT` deals are from `COMBINED_DEALS` on."""
DEALS_WIDTH, COMBINED_DEALS_WIDTH = 3, COMBINED_DEALS + MOST_GROUPS


class Rows(NamedTuple):
    """Place and minute of each query of a block."""

    lat: F64
    lng: F64
    radius_m: F64
    minute: I64  # of the horizon
    until_minute: I64  # see `criteria.Hours`
    first: I64  # [n + 1] where the results of each query begin


class Best(NamedTuple):
    """Results of a block; those of a query begin at its `Rows.first`."""

    found: I64  # number of results of each query
    doc: I64
    key: F64Matrix  # [results, 2]
    deal: I64Matrix  # [results, width] see `fill_deals`


class OnePage(NamedTuple):
    """Results of one query, before they are copied to their place."""

    docs: I64
    keys: F64Matrix


@inner_njit
def best_deal(columns: Columns, criteria: Criteria, doc: int) -> tuple[int, int, int]:
    """Return the best deal of a document with saving and pay; `NO_DEAL` without one.

    It is the one that a page names: of the deals that count, best by `is_better`.
    """
    best, best_saving, best_pay = int64(NO_DEAL), int64(UNKNOWN_MONEY), int64(UNKNOWN_MONEY)
    spend = doc_spend(columns, criteria, doc)
    for offer in offers_at(columns, doc):
        standing, saving, pay = appraise(columns, criteria, offer, spend)
        if standing != COUNTS:
            continue
        deal = int64(columns.offer_deal[offer])
        if best == NO_DEAL or is_better(saving, pay, deal, best_saving, best_pay, best):
            best, best_saving, best_pay = deal, int64(saving), int64(pay)
    return best, best_saving, best_pay


@inner_njit
def _put_deals(
    columns: Columns, criteria: Criteria, scratch: Scratch, doc: int, deals: I64Matrix, row: int
) -> None:
    """Write the best deal of a document, and the best combination if `deals` has its columns."""
    deal, saving, pay = best_deal(columns, criteria, doc)
    deals[row, DEAL], deals[row, SAVING], deals[row, PAY] = deal, saving, pay
    if deals.shape[1] == DEALS_WIDTH:
        return
    memory = scratch.combination
    set_none(memory)
    if criteria.bill.combines:
        if deal != NO_DEAL:
            set_alone(memory, columns.deal_terms, deal, saving, pay)
        if fill_candidates(columns, criteria, scratch, doc, doc):
            combine(columns, criteria, scratch, doc, own_kind(criteria))
    deals[row, COMBINED_SAVING] = memory[BEST, BEST_SAVING]
    deals[row, COMBINED_PAY] = memory[BEST, BEST_PAY]
    deals[row, COMBINED_COUNT] = memory[BEST, BEST_COUNT]
    for step in range(memory[BEST, BEST_COUNT]):
        deals[row, COMBINED_DEALS + step] = memory[STEPS + step, STEP_DEAL]


@njit
def fill_deals(
    whole: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    memory: Prepared[Scratch],
    docs: I64,
    deals: I64Matrix,
) -> int:
    """Write the best deal of each document, and the best combination; return how many.

    Parameters
    ----------
    whole
        Columns with the tree of all documents.
    deals
        int64[n, `DEALS_WIDTH`], or int64[n, `COMBINED_DEALS_WIDTH`] with combinations.
    """
    columns, scratch = whole.value, memory.value
    for at in range(docs.shape[0]):
        _put_deals(columns, criteria, scratch, docs[at], deals, at)
    return int64(docs.shape[0])


@njit
def rank_rows(
    segment: Prepared[ReadOnly[Columns]],
    whole: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    memory: Prepared[Scratch],
    rows: Rows,
    order: I64,
    page: OnePage,
    best: Best,
    first_hour: int,
) -> int:
    """Rank the queries `order` of a block, and find the best deal of each result.

    Parameters
    ----------
    segment, whole
        Columns with the tree that the criteria name, and with that of all documents.
    criteria
        Criteria of the first query. A query with another minute clears `states` for itself, so
        then nobody else may use that table, and there is no filter.
    order
        Numbers of the queries.
    page
        Memory for `criteria.page.top_k` results.
    first_hour
        Hour of the week in which the horizon begins.

    Returns
    -------
    int
        Number of queries ranked.
    """
    columns, scratch = whole.value, memory.value
    hours = criteria.hours
    minute, until = hours.minute, hours.until_minute
    asked = criteria
    for at in range(order.shape[0]):
        row = order[at]
        if rows.minute[row] != minute or rows.until_minute[row] != until:
            minute, until = rows.minute[row], rows.until_minute[row]
            _clear(criteria.states)
            hour = (first_hour + minute // 60) % HOURS_OF_WEEK
            last = (first_hour + max(until - 1, minute) // 60) % HOURS_OF_WEEK
            then = Hours(minute, until, hour, last, hours.open_mode)
            asked = with_hours(criteria, then, criteria.states)
        place = Place(rows.lat[row], rows.lng[row], rows.radius_m[row], -90.0, 90.0)
        count = rank(segment, asked, place, memory, page.docs, page.keys, False)
        best.found[row] = count
        to = rows.first[row]
        for result in range(count):
            doc = page.docs[result]
            best.doc[to + result] = doc
            best.key[to + result, 0] = page.keys[result, 0]
            best.key[to + result, 1] = page.keys[result, 1]
            _put_deals(columns, asked, scratch, doc, best.deal, to + result)
    return int64(order.shape[0])


@inner_njit
def _clear(states: U8) -> None:
    for schedule in range(states.shape[0]):
        states[schedule] = 0


class BlockKernels(NamedTuple):
    """Compiled entry points by name."""

    rank_rows: Callable[..., int]
    fill_deals: Callable[..., int]


@cache
def block_kernels() -> BlockKernels:
    """Return the entry points, compiled; made once a process."""
    functions: tuple[Any, ...] = (rank_rows, fill_deals)
    return BlockKernels(*map(entry_point, functions))
