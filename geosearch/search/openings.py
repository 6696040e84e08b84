"""Nodes of a segment below which a shop may open within some minutes.

Useful for: near misses of queries that read hours alone, where only these nodes hold a wait.
Not useful for: who is open at a minute (`geosearch.kernel.states`).
"""

from functools import cached_property

import numpy as np

from geosearch.segment.columns import Columns
from indexes.allowance import READ, take
from indexes.arrays import I64, U8, U32
from indexes.cache import BoundedCache
from indexes.geo.rtree import NODE_BITS
from indexes.timetable import CLOSED

FEW, SHARE = 1 << 12, 32
"""More documents than `FEW` and than one in `SHARE` are too many to look for: most nodes hold one.

At such a minute near misses are many, and a search for them ends soon."""

OPENINGS_BYTES = 16 << 20
"""Most bytes of the cached nodes of a segment."""

_KEY_BYTES = 256

UNKNOWN_NODES = np.zeros(0, np.uint8)
"""Where too many shops may open."""


class Openings:
    """Openings of one segment.

    Parameters
    ----------
    columns
        Columns with the tree of all documents.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._nodes_of = BoundedCache[tuple[int, int], U8](OPENINGS_BYTES)

    def at(self, columns: Columns) -> "Openings":
        """Openings at another moment; these if no hours changed."""
        is_same = columns.doc_schedule is self._columns.doc_schedule
        return self if is_same else Openings(columns)

    def nodes(self, minute: int, last: int) -> U8:
        """Nodes with a shop that is not closed from one of the next minutes on; cached.

        It is where the state of its hours begins, so a shop below another node is not open then
        unless it is open before.

        Parameters
        ----------
        minute, last
            A minute of the horizon, and how many minutes follow.

        Returns
        -------
        uint8[nodes]
            1 for each of these nodes; `UNKNOWN_NODES` where too many shops open.
        """
        key = minute, last
        found = self._nodes_of.get(key)
        if found is None:
            found = self._find(minute, last)
            self._nodes_of.keep(key, found, found.nbytes + _KEY_BYTES)
        return found

    def _find(self, minute: int, last: int) -> U8:
        minutes, schedules = self._changes
        first, end = np.searchsorted(minutes, (minute + 1, minute + last + 1))
        begins = np.unique(schedules[first:end])
        leaves, starts = self._leaves
        total = int((starts[begins + 1] - starts[begins]).sum())
        if total > max(FEW, len(leaves) // SHARE):
            return UNKNOWN_NODES
        take(total // READ)
        levels = self._columns.level_start
        nodes = np.zeros(int(levels[-1]), np.uint8)
        for schedule in begins.tolist():
            nodes[leaves[starts[schedule] : starts[schedule + 1]]] = 1
        for level in range(len(levels) - 2):
            (below,) = np.nonzero(nodes[levels[level] : levels[level + 1]])
            nodes[levels[level + 1] + (below >> NODE_BITS)] = 1
        return nodes

    @cached_property
    def _changes(self) -> tuple[I64, I64]:
        """Ascending minutes in which hours stop being closed, and their schedules."""
        columns = self._columns
        schedules = np.repeat(
            np.arange(len(columns.schedule_start) - 1), np.diff(columns.schedule_start)
        )
        (opens,) = np.nonzero(columns.change_state != CLOSED)
        minutes = columns.change_minute[opens].astype(np.int64)
        order = np.argsort(minutes, kind="stable")
        return minutes[order], schedules[opens[order]]

    @cached_property
    def _leaves(self) -> tuple[U32, I64]:
        """Leaves of the documents of each schedule, and where those of each begin."""
        columns = self._columns
        schedules = len(columns.schedule_start) - 1
        # NumPy sorts 16-bit numbers in one pass over each byte.
        of_doc = columns.doc_schedule
        short = of_doc.astype(np.uint16) if schedules < 1 << 16 else of_doc
        docs = np.argsort(short, kind="stable").astype(np.uint32)
        starts = np.zeros(schedules + 1, np.int64)
        np.cumsum(np.bincount(of_doc, minlength=schedules), out=starts[1:])
        return docs >> np.uint32(NODE_BITS), starts
