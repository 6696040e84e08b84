"""Files of many queries, ranked piece by piece in bounded memory.

Useful for: `geosearch rank`.
Not useful for: queries in memory (`Searcher.rank_block`).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson
import polars as pl
from polars.io.plugins import register_io_source

from geosearch.errors import BadData, BadRequest
from geosearch.query.checks import find_problems
from geosearch.query.parameters import problem, shown
from geosearch.query.query import Query
from geosearch.search.block import PIECE_ROWS
from geosearch.search.block_results import Block
from geosearch.search.block_rows import (
    BLOCK_PARAMETERS,
    Records,
    RefusedRow,
    ResultColumns,
    columns_for,
    query_of,
    refused_row,
    typed,
)
from geosearch.search.searcher import Searcher
from indexes.files import create

QUERIES, RESULTS = (".parquet", ".arrow", ".ndjson"), (".parquet", ".arrow")
"""Ends of the names of files of queries, and of results."""

_GROUP_ROWS = 1 << 18
"""Rows of a row group of Parquet."""

Progress = Callable[[str], None]
Piece = pl.DataFrame | Records


Ranking = Callable[[Iterator[Piece], Mapping[str, Any]], Iterator[Block]]
"""Ranks the pieces of a file, given the constants."""


class RankReport(NamedTuple):
    """What was ranked.

    Attributes
    ----------
    queries, results
        Number of queries, refused ones included, and of rows written.
    refused
        Number of refused queries by code.
    rejected
        File that lists these with a sentence each; None if there are none.
    example
        The sentence of the first one.
    seconds
        How long it took.
    """

    queries: int
    results: int
    refused: dict[str, int]
    rejected: Path | None
    example: str | None
    seconds: float


def rank_file(
    engine: Searcher,
    queries: Path,
    out: Path,
    constants: Mapping[str, Any],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    ranking: Ranking | None = None,
) -> RankReport:
    """Rank the queries of a file; write a row for each result, in the order of the queries.

    Parameters
    ----------
    queries
        `.parquet`, `.arrow` or `.ndjson`; columns or members are parameters of `/v1/nearby`, and
        optionally `query_id`.
    out
        `.parquet` or `.arrow`; `search.block.Block.rows` has the columns. What was there is
        replaced when all is done.
    constants
        Parameters that are the same for all queries.
    progress
        Called with how far it is, at most once a second.
    ranking
        Ranks pieces elsewhere (`cluster.batches`); by default `engine` does, in `threads`.

    Raises
    ------
    BadRequest
        A file name ends otherwise, or a column or an option is no parameter.
    BadData
        The file of queries cannot be read.
    """
    _check_end(queries, QUERIES, "queries")
    _check_end(out, RESULTS, "out")
    started = time.monotonic()
    ranking = ranking or partial(engine.blocks.blocks, threads=threads)
    total, pieces = _pieces(queries, constants)
    rejected = out.with_suffix(".rejected.ndjson")
    rejected.unlink(missing_ok=True)
    log = _Log(rejected, total, progress or (lambda message: None))
    blocks = map(log.note, ranking(pieces, constants))
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        _write(blocks, unfinished, out.suffix)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
        log.close()
    seconds = time.monotonic() - started
    refused = dict(log.refused.most_common())
    return RankReport(
        log.queries, log.results, refused, rejected if refused else None, log.example, seconds
    )


class _Log:
    """Counts what was answered, and lists what was refused."""

    def __init__(self, rejected: Path, total: int | None, progress: Progress) -> None:
        self._path, self._total, self._progress = rejected, total, progress
        self._file: Any = None
        self._start = self._told = time.monotonic()
        self.queries = self.results = 0
        self.refused: Counter[str] = Counter()
        self.example: str | None = None

    def note(self, block: Block) -> Block:
        """Note a block, and return it."""
        self.queries += block.queries
        self.results += block.rows.height
        for row in block.refused.iter_rows(named=True):
            if self._file is None:
                self._file, self.example = create(self._path), row["detail"]
            self.refused[row["code"]] += 1
            self._file.write(orjson.dumps(row) + b"\n")
        now = time.monotonic()
        if now - self._told >= 1:
            self._told = now
            self._progress(self._line(now - self._start))
        return block

    def _line(self, seconds: float) -> str:
        done = f"ranked {self.queries:,}"
        if not self._total:
            return f"{done} queries"
        left = seconds * (self._total - self.queries) / max(1, self.queries)
        return f"{done} of {self._total:,} queries, {left:.0f} s left"

    def close(self) -> None:
        """Close the list of refused queries."""
        if self._file is not None:
            self._file.close()


def _check_end(path: Path, ends: tuple[str, ...], name: str) -> None:
    if path.suffix not in ends:
        found = problem(
            "not_a_choice", f"`{name}` ending in {', '.join(ends)}", shown(path.name), (name,)
        )
        raise BadRequest(found["detail"], [found])


def _pieces(path: Path, constants: Mapping[str, Any]) -> tuple[int | None, Iterator[Piece]]:
    """Number of queries if it is known, and the queries in pieces."""
    if path.suffix == ".ndjson":
        path.stat()  # Names a missing file before anything is written.
        return None, _lines(path, constants)
    try:
        table = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_ipc(path)
        total = table.select(pl.len()).collect().item()
    except pl.exceptions.PolarsError as error:
        raise BadData(f"Expected queries, got: {_first_line(error)} - at `{path}`") from error
    starts = range(0, max(1, total), PIECE_ROWS)
    return total, (table.slice(at, PIECE_ROWS).collect() for at in starts)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _lines(path: Path, constants: Mapping[str, Any]) -> Iterator[Records]:
    """The lines of a file as records; blank ones do not count."""
    is_named, first = None, 0
    columns = columns_for({*_named(path), *constants})
    with path.open("rb") as file:
        lines = (line for line in file if not line.isspace())
        while some := list(islice(lines, PIECE_ROWS)):
            rows = [_decoded(line) for line in some]
            if is_named is None:
                is_named = isinstance(rows[0], dict) and "query_id" in rows[0]
            yield _records(rows, constants, first, is_named, columns)
            first += len(rows)
    if first == 0:
        yield _records([], constants, 0, False, columns)


def _named(path: Path) -> set[str]:
    """Parameters that some line names: all pieces of the answer have the same columns."""
    names: set[str] = set()
    with path.open("rb") as file:
        for row in map(_decoded, file):
            if isinstance(row, dict):
                names |= row.keys() & BLOCK_PARAMETERS
    return names


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeError) as error:
        return error


def _records(
    rows: list[Any],
    constants: Mapping[str, Any],
    first: int,
    is_named: bool,
    columns: ResultColumns,
) -> Records:
    ids: list[Any] = []
    queries: list[Query | None] = []
    refused: list[RefusedRow] = []
    for number, row in enumerate(rows):
        name = row.pop("query_id", None) if isinstance(row, dict) else None
        ids.append((None if name is None else str(name)) if is_named else first + number)
        try:
            queries.append(_query(row, constants))
        except BadRequest as error:
            queries.append(None)
            refused.append(refused_row(number, error))
    kind = pl.String if is_named else pl.Int64
    return Records(pl.Series("query_id", ids, dtype=kind), queries, refused, columns)


def _query(row: Any, constants: Mapping[str, Any]) -> Query:
    """The query of a line.

    Raises
    ------
    BadRequest
        It is no JSON object, has an unknown member, or a value is wrong.
    """
    if not isinstance(row, dict):
        got = str(row) if isinstance(row, Exception) else shown(row)
        found = problem("not_json", "a JSON object", got, ())
        raise BadRequest(found["detail"], [found], "not_json")
    values = typed({**constants, **row})
    unknown = values.keys() - BLOCK_PARAMETERS
    if unknown:
        problems = find_problems(values, known=BLOCK_PARAMETERS)
        raise BadRequest("; ".join(found["detail"] for found in problems), problems)
    return query_of(values)


def _write(blocks: Iterator[Block], out: Path, end: str) -> None:
    """Write the rows of all blocks, one block at a time."""
    first = next(blocks)

    def rows(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        for block in chain((first,), blocks):
            yield block.rows if end == ".parquet" else _as_read(block.rows)

    table = register_io_source(rows, schema=first.rows.schema)
    if end == ".parquet":
        table.sink_parquet(out, row_group_size=_GROUP_ROWS)
    else:
        table.sink_ipc(out, compat_level=_PLAIN)


_PLAIN = pl.CompatLevel.oldest()
"""Texts one behind the other: views of texts depend on what else is in memory."""


def _as_read(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows as a file gives them back, so that equal rows become equal bytes."""
    packed = BytesIO()
    rows.write_ipc(packed, compat_level=_PLAIN)
    return pl.read_ipc(packed.getvalue())
