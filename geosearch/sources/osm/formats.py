"""`PlaceFile`: streams the objects of a GeoJSON, OSM JSON, OSM PBF or OSM XML file.

JSON may be a document of GeoJSON or Overpass, a list, one object a line, or a text sequence (RFC
8142), and may be compressed (gzip, Zstandard). `sources.osm.extracts` reads PBF and XML;
`sources.osm.places` interprets the objects.

Memory holds a megabyte of a JSON file, or its longest object.
"""

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import orjson

from geosearch.errors import BadData
from geosearch.snapshot.source import blocks, whole_lines
from geosearch.sources.osm import extracts

Object = Mapping[str, object]

BLOCK_BYTES = 1 << 20
MOST_BYTES = 64 << 20
"""Most bytes of an object in a document; a longer one means that the document is broken."""

_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOM, _UTF16 = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATOR = b"\x1e"
_BLANK = " \t\r\n\x1e"
_LISTS = frozenset({"features", "elements"})


class Record(NamedTuple):
    """One object of a file.

    Attributes
    ----------
    number
        Number of the line, or of the object in a document, from 1.
    value
        The object; None if the record cannot be read or is not an object.
    raw
        The line; None if `value` is from a document.
    """

    number: int
    value: Object | None
    raw: bytes | None = None

    def text(self) -> bytes:
        """Return the object as one line of JSON, or the unchanged line."""
        if self.raw is not None:
            return self.raw
        try:
            return orjson.dumps(self.value)
        except TypeError:
            # Only `json` writes half a surrogate pair or a number beyond 64 bits.
            return json.dumps(self.value).encode("ascii")


class PlaceFile:
    """A file of places.

    Parameters
    ----------
    path
        File in any of these formats; the content decides, not the name.

    Attributes
    ----------
    header
        Members of a document outside its list, after the list is read; `timestamp` of an extract.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, object] = {}

    def records(self) -> Iterator[Record]:
        """Yield the objects of the file.

        Raises
        ------
        BadData
            The file cannot be read, or a document is broken.
        """
        content = _content(self.path)
        head = next(content, b"")
        if head.startswith(_UTF16):
            raise BadData(f"Expected text in UTF-8, got UTF-16 - at `{self.path}`")
        if kind := extracts.kind_of(head):
            elements = extracts.elements(self.path, kind, self.header)
            yield from (Record(number, element) for number, element in enumerate(elements, 1))
            return
        head = head.removeprefix(_BOM)
        if _is_document(head):
            yield from self._document(chain([head], content))
        else:
            ends = _SEPARATOR if head.startswith(_SEPARATOR) else b"\n"
            yield from _lines(chain([head], content), ends)

    def _document(self, content: Iterator[bytes]) -> Iterator[Record]:
        cursor = _Cursor(content)
        try:
            values = (value for _ in iter(cursor.peek, "") for value in self._values(cursor))
            for number, value in enumerate(values, 1):
                yield Record(number, value if isinstance(value, dict) else None)
        except (ValueError, RecursionError) as error:
            raise BadData(f"Expected whole GeoJSON or JSON, got {error} - at `{self.path}`") from (
                error
            )

    def _values(self, cursor: "_Cursor") -> Iterator[object]:
        """Yield the items of one document; a document that is not a collection is one item."""
        if cursor.peek() == "[":
            yield from cursor.items()
            return
        members: dict[str, object] = {}
        collection = False
        for key in cursor.members():
            if key in _LISTS and cursor.peek() == "[":
                collection = True
                yield from cursor.items()
            else:
                members[key] = cursor.value()
        if collection:
            self.header.update(members)
        else:
            yield members


class _Cursor:
    """A position in a stream of JSON text; `json` decodes one value at a time."""

    def __init__(self, content: Iterator[bytes]) -> None:
        # Bytes that are not UTF-8 become half surrogate pairs, and the build rejects those rows.
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._more = (decoder.decode(block) for block in content)
        self._decoder = json.JSONDecoder(parse_constant=lambda _name: None)
        self._text, self._at = "", 0

    def peek(self) -> str:
        """Return the next character that is not blank; an empty text at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._read():
                return ""

    def members(self) -> Iterator[str]:
        """Yield the keys of an object; the caller reads the value after each."""
        self._expect("{")
        while self.peek() != "}":
            key = self.value()
            if not isinstance(key, str):
                raise ValueError(f"{key!r} instead of a name in double quotes")
            self._expect(":")
            yield key
            self._between("}")
        self._at += 1

    def items(self) -> Iterator[object]:
        """Yield the values of an array."""
        self._expect("[")
        while self.peek() != "]":
            yield self.value()
            self._between("]")
        self._at += 1

    def value(self) -> object:
        """Decode the next value."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > MOST_BYTES or not self._read(twice=True):
                    raise
                continue
            # A number at the end of a block may continue in the next one: `1`, `1.`, `1e+`.
            if isinstance(value, int | float) and len(self._text) - end < 3 and self._read():
                continue
            self._at = end
            return value

    def _expect(self, sign: str) -> None:
        found = self.peek()
        if found != sign:
            raise ValueError(f"{found!r} instead of {sign!r}" if found else "its end too early")
        self._at += 1

    def _between(self, end: str) -> None:
        if self.peek() != end:
            self._expect(",")

    def _read(self, *, twice: bool = False) -> bool:
        """Load a block; with `twice`, at least double the unread text. False at the end."""
        rest = self._text[self._at :]
        pieces, held = [rest], len(rest)
        for block in self._more:
            pieces.append(block)
            held += len(block)
            if held > len(rest) and (not twice or held >= 2 * len(rest)):
                break
        if held == len(rest):
            return False
        self._text, self._at = "".join(pieces), 0
        return True


def _content(path: Path) -> Iterator[bytes]:
    """Yield the content in blocks; the first bytes select the decompression."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            if magic == _ZSTD_MAGIC:
                yield from blocks(path, BLOCK_BYTES)
                return
            file.seek(0)
            plain = gzip.GzipFile(fileobj=file) if magic.startswith(_GZIP_MAGIC) else file
            while block := plain.read(BLOCK_BYTES):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(f"Cannot read the file: {error} - at `{path}`") from error


def _is_document(head: bytes) -> bool:
    """Return whether a file is one JSON document over all its lines, by its first megabyte.

    An incomplete first line begins a document. But if the second line is an object of its own, the
    first one is a truncated line.
    """
    whole = head.strip(_BLANK.encode())
    first, _, rest = whole.partition(b"\n")
    if not whole.startswith((b"{", b"[")) or head.startswith(_SEPARATOR):
        return False
    value = _object(first)
    if value is not None:
        return not rest and not _LISTS.isdisjoint(value)
    try:
        text = first.decode("utf-8", "surrogateescape").rstrip()
        json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        cut_off = error.pos >= len(text) or error.msg.startswith("Unterminated")
        second = rest.lstrip().partition(b"\n")[0]
        return cut_off and not (first.startswith(b'{"') and _object(second))
    except (ValueError, RecursionError):
        return False
    return whole.startswith(b"[") and not rest.strip()


def _lines(content: Iterator[bytes], ends: bytes) -> Iterator[Record]:
    number = 0
    for block in whole_lines(content, ends):
        whole = block.removesuffix(ends).split(ends) if ends == _SEPARATOR else block.splitlines()
        for line in whole:
            number += 1
            text = line.strip(_BLANK.encode())
            if text:
                value = _object(text)
                raw = text if ends == b"\n" or value is None else orjson.dumps(value)
                yield Record(number, value, b" ".join(raw.splitlines()))


def _object(line: bytes) -> Object | None:
    try:
        value = orjson.loads(line)
    except ValueError:
        if b"NaN" not in line and b"Infinity" not in line:
            return None
        # Exports of tables write NaN for a missing value, which is not JSON.
        try:
            value = json.loads(line, parse_constant=lambda _name: None)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
