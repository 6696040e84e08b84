"""Accepted rows of a version, kept beside its segments: what a version is built of again.

Useful for: `rebuild`, which needs no snapshot.
Not useful for: answers; no search reads these files.

They are the frames of `Snapshot` as they are after the checks. So nothing is checked twice, and a
row in doubt stays in doubt.
"""

from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import orjson
import polars as pl
import shapely

from geosearch.errors import BadData
from geosearch.live.state import GONE, LiveState
from geosearch.segment.regional import REGIONS
from geosearch.segment.versions import ROWS
from geosearch.snapshot.envelope import Envelope
from geosearch.snapshot.reader import Snapshot
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.zones import Zone
from indexes.files import write_file

_ENVELOPE = "snapshot.json"
_FRAMES = ("merchants", "deals", "programs", "deal_merchants")
_CLOSED = "CLOSED_PERMANENTLY"


def keep_rows(version: Path, snapshot: Snapshot) -> None:
    """Write the rows of a snapshot into the folder of a version."""
    folder = version / ROWS
    folder.mkdir()
    for name in _FRAMES:
        _write(getattr(snapshot, name), folder / f"{name}.parquet")
    if snapshot.categories is not None:
        _write(snapshot.categories, folder / "categories.parquet")
    zones = [
        {**asdict(replace(zone, geometry=None)), "geometry": shapely.to_wkb(zone.geometry)}
        for zone in snapshot.zones
    ]
    _write(pl.DataFrame(zones, infer_schema_length=None), folder / "zones.parquet")
    write_file(folder / _ENVELOPE, msgspec.json.encode(snapshot.envelope))


def _write(frame: pl.DataFrame, path: Path) -> None:
    # Polars writes to a file itself, and a full disk is a `ComputeError` then.
    content = BytesIO()
    frame.write_parquet(content)
    write_file(path, content.getvalue())


def read_rows(version: Path) -> Snapshot:
    """The rows of a version.

    Raises
    ------
    BadData
        An older release built the version, it is that of a region, or a file is damaged.
    """
    folder = version / ROWS
    if (version / REGIONS).exists():
        raise BadData(
            "Expected an index of all shops, got that of a region: build the regions again from a "
            f"snapshot - at `{version}`"
        )
    if not folder.is_dir():
        raise BadData(
            "Expected an index that keeps its rows, got one of an older release: build it again "
            f"from a snapshot - at `{version}`"
        )
    categories = folder / "categories.parquet"
    try:
        frames = {name: pl.read_parquet(folder / f"{name}.parquet") for name in _FRAMES}
        zones = pl.read_parquet(folder / "zones.parquet").to_dicts()
        return Snapshot(
            envelope=msgspec.json.decode((folder / _ENVELOPE).read_bytes(), type=Envelope),
            categories=pl.read_parquet(categories) if categories.exists() else None,
            zones=[Zone(**{**one, "geometry": shapely.from_wkb(one["geometry"])}) for one in zones],
            rejects=RejectLog(),
            **frames,
        )
    except (pl.exceptions.PolarsError, shapely.errors.ShapelyError, ValueError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise BadData(f"Cannot read the rows of the version: {reason} - at `{folder}`") from error


def fold_changes(snapshot: Snapshot, state: LiveState) -> None:
    """Give rows the values that live changes gave them; deleted ones go."""
    snapshot.programs = _patched(
        snapshot.programs,
        "program_id",
        {key: {"status": one} for key, one in state.programs.items()},
    )
    deals = snapshot.deals.with_row_index("old_deal")
    gone = [key for key, one in state.deals.items() if one.gone]
    deals = _patched(
        deals.filter(~pl.col("deal_id").is_in(gone)),
        "deal_id",
        {
            key: {"stock": one.stock, "valid_through": one.valid_through}
            for key, one in state.deals.items()
        },
    )
    merchants = snapshot.merchants.with_row_index("old_merchant")
    gone = [key for key, one in state.merchants.items() if one.status == GONE]
    merchants = _patched(
        merchants.filter(~pl.col("merchant_id").is_in(gone)),
        "merchant_id",
        {
            key: {
                "business_status": one.status,
                "closures": orjson.dumps(one.closures).decode() if one.closures else None,
            }
            for key, one in state.merchants.items()
        },
    )
    is_open = pl.col("business_status") != _CLOSED
    places = merchants.with_row_index("new_merchant").filter(is_open)
    snapshot.deal_merchants = (
        snapshot.deal_merchants.join(
            deals.with_row_index("new_deal").select("old_deal", "new_deal"),
            left_on="deal_row", right_on="old_deal", maintain_order="left",
        )
        .join(
            places.select("old_merchant", "new_merchant"),
            left_on="merchant_row", right_on="old_merchant", maintain_order="left",
        )
        .select(deal_row="new_deal", merchant_row="new_merchant")
    )  # fmt: skip
    snapshot.deals, snapshot.merchants = deals.drop("old_deal"), merchants.drop("old_merchant")


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
