"""Importing OpenStreetMap places: rows and report, real files, and input that is odd."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch.cli.app import run
from geosearch.errors import BadData, BadRequest
from geosearch.snapshot.reader import read_snapshot
from geosearch.sources.osm import tags as osm_tags
from geosearch.sources.osm.importer import import_osm
from geosearch.sources.osm.report import ImportReport
from tests.geosearch.contract_rows import MERCHANT, faults, merchant_faults

Row = dict[str, Any]

CAFE = {
    "type": "node",
    "id": 7,
    "lon": 121.44,
    "lat": 31.22,
    "tags": {
        "amenity": "cafe",
        "name": "青禾咖啡",
        "name:en": "Green Grain",
        "name:zh-Hant": "青禾咖啡館",
        "alt_name": "青禾;Grain",
        "cuisine": "coffee_shop",
        "opening_hours": "Mo-Su 08:00-20:00",
        "contact:phone": "+86 21 0000",
        "addr:street": "武康路",
        "addr:housenumber": "5",
        "addr:city": "上海市",
        "addr:country": "cn",
        "internet_access": "wlan",
    },
}


def lines(path: Path, *places: object) -> Path:
    path.write_text("".join(f"{json.dumps(place)}\n" for place in places), "utf-8")
    return path


def features(path: Path, *properties: tuple[Row, object], **more: object) -> Path:
    whole = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": geometry, "properties": tags}
            for tags, geometry in properties
        ],
        **more,
    }
    path.write_text(json.dumps(whole), "utf-8")
    return path


def point(lng: float, lat: float) -> Row:
    return {"type": "Point", "coordinates": [lng, lat]}


def rows(out: Path, name: str = "merchants") -> list[Row]:
    return [json.loads(line) for line in (out / f"{name}.ndjson").read_text("utf-8").splitlines()]


def test_a_line_becomes_a_merchant(tmp_path: Path) -> None:
    import_osm(lines(tmp_path / "places.jsonl", CAFE), tmp_path / "out")
    assert rows(tmp_path / "out") == [
        {
            "merchant_id": "osm-node-7",
            "name": "青禾咖啡",
            "lat": 31.22,
            "lng": 121.44,
            "aliases": ["Green Grain", "青禾咖啡館", "青禾", "Grain"],
            "categories": ["food.cafe.coffee_shop", "food.cafe"],
            "address": "武康路 5, 上海市",
            "city": "上海市",
            "opening_hours": "Mo-Su 08:00-20:00",
            "tags": ["wifi"],
            "phone": "+86 21 0000",
            "time_zone": "Asia/Shanghai",
            "country": "CN",
        }
    ]
    envelope = json.loads((tmp_path / "out" / "snapshot.json").read_text("utf-8"))
    assert envelope["country"] == "CN"
    assert envelope["time_zone"] == "Asia/Shanghai"
    assert envelope["crs"] == "WGS84"
    assert rows(tmp_path / "out", "deals") == rows(tmp_path / "out", "programs") == []


def test_a_feature_becomes_a_merchant(tmp_path: Path) -> None:
    tags = {
        "_type": "way",
        "_id": 9,
        "name": "Falafel",
        "icon": "maki_restaurant-pizza",
        "category": "vegan_only",
        "addr_city": "Berlin",
        "addr_country": "DE",
        "contact_website": "https://falafel.example",
        "shop": "bakery",
    }
    file = features(
        tmp_path / "p.json", (tags, point(13.4, 52.5)), _timestamp="2022-12-02 14:53:30.5"
    )
    import_osm(file, tmp_path / "out")
    assert rows(tmp_path / "out") == [
        {
            "merchant_id": "osm-way-9",
            "name": "Falafel",
            "lat": 52.5,
            "lng": 13.4,
            "categories": ["food.restaurant.pizza", "food.restaurant", "shop.bakery"],
            "address": "Berlin",
            "city": "Berlin",
            "url": "https://falafel.example",
            "tags": ["vegan_only"],
            "time_zone": "Europe/Berlin",
            "country": "DE-BE",
        }
    ]
    envelope = json.loads((tmp_path / "out" / "snapshot.json").read_text("utf-8"))
    assert envelope["created_at"] == "2022-12-02T14:53:30+00:00"
    assert envelope["country"] == "DE"


def test_places_without_an_id_are_counted(tmp_path: Path) -> None:
    fine, bad = ({"id": "node/8", "name": "x"}, point(1, 50)), ({"name": "x"}, point(1, 50))
    report = import_osm(features(tmp_path / "p.json", fine, bad), tmp_path / "out")
    assert (report.places, report.without_id, report.bad) == (2, 1, 1)
    assert [row.get("merchant_id") for row in rows(tmp_path / "out")] == ["osm-node-8", None]
    assert report.text().splitlines()[1:] == [
        "of these 1 lack an id",
        "50% of the rows are bad and a build takes 5%: use `--max-rejected 0.51`",
    ]


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ([{"name": "x"}, {"amenity": "cafe"}], "got none among 2: 2 lack an id, 1 lack a name"),
        ([{"id": "node/1", "amenity": "bench"}], "among 1: 1 are no merchants or not open yet"),
        ([{"id": "node/1", "name": "x", "planned:shop": "yes"}], "among 1: 1 are no merchants"),
    ],
)
def test_an_import_that_cannot_be_built_is_told(
    tmp_path: Path, properties: list[Row], says: str
) -> None:
    """The snapshot that was in the folder stays."""
    out = tmp_path / "out"
    import_osm(lines(tmp_path / "fine.jsonl", CAFE), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    file = features(tmp_path / "p.json", *((tags, point(1, 50)) for tags in properties))
    with pytest.raises(BadData, match=says):
        import_osm(file, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_import_that_cannot_be_built_ends_with_3(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = features(tmp_path / "p.json", ({"name": "x"}, point(1, 50)))
    assert run(["import", "osm", str(file), "--out", str(tmp_path / "out")]) == 3
    assert "1 lack an id" in capfd.readouterr().err


def test_types_may_be_one_letter(tmp_path: Path) -> None:
    places = [{**CAFE, "type": letter, "id": 1} for letter in "nwr"]
    import_osm(lines(tmp_path / "p.jsonl", *places), tmp_path / "out")
    ids = [row["merchant_id"] for row in rows(tmp_path / "out")]
    assert ids == ["osm-node-1", "osm-way-1", "osm-relation-1"]


def test_other_shapes_stand_at_their_centre(tmp_path: Path) -> None:
    ring = [[0, 50], [2, 50], [2, 52], [0, 52], [0, 50]]
    file = features(
        tmp_path / "p.json",
        ({"name": "x", "full_id": "w1"}, {"type": "Polygon", "coordinates": [ring]}),
    )
    import_osm(file, tmp_path / "out")
    assert (rows(tmp_path / "out")[0]["lat"], rows(tmp_path / "out")[0]["lng"]) == (51, 1)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"amenity": "restaurant"}, ["food.restaurant"]),
        (
            {"amenity": "restaurant", "cuisine": "Hot Pot; 火锅 ;;-"},
            ["food.restaurant.hot_pot", "food.restaurant.火锅", "food.restaurant"],
        ),
        ({"amenity": "pub;ktv"}, ["food.pub", "amenity.ktv"]),
        ({"shop": "bakery"}, ["shop.bakery"]),
        ({"shop": "yes"}, ["shop"]),
        ({"shop": "vacant"}, []),
        ({"shop": "vacant", "amenity": "cafe"}, ["food.cafe"]),
        ({"amenity": "no", "shop": "disused", "tourism": "yes"}, []),
        ({"tourism": "hotel"}, ["hotel.hotel"]),
        ({"tourism": "museum"}, ["sight.museum"]),
        ({"amenity": "pharmacy", "healthcare": "pharmacy"}, ["health.pharmacy"]),
        ({"amenity": "bank"}, ["money.bank"]),
        ({"leisure": "fitness_centre"}, ["leisure.fitness_centre"]),
        ({"craft": "brewery"}, ["craft.brewery"]),
        ({"building": "yes"}, []),
    ],
)
def test_categories_come_from_tags(tags: dict[str, str], expected: list[str]) -> None:
    assert osm_tags.categories(tags) == expected


@pytest.mark.parametrize(
    ("tags", "name", "aliases"),
    [
        ({"name": "A", "name:en": "B", "name:fr": "A"}, "A", ["B"]),
        ({"name:vi": "Phở"}, "Phở", []),
        ({"name": " ", "official_name": "Full"}, "Full", []),
        ({"brand": "Cha", "brand:zh": "茶"}, "Cha", ["茶"]),
        ({"name": "A", "name:etymology": "B", "name:signed": "no"}, "A", []),
        ({"amenity": "cafe"}, None, []),
    ],
)
def test_names_in_all_languages(tags: dict[str, str], name: str | None, aliases: list[str]) -> None:
    assert osm_tags.display_name(tags) == name
    assert osm_tags.aliases(tags, name) == aliases


def test_what_is_gone_is_closed_for_good_and_what_is_planned_stays_out(tmp_path: Path) -> None:
    tagged = [
        {"name": "Live", "amenity": "cafe", "disused:shop": "shoes"},
        {"name": "Old", "shop": "vacant"},
        {"name": "Was", "was:amenity": "cafe"},
        {"name": "Ended", "shop": "shoes", "end_date": "2026-11-09"},
        {"name": "Soon", "shop": "shoes", "opening_date": "2026-12"},
        {"disused:amenity": "cafe"},
    ]
    places = [{**CAFE, "id": number, "tags": tags} for number, tags in enumerate(tagged)]
    file = lines(tmp_path / "p.jsonl", *places)
    report = import_osm(file, tmp_path / "out", now=datetime(2026, 11, 10, tzinfo=UTC))
    found = {row["name"]: row.get("business_status") for row in rows(tmp_path / "out")}
    gone = "CLOSED_PERMANENTLY"
    assert found == {"Live": None, "Old": gone, "Was": gone, "Ended": gone}
    left = [(row["line"], row["code"]) for row in rows(tmp_path / "out", "not_imported")]
    assert left == [(5, "not_open_yet"), (6, "gone")]
    assert (report.gone, report.not_imported, report.not_open_yet, report.bad) == (3, 2, 1, 0)
    again = import_osm(file, tmp_path / "out", now=datetime(2026, 11, 9, tzinfo=UTC))
    assert again.gone == 2
    assert [row["name"] for row in rows(tmp_path / "out") if "business_status" not in row] == [
        "Live",
        "Ended",
    ]


# -- odd input goes through and ends in the build's list of rejects


ODD: list[tuple[object, str]] = [
    ({**CAFE, "id": 1, "tags": {"amenity": "cafe"}}, "missing_field"),
    ({**CAFE, "id": 2, "tags": {}}, "missing_field"),
    ({"type": "node", "id": 3, "tags": {"name": "nowhere"}}, "missing_field"),
    ({**CAFE, "id": 4, "lat": "north"}, "wrong_type"),
    ({**CAFE, "id": 5, "lat": 91.5}, "out_of_range"),
    ({**CAFE, "id": 6, "lon": None}, "missing_field"),
    (["no", "object"], "not_json"),
]


def test_odd_places_are_rejected_by_the_build(tmp_path: Path) -> None:
    file = lines(tmp_path / "p.jsonl", CAFE, *(place for place, _ in ODD))
    with file.open("a") as more:
        more.write("\n{broken\n")
    report = import_osm(file, tmp_path / "out", country="CN")
    assert report.places == len(ODD) + 2
    assert report.bad >= len(ODD)
    snapshot = read_snapshot(tmp_path / "out", max_rejected=1.0)
    assert snapshot.merchants["merchant_id"].to_list() == ["osm-node-7"]
    rejected = snapshot.rejects.counts()["merchants"]
    assert rejected == {"missing_field": 4, "wrong_type": 1, "out_of_range": 1, "not_json": 2}


def test_unreadable_hours_stay_as_they_are(tmp_path: Path) -> None:
    place = {**CAFE, "tags": {"name": "x", "opening_hours": "open"}}
    import_osm(lines(tmp_path / "p.jsonl", place), tmp_path / "out")
    assert rows(tmp_path / "out")[0]["opening_hours"] == "open"


@pytest.mark.parametrize(
    "geometry", [None, {}, {"type": "Point"}, {"type": "Polygon", "coordinates": "x"}, "here"]
)
def test_features_without_position(tmp_path: Path, geometry: object) -> None:
    fine = ({"_type": "node", "_id": 2, "name": "y"}, point(1, 50))
    file = features(tmp_path / "p.json", ({"_type": "node", "_id": 1, "name": "x"}, geometry), fine)
    report = import_osm(file, tmp_path / "out", country="DE")
    assert (report.without_position, report.bad) == (1, 1)
    assert rows(tmp_path / "out")[0] == {"merchant_id": "osm-node-1", "name": "x"}


def test_nameless_facilities_are_listed_and_not_imported(tmp_path: Path) -> None:
    bench = {"type": "node", "id": 2, "lat": 1.0, "lon": 1.0, "tags": {"amenity": "bench"}}
    named = {**bench, "id": 3, "tags": {"amenity": "parking", "name": "P1"}}
    file = lines(tmp_path / "p.jsonl", CAFE, bench, named)
    report = import_osm(file, tmp_path / "out")
    assert [row["merchant_id"] for row in rows(tmp_path / "out")] == ["osm-node-7", "osm-node-3"]
    assert (report.not_imported, report.nameless) == (1, 0)
    (entry,) = rows(tmp_path / "out", "not_imported")
    assert entry["row"] == bench
    assert (entry["file"], entry["line"], entry["code"]) == ("p.jsonl", 2, "not_a_merchant")
    assert entry["message"].endswith("at line 2 of p.jsonl")


UNNAMED: list[tuple[Row, tuple[float, float], str | None]] = [
    ({"amenity": "toilets"}, (30.25, 120.16), "公共厕所"),
    ({"amenity": "toilets", "access": "yes"}, (51.5, -0.12), "Public Toilet"),
    ({"amenity": "toilets"}, (52.52, 13.4), "Öffentliche Toilette"),
    ({"amenity": "toilets"}, (50.85, 4.35), "Openbaar toilet"),
    ({"amenity": "toilets"}, (43.65, -79.38), "Public Toilet"),
    ({"amenity": "atm"}, (22.28, 114.16), "提款機"),
    ({"amenity": "fuel", "shop": "convenience"}, (30.25, 120.16), "加油站"),
    ({"amenity": "fuel", "brand": "Shell"}, (30.25, 120.16), "Shell"),
    ({"amenity": "parking"}, (40.41, -3.7), "Estacionamiento"),
    ({"amenity": "charging_station"}, (-35.0, 149.1), "Charging Station"),
    ({"amenity": "toilets", "access": "private"}, (30.25, 120.16), None),
    ({"amenity": "toilets", "access": "Customers"}, (30.25, 120.16), None),
    ({"amenity": "parking", "access": "no"}, (30.25, 120.16), None),
    ({"amenity": "toilets", "disused": "yes"}, (30.25, 120.16), None),
    ({"amenity": "toilets", "opening_date": "2030"}, (30.25, 120.16), None),
    ({"disused:amenity": "toilets"}, (30.25, 120.16), None),
    ({"amenity": "parking_space"}, (30.25, 120.16), None),
    ({"amenity": "waste_basket"}, (30.25, 120.16), None),
    ({"amenity": "bench;toilets"}, (30.25, 120.16), None),
]


def test_a_nameless_place_that_people_seek_by_kind_has_the_name_of_its_kind(tmp_path: Path) -> None:
    places = [
        {"type": "node", "id": number, "lat": lat, "lon": lng, "tags": tags}
        for number, (tags, (lat, lng), _) in enumerate(UNNAMED)
    ]
    now = datetime(2026, 11, 29, tzinfo=UTC)
    report = import_osm(lines(tmp_path / "p.jsonl", *places), tmp_path / "out", now=now)
    found = {row["merchant_id"]: row["name"] for row in rows(tmp_path / "out")}
    expected = {f"osm-node-{n}": name for n, (*_, name) in enumerate(UNNAMED) if name is not None}
    assert found == expected
    assert report.not_imported == len(UNNAMED) - len(expected)
    # A brand is a name that the data has.
    assert report.named_by_kind.total() == len(expected) - 1
    assert "9 have no name and are called by their kind: 5 amenity.toilets," in report.text()


def test_the_operator_of_a_place_called_by_its_kind_finds_it(tmp_path: Path) -> None:
    place = {**CAFE, "tags": {"amenity": "atm", "operator": "招商银行"}}
    import_osm(lines(tmp_path / "p.jsonl", place), tmp_path / "out")
    (row,) = rows(tmp_path / "out")
    assert (row["name"], row["aliases"]) == ("ATM机", ["招商银行"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JSON object at all"),
        (b"hello\nworld\n", "no JSON object at all"),
        (b'{"type":"FeatureCollection","features":[{"ty', "Expected whole GeoJSON"),
        (b"\x1f\x8b\x08broken", "Cannot read the file"),
        (gzip.compress(b'{"a": 1}' * 99, mtime=0)[:30], "Cannot read the file"),
    ],
)
def test_unreadable_files_are_told(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "places.json.gz"
    file.write_bytes(content)
    with pytest.raises(BadData, match=says):
        import_osm(file, tmp_path / "out")


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="nothing"):
        import_osm(tmp_path / "nothing", tmp_path / "out")


def test_country_is_asked_for_where_nothing_tells(tmp_path: Path) -> None:
    sea = {"type": "node", "id": 1, "lat": 0.0, "lon": -30.0, "tags": {"name": "ship"}}
    file = lines(tmp_path / "p.jsonl", sea)
    with pytest.raises(BadData, match="Expected `country`"):
        import_osm(file, tmp_path / "out")
    for country in ("PT", "PT-20"):
        import_osm(file, tmp_path / "out", country=country)
        assert json.loads((tmp_path / "out" / "snapshot.json").read_text())["country"] == country
        assert "country" not in rows(tmp_path / "out")[0], "nor does the sea"


def test_each_place_has_the_country_of_its_position(tmp_path: Path) -> None:
    positions = {"CN": (31.2, 121.4), "HK": (22.28, 114.16), "GB-SCT": (55.95, -3.19)}
    places = [
        {**CAFE, "id": number, "lat": lat, "lon": lng, "tags": {"name": "x", "addr:country": "CN"}}
        for number, (lat, lng) in enumerate(positions.values())
    ]
    import_osm(lines(tmp_path / "p.jsonl", *places), tmp_path / "out", country="CN")
    assert [row["country"] for row in rows(tmp_path / "out")] == [*positions]


@pytest.mark.parametrize("country", ["zz", "ZZ", "ZZ-A", "cn", ""])
def test_what_is_no_country_is_refused_before_anything_is_written(
    tmp_path: Path, country: str
) -> None:
    file = lines(tmp_path / "p.jsonl", CAFE)
    with pytest.raises(BadRequest, match=f"Expected `country` as .*, got '{country}'"):
        import_osm(file, tmp_path / "out", country=country)
    assert not (tmp_path / "out").exists()


def test_an_address_in_no_country_names_none(tmp_path: Path) -> None:
    """Else the build would refuse the snapshot."""
    place = {**CAFE, "lat": 48.2, "lon": 16.37, "tags": {"name": "x", "addr:country": "EU"}}
    import_osm(lines(tmp_path / "p.jsonl", place), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "snapshot.json").read_text())["country"] == "AT"


def test_country_of_the_zone(tmp_path: Path) -> None:
    place = {**CAFE, "lat": 48.2, "lon": 16.37, "tags": {"name": "x"}}
    import_osm(lines(tmp_path / "p.jsonl", place), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "snapshot.json").read_text())["country"] == "AT"


# -- real files


def imported(file: Path, out: Path) -> tuple[ImportReport, list[Row]]:
    report = import_osm(file, out)
    return report, rows(out)


def test_veggiekarte(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / "osm_veggiekarte" / "places_2022-12.min.json.gz"
    report, found = imported(file, tmp_path)
    assert report.places == len(found) == 54_196
    assert report.bad == report.not_imported == 0
    assert sum("opening_hours" in row for row in found) == 36_353
    assert len({row["merchant_id"] for row in found}) == 54_196
    assert report.countries.most_common(1)[0][0] == "DE"
    assert len(report.zones) > 150
    assert sum("categories" in row for row in found) > 0.98 * len(found)
    assert not [fault for row in found for fault in merchant_faults(row)]
    berlin = [
        row for row in found if abs(row["lat"] - 52.5) < 0.2 and abs(row["lng"] - 13.4) < 0.35
    ]
    assert {row["time_zone"] for row in berlin} == {"Europe/Berlin"}


def test_hangzhou(tmp_path: Path, shared_data: Path) -> None:
    report, found = imported(shared_data / "osm_hangzhou" / "pois.jsonl.gz", tmp_path)
    assert report.places == 8_964
    assert report.places == len(found) + len(rows(tmp_path, "not_imported"))
    assert report.nameless == sum("name" not in row for row in found)
    assert report.named_by_kind["amenity.toilets"] == 257
    assert {row["time_zone"] for row in found} == {"Asia/Shanghai"}
    assert sum("opening_hours" in row for row in found) > 150
    snapshot = read_snapshot(tmp_path)
    assert snapshot.rejects.counts("reject") == {"merchants": {"missing_field": report.nameless}}
    # Tags that the tagging schema has no name for.
    assert snapshot.rejects.counts("warning").keys() == {"merchants"}
    assert snapshot.rejects.counts("warning")["merchants"].keys() == {"unlisted_category"}
    assert len(snapshot.merchants) > 6_000


@pytest.mark.parametrize(
    ("name", "places", "with_hours", "country"),
    [("pois.jsonl.gz", 2_285, 126, "US"), ("hanoi_restaurants.jsonl.gz", 816, 113, "VN")],
)
def test_small_extracts(
    tmp_path: Path, shared_data: Path, name: str, places: int, with_hours: int, country: str
) -> None:
    report, found = imported(shared_data / "osm_small_extracts" / name, tmp_path)
    assert report.places == places == len(found) + report.not_imported
    assert sum("opening_hours" in row for row in found) == with_hours
    assert json.loads((tmp_path / "snapshot.json").read_text())["country"] == country
    assert not [fault for row in found for fault in faults(row, MERCHANT, {"merchant_id"})]
    assert len(read_snapshot(tmp_path).merchants) == sum("name" in row for row in found)
