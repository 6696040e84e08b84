"""What is probably wrong is told, and right data hardly ever are."""

# ruff: noqa: E501 - a table of rules has one line per case

import json
from pathlib import Path

import pytest

from geosearch.snapshot.plausibility import PROBABLE_CODES
from geosearch.snapshot.reader import read_snapshot
from geosearch.snapshot.rejects import REJECT_CODES, WARNING_CODES, Entry
from tests.geosearch.snapshot_files import (
    ENVELOPE,
    PROGRAM,
    Row,
    deal,
    merchant,
    write_snapshot,
)

FOOD = [{"category_id": "food"}, {"category_id": "food.cafe"}]
GB = {"country": "GB", "time_zone": "Europe/London", "currency": "GBP"}
VOUCHER: Row = {"offer_type": "voucher", "percent": None}


def shops(*rows: Row) -> dict[str, list[Row]]:
    return {"merchants": [merchant(number, **row) for number, row in enumerate(rows)]}


def offers(*rows: Row) -> dict[str, list[Row]]:
    return {"deals": [deal(number, **row) for number, row in enumerate(rows)]}


# tables, changes to the envelope, what is told: code, line, text in the sentence
TOLD: list[tuple[dict[str, list[Row]], Row, list[tuple[str, int, str]]]] = [
    # categories
    (shops({"categories": ["food.cafe", "food"]}, {"categories": ["food.caffe"]}, {"categories": ["food.caffe"]}) | {"categories": FOOD}, {}, [("unlisted_category", 2, 'got "food.caffe" (rows: 2) - is it "food.cafe"?')]),
    (shops({"categories": ["shop", "food"]}, {}) | {"categories": FOOD}, {}, [("unlisted_category", 1, 'got "shop" (rows: 1)')]),
    # lists
    (shops({"tags": ["wifi;安静"]}, {}), {}, [("joined_list", 1, '"wifi;安静" in `tags`')]),
    (shops({"tags": ["ok", "wifi，安静"]}, {}), {}, [("joined_list", 1, '"wifi，安静"')]),
    (shops({}, {"tags": ["wifi、安静"]}), {}, [("joined_list", 2, '"wifi、安静"')]),
    (shops({"categories": ["food.cafe|food"]}, {}), {}, [("joined_list", 1, "categories")]),
    # money
    (shops({"avg_price": 38}, {"avg_price": 60}, {"avg_price": 12000}), {}, [("money_in_units", 1, "got 2 of 3 below 100, such as 38")]),
    (shops({"avg_price": 0}, {"avg_price": 45}, {"avg_price": 99}), {"currency": "USD"}, [("money_in_units", 2, "3800 for 38.00 USD")]),
    (offers(VOUCHER | {"price": 88, "face_value": 95}, VOUCHER | {"price": 18, "face_value": 20}), {}, [("money_in_units", 1, "`price`"), ("money_in_units", 1, "`face_value`")]),
    ({"programs": [PROGRAM | {"fee": 68}, PROGRAM | {"program_id": "b", "fee": 98}]}, {}, [("money_in_units", 1, "`fee`")]),
    # percents
    (offers({"percent": 80}), {}, [("odd_percent", 1, "got 80.0")]),
    (offers({"percent": 70}), {}, [("odd_percent", 1, "got 70.0")]),
    (offers({"percent": 0.2}), {}, [("odd_percent", 1, "got 0.2")]),
    (offers({"percent": 1}), {}, [("odd_percent", 1, "got 1.0")]),
    (offers({"percent": 0.05, "offer_type": "cashback"}), {}, [("odd_percent", 1, "got 0.05")]),
    (offers({"percent": 8, "title": "全场8折"}), {}, [("odd_percent", 1, "got 8.0")]),
    (offers({"percent": 8.5, "title": "8.5折"}), {}, [("odd_percent", 1, "got 8.5")]),
    (offers({"percent": 60, "title": "6折"}), {}, [("odd_percent", 1, "got 60.0")]),
    # ids
    (shops({"merchant_id": " m0"}, {}) | {"deals": []}, {}, [("odd_id", 1, '`merchant_id` without blanks, got " m0"')]),
    (shops({"merchant_id": "m 0"}, {}) | {"deals": []}, {}, [("odd_id", 1, '"m 0"')]),
    (shops({"merchant_id": "m0\u3000"}, {}) | {"deals": []}, {}, [("odd_id", 1, "without blanks")]),
    (shops({"merchant_id": "3.10115E+17"}, {}) | {"deals": []}, {}, [("odd_id", 1, "got \"3.10115E+17\", as spreadsheets shorten")]),
    (offers({"deal_id": "1E+15"}), {}, [("odd_id", 1, "format the column as text")]),
    # positions
    (shops({"lat": 51.5, "lng": -0.12}, {"lat": -0.12, "lng": 51.5}), GB, [("swapped_position", 2, "are `lat` and `lng` swapped?")]),
    (shops({"lat": -2.24, "lng": 53.48}, {"lat": -0.12, "lng": 51.5}), GB, [("swapped_position", 1, "lat -2.24"), ("swapped_position", 2, "lat -0.12")]),
    (shops({"lat": 31.23, "lng": 121.47}, {"lat": 51.5, "lng": -0.12, "country": "FR"}, {"lat": 2.35, "lng": 48.86, "country": "FR"}), {}, [("swapped_position", 3, "FR")]),
    # Luohu in Shenzhen as Amap has it is across the river
    (shops({"lat": 22.5299, "lng": 114.1163}, {}), {}, [("likely_gcj02", 1, "got 1 across its border")]),
]  # fmt: skip

# right data
QUIET: list[tuple[dict[str, list[Row]], Row]] = [
    (shops({"categories": ["food.cafe"]}, {"categories": ["anything"]}), {}),
    (shops({"tags": ["wifi", "free wifi", "24/7", "R&B"]}, {"aliases": ["Smith, Jones; Co"]}), {}),
    (shops({"avg_price": 38}, {"avg_price": 3800}, {"avg_price": 6000}), {}),
    (shops({"avg_price": 38}, {"avg_price": 60}), {"currency": "JPY"}),
    (shops({"avg_price": 0}, {"avg_price": 0}, {"avg_price": 900}), {}),
    (offers({"percent": 20, "title": "8折"}, {"percent": 15, "title": "8.5折"}, {"percent": 50, "title": "5折"}, {"percent": 69.9}, {"percent": 1.5}, {"percent": 1, "offer_type": "cashback"}), {}),
    (shops({"merchant_id": "3.10115E"}, {"merchant_id": "310115000000000001"}) | {"deals": []}, {}),
    (shops({"lat": 51.5, "lng": -0.12}, {"lat": 48.86, "lng": 2.35}, {"lat": 0.0, "lng": 0.0}), GB),
    (shops({"lat": 22.28, "lng": 114.16}, {"lat": 22.53, "lng": 114.12, "crs": "GCJ02"}), {}),
    (shops({"lat": 22.5299, "lng": 114.1163}, {}), {"crs": "GCJ02"}),
    (shops({"lat": 22.5299, "lng": 114.1163, "country": "HK"}, {}), {}),
    (shops({"lat": 22.545, "lng": 114.115}, {"lat": 31.23, "lng": 121.47}), {}),
]  # fmt: skip


def told(tmp_path: Path, tables: dict[str, list[Row]], envelope: Row) -> list[Entry]:
    folder = write_snapshot(tmp_path, tables)
    (folder / "snapshot.json").write_text(json.dumps(ENVELOPE | envelope), encoding="utf-8")
    return read_snapshot(folder, max_rejected=0).rejects.entries


@pytest.mark.parametrize(("tables", "envelope", "expected"), TOLD)
def test_what_is_probably_wrong_is_told(
    tmp_path: Path,
    tables: dict[str, list[Row]],
    envelope: Row,
    expected: list[tuple[str, int, str]],
) -> None:
    entries = told(tmp_path, tables, envelope)
    assert [(entry.code, entry.line) for entry in entries] == [wish[:2] for wish in expected]
    for entry, (_, _, text) in zip(entries, expected, strict=True):
        assert entry.kind == "warning"
        assert entry.message.startswith("Expected ")
        assert text in entry.message


@pytest.mark.parametrize(("tables", "envelope"), QUIET)
def test_right_data_are_left_alone(
    tmp_path: Path, tables: dict[str, list[Row]], envelope: Row
) -> None:
    assert told(tmp_path, tables, envelope) == []


def test_every_code_is_told_somewhere_and_is_no_other_code() -> None:
    assert {code for *_, wishes in TOLD for code, _, _ in wishes} == PROBABLE_CODES.keys()
    assert not PROBABLE_CODES.keys() & (REJECT_CODES.keys() | WARNING_CODES.keys())
