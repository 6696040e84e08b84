"""DuckDB in the process: a column store on one thread, its rows along a curve through the plane.

Useful for: what an analyst's engine does with questions about a few thousand rows.
Not useful for: many short questions; a statement takes half a millisecond before it reads a row.

SQL keeps the rows of the box with the hours, cards and words; numpy does the distances, the
order and the counts. In a city of 100,000, circles of 3 km, the SQL took 0.6 ms; with distances and
`ORDER BY ... LIMIT` in it 2.5 to 3.8, as each expression is planned again for each question.
Prepared statements took as long as parameters; a file as long as memory; rows by latitude a tenth
to a third longer than along a curve. Words are a table by token that repeats the columns of the
filters: 0.9 ms, joined to the shops 3.0; two words by `IN` 1.5 ms, by a semi-join 2.3. For the
nearest of a broad filter a circle of 300 m is tried first: in a city of 1,000,000 that took 1.2 ms,
the whole box 2.9; for a single card it is too often in vain.
"""

import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks import INSTALL
from benchmarks.peers import Found, Missing, PeerQuestion
from benchmarks.peers.numpy_scan import ScanColumns, box
from benchmarks.table import PeerTable
from indexes.arrays import I64
from indexes.geo.hilbert import hilbert_values
from indexes.geo.sphere import UNITS_PER_DEGREE, to_units

_FIRST_CIRCLE_M = 300.0


class DuckDb:
    """Peer `duckdb`."""

    name: ClassVar[str] = "duckdb"
    label: ClassVar[str] = "DuckDB and numpy"
    schema: ClassVar[str] = (
        "In memory, one thread; rows along a Hilbert curve, positions as integers, a column of "
        "card bits for each wish for hours; a table of words by token and row with the same "
        "columns; distances and order by numpy."
    )

    def __init__(self, table: PeerTable, folder: Path) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise Missing(INSTALL) from error
        self._version = str(duckdb.__version__)
        x, y = to_units(table.lng), to_units(table.lat)
        order = np.argsort(hilbert_values(x, y), kind="stable")
        self._columns = ScanColumns(table, order)
        flags = self._columns.flags
        shop: dict[str, NDArray[Any]] = {
            "x": x[order],
            "y": y[order],
            "anytime": flags[""].astype(np.int64),
            "open_now": flags["open_now"].astype(np.int64),
            "open_later": flags["open_later"].astype(np.int64),
        }
        self._base = duckdb.connect(config={"threads": 1})
        self._create("shop", shop)
        self._tokens: dict[str, int] = {}
        if table.text:
            tokens, token, place = _postings(table, order)
            self._tokens = {text: number for number, text in enumerate(tokens)}
            shop = {name: column[place] for name, column in shop.items()}
            self._create("word", {"token": token, "place": place, **shop})

    def _create(self, name: str, columns: dict[str, NDArray[Any]]) -> None:
        self._base.register("given", columns)
        self._base.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        self._base.unregister("given")

    @property
    def version(self) -> str:
        """Of the software."""
        return self._version

    def answers(self, question: PeerQuestion) -> bool:
        """All but words where the table has no text."""
        return not question.words or bool(self._tokens)

    def ask(self, question: PeerQuestion) -> Found:
        """Rows of the box by SQL, the rest by `ScanColumns`."""
        columns = self._columns
        broad = question.programs.bit_count() != 1 and not question.words
        nearest = question.sort == "distance" and not (question.counted or question.polygon)
        if broad and nearest and question.radius_m > _FIRST_CIRCLE_M:
            at = self._in_box(question, _FIRST_CIRCLE_M)
            at, chords = columns.within(question, at, _FIRST_CIRCLE_M)
            if len(at) >= question.limit:
                return columns.found(question, at, chords)
        at = self._in_box(question, question.radius_m)
        return columns.found(question, *columns.within(question, at, question.radius_m))

    def _in_box(self, question: PeerQuestion, radius_m: float) -> I64:
        """Places of the rows in the box that hold what is asked for."""
        low_lat, low_lng, high_lat, high_lng = box(question, radius_m)
        given = [
            math.floor(low_lng * UNITS_PER_DEGREE) - 1,
            math.ceil(high_lng * UNITS_PER_DEGREE) + 1,
            math.floor(low_lat * UNITS_PER_DEGREE) - 1,
            math.ceil(high_lat * UNITS_PER_DEGREE) + 1,
        ]
        where = "x BETWEEN ? AND ? AND y BETWEEN ? AND ?"
        if question.hours or question.programs:
            where += f" AND {question.hours or 'anytime'} & ? <> 0"
            given.append(self._columns.wanted(question))
        if not question.words:
            return self._fetch(f"SELECT rowid AS place FROM shop WHERE {where}", given)
        words = sorted(set(question.words))
        given += [self._tokens.get(word, -1) for word in words]
        wanted = "= ?" if len(words) == 1 else f"IN ({', '.join('?' * len(words))})"
        place = self._fetch(f"SELECT place FROM word WHERE {where} AND token {wanted}", given)
        if len(words) == 1:
            return place
        place, held = np.unique(place, return_counts=True)
        whole: I64 = place[held == len(words)]
        return whole

    def _fetch(self, sql: str, given: list[int]) -> I64:
        found = self._base.execute(sql, given).fetchnumpy()["place"]
        # Masked arrays come where a column may hold NULL; these hold none.
        place: I64 = np.asarray(found, np.int64)
        return place

    def size(self) -> int:
        """Bytes of the tables and of the columns beside them."""
        sql = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
        return int(self._base.execute(sql).fetchall()[0][0]) + self._columns.size()

    def close(self) -> None:
        """Drop the tables."""
        self._base.close()


def _postings(table: PeerTable, order: I64) -> tuple[list[str], NDArray[np.int32], I64]:
    """Tokens, and pairs of a token's number and a place in an order, ascending."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    pairs = (
        pl.DataFrame({"token": list(table.text), "place": place})
        .with_columns(pl.col("token").str.split(" "))
        .explode("token")
        .filter(pl.col("token") != "")
        .unique()
        .sort("token", "place")
    )
    numbers = pairs["token"].rle_id().to_numpy().astype(np.int32)
    return pairs["token"].unique(maintain_order=True).to_list(), numbers, pairs["place"].to_numpy()
