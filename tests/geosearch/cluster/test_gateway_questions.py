"""Whom the gateway asks, and how often; its answers stay those of one index.

The world is four shops in the west and four in the east. Each region has an area of its own name,
and a zone; one more zone has shops of both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
import pytest

from geosearch.cluster.gateway import RegionAddress, Regions
from geosearch.search.owned import OwnedSearcher
from geosearch.service import handlers
from geosearch.service.edge import Asked
from tests.geosearch.cluster.gateway_fronts import WORLD, Fronts, application, plain
from tests.geosearch.cluster.region_worlds import Cut
from tests.geosearch.small_city import NOW, deal, shop, small_world

AT = {"at": NOW.isoformat()}
EAST = {"lat": 31.0, "lng": 20.0, **AT}
WEST = {"lat": 31.0, "lng": -20.0, **AT}


def box(west: float, east: float) -> dict[str, Any]:
    ring = [[west, 30], [east, 30], [east, 32], [west, 32], [west, 30]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    folder = tmp_path_factory.mktemp("asked")
    world = small_world()
    rows = [(-20.0, "West End"), (20.0, "East Side")] * 4
    world.merchants = [
        shop(number, lng=lng, business_area=area, name=("Cafe" if number < 4 else "Cafes") + area)
        for number, (lng, area) in enumerate(rows)
    ]
    world.deals = [deal("r", ["m0", "m1", "m5"], program_id="red", percent=20)]
    zones = {"west": box(-21, -19), "east": box(19, 21), "both": box(-21, 21), "none": box(0, 1)}
    world.zones = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"zone_id": name, "name": name}, "geometry": shape}
            for name, shape in zones.items()
        ],
    }
    made = Fronts(Cut(world, 2, folder), folder)
    with made.gateway:
        yield made


HABIT = {"lat": 31.0, "lng": -20.0, "when": "24/7", "visits": 3, "spend": 4_000}
REFUSED = {"code": "bad_request", "errors": [], "detail": "no"}
NEWER = "20991231T000000Z-0001"
BATCH = "/v1/nearby:batch"
NEARBY = "/v1/nearby"


def asked(fronts: Fronts, question: dict[str, Any]) -> dict[str, list[str]]:
    return fronts.asked("POST", NEARBY, json=question)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (EAST, {"r2": [NEARBY]}),
        (EAST | {"bbox": [20.1, 30, 21, 32]}, {"r2": [NEARBY]}),
        (EAST | {"polygon": box(-21, -19)}, {"r1": [NEARBY]}),
        (EAST | {"bbox": WORLD}, {"r1": [BATCH], "r2": [BATCH]}),
        (EAST | {"zone": "west"}, {"r1": [BATCH]}),
        (EAST | {"zone": "east"}, {"r2": [BATCH]}),
        (EAST | {"zone": "both"}, {"r1": [BATCH], "r2": [BATCH]}),
        (EAST | {"zone": "none"}, {"r1": [BATCH]}),
        (EAST | {"zone": "nobody"}, {"r1": [BATCH]}),
        (EAST | {"zone": "west", "bbox": WORLD}, {"r1": [BATCH]}),
        (EAST | {"ids": ["m0", "m2", "no"]}, {"r1": [BATCH]}),
        (EAST | {"ids": ["no"]}, {"r1": [BATCH]}),
        (EAST | {"ids": ["m1", "m0"]}, {"r1": [BATCH], "r2": [BATCH]}),
        (EAST | {"zone": "west", "radius": 50_000}, {"r2": [NEARBY]}),
        # The owner says that the text names an area of another region.
        (EAST | {"q": "West End"}, {"r1": [BATCH], "r2": [NEARBY, BATCH]}),
        (EAST | {"q": "East Side"}, {"r2": [NEARBY]}),
        # One region finds the words, so the other is asked again with them.
        (EAST | {"zone": "both", "q": "cafeeast"}, {"r1": [BATCH] * 2, "r2": [BATCH]}),
    ],
    ids=str,
)
def test_who_is_asked(
    fronts: Fronts, question: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    asked(fronts, question)  # Now the gateway knows the owners.
    assert asked(fronts, question) == expected


def test_owners_are_learnt_once(fronts: Fronts) -> None:
    with fronts.fresh() as fresh:
        question = EAST | {"ids": ["m1", "m3"]}
        assert asked(fresh, question) == {"r1": [BATCH], "r2": [BATCH]}
        assert asked(fresh, question) == {"r2": [BATCH]}
        zones = {"r1": ["/v1/zones"], "r2": ["/v1/zones", BATCH]}
        assert asked(fresh, EAST | {"zone": "east"}) == zones
        assert asked(fresh, EAST | {"zone": "east"}) == {"r2": [BATCH]}
        shop_path = f"/v1/merchants/m2?{urlencode(AT)}"
        assert len(fresh.asked("GET", shop_path)) == 2
        assert fresh.asked("GET", shop_path) == {"r1": [shop_path.partition("?")[0]]}


def test_owners_of_another_version_are_forgotten(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = OwnedSearcher.part

    def newer(self: Any, query: Any, asked: Any) -> Any:
        return msgspec.structs.replace(part(self, query, asked), version=NEWER)

    with fronts.fresh() as fresh:
        for question in (EAST | {"ids": ["m1"]}, EAST | {"zone": "east"}):
            asked(fresh, question)
            asked(fresh, question)
            with monkeypatch.context() as patched:
                patched.setattr(OwnedSearcher, "part", newer)
                assert asked(fresh, question) == {"r1": [BATCH], "r2": [BATCH] * 2}
    with fronts.fresh() as fresh:
        monkeypatch.setattr(OwnedSearcher, "part", newer)
        question = EAST | {"ids": ["m1"]}
        assert asked(fresh, question) == {"r1": [BATCH], "r2": [BATCH]}
        assert asked(fresh, question) == {"r2": [BATCH]}


def test_a_batch_asks_each_region_once(fronts: Fronts) -> None:
    batch = [EAST, WEST, EAST | {"q": "cafe"}, WEST | {"bbox": WORLD, "total": True}] * 5
    batch += [EAST | {"zone": "east"}, EAST | {"ids": ["m0"]}, WEST | {"cards": ["red"]}]
    fronts.same("POST", BATCH, json={"queries": batch})
    expected = {"r1": [BATCH], "r2": [BATCH]}
    assert fronts.asked("POST", BATCH, json={"queries": batch}) == expected
    again = [EAST | {"q": "West End"}, EAST]
    expected = {"r1": [BATCH], "r2": [BATCH] * 2}
    assert fronts.asked("POST", BATCH, json={"queries": again}) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        EAST | {"zone": "nobody"},
        EAST | {"at": "2001-01-01T00:00:00Z"},
        EAST | {"cursor": "x"},
        EAST | {"bbox": WORLD, "cursor": "x"},
        EAST | {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}},
        EAST | {"limit": 1_000},
        EAST | {"format": "geojson"},
    ],
    ids=str,
)
def test_the_first_wrong_question_of_a_batch_is_told(fronts: Fronts, wrong: dict[str, Any]) -> None:
    for batch in ([WEST, EAST, wrong, EAST, WEST | {"zone": "no"}], [wrong, WEST], [wrong]):
        fronts.same("POST", BATCH, json={"queries": batch})
    one = fronts.same("POST", BATCH, json={"queries": [EAST, wrong]})[0]
    assert one.status_code == 400


@pytest.mark.parametrize("more", [{}, {"limit": 1}, {"total": True, "near_misses": 3}], ids=str)
@pytest.mark.parametrize("text", ["West End", "east side", "cafe west end"])
def test_an_area_of_another_region_is_answered(
    fronts: Fronts, text: str, more: dict[str, Any]
) -> None:
    for place in (EAST, WEST, EAST | {"crs": "GCJ02"}):
        question = place | more | {"q": text}
        pages = 0
        found: Any = fronts.same("GET", f"{NEARBY}?{urlencode(question)}")
        while found[0].json()["next_cursor"] and pages < 5:
            pages += 1
            found = [
                front.post(
                    NEARBY,
                    json=question | {"cursor": each.json()["next_cursor"], "near_misses": 0},
                )
                for front, each in zip((fronts.one, fronts.gateway), found, strict=True)
            ]
            assert plain(found[0].content) == plain(found[1].content), question
        for shop_id in ("m0", "m1", "m6", "m7"):
            fronts.same("POST", f"/v1/merchants/{shop_id}/why", json=question)


def test_gets_are_answered_like_posts(fronts: Fronts) -> None:
    for more in ({"bbox": "-180,-90,180,90"}, {"zone": "both"}, {"ids": "m0,m1"}):
        query = urlencode(EAST | more | {"format": "geojson"})
        fronts.same("GET", f"{NEARBY}?{query}")
        fronts.same("GET", f"/v1/merchants/m0/why?{urlencode(EAST | more)}")


def test_regions_of_two_versions_answer_from_the_older_one(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    question, part = EAST | {"bbox": WORLD}, OwnedSearcher.part

    def newer(self: Any, query: Any, asked: Any) -> Any:
        told = part(self, query, asked)
        is_newer = asked.version is None and self.segments[0].regional.region_id == "r1"
        return msgspec.structs.replace(told, version=NEWER) if is_newer else told

    monkeypatch.setattr(OwnedSearcher, "part", newer)
    assert asked(fronts, question) == {"r1": [BATCH] * 2, "r2": [BATCH]}
    monkeypatch.setattr(
        OwnedSearcher,
        "part",
        lambda self, query, asked: msgspec.structs.replace(
            part(self, query, asked), version=f"{self.segments[0].regional.region_id}-1"
        ),
    )
    got = fronts.gateway.post(NEARBY, json=question)
    assert (got.status_code, got.json()["code"]) == (503, "regions_differ")


def answering(status: int, told: Any) -> Any:
    kind = "application/json" if status == 200 else "application/problem+json"

    async def handle(request: Any) -> httpx2.Response:
        return httpx2.Response(status, json=told, headers={"content-type": kind})

    return handle


@pytest.mark.parametrize(
    ("method", "path", "question", "answers"),
    [
        ("POST", NEARBY, EAST | {"bbox": WORLD}, [(400, REFUSED), (200, {"answers": []})]),
        ("POST", NEARBY, EAST | {"zone": "both"}, [(200, {"zones": []})]),
        ("POST", "/v1/merchants/m0/why", EAST | {"bbox": WORLD}, [(200, {"matches": True})]),
        ("POST", "/v1/cards:worth", {"habits": [HABIT], **AT}, [(200, {"cards": []})]),
    ],
)
def test_a_region_of_another_release_is_named(
    fronts: Fronts,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    question: dict[str, Any],
    answers: list[tuple[int, Any]],
) -> None:
    for status, told in answers:
        monkeypatch.setattr(
            fronts.transports["r1"], "handle_async_request", answering(status, told)
        )
        with fronts.fresh() as fresh:
            got = fresh.gateway.request(method, path, json=question)
        assert (got.status_code, got.json()["code"]) == (503, "regions_differ")
        assert "Region `r1` does not understand the gateway" in got.json()["detail"]


def test_a_shop_is_taken_from_the_region_that_has_it(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another region says matters only if none has the shop."""
    busy = {"code": "busy", "errors": [], "detail": "later"}
    monkeypatch.setattr(fronts.transports["r1"], "handle_async_request", answering(503, busy))
    with fronts.fresh() as fresh:
        assert fresh.gateway.get("/v1/merchants/m1", params=AT).status_code == 200
        for shop_id in ("m0", "nobody"):
            assert fresh.gateway.get(f"/v1/merchants/{shop_id}", params=AT).status_code == 503


def test_the_work_of_all_habits_counts(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each habit reaches four shops at every quarter hour of 28 days, wherever it is."""
    work = 4 * 28 * 96
    west, east = HABIT, HABIT | {"lng": 20.0}
    wrong = HABIT | {"when": "whenever"}
    for most, habits, code in (
        (2 * work, [west, east], None),
        (2 * work - 1, [west, east], "too_many"),
        (2 * work, [west, east, west], "too_many"),
        (work - 1, [west, wrong, east], "too_many"),
        (work, [west, wrong, east], "unreadable_hours"),
        (work, [west, east, wrong], "too_many"),
    ):
        monkeypatch.setattr(handlers, "WORTH_WORK", most)
        one, _ = fronts.same("POST", "/v1/cards:worth", json={"habits": habits, **AT})
        assert (one.status_code == 200) == (code is None), one.text
        if code is not None:
            assert one.json()["errors"][0]["code"] == code


ASKED = [
    ("GET", f"{NEARBY}?{urlencode(WEST)}", None),
    ("POST", NEARBY, WEST | {"bbox": [-21, 30, -19, 32]}),
    ("POST", NEARBY, EAST | {"bbox": WORLD}),
    ("POST", NEARBY, EAST | {"zone": "both"}),
    ("POST", BATCH, {"queries": [WEST]}),
    ("POST", "/v1/merchants/m0/why", WEST),
    ("POST", "/v1/cards:worth", {"habits": [HABIT], **AT}),
    ("GET", "/v1/programs", None),
    ("GET", "/v1/merchants/m0", None),
    ("GET", "/readyz", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_another_region_at_an_address_is_told(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Any
) -> None:
    """Else an answer would lack the shops of one region, and have those of another one twice."""
    here = fronts.transports["r1"]
    for found, name in ((fronts.transports["r2"], "region `r2`"), (whole(fronts), "an index of")):
        monkeypatch.setattr(here, "handle_async_request", found.handle_async_request)
        with fronts.fresh() as fresh:
            got = fresh.gateway.request(method, path, json=body)
        told = got.json()
        if got.status_code == 200:  # An index of all shops answers for one region, too.
            assert name == "an index of"
            assert plain(got.content) == plain(fronts.one.request(method, path, json=body).content)
        else:
            assert (got.status_code, told["code"]) == (503, "region_down")
            assert f"Region `r1` cannot be reached: at its address is {name}" in told["detail"]


def whole(fronts: Fronts) -> httpx2.ASGITransport:
    return httpx2.ASGITransport(application(fronts.whole))


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
@pytest.mark.parametrize(
    "found",
    [(404, {"html": "<html>"}), (502, {"json": {"code": "x"}}), (302, {"text": ""})],
    ids=str,
)
def test_another_service_at_an_address_is_told(
    fronts: Fronts,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: Any,
    found: tuple[int, dict[str, Any]],
) -> None:
    async def handle(request: Any) -> httpx2.Response:
        return httpx2.Response(found[0], **found[1])

    for transport in fronts.transports.values():
        monkeypatch.setattr(transport, "handle_async_request", handle)
    with fronts.fresh() as fresh:
        got = fresh.gateway.request(method, path, json=body)
    assert (got.status_code, got.json()["code"]) == (503, "region_down")
    assert "at its address is another service" in got.json()["detail"]


def test_a_page_instead_of_json_is_told(fronts: Fronts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def handle(request: Any) -> httpx2.Response:
        return httpx2.Response(200, html="<html>")

    monkeypatch.setattr(fronts.transports["r1"], "handle_async_request", handle)
    for path in ("/v1/programs", "/v1/index", "/v1/density?bbox=0,0,9,9&cells=16", "/readyz"):
        got = fronts.gateway.get(path)
        assert (got.status_code, got.json()["code"]) == (503, "regions_differ"), path


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/v1/zones?lat=31&lng=20", "/land.geojson"]
)
def test_any_region_answers_for_one_that_is_down(
    fronts: Fronts, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """It is down for a proxy, which says so, or for the gateway, which cannot connect."""
    down = {"code": "region_down", "errors": [], "detail": "Region `r1` cannot be reached"}

    async def unconnected(request: Any) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    for handle in (answering(503, down), answering(504, down), unconnected):
        monkeypatch.setattr(fronts.transports["r1"], "handle_async_request", handle)
        fronts.same("GET", path)
    monkeypatch.setattr(
        fronts.transports["r2"], "handle_async_request", answering(503, down | {"detail": "both"})
    )
    got = fronts.gateway.get(path)
    assert (got.status_code, got.json()["code"]) == (503, "region_down")


@pytest.mark.parametrize("name", ["accept", "accept-language", "x-request-id"])
def test_headers_need_not_be_ascii(fronts: Fronts, name: str) -> None:
    fronts.same("GET", f"{NEARBY}?{urlencode(WEST)}", headers=[(name.encode(), b"\xe4\xb8, zh")])


@pytest.mark.parametrize("path", ["/v1/merchants/../../metrics", "/v1/merchants/./m0"])
def test_dots_of_a_path_are_parts_of_an_id(fronts: Fronts, path: str) -> None:
    """Else anybody could ask a region for anything, with the rights of the gateway."""
    scope = {"path": path, "raw_path": path.encode(), "query_string": b"", "headers": []}
    asked = Asked({"type": "http", **scope}, None, 0)  # type: ignore[arg-type]
    regions = Regions([RegionAddress("r1", None, "http://region")], fronts.transports)
    fronts.transports["r1"].paths.clear()
    response = asyncio.run(regions.ask_part("r1", "GET", asked))
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert fronts.transports["r1"].paths == [path]
