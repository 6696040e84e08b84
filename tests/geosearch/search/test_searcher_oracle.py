"""The engine against the oracle: tens of thousands of questions about small, nasty worlds.

Snapshots are written, built and opened as in earnest, then asked; what is compared is in
`tests.comparison`. `GEOSEARCH_COMPARISONS` sets how many questions a run asks, so that the same
file also runs where kernels are slow: as plain Python (`NUMBA_DISABLE_JIT=1`) and with bounds
checks (`NUMBA_BOUNDSCHECK=1`), which `test_modes` does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.kernel import filters
from geosearch.search import plan
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import current
from tests.comparison import Duel, to_query
from tests.generators import (
    CENTRES,
    EVERYWHERE,
    KINDS,
    NOWHERE_ELSE,
    SIZES,
    World,
    make_geometry,
    make_world,
    some_position,
)
from tests.geosearch.number_worlds import trees_without
from tests.geosearch.search.driving import driven_by, filters_kept_after, trees_for_all_cards
from tests.oracles import from_wgs84
from tests.questions import make_request

QUESTIONS = int(os.environ.get("GEOSEARCH_COMPARISONS", "24000"))
SHORT = QUESTIONS < 10_000
WORLDS_A_KIND = 3 if not SHORT else 1
CASES = [(kind, number) for kind in KINDS for number in range(WORLDS_A_KIND)]
QUESTIONS_A_WORLD = max(1, QUESTIONS // len(CASES))
LISTS = (0, plan.DRIVER_DOCS, 4)
EXAMPLES = 20 if not SHORT else 2


def size_of(kind: str, number: int) -> int:
    """Merchants of a world: a few hundred, then one that straddles a leaf or node."""
    if SHORT:
        return 120
    return 300 if number == 0 else SIZES[(KINDS.index(kind) * 7 + number * 11) % len(SIZES)]


def interrogate(duel: Duel, rng: Random, questions: int) -> dict[str, int]:
    """Ask and compare; return how many comparisons of each kind were made."""
    done = dict.fromkeys(("rank", "search", "pages", "found", "total", "facets"), 0)
    for number in range(questions):
        request = make_request(rng, duel.world)
        expected = duel.check_rank(request)
        done["rank"] += 1
        done["found"] += bool(expected)
        done["total"] += request["total"]
        done["facets"] += bool(request["facets"])
        if number % 4 == 0:
            duel.check_search(request, expected)
            done["search"] += 1
        if number % 16 == 0:
            done["pages"] += duel.check_pages(request, expected)
    return done


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_world(kind: str, number: int, tmp_path: Path) -> None:
    rng = Random(f"{kind} {number}")
    size = size_of(kind, number)
    with trees_for_all_cards() if number % 2 == 0 else nullcontext():
        duel = Duel(make_world(rng, kind, size), tmp_path)
    # Kept from the first time on, kept as shipped, never kept.
    kept = (0, filters.ASKED_BEFORE, QUESTIONS)[(number + KINDS.index(kind) // 3) % 3]
    with driven_by(LISTS[(number + KINDS.index(kind)) % 3]), filters_kept_after(kept):
        done = interrogate(duel, rng, QUESTIONS_A_WORLD)
    assert done["rank"] == QUESTIONS_A_WORLD
    assert done["search"] >= QUESTIONS_A_WORLD // 4
    assert done["pages"] >= QUESTIONS_A_WORLD // 16
    if QUESTIONS_A_WORLD >= 100:
        assert done["total"] > 0.5 * QUESTIONS_A_WORLD
        assert done["facets"] > 0.5 * QUESTIONS_A_WORLD
        assert done["found"] > (0.15 * QUESTIONS_A_WORLD if size > 50 else -1)
        assert duel.fields_compared > (0.03 * QUESTIONS_A_WORLD if size > 50 else -1)


def test_a_run_asks_as_much_as_it_says() -> None:
    assert QUESTIONS_A_WORLD * len(CASES) >= QUESTIONS * 0.9
    assert {kind for kind, _ in CASES} == set(KINDS)


@pytest.mark.parametrize("size", [size for size in SIZES if size < 34])
@pytest.mark.skipif(SHORT, reason="many builds; sizes are the same in every mode")
def test_size(size: int, tmp_path: Path) -> None:
    rng = Random(size)
    duel = Duel(make_world(rng, "city", size), tmp_path)
    with driven_by(LISTS[size % 3]):
        assert interrogate(duel, rng, 60)["rank"] == 60


@pytest.mark.parametrize("kind", ["city", "many_programs", "narrow_hours"])
@pytest.mark.skipif(SHORT, reason="large worlds are for compiled kernels")
def test_tall_tree(kind: str, tmp_path: Path) -> None:
    """Four levels of nodes: 16 ** 3 merchants and some."""
    rng = Random(f"tall {kind}")
    with trees_for_all_cards():
        duel = Duel(make_world(rng, kind, 4_200), tmp_path)
    with driven_by(rng.choice((0, 100))):
        assert interrogate(duel, rng, 50)["rank"] == 50


@pytest.mark.parametrize("sort", ["best", "distance", "saving", "rating"])
def test_ties(sort: str, tmp_path: Path) -> None:
    """Few positions, mirrored east and west: whole nodes tie, and only `merchant_id` decides."""
    duel = Duel(make_world(Random("ties"), "crumbs", 300), tmp_path)
    places = {(row["lat"], row["lng"]) for row in duel.world.merchants}
    limits = range(1, 100, 3 if not SHORT else 49)
    with driven_by(0):
        for lat, lng in sorted(places):
            request = {"lat": lat, "lng": lng, "at": duel.world.now.isoformat(), "sort": sort}
            for limit in limits:
                duel.check_rank({**request, "limit": limit})
            duel.check_pages({**request, "limit": 7}, duel.oracle.expect(request))
    assert len(places) * len(limits) >= (198 if not SHORT else 12)


@given(rng=st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES)
def test_any_small_world(rng: Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    kind = rng.choice(KINDS)
    world = make_world(rng, kind, rng.choice((0, 1, 2, 3, 5)))
    duel = Duel(world, tmp_path_factory.mktemp("world"))
    with driven_by(rng.choice(LISTS)):
        assert interrogate(duel, rng, 5)["rank"] == 5


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Duel:
    """10,000 shops on one position: a card that all hold, and one that 0.01 % hold."""
    size = 10_000 if not SHORT else 200
    return Duel(make_world(Random("crowd"), "one_position", size), tmp_path_factory.mktemp("crowd"))


def test_crowd_on_one_position(crowd: Duel) -> None:
    rng, questions = Random("crowd asks"), 24 if not SHORT else 5
    assert interrogate(crowd, rng, questions)["rank"] == questions


@pytest.mark.parametrize("sort", ["best", "distance", "saving", "rating"])
@pytest.mark.parametrize("card", [EVERYWHERE, NOWHERE_ELSE])
def test_cards_at_both_ends(crowd: Duel, sort: str, card: str) -> None:
    row = crowd.world.merchants[0]
    at = crowd.world.now.isoformat()
    request = {"lat": row["lat"], "lng": row["lng"], "at": at, "sort": sort, "cards": [card]}
    expected = crowd.check_rank({**request, "total": True, "facets": ["program", "category"]})
    assert len(expected) <= 1 if card == NOWHERE_ELSE else True
    crowd.check_search(request, expected)
    if card == NOWHERE_ELSE and not SHORT:
        work = crowd.engine.search(to_query(request, explain=True)).explain
        assert work is not None
        assert work["work"]["docs"] < 100, "a rare card must drive the search"


@pytest.mark.parametrize("kind", ["city", "crumbs", "antimeridian", "many_programs"])
def test_two_segments(kind: str, tmp_path: Path) -> None:
    """Each half of the merchants is a segment of its own; the answer is that of the whole."""
    rng = Random(f"segments {kind}")
    duel = Duel(make_world(rng, kind, 150), tmp_path / "whole")
    with trees_for_all_cards():
        duel.engine = halved(duel, tmp_path)
    assert len(duel.engine.segments) == 2
    questions = 200 if not SHORT else 20
    assert interrogate(duel, rng, questions)["rank"] == questions


def half_of(world: World, half: int) -> World:
    """Every second merchant, and the deals as far as they concern those."""
    merchants = world.merchants[half::2]
    ids = {row["merchant_id"] for row in merchants}
    deals = []
    for deal in world.deals:
        here = [one for one in deal.get("merchant_ids", ()) if one in ids]
        if "brand" in deal:
            deals.append(deal)
        elif here:
            deals.append(deal | {"merchant_ids": here})
    return World(**{**vars(world), "merchants": merchants, "deals": deals})


@pytest.mark.parametrize("kind", ["city", "one_position"])
def test_live_bits(kind: str, tmp_path: Path) -> None:
    """A document whose bit is off is nowhere: not found, not counted, not on a page."""
    rng = Random(f"live {kind}")
    with trees_for_all_cards():
        duel = Duel(make_world(rng, kind, 150), tmp_path)
    (segment,) = duel.engine.segments
    gone = set(rng.sample(range(len(segment)), 50))
    segment._trees = trees_without(segment, gone)
    for merchant_id in duel.engine.merchant_ids(gone):
        del duel.oracle.shops[merchant_id]
    questions = 200 if not SHORT else 20
    for lists in LISTS:
        with driven_by(lists):
            assert interrogate(duel, rng, questions)["rank"] == questions


def test_rank_many_is_rank(tmp_path: Path) -> None:
    rng = Random("many")
    duel = Duel(make_world(rng, "city", 100), tmp_path)
    queries = [to_query(make_request(rng, duel.world)) for _ in range(200 if not SHORT else 5)]
    for one, many in zip(
        map(duel.engine.rank, queries), duel.engine.rank_many(queries), strict=True
    ):
        assert one.doc_ids.tolist() == many.doc_ids.tolist()
        assert one.keys.tolist() == many.keys.tolist()
        assert (one.total, one.facets) == (many.total, many.facets)


@pytest.mark.parametrize("crs", ["GCJ02", "BD09"])
def test_other_datums(crs: str, tmp_path: Path) -> None:
    """Rows and requests in another datum; two inversions may differ by a column unit, 1.1 cm."""
    rng = Random(crs)
    world = make_world(rng, "city", 60)
    world.envelope["crs"] = crs  # of zones too
    for row in world.merchants[:20]:
        row["crs"] = rng.choice(("WGS84", "GCJ02", "BD09"))
    duel = Duel(world, tmp_path, edge_m=0.05)
    compared = 0
    for _ in range(150 if not SHORT else 5):
        request = make_request(rng, world) | {"crs": crs, "sort": "distance"}
        expected = {one.shop.merchant_id: one for one in duel.oracle.expect(request)}
        answer = duel.engine.search(to_query(request, limit=100))
        found = {hit.merchant["merchant_id"]: hit for hit in answer.hits}
        certain = {name for name, one in expected.items() if not one.on_edge}
        assert found.keys() <= expected.keys()
        assert certain <= found.keys()
        for name, hit in found.items():
            assert hit.distance_m == pytest.approx(expected[name].distance_m, abs=0.03)
            compared += 1
    assert compared > (100 if not SHORT else 0)


SHENZHEN_RIVER = (22.5295, 114.1135)
"""At the outline: on the north bank positions are shifted, on the south bank not."""


@pytest.mark.parametrize("centre", [CENTRES["city"], SHENZHEN_RIVER, (37.5665, 126.978)])
@pytest.mark.parametrize("segments", [1, 2])
def test_areas_in_all_datums(
    centre: tuple[float, float], segments: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop is in a box, polygon or zone where the answer in its datum shows it there."""
    monkeypatch.setitem(CENTRES, "city", centre)
    rng = Random(f"areas {centre} {segments}")
    world = make_world(rng, "city", 250 if not SHORT else 60)
    without_holidays(world)
    world.zones = {
        "type": "FeatureCollection",
        "features": [datum_zone(rng, world, number) for number in range(12)],
    }
    duel = Duel(world, tmp_path / "whole")
    if segments == 2:
        duel.engine = halved(duel, tmp_path)
    questions = 400 if not SHORT else 20
    found = moved = certain = 0
    for number in range(questions):
        request = make_request(rng, world) | {"total": True, "facets": ["category", "program"]}
        request = {name: value for name, value in request.items() if name not in AREAS}
        request |= area_request(rng, world)
        with driven_by(rng.choice(LISTS)):
            expected = duel.check_rank(request)
            if number % 8 == 0:
                duel.check_search(request, expected)
                duel.check_pages(request, expected)
        found += bool(expected)
        certain += not any(one.on_edge for one in expected)
        elsewhere = duel.oracle.expect(request | {"crs": "WGS84"})
        moved += {one.shop.merchant_id for one in expected} != {
            one.shop.merchant_id for one in elsewhere
        }
    if not SHORT:
        assert found > 0.3 * questions
        assert certain > 0.6 * questions
        assert (moved > 0.1 * questions) == (centre != (37.5665, 126.978))


def without_holidays(world: World) -> None:
    """Let no hours name holidays: whose hold on which bank of a border is told elsewhere."""
    for row in (*world.merchants, *world.deals):
        for field in ("opening_hours", "use_hours"):
            if "PH" in (row.get(field) or ""):
                del row[field]


AREAS = ("bbox", "polygon", "zone")


def datum_zone(rng: Random, world: World, number: int) -> dict[str, object]:
    """A zone around a shop as it appears in one of the datums."""
    crs = rng.choice(("WGS84", "GCJ02", "BD09"))
    lat, lng = from_wgs84(*some_position(rng, world), crs)
    geometry = make_geometry(rng, round(lat, 7), round(lng, 7))
    properties = {"zone_id": f"z{number}", "name": "Zone", "crs": crs}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def area_request(rng: Random, world: World) -> dict[str, object]:
    """Box, polygon or zone in one of the datums, on shops as they appear there."""
    crs = rng.choice(("WGS84", "GCJ02", "GCJ02", "BD09", "BD09"))
    lat, lng = from_wgs84(*some_position(rng, world), crs)
    lat, lng = round(lat, 7), round(lng, 7)
    request: dict[str, object] = {"crs": crs, "lat": lat, "lng": lng}
    kind = rng.choice((*AREAS, "both"))
    size = rng.choice((0.0, 1e-7, 1e-4, 0.003, 0.003, 0.01, 0.01, 0.1, 3.0))
    if kind in ("bbox", "both"):
        west = lng - rng.choice((0.0, size))
        request["bbox"] = tuple(
            round(value, 7) for value in (west, lat - size, west + size + 0.001, lat + size)
        )
    if kind in ("polygon", "both"):
        request["polygon"] = make_geometry(rng, lat, lng)
    if kind == "zone":
        request["zone"] = f"z{rng.randrange(12)}"
    if rng.random() < 0.3:
        request["radius"] = rng.choice((200.0, 1_000.0, 20_000.0))
    return request


def halved(duel: Duel, folder: Path) -> Searcher:
    """An engine with each half of the merchants in a segment of its own."""
    versions = []
    for half in (0, 1):
        Duel(half_of(duel.world, half), folder / f"half{half}")
        versions.append(current(folder / f"half{half}" / "index"))
    (second,) = versions[1].glob("segment-*")
    shutil.copytree(second, versions[0] / "segment-9999")
    return Searcher(versions[0])


def test_a_comparison_can_fail(tmp_path: Path) -> None:
    """An oracle that sees other rows than the engine notices, in each kind of comparison."""
    rng = Random("broken")
    world = make_world(rng, "city", 60)
    duel = Duel(world, tmp_path)
    noticed = 0
    for break_row in (_move, _close, _rate, _rename, _spoil):
        broken = World(**{**vars(world), "merchants": [dict(row) for row in world.merchants]})
        broken.deals = [dict(deal) for deal in world.deals]
        break_row(broken)
        duel.oracle = broken.oracle()
        with pytest.raises(AssertionError):
            interrogate(duel, Random(1), 400)
        noticed += 1
    assert noticed == 5


def _move(world: World) -> None:
    world.merchants[0]["lat"] += 0.00001  # a metre


def _close(world: World) -> None:
    for row in world.merchants[:5]:
        row["opening_hours"] = "Mo-Su 03:00-03:07"
        row["opening_periods"] = None


def _rate(world: World) -> None:
    for row in world.merchants[:5]:
        row["rating"] = 4.999


def _rename(world: World) -> None:
    world.merchants[0]["categories"] = ["food.cafe.other"]


def _spoil(world: World) -> None:
    for deal in world.deals:
        if deal["offer_type"] == "amount_off":
            deal["amount"] += 1


@pytest.mark.minutes
@pytest.mark.skipif(SHORT, reason="it starts the modes")
@pytest.mark.parametrize(
    ("switch", "questions"),
    [
        ("NUMBA_DISABLE_JIT", 120),
        pytest.param(
            "NUMBA_BOUNDSCHECK",
            2000,
            marks=pytest.mark.skipif(
                "GEOSEARCH_BOUNDS" not in os.environ,
                reason="GEOSEARCH_BOUNDS=1 compiles all kernels again, for two minutes",
            ),
        ),
    ],
)
def test_modes(switch: str, questions: int) -> None:
    """The same comparisons as plain Python, and with every index into every array checked."""
    # Most of the time is compiling, and checks of indexes need no fast code.
    environment = {**os.environ, switch: "1", "NUMBA_OPT": "1"}
    environment["GEOSEARCH_COMPARISONS"] = str(questions)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > len(KINDS)
