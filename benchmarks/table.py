"""`PeerTable`: a segment as plain columns for peers, with hours and deals already evaluated.

A table is valid for two instants and one wallet. `Minutes` has what peers need for any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl
from msgspec import structs
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
    schedule: NDArray[np.int64]
    """Number of each merchant's hours in `PeerMinute.is_open`."""
    pay: NDArray[np.int64] | None = None
    """Least known pay with a deal of `wallet` at the instant, minor units; else `UNKNOWN_PAY`."""
    wins: NDArray[np.bool_] | None = None
    """Whether `wallet` saves more than every usable public deal at the instant."""
    minutes: "MinuteSource | None" = None
    """Hours and deals at any other instant; None if no question has one of its own."""

    def at(self, at: datetime, wallet: int, sort: str) -> "PeerMinute":
        """Return what is known at an instant; with savings for the bits of a wallet if needed."""
        assert self.minutes is not None
        return self.minutes.of(at, wallet, sort)

    def __len__(self) -> int:
        return len(self.lat)


UNKNOWN_SAVING = UNKNOWN_PAY = UNKNOWN


class PeerMinute(NamedTuple):
    """Hours and deals evaluated at one instant; row numbers as in `PeerTable`."""

    is_open: NDArray[np.bool_]
    """Whether each schedule is open."""
    windows: bytes
    """Which windows of deals are open: equal ones have equal `programs`."""
    programs: NDArray[np.int64]
    """As `PeerTable.programs`."""
    rows: NDArray[np.int64]
    """Merchants with a deal of the wallet, if the order needs savings; else none."""
    saving: NDArray[np.int64]
    """Best saving of each of `rows`."""
    worth: NDArray[np.float64]
    """Net benefit of each of `rows`, at no distance."""


class MinuteSource(Protocol):
    """Hours and deals at any instant."""

    def of(self, at: datetime, wallet: int, sort: str) -> PeerMinute:
        """See `PeerTable.at`."""
        ...

    def ever(self) -> NDArray[np.int64]:
        """Return `PeerTable.programs` as if every window of a deal were open."""
        ...


class Minutes:
    """Evaluates hours and deals at any instant and for any wallet, by brute force.

    `programs` is kept for each set of open windows of deals, of which a month has some tens.
    """

    def __init__(self, brute: BruteForce) -> None:
        self._brute = brute
        flat = brute.flat
        self._names = {number: name for name, number in brute.programs().items()}
        row = np.repeat(np.arange(len(flat.x)), flat.end_offer - flat.first_offer)
        counts = brute.usable_offers() & (flat.offer_program != 0)
        self._row, self._window = row[counts], flat.offer_window[counts]
        self._bit = np.int64(1) << flat.offer_program[counts].astype(np.int64)
        self._windows = np.unique(self._window)
        self._programs: dict[bytes, NDArray[np.int64]] = {}

    def programs(self, at: datetime) -> NDArray[np.int64]:
        """Return `PeerTable.programs` at an instant."""
        return self._programs_in(self._brute.states(_query(at, ())) == OPEN)

    def ever(self) -> NDArray[np.int64]:
        """See `MinuteSource`."""
        return self._programs_in(np.ones(int(self._windows.max(initial=0)) + 1, np.bool_))

    @lru_cache(maxsize=2_048)  # noqa: B019 - a table lives as long as its peers
    def of(self, at: datetime, wallet: int, sort: str) -> PeerMinute:
        """See `PeerTable.at`."""
        cards = tuple(name for bit, name in self._names.items() if wallet >> bit & 1)
        is_open = self._brute.states(_query(at, cards)) == OPEN
        programs = self._programs_in(is_open)
        rows = np.flatnonzero(programs & wallet) if sort != "distance" else np.zeros(0, np.int64)
        best = _query(at, cards, "best")
        deals = self._brute.deals(best, rows)
        return PeerMinute(
            is_open=is_open,
            windows=is_open[self._windows].tobytes(),
            programs=programs,
            rows=rows,
            saving=deals.saving,
            worth=-self._brute.primary(best, rows, np.zeros(len(rows)), deals),
        )

    def _programs_in(self, is_open: NDArray[np.bool_]) -> NDArray[np.int64]:
        windows = is_open[self._windows].tobytes()
        if windows not in self._programs:
            kept = is_open[self._window]
            row, bit = self._row[kept], self._bit[kept]
            first = np.flatnonzero(np.diff(row, prepend=-1))
            programs = np.zeros(len(self._brute.flat.x), np.int64)
            if len(first):
                programs[row[first]] = np.bitwise_or.reduceat(bit, first)
            self._programs[windows] = programs
        return self._programs[windows]


def _query(at: datetime, cards: tuple[str, ...], sort: str = "distance") -> Query:
    return Query(lat=0.0, lng=0.0, at=at, cards=cards, sort=sort)


def table_of(
    brute: BruteForce, at: datetime, later: datetime, wallet: str, segment: Segment | None = None
) -> PeerTable:
    """Return the table for two instants and a wallet; with the texts of `segment`, if given."""
    flat, minutes = brute.flat, Minutes(brute)
    docs = np.arange(len(flat.x))
    best = _query(at, (wallet,), "best")
    deals = brute.deals(best, docs)
    return PeerTable(
        lat=flat.y / UNITS_PER_DEGREE,
        lng=flat.x / UNITS_PER_DEGREE,
        open_now=(brute.states(best) == OPEN)[flat.schedule],
        open_later=(brute.states(_query(later, ())) == OPEN)[flat.schedule],
        programs=minutes.programs(at),
        saving=deals.saving,
        worth=-brute.primary(best, docs, np.zeros(len(docs)), deals),
        category_set=flat.category_set.astype(np.int64),
        text=texts_of(segment) if segment is not None else (),
        program_bits={name: number for name, number in brute.programs().items() if number},
        wallet=wallet,
        walk_cost_per_m=brute.walk_cost_per_m,
        schedule=flat.schedule.astype(np.int64),
        pay=brute.least_pay(best, docs),
        wins=brute.deals(structs.replace(best, deals="card_best"), docs).matches,
        minutes=minutes,
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
