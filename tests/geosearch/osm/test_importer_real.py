"""Real shops: 54,196 OpenStreetMap places imported, built, and asked in three cities.

Every shop within 10 km is compared with haversine and opening-hours-py over the file itself, in
both directions, whether it was found or not.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]

import geosearch
from geosearch.build.pipeline import build
from geosearch.hours.schedules import uses_school_holidays
from geosearch.model import Query
from geosearch.osm.importer import import_osm
from tests.opening_hours_py import library_errs
from tests.oracles import haversine_m

NOW = datetime.fromisoformat("2026-11-09T00:00:00+00:00")
"""No public holiday of the cities lies on the days that are asked for: `PH` never applies."""

RADIUS_M = 10_000.0
FILE = Path("osm_veggiekarte") / "places_2022-12.min.json.gz"


class City(NamedTuple):
    lat: float
    lng: float
    zone: str
    least: int  # shops within 10 km


CITIES = {
    "Berlin": City(52.52, 13.405, "Europe/Berlin", 1500),
    "London": City(51.5074, -0.1278, "Europe/London", 900),
    "Taipei": City(25.033, 121.5654, "Asia/Taipei", 300),
}
WALL_CLOCKS = (
    "2026-11-18T12:30:00",  # a Wednesday
    "2026-11-20T17:59:00",
    "2026-11-21T23:59:00",
    "2026-11-22T00:30:00",  # Saturday night
    "2026-11-22T10:00:00",
    "2026-11-23T02:00:00",
    "2026-11-23T07:30:00",
    "2026-12-01T22:00:00",
)


class Shop(NamedTuple):
    lat: float
    lng: float
    hours: str | None
    tag: str | None


@cache
def places(file: Path) -> dict[str, Shop]:
    """The named places of the file by the id their merchant has."""
    found = {}
    for feature in json.loads(gzip.decompress(file.read_bytes()))["features"]:
        about = feature["properties"]
        if about.get("name"):
            lng, lat = (round(value, 7) for value in feature["geometry"]["coordinates"])
            key = f"osm-{about['_type']}-{about['_id']}"
            found[key] = Shop(lat, lng, about.get("opening_hours"), about.get("shop"))
    return found


@pytest.fixture(scope="module")
def source(shared_data: Path) -> Path:
    return shared_data / FILE


@pytest.fixture(scope="module")
def engine(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("osm")
    report = import_osm(source, folder / "snapshot")
    assert report.places == 54_196
    build(folder / "snapshot", folder / "index", now=NOW)
    opened = geosearch.open_index(folder / "index")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shops(source: Path, engine: Any) -> dict[str, Shop]:
    """Every place but the few empty shops, which count as closed for good."""
    found = {key: shop for key, shop in places(source).items() if engine.merchant(key, NOW)}
    gone = [shop.tag for key, shop in places(source).items() if key not in found]
    assert set(gone) == {"vacant"}
    assert len(gone) < 20
    return found


def everything(engine: Any, query: dict[str, Any]) -> dict[str, Any]:
    """All hits of a query by merchant, page by page; distances never fall."""
    hits: dict[str, Any] = {}
    cursor, before = None, 0.0
    while True:
        answer = engine.search(Query(**query, cursor=cursor))
        for hit in answer.hits:
            assert hit.distance_m >= before
            before = hit.distance_m
            assert hit.merchant["merchant_id"] not in hits
            hits[hit.merchant["merchant_id"]] = hit
        cursor = answer.next_cursor
        if cursor is None:
            return hits


@cache
def parsed(hours: str, zone: str, sun: tuple[float, float] | None) -> OpeningHours | None:
    """The expression as opening-hours-py reads it; None where it does not."""
    try:
        if sun is None:
            return OpeningHours(hours, timezone=ZoneInfo(zone))
        return OpeningHours(hours, timezone=ZoneInfo(zone), coords=sun, auto_country=False)
    except ParserError:
        return None


def state_of(shop: Shop, zone: str, at: datetime) -> str | None:
    """What opening-hours-py says; None where it does not read the hours, or not rightly."""
    if shop.hours is None:
        return "unknown"
    try:
        if library_errs(shop.hours) or uses_school_holidays(shop.hours):
            return None
    except ValueError:
        return None
    sunny = any(word in shop.hours for word in ("sunrise", "sunset", "dawn", "dusk"))
    hours = parsed(shop.hours, zone, (shop.lat, shop.lng) if sunny else None)
    if hours is None:
        return None
    if hours.is_open(at):
        return "open"
    return "unknown" if hours.is_unknown(at) else "closed"


def test_every_place_is_indexed(engine: Any, shops: dict[str, Shop]) -> None:
    assert engine.info()["merchants"] == len(shops) > 54_000


@pytest.mark.parametrize("city", CITIES.values(), ids=CITIES)
@pytest.mark.parametrize("clock", WALL_CLOCKS)
def test_city(engine: Any, shops: dict[str, Shop], city: City, clock: str) -> None:
    at = datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(city.zone))
    near = {
        key: (shop, distance_m)
        for key, shop in shops.items()
        if (distance_m := haversine_m(city.lat, city.lng, shop.lat, shop.lng)) <= RADIUS_M
    }
    query: dict[str, Any] = {
        "lat": city.lat,
        "lng": city.lng,
        "radius": RADIUS_M,
        "at": at,
        "limit": 100,
    }
    query |= {"sort": "distance"}
    hits = everything(engine, query)
    assert hits.keys() == near.keys()
    assert len(near) >= city.least
    for key, hit in hits.items():
        assert hit.distance_m == pytest.approx(near[key][1], abs=1e-6)

    expected = {key: state_of(shop, city.zone, at) for key, (shop, _) in near.items()}
    wrong = {
        key: (near[key][0].hours, state, hits[key].open.state)
        for key, state in expected.items()
        if state is not None and state != hits[key].open.state
    }
    assert not wrong
    open_now = everything(engine, query | {"open": "now"})
    sure = {key for key, state in expected.items() if state == "open"}
    maybe = {key for key, state in expected.items() if state is None}
    assert sure <= open_now.keys() <= sure | maybe
    assert len(maybe) < 0.3 * len(near)
    with_unknown = everything(engine, query | {"open": "now", "hours_unknown": "include"})
    unknown = {key for key, state in expected.items() if state == "unknown"}
    assert sure | unknown <= with_unknown.keys() <= sure | unknown | maybe
    assert engine.rank(Query(**query, open="now", total=True)).total == len(open_now)
