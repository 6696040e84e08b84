"""Normalisation of CSV cells that spreadsheets format: `1,000`, `2026/1/5`, blanks around `|`.

Ambiguous cells such as `1/5/2026`, `¥38` and `1,5` stay unchanged, and `csv` reports them as bad
values.
"""

import polars as pl

from geosearch.snapshot.fields import Kind, Table

_THOUSANDS = r"^\s*[+-]?\d{1,3}(?:,\d{3})+(?:\.0*)?\s*$"
# A day with its year first, alone or at midnight, as a column of timestamps shows it.
_DAY = r"^\s*(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:\s+0?0:00(?::00)?)?\s*$"
_LOOSE_BAR = r"\s*\|\s*"


def as_written(texts: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the table with the unambiguous cells normalised.

    Columns without such a cell stay untouched; the check scans each column once.

    Parameters
    ----------
    texts
        The table's fields as texts.
    """
    put = []
    for field in table.fields:
        column = pl.col(field.name)
        if field.kind is Kind.INTEGER and _any(texts[field.name], ","):
            plain = column.str.replace_all(",", "", literal=True)
            put.append(pl.when(column.str.contains(_THOUSANDS)).then(plain).otherwise(column))
        elif field.kind is Kind.DATE and not _all_iso(texts[field.name]):
            put.append(pl.coalesce(_iso_day(column), column).alias(field.name))
        elif field.kind is Kind.TEXTS and _any(texts[field.name], " "):
            put.append(column.str.replace_all(_LOOSE_BAR, "|").str.strip_chars())
    return texts.with_columns(put) if put else texts


def _any(column: pl.Series, sign: str) -> bool:
    return bool(column.str.contains(sign, literal=True).any())


def _all_iso(column: pl.Series) -> bool:
    return bool(column.str.contains(r"^\d{4}-\d\d-\d\d$").all())


def _iso_day(column: pl.Expr) -> pl.Expr:
    """Return the day as YYYY-MM-DD; null if the cell is not a day."""
    parts = [column.str.extract(_DAY, group).str.zfill(2) for group in (1, 2, 3)]
    return pl.concat_str(parts, separator="-")
