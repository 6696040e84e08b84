"""The commands of studies: what they print and write, and how they refuse."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from geosearch.cli.app import DONE, WRONG_USE, run
from tests.geosearch.small_city import LUNCH, NOW, opened, small_world

AT = NOW.isoformat()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small city."""
    folder = tmp_path_factory.mktemp("studies")
    opened(small_world(), folder)
    return str(folder / "index")


def habits(folder: Path, *changes: dict[str, Any]) -> str:
    path = folder / "habits.json"
    path.write_text(json.dumps([{**LUNCH, "name": "lunch", **one} for one in changes or ({},)]))
    return str(path)


def test_worth_is_a_table(index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["worth", index, "--habits", habits(tmp_path), "--at", AT]) == DONE
    shown = capsys.readouterr().out
    assert "lunch: 80 instants, 3 open shops each" in shown
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line.split()}
    assert rows["red"] == ("red ¥168 ¥2.569 35.7 % ¥7.200 ¥4.295 ¥448.46 66 visits 24".split())
    assert rows["blue"][1] == "free"
    assert rows["blue"][-4:] == ["¥1,150.15", "at", "once", "0"]


def test_worth_as_json(index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--habits", habits(tmp_path), "--cards", "red", "--candidates", "blue,red"]
    assert run(["worth", index, *arguments, "--at", AT, "--json"]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert [card["program_id"] for card in found["cards"]] == ["blue", "red"]
    assert found["cards"][1]["per_visit"]["as_you_go"] == 0


def test_rank_writes_a_file(index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"query_id": ["a", "b", "c"], "lat": [31.0, 131.0, 31.001], "lng": 121.0})
    frame.write_parquet(tmp_path / "in.parquet")
    files = ["--queries", str(tmp_path / "in.parquet"), "--out", str(tmp_path / "out.parquet")]
    same = ["--at", AT, "--cards", "red", "--deals", "card", "--limit", "2", "--open", "now"]
    assert run(["rank", index, *files, *same]) == DONE
    shown = capsys.readouterr().out
    assert "2 results of 3 queries" in shown
    assert "refused 1 queries: out_of_range" in shown
    assert "out.rejected.ndjson lists them" in shown
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["query_id"].to_list() == ["a", "c"]
    assert found["deal_id"].to_list() == ["r1", "r1"]
    assert found["saving"].to_list() == [800, 800]


def test_rank_of_wrong_queries_only(
    index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pl.DataFrame({"lat": [100.0], "lng": [1.0]}).write_parquet(tmp_path / "in.parquet")
    files = ["--queries", str(tmp_path / "in.parquet"), "--out", str(tmp_path / "out.arrow")]
    assert run(["rank", index, *files, "--at", AT]) == WRONG_USE
    assert "No query can be answered; the first: Expected `lat`" in capsys.readouterr().err


def test_coverage_says_it_in_sentences(
    index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "coverage.geojson"
    asked = ["--programs", "red", "--slot", "Wednesday 19:00=We 19:00", "--at", AT]
    assert run(["coverage", index, *asked, "--out", str(out)]) == DONE
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "red, Wednesday 19:00: usable at 33.3 % of open shops, better than the public price "
        "at 33.3 %",
        f"wrote {out}, rows: 1",
    ]
    assert "counting Wednesday 19:00, 1 instants" in captured.err
    assert len(json.loads(out.read_text())["features"]) == 1


def test_coverage_as_json(index: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--compare", "red,blue", "--cells", "h3:7", "--at", AT, "--json"]
    assert run(["coverage", index, *asked]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert len(found["total"]) == 10
    assert found["warnings"] == []


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["coverage", "--programs", "green"], "Expected `programs` among the cards"),
        (["coverage", "--compare", "red"], "Expected two cards, such as red,blue, got 'red'"),
        (["coverage", "--slot", "Mo-Fr 12:15"], "Expected NAME=TIMES, got 'Mo-Fr 12:15'"),
        (["coverage", "--out", "x.txt"], "Expected `out` ending in .geojson, .parquet, .csv"),
        (["worth", "--habits", "nowhere.json"], "Cannot read the file as JSON"),
        (["rank", "--queries", "x.csv", "--out", "y.parquet"], "Expected `queries` ending in"),
        (["rank", "--queries", "x.ndjson", "--out", "y.arrow", "--limit", "x"], "`limit`"),
    ],
    ids=str,
)
def test_wrong_use(
    index: str, command: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command[0], index, *command[1:]]) == WRONG_USE
    assert sentence in capsys.readouterr().err


def test_a_habit_without_spend(
    index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = habits(tmp_path, {"spend": None})
    assert run(["worth", index, "--habits", path, "--at", AT]) == WRONG_USE
    assert (
        "Expected `spend` as an integer, got null - at `$.habits[0].spend`"
        in capsys.readouterr().err
    )
