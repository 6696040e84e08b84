"""Small segments of a version: merchants that live changes moved, built whole beside its segments.

The same code builds them as builds a version. What is large is shared with the version: its parsed
zones, and the evaluated hours that `geosearch.hours` keeps.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

from geosearch.indexing.encoding import SharedZones, VersionSetting, write_rows
from geosearch.indexing.fold import Changed, fold_changes, folded_merchants
from geosearch.live.base import Base
from geosearch.live.state import LiveState
from geosearch.money.ranking import Weights
from geosearch.segment.catalogue import prefixes
from geosearch.segment.segment import SMALL, Segment, SmallSegment
from geosearch.snapshot.reader import Snapshot
from geosearch.snapshot.rejects import RejectLog
from indexes.container import ContainerWriter

T = TypeVar("T")


class SmallSegments:
    """The small segments of one version.

    Parameters
    ----------
    base
        The version.
    state
        Its changed rows.
    """

    def __init__(self, base: Base, state: LiveState) -> None:
        self._base, self._state = base, state
        self._newest: Segment | None = None
        self._name = ""
        self._is_old = bool(state.moved or any(state.rows.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Files of the segments in the folder of the version."""
        return (self._name,) if self._newest is not None else ()

    def follow(self, table: str, key: str) -> None:
        """Take note of a row that changed."""
        if not self._is_old:
            self._is_old = self._concerns(table, key)

    def refresh(self) -> None:
        """Build again what changed.

        Raises
        ------
        OSError
            The disk is full or fails.
        """
        if not self._is_old:
            return
        name = f"{uuid.uuid4().hex}{SMALL}"
        path = self._base.folder / name
        build_small(path, self._base, self._state, self._state.moved)
        self._newest, self._name = SmallSegment(path, self._base.segments[0]), name
        self._is_old = False

    def _concerns(self, table: str, key: str) -> bool:
        if key in self._state.rows[table] or (table == "merchants" and key in self._state.moved):
            return True
        if self._newest is None:
            return False
        if table == "deals":
            return self._newest.deal_of(key) is not None
        return table == "programs" and key in self._newest.program_numbers


def build_small(path: Path, base: Base, state: LiveState, merchants: Collection[str]) -> None:
    """Write a segment of some merchants as they are now."""
    kept, manifest = base.kept.rows, base.segments[0].manifest
    snapshot = _rows_of(kept, base, state, merchants)
    whole = base.segments[0]
    setting = VersionSetting(
        datetime.fromisoformat(manifest["built_at"]),
        base.horizon,
        msgspec.convert(manifest["weights"], Weights),
        base.cut,
        SharedZones(whole.catalogue.zones, whole.catalogue.zone_datums, whole.zone_index),
    )
    write_rows(path, snapshot, setting, write=ContainerWriter)


def _rows_of(kept: Snapshot, base: Base, state: LiveState, keys: Collection[str]) -> Snapshot:
    """The rows of merchants as they are now, with all deals and cards that they need."""
    rows = state.rows
    changed = Changed(
        rows={**rows, "merchants": _only(rows["merchants"], keys)},
        merchants=_only(state.merchants, keys),
        deals={},
        programs=state.programs,
    )
    merchants = base.kept.some("merchants", keys)
    brands = folded_merchants(merchants, changed)["brand"].drop_nulls().unique()
    named = [*state.book.deals_at(keys, brands), *rows["deals"]]
    deals = [key for key in dict.fromkeys(named) if state.has("deals", key)]
    frame = base.kept.some("deals", [key for key in deals if key not in rows["deals"]])
    cards = set(frame["program_id"].drop_nulls().unique())
    cards |= {rows["deals"][key]["program_id"] for key in deals if key in rows["deals"]} - {None}
    cards |= rows["programs"].keys()
    changed = changed._replace(
        rows={**changed.rows, "deals": _only(rows["deals"], deals)},
        deals=_only(state.deals, deals),
        programs=_only(state.programs, cards),
    )
    snapshot = Snapshot(
        envelope=kept.envelope,
        merchants=merchants,
        deals=frame,
        programs=base.kept.some("programs", cards),
        categories=None,
        zones=[],
        deal_merchants=pl.DataFrame(),
        rejects=RejectLog(),
    )
    fold_changes(snapshot, changed)
    if kept.categories is not None:
        paths = snapshot.merchants["categories"].explode().drop_nulls().unique()
        used = {prefix for path in paths for prefix in prefixes(path)}
        snapshot.categories = kept.categories.filter(pl.col("category_id").is_in(list(used)))
    return snapshot


def _only(values: dict[str, T], keys: Collection[str]) -> dict[str, T]:
    """Those of the keys."""
    return {key: values[key] for key in keys if key in values}
