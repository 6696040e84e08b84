"""Sharing out questions is measured at toy size; without Ray it says why Ray is left out."""

from pathlib import Path

import pytest

from benchmarks import batches as subject
from benchmarks.reports import sentences
from benchmarks.result import BatchesResult, BatchRoad
from benchmarks.texts import text_world
from geosearch.search.block import PIECE_ROWS


def test_each_road_is_measured(world_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "find_spec", lambda name: None)
    found = subject.run(text_world(4_000), questions=12_000, rounds=1, say=lambda line: None)
    assert [(road.road, road.piece) for road in found.roads] == [
        ("one thread", 10_000),
        ("processes", 10_000),
        ("one thread", PIECE_ROWS),
        ("processes", PIECE_ROWS),
    ]
    assert all(road.cpu_us > 0 and road.wall_us > 0 for road in found.roads)
    assert "Left out: Ray is not installed" in sentences.batches(found)[-1]


def test_overhead_is_what_one_thread_does_not_take() -> None:
    rows = [("one thread", 10, 8.4), ("one thread", 30, 8.0), ("Ray", 10, 8.8), ("Ray", 30, 7.6)]
    roads = [BatchRoad(road=r, piece=p, cpu_us=cpu, wall_us=1.0) for r, p, cpu in rows]
    found = BatchesResult(merchants=1, questions=1, workers=2, roads=roads)
    said = sentences.batches(found)[1:]
    shares = [line.rpartition(", ")[2] for line in said]
    assert shares == ["+5.0 %.", "+0.0 %.", "+10.0 %.", "-5.0 %."]
