"""Islands: many tiny worlds in one snapshot, and questions that some of their shops nearly match.

An island is farther from the next one than any radius reaches, so a question about one is a
question about a world of its own, and one build makes hundreds of worlds. Amounts are a few units,
so that a loop over all bills is short.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.generators import World, chance, wrapped
from tests.oracles import HORIZON_MINUTES, horizon_start

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")  # a Sunday
HOURS = (
    "24/7",
    "11:00-14:00",
    "12:10-22:00",
    "12:00-12:20",
    "10:00-12:05",
    "12:01-13:00",
    "11:50-12:10 unknown, 12:10-13:00",
    "12:00-12:10, 12:10-12:40 unknown",
    "23:50-00:20",
    "22:00-24:00",
    "00:00-01:00",
    "Mo-Sa 12:00-15:00",
    "off",
)
USE_HOURS = ("12:00-12:15", "12:05-13:00", "11:00-12:03", "Mo-Fr 11:00-14:00", "00:00-02:00", "off")
CARDS = [f"p{number}" for number in range(6)]
PARTIES, SPENDS = (1, 1, 1, 2, 3, 6), (0, 1, 9, 10, 25, 40)
NEVER_READ = "at the door"


def make_islands(rng: Random, islands: int, shops: int, fewest: int = 1) -> World:
    """A snapshot of so many islands with up to so many shops each; ids begin with the island."""
    world = World(
        kind="islands",
        envelope={
            "snapshot_id": "islands",
            "schema_version": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "time_zone": "Asia/Shanghai",
            "country": "CN",
            "currency": "CNY",
        },
        now=NOW,
    )
    statuses = ("ACTIVE", "ACTIVE", "ACTIVE", "ACTIVE", "SUSPENDED", "ENDED")
    for card, status in zip(CARDS, statuses, strict=True):
        row: dict[str, Any] = {"program_id": card, "name": card.upper(), "kind": "membership"}
        row |= {"status": status, "fee": rng.choice((0, 0, 12, 60, 100))}
        if card == "p3":
            row |= {"valid_from": "2026-11-24", "valid_through": "2026-12-20"}
        world.programs.append(row)
    for island in range(islands):
        _add_island(rng, world, island, rng.randint(fewest, shops))
    return world


def centre_of(island: int) -> tuple[float, float]:
    """Latitude and longitude of an island, of at most 9,600; some are on the antimeridian."""
    if island % 7 == 0 and island < 420:
        return -60.0 + 2.0 * (island // 7), 180.0
    return -60.0 + 2.0 * (island % 60), -170.0 + 2.0 * (island // 60)


def _add_island(rng: Random, world: World, island: int, shops: int) -> None:
    lat, lng = centre_of(island)
    ids = []
    for number in range(shops):
        ids.append(f"i{island}-{rng.choice('abc')}{number}")
        spread = rng.choice((0.0, 0.002, 0.01, 0.03))
        row: dict[str, Any] = {
            "merchant_id": ids[-1],
            "name": f"Shop {number}",
            "lat": round(lat + rng.uniform(-spread, spread), 7),
            "lng": wrapped(round(lng + rng.uniform(-spread, spread), 7)),
            "categories": [rng.choice(("food", "food.cafe", "shop"))],
        }
        hours = rng.choice((*HOURS, None, NEVER_READ))
        row |= {"opening_hours": hours} if hours else {}
        price = rng.choice((None, 5, 10, 20, 33))
        row |= {} if price is None else {"avg_price": price}
        row |= {"rating": rng.choice((3.0, 4.5)), "rating_count": 20} if chance(rng, 0.6) else {}
        row |= {"redemptions_ok": 3, "redemptions_failed": 1} if chance(rng, 0.3) else {}
        world.merchants.append(row)
    for number in range(rng.randint(0, 3 * len(ids))):
        deal = {"deal_id": f"i{island}-{rng.choice('de')}{number}", **_terms(rng)}
        deal["merchant_ids"] = rng.sample(ids, rng.choice((1, 1, min(2, len(ids)))))
        if chance(rng, 0.65):
            deal["program_id"] = rng.choice(CARDS)
        if chance(rng, 0.3):
            deal["use_hours"] = rng.choice((*USE_HOURS, NEVER_READ))
        if chance(rng, 0.15):
            deal["valid_through"] = "2026-11-25"
        if chance(rng, 0.1):
            deal["valid_from"] = "2026-11-26"
        if chance(rng, 0.1):
            deal["stock"] = rng.choice((0, 3))
        if chance(rng, 0.12):
            deal["new_customer_only"] = True
        own = Random(f"group {deal}")
        if chance(own, 0.5):
            deal["stack_group"] = own.choice("abc")
        world.deals.append(deal)


def _terms(rng: Random) -> dict[str, Any]:
    """Type and terms of a deal."""
    kinds = ("percent_off", "percent_off", "amount_off", "voucher", "bundle", "cashback")
    kind = rng.choice((*kinds, "free_item"))
    deal: dict[str, Any] = {"offer_type": kind, "title": "Deal"}
    if kind in ("percent_off", "cashback"):
        deal["percent"] = rng.choice((10, 12.5, 33.3333, 50, 100, 0.01))
        if chance(rng, 0.4):
            deal["max_discount"] = rng.choice((0, 1, 3, 10))
    elif kind == "amount_off":
        deal["amount"] = rng.choice((1, 5, 20, 45))
    elif kind == "voucher":
        deal["face_value"] = rng.choice((5, 10, 30))
        deal["price"] = deal["face_value"] - rng.choice((1, 3))
        deal |= {"max_uses": rng.randint(1, 4)} if chance(rng, 0.5) else {}
    elif kind == "bundle":
        deal |= {"list_price": 30, "price": rng.choice((12, 28))}
    else:
        deal["face_value"] = rng.choice((2, 8))
    if chance(rng, 0.5) and kind not in ("bundle", "free_item"):
        deal["min_spend"] = rng.choice((1, 12, 20, 50))
    if chance(rng, 0.2):
        deal["party_min"] = rng.choice((2, 4))
    if chance(rng, 0.2):
        deal["party_max"] = rng.choice((2, 4))
    return deal


def make_question(rng: Random, world: World, island: int) -> dict[str, Any]:
    """A question about an island, as a request for `/v1/nearby` that asks for near misses."""
    lat, lng = centre_of(island)
    request: dict[str, Any] = {
        "lat": round(lat + rng.uniform(-0.005, 0.005), 7),
        "lng": wrapped(round(lng + rng.uniform(-0.005, 0.005), 7)),
        "at": _moment(rng),
        "sort": rng.choice(("best", "best", "distance", "saving", "rating")),
        "limit": 100,
        "near_misses": rng.choice((20, 20, 1, 3)),
        "near_minutes": rng.choice((1, 10, 30, 30, 60)),
    }
    if chance(rng, 0.8):
        request["radius"] = rng.choice((50.0, 300.0, 1000.0, 1500.0, 3000.0, 50_000.0))
    if chance(rng, 0.6):
        request["open"] = "now"
    if chance(rng, 0.25):
        request["hours_unknown"] = "include"
    if chance(rng, 0.2):
        request["min_minutes_left"] = rng.choice((1, 5, 30))
    _ask_deals(rng, request)
    if chance(Random(f"stacking {request}"), 0.3):
        request["stacking"] = "on"
    own = [row["merchant_id"] for row in world.merchants]
    mine = [one for one in own if one.startswith(f"i{island}-")]
    if chance(rng, 0.1):
        request["categories"] = ["food"]
    if chance(rng, 0.1):
        request["min_rating"] = 4.0
    if chance(rng, 0.1):
        request["ids"] = rng.sample(mine, rng.randint(1, len(mine)))
        request.pop("radius" if chance(rng, 0.5) else "nothing", None)
    if chance(rng, 0.1):
        request["bbox"] = [wrapped(lng - 0.01), lat - 0.01, wrapped(lng + 0.004), lat + 0.01]
    return request


def _ask_deals(rng: Random, request: dict[str, Any]) -> None:
    if chance(rng, 0.6):
        request["cards"] = rng.sample(CARDS, rng.choice((1, 1, 2)))
    modes = ("card", "card_best", "card_best", "any", "optional")
    if chance(rng, 0.6):
        request["deals"] = rng.choice(modes if "cards" in request else modes[3:])
    if chance(rng, 0.2):
        request["new_customer"] = True
    if chance(rng, 0.1):
        request["offer_type"] = rng.sample(("percent_off", "voucher", "bundle"), 2)
    if chance(rng, 0.4):
        request["party_size"] = rng.choice(PARTIES)
    if chance(rng, 0.4):
        request["spend"] = rng.choice(SPENDS)
    if chance(rng, 0.25):
        request["max_pay"] = rng.choice((0, 5, 12, 20, 30))


def _moment(rng: Random) -> str:
    """An instant around noon or midnight, or at the end of the horizon, as text."""
    if chance(rng, 0.06):
        end = horizon_start(NOW) + timedelta(minutes=HORIZON_MINUTES)
        return (end - timedelta(minutes=rng.randint(1, 40))).isoformat()
    day = datetime.fromisoformat("2026-11-23T00:00:00+08:00") + timedelta(days=rng.randint(0, 5))
    hour = 12 if chance(rng, 0.8) else rng.choice((0, 24))
    at = day + timedelta(hours=hour, minutes=rng.randint(-35, 15), seconds=rng.choice((0, 0, 20)))
    return at.astimezone(rng.choice((UTC, at.tzinfo))).isoformat()
