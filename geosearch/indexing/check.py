"""What is wrong with a snapshot, and what is probably wrong, without building anything.

Useful for: `geosearch check`.
Not useful for: what depends on the day of the build, such as holidays that are guessed.
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
        Accepted rows, by table; none where the snapshot is not usable.
    rejects
        What is wrong, and probably wrong.
    failure
        Why a build would fail; None where it would not.
    listed
        The file that all of `rejects` were written to, if one.
    """

    rows: dict[str, int]
    rejects: RejectLog
    failure: str | None
    listed: Path | None

    def text(self) -> str:
        """The report as lines for a terminal: counts by code, each with its first examples."""
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
    """Read and validate a snapshot, as a build would, and build nothing.

    Parameters
    ----------
    out
        File for all rejects and warnings with their rows, as in `rejected.ndjson`.
    max_rejected, progress
        As `build` takes them.
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
    """Note hours that a build could not read, or would doubt."""
    open_ones = pl.col("business_status") != "CLOSED_PERMANENTLY"
    merchants = read.merchants.with_row_index("merchant_row").filter(open_ones)
    warn_of_hours(read.rejects, "merchants", "opening_hours", merchants)
    warn_of_hours(read.rejects, "deals", "use_hours", read.deals)
    with_calendars(merchants, read)
