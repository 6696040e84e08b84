"""Reader of Parquet tables: a raw frame, whose values `checks` checks later.

A required column of the wrong type is an error of the whole table. In an optional column of the
wrong type each value is bad by itself, as in NDJSON.
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
from geosearch.snapshot.fields import Field, Kind, Table
from geosearch.snapshot.merchants import is_time_zone
from geosearch.snapshot.raw_types import raw_type
from geosearch.snapshot.rejects import RejectLog

# First and last day, from 1970, of years 1 to 9999, the years that libraries write and read. Days
# outside are clipped to these two, which lie as far from any horizon.
_YEARS = -719_162, 2_932_896
_PER_SECOND = {"ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
_UTC = ("UTC", "Etc/UTC", "Zulu", "GMT", "Etc/GMT", "Z")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_ANY_ZONE = "POLARS_IGNORE_TIMEZONE_PARSE_ERROR"


def read_parquet(
    path: Path, table: Table, log: RejectLog, *, time_zone: str = "UTC"
) -> pl.DataFrame:
    """Return the raw frame of a Parquet file: `raw_schema` and `line` (uint32, row from 1).

    Rows are in file order. Texts may be categorical or UTF-8 bytes. Whole numbers may have any
    width, or be decimals or doubles. Flags may be 0 and 1. Dates and instants may be typed or
    texts. Lists may be texts with `|`, objects may be JSON texts.

    A date in a timestamp column is a midnight in the column's zone. In a UTC column it may also be
    a midnight in `time_zone`, because writers convert local midnights to UTC.

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
    with _panics_as_bad_data(path):
        raw = frame.select(*columns).with_row_index("line", 1).select(*table.names(), "line")
    absent = [name for name in table.names() if name not in frame.columns]
    stored = frame.with_columns(pl.lit(None).alias(name) for name in absent)
    return read_values(stored, raw, table, log)


def rows_of_parquet(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Yield the rows of a Parquet file at some numbers, from 1, as objects."""
    stored = _stored(path)
    for line in sorted(lines):
        try:
            yield line, stored.row(line - 1, named=True)
        except UNKNOWN_TIMES:
            yield line, None


def _stored(path: Path) -> pl.DataFrame:
    try:
        with _panics_as_bad_data(path), _any_time_zone():
            return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise BadData(f"Cannot read the file as Parquet: {reason} - at `{path}`") from error


@contextmanager
def _any_time_zone() -> Iterator[None]:
    """Let polars read columns in zones that it does not know, such as `+05:30`, without a panic."""
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
def _panics_as_bad_data(path: Path) -> Iterator[None]:
    """Turn a panic of polars about a file into `BadData`."""
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
    """Return the column converted to its kind, bad values null; None if the type does not fit."""
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
    """Return bytes as texts; null for bytes that are not UTF-8."""
    texts: list[str | None] = []
    for value in values:
        try:
            texts.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            texts.append(None)
    return pl.Series(values.name, texts, pl.String)


def _flag(column: pl.Expr, stored: pl.DataType) -> pl.Expr | None:
    if stored.is_numeric():  # pandas turns a column of flags with gaps into numbers
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
    """A column of timestamps: its ticks, their unit, and the column's zone, if any."""

    ticks: pl.Expr
    unit: Literal["ms", "us", "ns"]
    zone: str | None

    @classmethod
    def of(cls, column: pl.Expr, stored: pl.Datetime) -> "_Stamps | None":
        """Return the timestamps of a column; None if its zone is unknown."""
        unit, zone = stored.time_unit, stored.time_zone
        known = zone is None or zone in _UTC or _OFFSET.fullmatch(zone) or is_time_zone(zone)
        if not known:
            return None
        ticks = column.to_physical()
        if unit != "ns":  # 64 bits of ns span 600 years; the other units exceed year 9999
            day = 86_400 * _PER_SECOND[unit]
            # One day less on each side, because a zone may shift the day.
            ticks = ticks.clip((_YEARS[0] + 1) * day, _YEARS[1] * day - 1)
        return cls(ticks, unit, zone)

    def instants(self) -> pl.Expr:
        """Return RFC 3339 texts in UTC; without offset, so invalid, for a column without zone."""
        text = self.ticks.cast(pl.Datetime(self.unit)).dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return pl.concat_str(text, pl.lit("Z" if self.zone else ""))

    def dates(self, time_zone: str) -> pl.Expr:
        """Return days as texts; a stamp that is not a midnight keeps its time, so it is no date.

        In a UTC column, midnights in `time_zone` count too.
        """
        days = [self._days(self.zone)]
        if self.zone in _UTC:
            days.append(self._days(time_zone))
        shown = self._local(self.ticks, self.zone).dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        return pl.coalesce(*(day.dt.strftime("%Y-%m-%d") for day in days), shown)

    def _days(self, zone: str | None) -> pl.Expr:
        """Return the day that begins at a stamp; null if none does.

        If clocks go forward at midnight, the day begins at 01:00, one tick after the day before.
        """
        local, before = self._local(self.ticks, zone), self._local(self.ticks - 1, zone)
        begins = (local.dt.time() == dt.time()) | (before.dt.date() < local.dt.date())
        return pl.when(begins).then(local.dt.date())

    def _local(self, ticks: pl.Expr, zone: str | None) -> pl.Expr:
        """Return the local date and time in the zone."""
        if zone is None or zone in _UTC:
            return ticks.cast(pl.Datetime(self.unit))
        if offset := _OFFSET.fullmatch(zone):
            minutes = int(offset[1] + offset[2]) * 60 + int(offset[1] + offset[3])
            shift = minutes * 60 * _PER_SECOND[self.unit]
            return (ticks + shift).cast(pl.Datetime(self.unit))
        instants = ticks.cast(pl.Datetime(self.unit, "UTC"))
        return instants.dt.convert_time_zone(zone).dt.replace_time_zone(None)


def _object(column: pl.Expr, stored: pl.DataType) -> pl.Expr:
    """Return structs or lists as JSON texts."""
    if not _is_plain(stored):
        return column.map_batches(_dumped, return_dtype=pl.String)
    # polars writes only structs as JSON, so this wraps the value in one and cuts the wrapper off.
    wrapped = pl.struct(column.alias("")).struct.json_encode().str.slice(4).str.head(-1)
    return pl.when(column.is_not_null()).then(wrapped)


def _is_plain(stored: object) -> bool:
    """Return whether polars writes the type as JSON without loss."""
    if isinstance(stored, pl.Struct):
        return len(stored.fields) > 0 and all(_is_plain(field.dtype) for field in stored.fields)
    if isinstance(stored, pl.List):
        return _is_plain(stored.inner)
    if isinstance(stored, pl.DataType) and stored.is_integer():
        return True
    return stored in (pl.String, pl.Boolean, pl.Null)


def _dumped(values: pl.Series) -> pl.Series:
    """Return values of any type as JSON: instants in RFC 3339, NaN as `NaN`, which is refused."""
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
