"""Reader of NDJSON tables: a raw frame, with bad lines rejected one by one.

It checks only the types of values; `checks` checks the values. An optional value of the wrong type
becomes null.

A block of lines is decoded at once. If that fails, it is decoded in pieces, and a piece that fails
line by line. The decoder is more lenient than the contract: it turns the number 5 into the text
"5". `json_rows` reads such suspect rows again. So the result of a row never depends on its
neighbours.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from geosearch.snapshot.field_names import warn_unknown_field
from geosearch.snapshot.fields import WRITTEN, Kind, Table
from geosearch.snapshot.json_rows import KEY_WITH_ESCAPE, RowReader, key_marks
from geosearch.snapshot.raw_types import raw_schema
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.source import line_blocks, lines_at

_BLANK = b" \t\r\n"
# Lines of a block that are searched for unknown fields. All lines would cost more than the
# decoding, and an export that misspells a field does so in every row.
_SAMPLE_LINES = 200
# Lines of a piece, if a whole block does not decode.
_PIECE_LINES = 1024
# Blocks that are decoded ahead: the decoder uses one core, the checks of a block another.
_BLOCKS_AHEAD = 2

# Texts that the decoder makes of a number, true, false, a list or an object.
_LOOKS_UNQUOTED = r"^(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|[\[{].*)$"
_LIST = pl.List(pl.String)
# The decoder's text of a list of texts without escapes.
_PLAIN_LIST = r'^\[(?:"[^"\\\x00-\x1f]*"(?:, "[^"\\\x00-\x1f]*")*)?\]$'
# Characters that the decoder does not escape in the text of an object, though JSON requires it.
_LEFT_AS_IS = r"[\\\x00-\x1f]"
_HALF_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_ndjson(path: Path, table: Table, log: RejectLog) -> pl.DataFrame:
    """Return the raw frame of an NDJSON file: `raw_schema` and `line` (uint32, from 1).

    Rows are in file order.

    A line is rejected in `log` if it is not an object, or if a bad value costs the row. Other bad
    values become null, with a warning. Blank lines are skipped.

    Raises
    ------
    BadData
        The file cannot be read.
    """
    schema = raw_schema(table)
    frames = [pl.DataFrame(schema=schema | {"line": pl.UInt32()})]
    known = set(schema)
    number = 1
    for block, texts in _decoded(line_blocks(path), table):
        frames.append(_block_frame(block, texts, number, table, log))
        _warn_unknown(block, number, table, known, log)
        number += block.count(b"\n")
    return pl.concat(frames)


def rows_of_ndjson(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Yield the objects at some lines of an NDJSON file; a line that is not JSON as its text."""
    return ((line, _row(text)) for line, text in lines_at(path, lines))


def _row(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")[:20_000]


def _decoded(blocks: Iterator[bytes], table: Table) -> Iterator[tuple[bytes, pl.DataFrame | None]]:
    """Yield blocks with their rows (None if the decoder fails), decoding the next ones ahead."""
    with ThreadPoolExecutor(_BLOCKS_AHEAD) as pool:
        waiting: deque[tuple[bytes, Future[pl.DataFrame | None]]] = deque()
        for block in blocks:
            waiting.append((block, pool.submit(_decode, block, table)))
            if len(waiting) > _BLOCKS_AHEAD:
                ready, texts = waiting.popleft()
                yield ready, texts.result()
        for ready, texts in waiting:
            yield ready, texts.result()


def _decode(block: bytes, table: Table) -> pl.DataFrame | None:
    """Return a frame of the lines, lists as text, and the flag `repeats`; None on failure."""
    try:
        texts = pl.read_ndjson(block, schema=_text_schema(table))
        repeats = _repeats(block, texts.height, table)
    except pl.exceptions.PolarsError:
        return None
    return texts.with_columns(repeats) if texts.height == len(repeats) else None


def _repeats(block: bytes, rows: int, table: Table) -> pl.Series:
    """Return which lines may repeat a key; blank lines are left out if there are more than `rows`.

    Quotes inside a text are escaped, so no text contains a quoted key. A text that equals a field's
    name, or a nested key of that name, is a false alarm.
    """
    lines = pl.read_lines(block)["line"]
    if len(lines) > rows:
        lines = lines.filter(lines.str.strip_chars(_BLANK.decode()) != "")
    marks = lines.str.extract_many(key_marks(table))
    repeats = marks.list.n_unique() < marks.list.len()
    if b"\\u" in block:
        repeats |= lines.str.contains(KEY_WITH_ESCAPE)
    return repeats.alias("repeats")


def _block_frame(
    block: bytes, texts: pl.DataFrame | None, first: int, table: Table, log: RejectLog
) -> pl.DataFrame:
    """Return the raw frame of a block whose first line has number `first`."""
    if texts is not None:
        count = block.count(b"\n") + (not block.endswith(b"\n"))
        if texts.height == count:
            numbers = pl.Series("line", np.arange(first, first + count, dtype=np.uint32))
        else:
            numbers = pl.Series("line", [number for number, _ in _filled(block, first)], pl.UInt32)
        return _settled(texts.with_columns(numbers), block, table, log)
    frames = [pl.DataFrame(schema=_raw_schema(table))]
    numbered = _filled(block, first)
    for begin in range(0, len(numbered), _PIECE_LINES):
        places, lines = zip(*numbered[begin : begin + _PIECE_LINES], strict=True)
        piece = b"\n".join(lines)
        texts = _decode(piece, table)
        if texts is None:
            frames.append(_read_lines(places, lines, table, log))
        else:
            placed = texts.with_columns(pl.Series("line", places, pl.UInt32))
            frames.append(_settled(placed, piece, table, log))
    return pl.concat(frames)


def _filled(block: bytes, first: int) -> list[tuple[int, bytes]]:
    """Return the lines that are not blank, with their numbers."""
    return [(n, line) for n, line in enumerate(block.split(b"\n"), first) if line.strip(_BLANK)]


def _read_lines(
    numbers: Iterable[int], lines: Iterable[bytes], table: Table, log: RejectLog
) -> pl.DataFrame:
    """Return the raw frame of lines, read one by one."""
    reader = RowReader(table, log)
    rows = [reader.read(number, line) for number, line in zip(numbers, lines, strict=True)]
    return pl.DataFrame([row for row in rows if row is not None], schema=_raw_schema(table))


def _raw_schema(table: Table) -> dict[str, pl.DataType]:
    return raw_schema(table) | {"line": pl.UInt32()}


def _text_schema(table: Table) -> dict[str, pl.DataType]:
    """Return the types for decoding a block; lists as text, which takes half the time."""
    return {
        name: pl.String() if isinstance(dtype, pl.List) else dtype
        for name, dtype in raw_schema(table).items()
    }


def _settled(texts: pl.DataFrame, block: bytes, table: Table, log: RejectLog) -> pl.DataFrame:
    """Return the raw frame of a decoded block: lists decoded, suspect lines read again."""
    suspect = _suspects(texts, block, table)
    lists = [field.name for field in table.fields if field.kind is Kind.TEXTS]
    plain = texts.drop("repeats")
    if suspect.any():
        plain = plain.filter(~suspect)
    frame = plain.with_columns(pl.col(name).str.json_decode(_LIST) for name in lists)
    if not suspect.any():
        return frame
    lines = [line for _, line in _filled(block, 0)]
    again = (lines[row] for row in suspect.arg_true())
    read = _read_lines(texts["line"].filter(suspect), again, table, log)
    return pl.concat([frame, read]).sort("line")


def _suspects(texts: pl.DataFrame, block: bytes, table: Table) -> pl.Series:
    """Return which rows may hold a value that the decoder accepts and `RowReader` does not."""
    kinds = {field.name: field.kind for field in table.fields}
    written = [name for name, kind in kinds.items() if kind in WRITTEN]
    looks = texts.select(pl.col(written).str.contains(_LOOKS_UNQUOTED).any())
    unquoted = [name for name in written if looks[name][0] and _unquoted(name).search(block)]
    lists = [name for name, kind in kinds.items() if kind is Kind.TEXTS]
    objects = [name for name, kind in kinds.items() if kind is Kind.JSON]
    # The decoder writes half a surrogate pair as NUL.
    halves = written if _HALF_SURROGATE.search(block) else []
    marks = [
        *(~pl.col(name).str.contains(_PLAIN_LIST) for name in lists),
        *(pl.col(name).str.contains(_LEFT_AS_IS) for name in objects),
        *(pl.col(name).str.contains(_LOOKS_UNQUOTED) for name in unquoted),
        *(pl.col(name).str.contains("\0", literal=True) for name in halves),
    ]
    marked = [mark.fill_null(False) for mark in marks]
    return texts.select(pl.any_horizontal("repeats", *marked)).to_series()


def _unquoted(name: str) -> re.Pattern[bytes]:
    """Return a pattern for a value of field `name` that is not a text.

    Quotes inside a text are escaped, so no text contains `"name":`. The pattern may also match in a
    nested object; that only costs a check of the lines.
    """
    return re.compile(rf'"{name}"\s*:\s*[^"\sn]'.encode())


def _warn_unknown(block: bytes, first: int, table: Table, known: set[str], log: RejectLog) -> None:
    """Warn once of each unknown field in a sample of the block, and add it to `known`."""
    for number, row in _sample(block, first):
        for name in row.keys() - known:
            known.add(name)
            warn_unknown_field(log, table, number, name)


def _sample(block: bytes, first: int) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(block[: 1 << 20].split(b"\n", _SAMPLE_LINES)[:-1], first):
        try:
            row = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield number, row
