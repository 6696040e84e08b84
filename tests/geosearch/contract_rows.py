"""A slow, obvious check of snapshot rows against the contract; shares no code with the reader.

Useful for: proving that what `synth` and `import osm` write is what the contract asks for.
Not useful for: hours expressions and links between tables; the tests check these themselves.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import available_timezones

ZONES = available_timezones()
Row = Mapping[str, object]
Check = Callable[[object], bool]


def text(value: object) -> bool:
    return isinstance(value, str) and value != "" and value == value.strip()


def whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2_000_000_000


def one_of(*choices: str) -> Check:
    return lambda value: value in choices


def texts(value: object) -> bool:
    return isinstance(value, list) and all(map(text, value)) and len(set(value)) == len(value)


def between(low: float, high: float) -> Check:
    return lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    )


def day(value: object) -> bool:
    return isinstance(value, str) and date.fromisoformat(value).isoformat() == value


def instant(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def paths(value: object) -> bool:
    path = re.compile(r"[^\W_]+(?:[_-][^\W_]+)*(?:\.[^\W_]+(?:[_-][^\W_]+)*)*")
    return texts(value) and all(path.fullmatch(item) for item in value)  # type: ignore[attr-defined]


def redemption(value: object) -> bool:
    channels = {"qr", "barcode", "phone_number", "show_card", "online"}
    return (
        isinstance(value, dict)
        and value.keys() == {"channel", "appointment"}
        and value["channel"] in channels
        and isinstance(value["appointment"], bool)
    )


def periods(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    always = len(value) == 1 and value[0].keys() == {"open"}
    return all(
        (always or period.keys() == {"open", "close"})
        and all(
            0 <= point["day"] <= 6 and 0 <= point["hour"] <= 23 and 0 <= point["minute"] <= 59
            for point in period.values()
        )
        for period in value
    )


MERCHANT: dict[str, Check] = {
    "merchant_id": text,
    "name": text,
    "branch_name": text,
    "aliases": texts,
    "brand": text,
    "lat": between(-90, 90),
    "lng": between(-180, 180),
    "crs": one_of("WGS84", "GCJ02", "BD09"),
    "categories": paths,
    "address": text,
    "city": text,
    "district": text,
    "business_area": text,
    "time_zone": ZONES.__contains__,
    "country": lambda value: re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", str(value)) is not None,
    "opening_hours": text,
    "opening_periods": periods,
    "business_status": one_of("OPERATIONAL", "CLOSED_TEMPORARILY", "CLOSED_PERMANENTLY"),
    "rating": between(0, 5),
    "rating_count": whole,
    "avg_price": whole,
    "redemptions_ok": whole,
    "redemptions_failed": whole,
    "tags": texts,
    "phone": text,
    "url": text,
    "image_url": text,
    "updated_at": instant,
}

DEAL: dict[str, Check] = {
    "deal_id": text,
    "merchant_ids": texts,
    "brand": text,
    "program_id": text,
    "source": text,
    "title": text,
    "terms": text,
    "url": text,
    "offer_type": one_of("percent_off", "amount_off", "voucher", "bundle", "cashback", "free_item"),
    "percent": between(0.5, 100),
    "amount": whole,
    "price": whole,
    "list_price": whole,
    "face_value": whole,
    "min_spend": whole,
    "max_discount": whole,
    "max_uses": between(1, 100),
    "party_min": between(1, 100),
    "party_max": between(1, 100),
    "valid_from": day,
    "valid_through": day,
    "use_hours": text,
    "new_customer_only": lambda value: isinstance(value, bool),
    "stack_group": text,
    "stock": whole,
    "redemption": redemption,
    "verified_at": instant,
}

PROGRAM: dict[str, Check] = {
    "program_id": text,
    "name": text,
    "kind": one_of("membership", "bank_card", "government_voucher", "platform"),
    "status": one_of("ACTIVE", "SUSPENDED", "ENDED"),
    "fee": whole,
    "valid_from": day,
    "valid_through": day,
    "how_to_redeem": text,
    "url": text,
}

_NEEDS = {
    "percent_off": {"percent"},
    "amount_off": {"amount"},
    "voucher": {"price", "face_value"},
    "bundle": {"price", "list_price"},
    "cashback": {"percent"},
    "free_item": {"face_value"},
}


def faults(row: Row, checks: Mapping[str, Check], required: set[str]) -> list[str]:
    """Return what is wrong with a row: unknown, missing and bad fields."""
    found = [f"missing {name}" for name in sorted(required - row.keys())]
    for name, value in row.items():
        if name not in checks:
            found.append(f"unknown {name}")
        elif not checks[name](value):
            found.append(f"bad {name}: {value!r}")
    return found


def merchant_faults(row: Row) -> list[str]:
    """Return what is wrong with a row of `merchants`."""
    found = faults(row, MERCHANT, {"merchant_id", "name", "lat", "lng"})
    if {"opening_hours", "opening_periods"} <= row.keys():
        found.append("two kinds of hours")
    return found


def deal_faults(row: Row) -> list[str]:
    """Return what is wrong with a row of `deals`, savings that are none included."""
    needs = _NEEDS.get(str(row.get("offer_type")), set())
    found = faults(row, DEAL, {"deal_id", "offer_type", "title"} | needs)
    if ("merchant_ids" in row) == ("brand" in row):
        found.append("neither or both of merchant_ids and brand")
    for low, high in (
        ("valid_from", "valid_through"),
        ("party_min", "party_max"),
        ("price", "list_price"),
        ("price", "face_value"),
    ):
        values = [row[name] for name in (low, high) if name in row]
        if any(a > b for a, b in pairwise(values)):  # type: ignore[operator]
            found.append(f"{low} after {high}")
    return found
