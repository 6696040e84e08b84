"""`read_snapshot`: a folder of tables to validated frames, with a log of rejects and warnings.

Useful for: the build, which indexes the accepted rows.
Not useful for: reading hours (`hours`), computing savings (`money`), text of answers (`indexing`).

Tables are NDJSON, CSV or Parquet; the first two may be compressed (`.gz`, `.zst`). A bad row never
stops the reading and never disappears: `Snapshot.rejects` has its file, line, code and a sentence.
`geosearch.snapshot.rejects` lists the codes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from geosearch.errors import BadData
from geosearch.snapshot import plausibility
from geosearch.snapshot.checks import Checker, typed
from geosearch.snapshot.csv import read_csv
from geosearch.snapshot.csv_records import rows_of_csv
from geosearch.snapshot.deals import deals_checker, warn_of_deals
from geosearch.snapshot.envelope import Envelope, read_envelope
from geosearch.snapshot.fields import Table
from geosearch.snapshot.links import link_deals
from geosearch.snapshot.merchants import merchants_frame
from geosearch.snapshot.ndjson import read_ndjson, rows_of_ndjson
from geosearch.snapshot.objects import read_aliases, read_names, read_objects
from geosearch.snapshot.parquet import read_parquet, rows_of_parquet
from geosearch.snapshot.programs import programs_frame
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.source import Source, endings, table_file
from geosearch.snapshot.tables import CATEGORIES, DEALS, MERCHANTS, PROGRAMS
from geosearch.snapshot.zones import Zone, read_zones, rows_of_zones

MAX_REJECTED = 0.05
"""Largest share of rejected rows in a table; above it the whole snapshot is refused."""

_FORMATS = ("ndjson", "csv", "parquet")
_SHOWN_FILES = 12


@dataclass(slots=True)
class Snapshot:
    """A validated snapshot; frames hold accepted rows in file order.

    The build drops a frame when it has written its columns.

    Attributes
    ----------
    envelope
        Fields that apply to all rows.
    merchants, deals, programs, categories
        Frames in normal form; `line` is the line of the row in its file. `categories` is None
        without that table.
    zones
        Named polygons, each in its own datum.
    deal_merchants
        `deal_row` and `merchant_row` (uint32) of the frames, by deal. Merchants that are closed for
        good or in doubt have no pairs.
    rejects
        Rejected rows and warnings.
    """

    envelope: Envelope
    merchants: pl.DataFrame
    deals: pl.DataFrame
    programs: pl.DataFrame
    categories: pl.DataFrame | None
    zones: list[Zone]
    deal_merchants: pl.DataFrame
    rejects: RejectLog


class TooManyRejected(BadData):
    """A table has more rejected rows than allowed."""


def read_snapshot(
    path: Path,
    *,
    max_rejected: float = MAX_REJECTED,
    progress: Callable[[str], None] | None = None,
    rejects: RejectLog | None = None,
) -> Snapshot:
    """Return the validated snapshot in the folder `path`.

    Parameters
    ----------
    path
        Folder with `snapshot.json`, `programs`, `merchants`, `deals`, and optionally `categories`
        and `zones.geojson`.
    max_rejected
        Share of a table's rows, 0 to 1, that may be rejected.
    progress
        Gets a short text when a step begins.
    rejects
        Log to fill, which is also `Snapshot.rejects`. It remains readable after an error.

    Raises
    ------
    BadData
        The envelope is unusable, or a table is missing or unreadable.
    TooManyRejected
        More than `max_rejected` of a table is rejected. All tables are read before this is raised.
    """
    if not path.is_dir():
        raise BadData(f"There is no folder with a snapshot - at `{path}`")
    log = RejectLog() if rejects is None else rejects
    reading = _Reading(path, log, max_rejected, progress or (lambda step: None))
    envelope = reading.envelope()
    programs = reading.programs(envelope)
    categories = reading.categories(envelope)
    zones = reading.zones(envelope)
    merchants = reading.merchants(envelope, categories)
    deals, deal_merchants = reading.deals(envelope, merchants, programs)
    if reading.failures:
        raise reading.failures[0]
    return Snapshot(
        envelope, merchants, deals, programs, categories, zones, deal_merchants, reading.log
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """State of reading a snapshot: its folder, the log, the allowed share of rejects.

    A table with too many rejects does not end the reading: people who repair a snapshot need to see
    the faults of all tables.
    """

    path: Path
    log: RejectLog
    max_rejected: float
    progress: Callable[[str], None]
    failures: list["TooManyRejected"] = field(default_factory=list)

    def envelope(self) -> Envelope:
        path = self.path / "snapshot.json"
        self.log.add_source("snapshot", Source(path, "line", partial(rows_of_ndjson, path)))
        return read_envelope(path, self.log)

    def programs(self, envelope: Envelope) -> pl.DataFrame:
        raw = self._required(PROGRAMS, envelope)
        programs = programs_frame(raw, self.log)
        self._limit(PROGRAMS.name, programs.height)
        plausibility.warn_of_programs(programs, self.log, currency=envelope.currency)
        return programs

    def categories(self, envelope: Envelope) -> pl.DataFrame | None:
        raw = self._raw(CATEGORIES, envelope)
        if raw is None:
            return None
        checker = typed(raw, CATEGORIES, self.log)
        for name, read in (("names", read_names), ("aliases", read_aliases)):
            texts = read_objects(checker, name, read)
            tidy = pl.col(name).replace_strict(
                list(texts), list(texts.values()), default=None, return_dtype=pl.String
            )
            checker.frame = checker.frame.with_columns(tidy)
        checker.reject_duplicates()
        self._limit(CATEGORIES.name, checker.frame.height)
        return checker.frame

    def zones(self, envelope: Envelope) -> list[Zone]:
        path = table_file(self.path, "zones", ("geojson",))
        if path is None:
            return []
        self.progress(f"Reading {path.name}")
        self.log.add_source("zones", Source(path, "feature", partial(rows_of_zones, path)))
        zones, _ = read_zones(path, self.log, crs=envelope.crs)
        self._limit("zones", len(zones))
        return zones

    def merchants(self, envelope: Envelope, categories: pl.DataFrame | None) -> pl.DataFrame:
        raw = self._required(MERCHANTS, envelope)
        self.progress(f"Checking {raw.height:,} merchants")
        crs, zone = envelope.crs, envelope.time_zone
        merchants = merchants_frame(raw, self.log, crs=crs, time_zone=zone)
        self._limit(MERCHANTS.name, merchants.height)
        stated = merchants.select("line").join(
            raw.select("line", "crs"), on="line", how="left", maintain_order="left"
        )
        plausibility.warn_of_merchants(
            merchants,
            self.log,
            datums=stated["crs"].fill_null(crs),
            country=envelope.country,
            currency=envelope.currency,
            categories=categories,
        )
        return merchants

    def deals(
        self, envelope: Envelope, merchants: pl.DataFrame, programs: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        raw = self._required(DEALS, envelope)
        self.progress(f"Checking {raw.height:,} deals")
        checker: Checker = deals_checker(raw, self.log)
        if self.failures:  # deals may name rejected rows and still be right, so no links
            pairs = pl.DataFrame()
        else:
            pairs = link_deals(checker, merchants, programs)
        warn_of_deals(checker)
        plausibility.warn_of_deals(checker.frame, self.log, currency=envelope.currency)
        self._limit(DEALS.name, checker.frame.height)
        return checker.frame, pairs

    def _required(self, table: Table, envelope: Envelope) -> pl.DataFrame:
        raw = self._raw(table, envelope)
        if raw is None:
            expected = f"table `{table.name}` as {table.name}.ndjson, .csv or .parquet"
            names = ", ".join(sorted(path.name for path in self.path.iterdir())[:_SHOWN_FILES])
            got = f"none of them (the folder has {names})" if names else "none of them"
            raise BadData(f"Expected {expected}, got {got} - at `{self.path}`")
        return raw

    def _raw(self, table: Table, envelope: Envelope) -> pl.DataFrame | None:
        path = table_file(self.path, table.name, _FORMATS)
        if path is None:
            return None
        self.progress(f"Reading {path.name}")
        if ".parquet" in endings(path):
            self.log.add_source(table.name, Source(path, "row", partial(rows_of_parquet, path)))
            return read_parquet(path, table, self.log, time_zone=envelope.time_zone)
        is_csv = ".csv" in endings(path)
        rows, read = (rows_of_csv, read_csv) if is_csv else (rows_of_ndjson, read_ndjson)
        self.log.add_source(table.name, Source(path, "line", partial(rows, path)))
        return read(path, table, self.log)

    def _limit(self, table: str, accepted: int) -> None:
        """Add a failure if too many rows of a table are rejected."""
        rejected = self.log.rejected(table)
        total = accepted + rejected
        if rejected <= self.max_rejected * total:
            return
        codes = self.log.counts("reject")[table].items()
        counts = ", ".join(f"{code} {count:,}" for code, count in codes)
        first = next(e for e in self.log.entries if e.table == table and e.kind == "reject")
        sentence = (
            f"Expected at most {100 * self.max_rejected:.4g} % of the rows to be rejected, got "
            f"{rejected:,} of {total:,} ({counts}; such as: {first.message}) - mend them, or allow "
            f"more with --max-rejected - at `{self.log.file(table)}`"
        )
        self.failures.append(TooManyRejected(sentence))
