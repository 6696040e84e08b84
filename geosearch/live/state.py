"""State of the rows that changed since the snapshot of a version: what each change means for them.

`LiveState` checks a change against the current rows and applies it. It holds ids and values; which
bits they become is in `moments`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from geosearch.hours.closures import closed_where, closure_spans, open_except
from geosearch.live.base import Base
from geosearch.live.changes import (
    MOST_STOCK,
    TABLES,
    Add,
    ChangeRefused,
    LiveChange,
    needs_build,
)
from geosearch.snapshot.rejects import shown

GONE = "gone"
"""Business status of a deleted merchant: only a whole row brings it back."""

CLOSED, CLOSED_TEMPORARILY = "CLOSED_PERMANENTLY", "CLOSED_TEMPORARILY"

Closures = Iterable[Mapping[str, str]]

_NAMES = {"merchants": "merchant", "deals": "deal", "programs": "program"}


class DealState(NamedTuple):
    """A changed deal: pieces left, None = unlimited; its last day; whether it is deleted."""

    stock: int | None
    valid_through: str | None
    gone: bool = False


class MerchantState(NamedTuple):
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
        Status of the cards with a changed one.
    orphans
        Table and id of the changes to rows that the version does not have, and of those that it
        cannot show, such as a later end than in its snapshot.
    """

    def __init__(self, base: Base) -> None:
        self._base = base
        self.merchants: dict[str, MerchantState] = {}
        self.deals: dict[str, DealState] = {}
        self.programs: dict[str, str] = {}
        self.orphans: list[tuple[str, str]] = []

    def apply(self, change: LiveChange) -> Callable[[], None]:
        """Apply a change; return a function that undoes it, if it is the last one applied.

        Raises
        ------
        ChangeRefused
            There is no such row, or the change is not possible for it.
        """
        if not self._has(change.table, change.key):
            raise ChangeRefused(
                f"unknown_{_NAMES[change.table]}",
                f"Expected `{TABLES[change.table].key}` of the index, got {shown(change.key)}",
            )
        if change.table == "merchants":
            return _set(self.merchants, change.key, self._merchant(change))
        if change.table == "programs":
            status = change.fields["status"] or "ACTIVE"
            return _set(self.programs, change.key, status)
        return _set(self.deals, change.key, self._deal(change, strict=True))

    def replay(self, change: LiveChange) -> bool:
        """Apply an accepted change to the rows of another version; return whether it has the row.

        A stock does not fall below 0: the snapshot may contain some of the changes already.
        """
        if not self._has(change.table, change.key):
            self.orphans.append((change.table, change.key))
            return False
        if change.table == "deals":
            self.deals[change.key] = self._deal(change, strict=False)
            return True
        try:
            self.apply(change)
        except ChangeRefused:
            self.orphans.append((change.table, change.key))
            return False
        return True

    def _has(self, table: str, key: str) -> bool:
        if table == "merchants" and key in self.merchants and self.merchants[key].status == GONE:
            return False
        if table == "deals" and key in self.deals and self.deals[key].gone:
            return False
        return bool(self._base.places(table, key))

    def _merchant(self, change: LiveChange) -> MerchantState:
        row = self._base.merchant(change.key)
        built, closures = row["business_status"], row.get("closures", ())
        state = self.merchants.get(change.key) or MerchantState(built, tuple(closures))
        if change.op == "delete":
            return state._replace(status=GONE)
        if "business_status" in change.fields:
            status: str = change.fields["business_status"] or "OPERATIONAL"
            # The index does not have the hours of a shop that it was built closed with.
            if built == CLOSED_TEMPORARILY and status == "OPERATIONAL":
                expected = f"`business_status` {CLOSED} or {CLOSED_TEMPORARILY}"
                raise needs_build(expected, shown(status))
            state = state._replace(status=status)
        if "closures" in change.fields:
            added = change.fields["closures"] or ()
            if not self._are_closed(closures, added):
                raise needs_build("`closures` that hold those of the snapshot", shown(added))
            state = state._replace(closures=tuple(added))
        return state

    def _are_closed(self, closures: Closures, others: Closures) -> bool:
        """Whether a merchant with the other closures is closed in all of the first ones."""
        horizon = self._base.horizon
        first, other = (open_except(closure_spans(one, horizon)) for one in (closures, others))
        minutes, states = closed_where(other, first)
        return np.array_equal(minutes, other[0]) and np.array_equal(states, other[1])

    def _deal(self, change: LiveChange, *, strict: bool) -> DealState:
        built = self._base.deal(change.key)
        state = self.deals.get(change.key)
        if state is None:
            state = DealState(built.get("stock"), built.get("valid_through"))
        if change.op == "delete":
            return state._replace(gone=True)
        if "stock" in change.fields:
            stock = _new_stock(state.stock, change.fields["stock"], strict=strict)
            state = state._replace(stock=stock)
        if "valid_through" in change.fields:
            wanted = change.fields["valid_through"]
            last = _new_end(built, wanted, strict=strict)
            if last != wanted:
                self.orphans.append((change.table, change.key))
            state = state._replace(valid_through=last)
        return state


def _new_stock(stock: int | None, value: Any, *, strict: bool) -> int | None:
    if not isinstance(value, Add):
        pieces: int | None = value
        return pieces
    if stock is None:
        if strict:
            expected = 'a deal with a number of pieces for `stock` {"add"}'
            raise ChangeRefused("out_of_range", f"Expected {expected}, got an unlimited one")
        return None
    total = stock + value.pieces
    if strict and not 0 <= total <= MOST_STOCK:
        raise ChangeRefused(
            "out_of_range", f"Expected `stock` in [0, {MOST_STOCK}] after the change, got {total}"
        )
    return min(max(total, 0), MOST_STOCK)


def _new_end(built: dict[str, Any], last: str | None, *, strict: bool) -> str | None:
    """Last day of a deal; it cannot be later than in the snapshot."""
    first, latest = built.get("valid_from"), built.get("valid_through")
    if latest is not None and (last is None or last > latest):
        if strict:
            expected = f"`valid_through` up to {latest}, the last day in the snapshot"
            raise needs_build(expected, shown(last))
        return str(latest)
    if strict and first is not None and last is not None and last < first:
        raise ChangeRefused(
            "bad_order", f"Expected `valid_through` from {first} on, got {shown(last)}"
        )
    return last


def _set(values: dict[str, Any], key: str, value: Any) -> Callable[[], None]:
    """Set a value; return a function that undoes it."""
    had, before = key in values, values.get(key)
    values[key] = value

    def undo() -> None:
        if had:
            values[key] = before
        else:
            del values[key]

    return undo
