"""Coverage against plain loops over small random worlds, its files and its words."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import h3
import numpy as np
import polars as pl
import pytest
import shapely

from geosearch.errors import BadRequest
from geosearch.kernel.cells import cell_kernels
from geosearch.search.searcher import Searcher
from geosearch.studies import coverage as coverage_module
from geosearch.studies.coverage import SLOTS, Coverage, coverage
from geosearch.studies.coverage_files import sentences, write_coverage
from tests.comparison import Duel
from tests.generators import EVERYWHERE, make_world
from tests.geosearch.small_city import NOW, opened, priced, small_world
from tests.oracles import haversine_m
from tests.studies_oracle import coverage as expected_coverage
from tests.studies_oracle import days_later, third_m

WORLDS = int(os.environ.get("GEOSEARCH_STUDIES", "16"))
KINDS = ("city", "grid", "one_position", "time_zones", "narrow_hours")
SOME_SLOTS = {"noon": "Mo-Fr 12:15", "late": "22:30"}


def minutes_of(duel: Duel, times: str, begin: int) -> list[int]:
    """Minutes of a slot by the wall clock, day by day."""
    name = duel.world.envelope["time_zone"]
    zone = ZoneInfo(name)
    end = days_later(duel.oracle.start + timedelta(minutes=begin), 7, name)
    days, _, clock = times.rpartition(" ")
    found = []
    for minute in range(begin, (end - duel.oracle.start) // timedelta(minutes=1)):
        local = (duel.oracle.start + timedelta(minutes=minute)).astimezone(zone)
        on = local.weekday() < 5 if days == "Mo-Fr" else True
        if on and f"{local:%H:%M}" == clock:
            found.append(minute)
    return found


def check(
    found: Coverage, duel: Duel, cells_of: Mapping[str, Sequence[str]], names: list[str], begin: int
) -> int:
    """Compare all rows with the oracle; return the number of wins compared."""
    wins = 0
    rows = {(row["cell"], row["slot"], row["program_id"]): row for row in found.rows.to_dicts()}
    total = {(row["slot"], row["program_id"]): row for row in found.total.to_dicts()}
    compared = 0
    for slot, times in SOME_SLOTS.items():
        minutes = minutes_of(duel, times, begin)
        for name in names:
            expected = expected_coverage(duel.oracle, cells_of, name, minutes)
            for cell, (opened_, usable, won, gain) in expected.items():
                row = rows[cell, slot, name] if cell else total[slot, name]
                compared += bool(cell)
                assert row["open"] * len(minutes) == pytest.approx(opened_, abs=1e-9)
                assert row["usable"] * len(minutes) == pytest.approx(usable, abs=1e-9)
                assert row["wins"] * len(minutes) == pytest.approx(won, abs=1e-9)
                assert row["win_share"] == pytest.approx(won / opened_, abs=1e-6)
                assert row["gain_mean"] == (pytest.approx(gain / won, abs=1e-6) if won else None)
                wins += won
                if cell:
                    third = third_m(duel.oracle, (row["lat"], row["lng"]), name, minutes)
                    if third is None:
                        assert row["third_m"] is None
                    else:
                        assert row["third_m"] == pytest.approx(third, abs=0.06)
    assert compared == len(rows)
    return wins


@pytest.mark.parametrize("number", range(WORLDS))
def test_equals_plain_loops(number: int, tmp_path: Path) -> None:
    rng = Random(f"coverage {number}")
    size = rng.choice((3, 40, 150))
    world = priced(rng, make_world(rng, KINDS[number % len(KINDS)], size))
    duel = Duel(world, tmp_path)
    begin = rng.randrange(30 * 1440)
    at = duel.engine.start + timedelta(minutes=begin)
    names = [EVERYWHERE, world.programs[-1]["program_id"]]
    resolution = rng.choice((7, 8, 9, 10))
    found = coverage(duel.engine, programs=names, cells=f"h3:{resolution}", slots=SOME_SLOTS, at=at)
    cells_of = {}
    for shop in duel.oracle.shops.values():
        cell = h3.latlng_to_cell(shop.lat, shop.lng, resolution)
        cells_of[shop.merchant_id] = [cell]
    check(found, duel, cells_of, names, begin)


def test_equals_plain_loops_in_zones(tmp_path: Path) -> None:
    wins = zones = 0
    for number in range(6):
        rng = Random(f"zones {number}")
        world = priced(rng, make_world(rng, "city", 120))
        if world.zones is None:
            continue
        duel = Duel(world, tmp_path / f"{number}")
        at = duel.engine.start + timedelta(days=1)
        found = coverage(duel.engine, programs=[EVERYWHERE], cells="zones", slots=SOME_SLOTS, at=at)
        in_force = {zone["zone_id"] for zone in duel.engine.zones_in((-180, -90, 180, 90), at)}
        cells_of: dict[str, list[str]] = {name: [] for name in duel.oracle.shops}
        for zone_id, (crs, shape, _) in duel.oracle.zones.items():
            if zone_id in in_force:
                for shop in duel.oracle.shops.values():
                    lat, lng = shop.shown(crs)
                    if shape.covers(shapely.Point(lng, lat)):
                        cells_of[shop.merchant_id].append(zone_id)
        wins += check(found, duel, cells_of, [EVERYWHERE], 1440)
        zones += len(in_force)
    assert zones > 5
    assert wins > 50


def test_cells_hold_their_shops(tmp_path: Path) -> None:
    rng = Random("cells")
    engine = opened(make_world(rng, "city", 200), tmp_path)
    found = coverage(engine, cells="h3:8", slots={"all": "12:00"}, at=engine.start)
    assert found.cells
    for name, cell in found.cells.items():
        (ring,) = cell.geometry()["coordinates"]
        assert ring[0] == ring[-1]
        assert shapely.Polygon(ring).covers(shapely.Point(cell.lng, cell.lat)), name


@pytest.mark.parametrize("wins", [0, 2, 3, 17, 900])
def test_third_nearest_equals_sorting(wins: int) -> None:
    rng = np.random.default_rng(wins)
    degrees = np.array([31.0, 121.0]) + rng.normal(0, 0.05, (wins, 2))
    degrees = degrees[np.lexsort((degrees[:, 1], np.round(degrees[:, 0], 2)))]
    position = np.rint(degrees[:, ::-1] * 1e7).astype(np.int32).reshape(-1, 2)
    lat, lng = 31.0 + rng.normal(0, 0.2, 60), 121.0 + rng.normal(0, 0.2, 60)
    third = np.zeros(60)
    kernel = cell_kernels().fill_third
    kernel(coverage_module._blocks_of(position), lat, lng, 20_000.0, third)
    seen = 0
    for row in range(60):
        metres = sorted(haversine_m(lat[row], lng[row], y / 1e7, x / 1e7) for x, y in position)
        expected = metres[2] if wins >= 3 and metres[2] <= 20_000 else np.inf
        assert third[row] == pytest.approx(expected, abs=1e-5)
        seen += np.isfinite(expected)
    assert (seen > 10) == (wins >= 3)


def found_in(engine: Searcher, **more: object) -> Coverage:
    return coverage(engine, at=NOW, **more)  # type: ignore[arg-type]


def test_slots_of_a_small_city_and_who_leads(tmp_path: Path) -> None:
    engine = opened(small_world(), tmp_path)
    found = found_in(engine, cells="h3:7", compare=("red", "blue"))
    assert found.total["program_id"].to_list() == ["blue", "red"] * 5
    assert dict(zip(found.total["slot"], found.total["instants"], strict=True)) == {
        "weekday_lunch": 5, "weekday_dinner": 5, "weekend_lunch": 2, "weekend_dinner": 2, "late": 7
    }  # fmt: skip
    late = found.rows.filter((pl.col("slot") == "late") & (pl.col("program_id") == "red"))
    assert late["open"].sum() == 3
    assert late["usable"].sum() == late["wins"].sum() == 1
    assert late["gain_mean"].max() == 800
    assert set(found.rows["leader"].drop_nulls()) <= {"red", "blue"}
    blue = found.total.filter(pl.col("program_id") == "blue")
    assert set(blue["gain_mean"]) == {2000 - 400}


def test_sentences(tmp_path: Path) -> None:
    found = found_in(opened(small_world(), tmp_path), slots={"Wednesday 19:00": "We 19:00"})
    assert sentences(found.total) == [
        f"{name}, Wednesday 19:00: usable at 33.3 % of open shops, better than the public price "
        "at 33.3 %"
        for name in ("blue", "red")
    ]


def test_files_hold_the_same_rows(tmp_path: Path) -> None:
    found = found_in(opened(small_world(), tmp_path), cells="h3:9")
    for end in (".parquet", ".csv", ".geojson"):
        write_coverage(found, tmp_path / f"out{end}")
    rows = found.rows.to_dicts()
    assert rows
    assert pl.read_parquet(tmp_path / "out.parquet").to_dicts() == rows
    with (tmp_path / "out.csv").open() as file:
        read = list(csv.DictReader(file))
    assert [row["cell"] for row in read] == [row["cell"] for row in rows]
    features = json.loads((tmp_path / "out.geojson").read_text())["features"]
    assert [feature["properties"] for feature in features] == rows
    for feature in features:
        area = shapely.geometry.shape(feature["geometry"])
        own = feature["properties"]
        assert area.covers(shapely.Point(own["lng"], own["lat"]))
        flat = (str, int, float, type(None))
        assert all(isinstance(value, flat) for value in own.values())
    again = found_in(opened(small_world(), tmp_path / "again"), cells="h3:9")
    write_coverage(again, tmp_path / "again.geojson")
    assert (tmp_path / "again.geojson").read_bytes() == (tmp_path / "out.geojson").read_bytes()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"programs": ["green"]}, "Expected `programs` among the cards of the index (blue, old, "),
        ({"cells": "h3:3"}, "Expected `cells` as h3:7, h3:8, h3:9, h3:10 or zones, got 'h3:3'"),
        ({"cells": "squares"}, "Expected `cells`"),
        ({"slots": {"x": "whenever"}}, "Expected days and a time, such as Mo-Fr 12:15"),
        ({"slots": {"x": "Blursday 12:15"}}, "as opening hours"),
        ({"slots": {"x": "2020 Jan 1 12:15"}}, "Expected `slots` with an instant in the 7 days"),
        ({"compare": ("red", "green")}, "Expected `compare` of two of the cards"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_input(asked: dict[str, object], sentence: str, tmp_path: Path) -> None:
    engine = opened(small_world(), tmp_path)
    with pytest.raises(BadRequest) as refusal:
        found_in(engine, **asked)
    assert sentence in str(refusal.value)


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage_module, "MOST_ROWS", 5)
    with pytest.raises(BadRequest, match="at most 5 rows of cells by slots by cards, got"):
        found_in(opened(small_world(), tmp_path))


def test_a_card_that_is_not_active_is_nowhere_usable(tmp_path: Path) -> None:
    found = found_in(opened(small_world(), tmp_path), programs=["old"])
    assert found.warnings == ["Card old is not active: nowhere usable"]
    assert found.total["usable"].sum() == 0


def test_default_slots_are_the_documented_ones() -> None:
    assert list(SLOTS) == [
        "weekday_lunch", "weekday_dinner", "weekend_lunch", "weekend_dinner", "late"
    ]  # fmt: skip
