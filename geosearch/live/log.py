"""Log of the accepted changes of an index: durable, ordered, numbered from 1 without gaps.

SQLite keeps it (WAL, `synchronous=FULL`): a commit returns after the disk has the changes. One
`ChangeLog` writes an index, because SQLite before 3.51.3 can lose a commit if two connections reset
its WAL at the same time; `ChangeLog.read` opens further ones that only read.

Each change has a checksum with its number, so that who reads it back need not validate it again.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

import xxhash

from geosearch.errors import BadData
from geosearch.live.changes import ChangeRefused, LiveChange, read_change, read_logged
from indexes.files import sync_folder

LOG = "changes.sqlite"
"""File of the log in the folder `live` of an index."""

TOGETHER = 100_000
"""Changes that are read together."""

_APPLICATION = 0x67656F6C  # "geol"
_FORMAT = 2
_UNCHECKED = 1
"""Format of logs without checksums: their lines are validated instead."""
_TABLES = f"""
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY,
    accepted_ms INTEGER NOT NULL,
    row_table TEXT NOT NULL,
    row_key TEXT NOT NULL,
    change_id TEXT UNIQUE,
    version INTEGER,
    change BLOB NOT NULL,
    checksum BLOB
);
CREATE INDEX versions ON changes (row_table, row_key, version) WHERE version IS NOT NULL;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
"""
_TO_CHECKED = f"""
ALTER TABLE changes ADD COLUMN checksum BLOB;
PRAGMA user_version = {_FORMAT};
"""


_Row = tuple[int, int, bytes, object]
"""Number, when it was accepted, line and checksum; the latter two of any type if it is damaged."""


class NotDurable(BadData):
    """The disk is full or fails: none of the changes is accepted, and none becomes visible."""


class Logged(NamedTuple):
    """One accepted change: its number, when it was accepted, and its JSON."""

    seq: int
    accepted_ms: int
    change: bytes


def log_file(index: Path) -> Path:
    """File of the log of an index."""
    return index / "live" / LOG


class ChangeLog:
    """The log of one index.

    Parameters
    ----------
    index
        Index folder; the log is made if there is none.

    Raises
    ------
    BadData
        The file is no log, or one of a newer release.
    NotDurable
        The log cannot be made.
    """

    def __init__(self, index: Path) -> None:
        self._file = log_file(index)
        try:
            is_new = not self._file.exists()
            self._file.parent.mkdir(exist_ok=True)
            self._connection = self._open()
            if is_new:
                sync_folder(self._file.parent)
                sync_folder(index)
        except OSError as error:
            raise NotDurable(f"Cannot write the log: {error} - at `{self._file}`") from error
        self.head = self._head()
        """Number of the last accepted change; 0 without one."""

    @classmethod
    def read(cls, index: Path) -> Self | None:
        """The log for reading only, beside the process that writes it; None if there is none."""
        file = log_file(index)
        if not file.exists():
            return None
        log = cls.__new__(cls)
        log._file = file
        name = quote(os.fspath(file.absolute()))
        with _faults(file):
            log._connection = sqlite3.connect(f"file:{name}?mode=ro", uri=True)
            log._check_format()
        log.head = log._head()
        return log

    def _open(self) -> sqlite3.Connection:
        with _faults(self._file):
            connection = sqlite3.connect(
                self._file, isolation_level=None, check_same_thread=False, timeout=10.0
            )
            self._connection = connection
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
            self._check_format()
            if version == _UNCHECKED:
                connection.executescript(f"BEGIN IMMEDIATE; {_TO_CHECKED} COMMIT;")
                self._checksum = "checksum"
        return connection

    def _check_format(self) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION or version not in (_UNCHECKED, _FORMAT):
            raise BadData(
                f"Expected a log of changes of format {_FORMAT}, got format {version} "
                f"- at `{self._file}`"
            )
        self._checksum = "checksum" if version == _FORMAT else "NULL"

    def _head(self) -> int:
        with _faults(self._file):
            (head,) = self._connection.execute(
                "SELECT coalesce(max(seq), 0) FROM changes"
            ).fetchone()
        return int(head)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Context manager: all changes that are added inside become durable together, or none.

        Raises
        ------
        NotDurable
            The disk is full or fails. `head` is the one before.
        """
        before = self.head
        try:
            with _faults(self._file, NotDurable):
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
        except BaseException:
            self.head = before
            self._restore()
            raise

    def _restore(self) -> None:
        """Undo an unfinished transaction; open the file again if that fails as well."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._connection.close()
            self._connection = self._open()

    def add(self, change: LiveChange, accepted_ms: int | None = None) -> int:
        """Add a change inside a `transaction`; return its number.

        `accepted_ms` is when it was accepted, Unix time in milliseconds; now if None.
        """
        seq = self.head + 1
        accepted_ms = time.time_ns() // 1_000_000 if accepted_ms is None else accepted_ms
        line = change.as_json()
        self._connection.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(seq, accepted_ms, change.table, change.key, change.change_id, change.version),
                *(line, xxhash.xxh3_64_digest(line, seq)),
            ),
        )
        self.head = seq
        return seq

    def has(self, change_id: str) -> bool:
        """Whether a change with this id was accepted."""
        found = self._connection.execute("SELECT 1 FROM changes WHERE change_id = ?", (change_id,))
        return found.fetchone() is not None

    def latest_version(self, table: str, key: str) -> int | None:
        """Greatest version of the accepted changes of a row; None without one."""
        found = self._connection.execute(
            "SELECT max(version) FROM changes"
            " WHERE row_table = ? AND row_key = ? AND version IS NOT NULL",
            (table, key),
        )
        version: int | None = found.fetchone()[0]
        return version

    def after(self, seq: int, limit: int = -1) -> Iterator[Logged]:
        """The changes after number `seq` in order, at most `limit`; all if that is negative.

        Raises
        ------
        BadData
            A change is missing or damaged, or was not written here.
        """
        for batch in self._batches_after(seq, limit):
            yield from (Logged(*row[:3]) for row in batch)

    def changes_after(self, seq: int) -> Iterator[list[LiveChange]]:
        """All changes after number `seq` in order, up to `TOGETHER` at once.

        Raises
        ------
        BadData
            As `after`.
        """
        for batch in self._batches_after(seq, -1):
            yield read_logged([change for _, _, change, _ in batch])

    def _batches_after(self, seq: int, limit: int) -> Iterator[list[_Row]]:
        with _faults(self._file):
            rows = self._connection.execute(
                f"SELECT seq, accepted_ms, change, {self._checksum} FROM changes"
                " WHERE seq > ? ORDER BY seq LIMIT ?",
                (seq, limit),
            )
            while batch := rows.fetchmany(TOGETHER):
                whole = _whole(batch, seq + 1)
                yield batch[:whole]
                seq += whole
                if whole < len(batch):
                    raise BadData(
                        f"Expected change {seq + 1} with its checksum, got another or none - at "
                        f"`{self._file}`"
                    )

    def last_through(self, milliseconds: int) -> int:
        """Number of the last change accepted at or before an instant (Unix time); 0 without one.

        A clock that went back may give a later change an earlier instant; the number counts.
        """
        with _faults(self._file):
            (seq,) = self._connection.execute(
                "SELECT coalesce(min(seq), 0) FROM changes WHERE accepted_ms > ?", (milliseconds,)
            ).fetchone()
        return int(seq) - 1 if seq else self.head

    def close(self) -> None:
        """Close the file."""
        with closing(self._connection):
            pass


def _whole(rows: Sequence[_Row], first: int) -> int:
    """How many rows, up to a damaged one, are as they were written under their numbers."""
    for due, (seq, _, change, checksum) in enumerate(rows, first):
        if seq != due or not (
            (type(change) is bytes and xxhash.xxh3_64_digest(change, seq) == checksum)
            or _is_valid(change, checksum)
        ):
            return due - first
    return len(rows)


def _is_valid(change: object, checksum: object) -> bool:
    """Whether a change without a checksum is as `LiveChange.as_json` writes it."""
    if not isinstance(change, bytes) or checksum is not None:
        return False
    try:
        return read_change(change).as_json() == change
    except ChangeRefused:
        return False


@contextmanager
def _faults(file: Path, kind: type[BadData] = BadData) -> Iterator[None]:
    """Turn errors of SQLite into one of ours that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        what = "Cannot write the log" if kind is NotDurable else "Cannot read the log"
        raise kind(f"{what}: {error} - at `{file}`") from error
