"""Validation of single rows, as live changes bring them, by the rules of a snapshot's tables.

Rules between tables are not checked: they depend on the rows of the moment.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
import polars as pl

from geosearch.snapshot.deals import deals_checker, warn_of_deals
from geosearch.snapshot.envelope import Envelope
from geosearch.snapshot.fields import Table
from geosearch.snapshot.json_rows import RowReader
from geosearch.snapshot.merchants import merchants_frame
from geosearch.snapshot.programs import programs_frame
from geosearch.snapshot.raw_types import raw_schema
from geosearch.snapshot.rejects import Entry, RejectLog
from geosearch.snapshot.tables import DEALS, PROGRAMS


class SingleRow(NamedTuple):
    """A row in normal form, None if it is rejected, and its faults."""

    row: dict[str, Any] | None
    faults: tuple[Entry, ...]


def checked_rows(
    table: Table, rows: Sequence[dict[str, Any]], envelope: Envelope
) -> list[SingleRow]:
    """Each row with what a snapshot's reader says of it; two rows may have the same id."""
    found: list[SingleRow | None] = [None] * len(rows)
    left = list(range(len(rows)))
    while left:  # A frame holds each id once.
        ids: set[object] = set()
        now: list[int] = []
        later: list[int] = []
        for number in left:
            key = str(rows[number].get(table.key))
            (later if key in ids else now).append(number)
            ids.add(key)
        checked = _checked(table, [rows[at] for at in now], envelope)
        for number, one in zip(now, checked, strict=True):
            found[number] = one
        left = later
    return [one for one in found if one is not None]


def _checked(table: Table, rows: Sequence[dict[str, Any]], envelope: Envelope) -> list[SingleRow]:
    log = RejectLog()
    reader = RowReader(table, log)
    read = [reader.read(line, orjson.dumps(row)) for line, row in enumerate(rows)]
    raw = pl.DataFrame(
        [one for one in read if one is not None],
        schema=raw_schema(table) | {"line": pl.UInt32()},
    )
    kept = {row["line"]: row for row in _frame(table, raw, log, envelope).iter_rows(named=True)}
    faults: dict[int, list[Entry]] = {}
    for entry in log.entries:
        faults.setdefault(entry.line, []).append(entry)
    return [SingleRow(kept.get(line), tuple(faults.get(line, ()))) for line in range(len(rows))]


def _frame(table: Table, raw: pl.DataFrame, log: RejectLog, envelope: Envelope) -> pl.DataFrame:
    if table is PROGRAMS:
        return programs_frame(raw, log)
    if table is DEALS:
        checker = deals_checker(raw, log)
        warn_of_deals(checker)
        return checker.frame
    return merchants_frame(raw, log, crs=envelope.crs, time_zone=envelope.time_zone)
