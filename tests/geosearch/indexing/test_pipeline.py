"""From a snapshot to a served version, or nothing changes."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from geosearch.indexing.pipeline import REJECTED, REPORT, SEGMENT, build
from geosearch.indexing.report import BuildReport
from geosearch.money.ranking import Weights
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index
from geosearch.segment.versions import current, rollback, versions
from tests.geosearch.snapshot_files import (
    ENVELOPE,
    PROGRAM,
    Row,
    deal,
    merchant,
    write_snapshot,
)

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")  # a Sunday
ROOT = Path(__file__).resolve().parents[3]

TRAP = "Fr 18:00-02:00; Sa 10:00-20:00"
TABLES: dict[str, list[Row | bytes]] = {
    "programs": [PROGRAM, PROGRAM | {"program_id": "off", "status": "SUSPENDED"}],
    "merchants": [
        merchant(0, opening_hours="24/7"),
        merchant(1, opening_hours="24/7", business_status="CLOSED_TEMPORARILY"),
        merchant(2, opening_hours="24/7", business_status="CLOSED_PERMANENTLY"),
        merchant(3, opening_hours="ask at the door"),
        merchant(4, opening_hours=TRAP),
        merchant(5, opening_hours="Mo-Su 10:00-22:00", rating=5.0, rating_count=20),
        merchant(6),
        merchant(7, lat=91.0),
        merchant(6, name="again"),
        b'{"merchant_id": "cut',
    ],
    "deals": [
        deal(0, merchant_ids=["m0", "m2"]),
        deal(1, merchant_ids=["m5"], use_hours="whenever we like"),
        deal(2, merchant_ids=["m5"], program_id="red", use_hours="Mo-Sa 10:00-22:00"),
        deal(3, merchant_ids=["m6"], program_id="off"),
        deal(4, merchant_ids=["m6"], program_id="nobody's"),
        deal(5, merchant_ids=["m404"]),
        deal(6, merchant_ids=["m6"], valid_through="2026-11-21"),
    ],
}


def made(folder: Path, **wish: Any) -> BuildReport:
    """Build the tables above, or those given."""
    tables = wish.pop("tables", TABLES)
    write_snapshot(folder / "snapshot", tables)
    return build(folder / "snapshot", folder / "index", **{"now": NOW, "max_rejected": 1.0, **wish})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildReport, Path]:
    folder = tmp_path_factory.mktemp("build")
    return made(folder), folder / "index"


@pytest.fixture(scope="module")
def engine(built: tuple[BuildReport, Path]) -> Searcher:
    return open_index(built[1])


def found(engine: Searcher, **wish: Any) -> set[str]:
    fields: dict[str, Any] = {"lat": 31.23, "lng": 121.47, "at": NOW, "limit": 100}
    return set(engine.merchant_ids(engine.rank(Query(**fields | wish)).doc_ids))


# --- the report ----------------------------------------------------------------------------------


def test_report_counts_what_is_in_the_index(built: tuple[BuildReport, Path]) -> None:
    report, index = built
    assert report.counts == {
        "merchants": 6,
        "closed_permanently": 1,
        "deals": 5,
        "offers": 5,
        "programs": 2,
        "zones": 0,
    }
    assert report.version == current(index).name
    assert report.snapshot_id == ENVELOPE["snapshot_id"]
    assert report.changes is None


def test_report_counts_rejects_and_warnings_by_code(built: tuple[BuildReport, Path]) -> None:
    report, _ = built
    assert report.rejected == {
        "deals": {"unknown_merchant": 1, "unknown_program": 1},
        "merchants": {"duplicate_id": 1, "not_json": 1, "out_of_range": 1},
    }
    assert report.warnings == {
        "deals": {"unreadable_hours": 1},
        "merchants": {"overnight_trap": 1, "unreadable_hours": 1},
    }


def test_every_bad_row_is_kept_beside_the_index(built: tuple[BuildReport, Path]) -> None:
    _, index = built
    rows = [json.loads(line) for line in (index / REJECTED).read_text("utf-8").splitlines()]
    told = [(row["kind"], row["file"], row["line"], row["code"]) for row in rows]
    assert told == [
        ("warning", "deals.ndjson", 2, "unreadable_hours"),
        ("reject", "deals.ndjson", 5, "unknown_program"),
        ("reject", "deals.ndjson", 6, "unknown_merchant"),
        ("warning", "merchants.ndjson", 4, "unreadable_hours"),
        ("warning", "merchants.ndjson", 5, "overnight_trap"),
        ("reject", "merchants.ndjson", 8, "out_of_range"),
        ("reject", "merchants.ndjson", 9, "duplicate_id"),
        ("reject", "merchants.ndjson", 10, "not_json"),
    ]
    by_code = {row["code"]: row for row in rows}
    assert by_code["overnight_trap"]["row"]["merchant_id"] == "m4"
    assert "Fr 18:00-02:00, Sa 10:00-20:00" in by_code["overnight_trap"]["message"]
    assert by_code["not_json"]["row"] == '{"merchant_id": "cut'
    for row in rows:
        assert f"line {row['line']} of {row['file']}" in row["message"]


def test_links_lead_to_the_version_served(built: tuple[BuildReport, Path]) -> None:
    report, index = built
    for name in (REJECTED, REPORT):
        assert (index / name).resolve() == (current(index) / name).resolve()
    stored = json.loads((index / REPORT).read_text())
    assert stored["counts"] == report.counts
    assert stored["rejected"] == report.rejected


def test_a_rollback_takes_the_links_along(tmp_path: Path) -> None:
    before = made(tmp_path)
    after = made(tmp_path, tables={"merchants": [merchant(0), merchant(1, lat=91.0)]})
    assert told_of(tmp_path / "index") == (after.counts, 1)
    assert rollback(tmp_path / "index") == before.version
    assert told_of(tmp_path / "index") == (before.counts, 8)


def told_of(index: Path) -> tuple[Any, int]:
    """Counts in the report, and the number of bad rows on record."""
    rows = (index / REJECTED).read_bytes().splitlines()
    return json.loads((index / REPORT).read_bytes())["counts"], len(rows)


# --- what the rows became ------------------------------------------------------------------------


def test_status_and_hours_decide_who_is_found(engine: Searcher) -> None:
    assert found(engine) == {"m0", "m1", "m3", "m4", "m5", "m6"}, "never m2, closed for good"
    assert found(engine, open="now") == {"m0", "m5"}
    assert found(engine, open="now", hours_unknown="include") == {"m0", "m3", "m5", "m6"}
    assert engine.merchant("m2", NOW) is None


@pytest.mark.parametrize(
    ("merchant_id", "state"),
    [("m0", "open"), ("m1", "closed"), ("m3", "unknown"), ("m4", "closed"), ("m6", "unknown")],
)
def test_state(engine: Searcher, merchant_id: str, state: str) -> None:
    record = engine.merchant(merchant_id, NOW)
    assert record is not None
    assert record["open"]["state"] == state


def test_a_trap_means_what_it_says(engine: Searcher) -> None:
    """Saturday at one: cut off by the rule for Saturdays, as the specification has it."""
    saturday = datetime.fromisoformat("2026-11-28T01:00:00+08:00")
    friday = datetime.fromisoformat("2026-11-27T23:00:00+08:00")
    assert "m4" not in found(engine, open="now", at=saturday)
    assert "m4" in found(engine, open="now", at=friday)


def test_only_usable_deals_count(engine: Searcher) -> None:
    assert found(engine, deals="any") == {"m0"}
    monday = datetime.fromisoformat("2026-11-23T12:00:00+08:00")
    assert found(engine, cards=("red",)) == set()
    assert found(engine, cards=("red",), at=monday) == {"m5"}
    assert found(engine, cards=("off",)) == set()


def test_weights_are_settable_and_kept(tmp_path: Path) -> None:
    weights = Weights(star_value=1000.0, walk_cost_per_minute=0.0)
    made(tmp_path, weights=weights)
    other = open_index(tmp_path / "index")
    assert other.weights == weights
    (hit,) = [
        hit
        for hit in other.search(Query(lat=31.23, lng=121.471, at=NOW)).hits
        if hit.merchant["merchant_id"] == "m5"
    ]
    assert hit.distance_m > 0
    assert hit.score == 750.0, "half of a star and a half, at 1000 a star, and a walk for nothing"


# --- the next version ----------------------------------------------------------------------------


def test_changes_against_the_version_before(tmp_path: Path) -> None:
    first: list[Row | bytes] = [merchant(n) for n in range(5)]
    deals: list[Row | bytes] = [deal(n, merchant_ids=["m0"]) for n in range(3)]
    made(tmp_path, tables={"merchants": first, "deals": deals})
    second = [merchant(0), merchant(1, name="新"), merchant(2, lat=31.2300001), merchant(9)]
    report = made(
        tmp_path,
        tables={"merchants": second, "deals": [deal(0), deal(1, percent=11), deal(7)]},
    )
    assert report.changes == {
        "merchants": {"added": 1, "removed": 2, "changed": 2},
        "deals": {"added": 1, "removed": 1, "changed": 1},
    }
    again = made(
        tmp_path,
        tables={"merchants": second, "deals": [deal(0), deal(1, percent=11), deal(7)]},
    )
    assert again.changes == {
        "merchants": {"added": 0, "removed": 0, "changed": 0},
        "deals": {"added": 0, "removed": 0, "changed": 0},
    }
    assert len(versions(tmp_path / "index")) == 3


def test_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    rows: list[Row | bytes] = [merchant(n, lat=31.0 + n / 100) for n in range(40)]
    made(tmp_path / "a", tables={"merchants": rows, "deals": [deal(0)]})
    made(tmp_path / "b", tables={"merchants": rows[::-1], "deals": [deal(0)]})
    one, two = (
        open_index(tmp_path / name / "index").segments[0].columns.doc_position.tolist()
        for name in "ab"
    )
    assert one == two


DOUBTS: list[tuple[str, Row]] = [
    # Values that cannot be read, and without which a deal would be valid more often than it is.
    ("deals", {"valid_through": "2026-11-30T14:30:00"}),
    ("deals", {"valid_from": 20261101}),
    ("deals", {"use_hours": 5}),
    ("deals", {"stock": "3"}),
    ("deals", {"min_spend": -1}),
    ("deals", {"max_discount": "none"}),
    ("deals", {"party_max": 0}),
    ("deals", {"new_customer_only": "yes"}),
    ("programs", {"status": "active"}),
    ("programs", {"valid_through": "soon"}),
    ("merchants", {"time_zone": "Asia/Shangai"}),
    ("merchants", {"business_status": "CLOSED"}),
]


@pytest.mark.parametrize(("table", "value"), DOUBTS)
def test_nothing_is_promised_of_a_row_in_doubt(tmp_path: Path, table: str, value: Row) -> None:
    rows = {
        "merchants": [merchant(0, opening_hours="24/7"), merchant(1, opening_hours="24/7")],
        "deals": [deal(0, program_id="red"), deal(1, merchant_ids=["m1"])],
        "programs": [PROGRAM],
    }
    query = Query(lat=31.23, lng=121.47, cards=("red",), deals="optional", at=NOW)

    def answers(folder: Path, tables: Any) -> dict[str, tuple[str, bool]]:
        made(folder, tables=tables, max_rejected=0.0)
        hits = open_index(folder / "index").search(query).hits
        return {h.merchant["merchant_id"]: (h.open.state, h.best_deal is not None) for h in hits}

    good = {"m0": ("open", True), "m1": ("open", True)}
    assert answers(tmp_path / "good", rows) == good
    in_doubt = rows | {table: [rows[table][0] | value, *rows[table][1:]]}
    state = "unknown" if table == "merchants" else "open"
    assert answers(tmp_path / "bad", in_doubt) == good | {"m0": (state, False)}
    (entry,) = (tmp_path / "bad" / "index" / REJECTED).read_bytes().splitlines()
    assert json.loads(entry)["kind"] == "warning"


def test_steps_are_told(tmp_path: Path) -> None:
    steps: list[str] = []
    made(tmp_path, progress=steps.append)
    assert len(steps) >= 5
    assert "Evaluating opening hours" in steps


def test_validity_joins_deal_and_programme(tmp_path: Path) -> None:
    programs: list[Row | bytes] = [
        PROGRAM | {"valid_from": "2026-11-23", "valid_through": "2026-11-26"}
    ]
    deals: list[Row | bytes] = [
        deal(0, program_id="red", valid_from="2026-11-20", valid_through="2026-11-24")
    ]
    made(tmp_path, tables={"programs": programs, "merchants": [merchant(0)], "deals": deals})
    engine = open_index(tmp_path / "index")
    usable = [
        day
        for day in range(22, 30)
        if found(
            engine,
            cards=("red",),
            at=datetime.fromisoformat(f"{date(2026, 11, day)}T00:00:00+08:00"),
        )
    ]
    assert usable == [23, 24]


def test_the_segment_has_a_name_that_is_found(built: tuple[BuildReport, Path]) -> None:
    assert (current(built[1]) / SEGMENT / "manifest.json").is_file()
