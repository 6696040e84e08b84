"""Moment: the file of a version with all live changes that its readers show, up to one number.

`Writer` replaces the file by one rename, and readers look at its inode to notice. A moment holds
only numbers of its version, and names files of small segments: readers make columns and texts of
them (`changed_segment`).
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash

from geosearch.errors import BadData, Behind
from geosearch.segment.segment import SMALL
from indexes.arrays import I64, U32
from indexes.files import named, sync_file, sync_folder, write_file

LIVE = "LIVE"
"""File of a version with its current moment."""

UNLIMITED = -1
"""Stock of a deal without a number of pieces."""

NO_STAMP: "Stamp | None" = None
"""Stamp of a version without live changes."""

_FORMAT = 2
_CHECKSUM_BYTES = 8


Stamp = tuple[int, int]
"""Identity of a file with a moment."""


class SegmentChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of one segment since its build, as arrays in bytes.

    Attributes
    ----------
    gone_docs
        Withdrawn documents, uint32, ascending.
    gone_deals
        Deleted deals, uint32, ascending.
    stock_deals, stock
        Deals whose stock changed, uint32, ascending; their pieces left, int64, `UNLIMITED` without
        a limit.
    new_deals
        Those of them that are for new customers only, uint32, ascending.
    off_deals
        Those of them that nobody can use, uint32, ascending: sold out, deleted, or in doubt.
    touched
        Documents whose deals or own state changed at any time since the build, uint32, ascending.
    cards
        Stored objects of the cards that changed, empty if deleted, and whether they are in force,
        by number.
    merchants
        Members that changed of the stored objects of documents.
    closures
        Minutes of the horizon in which a document is closed whatever its hours say, by document:
        the first of each closure, and the one after it.
    ends
        Last valid day of the deals that end earlier than in the snapshot.
    ending_offers
        Their offers in the order of documents, uint32, ascending, by last day.
    """

    gone_docs: bytes = b""
    gone_deals: bytes = b""
    stock_deals: bytes = b""
    stock: bytes = b""
    off_deals: bytes = b""
    touched: bytes = b""
    cards: dict[int, tuple[dict[str, Any], bool]] = {}
    new_deals: bytes = b""
    merchants: dict[int, dict[str, Any]] = {}
    closures: dict[int, list[tuple[int, int]]] = {}
    ends: dict[int, str] = {}
    ending_offers: dict[str, bytes] = {}


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """All live changes of a version up to change number `seq`, one part a segment.

    `small` has the files of the small segments, whose parts come last.
    """

    seq: int
    parts: tuple[SegmentChanges, ...]
    small: tuple[str, ...] = ()
    format: int = _FORMAT


def u32(data: bytes) -> U32:
    """Numbers of a part."""
    return np.frombuffer(data, np.uint32)


def i64(data: bytes) -> I64:
    """Stocks of a part."""
    return np.frombuffer(data, np.int64)


def write_moment(version: Path, moment: Moment) -> None:
    """Replace the moment of a version, durably, by one rename.

    Raises
    ------
    OSError
        The disk is full or fails; the old moment stays.
    """
    body = msgspec.msgpack.encode(moment)
    draft = version / f".tmp-{LIVE}"
    write_file(draft, xxhash.xxh3_64_digest(body) + body)
    now = time.time_ns()
    os.utime(draft, ns=(now, now))  # The system's own stamps are milliseconds apart.
    sync_file(draft)
    draft.replace(version / LIVE)
    sync_folder(version)


def remove_others(version: Path, moment: Moment) -> None:
    """Remove the small segments that a moment does not name; who maps one still reads it."""
    for file in version.glob(f"*{SMALL}"):
        if file.name not in moment.small:
            file.unlink(missing_ok=True)


def moment_stamp(version: Path) -> Stamp | None:
    """Identity of the file with the current moment of a version; None without live changes.

    Raises
    ------
    FileNotFoundError
        The version is gone.
    """
    try:
        status = os.stat(version / LIVE)
    except FileNotFoundError:
        os.stat(version)
        return None
    return status.st_ino, status.st_mtime_ns


def check_reached(as_of_seq: int | None, min_seq: int) -> None:
    """Check that a reader shows a change.

    Raises
    ------
    Behind
        It does not, at least not yet.
    """
    if (as_of_seq or 0) < min_seq:
        raise Behind(f"Expected live changes up to {min_seq}, got those up to {as_of_seq or 0}")


def read_moment(version: Path, segments: Sequence[object]) -> Moment | None:
    """The current moment of a version; None without live changes.

    Parameters
    ----------
    segments
        Segments of the version.

    Raises
    ------
    BadData
        The file is damaged, of another release, or not of this version.
    """
    file = version / LIVE
    try:
        with named(file):
            content = file.read_bytes()
    except FileNotFoundError:
        return None
    body = content[_CHECKSUM_BYTES:]
    if xxhash.xxh3_64_digest(body) != content[:_CHECKSUM_BYTES]:
        raise BadData(f"Expected live changes with their checksum, got others - at `{file}`")
    try:
        moment = msgspec.msgpack.decode(body, type=Moment)
    except msgspec.MsgspecError as error:
        raise BadData(f"Expected live changes, got: {error} - at `{file}`") from error
    if moment.format != _FORMAT or len(moment.parts) - len(moment.small) != len(segments):
        built = len(moment.parts) - len(moment.small)
        got = f"format {moment.format} of {built} segments"
        raise BadData(
            f"Expected format {_FORMAT} of {len(segments)} segments, got {got} - at `{file}`"
        )
    return moment
