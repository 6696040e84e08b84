"""Payloads say what the frames hold, nothing else, in the promised order."""

import datetime as dt
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geosearch.indexing.payload import (
    deal_payloads,
    json_rows,
    merchant_payloads,
    program_payloads,
)
from geosearch.snapshot.reader import read_snapshot
from geosearch.snapshot.stored import DEAL_FIELDS, MERCHANT_FIELDS, PROGRAM_FIELDS
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS
from tests.geosearch.snapshot_files import deal, merchant, write_snapshot

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
REDEMPTION = pl.Struct({"channel": pl.String, "appointment": pl.Boolean})
SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "text": pl.String(),
    "texts": pl.List(pl.String()),
    "number": pl.Float64(),
    "whole": pl.Int64(),
    "flag": pl.Boolean(),
    "day": pl.Date(),
    "redemption": REDEMPTION,
}
rows = st.fixed_dictionaries(
    {
        "id": texts,
        "text": st.none() | texts,
        "texts": st.none() | st.lists(texts, max_size=3),
        "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "flag": st.none() | st.booleans(),
        "day": st.none() | st.dates(dt.date(1900, 1, 1)),
        "redemption": st.none()
        | st.fixed_dictionaries(
            {"channel": st.none() | texts, "appointment": st.none() | st.booleans()}
        ),
    }
)


def expected(row: dict[str, Any]) -> dict[str, Any]:
    """The slow, obvious twin: drop what is empty, write dates."""
    shown = {}
    for name, value in row.items():
        if isinstance(value, dict):
            value = {key: item for key, item in value.items() if item is not None}
        if value is not None and value != []:
            shown[name] = str(value) if isinstance(value, dt.date) else value
    return shown


@given(st.lists(rows, max_size=20))
def test_payload_is_the_row_without_what_is_empty(drawn: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(drawn, schema=SCHEMA)
    payloads = json_rows(frame, list(SCHEMA))
    assert payloads.dtype == pl.String
    assert payloads.null_count() == 0
    for payload, row in zip(payloads, drawn, strict=True):
        decoded = json.loads(payload)
        assert decoded == expected(row)
        assert list(decoded) == [name for name in SCHEMA if name in decoded]


@pytest.mark.parametrize("sign", [*map(chr, range(0x20)), '"', "\\", "\x7f", "\u2028", "😀"])
def test_every_sign_comes_back(sign: str) -> None:
    frame = pl.DataFrame({"id": [f"a{sign}b", sign], "texts": [[sign], ["x", sign + sign]]})
    decoded = [json.loads(payload) for payload in json_rows(frame, ("id", "texts"))]
    assert decoded == frame.to_dicts()


def test_fields_are_those_of_the_tables() -> None:
    not_shown = {"lat", "lng", "crs", "opening_periods", "merchant_ids", "brand"}
    for fields, table in (
        (MERCHANT_FIELDS, MERCHANTS),
        (DEAL_FIELDS, DEALS),
        (PROGRAM_FIELDS, PROGRAMS),
    ):
        names = {field.name for field in table.fields}
        assert set(fields) <= names
        assert names - set(fields) <= not_shown
        assert fields[0] == table.key


def test_payloads_of_a_snapshot(tmp_path: Any) -> None:
    tables = {
        "merchants": [
            merchant(0, tags=["a"], rating=4.5),
            merchant(1, avg_price=100, categories=["food"], address="南京路1号"),
        ],
        "deals": [deal(0, redemption={"channel": "qr"}, valid_through="2026-12-01")],
    }
    snapshot = read_snapshot(write_snapshot(tmp_path, tables))
    assert merchant_payloads(snapshot.merchants).to_list() == [
        '{"merchant_id":"m0","name":"老上海","categories":[],"address":null,'
        '"time_zone":"Asia/Shanghai","business_status":"OPERATIONAL","rating":4.5,"tags":["a"]}',
        '{"merchant_id":"m1","name":"老上海","categories":["food"],"address":"南京路1号",'
        '"time_zone":"Asia/Shanghai","business_status":"OPERATIONAL","rating":null,'
        '"avg_price":100}',
    ]
    assert deal_payloads(snapshot.deals).to_list() == [
        '{"deal_id":"d0","program_id":null,"offer_type":"percent_off","title":null,'
        '"redemption":{"channel":"qr"},"percent":10.0,"valid_through":"2026-12-01",'
        '"new_customer_only":false}'
    ]
    assert program_payloads(snapshot.programs).to_list() == [
        '{"program_id":"red","name":"小红卡","kind":"membership","status":"ACTIVE","fee":0}'
    ]
    empty = read_snapshot(write_snapshot(tmp_path, {"merchants": [], "deals": []}))
    assert merchant_payloads(empty.merchants).to_list() == []
