"""What an index lists: categories, zones, areas, and how far it reaches."""

import json
from datetime import datetime
from typing import Any

import pytest

import geosearch
from geosearch.answer.contents import is_near
from geosearch.errors import BadRequest
from geosearch.indexing.pipeline import build
from geosearch.query.query import MerchantQuery, Query
from geosearch.search.searcher import Searcher
from geosearch.service.encode import encode_suggestions
from geosearch.suggest.suggester import SuggestQuery
from indexes.geo.datum import from_wgs84
from tests.geosearch.snapshot_files import PROGRAM, deal, merchant, write_snapshot

AT = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
LAT, LNG = 31.19, 121.43
BLUE = PROGRAM | {"program_id": "blue", "name": "蓝卡"}
SHOPS = [
    merchant(
        0, lat=LAT, lng=LNG, business_area="徐家汇", categories=["food.cafe"], avg_price=10_000
    ),
    merchant(1, lat=LAT + 0.001, lng=LNG + 0.002, business_area="徐家汇", categories=["food"]),
    merchant(2, lat=LAT + 0.003, lng=LNG + 0.001, business_area="徐家汇", categories=["fun"]),
    merchant(3, lat=31.4, lng=121.2, name="嘉定小馆", categories=["food.cafe", "fun"]),
    merchant(4, lat=31.3, lng=121.3, name="书店", address="徐家汇路8号", categories=[]),
]
CATEGORIES = [
    {"category_id": "food", "names": {"zh": "美食", "en": "Food"}},
    {"category_id": "sport", "names": {"en": "Sport"}},
]
DEALS = [
    deal(0, percent=10, program_id="red"),
    deal(1, percent=20, program_id="blue"),
    deal(2, percent=5),
    deal(3, offer_type="bundle", list_price=9_000, price=5_000, party_min=2, percent=None),
]


def zone(name: str, west: float, south: float, size: float, **more: Any) -> dict[str, Any]:
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size]]
    return {
        "type": "Feature",
        "properties": {"zone_id": name, "name": name, **more},
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }


def drawn(lng: float, lat: float) -> dict[str, Any]:
    """A triangle."""
    ring = [[lng, lat], [lng + 0.01, lat], [lng, lat + 0.01], [lng, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("contents")
    tables = {
        "merchants": SHOPS, "programs": [PROGRAM, BLUE], "deals": DEALS, "categories": CATEGORIES,
    }  # fmt: skip
    write_snapshot(folder / "snapshot", tables)
    zones = [
        zone("east", 121.5, 31.0, 0.1),
        zone("west", 121.3, 31.0, 0.1),
        zone("over", 121.5, 31.0, 0.1, valid_through="2026-11-01"),
        zone("drawn", 121.7, 31.0, 0.1, crs="GCJ02"),
    ]
    collection = {"type": "FeatureCollection", "features": zones}
    (folder / "snapshot" / "zones.geojson").write_text(json.dumps(collection), encoding="utf-8")
    build(folder / "snapshot", folder / "index", now=AT)
    return geosearch.open_index(folder / "index")


def test_categories_have_names_and_counts(engine: Searcher) -> None:
    names = {"zh": "美食", "en": "Food"}
    for language, food in names.items():
        assert engine.categories(language) == [
            {"category_id": "food", "name": food, "names": names, "merchants": 3},
            {"category_id": "food.cafe", "name": "food.cafe", "names": {}, "merchants": 2},
            {"category_id": "fun", "name": "fun", "names": {}, "merchants": 2},
            {"category_id": "sport", "name": "Sport", "names": {"en": "Sport"}, "merchants": 0},
        ]
    assert engine.categories() == engine.categories("en")


@pytest.mark.parametrize(
    ("asked", "unknown"),
    [
        (("food",), ()),
        (("food.cafe", "sport"), ()),
        (("foo",), ("foo",)),
        (("food.", "food", "cafe", "cafe"), ("food.", "cafe")),
        (("food.cafe.latte",), ("food.cafe.latte",)),
    ],
)
def test_unknown_categories_are_named(
    engine: Searcher, asked: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    for _ in range(2):  # The second time it is kept.
        query = Query(lat=LAT, lng=LNG, at=AT, categories=asked, cards=("red", "nope"))
        answer = engine.search(query)
        assert (answer.unknown_categories, answer.unknown_cards) == (unknown, ("nope",))


@pytest.mark.parametrize(
    ("asked", "found", "unknown"),
    [
        (("徐家汇",), ["m0", "m1", "m2"], ()),
        (("徐家汇", "nowhere", "nowhere"), ["m0", "m1", "m2"], ("nowhere",)),
        (("nowhere",), [], ("nowhere",)),
        (("徐家",), [], ("徐家",)),
    ],
)
def test_business_areas_filter(
    engine: Searcher, asked: tuple[str, ...], found: list[str], unknown: tuple[str, ...]
) -> None:
    for sort in ("best", "distance"):
        query = Query(lat=LAT, lng=LNG, radius=50_000, at=AT, business_area=asked, sort=sort)
        answer = engine.search(query)
        assert sorted(hit.merchant["merchant_id"] for hit in answer.hits) == found
        assert answer.unknown_business_areas == unknown


@pytest.mark.parametrize(
    ("query", "deals"),
    [
        ({"offer_type": ("percent_off",)}, ["d2"]),
        ({"offer_type": ("percent_off",), "deals": "optional"}, ["d2"]),
        ({"offer_type": ("percent_off",), "cards": ("red",)}, ["d0", "d2"]),
        ({"offer_type": ("percent_off",), "cards": ("red", "blue")}, ["d1", "d0", "d2"]),
        ({"offer_type": ("bundle",)}, None),  # The party is too small.
        ({"offer_type": ("bundle",), "party_size": 2}, ["d3"]),
        ({"offer_type": ("bundle",), "party_size": 2, "cards": ("red",)}, None),
        ({"offer_type": ("bundle",), "party_size": 2, "cards": ("red",), "deals": "any"}, ["d3"]),
        ({"offer_type": ("bundle", "percent_off"), "party_size": 2}, ["d3", "d2"]),
        ({"offer_type": ("voucher",)}, None),
    ],
)
def test_offer_types_filter(
    engine: Searcher, query: dict[str, Any], deals: list[str] | None
) -> None:
    """Only deals of the types count, are best, and are listed; who has none is not found."""
    asked = Query(lat=LAT, lng=LNG, at=AT, total=True, facets=("offer_type",), **query)
    answer = engine.search(asked)
    assert answer.total == len(answer.hits) == (0 if deals is None else 1)
    assert answer.facets is not None
    assert set(answer.facets["offer_type"]) <= set(query["offer_type"])
    page = json.loads(bytes(engine.page(asked).results))
    if deals is not None:
        (hit,), (written,) = answer.hits, page
        assert hit.best_deal is not None
        assert [one.deal_id for one in (hit.best_deal, *hit.deals)] == deals
        assert [one["deal_id"] for one in (written["best_deal"], *written["deals"])] == deals
    assert len(page) == len(answer.hits)


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((121.55, 31.05, 121.56, 31.06), ["east"]),
        ((121.6, 31.1, 121.65, 31.2), ["east"]),  # by a corner
        ((121.601, 31.0, 121.65, 31.2), []),
        ((121.0, 30.9, 121.65, 31.2), ["east", "west"]),
        ((121.62, 30.9, 121.35, 31.2), ["drawn", "west"]),  # over the antimeridian
        ((-180, -90, 180, 90), ["drawn", "east", "west"]),
    ],
)
def test_zones_of_a_box(
    engine: Searcher, box: tuple[float, float, float, float], found: list[str]
) -> None:
    zones = engine.zones_in(box, AT)
    assert [one["zone_id"] for one in zones] == found
    for one in zones:
        assert one["geometry"]["type"] == "Polygon"
        corners = one["geometry"]["coordinates"][0]
        lngs, lats = zip(*corners, strict=True)
        assert one["bounds"] == (min(lngs), min(lats), max(lngs), max(lats))


def test_density_counts_every_shop_once(engine: Searcher) -> None:
    """`tests/indexes/geo/test_density.py` compares cells; here every segment has its part."""
    box = engine.info()["bounds"]
    for cells in (1, 5):
        counts = engine.density(box, cells)
        assert [len(row) for row in counts] == [cells] * cells
        assert sum(map(sum, counts)) == engine.info()["merchants"] > 0


def test_zones_answer_in_the_datum_asked_for(engine: Searcher) -> None:
    for crs in ("WGS84", "GCJ02", "BD09"):
        lat, lng = from_wgs84(31.05, 121.55, crs)
        (at_point,) = engine.zones_at(lat, lng, AT, crs)
        (in_box,) = engine.zones_in((lng, lat, lng, lat), AT, crs)
        assert at_point["bounds"] == in_box["bounds"]
        south, west = from_wgs84(31.0, 121.5, crs)
        north, east = from_wgs84(31.1, 121.6, crs)
        # The sides of the square bend a little: corners are exact, sides within metres.
        assert at_point["bounds"] == pytest.approx((west, south, east, north), abs=2e-3)
        assert [west, south] in [
            pytest.approx(list(corner), abs=1e-9) for corner in in_box["geometry"]["coordinates"][0]
        ]
    (drawn,) = engine.zones_in((121.75, 31.05, 121.75, 31.05), AT, "GCJ02")
    assert drawn["bounds"] == pytest.approx((121.7, 31.0, 121.8, 31.1), abs=1e-12)


def test_suggested_areas_say_where_they_are(engine: Searcher) -> None:
    found = engine.suggest(SuggestQuery(q="徐家", lat=LAT, lng=LNG)).suggestions
    (area,) = [one for one in found if one.kind == "area"]
    assert (area.lat, area.lng) == pytest.approx((LAT + 0.001, LNG + 0.001))
    assert area.bbox == pytest.approx((LNG, LAT, LNG + 0.002, LAT + 0.003))
    shifted = engine.suggest(SuggestQuery(q="徐家", lat=LAT, lng=LNG, crs="GCJ02")).suggestions
    (there,) = [one for one in shifted if one.kind == "area"]
    assert (there.lat, there.lng) == pytest.approx(from_wgs84(LAT + 0.001, LNG + 0.001, "GCJ02"))
    others = engine.suggest(SuggestQuery(q="嘉定", lat=31.4, lng=121.2)).suggestions
    assert others
    assert all(one.lat is None and one.bbox is None for one in others)


def test_the_name_of_an_area_leads_there(engine: Searcher) -> None:
    far: dict[str, Any] = {"lat": 31.4, "lng": 121.2, "at": AT, "sort": "distance"}
    answer = engine.search(Query(**far, q=" 徐家匯 ", limit=2, total=True))
    assert answer.around is not None
    assert answer.around["business_area"] == "徐家汇"
    assert (answer.around["lat"], answer.around["lng"]) == pytest.approx((LAT + 0.001, LNG + 0.001))
    assert answer.total == 3
    second = engine.search(Query(**far, q=" 徐家匯 ", limit=2, cursor=answer.next_cursor))
    ids = [hit.merchant["merchant_id"] for hit in (*answer.hits, *second.hits)]
    assert sorted(ids) == ["m0", "m1", "m2"]
    assert second.around == answer.around
    assert engine.search(Query(**far | {"sort": "relevance"}, q="徐家汇")).around is not None
    with pytest.raises(BadRequest, match="Expected a `cursor` with the parameters"):
        engine.search(Query(**far, q="人民广场", cursor=answer.next_cursor))


def test_a_street_of_that_name_does_not_stand_for_an_area_out_of_reach(engine: Searcher) -> None:
    from_street: dict[str, Any] = {"lat": 31.3, "lng": 121.3, "at": AT, "limit": 2}
    answer = engine.search(Query(**from_street, q="徐家汇"))
    assert answer.around is not None
    assert {hit.merchant["business_area"] for hit in answer.hits} == {"徐家汇"}
    second = engine.search(Query(**from_street, q="徐家汇", cursor=answer.next_cursor))
    assert [hit.merchant["business_area"] for hit in second.hits] == ["徐家汇"]


@pytest.mark.parametrize(
    ("where", "q"),
    [
        ({"lat": 31.3, "lng": 121.3}, "徐家汇路"),
        ({"lat": 31.3, "lng": 121.3, "radius": 50_000}, "徐家汇"),  # The area is within reach.
        ({"lat": 31.3, "lng": 121.3, "bbox": (121.2, 31.25, 121.4, 31.35)}, "徐家汇"),
        ({"lat": LAT, "lng": LNG}, "徐家汇"),  # There already: shops match the text.
        ({"lat": 31.4, "lng": 121.2}, "徐家汇 咖啡"),
        ({"lat": 31.4, "lng": 121.2}, "嘉定"),
        ({"lat": 31.4, "lng": 121.2, "bbox": (121.1, 31.3, 121.3, 31.5)}, "徐家汇"),
    ],
)
def test_other_texts_do_not_lead_away(engine: Searcher, where: dict[str, Any], q: str) -> None:
    assert engine.search(Query(**where, at=AT, q=q)).around is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"lat": LAT, "lng": LNG}, None),
        ({"lat": LAT, "lng": LNG, "categories": ("sport",)}, None),
        ({"lat": LAT - 0.02, "lng": LNG, "categories": ("sport",)}, None),  # 2.2 km beyond
        ({"lat": LAT - 0.03, "lng": LNG}, "out of reach"),  # 3.3 km
        ({"lat": LAT - 0.03, "lng": LNG, "radius": 3_500}, None),
        ({"lat": 0.0, "lng": 0.0}, "out of reach"),
        ({"lat": 40.7, "lng": -74.0}, "out of reach"),
        ({"lat": 90.0, "lng": 0.0}, "out of reach"),
        ({"lat": 31.2, "lng": -179.0, "radius": 50_000}, "out of reach"),
        ({"lat": 121.43 - 90, "lng": 31.19, "radius": 1}, "out of reach"),
        ({"lat": 40.7, "lng": 31.25, "radius": 1}, "out of reach"),
        ({"lat": 1.0, "lng": 1.0, "bbox": (121.2, 31.35, 121.3, 31.5)}, None),
        # Nothing is there, but a box around all shops reaches so far.
        ({"lat": 1.0, "lng": 1.0, "bbox": (121.25, 31.35, 121.3, 31.38)}, None),
        ({"lat": LAT, "lng": LNG, "bbox": (1.0, 2.0, 3.0, 4.0)}, "out of reach"),
        ({"lat": LAT, "lng": LNG, "bbox": (179.0, 31.0, -179.0, 32.0)}, "out of reach"),
        ({"lat": LAT, "lng": LNG, "bbox": (179.0, 31.0, 122.0, 32.0), "min_rating": 5.0}, None),
        ({"lat": 1.0, "lng": 1.0, "zone": "east"}, None),
        ({"lat": LAT, "lng": LNG, "polygon": drawn(2.0, 1.0)}, "out of reach"),
        ({"lat": LAT, "lng": LNG, "polygon": drawn(121.25, 31.35)}, None),
    ],
)
def test_a_position_out_of_reach_is_said(
    engine: Searcher, query: dict[str, Any], said: str | None
) -> None:
    beyond = engine.search(Query(at=AT, **query)).outside_coverage
    assert (beyond is None) == (said is None)
    if beyond is not None:
        assert beyond["detail"].endswith(said)
        assert beyond["bounds"] == pytest.approx((121.2, LAT, LNG + 0.002, 31.4))


@pytest.mark.parametrize(("lat", "lng"), [(31.5, 121.21), (0.0, 0.0)])
def test_suggestions_say_where_no_shop_is_in_reach(
    engine: Searcher, lat: float, lng: float
) -> None:
    found = engine.suggest(SuggestQuery(q="嘉定", lat=lat, lng=lng, radius=2_000))
    assert not found.suggestions
    assert found.outside_coverage == engine.search(Query(lat=lat, lng=lng, at=AT)).outside_coverage
    assert found.outside_coverage is not None
    body = json.loads(encode_suggestions(found))
    assert tuple(body["outside_coverage"]["bounds"]) == found.outside_coverage["bounds"]
    near = engine.suggest(SuggestQuery(q="zzz", lat=LAT, lng=LNG))
    assert (near.suggestions, near.outside_coverage) == ((), None)
    assert "outside_coverage" not in json.loads(encode_suggestions(near))


@pytest.mark.parametrize("lat", [0.0, 31.0, 60.0, -75.0])
@pytest.mark.parametrize(("lng", "box"), [(179.9, (-179.9, -1, -179, 1)), (0.0, (1, -1, 2, 1))])
def test_the_short_way_over_the_antimeridian(
    lat: float, lng: float, box: tuple[float, float, float, float]
) -> None:
    west, south, east, north = box
    there = (west, lat + south, east, lat + north)
    gap = (west - lng) % 360.0
    metres = gap * 111_195.0  # At the equator; less anywhere else.
    assert is_near(there, lat, lng, metres * 1.01)
    assert is_near(there, 0.0, lng, metres * 0.9) is False


def test_a_merchant_is_seen_from_a_position_with_a_wallet(engine: Searcher) -> None:
    plain = engine.merchant("m0", AT)
    assert plain is not None
    assert "distance_m" not in plain
    assert [one["eligible"] for one in plain["deals"]] == [False, False, True, True]
    assert plain["best_deal"]["deal_id"] == "d2"
    asked = MerchantQuery(
        lat=LAT, lng=LNG + 0.01, at=AT, cards=("red",), party_size=3, spend=20_000
    )
    seen = engine.merchant("m0", None, asked)
    assert seen is not None
    # One hundredth of a degree of the parallel, on the sphere.
    assert seen["distance_m"] == pytest.approx(951.2, abs=0.2)
    told = {one["deal_id"]: one for one in seen["deals"]}
    assert (seen["best_deal"], seen["better_public"]) == (told["d0"], told["d3"])
    assert "better_public" not in plain
    assert {one["deal_id"]: one["saving"] for one in seen["deals"]} == {
        "d0": 2_000, "d1": 4_000, "d2": 1_000, "d3": 4_000,
    }  # fmt: skip
    assert [(one["deal_id"], one["eligible"], one["usable"]) for one in seen["deals"]] == [
        ("d0", True, True), ("d1", False, True), ("d2", True, True), ("d3", True, True),
    ]  # fmt: skip
    assert engine.merchant("m0", AT, MerchantQuery(party_size=1))["deals"][3]["usable"] is False  # type: ignore[index]
    for cards, best in (((), "d2"), (("red",), "d0"), (("red", "blue"), "d1")):
        alone = engine.merchant("m0", AT, MerchantQuery(cards=cards))
        hits = engine.search(Query(lat=LAT, lng=LNG, at=AT, cards=cards, sort="distance")).hits
        assert alone is not None
        assert hits[0].best_deal is not None
        assert alone["best_deal"]["deal_id"] == hits[0].best_deal.deal_id == best
    lat, lng = from_wgs84(LAT, LNG, "GCJ02")
    shifted = engine.merchant("m0", AT, MerchantQuery(lat=lat, lng=lng, crs="GCJ02"))
    assert shifted is not None
    assert (shifted["merchant"]["lat"], shifted["merchant"]["lng"]) == pytest.approx(
        (lat, lng), abs=2e-7
    )
    assert shifted["distance_m"] == 0.0
    assert engine.merchant("nobody", AT, asked) is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lat": 1.0}, "Expected `lng` with `lat`, got none - at `$.lng`"),
        ({"lat": 91.0, "lng": 1.0}, "Expected `lat` in [-90, 90], got 91.0 (are `lat` and `lng`"),
        ({"deals": "card"}, "Expected `cards` with deals=card, got none - at `$.cards`"),
        ({"party_size": 0}, "Expected `party_size` in [1, 1000], got 0 - at `$.party_size`"),
    ],
)
def test_a_wrong_look_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest) as refused:
        MerchantQuery(**values)
    assert str(refused.value).startswith(sentence)
