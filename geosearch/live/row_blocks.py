"""Rows of a table in a file of small compressed blocks: reading one row reads one block.

Useful for: a few rows of a large table.
Not useful for: single columns of all rows, which Parquet reads faster.

A block is a stream of Arrow IPC with `BLOCK_ROWS` rows, in a frame of Zstandard. A block of
merchants takes 0.3 ms of CPU to read; one row of a large Parquet file takes 5 to 10 ms.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import xxhash
import zstandard

from indexes.arrays import U32, U64
from indexes.files import create

BLOCK_ROWS = 256
"""Rows of a block; smaller ones are read faster and take more bytes."""

MOST_KEPT = 8_192
"""Most rows that stay in memory for the next look-up: some 5 MB of merchants."""

_PART = 512
"""Blocks of a chunk when all are read."""

_TOGETHER = 64
"""Blocks that are in memory at once when some rows are read, and chunks of the rows that stay."""


class Blocks(NamedTuple):
    """Where b blocks are in a file, and the XXH3-64 of each."""

    starts: U64  # [b + 1]
    digests: U64  # [b]


def write_blocks(path: Path, frame: pl.DataFrame) -> Blocks:
    """Write a frame; an empty one is one block."""
    starts, digests = [0], list[int]()
    compressor = zstandard.ZstdCompressor()
    with create(path) as file:
        for content in _contents(frame):
            block = compressor.compress(content)
            starts.append(starts[-1] + file.write(block))
            digests.append(xxhash.xxh3_64_intdigest(block))
    return Blocks(np.array(starts, np.uint64), np.array(digests, np.uint64))


class RowBlocks:
    """Rows of a file of blocks.

    Parameters
    ----------
    path
        File that `write_blocks` wrote.
    blocks
        What it returned.

    Raises
    ------
    ValueError
        The file has another length; or at a look-up or check, a block differs from the written one.
    OSError
        The file cannot be read, also at a look-up or check.
    """

    def __init__(self, path: Path, blocks: Blocks) -> None:
        self._path, self._blocks = path, blocks
        size = path.stat().st_size
        if size != blocks.starts[-1]:
            raise ValueError(f"expected {blocks.starts[-1]} bytes, got {size} in {path.name}")
        self._kept_rows = np.zeros(0, np.uint32)

    def check(self) -> None:
        """Check all blocks; 200 MB take 50 ms of CPU."""
        with self._path.open("rb") as file:
            for number in range(len(self._blocks.digests)):
                self._block(file, number)

    def take(self, rows: U32) -> pl.DataFrame:
        """Rows by number, in their order; those of earlier calls are read from memory."""
        if len(rows) > MOST_KEPT:
            return self._read(np.unique(rows))[np.unique(rows, return_inverse=True)[1]]
        new = np.setdiff1d(rows, self._kept_rows)
        if len(self._kept_rows) + len(new) > MOST_KEPT:
            self._kept, self._kept_rows = self._none, np.zeros(0, np.uint32)
            new = np.unique(rows)
        if len(new):
            self._kept = pl.concat([self._kept, self._read(new)])
            self._kept_rows = np.concatenate([self._kept_rows, new])
            if self._kept.n_chunks() > _TOGETHER:
                self._kept = _compact(self._kept)
        order = np.argsort(self._kept_rows)
        return self._kept[order[np.searchsorted(self._kept_rows, rows, sorter=order)]]

    def row(self, number: int) -> dict[str, Any]:
        """One row; it does not stay in memory."""
        block, place = divmod(number, BLOCK_ROWS)
        return next(self._frames([block])).row(place, named=True)

    def all(self) -> pl.DataFrame:
        """All rows in order."""
        blocks = range(len(self._blocks.digests))
        parts = (blocks[first : first + _PART] for first in blocks[::_PART])
        return pl.concat(pl.concat(self._frames(part), rechunk=True) for part in parts)

    @cached_property
    def _kept(self) -> pl.DataFrame:
        """Rows `_kept_rows`."""
        return self._none

    @cached_property
    def _none(self) -> pl.DataFrame:
        return next(self._frames([0])).clear()

    def _read(self, rows: U32) -> pl.DataFrame:
        """Ascending rows."""
        blocks, begins = np.unique(rows // BLOCK_ROWS, return_index=True)
        places = np.split(rows % BLOCK_ROWS, begins[1:])
        frames, pieces = self._frames(blocks.tolist()), []
        for first in range(0, len(places), _TOGETHER):
            some = zip(places[first : first + _TOGETHER], frames, strict=False)
            pieces.append(_compact(pl.concat(frame[own] for own, frame in some)))
        return pl.concat(pieces)

    def _frames(self, blocks: Iterable[int]) -> Iterator[pl.DataFrame]:
        """Frames of blocks by number."""
        decompressor = zstandard.ZstdDecompressor()
        with self._path.open("rb") as file:
            for number in blocks:
                yield _decoded(decompressor.decompress(self._block(file, number)))

    def _block(self, file: Any, number: int) -> bytes:
        start, end = self._blocks.starts[number : number + 2].tolist()
        file.seek(start)
        block: bytes = file.read(end - start)
        if xxhash.xxh3_64_intdigest(block) != self._blocks.digests[number]:
            raise ValueError(f"block {number} of {self._path.name} differs from its checksum")
        return block


def _contents(frame: pl.DataFrame) -> Iterator[bytes]:
    """Streams of blocks."""
    for first in range(0, max(frame.height, 1), BLOCK_ROWS):
        own = frame.slice(first, BLOCK_ROWS)
        # A copy: the encoder of a slice goes through the lists of all rows.
        yield _encoded(own[np.arange(own.height, dtype=np.uint32)])


def _encoded(frame: pl.DataFrame) -> bytes:
    content = BytesIO()
    # Texts as the oldest format has them: the newest one would write those of other rows, too.
    frame.write_ipc_stream(content, compat_level=pl.CompatLevel.oldest())
    return content.getvalue()


def _decoded(content: bytes) -> pl.DataFrame:
    return pl.read_ipc_stream(BytesIO(content))


def _compact(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows in one piece; those of a block hold the texts of all its rows in memory."""
    return _decoded(_encoded(frame.rechunk()))
