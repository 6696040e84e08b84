"""Rows of a JSON-lines table as a raw frame, bad lines rejected one by one.

Useful for: `snapshot`, which checks the values.
Not useful for: deciding about values; here a row fails only if it is no object of the right types.

A block of lines is decoded in one go. Where that fails, or where the decoder is more lenient than
the contract (it writes the number 5 as the text "5"), the lines of the block are examined one by
one and the rest is decoded again. So good rows cost the same whatever their neighbours are, and
each row's fate never depends on its neighbours.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import loads
from math import isfinite
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from geosearch.rejects import RejectLog, shown
from geosearch.snapshot_source import line_blocks, lines_at
from geosearch.snapshot_tables import Field, Kind, Table

_BLANK = b" \t\r\n"
# Lines of a block that are looked through for fields nobody knows; all would cost more than the
# decoding itself, and a field misspelt by an export is in every row.
_SAMPLE_LINES = 200

# How the decoder writes a number, true, false, a list or an object into a text column.
_LOOKS_UNQUOTED = r"^(?:-?[0-9][0-9.eE+-]*|true|false|[\[{].*)$"
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
    for block in line_blocks(path):
        frames.append(_block_frame(block, number, table, log))
        _warn_unknown(block, number, table, known, log)
        number += block.count(b"\n")
    return pl.concat(frames)


def rows_of_ndjson(path: Path, lines: set[int]) -> dict[int, object]:
    """Objects at some lines of a JSON-lines file; the text of a line that is no JSON."""
    return {line: _row(text) for line, text in lines_at(path, lines).items()}


def _row(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")[:20_000]


def _block_frame(block: bytes, first: int, table: Table, log: RejectLog) -> pl.DataFrame:
    """Frame of a block whose first line has number `first`."""
    schema = table.schema()
    newlines = block.count(b"\n") + (not block.endswith(b"\n"))
    try:
        frame = pl.read_ndjson(block, schema=schema)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        return _frame_by_lines(block, first, table, log)
    if _too_lenient(frame, block, table):
        return _frame_by_lines(block, first, table, log)
    if frame.height == newlines:
        return frame.with_columns(pl.Series("line", np.arange(first, first + newlines, dtype="u4")))
    filled = [i for i, line in enumerate(block.split(b"\n"), first) if line.strip(_BLANK)]
    if frame.height != len(filled):
        return _frame_by_lines(block, first, table, log)
    return frame.with_columns(pl.Series("line", filled, dtype=pl.UInt32))


def _frame_by_lines(block: bytes, first: int, table: Table, log: RejectLog) -> pl.DataFrame:
    """Frame of the good lines of a block; each bad one is rejected with its own reason."""
    numbers: list[int] = []
    good: list[bytes] = []
    for number, line in enumerate(block.split(b"\n"), first):
        if not line.strip(_BLANK):
            continue
        fault = _examine(line, table)
        if fault is None:
            numbers.append(number)
            good.append(line)
        else:
            log.reject(table.name, number, fault.code, fault.sentence)
    return _decode_or_split(good, numbers, table, log)


def _decode_or_split(
    lines: list[bytes], numbers: list[int], table: Table, log: RejectLog
) -> pl.DataFrame:
    """Frame of examined lines; halves them around one that the decoder alone does not like."""
    schema = table.schema()
    try:
        frame = pl.read_ndjson(b"\n".join(lines), schema=schema)
    except pl.exceptions.PolarsError as error:
        if len(lines) == 1:
            reason = str(error).splitlines()[0]
            log.reject(table.name, numbers[0], "not_json", f"Expected a JSON object, got {reason}")
            return pl.DataFrame(schema=schema | {"line": pl.UInt32()})
        half = len(lines) // 2
        return pl.concat(
            [
                _decode_or_split(lines[:half], numbers[:half], table, log),
                _decode_or_split(lines[half:], numbers[half:], table, log),
            ]
        )
    return frame.with_columns(pl.Series("line", numbers, dtype=pl.UInt32))


def _too_lenient(frame: pl.DataFrame, block: bytes, table: Table) -> bool:
    """Whether the decoder may have let through what `_examine` rejects."""
    texts = [
        f.name for f in table.fields if f.kind in (Kind.ID, Kind.TEXT, Kind.DATE, Kind.INSTANT)
    ]
    lists = [f.name for f in table.fields if f.kind is Kind.TEXTS]
    items = {name: frame[name].explode() for name in lists}
    if any(items[name].count() != (frame[name].list.len().sum() or 0) for name in lists):
        return True  # a null in a list
    everything = [frame[name] for name in texts] + list(items.values())
    if _HALF_SURROGATE.search(block) and any(
        column.str.contains("\0", literal=True).any() for column in everything
    ):
        return True  # the decoder writes half a surrogate pair as NUL
    suspects = [column for column in everything if column.str.contains(_LOOKS_UNQUOTED).any()]
    return any(_unquoted(column.name, column.name in items).search(block) for column in suspects)


def _unquoted(name: str, in_list: bool) -> re.Pattern[bytes]:
    """Pattern of a value of field `name`, or of an item of its list, that is no text.

    A text never holds `"name":` itself, as its quotes are escaped there. The pattern may still
    find one too many in a nested object; then lines are examined for nothing, no more.
    """
    key = rf'"{name}"\s*:\s*'
    before = r'\[(?:\s*"(?:[^"\\]|\\.)*"\s*,)*\s*' if in_list else ""
    return re.compile((key + before + r'[^"\s\]n]').encode())


def _examine(line: bytes, table: Table) -> _Fault | None:
    """Why one line is no row of the table by its types, or None."""
    try:
        row = orjson.loads(line)
    except ValueError:
        decoded = _lenient_row(line)
        if isinstance(decoded, _Fault):
            return decoded
        row = decoded
    if not isinstance(row, dict):
        return _Fault("not_json", f"Expected a JSON object, got {shown(row)}")
    for field in table.fields:
        value = row.get(field.name)
        if value is not None and (fault := _wrong_value(value, field)):
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
            return _wrong_type(name, kind.value, value)
        if not _fits_double(value):
            return _Fault("not_finite", f"Expected `{name}` to be finite, got {shown(value)}")
        return None
    if kind is Kind.FLAG:
        return None if isinstance(value, bool) else _wrong_type(name, kind.value, value)
    if kind is Kind.TEXTS:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return _wrong_type(name, kind.value, value)
        return _half_surrogate(name, value)
    if not isinstance(value, str):
        return _wrong_type(name, "text", value)
    return _half_surrogate(name, [value])


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
