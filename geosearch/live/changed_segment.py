"""Segment at one moment: the columns of the build, and new ones where live changes differ.

It shares everything else with the segment that it is made of, so making one costs the size of the
changes and of the bits.
"""

from collections.abc import Collection
from threading import Lock
from typing import Any

import msgspec
import numpy as np

from geosearch.live.moment import SegmentChanges, i64, u32
from geosearch.live.new_schedules import ByTree, schedule_columns
from geosearch.live.new_texts import (
    DEAL_VALUE,
    NewTexts,
    TextStore,
    with_members,
    with_stock_and_end,
)
from geosearch.segment.catalogue import Catalogue, program_bit
from geosearch.segment.columns import Columns
from geosearch.segment.segment import LIST_BYTES, Listed, Segment
from geosearch.snapshot.stored import DEAL_FIELDS, MERCHANT_FIELDS
from indexes.arrays import I32, U8, U32, U64, Bools
from indexes.cache import BoundedCache
from indexes.geo.zones import ZoneIndex
from indexes.prepared import Prepared
from indexes.timetable import NEVER


class ChangedSegment(Segment):
    """A segment with its live changes up to one moment; it never changes itself.

    Parameters
    ----------
    built
        The segment as it was built.
    changes
        All its changes since.
    before
        The same segment at an earlier moment, from which it takes over replaced texts.
    """

    def __init__(
        self, built: Segment, changes: SegmentChanges, before: "ChangedSegment | None" = None
    ) -> None:
        self.__dict__.update(built.__dict__)
        self.built = built
        """The segment without changes."""
        self._changes = changes
        self._gone_deals = frozenset(u32(changes.gone_deals).tolist())
        self.touched = u32(changes.touched)
        self._always: _AlwaysBits = _AlwaysBits(built) if before is None else before._always
        self._schedules = _schedules(built, changes, before)
        self._trees = self._changed_trees()
        self._chosen = {}
        self._lists = BoundedCache[tuple[str, ...], Listed](LIST_BYTES)
        self.catalogue = _catalogue(built.catalogue, changes, before)
        self._store: TextStore = TextStore() if before is None else before._store
        self.deal_texts = _deal_texts(built, self._store, changes, before)
        """Payloads of the deals, those that changed replaced."""
        self.merchant_texts = _merchant_texts(built, self._store, changes, before)
        """Payloads of the documents, those that changed replaced."""
        self.deal_payload, self.merchant_payload = self.deal_texts, self.merchant_texts

    def _changed_trees(self) -> dict[int, Prepared[Columns]]:
        columns = _changed_columns(self.built.columns, self._changes)
        columns["doc_always"] = self._always.without(self.touched, self._changes.cards)
        return {
            tree: self.built.columns_of(tree).replaced(**columns, **self._schedules.get(tree, {}))
            for tree in self.built.trees
        }

    @property
    def program_numbers(self) -> dict[str, int]:
        """Number of each card by its id; a deleted one has none."""
        built = self.built.program_numbers
        gone = {number for number, (record, _) in self._changes.cards.items() if not record}
        if not gone:
            return built
        return {name: number for name, number in built.items() if number not in gone}

    @property
    def zone_numbers(self) -> dict[str, int]:
        """Number of each zone by its id."""
        return self.built.zone_numbers

    @property
    def area_numbers(self) -> dict[str, int]:
        """Number of each business area by its name."""
        return self.built.area_numbers

    @property
    def area_forms(self) -> dict[str, str]:
        """Names of business areas by their typed form."""
        return self.built.area_forms

    @property
    def zone_index(self) -> ZoneIndex:
        """Index of the zones' polygons."""
        return self.built.zone_index

    def box(self) -> I32 | None:
        """Least x and y and greatest x and y of the live documents, in units; None without any."""
        box, position = self.built.box(), self.columns.doc_position
        gone = position[u32(self._changes.gone_docs)]
        if box is None or not (np.concatenate([gone, gone], axis=1) == box).any():
            return box
        position = position[self.are_live(np.arange(len(self)))]
        if not len(position):
            return None
        return np.concatenate([position.min(axis=0), position.max(axis=0)])

    def deal_is_gone(self, deal: int) -> bool:
        """Whether a deal was deleted since the build."""
        return deal in self._gone_deals

    def deals(self) -> int:
        """Number of deals."""
        return super().deals() - len(self._gone_deals)

    def program_members(self, program: int) -> U32:
        """Ascending live documents with a deal of a card, sold out or not."""
        docs = super().program_members(program)
        if self._gone_deals or self._changes.ends:
            docs = docs[self._have_deal(docs, program)]
        return docs

    def _have_deal(self, docs: U32, program: int) -> Bools:
        """Whether each document still has a deal of a card that is usable at some minute."""
        columns, have = self.columns, np.ones(len(docs), np.bool_)
        changed = np.isin(docs, self.touched, assume_unique=True)
        for place in np.flatnonzero(changed).tolist():
            first, end = columns.offer_start[docs[place] : docs[place] + 2].tolist()
            have[place] = any(
                int(columns.offer_deal[offer]) not in self._gone_deals
                for offer in range(first, end)
                if columns.offer_program[offer] == program and columns.offer_window[offer] != NEVER
            )
        return have


def segment_at(built: Segment, changes: SegmentChanges, known: Segment | None) -> ChangedSegment:
    """A segment at a moment; `known` is the same one at an earlier moment."""
    return ChangedSegment(built, changes, known if isinstance(known, ChangedSegment) else None)


def is_at(segment: Segment, changes: SegmentChanges) -> bool:
    """Whether a segment has these changes, and no others."""
    return isinstance(segment, ChangedSegment) and segment._changes == changes


class _AlwaysBits:
    """`doc_always` of a segment, without the bits of touched documents and of changed cards.

    All moments share the array. A clear bit only says that a search must look at the deals, which
    is right at every moment, so bits may be cleared while others search.
    """

    def __init__(self, built: Segment) -> None:
        self._bits: U64 = built.columns.doc_always.copy()
        self._cards: set[int] = set()
        self._changing = Lock()

    def without(self, touched: U32, cards: Collection[int]) -> U64:
        """Clear bits, and return the array, read-only."""
        with self._changing:
            self._bits[touched] = 0
            for card in set(cards) - self._cards:
                self._cards.add(card)
                self._bits &= ~np.uint64(1 << program_bit(card))
            view = self._bits[:]
        view.flags.writeable = False
        return view


def _schedules(built: Segment, changes: SegmentChanges, before: ChangedSegment | None) -> ByTree:
    """Columns of new schedules; those of an earlier moment if it has the same ones."""
    if before is not None:
        known = before._changes
        same = known.closures == changes.closures and known.ending_offers == changes.ending_offers
        if same:
            return before._schedules
    return schedule_columns(built, changes)


def _deal_texts(
    built: Segment, store: TextStore, changes: SegmentChanges, before: ChangedSegment | None
) -> NewTexts:
    deals = u32(changes.stock_deals)
    values = np.zeros(len(deals), DEAL_VALUE)
    values["left"] = i64(changes.stock)
    ended = np.fromiter(changes.ends, np.uint32, len(changes.ends))
    values["end"][np.searchsorted(deals, ended)] = [*changes.ends.values()]
    return NewTexts(
        built.deal_payload,
        store,
        None if before is None else before.deal_texts,
        rows=deals,
        values=values,
        fields=DEAL_FIELDS,
        rewrite=with_stock_and_end,
    )


def _merchant_texts(
    built: Segment, store: TextStore, changes: SegmentChanges, before: ChangedSegment | None
) -> NewTexts:
    docs = sorted(changes.merchants)
    values = np.empty(len(docs), np.object_)
    values[:] = [changes.merchants[doc] for doc in docs]
    return NewTexts(
        built.merchant_payload,
        store,
        None if before is None else before.merchant_texts,
        rows=np.array(docs, np.uint32),
        values=values,
        fields=MERCHANT_FIELDS,
        rewrite=with_members,
    )


def _changed_columns(columns: Columns, changes: SegmentChanges) -> dict[str, Any]:
    live = _cleared(columns.doc_live, u32(changes.gone_docs))
    deals, off = u32(changes.stock_deals), u32(changes.off_deals)
    for_new = u32(changes.new_deals)
    for_all = np.setdiff1d(deals, for_new, assume_unique=True)
    on = _cleared(_set(columns.deal_on, for_all), off)
    new = _cleared(_set(columns.deal_new, for_new), off)
    program_on: U8 = columns.program_on.copy()
    for program, (_, in_force) in changes.cards.items():
        program_on[program] = in_force
    for column in (live, on, new, program_on):
        column.flags.writeable = False
    return {"doc_live": live, "deal_on": on, "deal_new": new, "program_on": program_on}


def _cleared(bits: U64, items: U32) -> U64:
    found = bits.copy()
    np.bitwise_and.at(found, items >> 6, ~_masks(items))
    return found


def _set(bits: U64, items: U32) -> U64:
    found = bits.copy()
    np.bitwise_or.at(found, items >> 6, _masks(items))
    return found


def _masks(items: U32) -> U64:
    masks: U64 = np.uint64(1) << (items & np.uint32(63)).astype(np.uint64)
    return masks


def _catalogue(
    built: Catalogue, changes: SegmentChanges, before: ChangedSegment | None
) -> Catalogue:
    """The catalogue with changed cards; that of an earlier moment if it has the same ones."""
    if not changes.cards:
        return built
    if before is not None and before._changes.cards == changes.cards:
        return before.catalogue
    programs = list(built.programs)
    for program, (record, _) in changes.cards.items():
        programs[program] = record
    return msgspec.structs.replace(built, programs=programs)
