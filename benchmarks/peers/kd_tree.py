"""KD-trees (scipy) over unit vectors, one for each card: exact, without boxes and corners.

Useful for: what the usual nearest-neighbour library does when the cards are known beforehand.
Not useful for: words; polygons.

`query` with a growing count for the nearest. For everything in a circle `sparse_distance_matrix`
from a tree of one point: it gives arrays, and took 0.6 times as long as `query_ball_point`, whose
lists must be turned into arrays, for all rows of a city, and 0.5 to 1.5 times for a card 3 % hold.
Any of eight cards that three shops in five take: one question to the tree of all rows took a sixth
of eight questions, so trees are merged only where they hold few rows together. Leaves of 16, 32
and 64 rows took the same time within a tenth.
"""

from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks import INSTALL
from benchmarks.peers import Found, Missing, PeerQuestion
from benchmarks.peers.numpy_scan import ScanColumns, chord, unit_vector
from benchmarks.table import PeerTable
from indexes.arrays import I64

LEAF_SIZE = 32
NODE_BYTES = 72
"""A node of scipy's tree: nine fields of eight bytes."""


class KdTree:
    """Peer `kdtree`."""

    name: ClassVar[str] = "kdtree"
    label: ClassVar[str] = "scipy cKDTree, one a card"
    schema: ClassVar[str] = (
        "cKDTree over unit vectors of all rows and one of each card's; hours and the rest "
        "filtered in numpy; several cards: trees merged, or the tree of all rows filtered."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        try:
            from scipy.spatial import cKDTree
        except ImportError as error:
            raise Missing(INSTALL) from error
        self._tree_of = cKDTree
        self._columns = ScanColumns(table, np.arange(len(table)))
        self._points = np.column_stack(self._columns.unit)
        self._all = self._tree(self._columns.row)
        self._trees = self._trees_of(table, table.programs)
        self._table = table
        # Of all rows that ever take a card; made for the first cold question.
        self._cold_trees: dict[int, _Tree] = {}

    def _trees_of(self, table: PeerTable, programs: I64) -> dict[int, "_Tree"]:
        """A tree for each card that any row takes."""
        held = {bit: np.flatnonzero(programs & (1 << bit)) for bit in table.program_bits.values()}
        return {bit: self._tree(rows) for bit, rows in held.items() if len(rows)}

    def _tree(self, rows: I64) -> "_Tree":
        return _Tree(self._tree_of(self._points[rows], leafsize=LEAF_SIZE), rows)

    @property
    def version(self) -> str:
        """Of scipy."""
        return version("scipy")

    def answers(self, question: PeerQuestion) -> bool:
        """All but words and polygons."""
        return not question.words and not question.polygon

    def prepare(self, question: PeerQuestion) -> None:
        """Take the tables of a cold question, and the shares of rows of the trees that match it."""
        self._columns.prepare(question)
        if not self._cold_trees:
            assert self._table.minutes is not None
            self._cold_trees = self._trees_of(self._table, self._table.minutes.ever())
        for tree in self._chosen(question):
            self._share(question, tree)

    def ask(self, question: PeerQuestion) -> Found:
        """Rows of the trees of the cards asked for."""
        columns = self._columns
        look = self._circle
        if question.sort == "distance" and not question.counted:
            look = self._nearest
        parts = [look(question, tree) for tree in self._chosen(question)]
        at = parts[0] if len(parts) == 1 else np.unique(np.concatenate([columns.row[:0], *parts]))
        return columns.found(question, *columns.within(question, at, question.radius_m))

    def _chosen(self, question: PeerQuestion) -> list["_Tree"]:
        """Trees that hold all rows with the cards asked for."""
        if not question.programs:
            return [self._all]
        trees = self._trees if question.at is None else self._cold_trees
        asked = [tree for bit, tree in trees.items() if question.programs >> bit & 1]
        if len(asked) > 1 and 4 * sum(len(tree.rows) for tree in asked) > len(self._all.rows):
            return [self._all]
        return asked

    def _circle(self, question: PeerQuestion, tree: "_Tree") -> I64:
        """Matching rows of a tree in the circle, and perhaps some on its edge."""
        place = self._tree_of([unit_vector(question.lat, question.lng)])
        reach = _reach(question)
        pairs = place.sparse_distance_matrix(tree.index, reach, output_type="ndarray")
        return self._columns.passing(question, tree.rows[pairs["j"]])

    def _nearest(self, question: PeerQuestion, tree: "_Tree") -> I64:
        """Matching rows of a tree in the circle, at least the first `limit` of them."""
        place, reach = unit_vector(question.lat, question.lng), _reach(question)
        share = self._share(question, tree)
        count = min(int(1.5 * question.limit / max(share, 1e-3)), len(tree.rows))
        while True:
            # Of one row the tree would answer with a number instead of an array.
            _, near = tree.index.query(place, max(count, 2), distance_upper_bound=reach)
            # The tree answers with the number of its rows where no more are in reach.
            near = near[near < len(tree.rows)]
            at = self._columns.passing(question, tree.rows[near])
            if len(at) >= question.limit or len(near) < count or count == len(tree.rows):
                return at
            count = min(4 * count, len(tree.rows))

    def _share(self, question: PeerQuestion, tree: "_Tree") -> float:
        """Share of a tree's rows with the hours and cards asked for, counted once for each."""
        wish = question.at or question.hours, self._columns.wanted(question)
        if wish not in tree.shares:
            tree.shares[wish] = self._columns.share(question, tree.rows)
        return tree.shares[wish]

    def size(self) -> int:
        """Bytes of the columns, of the points and numbers of rows in the trees, and of nodes."""
        return self._columns.size() + sum(
            tree.size() for tree in (self._all, *self._trees.values())
        )

    def close(self) -> None:
        """Nothing is started."""


class _Tree:
    """A tree of some rows."""

    def __init__(self, index: Any, rows: I64) -> None:
        self.index = index
        self.rows = rows
        self.shares: dict[tuple[datetime | str, int], float] = {}

    def size(self) -> int:
        """Bytes of its arrays and nodes."""
        arrays = self.index.data.nbytes + self.index.indices.nbytes + self.rows.nbytes
        return int(arrays + NODE_BYTES * self.index.size)


def _reach(question: PeerQuestion) -> float:
    """Chord of the radius, and a little: `ScanColumns.within` decides what is on the circle."""
    return chord(question.radius_m) * (1 + 1e-9)
