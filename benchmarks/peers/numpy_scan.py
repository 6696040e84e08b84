"""Brute force in numpy: rows sorted by latitude once, every row of the strip is tested.

Useful for: what a few array operations do without any index; and `ScanColumns`, the columns and
steps that the other peers with numpy filters share.
Not useful for: a country in one array, where the strip holds shops of every city on the latitude.

Masks over the whole strip, then numbers of rows: the other way round, the mask of the card first,
took 0.9 to 2 times as long, and 0.7 for a card that 0.05 % hold.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from benchmarks.peers import Found, PeerQuestion
from benchmarks.table import UNKNOWN_PAY, UNKNOWN_SAVING, PeerTable
from indexes.arrays import I64
from indexes.geo.sphere import EARTH_RADIUS_M, UNITS_PER_DEGREE

Floats = NDArray[np.float64]

FIRST_RADIUS_M = 250.0
"""Where indexes of boxes begin to look for the nearest; 125 and 500 m were slower on balance."""
SAMPLE = 1_000
"""Rows by which the share of a cold question's matches is guessed."""


class ScanColumns:
    """Columns of a table in an order of its rows; `at` below are places in that order.

    Distances are kept as squared chords of the unit sphere: they order as metres do, and cost no
    sine per row. Whole questions took 0.5 to 1.0 times as long as with haversines.
    """

    def __init__(self, table: PeerTable, order: I64) -> None:
        self.row = order
        self.lat, self.lng = table.lat[order], table.lng[order]
        self.unit = unit_vectors(self.lat, self.lng)
        # Hours and cards in one test: a column of bits for each wish for hours, with one bit
        # that every row has.
        self._any = 1 << (max(table.program_bits.values(), default=-1) + 1)
        bits = np.min_scalar_type(2 * self._any - 1)
        programs = (table.programs[order].astype(np.uint64) | np.uint64(self._any)).astype(bits)
        self.flags = {
            "": programs,
            "open_now": np.where(table.open_now[order], programs, 0).astype(bits),
            "open_later": np.where(table.open_later[order], programs, 0).astype(bits),
        }
        self._saving_key = _saving_key(table.saving[order])
        self._worth = table.worth[order]
        self.category_set = table.category_set[order]
        self.walk_cost_per_m = table.walk_cost_per_m
        self._table, self._any_time = table, bits
        self.schedule = table.schedule[order]
        self._pay = None if table.pay is None else table.pay[order]
        self._wins = None if table.wins is None else table.wins[order]
        self._place: I64 | None = None
        self._cold = _Cold()

    def prepare(self, question: PeerQuestion) -> None:
        """Take the tables of a cold question's minute and wallet: of schedules, flags, savings."""
        assert question.at is not None
        found = self._table.at(question.at, question.programs, question.sort)
        cold = self._cold
        cold.at, cold.is_open = question.at, found.is_open
        if found.windows not in cold.flags:
            programs = found.programs[self.row].astype(np.uint64) | np.uint64(self._any)
            cold.flags[found.windows] = programs.astype(self._any_time)
        cold.flags_now = cold.flags[found.windows]
        if len(found.rows):
            if not len(cold.saving_key):
                cold.saving_key, cold.worth = self._saving_key.copy(), self._worth.copy()
            at = self.places_of(found.rows)
            cold.saving_key[at] = _saving_key(found.saving)
            cold.worth[at] = found.worth

    def places_of(self, rows: I64 | Sequence[int]) -> I64:
        """Places of some rows of the table."""
        if self._place is None:
            self._place = np.empty(len(self._table), np.int64)
            self._place[self.row] = np.arange(len(self.row))
        return self._place[np.asarray(rows, np.int64)]

    def flags_of(self, question: PeerQuestion) -> NDArray[Any]:
        """Column whose bits a row is tested by; a cold question's rows may still be closed."""
        return self.flags[question.hours] if question.at is None else self._now(question).flags_now

    def is_open(self, question: PeerQuestion) -> NDArray[np.bool_] | None:
        """Whether each schedule is open at the minute of a cold question; None if all rows pass."""
        if question.at is None or not question.hours:
            return None
        return self._now(question).is_open

    def open_now(self, question: PeerQuestion, at: I64) -> I64:
        """Those of some rows within the budget, of a winning card, open at a cold minute."""
        if question.wins:
            assert self._wins is not None
            at = at[self._wins[at]]
        if question.max_pay is not None:
            assert self._pay is not None
            pay = self._pay[at]
            at = at[(pay != UNKNOWN_PAY) & (pay <= question.max_pay)]
        is_open = self.is_open(question)
        return at if is_open is None else at[is_open[self.schedule[at]]]

    def share(self, question: PeerQuestion, at: I64) -> float:
        """Share of some rows that have the hours and cards asked for; of a cold question about.

        A sample leaves the caches of the processor to the answer.
        """
        rows = at if question.at is None else at[:: len(at) // SAMPLE + 1]
        return len(self.passing(question, rows)) / max(len(rows), 1)

    def _now(self, question: PeerQuestion) -> "_Cold":
        if self._cold.at != question.at:
            raise ValueError(f"Expected a question that was prepared, got {question}")
        return self._cold

    def wanted(self, question: PeerQuestion) -> int:
        """Bits of a column of `flags`, any of which makes a row match."""
        return question.programs & (self._any - 1) if question.programs else self._any

    def passing(self, question: PeerQuestion, at: I64) -> I64:
        """Those of some rows with the hours and cards asked for."""
        if question.at is None or question.programs:
            at = at[(self.flags_of(question)[at] & self.wanted(question)) != 0]
        return self.open_now(question, at)

    def within(self, question: PeerQuestion, at: I64, radius_m: float) -> tuple[I64, Floats]:
        """Those of some rows in the circle or the polygon, and their squared chords."""
        if question.polygon:
            ring = shapely.Polygon(question.polygon)
            shapely.prepare(ring)
            at = at[shapely.intersects_xy(ring, self.lng[at], self.lat[at])]
            return at, self.chords(question, at)
        chords = self.chords(question, at)
        inside = np.flatnonzero(chords <= chord(radius_m) ** 2)
        return at[inside], chords[inside]

    def chords(self, question: PeerQuestion, at: I64) -> Floats:
        """Squared chords between the question's place and rows."""
        x, y, z = unit_vector(question.lat, question.lng)
        squared: Floats = (self.unit[0][at] - x) ** 2
        squared += (self.unit[1][at] - y) ** 2
        squared += (self.unit[2][at] - z) ** 2
        return squared

    def found(self, question: PeerQuestion, at: I64, chords: Floats) -> Found:
        """First rows in the question's order, and counts if wanted, of all that match."""
        keys: NDArray[np.float64 | np.int64] = chords
        if question.sort == "saving":
            keys = self.saving_key(question)[at]
        elif question.sort == "best":
            metres = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(chords) / 2)
            keys = self.walk_cost_per_m * metres - self.worth(question)[at]
        if len(at) > question.limit:
            first = np.argpartition(keys, question.limit - 1)[: question.limit]
        else:
            first = np.arange(len(at))
        rows = self.row[at[first[np.argsort(keys[first])]]]
        if not question.counted:
            return Found(rows)
        counts = np.bincount(self.category_set[at])
        sets = np.flatnonzero(counts)
        groups = dict(zip(sets.tolist(), counts[sets].tolist(), strict=True))
        return Found(rows, len(at), groups)

    def saving_key(self, question: PeerQuestion) -> I64:
        """Column of the order by saving, ascending."""
        return self._saving_key if question.at is None else self._cold.saving_key

    def worth(self, question: PeerQuestion) -> Floats:
        """Column of the net benefit at no distance."""
        return self._worth if question.at is None else self._cold.worth

    def size(self) -> int:
        """Bytes of all columns; of those of cold questions only the schedules."""
        arrays = (self.row, self.lat, self.lng, *self.unit, *self.flags.values(), self.schedule)
        kept = (*arrays, self._saving_key, self._worth, self.category_set)
        return sum(array.nbytes for array in kept)


class _Cold:
    """What `prepare` took for the next question, in the order of a `ScanColumns`."""

    def __init__(self) -> None:
        nothing = np.zeros(0, np.int64)
        self.at: datetime | None = None
        self.is_open = np.zeros(0, np.bool_)
        self.flags: dict[bytes, NDArray[Any]] = {}
        """Columns of bits of all cards, by the open windows of deals."""
        self.flags_now: NDArray[Any] = nothing
        self.saving_key = nothing
        """As the columns of the table, in the rows that take the wallet."""
        self.worth: Floats = np.zeros(0)


def _saving_key(saving: I64) -> I64:
    """What the order by saving sorts by: unknown ones last."""
    unknown = saving == UNKNOWN_SAVING
    return np.where(unknown, np.iinfo(np.int64).max, -np.where(unknown, 0, saving))


class NumpyScan:
    """Peer `numpy`."""

    name: ClassVar[str] = "numpy"
    label: ClassVar[str] = "numpy, sorted by latitude"
    schema: ClassVar[str] = (
        "Columns sorted by latitude; masks of longitude and of bits for hours and cards, then "
        "distances; sorted lists of rows by word, the rarest first."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        self._columns = ScanColumns(table, np.argsort(table.lat, kind="stable"))
        self._x = np.round(self._columns.lng * UNITS_PER_DEGREE).astype(np.int32)
        self._postings = _postings(table.text, self._columns.row)

    @property
    def version(self) -> str:
        """Of numpy."""
        return np.__version__

    def answers(self, question: PeerQuestion) -> bool:
        """All but words where the table has no text."""
        return not question.words or bool(self._postings)

    def prepare(self, question: PeerQuestion) -> None:
        """Take the tables of a cold question."""
        self._columns.prepare(question)

    def ask(self, question: PeerQuestion) -> Found:
        """Rows of the strip, then of the box, then of the circle or polygon."""
        columns = self._columns
        if question.rows is not None:
            at = columns.passing(question, columns.places_of(question.rows))
            return columns.found(question, at, columns.chords(question, at))
        low_lat, low_lng, high_lat, high_lng = box(question)
        low_x = math.floor(low_lng * UNITS_PER_DEGREE) - 1
        width = np.uint32(math.ceil(high_lng * UNITS_PER_DEGREE) + 1 - low_x)
        start, stop = columns.lat.searchsorted((low_lat, high_lat + 1e-12)).tolist()
        if question.words:
            at = self._with_words(question.words, start, stop)
            at = columns.passing(question, at)
            at = at[(self._x[at] - np.int32(low_x)).view(np.uint32) <= width]
        else:
            # The difference as an unsigned number is at most the width exactly inside the box.
            kept = (self._x[start:stop] - np.int32(low_x)).view(np.uint32) <= width
            flags = columns.flags_of(question)[start:stop]
            kept &= (flags & columns.wanted(question)) != 0
            at = columns.open_now(question, np.flatnonzero(kept) + start)
        return columns.found(question, *columns.within(question, at, question.radius_m))

    def _with_words(self, words: Sequence[str], start: int, stop: int) -> I64:
        """Rows of a strip that hold every word."""
        nothing = np.zeros(0, np.int64)
        lists = []
        for word in words:
            posting = self._postings.get(word, nothing)
            first, last = posting.searchsorted((start, stop)).tolist()
            lists.append(posting[first:last])
        lists.sort(key=len)
        at = lists[0]
        for posting in lists[1:]:
            if not len(at):
                break
            place = np.minimum(posting.searchsorted(at), len(posting) - 1)
            at = at[posting[place] == at]
        return at

    def size(self) -> int:
        """Bytes of the columns and the lists."""
        postings = sum(posting.nbytes for posting in self._postings.values())
        return self._columns.size() + self._x.nbytes + postings

    def close(self) -> None:
        """Nothing is started."""


def box(question: PeerQuestion, radius_m: float | None = None) -> tuple[float, float, float, float]:
    """Least and greatest latitude and longitude, as (lat, lng, lat, lng), of what is asked for.

    With `radius_m`, of a circle of that radius instead of the question's.
    """
    if question.polygon:
        lngs, lats = zip(*question.polygon, strict=True)
        return min(lats), min(lngs), max(lats), max(lngs)
    # Wider by a part in a thousand million: nothing on the circle is lost to rounding.
    reach = (question.radius_m if radius_m is None else radius_m) / EARTH_RADIUS_M * (1 + 1e-9)
    aside = math.degrees(math.asin(math.sin(reach) / math.cos(math.radians(question.lat))))
    aside, reach = aside + 1e-9, math.degrees(reach) + 1e-9
    lat, lng = question.lat, question.lng
    return lat - reach, lng - aside, lat + reach, lng + aside


def first_radius_m(question: PeerQuestion) -> float:
    """Radius of the first circle to look in: a small one if only the nearest are wanted."""
    if question.sort != "distance" or question.counted or question.polygon:
        return question.radius_m
    return min(FIRST_RADIUS_M, question.radius_m)


def next_radius_m(question: PeerQuestion, radius_m: float, count: int) -> float:
    """Radius to look in next, where `count` rows matched and that is fewer than the limit."""
    growth = math.sqrt(2 * question.limit / max(count, 1))
    return min(radius_m * min(growth, 4.0), question.radius_m)


def chord(radius_m: float) -> float:
    """Straight line between two points of the unit sphere so many metres apart."""
    return 2 * math.sin(radius_m / (2 * EARTH_RADIUS_M))


def unit_vector(lat: float, lng: float) -> tuple[float, float, float]:
    """A position in degrees on the unit sphere."""
    phi, lam = math.radians(lat), math.radians(lng)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)


def unit_vectors(lat: Floats, lng: Floats) -> tuple[Floats, Floats, Floats]:
    """Positions in degrees on the unit sphere, a column for each axis."""
    phi, lam = np.radians(lat), np.radians(lng)
    return np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)


def _postings(text: Sequence[str], order: I64) -> dict[str, I64]:
    """Ascending places in an order of the rows that hold each token."""
    if not text:
        return {}
    pairs = pl.DataFrame({"text": text}).select(pl.col("text").str.split(" "))[order]
    lists = (
        pairs.with_row_index("at")
        .explode("text")
        .filter(pl.col("text") != "")
        .unique()
        .sort("at")
        .group_by("text", maintain_order=True)
        .agg(pl.col("at").cast(pl.Int64))
    )
    return {
        token: places.to_numpy()
        for token, places in zip(lists["text"].to_list(), lists["at"], strict=True)
    }
