"""Rows with the live changes that were made to them: what a build of the current rows reads.

`rebuild` folds all changes into all rows, and `small_segments` those of some rows.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
import polars as pl

from geosearch.live.state import GONE, DealState, LiveState, MerchantState
from geosearch.snapshot.links import pairs_of
from geosearch.snapshot.reader import Snapshot

Rows = Mapping[str, dict[str, Any]]


class Changed(NamedTuple):
    """Changed rows by id: whole rows, and the newest values of those that patches may change."""

    rows: Mapping[str, Rows]
    merchants: Mapping[str, MerchantState]
    deals: Mapping[str, DealState]
    programs: Mapping[str, str | None]


def all_changed(state: LiveState) -> Changed:
    """All changed rows of a version."""
    return Changed(state.rows, state.merchants, state.deals, state.programs)


def fold_changes(snapshot: Snapshot, changed: Changed) -> None:
    """Give rows the values that live changes gave them, add new ones, and drop deleted ones."""
    snapshot.programs = _folded(
        snapshot.programs,
        "program_id",
        changed.rows["programs"],
        {key: {"status": one} for key, one in changed.programs.items()},
        [key for key, one in changed.programs.items() if one == GONE],
    )
    snapshot.merchants = _folded(
        snapshot.merchants,
        "merchant_id",
        changed.rows["merchants"],
        {
            key: {
                "business_status": one.status,
                "closures": orjson.dumps(one.closures).decode() if one.closures else None,
            }
            for key, one in changed.merchants.items()
        },
        [key for key, one in changed.merchants.items() if one.status == GONE],
    )
    snapshot.deals = _folded(
        snapshot.deals,
        "deal_id",
        changed.rows["deals"],
        {
            key: {"stock": one.stock, "valid_through": one.valid_through}
            for key, one in changed.deals.items()
        },
        [key for key, one in changed.deals.items() if one.gone],
    )
    snapshot.deal_merchants = pairs_of(snapshot.deals, snapshot.merchants)


def _folded(
    frame: pl.DataFrame, key: str, rows: Rows, values: dict[str, dict[str, Any]], gone: list[str]
) -> pl.DataFrame:
    if rows:
        whole = pl.DataFrame(list(rows.values()), schema=frame.schema, infer_schema_length=None)
        others = frame.filter(~pl.col(key).is_in(list(rows)))
        frame = pl.concat([others, whole])
    if gone:
        frame = frame.filter(~pl.col(key).is_in(gone))
    return _patched(frame, key, values)


def _patched(frame: pl.DataFrame, key: str, values: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """The frame with other values in some columns of some rows."""
    if not values:
        return frame
    names = list(next(iter(values.values())))
    new = pl.DataFrame(
        {key: list(values), **{name: [one[name] for one in values.values()] for name in names}},
        schema_overrides={name: _written(frame.schema[name]) for name in names},
    ).with_columns(_is_new=True)
    joined = frame.join(new, on=key, how="left", maintain_order="left", suffix="_new")
    return joined.with_columns(
        pl.when(pl.col("_is_new")).then(_typed(name, frame)).otherwise(pl.col(name)).alias(name)
        for name in names
    ).select(frame.columns)


def _written(column: pl.DataType) -> pl.DataType:
    """Type of a column of values as changes have them."""
    return pl.String() if column == pl.Date else column


def _typed(name: str, frame: pl.DataFrame) -> pl.Expr:
    new = pl.col(f"{name}_new")
    return new.str.to_date("%Y-%m-%d") if frame.schema[name] == pl.Date else new
