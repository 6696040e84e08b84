"""A grid in numpy: rows sorted by cell, and the rows of the cells that a circle touches.

Useful for: what the simplest spatial index does, with nothing to install.
Not useful for: words; one cell size for a city and a desert.

Only cells with rows are kept, so that a country costs no more than a city. Cells of 250, 350 and
500 m took the same time within a fifth. Leaving out the corners of the square around the circle
took 0.8 to 2.1 times as long: it costs more than it saves. With a grid of its own, a card that 3 %
hold took 0.4 to 0.8 times as long in a city of 1,000,000.
"""

import math
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.peers import Found, PeerQuestion
from benchmarks.peers.numpy_scan import Floats, ScanColumns, box
from benchmarks.table import PeerTable
from indexes.arrays import I64
from indexes.geo.sphere import EARTH_RADIUS_M

CELL_M = 350.0


class NumpyGrid:
    """Peer `grid`."""

    name: ClassVar[str] = "grid"
    label: ClassVar[str] = "numpy, grid of 350 m cells"
    schema: ClassVar[str] = (
        "Columns sorted by cell, of all rows and of each card's, offsets of the cells that have "
        "rows; a mask of bits for hours and cards over the touched cells, then distances; for the "
        "nearest a smaller circle first."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        self._all = Grid(table, np.arange(len(table)))
        ever = table.programs if table.minutes is None else table.minutes.ever()
        held = {bit: np.flatnonzero(ever & (1 << bit)) for bit in table.program_bits.values()}
        self._grids = {1 << bit: Grid(table, rows) for bit, rows in held.items() if len(rows)}

    @property
    def version(self) -> str:
        """Of numpy."""
        return np.__version__

    def answers(self, question: PeerQuestion) -> bool:
        """All but words."""
        return not question.words

    def prepare(self, question: PeerQuestion) -> None:
        """Take the tables of a cold question, and the share of rows that match it."""
        grid = self._grid(question)
        grid.columns.prepare(question)
        grid.share(question)

    def ask(self, question: PeerQuestion) -> Found:
        """Rows of the touched cells; for the nearest in a circle that should hold enough first."""
        grid = self._grid(question)
        start, stop = grid.runs(question, question.radius_m)
        if question.sort == "distance" and not question.counted and not question.polygon:
            expected = grid.share(question) * float((stop - start).sum())
            # Rows of a smaller circle are the nearest of all; too few of them prove nothing.
            while expected > 8 * question.limit:
                radius_m = question.radius_m * math.sqrt(2 * question.limit / expected)
                runs = grid.runs(question, radius_m)
                found = self._look(grid, question, radius_m, *runs)
                if len(found.rows) >= question.limit:
                    return found
                expected /= 4
        return self._look(grid, question, question.radius_m, start, stop)

    def _grid(self, question: PeerQuestion) -> "Grid":
        """Grid of the card asked for, or of all rows."""
        return self._grids.get(question.programs, self._all)

    def _look(
        self, grid: "Grid", question: PeerQuestion, radius_m: float, start: I64, stop: I64
    ) -> Found:
        """First matching rows of some runs within a radius, and counts."""
        at, chords = grid.within(question, radius_m, start, stop)
        return grid.columns.found(question, at, chords)

    def size(self) -> int:
        """Bytes of the columns and the offsets."""
        return sum(grid.size() for grid in (self._all, *self._grids.values()))

    def close(self) -> None:
        """Nothing is started."""


class Grid:
    """Some rows of a table, sorted by cell."""

    def __init__(self, table: PeerTable, rows: I64) -> None:
        lat, lng = table.lat[rows], table.lng[rows]
        self._south, self._west = float(lat.min()), float(lng.min())
        self._height = math.degrees(CELL_M / EARTH_RADIUS_M)
        self._width = self._height / math.cos(math.radians(float(np.median(lat))))
        up = np.floor((lat - self._south) / self._height).astype(np.int64)
        across = np.floor((lng - self._west) / self._width).astype(np.int64)
        self._last_up, self._last_across = int(up.max()), int(across.max())
        cell = up * (self._last_across + 1) + across
        order = np.argsort(cell, kind="stable")
        self.columns = ScanColumns(table, rows[order])
        self._cell, first = np.unique(cell[order], return_index=True)
        self._start = np.append(first, len(order))
        self._shares: dict[tuple[datetime | str, int], float] = {}
        self._places = np.arange(len(order))

    def runs(self, question: PeerQuestion, radius_m: float) -> tuple[I64, I64]:
        """Begins and ends of the rows of touched cells, one run for each row of cells."""
        low_lat, low_lng, high_lat, high_lng = box(question, radius_m)
        low = max(math.floor((low_lat - self._south) / self._height), 0)
        high = min(math.floor((high_lat - self._south) / self._height), self._last_up)
        first = max(math.floor((low_lng - self._west) / self._width), 0)
        last = min(math.floor((high_lng - self._west) / self._width), self._last_across)
        rows_of_cells = np.arange(low, high + 1) * (self._last_across + 1)
        begin = self._cell.searchsorted(rows_of_cells + first)
        # Beside the grid `last` is below `first`, and nothing stands between them.
        end = self._cell.searchsorted(rows_of_cells + max(last + 1, first))
        return self._start[begin], self._start[end]

    def within(
        self, question: PeerQuestion, radius_m: float, start: I64, stop: I64
    ) -> tuple[I64, Floats]:
        """Matching rows of some runs, and their squared chords."""
        columns = self.columns
        flags = columns.flags_of(question)
        runs = [flags[:0]]
        runs += [flags[a:b] for a, b in zip(start.tolist(), stop.tolist(), strict=True)]
        kept = np.flatnonzero((np.concatenate(runs) & columns.wanted(question)) != 0)
        length = stop - start
        moved = np.repeat(start - (np.cumsum(length) - length), length)
        at = columns.open_now(question, kept + moved[kept])
        return columns.within(question, at, radius_m)

    def share(self, question: PeerQuestion) -> float:
        """Share of its rows with the hours and cards asked for, counted once for each."""
        wish = question.at or question.hours, self.columns.wanted(question)
        if wish not in self._shares:
            self._shares[wish] = self.columns.share(question, self._places)
        return self._shares[wish]

    @cached_property
    def points(self) -> Floats:
        """Unit vectors, one row after the other."""
        return np.column_stack(self.columns.unit)

    def size(self) -> int:
        """Bytes of the columns and the offsets."""
        return self.columns.size() + int(self._cell.nbytes + self._start.nbytes)
