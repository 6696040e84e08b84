"""`Query` accepts what the table of parameters accepts, in exact types; answers decode lazily."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosearch.errors import BadRequest
from geosearch.query import query as query_module
from geosearch.query.checks import find_problems
from geosearch.query.parameters import PARAMETERS, Parameter
from geosearch.query.query import Query, _is_plainly_valid, plain_check

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

# Mostly right values and their neighbours just outside, of every type somebody may try.
ODD: list[Any] = [None, "", "x", True, -1, 10**12, float("nan"), [], [1], {}, datetime(2026, 1, 1)]
TRIED: dict[str, list[Any]] = {
    "lat": [31.23, 90.0, -90.0, 90.00001, 31, np.float64(31.2)],
    "lng": [121.47, 180.0, -180.0, -180.00001, 121, np.float32(12.5)],
    "crs": ["GCJ02", "wgs84"],
    "radius": [1.0, 50_000.0, 0.999, 50_000.1, 500],
    "at": [NOON, NOON.replace(year=1), NOON.replace(year=9999)],
    "open": ["now", "any", "later"],
    "hours_unknown": ["include", "exclude"],
    "min_minutes_left": [0, 10_080, 10_081, 5.0, np.int64(5)],
    "cards": [(), ("red",), ["red", "blue"], ("",), (1,), "red", ("x" * 201,), ("x",) * 1_001],
    "deals": ["card", "card_best", "any", "optional"],
    "new_customer": [True, False, 1],
    "party_size": [1, 1_000, 0, 1_001],
    "spend": [0, 2_000_000_000, 2_000_000_001],
    "max_pay": [0, 2_000_000_000, 2_000_000_001, -1, 5.0, "5"],
    "stacking": ["on", "off", "maybe", True],
    "q": ["火锅", "x" * 200, "x" * 201, " "],
    "categories": [("food",), ["food"], ("",), ("x",) * 101],
    "business_area": [("徐家汇",), ["a", "b"], ("",), ("x",) * 101],
    "offer_type": [("voucher",), ["bundle", "free_item"], ("gift",), ("voucher",) * 7],
    "min_rating": [0.0, 5.0, 5.1, 4],
    "ids": [(), ("m1",), ["m1", "m2"], ("",), ("x",) * 1_001],
    "zone": ["z1", "x" * 201],
    "bbox": [
        (1.0, 2.0, 3.0, 4.0),
        [1, 2, 3, 4],
        (3.0, 4.0, 1.0, 2.0),
        (170.0, 0.0, -170.0, 1.0),
        (math.nan, 0.0, 1.0, 1.0),
        (1.0, 2.0, 181.0, 4.0),
        (1.0, 2.0, 3.0),
    ],
    "polygon": [{"type": "Polygon", "coordinates": []}, {"type": "Point", "coordinates": []}],
    "sort": ["best", "distance", "saving", "rating", "relevance"],
    "limit": [1, 100, 0, 101, 20.0],
    "cursor": ["abc", "x" * 1_001],
    "facets": [("category",), ["program", "offer_type"], ("nothing",), ("category",) * 5],
    "total": [True, False, 1],
    "explain": [True, "true"],
    "near_misses": [0, 20, 21, -1, 3.0],
    "near_minutes": [1, 180, 0, 181, 5.0],
    "fields": [
        ("score",),
        ["merchant.name", "open"],
        ("nothing",),
        ("score",) * 500,
        "score",
        (1,),
    ],
    "lang": ["en", "zh", "fr", "zh-CN", 1],
    "format": ["json", "geojson", "csv", 1],
    "min_seq": [0, 2**53, 2**53 + 1, -1, 5.0, "5"],
}


def test_every_parameter_is_tried() -> None:
    assert set(TRIED) == set(PARAMETERS) == set(Query.__struct_fields__)


@st.composite
def tried_values(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.sets(st.sampled_from(sorted(TRIED)), max_size=5))
    values: dict[str, Any] = {"lat": 31.23, "lng": 121.47}
    for name in names:
        values[name] = draw(st.sampled_from(TRIED[name] * 3 + ODD))
    return values


@given(tried_values())
def test_query_accepts_exactly_what_the_table_accepts(values: dict[str, Any]) -> None:
    problems = find_problems(values)
    if problems:
        with pytest.raises(BadRequest) as refused:
            Query(**values)
        assert refused.value.errors == problems
        assert str(refused.value) == "; ".join(problem["detail"] for problem in problems)
        return
    assert _is_plainly_valid(Query(**values)), "a query that exists has exact types"


class WifiQuery(Query, frozen=True, kw_only=True):
    wifi: bool = False
    floors: int | None = None


def test_a_new_parameter_is_checked_by_its_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError, match="wifi"):
        plain_check(WifiQuery, PARAMETERS)
    monkeypatch.setitem(PARAMETERS, "wifi", Parameter("wifi", "flag", "Only shops with it."))
    monkeypatch.setitem(PARAMETERS, "floors", Parameter("floors", "integer", "Floors.", low=1))
    monkeypatch.setattr(query_module, "_has_plain_fields", plain_check(WifiQuery, PARAMETERS))
    assert WifiQuery(lat=1.0, lng=2.0, wifi=True, floors=2).wifi
    loose: dict[str, Any] = {"floors": np.int64(3)}
    assert type(WifiQuery(lat=1.0, lng=2.0, **loose).floors) is int
    wrong: dict[str, Any] = {"wifi": 1, "floors": 0}
    for name, sentence in (("wifi", "`wifi` as true or false, got 1"), ("floors", "`floors` in")):
        with pytest.raises(BadRequest, match=f"^Expected {sentence}"):
            WifiQuery(lat=1.0, lng=2.0, **{name: wrong[name]})


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in TRIED.items() for v in vs + ODD])
def test_each_value_alone(name: str, value: Any) -> None:
    values = {"lat": 31.23, "lng": 121.47, name: value}
    if name == "deals":
        values["cards"] = ("red",)
    if find_problems(values):
        with pytest.raises(BadRequest, match=r"^Expected .+, got .+ - at `\$\."):
            Query(**values)
    else:
        assert Query(**values)


def test_values_are_brought_to_exact_types() -> None:
    loose: dict[str, Any] = {
        "lat": 31,
        "lng": np.float64(121.5),
        "radius": 500,
        "cards": ["red"],
        "bbox": [1, 2, 3, 4],
        "limit": np.int64(5),
        "min_rating": 4,
    }
    query = Query(**loose)
    assert type(query.lat) is type(query.lng) is type(query.radius) is float
    assert type(query.limit) is int
    assert query.cards == ("red",)
    assert query.bbox == (1.0, 2.0, 3.0, 4.0)
    assert type(query.min_rating) is float


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lat": 91.0}, "Expected `lat` in [-90, 90], got 91.0 - at `$.lat`"),
        ({"lng": "x"}, "Expected `lng` as a number, got 'x' - at `$.lng`"),
        ({"limit": 0}, "Expected `limit` in [1, 100], got 0 - at `$.limit`"),
        (
            {"sort": "nearest"},
            "Expected `sort` as one of best, distance, saving, rating, relevance, got 'nearest' "
            "- at `$.sort`",
        ),
        (
            {"at": datetime(2026, 11, 22, 12)},
            "Expected `at` as an RFC 3339 instant with offset, got 2026-11-22T12:00:00 "
            "without an offset - at `$.at`",
        ),
        ({"cards": "red"}, "Expected `cards` as a list, got 'red' - at `$.cards`"),
        ({"sort": "relevance"}, "Expected `q` with sort=relevance, got none - at `$.q`"),
        (
            {"zone": ""},
            "Expected `zone` as text of 1 to 200 characters, got 0 characters - at `$.zone`",
        ),
        ({"deals": "card"}, "Expected `cards` with deals=card, got none - at `$.cards`"),
        ({"deals": "card_best"}, "Expected `cards` with deals=card_best, got none - at `$.cards`"),
        (
            {"new_customer": 1},
            "Expected `new_customer` as true or false, got 1 - at `$.new_customer`",
        ),
        (
            {"bbox": (1.0, 5.0, 2.0, 4.0)},
            "Expected `bbox` as min_lng,min_lat,max_lng,max_lat, got min_lat 5.0 above "
            "max_lat 4.0 - at `$.bbox`",
        ),
        (
            {"bbox": (1.0, 5.0, 200.0, 6.0)},
            "Expected `max_lng` in [-180, 180], got 200.0 - at `$.bbox[2]`",
        ),
    ],
)
def test_sentences(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match="Expected") as refused:
        Query(**({"lat": 31.23, "lng": 121.47} | given))
    assert str(refused.value) == sentence


def test_one_refusal_lists_everything() -> None:
    with pytest.raises(BadRequest) as refused:
        Query(lat=100.0, lng=200.0, limit=0)
    assert [problem["pointer"] for problem in refused.value.errors] == ["/lat", "/lng", "/limit"]
    assert {problem["code"] for problem in refused.value.errors} == {"out_of_range"}


@pytest.mark.parametrize(
    ("given", "mode", "radius_m", "must_be_open"),
    [
        ({}, "optional", 3_000.0, False),
        ({"cards": ("red",)}, "card", 3_000.0, False),
        ({"cards": ("red",), "deals": "any"}, "any", 3_000.0, False),
        ({"zone": "z"}, "optional", None, False),
        ({"zone": "z", "radius": 500.0}, "optional", 500.0, False),
        ({"bbox": (1.0, 2.0, 3.0, 4.0)}, "optional", None, False),
        ({"open": "now"}, "optional", 3_000.0, True),
        ({"min_minutes_left": 1}, "optional", 3_000.0, True),
    ],
)
def test_resolved_values(
    given: dict[str, Any], mode: str, radius_m: float | None, must_be_open: bool
) -> None:
    query = Query(lat=31.23, lng=121.47, **given)
    assert (query.deals_mode, query.radius_m, query.must_be_open) == (mode, radius_m, must_be_open)


def test_a_query_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Query(lat=1.0, lng=2.0).lat = 3.0  # type: ignore[misc]
    changed = msgspec.structs.replace(Query(lat=1.0, lng=2.0), limit=5)
    assert changed.limit == 5
