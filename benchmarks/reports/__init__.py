"""Reports of a run of the suite: Markdown, HTML, a part for the README, and comparisons.

Useful for: `benchmarks.suite`, which writes them when it ends, and for looking at an old run again.
Not useful for: measuring.
"""

from pathlib import Path

from benchmarks.reports.html import html_report
from benchmarks.reports.markdown import markdown_report
from benchmarks.result import Result, save_result


def write_reports(result: Result, folder: Path) -> list[Path]:
    """Write `result.json`, `report.md` and `report.html`; return the files."""
    files = [save_result(result, folder)]
    for name, content in (
        ("report.md", markdown_report(result)),
        ("report.html", html_report(result)),
    ):
        files.append(folder / name)
        files[-1].write_text(content, encoding="utf-8")
    return files
