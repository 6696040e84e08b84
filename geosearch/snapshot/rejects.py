"""`RejectLog`: rejects and warnings of a snapshot with file, line, code and sentence.

The build report counts them by code, and `rejected.ndjson` in the index lists them. The readers,
the checks and the build decide what is wrong.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import orjson

from geosearch.errors import BadData
from geosearch.snapshot.fields import Cost
from geosearch.snapshot.source import Source
from indexes.files import create

Kind = Literal["reject", "warning"]

REJECT_CODES: dict[str, str] = {
    "not_json": "the line is not one JSON object",
    "not_csv": "the record is broken: quotes, a carriage return, or another number of fields than "
    "the header",
    "not_utf8": "the line is not UTF-8, or a text holds half of a surrogate pair",
    "missing_field": "a required field is absent, null or empty",
    "wrong_type": "text where a number belongs, a fraction where a whole one does, and the like",
    "not_finite": "NaN, an infinity, or a number too big for a double",
    "out_of_range": "a number outside its range, or a text too long",
    "too_precise": "`percent` with more than 4 decimals",
    "bad_id": "an id of more than 255 characters or with control characters",
    "bad_enum": "a word that is not one of the choices",
    "bad_crs": "a datum that is not WGS84, GCJ02 or BD09",
    "bad_time_zone": "a name that is not an IANA time zone",
    "bad_date": "not a date of the calendar, written YYYY-MM-DD; in Parquet, a time of day",
    "bad_instant": "not an RFC 3339 instant",
    "bad_order": "`valid_from` after `valid_through`, or `party_min` above `party_max`",
    "bad_geometry": "a zone that is not a polygon, even after repair",
    "geometry_too_complex": "a zone whose edges cross or touch too often to be repaired",
    "duplicate_id": "the id of an earlier accepted row",
    "missing_for_type": "the offer type needs a field that is absent",
    "unknown_program": "a deal's `program_id` is not an accepted card",
    "unknown_merchant": "a deal names a merchant that is not accepted",
    "unknown_brand": "no accepted merchant has the deal's brand",
}
"""Why a row is rejected, by code. Codes are stable; later versions may add some."""

WARNING_CODES: dict[str, str] = {
    "unknown_field": "a field that the table does not have, ignored; one warning a field and table",
    "empty_rows": "rows of a CSV table without a value, which are skipped; one warning a table",
    "duplicate_key": "a key twice in one object: the last counts",
    "two_for_one": "`brand` besides `merchant_ids`, or `opening_periods` besides `opening_hours`: "
    "the second named here counts",
    "unreadable_hours": "opening hours that cannot be read: the merchant stays, hours unknown; "
    "the deal stays out of use",
    "limit_ignored": "a limit that the deal's offer type does not have",
    "no_saving": "an offer that saves nothing as it is written",
    "overnight_trap": "hours past midnight that another rule cuts off, which is hardly meant; "
    "they count as written",
    "doubtful_hours": "hours that may mean something other than the specification says; "
    "they count as it says, unknown where it says nothing",
    "bad_country": "`country` is not a code of ISO 3166: the field is lost, the merchant stays",
    "unknown_subdivision": "no calendar has the part of a country that `country` names: the "
    "country's holidays apply; one warning a code",
    "other_country": "merchants whose hours name holidays lie in another country than `country` "
    "says, or the envelope's: one warning a country",
    "no_holidays": "hours name `PH`, and the calendar of their country is empty: "
    "it matches no day; one warning a country",
    "provisional_holidays": "hours name holidays of days for which none are announced: some are "
    "guessed, and named; one warning a country",
    "many_stacked": "a shop has more stack groups, or more deals in them, than combine: those that "
    "save most do, the others are used alone",
    "geometry_repaired": "a zone whose invalid geometry was repaired",
}
"""Meaning of each warning, by code; the row stays.

A bad value in an optional field is also a warning, with the code that would reject the row in a
required field. The build adds its own codes.
"""

_LONGEST_ROW = 20_000
_DOUBTS = {
    "deals": "the deal stays out of use",
    "programs": "the card stays out of use",
    "merchants": "its hours are unknown and its deals out of use",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault of one row."""

    kind: Kind
    table: str
    line: int
    code: str
    message: str


@dataclass(slots=True)
class RejectLog:
    """Collects rejects and warnings while a snapshot is read and built.

    The log keeps no rows: `write` reads them again from the files.
    """

    entries: list[Entry] = field(default_factory=list)
    doubtful: dict[str, set[int]] = field(default_factory=dict)
    """Lines of the rows in doubt, by table; see `fields.Cost`."""
    _sources: dict[str, Source] = field(default_factory=dict)

    def add_source(self, table: str, source: Source) -> None:
        """Set the file that holds the rows of `table`."""
        self._sources[table] = source

    def file(self, table: str) -> str:
        """Return the name of the file that holds `table`; the table's name if it has none."""
        return self._sources[table].path.name if table in self._sources else table

    def where(self, table: str, line: int) -> str:
        """Return the place of a row for a sentence: `line 17 of merchants.ndjson`."""
        unit = self._sources[table].unit if table in self._sources else "line"
        return f"{unit} {line} of {self.file(table)}"

    def reject(self, table: str, line: int, code: str, message: str) -> None:
        """Add a reject; the place of the row is appended to `message` if it has none."""
        self._add("reject", table, line, code, message)

    def warn(self, table: str, line: int, code: str, message: str) -> None:
        """Add a warning; the place of the row is appended to `message` if it has none."""
        self._add("warning", table, line, code, message)

    def bad_value(self, table: str, line: int, code: str, message: str, *, cost: Cost) -> None:
        """Add a bad value by its cost: a reject for `Cost.ROW`, else a warning."""
        if cost is Cost.ROW:
            self.reject(table, line, code, message)
        elif cost is Cost.DOUBT:
            self.doubtful.setdefault(table, set()).add(line)
            self.warn(table, line, code, f"{message}, so {_DOUBTS[table]}")
        else:
            self.warn(table, line, code, message)

    def reject_many(
        self, table: str, lines: Sequence[int], codes: str | Sequence[str], messages: Sequence[str]
    ) -> None:
        """Add rejects; `codes` is one for all or one each."""
        self._add_many("reject", table, lines, codes, messages)

    def warn_many(
        self, table: str, lines: Sequence[int], codes: str | Sequence[str], messages: Sequence[str]
    ) -> None:
        """Add warnings; `codes` is one for all or one each."""
        self._add_many("warning", table, lines, codes, messages)

    def counts(self, kind: Kind | None = None) -> dict[str, dict[str, int]]:
        """Return the number of entries by table and code, sorted by name.

        Only entries of `kind` count; None counts both kinds.
        """
        counted = Counter((e.table, e.code) for e in self.entries if kind in (None, e.kind))
        by_table: dict[str, dict[str, int]] = {}
        for (table, code), count in sorted(counted.items()):
            by_table.setdefault(table, {})[code] = count
        return by_table

    def rejected(self, table: str) -> int:
        """Return the number of rejects of `table`."""
        return sum(e.table == table and e.kind == "reject" for e in self.entries)

    def write(self, path: Path) -> None:
        """Write every entry with its row as JSON lines, by file and line.

        A row is an object (CSV: name to field), or the text of a line that is not one. This reads
        each file with entries once more.
        """
        with create(path) as out:
            for table in sorted({e.table for e in self.entries}, key=self.file):
                entries = sorted((e for e in self.entries if e.table == table), key=_place)
                rows = self._rows(table, {entry.line for entry in entries})
                number, row = 0, None
                for entry in entries:
                    while number < entry.line:
                        number, row = next(rows, (entry.line, None))
                    found = row if number == entry.line else None
                    out.write(_json_line(entry, self.file(table), found))

    def _rows(self, table: str, lines: set[int]) -> Iterator[tuple[int, object]]:
        if table in self._sources:
            # A damaged file yields the rows before the damage.
            with suppress(BadData):
                yield from self._sources[table].rows(lines)

    def _add(self, kind: Kind, table: str, line: int, code: str, message: str) -> None:
        if " - at " not in message:
            message = f"{message} - at {self.where(table, line)}"
        self.entries.append(Entry(kind, table, line, code, message))

    def _add_many(
        self,
        kind: Kind,
        table: str,
        lines: Sequence[int],
        codes: str | Sequence[str],
        messages: Sequence[str],
    ) -> None:
        each = [codes] * len(lines) if isinstance(codes, str) else codes
        for line, code, message in zip(lines, each, messages, strict=True):
            self._add(kind, table, int(line), code, message)


def shown(value: object, *, longest: int = 60) -> str:
    """Return a value as text for a sentence: JSON, shortened to `longest`; `nothing` for null.

    Examples
    --------
    >>> shown("小红卡"), shown(91.0), shown(None), shown(float("inf"))
    ('"小红卡"', '91.0', 'nothing', 'Infinity')
    """
    if value is None:
        return "nothing"
    if isinstance(value, float) and value.is_integer() and abs(value) >= 1e15:
        value = int(value) if abs(value) < 1e21 else value
    try:
        text = orjson.dumps(value).decode() if not isinstance(value, (float, int)) else None
    except TypeError:  # half a surrogate pair, an unusual type, more than 254 levels
        text = _repr(value)
    if text is None:
        text = _number(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _repr(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:
        return "objects nested too deep"


def _number(value: object) -> str:
    if value is True or value is False:
        return str(value).lower()
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))


def _place(entry: Entry) -> tuple[int, str, str]:
    return entry.line, entry.kind, entry.code


def _json_line(entry: Entry, file: str, row: object) -> bytes:
    fields = {
        "kind": entry.kind,
        "file": file,
        "line": entry.line,
        "code": entry.code,
        "message": entry.message,
        "row": row,
    }
    try:
        return orjson.dumps(fields, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair, a number of more than 64 bits, more than 254 levels
        fields["row"] = _repr(row)[:_LONGEST_ROW]
        return json.dumps(fields).encode() + b"\n"
