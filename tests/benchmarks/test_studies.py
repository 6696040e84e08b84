"""Figures of studies at toy size; the peers count what the study counts, or it raises."""

from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from msgspec import structs

from benchmarks import coverage_picture
from benchmarks import studies as subject
from benchmarks.reports import sentences
from geosearch.indexing.pipeline import build
from geosearch.sources.synth.world import synthesise


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies")
    now = datetime(2026, 11, 21, 16, tzinfo=UTC)
    synthesise(folder / "snapshot", merchants=2000, seed=1, created_at=now)
    build(folder / "snapshot", folder / "index", now=now)
    return folder / "index"


def test_peers_count_the_same_coverage(index: Path) -> None:
    said: list[str] = []
    with (
        mock.patch.object(subject, "QUESTIONS", 300),
        mock.patch.object(subject, "ONE_BY_ONE", 20),
    ):
        found = subject.run(index, say=said.append)
    assert len(said) == 4
    assert found.coverage_rows > 100
    said = sentences.studies(found)
    assert said[0] == f"{found.merchants:,} merchants, {found.cards} cards."
    assert "DuckDB" in said[-1]
    without = sentences.studies(structs.replace(found, duckdb_s=None))
    assert "DuckDB" not in without[-1]


def test_a_peer_that_counts_something_else_is_named(index: Path) -> None:
    with (
        mock.patch.object(subject, "QUESTIONS", 100),
        mock.patch.object(subject, "ONE_BY_ONE", 20),
        mock.patch.object(subject, "_duckdb", return_value=0),
        pytest.raises(AssertionError),
    ):
        subject.run(index, say=lambda line: None)


def test_the_picture_has_a_shape_for_each_cell(index: Path, tmp_path: Path) -> None:
    out = tmp_path / "coverage.svg"
    coverage_picture.main(index, out)
    text = out.read_text()
    assert "red, Wednesday 19:00: usable at" in text
    assert text.count("<path") > 20
