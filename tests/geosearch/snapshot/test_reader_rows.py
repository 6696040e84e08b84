"""Every kind of bad row: the code and the sentence it gets, and that its neighbours stay."""

# ruff: noqa: E501 - a table of rules has one line per case

import json
from pathlib import Path

import polars as pl
import pytest

from geosearch.snapshot.fields import Cost, Kind
from geosearch.snapshot.plausibility import PROBABLE_CODES
from geosearch.snapshot.reader import Snapshot, read_snapshot
from geosearch.snapshot.rejects import REJECT_CODES, WARNING_CODES
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS
from tests.geosearch.snapshot_files import (
    DEAL,
    MERCHANT,
    PROGRAM,
    Row,
    deal,
    merchant,
    ndjson,
    write_snapshot,
)

M, D, P = MERCHANT | {"merchant_id": "bad"}, DEAL | {"deal_id": "bad"}, PROGRAM
VOUCHER = D | {"offer_type": "voucher", "price": 8000, "face_value": 10000}


def with_(row: Row, **changes: object) -> Row:
    return row | changes


def raw(text: str) -> bytes:
    return text.encode()


DEEP = b'{"merchant_id": ' + b"[" * 3000 + b"]" * 3000 + b"}"
HUGE = b'{"merchant_id": "bad", "name": "x", "lat": 1' + b"0" * 400 + b', "lng": 1}'
BIG_INT = with_(M, rating_count=10**18)
ONLY = "Expected a JSON object, got"
OFFERS = "percent_off, amount_off, voucher, bundle, cashback, free_item"

# table, line as it stands in the file, code, sentence without its place
REJECTS: list[tuple[str, Row | bytes, str, str]] = [
    # lines
    ("merchants", raw('{"merchant_id": "bad",'), "not_json", f'{ONLY} "{{\\"merchant_id\\": \\"bad\\","'),
    ("merchants", raw("hello"), "not_json", f'{ONLY} "hello"'),
    ("merchants", raw("[1, 2]"), "not_json", f"{ONLY} [1,2]"),
    ("merchants", raw("5"), "not_json", f"{ONLY} 5"),
    ("merchants", raw("null"), "not_json", f"{ONLY} nothing"),
    ("merchants", raw(json.dumps(M) + json.dumps(M)), "not_json", ONLY),
    ("merchants", raw('{"merchant_id": "bad", "lat": 031}'), "not_json", ONLY),
    ("merchants", DEEP, "not_json", ONLY),
    ("merchants", b"\x00\x01", "not_json", ONLY),
    ("merchants", b'{"merchant_id": "bad", "name": "caf\xe9"}', "not_utf8", "Expected a line in UTF-8, got byte 0xe9 at byte 36 of it"),
    ("merchants", raw('{"merchant_id": "bad", "name": "\\ud83d"}'), "not_utf8", "Expected `name` in Unicode, got '\\ud83d'"),
    # absent
    ("merchants", with_(M, merchant_id=None), "missing_field", "Expected `merchant_id`, got nothing"),
    ("merchants", with_(M, merchant_id=""), "missing_field", "Expected `merchant_id`, got nothing"),
    ("merchants", with_(M, name="  \t"), "missing_field", "Expected `name`, got nothing"),
    ("merchants", with_(M, lat=None), "missing_field", "Expected `lat`, got nothing"),
    ("merchants", raw("{}"), "missing_field", "Expected `merchant_id`, got nothing"),
    ("deals", with_(D, offer_type=None), "missing_field", "Expected `offer_type`, got nothing"),
    ("deals", with_(D, merchant_ids=None), "missing_field", "Expected `merchant_ids` or `brand`, got nothing"),
    ("deals", with_(D, merchant_ids=[""]), "missing_field", "Expected `merchant_ids` or `brand`, got nothing"),
    ("programs", with_(P, program_id=None), "missing_field", "Expected `program_id`, got nothing"),
    # types
    ("merchants", with_(M, name=5), "wrong_type", "Expected `name` to be text, got 5"),
    ("merchants", with_(M, merchant_id=5), "wrong_type", "Expected `merchant_id` to be text, got 5"),
    ("merchants", with_(M, name=True), "wrong_type", "Expected `name` to be text, got true"),
    ("merchants", with_(M, name=["x"]), "wrong_type", 'Expected `name` to be text, got ["x"]'),
    ("merchants", with_(M, lat="31.2"), "wrong_type", 'Expected `lat` to be a number, got "31.2"'),
    ("merchants", with_(M, lat=True), "wrong_type", "Expected `lat` to be a number, got true"),
    ("merchants", with_(M, lng=[121.4]), "wrong_type", "Expected `lng` to be a number, got [121.4]"),
    # numbers
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": NaN, "lng": 1}'), "not_finite", "Expected `lat` to be finite, got NaN"),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1, "lng": -Infinity}'), "not_finite", "Expected `lng` to be finite, got -Infinity"),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1e999, "lng": 1}'), "not_finite", "Expected `lat` to be finite, got Infinity"),
    ("merchants", HUGE, "not_finite", "Expected `lat` to be finite, got 1000000000"),
    ("merchants", with_(M, lat=91.0), "out_of_range", "Expected `lat` in [-90, 90], got 91.0"),
    ("merchants", with_(M, lat=-90.0000001), "out_of_range", "Expected `lat` in [-90, 90], got -90.0000001"),
    ("merchants", with_(M, lng=-180.1), "out_of_range", "Expected `lng` in [-180, 180], got -180.1"),
    ("merchants", with_(M, lat=121.47, lng=31.23), "out_of_range", "Expected `lat` in [-90, 90], got 121.47 (are `lat` and `lng` swapped?)"),
    ("deals", with_(D, percent=100.5), "out_of_range", "Expected `percent` in [0, 100], got 100.5"),
    ("deals", with_(VOUCHER, face_value=0), "out_of_range", "Expected `face_value` >= 1 for offer type voucher, got 0"),
    ("deals", with_(D, percent=9.12345), "too_precise", "Expected `percent` of at most 4 decimals, got 9.12345"),
    # words
    ("merchants", with_(M, merchant_id="a\nb"), "bad_id", "Expected `merchant_id` of at most 255 characters, none of them control characters"),
    ("merchants", with_(M, merchant_id="x" * 256), "bad_id", "Expected `merchant_id` of at most 255 characters"),
    ("merchants", with_(M, crs="EPSG:4326"), "bad_crs", 'Expected `crs` to be one of WGS84, GCJ02, BD09, got "EPSG:4326"'),
    ("deals", with_(D, offer_type="percent"), "bad_enum", f'Expected `offer_type` to be one of {OFFERS}, got "percent"'),
    # time
    # order and need
    ("deals", with_(D, valid_from="2026-12-02", valid_through="2026-12-01"), "bad_order", "Expected `valid_from` <= `valid_through`, got"),
    ("deals", with_(D, party_min=4, party_max=2), "bad_order", "Expected `party_min` <= `party_max`, got 4"),
    ("deals", with_(D, percent=None), "missing_for_type", "Expected `percent` for offer type percent_off, got nothing"),
    ("deals", with_(D, offer_type="amount_off"), "missing_for_type", "Expected `amount` for offer type amount_off, got nothing"),
    ("deals", with_(VOUCHER, price=None), "missing_for_type", "Expected `price` for offer type voucher, got nothing"),
    ("deals", with_(D, offer_type="bundle", price=1), "missing_for_type", "Expected `list_price` for offer type bundle, got nothing"),
    ("deals", with_(D, offer_type="free_item"), "missing_for_type", "Expected `face_value` for offer type free_item, got nothing"),
    # links and ids
    ("deals", with_(D, program_id="blue"), "unknown_program", 'Expected `program_id` to be one of the cards, got "blue"'),
    ("deals", with_(D, merchant_ids=["m0", "nobody"]), "unknown_merchant", 'Expected `merchant_ids` to name accepted merchants, got "nobody"'),
    ("deals", with_(D, merchant_ids=None, brand="Nobody"), "unknown_brand", 'Expected `brand` to be that of an accepted merchant, got "Nobody"'),
    ("merchants", merchant(0), "duplicate_id", 'Expected a unique `merchant_id`, got "m0" again, first at line 1'),
    ("deals", deal(0, percent=20), "duplicate_id", 'Expected a unique `deal_id`, got "d0" again, first at line 1'),
    ("programs", with_(P, name="other"), "duplicate_id", 'Expected a unique `program_id`, got "red" again, first at line 1'),
]  # fmt: skip

# The same of an optional field: the row stays, the value is null (a list is empty). `doubt`: nothing
# is promised of the row.
NOON = "2026-11-22T12:00:00Z"

LOST: list[tuple[str, Row | bytes, str, str, str, bool]] = [
    ("merchants", with_(M, tags=["a", "\ud83d"]), "not_utf8", "Expected `tags` in Unicode, got '\\ud83d'", "tags", False),
    ("merchants", with_(M, address={"road": "x"}), "wrong_type", 'Expected `address` to be text, got {"road":"x"}', "address", False),
    ("merchants", with_(M, phone=1e3), "wrong_type", "Expected `phone` to be text, got 1000.0", "phone", False),
    ("merchants", with_(M, rating_count=1.5), "wrong_type", "Expected `rating_count` to be a whole number, got 1.5", "rating_count", False),
    ("merchants", with_(M, categories="food.cafe"), "wrong_type", 'Expected `categories` to be a list of texts, got "food.cafe"', "categories", False),
    ("merchants", with_(M, tags=["a", 5]), "wrong_type", 'Expected `tags` to be a list of texts, got ["a",5]', "tags", False),
    ("merchants", with_(M, tags=["a", None]), "wrong_type", 'Expected `tags` to be a list of texts, got ["a",null]', "tags", False),
    ("merchants", with_(M, tags=[["a"]]), "wrong_type", 'Expected `tags` to be a list of texts, got [["a"]]', "tags", False),
    ("merchants", with_(M, tags={}), "wrong_type", "Expected `tags` to be a list of texts, got {}", "tags", False),
    ("merchants", with_(M, updated_at=1764000000), "wrong_type", "Expected `updated_at` to be text, got 1764000000", "updated_at", False),
    ("deals", with_(D, new_customer_only="yes"), "wrong_type", 'Expected `new_customer_only` to be true or false, got "yes"', "new_customer_only", True),
    ("deals", with_(D, new_customer_only=1), "wrong_type", "Expected `new_customer_only` to be true or false, got 1", "new_customer_only", True),
    ("deals", with_(D, redemption="qr"), "wrong_type", 'Expected `redemption` to be an object, got "qr"', "redemption", False),
    ("deals", with_(D, redemption='{"channel": '), "wrong_type", 'Expected `redemption` to be an object, got "{\\"channel\\": ", which is no JSON', "redemption", False),
    ("deals", with_(D, redemption=["qr"]), "wrong_type", 'Expected `redemption` to be an object, got ["qr"]', "redemption", False),
    ("deals", with_(D, redemption={"appointment": "no"}), "wrong_type", 'Expected `redemption.appointment` to be true or false, got "no"', "redemption", False),
    ("merchants", with_(M, rating=5.1), "out_of_range", "Expected `rating` in [0, 5], got 5.1", "rating", False),
    ("merchants", with_(M, rating_count=-1), "out_of_range", "Expected `rating_count` in [0, 2000000000], got -1", "rating_count", False),
    ("merchants", BIG_INT, "out_of_range", "Expected `rating_count` in [0, 2000000000], got 1000000000000000000", "rating_count", False),
    ("merchants", with_(M, avg_price=2_000_000_001), "out_of_range", "Expected `avg_price` in [0, 2000000000], got 2000000001", "avg_price", False),
    ("deals", with_(D, party_min=0), "out_of_range", "Expected `party_min` in [1, 2000000000], got 0", "party_min", True),
    ("merchants", with_(M, time_zone="Asia/Atlantis"), "bad_time_zone", 'Expected `time_zone` to be an IANA time zone, got "Asia/Atlantis"', "time_zone", True),
    ("merchants", with_(M, time_zone="../etc/passwd"), "bad_time_zone", "Expected `time_zone` to be an IANA time zone", "time_zone", True),
    ("merchants", with_(M, business_status="OPEN"), "bad_enum", "Expected `business_status` to be one of OPERATIONAL, CLOSED_TEMPORARILY, CLOSED_PERMANENTLY", "business_status", True),
    ("programs", with_(P, program_id="bad", status="active"), "bad_enum", 'Expected `status` to be one of ACTIVE, SUSPENDED, ENDED, got "active"', "status", True),
    ("programs", with_(P, program_id="bad", kind="card"), "bad_enum", "Expected `kind` to be one of membership, bank_card, government_voucher, platform", "kind", False),
    ("merchants", with_(M, closures="today"), "wrong_type", 'Expected `closures` to be a list of objects, got "today"', "closures", True),
    ("merchants", with_(M, closures=[{"from": NOON, "until": "noon"}]), "bad_instant", 'Expected `closures.until` as an RFC 3339 instant, got "noon"', "closures", True),
    ("merchants", with_(M, closures=[{"from": NOON, "until": NOON}]), "bad_order", 'Expected `from` before `until`, got "2026-11-22T12:00:00Z"', "closures", True),
    ("merchants", with_(M, closures=[{"from": NOON, "until": NOON}] * 101), "out_of_range", "Expected at most 100 `closures`, got 101", "closures", True),
    ("deals", with_(D, redemption={"channel": "fax"}), "bad_enum", "Expected `redemption.channel` to be one of qr, barcode, phone_number, show_card, online", "redemption", False),
    ("deals", with_(D, valid_from="2026-02-29"), "bad_date", 'Expected `valid_from` as YYYY-MM-DD, got "2026-02-29"', "valid_from", True),
    ("deals", with_(D, valid_through="22.11.2026"), "bad_date", 'Expected `valid_through` as YYYY-MM-DD, got "22.11.2026"', "valid_through", True),
    ("deals", with_(D, valid_from="2026-1-1"), "bad_date", 'Expected `valid_from` as YYYY-MM-DD, got "2026-1-1"', "valid_from", True),
    ("deals", with_(D, verified_at="2026-11-22"), "bad_instant", 'Expected `verified_at` as an RFC 3339 instant, got "2026-11-22"', "verified_at", False),
    ("deals", with_(D, verified_at="2026-11-22T10:00:00"), "bad_instant", "Expected `verified_at` as an RFC 3339 instant", "verified_at", False),
    ("deals", with_(D, verified_at="2026-11-22T10:58:60Z"), "bad_instant", "Expected `verified_at` as an RFC 3339 instant", "verified_at", False),
    ("merchants", with_(M, updated_at="2026-13-01T10:00:00Z"), "bad_instant", "Expected `updated_at` as an RFC 3339 instant", "updated_at", False),
    ("merchants", with_(M, brand=5), "wrong_type", "Expected `brand` to be text, got 5", "brand", False),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1, "lng": 1, "rating": NaN}'), "not_finite", "Expected `rating` to be finite, got NaN", "rating", False),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1, "lng": 1, "rating": "\\udc00"}'), "wrong_type", "Expected `rating` to be a number, got '\\udc00'", "rating", False),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1, "lng": 1, "phone": "\\udc00"}'), "not_utf8", "Expected `phone` in Unicode, got '\\udc00'", "phone", False),
    ("merchants", with_(M, opening_hours=8), "wrong_type", "Expected `opening_hours` to be text, got 8", "opening_hours", False),
    ("merchants", with_(M, aliases={"en": "x"}), "wrong_type", 'Expected `aliases` to be a list of texts, got {"en":"x"}', "aliases", False),
    ("deals", with_(D, face_value="x"), "wrong_type", 'Expected `face_value` to be a whole number, got "x"', "face_value", False),
    ("deals", with_(VOUCHER, percent=9.12345), "too_precise", "Expected `percent` of at most 4 decimals, got 9.12345", "percent", False),
    ("deals", with_(D, max_uses=0), "out_of_range", "Expected `max_uses` in [1, 2000000000], got 0", "max_uses", False),
    ("deals", with_(D, min_spend="5000"), "wrong_type", 'Expected `min_spend` to be a whole number, got "5000"', "min_spend", True),
    ("deals", with_(D, max_discount=-1), "out_of_range", "Expected `max_discount` in [0, 2000000000], got -1", "max_discount", True),
    ("deals", with_(D, stock=1.5), "wrong_type", "Expected `stock` to be a whole number, got 1.5", "stock", True),
    ("deals", with_(D, use_hours=["Mo"]), "wrong_type", 'Expected `use_hours` to be text, got ["Mo"]', "use_hours", True),
    ("deals", with_(D, stack_group=1), "wrong_type", "Expected `stack_group` to be text, got 1", "stack_group", False),
    ("deals", with_(D, valid_through="2026-11-30T14:30:00"), "bad_date", 'Expected `valid_through` as YYYY-MM-DD, got "2026-11-30T14:30:00"', "valid_through", True),
    ("programs", with_(P, program_id="bad", fee=-1), "out_of_range", "Expected `fee` in [0, 2000000000], got -1", "fee", False),
    ("programs", with_(P, program_id="bad", valid_through="soon"), "bad_date", 'Expected `valid_through` as YYYY-MM-DD, got "soon"', "valid_through", True),
]  # fmt: skip

WARNINGS: list[tuple[str, Row | bytes, str, str]] = [
    ("merchants", with_(M, openning_hours="24/7"), "unknown_field", "Expected a field of table `merchants`, got `openning_hours`, which is ignored"),
    ("merchants", with_(M, country="ZZ"), "bad_country", 'Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got "ZZ"'),
    ("merchants", with_(M, country="China"), "bad_country", "Expected `country` to be an ISO 3166-1"),
    ("merchants", with_(M, country="gb-eng"), "bad_country", "Expected `country` to be an ISO 3166-1"),
    ("merchants", with_(M, country="ZZ-1"), "bad_country", "Expected `country` to be an ISO 3166-1"),
    ("merchants", with_(M, country="DE-XX"), "unknown_subdivision", 'Expected `country` with a known holiday calendar, got "DE-XX"; the holidays of "DE" apply (rows: 1)'),
    ("merchants", with_(M, opening_hours="24/7", opening_periods=[]), "two_for_one", "Expected either `opening_hours` or `opening_periods`, got"),
    ("merchants", with_(M, opening_periods=[{"open": {"day": 9, "hour": 1}}]), "unreadable_hours", "Expected"),
    ("merchants", with_(M, opening_periods="daily"), "unreadable_hours", 'Expected `opening_periods` to be a list of objects, got "daily"'),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1, "lng": 1, "name": "y"}'), "duplicate_key", 'Expected each key once, got "name" again, of which the last counts'),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1, "lng": 1, "\\u006eame": "y"}'), "duplicate_key", 'Expected each key once, got "name" again'),
    ("merchants", raw('{"merchant_id": "bad", "name": "x", "lat": 1, "lng": 1, "opening_periods": [{"open": {"day": 1, "hour": 2, "hour": 3}}]}'), "duplicate_key", 'Expected each key of `opening_periods` once, got "hour" again'),
    ("deals", raw(json.dumps(D)[:-1] + ', "redemption": {"channel": "qr", "channel": "online"}}'), "duplicate_key", 'Expected each key of `redemption` once, got "channel" again'),
    ("deals", raw(json.dumps(D)[:-1] + ', "stock": null, "stock": 1, "title": "\\n"}'), "duplicate_key", 'Expected each key once, got "stock" again'),
    ("deals", with_(D, brand="x"), "two_for_one", 'Expected either `merchant_ids` or `brand`, got "x" as well'),
    ("deals", with_(D, max_uses=2), "limit_ignored", "Expected `max_uses` only for voucher, got 2"),
    ("deals", with_(D, offer_type="free_item", face_value=5, min_spend=9), "limit_ignored", "Expected `min_spend` only for percent_off, amount_off, voucher, cashback, got 9"),
    ("deals", with_(D, percent=0), "no_saving", "Expected `percent` > 0, got 0.0"),
    ("deals", with_(VOUCHER, price=10000), "no_saving", "Expected `price` < `face_value`, got 10000"),
    ("deals", with_(D, offer_type="bundle", price=2, list_price=1), "no_saving", "Expected `price` < `list_price`, got 2"),
]  # fmt: skip

LIKE_ANOTHER = {
    ("merchants", "redemptions_ok"),
    ("merchants", "redemptions_failed"),
    ("deals", "party_max"),
    ("programs", "valid_from"),
}

GOOD: dict[str, list[Row]] = {
    "merchants": [merchant(number) for number in range(4)],
    "deals": [deal(number) for number in range(4)],
    "programs": [PROGRAM, PROGRAM | {"program_id": "gold"}, PROGRAM | {"program_id": "bank"}],
}


def read_with(folder: Path, table: str, row: Row | bytes, at: int) -> Snapshot:
    rows: list[Row | bytes] = [*GOOD[table][:at], row, *GOOD[table][at:]]
    tables: dict[str, list[Row | bytes]] = {"merchants": [*GOOD["merchants"]], table: rows}
    return read_snapshot(write_snapshot(folder, tables), max_rejected=0.5)


def frame_of(snapshot: Snapshot, table: str) -> pl.DataFrame:
    return {
        "merchants": snapshot.merchants,
        "deals": snapshot.deals,
        "programs": snapshot.programs,
    }[table]


def frame_ids(snapshot: Snapshot, table: str) -> list[str]:
    frame = frame_of(snapshot, table)
    ids: list[str] = frame[f"{table[:-1]}_id"].to_list()
    return ids


@pytest.mark.parametrize(("table", "row", "code", "sentence"), REJECTS)
def test_bad_row_is_rejected_alone(
    tmp_path: Path, table: str, row: Row | bytes, code: str, sentence: str
) -> None:
    snapshot = read_with(tmp_path, table, row, 2)
    (entry,) = snapshot.rejects.entries
    assert (entry.kind, entry.table, entry.line, entry.code) == ("reject", table, 3, code)
    assert entry.message.startswith(sentence)
    assert entry.message.endswith(f" - at line 3 of {table}.ndjson")
    assert frame_ids(snapshot, table) == [good[f"{table[:-1]}_id"] for good in GOOD[table]]


@pytest.mark.parametrize(("table", "row", "code", "sentence"), WARNINGS)
def test_odd_row_stays_with_a_warning(
    tmp_path: Path, table: str, row: Row | bytes, code: str, sentence: str
) -> None:
    snapshot = read_with(tmp_path, table, row, 0)
    (entry,) = snapshot.rejects.entries
    assert (entry.kind, entry.table, entry.line, entry.code) == ("warning", table, 1, code)
    assert entry.message.startswith(sentence)
    assert entry.message.endswith(f" - at line 1 of {table}.ndjson")
    assert frame_ids(snapshot, table)[0] == "bad"


@pytest.mark.parametrize(("table", "row", "code", "sentence", "field", "doubt"), LOST)
def test_bad_value_of_an_optional_field_costs_the_field(
    tmp_path: Path, table: str, row: Row | bytes, code: str, sentence: str, field: str, doubt: bool
) -> None:
    snapshot = read_with(tmp_path, table, row, 1)
    (entry,) = snapshot.rejects.entries
    assert (entry.kind, entry.table, entry.line, entry.code) == ("warning", table, 2, code)
    assert entry.message.startswith(sentence)
    assert entry.message.endswith(f" - at line 2 of {table}.ndjson")
    assert (", so " in entry.message) is doubt
    frame = frame_of(snapshot, table)
    kept = frame.filter(pl.col(f"{table[:-1]}_id") == "bad").row(0, named=True)
    defaults = {"fee": 0, "new_customer_only": False, "time_zone": "Asia/Shanghai"}
    defaults |= {"business_status": "OPERATIONAL"}
    assert (kept[field] or None) == (defaults.get(field) or None)
    assert kept["in_doubt"] is doubt
    assert frame["in_doubt"].sum() == doubt
    assert frame.height == len(GOOD[table]) + 1


def test_every_optional_field_has_a_bad_value() -> None:
    """What a field costs is decided field by field, so each is looked at here or rejects above."""
    lost = {(table, field) for table, *_, field, _ in LOST}
    silent = {("merchants", "opening_periods")}  # unreadable hours, a warning of its own
    for table in (PROGRAMS, MERCHANTS, DEALS):
        for field in table.fields:
            doubt = {row[5] for row in LOST if (row[0], row[4]) == (table.name, field.name)}
            assert doubt <= {field.cost is Cost.DOUBT}
            plain = field.kind is Kind.TEXT and field.cost is Cost.FIELD and not field.choices
            if not plain and field.cost_for() is not Cost.ROW and not field.needed_by:
                assert {(table.name, field.name)} <= lost | silent | LIKE_ANOTHER
    assert len(lost) >= 25


def test_every_code_has_a_bad_row() -> None:
    # Geometry and CSV have tables of their own.
    elsewhere = {"not_csv", "bad_geometry", "geometry_too_complex"}
    assert {code for _, _, code, *_ in [*REJECTS, *LOST]} == REJECT_CODES.keys() - elsewhere
    assert {code for _, _, code, _ in WARNINGS} == WARNING_CODES.keys() - {
        "empty_rows",
        "many_stacked",
        "geometry_repaired",
        "no_holidays",
        "other_country",
        "provisional_holidays",
        "overnight_trap",
        "doubtful_hours",
    }
    assert len(REJECTS) >= 40


def test_all_bad_rows_at_once_are_each_rejected_for_the_same_reason(tmp_path: Path) -> None:
    compared = 0
    for table in GOOD:
        bad = [case for case in REJECTS if case[0] == table and case[2] != "duplicate_id"]
        rows: list[Row | bytes] = [*GOOD[table]]
        for _, row, _, _ in bad:
            rows += [row, b"", b" \t\r"]
        tables: dict[str, list[Row | bytes]] = {"merchants": [*GOOD["merchants"]], table: rows}
        snapshot = read_snapshot(write_snapshot(tmp_path / table, tables), max_rejected=1)
        entries = sorted(snapshot.rejects.entries, key=lambda entry: entry.line)
        first = len(GOOD[table]) + 1
        for number, ((_, _, code, sentence), entry) in enumerate(zip(bad, entries, strict=True)):
            assert (entry.code, entry.line) == (code, first + 3 * number)
            assert entry.message.startswith(sentence)
            compared += 1
        assert frame_ids(snapshot, table) == [good[f"{table[:-1]}_id"] for good in GOOD[table]]
    assert compared == len(REJECTS) - 3


GOOD_ODDITIES: list[tuple[str, Row | bytes, str, object]] = [
    ("merchants", with_(M, rating_count=5.0), "rating_count", 5),
    ("merchants", raw('{"merchant_id":"bad","name":"x","lat":1,"lng":2,"rating_count":1e3}'), "rating_count", 1000),
    ("merchants", with_(M, rating=4.12345), "rating", 4.123),
    ("merchants", with_(M, name="5"), "name", "5"),
    ("merchants", with_(M, name="true"), "name", "true"),
    ("merchants", with_(M, name='[1] "x" \\ \n\t\u2028'), "name", '[1] "x" \\ \n\t\u2028'),
    ("merchants", with_(M, name='"name": 5'), "name", '"name": 5'),
    ("merchants", with_(M, name="😀 \x01"), "name", "😀 \x01"),
    ("merchants", with_(M, tags=["1", "2.5", "true"]), "tags", ["1", "2.5", "true"]),
    ("merchants", with_(M, tags=['a "b"', "c\\", "\t", '", "', "😀"]), "tags", ['a "b"', "c\\", "\t", '", "', "😀"]),
    ("merchants", with_(M, tags=["", "a", ""]), "tags", ["a"]),
    ("merchants", with_(M, tags='["a","b"]'), "tags", ["a", "b"]),
    ("merchants", with_(M, tags=None), "tags", []),
    ("merchants", with_(M, brand=""), "brand", None),
    ("merchants", with_(M, lat=31.123456789, lng=-180), "lat", 31.1234568),
    ("merchants", with_(M, lat=90, lng=180), "lng", 180.0),
    ("merchants", with_(M, opening_periods=[{"open": {"day": 0, "hour": 0, "minute": 0}}]), "opening_hours", "24/7"),
    ("merchants", with_(M, opening_periods=[{"open": {"day": 1, "hour": 9, "minute": 0}}]), "opening_hours", "24/7"),
    ("merchants", with_(M, opening_hours="nonsense"), "opening_hours", "nonsense"),
    ("merchants", with_(M, country="GB-ENG"), "country", "GB-ENG"),
    ("merchants", with_(M, country="UK-SCT"), "country", "GB-SCT"),
    ("merchants", with_(M, country="CN-HK"), "country", "HK"),
    ("merchants", with_(M, country="US-PR"), "country", "PR"),
    ("merchants", with_(M, country=""), "country", None),
    ("merchants", with_(M, updated_at="2026-11-22t10:00:00.5+08:00"), "updated_at", "2026-11-22t10:00:00.5+08:00"),
    ("merchants", with_(M, updated_at="2026-12-31T23:59:60Z"), "updated_at", "2026-12-31T23:59:60Z"),
    ("deals", with_(D, verified_at="2027-01-01T07:59:60+08:00"), "verified_at", "2027-01-01T07:59:60+08:00"),
    ("deals", with_(D, percent=9.5), "percent_ppm", 95_000),
    ("deals", with_(D, percent=0.0001), "percent_ppm", 1),
    ("deals", with_(D, percent=33.3333), "percent_ppm", 333_333),
    ("merchants", with_(M, closures=[]), "closures", None),
    ("merchants", with_(M, closures=[{"from": NOON, "until": "2026-11-22T13:00:00Z", "reason": None}]), "closures", '[{"from":"2026-11-22T12:00:00Z","until":"2026-11-22T13:00:00Z"}]'),
    ("deals", with_(D, redemption={}), "redemption", None),
    ("deals", with_(D, redemption={"channel": "qr", "note": "a\\b"}), "redemption", {"channel": "qr", "appointment": None}),
    ("deals", with_(D, redemption={"appointment": False}), "redemption", {"channel": None, "appointment": False}),
    ("deals", with_(D, new_customer_only=None), "new_customer_only", False),
    ("deals", with_(D, merchant_ids=["m1", "m0", "m1"]), "merchant_ids", ["m1", "m0", "m1"]),
    ("programs", {"program_id": "bad", "name": "x"}, "status", "ACTIVE"),
    ("programs", {"program_id": "bad", "name": "x"}, "fee", 0),
]  # fmt: skip


@pytest.mark.parametrize(("table", "row", "field", "value"), GOOD_ODDITIES)
def test_unusual_good_row_is_read_as_it_is(
    tmp_path: Path, table: str, row: Row | bytes, field: str, value: object
) -> None:
    snapshot = read_with(tmp_path, table, row, 0)
    assert not {entry.code for entry in snapshot.rejects.entries} - PROBABLE_CODES.keys()
    frames = {"merchants": snapshot.merchants, "deals": snapshot.deals}
    assert frames.get(table, snapshot.programs).row(0, named=True)[field] == value


OBJECTS: list[tuple[str, str, str, str, str]] = [
    # table, field, value as it is written, code, sentence
    ("deals", "redemption", r'{"channel": "\ud83d"}', "not_utf8", r"Expected `redemption` in Unicode, got '"),
    ("deals", "redemption", r'{"channel": "qr", "x": ["\udc00"]}', "not_utf8", "Expected `redemption` in Unicode"),
    ("deals", "redemption", r'{"\ud83d": 1}', "not_utf8", "Expected `redemption` in Unicode"),
    ("deals", "redemption", r'{"channel": NaN}', "not_finite", "Expected finite numbers in `redemption`, got"),
    ("deals", "redemption", r'{"x": -Infinity}', "not_finite", "Expected finite numbers in `redemption`, got"),
    ("deals", "redemption", r'{"x": 1e999}', "not_finite", "Expected finite numbers in `redemption`, got"),
    ("deals", "redemption", '{"channel": ' + "9" * 400 + "}", "not_finite", "Expected finite numbers in `redemption`"),
    ("deals", "redemption", '{"channel": ' + "9" * 30 + "}", "bad_enum", "Expected `redemption.channel` to be one of"),
    ("deals", "redemption", '{"channel": ' + "[" * 400 + "]" * 400 + "}", "bad_enum", "Expected `redemption.channel` to be one of"),
    ("merchants", "opening_periods", r'[{"open": {"day": 1, "hour": 9, "x": "\ud83d"}}]', "not_utf8", "Expected `opening_periods` in Unicode"),
    ("merchants", "opening_periods", r'[{"open": {"day": NaN, "hour": 9}}]', "not_finite", "Expected finite numbers in `opening_periods`"),
    ("merchants", "opening_periods", '[{"open": {"day": ' + "9" * 30 + ', "hour": 9}}]', "unreadable_hours", "Expected"),
    ("merchants", "opening_periods", "[" * 990 + "]" * 990, "wrong_type", "Expected `opening_periods` to be an object, got one nested too deep"),
    ("categories", "names", r'{"en": "\ud83d"}', "not_utf8", "Expected `names` in Unicode"),
    ("categories", "aliases", r'{"en": ["a", "\ud83d"]}', "not_utf8", "Expected `aliases` in Unicode"),
    ("categories", "names", '{"en": 5}', "wrong_type", "Expected `names` to be texts by language"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "field", "written", "code", "sentence"), OBJECTS)
def test_bad_object_costs_its_field(
    tmp_path: Path, table: str, field: str, written: str, code: str, sentence: str
) -> None:
    rows = {"deals": D, "merchants": M, "categories": {"category_id": "bad"}}
    line = json.dumps(rows[table])[:-1] + f', "{field}": {written}}}'
    good: list[Row] = GOOD.get(table, [{"category_id": "food"}])
    tables: dict[str, list[Row | bytes]] = {"merchants": [*GOOD["merchants"]]}
    tables[table] = [*good, line.encode()]
    snapshot = read_snapshot(write_snapshot(tmp_path, tables))
    (entry,) = snapshot.rejects.entries
    assert (entry.kind, entry.line, entry.code) == ("warning", len(good) + 1, code)
    assert entry.message.startswith(sentence)
    frames = {"deals": snapshot.deals, "merchants": snapshot.merchants}
    frame = frames.get(table, snapshot.categories)
    assert frame is not None
    assert frame.height == len(good) + 1
    assert frame.row(-1, named=True).get(field) is None
    snapshot.rejects.write(tmp_path / "rejected.ndjson")
    assert len((tmp_path / "rejected.ndjson").read_bytes().splitlines()) == 1


def test_line_numbers_count_blank_lines_and_carriage_returns(tmp_path: Path) -> None:
    folder = write_snapshot(tmp_path)
    text = ndjson([merchant(0), b"", b"  ", merchant(1, lat=91), b"\r", merchant(2)])
    (folder / "merchants.ndjson").write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n")[:-2])
    snapshot = read_snapshot(folder, max_rejected=0.5)
    assert snapshot.merchants["line"].to_list() == [1, 6]
    assert [entry.line for entry in snapshot.rejects.entries] == [4]


def test_first_accepted_row_keeps_its_id(tmp_path: Path) -> None:
    rows = [merchant(0), merchant(1, lat=91), merchant(1), merchant(1, name="third")]
    snapshot = read_snapshot(write_snapshot(tmp_path, {"merchants": rows}), max_rejected=0.5)
    assert snapshot.merchants["line"].to_list() == [1, 3]
    assert [entry.code for entry in snapshot.rejects.entries] == ["out_of_range", "duplicate_id"]
    assert "first at line 3" in snapshot.rejects.entries[1].message
