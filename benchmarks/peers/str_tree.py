"""A packed R-tree in shapely (GEOS): the rows of a box as an array, filtered in numpy.

Useful for: what one gets from the usual geometry library with array operations.
Not useful for: words.

For the nearest, boxes of growing circles are asked until one holds enough: in a city of 100,000
that took 0.2 to 1.2 times as long as the whole box, and twice as long for a card 0.05 % hold. Nodes
of 5, 10 and 32 took the same time within a third.
"""

import ctypes
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import numpy as np
import shapely

from benchmarks.peers import Found, PeerQuestion
from benchmarks.peers.numpy_scan import ScanColumns, box, first_radius_m, next_radius_m
from benchmarks.table import PeerTable


class StrTree:
    """Peer `strtree`."""

    name: ClassVar[str] = "strtree"
    label: ClassVar[str] = "shapely STRtree, numpy"
    schema: ClassVar[str] = (
        "STRtree of points in degrees, 10 to a node; the box's rows filtered by bits for hours and "
        "cards, then by distance; for the nearest smaller boxes first."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        before = allocated_bytes()
        self._columns = ScanColumns(table, np.arange(len(table)))
        self._tree = shapely.STRtree(shapely.points(table.lng, table.lat))
        self._tree.query(shapely.box(0, 0, 0, 0))  # GEOS builds at the first query.
        self._size = max(allocated_bytes() - before, 0)

    @property
    def version(self) -> str:
        """Of shapely and of GEOS."""
        return f"{version('shapely')}, GEOS {shapely.geos_version_string}"

    def answers(self, question: PeerQuestion) -> bool:
        """All but words."""
        return not question.words

    def prepare(self, question: PeerQuestion) -> None:
        """Take the tables of a cold question."""
        self._columns.prepare(question)

    def ask(self, question: PeerQuestion) -> Found:
        """Rows of the box, then of the circle or polygon."""
        columns = self._columns
        radius_m = first_radius_m(question)
        while True:
            low_lat, low_lng, high_lat, high_lng = box(question, radius_m)
            at = self._tree.query(shapely.box(low_lng, low_lat, high_lng, high_lat))
            at, chords = columns.within(question, columns.passing(question, at), radius_m)
            if len(at) >= question.limit or radius_m >= question.radius_m:
                return columns.found(question, at, chords)
            radius_m = next_radius_m(question, radius_m, len(at))

    def size(self) -> int:
        """Bytes that building it left allocated, of columns, points and tree."""
        return self._size

    def close(self) -> None:
        """Nothing is started."""


class _MallInfo2(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def allocated_bytes() -> int:
    """Bytes this process has from `malloc`; 0 where the C library cannot tell."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return 0
    mallinfo2.restype = _MallInfo2
    info = mallinfo2()
    return int(info.uordblks + info.hblkhd)
