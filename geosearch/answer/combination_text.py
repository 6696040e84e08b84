"""Kernels that write combinations of deals as JSON text, for `result_text` and `reason_text`."""

from geosearch.answer.selection import (
    COMBINATION_CURRENCY,
    COMBINATION_DEALS,
    COMBINATION_PAY,
    COMBINATION_SAVING,
    COMBINATION_STEPS,
)
from geosearch.answer.text_sources import Sources
from geosearch.kernel.describe import (
    COMBINED_COUNT,
    COMBINED_PAY,
    COMBINED_SAVING,
    COMBINED_STEPS,
    DEAL,
    OFFERS_OF,
    PROGRAM,
)
from geosearch.money.offers import UNKNOWN_MONEY
from indexes.arrays import I64, U8, U64, I64Matrix, ReadOnly
from indexes.jit import inline_njit, inner_njit, int64, njit
from indexes.prepared import Prepared
from indexes.text_buffer import put_byte, put_integer, put_slice, put_text

# Most bytes of a combination and of a step, without ids and names.
_ROOM = 256
_STEP_ROOM = 128
_ID_BEGINS = len('{"deal_id":')
_QUOTE, _BACKSLASH = 0x22, 0x5C
(_BRACE,) = b"{"


@inner_njit
def combination_room(deal_start: U64, combined: I64Matrix, row: int) -> int:
    """Upper bound of the bytes of a combination."""
    room = int64(_ROOM)
    for step in range(combined[row, COMBINED_COUNT]):
        deal = combined[row, COMBINED_STEPS + 3 * step]
        # A payload is longer than its id, which is written twice.
        room += _STEP_ROOM + 2 * (int64(deal_start[deal + 1]) - int64(deal_start[deal]))
    return room


@njit
def put_combination(
    prepared: Prepared[ReadOnly[Sources]],
    told: int,
    combined: I64Matrix,
    row: int,
    text: U8,
    at: int,
) -> int:
    """Write the combination of a row of `Scratch.combined`; null without one.

    Parameters
    ----------
    told
        The members to write, bits of `selection`.
    """
    sources = prepared.value
    count, begin = combined[row, COMBINED_COUNT], at
    if count == 0:
        return put_text(text, at, b"null")
    if told & COMBINATION_DEALS:
        at = put_text(text, at, b',"deals":[')
        for step in range(count):
            if step:
                at = put_text(text, at, b",")
            at = _put_deal_id(sources, combined[row, COMBINED_STEPS + 3 * step], text, at)
        at = put_text(text, at, b"]")
    if told & COMBINATION_STEPS:
        at = put_text(text, at, b',"steps":[')
        for step in range(count):
            first = COMBINED_STEPS + 3 * step
            if step:
                at = put_text(text, at, b",")
            at = put_text(text, at, b'{"deal_id":')
            at = _put_deal_id(sources, combined[row, first], text, at)
            at = put_text(text, at, b',"saving":')
            at = put_money(text, at, combined[row, first + 1])
            at = put_text(text, at, b',"bill":')
            at = put_money(text, at, combined[row, first + 2])
            at = put_text(text, at, b"}")
        at = put_text(text, at, b"]")
    if told & COMBINATION_SAVING:
        at = put_text(text, at, b',"saving":')
        at = put_money(text, at, combined[row, COMBINED_SAVING])
    if told & COMBINATION_PAY:
        at = put_text(text, at, b',"pay":')
        at = put_money(text, at, combined[row, COMBINED_PAY])
    if told & COMBINATION_CURRENCY:
        at = put_text(text, at, b',"currency":')
        at = put_slice(text, at, sources.currency, 0, sources.currency.shape[0])
    return end_object(text, begin, at)


@inline_njit
def end_object(text: U8, begin: int, at: int) -> int:
    """End the object that begins at `begin`; its brace replaces the comma of its first member."""
    if at == begin:
        at += 1
    put_byte(text, begin, _BRACE)
    return put_text(text, at, b"}")


@njit
def put_money(text: U8, at: int, minor: int) -> int:
    """Write an amount in minor units; null if it is unknown."""
    if minor == UNKNOWN_MONEY:
        return put_text(text, at, b"null")
    return put_integer(text, at, minor)


@inner_njit
def _put_deal_id(sources: Sources, deal: int, text: U8, at: int) -> int:
    """Write the id of a deal with its quotes: the first value of its payload."""
    begin = int64(sources.deal_start[deal]) + _ID_BEGINS
    last = int64(sources.deal_start[deal + 1]) - 1
    end = begin + 1
    while end < last and sources.deal[end] != _QUOTE:
        end += 2 if sources.deal[end] == _BACKSLASH else 1
    return put_slice(text, at, sources.deal, begin, min(end, last) + 1)


@inner_njit
def has_cards(combined: I64Matrix, row: int, detail: I64, head: int) -> bool:
    """Whether a deal of a combination needs a card."""
    cards = int64(0)
    for step in range(combined[row, COMBINED_COUNT]):
        cards += _program_of(detail, head, combined[row, COMBINED_STEPS + 3 * step])
    return cards > 0


@inner_njit
def put_cards(
    sources: Sources, combined: I64Matrix, row: int, detail: I64, head: int, text: U8, at: int
) -> int:
    """Write the cards of a combination: `Red Card + Blue Bank`."""
    begin = at
    for step in range(combined[row, COMBINED_COUNT]):
        program = _program_of(detail, head, combined[row, COMBINED_STEPS + 3 * step])
        if program > 0:
            if at > begin:
                at = put_text(text, at, b" + ")
            first, end = sources.program_start[program], sources.program_start[program + 1]
            at = put_slice(text, at, sources.program, first, end)
    return at


@inline_njit
def _program_of(detail: I64, head: int, deal: int) -> int:
    """Card of a deal that a document lists."""
    for row in range(head + 1, head + 1 + detail[head, OFFERS_OF]):
        if detail[row, DEAL] == deal:
            return int64(detail[row, PROGRAM])
    return int64(0)
