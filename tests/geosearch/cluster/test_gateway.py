"""What the gateway answers is what one index answers, byte for byte but for time and cursors.

`GEOSEARCH_REGION_QUESTIONS` sets how many questions a run asks of each world.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import shapely

from geosearch.cluster.gateway import RegionAddress, Regions
from geosearch.query.query import Query
from geosearch.service.page_files import page
from tests.generators import make_world
from tests.geosearch.cluster.gateway_fronts import WORLD, Fronts, plain, spanning
from tests.geosearch.cluster.region_worlds import Cut
from tests.geosearch.small_city import priced

QUESTIONS = int(os.environ.get("GEOSEARCH_REGION_QUESTIONS", "25"))
HEADERS = ("content-type", "cache-control", "content-language", "etag", "location", "vary")
KINDS = ("city", "antimeridian", "worldwide", "crumbs", "many_programs")
CASES = (
    [("city", 3)]
    if QUESTIONS < 1_000
    else [(kind, regions) for kind in KINDS for regions in (2, 5, 9)]
)


@pytest.fixture(scope="module", params=CASES, ids=str)
def fronts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronts]:
    kind, regions = request.param
    folder = tmp_path_factory.mktemp(kind)
    world = priced(Random(1), make_world(Random(f"{kind} {regions}"), kind, 250))
    cut = Cut(world, regions, folder)
    made = Fronts(cut, folder)
    with made.gateway:
        yield made


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
        "/",
        "/land.geojson",
        "/basemap.pmtiles",
        "/v1/coverage",
        f"/page/{page().version}/app.js",
        "/page/old/app.js",
        "/openapi.json",
        "/docs",
        "/v1/programs/",
        "/nowhere/",
    ):
        one, got = fronts.same("GET", path)
        for header in (
            "content-type",
            "cache-control",
            "content-language",
            "etag",
            "location",
            "vary",
        ):
            assert got.headers.get(header) == one.headers.get(header), (path, header)
    shops = [row["merchant_id"] for row in fronts.cut.world.merchants if row.get("merchant_id")]
    at = quote(fronts.cut.world.now.isoformat())
    for shop in Random(1).sample(shops, 20):
        fronts.same("GET", f"/v1/merchants/{quote(str(shop), safe='')}?at={at}")


def test_batches_are_those_of_one_index(fronts: Fronts) -> None:
    rng, done = Random(12), 0
    for _ in range(6):
        batch = [spanning(rng, fronts.cut) | {"limit": 5, "near_misses": 0} for _ in range(6)]
        one, got = fronts.same("POST", "/v1/nearby:batch", json={"queries": batch})
        if one.status_code != 200:
            continue
        ends = zip(batch, *(each.json()["answers"] for each in (one, got)), strict=True)
        going = [each for each in ends if each[1]["next_cursor"]]
        if not going:
            continue
        first, second = (
            [each[0] | {"cursor": each[1 + front]["next_cursor"]} for each in going]
            for front in (0, 1)
        )
        then = fronts.one.post("/v1/nearby:batch", json={"queries": first})
        continued = fronts.gateway.post("/v1/nearby:batch", json={"queries": second})
        assert plain(continued.content) == plain(then.content)
        done += 1
    assert done


def test_positions_in_a_gap_are_answered_by_all(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where polygons leave a gap, shops of several regions may be near."""
    monkeypatch.setattr(Regions, "owner", lambda *_: None)
    rng, done = Random(15), 0
    shops = [row["merchant_id"] for row in fronts.cut.world.merchants if row.get("merchant_id")]
    for _ in range(QUESTIONS):
        question = fronts.cut.question(rng)
        one, got = fronts.same("POST", "/v1/nearby", json=question)
        if one.status_code == 200 and one.json()["next_cursor"]:
            done += 1
            question["near_misses"] = 0
            then, continued = (
                front.post("/v1/nearby", json=question | {"cursor": each.json()["next_cursor"]})
                for front, each in ((fronts.one, one), (fronts.gateway, got))
            )
            assert plain(continued.content) == plain(then.content), question
        shop = quote(str(rng.choice(shops)), safe="")
        fronts.same("POST", f"/v1/merchants/{shop}/why", json=question)
    assert done
    place = {"lat": 1, "lng": 2}
    assert fronts.gateway.get("/v1/suggest", params=place | {"q": "a"}).status_code == 404
    habit = place | {"when": "24/7", "visits": 1, "spend": 1_000}
    got = fronts.gateway.post("/v1/cards:worth", json={"habits": [habit]})
    assert (got.status_code, got.json()["code"]) == (404, "not_found")


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


def test_what_cards_are_worth_is_that_of_one_index(fronts: Fronts) -> None:
    rng, cut = Random(14), fronts.cut
    done = dict.fromkeys(("gains", "refused"), 0)
    for number in range(QUESTIONS):
        habits: list[dict[str, Any]] = []
        for _ in range(rng.randint(1, 5)):
            place = {name: cut.question(rng)[name] for name in ("lat", "lng")}
            habits.append(
                place
                | {"when": rng.choice(("24/7", "Mo-Fr 12:00-13:00", "Sa 10:00-12:00"))}
                | {"visits": rng.randint(0, 30), "radius": rng.choice((1_000, 50_000))}
                | {"spend": rng.choice((1_000, 4_000, 10_000)), "party_size": rng.randint(1, 3)}
            )
        if number % 6 == 5:
            habits[rng.randrange(len(habits))]["when"] = "whenever"
        cards = [row["program_id"] for row in cut.world.programs]
        asked = {"habits": habits, "at": cut.world.now.isoformat(), "cards": cards[:1]}
        if number % 9 == 8:
            asked["candidates"] = ["nobody's"]
        one, _ = fronts.same("POST", "/v1/cards:worth", json=asked)
        done["refused"] += one.status_code == 400
        done["gains"] += one.status_code == 200 and any(
            card["per_visit"]["as_you_go"] > 0 for card in one.json()["cards"]
        )
    assert min(done.values()) > 0, done


def test_reasons_are_those_of_one_index(fronts: Fronts) -> None:
    rng = Random(13)
    shops = [row["merchant_id"] for row in fronts.cut.world.merchants if row.get("merchant_id")]
    done = dict.fromkeys(("matches", "far", "fixes", "absent"), 0)
    for number in range(QUESTIONS * 2):
        question = spanning(rng, fronts.cut)
        question.pop("cursor", None)
        shop = quote(str(rng.choice(shops)), safe="") if number % 9 else "nobody"
        one, _ = fronts.same("POST", f"/v1/merchants/{shop}/why", json=question)
        done["matches"] += b'"matches":true' in one.content
        done["far"] += b'"OUTSIDE_RADIUS"' in one.content
        done["fixes"] += b'"fixes":[{' in one.content
        done["absent"] += one.status_code == 404
    assert min(done.values()) > 0, done


CORNERED = [[-9, 0], [-1, 0], [-1, 9], [1, 9], [1, 10], [-9, 10], [-9, 0]]
SOUTH = [[-9, -9], [9, -9], [9, -1], [-1, -1], [-1, 9], [-9, 9], [-9, -9]]


@pytest.mark.parametrize(
    ("area", "met"),
    [
        ({"bbox": (-10.0, 0.0, -1.0, 1.0)}, ["west"]),
        ({"bbox": (-10.0, 0.0, 0.0, 1.0)}, ["west", "east"]),
        ({"bbox": (1.0, 0.0, 179.0, 1.0)}, ["east"]),
        # -180 is the same meridian.
        ({"bbox": (1.0, 0.0, 180.0, 1.0)}, ["west", "east"]),
        ({"bbox": (-180.0, 0.0, -170.0, 1.0)}, ["west", "east"]),
        ({"bbox": (170.0, 0.0, -170.0, 1.0)}, ["west", "east"]),
        ({"polygon": CORNERED}, ["west", "east"]),
        ({"polygon": CORNERED, "bbox": (-9.0, 0.0, -2.0, 9.0)}, ["west"]),
        ({"polygon": CORNERED, "bbox": (20.0, 0.0, 30.0, 9.0)}, ["east"]),
        # Its bounds meet the region in the middle, the polygon does not.
        ({"polygon": SOUTH}, ["west", "east"]),
        ({"polygon": [[0.5, 1], [1, 1], [1, 2], [0.5, 1]]}, ["east"]),
        ({"polygon": [[1, 1], [180, 1], [180, 2], [1, 1]]}, ["west", "east"]),
        ({"polygon": [[0.5, 1], [1, 2], [1, 1], [0.5, 2], [0.5, 1]]}, ["east"]),
        ({"polygon": []}, ["west"]),
    ],
    ids=str,
)
def test_an_area_goes_to_the_regions_that_it_meets(area: dict[str, Any], met: list[str]) -> None:
    areas = {
        "west": shapely.box(-180, -90, 0, 90),
        "east": shapely.difference(shapely.box(0, -90, 180, 90), shapely.box(2, 2, 9, 9)),
        "middle": shapely.box(2, 2, 9, 9),
    }
    regions = Regions([RegionAddress(name, each, "http://x") for name, each in areas.items()])
    if "polygon" in area:
        area = area | {"polygon": {"type": "Polygon", "coordinates": [area["polygon"]]}}
    assert regions.of_area(Query(lat=0.0, lng=0.0, **area)) == met
