"""A report says in lines what it says in JSON."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from geosearch.indexing.pipeline import build
from geosearch.indexing.report import BuildReport, changes_since
from geosearch.segment.versions import current
from tests.geosearch.snapshot_files import write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
REPORT = BuildReport(
    snapshot_id="s-1",
    counts={"merchants": 1234567, "closed_permanently": 2},
    rejected={"merchants": {"out_of_range": 3, "not_json": 1000}},
    warnings={},
    changes={"merchants": {"added": 1000, "removed": 0, "changed": 7}},
    version="20261122T040000Z-0001",
)


def test_lines_for_a_terminal() -> None:
    assert REPORT.text().splitlines() == [
        "snapshot s-1, version 20261122T040000Z-0001",
        "  merchants              1,234,567",
        "  closed permanently             2",
        "rejected: 1,003",
        "  merchants out_of_range                             3",
        "  merchants not_json                             1,000",
        "warnings: 0",
        "against the version before:",
        "  merchants: 1,000 added, 0 removed, 7 changed",
    ]


def test_lines_say_where_the_list_is(tmp_path: Path) -> None:
    path = tmp_path / "rejected.ndjson"
    lines = REPORT.text(path).splitlines()
    assert lines[7] == f"all of them, with row and reason: {path}"
    assert lines[:7] + lines[8:] == REPORT.text().splitlines()
    clean = replace(REPORT, rejected={}, warnings={})
    assert clean.text(path) == clean.text()


def test_guessed_holidays_are_named() -> None:
    guesses: list[dict[str, Any]] = [
        {"country": "CN", "since": "2027-01-01", "days": ["2027-01-01"]},
        {"country": "ID", "since": None, "days": ["2027-03-10", "2027-03-11"]},
    ]
    report = replace(REPORT, provisional_holidays=guesses)
    assert report.as_dict()["provisional_holidays"] == guesses
    named = [line for line in report.text().splitlines() if "guessed" in line]
    assert named == [
        "holidays that are guessed: CN 2027-01-01 (none announced from 2027-01-01 on)",
        "holidays that are guessed: ID 2027-03-10, 2027-03-11",
    ]


def test_without_a_readable_version_there_is_nothing_to_compare_with() -> None:
    text = replace(REPORT, changes=None).text()
    assert text.endswith("no earlier version to compare with, or none that this release reads")


def test_the_version_is_added_when_it_is_published() -> None:
    draft = replace(REPORT, version="")
    assert draft.published("20261122T040000Z-0001") == REPORT
    assert REPORT.as_dict()["changes"]["merchants"]["added"] == 1000


def test_no_readable_version_no_comparison(tmp_path: Path) -> None:
    assert changes_since(tmp_path / "index", tmp_path) is None
    write_snapshot(tmp_path / "snapshot")
    build(tmp_path / "snapshot", tmp_path / "index", now=NOW)
    served = current(tmp_path / "index")
    same = changes_since(tmp_path / "index", served)
    assert same is not None
    assert same["merchants"] == {"added": 0, "removed": 0, "changed": 0}
    (served / "segment-0000" / "manifest.json").write_bytes(b"{}")
    assert changes_since(tmp_path / "index", served) is None, "a damaged one stops no build"
