"""Zones and points find each other as trying every pair does."""

import threading
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from indexes.geo.datum import DATUMS, Datum, from_wgs84, to_wgs84
from indexes.geo.zones import ZoneIndex

HOLED = shapely.Polygon(
    [(0, 0), (4, 0), (4, 4), (0, 4)],
    [[(1, 1), (2, 1), (2, 2), (1, 2)], [(3, 3), (3.5, 3), (3, 3.5)]],
)


def oracle(geometries: list[BaseGeometry], x: float, y: float) -> list[int]:
    names = {x, -x} if abs(x) == 180.0 else {x}
    return [
        ordinal
        for ordinal, geometry in enumerate(geometries)
        if any(geometry.covers(shapely.Point(name, y)) for name in names)
    ]


@st.composite
def zones(draw: st.DrawFn) -> list[BaseGeometry]:
    """Draw boxes, triangles and polygons of two parts that share corners, sides and places."""
    centre = draw(st.sampled_from([(0.0, 0.0), (176.0, 86.0), (-176.0, -86.0), (121.47, 31.23)]))
    found: list[BaseGeometry] = [shapely.transform(HOLED, lambda at: at + centre)]
    for _ in range(draw(st.integers(0, 6))):
        x, y = draw(st.integers(-4, 3)), draw(st.integers(-4, 3))
        width, height = draw(st.integers(1, 4 - x)), draw(st.integers(1, 4 - y))
        corners = np.array([(x, y), (x + width, y), (x, y + height)], float) + centre
        part: BaseGeometry = shapely.Polygon(corners)
        kind = draw(st.sampled_from(["triangle", "box", "both"]))
        if kind == "box":
            part = shapely.box(*corners.min(axis=0), *corners.max(axis=0))
        if kind == "both":
            part = shapely.union(part, shapely.box(*(np.add(centre, 3.5)), *np.add(centre, 4.0)))
        found.append(part)
    return found


@st.composite
def positions(draw: st.DrawFn, geometries: list[BaseGeometry]) -> tuple[float, float]:
    """Draw corners, middles of sides, points a step of a float from them, and any point."""
    geometry = draw(st.sampled_from(geometries))
    corners = shapely.get_coordinates(geometry)
    i, j = (draw(st.integers(0, len(corners) - 1)) for _ in range(2))
    share = draw(st.sampled_from([0.0, 0.5, 0.25]) | st.floats(0.0, 1.0))
    x, y = (corners[i] + share * (corners[j] - corners[i])).tolist()
    if draw(st.booleans()):
        x = float(np.nextafter(x, draw(st.sampled_from([-1e9, 1e9]))))
    if abs(x) > 179.0 and draw(st.booleans()):
        x = draw(st.sampled_from([-180.0, 180.0]))
    # shapely's predicates fail below 1e-300, where products of numbers vanish.
    x, y = (0.0 if abs(value) < 1e-300 else value for value in (x, y))
    return min(180.0, max(-180.0, x)), min(90.0, max(-90.0, y))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_zones_and_points_find_each_other(data: st.DataObject) -> None:
    geometries = data.draw(zones())
    index = ZoneIndex([f"z{i}" for i in range(len(geometries))], geometries)
    points = [data.draw(positions(geometries)) for _ in range(data.draw(st.integers(0, 12)))]
    expected = [oracle(geometries, *at) for at in points]
    assert [index.holding(*at) for at in points] == expected
    x = np.array([at[0] for at in points])
    y = np.array([at[1] for at in points])
    start, docs = index.members(x, y)
    assert start.dtype == np.uint64
    assert docs.dtype == np.uint32
    assert start[0] == 0
    assert start[-1] == docs.size
    got = [docs[start[z] : start[z + 1]].tolist() for z in range(len(geometries))]
    assert got == [[i for i, held in enumerate(expected) if z in held] for z in range(len(got))]


@pytest.mark.parametrize("datum", DATUMS)
def test_a_zone_holds_what_appears_in_it_in_its_datum(datum: Datum) -> None:
    """Long straight sides in another datum are not straight in WGS-84: 20 m here."""
    sides = shapely.Polygon([(121.0, 31.0), (121.6, 31.1), (121.2, 31.5)])
    index = ZoneIndex(["own", "other"], [sides, sides], datums=[datum, "WGS84"])
    along = np.linspace(0.0, 1.0, 400)
    x, y = (
        np.concatenate([121.0 + 0.6 * along, 121.6 - 0.4 * along]),
        np.concatenate([31.0 + 0.1 * along, 31.1 + 0.4 * along]),
    )
    y += np.random.default_rng(1).uniform(-1e-4, 1e-4, len(y))
    lat, lng = to_wgs84(y, x, datum)
    lng, lat = np.rint(lng * 1e7) / 1e7, np.rint(lat * 1e7) / 1e7
    shown_lat, shown_lng = from_wgs84(lat, lng, datum)
    shown = np.rint(shown_lng * 1e7) / 1e7, np.rint(shown_lat * 1e7) / 1e7
    start, docs = index.members(lng, lat)
    for ordinal, at in enumerate((shown, (lng, lat))):
        expected = np.flatnonzero(shapely.intersects_xy(sides, *at))
        np.testing.assert_array_equal(docs[start[ordinal] : start[ordinal + 1]], expected)
        assert 100 < len(expected) < 700 or datum != "WGS84"
    for doc in range(0, len(lng), 7):
        held = [ordinal for ordinal in (0, 1) if doc in docs[start[ordinal] : start[ordinal + 1]]]
        assert index.holding(float(lng[doc]), float(lat[doc])) == held


def test_as_many_datums_as_zones() -> None:
    with pytest.raises(ValueError, match="Expected a datum for each of 1 ids, got 2"):
        ZoneIndex(["a"], [shapely.box(0, 0, 1, 1)], datums=["WGS84", "BD09"])


def town(zone_count: int, seed: int) -> list[BaseGeometry]:
    random = np.random.default_rng(seed)
    found = []
    for _ in range(zone_count):
        angle = np.linspace(0, 2 * np.pi, 30, endpoint=False)
        radius = random.uniform(0.6, 1.0, 30) * random.choice([0.002, 0.02, 0.3])
        centre = random.uniform((121.0, 31.0), (122.0, 31.6))
        found.append(
            shapely.Polygon(
                np.column_stack([np.cos(angle) * radius, np.sin(angle) * radius]) + centre
            )
        )
    return found


@pytest.mark.parametrize("docs", [1, 63, 64, 65, 5000])
@pytest.mark.parametrize("order", ["any", "near"])
def test_members_of_a_town(docs: int, order: str) -> None:
    geometries = town(80, 1)
    x, y = np.random.default_rng(docs).uniform((121.0, 31.0), (122.0, 31.6), (docs, 2)).T.copy()
    if order == "near":
        sort = np.lexsort((y, np.floor(x * 30)))
        x, y = x[sort], y[sort]
    start, members = ZoneIndex([str(i) for i in range(80)], geometries).members(x, y)
    for ordinal, geometry in enumerate(geometries):
        expected = np.flatnonzero(shapely.intersects_xy(geometry, x, y))
        np.testing.assert_array_equal(members[start[ordinal] : start[ordinal + 1]], expected)
    if docs == 5000:
        assert members.size > 20_000


def test_five_thousand_zones_look_at_few(monkeypatch: pytest.MonkeyPatch) -> None:
    geometries = town(5000, 2)
    index = ZoneIndex([str(i) for i in range(5000)], geometries)
    looked_at = []
    intersects_xy = shapely.intersects_xy

    def counted(near: Any, x: Any, y: Any) -> Any:
        looked_at.append(np.size(near))
        return intersects_xy(near, x, y)

    monkeypatch.setattr(shapely, "intersects_xy", counted)
    held = 0
    for x, y in np.random.default_rng(3).uniform((121.0, 31.0), (122.0, 31.6), (50, 2)).tolist():
        held += len(index.holding(x, y))
    # A star fills about half of its box.
    assert sum(looked_at) < 3 * held


def test_no_zones_and_no_points() -> None:
    empty = ZoneIndex([], [])
    assert len(empty) == 0
    assert empty.holding(0.0, 0.0) == []
    start, docs = empty.members(np.zeros(3), np.zeros(3))
    assert (start.tolist(), docs.tolist()) == ([0], [])
    start, docs = ZoneIndex(["a"], [HOLED]).members(np.empty(0), np.empty(0))
    assert (start.tolist(), docs.tolist()) == ([0, 0], [])


def test_ids_and_geometries() -> None:
    index = ZoneIndex(["b", "a"], [HOLED, shapely.box(5, 5, 6, 6)])
    assert index.ids == ("b", "a")
    assert index.ordinal("a") == 1
    assert index.geometry(0).equals(HOLED)
    with pytest.raises(KeyError):
        index.ordinal("c")


@pytest.mark.parametrize(
    ("x", "inside"), [(180.0, [0, 1]), (-180.0, [0, 1]), (179.5, [0]), (-179.5, [1]), (178.0, [])]
)
def test_the_antimeridian_is_one_line(x: float, inside: list[int]) -> None:
    index = ZoneIndex(
        ["west", "east"], [shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)]
    )
    assert index.holding(x, 0.5) == inside
    start, docs = index.members(np.array([x]), np.array([0.5]))
    assert [z for z in range(2) if 0 in docs[start[z] : start[z + 1]]] == inside


def test_many_threads_ask_at_once() -> None:
    geometries = town(500, 4)
    index = ZoneIndex([str(i) for i in range(500)], geometries)
    points = np.random.default_rng(5).uniform((121.0, 31.0), (122.0, 31.6), (300, 2)).tolist()
    expected = [index.holding(*at) for at in points]
    got: list[list[list[int]]] = []
    threads = [
        threading.Thread(target=lambda: got.append([index.holding(*at) for at in points]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 4


@pytest.mark.parametrize(
    ("ids", "geometries", "message"),
    [
        (["a"], [], "a geometry for each of 1 ids, got 0"),
        (["a", "a"], [HOLED, HOLED], "'a' twice"),
        (["a"], [shapely.Point(0, 0)], "got a Point - at zone 'a'"),
        (["a"], [shapely.Polygon()], "at zone 'a'"),
        (["a"], [shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], "Self-intersection"),
        (["a"], [shapely.box(179, 0, 181, 1)], "bounds within"),
        (["a"], [shapely.box(0, 89, 1, 91)], "bounds within"),
    ],
)
def test_bad_zones_are_refused(
    ids: list[str], geometries: list[BaseGeometry], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ZoneIndex(ids, geometries)


@pytest.mark.parametrize("at", [(181.0, 0.0), (0.0, 90.1), (np.nan, 0.0), (0.0, np.inf)])
def test_bad_positions_are_refused(at: tuple[float, float]) -> None:
    index = ZoneIndex(["a"], [HOLED])
    with pytest.raises(ValueError, match="Expected a position"):
        index.holding(*at)
    if not np.isfinite(at).all():
        with pytest.raises(ValueError, match="finite"):
            index.members(np.array(at[:1]), np.array(at[1:]))
    with pytest.raises(ValueError, match="one shape"):
        index.members(np.zeros(2), np.zeros(3))
