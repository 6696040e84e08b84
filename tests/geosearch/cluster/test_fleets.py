"""Regions behind HAProxy answer every question as one index does, and outlive their processes.

`GEOSEARCH_ROUTED` sets how many questions a run asks; from 1,000 on it asks so many of each cut.
`GEOSEARCH_REGION_KILLS` sets how many processes are killed under load.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from random import Random
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from geosearch.service.openapi import openapi_document
from geosearch.service.settings import Settings
from tests.generators import wrapped
from tests.geosearch.asking import connected
from tests.geosearch.cluster.fleets import FAR_AREAS, Answered, Fleet, fleet, recent_world, through
from tests.geosearch.cluster.gateway_fronts import plain
from tests.geosearch.cluster.region_worlds import Cut
from tests.geosearch.waiting import until

ROUTED = int(os.environ.get("GEOSEARCH_ROUTED", "100"))
KILLS = int(os.environ.get("GEOSEARCH_REGION_KILLS", "2"))
FEW = ROUTED < 1_000
CASES = (
    [("antimeridian", 2)]
    if FEW
    else [("city", 1), ("antimeridian", 2), ("city", 5), ("antimeridian", 9), ("worldwide", 5)]
)
AREAS = ("zone", "bbox", "polygon", "ids")
FIELDS = ("merchant.name,distance_m", "merchant.merchant_id,best_deal", "open,reasons,score")
LONGEST_URL = 8_000
NEXT_CHECK_S = 1.1
"""The proxy checks each second, and must see the one that is back before the other dies."""


@pytest.fixture(scope="module", params=CASES, ids=str)
def regions(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    kind, count = request.param
    folder = tmp_path_factory.mktemp(kind)
    world = recent_world(Random(f"{kind} {count}"), kind, 250 if FEW else 500)
    cut = Cut(world, count, folder)
    with fleet(cut, folder, ["r1", "gateway"] if count > 1 else []) as made:
        yield made


class Asking:
    """Questions at random to one index and through the proxy, and what came of them."""

    def __init__(self, regions: Fleet, connection: HTTPConnection, rng: Random) -> None:
        self.regions, self._connection, self._rng = regions, connection, rng
        self._headers: dict[str, str] = {}
        self.done: Counter[str] = Counter()
        self.differences: list[Any] = []

    def same(self, path: str, body: dict[str, Any] | None = None) -> list[Answered]:
        """Ask both for the first page, by GET without a body."""
        self._headers = {}
        one, got = self._same([(path, body)] * 2)
        self.done["found"] += b'"results":[{' in got.body or b'"features":[{' in got.body
        self.done["near"] += b'"near_misses":[{' in got.body
        self.done["words"] += b'"corrected":{' in got.body or b'"relaxed"' in got.body
        self.done["combined"] += b'"best_combination":{' in got.body
        self.done["refused"] += got.status == 400
        return [one, got]

    def _same(self, asked: list[tuple[str, dict[str, Any] | None]]) -> list[Answered]:
        """Ask both; they answer the same, but for cursors, which each has its own.

        Where a region says that another one has the area, the gateway answers, also further pages.
        """
        one = self.regions.of_one(*asked[0])
        path, body = asked[1]
        got = through(self._connection, path, body, **self._headers)
        if got.status == 421:
            self._check_moved(one, got)
            self._headers = {"X_Region": "*"}
            got = through(self._connection, path, body, **self._headers)
        if got[:2] != one[:2] or plain(got.body) != plain(one.body):
            self.differences.append((asked[1], got, one))
        return [one, got]

    def _check_moved(self, one: Answered, got: Answered) -> None:
        """A text names a business area of another region, and the problem says of which."""
        told = json.loads(got.body)
        assert told["code"] == "misdirected"
        assert told["errors"][0]["pointer"] == "/q"
        assert told["region_id"] in self.regions.cut.regions
        assert b'"around":{' in one.body
        self.done["moved"] += 1

    def nearby(self, question: dict[str, Any], is_read: bool) -> None:
        """A question by POST and by GET, and its pages to the end if it `is_read`."""
        if is_read:
            question |= {"limit": self._rng.choice((2, 5, 20))}
        path = self._url(question)
        if path is not None:
            self.same(path)
            self.done["by GET"] += 1
        answers = self.same("/v1/nearby", question)
        while is_read and all(cursors := [cursor_of(each.body) for each in answers]):
            answers = self._same(self._next_page(question | {"near_misses": 0}, cursors))
            self.done["pages"] += 1

    def _next_page(
        self, question: dict[str, Any], cursors: list[str]
    ) -> list[tuple[str, dict[str, Any] | None]]:
        """The next page of each, by the cursor that each told."""
        path = self._url(question) if self._rng.random() < 0.5 else None
        if path is not None:
            return [(f"{path}&cursor={cursor}", None) for cursor in cursors]
        return [("/v1/nearby", question | {"cursor": cursor}) for cursor in cursors]

    def _url(self, question: dict[str, Any]) -> str | None:
        """The question as a URL; None if it needs a body."""
        lists = [value for value in question.values() if isinstance(value, list)]
        items = [one for values in lists for one in values if isinstance(one, str)]
        if "polygon" in question or any("," in one or one != one.strip() for one in items):
            return None
        if self._rng.random() < 0.2 and "ids" in question:  # The other way to write lists.
            question = {("ids[]" if key == "ids" else key): v for key, v in question.items()}
        pairs = {key: in_url(value) for key, value in question.items()}
        path = f"/v1/nearby?{urlencode(pairs, quote_via=quote)}"
        return path if len(path) < LONGEST_URL else None

    def question(self) -> dict[str, Any]:
        """A question of any kind: with a radius, on borders, in halos; or with an area only."""
        rng, cut = self._rng, self.regions.cut
        question = cut.question(rng)
        if rng.random() < 0.2:
            question["lng"] = wrapped(rng.choice(cut.borders) + rng.uniform(-0.6, 0.6))
        if rng.random() < 0.05:
            question["lng"] = rng.choice((180.0, -180.0))
        if rng.random() < 0.35:
            del question["radius"]
            if not set(AREAS) & set(question):
                side = rng.choice((0.3, 2.0, 400.0))
                east = min(180.0, question["lng"] + side)
                north = min(90.0, question["lat"] + side)
                box = (max(-180.0, east - 2 * side), max(-90.0, north - 2 * side), east, north)
                question["bbox"] = list(box)
        if rng.random() < 0.05:
            question["q"] = rng.choice(FAR_AREAS)
        if rng.random() < 0.2:
            question["fields"] = rng.choice(FIELDS).split(",")
        if rng.random() < 0.1:
            question["format"] = "geojson"
        if rng.random() < 0.05:
            question[rng.choice(("lat", "limit", "radius", "sort"))] = rng.choice((-1, "x", 1e9))
        return question

    def batch(self) -> None:
        """Several questions in one body."""
        questions = [self.question() | {"limit": 5} for _ in range(self._rng.randint(1, 8))]
        for question in questions:
            question.pop("format", None)
        self.same("/v1/nearby:batch", {"queries": questions})
        self.done["batches"] += 1

    def inquiry(self) -> None:
        """Why a shop is in an answer or not, or what cards are worth."""
        rng, cut = self._rng, self.regions.cut
        question = self.question()
        if rng.random() < 0.6:
            shop = quote(str(rng.choice(cut.world.merchants)["merchant_id"]), safe="")
            self.same(f"/v1/merchants/{shop}/why", question)
            path = (self._url(question) or "").partition("?")[2]
            if path:
                self.same(f"/v1/merchants/{shop}/why?{path}")
        else:
            habit = {"when": rng.choice(("24/7", "Mo-Fr 12:00-13:00")), "visits": 9, "spend": 4_000}
            places = [cut.question(rng) for _ in range(rng.randint(1, 4))]
            habits = [habit | {name: one[name] for name in ("lat", "lng")} for one in places]
            cards = [card["program_id"] for card in cut.world.programs[:1]]
            at = cut.world.now.isoformat()
            self.same("/v1/cards:worth", {"habits": habits, "at": at, "cards": cards})
        self.done["inquiries"] += 1

    def listing(self) -> None:
        """A question of another route."""
        rng, cut = self._rng, self.regions.cut
        row = rng.choice(cut.world.merchants)
        lat, lng = row["lat"], row["lng"]
        west, south = max(-180.0, lng - 2), max(-90.0, lat - 2)
        box = f"{west},{south},{min(180.0, lng + 1)},{min(90.0, lat + 1)}"
        at = quote(cut.world.now.isoformat())
        cards = ",".join(card["program_id"] for card in cut.world.programs[:2])
        text = quote(rng.choice(cut.names or ["x"])[: rng.randint(1, 6)])
        name = quote(str(row["merchant_id"]), safe="")
        path = rng.choice(
            (
                f"/v1/suggest?q={text}&lat={lat}&lng={lng}&radius=50000",
                f"/v1/suggest?q={text}&lat={lat}&lng={rng.choice(cut.borders)}&limit=3&lang=zh",
                f"/v1/merchants/{name}?at={at}",
                f"/v1/merchants/{name}?at={at}&lat={lat}&lng={lng}&cards={quote(cards)}",
                f"/v1/merchants/{name}x",
                f"/v1/density?bbox={box}&cells={rng.choice((1, 7, 32))}",
                f"/v1/zones?lat={lat}&lng={lng}&at={at}",
                f"/v1/zones?bbox={box}&at={at}",
                f"/v1/programs{rng.choice(('', '?x=1'))}",
                f"/v1/categories?lang={rng.choice(('en', 'zh', 'xx'))}",
            )
        )
        self.same(path)
        self.done["listings"] += 1


def cursor_of(body: bytes) -> str:
    """The cursor of the next page; nothing at the end."""
    found = re.search(rb'"next_cursor":"([^"]+)"', body)
    return found[1].decode() if found else ""


def in_url(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def test_every_question_is_answered_as_by_one_index(regions: Fleet) -> None:
    with connected(regions.port) as connection:
        asking = Asking(regions, connection, Random(21))
        for number in range(ROUTED):
            if number % 10 == 7:
                asking.inquiry()
            elif number % 10 == 8:
                asking.batch()
            elif number % 10 == 9:
                asking.listing()
            else:
                asking.nearby(asking.question(), number % 7 == 0)
        for _, body in some_questions(regions):
            if body is not None and "queries" not in body:
                asking.nearby(body, True)
    done = asking.done
    differences = asking.differences
    print(
        f"{len(regions.cut.regions)} regions, {ROUTED} questions, {len(differences)} differ", done
    )
    assert not differences, differences[:3]
    least = {
        "found": 0.2,
        "by GET": 0.4,
        "pages": 0.1,
        "near": 0.02,
        "words": 0.02,
        "batches": 0.1,
    }
    for kind, share in least.items():
        assert done[kind] >= ROUTED * share, done
    assert FEW or len(regions.cut.regions) == 1 or done["moved"] > 0, done
    assert done["moved"] < ROUTED / 10, done


def test_a_region_tells_of_all_and_refuses_the_others(regions: Fleet) -> None:
    cut = regions.cut
    if len(cut.regions) == 1:
        pytest.skip("one region, so there are no others")
    with connected(regions.port) as connection:
        told = json.loads(through(connection, "/v1/regions", X_Region="r2").body)
        index = json.loads(through(connection, "/v1/index", X_Region="r1").body)
    assert (told["region_id"], index["region_id"]) == ("r2", "r1")
    schemas = openapi_document(Settings())["components"]["schemas"]
    assert set(told) == set(schemas["Regions"]["properties"])
    assert [each["properties"]["region_id"] for each in told["features"]] == list(cut.regions)
    row = next(
        row for row in cut.world.merchants if cut.regional.owner(row["lat"], row["lng"]) == "r2"
    )
    place = {"lat": row["lat"], "lng": row["lng"]}
    for path, body_of, pointer in (
        ("/v1/nearby", place, "/lat"),
        ("/v1/nearby:batch", {"queries": [place]}, "/queries/0/lat"),
        (f"/v1/suggest?q=s&{urlencode(place)}", None, "/lat"),
    ):
        with connected(regions.port) as connection:
            got = through(connection, path, body_of, X_Region="r1")
        problem = json.loads(got.body)
        assert (got.status, problem["code"], problem["region_id"]) == (421, "misdirected", "r2")
        assert problem["errors"][0]["pointer"] == pointer


class Load:
    """Questions whose answers are known, asked without a pause by some threads."""

    def __init__(self, regions: Fleet, asked: list[tuple[str, dict[str, Any] | None]]) -> None:
        self._port = regions.port
        self._asked = [(*each, plain(regions.of_one(*each).body)) for each in asked]
        self._stopping = threading.Event()
        self._threads = [Thread(target=self._ask, args=(number,)) for number in range(4)]
        self.answers = 0
        self.faults: list[Any] = []

    def _ask(self, number: int) -> None:
        rng = Random(number)
        with connected(self._port) as connection:
            while not self._stopping.is_set():
                path, body, expected = rng.choice(self._asked)
                try:
                    got = through(connection, path, body)
                except (OSError, HTTPException) as error:
                    self.faults.append((path, body, repr(error)))
                    connection.close()
                    continue
                self.answers += 1
                if got.status != 200 or plain(got.body) != expected:
                    self.faults.append((path, body, got))
                if number % 2:  # Every other one connects anew for each question.
                    connection.close()
                time.sleep(0.02)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()


def some_questions(regions: Fleet) -> list[tuple[str, dict[str, Any] | None]]:
    """A question about each region, about all of them, a batch of both, and a shop."""
    cut = regions.cut
    at = cut.world.now.isoformat()
    own = {
        cut.regional.owner(row["lat"], row["lng"]): {"lat": row["lat"], "lng": row["lng"], "at": at}
        for row in cut.world.merchants
    }
    near = [own[name] | {"radius": 50_000.0} for name in cut.regions]
    wide = near[0] | {"bbox": [-180.0, -90.0, 180.0, 90.0], "total": True}
    del wide["radius"]
    shop = quote(str(cut.world.merchants[0]["merchant_id"]), safe="")
    urls = [f"/v1/nearby?{urlencode(each, quote_via=quote)}" for each in near]
    return [
        *((url, None) for url in urls),
        *(("/v1/nearby", each) for each in [*near, wide]),
        ("/v1/nearby:batch", {"queries": [*near, wide]}),
        (f"/v1/merchants/{shop}?at={quote(at)}", None),
    ]


def test_a_process_that_dies_costs_no_request(regions: Fleet) -> None:
    if not regions.twins:
        pytest.skip("of nothing there are two")
    rng = Random(KILLS)
    # Of two alike one lives. The last ones stay dead: a start takes seconds.
    killed = [*(rng.choice(regions.twins) for _ in range(KILLS - 2)), "r1", "gateway-2"]
    with Load(regions, some_questions(regions)) as load:
        for number, name in enumerate(killed):
            regions.processes.kill(name)
            enough = load.answers + 50
            until(lambda enough=enough: load.answers > enough)  # type: ignore[misc]
            if number < KILLS - 2:
                regions.processes.start_again(name)
                until(lambda name=name: regions.is_ready(name))  # type: ignore[misc]
                time.sleep(NEXT_CHECK_S + rng.random() / 2)
    print(f"{KILLS} kills, {load.answers} answers, {len(load.faults)} faults")
    assert not load.faults, load.faults[:3]


def test_a_region_that_is_lost_is_named_and_the_others_answer(regions: Fleet) -> None:
    """The last test of the module: the region stays lost."""
    cut = regions.cut
    if len(cut.regions) == 1:
        pytest.skip("one region, so there are no others")
    lost = next(name for name in cut.regions if name not in regions.twins)
    regions.processes.kill(lost)
    # Its workers end a moment later.
    until(lambda: not regions.is_ready(lost))
    with connected(regions.port) as connection:
        for path, body in some_questions(regions):
            if "merchants" in path:
                continue  # Whichever region has the shop.
            got = through(connection, path, body)
            place = body or dict(parse_qsl(path.partition("?")[2]))
            owner = None
            if "radius" in place:
                owner = cut.regional.owner(float(place["lat"]), float(place["lng"]))
            if owner not in (None, lost):
                assert plain(got.body) == plain(regions.of_one(path, body).body)
                continue
            told = json.loads(got.body)
            assert (got.status, told["code"]) == (503, "region_down"), (path, body, told)
            assert f"`{lost}`" in told["detail"]
            assert got.headers[0] == "application/problem+json"
        for path in ("/v1/zones?lat=1&lng=2", "/healthz", "/v1/regions"):
            assert through(connection, path).status == 200
