"""Slow reader of CSV, record by record, which isolates broken records.

Useful for: the header, the part of a file around a broken record, and records by line number.
Not useful for: whole files; `csv` decodes regular parts at once, thirty times as fast.

After a broken record, reading resumes at the next line. So an unclosed quote costs one row, not the
rest of the file.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from geosearch.errors import BadData
from geosearch.snapshot.source import BLOCK_BYTES, blocks, whole_lines

# Most lines of a record; beyond, an unclosed quote is more likely than a long text.
_MAX_RECORD_LINES = 1000
# Line ends of old or broken writers: a lone carriage return, or a doubled one before a newline.
_ODD_END = re.compile(rb"\r\r+\n|\r(?!\n)")
_QUOTED = re.compile(rb'"[^"]*"')
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# First bytes of .xlsx (ZIP) and .xls (OLE) files, also under another file name.
_WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

SAVE_AS_UTF8 = 'in Excel, save the file as "CSV UTF-8"'
"""What to do about a file in another encoding."""


_NO_NAME = " (no name)"


class Broken(NamedTuple):
    """A broken record.

    Attributes
    ----------
    text
        Its text, decoded by its likely encoding.
    encoding
        `UTF-8`; `GBK` if the bytes are Chinese text in GBK; else `bytes`.
    """

    text: str
    encoding: str


def csv_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield a CSV file in blocks of whole lines, each line ended by a newline.

    If the header ends with a lone or a doubled carriage return, all records end so. Line breaks
    inside texts then become newlines too.

    Raises
    ------
    BadData
        The file is in UTF-16, is a workbook, or cannot be read.
    """
    pieces = blocks(path, size)
    first = next(pieces, b"")
    if first.startswith(_WORKBOOK_MARKS):
        raise BadData(f"Expected CSV, got a workbook - {SAVE_AS_UTF8} - at `{path}`")
    # In UTF-16 every other byte of a Latin letter is NUL.
    if first.startswith(_UTF16_MARKS) or 4 * first[:200].count(0) > len(first[:200]):
        raise BadData(f"Expected a header in UTF-8, got UTF-16 - {SAVE_AS_UTF8} - at `{path}`")
    start = _QUOTED.sub(b"", first[: first.find(b"\n") + 1 or len(first)])
    everything = chain([first], pieces)
    return whole_lines(_with_newlines(everything) if _ODD_END.search(start) else everything)


def _with_newlines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        text = held + piece
        kept = text.rstrip(b"\r")
        held = text[len(kept) :]  # the next piece decides whether a newline follows
        yield _ODD_END.sub(b"\n", kept)
    yield _ODD_END.sub(b"\n", held)


class CsvText:
    """Cursor over the text of a CSV file.

    Parameters
    ----------
    blocks
        Blocks of whole lines, from `csv_blocks`.

    Attributes
    ----------
    line
        Number of the next line, from 1.
    position
        Bytes read so far.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.line = 1
        self.position = 0
        self._blocks = blocks
        self._data = b""
        self._at = 0

    @property
    def left(self) -> int:
        """Number of loaded bytes after the cursor; `more` loads further ones."""
        return len(self._data) - self._at

    def more(self) -> bool:
        """Load one more block; return False at the end of the file."""
        block = next(self._blocks, b"")
        self._data, self._at = self._data[self._at :] + block, 0
        return block != b""

    def peek(self, size: int) -> bytes:
        """Return the next whole lines, about `size` bytes, at least one line; do not skip them."""
        if size >= self.left:
            return self._data[self._at :]
        end = self._data.rfind(b"\n", self._at, self._at + size) + 1
        end = end or self._at + self._line_end(0)
        return self._data[self._at : end]

    def skip(self, length: int) -> None:
        """Skip `length` bytes, which must be whole lines."""
        self.line += self._data.count(b"\n", self._at, self._at + length)
        self.position += length
        self._at += length

    def records(
        self, fields: int | None, at_least: int | None = None
    ) -> Iterator[tuple[int, "list[str] | Broken"]]:
        """Yield records with the line on which they start; a broken record is one line.

        Parameters
        ----------
        fields
            Number of fields that a record of several lines must have; None accepts any number.
        at_least
            Bytes to read; None reads to the end of the file.
        """
        stop = None if at_least is None else self.position + at_least
        while stop is None or self.position < stop:
            end = self._line_end(0)
            if end == 0:
                return
            if self._quotes(0, end) % 2:
                end = self._record_end(end, fields)
            text, number = self._data[self._at : self._at + end], self.line
            self.skip(end)
            if text.strip(b" \t\r\n"):
                yield number, parsed(text)

    def _quotes(self, begin: int, end: int) -> int:
        return self._data.count(b'"', self._at + begin, self._at + end)

    def _line_end(self, begin: int) -> int:
        """Return the end of the line at offset `begin`; `begin` itself at the end of the file."""
        searched = begin
        while (found := self._data.find(b"\n", self._at + searched)) < 0:
            searched = self.left
            if not self.more():
                return self.left
        return found + 1 - self._at

    def _record_end(self, end: int, fields: int | None) -> int:
        """Return the end of a record whose first line, which ends at `end`, has an open quote.

        If no later line closes it into a record of `fields` fields, the record is the line alone.
        """
        line_end = end
        for _ in range(_MAX_RECORD_LINES):
            begin, line_end = line_end, self._line_end(line_end)
            if begin == line_end:
                break
            if self._quotes(begin, line_end) % 2:
                record = parsed(self._data[self._at : self._at + line_end])
                fits = isinstance(record, list) and fields in (None, len(record))
                return line_end if fits else end
        return end


def parsed(text: bytes) -> list[str] | Broken:
    """Return the fields of one record, or `Broken`."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        chinese = _as_gbk(text)
        said, encoding = (chinese, "GBK") if chinese else (text.decode("utf-8", "replace"), "bytes")
        return Broken(said.rstrip("\r\n"), encoding)
    limit = csv.field_size_limit()
    try:
        if len(decoded) > limit:  # the fast decoder has no limit
            csv.field_size_limit(len(decoded))
        (record,) = csv.reader(StringIO(decoded, newline="\n"), strict=True)
    except (csv.Error, ValueError):
        return Broken(decoded.rstrip("\r\n"), "UTF-8")
    finally:
        csv.field_size_limit(limit)
    return record


def _as_gbk(text: bytes) -> str | None:
    """Return the text if its bytes are Chinese in GBK, else None.

    Two bytes of another encoding, such as `é` and the letter after it, may also be a rare character
    of GBK. So all characters must be in GB 2312, which has the common ones.
    """
    try:
        decoded = text.decode("gb18030")
    except UnicodeDecodeError:
        return None
    signs = [sign for sign in decoded if not sign.isascii()]
    usual = "".join(signs).encode("gb2312", "ignore")
    return decoded if len(usual) >= len(signs) else None


def rows_of_csv(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Yield the records at some lines, as name to field; a broken record as its text."""
    text = CsvText(csv_blocks(path))
    names = read_header(text)
    header = [] if isinstance(names, Broken) else names
    for number, record in text.records(len(header)):
        if number in lines:
            fields = None if isinstance(record, Broken) else fitted(record, header)
            yield (
                number,
                _joined(record) if fields is None else dict(zip(header, fields, strict=True)),
            )


def read_header(text: CsvText) -> list[str] | Broken:
    """Read the header, and return its names; empty if the file is empty.

    A column without a name is named after its position.
    """
    for _, record in text.records(None, at_least=1):
        if isinstance(record, Broken):
            return record
        return [name.strip() or f"column {place}{_NO_NAME}" for place, name in enumerate(record, 1)]
    return []


def is_unnamed(column: str) -> bool:
    """Return whether `read_header` made up this name for a column without one."""
    return column.endswith(_NO_NAME)


def fitted(record: list[str], header: Sequence[str]) -> list[str] | None:
    """Return the record with as many fields as the header; None if the difference has a meaning.

    Spreadsheets add empty fields after the last column, and omit fields of columns without a name.

    Examples
    --------
    >>> fitted(["m1", "x", "", ""], ["id", "name"]), fitted(["m1"], ["id", "name"])
    (['m1', 'x'], None)
    >>> fitted(["m1", "x"], ["id", "name", "column 3 (no name)"])
    ['m1', 'x', '']
    """
    size = len(header)
    if any(field.strip() for field in record[size:]):
        return None
    empty = not any(field.strip() for field in record)
    if not (empty or all(map(is_unnamed, header[len(record) :]))):
        return None
    return record[:size] + [""] * (size - len(record))


def _joined(record: list[str] | Broken) -> str:
    return (record.text if isinstance(record, Broken) else ",".join(record))[:20_000]
