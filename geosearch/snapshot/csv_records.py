"""CSV records read one by one, broken ones by themselves.

Useful for: the header, the part of a file around a broken record, and finding records again.
Not useful for: whole files; `csv` decodes regular parts in one go, thirty times as fast.

Reading starts again at the next line after a broken record: an unclosed quote costs a row, not the
rest.
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

# A record may span so many lines; past that an unclosed quote is more likely than a long text.
_MAX_RECORD_LINES = 1000
# Ends of lines as old or broken writers leave them: a carriage return alone, or one too many.
_ODD_END = re.compile(rb"\r\r+\n|\r(?!\n)")
_QUOTED = re.compile(rb'"[^"]*"')
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# What .xlsx (ZIP) and .xls (OLE) begin with, whatever they are called.
_WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

SAVE_AS_UTF8 = 'in Excel, save the file as "CSV UTF-8"'
"""What to do about a file in another encoding."""


_NO_NAME = " (no name)"


class Broken(NamedTuple):
    """A record that is none.

    Attributes
    ----------
    text
        What it says, by the encoding that it seems to have.
    encoding
        `UTF-8`, `GBK` where it reads as Chinese in that, else `bytes`.
    """

    text: str
    encoding: str


def csv_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Content of a CSV file in blocks of whole lines, each line ended by a newline.

    Where the header ends with a carriage return alone, or with one too many, so do all records; a
    line break inside a text comes as a newline then.

    Raises
    ------
    BadData
        The file is in UTF-16 or a workbook, or cannot be read.
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
        held = text[len(kept) :]  # what these end is not known yet
        yield _ODD_END.sub(b"\n", kept)
    yield _ODD_END.sub(b"\n", held)


class CsvText:
    """Text of a CSV file from the next record on.

    Parameters
    ----------
    blocks
        The file's, as `csv_blocks` gives them.

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
        """Bytes that are at hand; `more` adds to them."""
        return len(self._data) - self._at

    def more(self) -> bool:
        """Take one more block in; False at the end of the file."""
        block = next(self._blocks, b"")
        self._data, self._at = self._data[self._at :] + block, 0
        return block != b""

    def peek(self, size: int) -> bytes:
        """Whole lines of about so many bytes, at least one; they stay."""
        if size >= self.left:
            return self._data[self._at :]
        end = self._data.rfind(b"\n", self._at, self._at + size) + 1
        end = end or self._at + self._line_end(0)
        return self._data[self._at : end]

    def skip(self, length: int) -> None:
        """Go on behind so many bytes, which are whole lines."""
        self.line += self._data.count(b"\n", self._at, self._at + length)
        self.position += length
        self._at += length

    def records(
        self, fields: int | None, at_least: int | None = None
    ) -> Iterator[tuple[int, "list[str] | Broken"]]:
        """Records with the line they start on; the text of a line that starts none.

        Parameters
        ----------
        fields
            How many a record that spans lines must have to count as one (None: any number).
        at_least
            Bytes to read; to the end of the file by default.
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
        """Where the line ends that starts `begin` bytes ahead; `begin` at the end of the file."""
        searched = begin
        while (found := self._data.find(b"\n", self._at + searched)) < 0:
            searched = self.left
            if not self.more():
                return self.left
        return found + 1 - self._at

    def _record_end(self, end: int, fields: int | None) -> int:
        """Where the record ends whose first line has an unclosed quote.

        If no later line closes it into a record of the right size, it is the line alone.
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
    """Fields of one record, or what it says where it is broken."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        chinese = _as_gbk(text)
        said, encoding = (chinese, "GBK") if chinese else (text.decode("utf-8", "replace"), "bytes")
        return Broken(said.rstrip("\r\n"), encoding)
    limit = csv.field_size_limit()
    try:
        if len(decoded) > limit:  # the fast decoder knows no limit
            csv.field_size_limit(len(decoded))
        (record,) = csv.reader(StringIO(decoded, newline="\n"), strict=True)
    except (csv.Error, ValueError):
        return Broken(decoded.rstrip("\r\n"), "UTF-8")
    finally:
        csv.field_size_limit(limit)
    return record


def _as_gbk(text: bytes) -> str | None:
    """The text where it reads as Chinese in GBK, else None.

    Two bytes of another encoding, as `é` and a letter behind it, may be a character of GBK, too;
    those that people use are in GB 2312.
    """
    try:
        decoded = text.decode("gb18030")
    except UnicodeDecodeError:
        return None
    signs = [sign for sign in decoded if not sign.isascii()]
    usual = "".join(signs).encode("gb2312", "ignore")
    return decoded if len(usual) >= len(signs) else None


def rows_of_csv(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Records at some lines of a CSV file, header to field; the text of a broken one."""
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
    """Names in the header, which is read then; none where the file is empty.

    A column without a name is called by its place.
    """
    for _, record in text.records(None, at_least=1):
        if isinstance(record, Broken):
            return record
        return [name.strip() or f"column {place}{_NO_NAME}" for place, name in enumerate(record, 1)]
    return []


def is_unnamed(column: str) -> bool:
    """Whether that is what `read_header` calls a column without a name."""
    return column.endswith(_NO_NAME)


def fitted(record: list[str], header: Sequence[str]) -> list[str] | None:
    """The record with as many fields as the header; None where another number means something.

    Spreadsheets write empty fields behind the last column, or none for columns without a name.

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
