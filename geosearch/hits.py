"""From rows of numbers to what a person on a street wants to know: typed hits.

Useful for: opening times, deals with what they save, and the reasons a hit gives.
Not useful for: choosing or ordering hits; they come ranked.
"""

from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson

from geosearch.columns import (
    DOC_END_OFFER,
    DOC_FIRST_OFFER,
    DOC_QUALITY,
    DOC_REDEEM,
    DOC_SCHEDULE,
    OFFER_DEAL,
)
from geosearch.details import (
    DEAL,
    OFFERS_OF,
    PAY,
    SAVING,
    STATE,
    TIME_ZONE,
    UNTIL,
    USABLE_UNTIL,
    X,
    Y,
)
from geosearch.model import BestDeal, Hit, OpenState, Query
from geosearch.money import money_text
from geosearch.offers import UNKNOWN_MONEY
from geosearch.ranking import BASIS_POINTS, Weights
from geosearch.segment import Segment
from indexes.datum import Datum, from_wgs84
from indexes.sphere import UNITS_PER_DEGREE
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN, UNKNOWN, Timetable

_KEPT_TIMES = 100_000
_NO_TIMES = OpenState("unknown")
_DAYS_AHEAD = 7

Rows = list[list[int]]


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
        self._times: dict[tuple[int, int], str] = {}
        self._savings: dict[int, str] = {}

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
            What `details.describe` was given and what it wrote.
        """
        hits = []
        at = 0
        converts = query.crs != "WGS84"
        for doc, distance_m, score in zip(docs, distances, scores, strict=True):
            head = detail[at]
            last = at + 1 + head[OFFERS_OF]
            deals = [self._deal(row, head[TIME_ZONE]) for row in detail[at + 1 : last]]
            at = last
            lat, lng = head[Y] / UNITS_PER_DEGREE, head[X] / UNITS_PER_DEGREE
            if converts:
                lat, lng = from_wgs84(lat, lng, cast(Datum, query.crs))
                lat, lng = round(lat, 7), round(lng, 7)
            state = self._open_state(head)
            best = deals[0] if deals else None
            hits.append(
                Hit(
                    payload=self._segment.merchant_payload(doc),
                    lat=lat,
                    lng=lng,
                    distance_m=distance_m,
                    open=state,
                    best_deal=best,
                    deals=tuple(deals[1:]),
                    score=score,
                    reasons=self._reasons(best, distance_m, state),
                    explain=self._score_parts(doc, distance_m, best, score)
                    if query.explain
                    else None,
                )
            )
        return hits

    def record(self, doc: int, detail: Rows, minute: int) -> dict[str, Any]:
        """A merchant in full: its state, the hours of the coming week, and every deal it has.

        Parameters
        ----------
        detail
            Of this document alone, for a wallet of every programme.
        minute
            Of the horizon.
        """
        segment, columns = self._segment, self._segment.columns
        head = detail[0]
        usable = {row[DEAL]: self._deal(row, head[TIME_ZONE]) for row in detail[1:]}
        deals = []
        first, end = columns.doc_record[doc, [DOC_FIRST_OFFER, DOC_END_OFFER]].tolist()
        for number in columns.offer_record[first:end, OFFER_DEAL].tolist():
            deal = usable.get(number)
            stored = orjson.loads(segment.deal_payload(number))
            deals.append(
                stored
                | {
                    "usable": deal is not None,
                    "saving": deal.saving if deal else None,
                    "pay": deal.pay if deal else None,
                    "currency": self._currency,
                    "usable_until": deal.usable_until if deal else None,
                }
            )
        state = self._open_state(head)
        position = {"lat": head[Y] / UNITS_PER_DEGREE, "lng": head[X] / UNITS_PER_DEGREE}
        return {
            "merchant": orjson.loads(segment.merchant_payload(doc)) | position,
            "open": {
                "state": state.state,
                "closes_at": state.closes_at,
                "opens_at": state.opens_at,
            },
            "hours": self._week(doc, head[TIME_ZONE], minute),
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

    def _open_state(self, head: list[int]) -> OpenState:
        state, until = head[STATE], head[UNTIL]
        if state == OPEN:
            return OpenState("open", closes_at=self._time(head[TIME_ZONE], until))
        if state == CLOSED:
            return OpenState("closed", opens_at=self._time(head[TIME_ZONE], until))
        return _NO_TIMES

    def _deal(self, row: list[int], zone: int) -> BestDeal:
        return BestDeal(
            payload=self._segment.deal_payload(row[DEAL]),
            saving=row[SAVING] if row[SAVING] != UNKNOWN_MONEY else None,
            pay=row[PAY] if row[PAY] != UNKNOWN_MONEY else None,
            currency=self._currency,
            usable_until=self._time(zone, row[USABLE_UNTIL]),
        )

    def _time(self, zone: int, minute: int) -> str | None:
        """RFC 3339 text of a minute in a zone; None at the end of the horizon: no change."""
        if minute == HORIZON_MINUTES:
            return None
        text = self._times.get((zone, minute))
        if text is None:
            if len(self._times) >= _KEPT_TIMES:
                self._times.clear()
            instant = self._start + timedelta(minutes=minute)
            text = instant.astimezone(self._zones[zone]).isoformat()
            self._times[zone, minute] = text
        return text

    def _reasons(
        self, best: BestDeal | None, distance_m: float, state: OpenState
    ) -> tuple[str, ...]:
        reasons = []
        if best is not None and best.saving is not None and best.saving > 0:
            reasons.append(self._saves(best.saving))
        minutes = distance_m / self._weights.walk_m_per_minute
        reasons.append(
            f"{max(1, round(minutes))} min walk" if minutes < 60 else _kilometres(distance_m)
        )
        if state.state == "open":
            closes = state.closes_at
            # The clock of the shop's own zone: characters 11 to 16 of RFC 3339.
            reasons.append(f"open until {closes[11:16]}" if closes else "open around the clock")
        return tuple(reasons)

    def _saves(self, saving: int) -> str:
        text = self._savings.get(saving)
        if text is None:
            if len(self._savings) >= _KEPT_TIMES:
                self._savings.clear()
            text = self._savings[saving] = f"saves {money_text(saving, self._currency)}"
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


def _kilometres(distance_m: float) -> str:
    return f"{distance_m / 1000:.1f} km away"
