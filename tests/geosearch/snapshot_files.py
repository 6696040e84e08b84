"""Small snapshots on disk, for tests."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]

ENVELOPE: Row = {
    "snapshot_id": "test-1",
    "schema_version": 1,
    "created_at": "2026-11-22T00:00:00+08:00",
    "time_zone": "Asia/Shanghai",
    "country": "CN",
    "currency": "CNY",
}
MERCHANT: Row = {"merchant_id": "m", "name": "老上海", "lat": 31.23, "lng": 121.47}
PROGRAM: Row = {"program_id": "red", "name": "小红卡", "kind": "membership", "status": "ACTIVE"}
DEAL: Row = {"deal_id": "d", "merchant_ids": ["m0"], "offer_type": "percent_off", "percent": 10}


def merchant(number: int, **changes: object) -> Row:
    return MERCHANT | {"merchant_id": f"m{number}"} | changes


def deal(number: int, **changes: object) -> Row:
    return DEAL | {"deal_id": f"d{number}"} | changes


def shops_with_deals(
    shops: Sequence[tuple[int | None, Sequence[Row]]],
) -> tuple[list[Row], list[Row]]:
    """Merchants of a usual bill each, one north of the other, and their deals."""
    merchants = [
        merchant(number, avg_price=price, lat=MERCHANT["lat"] + number / 1_000)
        for number, (price, _) in enumerate(shops)
    ]
    deals = [
        {name: value for name, value in one.items() if name != "percent" or "percent" in terms}
        for number, (_, offers) in enumerate(shops)
        for at, terms in enumerate(offers)
        for one in [deal(10 * number + at, merchant_ids=[f"m{number}"], **terms)]
    ]
    return merchants, deals


def ndjson(rows: Sequence[Row | bytes]) -> bytes:
    """Rows as JSON lines; bytes are lines as they are."""
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    return b"".join(line + b"\n" for line in lines)


def write_snapshot(folder: Path, tables: Mapping[str, Sequence[Row | bytes]] | None = None) -> Path:
    """A snapshot of JSON lines: good small tables, but for those given."""
    rows: dict[str, Sequence[Row | bytes]] = {
        "programs": [PROGRAM],
        "merchants": [merchant(0), merchant(1)],
        "deals": [deal(0)],
        **(tables or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "snapshot.json").write_text(json.dumps(ENVELOPE), encoding="utf-8")
    for table, lines in rows.items():
        (folder / f"{table}.ndjson").write_bytes(ndjson(lines))
    return folder
