"""The suite runs at toy size, prints its table and keeps its figures."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.relevance.__main__ import main, table
from benchmarks.relevance.ways import WAYS

TOY = ["--brands", "150", "--shops", "400", "--places", "100", "--most", "60"]

# Far below what a city of this size gives: that a way is broken, not that it got worse.
LEAST_AT_1 = {
    "name": 0.95,
    "alias": 0.85,
    "script": 0.9,
    "pinyin": 0.85,
    "initials": 0.6,
    "homophone": 0.7,
    "edit": 0.7,
    "prefix": 0.5,
}
LEAST_OF_CATEGORY = 0.85


@pytest.fixture(scope="module")
def run(data: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Result of a toy run and the file it was saved in."""
    file = tmp_path_factory.mktemp("relevance-result") / "toy.json"
    return main([*TOY, "--misses", "1", "--out", str(file)]), file


@pytest.mark.parametrize("name", LEAST_AT_1)
def test_figures(run: tuple[dict[str, Any], Path], name: str) -> None:
    row = next(row for row in run[0]["ways"] if row["way"] == name)
    assert 20 <= row["queries"] <= 60
    assert LEAST_AT_1[name] <= row["at_1"] <= row["at_5"] <= 1.0
    assert row["at_1"] <= row["mrr"]


def test_categories(run: tuple[dict[str, Any], Path]) -> None:
    row = next(row for row in run[0]["ways"] if row["way"] == "category")
    assert LEAST_OF_CATEGORY <= row["right"] <= 1.0


def test_result_is_kept_with_its_circumstances(run: tuple[dict[str, Any], Path]) -> None:
    result, file = run
    assert orjson.loads(file.read_bytes()) == orjson.loads(orjson.dumps(result))
    around = result["circumstances"]
    assert {"opencc", "pypinyin", "rapidfuzz", "numpy"} <= set(around["libraries"])
    assert around["command"].startswith("python -m benchmarks.relevance --brands 150")
    assert "--out" not in around["command"]
    assert result["city"]["brands"] == 150


def test_table_has_every_way(run: tuple[dict[str, Any], Path]) -> None:
    lines = table(run[0]).splitlines()
    assert [way.label for way in WAYS] == [line.split(" | ")[0][2:] for line in lines[2:]]
    assert "(98%) of ten right" in lines[9]


def test_unknown_ways_are_refused() -> None:
    with pytest.raises(SystemExit, match=r"Expected ways of name, alias, .*, got nonsense"):
        main([*TOY, "--ways", "name,nonsense"])
