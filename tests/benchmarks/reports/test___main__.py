"""The README's part is what the committed result says."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.reports import PICTURE
from benchmarks.reports.__main__ import ROOT, main
from benchmarks.reports.markdown import BEGIN, END, changelog_lines, markdown_report, readme_lines
from benchmarks.result import FILE, load_result, save_result
from tests.benchmarks.reports.results import result as made


def test_readme_and_reports_are_made_of_the_result(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / "results"
    save_result(made(), folder)
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n", "utf-8")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("no markers\n", "utf-8")
    main(tmp_path)
    assert changelog.read_text("utf-8") == "no markers\n"
    changelog.write_text(f"# 1\n{BEGIN}\n{END}\n", "utf-8")
    main(tmp_path)
    changes = changelog.read_text("utf-8")
    assert changelog_lines(load_result(folder / FILE)) in changes
    assert "| nearest, 3 km, any of 8 cards | 23.0 µs |" in changes
    assert "| family, 1,000,000, one city | p50 | p99 |" in changes
    text = (tmp_path / "README.md").read_text("utf-8")
    assert readme_lines(load_result(folder / FILE)) in text
    assert text.startswith("before\n")
    assert "stale" not in text
    assert (folder / "report.html").exists()


def test_the_committed_report_tells_of_the_committed_result() -> None:
    folder = ROOT / "benchmarks" / "results"
    report = markdown_report(load_result(folder / FILE), picture=PICTURE)
    assert (folder / "report.md").read_text("utf-8") == report
    assert 0 < (folder / PICTURE).stat().st_size < 90_000


def test_the_page_is_made_where_it_is_wanted_and_not_committed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "check-ignore", "--quiet", "benchmarks/results/report.html"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_the_committed_readme_tells_of_the_committed_result() -> None:
    result = load_result(ROOT / "benchmarks" / "results" / FILE)
    assert readme_lines(result) in (ROOT / "README.md").read_text("utf-8")
