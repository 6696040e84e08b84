"""`geosearch check`: validates a snapshot without building an index.

It reports faults and probable mistakes, but not what depends on the day of the build, such as
guessed holidays.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from geosearch.errors import BadData
from geosearch.indexing.countries import with_calendars
from geosearch.indexing.hours import warn_of_hours
from geosearch.snapshot.reader import MAX_REJECTED, Snapshot, read_snapshot
from geosearch.snapshot.rejects import Kind, RejectLog

_EXAMPLES = 3
_TITLES: tuple[tuple[Kind, str], ...] = (("reject", "rejected"), ("warning", "warnings"))


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Outcome of one check.

    Attributes
    ----------
    rows
        Accepted rows, by table; empty if the snapshot is unusable.
    rejects
        Rejects and warnings.
    failure
        Why a build would fail; None if it would succeed.
    listed
        The file with all of `rejects`, or None.
    """

    rows: dict[str, int]
    rejects: RejectLog
    failure: str | None
    listed: Path | None

    def text(self) -> str:
        """Return the report as lines for a terminal: counts by code, each with first examples."""
        lines = [f"  {table:<20}{count:>12,}" for table, count in self.rows.items()]
        for kind, title in _TITLES:
            counts = self.rejects.counts(kind)
            lines.append(f"{title}: {sum(sum(codes.values()) for codes in counts.values()):,}")
            for table, codes in counts.items():
                for code, count in codes.items():
                    lines.append(f"  {table + ' ' + code:<40}{count:>12,}")
                    lines += [f"    {message}" for message in self._examples(kind, table, code)]
        if self.rejects.entries:
            where = self.listed or "--out FILE writes them"
            lines.append(f"all of them, with row and reason: {where}")
        lines.append("a build would fail" if self.failure else "a build would succeed")
        return "\n".join(lines)

    def _examples(self, kind: Kind, table: str, code: str) -> Iterator[str]:
        entries = self.rejects.entries
        wanted = (kind, table, code)
        found = (e.message for e in entries if (e.kind, e.table, e.code) == wanted)
        return islice(found, _EXAMPLES)


def check(
    snapshot: Path,
    *,
    out: Path | None = None,
    max_rejected: float = MAX_REJECTED,
    progress: Callable[[str], None] | None = None,
) -> CheckReport:
    """Read and validate a snapshot as `build` does, without building an index.

    Parameters
    ----------
    out
        File to write with all rejects and warnings and their rows, as in `rejected.ndjson`.
    max_rejected, progress
        As for `build`.
    """
    rejects = RejectLog()
    failure, rows = None, {}
    try:
        read = read_snapshot(
            snapshot, max_rejected=max_rejected, progress=progress, rejects=rejects
        )
        rows = _rows(read)
        _warn_of_hours(read)
    except BadData as error:
        failure = str(error)
    if out is not None:
        rejects.write(out)
    return CheckReport(rows, rejects, failure, out)


def _rows(read: Snapshot) -> dict[str, int]:
    counts = {
        "programs": read.programs.height,
        "merchants": read.merchants.height,
        "deals": read.deals.height,
        "zones": len(read.zones),
    }
    return counts if read.categories is None else counts | {"categories": read.categories.height}


def _warn_of_hours(read: Snapshot) -> None:
    """Log the warnings about hours that a build would log."""
    open_ones = pl.col("business_status") != "CLOSED_PERMANENTLY"
    merchants = read.merchants.with_row_index("merchant_row").filter(open_ones)
    warn_of_hours(read.rejects, "merchants", "opening_hours", merchants)
    warn_of_hours(read.rejects, "deals", "use_hours", read.deals)
    with_calendars(merchants, read)
