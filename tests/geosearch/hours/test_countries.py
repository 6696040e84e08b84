"""Positions are in the country, and the part of it, that they are in."""

import gzip
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely
import tzfpy

from geosearch.hours.borders import read_parts
from geosearch.hours.countries import countries_at, country_at, country_of_zone
from geosearch.hours.holidays import is_country, read_country

PLACES: list[tuple[str, float, float, str | None]] = [
    ("Shanghai", 31.2304, 121.4737, "CN"),
    ("Urumqi, in two zones", 43.8256, 87.6168, "CN"),
    ("Shenzhen", 22.5431, 114.0579, "CN"),
    ("Shenzhen, Futian port", 22.5183, 114.0690, "CN"),
    ("Zhuhai", 22.2710, 113.5767, "CN"),
    ("Xiamen", 24.4798, 118.0894, "CN"),
    ("Hong Kong, Central", 22.2819, 114.1580, "HK"),
    ("Hong Kong, Sheung Shui", 22.5011, 114.1281, "HK"),
    ("Hong Kong, Lok Ma Chau station", 22.5143, 114.0657, "HK"),
    ("Macau, Senado Square", 22.1937, 113.5399, "MO"),
    ("Macau, Taipa", 22.1560, 113.5578, "MO"),
    ("Taipei", 25.0330, 121.5654, "TW"),
    ("Kinmen, off Xiamen", 24.4368, 118.3186, "TW"),
    ("Tokyo", 35.6812, 139.7671, "JP"),
    ("Hanoi, in the zone of Bangkok", 21.0285, 105.8542, "VN"),
    ("Haiphong", 20.8449, 106.6881, "VN"),
    ("Mong Cai, beside Dongxing", 21.5240, 107.9670, "VN"),
    ("Lao Cai, beside Hekou", 22.4809, 103.9755, "VN"),
    ("Dien Bien Phu", 21.3860, 103.0230, "VN"),
    ("Vinh", 18.6796, 105.6813, "VN"),
    ("Dong Hoi", 17.4689, 106.6223, "VN"),
    ("Da Nang, in Vietnam's own zone", 16.0544, 108.2022, "VN"),
    ("Bangkok", 13.7563, 100.5018, "TH"),
    ("Nakhon Phanom, beside Laos", 17.4108, 104.7784, "TH"),
    ("Bueng Kan, beside Laos", 18.3609, 103.6464, "TH"),
    ("Ubon Ratchathani", 15.2448, 104.8473, "TH"),
    ("Chiang Saen", 20.2748, 100.0880, "TH"),
    ("Vientiane", 17.9757, 102.6331, "LA"),
    ("London", 51.5074, -0.1278, "GB-ENG"),
    ("Edinburgh", 55.9533, -3.1883, "GB-SCT"),
    ("Stornoway, on an island", 58.2090, -6.3890, "GB-SCT"),
    ("Cardiff", 51.4816, -3.1791, "GB-WLS"),
    ("Derry", 54.9966, -7.3086, "GB-NIR"),
    ("Letterkenny", 54.9503, -7.7339, "IE"),
    ("Douglas", 54.1500, -4.4860, "IM"),
    ("Munich", 48.1372, 11.5755, "DE-BY"),
    ("Berlin", 52.5200, 13.4050, "DE-BE"),
    ("Potsdam", 52.3989, 13.0657, "DE-BB"),
    ("Büsingen, in Switzerland", 47.6967, 8.6900, "DE-BW"),
    ("Ulm, on the Danube", 48.3984, 9.9916, "DE"),
    ("Konstanz", 47.6603, 9.1758, "DE-BW"),
    ("Kreuzlingen", 47.6480, 9.1750, "CH-TG"),
    ("Basel", 47.5596, 7.5886, "CH-BS"),
    ("Strasbourg", 48.5734, 7.7521, "FR-6AE"),
    ("Metz", 49.1193, 6.1757, "FR-57"),
    ("Paris", 48.8566, 2.3522, "FR"),
    ("Saint-Denis, Réunion", -20.8789, 55.4481, "RE"),
    ("Barcelona", 41.3874, 2.1686, "ES-CT"),
    ("Llívia, in France", 42.4640, 1.9800, "ES-CT"),
    ("Funchal", 32.6500, -16.9080, "PT-30"),
    ("Lisbon", 38.7223, -9.1393, "PT"),
    ("Vatican", 41.9029, 12.4534, "VA"),
    ("Pristina", 42.6629, 21.1655, "XK"),
    ("Belgrade", 44.7866, 20.4489, "RS"),
    ("Los Angeles", 34.0522, -118.2437, "US-CA"),
    ("San Ysidro", 32.5480, -117.0300, "US-CA"),
    ("Tijuana", 32.5149, -117.0382, "MX"),
    ("Honolulu", 21.3069, -157.8583, "US-HI"),
    ("San Juan, Puerto Rico", 18.4655, -66.1057, "PR"),
    ("Texarkana, on the state line", 33.4251, -94.0431, "US"),
    ("Toronto", 43.6532, -79.3832, "CA-ON"),
    ("Sydney", -33.8688, 151.2093, "AU-NSW"),
    ("Canberra", -35.2809, 149.1300, "AU-ACT"),
    ("Kuala Lumpur", 3.1390, 101.6869, "MY-14"),
    ("Mumbai", 19.0760, 72.8777, "IN-MH"),
    ("the Atlantic", 0.0, -30.0, None),
    ("no position", math.nan, 0.0, None),
    ("beyond the pole", 91.0, 0.0, None),
    ("beyond the date line", 0.0, 181.0, None),
]


@pytest.mark.parametrize(("name", "lat", "lng", "code"), PLACES)
def test_a_place_has_its_country_and_part(
    name: str, lat: float, lng: float, code: str | None
) -> None:
    assert country_at(lat, lng) == code


def test_many_places_are_told_as_one() -> None:
    found = countries_at([place[1] for place in PLACES], [place[2] for place in PLACES])
    assert found == [place[3] for place in PLACES]
    assert countries_at([], []) == []


def test_every_part_has_a_calendar_of_its_own() -> None:
    for code in read_parts().codes:
        assert read_country(code) == (code, False)


def test_every_zone_of_the_polygons_has_a_country() -> None:
    zones = {zone.strip() for zone in tzfpy.timezonenames()}
    without = {zone for zone in zones if country_of_zone(zone) is None}
    assert {zone.partition("/")[0] for zone in without} == {"Etc"}
    assert len(zones - without) > 400
    assert all(is_country(str(country_of_zone(zone))) for zone in zones - without)


AUSTRALIA = {
    "Australia/Adelaide": "AU-SA",
    "Australia/Brisbane": "AU-QLD",
    "Australia/Darwin": "AU-NT",
    "Australia/Melbourne": "AU-VIC",
    "Australia/Perth": "AU-WA",
    "Australia/Sydney": "AU-NSW",
}


def test_near_borders_of_states_that_have_time_zones() -> None:
    """An independent map: the polygons of the zones come from OpenStreetMap."""
    numbers = np.random.default_rng(20261129)
    parts = read_parts()
    shapes = dict(zip(parts.codes, parts.shapes, strict=True))
    mainland = sorted(AUSTRALIA.values())
    lats: list[float] = []
    lngs: list[float] = []
    for number, one in enumerate(mainland):
        for other in mainland[number + 1 :]:
            border = shapely.get_coordinates(
                shapely.intersection(shapes[one].boundary, shapes[other].buffer(0.001))
            )
            if len(border) > 20:
                near = border[numbers.integers(0, len(border), 300)]
                lngs += (near[:, 0] + numbers.uniform(-0.25, 0.25, 300)).tolist()
                lats += (near[:, 1] + numbers.uniform(-0.25, 0.25, 300)).tolist()
    told: Counter[str] = Counter()
    for lat, lng, code in zip(lats, lngs, countries_at(lats, lngs), strict=True):
        state = AUSTRALIA.get(tzfpy.get_tz(lng, lat))
        if state is not None and code is not None:
            told["unsure" if code == "AU" else "right" if code == state else "wrong"] += 1
    assert told.total() > 500
    assert told["wrong"] <= 0.01 * told.total()
    assert told["unsure"] <= 0.2 * told.total()


TOWNS = {
    "Berlin": "DE-BE", "Hamburg": "DE-HH", "München": "DE-BY", "Köln": "DE-NW", "Mainz": "DE-RP",
    "Wiesbaden": "DE-HE", "Ulm": "DE-BW", "Neu-Ulm": "DE-BY", "Bremen": "DE-HB", "Potsdam": "DE-BB",
    "Mannheim": "DE-BW", "Leipzig": "DE-SN", "Halle (Saale)": "DE-ST", "Lübeck": "DE-SH",
    "Bremerhaven": "DE-HB", "Falkensee": "DE-BB", "Norderstedt": "DE-SH", "Erfurt": "DE-TH",
    "Edinburgh": "GB-SCT", "Glasgow": "GB-SCT", "Cardiff": "GB-WLS", "Bristol": "GB-ENG",
    "Zürich": "CH-ZH", "Basel": "CH-BS", "Genève": "CH-GE", "Strasbourg": "FR-6AE",
    "Barcelona": "ES-CT", "Madrid": "ES-MD", "San Francisco": "US-CA", "New York": "US-NY",
}  # fmt: skip


def test_real_places_are_in_the_part_of_their_town(shared_data: Path) -> None:
    """By the town that their address names, many of them on a border."""
    file = shared_data / "osm_veggiekarte" / "places_2022-12.min.json.gz"
    places = [
        (*place["geometry"]["coordinates"], TOWNS[place["properties"]["addr_city"]])
        for place in json.loads(gzip.decompress(file.read_bytes()))["features"]
        if place["properties"].get("addr_city") in TOWNS
    ]
    found = countries_at([place[1] for place in places], [place[0] for place in places])
    pairs = Counter(zip(found, (place[2] for place in places), strict=True))
    unsure = sum(count for (code, town), count in pairs.items() if code == town[:2])
    right = sum(count for (code, town), count in pairs.items() if code == town)
    # Towns of the same name in other countries are no fault of the map.
    wrong = {pair for pair in pairs if pair[0] not in (pair[1], pair[1][:2])}
    assert not {(code, town) for code, town in wrong if str(code)[:2] == town[:2]}
    assert right > 4400
    assert unsure < 0.06 * len(places)
