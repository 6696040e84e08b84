"""The grid of `numpy_grid` with one compiled loop over the rows of the touched cells (numba).

Useful for: what a page of compiled code does: dense columns, one byte a schedule for hours, no
tree, no summaries of cells.
Not useful for: words. Polygons are those of `numpy_grid`.

The loop tests the bits of cards, then the schedule, then the distance, keeps the first rows by
insertion, and counts category sets as it goes.
"""

from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import Found, PeerQuestion
from benchmarks.peers.numpy_grid import Grid, NumpyGrid
from benchmarks.peers.numpy_scan import Floats, chord, unit_vector
from benchmarks.table import PeerTable
from indexes.arrays import I64
from indexes.geo.sphere import EARTH_RADIUS_M

DISTANCE, SAVING, BEST = range(3)
_SORTS = {"distance": DISTANCE, "saving": SAVING, "best": BEST}
_ALWAYS = np.ones(0, np.bool_)
_NO_RUN = np.zeros(0, np.int64)


class NumbaGrid(NumpyGrid):
    """Peer `numba`."""

    name: ClassVar[str] = "numba"
    label: ClassVar[str] = "numba, grid of 350 m cells"
    schema: ClassVar[str] = (
        "A yardstick, no engine: a loop for these questions alone, against which nothing is "
        "claimed. The grids of the peer `grid`; one compiled loop over the rows of the touched "
        "cells tests cards, hours and distance, keeps the first rows and counts; for the nearest "
        "a smaller circle first."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        super().__init__(table, folder)
        self._sets = int(table.category_set.max()) + 1
        for sort in _SORTS:  # compiles the loop
            self._look(self._all, PeerQuestion(0.0, 0.0, sort=sort), 1.0, _NO_RUN, _NO_RUN)

    @property
    def version(self) -> str:
        """Of numba."""
        return str(numba.__version__)

    def answers(self, question: PeerQuestion) -> bool:
        """All but words."""
        return not question.words

    def _look(
        self, grid: Grid, question: PeerQuestion, radius_m: float, start: I64, stop: I64
    ) -> Found:
        """First matching rows of some runs within a radius or the polygon, and counts."""
        if question.polygon:
            return super()._look(grid, question, radius_m, start, stop)
        columns, sort = grid.columns, _SORTS[question.sort]
        is_open = columns.is_open(question)
        key: NDArray[Any] = columns.category_set
        if sort != DISTANCE:
            key = columns.saving_key(question) if sort == SAVING else columns.worth(question)
        rows = np.empty(question.limit, np.int64)
        groups = np.zeros(self._sets if question.counted else 0, np.int64)
        total = _loop(
            start,
            stop,
            columns.flags_of(question),
            columns.wanted(question),
            columns.schedule,
            _ALWAYS if is_open is None else is_open,
            grid.points,
            np.array(unit_vector(question.lat, question.lng)),
            chord(radius_m) ** 2,
            sort,
            key,
            columns.walk_cost_per_m * 2 * EARTH_RADIUS_M,
            columns.category_set,
            rows,
            np.empty(question.limit),
            groups,
        )
        best = columns.row[rows[: min(total, question.limit)]]
        if not question.counted:
            return Found(best)
        sets = np.flatnonzero(groups)
        counted = dict(zip(sets.tolist(), groups[sets].tolist(), strict=True))
        return Found(best, total, counted)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _loop(
    start: I64,
    stop: I64,
    flags: NDArray[Any],
    wanted: int,
    schedule: I64,
    is_open: NDArray[np.bool_],
    points: Floats,
    place: Floats,
    most: float,
    sort: int,
    column: NDArray[Any],
    cost_per_radian: float,
    category_set: I64,
    rows: I64,
    keys: Floats,
    groups: I64,
) -> int:
    """Fill `rows` with the first matches, best first, and `groups`; return how many match."""
    total = 0
    for run in range(len(start)):
        for row in range(start[run], stop[run]):
            if flags[row] & wanted == 0:
                continue
            if len(is_open) and not is_open[schedule[row]]:
                continue
            dx = points[row, 0] - place[0]
            dy = points[row, 1] - place[1]
            dz = points[row, 2] - place[2]
            squared = dx * dx + dy * dy + dz * dz
            if squared > most:
                continue
            if len(groups):
                groups[category_set[row]] += 1
            key = squared
            if sort == SAVING:
                key = float(column[row])
            elif sort == BEST:
                key = cost_per_radian * np.arcsin(np.sqrt(squared) / 2) - column[row]
            at = min(total, len(rows))
            total += 1
            if at == len(rows):
                if key >= keys[at - 1]:
                    continue
                at -= 1
            while at > 0 and keys[at - 1] > key:
                keys[at], rows[at] = keys[at - 1], rows[at - 1]
                at -= 1
            keys[at], rows[at] = key, row
    return total
