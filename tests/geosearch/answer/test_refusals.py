"""Why a deal cannot be used: each condition that fails, and never nothing for an unusable deal."""

import json
from datetime import datetime
from typing import Any

import pytest

from geosearch.answer.refusals import refusals
from geosearch.indexing.pipeline import build
from geosearch.search.searcher import open_index
from tests.geosearch.snapshot_files import PROGRAM, Row, deal, merchant, write_snapshot

NOW = "2026-11-22T12:00:00+08:00"  # a Sunday
VOUCHER: Row = {"offer_type": "voucher", "percent": None, "price": 8000, "face_value": 10000}
PROGRAMS: list[Row] = [
    PROGRAM,
    PROGRAM | {"program_id": "late", "valid_from": "2026-12-01"},
    PROGRAM | {"program_id": "old", "valid_through": "2026-11-21"},
    PROGRAM | {"program_id": "off", "status": "SUSPENDED"},
    PROGRAM | {"program_id": "over", "status": "ENDED"},
    PROGRAM | {"program_id": "odd", "status": "maybe"},
]

# what the deal has, why it cannot be used
CASES: list[tuple[Row, list[str]]] = [
    ({}, []),
    ({"valid_from": "2026-11-22", "valid_through": "2026-11-22"}, []),
    ({"use_hours": "Su 11:00-14:00", "min_spend": 3800}, []),
    ({"party_min": 1, "party_max": 4}, []),
    ({"valid_from": "2026-11-23"}, ["valid from 2026-11-23"]),
    ({"valid_through": "2026-11-21"}, ["expired on 2026-11-21"]),
    ({"stock": 0}, ["sold out"]),
    ({"party_min": 2}, ["for 2 persons or more"]),
    ({"min_spend": 10000}, ["needs a bill of ¥100, the usual one is ¥38"]),
    (VOUCHER, ["needs a bill of ¥100, its face value, the usual one is ¥38"]),
    ({"use_hours": "Mo-Fr 11:00-14:00"}, ["usable Mo-Fr 11:00-14:00"]),
    ({"use_hours": "now and then"}, ["its hours cannot be read: now and then"]),
    ({"valid_through": "soon"}, ["a value of it could not be read: see rejected.ndjson"]),
    ({"program_id": "late"}, ["card valid from 2026-12-01"]),
    ({"program_id": "old"}, ["card expired on 2026-11-21"]),
    ({"program_id": "off"}, ["card off is suspended"]),
    ({"program_id": "over"}, ["card over has ended"]),
    ({"program_id": "odd"}, ["a value of its card could not be read"]),
    (
        {"program_id": "off", "stock": 0, "min_spend": 5000, "valid_through": "2026-01-01"},
        [
            "card off is suspended",
            "expired on 2026-01-01",
            "sold out",
            "needs a bill of ¥50, the usual one is ¥38",
        ],
    ),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], list[str]]]:
    folder = tmp_path_factory.mktemp("refusals")
    tables = {
        "programs": PROGRAMS,
        "merchants": [merchant(0, avg_price=3800)],
        "deals": [deal(number, **row) for number, (row, _) in enumerate(CASES)],
    }
    at = datetime.fromisoformat(NOW)
    build(write_snapshot(folder / "s", tables), folder / "index", now=at, max_rejected=0)
    engine = open_index(folder / "index")
    record = engine.merchant("m0", at)
    assert record is not None
    programs = {program["program_id"]: program for program in engine.programs()}
    record = json.loads(json.dumps(record))
    return {one["deal_id"]: (one, refusals(record, one, programs)) for one in record["deals"]}


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: str(CASES[number][0]))
def test_why_not(told: dict[str, tuple[dict[str, Any], list[str]]], number: int) -> None:
    found, why = told[f"d{number}"]
    assert why == CASES[number][1]
    assert found["usable"] is (not why)
