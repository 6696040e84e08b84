"""A small complete example snapshot: every table, every offer type, as NDJSON or CSV.

`geosearch template` writes it, and docs/snapshot.md shows it. Shops and offers are invented.
`geosearch synth` writes large snapshots.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from geosearch.errors import BadRequest
from geosearch.snapshot.fields import Kind, Table
from geosearch.snapshot.folder import new_snapshot
from geosearch.snapshot.tables import CATEGORIES, DEALS, MERCHANTS, PROGRAMS
from indexes.files import write_file

Format = Literal["csv", "ndjson"]
FORMATS: tuple[Format, ...] = get_args(Format)

_Row = dict[str, Any]

_ENVELOPE: _Row = {
    "snapshot_id": "example-1",
    "schema_version": 1,
    "created_at": "2026-11-22T00:00:00+08:00",
    "crs": "WGS84",
    "time_zone": "Asia/Shanghai",
    "country": "CN",
    "currency": "CNY",
}

_PROGRAMS: list[_Row] = [
    {
        "program_id": "red",
        "name": "小红卡",
        "kind": "membership",
        "status": "ACTIVE",
        "fee": 16800,
        "how_to_redeem": "结账前出示会员码",
        "url": "https://example.com/red",
    },
    {
        "program_id": "harbour",
        "name": "海港银行卡",
        "kind": "bank_card",
        "status": "ACTIVE",
        "fee": 0,
    },
]

_MERCHANTS: list[_Row] = [
    {
        "merchant_id": "m1001",
        "name": "老上海面馆",
        "branch_name": "南京西路店",
        "aliases": ["Old Shanghai Noodles"],
        "brand": "老上海面馆",
        "lat": 31.2304,
        "lng": 121.4700,
        "categories": ["food.noodles", "food"],
        "address": "南京西路 1 号",
        "city": "上海",
        "district": "黄浦区",
        "business_area": "人民广场",
        "opening_hours": "Mo-Su 10:00-22:00",
        "rating": 4.5,
        "rating_count": 312,
        "avg_price": 3800,
        "redemptions_ok": 57,
        "redemptions_failed": 2,
        "tags": ["wifi", "安静"],
    },
    {
        "merchant_id": "m1002",
        "name": "老上海面馆",
        "branch_name": "福州路店",
        "brand": "老上海面馆",
        "lat": 31.2330,
        "lng": 121.4785,
        "categories": ["food.noodles", "food"],
        "address": "福州路 2 号",
        "city": "上海",
        "district": "黄浦区",
        "opening_hours": "Mo-Fr 07:00-21:00; Sa,Su,PH 08:00-22:00",
        "avg_price": 3600,
    },
    {
        "merchant_id": "m1003",
        "name": "海边咖啡",
        "lat": 31.2251,
        "lng": 121.4752,
        "categories": ["food.cafe"],
        "city": "上海",
        "opening_hours": "Tu-Su 09:00-18:30",
        "rating": 4.7,
        "rating_count": 88,
        "avg_price": 4200,
        "tags": ["wifi"],
    },
]

_DEALS: list[_Row] = [
    {
        "deal_id": "d2001",
        "brand": "老上海面馆",
        "program_id": "red",
        "title": "红卡9折",
        "terms": "饮料除外",
        "offer_type": "percent_off",
        "percent": 10,
        "max_discount": 5000,
        "redemption": {"channel": "qr", "appointment": False},
        "verified_at": "2026-11-20T12:00:00+08:00",
    },
    {
        "deal_id": "d2002",
        "merchant_ids": ["m1001", "m1003"],
        "program_id": "harbour",
        "title": "满100减20",
        "offer_type": "amount_off",
        "amount": 2000,
        "min_spend": 10000,
        "use_hours": "Mo-Fr 11:00-14:00; PH off",
    },
    {
        "deal_id": "d2003",
        "merchant_ids": ["m1001"],
        "source": "meituan",
        "title": "88元代100元",
        "offer_type": "voucher",
        "price": 8800,
        "face_value": 10000,
        "max_uses": 2,
    },
    {
        "deal_id": "d2004",
        "merchant_ids": ["m1003"],
        "title": "双人下午茶",
        "offer_type": "bundle",
        "price": 9800,
        "list_price": 12800,
        "party_min": 2,
        "party_max": 2,
        "stock": 120,
    },
    {
        "deal_id": "d2005",
        "merchant_ids": ["m1002"],
        "program_id": "harbour",
        "title": "返现5%",
        "offer_type": "cashback",
        "percent": 5,
        "max_discount": 2000,
        "valid_from": "2026-01-01",
    },
    {
        "deal_id": "d2006",
        "merchant_ids": ["m1003"],
        "title": "新客送饼干",
        "offer_type": "free_item",
        "face_value": 1500,
        "new_customer_only": True,
    },
]

_CATEGORIES: list[_Row] = [
    {"category_id": "food", "names": {"zh": "美食", "en": "Food"}},
    {
        "category_id": "food.noodles",
        "names": {"zh": "面馆", "en": "Noodles"},
        "aliases": {"zh": ["拉面"], "en": ["ramen"]},
    },
    {"category_id": "food.cafe", "names": {"zh": "咖啡馆", "en": "Café"}},
]

_ZONES: _Row = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {
                "zone_id": "people-square",
                "name": "人民广场",
                "kind": "business_area",
            },
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [
                        [121.466, 31.227],
                        [121.480, 31.227],
                        [121.480, 31.235],
                        [121.466, 31.235],
                        [121.466, 31.227],
                    ]
                ],
            },
        }
    ],
}

_TABLES: tuple[tuple[Table, list[_Row]], ...] = (
    (PROGRAMS, _PROGRAMS),
    (MERCHANTS, _MERCHANTS),
    (DEALS, _DEALS),
    (CATEGORIES, _CATEGORIES),
)


def template_files(form: Format) -> dict[str, str]:
    """Return the texts of the snapshot's files by name, with tables in the given format."""
    written = _csv if form == "csv" else _ndjson
    return {
        "snapshot.json": json.dumps(_ENVELOPE, indent=2) + "\n",
        **{f"{table.name}.{form}": written(table, rows) for table, rows in _TABLES},
        "zones.geojson": json.dumps(_ZONES, ensure_ascii=False) + "\n",
    }


def write_template(out: Path, form: str, *, overwrite: bool = True) -> None:
    """Write the snapshot to a folder, and create the folder if it is missing.

    CSV files begin with a byte order mark; without it Excel would not read them as UTF-8.

    Parameters
    ----------
    overwrite
        As in `folder.new_snapshot`.

    Raises
    ------
    BadRequest
        `form` is not in `FORMATS`, or the folder may not be written to.
    """
    with new_snapshot(out, overwrite=overwrite):
        wanted = next((known for known in FORMATS if known == form), None)
        if wanted is None:
            raise BadRequest(f"Expected csv or ndjson, got {form!r} - at `--format`")
        out.mkdir(parents=True, exist_ok=True)
        for name, text in template_files(wanted).items():
            encoding = "utf-8-sig" if name.endswith(".csv") else "utf-8"
            write_file(out / name, text.encode(encoding))


def _ndjson(_: Table, rows: Sequence[_Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(table: Table, rows: Sequence[_Row]) -> str:
    fields = [field for field in table.fields if any(field.name in row for row in rows)]
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(field.name for field in fields)
    for row in rows:
        out.writerow(_cell(row, field.name, field.kind) for field in fields)
    return text.getvalue()


def _cell(row: Mapping[str, Any], name: str, kind: Kind) -> str:
    """Return a value as a CSV cell: lists with `|`, objects as JSON."""
    value = row.get(name)
    if value is None:
        return ""
    if kind is Kind.TEXTS:
        return "|".join(value)
    if kind is Kind.JSON:
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
