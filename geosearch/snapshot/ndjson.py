"""Rows of a JSON-lines table as a raw frame, bad lines rejected one by one.

Useful for: `snapshot`, which checks the values.
Not useful for: deciding about values; here a row fails only if it is no object of the right types.

A block of lines is decoded in one go. Where that fails it is decoded piece by piece, and where that
fails, line by line. The decoder is more lenient than the contract (it writes the number 5 as the
text "5"); rows where that may have happened are looked at too. So each row's fate is what
`_examine` says of its line, whatever its neighbours are.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from json import loads
from math import isfinite
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.source import line_blocks, lines_at
from geosearch.snapshot.tables import WRITTEN, Field, Kind, Table

_BLANK = b" \t\r\n"
# Lines of a block that are looked through for fields nobody knows; all would cost more than the
# decoding itself, and a field misspelt by an export is in every row.
_SAMPLE_LINES = 200
# Lines that are decoded again together where a whole block does not decode.
_PIECE_LINES = 1024
# Blocks that are decoded while one is looked through: the decoder has no use for a second core.
_BLOCKS_AHEAD = 2

# How the decoder writes a number, true, false, a list or an object into a text column.
_LOOKS_UNQUOTED = r"^(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|[\[{].*)$"
_NESTED = (Kind.TEXTS, Kind.JSON)
_LIST = pl.List(pl.String)
# The decoder's text of a list of texts that needs no escapes.
_PLAIN_LIST = r'^\[(?:"[^"\\\x00-\x1f]*"(?:, "[^"\\\x00-\x1f]*")*)?\]$'
# What it leaves as it is in the text of an object, though JSON wants it escaped.
_LEFT_AS_IS = r"[\\\x00-\x1f]"
_HALF_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class _Fault:
    code: str
    sentence: str


def read_ndjson(path: Path, table: Table, log: RejectLog) -> pl.DataFrame:
    """Raw frame of a JSON-lines file: `table.schema()` and `line` (uint32, from 1), in file order.

    Lines that hold no object of the right types are rejected in `log`; blank lines are skipped.

    Raises
    ------
    BadData
        The file cannot be read.
    """
    schema = table.schema()
    frames = [pl.DataFrame(schema=schema | {"line": pl.UInt32()})]
    known = set(schema)
    number = 1
    for block, texts in _decoded(line_blocks(path), table):
        frames.append(_block_frame(block, texts, number, table, log))
        _warn_unknown(block, number, table, known, log)
        number += block.count(b"\n")
    return pl.concat(frames)


def rows_of_ndjson(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Objects at some lines of a JSON-lines file; the text of a line that is no JSON."""
    return ((line, _row(text)) for line, text in lines_at(path, lines))


def _row(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")[:20_000]


def _decoded(blocks: Iterator[bytes], table: Table) -> Iterator[tuple[bytes, pl.DataFrame | None]]:
    """Blocks, each with its rows, None where it does not decode; the next ones decode meanwhile."""
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
    """Frame of lines with lists as their text, None where they do not decode."""
    try:
        return pl.read_ndjson(block, schema=_text_schema(table))
    except pl.exceptions.PolarsError:
        return None


def _block_frame(
    block: bytes, texts: pl.DataFrame | None, first: int, table: Table, log: RejectLog
) -> pl.DataFrame:
    """Frame of a block whose first line has number `first`, from what it decodes to."""
    if texts is None:
        return _frame_by_pieces(block, first, table, log)
    count = block.count(b"\n") + (not block.endswith(b"\n"))
    if texts.height == count:
        numbers = pl.Series("line", np.arange(first, first + count, dtype=np.uint32))
    else:
        filled = [i for i, line in enumerate(block.split(b"\n"), first) if line.strip(_BLANK)]
        if texts.height != len(filled):
            return _frame_by_pieces(block, first, table, log)
        numbers = pl.Series("line", filled, pl.UInt32)
    return _finished(texts.with_columns(numbers), block, first, table, log)


def _frame_by_pieces(block: bytes, first: int, table: Table, log: RejectLog) -> pl.DataFrame:
    """Frame of the good lines of a block; each bad one is rejected with its own reason."""
    numbered = [
        (number, line)
        for number, line in enumerate(block.split(b"\n"), first)
        if line.strip(_BLANK)
    ]
    good: list[tuple[int, bytes]] = []
    for begin in range(0, len(numbered), _PIECE_LINES):
        piece = numbered[begin : begin + _PIECE_LINES]
        decodes = _decode(b"\n".join(line for _, line in piece), table) is not None
        good += piece if decodes else _examined(piece, table, log)
    frame = _decode_or_split(good, table, log)
    return _finished(frame, block, first, table, log)


def _examined(
    piece: list[tuple[int, bytes]], table: Table, log: RejectLog
) -> Iterator[tuple[int, bytes]]:
    """The good lines of a piece."""
    known = _known_fields(table)
    for number, line in piece:
        fault = _examine(line, known)
        if fault is None:
            yield number, line
        else:
            log.reject(table.name, number, fault.code, fault.sentence)


def _decode_or_split(
    numbered: list[tuple[int, bytes]], table: Table, log: RejectLog
) -> pl.DataFrame:
    """Frame of good lines; halves them around one that the decoder alone does not like."""
    schema = _text_schema(table)
    try:
        frame = pl.read_ndjson(b"\n".join(line for _, line in numbered), schema=schema)
    except pl.exceptions.PolarsError as error:
        if len(numbered) == 1:
            sentence = f"Expected a JSON object, got {str(error).splitlines()[0]}"
            log.reject(table.name, numbered[0][0], "not_json", sentence)
            return pl.DataFrame(schema=schema | {"line": pl.UInt32()})
        half = len(numbered) // 2
        return pl.concat(
            [
                _decode_or_split(numbered[:half], table, log),
                _decode_or_split(numbered[half:], table, log),
            ]
        )
    return frame.with_columns(pl.Series("line", [number for number, _ in numbered], pl.UInt32))


def _text_schema(table: Table) -> dict[str, pl.DataType]:
    """Types to decode a block to: lists come as their text, in half the time."""
    return {
        name: pl.String() if isinstance(dtype, pl.List) else dtype
        for name, dtype in table.schema().items()
    }


def _finished(
    texts: pl.DataFrame, block: bytes, first: int, table: Table, log: RejectLog
) -> pl.DataFrame:
    """Raw frame of a decoded one: lists read, and what the decoder was too lenient with settled."""
    suspect = _suspects(texts, block, table)
    lists = [field.name for field in table.fields if field.kind is Kind.TEXTS]
    plain = texts
    if suspect.any():
        plain = texts.with_columns(
            pl.when(~suspect).then(pl.col(name)).alias(name) for name in lists
        )
    frame = plain.with_columns(pl.col(name).str.json_decode(_LIST) for name in lists)
    if not suspect.any():
        return frame
    lines = block.split(b"\n")
    settled = []
    known = _known_fields(table)
    for number in texts["line"].filter(suspect):
        fault = _examine(lines[number - first], known)
        if fault is None:
            settled.append({"line": number} | _objects(lines[number - first], table))
        else:
            log.reject(table.name, number, fault.code, fault.sentence)
    kinds = {field.name: field.kind.dtype for field in table.fields if field.kind in _NESTED}
    patch = pl.DataFrame(settled, schema={"line": pl.UInt32(), **kinds})
    good = frame.filter(~suspect | pl.col("line").is_in(patch["line"].implode()))
    return good.update(patch, on="line")


def _objects(line: bytes, table: Table) -> dict[str, object]:
    """Lists and objects of a good line, the latter as text."""
    row = orjson.loads(line)
    nested: dict[str, object] = {}
    for field in table.fields:
        value = row.get(field.name)
        if field.kind is Kind.TEXTS:
            nested[field.name] = orjson.loads(value) if isinstance(value, str) else value
        elif field.kind is Kind.JSON:
            is_text = value is None or isinstance(value, str)
            nested[field.name] = value if is_text else orjson.dumps(value).decode()
    return nested


def _suspects(texts: pl.DataFrame, block: bytes, table: Table) -> pl.Series:
    """Rows that may hold what the decoder lets through and `_examine` does not."""
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
    return texts.select(pl.any_horizontal(*marked, pl.repeat(False, pl.len()))).to_series()


def _unquoted(name: str) -> re.Pattern[bytes]:
    """Pattern of a value of field `name` that is no text.

    A text never holds `"name":` itself, as its quotes are escaped there. The pattern may find one
    too many in a nested object; then lines are examined for nothing, no more.
    """
    return re.compile(rf'"{name}"\s*:\s*[^"\sn]'.encode())


# Types of values that need no closer look, as `orjson` leaves nothing odd in them.
_GOOD_TYPES: dict[Kind, tuple[type, ...]] = {
    **dict.fromkeys(WRITTEN, (str,)),
    Kind.NUMBER: (int, float),
    Kind.INTEGER: (int, float),
    Kind.FLAG: (bool,),
}
_Known = dict[str, tuple[Field, tuple[type, ...]]]


def _known_fields(table: Table) -> _Known:
    """Fields by name, with the types that are good at first sight."""
    return {field.name: (field, _GOOD_TYPES.get(field.kind, ())) for field in table.fields}


def _examine(line: bytes, known: _Known) -> _Fault | None:
    """Why one line is no row of the table by its types, or None."""
    try:
        row = orjson.loads(line)
        strict = True
    except ValueError:
        row = _lenient_row(line)
        strict = False
    if isinstance(row, _Fault):
        return row
    if not isinstance(row, dict):
        return _Fault("not_json", f"Expected a JSON object, got {shown(row)}")
    for name, value in row.items():
        if value is None or name not in known:
            continue
        field, good_types = known[name]
        if not (strict and type(value) in good_types) and (fault := _wrong_value(value, field)):
            return fault
    return None


def _lenient_row(line: bytes) -> object:
    """Row with NaN, infinities and half surrogates in it, so that their field can be named."""
    try:
        return loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        place = f"byte 0x{line[error.start]:02x} at byte {error.start + 1} of it"
        return _Fault("not_utf8", f"Expected a line in UTF-8, got {place}")
    except RecursionError:
        return _Fault("not_json", "Expected a JSON object, got one nested too deep")
    except ValueError as error:
        start = shown(line.decode("utf-8").strip(), longest=40)
        return _Fault("not_json", f"Expected a JSON object, got {start} ({error})")


def _wrong_value(value: object, field: Field) -> _Fault | None:
    name, kind = field.name, field.kind
    if kind is Kind.JSON:
        return None
    if kind in (Kind.NUMBER, Kind.INTEGER):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return _wrong_type(name, kind.described, value)
        if not _fits_double(value):
            return _Fault("not_finite", f"Expected `{name}` to be finite, got {shown(value)}")
        return None
    if kind is Kind.FLAG:
        return None if isinstance(value, bool) else _wrong_type(name, kind.described, value)
    if kind is Kind.TEXTS:
        if isinstance(value, str) and value.startswith("["):
            value = _loaded(value)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return _wrong_type(name, kind.described, value)
        return _half_surrogate(name, value)
    if not isinstance(value, str):
        return _wrong_type(name, kind.described, value)
    return _half_surrogate(name, [value])


def _loaded(text: str) -> object:
    """A list written as JSON text, as CSV would; the text itself if it is none."""
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _wrong_type(name: str, expected: str, value: object) -> _Fault:
    return _Fault("wrong_type", f"Expected `{name}` to be {expected}, got {shown(value)}")


def _fits_double(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False


def _half_surrogate(name: str, texts: Sequence[str]) -> _Fault | None:
    for text in texts:
        if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            return _Fault("not_utf8", f"Expected `{name}` in Unicode, got {text!a}")
    return None


def _warn_unknown(block: bytes, first: int, table: Table, known: set[str], log: RejectLog) -> None:
    """Warn once of each field nobody knows, from a sample of the block; adds it to `known`."""
    for number, row in _sample(block, first):
        for name in row.keys() - known:
            known.add(name)
            sentence = f"Expected a field of table `{table.name}`, got `{name}`, which is ignored"
            log.warn(table.name, number, "unknown_field", sentence)


def _sample(block: bytes, first: int) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(block[: 1 << 20].split(b"\n", _SAMPLE_LINES)[:-1], first):
        try:
            row = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield number, row
