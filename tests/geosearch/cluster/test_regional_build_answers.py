"""What a region answers is what one index answers, byte for byte but for the time it took.

`GEOSEARCH_REGION_QUESTIONS` sets how many questions a run asks of each world.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from geosearch.errors import BadRequest, Misdirected
from geosearch.query.cursor import fingerprint, read_cursor, write_cursor
from geosearch.query.query import Query
from geosearch.suggest.suggester import SuggestQuery
from geosearch.text import segment_terms
from tests.generators import make_world
from tests.geosearch.cluster.region_worlds import Cut, answer, asked, spread
from tests.geosearch.small_city import shop, small_world

QUESTIONS = int(os.environ.get("GEOSEARCH_REGION_QUESTIONS", "60"))
KINDS = ("city", "antimeridian", "north_pole", "worldwide", "crumbs", "many_programs")
REGIONS = (1, 2, 5, 9)
FEW = [("city", 3), ("antimeridian", 2)]
CASES = FEW if QUESTIONS < 1_000 else [(kind, number) for kind in KINDS for number in REGIONS]


@pytest.fixture(scope="module", params=CASES, ids=str)
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    kind, regions = request.param
    rng = Random(f"{kind} {regions}")
    world = spread(rng, make_world(rng, kind, 400 if QUESTIONS >= 1_000 else 250))
    cut = Cut(world, regions, tmp_path_factory.mktemp(kind))
    held = [len(engine.segments[0]) for engine in cut.regions.values()]
    # A region that held all shops would answer as one index however wrong it was.
    assert regions == 1 or "pole" in kind or min(held) < len(cut.one.segments[0])
    return cut


def test_answers_are_those_of_one_index(cut: Cut) -> None:
    rng = Random(7)
    done = dict.fromkeys(("asked", "found", "pages", "moved", "corrected", "near"), 0)
    while done["asked"] < QUESTIONS:
        try:
            query = asked(cut.question(rng))
        except BadRequest:
            continue
        done["asked"] += 1
        expected, got = answer(cut.one, query), answer(cut.of(query), query)
        if got is None:
            assert expected is not None
            assert b'"around":{' in expected
            done["moved"] += 1
            continue
        assert got == expected, query
        done["found"] += b'"results":[{' in got
        done["corrected"] += b'"corrected":{' in got
        done["near"] += b'"near_misses":[{' in got
        while found := re.search(rb'"next_cursor":"([^"]+)"', got):
            cursor = found[1].decode()
            query = msgspec.structs.replace(query, cursor=cursor, near_misses=0)
            expected, got = answer(cut.one, query), answer(cut.of(query), query)
            assert got == expected, query
            assert got is not None
            done["pages"] += 1
            if done["pages"] > 3 * QUESTIONS:
                break
    # A world as large as the Earth has few shops near any place.
    assert done["found"] > QUESTIONS / 16, done
    assert done["pages"] > QUESTIONS / 20 or cut.world.kind == "worldwide", done


def test_batches_are_those_of_one_index(cut: Cut) -> None:
    rng = Random(8)
    for _ in range(3):
        batch: list[Query] = []
        while len(batch) < 20:
            try:
                batch.append(asked(cut.question(rng)))
            except BadRequest:
                continue
        engine = cut.of(batch[0])
        own = [query for query in batch if cut.of(query) is engine]
        pages = zip(engine.pages(own), cut.one.pages(own), strict=True)
        for got, expected in pages:
            if got is not None:
                assert expected is not None
                assert not isinstance(got, Exception)
                assert not isinstance(expected, Exception)
                assert got.results == expected.results
                assert msgspec.structs.replace(got.answer, took_us=0) == msgspec.structs.replace(
                    expected.answer, took_us=0
                )


def test_suggestions_are_those_of_one_index(cut: Cut) -> None:
    rng = Random(9)
    found = 0
    for _ in range(QUESTIONS):
        query = cut.question(rng)
        name = rng.choice(cut.names or ["x"])
        asked_of = SuggestQuery(
            q=name[: rng.randint(1, 6)], lat=query["lat"], lng=query["lng"], radius=query["radius"]
        )
        engine = cut.regions[str(cut.regional.owner(asked_of.lat, asked_of.lng))]
        got, expected = engine.suggest(asked_of), cut.one.suggest(asked_of)
        assert got.suggestions == expected.suggestions
        assert got.outside_coverage == expected.outside_coverage
        found += bool(got.suggestions)
    assert found > QUESTIONS / 10


def worded(tmp_path: Path, west: list[str], east: list[str]) -> Cut:
    """Shops by name, in a western and an eastern region."""
    world = small_world()
    rows = [(-20.0, name) for name in west] + [(20.0, name) for name in east]
    world.merchants = [
        shop(number, lng=lng, lat=31.0, name=name) for number, (lng, name) in enumerate(rows)
    ]
    world.deals = []
    cut = Cut(world, 2, tmp_path)
    assert len(cut.regions["r2"].segments[0]) == len(east)
    return cut


def test_a_bound_on_readings_counts_shops_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A union takes no further reading after so many documents, wherever they are."""
    cut = worded(tmp_path, ["Coffee"] * 15, ["Toffe"] * 15)
    query = Query(lat=31.0, lng=20.0, at=cut.world.now, q="coffe")
    assert b'"Toffe"' in (answer(cut.of(query), query) or b"")
    monkeypatch.setattr(segment_terms, "CLOSE_DOCS", 10)
    one, regions = cut.opened_again()
    got = answer(regions["r2"], query)
    assert got == answer(one, query)
    assert b'"Toffe"' not in (got or b"")


def test_relevance_adds_up_in_the_order_of_one_index(tmp_path: Path) -> None:
    """Sums of three numbers round by their order, so words have the same one everywhere."""
    west = ["red"] * 2 + ["blue"] * 12 + ["gold"] * 30
    east = ["red blue gold", *["red"] * 6, *["blue"] * 3, *["gold red blue"] * 6, *["x"] * 20]
    cut = worded(tmp_path, west, east)
    weights = [
        engine._rewriter.as_typed("red gold blue").lists[0].weight.tolist()
        for engine in (cut.one, cut.regions["r2"])
    ]
    assert len(weights[0]) == 3
    assert weights[0] == weights[1]
    query = Query(lat=31.0, lng=20.0, at=cut.world.now, q="red gold blue", sort="relevance")
    assert answer(cut.of(query), query) == answer(cut.one, query)


def test_an_area_of_another_region_is_named(tmp_path: Path) -> None:
    """The places of areas, and ids, are known everywhere; what lies there is refused whole."""
    world = small_world()
    world.merchants = [
        shop(number, lng=lng, business_area=area)
        for number, (lng, area) in enumerate([(-20.0, "West End"), (20.0, "East Side")] * 3)
    ]
    for row in (world.merchants[3], world.merchants[5]):
        row["name"] = "West End Grill"
    world.deals = []
    cut = Cut(world, 2, tmp_path)
    at: dict[str, Any] = {"lat": 31.0, "lng": 20.0, "at": world.now}
    east = cut.of(Query(**at))
    assert b'"business_area":"East Side"' in (answer(east, Query(**at, q="east side")) or b"")
    with pytest.raises(Misdirected, match="business area 'West End' of region `r1`") as refused:
        east.page(Query(**at, q="West End"))
    assert refused.value.region_id == "r1"
    assert refused.value.errors[0]["pointer"] == "/q"
    nearby = Query(**at, q="East Side", limit=1)
    end = east.page(nearby).answer.next_cursor
    assert end is not None
    # The area lies in the region, so the page after it does, too.
    assert east.page(msgspec.structs.replace(nearby, cursor=end)).count == 1
    # Two shops are called like the area elsewhere: the second page is no more there than the first.
    grill = Query(**at, q="west end", limit=1)
    for _ in range(2):
        following = east.page(grill).answer.next_cursor
        assert answer(east, grill) == answer(cut.one, grill)
        grill = msgspec.structs.replace(grill, cursor=following)
    beyond = Query(**at, q="West End", limit=1)
    moved = cut.one._contents.moved(beyond)
    assert moved is not None
    forged = msgspec.structs.replace(read_cursor(end), question=fingerprint(moved.query))
    with pytest.raises(Misdirected, match="business area 'West End' of region `r1`"):
        east.page(msgspec.structs.replace(beyond, cursor=write_cursor(forged)))
    with pytest.raises(Misdirected, match="a position of region `r1`"):
        east.page(Query(lat=31.0, lng=-20.0, at=world.now))
    asked_more: list[dict[str, Any]] = [
        {"business_area": ("West End", "nowhere")},
        {"ids": ("m0", "m1", "no")},
    ]
    for more in asked_more:
        query = Query(**at, radius=3_000.0, **more)
        assert answer(east, query) == answer(cut.one, query)
    assert east.page(Query(**at, radius=3_000.0, ids=("m0", "no"))).answer.unknown_ids == ("no",)
    # Without a radius the answer is of the region's own shops: the gateway merges them.
    assert east.page(Query(lat=31.0, lng=-20.0, at=world.now, ids=("m1",))).count == 1


def test_pages_near_a_border_go_on_where_the_text_names_an_area_beyond(tmp_path: Path) -> None:
    """The area lies on both sides, its middle in the west; the east shows its own shops of it."""
    world = small_world()
    world.merchants = [
        shop(number, lng=lng, business_area="West End")
        for number, lng in enumerate([-0.5, -0.4, -0.3, -0.2, 0.2, 0.3, 0.4])
    ]
    world.deals = []
    cut = Cut(world, 2, tmp_path)
    query = Query(lat=31.0, lng=0.3, at=world.now, q="West End", radius=15_000.0, limit=1)
    found = 0
    while True:
        got = answer(cut.of(query), query)
        assert got == answer(cut.one, query)
        found += 1
        cursor = re.search(rb'"next_cursor":"([^"]+)"', got or b"")
        if cursor is None:
            break
        query = msgspec.structs.replace(query, cursor=cursor[1].decode())
    assert found == 3
