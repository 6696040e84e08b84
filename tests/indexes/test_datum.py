"""Shifts are those of the published formula; back and forth stays within a millimetre."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexes.datum import DATUMS, Datum, from_wgs84, to_wgs84

WEST, EAST, SOUTH, NORTH = 72.004, 137.8347, 0.8293, 55.8271
EARTH_M = 6_371_008.8


def published_gcj02(lat: float, lng: float) -> tuple[float, float]:
    """Shift as coordtransform and eviltransform do, written out as they write it."""
    if not (73.0 < lng < 136.0 and 2.0 < lat < 54.0):
        return lat, lng
    x, y = lng - 105.0, lat - 35.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(math.fabs(x))
    dlat += (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    dlat += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    dlat += (160.0 * math.sin(y / 12.0 * math.pi) + 320 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    dlng = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(math.fabs(x))
    dlng += (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    dlng += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    dlng += (150.0 * math.sin(x / 12.0 * math.pi) + 300 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    a, ee = 6378245.0, 0.00669342162296594323
    radlat = lat / 180.0 * math.pi
    magic = 1 - ee * math.sin(radlat) ** 2
    sqrtmagic = math.sqrt(magic)
    dlat = (dlat * 180.0) / ((a * (1 - ee)) / (magic * sqrtmagic) * math.pi)
    dlng = (dlng * 180.0) / (a / sqrtmagic * math.cos(radlat) * math.pi)
    return lat + dlat, lng + dlng


def published_bd09(lat: float, lng: float) -> tuple[float, float]:
    x_pi = 3.14159265358979324 * 3000.0 / 180.0
    z = math.sqrt(lng * lng + lat * lat) + 0.00002 * math.sin(lat * x_pi)
    theta = math.atan2(lat, lng) + 0.000003 * math.cos(lng * x_pi)
    return z * math.sin(theta) + 0.006, z * math.cos(theta) + 0.0065


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    north = math.radians(a[0] - b[0])
    east = math.radians(a[1] - b[1]) * math.cos(math.radians(a[0]))
    return EARTH_M * math.hypot(north, east)


# Longitude 105 is where the root has its kink; the shift repeats every degree and every 30.
LATS = st.floats(3.0, 53.9) | st.sampled_from([18.25, 31.2304, 35.0, 39.915, 53.5])
LNGS = st.floats(73.5, 135.1) | st.sampled_from(
    [105.0, math.nextafter(105.0, 0), math.nextafter(105.0, 200), 116.404, 121.4737]
)


@given(lat=LATS, lng=LNGS)
@settings(max_examples=500, deadline=None)
def test_shifts_are_the_published_ones(lat: float, lng: float) -> None:
    gcj02 = published_gcj02(lat, lng)
    assert metres(from_wgs84(lat, lng, "GCJ02"), gcj02) < 1e-6
    assert metres(from_wgs84(lat, lng, "BD09"), published_bd09(*gcj02)) < 1e-6


@given(lat=LATS, lng=LNGS, datum=st.sampled_from(DATUMS))
@settings(max_examples=500, deadline=None)
@example(lat=31.0, lng=105.0, datum="BD09")
def test_there_and_back(lat: float, lng: float, datum: Datum) -> None:
    assert metres(to_wgs84(*from_wgs84(lat, lng, datum), datum), (lat, lng)) < 1e-3
    assert metres(from_wgs84(*to_wgs84(lat, lng, datum), datum), (lat, lng)) < 1e-3


@pytest.mark.parametrize("datum", DATUMS)
def test_there_and_back_in_all_of_the_box(datum: Datum) -> None:
    random = np.random.default_rng(8)
    lat = random.uniform(SOUTH + 0.03, NORTH - 0.03, 5000)
    lng = random.uniform(WEST + 0.03, EAST - 0.03, 5000)
    back = to_wgs84(*from_wgs84(lat, lng, datum), datum)
    np.testing.assert_allclose(back, (lat, lng), rtol=0, atol=1e-9)


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
        (0.82, 105.0),
        (55.83, 105.0),
        (31.0, 72.0),
        (31.0, 137.84),
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
