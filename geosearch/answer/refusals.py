"""Reasons why a deal is not usable, in words, for `geosearch inspect --merchant`.

`predicates` and `offers` decide whether a deal is usable.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from geosearch.money.amounts import money_text

Json = Mapping[str, Any]

_INACTIVE = {"SUSPENDED": "is suspended", "ENDED": "has ended"}


def refusals(record: Json, deal: Json, programs: Mapping[str, Json]) -> list[str]:
    """Conditions that a deal fails; empty for a usable deal.

    Parameters
    ----------
    record
        Result of `Searcher.merchant`.
    deal
        One of its deals.
    programs
        Cards by id.

    Returns
    -------
    list of str
        Never empty for a deal that is not usable. Names its `use_hours` only if no other condition
        fails.
    """
    if deal["usable"]:
        return []
    program = programs.get(deal.get("program_id") or "", {})
    merchant = record["merchant"]
    day = datetime.fromisoformat(record["at"]).astimezone(ZoneInfo(merchant["time_zone"])).date()
    found = [
        *_of_program(program),
        *_of_days(deal, day.isoformat(), ""),
        *_of_days(program, day.isoformat(), "card "),
        *_of_stock_and_party(deal),
        *_of_bill(deal, merchant.get("avg_price")),
    ]
    return found or [_of_hours(deal)]


def _of_program(program: Json) -> Iterator[str]:
    if not program:
        return
    status = program.get("status")
    if status is None:
        yield "a value of its card could not be read"
    elif status in _INACTIVE:
        yield f"card {program['program_id']} {_INACTIVE[status]}"


def _of_days(holder: Json, day: str, whose: str) -> Iterator[str]:
    first, last = holder.get("valid_from"), holder.get("valid_through")
    if first is not None and day < first:
        yield f"{whose}valid from {first}"
    if last is not None and day > last:
        yield f"{whose}expired on {last}"


def _of_stock_and_party(deal: Json) -> Iterator[str]:
    if deal.get("stock") == 0:
        yield "sold out"
    least = deal.get("party_min")
    if least is not None and least > 1:  # the record is that of one person
        yield f"for {least} persons or more"


def _of_bill(deal: Json, bill: int | None) -> Iterator[str]:
    """Conditions that the usual bill of one person is too small for."""
    if bill is None or deal["offer_type"] in ("bundle", "free_item"):
        return
    currency = deal["currency"]
    usual = f"the usual one is {money_text(bill, currency)}"
    least = deal.get("min_spend")
    if least is not None and bill < least:
        yield f"needs a bill of {money_text(least, currency)}, {usual}"
    face = deal.get("face_value")
    if deal["offer_type"] == "voucher" and face is not None and bill < face:
        yield f"needs a bill of {money_text(face, currency)}, its face value, {usual}"


def _of_hours(deal: Json) -> str:
    hours = deal.get("use_hours")
    if hours is None:
        return "a value of it could not be read: see rejected.ndjson"
    from geosearch.hours.schedules import UnreadableHours, read_hours

    try:
        read_hours(hours)
    except UnreadableHours:
        return f"its hours cannot be read: {hours}"
    return f"usable {hours}"
