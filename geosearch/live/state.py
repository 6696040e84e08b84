"""State of the rows that changed since the snapshot of a version: what each change means for them.

`LiveState` checks a change against the current rows and applies it. It holds ids and values; which
bits they become is in `moments`. A change that bits cannot show, because it may raise a bound,
moves its merchants: their built documents are withdrawn, and small segments have them whole.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any

import msgspec
import numpy as np
import orjson
from msgspec.structs import replace

from geosearch.hours.closures import closed_where, closure_spans, open_except
from geosearch.live.base import Base, BuiltDeal, BuiltMerchant
from geosearch.live.changes import (
    KEYS,
    MOST_STOCK,
    ChangeRefused,
    LiveChange,
)
from geosearch.live.row_book import Row, RowBook
from geosearch.snapshot.rejects import shown

GONE = "gone"
"""Status of a deleted merchant or card: only a whole row brings it back."""

MOST_MOVED = 20_000
"""Most merchants that one change may concern, if bits cannot show it: a small segment of so many
takes seconds to build."""

CLOSED, CLOSED_TEMPORARILY = "CLOSED_PERMANENTLY", "CLOSED_TEMPORARILY"

Patch = Mapping[str, Any]
Closures = Iterable[Mapping[str, str]]

_NAMES = {"merchants": "merchant", "deals": "deal", "programs": "program"}


class DealState(msgspec.Struct, frozen=True, gc=False):
    """A changed deal: pieces left, None = unlimited; its last day; whether it is deleted."""

    stock: int | None
    valid_through: str | None
    gone: bool = False


class MerchantState(msgspec.Struct, frozen=True, gc=False):
    """A changed merchant: its business status, `GONE` if it is deleted, and its closures."""

    status: str
    closures: tuple[dict[str, str], ...]


class LiveState:
    """Changed rows of one version, by id.

    Attributes
    ----------
    merchants, deals
        The changed merchants and deals.
    programs
        Status of the cards with a changed one, `GONE` if it is deleted; None if it is in doubt.
    moved
        Merchants that bits of their built document cannot show: a small segment has them.
    touched
        Table and id of the rows that changed since somebody cleared it, some more than once.
    orphans
        Table and id of the changes to rows that the version does not have, and of those that it
        cannot show.
    """

    def __init__(self, base: Base) -> None:
        self._base = base
        self.book = RowBook(base.kept)
        self.merchants: dict[str, MerchantState] = {}
        self.deals: dict[str, DealState] = {}
        self.programs: dict[str, str | None] = {}
        self.moved: set[str] = set()
        self.touched: list[tuple[str, str]] = []
        self.orphans: list[tuple[str, str]] = []

    @property
    def rows(self) -> dict[str, dict[str, Row]]:
        """Whole rows that changes put, by table and id."""
        return self.book.rows

    def apply(self, change: LiveChange) -> Callable[[], None]:
        """Apply a change; return a function that undoes it, if it is the last one applied.

        Raises
        ------
        ChangeRefused
            There is no such row, or the change is not possible for it.
        """
        return self._apply(change, strict=True)

    def replay(self, changes: Iterable[LiveChange]) -> None:
        """Apply accepted changes to the rows of another version; those that do not fit are orphans.

        A stock does not fall below 0: the snapshot may contain some of the changes already.
        """
        for change in changes:
            try:
                if change.table == "deals" and (patch := change.patch) is not None:
                    # As `_apply` does, for most changes: undoing takes a quarter of the time.
                    key = patch["deal_id"]
                    self.deals[key] = self._deal(key, patch, strict=False)
                    self.touched.append(("deals", key))
                else:
                    self._apply(change, strict=False)
            except ChangeRefused:
                self.orphans.append((change.table, change.key))

    def has(self, table: str, key: str) -> bool:
        """Whether there is such a row now."""
        if table == "deals" and (deal := self.deals.get(key)) is not None:
            return not deal.gone
        if table == "merchants" and (merchant := self.merchants.get(key)) is not None:
            return merchant.status != GONE
        if table == "programs" and key in self.programs:
            return self.programs[key] != GONE
        if self._base.place(table, key) is not None:
            return True
        # A merchant that was closed for good when the version was built has no document.
        kept = self._base.kept
        return table == "merchants" and kept.are_there and kept.row(table, key) is not None

    def _apply(self, change: LiveChange, *, strict: bool) -> Callable[[], None]:
        if change.row is not None:
            return self._put(change, strict=strict)
        table, patch = change.table, change.patch
        key = change.key if patch is None else patch[KEYS[table]]
        values: dict[str, Any]
        value: Any
        if table == "deals":
            values, value = self.deals, self._deal(key, patch, strict=strict)
        elif table == "merchants":
            values, value = self.merchants, self._merchant(key, patch)
        elif not self.has(table, key):
            raise _unknown(table, key)
        elif patch is None:
            return self._delete_program(key)
        else:
            values, value = self.programs, patch["status"] or "ACTIVE"
        self.touched.append((table, key))
        return _set(values, key, value)

    def _put(self, change: LiveChange, *, strict: bool) -> Callable[[], None]:
        table, key, row = change.table, change.key, change.checked
        if row is None:
            raise ChangeRefused("not_json", "Expected a row that is checked, got another one")
        values: dict[str, Any]
        value: Any
        if table == "merchants":
            values, value = self.merchants, MerchantState(row["business_status"], _closures(row))
            self._move([key])
        elif table == "deals":
            self._check_names(row)
            shops = [*self._shops(row), *self._shops_now(key)]
            self._check_reach(shops, strict=strict)
            values, value = self.deals, DealState(row["stock"], _iso(row["valid_through"]))
            self._move(shops)
        else:
            values, value = self.programs, row["status"]
            if self.has(table, key) and self._changes_windows(key, row):
                deals = filter(partial(self.has, "deals"), self.book.deals_of(key))
                shops = [shop for deal in deals for shop in self._shops_now(deal)]
                self._check_reach(shops, strict=strict)
                self._move(shops)
        self.touched.append((table, key))
        return _both(self.book.put(table, key, row), _set(values, key, value))

    def _check_names(self, row: Row) -> None:
        """Check that the card and the merchants that a deal names exist."""
        card = row["program_id"]
        if card is not None and not self.has("programs", card):
            expected = "Expected `program_id` to be one of the cards"
            raise ChangeRefused("unknown_program", f"{expected}, got {shown(card)}")
        for key in row["merchant_ids"] or ():
            if not self.has("merchants", key):
                expected = "Expected `merchant_ids` to name accepted merchants"
                raise ChangeRefused("unknown_merchant", f"{expected}, got {shown(key)}")
        if row["merchant_ids"] is None and not self._shops(row):
            expected = "Expected `brand` to be that of an accepted merchant"
            raise ChangeRefused("unknown_brand", f"{expected}, got {shown(row['brand'])}")

    def _shops(self, row: Row) -> list[str]:
        """Merchants where a deal is valid."""
        named = row["merchant_ids"]
        shops = self.book.shops_of(row["brand"]) if named is None else dict.fromkeys(named)
        return [key for key in shops if self.has("merchants", key)]

    def _shops_now(self, deal_id: str) -> list[str]:
        """Merchants where a deal is valid as it is now; none if there is no such deal."""
        check_rows(self._base)
        row = self.book.row("deals", deal_id) if self.has("deals", deal_id) else None
        return [] if row is None else self._shops(row)

    def _changes_windows(self, key: str, row: Row) -> bool:
        """Whether a card's new row changes when its deals may be used, or whether they may."""
        before = self.book.row("programs", key) or {}
        return any(before.get(name) != row[name] for name in ("valid_from", "valid_through"))

    def _check_reach(self, shops: Collection[str], *, strict: bool) -> None:
        if strict and len(shops) > MOST_MOVED:
            raise ChangeRefused(
                "needs_build",
                f"Expected a change at up to {MOST_MOVED} merchants, got one at {len(shops)}, "
                "which takes a build",
            )

    def _move(self, merchants: Iterable[str]) -> None:
        check_rows(self._base)
        # No undo: a document in a small segment shows what its rows say, changed or not.
        for key in merchants:
            self.moved.add(key)
            self.touched.append(("merchants", key))

    def _delete_program(self, key: str) -> Callable[[], None]:
        """Delete a card, and its deals with it: nobody can use them, and no build accepts them."""
        check_rows(self._base)
        self.touched.append(("programs", key))
        undo = _set(self.programs, key, GONE)
        for deal in self.book.deals_of(key):
            if self.has("deals", deal):
                self.touched.append(("deals", deal))
                undo = _both(_set(self.deals, deal, self._deal(deal, None, strict=False)), undo)
        return undo

    def _merchant(self, key: str, patch: Patch | None) -> MerchantState:
        """A merchant after a patch; None deletes it."""
        built = self._base.merchant(key)
        state = self.merchants.get(key) or self._merchant_of(key, built)
        if state is None or state.status == GONE:
            raise _unknown("merchants", key)
        if patch is None:
            return replace(state, status=GONE)
        status, closures = state.status, state.closures
        if "business_status" in patch:
            status = patch["business_status"] or "OPERATIONAL"
        if "closures" in patch:
            closures = tuple(patch["closures"] or ())
        state = MerchantState(status, closures)
        if key not in self.moved and not self._is_shown(built, state):
            self._move([key])
        return state

    def _merchant_of(self, key: str, built: BuiltMerchant | None) -> MerchantState | None:
        """A merchant that no change concerned yet; None if the version has no such merchant."""
        if built is not None:
            return MerchantState(built.business_status, built.closures)
        # One that was closed for good when the version was built has no document.
        kept = self._base.kept
        row = kept.row("merchants", key) if kept.are_there else None
        return None if row is None else MerchantState(row["business_status"], _closures(row))

    def _is_shown(self, built: BuiltMerchant | None, state: MerchantState) -> bool:
        """Whether closing the built document, or withdrawing it, shows a merchant."""
        if state.status == CLOSED:
            return True
        if built is None:
            return False
        # The index does not have the hours of a shop that it was built closed with.
        if built.business_status == CLOSED_TEMPORARILY != state.status:
            return False
        return self._are_closed(built.closures, state.closures)

    def _are_closed(self, closures: Closures, others: Closures) -> bool:
        """Whether a merchant with the other closures is closed in all of the first ones."""
        horizon = self._base.horizon
        if not (spans := closure_spans(closures, horizon)):
            return True
        first, other = open_except(spans), open_except(closure_spans(others, horizon))
        minutes, states = closed_where(other, first)
        return np.array_equal(minutes, other[0]) and np.array_equal(states, other[1])

    def _deal(self, key: str, patch: Patch | None, *, strict: bool) -> DealState:
        """A deal after a patch; None deletes it."""
        state = self.deals.get(key)
        if state is None and (built := self._base.deal(key)) is not None:
            state = DealState(built.stock, built.valid_through)
        if state is None or state.gone:
            raise _unknown("deals", key)
        stock, last = state.stock, state.valid_through
        if patch is None:
            return DealState(stock, last, gone=True)
        if "stock" in patch:
            given = patch["stock"]
            stock = _sum(stock, given["add"], strict=strict) if isinstance(given, dict) else given
        if "valid_through" in patch:
            last = self._new_end(key, patch["valid_through"], strict=strict)
        return DealState(stock, last)

    def _new_end(self, key: str, last: str | None, *, strict: bool) -> str | None:
        """Last day of a deal; a later one than in the build moves its merchants."""
        put = self.rows["deals"].get(key)
        built = (put is None and self._base.deal(key)) or BuiltDeal()
        first = built.valid_from if put is None else _iso(put["valid_from"])
        if first is not None and last is not None and last < first:
            raise ChangeRefused(
                "bad_order", f"Expected `valid_through` from {first} on, got {shown(last)}"
            )
        latest = built.valid_through
        if latest is not None and (last is None or last > latest):
            shops = self._shops_now(key)
            self._check_reach(shops, strict=strict)
            self._move(shops)
        return last


def _closures(merchant: Row) -> tuple[dict[str, str], ...]:
    """Closures of a whole row in normal form."""
    return tuple(orjson.loads(merchant["closures"] or "[]"))


def _unknown(table: str, key: str) -> ChangeRefused:
    sentence = f"Expected `{KEYS[table]}` of the index, got {shown(key)}"
    return ChangeRefused(f"unknown_{_NAMES[table]}", sentence)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def undo() -> None:
        first()
        second()

    return undo


def _sum(stock: int | None, pieces: int, *, strict: bool) -> int | None:
    """A stock that grows by a number, which may be negative."""
    if stock is None:
        if strict:
            expected = 'a deal with a number of pieces for `stock` {"add"}'
            raise ChangeRefused("out_of_range", f"Expected {expected}, got an unlimited one")
        return None
    total = stock + pieces
    if strict and not 0 <= total <= MOST_STOCK:
        raise ChangeRefused(
            "out_of_range", f"Expected `stock` in [0, {MOST_STOCK}] after the change, got {total}"
        )
    return min(max(total, 0), MOST_STOCK)


def check_rows(base: Base) -> None:
    """Check that an index keeps the rows that documents are built again of.

    Raises
    ------
    ChangeRefused
        It does not, as that of a region.
    BadData
        They are damaged.
    """
    if not base.kept.are_there:
        raise ChangeRefused(
            "needs_build",
            "Expected a change that bits can show in an index that keeps no rows, as that of a "
            "region, got another, which takes a build",
        )
    base.kept.check()


def _set(values: dict[str, Any], key: str, value: Any) -> Callable[[], None]:
    """Set a value; return a function that undoes it."""
    if key in values:
        undo = partial(values.__setitem__, key, values[key])
    else:
        undo = partial(values.__delitem__, key)
    values[key] = value
    return undo
