"""Files of queries: every format gives what `rank_block` gives, and no wrong row stops it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from geosearch.errors import BadData, BadRequest
from geosearch.search.searcher import Searcher
from geosearch.studies import rank_files
from geosearch.studies.rank_files import rank_file
from tests.generators import EVERYWHERE, make_world
from tests.geosearch.small_city import opened

COUNT = 50


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A small city."""
    return opened(make_world(Random("files"), "city", 150), tmp_path_factory.mktemp("files"))


def queries(engine: Searcher) -> pl.DataFrame:
    rng = Random("queries")
    rows = [
        {
            "query_id": f"q{number}",
            "lat": 31.23 + rng.uniform(-0.02, 0.02),
            "lng": 121.47 + rng.uniform(-0.02, 0.02),
            "at": (engine.start + timedelta(days=2, minutes=rng.randrange(2000))).isoformat(),
            "cards": [EVERYWHERE],
        }
        for number in range(COUNT)
    ]
    rows[7]["lat"] = 95.0
    return pl.DataFrame(rows)


def written(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".arrow":
        frame.write_ipc(path)
    else:
        frame.write_ndjson(path)
    return path


@pytest.mark.parametrize("ask", [".parquet", ".arrow", ".ndjson"])
@pytest.mark.parametrize("tell", [".parquet", ".arrow"])
def test_every_format(engine: Searcher, ask: str, tell: str, tmp_path: Path) -> None:
    frame, out = queries(engine), tmp_path / f"out{tell}"
    path = written(frame, tmp_path / f"in{ask}")
    with mock.patch.object(rank_files, "PIECE_ROWS", 16):
        report = rank_file(engine, path, out, {"limit": 5, "deals": "optional"})
    expected = engine.rank_block(frame, limit=5, deals="optional")
    found = pl.read_parquet(out) if tell == ".parquet" else pl.read_ipc(out)
    assert_frame_equal(found, expected.rows)
    assert report.queries == COUNT
    assert report.results == len(found) > COUNT
    assert report.refused == {"out_of_range": 1}
    assert report.rejected is not None
    (line,) = report.rejected.read_text().splitlines()
    assert json.loads(line) == {
        "query_id": "q7",
        "code": "out_of_range",
        "detail": "Expected `lat` in [-90, 90], got 95.0 - at `$.lat`",
    }
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        (path.name, out.name, "out.rejected.ndjson")
    )


def test_the_same_bytes_whatever_the_threads(engine: Searcher, tmp_path: Path) -> None:
    path = written(queries(engine), tmp_path / "in.parquet")
    for threads in (1, 2, 5):
        rank_file(engine, path, tmp_path / f"{threads}.parquet", {}, threads=threads)
    first = (tmp_path / "1.parquet").read_bytes()
    assert (tmp_path / "2.parquet").read_bytes() == first
    assert (tmp_path / "5.parquet").read_bytes() == first


def test_lines_that_are_no_queries(engine: Searcher, tmp_path: Path) -> None:
    at = (engine.start + timedelta(days=2)).isoformat()
    good = {"lat": 31.23, "lng": 121.47, "at": at, "radius": 50000}
    lines: list[Any] = [
        json.dumps(good), "", "{", "[1]", json.dumps({**good, "colour": "red"}),
        json.dumps({**good, "cursor": "x"}), json.dumps({**good, "lat": "31"}), json.dumps(good),
    ]  # fmt: skip
    path = tmp_path / "in.ndjson"
    path.write_text("\n".join(lines) + "\n")
    report = rank_file(engine, path, tmp_path / "out.arrow", {"limit": 2})
    assert report.queries == 7
    assert report.refused == {"not_json": 2, "unknown_parameter": 2, "wrong_type": 1}
    found = pl.read_ipc(tmp_path / "out.arrow")
    assert found["query_id"].to_list() == [0, 0, 6, 6]


def test_columns_that_only_a_late_line_asks_for(engine: Searcher, tmp_path: Path) -> None:
    at = (engine.start + timedelta(days=2)).isoformat()
    plain = {"lat": 31.23, "lng": 121.47, "at": at, "radius": 50000, "cards": [EVERYWHERE]}
    rows = [plain, plain, plain | {"total": True}, plain | {"stacking": "on"}]
    path = tmp_path / "in.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with mock.patch.object(rank_files, "PIECE_ROWS", 2):
        rank_file(engine, path, tmp_path / "out.arrow", {"limit": 1, "deals": "any"})
    found = pl.read_ipc(tmp_path / "out.arrow")
    asked = engine.rank_block(
        pl.DataFrame(rows, infer_schema_length=None), limit=1, deals="any"
    ).rows
    assert found.columns == asked.columns
    assert found["total"].is_null().to_list() == [True, True, False, True]
    assert found["combination"].is_null().to_list() == [True, True, True, False]


def test_progress_says_how_long_it_takes(engine: Searcher, tmp_path: Path) -> None:
    path = written(queries(engine), tmp_path / "in.parquet")
    said: list[str] = []
    clock = iter(range(1000))
    with (
        mock.patch.object(rank_files, "PIECE_ROWS", 10),
        mock.patch("geosearch.studies.rank_files.time.monotonic", side_effect=clock),
    ):
        rank_file(engine, path, tmp_path / "out.parquet", {}, progress=said.append)
    assert said[0].startswith("ranked 10 of 50 queries, ")
    assert said[-1].endswith(" 0 s left")


@pytest.mark.parametrize(
    ("ask", "tell", "sentence"),
    [
        ("in.csv", "out.parquet", "Expected `queries` ending in .parquet, .arrow, .ndjson"),
        ("in.parquet", "out.csv", "Expected `out` ending in .parquet, .arrow, got 'out.csv'"),
    ],
)
def test_other_formats(
    engine: Searcher, ask: str, tell: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRequest) as refusal:
        rank_file(engine, tmp_path / ask, tmp_path / tell, {})
    assert sentence in str(refusal.value)


def test_files_that_cannot_be_read(engine: Searcher, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"no table")
    with pytest.raises(BadData, match="Expected queries, got"):
        rank_file(engine, tmp_path / "bad.parquet", tmp_path / "out.parquet", {})
    for name in ("none.ndjson", "none.parquet"):
        with pytest.raises(OSError, match="No such file"):
            rank_file(engine, tmp_path / name, tmp_path / "out.parquet", {})


def test_an_old_result_stays_if_it_fails(engine: Searcher, tmp_path: Path) -> None:
    (tmp_path / "out.parquet").write_text("old")
    pl.DataFrame({"colour": [1]}).write_parquet(tmp_path / "in.parquet")
    with pytest.raises(BadRequest, match="colour"):
        rank_file(engine, tmp_path / "in.parquet", tmp_path / "out.parquet", {})
    assert (tmp_path / "out.parquet").read_text() == "old"


def test_no_queries(engine: Searcher, tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_text("\n")
    report = rank_file(engine, tmp_path / "in.ndjson", tmp_path / "out.parquet", {})
    assert (report.queries, report.results, report.rejected) == (0, 0, None)
    assert pl.read_parquet(tmp_path / "out.parquet").is_empty()
