"""Reports of a run of the suite: Markdown, HTML, a picture, the README's part, and comparisons."""

from pathlib import Path

from benchmarks.reports.findings import readable
from benchmarks.reports.html import Figures, html_report, left_out
from benchmarks.reports.markdown import markdown_report
from benchmarks.result import Result, save_result

PICTURE = "report.svg"


def write_reports(result: Result, folder: Path) -> list[Path]:
    """Write `result.json`, `report.md`, `report.html` and, if peers were asked, `report.svg`.

    Returns
    -------
    list[Path]
        The files. Without the extra `bench` the picture is missing, and the page says so.
    """
    figures, missing = _figures(result)
    pictures = figures.get("headline", {}).get("", [])
    contents = {
        "report.md": markdown_report(result, picture=PICTURE if pictures else ""),
        "report.html": html_report(result, figures, missing),
    }
    contents |= {PICTURE: pictures[0].svg} if pictures else {}
    files = [save_result(result, folder)]
    for name, content in contents.items():
        files.append(folder / name)
        files[-1].write_text(content, encoding="utf-8")
    return files


def _figures(result: Result) -> tuple[Figures, str]:
    """Figures, or why there are none."""
    try:
        # Here, because the suite runs without its extra.
        from benchmarks.reports.charts import draw
    except ImportError as error:
        return {}, left_out("Every chart", error)
    return draw(readable(result)), ""
