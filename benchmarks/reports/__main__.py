"""Make the reports beside a committed result anew, and the README's part of them.

python -m benchmarks.reports
"""

from pathlib import Path

from benchmarks.reports import write_reports
from benchmarks.reports.markdown import rewrite
from benchmarks.result import FILE, load_result

ROOT = Path(__file__).resolve().parent.parent.parent


def main(root: Path = ROOT) -> None:
    """Rewrite `benchmarks/results` and README.md from `benchmarks/results/result.json`."""
    folder, readme = root / "benchmarks" / "results", root / "README.md"
    result = load_result(folder / FILE)
    write_reports(result, folder)
    readme.write_text(rewrite(readme.read_text("utf-8"), result), "utf-8")


if __name__ == "__main__":
    main()
