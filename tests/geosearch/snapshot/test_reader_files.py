"""Files of a snapshot: formats agree, broken ones stop the reading with one sentence."""

# ruff: noqa: E501 - a table of rules has one line per case

import datetime as dt
import gzip
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from geosearch.errors import BadData
from geosearch.snapshot.reader import Snapshot, TooManyRejected, read_snapshot
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.source import line_blocks, lines_at
from tests.geosearch.snapshot_files import (
    ENVELOPE,
    MERCHANT,
    PROGRAM,
    Row,
    deal,
    merchant,
    ndjson,
    write_snapshot,
)

FULL: dict[str, list[Row]] = {
    "programs": [
        PROGRAM
        | {
            "fee": 16800,
            "valid_from": "2026-01-01",
            "valid_through": "2026-12-31",
            "how_to_redeem": '出示"小红卡", 然后\n扫码',
            "url": "https://example.com/red",
        },
        PROGRAM | {"program_id": "gold", "status": "SUSPENDED"},
    ],
    "merchants": [
        merchant(
            0,
            branch_name="南京西路店",
            aliases=["Old, House", 'the "house"'],
            brand="lao",
            crs="GCJ02",
            categories=["food.cafe", "food"],
            time_zone="Asia/Tokyo",
            opening_hours="Mo-Fr 10:00-22:00; PH off",
            business_status="CLOSED_TEMPORARILY",
            rating=4.5,
            rating_count=12,
            avg_price=8800,
            redemptions_ok=3,
            redemptions_failed=0,
            tags=["wifi"],
            phone="021-6253 0000",
            updated_at="2026-11-20T08:00:00+08:00",
        ),
        merchant(1, opening_periods=[{"open": {"day": 1, "hour": 9, "minute": 0}, "close": {"day": 1, "hour": 17, "minute": 30}}]),
        merchant(2, brand="lao", business_status="CLOSED_PERMANENTLY", rating=5),
        merchant(3, brand="lao", name="a, b\r\nc"),
    ],
    "deals": [
        deal(0, merchant_ids=["m3", "m1"], program_id="red", min_spend=5000, max_discount=2000),
        deal(1, merchant_ids=None, brand="lao", percent=9.5, new_customer_only=True, stock=0),
        deal(2, redemption={"channel": "qr", "appointment": True}, valid_from="2026-11-01"),
        deal(3, offer_type="voucher", percent=None, price=8000, face_value=10000, max_uses=3, use_hours="Mo-Fr 11:00-14:00; PH off", verified_at="2026-11-01T00:00:00Z", valid_through="2026-11-30"),
    ],
    "categories": [
        {"category_id": "food.cafe", "names": {"en": "Café", "zh": "咖啡馆"}, "aliases": {"en": ["coffee \"bar\"", "a\\b"]}},
        {"category_id": "food"},
    ],
}  # fmt: skip


def as_ndjson(rows: list[Row]) -> bytes:
    return ndjson(rows)


def as_escaped_ndjson(rows: list[Row]) -> bytes:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return "\r\n\r\n".join(lines).encode()


def as_csv(rows: list[Row]) -> bytes:
    """Lists with `|`, objects as JSON, quotes and newlines in fields."""
    out = io.StringIO()
    pl.DataFrame(
        [{k: csv_field(v) for k, v in row.items()} for row in rows], infer_schema_length=None
    ).write_csv(out)
    return out.getvalue().encode()


def csv_field(value: object) -> str | None:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "|".join(value)
    if isinstance(value, (dict, list, bool)):
        return json.dumps(value)
    return None if value is None else str(value)


def as_parquet(rows: list[Row]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(out)
    return out.getvalue()


def as_typed_parquet(rows: list[Row]) -> bytes:
    """What another program may write: categories, dates, instants, narrow numbers, JSON text."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    casts = {
        "business_status": pl.Categorical(),
        "offer_type": pl.Categorical(),
        "rating_count": pl.UInt16(),
        "stock": pl.Float32(),
        "lat": pl.Float64(),
    }
    days = [name for name in ("valid_from", "valid_through") if name in frame.columns]
    frame = frame.with_columns(pl.col(name).cast(pl.String).str.to_date() for name in days)
    frame = frame.cast({name: dtype for name, dtype in casts.items() if name in frame.columns})
    texts = {"names", "aliases", "redemption"} & set(frame.columns)
    if "category_id" in frame.columns:
        rows_json = [
            {k: json.dumps(v) if k in texts and v else v for k, v in row.items()} for row in rows
        ]
        frame = pl.DataFrame(rows_json, infer_schema_length=None)
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def zst_in_two_frames(data: bytes) -> bytes:
    half = len(data) // 2
    return zstandard.compress(data[:half]) + zstandard.compress(data[half:])


FORMATS: list[tuple[str, Callable[[list[Row]], bytes]]] = [
    ("ndjson", as_escaped_ndjson),
    ("ndjson.gz", lambda rows: gzip.compress(as_ndjson(rows))),
    ("ndjson.zst", lambda rows: zstandard.compress(as_ndjson(rows))),
    ("ndjson.zst", lambda rows: zst_in_two_frames(as_ndjson(rows))),
    ("csv", as_csv),
    ("csv", lambda rows: b"\xef\xbb\xbf" + as_csv(rows)[:-1]),
    ("csv", lambda rows: as_csv(rows) + b"\n\r\n"),
    ("csv.gz", lambda rows: gzip.compress(as_csv(rows))),
    ("csv.zst", lambda rows: zstandard.compress(as_csv(rows))),
    ("parquet", as_parquet),
    ("parquet", as_typed_parquet),
]


def write_full(folder: Path, ending: str, encode: Callable[[list[Row]], bytes]) -> Path:
    folder.mkdir(parents=True)
    (folder / "snapshot.json").write_text(json.dumps(ENVELOPE), encoding="utf-8")
    for table, rows in FULL.items():
        (folder / f"{table}.{ending}").write_bytes(encode(rows))
    return folder


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return read_snapshot(write_full(tmp_path_factory.mktemp("ref") / "s", "ndjson", as_ndjson))


def test_reference_is_what_was_written(reference: Snapshot) -> None:
    assert reference.rejects.entries == []
    merchants = reference.merchants.to_dicts()
    assert merchants[0]["aliases"] == ["Old, House", 'the "house"']
    assert merchants[1]["opening_hours"] == "Mo 09:00-17:30"
    assert merchants[0]["time_zone"], merchants[1]["time_zone"] == ("Asia/Tokyo", "Asia/Shanghai")
    assert (merchants[1]["lat"], merchants[1]["lng"]) == (31.23, 121.47)
    moved = math.dist((merchants[0]["lat"], merchants[0]["lng"]), (31.23, 121.47))
    assert 0.002 < moved < 0.01
    assert [row["business_status"] for row in merchants[1:]] == [
        "OPERATIONAL",
        "CLOSED_PERMANENTLY",
        "OPERATIONAL",
    ]
    # m2 is closed for good; the brand's other shops are m0 and m3.
    assert reference.deal_merchants.rows() == [(0, 3), (0, 1), (1, 0), (1, 3), (2, 0), (3, 0)]
    assert reference.deal_merchants.schema == {"deal_row": pl.UInt32, "merchant_row": pl.UInt32}
    deals = reference.deals.to_dicts()
    assert deals[1]["percent_ppm"] == 95_000
    assert deals[2]["valid_from"] == dt.date(2026, 11, 1)
    assert reference.categories is not None
    aliases = json.loads(reference.categories["aliases"][0])
    assert aliases == {"en": ['coffee "bar"', "a\\b"]}
    assert reference.envelope.created_at.isoformat() == "2026-11-22T00:00:00+08:00"


@pytest.mark.parametrize(("ending", "encode"), FORMATS)
def test_all_formats_give_the_same_frames(
    tmp_path: Path, reference: Snapshot, ending: str, encode: Callable[[list[Row]], bytes]
) -> None:
    snapshot = read_snapshot(write_full(tmp_path / "s", ending, encode))
    assert snapshot.rejects.entries == []
    assert snapshot.categories is not None
    assert reference.categories is not None
    pairs = [
        (snapshot.merchants, reference.merchants),
        (snapshot.deals, reference.deals),
        (snapshot.programs, reference.programs),
        (snapshot.categories, reference.categories),
    ]
    for frame, expected in pairs:
        assert_frame_equal(frame.drop("line"), expected.drop("line"))
    assert_frame_equal(snapshot.deal_merchants, reference.deal_merchants)


NULLS: list[tuple[str, list[Row]]] = [
    # table, rows of which the second and no other holds a null in a list: it costs an optional list,
    # and the row of a deal, which names where it is valid
    ("merchants", [merchant(0, tags=["a", ""]), merchant(1, tags=["a", None]), merchant(2, tags=None)]),
    ("merchants", [merchant(0, aliases=[]), merchant(1, aliases=[None]), merchant(2)]),
    ("merchants", [merchant(0, categories=["food"]), merchant(1, categories=[None, "food"])]),
    ("merchants", [merchant(0, tags=["a"]), merchant(1, tags=["a", None], lat=5)]),
    ("deals", [deal(0), deal(1, merchant_ids=["m0", None]), deal(2, merchant_ids=None, brand="lao")]),
]  # fmt: skip


@pytest.mark.parametrize(("table", "rows"), NULLS)
def test_null_in_a_list_costs_the_same_in_each_format(
    tmp_path: Path, table: str, rows: list[Row]
) -> None:
    told, frames = [], []
    for ending, encode in (("ndjson", as_ndjson), ("parquet", as_parquet)):
        tables = {"merchants": [merchant(0, brand="lao")], "deals": []}
        folder = write_snapshot(tmp_path / ending, tables)
        (folder / f"{table}.ndjson").unlink()
        (folder / f"{table}.{ending}").write_bytes(encode(rows))
        snapshot = read_snapshot(folder, max_rejected=0.5)
        (entry,) = snapshot.rejects.entries
        kind = "reject" if table == "deals" else "warning"
        assert (entry.kind, entry.line, entry.code) == (kind, 2, "wrong_type")
        told.append(entry.message.partition(" - at ")[0])
        frames.append(snapshot.merchants if table == "merchants" else snapshot.deals)
    assert told[0] == told[1]
    assert_frame_equal(frames[0], frames[1])


@pytest.mark.parametrize(("ending", "encode"), FORMATS)
def test_text_where_an_object_belongs(
    tmp_path: Path, ending: str, encode: Callable[[list[Row]], bytes]
) -> None:
    folder = write_snapshot(tmp_path)
    (folder / "deals.ndjson").unlink()
    (folder / f"deals.{ending}").write_bytes(encode([deal(0), deal(1, redemption="qr")]))
    (entry,) = read_snapshot(folder, max_rejected=0.5).rejects.entries
    assert entry.code == "wrong_type"
    assert entry.message.startswith('Expected `redemption` to be an object, got "qr" - at ')


HALF = '{"channel": "\\ud83d"}'
TEXTS_OF_OBJECTS: list[tuple[str, str, str]] = [
    # JSON text in a cell, code, sentence
    (HALF, "not_utf8", "Expected `redemption` in Unicode, got '{\"channel\": \"\\\\ud83d\"}'"),
    ('{"channel": NaN}', "not_finite", 'Expected finite numbers in `redemption`, got {"channel":null}'),
    ('{"channel": ', "wrong_type", 'Expected `redemption` to be an object, got "{\\"channel\\": ", which is no JSON'),
    ('{"channel": "qr", "channel": "online"}', "duplicate_key", 'Expected each key of `redemption` once, got "channel" again'),
    ("[" * 999 + "]" * 999, "wrong_type", "Expected `redemption` to be an object, got"),
    ("[" * 9999 + "]" * 9999, "wrong_type", "Expected `redemption` to be an object, got one nested too deep"),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "encode"), FORMATS)
@pytest.mark.parametrize(("text", "code", "sentence"), TEXTS_OF_OBJECTS)
def test_bad_json_in_a_cell_costs_the_cell_in_each_format(
    tmp_path: Path,
    ending: str,
    encode: Callable[[list[Row]], bytes],
    text: str,
    code: str,
    sentence: str,
) -> None:
    folder = write_snapshot(tmp_path)
    (folder / "deals.ndjson").unlink()
    (folder / f"deals.{ending}").write_bytes(encode([deal(0), deal(1, redemption=text)]))
    snapshot = read_snapshot(folder)
    (entry,) = snapshot.rejects.entries
    assert (entry.kind, entry.code) == ("warning", code)
    assert entry.message.startswith(sentence)
    channel = {"channel": "online", "appointment": None} if code == "duplicate_key" else None
    assert snapshot.deals["redemption"].to_list() == [None, channel]
    snapshot.rejects.write(tmp_path / "rejected.ndjson")
    assert json.loads((tmp_path / "rejected.ndjson").read_bytes())["row"] is not None


HEAD = b"merchant_id,name,lat,lng,tags\n"


def file(name: str, content: bytes | str) -> Callable[[Path], None]:
    """A change to a good snapshot: one file written (its table's JSON lines go)."""

    def change(folder: Path) -> None:
        (folder / f"{name.split('.')[0]}.ndjson").unlink(missing_ok=True)
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)

    return change


def envelope(**changes: object) -> Callable[[Path], None]:
    return file("snapshot.json", json.dumps(ENVELOPE | changes))


def gone(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


def both(folder: Path) -> None:
    (folder / "merchants.csv").write_bytes(HEAD)


BAD_FILES: list[tuple[Callable[[Path], None], str]] = [
    (gone("snapshot.json"), "There is no file snapshot.json"),
    (file("snapshot.json", "{"), "Cannot read the file as JSON: "),
    (file("snapshot.json", ""), "Cannot read the file as JSON: "),
    (file("snapshot.json", "[]"), "Expected a JSON object, got []"),
    (file("snapshot.json", b"\xff\xfe{}"), "Cannot read the file as JSON: "),
    (envelope(snapshot_id=""), 'Expected `snapshot_id` to be text, got ""'),
    (envelope(snapshot_id=None), "Expected `snapshot_id` to be text, got nothing"),
    (envelope(schema_version=2), "Expected `schema_version` to be 1, got 2"),
    (envelope(schema_version=True), "Expected `schema_version` to be 1, got true"),
    (envelope(created_at="2026-11-22T23:58:60Z"), "Expected `created_at` as an RFC 3339 instant"),
    (envelope(created_at="today"), 'Expected `created_at` as an RFC 3339 instant, got "today"'),
    (envelope(created_at="2026-11-22T00:00:00"), "Expected `created_at` as an RFC 3339 instant"),
    (envelope(crs="GCJ-02"), 'Expected `crs` to be one of WGS84, GCJ02, BD09, got "GCJ-02"'),
    (envelope(time_zone="Shanghai"), 'Expected `time_zone` to be an IANA time zone, got "Shanghai"'),
    (envelope(time_zone=8), "Expected `time_zone` to be text, got 8"),
    (envelope(country="CHN"), 'Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got "CHN"'),
    (envelope(country=None), "Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got nothing"),
    (envelope(country="cn"), 'Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got "cn"'),
    (envelope(country="ZZ"), 'Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got "ZZ"'),
    (envelope(country="EU"), 'Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got "EU"'),
    (envelope(country="ZZ-ENG"), 'Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got "ZZ-ENG"'),
    (envelope(country="gb-eng"), 'Expected `country` to be an ISO 3166-1 alpha-2 or ISO 3166-2 code, got "gb-eng"'),
    (envelope(makeup_workdays="yes"), 'Expected `makeup_workdays` to be true or false, got "yes"'),
    (envelope(makeup_workdays=None), "Expected `makeup_workdays` to be true or false, got nothing"),
    (envelope(makeup_workdays=1), "Expected `makeup_workdays` to be true or false, got 1"),
    (envelope(currency="¥"), 'Expected `currency` to be an ISO 4217 code, got "¥"'),
    (gone("merchants.ndjson"), "Expected table `merchants` as merchants.ndjson, .csv or .parquet, got none of them"),
    (gone("deals.ndjson"), "Expected table `deals`"),
    (gone("programs.ndjson"), "Expected table `programs`"),
    (both, "Expected one file for table `merchants`, got merchants.ndjson and merchants.csv"),
    (file("merchants.ndjson.gz", b"no gzip"), "Cannot read the file: Not a gzipped file"),
    (file("merchants.ndjson.gz", gzip.compress(b"{}\n" * 99)[:-9]), "Cannot read the file: Compressed file ended"),
    (file("merchants.ndjson.zst", b"no zstd"), "Cannot read the file: "),
    (file("merchants.ndjson.zst", zstandard.compress(b"{}\n" * 99)[:-3]), "Cannot read the file: a zstd frame that is cut off"),
    (file("merchants.csv", b""), "Expected a header with `merchant_id`, `name`, `lat`, `lng`, got nothing"),
    (file("merchants.csv", b"merchant_id;name;lat;lng\na;x;1;2\n"), 'Expected a header with commas between names, got semicolons: "merchant_id;name;lat;lng"'),
    (file("merchants.csv", b"merchant_id,name,lat,lng,lat\n"), "Expected each name in the header once, got"),
    (file("merchants.csv", "merchant_id,name".encode("utf-16")), "Expected a header in UTF-8, got"),
    (file("merchants.csv", b"merchant_id,name\r,lat,lng\na,x,1,2\n"), 'Expected a header with `lat`, `lng`, got "merchant_id,name"'),
    (file("merchants.csv", b"merchant_id,na\"me,lat,lng\n"), "Expected a header with `name`, got"),
    (file("merchants.csv", b"\r"), "Expected a header with `merchant_id`, `name`, `lat`, `lng`, got nothing"),
    (file("merchants.csv", b'"merchant_id,name'), "Expected a header with `merchant_id`, `name`, `lat`, `lng`, got"),
    (file("merchants.csv.gz", gzip.compress(HEAD + b"a,x,1,2,\n" * 999_999)[:2000]), "Cannot read the file: Compressed file ended"),
    (file("merchants.csv.zst", zstandard.compress(HEAD + b"a,x,1,2,\n" * 999_999)[:-30]), "Cannot read the file: a zstd frame that is cut off"),
    (file("merchants.parquet", b"PAR1 no"), "Cannot read the file as Parquet: "),
    (file("merchants.parquet", parquet(merchant_id=["a"], name=["x"], lat=[1.0])), "Expected columns `lng`, got merchant_id, name, lat"),
    (file("merchants.parquet", parquet(merchant_id=["a"], name=["x"], lat=["1"], lng=[1.0])), "Expected column `lat` to be a number, got String"),
    (file("merchants.parquet", parquet(merchant_id=[1], name=["x"], lat=[1.0], lng=[1.0])), "Expected column `merchant_id` to be text, got Int64"),
    (file("zones.geojson", "{}"), "Expected a FeatureCollection, got {}"),
    (file("zones.geojson", "nonsense"), "Cannot read the file as GeoJSON: "),
    (file("zones.geojson", '{"type": "FeatureCollection", "features": [], "crs": "EPSG:3857"}'), "Expected `crs` to be one of WGS84, GCJ02, BD09"),
    (file("merchants.ndjson", "{}"), "Expected at most 5 % of the rows to be rejected, got 1 of 1 (missing_field 1; such as: Expected `merchant_id`, got nothing - at line 1 of merchants.ndjson) - mend them, or allow more with --max-rejected - at `merchants.ndjson`"),
    (file("merchants.ndjson", json.dumps([MERCHANT])), "Expected at most 5 % of the rows to be rejected, got 1 of 1 (not_json 1;"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), BAD_FILES)
def test_bad_file_stops_with_one_sentence(
    tmp_path: Path, change: Callable[[Path], None], sentence: str
) -> None:
    folder = write_snapshot(tmp_path)
    change(folder)
    with pytest.raises(BadData) as caught:
        read_snapshot(folder)
    assert str(caught.value).startswith(sentence)
    assert " - at " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="There is no folder with a snapshot"):
        read_snapshot(tmp_path / "nowhere")


def test_empty_tables_are_tables(tmp_path: Path) -> None:
    folder = write_snapshot(tmp_path, {"programs": [], "merchants": [], "deals": []})
    snapshot = read_snapshot(folder)
    assert (snapshot.merchants.height, snapshot.deals.height, snapshot.programs.height) == (0, 0, 0)
    assert snapshot.deal_merchants.height == 0
    assert snapshot.categories is None
    assert snapshot.zones == []


@pytest.mark.parametrize(("bad", "fails"), [(5, False), (6, True)])
def test_max_rejected_is_a_share_of_a_table(tmp_path: Path, bad: int, fails: bool) -> None:
    rows = [merchant(number, lat=91 if number < bad else 31) for number in range(100)]
    folder = write_snapshot(tmp_path, {"merchants": rows, "deals": []})
    if not fails:
        assert read_snapshot(folder).merchants.height == 95
        return
    rejects = RejectLog()
    with pytest.raises(TooManyRejected, match=r"got 6 of 100 \(out_of_range 6; such as"):
        read_snapshot(folder, rejects=rejects)
    assert len(rejects.entries) == 6
    assert read_snapshot(folder, max_rejected=0.06).merchants.height == 94


@given(
    st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b""))), st.integers(1, 20)
)
def test_blocks_are_whole_lines_and_lines_are_found_again(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "x.ndjson"
    path.write_bytes(b"\n".join(lines))
    blocks = list(line_blocks(path, size))
    assert b"".join(blocks) == b"\n".join(lines).removeprefix(b"\xef\xbb\xbf")
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    for number, line in lines_at(path, set(range(1, len(lines) + 1))):
        assert line == lines[number - 1].removeprefix(
            b"\xef\xbb\xbf" if number == 1 else b""
        ).rstrip(b"\r")
