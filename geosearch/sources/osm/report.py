"""`ImportReport`: counts of an import, and their text for a terminal."""

from collections import Counter
from dataclasses import dataclass, field

from geosearch.snapshot.reader import MAX_REJECTED


@dataclass
class ImportReport:
    """Counts of an import.

    Attributes
    ----------
    places
        All places of the file.
    not_imported
        Places in `not_imported.ndjson`; `not_open_yet` of them are planned or under construction.
    gone
        Places that were written as closed for good.
    named_by_kind
        Places that got the name of their kind, by category.
    bad
        Rows that a build will reject: `without_id`, `nameless`, `without_position` and `unreadable`
        (not a JSON object). A row with several faults counts in each.
    zones, countries
        Places by time zone, and by the country that their address names.
    """

    places: int = 0
    not_imported: int = 0
    not_open_yet: int = 0
    gone: int = 0
    named_by_kind: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    without_id: int = 0
    nameless: int = 0
    without_position: int = 0
    unreadable: int = 0
    zones: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Number of rows of `merchants`."""
        return self.places - self.not_imported

    @property
    def share_bad(self) -> float:
        """Share of the rows that a build will reject."""
        return self.bad / self.rows if self.rows else 0.0

    def faults(self) -> str:
        """Return the faults of the bad rows, in words."""
        lacks = {
            "an id": self.without_id,
            "a name": self.nameless,
            "a position": self.without_position,
        }
        parts = [f"{count:,} lack {what}" for what, count in lacks.items() if count]
        parts += [f"{self.unreadable:,} are no JSON object"] if self.unreadable else []
        return ", ".join(parts)

    def text(self) -> str:
        """Return the report in sentences, one a line."""
        counts = {
            "are no merchants or not open yet (listed in not_imported.ndjson)": self.not_imported,
            "are gone (closed for good)": self.gone,
            "will be rejected by the build": self.bad,
        }
        parts = [f"{count:,} {what}" for what, count in counts.items()]
        lines = [f"read {self.places:,} places: {', '.join(parts)}"]
        if self.named_by_kind:
            most = self.named_by_kind.most_common()
            kinds = ", ".join(f"{count:,} {path}" for path, count in most)
            total = self.named_by_kind.total()
            lines.append(f"{total:,} have no name and are called by their kind: {kinds}")
        if self.bad:
            lines.append(f"of these {self.faults()}")
        if self.share_bad > MAX_REJECTED:
            share = min(1.0, self.share_bad + 0.01)
            lines.append(
                f"{self.share_bad:.0%} of the rows are bad and a build takes {MAX_REJECTED:.0%}: "
                f"use `--max-rejected {share:.2f}`"
            )
        return "\n".join(lines)
