"""What the gateway answers is what one index answers, byte for byte but for time and cursors.

`GEOSEARCH_REGION_QUESTIONS` sets how many questions a run asks of each world.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import shapely
from starlette.testclient import TestClient

from geosearch.cluster.gateway import RegionAddress, Regions
from geosearch.cluster.gateway_handlers import gateway
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.settings import Settings
from tests.generators import make_world
from tests.geosearch.cluster.region_worlds import Cut

QUESTIONS = int(os.environ.get("GEOSEARCH_REGION_QUESTIONS", "25"))
KINDS = ("city", "antimeridian", "worldwide", "crumbs", "many_programs")
CASES = (
    [("city", 3)]
    if QUESTIONS < 1_000
    else [(kind, regions) for kind in KINDS for regions in (2, 5, 9)]
)
WORLD = (-180.0, -90.0, 180.0, 90.0)


def service(index: Path) -> Any:
    engines = Engines(index, Searcher, poll_seconds=1.0)
    engines.load()
    return make_app(Handlers(engines, Metrics(engines), Settings(log_requests=False)))


class Fronts:
    """One index and the gateway of its regions."""

    def __init__(self, cut: Cut, folder: Path) -> None:
        self.cut = cut
        self.transports: dict[str, Any] = {
            name: httpx2.ASGITransport(service(cut.folder / name)) for name in cut.regions
        }
        urls = dict.fromkeys(cut.regions, "http://region")
        app = gateway(cut.folder, urls, Settings(log_requests=False), self.transports)
        self.one = TestClient(service(folder / "one"))
        self.gateway = TestClient(app)

    def same(self, method: str, path: str, **how: Any) -> tuple[Any, Any]:
        one = self.one.request(method, path, **how)
        got = self.gateway.request(method, path, **how)
        assert got.status_code == one.status_code or b"misdirected" in got.content, got.text
        if b"misdirected" not in got.content:
            assert plain(got.content) == plain(one.content), how or path
        return one, got


def plain(body: bytes) -> bytes:
    """A body without time and cursors."""
    body = re.sub(rb'"(took_us|age_seconds)":\d+', rb'"\1":0', body)
    return re.sub(rb'"next_cursor":"[^"]+"', b'"next_cursor":"x"', body)


@pytest.fixture(scope="module", params=CASES, ids=str)
def fronts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronts]:
    kind, regions = request.param
    folder = tmp_path_factory.mktemp(kind)
    cut = Cut(make_world(Random(f"{kind} {regions}"), kind, 250), regions, folder)
    made = Fronts(cut, folder)
    with made.gateway:
        yield made


def spanning(rng: Random, cut: Cut) -> dict[str, Any]:
    question = cut.question(rng)
    if rng.random() < 0.8:
        del question["radius"]
        if not {"zone", "bbox", "polygon", "ids"} & set(question) or rng.random() < 0.5:
            question["bbox"] = WORLD
            question.pop("polygon", None)
    return question


def test_answers_are_those_of_one_index(fronts: Fronts) -> None:
    rng = Random(11)
    done = dict.fromkeys(("found", "pages", "near", "words"), 0)
    for _ in range(QUESTIONS):
        question = spanning(rng, fronts.cut)
        one, got = fronts.same("POST", "/v1/nearby", json=question)
        done["found"] += b'"results":[{' in one.content
        done["near"] += b'"near_misses":[{' in one.content
        done["words"] += b'"corrected"' in one.content or b'"relaxed"' in one.content
        pages = 0
        while got.status_code == 200 and got.json()["next_cursor"] and pages < 4:
            pages += 1
            question["near_misses"] = 0
            first, second = (
                front.post("/v1/nearby", json=question | {"cursor": each.json()["next_cursor"]})
                for front, each in ((fronts.one, one), (fronts.gateway, got))
            )
            assert plain(second.content) == plain(first.content), question
            one, got = first, second
        done["pages"] += pages
    assert done["found"] > QUESTIONS / 10, done
    assert done["pages"] > QUESTIONS / 10, done


def test_listings_are_those_of_one_index(fronts: Fronts) -> None:
    for path in (
        "/v1/programs",
        "/v1/categories?lang=zh",
        "/v1/zones?bbox=-180,-90,180,90",
        "/v1/zones?lat=1&lng=2",
        "/v1/density?bbox=-180,-90,180,90&cells=16",
        "/v1/density?cells=16",
        "/v1/nearby?lat=1&lng=2&bbox=-180,-90,180,90&radius=x",
        "/v1/merchants/nobody",
    ):
        fronts.same("GET", path)
    shops = [row["merchant_id"] for row in fronts.cut.world.merchants if row.get("merchant_id")]
    at = quote(fronts.cut.world.now.isoformat())
    for shop in Random(1).sample(shops, 20):
        fronts.same("GET", f"/v1/merchants/{quote(str(shop), safe='')}?at={at}")


def test_batches_are_those_of_one_index(fronts: Fronts) -> None:
    rng = Random(12)
    for _ in range(4):
        batch = [spanning(rng, fronts.cut) | {"limit": 5, "near_misses": 0} for _ in range(6)]
        fronts.same("POST", "/v1/nearby:batch", json={"queries": batch})


def test_a_region_that_is_down_is_named(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(fronts.cut.regions))

    async def down(request: Any) -> Any:
        raise httpx2.ConnectError("refused")

    monkeypatch.setattr(fronts.transports[name], "handle_async_request", down)
    at = fronts.cut.world.now.isoformat()
    question = {"lat": 0.0, "lng": 0.0, "bbox": WORLD, "at": at}
    got = fronts.gateway.post("/v1/nearby", json=question)
    assert (got.status_code, got.json()["code"]) == (503, "region_down")
    assert f"`{name}`" in got.json()["detail"]


def test_a_cursor_belongs_to_its_question(fronts: Fronts) -> None:
    at = fronts.cut.world.now.isoformat()
    question = {"lat": 0.0, "lng": 0.0, "bbox": WORLD, "at": at, "limit": 1}
    cursor = fronts.gateway.post("/v1/nearby", json=question).json()["next_cursor"]
    for other in (question | {"sort": "distance"}, question | {"at": "2026-01-01T00:00:00Z"}):
        got = fronts.gateway.post("/v1/nearby", json=other | {"cursor": cursor})
        assert (got.status_code, got.json()["code"]) == (400, "bad_cursor")
    for wrong in (cursor[:-2], "x", cursor[1:] + "A"):
        got = fronts.gateway.post("/v1/nearby", json=question | {"cursor": wrong})
        assert (got.status_code, got.json()["code"]) == (400, "bad_cursor")


def test_why_is_not_answered_in_part(fronts: Fronts) -> None:
    assert fronts.gateway.get("/v1/merchants/m1/why?lat=1&lng=2").status_code == 404


@pytest.mark.parametrize(
    ("bbox", "met"),
    [
        ((-10.0, 0.0, -1.0, 1.0), ["west"]),
        ((-10.0, 0.0, 0.0, 1.0), ["west", "east"]),
        ((1.0, 0.0, 179.0, 1.0), ["east"]),
        ((1.0, 0.0, 180.0, 1.0), ["west", "east"]),  # -180 is the same meridian.
        ((-180.0, 0.0, -170.0, 1.0), ["west", "east"]),
        ((170.0, 0.0, -170.0, 1.0), ["west", "east"]),
    ],
)
def test_a_box_goes_to_the_regions_that_it_meets(
    bbox: tuple[float, float, float, float], met: list[str]
) -> None:
    areas = {"west": shapely.box(-180, -90, 0, 90), "east": shapely.box(0, -90, 180, 90)}
    regions = Regions([RegionAddress(name, area, "http://x") for name, area in areas.items()])
    assert regions.of_area(Query(lat=0.0, lng=0.0, bbox=bbox)) == met
