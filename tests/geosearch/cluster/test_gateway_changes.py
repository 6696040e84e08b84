"""Live changes through the gateway: what regions and one index with the same changes answer.

Each region has a log of its own and takes the changes of its shops, so `as_of_seq` differs.
`GEOSEARCH_REGION_QUESTIONS` sets how many questions a run asks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest

import geosearch
from tests.generators import World, make_world
from tests.geosearch.cluster.gateway_fronts import WORLD, Fronts, plain, spanning
from tests.geosearch.cluster.region_worlds import Cut
from tests.geosearch.small_city import LUNCH, priced

QUESTIONS = int(os.environ.get("GEOSEARCH_REGION_QUESTIONS", "20"))
CHANGES = 60


def changes(rng: Random, world: World) -> Iterator[dict[str, Any]]:
    """Changes that bits can show: the index of a region takes no others."""
    deals = [row["deal_id"] for row in world.deals]
    shops = [row["merchant_id"] for row in world.merchants]
    for _ in range(CHANGES):
        deal, shop = {"deal_id": rng.choice(deals)}, {"merchant_id": rng.choice(shops)}
        closed = {"from": "2020-01-01T00:00:00Z", "until": "2040-01-01T00:00:00Z"}
        yield rng.choice(
            (
                {"table": "deals", "patch": deal | {"stock": 0}},
                {"table": "deals", "patch": deal | {"stock": 3}},
                {"table": "deals", "delete": deal["deal_id"]},
                {"table": "merchants", "patch": shop | {"closures": [closed]}},
                {"table": "merchants", "patch": shop | {"business_status": "CLOSED_TEMPORARILY"}},
                {"table": "merchants", "patch": shop | {"business_status": "CLOSED_PERMANENTLY"}},
                {"table": "merchants", "delete": shop["merchant_id"]},
            )
        )
    yield {
        "table": "programs",
        "patch": {"program_id": world.programs[0]["program_id"], "status": "SUSPENDED"},
    }


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    folder, rng = tmp_path_factory.mktemp("changed"), Random(21)
    world = priced(rng, make_world(rng, "city", 200))
    made = Fronts(Cut(world, 3, folder), folder)
    some = list(changes(rng, made.cut.world))
    receipts = []
    for name, engines in [("one", made.whole)] + [
        (f"regions/{name}", region.engines) for name, region in made.transports.items()
    ]:
        with geosearch.Writer(folder / name) as writer:
            receipts.append(writer.apply(some))
        engines.take_changes()
    # Each change is of some region, and of no other than those that hold its shop.
    assert receipts[0].accepted > CHANGES / 2
    assert all(receipt.accepted < receipts[0].accepted for receipt in receipts[1:])
    assert sum(receipt.accepted for receipt in receipts[1:]) >= receipts[0].accepted
    with made.gateway:
        yield made


def stripped(body: bytes) -> bytes:
    return re.sub(rb',?"as_of_seq":\d+', b"", plain(body))


def same(fronts: Fronts, method: str, path: str, **how: Any) -> tuple[Any, Any]:
    one = fronts.one.request(method, path, **how)
    got = fronts.gateway.request(method, path, **how)
    assert got.status_code == one.status_code, got.text
    assert stripped(got.content) == stripped(one.content), how or path
    return one, got


def test_answers_are_those_of_one_index_with_the_changes(fronts: Fronts) -> None:
    rng = Random(22)
    done = dict.fromkeys(("found", "pages", "near", "facets", "stacked", "reasons"), 0)
    shops = [row["merchant_id"] for row in fronts.cut.world.merchants]
    batch = []
    for _ in range(QUESTIONS):
        question = spanning(rng, fronts.cut)
        if rng.random() < 0.3:
            question["fields"] = ["merchant.name", "distance_m", "best_deal"]
        if rng.random() < 0.3:
            question["lang"] = rng.choice(("zh", "en"))
        one, got = same(fronts, "POST", "/v1/nearby", json=question)
        done["found"] += b'"results":[{' in one.content
        done["near"] += b'"near_misses":[{' in one.content
        done["facets"] += b'"facets":{' in one.content
        done["stacked"] += b'"best_combination":{' in one.content
        shop = quote(str(rng.choice(shops)), safe="")
        why, _ = same(fronts, "POST", f"/v1/merchants/{shop}/why", json=question)
        done["reasons"] += b'"reasons":[{' in why.content
        batch.append(question | {"limit": 3, "near_misses": 0})
        for _ in range(50):
            if not (got.status_code == 200 and got.json()["next_cursor"]):
                break
            done["pages"] += 1
            question["near_misses"] = 0
            one, got = (
                front.post("/v1/nearby", json=question | {"cursor": each.json()["next_cursor"]})
                for front, each in ((fronts.one, one), (fronts.gateway, got))
            )
            assert stripped(got.content) == stripped(one.content), question
    for start in range(0, len(batch), 8):
        same(fronts, "POST", "/v1/nearby:batch", json={"queries": batch[start : start + 8]})
    assert min(done.values()) > 0, done


def test_listings_are_those_of_one_index_with_the_changes(fronts: Fronts) -> None:
    at = {"at": fronts.cut.world.now.isoformat()}
    for path in ("/v1/programs", "/v1/categories?lang=zh", "/v1/density?bbox=-180,-90,180,90"):
        same(fronts, "GET", path)
    for row in fronts.cut.world.merchants[:40]:
        shop = quote(row["merchant_id"], safe="")
        same(fronts, "GET", f"/v1/merchants/{shop}?{urlencode(at)}")
    habits = [
        LUNCH | {"lat": row["lat"], "lng": row["lng"], "when": "24/7"}
        for row in fronts.cut.world.merchants[:4]
    ]
    one, _ = same(fronts, "POST", "/v1/cards:worth", json={"habits": habits, **at})
    assert one.status_code == 200
    for name in fronts.cut.names[:20]:
        row = fronts.cut.world.merchants[3]
        place = {"lat": row["lat"], "lng": row["lng"], "q": name[:2], "radius": 50_000}
        same(fronts, "GET", f"/v1/suggest?{urlencode(place)}")


def test_the_change_shown_is_the_lowest_of_the_regions(fronts: Fronts) -> None:
    question = {"lat": 0.0, "lng": 0.0, "bbox": WORLD, "at": fronts.cut.world.now.isoformat()}
    lowest = min(region.engines.current().engine.as_of_seq or 0
                 for region in fronts.transports.values())  # fmt: skip
    assert fronts.gateway.post("/v1/nearby", json=question).json()["as_of_seq"] == lowest
    assert fronts.gateway.get("/v1/index").json()["as_of_seq"] == lowest
