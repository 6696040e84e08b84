"""Rewrite the reports of the committed result, and their parts of README and changelog.

python -m benchmarks.reports
"""

from pathlib import Path

from benchmarks.reports import write_reports
from benchmarks.reports.markdown import BEGIN, changelog_lines, readme_lines, rewrite
from benchmarks.result import FILE, load_result

ROOT = Path(__file__).resolve().parent.parent.parent


def main(root: Path = ROOT) -> None:
    """Rewrite the reports, README.md and CHANGELOG.md from `benchmarks/results/result.json`.

    A changelog without the markers stays as it is.
    """
    folder = root / "benchmarks" / "results"
    result = load_result(folder / FILE)
    write_reports(result, folder)
    readme, changelog = root / "README.md", root / "CHANGELOG.md"
    readme.write_text(rewrite(readme.read_text("utf-8"), readme_lines(result)), "utf-8")
    changes = changelog.read_text("utf-8")
    if BEGIN in changes:
        changelog.write_text(rewrite(changes, changelog_lines(result)), "utf-8")


if __name__ == "__main__":
    main()
