"""The template: a complete snapshot without anything to complain of, the same in both formats."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from geosearch.errors import BadRequest
from geosearch.indexing.pipeline import build
from geosearch.snapshot.reader import read_snapshot
from geosearch.snapshot.tables import CATEGORIES, DEALS, MERCHANTS, OFFER_TYPES, PROGRAMS
from geosearch.snapshot.template import FORMATS, template_files, write_template

FILES = {"programs", "merchants", "deals", "categories"}


@pytest.mark.parametrize("form", FORMATS)
def test_it_builds_without_a_complaint(tmp_path: Path, form: str) -> None:
    write_template(tmp_path / "s", form)
    names = {path.name for path in (tmp_path / "s").iterdir()}
    assert names == {f"{name}.{form}" for name in FILES} | {"snapshot.json", "zones.geojson"}
    # A day whose horizon ends before the first holiday that nobody has announced.
    now = datetime.fromisoformat("2026-09-01T12:00:00+08:00")
    report = build(tmp_path / "s", tmp_path / "index", now=now, max_rejected=0)
    assert (report.rejected, report.warnings) == ({}, {})
    assert report.counts | {"offers": 0} == {
        "merchants": 3,
        "closed_permanently": 0,
        "deals": 6,
        "offers": 0,
        "programs": 2,
        "zones": 1,
    }


def test_formats_hold_the_same(tmp_path: Path) -> None:
    for form in FORMATS:
        write_template(tmp_path / form, form)
    csv, ndjson = (read_snapshot(tmp_path / form) for form in FORMATS)
    for name in ("programs", "merchants", "deals", "categories"):
        left, right = getattr(csv, name), getattr(ndjson, name)
        # A CSV record begins one line later; empty lists are absent in both.
        assert_frame_equal(left.drop("line"), right.drop("line"))
        assert left["line"].to_list() == [line + 1 for line in right["line"].to_list()]
    assert csv.zones == ndjson.zones
    assert csv.envelope == ndjson.envelope


def test_every_offer_type_is_shown(tmp_path: Path) -> None:
    write_template(tmp_path, "ndjson")
    deals = read_snapshot(tmp_path).deals
    assert sorted(deals["offer_type"]) == sorted(OFFER_TYPES)
    assert deals.filter(pl.col("program_id").is_null()).height > 0


def test_the_other_format_goes_and_a_third_is_refused(tmp_path: Path) -> None:
    write_template(tmp_path, "csv")
    write_template(tmp_path, "ndjson")
    assert not list(tmp_path.glob("*.csv"))
    with pytest.raises(BadRequest, match="Expected csv or ndjson, got 'xlsx' - at `--format`"):
        write_template(tmp_path, "xlsx")


def test_csv_begins_with_a_mark_that_excel_knows(tmp_path: Path) -> None:
    write_template(tmp_path, "csv")
    assert (tmp_path / "deals.csv").read_bytes().startswith(b"\xef\xbb\xbfdeal_id,")
    assert template_files("csv")["deals.csv"].startswith("deal_id,")


@pytest.mark.parametrize("table", [PROGRAMS, MERCHANTS, DEALS, CATEGORIES], ids=lambda t: t.name)
def test_examples_of_fields_are_good_values(tmp_path: Path, table: object) -> None:
    """Each field's example of docs/snapshot.md is read without a complaint."""
    assert isinstance(table, type(DEALS))
    for field in table.fields:
        assert field.help
        write_template(tmp_path, "ndjson")
        path = tmp_path / f"{table.name}.ndjson"
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        if field.name != table.key:
            rows[0][field.name] = json.loads(field.example)
        if field.name == "opening_periods":
            del rows[0]["opening_hours"]
        if field.name == "merchant_ids":
            del rows[0]["brand"]
        if field.name == "brand" and table is MERCHANTS:
            rows[0]["brand"] = rows[1]["brand"]
        elif field.name == "brand":
            rows[0]["brand"] = "老上海面馆"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        entries = [e for e in read_snapshot(tmp_path).rejects.entries if e.code != "limit_ignored"]
        assert entries == [], field.name
    assert replace(table, fields=()) != table
