"""Worlds whose rows change: changes as a writer gets them, and what they do to plain rows.

The rows are dicts as in a snapshot. Nothing here is the engine's, and the oracle answers from the
rows as it does for any other world.
"""

from datetime import timedelta
from random import Random
from typing import Any

from tests.comparison import Duel
from tests.generators import World

Row = dict[str, Any]
STATUSES = ("ACTIVE", "SUSPENDED", "ENDED")


class LiveRows:
    """The rows of a world, which changes change.

    `world` has the current rows; merchants that are closed for good stay, so that they can open.
    """

    def __init__(self, world: World, *, simple: float = 0.0) -> None:
        self.world = world
        self.simple = simple
        """Share of the changes that every version with the row can show."""
        self.deals = {row["deal_id"]: row for row in world.deals}
        self.merchants = {row["merchant_id"]: row for row in world.merchants}
        self.programs = {row["program_id"]: row for row in world.programs}
        self.built_closed = {
            key
            for key, row in self.merchants.items()
            if row.get("business_status") == "CLOSED_PERMANENTLY"
        }
        self.built_status = {
            key: row.get("business_status") or "OPERATIONAL" for key, row in self.merchants.items()
        }
        self.built_end = {key: row.get("valid_through") for key, row in self.deals.items()}
        self.built_closures = {key: row.get("closures", []) for key, row in self.merchants.items()}

    def write(self) -> None:
        """Put the current rows into the world, in their order."""
        self.world.deals = list(self.deals.values())
        self.world.merchants = list(self.merchants.values())
        self.world.programs = list(self.programs.values())

    def change(self, rng: Random, number: int) -> tuple[Row, str]:
        """A change, and the code that refuses it, empty for one that is accepted and done here."""
        kinds = [self._stock, self._add, self._end, self._program]
        if self.merchants:
            kinds += [self._merchant, self._merchant, self._closures]
        if rng.random() < 0.15:
            kinds = [self._delete_deal, self._delete_merchant]
        if rng.random() < self.simple:
            kinds = [self._stock, self._add, self._program]
        if not self.deals:
            kinds = [self._program]
        return rng.choice(kinds)(rng, number)

    def _stock(self, rng: Random, number: int) -> tuple[Row, str]:
        row = rng.choice(list(self.deals.values()))
        left = rng.choice((0, 0, 1, 7, 1_000_000, None))
        row["stock"] = left
        return _patch("deals", deal_id=row["deal_id"], stock=left), ""

    def _add(self, rng: Random, number: int) -> tuple[Row, str]:
        row = rng.choice(list(self.deals.values()))
        pieces = rng.choice((-1, -1, -5, 1, 3))
        change = _patch("deals", deal_id=row["deal_id"], stock={"add": pieces})
        change["change_id"] = f"c{number}"
        left = row.get("stock")
        if left is None or left + pieces < 0:
            return change, "out_of_range"
        row["stock"] = left + pieces
        return change, ""

    def _delete_deal(self, rng: Random, number: int) -> tuple[Row, str]:
        key = rng.choice(list(self.deals))
        del self.deals[key]
        return {"table": "deals", "delete": key}, ""

    def _program(self, rng: Random, number: int) -> tuple[Row, str]:
        row = rng.choice(list(self.programs.values()))
        row["status"] = rng.choice(STATUSES)
        return _patch("programs", program_id=row["program_id"], status=row["status"]), ""

    def _end(self, rng: Random, number: int) -> tuple[Row, str]:
        row = rng.choice(list(self.deals.values()))
        first, latest = row.get("valid_from"), self.built_end[row["deal_id"]]
        day = self.world.now.date() + timedelta(days=rng.randint(-3, 40))
        last = None if rng.random() < 0.1 else day.isoformat()
        change = _patch("deals", deal_id=row["deal_id"], valid_through=last)
        if latest is not None and (last is None or last > latest):
            return change, "needs_build"
        if first is not None and last is not None and last < first:
            return change, "bad_order"
        row["valid_through"] = last
        return change, ""

    def _merchant(self, rng: Random, number: int) -> tuple[Row, str]:
        key = rng.choice(list(self.merchants))
        status = rng.choice(("CLOSED_PERMANENTLY", "CLOSED_TEMPORARILY", "OPERATIONAL"))
        change = _patch("merchants", merchant_id=key, business_status=status)
        if key in self.built_closed:
            return change, "unknown_merchant"
        if self.built_status[key] == "CLOSED_TEMPORARILY" and status == "OPERATIONAL":
            return change, "needs_build"
        self.merchants[key]["business_status"] = status
        return change, ""

    def _closures(self, rng: Random, number: int) -> tuple[Row, str]:
        key = rng.choice(list(self.merchants))
        built = self.built_closures[key]
        closures = [some_closure(rng, self.world) for _ in range(rng.randint(0, 2))]
        is_short = bool(built) and rng.random() < 0.5
        closures = [] if is_short else [*built, *closures]
        change = _patch("merchants", merchant_id=key, closures=closures)
        if key in self.built_closed:
            return change, "unknown_merchant"
        if is_short:
            return change, "needs_build"
        self.merchants[key]["closures"] = closures
        return change, ""

    def _delete_merchant(self, rng: Random, number: int) -> tuple[Row, str]:
        keys = [key for key in self.merchants if not self.simple or self._is_alone(key)]
        if not keys:
            return self._program(rng, number)
        key = rng.choice(keys)
        change = {"table": "merchants", "delete": key}
        if key in self.built_closed:
            return change, "unknown_merchant"
        del self.merchants[key]
        return change, ""

    def _is_alone(self, key: str) -> bool:
        """Whether no deal names a merchant or its brand; a build would reject the deal."""
        brand = self.merchants[key].get("brand")
        return brand is None and not any(
            key in (row.get("merchant_ids") or ()) for row in self.deals.values()
        )


class LiveDuel(Duel):
    """The engine and the oracle of a world at its newest moment."""

    def take_changes(self) -> None:
        """Give both the current rows: the engine its moment, the oracle the rows."""
        self.engine = self.engine.latest()
        self.oracle = self.world.oracle()


def check_listings(duel: LiveDuel, rows: LiveRows) -> None:
    """Merchants, cards and counts are those of the rows."""
    engine, shops = duel.engine, duel.oracle.shops
    assert engine.info()["merchants"] == len(shops)
    assert engine.info()["deals"] == len(rows.deals)
    status = {one["program_id"]: one["status"] for one in engine.programs()}
    assert status == {key: row["status"] for key, row in rows.programs.items()}
    at = duel.engine.start
    for key in list(rows.merchants)[:20]:
        record = engine.merchant(key, at)
        assert (record is None) == (key not in shops)
        if record is None:
            continue
        held = {one["deal_id"]: one.get("stock") for one in record["deals"]}
        for deal_id, stock in held.items():
            assert rows.deals[deal_id].get("stock") == stock, deal_id
    counted = {one["category_id"]: one["merchants"] for one in engine.categories()}
    for path, count in counted.items():
        assert count == sum(path in shop.category_prefixes for shop in shops.values())


def some_closure(rng: Random, world: World) -> Row:
    """A closure of some hours or days that touches the horizon."""
    begin = world.now + timedelta(days=rng.randint(-1, 20), seconds=rng.randint(0, 86_399))
    end = begin + timedelta(minutes=rng.choice((1, 90, 1_440, 20_000)), seconds=rng.randint(0, 59))
    return {"from": begin.isoformat(), "until": end.isoformat(), "reason": 'party "今日"'}


def _patch(table: str, **fields: Any) -> Row:
    return {"table": table, "patch": fields}
