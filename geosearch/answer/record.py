"""Full record of one merchant: state, hours of the coming week, and all its deals."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import orjson

from geosearch.answer.model import Hit
from geosearch.hours.instants import instant_text
from geosearch.kernel.criteria import Criteria
from geosearch.segment.columns import (
    DOC_TIME_ZONE,
)
from geosearch.segment.segment import Segment
from indexes.allowance import take
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, UNKNOWN, Timetable

DEAL_WORK = 100
"""Steps of work that telling a deal takes, some 10 us."""

_DAYS_AHEAD = 7
_STATES = {OPEN: "open", UNKNOWN: "unknown"}


def merchant_record(
    segment: Segment, start: datetime, doc: int, every: Hit, own: Hit, criteria: Criteria
) -> dict[str, Any]:
    """Answer of `Searcher.merchant`, without the members about the index.

    Parameters
    ----------
    start
        Start of the horizon, midnight UTC.
    doc
        Doc id of the merchant.
    every
        Its hit for a wallet of all cards.
    own, criteria
        Its hit for the wallet of the query, and the criteria of the query.
    """
    usable = {deal.deal_id: deal for deal in (every.best_deal, *every.deals) if deal is not None}
    best = None if own.best_deal is None else own.best_deal.deal_id
    better = None if own.better_public is None else own.better_public.deal_id
    columns = segment.columns
    offers = [
        offer
        for offer in range(*columns.offer_start[doc : doc + 2].tolist())
        if not segment.deal_is_gone(int(columns.offer_deal[offer]))
    ]
    take(DEAL_WORK * len(offers))
    deals = []
    for offer in offers:
        stored = orjson.loads(segment.deal_payload(int(columns.offer_deal[offer])))
        deal = usable.get(stored["deal_id"])
        deals.append(
            stored
            | {
                "usable": deal is not None,
                "eligible": bool(criteria.wallet.eligible[columns.offer_program[offer]]),
                "saving": deal.saving if deal else None,
                "pay": deal.pay if deal else None,
                "currency": segment.manifest["currency"],
                "usable_until": deal.usable_until if deal else None,
            }
        )
    told = {one["deal_id"]: one for one in deals}
    return {
        "merchant": every.merchant,
        "open": msgspec.to_builtins(every.open),
        "best_deal": None if best is None else told[best],
        **({} if better is None else {"better_public": told[better]}),
        **own.combinations(),
        "hours": _week(segment, start, doc, criteria.hours.minute),
        "deals": deals,
    }


def _week(segment: Segment, start: datetime, doc: int, minute: int) -> list[dict[str, Any]]:
    """Open and unknown spans that touch the coming seven days, each at its full length."""
    columns = segment.columns
    zone = ZoneInfo(segment.catalogue.time_zones[columns.doc_record[doc, DOC_TIME_ZONE]])

    def time(minute: int) -> str | None:
        # The end is unknown: schedules end at the horizon.
        if minute == HORIZON_MINUTES:
            return None
        return instant_text((start + timedelta(minutes=minute)).astimezone(zone))

    timetable = Timetable(columns.schedule_start, columns.change_minute, columns.change_state)
    minutes, states = timetable.changes(int(columns.doc_schedule[doc]))
    begins, ends = minutes.tolist(), [*minutes[1:].tolist(), HORIZON_MINUTES]
    return [
        {"state": _STATES[state], "from": time(begin), "to": time(end)}
        for begin, end, state in zip(begins, ends, states.tolist(), strict=True)
        if state != CLOSED and end > minute and begin < minute + _DAYS_AHEAD * 24 * 60
    ]
