"""Accepted rows of a version, kept beside its segments: what a version is built of again.

Useful for: `rebuild`, which needs no snapshot; and the writer of live changes, which builds single
merchants again.
Not useful for: answers; no search reads these files.

They are the frames of `Snapshot` as they are after the checks. So nothing is checked twice, and a
row in doubt stays in doubt.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import shapely

from geosearch.errors import BadData
from geosearch.segment.versions import REGIONS, ROWS
from geosearch.snapshot.envelope import Envelope
from geosearch.snapshot.reader import Snapshot
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.zones import Zone
from indexes.arrays import U32
from indexes.files import write_file

_ENVELOPE = "snapshot.json"
_FRAMES = ("merchants", "deals", "programs", "deal_merchants")


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


def _read(path: Path) -> pl.DataFrame:
    # One chunk a column: polars takes 20 times as long to pick a row of several.
    return pl.read_parquet(path).rechunk()


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
        frames = {name: _read(folder / f"{name}.parquet") for name in _FRAMES}
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


class _Places:
    """Places of texts in a column: a bisection of their hashes."""

    def __init__(self, texts: pl.Series, rows: U32 | None = None) -> None:
        hashes = texts.hash().to_numpy()
        self._order = np.argsort(hashes, kind="stable")
        self._hashes, self._texts, self._rows = hashes[self._order], texts, rows

    def of(self, wanted: Iterable[str]) -> U32:
        """Ascending rows of the column with any of these texts, each once."""
        texts = pl.Series(list(wanted), dtype=pl.String)
        hashes = texts.hash().to_numpy()
        begins = np.searchsorted(self._hashes, hashes)
        ends = np.searchsorted(self._hashes, hashes, side="right")
        spans = [self._order[a:b] for a, b in zip(begins, ends, strict=True) if a < b]
        if not spans:
            return np.zeros(0, np.uint32)
        at = np.unique(np.concatenate(spans))
        at = at[self._texts.gather(at).is_in(texts.implode()).to_numpy()]
        rows = at if self._rows is None else np.unique(self._rows[at])
        return rows.astype(np.uint32)


class KeptRows:
    """The rows of a version by id, read at the first look-up.

    Parameters
    ----------
    version
        Folder of the version.
    """

    def __init__(self, version: Path) -> None:
        self._version = version

    @cached_property
    def are_there(self) -> bool:
        """Whether the version keeps its rows."""
        return (self._version / ROWS).is_dir()

    @cached_property
    def rows(self) -> Snapshot:
        """All rows.

        Raises
        ------
        BadData
            As `read_rows`.
        """
        return read_rows(self._version)

    @cached_property
    def _ids(self) -> dict[str, _Places]:
        return {
            name: _Places(getattr(self.rows, name)[f"{name[:-1]}_id"])
            for name in ("merchants", "deals", "programs")
        }

    @cached_property
    def _scopes(self) -> dict[str, _Places]:
        """Deals by merchant, by brand and by card, and merchants by brand."""
        deals = self.rows.deals.select("merchant_ids", "brand", "program_id").with_row_index("row")
        listed = deals.filter(pl.col("merchant_ids").is_not_null()).explode("merchant_ids")
        branded = deals.filter(pl.col("merchant_ids").is_null() & pl.col("brand").is_not_null())
        carded = deals.filter(pl.col("program_id").is_not_null())
        shops = self.rows.merchants.select("brand").with_row_index("row").drop_nulls("brand")
        columns = {
            "merchant": (listed, "merchant_ids"),
            "brand": (branded, "brand"),
            "program": (carded, "program_id"),
            "shops": (shops, "brand"),
        }
        return {
            name: _Places(frame[column], frame["row"].to_numpy())
            for name, (frame, column) in columns.items()
        }

    def some(self, table: str, ids: Iterable[str]) -> pl.DataFrame:
        """Rows of a table with these ids."""
        frame: pl.DataFrame = getattr(self.rows, table)
        return frame[self._ids[table].of(ids)]

    def row(self, table: str, key: str) -> dict[str, Any] | None:
        """One row; None without it."""
        found = self.some(table, [key])
        return found.row(0, named=True) if found.height else None

    def deals_at(self, merchants: Iterable[str], brands: Iterable[str]) -> list[str]:
        """Ids of the deals that name any of these merchants, or one of these brands."""
        scopes = self._scopes
        rows = np.union1d(scopes["merchant"].of(merchants), scopes["brand"].of(brands))
        found: list[str] = self.rows.deals["deal_id"].gather(rows).to_list()
        return found

    def deals_of(self, program_id: str) -> list[str]:
        """Ids of the deals that need a card."""
        rows = self._scopes["program"].of([program_id])
        found: list[str] = self.rows.deals["deal_id"].gather(rows).to_list()
        return found

    def shops_of(self, brand: str) -> list[str]:
        """Ids of the merchants of a brand."""
        rows = self._scopes["shops"].of([brand])
        found: list[str] = self.rows.merchants["merchant_id"].gather(rows).to_list()
        return found
