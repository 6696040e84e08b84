"""Files of a snapshot: which one holds a table, its bytes and lines, decompressed.

Useful for: walking a table in blocks of whole lines, and finding a row again by its line.
Not useful for: meaning; the readers (`ndjson`, `csv`, `parquet`) decode.
"""

import gzip
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from geosearch.errors import BadData

BLOCK_BYTES = 16 << 20
"""Bytes decoded at a time: big enough for vectorised work, small enough for memory."""

_BOM = b"\xef\xbb\xbf"
_COMPRESSIONS = ("", ".gz", ".zst")
_SAVE_AS = 'in a spreadsheet, save it as "CSV UTF-8"'
_JSON_LINES = "write one object a line, in a file that ends with .ndjson"
_WAYS_OUT = {
    **dict.fromkeys(("xlsx", "xls", "xlsm", "xlsb", "ods", "numbers", "et"), _SAVE_AS),
    **dict.fromkeys(("tsv", "tab", "txt"), "write it with commas between values, as .csv"),
    "json": _JSON_LINES,
    "jsonl": "rename it to .ndjson",
    "geojson": _JSON_LINES,
    "csv.zip": "unpack it, or compress it with gzip or zstd",
    "zip": "unpack it, or compress it with gzip or zstd",
    "csv.bz2": "compress it with gzip or zstd",
    "csv.xz": "compress it with gzip or zstd",
}
"""What to do about a table in another format, by the ending of its name."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a snapshot and the way to find its rows again.

    Attributes
    ----------
    path
        The file.
    unit
        What `line` counts in it: `line`, or `row` (Parquet), `feature` (GeoJSON).
    rows
        Gives the rows at some lines, ascending, as they stand in the file.
    """

    path: Path
    unit: str
    rows: Callable[[set[int]], Iterator[tuple[int, object]]]


def table_file(folder: Path, table: str, formats: tuple[str, ...]) -> Path | None:
    """File that holds `table`, or None; capital letters in its name are as good as small ones.

    Parameters
    ----------
    folder
        The snapshot.
    table
        Name without ending, such as `merchants`.
    formats
        Endings to accept; all but `parquet` also with `.gz` or `.zst`.

    Raises
    ------
    BadData
        More than one file holds the table, or only one of a format that is not read.
    """
    names = [
        f"{table}.{ending}{compression}"
        for ending in formats
        for compression in (_COMPRESSIONS if ending != "parquet" else ("",))
    ]
    files = sorted(path for path in folder.iterdir() if path.is_file())
    found = [path for name in names for path in files if path.name.lower() == name]
    if len(found) > 1:
        both = " and ".join(path.name for path in found)
        raise BadData(f"Expected one file for table `{table}`, got {both} - at `{folder}`")
    if not found:
        _refuse_other_formats(folder, table, formats, files)
    return found[0] if found else None


def endings(path: Path) -> list[str]:
    """Endings of a file's name in small letters: `.csv`, `.gz`."""
    return [suffix.lower() for suffix in path.suffixes]


def _refuse_other_formats(
    folder: Path, table: str, formats: tuple[str, ...], files: list[Path]
) -> None:
    """Refuse a table that is there in a format that is not read: it must not go unnoticed."""
    for path in files:
        stem, _, ending = path.name.lower().partition(".")
        if stem == table and ending in _WAYS_OUT:
            expected = f"table `{table}` as {' or '.join(f'.{name}' for name in formats)}"
            way = _WAYS_OUT[ending] if "csv" in formats else f"write it as .{formats[0]}"
            raise BadData(f"Expected {expected}, got {path.name} - {way} - at `{folder}`")


def read_all(path: Path) -> bytes:
    """Whole content of a small file, decompressed, without a byte order mark."""
    return b"".join(blocks(path)).removeprefix(_BOM)


def line_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Content of a file in blocks of whole lines, without a byte order mark.

    Every block but the last ends with a newline; a line longer than `size` makes a longer block.
    """
    return whole_lines(blocks(path, size))


def whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same content in blocks of whole lines, without a byte order mark."""
    held: list[bytes] = []
    first = True
    for piece in pieces:
        block, first = piece.removeprefix(_BOM) if first else piece, False
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join((*held, memoryview(block)[:cut]))
            held = []
        held.append(block[cut:])
    if rest := b"".join(held):
        yield rest


def lines_at(path: Path, wanted: set[int]) -> Iterator[tuple[int, bytes]]:
    """Lines of a text file with their numbers, from 1, ascending."""
    waiting = deque(sorted(wanted))
    first = 1
    for block in line_blocks(path):
        if not waiting:
            return
        end = first + block.count(b"\n") + (not block.endswith(b"\n"))
        lines = block.split(b"\n") if waiting[0] < end else []
        while waiting and waiting[0] < end:
            number = waiting.popleft()
            yield number, lines[number - first].rstrip(b"\r")
        first = end


def blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Content of a file in blocks, decompressed by the ending of its name.

    Raises
    ------
    BadData
        The file cannot be opened, read or decompressed.
    """
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as file:
                yield from _plain(file, size)
        else:
            with path.open("rb") as file:
                yield from (
                    _unzstd(file, size) if path.suffix.lower() == ".zst" else _plain(file, size)
                )
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise BadData(f"Cannot read the file: {error} - at `{path}`") from error


def _plain(file: "BinaryIO | gzip.GzipFile", size: int) -> Iterator[bytes]:
    while block := file.read(size):
        yield block


def _unzstd(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Blocks of a file of one or more frames; a stream reader would miss a cut-off one."""
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    complete, pieces, held = True, [], 0
    for data in iter(lambda: file.read(1 << 20), b""):
        while data:
            piece = frame.decompress(data)
            complete = frame.eof
            data = frame.unused_data if complete else b""
            if complete:
                frame = decompressor.decompressobj()
            pieces.append(piece)
            held += len(piece)
            if held >= size:
                yield b"".join(pieces)
                pieces, held = [], 0
    if not complete:
        raise EOFError("a zstd frame that is cut off")
    if pieces:
        yield b"".join(pieces)
