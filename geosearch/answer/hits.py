"""From rows of numbers to what a person on a street wants to know: typed hits.

Useful for: opening times, deals with what they save, and the reasons a hit gives.
Not useful for: choosing or ordering hits; they come ranked.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from geosearch.answer.model import BestDeal, Hit, OpenState
from geosearch.kernel.ask import Ask
from geosearch.kernel.describe import AROUND_THE_CLOCK, DEAL, STATE, TIME_ZONE, UNTIL, X, Y
from geosearch.money.amounts import money_text
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import BASIS_POINTS, Weights
from geosearch.query.query import Query
from geosearch.segment.columns import (
    DOC_END_OFFER,
    DOC_FIRST_OFFER,
    DOC_QUALITY,
    DOC_REDEEM,
    DOC_SCHEDULE,
    OFFER_DEAL,
    OFFER_PROGRAM,
)
from geosearch.segment.segment import Segment
from indexes.cache import BoundedCache
from indexes.geo.sphere import UNITS_PER_DEGREE
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, UNKNOWN, Timetable

TEXT_BYTES = 8 << 20
"""Of texts that are kept, of each of three kinds in each segment."""

_TEXT_BYTES = 256
"""Of a text and its key, at most."""

WALKED_MINUTES = 60
"""A walk of so many minutes is told as a distance."""

_WALKS = tuple(f"{max(1, minutes)} min walk" for minutes in range(WALKED_MINUTES))
_DAYS_AHEAD = 7

Rows = list[list[int]]


class _Told(NamedTuple):
    """A state of hours as a hit tells it, and the reason it gives, if any."""

    open: OpenState
    reason: tuple[str, ...]


class HitMaker:
    """Makes hits of one segment.

    Parameters
    ----------
    segment
        Where the documents are.
    start
        Start of the horizon, midnight UTC.
    """

    def __init__(self, segment: Segment, start: datetime, weights: Weights) -> None:
        self._segment = segment
        self._start = start
        self._weights = weights
        self._currency: str = segment.manifest["currency"]
        self._zones = [ZoneInfo(name) for name in segment.catalogue.time_zones]
        self._times = BoundedCache[tuple[int, int], str](TEXT_BYTES)
        self._savings = BoundedCache[int, str](TEXT_BYTES)
        self._told = BoundedCache[tuple[int, int, int], _Told](TEXT_BYTES)
        self._walk_m_per_minute = weights.walk_m_per_minute

    def hits(
        self,
        query: Query,
        docs: list[int],
        distances: list[float],
        detail: Rows,
        scores: list[float],
    ) -> list[Hit]:
        """Hits of ranked documents.

        Parameters
        ----------
        docs, distances, detail, scores
            What `describe.describe` was given and what it wrote.
        """
        hits = []
        at = 0
        explain = query.explain
        payload, told, deal_of = self._segment.merchant_payload, self._told, self._deal
        for doc, distance_m, score in zip(docs, distances, scores, strict=True):
            state, until, count, x, y, zone = detail[at]
            first = at + 1
            at = first + count
            best = deal_of(detail[first], zone) if count else None
            others = tuple([deal_of(row, zone) for row in detail[first + 1 : at]])
            told_state = told.get((state, until, zone)) or self._tell(state, until, zone)
            hits.append(
                Hit(
                    payload=payload(doc),
                    lat=y / UNITS_PER_DEGREE,
                    lng=x / UNITS_PER_DEGREE,
                    distance_m=distance_m,
                    open=told_state.open,
                    best_deal=best,
                    deals=others,
                    score=score,
                    reasons=self._reasons(best, distance_m, told_state.reason),
                    explain=self._score_parts(doc, distance_m, best, score) if explain else None,
                )
            )
        return hits

    def record(self, doc: int, detail: Rows, own: Rows, ask: Ask) -> dict[str, Any]:
        """A merchant in full: its state, the hours of the coming week, and every deal it has.

        Parameters
        ----------
        detail
            Of this document alone, for a wallet of every card.
        own, ask
            The same for the wallet in question, and what asks for it.
        """
        segment, columns = self._segment, self._segment.columns
        head = detail[0]
        usable = {row[DEAL]: self._deal(row, head[TIME_ZONE]) for row in detail[1:]}
        deals = []
        first, end = columns.doc_record[doc, [DOC_FIRST_OFFER, DOC_END_OFFER]].tolist()
        for offer in range(first, end):
            number = int(columns.offer_record[offer, OFFER_DEAL])
            program = int(columns.offer_record[offer, OFFER_PROGRAM])
            deal = usable.get(number)
            stored = orjson.loads(segment.deal_payload(number))
            deals.append(
                stored
                | {
                    "usable": deal is not None,
                    "eligible": bool(ask.wallet.eligible[program]),
                    "saving": deal.saving if deal else None,
                    "pay": deal.pay if deal else None,
                    "currency": self._currency,
                    "usable_until": deal.usable_until if deal else None,
                }
            )
        best = self._segment.deal_id(own[1][DEAL]) if len(own) > 1 else None
        state = self._tell(head[STATE], head[UNTIL], head[TIME_ZONE]).open
        position = {"lat": head[Y] / UNITS_PER_DEGREE, "lng": head[X] / UNITS_PER_DEGREE}
        return {
            "merchant": orjson.loads(segment.merchant_payload(doc)) | position,
            "open": {
                "state": state.state,
                "closes_at": state.closes_at,
                "opens_at": state.opens_at,
            },
            "best_deal": next((one for one in deals if one["deal_id"] == best), None),
            "hours": self._week(doc, head[TIME_ZONE], ask.hours.minute),
            "deals": deals,
        }

    def _week(self, doc: int, zone: int, minute: int) -> list[dict[str, Any]]:
        """Spans that are not closed in the coming seven days, from the start of the first one."""
        columns = self._segment.columns
        timetable = Timetable(columns.schedule_start, columns.change_minute, columns.change_state)
        minutes, states = timetable.changes(int(columns.doc_record[doc, DOC_SCHEDULE]))
        ends = [*minutes[1:].tolist(), HORIZON_MINUTES]
        names = {OPEN: "open", UNKNOWN: "unknown"}
        return [
            {"state": names[state], "from": self._time(zone, begin), "to": self._time(zone, end)}
            for begin, end, state in zip(minutes.tolist(), ends, states.tolist(), strict=True)
            if state != CLOSED and end > minute and begin < minute + _DAYS_AHEAD * 24 * 60
        ]

    def _tell(self, state: int, until: int, zone: int) -> _Told:
        """State of hours in words, the same object for the same state: few are in use at a time."""
        time = self._time(zone, until)
        if state == OPEN:
            # The clock of the shop's own zone: characters 11 to 16 of RFC 3339.
            reason = f"open until {time[11:16]}" if time else "open now"
            if until == AROUND_THE_CLOCK:
                reason = "open around the clock"
            told = _Told(OpenState("open", closes_at=time), (reason,))
        elif state == CLOSED:
            told = _Told(OpenState("closed", opens_at=time), ())
        else:
            told = _Told(OpenState("unknown"), ())
        return self._told.keep((state, until, zone), told, 2 * _TEXT_BYTES)

    def _deal(self, row: list[int], zone: int) -> BestDeal:
        deal, saving, pay, until, _, _ = row
        return BestDeal(
            payload=self._segment.deal_payload(deal),
            saving=None if saving == UNKNOWN_MONEY else saving,
            pay=None if pay == UNKNOWN_MONEY else pay,
            currency=self._currency,
            usable_until=None if until == HORIZON_MINUTES else self._time(zone, until),
        )

    def _time(self, zone: int, minute: int) -> str | None:
        """RFC 3339 text of a minute in a zone; None from the end of the horizon on: no change."""
        if minute >= HORIZON_MINUTES:
            return None
        text = self._times.get((zone, minute))
        if text is None:
            instant = self._start + timedelta(minutes=minute)
            text = instant.astimezone(self._zones[zone]).isoformat()
            self._times.keep((zone, minute), text, _TEXT_BYTES)
        return text

    def _reasons(
        self, best: BestDeal | None, distance_m: float, opening: tuple[str, ...]
    ) -> tuple[str, ...]:
        minutes = int(distance_m / self._walk_m_per_minute + 0.5)
        if minutes < WALKED_MINUTES:
            walk = _WALKS[minutes]
        else:
            walk = f"{int(distance_m / 100.0 + 0.5) / 10.0} km away"
        if best is not None and best.saving is not None and best.saving > 0:
            return (self._saves(best.saving), walk, *opening)
        return (walk, *opening)

    def _saves(self, saving: int) -> str:
        text = self._savings.get(saving)
        if text is None:
            text = f"saves {money_text(saving, self._currency)}"
            self._savings.keep(saving, text, _TEXT_BYTES)
        return text

    def _score_parts(
        self, doc: int, distance_m: float, best: BestDeal | None, score: float
    ) -> dict[str, Any]:
        columns = self._segment.columns
        probability = int(columns.doc_record[doc, DOC_REDEEM]) / BASIS_POINTS
        saving = best.saving if best is not None else None
        return {
            "redeem_probability": probability,
            "expected_saving": probability * saving if saving is not None else 0.0,
            "walk_cost": self._weights.walk_cost_per_m * distance_m,
            "quality": int(columns.doc_record[doc, DOC_QUALITY]),
            "score": score,
        }
