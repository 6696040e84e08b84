"""`Writer`: the one writer of the live changes of an index.

A change is accepted when the log has it durably, and it is visible when the version's moment has
it. `apply` does both. A service accepts, and publishes when a moment is due: each moment costs all
readers some milliseconds, and one with whole rows costs the writer some fifty.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import structlog

from geosearch.errors import BadData
from geosearch.indexing.live_version import (
    Checked,
    LiveVersion,
    checked_changes,
    replay,
    replayed,
    sentence_of,
)
from geosearch.live.base import Base
from geosearch.live.changes import ChangeRefused, LiveChange, read_change
from geosearch.live.log import ChangeLog, Logged, NotDurable
from geosearch.live.moment import read_moment
from geosearch.segment.segment import segment_folders
from geosearch.segment.versions import current

Given = bytes | Mapping[str, Any]
"""A change as a line of JSON or as an object."""

REST, SHORTEST_REST, LONGEST_REST = 2.0, 0.1, 0.25
"""How long the writer of a service rests after a moment: this multiple of the time that it took,
and at least and at most so many seconds. So a stream of changes takes a third of a core, readers
take some moments a second, and a change that comes alone is visible at once."""

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 5.0
"""First rest after a moment that could not be written, and the longest one; each doubles it."""

_Read = list[tuple[int, Checked]]


class Rejected(msgspec.Struct, frozen=True):
    """A refused change, or a fault of an accepted one: line from 1, stable code, one sentence."""

    line: int
    code: str
    detail: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of changes.

    Attributes
    ----------
    seq
        Number of the last accepted change of the index; a reader with `as_of_seq` of at least this
        shows all changes of the receipt.
    accepted, stale, duplicate
        How many were accepted, have a lower version than an accepted one of their row, or a
        `change_id` that was accepted before.
    rejected
        Those that were not accepted.
    warnings
        Faults of accepted rows, such as an optional value that is lost.
    """

    seq: int
    accepted: int
    stale: int
    duplicate: int
    rejected: tuple[Rejected, ...]
    warnings: tuple[Rejected, ...] = ()

    def as_json(self) -> bytes:
        """The receipt as `POST /v1/changes` answers it."""
        return msgspec.json.encode(self)

    def text(self) -> str:
        """The receipt as lines for a terminal."""
        lines = [
            f"accepted {self.accepted:,}, stale {self.stale:,}, duplicate {self.duplicate:,}, "
            f"rejected {len(self.rejected):,}; last change {self.seq:,}"
        ]
        for one in self.rejected:
            lines.append(f"  line {one.line}: {one.detail} ({one.code})")
        for one in self.warnings:
            lines.append(f"  line {one.line}, accepted: {one.detail} ({one.code})")
        return "\n".join(lines)


class Progress(NamedTuple):
    """How far a writer is.

    Attributes
    ----------
    head
        Number of the last accepted change.
    visible
        Number of the last change that readers can see; -1 if they see none yet.
    documents, nbytes
        Documents in small segments, and bytes of these.
    """

    head: int
    visible: int
    documents: int
    nbytes: int

    @property
    def lag(self) -> int:
        """Number of accepted changes that readers cannot see yet."""
        return self.head - self.visible


class Writer:
    """Accepts changes of one index, durably and in order.

    Parameters
    ----------
    index
        Index folder with a published version.

    Raises
    ------
    BadData
        There is no version that takes changes, or another process writes changes to this index.

    Examples
    --------
    >>> with Writer("INDEX") as writer:  # doctest: +SKIP
    ...     writer.apply([{"table": "deals", "patch": {"deal_id": "d1", "stock": 0}}])
    """

    def __init__(self, index: str | Path) -> None:
        self.index = Path(index)
        self._retry = RETRY_SECONDS
        version = current(self.index)
        self._lock = _locked(self.index)
        try:
            self._log = ChangeLog(self.index)
            self._open(version)
            self._publish()
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> int:
        """Number of the last accepted change."""
        return self._log.head

    @property
    def progress(self) -> Progress:
        """How far it is."""
        small = self._live.small
        return Progress(self.head, self._published, small.documents, small.nbytes)

    def apply(self, changes: Iterable[Given]) -> Receipt:
        """Accept changes; return when they are durable, and visible in the version's moment.

        Blank lines count as lines and change nothing.

        Raises
        ------
        NotDurable
            The disk is full or fails: none of the changes is accepted.
        """
        (receipt,) = self.accept([list(changes)])
        self.publish()
        return receipt

    def accept(self, batches: Sequence[Sequence[Given]]) -> list[Receipt]:
        """Accept several batches in one transaction, durably; return a receipt for each.

        `follow` makes them visible.

        Raises
        ------
        BadData
            The log lacks changes that the version contains.
        NotDurable
            The disk is full or fails: none of the changes is accepted.
        """
        self._take_over()
        self._check_log()
        read = [self._read(batch) for batch in batches]
        undo: list[Callable[[], None]] = []
        try:
            with self._log.transaction():
                results = [self._accept_all(batch, undo) for batch in read]
        except BaseException:
            for one in reversed(undo):
                one()
            raise
        return [msgspec.structs.replace(result, seq=self._log.head) for result in results]

    def last(self) -> Logged | None:
        """The last accepted change; None without one."""
        return next(self._log.after(self.head - 1, 1), None) if self.head else None

    def copy(self, changes: Sequence[Logged]) -> None:
        """Accept changes of another log with their numbers, whatever they mean for this version.

        `follow` makes them visible.

        Raises
        ------
        BadData
            They do not follow the last change, or one is no change.
        NotDurable
            The disk is full or fails: none of them is accepted.
        """
        self._take_over()
        read: list[tuple[int, LiveChange]] = []
        try:
            with self._log.transaction():
                for logged in changes:
                    change = read_change(logged.change)
                    if self._log.add(change, logged.accepted_ms) != logged.seq:
                        raise BadData(f"Expected change {self._log.head}, got {logged.seq}")
                    read.append((logged.seq, change))
        except ChangeRefused as refusal:
            raise BadData(f"Expected changes of another log, got: {refusal.detail}") from refusal
        # The version contains the first ones already.
        replay(self._state, self._base, [change for seq, change in read if seq > self._base.cut])

    def follow(self) -> None:
        """Take over the served version, and write a moment if one is due.

        Raises
        ------
        BadData
            The served version takes no changes.
        """
        self._take_over()
        if time.monotonic() >= self._due:
            self.publish()

    def pause(self, longest: float) -> float:
        """Seconds until `follow` has a moment to write; at most `longest`."""
        if self._published == self._log.head:
            return longest
        return min(longest, max(0.0, self._due - time.monotonic()))

    def publish(self) -> None:
        """Make all accepted changes visible now.

        If the disk fails or rows are damaged, the log says so, and `follow` tries again: the
        changes are accepted already, so a failure here is no answer to who sent them.
        """
        if self._published == self._log.head:
            return
        begin, rest = time.monotonic(), self._retry
        self._retry = min(2 * rest, LONGEST_RETRY_SECONDS)
        try:
            self._publish()
        except (OSError, BadData) as error:
            structlog.get_logger().error("live changes not visible", error=str(error))
        else:
            self._retry = RETRY_SECONDS
            took = time.monotonic() - begin
            rest = min(max(REST * took, SHORTEST_REST), LONGEST_REST)
        finally:
            self._due = time.monotonic() + rest

    def close(self) -> None:
        """Make all accepted changes visible, close the log, and let another process write."""
        with suppress(BadData):  # A version that takes no changes has none to show.
            self._take_over()
            self.publish()
        self._live.close()
        self._log.close()
        os.close(self._lock)

    def _open(self, version: Path) -> None:
        base = Base(version)
        state, _ = replayed(base, self._log)
        # All or nothing: a moment of one version must not be written for another.
        self._live, self._base, self._state = LiveVersion(base, state), base, state
        self._published, self._due = -1, 0.0

    def _take_over(self) -> None:
        """Take over the served version."""
        version = current(self.index)
        if version != self._base.folder:
            before = self._live
            self._open(version)
            before.close()

    def _check_log(self) -> None:
        """Check that the next change gets a number after those that the version contains.

        Others count as part of the version, so a restart would lose it.
        """
        if self._log.head < self._base.cut:
            raise BadData(
                f"Expected a log of {self._base.cut} changes or more, which the version contains, "
                f"got {self._log.head}: copy the others with `geosearch ingest --from`, or build "
                f"again from a snapshot - at `{self.index}`"
            )

    def _accept_all(self, batch: _Read, undo: list[Callable[[], None]]) -> Receipt:
        rejected: list[Rejected] = []
        warned: list[Rejected] = []
        outcomes = {"accepted": 0, "stale": 0, "duplicate": 0}
        for line, (change, faults) in batch:
            try:
                if isinstance(change, ChangeRefused):
                    raise change
                outcome = self._outcome(change, undo)
            except ChangeRefused as refusal:
                rejected.append(Rejected(line, refusal.code, refusal.detail))
                continue
            outcomes[outcome] += 1
            if outcome == "accepted":
                warned += (Rejected(line, one.code, sentence_of(one)) for one in faults)
        return Receipt(seq=0, rejected=tuple(rejected), warnings=tuple(warned), **outcomes)

    def _read(self, batch: Sequence[Given]) -> _Read:
        """Lines from 1 with their changes, checked as far as single rows go."""
        lines: list[int] = []
        read: list[LiveChange | ChangeRefused] = []
        for line, given in enumerate(batch, 1):
            if isinstance(given, bytes) and not given.strip():
                continue
            lines.append(line)
            try:
                read.append(read_change(given))
            except ChangeRefused as refusal:
                read.append(refusal)
        return list(zip(lines, checked_changes(self._base, read), strict=True))

    def _outcome(self, change: LiveChange, undo: list[Callable[[], None]]) -> str:
        if change.change_id is not None and self._log.has(change.change_id):
            return "duplicate"
        if change.version is not None:
            latest = self._log.latest_version(change.table, change.key)
            if latest is not None and change.version < latest:
                return "stale"
        undo.append(self._state.apply(change))
        self._log.add(change)
        return "accepted"

    def _publish(self) -> None:
        # The log of a copy may not have all changes yet that its version contains.
        seq = max(self._log.head, self._base.cut)
        self._live.publish(seq)
        self._published = self._log.head


def catch_up(index: Path) -> None:
    """Show changes that were accepted while a version was being published, and that it lacks.

    A writer that runs meanwhile does so itself.
    """
    log = ChangeLog.read(index)
    if log is None:
        return
    with closing(log):
        head = log.head
    version = current(index)
    moment = read_moment(version, segment_folders(version))
    if moment is None or moment.seq < head:
        with suppress(BadData):
            Writer(index).close()


def _locked(index: Path) -> int:
    """Lock an index for one writer; the system releases the lock when the process dies."""
    folder = index / "live"
    try:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise NotDurable(f"Cannot write the log: {error} - at `{folder}`") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise BadData(
            f"Another process writes changes to this index; send them to it - at `{index}`"
        ) from None
    return handle
