"""A check says what a build would, builds nothing, and names what fails it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch.errors import BadData
from geosearch.indexing.check import check
from geosearch.indexing.pipeline import REJECTED, build
from geosearch.snapshot.template import write_template
from tests.geosearch.snapshot_files import deal, merchant, write_snapshot

NOW = datetime.fromisoformat("2026-09-01T12:00:00+08:00")
ODD: dict[str, Any] = {
    "merchants": [
        merchant(0, opening_hours="sometimes"),
        merchant(1, tags=["wifi;安静"], rating=9),
        *(merchant(number, lat=99) for number in range(2, 6)),
        merchant(6, opening_hours="PH off", country="FR"),
    ],
    "deals": [deal(0, percent=80, use_hours="now and then"), deal(1, merchant_ids=["nobody"])],
}


def test_a_good_snapshot(tmp_path: Path) -> None:
    write_template(tmp_path / "s", "csv")
    report = check(tmp_path / "s")
    assert report.failure is None
    assert report.rejects.entries == []
    assert report.text().splitlines() == [
        "  programs                       2",
        "  merchants                      3",
        "  deals                          6",
        "  zones                          1",
        "  categories                     3",
        "rejected: 0",
        "warnings: 0",
        "a build would succeed",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_it_says_what_a_build_does(tmp_path: Path) -> None:
    folder = write_snapshot(tmp_path / "s", ODD)
    report = check(folder, out=tmp_path / "list.ndjson", max_rejected=1)
    build(folder, tmp_path / "index", now=NOW, max_rejected=1)
    assert (tmp_path / "list.ndjson").read_bytes() == (tmp_path / "index" / REJECTED).read_bytes()
    codes = {entry.code for entry in report.rejects.entries}
    assert codes == {
        *("unreadable_hours", "joined_list", "out_of_range", "odd_percent"),
        *("unknown_merchant", "other_country"),
    }


def test_counts_with_the_first_examples(tmp_path: Path) -> None:
    report = check(write_snapshot(tmp_path / "s", ODD), out=tmp_path / "list", max_rejected=1)
    lines = report.text().splitlines()
    at = lines.index("  merchants out_of_range                             4")
    assert [line.rpartition(" - at ")[2] for line in lines[at + 1 : at + 4]] == [
        f"line {number} of merchants.ndjson" for number in (3, 4, 5)
    ]
    assert lines[at + 4].startswith("warnings: ")
    assert lines[-2:] == [
        f"all of them, with row and reason: {tmp_path / 'list'}",
        "a build would succeed",
    ]
    assert len((tmp_path / "list").read_bytes().splitlines()) == len(report.rejects.entries)


def test_what_fails_a_build_is_named(tmp_path: Path) -> None:
    folder = write_snapshot(tmp_path / "s", ODD)
    report = check(folder, out=tmp_path / "list")
    with pytest.raises(BadData) as caught:
        build(folder, tmp_path / "index", now=NOW)
    assert report.failure is not None
    assert str(caught.value).startswith(report.failure)
    assert report.text().endswith("a build would fail")
    # The list has what was probably wrong, too.
    codes = {json.loads(line)["code"] for line in (tmp_path / "list").read_bytes().splitlines()}
    assert codes >= {"out_of_range", "joined_list", "odd_percent"}


def test_a_folder_without_a_snapshot(tmp_path: Path) -> None:
    report = check(tmp_path)
    assert report.failure is not None
    assert report.failure.startswith("There is no file snapshot.json")
    assert report.text().splitlines() == ["rejected: 0", "warnings: 0", "a build would fail"]
