"""Whole rows by id and by what they name: those of a version, and those put since."""

from collections.abc import Callable, Iterable
from typing import Any

from geosearch.live.kept_rows import KeptRows

Row = dict[str, Any]


class RowBook:
    """Rows that live changes put, over the rows of a version.

    It knows no deletions: `state` does.

    Parameters
    ----------
    kept
        The rows of the version.
    """

    def __init__(self, kept: KeptRows) -> None:
        self.kept = kept
        self.rows: dict[str, dict[str, Row]] = {"merchants": {}, "deals": {}, "programs": {}}
        """Put rows in normal form, by table and id."""
        self._named: dict[tuple[str, str], dict[str, None]] = {}

    def put(self, table: str, key: str, row: Row) -> Callable[[], None]:
        """Put a row; return a function that undoes it."""
        before = self.rows[table].get(key)
        self._set(table, key, row)
        return lambda: self._set(table, key, before)

    def row(self, table: str, key: str) -> Row | None:
        """The newest whole row; None without one."""
        found = self.rows[table].get(key)
        return self.kept.row(table, key) if found is None else found

    def deals_at(self, merchants: Iterable[str], brands: Iterable[str]) -> list[str]:
        """Ids of the deals that name any of these merchants, or one of these brands."""
        merchants, brands = list(merchants), list(brands)
        scopes = [("merchant", one) for one in merchants] + [("brand", one) for one in brands]
        return self._of("deals", self.kept.deals_at(merchants, brands), scopes)

    def deals_of(self, program_id: str) -> list[str]:
        """Ids of the deals that need a card."""
        return self._of("deals", self.kept.deals_of(program_id), [("program", program_id)])

    def shops_of(self, brand: str) -> list[str]:
        """Ids of the merchants of a brand."""
        return self._of("merchants", self.kept.shops_of(brand), [("shops", brand)])

    def _of(self, table: str, kept: list[str], scopes: list[tuple[str, str]]) -> list[str]:
        put = self.rows[table]
        found = dict.fromkeys(key for key in kept if key not in put)
        for scope in scopes:
            found |= self._named.get(scope, {})
        return list(found)

    def _set(self, table: str, key: str, row: Row | None) -> None:
        for scope in _scopes(table, self.rows[table].get(key)):
            del self._named[scope][key]
        if row is None:
            self.rows[table].pop(key, None)
        else:
            self.rows[table][key] = row
        for scope in _scopes(table, row):
            self._named.setdefault(scope, {})[key] = None


def _scopes(table: str, row: Row | None) -> set[tuple[str, str]]:
    """What a row names, so that it is found by it."""
    if row is None or table == "programs":
        return set()
    brand = row["brand"]
    if table == "merchants":
        return set() if brand is None else {("shops", brand)}
    named = {("merchant", one) for one in row["merchant_ids"] or ()}
    if row["merchant_ids"] is None and brand is not None:
        named.add(("brand", brand))
    if row["program_id"] is not None:
        named.add(("program", row["program_id"]))
    return named
