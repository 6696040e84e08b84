"""Files of a snapshot: finding a table's file, and its decompressed bytes and lines.

It reads a file in blocks of whole lines, and finds lines by number. The readers (`ndjson`, `csv`,
`parquet`) decode the content.
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
"""Bytes of a block: large enough for vectorised work, small enough for memory."""

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
"""Advice about a table in an unsupported format, by the ending of its name."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a snapshot, and a function that finds its rows by line.

    Attributes
    ----------
    path
        The file.
    unit
        Unit that `line` counts: `line`, `row` (Parquet) or `feature` (GeoJSON).
    rows
        Returns the unchanged rows at some lines, ascending.
    """

    path: Path
    unit: str
    rows: Callable[[set[int]], Iterator[tuple[int, object]]]


def table_file(folder: Path, table: str, formats: tuple[str, ...]) -> Path | None:
    """Return the file that holds `table`, or None; the case of its name does not matter.

    Parameters
    ----------
    folder
        The snapshot.
    table
        Name without ending, such as `merchants`.
    formats
        Endings to accept; all except `parquet` also with `.gz` or `.zst`.

    Raises
    ------
    BadData
        More than one file holds the table, or only a file of an unsupported format does.
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
    """Return the endings of a file's name, in lower case: `.csv`, `.gz`."""
    return [suffix.lower() for suffix in path.suffixes]


def _refuse_other_formats(
    folder: Path, table: str, formats: tuple[str, ...], files: list[Path]
) -> None:
    """Raise if a file holds the table in an unsupported format, rather than ignore that file."""
    for path in files:
        stem, _, ending = path.name.lower().partition(".")
        if stem == table and ending in _WAYS_OUT:
            expected = f"table `{table}` as {' or '.join(f'.{name}' for name in formats)}"
            way = _WAYS_OUT[ending] if "csv" in formats else f"write it as .{formats[0]}"
            raise BadData(f"Expected {expected}, got {path.name} - {way} - at `{folder}`")


def read_all(path: Path) -> bytes:
    """Return the content of a small file, decompressed, without a byte order mark."""
    return b"".join(blocks(path)).removeprefix(_BOM)


def line_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines, without a byte order mark.

    Every block except the last ends with a newline. A line longer than `size` makes a longer block.
    """
    return whole_lines(blocks(path, size))


def whole_lines(pieces: Iterable[bytes], ends: bytes = b"\n") -> Iterator[bytes]:
    """Yield the same content in blocks of whole lines, without a byte order mark.

    A line ends with the byte `ends`.
    """
    held: list[bytes] = []
    first = True
    for piece in pieces:
        block, first = piece.removeprefix(_BOM) if first else piece, False
        cut = block.rfind(ends) + 1
        if cut:
            yield b"".join((*held, memoryview(block)[:cut]))
            held = []
        held.append(block[cut:])
    if rest := b"".join(held):
        yield rest


def lines_at(path: Path, wanted: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the wanted lines of a text file with their numbers, from 1, ascending."""
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
    """Yield a file in blocks; the ending of its name selects the decompression.

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
    """Yield blocks of a file of zstd frames; a stream reader would not report a truncated frame."""
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
