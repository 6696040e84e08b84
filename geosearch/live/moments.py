"""Making of moments: the changed rows of a version become bits and numbers of its segments.

`MomentBuilder` follows a `LiveState` change by change, so that a new moment costs its own size.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from geosearch.hours.closures import closure_spans
from geosearch.live.base import Base, RowPlace
from geosearch.live.moment import UNLIMITED, Moment, SegmentChanges
from geosearch.live.state import CLOSED, CLOSED_TEMPORARILY, GONE, LiveState
from geosearch.snapshot.stored import PROGRAM_FIELDS
from indexes.arrays import U32, Bools
from indexes.timetable import HORIZON_MINUTES


class _Part:
    """Changes of one segment."""

    def __init__(self, docs: int) -> None:
        self.gone_docs: set[int] = set()
        self.gone_deals: set[int] = set()
        self.stock: dict[int, int] = {}
        self.new_deals: set[int] = set()
        self.off_deals: set[int] = set()
        self.touched: Bools = np.zeros(docs, np.bool_)
        self.cards: dict[int, tuple[dict[str, Any], bool]] = {}
        self.merchants: dict[int, dict[str, Any]] = {}
        self.closures: dict[int, list[tuple[int, int]]] = {}
        self.ends: dict[int, str] = {}
        self.ending: dict[int, U32] = {}

    def made(self) -> SegmentChanges:
        deals = np.fromiter(self.stock, np.uint32, len(self.stock))
        stock = np.fromiter(self.stock.values(), np.int64, len(self.stock))
        order = np.argsort(deals)
        return SegmentChanges(
            gone_docs=_sorted(self.gone_docs),
            gone_deals=_sorted(self.gone_deals),
            stock_deals=deals[order].tobytes(),
            stock=stock[order].tobytes(),
            new_deals=_sorted(self.new_deals),
            off_deals=_sorted(self.off_deals),
            touched=np.flatnonzero(self.touched).astype(np.uint32).tobytes(),
            cards=dict(self.cards),
            merchants=dict(self.merchants),
            closures=dict(self.closures),
            ends=dict(self.ends),
            ending_offers=self._ending_offers(),
        )

    def _ending_offers(self) -> dict[str, bytes]:
        by_day: dict[str, list[U32]] = {}
        for deal, day in self.ends.items():
            by_day.setdefault(day, []).append(self.ending[deal])
        return {day: np.sort(np.concatenate(lists)).tobytes() for day, lists in by_day.items()}


class MomentBuilder:
    """Bits and numbers of the changes of one version.

    Parameters
    ----------
    base
        The version.
    state
        Its changed rows; `follow` takes them over.
    """

    def __init__(self, base: Base, state: LiveState) -> None:
        self._base = base
        self._state = state
        self._parts = [_Part(len(segment)) for segment in base.segments]
        for table, keys in (
            ("merchants", state.merchants),
            ("deals", state.deals),
            ("programs", state.programs),
        ):
            for key in keys:
                self.follow(table, key)
        for key in state.moved:
            self.follow("merchants", key)

    def follow(self, table: str, key: str) -> None:
        """Take over the current state of a row."""
        for place in self._base.places(table, key):
            part = self._parts[place.segment]
            if table == "merchants":
                self._follow_merchant(part, place.number, key)
            elif table == "programs" and key in self._state.programs:
                part.cards[place.number] = self._card(place, key)
            elif table == "deals" and key in self._state.deals:
                self._follow_deal(part, place, key)

    def made(self, seq: int, small: Sequence[str] = ()) -> Moment:
        """The moment after change number `seq`, with these small segments."""
        parts = [*(part.made() for part in self._parts), *(SegmentChanges() for _ in small)]
        return Moment(seq=seq, parts=tuple(parts), small=tuple(small))

    def _card(self, place: RowPlace, key: str) -> tuple[dict[str, Any], bool]:
        status, row = self._state.programs[key], self._state.rows["programs"].get(key)
        if status == GONE:
            return {}, False
        if row is None:
            in_force = status == "ACTIVE" and not self._base.in_doubt("programs", key)
            return {**self._base.program(place), "status": status}, in_force
        found = {name: row[name] for name in PROGRAM_FIELDS if row[name] is not None}
        found |= {name: one.isoformat() for name, one in found.items() if isinstance(one, date)}
        if status is not None:
            found["status"] = status
        return found, status == "ACTIVE" and not row["in_doubt"]

    def _follow_merchant(self, part: _Part, doc: int, key: str) -> None:
        state = self._state.merchants.get(key)
        if state is None and key not in self._state.moved:
            return
        part.touched[doc] = True
        if state is None or key in self._state.moved:
            part.gone_docs.add(doc)
            part.closures.pop(doc, None)
            part.merchants.pop(doc, None)
            return
        _put(part.gone_docs, doc, state.status in (GONE, CLOSED))
        spans = closure_spans(state.closures, self._base.horizon)
        if state.status == CLOSED_TEMPORARILY:
            spans = [(0, HORIZON_MINUTES)]
        part.closures.pop(doc, None)
        if spans:
            part.closures[doc] = spans
        part.merchants[doc] = {"business_status": state.status, "closures": [*state.closures]}

    def _follow_deal(self, part: _Part, place: RowPlace, key: str) -> None:
        deal, built = self._state.deals[key], self._base.deal(key)
        offers, docs = self._base.offers(place)
        part.touched[docs] = True
        part.stock[place.number] = UNLIMITED if deal.stock is None else deal.stock
        _put(part.new_deals, place.number, bool(built.get("new_customer_only")))
        # A put deal is in a small segment: all its merchants moved.
        gone = deal.gone or key in self._state.rows["deals"]
        _put(part.gone_deals, place.number, gone)
        is_off = gone or deal.stock == 0 or self._base.in_doubt("deals", key)
        _put(part.off_deals, place.number, is_off)
        part.ends.pop(place.number, None)
        latest = built.get("valid_through")
        if deal.valid_through is not None and (latest is None or deal.valid_through < latest):
            part.ends[place.number] = deal.valid_through
            part.ending[place.number] = offers


def _put(numbers: set[int], number: int, is_in: bool) -> None:
    if is_in:
        numbers.add(number)
    else:
        numbers.discard(number)


def _sorted(numbers: set[int]) -> bytes:
    found = np.fromiter(numbers, np.uint32, len(numbers))
    found.sort()
    return found.tobytes()
