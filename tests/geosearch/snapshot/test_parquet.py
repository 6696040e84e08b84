"""Columns of Parquet files as other programs write them: the value of each type, or what it costs."""

# ruff: noqa: E501 - a table of rules has one line per case

import datetime as dt
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geosearch.errors import BadData
from geosearch.snapshot.checks import typed
from geosearch.snapshot.merchants import merchants_frame
from geosearch.snapshot.parquet import read_parquet, rows_of_parquet
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.source import Source
from geosearch.snapshot.tables import DEALS, MERCHANTS

INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))
FAR_DAY, FAR_STAMP = 2**31 - 1, 2**62


def day(
    year: int, month: int, number: int, zone: str | dt.tzinfo | None = None, **time: int
) -> dt.datetime:
    tzinfo = ZoneInfo(zone) if isinstance(zone, str) else zone
    return dt.datetime(year, month, number, tzinfo=tzinfo, **time)


def stamps(values: object, zone: str | None = None, unit: str = "us") -> pa.Array:
    return pa.array(values, type=pa.timestamp(unit, zone))


NOV30, APR24, MAR8, MAR29 = (dt.date(2026, m, d) for m, d in ((11, 30), (4, 24), (3, 8), (3, 29)))

# field, column of some rows, the values read (None: lost, absent or with its row), the code of what is wrong
Case = tuple[str, pa.Array, list[object], str | None]
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Europe/London",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
ZONED: list[Case] = [
    ("valid_through", stamps([day(2026, 11, 30, zone), None], zone, unit), [NOV30, None], None)
    for zone in ZONES
    for unit in ("s", "ms", "us", "ns")
]
CASES: list[Case] = [
    # a date is the day that the column shows, in its zone
    *ZONED,
    ("valid_through", stamps([day(2026, 11, 30, INDIA)], "+05:30"), [NOV30], None),
    ("valid_through", stamps([day(2026, 11, 30, dt.timezone(dt.timedelta(hours=-9, minutes=-30)))], "-09:30"), [NOV30], None),
    ("valid_through", stamps([day(2026, 11, 30, "Asia/Shanghai")], "+08:00"), [NOV30], None),
    ("valid_through", stamps([day(2026, 11, 30, "UTC")], "UTC"), [NOV30], None),
    ("valid_through", stamps([day(2026, 11, 30, "UTC")], "Z"), [NOV30], None),
    ("valid_through", stamps([day(2026, 11, 30)]), [NOV30], None),
    ("valid_through", pa.array([NOV30], type=pa.date32()), [NOV30], None),
    ("valid_through", pa.array([NOV30], type=pa.date64()), [NOV30], None),
    ("valid_through", pa.array(["2026-11-30"]).dictionary_encode(), [NOV30], None),
    # the envelope's zone is Asia/Shanghai: its midnight as UTC, which is how many writers keep it
    ("valid_through", stamps([day(2026, 11, 29, "UTC", hour=16)], "UTC"), [NOV30], None),
    ("valid_through", stamps([day(2026, 11, 29, "UTC", hour=16)], "Etc/UTC"), [NOV30], None),
    ("valid_through", stamps([day(2026, 11, 29, "UTC", hour=15)], "UTC"), [None], "bad_date"),
    ("valid_through", stamps([day(2026, 11, 29, "Asia/Tokyo", hour=1)], "Asia/Tokyo"), [None], "bad_date"),
    # days on which clocks change, at midnight in Cairo and Havana
    ("valid_through", stamps([day(2026, 3, 29, "Europe/Berlin"), day(2026, 10, 25, "Europe/Berlin")], "Europe/Berlin"), [MAR29, dt.date(2026, 10, 25)], None),
    ("valid_through", stamps([day(2026, 4, 24, "Africa/Cairo", hour=1)], "Africa/Cairo"), [APR24], None),
    ("valid_through", stamps([day(2026, 4, 25, "Africa/Cairo", hour=1)], "Africa/Cairo"), [None], "bad_date"),
    ("valid_through", stamps([day(2026, 3, 8, "America/Havana", hour=1)], "America/Havana"), [MAR8], None),
    ("valid_through", stamps([day(2026, 11, 1, "America/Havana"), day(2026, 11, 1, "America/Havana", fold=1)], "America/Havana"), [dt.date(2026, 11, 1)] * 2, None),
    # a time of day is no date
    ("valid_through", stamps([day(2026, 11, 30, hour=14, minute=30)]), [None], "bad_date"),
    ("valid_through", stamps([day(2026, 11, 30, "Asia/Shanghai", hour=23)], "Asia/Shanghai"), [None], "bad_date"),
    ("valid_through", stamps([day(2026, 11, 30, microsecond=1)]), [None], "bad_date"),
    ("valid_through", stamps([1_795_996_800_000_000_001], unit="ns"), [None], "bad_date"),
    ("valid_through", pa.array([dt.time(1)], type=pa.time32("s")), [None], "wrong_type"),
    ("valid_through", pa.array([20261130]), [None], "wrong_type"),
    ("valid_through", stamps([day(2026, 11, 30, "UTC")], "Mars/Base"), [None], "wrong_type"),
    # further than any calendar
    ("valid_through", pa.array([FAR_DAY, -FAR_DAY]).cast(pa.int32()).cast(pa.date32()), [dt.date(9999, 12, 31), dt.date(1, 1, 1)], None),
    ("valid_through", stamps([FAR_STAMP]), [None], "bad_date"),
    # instants
    ("verified_at", stamps([day(2026, 11, 30, "UTC", hour=5)], "Asia/Shanghai"), ["2026-11-30T05:00:00Z"], None),
    ("verified_at", stamps([day(2026, 11, 30, INDIA)], "+05:30", "ms"), ["2026-11-29T18:30:00Z"], None),
    ("verified_at", stamps([day(2026, 11, 30, "UTC", microsecond=5)], "UTC", "ns"), ["2026-11-30T00:00:00.000005Z"], None),
    ("verified_at", stamps([day(2026, 11, 30, hour=5)]), [None], "bad_instant"),
    ("verified_at", pa.array([NOV30]), [None], "wrong_type"),
    ("verified_at", stamps([FAR_STAMP], "UTC"), ["9999-12-30T23:59:59.999999Z"], None),
    # numbers and flags
    ("stock", pa.array([Decimal("3.00"), None], type=pa.decimal128(9, 2)), [3, None], None),
    ("stock", pa.array([Decimal("3.50")], type=pa.decimal128(9, 2)), [None], "wrong_type"),
    ("stock", pa.array([3.0, 0.0], type=pa.float16()), [3, 0], None),
    ("stock", pa.array([float("nan")]), [None], "not_finite"),
    ("stock", pa.array([2**63], type=pa.uint64()), [None], "out_of_range"),
    ("stock", pa.array(["5"]), [None], "wrong_type"),
    ("stock", pa.array([True]), [None], "wrong_type"),
    ("stock", pa.array([None, None]), [None, None], None),
    ("new_customer_only", pa.array([1, 0, None], type=pa.int8()), [True, False, None], None),
    ("new_customer_only", pa.array([1.0, 0.0, None]), [True, False, None], None),
    ("new_customer_only", pa.array([2]), [None], "wrong_type"),
    ("new_customer_only", pa.array(["true"]), [None], "wrong_type"),
    # texts
    ("title", pa.array(["a", None], type=pa.large_string()), ["a", None], None),
    ("title", pa.array([b"a", "é".encode()], type=pa.binary()), ["a", "é"], None),
    ("title", pa.array([b"\xff"], type=pa.binary()), [None], "wrong_type"),
    ("title", pa.array([5, None]), [None, None], "wrong_type"),
    ("title", pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"], None),
    # objects
    ("redemption", pa.array([{"channel": "qr"}, None]), ['{"channel":"qr"}', None], None),
    ("redemption", pa.array([[("channel", "qr")]], type=pa.map_(pa.string(), pa.string())), ['{"channel": "qr"}'], None),
    ("redemption", pa.array([{"channel": b"qr"}]), ['{"channel": "qr"}'], None),
    ("redemption", pa.array([{"at": day(2026, 11, 30, "Asia/Shanghai")}], type=pa.struct([("at", pa.timestamp("us", "Asia/Shanghai"))])), ['{"at": "2026-11-30T00:00:00+08:00"}'], None),
    ("redemption", pa.array([{"at": FAR_STAMP}], type=pa.struct([("at", pa.timestamp("us"))])), [None], "wrong_type"),
    ("redemption", pa.array([5]), [None], "wrong_type"),
]  # fmt: skip


def read(folder: Path, columns: dict[str, pa.Array]) -> tuple[list[dict[str, object]], RejectLog]:
    count = len(next(iter(columns.values())))
    deals = {
        "deal_id": pa.array([f"d{n}" for n in range(count)]),
        "merchant_ids": pa.array([["m0"]] * count),
        "offer_type": pa.array(["amount_off"] * count),
        "amount": pa.array([500] * count),
    }
    path = folder / "deals.parquet"
    pq.write_table(pa.table(deals | columns), path)
    log = RejectLog()
    log.add_source("deals", Source(path, "row", lambda lines: rows_of_parquet(path, lines)))
    raw = read_parquet(path, DEALS, log, time_zone="Asia/Shanghai")
    frame = typed(raw, DEALS, log).frame
    log.write(folder / "rejected.ndjson")
    assert len((folder / "rejected.ndjson").read_bytes().splitlines()) == len(log.entries)
    return frame.to_dicts(), log


@pytest.mark.parametrize(("field", "column", "values", "code"), CASES)
def test_values_of_a_column(
    tmp_path: Path, field: str, column: pa.Array, values: list[object], code: str | None
) -> None:
    rows, log = read(tmp_path, {field: column})
    assert [row[field] for row in rows] == values
    assert {(entry.kind, entry.code) for entry in log.entries} == (
        {("warning", code)} if code else set()
    )
    lost = sum(value is None for value in values) - column.null_count
    assert len(log.entries) == lost


def test_time_of_day_is_told_as_it_is_shown(tmp_path: Path) -> None:
    column = stamps([day(2026, 11, 30, "Asia/Shanghai", hour=14, minute=30)], "Asia/Shanghai")
    _, log = read(tmp_path, {"valid_through": column})
    assert log.entries[0].message == (
        'Expected `valid_through` as YYYY-MM-DD, got "2026-11-30T14:30:00", so the deal stays out of use'
        " - at row 1 of deals.parquet"
    )


@pytest.mark.parametrize(
    "column",
    [pa.array([5, None, 7]), pa.array([1.5, None, 2.5]), pa.array([b"\xff", None, b"\xff"])],
)
def test_reference_of_another_type_costs_its_rows(tmp_path: Path, column: pa.Array) -> None:
    rows, log = read(tmp_path, {"program_id": column})
    assert [row["deal_id"] for row in rows] == ["d1"]
    assert [(e.kind, e.line, e.code) for e in log.entries] == [
        ("reject", 1, "wrong_type"),
        ("reject", 3, "wrong_type"),
    ]


@pytest.mark.parametrize(
    "point",
    [
        pa.struct([("day", pa.float64()), ("hour", pa.float32())]),
        pa.struct([("day", pa.int8()), ("hour", pa.uint64())]),
        pa.struct([("day", pa.decimal128(5, 1)), ("hour", pa.decimal128(9, 4))]),
    ],
)
def test_whole_numbers_inside_objects_may_be_doubles(tmp_path: Path, point: pa.DataType) -> None:
    period = {"open": {"day": 2, "hour": 9}, "close": {"day": 2, "hour": 17}}
    kind = pa.list_(pa.struct([("open", point), ("close", point)]))
    columns = {"merchant_id": ["a"], "name": ["x"], "lat": [1.0], "lng": [2.0]}
    path = tmp_path / "merchants.parquet"
    pq.write_table(pa.table(columns | {"opening_periods": pa.array([[period]], type=kind)}), path)
    log = RejectLog()
    raw = read_parquet(path, MERCHANTS, log)
    frame = merchants_frame(raw, log, crs="WGS84", time_zone="Asia/Shanghai")
    assert frame["opening_hours"].to_list() == ["Tu 09:00-17:00"]
    assert log.entries == []


def test_file_that_polars_panics_over_is_bad_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The type of panics is no `Exception`; it must not end a build with 1."""

    def panics(path: Path) -> pl.DataFrame:
        raise pl.exceptions.PanicException("called `unwrap` on nothing\nat line 5")

    monkeypatch.setattr("geosearch.snapshot.parquet.pl.read_parquet", panics)
    with pytest.raises(
        BadData, match=r"Cannot read the file as Parquet: called `unwrap` on nothing - at "
    ):
        read_parquet(tmp_path / "x.parquet", DEALS, RejectLog())
