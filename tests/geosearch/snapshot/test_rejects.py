import json
from pathlib import Path

import polars as pl

from geosearch.snapshot.reader import read_snapshot
from geosearch.snapshot.rejects import REJECT_CODES, WARNING_CODES, RejectLog, shown
from tests.geosearch.snapshot_files import Row, deal, merchant, write_snapshot


def written(log: RejectLog, folder: Path) -> list[Row]:
    log.write(folder / "rejected.ndjson")
    return [json.loads(line) for line in (folder / "rejected.ndjson").read_bytes().splitlines()]


def test_codes_are_documented_words() -> None:
    assert not REJECT_CODES.keys() & WARNING_CODES.keys()
    for code, meaning in (REJECT_CODES | WARNING_CODES).items():
        assert code.replace("_", "").replace("8", "").isalpha()
        assert meaning[-1] not in ".;"


def test_counts_and_order_of_what_is_written(tmp_path: Path) -> None:
    rows: dict[str, list[Row | bytes]] = {
        "merchants": [merchant(0, x=1), merchant(1, lat=91), b"{"],
        "deals": [deal(0), deal(1, percent=0), deal(2, program_id="?")],
    }
    snapshot = read_snapshot(write_snapshot(tmp_path / "s", rows), max_rejected=1)
    log = snapshot.rejects
    log.warn_many("merchants", [1], "unreadable_hours", ["Expected hours, got rubbish"])
    assert log.counts() == {
        "deals": {"no_saving": 1, "unknown_program": 1},
        "merchants": {"not_json": 1, "out_of_range": 1, "unknown_field": 1, "unreadable_hours": 1},
    }
    assert log.counts("reject") == {
        "deals": {"unknown_program": 1},
        "merchants": {"not_json": 1, "out_of_range": 1},
    }
    assert (log.rejected("merchants"), log.rejected("zones")) == (2, 0)
    entries = written(log, tmp_path)
    assert [(e["file"], e["line"], e["kind"], e["code"]) for e in entries] == [
        ("deals.ndjson", 2, "warning", "no_saving"),
        ("deals.ndjson", 3, "reject", "unknown_program"),
        ("merchants.ndjson", 1, "warning", "unknown_field"),
        ("merchants.ndjson", 1, "warning", "unreadable_hours"),
        ("merchants.ndjson", 2, "reject", "out_of_range"),
        ("merchants.ndjson", 3, "reject", "not_json"),
    ]
    assert entries[3]["message"] == "Expected hours, got rubbish - at line 1 of merchants.ndjson"
    assert [e["row"] for e in entries] == [
        *rows["deals"][1:],
        *[rows["merchants"][0]] * 2,
        rows["merchants"][1],
        "{",
    ]


def test_rows_of_csv_parquet_and_zones_are_found_again(tmp_path: Path) -> None:
    folder = write_snapshot(tmp_path / "s", {})
    for table in ("merchants", "deals"):
        (folder / f"{table}.ndjson").unlink()
    csv = b'merchant_id,name,lat,lng\nm0,x,1,2\nm1,"a\nb",91,2\nm2,x\nm3,"x,1,2\nm4,y,1,2\n'
    (folder / "merchants.csv").write_bytes(csv)
    deals = [deal(0), deal(1, percent=101)]
    pl.DataFrame(deals).write_parquet(folder / "deals.parquet")
    zone = {"type": "Feature", "properties": {"zone_id": "z"}, "geometry": None}
    collection = {"type": "FeatureCollection", "features": [zone]}
    (folder / "zones.geojson").write_text(json.dumps(collection), encoding="utf-8")
    snapshot = read_snapshot(folder, max_rejected=1)
    entries = written(snapshot.rejects, tmp_path)
    assert [(e["file"], e["line"], e["row"]) for e in entries] == [
        ("deals.parquet", 2, deals[1]),
        ("merchants.csv", 3, {"merchant_id": "m1", "name": "a\nb", "lat": "91", "lng": "2"}),
        ("merchants.csv", 5, "m2,x"),
        ("merchants.csv", 6, 'm3,"x,1,2'),
        ("zones.geojson", 1, zone),
    ]
    assert entries[0]["message"].endswith(" - at row 2 of deals.parquet")
    assert entries[4]["message"].endswith(" - at feature 1 of zones.geojson")


def test_log_without_files_names_tables(tmp_path: Path) -> None:
    log = RejectLog()
    log.reject("merchants", 3, "not_json", "Expected JSON, got x")
    (entry,) = written(log, tmp_path)
    assert entry["message"] == "Expected JSON, got x - at line 3 of merchants"
    assert entry["row"] is None


def test_long_values_are_shortened() -> None:
    assert shown("x" * 100) == '"' + "x" * 58 + "…"
    assert shown("\ud800") == "'\\ud800'"
