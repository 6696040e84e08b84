"""Texts become numbers, and every row keeps its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from geosearch.hours.schedules import Horizon
from geosearch.indexing.hours import ScheduleBook
from geosearch.indexing.rows import deal_rows, merchant_rows, merchant_weights, zone_records
from geosearch.money.offers import (
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    NO_LIMIT,
    OFFER_TYPES,
    PARTY_MAX,
    PARTY_MIN,
    PRICE,
    TYPE,
    VALUE,
)
from geosearch.money.ranking import Weights
from geosearch.segment.numbers import numbered
from geosearch.snapshot.reader import Snapshot, read_snapshot
from indexes.timetable import ALWAYS, NEVER
from tests.geosearch.snapshot_files import PROGRAM, deal, merchant, write_snapshot

NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
COLUMNS = (TYPE, VALUE, PRICE, MIN_SPEND, MAX_DISCOUNT, MAX_USES, PARTY_MIN, PARTY_MAX)

# offer, then its row of terms: value, price, least spend, largest discount, uses, party
TERMS: list[tuple[dict[str, Any], str, tuple[int, ...]]] = [
    ({"percent": 10}, "percent_off", (100_000, 0, 0, NO_LIMIT, 1, 0, NO_LIMIT)),
    ({"percent": 9.5, "max_discount": 0}, "percent_off", (95_000, 0, 0, 0, 1, 0, NO_LIMIT)),
    ({"percent": 0.0001, "min_spend": 7}, "cashback", (1, 0, 7, NO_LIMIT, 1, 0, NO_LIMIT)),
    ({"amount": 600, "party_max": 4}, "amount_off", (600, 0, 0, NO_LIMIT, 1, 0, 4)),
    (
        {"face_value": 90, "price": 80, "max_uses": 3},
        "voucher",
        (90, 80, 0, NO_LIMIT, 3, 0, NO_LIMIT),
    ),
    (
        {"list_price": 99, "price": 60, "party_min": 2},
        "bundle",
        (99, 60, 0, NO_LIMIT, 1, 2, NO_LIMIT),
    ),
    ({"face_value": 18}, "free_item", (18, 0, 0, NO_LIMIT, 1, 0, NO_LIMIT)),
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("rows")
    shops = [
        merchant(0, categories=["food.cafe", "shop"], business_area="静安寺", rating=4.123),
        merchant(1, business_status="CLOSED_PERMANENTLY", categories=["gone"]),
        merchant(2, lat=-33.8688197, lng=-151.2092955, time_zone="Europe/Berlin", avg_price=0),
        merchant(3, categories=["food.cafe", "shop"], rating=0, avg_price=2_000_000_000),
        merchant(4, categories=["shop", "food.cafe"], redemptions_ok=90),
    ]
    base: dict[str, Any] = {"merchant_ids": ["m4", "m0"]}
    deals = [
        {"deal_id": f"t{n}", "offer_type": kind} | base | fields
        for n, (fields, kind, _) in enumerate(TERMS)
    ]
    deals += [
        deal(0, merchant_ids=["m1", "m2"], program_id="red", stock=0),
        deal(1, merchant_ids=["m3"], program_id="off", valid_through="2020-01-01"),
    ]
    programs = [PROGRAM | {"program_id": "off", "status": "ENDED"}, PROGRAM]
    write_snapshot(folder, {"merchants": shops, "deals": deals, "programs": programs})
    return read_snapshot(folder, max_rejected=0.0)


@pytest.fixture
def merchants(snapshot: Snapshot) -> pl.DataFrame:
    indexed = snapshot.merchants.with_row_index("merchant_row").filter(
        pl.col("business_status") != "CLOSED_PERMANENTLY"
    )
    return indexed.with_columns(calendar=pl.lit(None, pl.String))


@pytest.fixture
def book(snapshot: Snapshot) -> ScheduleBook:
    return ScheduleBook(Horizon.for_build(NOW), snapshot.rejects)


def test_merchants_as_numbers(merchants: pl.DataFrame, book: ScheduleBook) -> None:
    rows, names = merchant_rows(merchants, book, Weights())
    assert rows.merchant_id.to_list() == ["m0", "m2", "m3", "m4"]
    assert rows.x.tolist()[1] == -1_512_092_955
    assert rows.y.tolist()[:2] == [312_300_000, -338_688_197]
    assert rows.rating.tolist() == [4123, -1, 0, -1], "no rating is not a rating of 0"
    assert rows.price.tolist() == [-1, 0, 2_000_000_000, -1]
    assert rows.redeem.tolist() == [9000, 9000, 9000, 9900]
    sets = [names["category_sets"][row] for row in rows.category_set]
    assert sets == [["food.cafe", "shop"], [], ["food.cafe", "shop"], ["shop", "food.cafe"]]
    assert rows.category_set[0] == rows.category_set[2]
    assert [names["areas"][row] for row in rows.area] == ["静安寺", "", "", ""]
    assert names["areas"][0] == "", "number 0 is no area"
    zones = [names["time_zones"][row] for row in rows.time_zone]
    assert zones == ["Asia/Shanghai", "Europe/Berlin", "Asia/Shanghai", "Asia/Shanghai"]


@pytest.mark.parametrize("row", range(len(TERMS)), ids=[kind for _, kind, _ in TERMS])
def test_terms(snapshot: Snapshot, merchants: pl.DataFrame, book: ScheduleBook, row: int) -> None:
    rows = deal_rows(snapshot, merchants, book)
    _, kind, expected = TERMS[row]
    at = rows.deal_id.to_list().index(f"t{row}")
    assert rows.terms.dtype == np.int32
    assert rows.terms[at, COLUMNS].tolist() == [OFFER_TYPES.index(kind), *expected]


def test_offers_name_rows_of_indexed_merchants(
    snapshot: Snapshot, merchants: pl.DataFrame, book: ScheduleBook
) -> None:
    rows = deal_rows(snapshot, merchants, book)
    ids = merchants["merchant_id"].to_list()
    offers = {
        (rows.deal_id[deal], ids[shop])
        for deal, shop in zip(rows.offer_deal.tolist(), rows.offer_merchant.tolist(), strict=True)
    }
    expected = {(f"t{n}", shop) for n in range(len(TERMS)) for shop in ("m0", "m4")}
    assert offers == expected | {("d0", "m2"), ("d1", "m3")}, "nothing at m1, closed for good"
    by_deal = dict(zip(rows.offer_deal.tolist(), rows.offer_window.tolist(), strict=True))
    numbers = {name: number for number, name in enumerate(rows.deal_id.to_list())}
    assert (by_deal[numbers["t0"]], by_deal[numbers["d1"]]) == (ALWAYS, NEVER)
    on = dict(zip(rows.deal_id.to_list(), rows.on.tolist(), strict=True))
    assert (on["d0"], on["t0"]) == (0, 1), "sold out is off"


def test_programmes_are_numbered_from_one(
    snapshot: Snapshot, merchants: pl.DataFrame, book: ScheduleBook
) -> None:
    rows = deal_rows(snapshot, merchants, book)
    program = dict(zip(rows.deal_id.to_list(), rows.program.tolist(), strict=True))
    assert [row["program_id"] for row in rows.programs] == ["off", "red"]
    assert (program["t0"], program["d1"], program["d0"]) == (0, 1, 2)
    assert rows.program_on.tolist() == [0, 1]


def test_numbered_keeps_the_order_of_appearance() -> None:
    numbers, names = numbered(pl.Series(["b", "", "a", "b", "店", "a", "店"]))
    assert names == ["b", "", "a", "店"]
    assert numbers.tolist() == [0, 1, 2, 0, 3, 2, 3]
    numbers, names = numbered(pl.Series([], dtype=pl.String))
    assert (numbers.tolist(), names) == ([], [])


def test_no_zone_no_record(snapshot: Snapshot, tmp_path: Path) -> None:
    assert zone_records(snapshot) == []


def test_rows_without_a_record_are_neutral() -> None:
    merchants = pl.DataFrame(
        {
            "rating": [None, 5.0, 5.0],
            "rating_count": [10, None, 20],
            "redemptions_ok": [None, 0, 90],
            "redemptions_failed": [None, None, 0],
        },
        schema_overrides={"redemptions_failed": pl.Int64},
    )
    basis_points, worth = merchant_weights(merchants, Weights())
    assert basis_points.dtype == np.uint16
    assert worth.dtype == np.int32
    assert basis_points.tolist() == [9000, 9000, 9900]
    assert worth.tolist() == [0, 0, 375]
