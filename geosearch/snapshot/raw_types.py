"""Types of raw columns: how a table is read before its values are checked.

Useful for: the readers of NDJSON, CSV and Parquet, which give frames of one schema.
Not useful for: what a field may hold; that is in `tables`.
"""

import polars as pl

from geosearch.snapshot.tables import Kind, Table


def raw_type(kind: Kind) -> pl.DataType:
    """Type of the raw column of a field.

    Whole numbers come as doubles, so that 5.0 is 5 and 1e99 is told by value, not lost in a
    decoder's error; doubles hold every whole number in range.
    """
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return pl.Float64()
    if kind is Kind.FLAG:
        return pl.Boolean()
    return pl.List(pl.String()) if kind is Kind.TEXTS else pl.String()


def raw_schema(table: Table) -> dict[str, pl.DataType]:
    """Raw column types by field name."""
    return {field.name: raw_type(field.kind) for field in table.fields}
