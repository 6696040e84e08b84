"""Rows of a Parquet table as a raw frame.

Useful for: `snapshot`, which checks the values.
Not useful for: rules about values.

A required column of the wrong type is the whole table's fault; in another column each value is bad
by itself, as it is in JSON lines.
"""

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import polars as pl

from geosearch.errors import BadData
from geosearch.snapshot.checks import UNKNOWN_TIMES, read_values
from geosearch.snapshot.field_names import missing_fields, warn_unknown_field
from geosearch.snapshot.merchants import is_time_zone
from geosearch.snapshot.raw_types import raw_type
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.tables import Field, Kind, Table

# First and last day, from 1970, of years 1 to 9999: what is outside counts as one of these, which
# are as far from any horizon. Libraries write and read no others.
_YEARS = -719_162, 2_932_896
_PER_SECOND = {"ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
_UTC = ("UTC", "Etc/UTC", "Zulu", "GMT", "Etc/GMT", "Z")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_ANY_ZONE = "POLARS_IGNORE_TIMEZONE_PARSE_ERROR"


def read_parquet(
    path: Path, table: Table, log: RejectLog, *, time_zone: str = "UTC"
) -> pl.DataFrame:
    """Raw frame of a Parquet file: `raw_schema` and `line` (uint32, row from 1), in file order.

    Text columns may be categorical or bytes of UTF-8, whole numbers of any width, decimals or
    doubles, flags 0 and 1, dates and instants typed or written; lists also written with `|`,
    objects also as JSON text.

    A date in a timestamp column is the day that the column shows, in its own zone; it has no time
    of day. A column in UTC also has the days of `time_zone`, which writers convert to UTC.

    Raises
    ------
    BadData
        The file cannot be read, lacks a required column, or such a column has the wrong type.
    """
    frame = _stored(path)
    for name in frame.columns:
        if name not in table.names():
            warn_unknown_field(log, table, 1, name)
    if missing := missing_fields(frame.columns, table):
        fields, question = missing
        sentence = f"Expected columns {fields}, got {', '.join(frame.columns)}{question}"
        raise BadData(f"{sentence} - at `{path}`")
    columns = [_column(frame, field, path, time_zone) for field in table.fields]
    with _panics_told(path):
        raw = frame.select(*columns).with_row_index("line", 1).select(*table.names(), "line")
    absent = [name for name in table.names() if name not in frame.columns]
    stored = frame.with_columns(pl.lit(None).alias(name) for name in absent)
    return read_values(stored, raw, table, log)


def rows_of_parquet(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Rows of a Parquet file by number, from 1, as objects."""
    stored = _stored(path)
    for line in sorted(lines):
        try:
            yield line, stored.row(line - 1, named=True)
        except UNKNOWN_TIMES:
            yield line, None


def _stored(path: Path) -> pl.DataFrame:
    try:
        with _panics_told(path), _any_time_zone():
            return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise BadData(f"Cannot read the file as Parquet: {reason} - at `{path}`") from error


@contextmanager
def _any_time_zone() -> Iterator[None]:
    """Polars reads columns in zones that it does not know, such as `+05:30`; else it panics."""
    before = os.environ.get(_ANY_ZONE)
    os.environ[_ANY_ZONE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ANY_ZONE]
        else:
            os.environ[_ANY_ZONE] = before


@contextmanager
def _panics_told(path: Path) -> Iterator[None]:
    """Where polars panics over a file, the file is bad."""
    try:
        yield
    except pl.exceptions.PanicException as panic:
        reason = str(panic).partition("\n")[0]
        raise BadData(f"Cannot read the file as Parquet: {reason} - at `{path}`") from None


def _column(frame: pl.DataFrame, field: Field, path: Path, time_zone: str) -> pl.Expr:
    if field.name not in frame.columns:
        return pl.lit(None, raw_type(field.kind)).alias(field.name)
    decoded = _decoded(field, frame.schema[field.name], time_zone)
    if decoded is None and not field.required:
        return pl.lit(None, raw_type(field.kind)).alias(field.name)
    if decoded is None:
        got = frame.schema[field.name]
        expected = f"Expected column `{field.name}` to be {field.kind.described}"
        raise BadData(f"{expected}, got {got} - at `{path}`")
    return decoded.alias(field.name)


def _decoded(field: Field, stored: pl.DataType, time_zone: str) -> pl.Expr | None:
    """The column as its field's kind wants it, null where a value is not that; None if all are."""
    column, kind = pl.col(field.name), field.kind
    if stored == pl.Null:
        return pl.lit(None, raw_type(kind))
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return column.cast(pl.Float64) if stored.is_numeric() else None
    if kind is Kind.FLAG:
        return _flag(column, stored)
    if kind is Kind.TEXTS:
        return _texts(column, stored)
    if kind is Kind.JSON and stored.is_nested():
        return _object(column, stored)
    if kind is Kind.DATE and isinstance(stored, pl.Date):
        return column.to_physical().clip(*_YEARS).cast(pl.Date).dt.strftime("%Y-%m-%d")
    if kind in (Kind.DATE, Kind.INSTANT) and isinstance(stored, pl.Datetime):
        stamps = _Stamps.of(column, stored)
        if stamps is None:
            return None
        return stamps.dates(time_zone) if kind is Kind.DATE else stamps.instants()
    if isinstance(stored, pl.Binary):
        return column.map_batches(_utf8, return_dtype=pl.String)
    if isinstance(stored, (pl.String, pl.Categorical, pl.Enum)):
        return column.cast(pl.String)
    return None


def _utf8(values: pl.Series) -> pl.Series:
    """Texts of bytes, null where they are not UTF-8."""
    texts: list[str | None] = []
    for value in values:
        try:
            texts.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            texts.append(None)
    return pl.Series(values.name, texts, pl.String)


def _flag(column: pl.Expr, stored: pl.DataType) -> pl.Expr | None:
    if stored.is_numeric():  # what becomes of flags where some are absent
        return pl.when(column == 1).then(True).when(column == 0).then(False)
    return column if stored == pl.Boolean else None


def _texts(column: pl.Expr, stored: pl.DataType) -> pl.Expr | None:
    if isinstance(stored, pl.String):
        return column.str.split("|")
    texts = (pl.String, pl.Categorical, pl.Enum, pl.Null)
    if isinstance(stored, pl.List) and isinstance(stored.inner, texts):
        whole = column.list.eval(pl.element().is_null()).list.any().not_()
        return pl.when(whole).then(column.cast(pl.List(pl.String)))
    return None


@dataclass(frozen=True, slots=True)
class _Stamps:
    """A column of timestamps: numbers of ticks, and the zone they are shown in, if any."""

    ticks: pl.Expr
    unit: Literal["ms", "us", "ns"]
    zone: str | None

    @classmethod
    def of(cls, column: pl.Expr, stored: pl.Datetime) -> "_Stamps | None":
        """None where nobody knows the zone."""
        unit, zone = stored.time_unit, stored.time_zone
        known = zone is None or zone in _UTC or _OFFSET.fullmatch(zone) or is_time_zone(zone)
        if not known:
            return None
        ticks = column.to_physical()
        if unit != "ns":  # 64 bits of ns are 600 years, but of others more than can be written
            day = 86_400 * _PER_SECOND[unit]
            # A day less, as a zone may add one.
            ticks = ticks.clip((_YEARS[0] + 1) * day, _YEARS[1] * day - 1)
        return cls(ticks, unit, zone)

    def instants(self) -> pl.Expr:
        """RFC 3339 in UTC; without an offset, and so none, where the column has no zone."""
        text = self.ticks.cast(pl.Datetime(self.unit)).dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return pl.concat_str(text, pl.lit("Z" if self.zone else ""))

    def dates(self, time_zone: str) -> pl.Expr:
        """Days as text; a stamp that begins none keeps its time of day, which is no date.

        In UTC, days of `time_zone` count, too.
        """
        days = [self._days(self.zone)]
        if self.zone in _UTC:
            days.append(self._days(time_zone))
        shown = self._local(self.ticks, self.zone).dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return pl.coalesce(*(day.dt.strftime("%Y-%m-%d") for day in days), shown)

    def _days(self, zone: str | None) -> pl.Expr:
        """The day that begins at a stamp; null where none does.

        Where clocks are set forward at midnight a day begins at 01:00, a tick after yesterday.
        """
        local, before = self._local(self.ticks, zone), self._local(self.ticks - 1, zone)
        begins = (local.dt.time() == dt.time()) | (before.dt.date() < local.dt.date())
        return pl.when(begins).then(local.dt.date())

    def _local(self, ticks: pl.Expr, zone: str | None) -> pl.Expr:
        """Date and time that clocks show in the zone."""
        if zone is None or zone in _UTC:
            return ticks.cast(pl.Datetime(self.unit))
        if offset := _OFFSET.fullmatch(zone):
            minutes = int(offset[1] + offset[2]) * 60 + int(offset[1] + offset[3])
            shift = minutes * 60 * _PER_SECOND[self.unit]
            return (ticks + shift).cast(pl.Datetime(self.unit))
        instants = ticks.cast(pl.Datetime(self.unit, "UTC"))
        return instants.dt.convert_time_zone(zone).dt.replace_time_zone(None)


def _object(column: pl.Expr, stored: pl.DataType) -> pl.Expr:
    """Structures as JSON text."""
    if not _is_plain(stored):
        return column.map_batches(_dumped, return_dtype=pl.String)
    # A list has no writer of its own; as the only field of an object it has.
    wrapped = pl.struct(column.alias("")).struct.json_encode().str.slice(4).str.head(-1)
    return pl.when(column.is_not_null()).then(wrapped)


def _is_plain(stored: object) -> bool:
    """Whether polars writes the type as JSON, without loss."""
    if isinstance(stored, pl.Struct):
        return len(stored.fields) > 0 and all(_is_plain(field.dtype) for field in stored.fields)
    if isinstance(stored, pl.List):
        return _is_plain(stored.inner)
    if isinstance(stored, pl.DataType) and stored.is_integer():
        return True
    return stored in (pl.String, pl.Boolean, pl.Null)


def _dumped(values: pl.Series) -> pl.Series:
    """JSON of values of any type: instants in RFC 3339, NaN as `NaN`, which `objects` refuses."""
    try:
        items = values.to_list()
    except UNKNOWN_TIMES:
        items = [None] * len(values)
    texts = [None if item is None else json.dumps(item, default=_written) for item in items]
    return pl.Series(values.name, texts, pl.String)


def _written(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)
