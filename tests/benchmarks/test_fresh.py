"""A process of its own tells of opening, first answer and memory."""

from pathlib import Path

from benchmarks.fresh import drop_pages
from benchmarks.suite import opened_afresh
from benchmarks.worlds import open_world
from geosearch.search.searcher import Searcher
from geosearch.segment.versions import current
from tests.benchmarks.conftest import TOY


def test_opened_afresh(world_cache: Path) -> None:
    found = opened_afresh(open_world(TOY))
    assert set(found) == {"open_ms", "cold_ms", "rss_bytes"}
    assert 0 < found["open_ms"] <= found["cold_ms"]
    assert found["rss_bytes"] > 50e6


def test_dropping_pages_harms_nothing(world_cache: Path) -> None:
    version = current(open_world(TOY))
    drop_pages(version)
    assert Searcher(version, verify="full").info()["merchants"] == TOY.merchants
