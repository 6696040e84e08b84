"""Rows of a CSV table as a raw frame, broken records rejected one by one.

Useful for: `snapshot`, which checks the values.
Not useful for: other separators or quotes than RFC 4180's; lists inside a field use `|`.

A block of records is decoded in one go where its quotes and separators are as RFC 4180 says.
Another block is decoded in small pieces, and only a piece that is not as it says is read record by
record: a broken record costs itself, and the time of the few around it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.errors import BadData
from geosearch.snapshot.checks import read_values
from geosearch.snapshot.csv_records import CsvText, csv_blocks, read_header
from geosearch.snapshot.rejects import RejectLog, shown
from geosearch.snapshot.tables import Field, Kind, Table

_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'
# What is read record by record around a broken one: some hundreds of records, 10 ms.
_PIECE_BYTES = 1 << 17


def read_csv(path: Path, table: Table, log: RejectLog) -> pl.DataFrame:
    """Raw frame of a CSV file: `table.schema()` and `line` (uint32, from 1), in file order.

    Empty fields are null. A field that is not of its type costs what `tables.Cost` says; a record
    with another number of fields than the header is rejected in `log`. Blank lines are skipped.

    Raises
    ------
    BadData
        The file cannot be read, or has no header, or the header lacks a required field.
    """
    text = CsvText(csv_blocks(path))
    header = _header(text, path, table)
    _warn_unknown(header, table, log)
    return pl.concat(
        [_typed(frame, table, log) for frame in _text_frames(text, header, table, log)]
    )


def _header(text: CsvText, path: Path, table: Table) -> list[str]:
    names = read_header(text)
    missing = [f.name for f in table.fields if f.required and f.name not in names]
    if names and "\ufffd" in names[0]:
        raise BadData(f"Expected a header in UTF-8, got {shown(names[0])} - at line 1 of `{path}`")
    if missing or len(set(names)) < len(names):
        what = f"a header with `{missing[0]}`" if missing else "each name in the header once"
        got = shown(",".join(names)) if names else "nothing"
        raise BadData(f"Expected {what}, got {got} - at line 1 of `{path}`")
    return names


def _warn_unknown(header: list[str], table: Table, log: RejectLog) -> None:
    for name in header:
        if name not in table.schema():
            sentence = f"Expected a field of table `{table.name}`, got `{name}`, which is ignored"
            log.warn(table.name, 1, "unknown_field", sentence)


def _text_frames(
    text: CsvText, header: list[str], table: Table, log: RejectLog
) -> Iterator[pl.DataFrame]:
    """Frames of the records as texts, with `line`."""
    yield _texts([], [], header)
    while text.left or text.more():
        frame = _regular(text, text.left, header)
        if frame is not None:
            yield frame
            if text.left:  # a record that goes on in the next block
                text.more()
            continue
        yield pl.concat(_around_broken(text, header, table, log))


def _around_broken(
    text: CsvText, header: list[str], table: Table, log: RejectLog
) -> Iterator[pl.DataFrame]:
    """Frames of what is at hand, an irregular record in it: halves until the rest is regular."""
    stop, size = text.position + text.left, text.left // 2
    while text.position < stop:
        frame = _regular(text, max(size, _PIECE_BYTES), header)
        if frame is not None:
            size *= 2
            yield frame
        elif size > _PIECE_BYTES:
            size //= 2
        else:
            size = 2 * _PIECE_BYTES
            yield _one_by_one(text, _PIECE_BYTES, header, table, log)


def _texts(lines: Sequence[int], records: Sequence[list[str]], header: list[str]) -> pl.DataFrame:
    columns = zip(*records, strict=True) if records else [()] * len(header)
    named = zip(header, columns, strict=True)
    return pl.DataFrame(
        [
            *(pl.Series(name, column, dtype=pl.String) for name, column in named),
            pl.Series("line", lines, dtype=pl.UInt32),
        ]
    )


def _regular(text: CsvText, size: int, header: list[str]) -> pl.DataFrame | None:
    """Frame of the whole records in the next lines; None, and nothing read, if one is irregular."""
    block = text.peek(size)
    cut, starts = _structure(block, len(header))
    if starts is None:
        return None
    whole = block[:cut]
    try:
        frame = pl.read_csv(whole, has_header=False, infer_schema=False, new_columns=header)
    except pl.exceptions.PolarsError:  # not UTF-8, as its structure is right
        return None
    if frame.height != len(starts):
        return None
    numbers = pl.Series("line", starts + text.line, dtype=pl.UInt32)
    text.skip(cut)
    return frame.with_columns(numbers)


def _structure(block: bytes, fields: int) -> tuple[int, npt.NDArray[np.int64] | None]:
    """Bytes of whole records, and the line (from 0) each starts on; None where it is not regular.

    Regular means: quotes only around a whole field or doubled inside one, carriage returns only
    in quotes or before a newline, every record has `fields` fields, no line is blank.
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
    if not _returns_regular(data[:cut], quotes):
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


def _returns_regular(data: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64]) -> bool:
    """Whether each carriage return outside quotes precedes a newline; `data` ends with one."""
    returns = np.flatnonzero(data == _RETURN)
    alone = returns[data[returns + 1] != _NEWLINE]
    return bool((np.searchsorted(quotes, alone) % 2 == 1).all())


def _one_by_one(
    text: CsvText, size: int, header: list[str], table: Table, log: RejectLog
) -> pl.DataFrame:
    """Frame of the good records in about the next `size` bytes, broken ones rejected."""
    lines, records = [], []
    for number, record in text.records(len(header), at_least=min(size, text.left)):
        if isinstance(record, list) and len(record) == len(header):
            lines.append(number)
            records.append(record)
            continue
        if isinstance(record, list):
            code, sentence = "not_csv", f"Expected {len(header)} fields, got {len(record)}"
        elif "\ufffd" in record:
            code, sentence = "not_utf8", f"Expected a record in UTF-8, got {shown(record)}"
        else:
            expected = f"a record of {len(header)} fields"
            code, sentence = "not_csv", f"Expected {expected}, got {shown(record)}"
        log.reject(table.name, number, code, sentence)
    return _texts(lines, records, header)


def _typed(frame: pl.DataFrame, table: Table, log: RejectLog) -> pl.DataFrame:
    """Raw frame of texts decoded by the kinds of their fields."""
    absent = [f.name for f in table.fields if f.name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    names = list(table.schema())
    texts = frame.select(
        *(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in names), "line"
    )
    typed = texts.select(*(_decoded(field) for field in table.fields), "line")
    return read_values(texts, typed, table, log)


def _decoded(field: Field) -> pl.Expr:
    column = pl.col(field.name)
    if field.kind in (Kind.NUMBER, Kind.INTEGER):
        return column.str.strip_chars().cast(pl.Float64, strict=False)
    if field.kind is Kind.FLAG:
        word = column.str.strip_chars().str.to_lowercase()
        flag = pl.when(word.is_in(["true", "1"])).then(True)
        return flag.when(word.is_in(["false", "0"])).then(False).alias(field.name)
    return column.str.split("|") if field.kind is Kind.TEXTS else column
