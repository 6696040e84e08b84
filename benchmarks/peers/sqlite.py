"""SQLite of the standard library: one file of clustered tables, asked in plain SQL.

Useful for: what a service does that keeps its shops in one file and no server.
Not useful for: totals of polygons, which it refuses.

A key begins with a cell of 0.0025 degree, so that the shops of a stretch of one row of cells are
one range; shops are kept by key, deals by card and key, words by token and key. Whole circles
of 3 km in a city of 1,000,000 took 4.3 ms by ranges for a 3 % card that is open and 17 ms without
filters; an R*Tree joined to the shops by rowid 15 and 27 ms; one with auxiliary columns 36 and 57
ms; the table of deals 0.4 ms for the card. Cells of 0.005 and 0.01 degree took about as long. In a
city of 100,000 a word that 26 % hold took 0.7 ms from the table of words and 0.9 to 9 ms from FTS5,
two rarer words 0.1 and 0.2 to 3 ms. Distances are squared chords of the unit sphere, which order as
metres do. For the nearest, circles grow until one holds enough: 0.1 ms for the card, 0.9 ms without
filters, where the whole circle took 0.4 and 17.
"""

import math
import sqlite3
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
import shapely

from benchmarks.peers import Found, PeerQuestion
from benchmarks.peers.numpy_scan import box, chord, unit_vector, unit_vectors
from benchmarks.table import UNKNOWN_SAVING, PeerTable
from indexes.arrays import I64
from indexes.geo.sphere import EARTH_RADIUS_M

CELL = 0.0025
# A key is the row of cells, the column of cells and a running number in the cell.
_CELL_BITS, _ROW_BITS = 20, 38
_CIRCLES_M = (300.0, 1_000.0)

_SCHEMA = """
    CREATE TABLE shop (key INTEGER PRIMARY KEY, row, open_now, open_later, programs,
        x REAL, y REAL, z REAL, saving, worth REAL, category_set);
    CREATE TABLE deal (program, key, row, open_now, open_later,
        x REAL, y REAL, z REAL, saving, worth REAL, category_set,
        PRIMARY KEY (program, key)) WITHOUT ROWID;
    CREATE TABLE word (token, key, PRIMARY KEY (token, key)) WITHOUT ROWID;
"""
INSERT_SHOP, _DEAL, _WORD = (f"INSERT INTO {into} VALUES ({', '.join('?' * count)})"
                       for into, count in (("shop", 11), ("deal", 11), ("word", 2)))  # fmt: skip


class Sqlite:
    """Peer `sqlite`."""

    name: ClassVar[str] = "sqlite"
    label: ClassVar[str] = "SQLite, rows by cell"
    schema: ClassVar[str] = (
        "Shops clustered by a cell of 0.0025 degree, deals by card and cell, words by token "
        "and cell, each a covering table; ranges of a row of cells; file mapped, read-only."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        self._path = folder / "shops.db"
        self._lat, self._lng = table.lat, table.lng
        key, order = _keys(table)
        with_words = bool(table.text)
        self._held: Counter[str] = Counter()
        writer = sqlite3.connect(self._path, isolation_level=None)
        writer.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
        writer.execute("BEGIN")
        writer.executemany(INSERT_SHOP, shop_rows(table, key, order))
        writer.executemany(_DEAL, _deals(table, key, order))
        if with_words:
            words = _words(table, key, order)
            writer.executemany(_WORD, words.iter_rows())
            counts = words.group_by("token").len()
            self._held.update(dict(counts.iter_rows()))
        writer.execute("COMMIT")
        writer.close()
        self._base = open_to_read(self._path)
        self._walk_cost = table.walk_cost_per_m * 2 * EARTH_RADIUS_M

    @property
    def version(self) -> str:
        """Of the library."""
        return sqlite3.sqlite_version

    def answers(self, question: PeerQuestion) -> bool:
        """All but words without text, and counts within a polygon."""
        if question.polygon and question.counted:
            return False
        return not question.words or bool(self._held)

    def ask(self, question: PeerQuestion) -> Found:
        """Rows by one statement for each circle, counts by one more."""
        if question.polygon:
            return Found(self._in_polygon(question))
        rows: list[int] = []
        nearest = question.sort == "distance"
        for radius_m in (*(_CIRCLES_M if nearest else ()), question.radius_m):
            if radius_m <= question.radius_m:
                rows = self._rows(question, radius_m, question.limit)
            if len(rows) == question.limit:
                break
        found = Found(np.array(rows, np.int64))
        if not question.counted:
            return found
        counts = self._run(question, question.radius_m, "category_set, COUNT(*)", "groups", 0)
        groups = {category_set: int(count) for category_set, count in counts}
        return found._replace(total=sum(groups.values()), groups=groups)

    def _in_polygon(self, question: PeerQuestion) -> I64:
        """Rows of the cells of its box in order, of which the first inside are kept."""
        rows = np.array(self._rows(question, math.pi * EARTH_RADIUS_M, -1), np.int64)
        ring = shapely.Polygon(question.polygon)
        shapely.prepare(ring)
        inside = np.flatnonzero(shapely.intersects_xy(ring, self._lng[rows], self._lat[rows]))
        return rows[inside[: question.limit]]

    def _rows(self, question: PeerQuestion, radius_m: float, limit: int) -> list[int]:
        found = self._run(question, radius_m, "row", question.sort, limit)
        return [row for (row,) in found]

    def _run(
        self, question: PeerQuestion, radius_m: float, columns: str, order: str, limit: int
    ) -> list[tuple[int, ...]]:
        # The rarest word drives; the others are looked up.
        words = sorted(question.words, key=self._held.__getitem__)
        single = question.programs.bit_count() == 1 and not words
        programs = "one" if single else "any" if question.programs else ""
        sql = _statement(columns, question.hours, programs, len(words), order)
        low_lat, low_lng, high_lat, high_lng = box(question, radius_m)
        first, left, right = _cell(low_lat + 90), _cell(low_lng + 180), _cell(high_lng + 180)
        x, y, z = unit_vector(question.lat, question.lng)
        given: dict[str, float | str] = {
            "low": (first << _ROW_BITS) + (left << _CELL_BITS),
            "high": (first << _ROW_BITS) + ((right + 1) << _CELL_BITS) - 1,
            "last": _cell(high_lat + 90) << _ROW_BITS,
            "x": x, "y": y, "z": z, "chord": chord(radius_m) ** 2,
            "programs": question.programs.bit_length() - 1 if single else question.programs,
            "walk_cost": self._walk_cost, "limit": limit,
        }  # fmt: skip
        given |= {f"word{number}": word for number, word in enumerate(words)}
        return self._base.execute(sql, given).fetchall()

    def size(self) -> int:
        """Bytes of the file."""
        return self._path.stat().st_size

    def close(self) -> None:
        """Close the file and remove it."""
        self._base.close()
        self._path.unlink(missing_ok=True)


CHORD = "((s.x-:x)*(s.x-:x) + (s.y-:y)*(s.y-:y) + (s.z-:z)*(s.z-:z))"
TAILS = {
    "distance": f"ORDER BY {CHORD} LIMIT :limit",
    "saving": "ORDER BY s.saving DESC NULLS LAST LIMIT :limit",
    "best": f"ORDER BY s.worth - :walk_cost*asin(sqrt({CHORD})/2) DESC LIMIT :limit",
    "groups": "GROUP BY s.category_set",
}


@cache
def _statement(columns: str, hours: str, programs: str, words: int, order: str) -> str:
    """One of the few texts; the connection keeps them prepared. CROSS JOIN fixes the order."""
    joined, where = "CROSS JOIN shop s", ["s.key BETWEEN low AND high"]
    if words:
        joined = "CROSS JOIN word w CROSS JOIN shop s ON s.key = w.key"
        where = ["w.token = :word0", "w.key BETWEEN low AND high"]
        where += [
            f"EXISTS (SELECT 1 FROM word v WHERE v.token = :word{number} AND v.key = w.key)"
            for number in range(1, words)
        ]
    elif programs == "one":
        joined = "CROSS JOIN deal s"
        where.append("s.program = :programs")
    if programs == "any":
        where.append("s.programs & :programs")
    if hours:
        where.append(f"s.{hours}")
    step = 1 << _ROW_BITS
    return f"""
        WITH RECURSIVE band (low, high) AS (
            VALUES (:low, :high) UNION ALL
            SELECT low + {step}, high + {step} FROM band WHERE low < :last)
        SELECT {columns} FROM band {joined}
        WHERE {" AND ".join(where)} AND {CHORD} <= :chord {TAILS[order]}"""


def _cell(degrees: float) -> int:
    return math.floor(degrees / CELL)


def _keys(table: PeerTable) -> tuple[I64, I64]:
    """Ascending keys, and the row of each."""
    cell = (np.floor((table.lat + 90) / CELL).astype(np.int64) << _ROW_BITS) + (
        np.floor((table.lng + 180) / CELL).astype(np.int64) << _CELL_BITS
    )
    order = np.argsort(cell, kind="stable")
    cell = cell[order]
    return cell + np.arange(len(cell)) - np.searchsorted(cell, cell), order


def _facts(table: PeerTable, rows: I64) -> list[list[object]]:
    """Columns x to category_set."""
    saving = table.saving[rows]
    known: list[object] = [None if s == UNKNOWN_SAVING else s for s in saving.tolist()]
    unit = unit_vectors(table.lat[rows], table.lng[rows])
    rest = (table.worth[rows].tolist(), table.category_set[rows].tolist())
    return [*(axis.tolist() for axis in unit), known, *rest]


def _hours(table: PeerTable, rows: I64) -> tuple[list[int], list[int]]:
    now, later = table.open_now[rows], table.open_later[rows]
    return now.astype(int).tolist(), later.astype(int).tolist()


def open_to_read(path: Path) -> sqlite3.Connection:
    """A file mapped into memory that nobody writes to any more."""
    base = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    base.execute(f"PRAGMA mmap_size={1 << 40}")
    base.execute("PRAGMA cache_size=-262144")
    return base


def shop_rows(table: PeerTable, key: I64, order: I64) -> Iterator[tuple[object, ...]]:
    """What `INSERT_SHOP` takes, in an order of the table's rows."""
    programs = table.programs[order].tolist()
    columns = (key.tolist(), order.tolist(), *_hours(table, order), programs)
    return zip(*columns, *_facts(table, order), strict=True)


def _deals(table: PeerTable, key: I64, order: I64) -> Iterator[tuple[object, ...]]:
    for bit in sorted(table.program_bits.values()):
        at = np.flatnonzero(table.programs[order] >> bit & 1)
        rows = order[at]
        columns = ([bit] * len(at), key[at].tolist(), rows.tolist(), *_hours(table, rows))
        yield from zip(*columns, *_facts(table, rows), strict=True)


def _words(table: PeerTable, key: I64, order: I64) -> pl.DataFrame:
    """Tokens and the keys that hold them, in the order of their table."""
    keys = np.empty_like(key)
    keys[order] = key
    pairs = pl.DataFrame({"token": list(table.text), "key": keys})
    split = pairs.with_columns(pl.col("token").str.split(" ")).explode("token")
    return split.filter(pl.col("token") != "").unique().sort("token", "key")
