"""SQLite of the standard library as its manual says: R*Trees for places, FTS5 for words.

Useful for: what a service does that takes the modules SQLite has for such questions.
Not useful for: totals of polygons, which it refuses; `sqlite` is the faster set-up by hand.

Whole circles of 3 km in a city of 100,000 took 0.2 ms for a 3 % card that is open from the R*Tree
of its card; 2 ms from that of all shops joined by rowid, 5 from one with auxiliary columns;
0.3 with the card as a third dimension, which took twice as long in circles of 50 km. In a city
of 1,000,000 rows put into the trees along the curve took 21 s, in any order 84 s, for questions
about as fast. A word that 5 % of 100,000 shops hold took 1.8 ms with FTS5 first and 6 with the
R*Tree first; one that half of them hold 10 and 43. The tokenizer `ascii` leaves Chinese and Thai
tokens whole; `unicode61` loses the marks of Thai. For the nearest, circles grow as in `sqlite`, but
not for words, which take as long in a small one.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.peers import PeerQuestion
from benchmarks.peers.numpy_scan import box, chord, unit_vector
from benchmarks.peers.sqlite import CHORD, INSERT_SHOP, TAILS, Sqlite, open_to_read, shop_rows
from benchmarks.table import PeerTable
from indexes.arrays import I64
from indexes.geo.hilbert import hilbert_values
from indexes.geo.sphere import EARTH_RADIUS_M, to_units

_SCHEMA = """
    CREATE TABLE shop (key INTEGER PRIMARY KEY, row, open_now, open_later, programs,
        x REAL, y REAL, z REAL, saving, worth REAL, category_set);
    CREATE VIRTUAL TABLE word USING fts5(
        text, content='', detail=none, columnsize=0, tokenize='ascii');
"""
_EVERY = "place"


class SqliteRtree(Sqlite):
    """Peer `sqlite_rtree`: other tables and statements than `Sqlite`, asked as it asks."""

    name: ClassVar[str] = "sqlite_rtree"
    label: ClassVar[str] = "SQLite R*Tree, FTS5"
    schema: ClassVar[str] = (
        "Shops by rowid along a Hilbert curve; an R*Tree of all and one of each card, and a "
        "contentless FTS5 table without positions, joined by rowid; file mapped, read-only."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        self._path = folder / "shops.db"
        self._lat, self._lng = table.lat, table.lng
        self._with_words = bool(table.text)
        self._trees = {1 << bit: f"{_EVERY}{bit}" for bit in table.program_bits.values()}
        curve = hilbert_values(to_units(table.lng), to_units(table.lat))
        order = np.argsort(curve, kind="stable")
        writer = sqlite3.connect(self._path, isolation_level=None)
        writer.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
        writer.execute("PRAGMA cache_size=-262144")
        writer.execute("BEGIN")
        writer.executemany(INSERT_SHOP, shop_rows(table, np.arange(len(order)), order))
        _plant(writer, _EVERY, _spots(table, np.arange(len(order)), order))
        for programs, tree in self._trees.items():
            held = np.flatnonzero(table.programs[order] & programs)
            _plant(writer, tree, _spots(table, held, order))
        if self._with_words:
            texts = ((key, table.text[row]) for key, row in enumerate(order.tolist()))
            writer.executemany("INSERT INTO word (rowid, text) VALUES (?, ?)", texts)
            writer.execute("INSERT INTO word (word) VALUES ('optimize')")
        writer.execute("COMMIT")
        writer.close()
        self._base = open_to_read(self._path)
        self._walk_cost = table.walk_cost_per_m * 2 * EARTH_RADIUS_M

    def answers(self, question: PeerQuestion) -> bool:
        """All but words without text, and counts within a polygon."""
        asked_of_places = super().answers(question._replace(words=()))
        return asked_of_places and (self._with_words or not question.words)

    def _rows(self, question: PeerQuestion, radius_m: float, limit: int) -> list[int]:
        if question.words and radius_m < question.radius_m:
            return []  # Words take as long in a small circle: wait for the whole one.
        return super()._rows(question, radius_m, limit)

    def _run(
        self, question: PeerQuestion, radius_m: float, columns: str, order: str, limit: int
    ) -> list[tuple[int, ...]]:
        tree = "" if question.words else self._trees.get(question.programs, _EVERY)
        tested = question.programs != 0 and tree in ("", _EVERY)
        sql = _statement(columns, question.hours, tree, tested, order)
        south, west, north, east = box(question, radius_m)
        x, y, z = unit_vector(question.lat, question.lng)
        given: dict[str, float | str] = {
            "south": south, "west": west, "north": north, "east": east,
            "x": x, "y": y, "z": z, "chord": chord(radius_m) ** 2,
            "words": " ".join(f'"{word}"' for word in question.words),
            "programs": question.programs, "walk_cost": self._walk_cost, "limit": limit,
        }  # fmt: skip
        return self._base.execute(sql, given).fetchall()


@cache
def _statement(columns: str, hours: str, tree: str, tested: bool, order: str) -> str:
    """One of the few texts; the connection keeps them prepared. CROSS JOIN fixes the order."""
    if tree:
        joined = f"{tree} p CROSS JOIN shop s ON s.key = p.id"
        where = ["p.west <= :east AND p.east >= :west AND p.south <= :north AND p.north >= :south"]
    else:
        joined, where = "word CROSS JOIN shop s ON s.key = word.rowid", ["word MATCH :words"]
    if tested:
        where.append("s.programs & :programs")
    if hours:
        where.append(f"s.{hours}")
    return f"""
        SELECT {columns} FROM {joined}
        WHERE {" AND ".join(where)} AND {CHORD} <= :chord {TAILS[order]}"""


def _plant(writer: sqlite3.Connection, tree: str, spots: Iterable[tuple[object, ...]]) -> None:
    """Make an R*Tree of keys with longitudes and latitudes."""
    writer.execute(f"CREATE VIRTUAL TABLE {tree} USING rtree(id, west, east, south, north)")
    writer.executemany(f"INSERT INTO {tree} VALUES (?1, ?2, ?2, ?3, ?3)", spots)


def _spots(table: PeerTable, keys: I64, order: I64) -> Iterator[tuple[object, ...]]:
    rows = order[keys]
    return zip(keys.tolist(), table.lng[rows].tolist(), table.lat[rows].tolist(), strict=True)
