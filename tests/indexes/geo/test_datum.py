"""Shifts are those of the published formula, in mainland China; back and forth is the identity."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from indexes.geo import datum as datum_module
from indexes.geo.datum import (
    DATUMS,
    Datum,
    appearance,
    appearances,
    from_wgs84,
    in_mainland,
    shift_range,
    to_wgs84,
)
from tests import oracles

WEST, EAST, SOUTH, NORTH = 73.0, 135.5, 15.0, 54.0
TOWNS = Path(__file__).resolve().parents[4] / "shared/data/geonames_east_asia/cities500.jsonl.gz"
OUTLINE = shapely.from_geojson(oracles.OUTLINE.read_text("utf-8"))
SHIFTING: tuple[Datum, ...] = ("GCJ02", "BD09")
EARTH_M = 6_371_008.8


def published_gcj02(lat: Any, lng: Any) -> tuple[Any, Any]:
    """Shift as coordtransform and eviltransform do, written out as they write it."""
    x, y = lng - 105.0, lat - 35.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    dlat += (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    dlat += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    dlat += (160.0 * np.sin(y / 12.0 * np.pi) + 320 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    dlng = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    dlng += (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    dlng += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    dlng += (150.0 * np.sin(x / 12.0 * np.pi) + 300 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    a, ee = 6378245.0, 0.00669342162296594323
    radlat = lat / 180.0 * np.pi
    magic = 1 - ee * np.sin(radlat) ** 2
    sqrtmagic = np.sqrt(magic)
    dlat = (dlat * 180.0) / ((a * (1 - ee)) / (magic * sqrtmagic) * np.pi)
    dlng = (dlng * 180.0) / (a / sqrtmagic * np.cos(radlat) * np.pi)
    return lat + dlat, lng + dlng


def published_bd09(lat: Any, lng: Any) -> tuple[Any, Any]:
    x_pi = 3.14159265358979324 * 3000.0 / 180.0
    z = np.sqrt(lng * lng + lat * lat) + 0.00002 * np.sin(lat * x_pi)
    theta = np.arctan2(lat, lng) + 0.000003 * np.cos(lng * x_pi)
    return z * np.sin(theta) + 0.006, z * np.cos(theta) + 0.0065


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    north = math.radians(a[0] - b[0])
    east = math.radians(a[1] - b[1]) * math.cos(math.radians(a[0]))
    return EARTH_M * math.hypot(north, east)


# Longitude 105 is where the root has its kink; the shift repeats every degree and every 30. Towns
# at the outline, and Shanghai, Beijing, Sanya.
LATS = st.floats(SOUTH, NORTH) | st.sampled_from([18.25, 22.5297, 31.2304, 35.0, 39.915, 53.5])
LNGS = st.floats(WEST, EAST) | st.sampled_from(
    [105.0, math.nextafter(105.0, 0), math.nextafter(105.0, 200), 114.1135, 116.404, 121.4737]
)


@st.composite
def at_the_outline(draw: st.DrawFn) -> tuple[float, float]:
    """Draw positions within 3 km of the outline."""
    x0, y0, x1, y1 = draw(st.sampled_from(oracles._outline_sides()))
    part, off_x, off_y = (draw(st.floats(low, 1.0)) for low in (0.0, -1.0, -1.0))
    off = draw(st.sampled_from([0.0, 1e-7, 0.001, 0.03]))
    return y0 + part * (y1 - y0) + off * off_y, x0 + part * (x1 - x0) + off * off_x


POSITIONS = st.tuples(LATS, LNGS) | at_the_outline()


@given(at=POSITIONS)
@settings(max_examples=500, deadline=None)
def test_shifts_are_the_published_ones(at: tuple[float, float]) -> None:
    if not in_mainland(*at):
        assert from_wgs84(*at, "GCJ02") == from_wgs84(*at, "BD09") == at
        return
    gcj02 = published_gcj02(*at)
    assert metres(from_wgs84(*at, "GCJ02"), gcj02) < 1e-6
    assert metres(from_wgs84(*at, "BD09"), published_bd09(*gcj02)) < 1e-6


@given(at=POSITIONS)
@settings(max_examples=500, deadline=None)
def test_the_outline_is_that_of_the_file(at: tuple[float, float]) -> None:
    """Another way to find who is inside agrees, but within rounding of a side."""
    if in_mainland(*at) != oracles.in_mainland(*at):
        assert OUTLINE.boundary.distance(shapely.Point(at[1], at[0])) < 1e-11


@given(at=POSITIONS, datum=st.sampled_from(DATUMS))
@settings(max_examples=1000, deadline=None)
@example(at=(31.0, 105.0), datum="BD09")
def test_there_and_back(at: tuple[float, float], datum: Datum) -> None:
    assume(OUTLINE.boundary.distance(shapely.Point(at[1], at[0])) > 1e-10)  # 10 um
    there = from_wgs84(*at, datum)
    back = to_wgs84(*there, datum)
    if in_mainland(*at):
        assert metres(back, at) < 1e-3
    elif back != at:  # it may stand for one inside, which wins
        assert metres(from_wgs84(*back, datum), at) < 1e-3
        assert in_mainland(*back)
        assert metres(back, at) < 1_800


@given(at=POSITIONS, datum=st.sampled_from(SHIFTING))
@settings(max_examples=1000, deadline=None)
def test_back_and_there(at: tuple[float, float], datum: Datum) -> None:
    original = to_wgs84(*at, datum)
    assume(OUTLINE.boundary.distance(shapely.Point(original[1], original[0])) > 1e-10)
    if metres(from_wgs84(*original, datum), at) >= 1e-3:
        # It stands for no position: it is inside, what it would come from is outside.
        assert in_mainland(*at)
        assert not in_mainland(*original)
        assert metres(original, at) < 1_800
    if not in_mainland(*at) and not in_mainland(*original):
        assert original == at


@pytest.mark.parametrize("datum", DATUMS)
def test_there_and_back_all_over_china(datum: Datum) -> None:
    random = np.random.default_rng(8)
    lat, lng = random.uniform(SOUTH, NORTH, 6000), random.uniform(WEST, EAST, 6000)
    inside = np.array([in_mainland(*at) for at in zip(lat, lng, strict=True)])
    lat, lng = lat[inside], lng[inside]
    assert len(lat) > 2000
    shown = from_wgs84(lat, lng, datum)
    back = to_wgs84(shown[0], shown[1], datum)
    np.testing.assert_allclose(back, (lat, lng), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "lat", "lng", "inside"),
    [
        ("Shanghai", 31.2304, 121.4737, True),
        ("Chongming island", 31.62, 121.4, True),
        ("Zhoushan island", 30.0, 122.1, True),
        ("Shengshan, the farthest island with a town", 30.7196, 122.80759, True),
        ("Weizhou island", 21.04, 109.12, True),
        ("Haikou", 20.04, 110.34, True),
        ("Woody Island", 16.83, 112.33, True),
        ("Lhasa", 29.65, 91.1, True),
        ("Dandong, over the river from Sinuiju", 40.13, 124.39, True),
        ("Heihe, over the river from Blagoveshchensk", 50.245, 127.49, True),
        ("Luohu station in Shenzhen", 22.5317, 114.118, True),
        ("Gongbei in Zhuhai", 22.2175, 113.55, True),
        ("Hengqin in Zhuhai", 22.13, 113.54, True),
        ("Lo Wu station", 22.528, 114.1133, False),
        ("Hong Kong", 22.3193, 114.1694, False),
        ("Hong Kong airport", 22.308, 113.918, False),
        ("Macau", 22.1987, 113.5439, False),
        ("Taipei", 25.033, 121.5654, False),
        ("Kinmen", 24.4493, 118.3767, False),
        ("Matsu", 26.15, 119.93, False),
        ("Seoul", 37.5665, 126.978, False),
        ("Pyongyang", 39.0392, 125.7625, False),
        ("Sinuiju", 40.1, 124.4, False),
        ("Thimphu", 27.4728, 89.639, False),
        ("Kathmandu", 27.7172, 85.324, False),
        ("Delhi", 28.6139, 77.209, False),
        ("Hanoi", 21.0285, 105.8542, False),
        ("Vientiane", 17.9757, 102.6331, False),
        ("Vladivostok", 43.1155, 131.8855, False),
        ("Blagoveshchensk", 50.29, 127.53, False),
        ("Almaty", 43.222, 76.8512, False),
        ("Bishkek", 42.8746, 74.5698, False),
        ("Ulaanbaatar", 47.8864, 106.9057, False),
        ("Fukuoka", 33.5902, 130.4017, False),
        ("Manila", 14.5995, 120.9842, False),
        ("Itu Aba in the Spratlys", 10.377, 114.365, False),
        ("Scarborough Shoal", 15.15, 117.76, False),
    ],
)
def test_who_is_shifted(name: str, lat: float, lng: float, inside: bool) -> None:
    assert in_mainland(lat, lng) == inside, name
    for datum in SHIFTING:
        assert (from_wgs84(lat, lng, datum) != (lat, lng)) == inside
        # So near to the outline a position in another datum may stand for one inside.
        if not inside and name not in ("Lo Wu station", "Macau"):
            assert to_wgs84(lat, lng, datum) == (lat, lng)


# GeoNames has four parishes of Macau in CN.
IN_MACAU = {"Nossa Senhora de Fátima", "Santo António", "São Lázaro", "São Lourenço"}


@pytest.mark.skipif(not TOWNS.exists(), reason="the shared data are not here")
def test_every_chinese_town_is_inside_and_no_other() -> None:
    rows = [json.loads(line) for line in gzip.decompress(TOWNS.read_bytes()).splitlines()]
    wrong = [
        row["name"]
        for row in rows
        if in_mainland(float(row["latitude"]), float(row["longitude"]))
        != (row["countrycode"] == "CN")
    ]
    assert len(rows) > 18_000
    assert set(wrong) == IN_MACAU


# --- bounds of the shift -------------------------------------------------------------------------


def published(lat: Any, lng: Any, datum: Datum) -> tuple[Any, Any]:
    at = published_gcj02(lat, lng)
    return published_bd09(*at) if datum == "BD09" else at


def reach(datum: Datum, apart: float) -> float:
    """How much the shifts of two positions may differ."""
    return datum_module._SLOPES[datum] * apart + datum_module._ROOT_DEG * math.sqrt(apart)


@pytest.mark.parametrize("datum", SHIFTING)
def test_no_shift_exceeds_its_bounds(datum: Datum) -> None:
    """A proof: each position inside is within a step of one on the grid or on the outline."""
    step = 0.02
    lat, lng = (axis.ravel() for axis in np.mgrid[SOUTH:NORTH:step, WEST:EAST:step])
    inside = from_wgs84(lat, lng, datum)[0] != lat
    sides = np.array(oracles._outline_sides())
    shares = np.linspace(0.0, 1.0, 1 + int(np.abs(sides[:, :2] - sides[:, 2:]).max() / step * 2))
    x, y = (
        (sides[:, axis] + shares[:, np.newaxis] * (sides[:, axis + 2] - sides[:, axis])).ravel()
        for axis in (0, 1)
    )
    lat, lng = np.concatenate([lat[inside], y]), np.concatenate([lng[inside], x])
    assert len(lat) > 2_000_000
    shown_lat, shown_lng = published(lat, lng, datum)
    least_x, least_y, most_x, most_y = datum_module._SHIFTS[datum]
    more = reach(datum, step)
    assert least_x + more <= (shown_lng - lng).min()
    assert (shown_lng - lng).max() <= most_x - more
    assert least_y + more <= (shown_lat - lat).min()
    assert (shown_lat - lat).max() <= most_y - more
    assert max(map(abs, datum_module._SHIFTS[datum])) < datum_module._FARTHEST_SHIFT


@given(
    lat=LATS,
    lng=LNGS,
    off=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    size=st.sampled_from([1e-7, 1e-4, 0.01, 0.3, 5.0]),
    datum=st.sampled_from(SHIFTING),
)
@settings(max_examples=1000, deadline=None)
def test_no_shift_changes_faster_than_its_slope(
    lat: float, lng: float, off: tuple[float, float], size: float, datum: Datum
) -> None:
    dy, dx = off[0] * size, off[1] * size
    here, there = published(lat, lng, datum), published(lat + dy, lng + dx, datum)
    most = reach(datum, abs(dy) + abs(dx)) + 1e-12
    assert abs((there[0] - lat - dy) - (here[0] - lat)) <= most
    assert abs((there[1] - lng - dx) - (here[1] - lng)) <= most


@given(data=st.data(), datum=st.sampled_from(SHIFTING))
@settings(max_examples=1000, deadline=None)
def test_a_shift_range_holds_every_shift_that_matters(data: st.DataObject, datum: Datum) -> None:
    """Who appears in a box is shifted by something in the range; who cannot but, appears there."""
    lat, lng = data.draw(POSITIONS)
    size = data.draw(st.sampled_from([0.0, 1e-7, 0.001, 0.02, 0.5, 8.0, 60.0]))
    sides = [data.draw(st.floats(0, 1)) * size for _ in range(4)]
    box = (lng - sides[0], lat - sides[1], lng + sides[2], lat + sides[3])
    low_x, low_y, high_x, high_y = shift_range(box, datum)
    for _ in range(4):
        near = [data.draw(st.floats(-1.0, 1.0)) * (size + 0.02) for _ in range(2)]
        x, y = round((lng + near[0]) * 1e7), round((lat + near[1]) * 1e7)
        shown = appearance(x, y, DATUMS.index(datum))
        if box[0] * 1e7 <= shown[0] <= box[2] * 1e7 and box[1] * 1e7 <= shown[1] <= box[3] * 1e7:
            assert low_x <= shown[0] - x <= high_x
            assert low_y <= shown[1] - y <= high_y
        held_x = box[0] * 1e7 <= x + low_x and x + high_x <= box[2] * 1e7
        if held_x and box[1] * 1e7 <= y + low_y and y + high_y <= box[3] * 1e7:
            assert box[0] * 1e7 <= shown[0] <= box[2] * 1e7
            assert box[1] * 1e7 <= shown[1] <= box[3] * 1e7


@pytest.mark.parametrize(
    ("box", "datum", "expected"),
    [
        ((121.4, 31.2, 121.5, 31.3), "WGS84", (0, 0, 0, 0)),
        ((126.9, 37.5, 127.1, 37.6), "GCJ02", (0, 0, 0, 0)),  # Seoul
        ((-10.0, 40.0, 10.0, 60.0), "BD09", (0, 0, 0, 0)),
        ((-180.0, -90.0, 180.0, 90.0), "GCJ02", (-3_010, -42_010, 89_010, 32_010)),
        ((170.0, 0.0, 121.5, 60.0), "GCJ02", (-3_010, -42_010, 89_010, 32_010)),  # goes around
    ],
)
def test_shift_ranges(box: Any, datum: Datum, expected: tuple[int, ...]) -> None:
    assert shift_range(box, datum) == expected


def test_a_small_box_has_a_narrow_range() -> None:
    low_x, low_y, high_x, high_y = shift_range((121.475, 31.225, 121.485, 31.235), "GCJ02")
    assert 0 < high_x - low_x < 3_000  # 30 m, where the shift is 450 m
    assert 0 < high_y - low_y < 3_000
    assert low_x > 0


@pytest.mark.parametrize("datum", DATUMS)
def test_appearances_are_those_of_one_by_one(datum: Datum) -> None:
    random = np.random.default_rng(3)
    x, y = (
        random.integers(1_130_000_000, 1_140_000_000, 500),
        random.integers(223_000_000, 228_000_000, 500),
    )
    got = appearances(x / 1e7, y / 1e7, datum)
    expected = [appearance(int(a), int(b), DATUMS.index(datum)) for a, b in zip(x, y, strict=True)]
    assert [tuple(at) for at in np.rint(np.column_stack(got) * 1e7).astype(int)] == expected


# Values published with other implementations (coordtransform, eviltransform).
@pytest.mark.parametrize(
    ("lat", "lng", "datum", "expected"),
    [
        (39.915, 116.404, "GCJ02", (39.91640428150164, 116.41024449916938)),
        (31.1774276, 121.5272106, "GCJ02", (31.17530398364597, 121.531541859215)),
        (22.543847, 113.912316, "GCJ02", (22.540796131694766, 113.9171764808363)),
        (39.911954, 116.377817, "GCJ02", (39.91334545536069, 116.38404722455657)),
    ],
)
def test_known_positions(lat: float, lng: float, datum: Datum, expected: Any) -> None:
    assert metres(from_wgs84(lat, lng, datum), expected) < 0.01
    assert metres(to_wgs84(expected[0], expected[1], datum), (lat, lng)) < 0.01


def test_known_bd09_position() -> None:
    lat, lng = to_wgs84(39.915, 116.404, "GCJ02")
    expected = (39.92133699351021, 116.41036949371029)
    assert metres(from_wgs84(lat, lng, "BD09"), expected) < 0.01
    assert metres(to_wgs84(*expected, "BD09"), (lat, lng)) < 0.01


@pytest.mark.parametrize("datum", DATUMS)
@pytest.mark.parametrize(
    ("lat", "lng"),
    [
        (51.5, -0.1),
        (52.5, 13.4),
        (35.68, 139.69),
        (-33.9, 151.2),
        (0.0, 0.0),
        (90.0, 105.0),
        (-90.0, -180.0),
        (31.0, 180.0),
        (15.4, 105.0),
        (53.6, 105.0),
        (31.0, 73.5),
        (31.0, 134.8),
    ],
)
def test_identity_outside_china(lat: float, lng: float, datum: Datum) -> None:
    assert from_wgs84(lat, lng, datum) == (lat, lng)
    assert to_wgs84(lat, lng, datum) == (lat, lng)


def test_wgs84_is_left_alone() -> None:
    assert to_wgs84(31.0, 121.0, "WGS84") == (31.0, 121.0)
    assert from_wgs84(31.0, 121.0, "WGS84") == (31.0, 121.0)


@pytest.mark.parametrize("convert", [to_wgs84, from_wgs84])
@pytest.mark.parametrize("datum", DATUMS)
def test_arrays_are_scalars_one_by_one(convert: Any, datum: Datum) -> None:
    lat = np.array([[31.2, 51.5, 39.9], [22.5, -90.0, 31.2]])
    lng = np.array([[121.5, -0.1, 116.4], [113.9, 180.0, 121.5]])
    before = lat.copy(), lng.copy()
    got = convert(lat, lng, datum)
    for i in np.ndindex(lat.shape):
        one = convert(float(lat[i]), float(lng[i]), datum)
        assert [type(v) for v in one] == [float, float]
        assert one == (got[0][i], got[1][i])
    np.testing.assert_array_equal((lat, lng), before)
    turned = convert(np.asfortranarray(lat), np.asfortranarray(lng), datum)
    np.testing.assert_array_equal(turned, got)


def test_empty_arrays() -> None:
    got = to_wgs84(np.empty(0), np.empty(0), "BD09")
    assert [v.shape for v in got] == [(0,), (0,)]


@pytest.mark.parametrize(
    ("lat", "lng", "datum", "message"),
    [
        (31.0, 121.0, "gcj02", "Expected a datum of WGS84, GCJ02, BD09, got 'gcj02'"),
        (91.0, 121.0, "GCJ02", r"Expected `lat` in \[-90, 90\], got 91"),
        (31.0, -180.5, "GCJ02", r"Expected `lng` in \[-180, 180\], got -180.5"),
        (math.nan, 121.0, "WGS84", "got nan"),
        ([31.0, 32.0], [121.0, math.inf], "BD09", "got inf"),
        ([31.0, 32.0], [121.0], "BD09", "one shape"),
        ([31.0], 121.0, "BD09", "one shape"),
    ],
)
def test_bad_input_is_refused(lat: Any, lng: Any, datum: Any, message: str) -> None:
    for convert in (to_wgs84, from_wgs84):
        if isinstance(lat, list):
            lat = np.array(lat)
        with pytest.raises(ValueError, match=message):
            convert(lat, lng, datum)
