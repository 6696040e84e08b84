"""A folder of memory-mapped `.npy` columns with a manifest and checksums.

Useful for: arrays larger than memory, which processes share through the page cache; and refusing a
folder that differs from the written one.
Not useful for: data that changes, objects, or protection against forgery: the checksums (xxHash)
find accidents, not attackers.

A folder holds

- `NAME.npy` for each column, readable by `numpy.load`;
- `checksums.bin`, the XXH3-64 of each block of 1 MiB of each column, little-endian, columns in
  the manifest's order;
- `manifest.json`, written last: a folder without it is not finished. Its last member, `digest`,
  is the XXH3-128 of all bytes before it, so `open_folder` notices an edit of the manifest too.
"""

import errno
import mmap
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import msgspec
import numpy as np
import orjson
import xxhash
from numpy.typing import NDArray

from indexes.files import named, sync_folder

FORMAT_VERSION = 5
"""Version of the folder's layout; `open_folder` refuses any other."""

BLOCK_BYTES = 1 << 20
"""Bytes per checksum; the last block of a file may be shorter."""

FAST_BYTES = 64 << 20
"""Bytes that `verify="fast"` reads of sampled columns: some 15 ms from the page cache."""

MANIFEST = "manifest.json"
CHECKSUMS = "checksums.bin"

# Errors that do not concern the file: too many are open, or memory is short.
_TRANSIENT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_KINDS = "biuf"
# Each header has this length, so that a stream can write its shape at the end. 128 is a multiple of
# 64, as the .npy format asks, and keeps the data aligned to cache lines.
_HEADER_BYTES = 128
_MAGIC = b"\x93NUMPY\x01\x00"
_DIGEST = re.compile(rb',"digest":"([0-9a-f]{32})"\}\n\Z')


class IndexFormatError(ValueError):
    """A folder is not a finished, unaltered folder of this format version.

    The message names the file and says what is wrong with it.
    """


class _Column(msgspec.Struct, frozen=True):
    size: int
    dtype: str
    shape: tuple[int, ...]


class _Manifest(msgspec.Struct, frozen=True):
    format_version: int
    checksums: str
    files: dict[str, _Column]


def _blocks(size: int) -> int:
    return -(-size // BLOCK_BYTES)


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    # The format, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    room = _HEADER_BYTES - len(_MAGIC) - 2
    if len(text) >= room:
        raise ValueError(f"Expected an array with fewer dimensions, got shape {shape}")
    return _MAGIC + room.to_bytes(2, "little") + text.ljust(room - 1) + b"\n"


class ColumnStream:
    """A growing one-dimensional uint8 column; `FolderWriter.stream` makes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digests: list[int] = []
        self._hasher = xxhash.xxh3_64()
        self._filled = 0
        self.size = 0
        """Bytes written so far; the next piece begins at this offset."""

    def write(self, piece: Any) -> None:
        """Append the bytes of any contiguous buffer."""
        view = memoryview(piece).cast("B") if len(piece) else memoryview(b"")
        self._append(view)
        self.size += view.nbytes

    def _append(self, view: memoryview) -> None:
        self._file.write(view)
        start = 0
        while start < view.nbytes:
            part = view[start : start + BLOCK_BYTES - self._filled]
            self._hasher.update(part)
            self._filled += part.nbytes
            start += part.nbytes
            if self._filled == BLOCK_BYTES:
                self._end_block()

    def _end_block(self) -> None:
        self._digests.append(self._hasher.intdigest())
        self._hasher.reset()
        self._filled = 0


class FolderWriter:
    """Writes one folder of columns.

    Only `finish` finishes a folder; the end of a `with` block does nothing. `open_folder` refuses
    an unfinished folder.

    Parameters
    ----------
    path
        Folder to write into; made if missing.

    Raises
    ------
    FileExistsError
        If the folder already holds a manifest.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        if (self.path / MANIFEST).exists():
            raise FileExistsError(
                f"Expected a folder without a manifest, got a finished one - at `{self.path}`"
            )
        self._columns: dict[str, _Column] = {}
        self._digests: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def add(self, name: str, array: NDArray[Any]) -> None:
        """Write an array as the column `name`, in C order.

        Parameters
        ----------
        name
            Lower-case letters, digits and `_`; each name once.
        array
            Any shape but `()`, booleans, integers or floats. May be empty.

        Raises
        ------
        ValueError
            If the name or the array is not as above.
        """
        array = np.asarray(array)
        if array.ndim == 0 or array.dtype.kind not in _KINDS:
            raise ValueError(
                "Expected an array of numbers with at least one dimension, "
                f"got {array.dtype} with shape {array.shape} - at column `{name}`"
            )
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        with self._opened(name) as file:
            stream = ColumnStream(file)
            stream._append(memoryview(_header(array.dtype, array.shape)))
            if array.size:
                stream.write(array.reshape(-1).view(np.uint8))
            self._close(name, stream, file, array.dtype, array.shape)

    @contextmanager
    def stream(self, name: str) -> Iterator[ColumnStream]:
        """Context manager for a uint8 column of unknown length, written in pieces.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     writer = FolderWriter(Path(folder) / "columns")
        ...     with writer.stream("text") as column:
        ...         column.write(b"deal")
        ...         column.write(b"s")
        ...         column.size
        ...     writer.finish({})
        ...     open_folder(writer.path)[0]["text"].tobytes()
        5
        b'deals'
        """
        with self._opened(name) as file:
            stream = ColumnStream(file)
            dtype = np.dtype(np.uint8)
            stream._append(memoryview(_header(dtype, (0,))))
            yield stream
            if stream._filled:
                stream._end_block()
            # The header changes with the shape, so hash the first block again.
            file.seek(0)
            file.write(_header(dtype, (stream.size,)))
            file.seek(0)
            stream._digests[0] = xxhash.xxh3_64_intdigest(file.read(BLOCK_BYTES))
            self._close(name, stream, file, dtype, (stream.size,))

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write checksums and manifest, and make everything durable.

        Parameters
        ----------
        manifest
            JSON members of the caller; `open_folder` returns them. The names `format_version`,
            `files`, `checksums` and `digest` are reserved.

        Raises
        ------
        ValueError
            If the manifest has one of these names.
        """
        taken = {"format_version", "files", "checksums", "digest"} & manifest.keys()
        if taken:
            raise ValueError(f"Expected other names in the manifest, got {sorted(taken)}")
        checksums = np.array(self._digests, dtype="<u8").tobytes()
        self._write(CHECKSUMS, checksums)
        sync_folder(self.path)
        own = {
            "format_version": FORMAT_VERSION,
            "files": {name: msgspec.to_builtins(at) for name, at in self._columns.items()},
            "checksums": xxhash.xxh3_128_hexdigest(checksums),
        }
        body = orjson.dumps({**manifest, **own})[:-1]
        digest = xxhash.xxh3_128_hexdigest(body).encode()
        self._write(MANIFEST, body + b',"digest":"' + digest + b'"}\n')
        sync_folder(self.path)

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        if not _NAME.match(name) or name in self._columns:
            raise ValueError(f"Expected a new name of lower-case letters, got {name!r}")
        path = self.path / f"{name}.npy"
        with named(path), open(path, "x+b") as file:
            yield file

    def _close(
        self,
        name: str,
        stream: ColumnStream,
        file: BinaryIO,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
    ) -> None:
        if stream._filled:
            stream._end_block()
        file.flush()
        os.fsync(file.fileno())
        self._columns[name] = _Column(_HEADER_BYTES + stream.size, dtype.str, shape)
        self._digests.extend(stream._digests)

    def _write(self, name: str, content: bytes) -> None:
        path = self.path / name
        with named(path), open(path, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def open_folder(
    path: Path,
    *,
    verify: Literal["fast", "full"] = "fast",
    sampled: Collection[str] | None = None,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns and manifest of a finished folder.

    Parameters
    ----------
    path
        The folder.
    verify
        `"full"` compares each block with its checksum. `"fast"` samples the columns in `sampled` if
        they exceed `FAST_BYTES` together: it compares the first and last block of each and an even
        sample between, and may miss damage in the middle. It compares all blocks of other columns.
        Both check manifest, checksums, and the existence and size of each file.
    sampled
        Names of columns that a fast check may sample; all by default.

    Returns
    -------
    columns
        Read-only memory-mapped arrays by name.
    manifest
        The argument of `FolderWriter.finish`, with `format_version` and `files`.

    Raises
    ------
    IndexFormatError
        If anything differs from the written folder, or cannot be read. The message names the file.

    Notes
    -----
    The check reads blocks instead of mapping them. So it refuses a file that the disk cannot read
    or that is truncated meanwhile, where a mapping would end the process by SIGBUS.
    """
    if verify not in ("fast", "full"):
        raise ValueError(f"Expected `verify` to be 'fast' or 'full', got {verify!r}")
    path = Path(path)
    manifest, layout = _read_manifest(path)
    digests = _read_checksums(path, layout)
    some = layout.files.keys() if sampled is None else sampled
    sparse = 1 if verify == "full" else _stride([layout.files[name].size for name in some])
    stride = {name: sparse if name in some else 1 for name in layout.files}
    contents = {name: _map(path / f"{name}.npy", at.size) for name, at in layout.files.items()}
    if verify == "fast":
        # Request all reads before waiting for the first. From a cold disk 200 blocks of 100 files
        # take 0.25 s, against 2.2 s one after the other.
        for name, content in contents.items():
            for start in _sample(len(content), stride[name]):
                length = min(BLOCK_BYTES, len(content) - start)
                content.madvise(mmap.MADV_WILLNEED, start, length)
    _compare(path, layout, digests, stride)
    columns = {name: _as_array(content, layout.files[name]) for name, content in contents.items()}
    return columns, manifest


def verify_folder(path: Path) -> None:
    """Compare every byte of a finished folder with its checksum; takes 0.25 s per cached GB.

    Raises
    ------
    IndexFormatError
        As `open_folder`.
    """
    _, layout = _read_manifest(path)
    _compare(path, layout, _read_checksums(path, layout), dict.fromkeys(layout.files, 1))


def _compare(
    path: Path, layout: _Manifest, digests: NDArray[np.uint64], stride: dict[str, int]
) -> None:
    """Compare every `stride`-th block of each file, and its last, with their checksums."""
    first = 0
    for name, column in layout.files.items():
        last = first + _blocks(column.size)
        _check_blocks(path / f"{name}.npy", column.size, digests[first:last], stride[name])
        first = last


def _sample(size: int, stride: int) -> list[int]:
    """Offsets of the blocks to check in a file, including the last block."""
    last = (_blocks(size) - 1) * BLOCK_BYTES
    return [*range(0, last, stride * BLOCK_BYTES), last]


def _stride(sizes: list[int]) -> int:
    if sum(sizes) <= FAST_BYTES:
        return 1
    # The check always reads the first and last block of each file; spread the rest of the budget.
    left = max(1, FAST_BYTES // BLOCK_BYTES - 2 * len(sizes))
    return -(-sum(map(_blocks, sizes)) // left)


def _read_manifest(path: Path) -> tuple[dict[str, Any], _Manifest]:
    file = path / MANIFEST
    content = _read(file)
    try:
        manifest = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise IndexFormatError(f"Expected JSON, got {error} - at `{file}`") from None
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if not isinstance(version, int) or version < 1:
        raise IndexFormatError(
            f"Expected a manifest with a `format_version`, got {version!r} - at `{file}`"
        )
    # Check before the digest, because another format may have another digest.
    if version != FORMAT_VERSION:
        by = "a newer release" if version > FORMAT_VERSION else "an older release: build it again"
        expected = f"Expected format version {FORMAT_VERSION}"
        raise IndexFormatError(f"{expected}, got {version}, written by {by} - at `{file}`")
    end = _DIGEST.search(content)
    if end is None or xxhash.xxh3_128_hexdigest(content[: end.start()]).encode() != end[1]:
        raise IndexFormatError(
            f"Expected the manifest as written, got an altered one - at `{file}`"
        )
    try:
        layout = msgspec.convert(manifest, _Manifest)
        for name, column in layout.files.items():
            _check_layout(name, column)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise IndexFormatError(f"Expected a list of columns, got: {error} - at `{file}`") from None
    for name in ("checksums", "digest"):
        del manifest[name]
    return manifest, layout


def _check_layout(name: str, column: _Column) -> None:
    dtype = np.dtype(column.dtype)
    items = 1
    for length in column.shape:
        items *= length
    expected = _HEADER_BYTES + items * dtype.itemsize
    sound = _NAME.match(name) and dtype.kind in _KINDS and column.shape and min(column.shape) >= 0
    if not sound or column.size != expected:
        raise ValueError(f"column {name!r} of {column.size} bytes")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise IndexFormatError(f"Expected a file, got none - at `{file}`") from None
    except OSError as error:
        raise _unreadable(file, error) from error


def _read_checksums(path: Path, layout: _Manifest) -> NDArray[np.uint64]:
    file = path / CHECKSUMS
    content = _read(file)
    expected = 8 * sum(_blocks(column.size) for column in layout.files.values())
    if len(content) != expected:
        raise IndexFormatError(f"Expected {expected} bytes, got {len(content)} - at `{file}`")
    if xxhash.xxh3_128_hexdigest(content) != layout.checksums:
        raise IndexFormatError(f"Expected the file as written, got an altered one - at `{file}`")
    return np.frombuffer(content, dtype="<u8")


def _map(file: Path, size: int) -> mmap.mmap:
    handle = _open(file, size)
    try:
        return mmap.mmap(handle, size, access=mmap.ACCESS_READ)
    finally:
        os.close(handle)


def _open(file: Path, size: int) -> int:
    """Open a file for reading; refuse it unless it has `size` bytes."""
    try:
        handle = os.open(file, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        raise IndexFormatError(f"Expected a file, got none - at `{file}`") from None
    except OSError as error:
        if error.errno in _TRANSIENT:
            raise
        raise _unreadable(file, error) from error
    found = os.fstat(handle).st_size
    if found != size:
        os.close(handle)
        raise IndexFormatError(
            f"Expected {size} bytes, got {found}{', truncated' * (found < size)} - at `{file}`"
        )
    return handle


def _unreadable(file: Path, error: OSError) -> IndexFormatError:
    return IndexFormatError(f"Expected a file that can be read, got {error.strerror} - at `{file}`")


def _check_blocks(file: Path, size: int, digests: NDArray[np.uint64], stride: int) -> None:
    handle = _open(file, size)
    try:
        buffer = memoryview(bytearray(BLOCK_BYTES))
        for start in _sample(size, stride):
            part = buffer[: min(BLOCK_BYTES, size - start)]
            if os.preadv(handle, [part], start) != len(part):
                raise IndexFormatError(f"Expected {size} bytes, got fewer, truncated - at `{file}`")
            if xxhash.xxh3_64_intdigest(part) != digests[start // BLOCK_BYTES]:
                raise IndexFormatError(
                    "Expected the file as written, got altered bytes between "
                    f"{start} and {start + len(part)} - at `{file}`"
                )
    except OSError as error:
        raise _unreadable(file, error) from error
    finally:
        os.close(handle)


def _as_array(content: mmap.mmap, column: _Column) -> NDArray[Any]:
    dtype = np.dtype(column.dtype)
    array = np.frombuffer(content, dtype=np.uint8)[_HEADER_BYTES:].view(dtype)
    return array.reshape(column.shape)
