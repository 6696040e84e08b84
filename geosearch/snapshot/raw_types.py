"""Column types of raw frames, which the readers of NDJSON, CSV and Parquet return.

`tables` says which values a field may hold.
"""

import polars as pl

from geosearch.snapshot.fields import Kind, Table


def raw_type(kind: Kind) -> pl.DataType:
    """Return the type of the raw column of a field.

    Whole numbers are doubles, which hold every whole number in range. So 5.0 counts as 5, and a
    message about 1e99 can show the value.
    """
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return pl.Float64()
    if kind is Kind.FLAG:
        return pl.Boolean()
    return pl.List(pl.String()) if kind is Kind.TEXTS else pl.String()


def raw_schema(table: Table) -> dict[str, pl.DataType]:
    """Return the raw column types by field name."""
    return {field.name: raw_type(field.kind) for field in table.fields}
