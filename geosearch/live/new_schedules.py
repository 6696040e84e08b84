"""Schedules that live changes make: closures of documents, and deals that end earlier.

A change only closes: a document or an offer is never open longer than in the built segment. So the
hour masks and bounds of the nodes, which are upper bounds, hold at every moment.
"""

from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosearch.hours.closures import Schedule, closed_where, open_except
from geosearch.hours.schedules import Horizon, window
from geosearch.live.moment import SegmentChanges, u32
from geosearch.segment.columns import DOC_TIME_ZONE, Columns
from geosearch.segment.segment import Segment
from indexes.arrays import I64, U32
from indexes.timetable import CLOSED, NEVER

ByTree = dict[int, dict[str, NDArray[Any]]]
"""New columns by name, by tree."""

NO_COLUMNS: ByTree = {}


def schedule_columns(built: Segment, changes: SegmentChanges) -> ByTree:
    """The columns of each tree that new schedules change; empty without any."""
    if not (changes.closures or changes.ends):
        return NO_COLUMNS
    added = _Added(built.columns)
    docs = np.array(sorted(changes.closures), np.uint32)
    schedules = [
        added.closed(int(built.columns.doc_schedule[doc]), open_except(changes.closures[doc]))
        for doc in docs.tolist()
    ]
    offers, windows = _windows(built, changes, added)
    shared = added.columns()
    doc_schedule = _patched(built.columns.doc_schedule, docs, schedules)
    found: ByTree = {}
    for tree in built.trees:
        own = built.columns_of(tree).value
        if tree == 0:
            leaf_schedule, places, chosen = doc_schedule, offers.astype(np.int64), windows
        else:
            at, rows = _places(own, docs)
            leaf_schedule = _patched(own.leaf_schedule, at, np.array(schedules, np.uint32)[rows])
            places, rows = _offer_places(built.columns, own, offers)
            chosen = windows[rows]
        found[tree] = {
            **shared,
            "doc_schedule": doc_schedule,
            "leaf_schedule": leaf_schedule,
            "offer_window": own.offer_window,
        }
        if len(places):
            found[tree]["offer_window"] = _patched(own.offer_window, places, chosen)
    return found


class _Added:
    """Schedules of a segment with new ones behind them."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._built = len(columns.schedule_start) - 1
        self._ids: dict[bytes, int] = {}
        self._schedules: list[Schedule] = []

    def closed(self, schedule: int, other: Schedule) -> int:
        """Number of a schedule that is closed wherever another one is."""
        minutes, states = closed_where(self._of(schedule), other)
        if len(states) == 1 and states[0] == CLOSED:
            return NEVER
        key = minutes.tobytes() + states.tobytes()
        number = self._ids.setdefault(key, self._built + len(self._ids))
        if number == self._built + len(self._schedules):
            self._schedules.append((minutes, states))
        return number

    def _of(self, schedule: int) -> Schedule:
        start, end = self._columns.schedule_start[schedule : schedule + 2].tolist()
        return self._columns.change_minute[start:end], self._columns.change_state[start:end]

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns of all schedules."""
        built = self._columns
        lengths = [len(minutes) for minutes, _ in self._schedules]
        ends = int(built.schedule_start[-1]) + np.cumsum(lengths, dtype=np.int64)
        return {
            "schedule_start": _kept(built.schedule_start, ends.astype(np.uint32)),
            "change_minute": _kept(built.change_minute, *(one for one, _ in self._schedules)),
            "change_state": _kept(built.change_state, *(one for _, one in self._schedules)),
        }


def _windows(built: Segment, changes: SegmentChanges, added: _Added) -> tuple[U32, U32]:
    """Offers that end earlier, ascending, and their new schedules."""
    columns, zones = built.columns, built.catalogue.time_zones
    horizon = Horizon(datetime.fromisoformat(built.manifest["horizon_start"]))
    numbers: list[U32] = []
    windows: list[U32] = []
    for day, listed in changes.ending_offers.items():
        offers = u32(listed)
        docs = np.searchsorted(columns.offer_start, offers, side="right") - 1
        zone = columns.doc_record[docs, DOC_TIME_ZONE].astype(np.int64)
        pairs = zone << 32 | columns.offer_window[offers].astype(np.int64)
        distinct, which = np.unique(pairs, return_inverse=True)
        valid: dict[int, Schedule] = {}
        new = np.empty(len(distinct), np.uint32)
        for row, pair in enumerate(distinct.tolist()):
            number, schedule = pair >> 32, pair & 0xFFFFFFFF
            if number not in valid:
                valid[number] = window(
                    None,
                    zone=zones[number],
                    country="",
                    horizon=horizon,
                    valid_from=None,
                    valid_through=date.fromisoformat(day),
                )
            new[row] = added.closed(schedule, valid[number])
        numbers.append(offers)
        windows.append(new[which])
    if not numbers:
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
    every, new_windows = np.concatenate(numbers), np.concatenate(windows)
    order = np.argsort(every)
    return every[order], new_windows[order]


def _places(own: Columns, docs: U32) -> tuple[I64, I64]:
    """Places in the leaves of a card's tree of those documents that it has, and their rows."""
    at = np.searchsorted(own.leaf_doc, docs)
    rows = np.flatnonzero(at < len(own.leaf_doc))
    rows = rows[own.leaf_doc[at[rows]] == docs[rows]]
    return at[rows], rows


def _offer_places(columns: Columns, own: Columns, offers: U32) -> tuple[I64, I64]:
    """The same of offers: a tree has the offers of each of its documents in their order."""
    docs = np.searchsorted(columns.offer_start, offers, side="right") - 1
    at, rows = _places(own, docs.astype(np.uint32))
    within = offers[rows].astype(np.int64) - columns.offer_start[docs[rows]].astype(np.int64)
    return own.offer_start[at].astype(np.int64) + within, rows


def _patched(column: U32, at: NDArray[Any], values: Any) -> U32:
    found = column.copy()
    found[at] = values
    found.flags.writeable = False
    return found


def _kept(*pieces: NDArray[Any]) -> NDArray[Any]:
    found = np.concatenate(pieces)
    found.flags.writeable = False
    return found
