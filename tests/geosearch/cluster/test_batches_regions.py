"""Batches over a folder of regions give what one index over the same rows gives, byte for byte.

`GEOSEARCH_REGION_QUESTIONS` sets how many questions a run asks of each world.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from geosearch.cluster.all_regions import RegionsSearcher, open_all
from geosearch.cluster.batches import Batches, batches
from geosearch.cluster.regional_build import build_regions
from geosearch.cluster.workers import LOCAL
from geosearch.errors import BadData, BadRequest
from geosearch.indexing.pipeline import build
from geosearch.indexing.writer import Writer
from geosearch.kernel.cells import MOST_CARDS
from geosearch.search.block import PIECE_ROWS
from geosearch.search.block_rows import BLOCK_PARAMETERS
from geosearch.studies.coverage import coverage
from geosearch.studies.habits import read_habits
from geosearch.studies.rank_files import rank_file
from geosearch.studies.worth import worth
from tests.generators import make_world
from tests.geosearch.cluster.region_worlds import Cut, spread
from tests.geosearch.small_city import priced

QUESTIONS = int(os.environ.get("GEOSEARCH_REGION_QUESTIONS", "150"))
KINDS = ("city", "antimeridian", "north_pole", "worldwide", "crumbs", "many_programs")
FEW = [("city", 1), ("city", 5), ("antimeridian", 2)]
CASES = FEW if QUESTIONS < 1_000 else [(kind, number) for kind in KINDS for number in (1, 2, 5, 9)]
SAME = {"limit": 3, "deals": "optional"}


@pytest.fixture(scope="module", params=CASES, ids=str)
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    kind, regions = request.param
    rng = Random(f"batches {kind} {regions}")
    world = spread(rng, priced(rng, make_world(rng, kind, 250)))
    return Cut(world, regions, tmp_path_factory.mktemp(kind))


@pytest.fixture(scope="module")
def all_regions(cut: Cut) -> RegionsSearcher:
    engine = open_all(cut.folder)
    assert isinstance(engine, RegionsSearcher)
    return engine


@pytest.fixture(scope="module")
def here(cut: Cut, all_regions: RegionsSearcher) -> Iterator[Batches]:
    with batches(all_regions, cut.folder, threads=2) as by:
        assert by is not None
        yield by


def lines(cut: Cut, file: Path) -> Path:
    """Questions of every kind: on borders, with texts and areas, with and without a radius."""
    rng, rows = Random(11), []
    for number in range(QUESTIONS):
        row = {name: each for name, each in cut.question(rng).items() if name in BLOCK_PARAMETERS}
        if rng.random() < 0.3:
            row.pop("radius", None)
        rows.append({"query_id": f"q{number}", **row})
    rows[5] = {"query_id": "q5", "lat": 95, "lng": 0}
    file.write_text("\n".join([*map(json.dumps, rows), "no JSON"]))
    return file


def frame(cut: Cut, file: Path, count: int = 4 * QUESTIONS) -> Path:
    """Plain questions near shops, at their borders, and some that are refused."""
    rng = np.random.default_rng(12)
    shops = [(row["lat"], row["lng"]) for row in cut.world.merchants]
    lat, lng = np.array(shops)[rng.integers(len(shops), size=count)].T.copy()
    lat += rng.uniform(-0.4, 0.4, count) * (rng.random(count) < 0.5)
    borders = np.array([*cut.borders, 180.0, -180.0])
    lng[::7] = borders[rng.integers(len(borders), size=len(lng[::7]))]
    lat[::11] = np.array(cut.parallels)[rng.integers(len(cut.parallels), size=len(lat[::11]))]
    lat[::97] = 95.0
    minute = rng.integers(0, 3_000, count) * 60_000_000 + int(cut.one.start.timestamp() * 1e6)
    asked = pl.DataFrame({"lat": np.minimum(lat, 95.0), "lng": np.clip(lng, -180, 180)})
    radius = rng.choice([500.0, 3_000.0, 50_000.0], count)
    at = pl.Series("at", minute).cast(pl.Datetime("us", "UTC"))
    asked.with_columns(at, radius=radius).write_parquet(file)
    return file


def ranked(engine: Any, questions: Path, out: Path, by: Any = None) -> list[Any]:
    """Rows of the results, and bytes of them and of the list of refused questions."""
    report = rank_file(engine, questions, out, SAME, ranking=None if by is None else by.blocks)
    assert report.rejected is not None
    assert report.results > report.queries / 10, report
    table = pl.read_parquet(out) if out.suffix == ".parquet" else pl.read_ipc(out)
    return [table.rows(), report.rejected.read_bytes(), out.read_bytes()]


def test_questions_of_every_kind(
    cut: Cut, all_regions: RegionsSearcher, here: Batches, tmp_path: Path
) -> None:
    asked = lines(cut, tmp_path / "in.ndjson")
    expected = ranked(cut.one, asked, tmp_path / "one.arrow")
    assert ranked(all_regions, asked, tmp_path / "many.arrow", here) == expected
    # The searcher alone takes the road of questions that span regions for all of them.
    assert ranked(all_regions, asked, tmp_path / "alone.arrow") == expected


def test_words_are_as_rare_as_in_one_index(cut: Cut, all_regions: RegionsSearcher) -> None:
    """What each region knows of all shops counts once."""
    for text in [*cut.names[:20], "red cafe", "lanbei"]:
        told = []
        for engine in (cut.one, all_regions):
            rewriter = engine._rewriter
            told.append(rewriter.described(rewriter.as_typed(text).text_query))
        assert told[0] == told[1]
        assert told[0]


def test_columns_of_questions(
    cut: Cut, all_regions: RegionsSearcher, here: Batches, tmp_path: Path
) -> None:
    asked = frame(cut, tmp_path / "in.parquet")
    expected = ranked(cut.one, asked, tmp_path / "one.parquet")
    assert ranked(all_regions, asked, tmp_path / "many.parquet", here) == expected


def test_what_cards_are_worth(cut: Cut, all_regions: RegionsSearcher, here: Batches) -> None:
    rng, rows = Random(13), []
    for number in range(12):
        row = cut.question(rng)
        rows.append({"lat": row["lat"], "lng": row["lng"], "when": "12:00-13:00",
                     "visits": number, "spend": 4_000, "radius": 50_000})  # fmt: skip
    habits, at = read_habits(rows), cut.world.now
    expected = msgspec.json.encode(worth(cut.one, habits, at=at))
    assert msgspec.json.encode(worth(all_regions, habits, at=at, measure=here.habits)) == expected
    assert msgspec.json.encode(worth(all_regions, habits, at=at)) == expected


@pytest.mark.parametrize("cells", ["h3:7", "zones"])
def test_cells_count_each_shop_once(
    cut: Cut, all_regions: RegionsSearcher, here: Batches, cells: str
) -> None:
    cards = [each["program_id"] for each in cut.one.programs()][:MOST_CARDS]
    asked: Any = {"cells": cells, "at": cut.world.now, "programs": cards}
    expected = coverage(cut.one, **asked)
    for counting in (here.minutes, None):
        found = coverage(all_regions, **asked, counting=counting)
        assert found.rows.equals(expected.rows)
        assert found.total.equals(expected.total)
        assert list(found.cells) == list(expected.cells)
    assert expected.total["open"].sum() > 0


@pytest.mark.parametrize("road", ["processes", "ray"])
def test_workers_answer_for_regions(tmp_path: Path, road: str) -> None:
    """Questions, habits and cells on two workers, which open regions when they are asked."""
    ray = LOCAL if road == "ray" else None
    if ray and importlib.util.find_spec("ray") is None:
        pytest.skip("pip install 'geosearch-deals[ray]'")
    rng = Random("workers")
    cut = Cut(spread(rng, priced(rng, make_world(rng, "city", 250))), 5, tmp_path / "world")
    engine, at = open_all(cut.folder), cut.world.now
    files = [
        lines(cut, tmp_path / "in.ndjson"),
        frame(cut, tmp_path / "in.parquet", 3 * PIECE_ROWS),
    ]
    habits = read_habits(
        [
            {"lat": row["lat"], "lng": row["lng"], "when": "12:00-13:00", "visits": 1,
             "spend": 4_000, "radius": 9_000}
            for row in cut.world.merchants[::20]
        ]
    )  # fmt: skip
    expected = [ranked(cut.one, file, tmp_path / f"one{file.suffix}.arrow") for file in files]
    value = msgspec.json.encode(worth(cut.one, habits, at=at))
    with batches(engine, cut.folder, processes=2, ray=ray) as by:
        assert by is not None
        for file, rows in zip(files, expected, strict=True):
            assert ranked(engine, file, tmp_path / f"many{file.suffix}.arrow", by) == rows
        assert msgspec.json.encode(worth(engine, habits, at=at, measure=by.habits)) == value
        counted = coverage(engine, cells="h3:7", at=at, counting=by.minutes)
        assert counted.rows.equals(coverage(cut.one, cells="h3:7", at=at).rows)
        workers: Any = by._workers
        if ray is None:
            workers._pool.submit(os._exit, 1)
            with pytest.raises(BadData, match="got one that died"):
                ranked(engine, files[1], tmp_path / "dead.arrow", by)
            assert not (tmp_path / "dead.arrow").exists()


def test_a_folder_that_is_no_build_of_regions_is_refused(cut: Cut, tmp_path: Path) -> None:
    """Regions of two builds, a region that is not there, and a change after the engine opened."""
    snapshot = cut.folder.parent / "snapshot"
    for name, file in (("half", b'{"features": []}'), ("none", b"no JSON")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "regions.geojson").write_bytes(file)
        with pytest.raises(BadData, match=r"Expected (a region|regions), got"):
            open_all(tmp_path / name)
    folder = tmp_path / "regions"
    report = build_regions(
        snapshot, folder, len(cut.regions), now=cut.world.now, max_rejected=1, processes=1
    )
    engine = open_all(folder)
    name = report.regions[0].region_id
    if len(cut.regions) > 1:
        other = folder / report.regions[1].region_id
        (other / "CURRENT").rename(other / "HIDDEN")
        with pytest.raises(BadData):
            open_all(folder)
        build(snapshot, other, now=cut.world.now, max_rejected=1)
        with pytest.raises(BadData, match=r"Expected (regions of one version|the regions of one)"):
            open_all(folder)
        return
    status = {"program_id": engine.programs()[0]["program_id"], "status": "ACTIVE"}
    with Writer(folder / name) as writer:
        writer.apply([{"table": "programs", "patch": status}])
    question = pl.DataFrame({"lat": [31.2], "lng": [121.4]})
    with batches(engine, folder, processes=1) as by:
        assert by is not None
        answers = by.blocks(iter([question]), {})
        with pytest.raises(BadData, match=r"got one with .* live changes up to 1: the index chan"):
            next(answers)
    assert open_all(folder).latest().as_of_seq == 1


def test_wrong_columns_are_refused(here: Batches) -> None:
    frames: list[Any] = [
        {"lat": [31.23], "lng": [121.47], "radius_": [1]},
        {"lng": [121.47], "radius_": [1]},
        {"lat": ["north"], "lng": [None], "cursor": ["c"]},
    ]
    for wrong in frames:
        with pytest.raises(BadRequest, match="Expected columns among"):
            list(here.blocks(iter([pl.DataFrame(wrong)]), {}))
    (block,) = here.blocks(iter([pl.DataFrame({"lat": ["north"], "lng": [None]})]), {})
    assert block.refused["query_id"].to_list() == [0]
    (block,) = here.blocks(iter([pl.DataFrame({"lat": [], "lng": []})]), {})
    assert block.queries == 0
    assert block.rows.columns[:3] == ["query_id", "rank", "merchant_id"]
