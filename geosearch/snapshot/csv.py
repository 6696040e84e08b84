"""Reader of CSV tables: a raw frame, with broken records rejected one by one.

It reads the separators and quotes of RFC 4180; `|` separates the items of a list inside a field.

A block whose quotes and separators follow RFC 4180 is decoded at once. Another block is decoded in
small pieces. Only pieces that break RFC 4180 are read record by record. So a broken record rejects
only itself, and slows down only the records around it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from geosearch.snapshot.checks import read_values
from geosearch.snapshot.csv_header import read_table_header
from geosearch.snapshot.csv_records import (
    SAVE_AS_UTF8,
    Broken,
    CsvText,
    csv_blocks,
    fitted,
    is_unnamed,
)
from geosearch.snapshot.csv_values import as_written
from geosearch.snapshot.fields import Field, Kind, Table
from geosearch.snapshot.rejects import RejectLog, shown

_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'
# Size of a piece that is read record by record: some hundreds of records, 10 ms.
_PIECE_BYTES = 1 << 17


def read_csv(path: Path, table: Table, log: RejectLog) -> pl.DataFrame:
    """Return the raw frame of a CSV file: `raw_schema` and `line` (uint32, from 1), in file order.

    Empty fields are null. A field of the wrong type costs what `fields.Cost` says. A record with
    another number of fields than the header is rejected in `log`. Blank lines and rows without a
    value are skipped; a warning counts those rows.

    Raises
    ------
    BadData
        The file cannot be read, has no header, or the header lacks a required field.
    """
    text = CsvText(csv_blocks(path))
    header = read_table_header(text, path, table, log)
    empty = _EmptyRows()
    frames = [
        _typed(empty.dropped(frame, table), table, log)
        for frame in _text_frames(text, header, table, log)
    ]
    empty.warn(table, log)
    return pl.concat(frames)


@dataclass(slots=True)
class _EmptyRows:
    """Counts rows without a value, and notes columns without a name, each with its first line."""

    rows: int = 0
    first: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def dropped(self, frame: pl.DataFrame, table: Table) -> pl.DataFrame:
        """Return the frame without the rows that have no value, and count those rows."""
        names = [name for name in frame.columns if name != "line"]
        for name in filter(is_unnamed, names):
            filled = frame.filter(_filled(name))
            if name not in self.notes and filled.height:
                self.notes[name] = filled["line"][0]
        key = table.key if table.key in names else names[0]
        if not frame.select((~_filled(key)).any()).item():
            return frame
        kept = frame.filter(pl.any_horizontal(map(_filled, names)))
        if kept.height < frame.height and self.rows == 0:
            lines = frame["line"]
            self.first = lines.filter(~lines.is_in(kept["line"].implode()))[0]
        self.rows += frame.height - kept.height
        return kept

    def warn(self, table: Table, log: RejectLog) -> None:
        for name, line in self.notes.items():
            sentence = f"Expected each column to have a name, got none for {name}, which is ignored"
            log.warn(table.name, line, "unknown_field", sentence)
        if self.rows:
            sentence = f"Expected rows with values, got {self.rows:,} without, which are skipped"
            log.warn(table.name, self.first, "empty_rows", sentence)


def _filled(name: str) -> pl.Expr:
    return pl.col(name).str.contains(r"\S").fill_null(False)


def _text_frames(
    text: CsvText, header: list[str], table: Table, log: RejectLog
) -> Iterator[pl.DataFrame]:
    """Frames of the records as texts, with `line`."""
    yield _texts([], [], header)
    while text.left or text.more():
        frame = _regular(text, text.left, header)
        if frame is not None:
            yield frame
            if text.left:  # a record continues in the next block
                text.more()
            continue
        yield pl.concat(_around_broken(text, header, table, log))


def _around_broken(
    text: CsvText, header: list[str], table: Table, log: RejectLog
) -> Iterator[pl.DataFrame]:
    """Frames of the loaded text around an irregular record, found by halving the piece size."""
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
    """Read the complete records in the next lines; None, and nothing read, if one is irregular."""
    block = text.peek(size)
    cut, starts = _structure(block, len(header))
    if starts is None:
        return None
    whole = block[:cut]
    try:
        frame = pl.read_csv(whole, has_header=False, infer_schema=False, new_columns=header)
    except pl.exceptions.PolarsError:  # not UTF-8: the structure was checked above
        return None
    if frame.height != len(starts):
        return None
    numbers = pl.Series("line", starts + text.line, dtype=pl.UInt32)
    text.skip(cut)
    return frame.with_columns(numbers)


def _structure(block: bytes, fields: int) -> tuple[int, npt.NDArray[np.int64] | None]:
    """Return the bytes of complete records, and the line (from 0) on which each starts.

    The lines are None if the block is irregular. A regular block has quotes only around a whole
    field or doubled inside one, carriage returns only in quotes or before a newline, `fields`
    fields in every record, and no blank line.
    """
    data = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    commas, newlines = np.flatnonzero(data == _COMMA), np.flatnonzero(data == _NEWLINE)
    # A character is inside quotes if the number of quotes before it is odd.
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
        fields = None if isinstance(record, Broken) else fitted(record, header)
        if fields is not None:
            lines.append(number)
            records.append(fields)
        elif isinstance(record, Broken):
            log.reject(table.name, number, *_of_broken(record, header))
        else:
            sentence = f"Expected {len(header)} fields, got {len(record)}"
            log.reject(table.name, number, "not_csv", sentence)
    return _texts(lines, records, header)


def _of_broken(record: Broken, header: list[str]) -> tuple[str, str]:
    """Return code and sentence for a broken record."""
    if record.encoding == "UTF-8":
        expected = f"a record of {len(header)} fields"
        return "not_csv", f"Expected {expected}, got {shown(record.text)}"
    got = f"{record.encoding} ({shown(record.text)})"
    return "not_utf8", f"Expected a record in UTF-8, got {got} - {SAVE_AS_UTF8}"


def _typed(frame: pl.DataFrame, table: Table, log: RejectLog) -> pl.DataFrame:
    """Return the raw frame: texts decoded by the kinds of their fields."""
    absent = [f.name for f in table.fields if f.name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    names = list(table.names())
    texts = frame.select(
        *(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in names), "line"
    )
    read = as_written(texts, table).select(*(_decoded(each) for each in table.fields), "line")
    return read_values(texts, read, table, log)


def _decoded(each: Field) -> pl.Expr:
    column = pl.col(each.name)
    if each.kind in (Kind.NUMBER, Kind.INTEGER):
        return column.str.strip_chars().cast(pl.Float64, strict=False)
    if each.kind is Kind.FLAG:
        word = column.str.strip_chars().str.to_lowercase()
        flag = pl.when(word.is_in(["true", "1"])).then(True)
        return flag.when(word.is_in(["false", "0"])).then(False).alias(each.name)
    return column.str.split("|") if each.kind is Kind.TEXTS else column
