"""Worlds whose rows change: changes as a writer gets them, and what they do to plain rows.

The rows are dicts as in a snapshot. Nothing here is the engine's, and the oracle answers from the
rows as it does for any other world.
"""

from copy import deepcopy
from datetime import timedelta
from itertools import compress
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

    def __init__(self, world: World, *, whole: bool = False) -> None:
        self.world = world
        self.whole = whole
        """Whether a build of the rows accepts all of them: no deal names a deleted merchant."""
        # A build rejects a deal that ends before it begins, or whose brand nobody has.
        brands = {row.get("brand") for row in world.merchants}
        accepted = [
            (row.get("valid_from") or "") <= (row.get("valid_through") or "9")
            and (row.get("merchant_ids") is not None or row.get("brand") in brands)
            for row in world.deals
        ]
        self.deals = {row["deal_id"]: row for row in compress(world.deals, accepted)}
        self.merchants = {row["merchant_id"]: row for row in world.merchants}
        self.programs = {row["program_id"]: row for row in world.programs}

    def write(self) -> None:
        """Put the current rows into the world, in their order."""
        self.world.deals = list(self.deals.values())
        self.world.merchants = list(self.merchants.values())
        self.world.programs = list(self.programs.values())

    def change(self, rng: Random, number: int) -> tuple[Row, str]:
        """A change, and the code that refuses it, empty for one that is accepted and done here."""
        kinds = [self._stock, self._add, self._end, self._program, self._put_deal]
        if self.merchants:
            kinds += [self._merchant, self._closures, self._put_merchant, self._put_merchant]
        if rng.random() < 0.15:
            kinds = [self._delete_deal, self._delete_merchant, self._delete_program]
        if rng.random() < 0.1:
            kinds = [self._put_program]
        if not self.deals or not self.programs or not self.merchants:
            kinds = [self._put_program]
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
        first = row.get("valid_from")
        day = self.world.now.date() + timedelta(days=rng.randint(-3, 40))
        last = None if rng.random() < 0.1 else day.isoformat()
        change = _patch("deals", deal_id=row["deal_id"], valid_through=last)
        if first is not None and last is not None and last < first:
            return change, "bad_order"
        row["valid_through"] = last
        return change, ""

    def _merchant(self, rng: Random, number: int) -> tuple[Row, str]:
        key = rng.choice(list(self.merchants))
        status = rng.choice(("CLOSED_PERMANENTLY", "CLOSED_TEMPORARILY", "OPERATIONAL"))
        change = _patch("merchants", merchant_id=key, business_status=status)
        self.merchants[key]["business_status"] = status
        return change, ""

    def _closures(self, rng: Random, number: int) -> tuple[Row, str]:
        key = rng.choice(list(self.merchants))
        closures = [some_closure(rng, self.world) for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.5:
            closures += self.merchants[key].get("closures") or []
        change = _patch("merchants", merchant_id=key, closures=closures)
        self.merchants[key]["closures"] = closures
        return change, ""

    def _delete_merchant(self, rng: Random, number: int) -> tuple[Row, str]:
        keys = [key for key in self.merchants if not self.whole or self._is_alone(key)]
        if not keys:
            return self._program(rng, number)
        key = rng.choice(keys)
        change = {"table": "merchants", "delete": key}
        del self.merchants[key]
        return change, ""

    def _delete_program(self, rng: Random, number: int) -> tuple[Row, str]:
        """A card goes with its deals."""
        if len(self.programs) < 4:
            return self._put_program(rng, number)
        key = rng.choice(list(self.programs)[1:])
        del self.programs[key]
        for deal in [one for one in self.deals.values() if one.get("program_id") == key]:
            del self.deals[deal["deal_id"]]
        return {"table": "programs", "delete": key}, ""

    def _put_program(self, rng: Random, number: int) -> tuple[Row, str]:
        key = rng.choice([f"new card {number}", *self.programs])
        row = {"program_id": key, "name": f"Card {number}", "fee": rng.choice((0, 600, 9_900))}
        row["status"] = rng.choice(("ACTIVE", *STATUSES))
        if rng.random() < 0.3:
            row["valid_from"] = (
                self.world.now.date() - timedelta(days=rng.randint(-5, 5))
            ).isoformat()
        self.programs[key] = row
        return {"table": "programs", "row": dict(row)}, ""

    def _put_merchant(self, rng: Random, number: int) -> tuple[Row, str]:
        """A merchant with parts of others, elsewhere; one that has a brand keeps it."""
        one, other, third = (rng.choice(list(self.merchants.values())) for _ in range(3))
        key = rng.choice((one["merchant_id"], f"new {number}"))
        hours = {name: other.get(name) for name in ("opening_hours", "time_zone", "closures")}
        place = {"lat": min(90.0, other["lat"] + rng.choice((0.0, 1e-3))), "lng": third["lng"]}
        place |= {name: one.get(name) for name in ("crs", "country")}
        row = {**one, **hours, **place, "merchant_id": key, "rating": rng.choice((4.9, 2.5, None))}
        row["business_status"] = rng.choice(
            ("OPERATIONAL", "OPERATIONAL", one.get("business_status"))
        )
        row["categories"] = third.get("categories") or []
        row["opening_periods"] = None
        if row.get("brand") is None and key not in self.merchants:
            row["brand"] = other.get("brand")
        row = {name: value for name, value in row.items() if value is not None}
        self.merchants[key] = row
        return {"table": "merchants", "row": deepcopy(row)}, ""

    def _put_deal(self, rng: Random, number: int) -> tuple[Row, str]:
        """A deal like another one, for other merchants and another card."""
        one = rng.choice(list(self.deals.values()))
        key = rng.choice((one["deal_id"], f"new deal {number}"))
        row = {**one, "deal_id": key, "title": f"Deal {number}"}
        if rng.random() < 0.8 or "brand" not in row:
            row |= {"brand": None, "merchant_ids": rng.sample(list(self.merchants), 1)}
            row["merchant_ids"] += rng.sample(list(self.merchants), min(2, len(self.merchants)))
        row["program_id"] = rng.choice([None, *self.programs])
        row["stock"] = rng.choice((None, 0, 3, 40))
        unknown = rng.random() < 0.05
        if unknown:
            row |= {"brand": None, "merchant_ids": ["nobody"]}
        row = {name: value for name, value in row.items() if value is not None}
        change = {"table": "deals", "row": deepcopy(row)}
        if unknown:
            return change, "unknown_merchant"
        listed = row.get("merchant_ids")
        if listed is not None and any(name not in self.merchants for name in listed):
            return change, "unknown_merchant"
        if listed is None and all(m.get("brand") != row["brand"] for m in self.merchants.values()):
            return change, "unknown_brand"
        self.deals[key] = row
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
