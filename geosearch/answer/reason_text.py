"""Kernels that write the reasons of a result, and times, as JSON text.

Reasons are sentences of `languages`. A new one is a line there, and a line of `_reason`.
"""

from geosearch.answer.combination_text import has_cards, put_cards
from geosearch.answer.languages import SENTENCES, Sentence
from geosearch.answer.text_sources import SLOTS, Sources
from geosearch.kernel.describe import (
    AROUND_THE_CLOCK,
    BEST_SAVED,
    COMBINED_COUNT,
    PROGRAM,
    STATE,
    TIME_ZONE,
    UNTIL,
)
from indexes.arrays import I64, U8, I64Matrix, ReadOnly
from indexes.jit import inline_njit, inner_njit, int64, njit
from indexes.prepared import Prepared
from indexes.text_buffer import (
    put_byte,
    put_decimal,
    put_grouped,
    put_integer,
    put_padded,
    put_pair,
    put_slice,
    put_text,
)
from indexes.timetable import HORIZON_MINUTES, OPEN

WALKED_MINUTES = 60
"""Minutes of walking from which on a reason shows kilometres instead."""

_DAY_MINUTES = 24 * 60
_DATE_BYTES = len("2026-11-22")
(_BRACKET,) = b"["

_SAVES, _SAVES_WITH, _TOGETHER, _TOGETHER_WITH = map(
    SENTENCES.index,
    (
        Sentence.SAVES,
        Sentence.SAVES_WITH,
        Sentence.SAVES_TOGETHER,
        Sentence.SAVES_TOGETHER_WITH,
    ),
)
_WALK, _AWAY, _ALWAYS_OPEN, _OPEN_NOW, _OPEN_UNTIL = map(
    SENTENCES.index,
    (
        Sentence.WALK,
        Sentence.AWAY,
        Sentence.ALWAYS_OPEN,
        Sentence.OPEN_NOW,
        Sentence.OPEN_UNTIL,
    ),
)
_AMOUNT, _CARD, _MINUTES, _KILOMETRES, _TIME, _COUNT, _CARDS = range(len(SLOTS))
_REASONS = 3
_NO_REASON = -1


@inner_njit
def put_reasons(
    sources: Sources,
    distance_m: float,
    detail: I64,
    head: int,
    combined: I64Matrix,
    best: int,
    text: U8,
    at: int,
) -> int:
    """Write the reasons of the document at row `head`, a list with at least one.

    Parameters
    ----------
    combined, best
        `Scratch.combined`, and the row of the best combination there.
    """
    begin = at
    for number in range(_REASONS):
        sentence, value, card = _reason(sources, number, distance_m, detail, head, combined, best)
        if sentence == _NO_REASON:
            continue
        at = put_text(text, at, b',"')
        # One loop over the parts, so that the compiler inlines the writers of values once.
        for part in range(sources.sentence_start[sentence], sources.sentence_start[sentence + 1]):
            slot = sources.part[part, 0]
            if slot == _AMOUNT:
                at = _put_amount(sources, value, text, at)
            elif slot == _CARD:
                start, end = sources.program_start[card], sources.program_start[card + 1]
                at = put_slice(text, at, sources.program, start, end)
            elif slot == _COUNT:
                at = put_integer(text, at, combined[best, COMBINED_COUNT])
            elif slot == _CARDS:
                at = put_cards(sources, combined, best, detail, head, text, at)
            elif slot == _MINUTES:
                at = put_integer(text, at, value)
            elif slot == _KILOMETRES:
                at = put_decimal(text, at, value, 1)
            elif slot == _TIME:
                local = local_minute(sources, detail[head, TIME_ZONE], value)[0]
                at = put_clock(text, at, local % _DAY_MINUTES)
            else:
                at = put_slice(
                    text, at, sources.words, sources.part[part, 1], sources.part[part, 2]
                )
        at = put_text(text, at, b'"')
    put_byte(text, begin, _BRACKET)
    return put_text(text, at, b"]")


@inner_njit
def _reason(
    sources: Sources,
    number: int,
    distance_m: float,
    detail: I64,
    head: int,
    combined: I64Matrix,
    best: int,
) -> tuple[int, int, int]:
    """The sentence of a reason with its value and card; `_NO_REASON` where there is nothing to say.

    The value is minor units, minutes of a walk, hectometres, or a minute of the horizon.
    """
    if number == 0:
        saving = detail[head, BEST_SAVED]
        if saving <= 0:
            return int64(_NO_REASON), int64(0), int64(0)
        if combined[best, COMBINED_COUNT] > 1:
            by_card = has_cards(combined, best, detail, head)
            return int64(_TOGETHER_WITH if by_card else _TOGETHER), int64(saving), int64(0)
        card = detail[head + 1, PROGRAM]
        return int64(_SAVES_WITH if card > 0 else _SAVES), int64(saving), int64(card)
    if number == 1:
        minutes = int64(distance_m / sources.walk_m_per_minute[0] + 0.5)
        if minutes < WALKED_MINUTES:
            return int64(_WALK), max(int64(1), minutes), int64(0)
        return int64(_AWAY), int64(distance_m / 100.0 + 0.5), int64(0)
    if detail[head, STATE] != OPEN:
        return int64(_NO_REASON), int64(0), int64(0)
    until = int64(detail[head, UNTIL])
    if until == AROUND_THE_CLOCK:
        return int64(_ALWAYS_OPEN), int64(0), int64(0)
    return int64(_OPEN_NOW if until == HORIZON_MINUTES else _OPEN_UNTIL), until, int64(0)


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
def put_time(
    prepared: Prepared[ReadOnly[Sources]], zone: int, minute: int, text: U8, at: int
) -> int:
    """Write a minute of the horizon as an RFC 3339 string; null at or after the horizon's end.

    A call passes the address of the sources: for a page it took 2 us to copy their arrays.
    """
    sources = prepared.value
    if minute >= HORIZON_MINUTES:
        return put_text(text, at, b"null")
    local, offset = local_minute(sources, zone, minute)
    date = local // _DAY_MINUTES * _DATE_BYTES
    at = put_text(text, at, b'"')
    at = put_slice(text, at, sources.dates, date, date + _DATE_BYTES)
    at = put_text(text, at, b"T")
    at = put_clock(text, at, local % _DAY_MINUTES)
    at = put_text(text, at, b":00-" if offset < 0 else b":00+")
    at = put_clock(text, at, abs(offset))
    return put_text(text, at, b'"')


@inline_njit
def put_clock(text: U8, at: int, minutes: int) -> int:
    """Write minutes of a day as a time: `07:30`."""
    hours = minutes // 60
    at = put_pair(text, at, hours)
    at = put_text(text, at, b":")
    return put_pair(text, at, minutes - 60 * hours)


@inner_njit
def local_minute(sources: Sources, zone: int, minute: int) -> tuple[int, int]:
    """Local minutes since the first day of `Sources.dates`, and the offset in minutes."""
    change = int64(sources.zone_start[zone + 1]) - 1
    while sources.zone_offset[change, 0] > minute:
        change -= 1
    offset = int64(sources.zone_offset[change, 1])
    return minute + offset + _DAY_MINUTES, offset
