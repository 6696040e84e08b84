"""A run goes step by step, tells what is left, and keeps what it has when it is stopped."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from benchmarks import __main__ as command
from benchmarks import run as running
from benchmarks.relevance import sources
from benchmarks.reports.html import html_report
from benchmarks.reports.markdown import markdown_report
from benchmarks.result import FILE, Result, load_result
from benchmarks.run import OTHERS, Options, parse, run, steps
from benchmarks.suite import FAMILY_NAMES
from geosearch.errors import BadRequest
from tests.benchmarks.reports import results


def options(**given: Any) -> Options:
    usual: dict[str, Any] = {"full": False, "only": "", "peers": None, "worlds": None, "out": None}
    return parse(**(usual | given))


def test_a_toy_run_writes_its_reports(
    world_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = "nearest_red,mixed,read_query"
    chosen = options(only=only, peers="numpy,grid", worlds="3000,6000", out=tmp_path)
    result = run(chosen._replace(queries=30))
    assert [(world.shape, world.merchants) for world in result.worlds][:2] == [
        ("city", 3_000),
        ("city", 6_000),
    ]
    assert [family.family for family in result.worlds[0].families] == ["nearest_red", "mixed"]
    assert [family.family for family in result.worlds[2].families] == ["read_query"]
    assert not result.unfinished
    assert result.build is None
    assert result.http is None
    kept = load_result(tmp_path)
    assert kept.worlds == result.worlds
    assert "numpy" in (tmp_path / "report.md").read_text("utf-8")
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!doctype html>")
    told = capsys.readouterr().err
    assert "[1/3]" in told
    assert " left" in told


def test_a_run_that_is_stopped_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(result: Result) -> None:
        result.build = None
        raise KeyboardInterrupt

    def never(result: Result) -> None:
        pytest.fail("a step after the one that was stopped")

    def fine(result: Result) -> None:
        result.relevance = {"ways": [], "city": {"brands": 1, "shops": 2}}

    planned = [
        running._Step(str(number), 1.0, do) for number, do in enumerate((fine, stopped, never))
    ]
    monkeypatch.setattr(running, "steps", lambda _: planned)
    result = run(options(out=tmp_path))
    assert result.unfinished == "stopped by hand during step 2 of 3"
    assert load_result(tmp_path / FILE).relevance == result.relevance


def test_what_a_run_consists_of() -> None:
    quick = [step.name for step in steps(options())]
    assert quick[:3] == [
        "100,000, one city: families without words",
        "1,000,000, one city: families without words",
        "100,000, one city, 10,000 on one position: families without words",
    ]
    assert len(quick) == 11
    full = [step.name for step in steps(options(full=True))]
    assert "10,000,000, 300 towns: families without words" in full
    assert "1,000,000 merchants: families with words" in full
    alone = [step.name for step in steps(options(only="build"))]
    assert alone == ["a build"]


def test_data_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "DATA", tmp_path)
    monkeypatch.setattr(running, "measure_relevance", pytest.fail)
    result = Result(circumstances={})
    running._relevance(result)
    assert result.relevance is None
    assert result.relevance_missing == [*sources.FILES]
    assert f"left out, {sources.FILES[0]}" in capsys.readouterr().err
    result.worlds.append(results.world(0))
    for told in (markdown_report(result), html_report(result, {})):
        assert "Relevance" in told
        assert all(name in told for name in sources.FILES)


def test_data_that_is_there_is_measured(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "measure_relevance", lambda _: {"ways": ["measured"]})
    (step,) = steps(options(only="relevance"))
    result = Result(circumstances={})
    step.do(result)
    assert result.relevance == {"ways": ["measured"]}
    assert result.relevance_missing == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"only": "nearest"}, "Expected one of nearest_red, .* got 'nearest' - at `--only`"),
        ({"peers": "oracle"}, "Expected one of numpy, .* got 'oracle' - at `--peers`"),
        ({"worlds": "1e6"}, "Expected merchant counts by commas, got '1e6' - at `--worlds`"),
        ({"worlds": "0"}, "Expected merchant counts"),
        ({"worlds": ""}, "Expected merchant counts"),
    ],
)
def test_odd_options_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        options(**given)


def test_families_that_no_world_has_are_refused() -> None:
    with pytest.raises(BadRequest, match="worlds of 2000000, got word_5 - at `--only`"):
        run(options(only="word_5", worlds="2000000"))


def test_options_are_lists() -> None:
    found = options(only=",".join((*FAMILY_NAMES, *OTHERS)), peers="", worlds="1_000,20,20")
    assert found.only == (*FAMILY_NAMES, *OTHERS)
    assert found.peers == ()
    assert found.worlds == (20, 1_000)


def test_a_world_that_is_stopped_is_told_of_in_the_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(result: Result) -> None:
        result.worlds.append(structs.replace(results.world(0), stopped=True))

    def never(result: Result) -> None:
        pytest.fail("a step after the one that was stopped")

    planned = [running._Step("a world", 1.0, cut_short), running._Step("more", 1.0, never)]
    monkeypatch.setattr(running, "steps", lambda _: planned)
    assert run(options(out=tmp_path)).unfinished == "stopped by hand during step 1 of 2"
    kept = load_result(tmp_path / FILE)
    assert kept.unfinished == "stopped by hand during step 1 of 2"
    assert len(kept.worlds) == 1
    assert "unfinished" in (tmp_path / "report.md").read_text("utf-8")


@pytest.mark.parametrize("given", [["--only", "build", "--peers", ""], ["--full"]])
def test_a_result_says_how_to_run_it_again(
    given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Any] = []

    def run_nothing(chosen: Options, again: list[str]) -> Result:
        noted[:] = [chosen, again]
        return Result(circumstances={}, unfinished="stopped")

    monkeypatch.setattr(command, "run_suite", run_nothing)
    monkeypatch.setattr(command, "markdown_report", lambda result: "")
    assert command.run(given) == command.INTERRUPTED
    assert noted[1] == ["python", "-m", "benchmarks", *given]
    assert noted[0].full == ("--full" in given)
