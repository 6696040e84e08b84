"""Rows of a CSV table as a raw frame, broken records rejected one by one.

Useful for: `snapshot`, which checks the values.
Not useful for: other separators or quotes than RFC 4180's; lists inside a field use `|`.

A block of records is decoded in one go where its quotes and separators are as RFC 4180 says. From
the first block that is not so to the end of the file, records are read one by one, and reading
starts again at the next line after a broken one: an unclosed quote costs a row, not the rest.
"""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.errors import BadData
from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.source import line_blocks
from geosearch.snapshot.tables import Field, Kind, Table

_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'
# A record may span so many lines; past that an unclosed quote is more likely than a long text.
_MAX_RECORD_LINES = 1000
_BATCH_ROWS = 50_000

_Record = tuple[int, list[str]]


def read_csv(path: Path, table: Table, log: RejectLog) -> pl.DataFrame:
    """Raw frame of a CSV file: `table.schema()` and `line` (uint32, from 1), in file order.

    Empty fields are null. A field that is not of its type rejects the row in `log`, as does a
    record with another number of fields than the header. Blank lines are skipped.

    Raises
    ------
    BadData
        The file cannot be read, or has no header, or the header lacks a required field.
    """
    blocks = line_blocks(path)
    first = next(blocks, b"")
    header, cut = _header(first, path, table)
    _warn_unknown(header, table, log)
    line = 1 + first[:cut].count(b"\n")
    texts = list(_text_frames(first[cut:], blocks, line, header, table, log))
    return pl.concat([_typed(frame, table, log) for frame in texts])


def rows_of_csv(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Records at some lines of a CSV file, header to field; the text of a broken one."""
    header: list[str] | None = None
    for number, record in _records(_numbered(line_blocks(path), 1), None):
        if header is None:
            header = [name.strip() for name in record] if isinstance(record, list) else []
        if number in lines:
            fits = isinstance(record, list) and len(record) == len(header)
            yield number, dict(zip(header, record, strict=True)) if fits else _joined(record)


def _joined(record: "list[str] | str") -> str:
    return (record if isinstance(record, str) else ",".join(record))[:20_000]


def _header(block: bytes, path: Path, table: Table) -> tuple[list[str], int]:
    """Names in the header and the number of bytes it takes."""
    cut = block.find(b"\n") + 1 or len(block)
    try:
        names = next(csv.reader([block[:cut].decode("utf-8")]), [])
    except UnicodeDecodeError as error:
        raise BadData(f"Expected a header in UTF-8, got {error} - at line 1 of `{path}`") from None
    names = [name.strip() for name in names]
    missing = [f.name for f in table.fields if f.required and f.name not in names]
    if missing or len(set(names)) < len(names):
        what = f"a header with `{missing[0]}`" if missing else "each name in the header once"
        got = shown(",".join(names)) if names else "nothing"
        raise BadData(f"Expected {what}, got {got} - at line 1 of `{path}`")
    return names, cut


def _warn_unknown(header: list[str], table: Table, log: RejectLog) -> None:
    for name in header:
        if name not in table.schema():
            sentence = f"Expected a field of table `{table.name}`, got `{name}`, which is ignored"
            log.warn(table.name, 1, "unknown_field", sentence)


def _text_frames(
    rest: bytes,
    blocks: Iterator[bytes],
    line: int,
    header: list[str],
    table: Table,
    log: RejectLog,
) -> Iterator[pl.DataFrame]:
    """Frames of the records as texts, with `line`."""
    yield pl.DataFrame(schema=dict.fromkeys([*header, "line"], pl.String())).cast(
        {"line": pl.UInt32}
    )
    while True:
        cut, starts = _structure(rest, len(header))
        if starts is None:
            yield from _slow_frames(rest, blocks, line, header, table, log)
            return
        whole, rest = rest[:cut], rest[cut:]
        try:
            frame = _decode(whole, header)
        except pl.exceptions.PolarsError:  # not UTF-8, as its structure is right
            yield from _slow_frames(whole + rest, blocks, line, header, table, log)
            return
        if frame.height != len(starts):
            yield from _slow_frames(whole + rest, blocks, line, header, table, log)
            return
        yield frame.with_columns(pl.Series("line", starts + line, dtype=pl.UInt32))
        line += whole.count(b"\n")
        block = next(blocks, b"")
        if not block and rest:
            yield from _slow_frames(rest, blocks, line, header, table, log)
        if not block:
            return
        rest += block


def _decode(block: bytes, header: list[str]) -> pl.DataFrame:
    if not block:
        return pl.DataFrame(schema=dict.fromkeys(header, pl.String()))
    return pl.read_csv(block, has_header=False, infer_schema=False, new_columns=header)


def _structure(block: bytes, fields: int) -> tuple[int, npt.NDArray[np.int64] | None]:
    """Bytes of whole records, and the line (from 0) each starts on; None where it is not regular.

    Regular means: quotes only around a whole field or doubled inside one, every record has
    `fields` fields, no line is blank.
    """
    data = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    commas, newlines = np.flatnonzero(data == _COMMA), np.flatnonzero(data == _NEWLINE)
    # A sign is inside quotes where the number of quotes before it is odd.
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    if len(ends) == 0:
        return 0, (np.zeros(0, np.int64) if len(block) == 0 else None)
    cut = int(ends[-1]) + 1
    if not _quotes_regular(data[:cut], quotes[quotes < cut]):
        return 0, None
    commas = commas[(commas < cut) & (np.searchsorted(quotes, commas) % 2 == 0)]
    per_record = np.diff(np.searchsorted(commas, ends), prepend=0)
    begins = np.concatenate([[0], ends[:-1] + 1])
    blank = (begins == ends) | ((begins + 1 == ends) & (data[begins] == _RETURN))
    if blank.any() or (per_record != fields - 1).any():
        return 0, None
    return cut, np.searchsorted(newlines, begins).astype(np.int64)


def _quotes_regular(
    data: npt.NDArray[np.uint8],
    quotes: npt.NDArray[np.int64],
) -> bool:
    """Whether each opening quote follows a separator and each closing one precedes one."""
    opening, closing = quotes[::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    after = data[closing[closing + 1 < len(data)] + 1]
    good_before = np.isin(before, [_COMMA, _NEWLINE, _QUOTE]).all()
    return bool(good_before and np.isin(after, [_COMMA, _NEWLINE, _RETURN, _QUOTE]).all())


def _slow_frames(
    rest: bytes,
    blocks: Iterator[bytes],
    line: int,
    header: list[str],
    table: Table,
    log: RejectLog,
) -> Iterator[pl.DataFrame]:
    """Frames of the remaining records, read one by one."""

    def everything() -> Iterator[bytes]:
        yield rest
        yield from blocks

    good = _good_records(_numbered(everything(), line), len(header), table, log)
    while batch := list(islice(good, _BATCH_ROWS)):
        columns = zip(*(record for _, record in batch), strict=True)
        frame = pl.DataFrame(
            {
                name: pl.Series(column, dtype=pl.String)
                for name, column in zip(header, columns, strict=True)
            }
        )
        yield frame.with_columns(pl.Series("line", [number for number, _ in batch], pl.UInt32))


def _good_records(
    lines: Iterator[tuple[int, bytes]], fields: int, table: Table, log: RejectLog
) -> Iterator[_Record]:
    for number, record in _records(lines, fields):
        if isinstance(record, list) and len(record) == fields:
            yield number, record
            continue
        if isinstance(record, list):
            code, sentence = "not_csv", f"Expected {fields} fields, got {len(record)}"
        elif "�" in record:
            code, sentence = "not_utf8", f"Expected a record in UTF-8, got {shown(record)}"
        else:
            code, sentence = "not_csv", f"Expected a record of {fields} fields, got {shown(record)}"
        log.reject(table.name, number, code, sentence)


def _numbered(blocks: Iterator[bytes], line: int) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers and ends; a line may come in pieces of two blocks."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for text in lines:
            yield line, text + b"\n"
            line += 1
    if rest:
        yield line, rest


def _records(
    lines: Iterator[tuple[int, bytes]], fields: int | None
) -> Iterator[tuple[int, "list[str] | str"]]:
    """Records with the line they start on; the text of a line that starts none.

    `fields` is how many a record that spans lines must have to count as one (None: as many as the
    first record, the header, has).
    """
    waiting: list[tuple[int, bytes]] = []
    while True:
        item = waiting.pop(0) if waiting else next(lines, None)
        if item is None:
            return
        number, text = item
        if not text.strip(b" \t\r\n"):
            continue
        if text.count(b'"') % 2:
            text, waiting = _spanning(text, waiting, lines, fields)
        record = _parsed(text)
        fields = fields or len(record)
        yield number, record


def _spanning(
    text: bytes,
    waiting: list[tuple[int, bytes]],
    lines: Iterator[tuple[int, bytes]],
    fields: int | None,
) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The record that starts with a line of unclosed quotes, and the lines after it.

    If no later line closes it into a record of the right size, it is the line alone.
    """
    taken: list[tuple[int, bytes]] = []
    while len(taken) < _MAX_RECORD_LINES:
        item = waiting.pop(0) if waiting else next(lines, None)
        if item is None:
            break
        taken.append(item)
        if item[1].count(b'"') % 2:
            whole = text + b"".join(line for _, line in taken)
            if len(_parsed(whole)) == fields and isinstance(_parsed(whole), list):
                return whole, waiting
            break
    return text, taken + waiting


def _parsed(text: bytes) -> "list[str] | str":
    """Fields of one record, or its text where it is broken."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace").rstrip("\r\n")
    try:
        (record,) = (
            csv.reader([decoded], strict=True)
            if "\n" not in decoded[:-1]
            else csv.reader(decoded.splitlines(keepends=True), strict=True)
        )
    except (csv.Error, ValueError):
        return decoded.rstrip("\r\n")
    return record


def _typed(frame: pl.DataFrame, table: Table, log: RejectLog) -> pl.DataFrame:
    """Raw frame of texts decoded by the kinds of their fields; rows that fail are rejected."""
    absent = [f.name for f in table.fields if f.name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    names = list(table.schema())
    texts = frame.select(
        *(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in names), "line"
    )
    typed = texts.select(*(_decoded(field) for field in table.fields), "line")
    bad = np.zeros(frame.height, bool)
    for field in table.fields:
        lost = (texts[field.name].is_not_null() & typed[field.name].is_null()).to_numpy() & ~bad
        for row in np.flatnonzero(lost):
            got = shown(texts[field.name][int(row)])
            sentence = f"Expected `{field.name}` to be {field.kind.described}, got {got}"
            log.reject(table.name, texts["line"][int(row)], "wrong_type", sentence)
        bad |= lost
    return typed.filter(~bad)


def _decoded(field: Field) -> pl.Expr:
    column = pl.col(field.name)
    if field.kind in (Kind.NUMBER, Kind.INTEGER):
        return column.str.strip_chars().cast(pl.Float64, strict=False)
    if field.kind is Kind.FLAG:
        word = column.str.strip_chars().str.to_lowercase()
        flag = pl.when(word.is_in(["true", "1"])).then(True)
        return flag.when(word.is_in(["false", "0"])).then(False).alias(field.name)
    return column.str.split("|") if field.kind is Kind.TEXTS else column
