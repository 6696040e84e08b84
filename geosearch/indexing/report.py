"""`BuildReport`: counts, rejects and changes of a build, as text and as JSON.

`rejected.ndjson` has the rejected rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geosearch.errors import BadData
from geosearch.segment.segment import Segment
from geosearch.segment.versions import current

_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio (Knuth, TAOCP 6.4); odd, so multiplication is reversible."""


_SHOWN_ORPHANS = 10


class _Digests(NamedTuple):
    """64-bit digests of ids and of their records, uint64[n] each.

    The probability that two of ten million ids share a digest is below 1 in 300,000.
    """

    ids: NDArray[np.uint64]
    contents: NDArray[np.uint64]

    @classmethod
    def none(cls) -> "_Digests":
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.uint64))

    def joined(self, more: "_Digests") -> "_Digests":
        return _Digests(
            np.concatenate([self.ids, more.ids]), np.concatenate([self.contents, more.contents])
        )


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """Outcome of one build.

    Attributes
    ----------
    counts
        Number of records in the index, by kind.
    rejected, warnings
        Number of rejects and warnings, by table and code.
    changes
        Number of `added`, `removed` and `changed` merchants and deals against the version before;
        None if there is no earlier version that this release reads.
    version
        Name of the published version.
    provisional_holidays
        Guessed holidays of each country that the hours depend on: `country`, `since` (the first day
        without announced holidays, or None) and `days`, ISO dates.
    live
        Live changes of the index: `changes_through`, the last one that the snapshot contains;
        `no_cut`, whether that is guessed from `created_at`; `orphans`, the changes to rows that the
        snapshot does not have, or that take another build. None without live changes.
    """

    snapshot_id: str
    counts: dict[str, int]
    rejected: dict[str, dict[str, int]]
    warnings: dict[str, dict[str, int]]
    changes: dict[str, dict[str, int]] | None
    version: str = ""
    provisional_holidays: list[dict[str, Any]] = field(default_factory=list)
    live: dict[str, Any] | None = None

    def published(self, version: str) -> "BuildReport":
        """Return the report with the name of the version."""
        return replace(self, version=version)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)

    def text(self, listed: Path | None = None) -> str:
        """Return the report as lines for a terminal; `listed` is the file with all rejects."""
        lines = [f"snapshot {self.snapshot_id}, version {self.version}"]
        lines += [
            f"  {name.replace('_', ' '):<20}{count:>12,}" for name, count in self.counts.items()
        ]
        for title, tables in (("rejected", self.rejected), ("warnings", self.warnings)):
            lines.append(f"{title}: {sum(sum(codes.values()) for codes in tables.values()):,}")
            for table, codes in tables.items():
                for code, count in codes.items():
                    lines.append(f"  {table + ' ' + code:<40}{count:>12,}")
        if listed is not None and (self.rejected or self.warnings):
            lines.append(f"all of them, with row and reason: {listed}")
        lines += [
            f"holidays that are guessed: {guess}"
            for guess in guess_texts(self.provisional_holidays)
        ]
        lines += _live_texts(self.live)
        if self.changes is None:
            lines.append("no earlier version to compare with, or none that this release reads")
        else:
            lines.append("against the version before:")
            for kind, counts in self.changes.items():
                parts = ", ".join(f"{count:,} {what}" for what, count in counts.items())
                lines.append(f"  {kind}: {parts}")
        return "\n".join(lines)


def _live_texts(live: Mapping[str, Any] | None) -> list[str]:
    if live is None:
        return []
    guess = ", guessed from created_at (no_cut)" if live["no_cut"] else ""
    lines = [f"live changes: the snapshot contains those up to {live['changes_through']}{guess}"]
    lines += [f"  orphan: {one['table']} {one['id']}" for one in live["orphans"][:_SHOWN_ORPHANS]]
    more = len(live["orphans"]) - _SHOWN_ORPHANS
    return [*lines, f"  and {more:,} more in report.json"] if more > 0 else lines


def guess_texts(guesses: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the provisional holidays of a report or an index, one line for each country.

    Examples
    --------
    >>> guess_texts([{"country": "CN", "since": "2027-01-01", "days": ["2027-01-01"]}])
    ['CN 2027-01-01 (none announced from 2027-01-01 on)']
    """
    return [
        f"{guess['country']} {', '.join(guess['days'])}".rstrip()
        + (f" (none announced from {guess['since']} on)" if guess["since"] else "")
        for guess in guesses
    ]


def changes_since(index: Path, folder: Path) -> dict[str, dict[str, int]] | None:
    """Return the changes of a new version against the current one: counts by kind.

    Parameters
    ----------
    index
        Index folder.
    folder
        Folder of the new version.

    Returns
    -------
    dict or None
        None if there is no readable current version.
    """
    try:
        before = _records(current(index))
    except BadData:
        return None
    after = _records(folder)
    return {kind: _compare(before[kind], after[kind]) for kind in after}


def _records(folder: Path) -> dict[str, _Digests]:
    merchants, deals = _Digests.none(), _Digests.none()
    for path in sorted(folder.glob("segment-*")):
        segment = Segment(path)
        position = segment.columns.doc_position
        # The payload lacks the position; the digest includes it, so a moved merchant is a change.
        place = np.ascontiguousarray(position).view(np.uint64).reshape(-1)
        content = segment.merchant_payload.digests() ^ (place * _MIX)
        merchants = merchants.joined(_Digests(segment.merchant_id_texts.digests(), content))
        deals = deals.joined(
            _Digests(segment.deal_id_texts.digests(), segment.deal_payload.digests())
        )
    return {"merchants": merchants, "deals": deals}


def _compare(before: _Digests, after: _Digests) -> dict[str, int]:
    both, old, new = np.intersect1d(before.ids, after.ids, assume_unique=True, return_indices=True)
    return {
        "added": len(after.ids) - len(both),
        "removed": len(before.ids) - len(both),
        "changed": int((before.contents[old] != after.contents[new]).sum()),
    }
