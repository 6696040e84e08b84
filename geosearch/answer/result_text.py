"""Kernel that writes ranked results as JSON text.

It is the only writer of results; `results` decodes typed hits from its text. The kernel copies
stored payloads from the mapped files and appends the members that depend on the query. Details and
text of twenty results of 22 kB take 27 us.

Functions with one caller are inlined, because each call copies the arrays of `Sources`. For a page
of 57 results and deals the copies took half of the kernel's time (8.7 us, inlined 4.3 us).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from geosearch.hours.offsets import offset_changes
from geosearch.kernel.criteria import Criteria
from geosearch.kernel.describe import (
    AROUND_THE_CLOCK,
    COUNTS,
    DEAL,
    OFFERS_OF,
    PAY,
    PROGRAM,
    RIVAL,
    SAVING,
    STANDING,
    STATE,
    TIME_ZONE,
    UNTIL,
    USABLE_UNTIL,
    X,
    Y,
    best_saving,
    better_public,
    describe,
)
from geosearch.kernel.scratch import Scratch
from geosearch.money.amounts import fraction_digits, money_sign
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import Weights
from geosearch.segment.columns import Columns
from geosearch.segment.segment import Segment
from indexes.arrays import F64, I64, U8, U64, F64Matrix, I32Matrix, I64Matrix, ReadOnly
from indexes.jit import entry_point, inline_njit, inner_njit, int64, njit
from indexes.prepared import Prepared
from indexes.text_buffer import (
    put_decimal,
    put_grouped,
    put_integer,
    put_padded,
    put_pair,
    put_slice,
    put_text,
)
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN

WALKED_MINUTES = 60
"""Minutes of walking from which on a reason shows kilometres instead."""

_DAY_MINUTES = 24 * 60
_DATE_BYTES = len("2026-11-22")
_POSITION_DECIMALS = 7
# Most bytes of a result and of a deal, without their payloads.
_RESULT_ROOM = 512
_DEAL_ROOM = 192


class Sources(NamedTuple):
    """Inputs of the text of results: d documents, m deals, p cards, z time zones."""

    merchant_start: U64  # [d + 1] where each payload begins in `merchant`
    merchant: U8
    deal_start: U64  # [m + 1] where each payload begins in `deal`
    deal: U8
    program_start: I64  # [p + 1] where each name begins in `program`; card 0 has none
    program: U8  # JSON text without quotes
    dates: U8  # [10 * days] ISO dates from the day before the horizon on
    zone_start: I64  # [z + 1] where the offsets of each time zone begin in `zone_offset`
    zone_offset: I32Matrix  # [.., 2] first minute of the horizon with the offset, minutes east
    currency: U8  # JSON text
    money_sign: U8  # text before an amount
    fraction_digits: I64  # [1]
    walk_m_per_minute: F64  # [1]


@njit
def write_results(
    segment: Prepared[ReadOnly[Columns]],
    criteria: Criteria,
    memory: Prepared[Scratch],
    prepared: Prepared[ReadOnly[Sources]],
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
    docs, keys, datum, detail
        See `describe.describe`. The kernel returns 0 if `detail` may have too few rows.
    text
        uint8[..], the output. If it may be too short, the kernel writes nothing and returns a
        sufficient length, negated.
    """
    sources, scratch = prepared.value, memory.value
    scores, ends = scratch.score, scratch.text_end
    counted = scratch.counted
    if describe(segment, criteria, memory, docs, keys, datum, detail, scores, counted) < 0:
        return 0
    room = _room(sources, docs, detail)
    if room > text.shape[0]:
        return -room
    at = put_text(text, int64(0), b"[")
    row = int64(0)
    for i in range(docs.shape[0]):
        if i:
            at = put_text(text, at, b",")
        at = _put_merchant(sources, int64(docs[i]), detail, row, text, at)
        at = put_text(text, at, b',"distance_m":')
        # Cut, never rounded up, so that no result shows a distance beyond the radius.
        at = put_decimal(text, at, int64(keys[i, 1] * 10.0), 1)
        at = _put_open(sources, detail, row, text, at)
        at = _put_deals(sources, detail, row, text, at)
        at = put_text(text, at, b',"score":')
        at = put_decimal(text, at, int64(scores[i] * 100.0), 2)
        at = _put_reasons(sources, keys[i, 1], detail, row, text, at)
        at = put_text(text, at, b"}")
        ends[i] = at
        row += 1 + detail[row, OFFERS_OF]
    return put_text(text, at, b"]")


@inner_njit
def _room(sources: Sources, docs: I64, detail: I64) -> int:
    """Upper bound of the length of the text in bytes.

    The loop also reads the first byte of each payload. These reads wait for memory in parallel; the
    copies would wait one after the other (16 us instead of 22 us for a page).
    """
    room = int64(2)
    row = int64(0)
    for i in range(docs.shape[0]):
        begin, end = int64(sources.merchant_start[docs[i]]), sources.merchant_start[docs[i] + 1]
        room += _RESULT_ROOM + int64(end) - begin + (sources.merchant[begin] == 0)
        for deal_row in range(row + 1, row + 1 + detail[row, OFFERS_OF]):
            deal = detail[deal_row, DEAL]
            begin, end = int64(sources.deal_start[deal]), sources.deal_start[deal + 1]
            size = _DEAL_ROOM + int64(end) - begin + (sources.deal[begin] == 0)
            # A rival may be told twice.
            room += size + size * (detail[deal_row, STANDING] == RIVAL)
        if detail[row, OFFERS_OF] > 0:
            program = detail[row + 1, PROGRAM]
            room += sources.program_start[program + 1] - sources.program_start[program]
        row += 1 + detail[row, OFFERS_OF]
    return room


@inner_njit
def _put_merchant(sources: Sources, doc: int, detail: I64, head: int, text: U8, at: int) -> int:
    begin, end = int64(sources.merchant_start[doc]), int64(sources.merchant_start[doc + 1])
    at = put_text(text, at, b'{"merchant":')
    at = put_slice(text, at, sources.merchant, begin, end - 1)
    at = put_text(text, at, b',"lat":')
    at = put_decimal(text, at, detail[head, Y], _POSITION_DECIMALS)
    at = put_text(text, at, b',"lng":')
    at = put_decimal(text, at, detail[head, X], _POSITION_DECIMALS)
    return put_text(text, at, b"}")


@inner_njit
def _put_open(sources: Sources, detail: I64, head: int, text: U8, at: int) -> int:
    state, until, zone = detail[head, STATE], detail[head, UNTIL], detail[head, TIME_ZONE]
    if state == OPEN:
        at = put_text(text, at, b',"open":{"state":"open","closes_at":')
        at = _put_time(sources, zone, until, text, at)
        return put_text(text, at, b',"opens_at":null}')
    if state == CLOSED:
        at = put_text(text, at, b',"open":{"state":"closed","closes_at":null,"opens_at":')
        at = _put_time(sources, zone, until, text, at)
        return put_text(text, at, b"}")
    return put_text(text, at, b',"open":{"state":"unknown","closes_at":null,"opens_at":null}')


@inner_njit
def _put_deals(sources: Sources, detail: I64, head: int, text: U8, at: int) -> int:
    """Write the best deal, a better public one, and the deals that are not the best."""
    end = head + 1 + detail[head, OFFERS_OF]
    first = head + 1
    at = put_text(text, at, b',"best_deal":')
    if first < end and detail[first, STANDING] == COUNTS:
        at = _put_deal(sources, detail, head, first, text, at)
        first += 1
    else:
        at = put_text(text, at, b"null")
    public = better_public(detail, head)
    if public >= 0:
        at = put_text(text, at, b',"better_public":')
        at = _put_deal(sources, detail, head, public, text, at)
    at = put_text(text, at, b',"deals":[')
    for row in range(first, end):
        if row > first:
            at = put_text(text, at, b",")
        at = _put_deal(sources, detail, head, row, text, at)
    return put_text(text, at, b"]")


@njit
def _put_deal(sources: Sources, detail: I64, head: int, row: int, text: U8, at: int) -> int:
    deal = detail[row, DEAL]
    begin, end = int64(sources.deal_start[deal]), int64(sources.deal_start[deal + 1])
    at = put_slice(text, at, sources.deal, begin, end - 1)
    at = put_text(text, at, b',"saving":')
    at = _put_money(text, at, detail[row, SAVING])
    at = put_text(text, at, b',"pay":')
    at = _put_money(text, at, detail[row, PAY])
    at = put_text(text, at, b',"currency":')
    at = put_slice(text, at, sources.currency, 0, sources.currency.shape[0])
    at = put_text(text, at, b',"usable_until":')
    at = _put_time(sources, detail[head, TIME_ZONE], detail[row, USABLE_UNTIL], text, at)
    return put_text(text, at, b"}")


@njit
def _put_money(text: U8, at: int, minor: int) -> int:
    if minor == UNKNOWN_MONEY:
        return put_text(text, at, b"null")
    return put_integer(text, at, minor)


@inner_njit
def _put_reasons(
    sources: Sources, distance_m: float, detail: I64, head: int, text: U8, at: int
) -> int:
    at = put_text(text, at, b',"reasons":["')
    if best_saving(detail, head) > 0:
        at = put_text(text, at, b"saves ")
        at = _put_amount(sources, detail[head + 1, SAVING], text, at)
        program = detail[head + 1, PROGRAM]
        if program > 0:
            at = put_text(text, at, b" with ")
            begin, end = sources.program_start[program], sources.program_start[program + 1]
            at = put_slice(text, at, sources.program, begin, end)
        at = put_text(text, at, b'","')
    minutes = int64(distance_m / sources.walk_m_per_minute[0] + 0.5)
    if minutes < WALKED_MINUTES:
        at = put_integer(text, at, max(int64(1), minutes))
        at = put_text(text, at, b" min walk")
    else:
        at = put_decimal(text, at, int64(distance_m / 100.0 + 0.5), 1)
        at = put_text(text, at, b" km away")
    if detail[head, STATE] == OPEN:
        if detail[head, UNTIL] == AROUND_THE_CLOCK:
            at = put_text(text, at, b'","open around the clock')
        elif detail[head, UNTIL] == HORIZON_MINUTES:
            at = put_text(text, at, b'","open now')
        else:
            local = _local_minute(sources, detail[head, TIME_ZONE], detail[head, UNTIL])[0]
            at = put_text(text, at, b'","open until ')
            at = _put_clock(text, at, local % _DAY_MINUTES)
    return put_text(text, at, b'"]')


@inner_njit
def _put_amount(sources: Sources, minor: int, text: U8, at: int) -> int:
    """Write a positive amount in the format of `amounts.money_text`."""
    at = put_slice(text, at, sources.money_sign, 0, sources.money_sign.shape[0])
    digits = sources.fraction_digits[0]
    scale = int64(1)
    for _ in range(digits):
        scale *= 10
    at = put_grouped(text, at, minor // scale)
    if minor % scale:
        at = put_text(text, at, b".")
        at = put_padded(text, at, minor % scale, digits)
    return at


@njit
def _put_time(sources: Sources, zone: int, minute: int, text: U8, at: int) -> int:
    """Write a minute of the horizon as an RFC 3339 string; null at or after the horizon's end."""
    if minute >= HORIZON_MINUTES:
        return put_text(text, at, b"null")
    local, offset = _local_minute(sources, zone, minute)
    date = local // _DAY_MINUTES * _DATE_BYTES
    at = put_text(text, at, b'"')
    at = put_slice(text, at, sources.dates, date, date + _DATE_BYTES)
    at = put_text(text, at, b"T")
    at = _put_clock(text, at, local % _DAY_MINUTES)
    at = put_text(text, at, b":00-" if offset < 0 else b":00+")
    at = _put_clock(text, at, abs(offset))
    return put_text(text, at, b'"')


@inline_njit
def _put_clock(text: U8, at: int, minutes: int) -> int:
    hours = minutes // 60
    at = put_pair(text, at, hours)
    at = put_text(text, at, b":")
    return put_pair(text, at, minutes - 60 * hours)


@inner_njit
def _local_minute(sources: Sources, zone: int, minute: int) -> tuple[int, int]:
    """Local minutes since the first day of `Sources.dates`, and the offset in minutes."""
    change = int64(sources.zone_start[zone + 1]) - 1
    while sources.zone_offset[change, 0] > minute:
        change -= 1
    offset = int64(sources.zone_offset[change, 1])
    return minute + offset + _DAY_MINUTES, offset


def sources_of(segment: Segment, start: datetime, weights: Weights) -> Sources:
    """`Sources` of a segment whose horizon begins at `start`, midnight UTC."""
    changes = [offset_changes(ZoneInfo(name), start) for name in segment.catalogue.time_zones]
    days = [start + timedelta(days=day) for day in range(-1, HORIZON_MINUTES // _DAY_MINUTES + 2)]
    currency = segment.manifest["currency"]
    # Without quotes: the kernel writes them inside of a string.
    names = [orjson.dumps(record.get("name", ""))[1:-1] for record in segment.catalogue.programs]
    merchant_start, merchant = segment.merchant_payload.arrays
    deal_start, deal = segment.deal_payload.arrays
    return Sources(
        merchant_start=merchant_start,
        merchant=merchant,
        deal_start=deal_start,
        deal=deal,
        program_start=np.cumsum([0, *map(len, names)], dtype=np.int64),
        program=_bytes(b"".join(names)),
        dates=_bytes("".join(day.date().isoformat() for day in days).encode()),
        zone_start=np.cumsum([0, *map(len, changes)], dtype=np.int64),
        zone_offset=np.array([change for zone in changes for change in zone], np.int32),
        currency=_bytes(orjson.dumps(currency)),
        money_sign=_bytes(orjson.dumps(money_sign(currency))[1:-1]),
        fraction_digits=np.array([fraction_digits(currency)]),
        walk_m_per_minute=np.array([weights.walk_m_per_minute]),
    )


def _bytes(text: bytes) -> U8:
    return np.frombuffer(text, np.uint8)


@cache
def result_writer() -> Callable[..., int]:
    """Entry point of `write_results`; kept on disk."""
    return entry_point(write_results)
