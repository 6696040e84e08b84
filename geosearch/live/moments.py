"""Making of moments: the changed rows of a version become bits and numbers of its segments.

`SegmentDelta` follows a `LiveState` change by change, so that a new moment costs its own size.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import numpy as np

from geosearch.hours.closures import closure_spans
from geosearch.hours.schedules import Horizon
from geosearch.live.base import BuiltSegment
from geosearch.live.moment import UNLIMITED, SegmentChanges
from geosearch.live.row_book import Row
from geosearch.live.state import CLOSED, CLOSED_TEMPORARILY, GONE, LiveState
from geosearch.snapshot.stored import PROGRAM_FIELDS
from indexes.arrays import Bools
from indexes.timetable import HORIZON_MINUTES


class SegmentDelta:
    """Bits and numbers of the changes of one segment since it was written.

    Parameters
    ----------
    built
        The segment.
    state
        The changed rows of the version.
    horizon
        Its horizon.
    deals
        Whole rows of deals that changes had put when the segment was written.
    elsewhere
        Merchants that a newer segment has; the caller adds to it.
    """

    def __init__(
        self,
        built: BuiltSegment,
        state: LiveState,
        horizon: Horizon,
        *,
        deals: Mapping[str, Row],
        elsewhere: Collection[str],
    ) -> None:
        self.built, self._state, self._horizon = built, state, horizon
        self._put, self._elsewhere = deals, elsewhere
        self._gone_docs: set[int] = set()
        self._gone_deals: set[int] = set()
        self._stock: dict[int, int] = {}
        self._new_deals: set[int] = set()
        self._off_deals: set[int] = set()
        self._touched: Bools = np.zeros(len(built.segment), np.bool_)
        self._cards: dict[int, tuple[dict[str, Any], bool]] = {}
        self._merchants: dict[int, dict[str, Any]] = {}
        self._closures: dict[int, list[tuple[int, int]]] = {}
        self._ends: dict[int, str] = {}
        self._followed: list[int] = []
        """Deals whose documents are still to be touched."""

    def follow(self, table: str, key: str) -> None:
        """Take over the current state of a row."""
        number = self.built.number(table, key)
        if number is None:
            return
        if table == "merchants":
            self._follow_merchant(number, key)
        elif table == "programs" and key in self._state.programs:
            self._cards[number] = self._card(number, key)
        elif table == "deals" and key in self._state.deals:
            self._follow_deal(number, key)

    def made(self) -> SegmentChanges:
        """The changes as a moment has them."""
        _, docs = self.built.offers(self._followed)
        self._touched[docs] = True
        self._followed.clear()
        deals = np.fromiter(self._stock, np.uint32, len(self._stock))
        stock = np.fromiter(self._stock.values(), np.int64, len(self._stock))
        order = np.argsort(deals)
        return SegmentChanges(
            gone_docs=_sorted(self._gone_docs),
            gone_deals=_sorted(self._gone_deals),
            stock_deals=deals[order].tobytes(),
            stock=stock[order].tobytes(),
            new_deals=_sorted(self._new_deals),
            off_deals=_sorted(self._off_deals),
            touched=np.flatnonzero(self._touched).astype(np.uint32).tobytes(),
            cards=dict(self._cards),
            merchants=dict(self._merchants),
            closures=dict(self._closures),
            ends=dict(self._ends),
            ending_offers=self._ending_offers(),
        )

    def ends_later(self, deal_id: str) -> bool:
        """Whether a deal of the segment ends later than it says, which bits cannot show."""
        built, deal = self.built.deal(deal_id), self._state.deals.get(deal_id)
        if built is None or deal is None or self._is_gone(deal_id):
            return False
        latest, last = built.valid_through, deal.valid_through
        return latest is not None and (last is None or last > latest)

    def _ending_offers(self) -> dict[str, bytes]:
        by_day: dict[str, list[int]] = {}
        for deal, day in self._ends.items():
            by_day.setdefault(day, []).append(deal)
        offers = {day: self.built.offers(deals)[0] for day, deals in by_day.items()}
        return {day: np.sort(own).tobytes() for day, own in offers.items()}

    def _card(self, number: int, key: str) -> tuple[dict[str, Any], bool]:
        status, row = self._state.programs[key], self._state.rows["programs"].get(key)
        if status == GONE:
            return {}, False
        if row is None:
            in_force = status == "ACTIVE" and not self.built.in_doubt("programs", key)
            return {**self.built.program(number), "status": status}, in_force
        found = {name: row[name] for name in PROGRAM_FIELDS if row[name] is not None}
        found |= {name: one.isoformat() for name, one in found.items() if isinstance(one, date)}
        if status is not None:
            found["status"] = status
        return found, status == "ACTIVE" and not row["in_doubt"]

    def _follow_merchant(self, doc: int, key: str) -> None:
        state, is_elsewhere = self._state.merchants.get(key), key in self._elsewhere
        if state is None and not is_elsewhere:
            return
        self._touched[doc] = True
        if state is None or is_elsewhere:
            self._gone_docs.add(doc)
            self._closures.pop(doc, None)
            self._merchants.pop(doc, None)
            return
        _put(self._gone_docs, doc, state.status in (GONE, CLOSED))
        spans = closure_spans(state.closures, self._horizon)
        if state.status == CLOSED_TEMPORARILY:
            spans = [(0, HORIZON_MINUTES)]
        self._closures.pop(doc, None)
        if spans:
            self._closures[doc] = spans
        self._merchants[doc] = {"business_status": state.status, "closures": [*state.closures]}

    def _follow_deal(self, number: int, key: str) -> None:
        deal, built = self._state.deals[key], self.built.deal(key)
        assert built is not None
        self._followed.append(number)
        self._stock[number] = UNLIMITED if deal.stock is None else deal.stock
        _put(self._new_deals, number, built.new_customer_only)
        is_gone = self._is_gone(key)
        _put(self._gone_deals, number, is_gone)
        is_off = is_gone or deal.stock == 0 or self.built.in_doubt("deals", key)
        _put(self._off_deals, number, is_off)
        latest = built.valid_through
        if deal.valid_through is not None and (latest is None or deal.valid_through < latest):
            self._ends[number] = deal.valid_through
        else:
            self._ends.pop(number, None)

    def _is_gone(self, key: str) -> bool:
        """Whether a deal is deleted, or was put since: all its merchants are elsewhere then."""
        put = self._state.rows["deals"].get(key)
        return self._state.deals[key].gone or put is not self._put.get(key)


def _put(numbers: set[int], number: int, is_in: bool) -> None:
    if is_in:
        numbers.add(number)
    else:
        numbers.discard(number)


def _sorted(numbers: set[int]) -> bytes:
    found = np.fromiter(numbers, np.uint32, len(numbers))
    found.sort()
    return found.tobytes()
