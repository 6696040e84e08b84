"""What spreadsheets make of a CSV table: read where it means one thing, else told in words."""

# ruff: noqa: E501 - a table of rules has one line per case

import json
from pathlib import Path

import polars as pl
import pytest

from geosearch.errors import BadData
from geosearch.snapshot.reader import Snapshot, read_snapshot
from tests.geosearch.snapshot_files import write_snapshot

HEAD = "merchant_id,name,lat,lng,avg_price,tags"
SHOP = "m0,面馆,31.2,121.4"
DEAL = "deal_id,merchant_ids,offer_type,percent,min_spend,valid_from"
SAVE = 'in Excel, save the file as "CSV UTF-8"'


def snapshot_of(tmp_path: Path, content: bytes | str, table: str = "merchants") -> Path:
    folder = write_snapshot(tmp_path, {"deals": []})
    (folder / f"{table}.ndjson").unlink()
    data = content.encode() if isinstance(content, str) else content
    (folder / f"{table}.csv").write_bytes(data)
    return folder


def read(tmp_path: Path, content: bytes | str, table: str = "merchants") -> Snapshot:
    return read_snapshot(snapshot_of(tmp_path, content, table), max_rejected=1)


# a cell as it stands in the file, field, what it is read as
READ: list[tuple[str, str, object]] = [
    ('"1,280"', "avg_price", 1280),
    ('"1,234,567"', "avg_price", 1234567),
    ('"1,280.00"', "avg_price", 1280),
    ("3800.0", "avg_price", 3800),
    ("wifi | 安静", "tags", ["wifi", "安静"]),
    (" wifi|安静 ", "tags", ["wifi", "安静"]),
    ("free wifi|安静", "tags", ["free wifi", "安静"]),
]

# of a deal
DAYS: list[tuple[str, str | None]] = [
    ("2026/1/5", "2026-01-05"),
    ("2026/01/05", "2026-01-05"),
    ("2026-1-5", "2026-01-05"),
    ("2026年1月5日", "2026-01-05"),
    ("2026/1/5 0:00", "2026-01-05"),
    ("2026/1/5 0:00:00", "2026-01-05"),
    ("2026.1.5", "2026-01-05"),
    ("2026-01-05", "2026-01-05"),
    # these have more than one meaning, or none
    ("1/5/2026", None),
    ("2026/1/5 14:30", None),
    ("2026/2/30", None),
    ("46027", None),
]

# a cell, field, sentence
REFUSED: list[tuple[str, str, str]] = [
    (
        "¥38",
        "avg_price",
        'Expected `avg_price` to be a whole number, got "¥38" (money is in minor units: 3800 for ¥38.00)',
    ),
    (
        "38.5",
        "avg_price",
        "Expected `avg_price` to be a whole number, got 38.5 (money is in minor units: 3800 for ¥38.00)",
    ),
    ("38元", "avg_price", 'Expected `avg_price` to be a whole number, got "38元" (money is in'),
    ('"1,28"', "avg_price", 'Expected `avg_price` to be a whole number, got "1,28"'),
    ('"12,80,000"', "avg_price", 'Expected `avg_price` to be a whole number, got "12,80,000"'),
]


def cell(tmp_path: Path, text: str, field: str) -> Snapshot:
    values = {"avg_price": "", "tags": ""} | {field: text}
    return read(tmp_path, f"{HEAD}\n{SHOP},{values['avg_price']},{values['tags']}\n")


@pytest.mark.parametrize(("text", "field", "value"), READ)
def test_cell_that_means_one_thing(tmp_path: Path, text: str, field: str, value: object) -> None:
    snapshot = cell(tmp_path, text, field)
    assert snapshot.merchants[field].to_list() == [value]
    assert snapshot.rejects.entries == []


@pytest.mark.parametrize(("text", "field", "sentence"), REFUSED)
def test_cell_that_does_not(tmp_path: Path, text: str, field: str, sentence: str) -> None:
    snapshot = cell(tmp_path, text, field)
    (entry,) = snapshot.rejects.entries
    assert (entry.kind, entry.code) == ("warning", "wrong_type")
    assert entry.message.startswith(sentence)
    assert snapshot.merchants[field].to_list() == [None]


@pytest.mark.parametrize(("text", "day"), DAYS)
def test_day(tmp_path: Path, text: str, day: str | None) -> None:
    content = f'{DEAL}\nd0,m0,percent_off,10,"5,000",{text}\nd1,m0,percent_off,10,,2026-02-01\n'
    snapshot = read(tmp_path, content, "deals")
    assert snapshot.deals["valid_from"].cast(pl.String).to_list() == [day, "2026-02-01"]
    assert snapshot.deals["min_spend"].to_list() == [5000, None]
    assert [entry.code for entry in snapshot.rejects.entries] == ([] if day else ["bad_date"])


def test_ndjson_is_read_as_it_stands(tmp_path: Path) -> None:
    row = {"merchant_id": "m0", "name": "x", "lat": 1, "lng": 2, "avg_price": "1,280"}
    snapshot = read_snapshot(write_snapshot(tmp_path, {"merchants": [row], "deals": []}))
    assert [entry.code for entry in snapshot.rejects.entries] == ["wrong_type"]


# file, lines of accepted rows, lines and codes on record
LAYOUTS: list[tuple[str, list[int], list[tuple[int, str]]]] = [
    # empty columns behind the last: in all rows, in some, fewer in the header, fewer in a row
    (f"{HEAD},,\n{SHOP},1000,,,\n", [2], []),
    (f"{HEAD},,\n{SHOP},1000,\nm1,x,1,2,,,,\n", [2, 3], []),
    (f"{HEAD}\n{SHOP},1000,,,,\nm1,x,1,2,,\n", [2, 3], []),
    (f"{HEAD}\n{SHOP},1000,, ,\nm1,x,1,2,,\n", [2, 3], []),
    # a note beside the table: the row stays, the note is told of once a column
    (f"{HEAD},\n{SHOP},1000,,a note\nm1,x,1,2,,,another\n", [2, 3], [(2, "unknown_field")]),
    (f",{HEAD}\n0,{SHOP},1000,\n1,m1,x,1,2,,\n", [2, 3], [(2, "unknown_field")]),
    # a value behind the last column is a comma too many in some value
    (f"{HEAD}\n{SHOP},1000,2,3\nm1,x,1,2,,\n", [3], [(2, "not_csv")]),
    (f"{HEAD}\n{SHOP}\nm1,x,1,2,,\n", [3], [(2, "not_csv")]),
    # rows of nothing but commas, some with blanks, some too short or too long
    (f"{HEAD}\n{SHOP},1000,\n,,,,,\nm1,x,1,2,,\n,,,,,\n", [2, 4], [(3, "empty_rows")]),
    (f"{HEAD}\n,,,,,\n , ,,,,\n{SHOP},1000,\n", [4], [(2, "empty_rows")]),
    (f"{HEAD}\n{SHOP},1000,\n,,,\n,,,,,,,,,\n", [2], [(3, "empty_rows")]),
    (f"{HEAD}\n,x,1,2,,\n{SHOP},1000,\n", [3], [(2, "missing_field")]),
]


@pytest.mark.parametrize(("content", "accepted", "entries"), LAYOUTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_empty_columns_and_rows(
    tmp_path: Path, content: str, accepted: list[int], entries: list[tuple[int, str]], end: str
) -> None:
    snapshot = read(tmp_path, content.replace("\n", end))
    assert snapshot.merchants["line"].to_list() == accepted
    assert [(entry.line, entry.code) for entry in snapshot.rejects.entries] == entries
    snapshot.rejects.write(tmp_path / "list.ndjson")
    rows = [
        json.loads(line)["row"] for line in (tmp_path / "list.ndjson").read_bytes().splitlines()
    ]
    assert len(rows) == len(entries)
    assert all(rows)


def test_empty_rows_are_counted(tmp_path: Path) -> None:
    snapshot = read(tmp_path, f"{HEAD}\n{SHOP},1000,\n" + ",,,,,\n" * 1234)
    (entry,) = snapshot.rejects.entries
    assert entry.message.startswith("Expected rows with values, got 1,234 without, which are skip")
    assert read_snapshot(tmp_path, max_rejected=0).merchants.height == 1


# file, start of the sentence, text in it
HEADERS: list[tuple[bytes, str, str]] = [
    (b"PK\x03\x04\x14\0\6\0", "Expected CSV, got a workbook", SAVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Expected CSV, got a workbook", SAVE),
    (f"{HEAD}\n{SHOP},1000,\n".encode("utf-16"), "Expected a header in UTF-8, got UTF-16", SAVE),
    (f"{HEAD}\n{SHOP},1000,\n".encode("utf-16-le"), "Expected a header in UTF-8, got UTF-16", SAVE),
    (
        "商户编号,名称,纬度,经度\n".encode("gbk"),
        'Expected a header in UTF-8, got GBK ("商户编号,名称,纬度,经度")',
        SAVE,
    ),
    (
        "商户编号,名称,纬度,经度\n".encode(),
        "Expected a header with `merchant_id`, `name`, `lat`, `lng`, got",
        '(is "商户编号" `merchant_id`, "名称" `name`, "纬度" `lat`, "经度" `lng`?)',
    ),
    (
        b"id,Name,Latitude,lon\n",
        "Expected a header with `merchant_id`, `name`, `lat`, `lng`, got",
        '(is "id" `merchant_id`, "Name" `name`, "Latitude" `lat`, "lon" `lng`?)',
    ),
    (b"merchant_id,nmae,lat,lng\n", "Expected a header with `name`, got", '(is "nmae" `name`?)'),
    (
        b"foo,bar\n",
        'Expected a header with `merchant_id`, `name`, `lat`, `lng`, got "foo,bar" - at',
        "",
    ),
    (
        b"merchant_id;name;lat;lng\n",
        "Expected a header with commas between names, got semicolons",
        "",
    ),
    (b"merchant_id\tname\tlat\tlng\n", "Expected a header with commas between names, got tabs", ""),
    (
        "merchant_id，name，lat，lng\n".encode(),
        "Expected a header with commas between names, got full-width commas",
        "",
    ),
    (
        b"merchant_id,name,lat,lng,lat\n",
        "Expected each name in the header once, got `lat` again",
        "",
    ),
    (b"caf\xe9,name\n", "Expected a header in UTF-8, got bytes", SAVE),
]


@pytest.mark.parametrize(("content", "sentence", "hint"), HEADERS)
def test_header_in_words_that_help(
    tmp_path: Path, content: bytes, sentence: str, hint: str
) -> None:
    with pytest.raises(BadData) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(sentence)
    assert hint in str(caught.value)
    assert "merchants.csv`" in str(caught.value)


def test_rows_in_gbk_say_how_to_save(tmp_path: Path) -> None:
    content = f"{HEAD}\nm0,".encode() + "老上海".encode("gbk") + b",31,121,1,\nm1,x,1,2,,\n"
    snapshot = read(tmp_path, content)
    (entry,) = snapshot.rejects.entries
    sentence = (
        f'Expected a record in UTF-8, got GBK ("m0,老上海,31,121,1,") - {SAVE} - at line 2 of'
    )
    assert (entry.line, entry.code) == (2, "not_utf8")
    assert entry.message.startswith(sentence)
    # Latin-1 is not taken for it.
    (entry,) = read(tmp_path, HEAD.encode() + b"\nm0,Caf\xe9s,31,121,1,\n").rejects.entries
    assert "got bytes" in entry.message


# name of the file, its sentence, what to do
FILES = [
    (
        "merchants.xlsx",
        "as .ndjson or .csv or .parquet, got merchants.xlsx",
        'save it as "CSV UTF-8"',
    ),
    ("Merchants.XLS", "got Merchants.XLS", 'save it as "CSV UTF-8"'),
    ("merchants.jsonl", "got merchants.jsonl", "rename it to .ndjson"),
    ("merchants.json", "got merchants.json", "write one object a line"),
    ("merchants.tsv", "got merchants.tsv", "commas between values"),
    ("merchants.csv.zip", "got merchants.csv.zip", "unpack it"),
    ("merchant.csv", "got none of them (the folder has deals.ndjson, merchant.csv, programs", ""),
    ("zones.json", "Expected table `zones` as .geojson, got zones.json", "write it as .geojson"),
    ("categories.xlsx", "got categories.xlsx", 'save it as "CSV UTF-8"'),
]


@pytest.mark.parametrize(("name", "sentence", "hint"), FILES)
def test_file_that_is_not_read(tmp_path: Path, name: str, sentence: str, hint: str) -> None:
    folder = write_snapshot(tmp_path)
    if name.lower().startswith("m"):
        (folder / "merchants.ndjson").unlink()
    (folder / name).write_bytes(b"PK")
    with pytest.raises(BadData) as caught:
        read_snapshot(folder)
    assert sentence in str(caught.value)
    assert hint in str(caught.value)


def test_capital_letters_in_names(tmp_path: Path) -> None:
    folder = snapshot_of(tmp_path, f"{HEAD}\n{SHOP},1000,\n")
    (folder / "merchants.csv").rename(folder / "Merchants.CSV")
    # What the CSV was saved from may lie beside it.
    (folder / "merchants.xlsx").write_bytes(b"PK")
    (folder / "programs.ndjson").rename(folder / "PROGRAMS.NDJSON")
    snapshot = read_snapshot(folder)
    assert (snapshot.merchants.height, snapshot.programs.height) == (1, 1)
    (folder / "merchants.csv").write_text(HEAD)
    with pytest.raises(BadData, match=r"got Merchants\.CSV and merchants\.csv"):
        read_snapshot(folder)


def test_ids_with_other_separators_say_so(tmp_path: Path) -> None:
    content = f"{DEAL}\nd0,m0;m1,percent_off,10,,\nd1,nobody,percent_off,10,,\n"
    first, second = read(tmp_path, content, "deals").rejects.entries
    assert 'got "m0;m1" (in CSV, | separates items) - at line 2 of deals.csv' in first.message
    assert 'got "nobody" - at line 3' in second.message


# table, column, the field it may be
MISSPELT = [
    ("merchants", "catgories", "categories"),
    ("merchants", "人均", "avg_price"),
    ("merchants", "Opening Hours", "opening_hours"),
    ("merchants", "business-area", "business_area"),
    ("merchants", "colour", None),
]


@pytest.mark.parametrize(("table", "column", "field"), MISSPELT)
def test_unknown_column_is_likened(
    tmp_path: Path, table: str, column: str, field: str | None
) -> None:
    snapshot = read(tmp_path, f"{HEAD},{column}\n{SHOP},1000,,x\n", table)
    (entry,) = snapshot.rejects.entries
    assert entry.code == "unknown_field"
    assert (f"is it `{field}`?" if field else "ignored - at") in entry.message
