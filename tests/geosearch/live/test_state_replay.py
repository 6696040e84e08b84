"""Replay of a log gives the state that plain rows have, however many changes it takes at once."""

from collections import Counter
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import pytest

from geosearch.indexing.live_version import replay, replayed
from geosearch.live import log as module
from geosearch.live.base import Base
from geosearch.live.changes import read_change
from geosearch.live.log import ChangeLog
from geosearch.live.moment import u32
from geosearch.live.moments import SegmentDelta
from geosearch.live.state import LiveState
from geosearch.segment.versions import current
from tests.geosearch.indexing.test_writer import DEALS, built
from tests.geosearch.snapshot_files import PROGRAM, deal, merchant

LOGS, CHANGES = 16, (3, 40)
CLOSED = [{"from": "2026-11-22T00:00:00+08:00", "until": "2026-11-23T00:00:00+08:00"}]
FIRST_DAY = "2026-11-01"
TABLES = ("merchants", "deals", "programs")
Row = dict[str, Any]


class Plain:
    """Rows by id that changes change one by one; None once they are deleted."""

    def __init__(self) -> None:
        shops = [merchant(number) for number in range(3)]
        self.merchants: dict[str, Row | None] = {one["merchant_id"]: one for one in shops}
        self.deals: dict[str, Row | None] = {one["deal_id"]: one for one in [*DEALS, LIMITED]}
        self.programs: dict[str, Row | None] = {"red": PROGRAM}
        self.changed: dict[str, set[str]] = {table: set() for table in TABLES}
        self.orphans: list[tuple[str, str]] = []
        self.done: Counter[str] = Counter()

    def apply(self, change: Row) -> None:
        table = change["table"]
        (op,) = change.keys() & {"row", "patch", "delete"}
        said, name = change[op], f"{table[:-1]}_id"
        key: str = said if op == "delete" else said[name]
        fits = self._fits_row(table, said) if op == "row" else self._fits(table, key, said, op)
        self.done[f"{table} {op}" if fits else "orphan"] += 1
        if not fits:
            self.orphans.append((table, key))
        elif op == "patch":
            self._set(table, key, self._patched(getattr(self, table)[key], said))
        else:
            self._set(table, key, said if op == "row" else None)
            if table == "programs" and op == "delete":
                for one, row in self.deals.items():
                    if row is not None and row.get("program_id") == key:
                        self._set("deals", one, None)

    def _set(self, table: str, key: str, row: Row | None) -> None:
        getattr(self, table)[key] = row
        self.changed[table].add(key)

    def _fits(self, table: str, key: str, said: Row, op: str) -> bool:
        row = getattr(self, table).get(key)
        if row is None:
            return False
        last = said.get("valid_through") if op == "patch" else None
        return last is None or last >= row.get("valid_from", "")

    def _fits_row(self, table: str, row: Row) -> bool:
        if table != "deals":
            return True
        card, shops = row.get("program_id"), row["merchant_ids"]
        return (card is None or self.programs.get(card) is not None) and all(
            self.merchants.get(one) is not None for one in shops
        )

    def _patched(self, row: Row, said: Row) -> Row:
        stock, added = row.get("stock"), said.get("stock")
        if isinstance(added, dict):
            said = {**said, "stock": None if stock is None else max(0, stock + added["add"])}
        return row | said


LIMITED = deal(5, stock=3, program_id="red", valid_from=FIRST_DAY, valid_through="2026-12-24")


def some_change(rng: Random, number: int) -> Row:
    """A change of a few rows, some of which never were."""
    table = rng.choice(("deals", "deals", "merchants", "merchants", "programs"))
    name, key = f"{table[:-1]}_id", rng.choice([f"{table[0]}{place}" for place in range(7)])
    key = rng.choice(("red", "red", "blue")) if table == "programs" else key
    chance = rng.random()
    if chance < 0.06:
        return {"table": table, "delete": key}
    if chance < 0.18:
        return {"table": table, "row": some_row(rng, table, key)}
    values: Row = {}
    if table == "programs":
        values["status"] = rng.choice(("ACTIVE", "SUSPENDED"))
    elif table == "merchants":
        if rng.random() < 0.6:
            status = rng.choice(("OPERATIONAL", "CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY"))
            values["business_status"] = status
        if not values or rng.random() < 0.3:
            values["closures"] = rng.choice((CLOSED, []))
    else:
        if rng.random() < 0.8:
            values["stock"] = rng.choice((0, 5, None, {"add": -3}, {"add": -3}, {"add": 2}))
        if not values or rng.random() < 0.2:
            values["valid_through"] = rng.choice(("2026-10-01", "2026-12-01", "2027-01-01", None))
    return {"table": table, "patch": {name: key, **values}, "change_id": f"c{number}"}


def some_row(rng: Random, table: str, key: str) -> Row:
    if table == "merchants":
        return merchant(0, merchant_id=key, closures=rng.choice((CLOSED, [])))
    if table == "programs":
        return PROGRAM | {"program_id": key}
    more = {"program_id": rng.choice(("red", "blue"))} if rng.random() < 0.5 else {}
    shops = rng.sample(("m0", "m1", "m2", "m5"), 2)
    return deal(0, deal_id=key, merchant_ids=shops, stock=4, **more)


def check_rows(state: LiveState, plain: Plain) -> None:
    """Check that a state has the newest values of the rows."""
    for table in TABLES:
        rows: dict[str, Row | None] = getattr(plain, table)
        assert all(state.has(table, key) == (row is not None) for key, row in rows.items())
        assert getattr(state, table).keys() == plain.changed[table]
    for key, one in state.deals.items():
        if (row := plain.deals[key]) is not None:
            assert (one.stock, one.valid_through) == (row.get("stock"), row.get("valid_through"))
    for key, shop in state.merchants.items():
        if (row := plain.merchants[key]) is not None:
            assert shop.status == row.get("business_status", "OPERATIONAL")
            assert [*shop.closures] == row.get("closures", [])
    for key, status in state.programs.items():
        if (row := plain.programs[key]) is not None:
            assert status == row["status"]
    assert state.orphans == plain.orphans


def test_a_log_is_replayed_as_its_changes_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 16)
    base, rng = Base(current(built(tmp_path, [*DEALS, LIMITED]))), Random("replay")
    done: Counter[str] = Counter()
    for number in range(LOGS):
        plain, single = Plain(), LiveState(base)
        one_by_one = delta_of(base, single)
        (folder := tmp_path / f"log {number}").mkdir()
        log = ChangeLog(folder)
        with log.transaction():
            for place in range(count := rng.randint(*CHANGES)):
                said = some_change(rng, place)
                plain.apply(said)
                change = read_change(said)
                replay(single, base, [change])
                while single.touched:
                    one_by_one.follow(*single.touched.pop())
                log.add(change)
        state, head = replayed(base, log)
        assert head == count
        for each in (state, single):
            check_rows(each, plain)
        for name in (*TABLES, "moved"):
            assert getattr(state, name) == getattr(single, name)
        for rows in chain(state.rows.values(), single.rows.values()):
            for row in rows.values():
                row["line"] = 0  # Among the rows that were checked together.
        assert state.rows == single.rows
        at_once = delta_of(base, state)
        changed = dict.fromkeys(("merchants", key) for key in {*state.merchants, *state.moved})
        changed |= dict.fromkeys(("deals", key) for key in state.deals)
        changed |= dict.fromkeys(("programs", key) for key in state.programs)
        for table, key in changed:
            at_once.follow(table, key)
        parts = at_once.made()
        assert parts == one_by_one.made()
        places = [base.place("merchants", key) for key in touched(plain) | state.moved]
        assert {*u32(parts.touched).tolist()} == {one.number for one in places if one is not None}
        log.close()
        done += plain.done
    ops = ("row", "patch", "delete")
    needed = {"orphan", *(f"{table} {op}" for table in TABLES for op in ops)}
    assert min(done[kind] for kind in needed) > 1, done


def touched(plain: Plain) -> set[str]:
    """Built merchants that changed, or where a built deal changed."""
    changed = [one for one in [*DEALS, LIMITED] if one["deal_id"] in plain.changed["deals"]]
    return plain.changed["merchants"].union(*(one["merchant_ids"] for one in changed))


def delta_of(base: Base, state: LiveState) -> SegmentDelta:
    return SegmentDelta(base.built[0], state, base.horizon, deals={}, elsewhere=state.moved)
