"""One immutable file of columns with a manifest and a checksum.

Useful for: few and small columns that are written often, such as a segment of some documents.
Not useful for: columns larger than memory; `storage` streams these, one file each.

A file holds a header of 64 bytes, the columns one after another, each at a multiple of 64 bytes,
and a JSON object: the caller's manifest, and where each column is. The header holds a mark, the
place and size of the object, and the XXH3-128 of all bytes after the header.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from indexes.files import named, sync_file, write_file
from indexes.storage import IndexFormatError

_MARK = b"geocols1"
_ALIGNED = 64
_HEADER = struct.Struct("<8sQQ16s24x")


class _Column(msgspec.Struct, frozen=True):
    begin: int
    dtype: str
    shape: tuple[int, ...]


class _About(msgspec.Struct, frozen=True):
    """The object at the end of a file."""

    manifest: dict[str, Any]
    columns: dict[str, _Column]


class _Pieces:
    """A column of bytes that is written in pieces; as `storage.ColumnStream`."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        """Bytes so far."""

    def write(self, data: bytes | memoryview | NDArray[np.uint8]) -> None:
        """Append bytes."""
        piece = bytes(data)
        self.pieces.append(piece)
        self.size += len(piece)


class ContainerWriter:
    """Collects columns and writes them as one file; it takes what `storage.FolderWriter` takes.

    Parameters
    ----------
    path
        The file; there must be none.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._columns: dict[str, NDArray[Any]] = {}

    def add(self, name: str, array: NDArray[Any]) -> None:
        """Take an array as the column `name`, in C order."""
        array = np.asarray(array)
        self._columns[name] = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))

    @contextmanager
    def stream(self, name: str) -> Iterator[_Pieces]:
        """Context manager for a uint8 column of unknown length, written in pieces."""
        stream = _Pieces()
        yield stream
        self.add(name, np.frombuffer(b"".join(stream.pieces), np.uint8))

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the file, durably; its folder is left to the caller.

        Raises
        ------
        OSError
            The disk is full or fails; there is no file then.
        """
        body, columns, begin = [], {}, _HEADER.size
        for name, array in self._columns.items():
            columns[name] = _Column(begin, array.dtype.str, array.shape)
            body.append(array.tobytes())
            body.append(bytes(-array.nbytes % _ALIGNED))
            begin += array.nbytes + len(body[-1])
        about = msgspec.json.encode(_About(manifest, columns))
        content = b"".join([*body, about])
        digest = xxhash.xxh3_128_digest(content)
        try:
            write_file(self.path, _HEADER.pack(_MARK, begin, len(about), digest) + content)
            sync_file(self.path)
        except BaseException:
            self.path.unlink(missing_ok=True)  # A full disk must not fill with what nobody reads.
            raise


def open_container(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns and manifest of a file.

    Returns
    -------
    columns
        Read-only memory-mapped arrays by name.
    manifest
        The argument of `ContainerWriter.finish`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    IndexFormatError
        It differs from the written one.
    """
    with named(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _HEADER.size:
            raise IndexFormatError(f"Expected {_HEADER.size} bytes, got {size} - at `{path}`")
        content = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    mark, begin, length, digest = _HEADER.unpack(content[: _HEADER.size])
    whole = memoryview(content)
    if mark != _MARK or begin + length != size:
        raise IndexFormatError(f"Expected a file of columns, got another one - at `{path}`")
    if xxhash.xxh3_128_digest(whole[_HEADER.size :]) != digest:
        raise IndexFormatError(f"Expected the file as written, got an altered one - at `{path}`")
    about = msgspec.json.decode(whole[begin:], type=_About)
    data = np.frombuffer(content, np.uint8)
    columns = {}
    for name, column in about.columns.items():
        dtype = np.dtype(column.dtype)
        end = column.begin + dtype.itemsize * int(np.prod(column.shape))
        columns[name] = data[column.begin : end].view(dtype).reshape(column.shape)
    return columns, about.manifest
