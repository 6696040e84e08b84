"""What the writer of results reads beside the columns: stored payloads, and texts in a language.

Useful for: `result_text` and `reason_text`, whose kernels take `Sources`.
Not useful for: columns that a search reads (`geosearch.segment.columns`).
"""

from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from geosearch.answer.languages import SENTENCES
from geosearch.hours.offsets import offset_changes
from geosearch.live.changed_segment import ChangedSegment
from geosearch.money.amounts import fraction_digits, money_sign
from geosearch.money.ranking import Weights
from geosearch.segment.segment import Segment
from indexes.arrays import F64, I64, U8, U32, U64, I32Matrix, I64Matrix
from indexes.prepared import Prepared
from indexes.timetable import HORIZON_MINUTES

SLOTS = ("amount", "card", "minutes", "kilometres", "time", "count", "cards")
"""Slots of sentences that `reason_text` fills; numba compiles their order into it."""

WORDS = len(SLOTS)
"""What a part of a sentence is that is no slot."""

_DAY_MINUTES = 24 * 60


class Sources(NamedTuple):
    """Inputs of the text of results: d documents, m deals, p cards, z time zones, s sentences.

    Live changes replace the payloads of a documents and b deals.
    """

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
    sentence_start: I64  # [s + 1] where the parts of each sentence begin in `part`
    part: I64Matrix  # [.., 3] slot of `SLOTS` or `WORDS`; begin and end of words in `words`
    words: U8  # JSON text without quotes
    fraction_digits: I64  # [1]
    walk_m_per_minute: F64  # [1]
    new_text: U8  # replaced payloads
    new_merchant: U32  # [a] documents with a replaced payload, ascending
    new_merchant_span: I64Matrix  # [a, 2] where it begins and ends in `new_text`
    new_deal: U32  # [b] deals with a replaced payload, ascending
    new_deal_span: I64Matrix  # [b, 2]


def sources_of(segment: Segment, start: datetime, weights: Weights, language: str) -> Sources:
    """`Sources` of a segment whose horizon begins at `start`, midnight UTC, in a language."""
    changes = [offset_changes(ZoneInfo(name), start) for name in segment.catalogue.time_zones]
    days = [start + timedelta(days=day) for day in range(-1, HORIZON_MINUTES // _DAY_MINUTES + 2)]
    currency = segment.manifest["currency"]
    sentence_start, part, words = _sentences(language)
    merchant_start, merchant = segment.merchant_payload.arrays
    deal_start, deal = segment.deal_payload.arrays
    program_start, program = _card_names(segment)
    return Sources(
        merchant_start=merchant_start,
        merchant=merchant,
        deal_start=deal_start,
        deal=deal,
        program_start=program_start,
        program=program,
        dates=_bytes("".join(day.date().isoformat() for day in days).encode()),
        zone_start=np.cumsum([0, *map(len, changes)], dtype=np.int64),
        zone_offset=np.array([change for zone in changes for change in zone], np.int32),
        currency=_bytes(orjson.dumps(currency)),
        money_sign=_quoted(money_sign(currency, language)),
        sentence_start=sentence_start,
        part=part,
        words=words,
        fraction_digits=np.array([fraction_digits(currency)]),
        walk_m_per_minute=np.array([weights.walk_m_per_minute]),
        new_text=np.zeros(0, np.uint8),
        new_merchant=np.zeros(0, np.uint32),
        new_merchant_span=np.zeros((0, 2), np.int64),
        new_deal=np.zeros(0, np.uint32),
        new_deal_span=np.zeros((0, 2), np.int64),
    )


def sources_at(sources: Prepared[Sources], segment: ChangedSegment) -> Prepared[Sources]:
    """The sources of a segment with the texts of one moment."""
    deals, merchants = segment.deal_texts, segment.merchant_texts
    if segment.catalogue is not segment.built.catalogue:
        program_start, program = _card_names(segment)
        sources = sources.replaced(program_start=program_start, program=program)
    return sources.replaced(
        new_text=merchants.text,
        new_merchant=merchants.rows,
        new_merchant_span=merchants.spans,
        new_deal=deals.rows,
        new_deal_span=deals.spans,
    )


def _card_names(segment: Segment) -> tuple[I64, U8]:
    """Where the name of each card begins, and the names, JSON text without quotes."""
    names = [orjson.dumps(record.get("name", ""))[1:-1] for record in segment.catalogue.programs]
    return np.cumsum([0, *map(len, names)], dtype=np.int64), _bytes(b"".join(names))


@cache
def _sentences(language: str) -> tuple[I64, I64Matrix, U8]:
    """The parts of all sentences that kernels can write; the others have none."""
    starts, parts, words = [0], [], b""
    for sentence in SENTENCES:
        pieces = list(sentence.parts(language))
        if all(slot in ("", *SLOTS) for slot, _ in pieces):
            for slot, text in pieces:
                begin = len(words)
                words += _quoted(text).tobytes()
                parts.append((SLOTS.index(slot) if slot else WORDS, begin, len(words)))
        starts.append(len(parts))
    return np.array(starts), np.array(parts), _bytes(words)


def _quoted(text: str) -> U8:
    """JSON text without the quotes around it."""
    return _bytes(orjson.dumps(text)[1:-1])


def _bytes(text: bytes) -> U8:
    return np.frombuffer(text, np.uint8)
