"""The textbook answer: a box from an R-tree (libspatialindex), and a loop in Python over its rows.

Useful for: what most programs do that have an R-tree and no search engine.
Not useful for: words; hundreds of thousands of shops in a circle.

For the nearest, boxes of growing circles are asked until one holds enough: in a city of 100,000
that took 0.1 to 0.7 times as long as the whole box, and 0.7 to 1.7 times for a card 0.05 % hold.
`nearest` with a growing count, exact over unit vectors, took 0.4 to 1.1 times as long as that, but
2.7 to 6.6 times for the card 0.05 % hold. Leaves of 32, 50, 100 and 300 rows took the same time
within a fifth.
"""

import math
from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from importlib.metadata import version
from itertools import compress
from pathlib import Path
from typing import ClassVar

import numpy as np
import shapely
from rtree import core, index

from benchmarks.peers import Found, PeerQuestion
from benchmarks.peers.numpy_scan import (
    box,
    chord,
    first_radius_m,
    next_radius_m,
    unit_vector,
    unit_vectors,
)
from benchmarks.peers.str_tree import allocated_bytes
from benchmarks.table import UNKNOWN_SAVING, PeerTable
from indexes.geo.sphere import EARTH_RADIUS_M

NODE_SIZE = 64


class RtreeFilter:
    """Peer `rtree`."""

    name: ClassVar[str] = "rtree"
    label: ClassVar[str] = "rtree and a loop in Python"
    schema: ClassVar[str] = (
        "R-tree in memory, bulk loaded, 64 to a node, of points in degrees; columns as lists, "
        "filtered in Python: hours, cards, then distance; for the nearest smaller boxes first."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        before = allocated_bytes()
        properties = index.Property(
            leaf_capacity=NODE_SIZE, index_capacity=NODE_SIZE, near_minimum_overlap_factor=32
        )
        points = np.column_stack([table.lng, table.lat])
        rows = np.arange(len(table))
        self._tree = index.Index((rows, points, points), properties=properties)
        # Python's own numbers: a number out of an array costs several times as much.
        self._lng, self._lat = table.lng.tolist(), table.lat.tolist()
        self._unit = [column.tolist() for column in unit_vectors(table.lat, table.lng)]
        self._open_now, self._open_later = table.open_now.tolist(), table.open_later.tolist()
        self._programs = table.programs.tolist()
        self._saving = table.saving.tolist()
        self._worth = table.worth.tolist()
        self._category_set = table.category_set.tolist()
        self._walk_cost_per_m = table.walk_cost_per_m
        self._table = table
        self._schedule = table.schedule.tolist()
        self._saving_now: dict[int, int] = {}
        self._worth_now: dict[int, float] = {}
        del points, rows
        self._size = max(allocated_bytes() - before, 0)

    @property
    def version(self) -> str:
        """Of rtree and of libspatialindex."""
        return f"{version('rtree')}, libspatialindex {core.rt.SIDX_Version().decode()}"

    def answers(self, question: PeerQuestion) -> bool:
        """All but words."""
        return not question.words

    def prepare(self, question: PeerQuestion) -> None:
        """Take the tables of a cold question."""
        assert question.at is not None
        found = self._table.at(question.at, question.programs, question.sort)
        self._minute, self._is_open = found, found.is_open.tolist()
        rows = found.rows.tolist()
        self._saving_now = dict(zip(rows, found.saving.tolist(), strict=True))
        self._worth_now = dict(zip(rows, found.worth.tolist(), strict=True))

    def ask(self, question: PeerQuestion) -> Found:
        """Rows of the box, then of the circle or polygon."""
        radius_m = first_radius_m(question)
        while True:
            low_lat, low_lng, high_lat, high_lng = box(question, radius_m)
            boxed = self._tree.intersection((low_lng, low_lat, high_lng, high_lat))
            rows, chords = self._within(question, self._passing(question, boxed), radius_m)
            if len(rows) >= question.limit or radius_m >= question.radius_m:
                return self._found(question, rows, chords)
            radius_m = next_radius_m(question, radius_m, len(rows))

    def _passing(self, question: PeerQuestion, rows: Iterable[int]) -> list[int]:
        """Those of some rows with the hours and cards asked for."""
        if question.at is not None:
            return self._passing_now(question, rows)
        if question.hours:
            is_open = self._open_now if question.hours == "open_now" else self._open_later
            rows = [row for row in rows if is_open[row]]
        if question.programs:
            held, programs = question.programs, self._programs
            rows = [row for row in rows if programs[row] & held]
        return list(rows)

    def _passing_now(self, question: PeerQuestion, rows: Iterable[int]) -> list[int]:
        """As `_passing`, of a cold question: hours by schedule."""
        minute = self._minute
        if question.hours:
            is_open, schedule = self._is_open, self._schedule
            rows = [row for row in rows if is_open[schedule[row]]]
        if question.programs:
            at = np.fromiter(rows, np.int64)
            kept: list[int] = at[(minute.programs[at] & question.programs) != 0].tolist()
            return kept
        return list(rows)

    def _within(
        self, question: PeerQuestion, rows: list[int], radius_m: float
    ) -> tuple[list[int], list[float]]:
        """Those of some rows in the circle or polygon, and their squared chords."""
        if question.polygon:
            ring = shapely.Polygon(question.polygon)
            shapely.prepare(ring)
            lngs, lats = [self._lng[row] for row in rows], [self._lat[row] for row in rows]
            rows = list(compress(rows, shapely.intersects_xy(ring, lngs, lats).tolist()))
        x, y, z = unit_vector(question.lat, question.lng)
        xs, ys, zs = self._unit
        chords = [
            (dx := xs[row] - x) * dx + (dy := ys[row] - y) * dy + (dz := zs[row] - z) * dz
            for row in rows
        ]
        if question.polygon:
            return rows, chords
        most = chord(radius_m) ** 2
        inside = [squared <= most for squared in chords]
        return list(compress(rows, inside)), list(compress(chords, inside))

    def _found(self, question: PeerQuestion, rows: list[int], chords: list[float]) -> Found:
        """First rows in the question's order, and counts if wanted, of all that match."""
        keys = chords
        is_cold = question.at is not None
        saving = self._saving_now if is_cold else self._saving
        worth = self._worth_now if is_cold else self._worth
        if question.sort == "saving":
            savings = (saving[row] for row in rows)
            keys = [math.inf if known == UNKNOWN_SAVING else -known for known in savings]
        elif question.sort == "best":
            per_radian = self._walk_cost_per_m * 2 * EARTH_RADIUS_M
            keys = [
                per_radian * math.asin(math.sqrt(squared) / 2) - worth[row]
                for row, squared in zip(rows, chords, strict=True)
            ]
        first = nsmallest(question.limit, range(len(rows)), key=keys.__getitem__)
        best = np.array([rows[place] for place in first], np.int64)
        if not question.counted:
            return Found(best)
        return Found(best, len(rows), dict(Counter(map(self._category_set.__getitem__, rows))))

    def size(self) -> int:
        """Bytes that building it left allocated: the tree, and lists without their numbers."""
        return self._size

    def close(self) -> None:
        """Free the tree."""
        self._tree.close()
