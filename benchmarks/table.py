"""`PeerTable`: a segment as plain columns for peers, with hours and deals already evaluated.

A table is valid for two instants and one wallet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.brute import UNKNOWN, BruteForce
from geosearch.query.query import Query
from geosearch.segment.segment import Segment
from geosearch.text.columns import SegmentText
from indexes.geo.sphere import UNITS_PER_DEGREE
from indexes.terms.keys import CODE_BITS, GRAM2, KIND_BITS, PAYLOAD
from indexes.timetable import OPEN


@dataclass(frozen=True, kw_only=True)
class PeerTable:
    """Columns of n merchants; a row number is a doc id."""

    lat: NDArray[np.float64]
    """Degrees, WGS-84."""
    lng: NDArray[np.float64]
    open_now: NDArray[np.bool_]
    """Whether each is open at the instant of the queries."""
    open_later: NDArray[np.bool_]
    """Whether each is open at the second instant."""
    programs: NDArray[np.int64]
    """Bit `program_bits[name]`: has a deal of that card that is usable at the first instant."""
    saving: NDArray[np.int64]
    """Best saving with `wallet` at the instant, minor units; `UNKNOWN_SAVING` where unknown."""
    worth: NDArray[np.float64]
    """Net benefit with `wallet` at the instant, for a shop at no distance."""
    category_set: NDArray[np.int64]
    """Number of the merchant's set of categories."""
    text: Sequence[str]
    """Tokens, separated by spaces; empty without text."""
    program_bits: dict[str, int]
    """Number of the bit of each card, below 63."""
    wallet: str
    """Card of `saving` and `worth`."""
    walk_cost_per_m: float

    def __len__(self) -> int:
        return len(self.lat)


UNKNOWN_SAVING = UNKNOWN


def table_of(
    brute: BruteForce, at: datetime, later: datetime, wallet: str, segment: Segment | None = None
) -> PeerTable:
    """Return the table for two instants and a wallet; with the texts of `segment`, if given."""
    flat = brute.flat
    docs = np.arange(len(flat.x))
    now = Query(lat=0.0, lng=0.0, at=at, cards=(wallet,))
    bits = {name: number for name, number in brute.programs().items() if number}
    programs = np.zeros(len(docs), np.int64)
    for name, number in bits.items():
        has_deal, _ = brute.deals(msgspec.structs.replace(now, cards=(name,)), docs)
        programs |= has_deal.astype(np.int64) << number
    best = msgspec.structs.replace(now, sort="best")
    _, saving = brute.deals(best, docs)
    return PeerTable(
        lat=flat.y / UNITS_PER_DEGREE,
        lng=flat.x / UNITS_PER_DEGREE,
        open_now=(brute.states(now) == OPEN)[flat.schedule],
        open_later=(brute.states(msgspec.structs.replace(now, at=later)) == OPEN)[flat.schedule],
        programs=programs,
        saving=saving,
        worth=-brute.primary(best, docs, np.zeros(len(docs)), saving),
        category_set=flat.category_set.astype(np.int64),
        text=texts_of(segment) if segment is not None else (),
        program_bits=bits,
        wallet=wallet,
        walk_cost_per_m=brute.walk_cost_per_m,
    )


def texts_of(segment: Segment) -> Sequence[str]:
    """Return the indexed pairs of characters of each document, as tokens."""
    text = SegmentText(segment)
    rows = text.vocabulary.rows_between(GRAM2 << KIND_BITS, (GRAM2 + 1) << KIND_BITS)
    postings = text.postings
    tokens = []
    for row in rows:
        pair = text.vocabulary.key(row) & PAYLOAD
        tokens.append(chr(pair >> CODE_BITS) + chr(pair & ((1 << CODE_BITS) - 1)))
    begins = postings.begin[rows.start : rows.stop].astype(np.int64)
    counts = postings.doc_freq[rows.start : rows.stop].astype(np.int64)
    token = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)
    place = np.arange(len(token)) + np.repeat(begins - (np.cumsum(counts) - counts), counts)
    pairs = pl.DataFrame({"doc": postings.doc[place], "token": token})
    named = pl.DataFrame({"token": np.arange(len(tokens), dtype=np.uint32), "text": tokens})
    joined = (
        pairs.join(named, on="token")
        .group_by("doc")
        .agg(pl.col("text").str.join(" "))
        .join(
            pl.DataFrame({"doc": np.arange(len(segment), dtype=np.uint32)}), on="doc", how="right"
        )
        .sort("doc")
    )
    return joined["text"].fill_null("").to_list()
