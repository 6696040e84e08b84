"""What a build did, for the people who run it: counts, rejects, and change against before.

Useful for: the text a data team reads after a build, and the same as JSON.
Not useful for: the rejected rows themselves; they are in `rejected.ndjson`.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from geosearch.errors import BadData
from geosearch.publish import current
from geosearch.segment import Segment


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """Outcome of one build.

    Attributes
    ----------
    counts
        What is in the index, by kind.
    rejected, warnings
        Rows by table and code.
    changes
        `added`, `removed` and `changed` merchants and deals against the version before; None for
        a first version.
    version
        Name of the published version.
    """

    snapshot_id: str
    counts: dict[str, int]
    rejected: dict[str, dict[str, int]]
    warnings: dict[str, dict[str, int]]
    changes: dict[str, dict[str, int]] | None
    version: str = ""

    def published(self, version: str) -> "BuildReport":
        """The same report with the name of the version."""
        return replace(self, version=version)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return asdict(self)

    def text(self) -> str:
        """The report as lines for a terminal."""
        lines = [f"snapshot {self.snapshot_id}, version {self.version}"]
        lines += [
            f"  {name.replace('_', ' '):<20}{count:>12,}" for name, count in self.counts.items()
        ]
        for title, tables in (("rejected", self.rejected), ("warnings", self.warnings)):
            lines.append(f"{title}: {sum(sum(codes.values()) for codes in tables.values()):,}")
            for table, codes in tables.items():
                for code, count in codes.items():
                    lines.append(f"  {table + ' ' + code:<40}{count:>12,}")
        if self.changes is None:
            lines.append("first version: nothing to compare with")
        else:
            lines.append("against the version before:")
            for kind, counts in self.changes.items():
                parts = ", ".join(f"{count:,} {what}" for what, count in counts.items())
                lines.append(f"  {kind}: {parts}")
        return "\n".join(lines)


def changes_since(index: Path, folder: Path) -> dict[str, dict[str, int]] | None:
    """Change of a version about to be published against the one served now.

    Parameters
    ----------
    index
        Index folder.
    folder
        Folder of the new version.

    Returns
    -------
    dict or None
        None where nothing readable is served.
    """
    try:
        before = _records(current(index))
    except BadData:
        return None
    after = _records(folder)
    return {kind: _compare(before[kind], after[kind]) for kind in after}


def _records(folder: Path) -> dict[str, pl.DataFrame]:
    segments = [Segment(path) for path in sorted(folder.glob("segment-*"))]
    return {
        "merchants": pl.concat([_merchants(segment) for segment in segments]),
        "deals": pl.concat([_deals(segment) for segment in segments]),
    }


def _merchants(segment: Segment) -> pl.DataFrame:
    docs = range(len(segment))
    place = segment.columns.doc_position
    return pl.DataFrame(
        {
            "id": [segment.merchant_id(doc) for doc in docs],
            "content": [segment.merchant_payload(doc) for doc in docs],
            "x": place[:, 0],
            "y": place[:, 1],
        },
        schema_overrides={"id": pl.String, "content": pl.Binary},
    )


def _deals(segment: Segment) -> pl.DataFrame:
    count = segment.manifest["deals"]
    return pl.DataFrame(
        {
            "id": [segment.deal_id(deal) for deal in range(count)],
            "content": [segment.deal_payload(deal) for deal in range(count)],
        },
        schema_overrides={"id": pl.String, "content": pl.Binary},
    )


def _compare(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, int]:
    both = before.join(after, on="id", suffix="_after")
    same = pl.all_horizontal(
        pl.col(name) == pl.col(f"{name}_after") for name in before.columns if name != "id"
    )
    return {
        "added": after.height - both.height,
        "removed": before.height - both.height,
        "changed": both.height - both.filter(same).height,
    }
