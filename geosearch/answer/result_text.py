"""Kernel that writes ranked results as JSON text.

It is the only writer of results; `results` decodes typed hits from its text. The kernel copies
stored payloads from the mapped files and appends the members that depend on the query. Details and
text of twenty results of 22 kB take 27 us. Members that `selection` leaves out are neither computed
nor copied.

Every member is written with a comma before it; the brace of its object then replaces the first one.

Functions with one caller are inlined, because each call copies the arrays of `Sources`. For a page
of 57 results and deals the copies took half of the kernel's time (8.7 us, inlined 4.3 us).
"""

from collections.abc import Callable
from functools import cache

from geosearch.answer.combination_text import (
    combination_room,
    end_object,
    put_combination,
    put_money,
)
from geosearch.answer.reason_text import put_reasons, put_time
from geosearch.answer.selection import (
    ADDED,
    BEST_COMBINATION,
    BEST_DEAL,
    BETTER_PUBLIC,
    BETTER_PUBLIC_COMBINATION,
    CLOSES_AT,
    DEAL_CURRENCY,
    DEAL_PAY,
    DEAL_SAVING,
    DEAL_UNTIL,
    DEALS,
    DISTANCE_M,
    EXPLAIN,
    LAT,
    LNG,
    MERCHANT,
    OPEN_STATE,
    OPENING,
    OPENS_AT,
    REASONS,
    SCORE,
    STORED,
    WHOLE,
    Selection,
)
from geosearch.answer.text_sources import Sources
from geosearch.kernel.criteria import Criteria
from geosearch.kernel.deals import COUNTS, RIVAL
from geosearch.kernel.describe import (
    BEST_SAVED,
    COMBINED_COUNT,
    COMBINED_SAVING,
    DEAL,
    OFFERS_OF,
    PAY,
    PROGRAM,
    SAVING,
    STANDING,
    STATE,
    TELLS_HOURS,
    TELLS_OFFERS,
    TIME_ZONE,
    UNTIL,
    USABLE_UNTIL,
    X,
    Y,
    better_public,
    describe,
)
from geosearch.kernel.scratch import Scratch
from geosearch.segment.columns import Columns
from indexes.arrays import I64, U8, U32, F64Matrix, I64Matrix, ReadOnly
from indexes.bisection import first_at_least
from indexes.jit import entry_point, inline_njit, inner_njit, int64, njit
from indexes.json_members import put_members
from indexes.prepared import Prepared
from indexes.text_buffer import (
    put_decimal,
    put_slice,
    put_text,
)
from indexes.timetable import CLOSED, OPEN

_POSITION_DECIMALS = 7
# Most bytes of a result and of a deal, without their payloads.
_RESULT_ROOM = 512
_DEAL_ROOM = 192


@njit
def write_results(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    memory: Prepared[Scratch],
    prepared: Prepared[ReadOnly[Sources]],
    chosen: Prepared[ReadOnly[Selection]],
    docs: I64,
    keys: F64Matrix,
    datum: int,
    detail: I64Matrix,
    text: U8,
) -> int:
    """Write the JSON array of results; return its length in bytes.

    `Scratch.text_end` gets the end of each result in the text, before the comma or bracket.

    Parameters
    ----------
    chosen
        The members to write.
    docs, keys, datum, detail
        See `describe.describe`. The kernel returns 0 if `detail` may have too few rows.
    text
        uint8[..], the output. If it may be too short, the kernel writes nothing and returns a
        sufficient length, negated.
    """
    sources, scratch, selection = prepared.value, memory.value, chosen.value
    scores, ends = scratch.score, scratch.text_end
    counted, tells = scratch.counted, _tells(selection, criteria.bill.combines)
    if describe(segment, criteria, memory, docs, keys, datum, tells, detail, scores, counted) < 0:
        return 0
    room = _room(sources, selection, docs, detail)
    if criteria.bill.combines:
        room += _combinations_room(sources, scratch, docs, detail)
    if room > text.shape[0]:
        return -room
    at = put_text(text, int64(0), b"[")
    row = int64(0)
    for i in range(docs.shape[0]):
        if i:
            at = put_text(text, at, b",")
        begin = at
        at = _put_merchant(sources, selection, int64(docs[i]), detail, row, text, at)
        if _has(selection, DISTANCE_M):
            at = put_text(text, at, b',"distance_m":')
            # Cut, never rounded up, so that no result shows a distance beyond the radius.
            at = put_decimal(text, at, int64(keys[i, 1] * 10.0), 1)
        at = _put_open(prepared, selection.parts[OPENING, ADDED], detail, row, text, at)
        at = _put_deals(prepared, chosen, detail, row, text, at)
        if criteria.bill.combines:
            at = _put_combinations(prepared, selection, scratch, 2 * i, detail, row, text, at)
        if _has(selection, SCORE):
            at = put_text(text, at, b',"score":')
            at = put_decimal(text, at, int64(scores[i] * 100.0), 2)
        if _has(selection, REASONS):
            at = put_text(text, at, b',"reasons":')
            combined = scratch.combined
            at = put_reasons(sources, keys[i, 1], detail, row, combined, 2 * i, text, at)
        at = end_object(text, begin, at)
        ends[i] = at
        row += 1 + detail[row, OFFERS_OF]
    return put_text(text, at, b"]")


@inner_njit
def _has(selection: Selection, member: int) -> bool:
    """Whether a member of a result, or a part of it, is to be written."""
    return bool(selection.parts[member, STORED] | selection.parts[member, ADDED])


@inner_njit
def _tells(selection: Selection, combines: bool) -> int:
    """What `describe` computes for the chosen members."""
    tells = int64(0)
    # The saving of a closed shop does not count in the score.
    for member in (OPENING, SCORE, REASONS, EXPLAIN):
        if _has(selection, member):
            tells |= TELLS_HOURS
    for member in (BEST_DEAL, BETTER_PUBLIC, DEALS, SCORE, REASONS, EXPLAIN):
        if _has(selection, member):
            tells |= TELLS_OFFERS
    for member in (BEST_COMBINATION, BETTER_PUBLIC_COMBINATION):
        if combines and _has(selection, member):
            tells |= TELLS_OFFERS
    return tells


@inner_njit
def _room(sources: Sources, selection: Selection, docs: I64, detail: I64) -> int:
    """Upper bound of the length of the text in bytes.

    The loop also reads the first byte of each payload. These reads wait for memory in parallel; the
    copies would wait one after the other (16 us instead of 22 us for a page).
    """
    room = int64(2)
    row = int64(0)
    tells_merchant = selection.parts[MERCHANT, STORED] != 0
    tells_best = _has(selection, BEST_DEAL)
    tells_others = _has(selection, BETTER_PUBLIC) or _has(selection, DEALS)
    for i in range(docs.shape[0]):
        room += _RESULT_ROOM
        if tells_merchant:
            begin, end = int64(sources.merchant_start[docs[i]]), sources.merchant_start[docs[i] + 1]
            room += int64(end) - begin + (sources.merchant[begin] == 0)
            room += _new_bytes(sources.new_merchant, sources.new_merchant_span, int64(docs[i]))
        told = detail[row, OFFERS_OF] if tells_others else int64(0)
        if tells_best:
            told = max(told, min(int64(1), detail[row, OFFERS_OF]))
        for deal_row in range(row + 1, row + 1 + told):
            deal = detail[deal_row, DEAL]
            begin, end = int64(sources.deal_start[deal]), sources.deal_start[deal + 1]
            size = _DEAL_ROOM + int64(end) - begin + (sources.deal[begin] == 0)
            size += _new_bytes(sources.new_deal, sources.new_deal_span, deal)
            # A rival may be told twice.
            room += size + size * (detail[deal_row, STANDING] == RIVAL)
        if detail[row, OFFERS_OF] > 0:
            program = detail[row + 1, PROGRAM]
            room += sources.program_start[program + 1] - sources.program_start[program]
        row += 1 + detail[row, OFFERS_OF]
    return room


@inner_njit
def _combinations_room(sources: Sources, scratch: Scratch, docs: I64, detail: I64) -> int:
    """Upper bound of the bytes of the combinations of all results, and of their reasons."""
    room, row = int64(0), int64(0)
    for i in range(docs.shape[0]):
        for side in range(2):
            room += combination_room(sources.deal_start, scratch.combined, 2 * i + side)
        for deal_row in range(row + 1, row + 1 + detail[row, OFFERS_OF]):
            program = detail[deal_row, PROGRAM]
            room += sources.program_start[program + 1] - sources.program_start[program]
        row += 1 + detail[row, OFFERS_OF]
    return room


@inner_njit
def _new_row(numbers: U32, number: int) -> int:
    """Row of a document or deal among those with a replaced payload, -1 for none."""
    row = int64(first_at_least(numbers, 0, numbers.shape[0], number))
    return row if row < numbers.shape[0] and numbers[row] == number else int64(-1)


@inner_njit
def _new_bytes(numbers: U32, span: I64Matrix, number: int) -> int:
    """Bytes of the replaced payload of a document or deal, 0 without one."""
    row = _new_row(numbers, number)
    return int64(span[row, 1] - span[row, 0]) if row >= 0 else int64(0)


@inline_njit
def _put_stored(
    text: U8, at: int, source: U8, begin: int, end: int, key: U8, key_start: I64, stored: int
) -> int:
    """Write the chosen members of the payload `source[begin:end]`."""
    if stored == WHOLE:
        return put_slice(text, at, source, begin, end - 1)
    return put_members(text, at, source, begin, end, key, key_start, stored)


@inner_njit
def _put_merchant(
    sources: Sources, selection: Selection, doc: int, detail: I64, head: int, text: U8, at: int
) -> int:
    stored, added = selection.parts[MERCHANT, STORED], selection.parts[MERCHANT, ADDED]
    if not stored | added:
        return at
    at = put_text(text, at, b',"merchant":')
    start = at
    if stored:
        key, key_start = selection.merchant_key, selection.merchant_key_start
        new = _new_row(sources.new_merchant, doc)
        if new >= 0:
            begin, end = sources.new_merchant_span[new, 0], sources.new_merchant_span[new, 1]
            at = _put_stored(text, at, sources.new_text, begin, end, key, key_start, stored)
        else:
            begin, end = int64(sources.merchant_start[doc]), int64(sources.merchant_start[doc + 1])
            at = _put_stored(text, at, sources.merchant, begin, end, key, key_start, stored)
    if added & LAT:
        at = put_text(text, at, b',"lat":')
        at = put_decimal(text, at, detail[head, Y], _POSITION_DECIMALS)
    if added & LNG:
        at = put_text(text, at, b',"lng":')
        at = put_decimal(text, at, detail[head, X], _POSITION_DECIMALS)
    return end_object(text, start, at)


@inner_njit
def _put_open(
    prepared: Prepared[ReadOnly[Sources]],
    added: int,
    detail: I64,
    head: int,
    text: U8,
    at: int,
) -> int:
    if added == 0:
        return at
    state, until, zone = detail[head, STATE], detail[head, UNTIL], detail[head, TIME_ZONE]
    at = put_text(text, at, b',"open":')
    start = at
    if added & OPEN_STATE:
        if state == OPEN:
            at = put_text(text, at, b',"state":"open"')
        elif state == CLOSED:
            at = put_text(text, at, b',"state":"closed"')
        else:
            at = put_text(text, at, b',"state":"unknown"')
    if added & CLOSES_AT:
        at = put_text(text, at, b',"closes_at":')
        if state == OPEN:
            at = put_time(prepared, zone, until, text, at)
        else:
            at = put_text(text, at, b"null")
    if added & OPENS_AT:
        at = put_text(text, at, b',"opens_at":')
        if state == CLOSED:
            at = put_time(prepared, zone, until, text, at)
        else:
            at = put_text(text, at, b"null")
    return end_object(text, start, at)


@inner_njit
def _put_deals(
    prepared: Prepared[ReadOnly[Sources]],
    chosen: Prepared[ReadOnly[Selection]],
    detail: I64,
    head: int,
    text: U8,
    at: int,
) -> int:
    """Write the best deal, a better public one, and the deals that are not the best."""
    selection = chosen.value
    end = head + 1 + detail[head, OFFERS_OF]
    first = head + 1
    has_best = first < end and detail[first, STANDING] == COUNTS
    if _has(selection, BEST_DEAL):
        at = put_text(text, at, b',"best_deal":')
        if has_best:
            at = _put_deal(prepared, chosen, BEST_DEAL, detail, head, first, text, at)
        else:
            at = put_text(text, at, b"null")
    if has_best:
        first += 1
    if _has(selection, BETTER_PUBLIC):
        public = better_public(detail, head)
        if public >= 0:
            at = put_text(text, at, b',"better_public":')
            at = _put_deal(prepared, chosen, BETTER_PUBLIC, detail, head, public, text, at)
    if not _has(selection, DEALS):
        return at
    at = put_text(text, at, b',"deals":[')
    for row in range(first, end):
        if row > first:
            at = put_text(text, at, b",")
        at = _put_deal(prepared, chosen, DEALS, detail, head, row, text, at)
    return put_text(text, at, b"]")


@inner_njit
def _put_combinations(
    prepared: Prepared[ReadOnly[Sources]],
    selection: Selection,
    scratch: Scratch,
    best: int,
    detail: I64,
    head: int,
    text: U8,
    at: int,
) -> int:
    """Write the best combination, the row `best`, and a public one that saves more."""
    combined, public = scratch.combined, best + 1
    if _has(selection, BEST_COMBINATION):
        at = put_text(text, at, b',"best_combination":')
        told = selection.parts[BEST_COMBINATION, ADDED]
        at = put_combination(prepared, told, combined, best, text, at)
    if (
        _has(selection, BETTER_PUBLIC_COMBINATION)
        and combined[public, COMBINED_COUNT] > 0
        and combined[public, COMBINED_SAVING] > detail[head, BEST_SAVED]
    ):
        at = put_text(text, at, b',"better_public_combination":')
        told = selection.parts[BETTER_PUBLIC_COMBINATION, ADDED]
        at = put_combination(prepared, told, combined, public, text, at)
    return at


@njit
def _put_deal(
    prepared: Prepared[ReadOnly[Sources]],
    chosen: Prepared[ReadOnly[Selection]],
    member: int,
    detail: I64,
    head: int,
    row: int,
    text: U8,
    at: int,
) -> int:
    """Write a deal as a member of a result."""
    sources, selection = prepared.value, chosen.value
    stored, added = selection.parts[member, STORED], selection.parts[member, ADDED]
    start = at
    if stored:
        deal = detail[row, DEAL]
        key, key_start = selection.deal_key, selection.deal_key_start
        new = _new_row(sources.new_deal, deal)
        if new >= 0:
            begin, end = sources.new_deal_span[new, 0], sources.new_deal_span[new, 1]
            at = _put_stored(text, at, sources.new_text, begin, end, key, key_start, stored)
        else:
            begin, end = int64(sources.deal_start[deal]), int64(sources.deal_start[deal + 1])
            at = _put_stored(text, at, sources.deal, begin, end, key, key_start, stored)
    if added & DEAL_SAVING:
        at = put_text(text, at, b',"saving":')
        at = put_money(text, at, detail[row, SAVING])
    if added & DEAL_PAY:
        at = put_text(text, at, b',"pay":')
        at = put_money(text, at, detail[row, PAY])
    if added & DEAL_CURRENCY:
        at = put_text(text, at, b',"currency":')
        at = put_slice(text, at, sources.currency, 0, sources.currency.shape[0])
    if added & DEAL_UNTIL:
        at = put_text(text, at, b',"usable_until":')
        at = put_time(prepared, detail[head, TIME_ZONE], detail[row, USABLE_UNTIL], text, at)
    return end_object(text, start, at)


@cache
def result_writer() -> Callable[..., int]:
    """Entry point of `write_results`; kept on disk."""
    return entry_point(write_results)
