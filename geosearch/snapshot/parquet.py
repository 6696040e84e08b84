"""Rows of a Parquet table as a raw frame.

Useful for: `snapshot`, which checks the values.
Not useful for: bad rows, but for a null in a list; a column of the wrong type is the whole table's
fault.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from geosearch.errors import BadData
from geosearch.snapshot.checks import Checker, Rule
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.tables import Field, Kind, Table


def read_parquet(path: Path, table: Table, log: RejectLog) -> pl.DataFrame:
    """Raw frame of a Parquet file: `table.schema()` and `line` (uint32, row from 1), in file order.

    Text columns may be categorical, whole numbers of any width or doubles, dates and instants
    typed or written; lists also written with `|`, objects also as JSON text. A row with a null
    in a list of texts is rejected in `log`.

    Raises
    ------
    BadData
        The file cannot be read, lacks a required column, or a column has the wrong type.
    """
    frame = _stored(path)
    for name in frame.columns:
        if name not in table.schema():
            sentence = f"Expected a field of table `{table.name}`, got `{name}`, which is ignored"
            log.warn(table.name, 1, "unknown_field", sentence)
    columns = [_column(frame, field, path) for field in table.fields]
    raw = frame.select(*columns).with_row_index("line", 1).select(*table.schema(), "line")
    checker = Checker(raw, table, log)
    checker.reject([_null_rule(field) for field in table.fields if field.kind is Kind.TEXTS])
    return checker.frame


def rows_of_parquet(path: Path, lines: set[int]) -> Iterator[tuple[int, object]]:
    """Rows of a Parquet file by number, from 1, as objects."""
    wanted = sorted(lines)
    rows = _stored(path)[[line - 1 for line in wanted]].iter_rows(named=True)
    return zip(wanted, rows, strict=True)


def _stored(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadData(f"Expected a Parquet file, got {reason} - at `{path}`") from error


def _null_rule(field: Field) -> Rule:
    expected = f"`{field.name}` to be {field.kind.described}"
    return Rule(pl.col(field.name).list.contains(None), "wrong_type", field.name, expected)


def _column(frame: pl.DataFrame, field: Field, path: Path) -> pl.Expr:
    if field.name not in frame.columns:
        if field.required:
            sentence = f"Expected a column `{field.name}`, got {', '.join(frame.columns)}"
            raise BadData(f"{sentence} - at `{path}`")
        return pl.lit(None, field.kind.dtype).alias(field.name)
    decoded = _decoded(field, frame.schema[field.name])
    if decoded is None:
        got = frame.schema[field.name]
        expected = f"Expected column `{field.name}` to be {field.kind.described}"
        raise BadData(f"{expected}, got {got} - at `{path}`")
    return decoded.alias(field.name)


def _decoded(field: Field, stored: pl.DataType) -> pl.Expr | None:
    """The column as its field's kind wants it; None where it cannot be that."""
    column, kind = pl.col(field.name), field.kind
    if stored == pl.Null:
        return pl.lit(None, kind.dtype)
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return column.cast(pl.Float64) if stored.is_numeric() else None
    if kind is Kind.FLAG:
        return column if stored == pl.Boolean else None
    if kind is Kind.TEXTS:
        return _texts(column, stored)
    if kind is Kind.JSON and isinstance(stored, (pl.Struct, pl.List)):
        # A list has no writer of its own; as the only field of an object it has.
        wrapped = pl.struct(column.alias("")).struct.json_encode().str.slice(4).str.head(-1)
        return pl.when(column.is_not_null()).then(wrapped)
    return _text(column, kind, stored)


def _text(column: pl.Expr, kind: Kind, stored: pl.DataType) -> pl.Expr | None:
    if isinstance(stored, pl.Datetime) and kind is Kind.INSTANT:
        zoned = column.dt.convert_time_zone("UTC") if stored.time_zone else column
        return zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    if kind is Kind.DATE and isinstance(stored, (pl.Date, pl.Datetime)):
        return column.cast(pl.Date).dt.strftime("%Y-%m-%d")
    if isinstance(stored, (pl.String, pl.Categorical, pl.Enum)):
        return column.cast(pl.String)
    return None


def _texts(column: pl.Expr, stored: pl.DataType) -> pl.Expr | None:
    if isinstance(stored, pl.String):
        return column.str.split("|")
    texts = (pl.String, pl.Categorical, pl.Enum, pl.Null)
    if isinstance(stored, pl.List) and isinstance(stored.inner, texts):
        return column.cast(pl.List(pl.String))
    return None
