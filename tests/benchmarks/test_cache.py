"""Worlds are written once for the sources that make them."""

from pathlib import Path

import pytest

from benchmarks import cache
from benchmarks.cache import VARIABLE, cache_folder, kept
from geosearch.segment.versions import CURRENT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "worlds"))
    monkeypatch.setattr(cache, "ROOT", tmp_path)
    (tmp_path / "one.py").write_text("1")
    return tmp_path / "worlds"


def write(made: Path) -> None:
    assert not made.exists()
    made.mkdir()
    (made / CURRENT).touch()


def never(made: Path) -> None:
    pytest.fail(f"{made} is written again")


def test_what_is_kept_is_not_written_again(folder: Path) -> None:
    made = kept("city-50", ["*.py"], write)
    assert made.parent == folder == cache_folder()
    assert kept("city-50", ["*.py"], never) == made


def test_other_sources_make_another_and_remove_it(folder: Path) -> None:
    made, other = kept("city-50", ["*.py"], write), kept("city-500", ["*.py"], write)
    (folder.parent / "two.py").write_text("2")
    again = kept("city-50", ["*.py"], write)
    assert again != made
    assert sorted(folder.iterdir()) == sorted([again, other])


def test_what_was_not_written_to_its_end_is_written_again(folder: Path) -> None:
    made = kept("city-50", ["*.py"], write)
    (made / CURRENT).unlink()
    assert kept("city-50", ["*.py"], write) == made


def test_the_users_cache_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert cache_folder() == Path.home() / ".cache" / "geosearch" / "worlds"
