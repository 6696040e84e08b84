"""Accepted rows of a version, kept beside its segments: what a version is built of again.

Useful for: `rebuild`, which needs no snapshot; and the writer of live changes, which builds single
merchants again and reads only their rows.
Not useful for: answers; no search reads these files.

They are the frames of `Snapshot` as they are after the checks. So nothing is checked twice, and a
row in doubt stays in doubt. Large tables are in blocks, with look-ups beside them.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
from geosearch.live.row_blocks import Blocks, RowBlocks, write_blocks
from geosearch.live.row_lookups import Arrays, RowLookups, lookup_columns
from geosearch.segment.versions import REGIONS, ROWS
from geosearch.snapshot.envelope import Envelope
from geosearch.snapshot.reader import Snapshot
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.zones import Zone
from indexes.container import ContainerWriter, open_container
from indexes.files import write_file

_ENVELOPE = "snapshot.json"
_CATEGORIES = "categories.parquet"
_LOOKUPS = "lookups.columns"
_TABLES = ("merchants", "deals", "programs")


def keep_rows(version: Path, snapshot: Snapshot) -> None:
    """Write the rows of a snapshot into the folder of a version."""
    folder = version / ROWS
    folder.mkdir()
    tables = {name: getattr(snapshot, name) for name in _TABLES}
    columns = lookup_columns(tables)
    for name, frame in tables.items():
        blocks = write_blocks(folder / f"{name}.blocks", frame)
        columns |= {f"{name}_{field}": column for field, column in blocks._asdict().items()}
    writer = ContainerWriter(folder / _LOOKUPS)
    for name, column in columns.items():
        writer.add(name, column)
    writer.finish({name: frame.height for name, frame in tables.items()})
    if snapshot.categories is not None:
        _write(snapshot.categories, folder / _CATEGORIES)
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
    """The rows of a version; `deal_merchants` is empty, `links.pairs_of` finds the pairs.

    Raises
    ------
    BadData
        An older release built the version, it is that of a region, or a file is damaged.
    """
    kept = KeptRows(version)
    with kept.readable() as folder:
        zones = pl.read_parquet(folder / "zones.parquet").to_dicts()
        return Snapshot(
            envelope=kept.envelope,
            categories=kept.categories,
            zones=[Zone(**{**one, "geometry": shapely.from_wkb(one["geometry"])}) for one in zones],
            deal_merchants=pl.DataFrame(),
            rejects=RejectLog(),
            **{name: table.all() for name, table in kept.tables.items()},
        )


class KeptRows:
    """The rows of a version by id, each read when it is needed.

    Parameters
    ----------
    version
        Folder of the version.

    Raises
    ------
    BadData
        At a look-up: an older release built the version, it is that of a region, or a file is
        damaged.
    """

    def __init__(self, version: Path) -> None:
        self._version = version

    @cached_property
    def are_there(self) -> bool:
        """Whether the version keeps its rows."""
        return (self._version / ROWS / _LOOKUPS).exists()

    @contextmanager
    def readable(self) -> Iterator[Path]:
        """Context manager of the folder with the rows; errors of its files are `BadData` in it."""
        folder = self._version / ROWS
        if (self._version / REGIONS).exists():
            raise BadData(
                "Expected an index of all shops, got that of a region: build the regions again "
                f"from a snapshot - at `{self._version}`"
            )
        if not self.are_there:
            raise BadData(
                "Expected an index that keeps its rows, got one of an older release: build it "
                f"again from a snapshot - at `{self._version}`"
            )
        try:
            yield folder
        except BadData:
            raise
        except (
            pl.exceptions.PolarsError,
            shapely.errors.ShapelyError,
            ValueError,
            OSError,
        ) as error:
            reason = str(error).partition("\n")[0]
            raise BadData(
                f"Cannot read the rows of the version: {reason}; build it again from a snapshot "
                f"- at `{folder}`"
            ) from error

    @cached_property
    def envelope(self) -> Envelope:
        """Envelope of the snapshot."""
        with self.readable() as folder:
            return msgspec.json.decode((folder / _ENVELOPE).read_bytes(), type=Envelope)

    @cached_property
    def categories(self) -> pl.DataFrame | None:
        """Categories; None without that table."""
        with self.readable() as folder:
            file = folder / _CATEGORIES
            return pl.read_parquet(file) if file.exists() else None

    def check(self) -> None:
        """Check at the first call that everything is readable.

        An accepted change that needs a damaged row would keep all later ones invisible.

        Raises
        ------
        BadData
            A file is damaged.
        """
        return self._checked

    @cached_property
    def _checked(self) -> None:
        with self.readable():
            for table in self.tables.values():
                table.check()
        _ = self.envelope, self.categories

    @cached_property
    def tables(self) -> Mapping[str, RowBlocks]:
        """Merchants, deals and programs."""
        with self.readable() as folder:
            columns, _ = self._columns
            return {
                name: RowBlocks(
                    folder / f"{name}.blocks",
                    Blocks(*(columns[f"{name}_{field}"] for field in Blocks._fields)),
                )
                for name in _TABLES
            }

    def some(self, table: str, ids: Iterable[str]) -> pl.DataFrame:
        """Rows of a table with these ids."""
        with self.readable():
            return self.tables[table].take(self._lookups.rows(table, ids))

    def row(self, table: str, key: str) -> dict[str, Any] | None:
        """One row; None without it."""
        with self.readable():
            found = self._lookups.rows(table, [key]).tolist()
            return self.tables[table].row(found[0]) if found else None

    def deals_at(self, merchants: Iterable[str], brands: Iterable[str]) -> list[str]:
        """Ids of the deals that name any of these merchants, or one of these brands."""
        lookups = self._lookups
        listed = lookups.named("deals_by_merchant", merchants)
        return lookups.ids("deals", np.union1d(listed, lookups.named("deals_by_brand", brands)))

    def deals_of(self, program_id: str) -> list[str]:
        """Ids of the deals that need a card."""
        return self._lookups.ids("deals", self._lookups.named("deals_by_program", [program_id]))

    def shops_of(self, brand: str) -> list[str]:
        """Ids of the merchants of a brand."""
        return self._lookups.ids("merchants", self._lookups.named("merchants_by_brand", [brand]))

    @cached_property
    def _columns(self) -> tuple[Arrays, dict[str, int]]:
        """Columns of the tables, and their numbers of rows."""
        with self.readable() as folder:
            return open_container(folder / _LOOKUPS)

    @cached_property
    def _lookups(self) -> RowLookups:
        return RowLookups(*self._columns)
