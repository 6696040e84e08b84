"""Validation of single rows, as live changes bring them, by the rules of a snapshot's tables.

Rules between tables are not checked: they depend on the rows of the moment.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import polars as pl

from geosearch.snapshot.deals import deals_checker, warn_of_deals
from geosearch.snapshot.envelope import Envelope
from geosearch.snapshot.field_names import warn_unknown_field
from geosearch.snapshot.fields import Table
from geosearch.snapshot.json_rows import RowReader
from geosearch.snapshot.merchants import merchants_frame
from geosearch.snapshot.programs import programs_frame
from geosearch.snapshot.raw_types import raw_schema
from geosearch.snapshot.rejects import Entry, RejectLog
from geosearch.snapshot.tables import DEALS, PROGRAMS

MOST_UNKNOWN = 10
"""Unknown fields of a row that are told: a row of nothing else must not make a long answer."""


class SingleRow(NamedTuple):
    """A row in normal form, None if it is rejected, and its faults."""

    row: dict[str, Any] | None
    faults: tuple[Entry, ...]


def checked_rows(
    table: Table, rows: Sequence[dict[str, Any]], envelope: Envelope
) -> list[SingleRow]:
    """Each row with what a snapshot's reader says of it; two rows may have the same id.

    Parameters
    ----------
    rows
        Rows whose ids are valid, as those that `read_change` accepts.
    """
    log = RejectLog()
    _warn_of_unknown_fields(table, rows, log)
    reader = RowReader(table, log)
    found = (reader.read(line, orjson.dumps(row)) for line, row in enumerate(rows))
    read = [one for one in found if one is not None]
    ids = _told_apart(read, table.key)
    raw = pl.DataFrame(read, schema=raw_schema(table) | {"line": pl.UInt32()})
    kept = {row["line"]: row for row in _frame(table, raw, log, envelope).iter_rows(named=True)}
    for line in ids.keys() & kept.keys():
        kept[line][table.key] = ids[line]
    faults: dict[int, list[Entry]] = {}
    for entry in log.entries:
        faults.setdefault(entry.line, []).append(entry)
    return [SingleRow(kept.get(line), tuple(faults.get(line, ()))) for line in range(len(rows))]


def _warn_of_unknown_fields(table: Table, rows: Sequence[dict[str, Any]], log: RejectLog) -> None:
    known = set(table.names())
    for line, row in enumerate(rows):
        for name in sorted(row.keys() - known)[:MOST_UNKNOWN]:
            warn_unknown_field(log, table, line, name)


def _told_apart(read: Sequence[dict[str, Any]], key: str) -> dict[int, str]:
    """Give each row that repeats an id another one, since a frame holds each id once.

    Returns
    -------
    dict
        The ids that they had, by line.
    """
    before: dict[int, str] = {}
    known = set()
    for row in read:
        if row[key] in known:
            before[row["line"]] = row[key]
            row[key] = uuid4().hex
        known.add(row[key])
    return before


def _frame(table: Table, raw: pl.DataFrame, log: RejectLog, envelope: Envelope) -> pl.DataFrame:
    if table is PROGRAMS:
        return programs_frame(raw, log)
    if table is DEALS:
        checker = deals_checker(raw, log)
        warn_of_deals(checker)
        return checker.frame
    return merchants_frame(raw, log, crs=envelope.crs, time_zone=envelope.time_zone)
