"""Snapshots with rubbish in them: a build ends well or with `BadData`, and no row is lost."""

import csv
import gzip
import io
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from geosearch.errors import BadData
from geosearch.indexing.pipeline import FAILED, REJECTED, build
from geosearch.snapshot.ndjson import read_ndjson
from geosearch.snapshot.reader import read_snapshot
from geosearch.snapshot.rejects import RejectLog
from geosearch.snapshot.tables import DEALS, MERCHANTS
from tests.geosearch.snapshot_files import ENVELOPE, Row

QUICK = 12
NOW = datetime(2026, 11, 29, tzinfo=UTC)
PERIOD = {"open": {"day": 1, "hour": 9, "minute": 0}, "close": {"day": 1, "hour": 17, "minute": 0}}
SQUARE = [[[121.0, 31.0], [121.5, 31.0], [121.5, 31.5], [121.0, 31.5], [121.0, 31.0]]]


def good_tables(rng: random.Random) -> dict[str, list[Row]]:
    """Rows with every field of the contract, all of them right."""
    merchants = [
        {
            **{
                "merchant_id": f"m{n}",
                "name": rng.choice(["老上海", "Café", "a, b"]),
                "brand": "b",
            },
            **{"lat": 31.2 + n / 1000, "lng": 121.4, "crs": "WGS84", "categories": ["food.cafe"]},
            **{
                "aliases": ["x", "y"],
                "tags": [],
                "address": "1 Road",
                "city": "上海",
                "phone": "5",
            },
            **{"time_zone": "Asia/Shanghai", "opening_hours": "Mo-Fr 09:00-18:00"},
            **{
                "business_status": "OPERATIONAL",
                "rating": 4.5,
                "rating_count": 3,
                "avg_price": 900,
            },
            **{"updated_at": "2026-11-01T00:00:00Z", "url": "https://example.com"},
        }
        for n in range(9)
    ]
    for row in merchants[::2]:
        row["opening_periods"] = [PERIOD]
        del row["opening_hours"]
    deals = [
        {
            **{"deal_id": f"d{n}", "merchant_ids": [f"m{n}"], "program_id": "red", "title": "10%"},
            **{"offer_type": "percent_off", "percent": 10, "min_spend": 100, "stock": 5},
            **{"valid_from": "2026-11-01", "valid_through": "2026-12-01", "party_min": 1},
            **{"use_hours": "Mo-Fr 11:00-14:00", "new_customer_only": False, "max_uses": None},
            **{"redemption": {"channel": "qr", "appointment": True}},
            **{"verified_at": "2026-11-01T00:00:00Z", "stack_group": "g", "face_value": None},
        }
        for n in range(8)
    ]
    programs = [{"program_id": name, "name": name, "status": "ACTIVE"} for name in ("red", "gold")]
    categories = [
        {"category_id": "food", "names": {"en": "Food", "zh": "美食"}, "aliases": {"en": ["eat"]}}
    ]
    return {"merchants": merchants, "deals": deals, "programs": programs, "categories": categories}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


RUBBISH: list[Any] = [
    *(None, True, False, 0, -1, 5, 1.5, 10**12, 2**63, 10**30, 10**400, -(10**25), 1e308),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "x", "5", "NaN", "null", "\x00", "\x1f"),
    *(
        "\ud83d",
        "a\udc00b",
        "\U0001f600",
        "\u2028",
        "'\"\\",
        "a|b",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "x" * 300,
    ),
    *("[1,", "{", "[]", "{}", '["a"]', '{"a": 1, "a": 2}', "2026-02-30", "2026-11-30T14:30:00"),
    *("9999-12-31", "0000-00-00", "2026-11-30T14:30:00+08:00", "24/7", "Mo-Su 25:00", "m1", "red"),
    *([], {}, [None], ["a", None], [["a"]], ["\ud83d"], {"\ud83d": 1}, {"channel": "\ud83d"}),
    *(
        {"en": "\udc00"},
        {"en": ["a", 5]},
        [{"open": {"day": 9.0, "hour": float("nan")}}],
        nested(60),
    ),
    *(nested(300), nested(900), [PERIOD, {}], {"channel": "qr", "appointment": "no"}, [10**30]),
]


def spoil_rows(rng: random.Random, tables: dict[str, list[Row]]) -> None:
    """Other values in some fields, rows of nothing, ids twice."""
    for _ in range(rng.randint(1, 8)):
        rows = tables[rng.choice(list(tables))]
        row = rng.choice(rows)
        way = rng.randrange(10)
        if way == 0:
            rows.append(dict(row))
        elif way == 1 and row:
            del row[rng.choice(list(row))]
        elif way == 2:
            row[rng.choice(["odd", "\ud83d", "", "lat "])] = rng.choice(RUBBISH)
        elif row:
            row[rng.choice(list(row))] = rng.choice(RUBBISH)


def json_line(rng: random.Random, row: Row) -> bytes:
    text = json.dumps(row, ensure_ascii=rng.random() < 0.8)
    if rng.random() < 0.05 and row:
        key, value = json.dumps(rng.choice(list(row))), json.dumps(rng.choice(RUBBISH))
        text = f"{text[:-1]}, {key}: {value}}}"
    return text.encode("utf-8", "surrogatepass")


def csv_field(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "|".join(value)
    if isinstance(value, list | dict | bool):
        return json.dumps(value)
    return "" if value is None else str(value)


def csv_file(rng: random.Random, rows: Sequence[Row]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    ends = rng.choice(["\n", "\r\n", "\r"])
    # The writer quotes only those ends of lines that it writes itself.
    plain = ends != "\r" and rng.random() < 0.5 and "\\r" not in json.dumps(rows)
    writer = csv.writer(
        out, lineterminator=ends, quoting=csv.QUOTE_MINIMAL if plain else csv.QUOTE_ALL
    )
    writer.writerow(names)
    writer.writerows([csv_field(row.get(name)) for name in names] for row in rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


ARROW_TYPES: list[Callable[[random.Random], pa.DataType]] = [
    *(lambda _, kind=kind: kind for kind in (pa.int8(), pa.int64(), pa.uint64(), pa.float32())),
    *(lambda _, kind=kind: kind for kind in (pa.float64(), pa.bool_(), pa.binary(), pa.date32())),
    *(lambda _, kind=kind: kind for kind in (pa.large_string(), pa.decimal128(12, 2), pa.null())),
    lambda rng: pa.timestamp(
        rng.choice(["s", "ms", "us", "ns"]),
        rng.choice([None, "UTC", "+05:30", "Asia/Shanghai", "Z", "X/Y"]),
    ),
    lambda _: pa.list_(pa.int64()),
    lambda _: pa.struct([("channel", pa.binary()), ("x", pa.timestamp("us", "+05:30"))]),
]


def arrow_value(rng: random.Random, kind: pa.DataType) -> Any:
    """Some value of an Arrow type; the far ends of it, too."""
    if rng.random() < 0.2 or pa.types.is_null(kind):
        return None
    if pa.types.is_struct(kind):
        return {field.name: arrow_value(rng, field.type) for field in kind}
    if pa.types.is_list(kind):
        return [rng.randrange(9) for _ in range(rng.randrange(3))]
    if pa.types.is_timestamp(kind):
        return rng.choice([0, 2**62, -(2**62), 1_795_996_800, 1_795_996_800_000_000])
    if pa.types.is_date(kind):
        return rng.choice([date(2026, 11, 30), date(1, 1, 1), date(9999, 12, 31)])
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_binary(kind):
        return rng.choice([b"x", b"\xff", b""])
    if pa.types.is_floating(kind):
        return rng.choice([1.0, 0.5, float("nan"), float("inf"), -1.0])
    return "x" if pa.types.is_large_string(kind) else rng.choice([0, 1, 5, 100])


def parquet_file(rng: random.Random, rows: Sequence[Row]) -> bytes:
    """Columns of the rows where they have one type; one or two of another type."""
    columns: dict[str, pa.Array] = {}
    for name in dict.fromkeys(name for row in rows for name in row if name.isascii()):
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, UnicodeError, OverflowError, TypeError):
            columns[name] = pa.array([])
        if len(columns[name]) < len(rows) or not can_be_written(columns[name]):
            columns[name] = pa.array([None if v is None else ascii(v) for v in values])
    for name in rng.sample(list(columns), rng.randrange(3)):
        kind = rng.choice(ARROW_TYPES)(rng)
        other = pa.array([arrow_value(rng, kind) for _ in rows], type=kind)
        if can_be_written(other):
            columns[name] = other
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def can_be_written(column: pa.Array) -> bool:
    try:
        pq.write_table(pa.table({"x": column}), io.BytesIO())
    except pa.ArrowException:
        return False
    return True


def spoil_bytes(rng: random.Random, data: bytes) -> bytes:
    """Bytes changed, doubled, dropped or put in."""
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        other = rng.randrange(at, min(at + 60, len(data)) + 1)
        piece = rng.choice(
            [b"", b'"', b"\n", b"\r", b",", b"\x00", b"\xff", b"{", data[at:other] * 2]
        )
        data = data[:at] + piece + data[other if rng.random() < 0.5 else at :]
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data


def zones_file(rng: random.Random) -> bytes:
    zone = {"zone_id": "z", "name": "n", "kind": "mall", "valid_from": "2026-11-01"}
    shape: Row = {"type": "Polygon", "coordinates": SQUARE}
    features = [
        {"type": "Feature", "properties": zone | {"zone_id": f"z{n}"}, "geometry": shape}
        for n in range(3)
    ]
    for _ in range(rng.randrange(4)):
        feature: Any = rng.choice(features)
        place = rng.choice([feature, feature["properties"], feature["geometry"]])
        if isinstance(place, dict):
            place[rng.choice([*place, "odd"])] = rng.choice(
                [value for value in RUBBISH if value is not None]
            )
        features = [f for f in features if isinstance(f.get("properties"), dict)] or [feature]
        if not isinstance(feature.get("properties"), dict):
            break
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def fuzz(seed: int, count: int) -> dict[str, int]:
    """Build `count` spoilt snapshots.

    Returns
    -------
    dict
        `built`, `refused` (by `BadData`), `rows` accounted for, `rejected` ones and `warned` of.
    """
    done: Counter[str] = Counter()
    for case in range(count):
        rng = random.Random(f"{seed}/{case}")
        with tempfile.TemporaryDirectory() as name:
            try:
                done.update(one_case(rng, Path(name)))
            except BaseException as error:
                error.add_note(f"in case {case} of seed {seed}")
                raise
    return dict(done)


def one_case(rng: random.Random, folder: Path) -> dict[str, int]:
    tables = good_tables(rng)
    spoil_rows(rng, tables)
    snapshot, index = folder / "snapshot", folder / "index"
    snapshot.mkdir()
    (snapshot / "snapshot.json").write_text(json.dumps(ENVELOPE), encoding="utf-8")
    (snapshot / "zones.geojson").write_bytes(zones_file(rng))
    expected: dict[str, int] = {}
    for table, rows in tables.items():
        ending = rng.choice(["ndjson", "ndjson", "csv", "parquet"])
        if ending == "ndjson":
            data = b"".join(json_line(rng, row) + b"\n" for row in rows)
        else:
            data = csv_file(rng, rows) if ending == "csv" else parquet_file(rng, rows)
        spoilt = rng.random() < (0.05 if ending == "parquet" else 0.3)
        if spoilt:
            if ending == "csv" and rng.random() < 0.7:
                data = data.replace(b'"', b"")  # then each line is a record, or a broken one
            data = spoil_bytes(rng, data)
        if ending == "ndjson":
            expected[table] = filled_lines(data)
            if table in ("merchants", "deals"):
                check_lines_alone(folder, table, data)
        elif not spoilt:
            expected[table] = len(rows)
        elif ending == "csv" and b'"' not in data and b"\r" not in data.replace(b"\r\n", b"\n"):
            expected[table] = filled_lines(data) - 1
        if ending != "parquet" and rng.random() < 0.2:
            zipped = rng.random() < 0.5
            data = gzip.compress(data, mtime=0) if zipped else zstandard.compress(data)
            ending += ".gz" if zipped else ".zst"
            if rng.random() < 0.1:
                data = spoil_bytes(rng, data)
                expected.pop(table, None)
        (snapshot / f"{table}.{ending}").write_bytes(data)
    return check_build(snapshot, index, expected)


def filled_lines(data: bytes) -> int:
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return sum(1 for line in lines if line.strip(b" \t\r\n"))


def check_build(snapshot: Path, index: Path, expected: dict[str, int]) -> dict[str, int]:
    """Every expected row is accepted or rejected, once."""
    try:
        build(snapshot, index, now=NOW, max_rejected=1.0)
    except BadData as error:
        sentence = str(error)
    else:
        sentence = ""
    if sentence:
        assert "\n" not in sentence, sentence
        assert " - at " in sentence, sentence
        assert (index / FAILED).exists() == (f"all listed in `{index / FAILED}`" in sentence)
        return {"refused": 1}
    assert not (index / FAILED).exists()
    entries = [json.loads(line) for line in (index / REJECTED).read_bytes().splitlines()]
    read = read_snapshot(snapshot, max_rejected=1.0)
    frames = {"merchants": read.merchants, "deals": read.deals, "programs": read.programs}
    if read.categories is not None:
        frames["categories"] = read.categories
    for table, frame in frames.items():
        accepted = frame["line"].to_list()
        rejected = [
            entry["line"]
            for entry in entries
            if entry["kind"] == "reject" and entry["file"].startswith(f"{table}.")
        ]
        assert not set(accepted) & set(rejected), (table, accepted, rejected)
        assert len(set(accepted)) == len(accepted), (table, accepted)
        assert len(set(rejected)) == len(rejected), (table, rejected)
        if table in expected:
            assert len(accepted) + len(rejected) == expected[table], (table, accepted, rejected)
    kinds = Counter(entry["kind"] for entry in entries)
    rows = sum(expected.values())
    return {"built": 1, "rows": rows, "rejected": kinds["reject"], "warned": kinds["warning"]}


def check_lines_alone(folder: Path, table: str, data: bytes) -> None:
    """A line fares as it does alone: same row, same faults."""
    path, fields = folder / "line.ndjson", {"merchants": MERCHANTS, "deals": DEALS}[table]

    def read(content: bytes) -> tuple[list[Row], list[tuple[int, str]]]:
        path.write_bytes(content)
        log = RejectLog()
        rows = [tidy(row) for row in read_ndjson(path, fields, log).to_dicts()]
        found = [e for e in log.entries if e.code != "unknown_field"]
        return rows, sorted(
            (e.line, f"{e.kind} {e.code} {e.message.partition(' - at ')[0]}") for e in found
        )

    rows, faults = read(data)
    alone: list[Row] = []
    alone_faults: list[tuple[int, str]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        # A byte order mark is one at the start of a file, and rubbish elsewhere.
        if number > 1 and line.startswith(b"\xef\xbb\xbf"):
            return
        row, fault = read(line)
        alone += [one | {"line": number} for one in row]
        alone_faults += [(number, told) for _, told in fault]
    assert rows == alone
    assert faults == sorted(alone_faults)


def tidy(row: Row) -> Row:
    """A row with its objects decoded: their text is written in more than one way."""
    for name in ("opening_periods", "redemption"):
        try:
            row[name] = json.dumps(json.loads(row[name]))
        except (KeyError, TypeError, ValueError):
            continue
    return row
