"""Batches on processes and on Ray give what one process gives, byte for byte."""

import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl
import pytest

from geosearch.cluster.batches import Batches, batches
from geosearch.cluster.workers import LOCAL
from geosearch.errors import BadData, BadRequest
from geosearch.indexing.writer import Writer
from geosearch.search.searcher import Searcher, open_index
from geosearch.studies.coverage import coverage
from geosearch.studies.habits import read_habits
from geosearch.studies.rank_files import rank_file
from geosearch.studies.worth import worth
from tests.generators import make_world
from tests.geosearch.small_city import NOW, opened

QUESTIONS = 100_000
SAME = {"limit": 3, "radius": 400, "open": "now", "deals": "optional"}


class Road(NamedTuple):
    """An index, its folder, and workers for it."""

    engine: Searcher
    folder: Path
    by: Batches


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batches")
    opened(make_world(Random("batches"), "city", 150), folder)
    return folder / "index"


@pytest.fixture(scope="module", params=["processes", "ray"])
def road(index: Path, request: pytest.FixtureRequest) -> Iterator[Road]:
    ray = LOCAL if request.param == "ray" else None
    if ray and importlib.util.find_spec("ray") is None:
        pytest.skip("pip install 'geosearch-deals[ray]'")
    engine = open_index(index)
    with batches(engine, index, processes=2, ray=ray) as by:
        assert by is not None
        yield Road(engine, index, by)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory, index: Path) -> Path:
    rng, file = np.random.default_rng(1), tmp_path_factory.mktemp("questions") / "in.parquet"
    minutes = pl.Series(rng.integers(0, 3_000, QUESTIONS)).cast(pl.Int64) * 60_000_000
    start = open_index(index).start
    frame = pl.DataFrame(
        {
            "lat": 31.23 + rng.uniform(-0.02, 0.02, QUESTIONS),
            "lng": 121.47 + rng.uniform(-0.02, 0.02, QUESTIONS),
            "at": (minutes + int(start.timestamp() * 1e6)).cast(pl.Datetime("us", "UTC")),
        }
    )
    bad = pl.Series(np.arange(QUESTIONS) % 9_000 == 7)
    lat = pl.when(bad).then(95.0).otherwise(pl.col("lat"))
    frame.with_columns(lat.alias("lat")).write_parquet(file)
    return file


def test_a_file_of_questions(road: Road, questions: Path, tmp_path: Path) -> None:
    alone, many = tmp_path / "alone.parquet", tmp_path / "many.parquet"
    first = rank_file(road.engine, questions, alone, SAME)
    second = rank_file(road.engine, questions, many, SAME, ranking=road.by.blocks)
    assert alone.read_bytes() == many.read_bytes()
    assert first.rejected is not None
    assert second.rejected is not None
    assert first.rejected.read_bytes() == second.rejected.read_bytes()
    assert first._replace(seconds=0, rejected=None) == second._replace(seconds=0, rejected=None)
    assert second.results > 40_000


def test_lines_of_questions(road: Road, tmp_path: Path) -> None:
    asked = tmp_path / "in.ndjson"
    lines = [
        f'{{"query_id": "q{n}", "lat": 31.2{n}, "lng": 121.47, "q": "咖啡"}}' for n in range(9)
    ]
    asked.write_text("\n".join([*lines, "no JSON"]))
    at = {"at": road.engine.start.isoformat()}
    alone, many = tmp_path / "alone.arrow", tmp_path / "many.arrow"
    rank_file(road.engine, asked, alone, at)
    report = rank_file(road.engine, asked, many, at, ranking=road.by.blocks)
    assert alone.read_bytes() == many.read_bytes()
    assert report.refused == {"not_json": 1}


def test_habits_and_cells(road: Road) -> None:
    engine, at = road.engine, road.engine.start.astimezone(NOW.tzinfo)
    habits = read_habits(
        [
            {
                "lat": 31.23 + n / 500,
                "lng": 121.47,
                "when": "12:00-14:00",
                "visits": n,
                "spend": 9000,
            }
            for n in range(1, 6)
        ]
    )
    alone = msgspec.json.encode(worth(engine, habits, at=at))
    assert msgspec.json.encode(worth(engine, habits, at=at, measure=road.by.habits)) == alone
    assert b'"as_you_go":0.0,"share_of_visits":0.0' not in alone[:300]
    first = coverage(engine, cells="h3:8", at=at)
    second = coverage(engine, cells="h3:8", at=at, counting=road.by.minutes)
    assert first.rows.equals(second.rows)
    assert first.total.equals(second.total)
    assert first.rows["wins"].sum() > 0


def test_refusals_are_those_of_one_process(road: Road) -> None:
    query: Any = {"lat": [31.23], "lng": [121.47], "radius_": [1]}
    with pytest.raises(BadRequest, match="Expected columns among") as refused:
        list(road.by.blocks(iter([pl.DataFrame(query)]), {}))
    assert refused.value.errors[0]["code"] == "unknown_parameter"


def test_an_index_that_changes_is_noticed(index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "index"
    shutil.copytree(index, copy, symlinks=True)
    engine = open_index(copy)
    status = {"program_id": engine.programs()[0]["program_id"], "status": "ACTIVE"}
    with Writer(copy) as writer:
        writer.apply([{"table": "programs", "patch": status}])
    question = pl.DataFrame({"lat": [31.2], "lng": [121.4]})
    with batches(engine, copy, processes=1) as by:
        assert by is not None
        answers = by.blocks(iter([question]), {})
        with pytest.raises(BadData, match=r"Expected workers with version .*: the index changed"):
            next(answers)


def test_a_dead_worker_is_not_a_lost_piece(road: Road, questions: Path, tmp_path: Path) -> None:
    alone, many = tmp_path / "alone.parquet", tmp_path / "many.parquet"
    rank_file(road.engine, questions, alone, SAME)
    workers: Any = road.by._workers
    if hasattr(workers, "_pool"):
        workers._pool.submit(os._exit, 1)
        with pytest.raises(BadData, match="got one that died"):
            rank_file(road.engine, questions, many, SAME, ranking=road.by.blocks)
        assert not many.exists()
        return
    pids = [actor.__ray_call__.remote(lambda worker: os.getpid()) for actor in workers._actors]
    pids = workers._ray.get(pids)

    def killing(*asked: Any) -> Any:
        for number, block in enumerate(road.by.blocks(*asked)):
            if number == 1:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
            yield block

    rank_file(road.engine, questions, many, SAME, ranking=killing)
    assert alone.read_bytes() == many.read_bytes()


def test_what_is_not_there_is_said(index: Path) -> None:
    engine = open_index(index)
    with batches(engine, index) as by:
        assert by is None
    for wrong in (0, -1, 10**6):
        with pytest.raises(BadRequest, match="Expected `--processes` in"):
            batches(engine, index, processes=wrong).__enter__()


def test_ray_is_asked_for_where_it_is_not_installed(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadRequest, match=r"got none: pip install 'geosearch-deals\[ray\]'"):
        batches(open_index(index), index, ray=LOCAL).__enter__()
