"""The figures run at toy size, and their report and README part are made from them."""

from pathlib import Path

import pytest

from benchmarks import builds, figures, http_load
from benchmarks.queries import FAMILIES
from benchmarks.report import BEGIN, END, relevance_lines, render, rewrite
from geosearch.model import Query

SMALL = ["--worlds", "city:12000", "--queries", "30", "--rounds", "2", "--compared", "5"]


@pytest.fixture(scope="module")
def results(world_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with results of all three benchmarks."""
    folder = tmp_path_factory.mktemp("results")
    out = ["--out", str(folder)]
    figures.main([*SMALL, *out])
    builds.main(["--merchants", "1500", *out])
    http_load.main(["--world", "city:12000", "--seconds", "0.5", "--places", "20", *out])
    return folder


def test_every_family_is_in_the_report(results: Path) -> None:
    text = render(results)
    for family in FAMILIES:
        assert f"| {family.label} |" in text
    assert "12,000, one city: a median of" in text
    assert "Build of a snapshot of 1,4" in text
    assert "requests a second; at half that load" in text
    assert text.count("commit ") == 1
    assert "--out" not in text
    assert "python -m benchmarks.figures --worlds city:12000" in text


def test_readme_part_is_replaced(results: Path) -> None:
    first = rewrite(f"# Title\n{BEGIN}\nstale\n{END}\nafter\n", results)
    assert "stale" not in first
    assert first.startswith(f"# Title\n{BEGIN}\n| merchants |")
    assert first.endswith(f"\n{END}\nafter\n")
    assert rewrite(first, results) == first


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}"])
def test_readme_without_its_markers_is_refused(results: Path, text: str) -> None:
    with pytest.raises(ValueError, match="Expected one"):
        rewrite(text, results)


def test_measured_times_are_of_every_query() -> None:
    asked: list[Query] = []
    queries = [family.at(31.2, 121.4) for family in FAMILIES]

    def ask(query: Query) -> bool:
        asked.append(query)
        return True

    spent = figures.measure(ask, queries, rounds=3)
    assert len(asked) == 4 * len(queries)
    assert 0.0 < spent["p50_us"] <= spent["p99_us"]


def test_relevance_is_told_by_way_of_typing() -> None:
    ways = [
        {"way": "name", "label": "the name", "at_1": 0.9996},
        {"way": "category", "label": "a category", "right_of_ten": 1.0},
    ]
    city = {"brands": 1716, "shops": 14_563}
    assert relevance_lines({"city": city, "ways": ways}).startswith(
        "Found first, of 1,716 real brands with 14,563 shops, by way of typing: the name 100.0% ("
    )
