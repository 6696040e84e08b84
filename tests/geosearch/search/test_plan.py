"""From wishes to limits: drivers, zones, boxes, wallets and categories."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosearch.errors import BadRequest
from geosearch.indexing.pipeline import build
from geosearch.kernel.criteria import (
    ANY_DEAL,
    CARD_BEST_DEAL,
    CARD_DEAL,
    NO_BUDGET,
    OPTIONAL_DEAL,
    Criteria,
)
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search import plan
from geosearch.search.described import described
from geosearch.search.drawn_area import inward
from geosearch.search.plan import Plan
from geosearch.search.searcher import Searcher, open_index
from geosearch.search.segment_view import SegmentView
from geosearch.segment.bounds import (
    ANY_PROGRAM_CLASS,
    NEW_CUSTOMER_CLASS,
    OWN_CLASSES,
    PUBLIC_CLASS,
    class_of,
)
from geosearch.segment.catalogue import program_bit
from geosearch.segment.segment import Segment
from indexes.geo.datum import GCJ02, WGS84, from_wgs84
from indexes.geo.sphere import UNITS_PER_DEGREE, Place, circle_of, haversine_m
from tests.geosearch.number_worlds import CENTRE, NOON, START, Shape, open_world
from tests.geosearch.planning import planned
from tests.geosearch.snapshot_files import deal, merchant, write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
# The first is held by most; each of the others by a few; the last by nobody.
SHARES = (0.9, *[0.02] * 60, 0.0)
LAST = len(SHARES)


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    shape = Shape(docs=4000, shares=SHARES)
    return open_world(tmp_path_factory.mktemp("plan") / "segment-0000", shape)


def plan_of(segment: Segment, **wish: Any) -> Plan:
    fields: dict[str, Any] = {"lat": CENTRE[0], "lng": CENTRE[1], "at": NOON}
    query = Query(**fields | wish)
    return planned(SegmentView(segment, START, Weights()).planner, query)


def ask_of(segment: Segment, **wish: Any) -> Criteria:
    return plan_of(segment, **wish).criteria


def cards_of(segment: Segment, *numbers: int) -> tuple[str, ...]:
    return tuple(segment.catalogue.programs[number]["program_id"] for number in numbers)


# --- wallets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "deals", "mode", "public"),
    [
        ((), None, OPTIONAL_DEAL, True),
        ((), "any", ANY_DEAL, True),
        ((1,), None, CARD_DEAL, False),
        ((1, 2, 40), "card", CARD_DEAL, False),
        ((1, 2), "any", ANY_DEAL, True),
        ((1, 2), "card_best", CARD_BEST_DEAL, False),
        ((50, 61), "optional", OPTIONAL_DEAL, True),
    ],
)
def test_a_wallet(
    segment: Segment, held: tuple[int, ...], deals: str | None, mode: int, public: bool
) -> None:
    wallet = ask_of(segment, cards=cards_of(segment, *held), deals=deals).wallet
    assert wallet.deal_mode == mode
    assert np.flatnonzero(wallet.eligible).tolist() == [0, *held]
    numbers = [*held, 0] if public else held
    bits = {program_bit(number) for number in numbers}
    assert int(wallet.signature[0]) == sum(1 << bit for bit in bits)
    assert wallet.classes.tolist() == sorted({class_of(number) for number in numbers})
    assert (PUBLIC_CLASS in wallet.classes) == public


@pytest.mark.parametrize("deals", ["card", "card_best", "any", "optional"])
def test_only_new_customers_read_the_bounds_of_their_deals(segment: Segment, deals: str) -> None:
    cards = cards_of(segment, 1)
    for new in (False, True):
        asked = ask_of(segment, cards=cards, deals=deals, new_customer=new)
        assert (NEW_CUSTOMER_CLASS in asked.wallet.classes) == new


def test_where_the_card_must_win_no_deal_is_sure(segment: Segment) -> None:
    cards = cards_of(segment, 1)
    assert ask_of(segment, cards=cards, deals="card").wallet.always[0] > 0
    assert ask_of(segment, cards=cards, deals="card_best").wallet.always[0] == 0


def test_rare_programmes_share_a_class(segment: Segment) -> None:
    numbers = range(OWN_CLASSES + 1, LAST)
    wallet = ask_of(segment, cards=cards_of(segment, *numbers)).wallet
    assert wallet.classes.tolist() == [ANY_PROGRAM_CLASS]


def test_cards_nobody_knows_are_harmless(segment: Segment) -> None:
    assert ask_of(segment, cards=("nobody's",)).lists.driven, "no document needs to be read"


# --- drivers -------------------------------------------------------------------------------------


def test_a_rare_card_drives_a_common_one_does_not(segment: Segment) -> None:
    rare, common = cards_of(segment, 7), cards_of(segment, 1)
    lists = ask_of(segment, cards=rare).lists
    assert (lists.driven, lists.restricted) == (True, False)
    assert lists.driver.tolist() == segment.program_docs(7).tolist()
    assert not ask_of(segment, cards=common).lists.driven
    assert not ask_of(segment, cards=rare, deals="any").lists.driven, "public deals match too"
    assert not ask_of(segment, cards=rare, deals="optional").lists.driven


def test_the_lists_of_several_cards_are_united(segment: Segment) -> None:
    lists = ask_of(segment, cards=cards_of(segment, 7, 8, 9)).lists
    expected = set().union(*(segment.program_docs(number).tolist() for number in (7, 8, 9)))
    assert lists.driver.dtype == np.uint32
    assert lists.driver.tolist() == sorted(expected)


def test_a_list_drives_up_to_a_length(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = cards_of(segment, 7, 8)
    length = len(segment.program_docs(7)) + len(segment.program_docs(8))
    monkeypatch.setattr(plan, "DRIVER_DOCS", length)
    assert ask_of(segment, cards=cards).lists.driven
    monkeypatch.setattr(plan, "DRIVER_DOCS", length - 1)
    assert not ask_of(segment, cards=cards).lists.driven


def test_a_plan_says_what_it_is(segment: Segment) -> None:
    told = described(ask_of(segment, cards=cards_of(segment, 7)))
    assert told["driver"] == "documents"
    assert told["driver_docs"] == len(segment.program_docs(7))
    told = described(ask_of(segment))
    assert (told["driver"], told["driver_docs"], told["within_docs"]) == ("tree", None, None)


def test_plans_are_kept_and_forgotten(segment: Segment) -> None:
    planner = SegmentView(segment, START, Weights()).planner

    def wallet(card: str) -> Any:
        query = Query(lat=0.0, lng=0.0, at=NOON, cards=(card,), categories=(card,))
        return planned(planner, query).criteria.wallet

    first = wallet("card0")
    assert wallet("card0") is first
    planner._wallet_plans.most_bytes = 2 * planner._wallet_plans.bytes
    others = [wallet(f"card{number}") for number in range(1, 4)]
    assert wallet("card0") is not first
    assert wallet("card0").classes.tolist() == first.classes.tolist()
    assert len(others) == 3


# --- zones ---------------------------------------------------------------------------------------


def band(south: float, north: float) -> dict[str, Any]:
    """A rectangle around the meridian on which the shops stand."""
    ring = [[120.9, south], [121.1, south], [121.1, north], [120.9, north], [120.9, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def square(lng: float, lat: float, size: float) -> dict[str, Any]:
    ring = [[lng, lat], [lng + size, lat], [lng + size, lat + size], [lng, lat + size], [lng, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture(scope="module")
def zoned(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("zoned")
    shops = [merchant(n, lat=31.0 + n * 0.001, lng=121.0) for n in range(30)]
    deals = [deal(0, merchant_ids=["m3", "m12"], program_id="red")]
    write_snapshot(folder / "snapshot", {"merchants": shops, "deals": deals})
    features = [
        {
            "type": "Feature",
            "properties": {"zone_id": name, "name": name, **term},
            "geometry": shape,
        }
        for name, term, shape in (
            ("ten", {}, band(31.0095, 31.0195)),
            ("none", {}, band(10.0, 10.1)),
            ("past", {"valid_through": "2026-11-21"}, band(31.0, 32.0)),
            ("today", {"valid_from": "2026-11-22", "valid_through": "2026-11-22"}, band(30, 32)),
        )
    ]
    zones = {"type": "FeatureCollection", "features": features}
    (folder / "snapshot" / "zones.geojson").write_text(json.dumps(zones))
    build(folder / "snapshot", folder / "index", now=NOW)
    return open_index(folder / "index")


def zone_query(name: str, **wish: Any) -> Query:
    return Query(lat=31.0, lng=121.0, at=NOW, zone=name, **{"sort": "distance", **wish})


def test_a_zone_lists_its_documents(zoned: Searcher) -> None:
    ranked = zoned.rank(zone_query("ten", explain=True))
    assert zoned.merchant_ids(ranked.doc_ids) == [f"m{n}" for n in range(10, 20)]
    assert ranked.explain is not None
    assert ranked.explain["plan"][0]["driver_docs"] == 10
    assert len(zoned.rank(zone_query("none")).doc_ids) == 0


def test_a_zone_and_a_card_drive_by_the_shorter_list(zoned: Searcher) -> None:
    ranked = zoned.rank(zone_query("ten", cards=("red",), explain=True))
    assert zoned.merchant_ids(ranked.doc_ids) == ["m12"]
    assert ranked.explain is not None
    assert ranked.explain["plan"][0]["driver_docs"] == 2
    assert ranked.explain["plan"][0]["within_docs"] == 10


def test_a_zone_and_a_radius_both_hold(zoned: Searcher) -> None:
    ranked = zoned.rank(zone_query("ten", radius=1300.0))
    assert zoned.merchant_ids(ranked.doc_ids) == ["m10", "m11"]


def test_a_large_zone_restricts_the_tree(zoned: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "DRIVER_DOCS", 0)
    ranked = zoned.rank(zone_query("ten", explain=True))
    assert zoned.merchant_ids(ranked.doc_ids) == [f"m{n}" for n in range(10, 20)]
    assert ranked.explain is not None
    assert ranked.explain["plan"][0]["driver"] == "tree"


def test_an_unknown_zone_is_refused(zoned: Searcher) -> None:
    with pytest.raises(BadRequest, match="got 'eleven' - at") as caught:
        zoned.rank(zone_query("eleven"))
    assert caught.value.code == "unknown_zone"


def test_a_zone_is_refused_out_of_its_term(zoned: Searcher) -> None:
    with pytest.raises(BadRequest, match=r"ever to 2026-11-21.*past") as caught:
        zoned.rank(zone_query("past"))
    assert caught.value.code == "zone_not_in_force"
    assert len(zoned.rank(zone_query("today")).doc_ids) == 20
    with pytest.raises(BadRequest, match="in force"):
        zoned.rank(Query(lat=31.0, lng=121.0, at=NOW + timedelta(days=1), zone="today"))


# --- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.0, 0.0, 1.0, 1.0), (0, 0, 10_000_000, 10_000_000)),
        ((0.00000001, 0.00000001, 0.00000099, 0.00000099), (1, 1, 9, 9)),
        ((-0.00000099, -0.00000099, -0.00000001, -0.00000001), (-9, -9, -1, -1)),
        # Not a whole unit in binary, but meant to be: 0.1 + 0.2, 121.4737 and the like.
        ((0.1 + 0.2, 1.1, 121.4737, 31.2304), (3_000_000, 11_000_000, 1_214_737_000, 312_304_000)),
        ((-180.0, -90.0, 180.0, 90.0), (-1_800_000_000, -900_000_000, 1_800_000_000, 900_000_000)),
        ((179.0, 0.0, -179.0, 1.0), (1_790_000_000, 0, -1_790_000_000, 10_000_000)),
    ],
)
def test_a_box_is_rounded_inward(
    segment: Segment, box: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    area = ask_of(segment, bbox=box).area
    assert area.boxed
    assert area[1:5] == expected


@given(st.tuples(st.floats(-90, 90), st.floats(-90, 90)), st.integers(-900_000_000, 900_000_000))
@settings(max_examples=300)
def test_a_box_holds_what_lies_in_it(ends: tuple[float, float], unit: int) -> None:
    """A stored position is in the rounded box iff it is in the box asked for, to 0.01 mm."""
    low, high = sorted(ends)
    box = inward((low, low, high, high))
    inside = box[0] <= unit <= box[2]
    position = unit / UNITS_PER_DEGREE
    if inside != (low <= position <= high):
        assert min(abs(position - low), abs(position - high)) < 1.1e-10


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.sampled_from([1.0, 3000.0, 50_000.0]),
    st.floats(0, 2 * math.pi),
    st.floats(0, 1),
)
@settings(max_examples=500)
def test_a_place_bounds_what_lies_within_the_radius(
    lat: float, lng: float, radius_m: float, bearing: float, share: float
) -> None:
    circle = circle_of(Place(lat, lng, radius_m, -90.0, 90.0))
    there = destination(lat, lng, bearing, share * radius_m)
    if haversine_m(lat, lng, *there) > radius_m:
        return  # a hair outside, by rounding
    product = max(0.0, math.cos(math.radians(lat))) * max(0.0, math.cos(math.radians(there[0])))
    assert circle.low_cosines <= product <= circle.high_cosines
    if not circle.wraps:
        assert abs(there[1] - lng) <= 180.0, "the short way is the straight one"


def destination(lat: float, lng: float, bearing: float, metres: float) -> tuple[float, float]:
    """Where one gets from a position in a direction."""
    arc, p = metres / 6_371_008.8, math.radians(lat)
    sine = math.sin(p) * math.cos(arc) + math.cos(p) * math.sin(arc) * math.cos(bearing)
    q = math.asin(max(-1.0, min(1.0, sine)))
    turn = math.atan2(
        math.sin(bearing) * math.sin(arc) * math.cos(p), math.cos(arc) - math.sin(p) * math.sin(q)
    )
    return math.degrees(q), (lng + math.degrees(turn) + 540.0) % 360.0 - 180.0


def test_without_a_radius_the_whole_earth_is_near(segment: Segment) -> None:
    place = plan_of(segment, bbox=(0.0, 0.0, 1.0, 1.0)).place
    assert place.radius_m == math.inf
    assert (circle_of(place).radius_haversine, circle_of(place).wraps) == (math.inf, True)
    both = plan_of(segment, bbox=(0.0, 0.0, 1.0, 1.0), radius=700.0).place
    assert both.radius_m == 700.0


def test_positions_in_another_datum_are_converted_areas_are_not(segment: Segment) -> None:
    lat, lng = from_wgs84(*CENTRE, "GCJ02")
    place = plan_of(segment, lat=lat, lng=lng, crs="GCJ02").place
    assert haversine_m(place.lat, place.lng, *CENTRE) < 0.1
    bbox = (lng, lat, lng + 0.01, lat + 0.01)
    box = ask_of(segment, bbox=bbox, crs="GCJ02").area
    assert box[:5] == ask_of(segment, bbox=bbox).area[:5]
    polygon = square(lng, lat, 0.01)
    drawn = ask_of(segment, polygon=polygon, crs="GCJ02").area
    assert drawn.edges.tolist() == ask_of(segment, polygon=polygon).area.edges.tolist()
    for area in (box, drawn):
        assert area.datum == GCJ02
        shift = round((lng - CENTRE[1]) * UNITS_PER_DEGREE)
        assert area.shift_min_x <= shift <= area.shift_max_x


def test_the_latitudes_of_an_area_are_those_of_stored_positions(segment: Segment) -> None:
    lat, lng = from_wgs84(*CENTRE, "BD09")
    place = plan_of(segment, bbox=(lng, lat, lng + 0.01, lat), crs="BD09").place
    assert place.min_lat <= CENTRE[0] <= place.max_lat
    assert place.max_lat - place.min_lat < 0.002
    assert not place.min_lat <= lat <= place.max_lat


def test_where_nothing_is_shifted_an_area_is_one_in_wgs84(segment: Segment) -> None:
    box = (126.9, 37.5, 127.1, 37.6)  # Seoul
    area = ask_of(segment, bbox=box, crs="BD09").area
    assert (area.datum, area[7:]) == (WGS84, (0, 0, 0, 0))


def test_a_polygon_that_would_take_long_is_refused(segment: Segment) -> None:
    ring = np.random.default_rng(1).uniform((121.0, 31.0), (121.5, 31.5), (2_000, 2)).tolist()
    with pytest.raises(BadRequest, match=r"^Expected at most 400 pairs.*\$\.polygon`$") as caught:
        ask_of(segment, polygon={"type": "Polygon", "coordinates": [ring]})
    assert caught.value.code == "polygon_too_complex"
    assert caught.value.errors[0]["pointer"] == "/polygon"


@pytest.mark.parametrize(
    ("ring", "right"),
    [
        ([[179, -17], [-179, -17], [-179, -16], [179, -16], [179, -17]], False),
        ([[-179, -17], [179, -17], [179, -16]], False),
        ([[90.5, 0], [-90, 0], [-90, 1], [90.5, 0]], False),
        ([[90, 0], [-90, 0], [-90, 1], [90, 0]], True),
        ([[179, -17], [180, -17], [180, -16], [179, -16], [179, -17]], True),
        ([[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]], True),
        ([[-170, 0], [0, 0], [170, 0], [170, 5], [0, 5], [-170, 5], [-170, 0]], True),
    ],
)
def test_a_polygon_is_never_read_the_long_way_around(
    segment: Segment, ring: list[list[float]], right: bool
) -> None:
    polygon = {"type": "Polygon", "coordinates": [ring]}
    if right:
        assert len(ask_of(segment, polygon=polygon).area.edges)
        return
    with pytest.raises(BadRequest, match="cut in two at the antimeridian") as caught:
        ask_of(segment, polygon=polygon)
    assert caught.value.code == "bad_polygon"


def test_a_polygon_that_is_none_is_refused(segment: Segment) -> None:
    ring = [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(BadRequest, match=r"Expected a polygon|Expected .* ring|area") as caught:
        ask_of(segment, polygon={"type": "Polygon", "coordinates": [ring]})
    assert caught.value.code == "bad_polygon"


# --- tastes and bills ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        (("food",), {"food", "food.cafe", "food.noodle"}),
        (("food.cafe",), {"food.cafe"}),
        (("foo",), set()),
        (("food.cafe", "beauty"), {"food.cafe", "beauty.hair"}),
        (("nothing",), set()),
    ],
)
def test_categories_are_prefixes_of_whole_words(
    segment: Segment, categories: tuple[str, ...], expected: set[str]
) -> None:
    kinds = ask_of(segment, categories=categories).kinds
    catalogue = segment.catalogue
    allowed = [
        set(paths) for paths, yes in zip(catalogue.category_sets, kinds.allowed, strict=True) if yes
    ]
    assert all(paths & expected for paths in allowed)
    assert len(allowed) == sum(bool(set(paths) & expected) for paths in catalogue.category_sets)
    bits = int(kinds.bits[0]) | int(kinds.bits[1]) << 64
    known = [
        catalogue.category_bits[path] for path in categories if path in catalogue.category_bits
    ]
    assert bits == sum(1 << bit for bit in set(known))


@pytest.mark.parametrize(
    ("rating", "expected"),
    [(None, -1), (0.0, 0), (4.0, 4000), (4.123, 4123), (4.1231, 4124), (4.4999, 4500), (5.0, 5000)],
)
def test_a_rating_is_rounded_up(segment: Segment, rating: float | None, expected: int) -> None:
    assert ask_of(segment, min_rating=rating, categories=("food",)).kinds.min_rating == expected


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, (True, 1, UNKNOWN_MONEY, NO_BUDGET, (10_000, 0.5), False)),
        ({"party_size": 1}, (True, 1, UNKNOWN_MONEY, NO_BUDGET, (10_000, 0.5), False)),
        ({"party_size": 3}, (False, 3, UNKNOWN_MONEY, NO_BUDGET, (30_000, 0.5), False)),
        ({"spend": 0}, (False, 1, 0, NO_BUDGET, (0, 0.5), False)),
        ({"spend": 700, "party_size": 2}, (False, 2, 700, NO_BUDGET, (700, 0.5), False)),
        ({"max_pay": 0}, (True, 1, UNKNOWN_MONEY, 0, (10_000, 0.5), False)),
        ({"spend": 700, "max_pay": 600}, (False, 1, 700, 600, (700, 0.5), False)),
        ({"stacking": "on"}, (True, 1, UNKNOWN_MONEY, NO_BUDGET, (10_000, 0.5), True)),
    ],
)
def test_a_bill(segment: Segment, wish: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert tuple(ask_of(segment, **wish).bill) == expected
