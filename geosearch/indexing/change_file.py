"""Live changes from a file (`geosearch change`)."""

from pathlib import Path

import msgspec

from geosearch.errors import BadData
from geosearch.indexing.writer import Receipt, Rejected, Writer

TOGETHER = 1_000
"""Lines in one transaction."""


def apply_file(index: Path, file: Path) -> Receipt:
    """Apply the changes of an NDJSON file to an index; return what became of all of them.

    Raises
    ------
    BadData
        The file cannot be read, the index takes no changes, or another process writes them.
    NotDurable
        The disk is full or fails. The changes of earlier lines, in thousands, are accepted.
    """
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise BadData(f"Cannot read the changes: {error.strerror} - at `{file}`") from error
    with Writer(index) as writer:
        total = Receipt(seq=writer.head, accepted=0, stale=0, duplicate=0, rejected=())
        for first in range(0, len(lines), TOGETHER):
            (receipt,) = writer.accept([lines[first : first + TOGETHER]])
            total = _sum(total, receipt, first)
            writer.follow()
    return total


def _sum(total: Receipt, part: Receipt, first: int) -> Receipt:
    """The sum of two receipts; lines of the second begin after line `first`."""
    rejected, warnings = (
        (Rejected(one.line + first, one.code, one.detail) for one in told)
        for told in (part.rejected, part.warnings)
    )
    return msgspec.structs.replace(
        part,
        accepted=total.accepted + part.accepted,
        stale=total.stale + part.stale,
        duplicate=total.duplicate + part.duplicate,
        rejected=(*total.rejected, *rejected),
        warnings=(*total.warnings, *warnings),
    )
