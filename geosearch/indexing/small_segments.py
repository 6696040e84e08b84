"""Small segments of a version: merchants that live changes moved, built whole beside its segments.

There are at most two, as in a log-structured merge tree: the newest one is built again at each
change that bits cannot show, and has few documents; when it has too many, a larger one takes them
over, which is built in the background. Bits show all other changes of both, as they do in the
segments of the version.

The same code builds them as builds a version. What is large is shared with the version: its parsed
zones, and the evaluated hours that `geosearch.hours` keeps.
"""

import uuid
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import polars as pl
import structlog

from geosearch.indexing.encoding import SharedZones, VersionSetting, write_rows
from geosearch.indexing.fold import Changed, fold_changes
from geosearch.live.base import Base, BuiltSegment
from geosearch.live.moment import SegmentChanges
from geosearch.live.moments import SegmentDelta
from geosearch.live.row_book import Row
from geosearch.live.state import CLOSED, GONE, LiveState
from geosearch.money.ranking import Weights
from geosearch.segment.catalogue import prefixes
from geosearch.segment.segment import SMALL, SmallSegment
from geosearch.snapshot.reader import Snapshot
from geosearch.snapshot.rejects import RejectLog
from indexes.container import ContainerWriter

T = TypeVar("T")

Puts = Mapping[str, Mapping[str, Row]]
"""Whole rows that changes put, by table and id."""

FEW = 256
"""Merchants that the newest segment has at most before a larger one takes them over: it takes
0.1 s to build."""

SHARE = 32
"""Or this part of the larger one, if it is more: each merchant is built so often by merges."""

DRAFT = ".merging"
"""Ending of the file of a larger segment in the making."""


class _Small(NamedTuple):
    """A small segment, its changes since, and the rows that were put when it was built."""

    name: str
    nbytes: int
    delta: SegmentDelta
    elsewhere: set[str]
    puts: Puts

    @property
    def documents(self) -> int:
        return len(self.delta.built.segment)


class _Merge(NamedTuple):
    """A larger segment in the making: its draft, the rows that were put, and what changed since."""

    done: "Future[None]"
    draft: Path
    puts: Puts
    since: set[tuple[str, str]]


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
        self._larger: _Small | None = None
        self._newest: _Small | None = None
        self._recent = dict.fromkeys(state.moved)
        """Merchants of the newest segment, or of its next build."""
        self._is_old = bool(state.moved or any(state.rows.values()))
        self._merge: _Merge | None = None
        self._background = ThreadPoolExecutor(1)
        for draft in base.folder.glob(f"*{DRAFT}"):
            draft.unlink(missing_ok=True)  # Its process died.

    @property
    def names(self) -> tuple[str, ...]:
        """Files of the segments in the folder of the version."""
        return tuple(one.name for one in self._segments)

    @property
    def documents(self) -> int:
        """Number of documents in the segments."""
        return sum(one.documents for one in self._segments)

    @property
    def nbytes(self) -> int:
        """Bytes of their files."""
        return sum(one.nbytes for one in self._segments)

    def follow(self, table: str, key: str) -> None:
        """Take note of a row that changed."""
        if self._merge is not None:
            self._merge.since.add((table, key))
        if table == "merchants":
            self._follow_merchant(key)
        elif self._is_put_since(table, key):
            self._is_old = True
        if table == "deals":
            for one in self._segments:
                if one.delta.ends_later(key):
                    for merchant_id in _merchants_with(one.delta.built, key):
                        self.follow("merchants", merchant_id)
        for one in self._segments:
            one.delta.follow(table, key)

    def refresh(self) -> None:
        """Build again what changed, and take over a merge that is done.

        Raises
        ------
        OSError
            The disk is full or fails.
        """
        self._take_over()
        if not self._is_old:
            return
        if self._larger is not None and self._merge is None and self._is_outgrown(self._larger):
            # A newest one of them takes as long, and each change would build it again.
            self._larger, self._recent = None, dict.fromkeys(self._state.moved)
        puts = self._new_puts()
        if self._recent or any(puts.values()):
            path = self._base.folder / f"{uuid.uuid4().hex}{SMALL}"
            rows = _rows_of(self._base, self._state, self._recent, puts)
            build_small(path, self._base, rows)
            self._newest = self._opened(path, _copied(self._state.rows))
        else:
            self._newest = None
        self._is_old = False
        if self._newest is not None and len(self._recent) > self._most_recent:
            self._make_larger(self._newest)

    def made(self) -> list[SegmentChanges]:
        """What changed in each segment since it was built."""
        return [one.delta.made() for one in self._segments]

    def close(self) -> None:
        """End a merge, so that nobody writes to the folder any more."""
        self._background.shutdown()
        if self._merge is not None:
            self._merge.draft.unlink(missing_ok=True)

    @property
    def _segments(self) -> list[_Small]:
        return [one for one in (self._larger, self._newest) if one is not None]

    @property
    def _most_recent(self) -> int:
        return max(FEW, 0 if self._larger is None else self._larger.documents // SHARE)

    def _is_outgrown(self, larger: _Small) -> bool:
        return len(self._recent) > max(self._most_recent, larger.documents)

    def _follow_merchant(self, key: str) -> None:
        if key not in self._state.moved:
            return
        state = self._state.merchants.get(key)
        if state is not None and state.status in (GONE, CLOSED):
            return  # Bits show that.
        if self._larger is not None:
            self._larger.elsewhere.add(key)
        self._recent[key] = None
        self._is_old = True

    def _is_put_since(self, table: str, key: str) -> bool:
        """Whether a whole row was put that no small segment has."""
        row = self._state.rows[table].get(key)
        newest = self._segments[-1].puts[table].get(key) if self._segments else None
        return row is not newest

    def _new_puts(self) -> Puts:
        """Whole rows of deals and cards that the larger segment lacks."""
        known = {} if self._larger is None else self._larger.puts
        return {
            table: {
                key: row
                for key, row in self._state.rows[table].items()
                if row is not known.get(table, {}).get(key)
            }
            for table in ("deals", "programs")
        }

    def _opened(self, path: Path, puts: Puts) -> _Small:
        elsewhere: set[str] = set()
        built = BuiltSegment(SmallSegment(path, self._base.segments[0]))
        delta = SegmentDelta(
            built, self._state, self._base.horizon, deals=puts["deals"], elsewhere=elsewhere
        )
        return _Small(path.name, path.stat().st_size, delta, elsewhere, puts)

    def _make_larger(self, newest: _Small) -> None:
        if self._larger is None:
            self._larger, self._newest = newest, None
            self._recent.clear()
        elif self._merge is None:
            puts = _copied(self._state.rows)
            draft = self._base.folder / f"{uuid.uuid4().hex}{DRAFT}"
            rows = _rows_of(self._base, self._state, self._state.moved, puts)
            done = self._background.submit(build_small, draft, self._base, rows)
            self._merge = _Merge(done, draft, puts, set())

    def _take_over(self) -> None:
        merge = self._merge
        if merge is None or not merge.done.done():
            return
        self._merge = None
        try:
            merge.done.result()
        except OSError as error:  # The newest one goes on, and its next build tries again.
            structlog.get_logger().error("live changes not merged", error=str(error))
            return
        path = merge.draft.with_suffix(SMALL)
        merge.draft.rename(path)
        self._larger, self._newest = self._opened(path, merge.puts), None
        self._recent.clear()
        self._is_old = False
        for table, key in merge.since:
            self.follow(table, key)


def build_small(path: Path, base: Base, rows: Snapshot) -> None:
    """Write a segment of some rows of a version; this empties their frames."""
    whole = base.segments[0]
    setting = VersionSetting(
        datetime.fromisoformat(whole.manifest["built_at"]),
        base.horizon,
        msgspec.convert(whole.manifest["weights"], Weights),
        base.cut,
        SharedZones(whole.catalogue.zones, whole.catalogue.zone_datums, whole.zone_index),
    )
    write_rows(path, rows, setting, write=ContainerWriter)


def _merchants_with(built: BuiltSegment, deal_id: str) -> list[str]:
    number = built.number("deals", deal_id)
    assert number is not None
    _, docs = built.offers([number])
    return [built.segment.merchant_id(doc) for doc in docs.tolist()]


def _copied(rows: Puts) -> Puts:
    return {table: dict(rows[table]) for table in ("deals", "programs")}


def _rows_of(base: Base, state: LiveState, keys: Collection[str], puts: Puts) -> Snapshot:
    """The rows of merchants as they are now, with all deals and cards that they need, and others.

    Parameters
    ----------
    keys
        Ids of the merchants.
    puts
        Put rows of deals and cards, to which also those belong that no merchant needs.
    """
    kept, rows = base.kept, state.rows
    shops = [key for key in keys if state.has("merchants", key)]
    merchants, brands = _kept_and_named(base, state, "merchants", shops, "brand")
    named = [*state.book.deals_at(shops, brands), *puts["deals"]]
    deals = [key for key in dict.fromkeys(named) if state.has("deals", key)]
    frame, cards = _kept_and_named(base, state, "deals", deals, "program_id")
    cards |= puts["programs"].keys()
    changed = Changed(
        rows={
            "merchants": _only(rows["merchants"], shops),
            "deals": _only(rows["deals"], deals),
            "programs": _only(rows["programs"], cards),
        },
        merchants=_only(state.merchants, shops),
        deals=_only(state.deals, deals),
        programs=_only(state.programs, cards),
    )
    snapshot = Snapshot(
        envelope=kept.envelope,
        merchants=merchants,
        deals=frame,
        programs=kept.some("programs", cards),
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


def _kept_and_named(
    base: Base, state: LiveState, table: str, keys: Collection[str], name: str
) -> tuple[pl.DataFrame, set[str]]:
    """Kept rows of those keys that were not put since, and what all of them name in a column."""
    put = _only(state.rows[table], keys)
    frame = base.kept.some(table, [key for key in keys if key not in put])
    named = {*frame[name].to_list(), *(row[name] for row in put.values())}
    return frame, named - {None}


def _only(values: dict[str, T], keys: Collection[str]) -> dict[str, T]:
    """Those of the keys."""
    return {key: values[key] for key in keys if key in values}
