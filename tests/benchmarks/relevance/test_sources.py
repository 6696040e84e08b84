"""The real data is what the suite was written for."""

from pathlib import Path

import pytest

from benchmarks.relevance import sources
from tests.benchmarks.relevance.conftest import REAL


@REAL
def test_data_is_where_the_tests_look(data: str, shared_data: Path) -> None:
    assert shared_data == sources.DATA


def test_what_is_missing_is_named(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources.missing() == []
    monkeypatch.setattr(sources, "DATA", tmp_path)
    (tmp_path / "osm_hangzhou").mkdir()
    (tmp_path / "osm_hangzhou" / "pois.jsonl.gz").touch()
    assert sources.missing() == [name for name in sources.FILES if "hangzhou" not in name]
    assert len(sources.missing()) == len(sources.FILES) - 1


@REAL
def test_counts(data: str) -> None:
    assert len(sources.brand_rows()) == 1_716
    assert len(sources.place_rows()) == 8_964
    assert len(sources.presets()) > 1_700
    assert all(len(sources.preset_words(language)) > 1_600 for language in sources.LANGUAGES)


def test_homophones_are_characters(data: str) -> None:
    table = sources.homophones()
    assert len(table) > 3_400
    assert {"壹", "衣"} & set(table["一"])
    assert all(len(character) == 1 for character in table)
