"""Shops of three cities imported, built, and asked: made-up ones and 54,196 of OpenStreetMap.

Every shop within 10 km is compared with haversine and opening-hours-py over the file itself, in
both directions, whether it was found or not.
"""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]

import geosearch
from geosearch.hours.schedules import uses_school_holidays
from geosearch.indexing.pipeline import build
from geosearch.query.query import Query
from geosearch.sources.osm.importer import import_osm
from tests.conftest import SOURCES
from tests.opening_hours_py import library_errs
from tests.oracles import haversine_m

NOW = datetime.fromisoformat("2026-11-09T00:00:00+00:00")
"""No public holiday of the cities lies on the days that are asked for: `PH` never applies."""

RADIUS_M = 10_000.0
FILE = Path("osm_veggiekarte") / "places_2022-12.min.json.gz"
MADE_UP = 400
"""Made-up places of each city, up to twice as far as is asked for."""

HOURS = """
24/7
Mo-Su 08:00-20:00
Mo-Fr 09:00-18:00; Sa 10:00-14:00
Mo-Fr 11:30-14:30,17:30-22:00; Sa,Su 12:00-23:00
Tu-Su 12:00-24:00
Fr,Sa 22:00-05:00
Mo-Th 18:00-02:00; Fr-Sa 18:00-04:00; Su off
Mo-Sa 07:00-12:00; PH off
We-Mo 10:00-19:00; Tu closed
Su 10:00-18:00
Mo-Fr 10:00-19:30, Sa 10:00-18:00
11:00-23:00; We off
Nov-Mar Mo-Su 12:00-17:00; Apr-Oct Mo-Su 10:00-22:00
Dec 10:00-22:00; Jan-Nov 12:00-20:00
2026 Nov 22 off; Mo-Su 09:00-21:00
Mo-Su sunrise-sunset
Mo-Sa (sunset-01:00)-23:00
Mo-Su 17:00-03:00
Sa-Su 00:00-24:00
Mo[1] 10:00-12:00; Tu-Fr 14:00-18:00
Mo-Fr 08:00-18:00 unknown
week 1-53/2 Mo-Fr 08:00-16:00
Fr 12:00-18:00; Sa 00:00-01:00,10:00-24:00
""".strip().splitlines()


class City(NamedTuple):
    lat: float
    lng: float
    zone: str
    least: int  # real shops within 10 km


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


def make_up(file: Path) -> None:
    """Write places as the real file has them: most with hours, some vacant, some without a name."""
    rng = random.Random(16)
    features: list[dict[str, Any]] = []
    for city in CITIES.values():
        for _ in range(MADE_UP):
            number = len(features)
            lat = city.lat + rng.uniform(-0.13, 0.13)
            lng = city.lng + rng.uniform(-0.13, 0.13) / math.cos(math.radians(city.lat))
            about: dict[str, Any] = {"_type": rng.choice(("node", "way")), "_id": number}
            about |= {"name": f"Place {number}"} if number % 20 else {}
            kind = "vacant" if number % 97 == 1 else rng.choice(("bakery", "books", "deli"))
            about |= {"shop": kind}
            about |= {"opening_hours": rng.choice(HOURS)} if rng.random() < 0.7 else {}
            point = {"type": "Point", "coordinates": [lng, lat]}
            features.append({"type": "Feature", "geometry": point, "properties": about})
    content = json.dumps({"type": "FeatureCollection", "features": features})
    file.write_bytes(gzip.compress(content.encode()))


@pytest.fixture(scope="module", params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "real":
        folder: Path = request.getfixturevalue("shared_data")
        return folder / FILE
    file = tmp_path_factory.mktemp("made-up") / FILE.name
    make_up(file)
    return file


@pytest.fixture(scope="module")
def engine(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("osm")
    report = import_osm(source, folder / "snapshot")
    assert report.places == (54_196 if is_real(source) else len(CITIES) * MADE_UP)
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


def is_real(source: Path) -> bool:
    return source.parts[-2] == FILE.parts[0]


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


def test_every_place_is_indexed(engine: Any, shops: dict[str, Shop], source: Path) -> None:
    assert engine.info()["merchants"] == len(shops) > (54_000 if is_real(source) else 1_000)


@pytest.mark.parametrize("city", CITIES.values(), ids=CITIES)
@pytest.mark.parametrize("clock", WALL_CLOCKS)
def test_city(engine: Any, shops: dict[str, Shop], source: Path, city: City, clock: str) -> None:
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
    assert len(near) >= (city.least if is_real(source) else MADE_UP // 4)
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
    assert {"open", "closed", "unknown"} <= set(expected.values())
    sure = {key for key, state in expected.items() if state == "open"}
    maybe = {key for key, state in expected.items() if state is None}
    assert sure <= open_now.keys() <= sure | maybe
    assert len(maybe) < 0.3 * len(near)
    with_unknown = everything(engine, query | {"open": "now", "hours_unknown": "include"})
    unknown = {key for key, state in expected.items() if state == "unknown"}
    assert sure | unknown <= with_unknown.keys() <= sure | unknown | maybe
    assert engine.rank(Query(**query, open="now", total=True)).total == len(open_now)
