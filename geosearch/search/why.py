"""Why a shop is, or is not, among the matches of a query: its place, or every reason and fix.

Useful for: `Searcher.why`.
Not useful for: the words of a reason (`geosearch.answer.why_not`).

It judges one document by the criteria of the query, and reads its stored texts.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import orjson
from msgspec.structs import replace

from geosearch.answer.fix import cut
from geosearch.answer.record import DEAL_WORK
from geosearch.answer.why_not import (
    Moments,
    OfferFacts,
    Reason,
    deal_of_shop_reasons,
    deal_reasons,
    hours_reasons,
    kind_reasons,
    minutes_of,
)
from geosearch.answer.why_text import reason_text
from geosearch.hours.instants import instant_text
from geosearch.kernel.criteria import Criteria, Drivers
from geosearch.kernel.filters import NO_FILTER
from geosearch.kernel.fixes import CARD
from geosearch.kernel.verdict import AREA, DEALS, MINUTE, OFFER, WORDS
from geosearch.query.query import Query
from geosearch.search.drawn_area import area_of
from geosearch.search.fix_plan import Allowed
from geosearch.search.near_misses import fix_plans
from geosearch.search.query_planner import PlannedQuery
from geosearch.search.segment_view import SegmentView, Verdict
from geosearch.segment.columns import DOC_TIME_ZONE
from geosearch.text.rewriter import Rewriter
from geosearch.text.segment_terms import QueryTerm
from indexes.allowance import take
from indexes.timetable import HORIZON_MINUTES

_NO_DOCS = np.zeros(0, np.uint32)


class Inquiry:
    """One document and a planned query.

    Parameters
    ----------
    views, number, doc
        The segments, and the document in one of them.
    planned
        The query with the words and the area of its answer.
    start
        Start of the horizon, midnight UTC.
    """

    def __init__(
        self,
        views: Sequence[SegmentView],
        number: int,
        doc: int,
        planned: PlannedQuery,
        rewriter: Rewriter,
        start: datetime,
    ) -> None:
        self._views, self._number, self._doc = views, number, doc
        self._planned, self._rewriter, self._start = planned, rewriter, start
        self._view, self._segment = views[number], views[number].segment
        self._query: Query = planned.query
        self._plan = planned.plans[number]
        docs = self._plan.bounds.docs
        listed = _NO_DOCS if docs is None else docs
        self._lists = Drivers(False, _NO_DOCS, docs is not None, listed, 0)
        self._criteria = self._plan.criteria._replace(
            wallet=planned.prepared.segments[number].wallet_plan.wallet,
            lists=self._lists,
            filter=NO_FILTER,
        )
        self._judged: Verdict = self._view.judge(self._plan, self._criteria, doc)
        self._verdict: list[int] = self._judged.verdict.tolist()
        radius_m = self._plan.place.radius_m
        self._within = self._judged.distance_m <= radius_m
        self.matches: bool = self._within and all(self._verdict[: DEALS + 1])
        """Whether a search for the query finds the shop."""

    def told(self, allowed: Allowed) -> dict[str, Any]:
        """The answer of `Searcher.why` without the members about the index."""
        rows = self._judged.offers.tolist()
        take(DEAL_WORK * len(rows))
        offers = [one for row in rows if (one := self._facts(row)) is not None]
        moments = self._moments(rows)
        reasons = [] if self.matches else list(self._reasons(offers, moments))
        return {
            "currency": self._segment.manifest["currency"],
            "matches": self.matches,
            "rank": self._rank() if self.matches else None,
            "reasons": self._in_words(reasons),
            "deals": [
                {
                    "deal_id": one.deal["deal_id"],
                    "program_id": one.deal.get("program_id"),
                    "reasons": self._in_words(
                        deal_reasons(self._query, self._verdict, one, moments)
                    ),
                }
                for one in offers
            ],
            "fixes": [] if self.matches else self._fixes(allowed),
        }

    def _in_words(self, reasons: Sequence[Reason]) -> list[Reason]:
        currency = self._segment.manifest["currency"]
        return [one | {"detail": reason_text(one, currency)} for one in reasons]

    def _rank(self) -> int:
        """Place among the matches in the order of the query, from 1."""
        return 1 + count_before(self._views, self._planned, self.key, self._number)

    @property
    def key(self) -> tuple[float, float, str]:
        """Sort keys of the shop, as if it matched, and its id."""
        judged = self._judged
        return judged.primary, judged.distance_m, self._segment.merchant_id(self._doc)

    def _facts(self, row: list[int]) -> OfferFacts | None:
        """A deal of the shop; None for one that was deleted since the build."""
        columns = self._segment.columns
        number = int(columns.offer_deal[row[OFFER]])
        if self._segment.deal_is_gone(number):
            return None
        deal = orjson.loads(self._segment.deal_payload(number))
        card = self._segment.catalogue.programs[int(columns.offer_program[row[OFFER]])]
        return OfferFacts(deal, card, row)

    def _moments(self, rows: Sequence[Sequence[int]]) -> Moments:
        """Local times of all minutes that reasons show."""
        place = int(self._segment.columns.doc_record[self._doc, DOC_TIME_ZONE])
        zone = ZoneInfo(self._segment.catalogue.time_zones[place])

        def local(minute: int) -> datetime:
            return (self._start + timedelta(minutes=minute)).astimezone(zone)

        texts = {
            minute: instant_text(local(minute)) if minute < HORIZON_MINUTES else None
            for minute in minutes_of(self._verdict, rows)
        }
        return Moments(texts, local(self._verdict[MINUTE]).date())

    def _reasons(self, offers: Sequence[OfferFacts], moments: Moments) -> Iterator[Reason]:
        query, verdict = self._query, self._verdict
        merchant = orjson.loads(self._segment.merchant_payload(self._doc))
        yield from hours_reasons(query, self._planned.hours.until_minute, verdict, moments)
        if not self._within:
            radius_m, distance_m = self._plan.place.radius_m, self._judged.distance_m
            # Rounded up, so that no distance beyond the radius looks as if it were within.
            got, by = (ceil(metres * 10.0) / 10.0 for metres in (distance_m, distance_m - radius_m))
            yield {"code": "OUTSIDE_RADIUS", "expected": radius_m, "got": got, "by": by}
        if not verdict[AREA]:
            yield from self._area_reasons(merchant)
        yield from kind_reasons(query, verdict, merchant)
        if not verdict[WORDS]:
            yield self._text_reason()
        yield from deal_of_shop_reasons(query, verdict, offers, self._segment.deal_id)

    def _area_reasons(self, merchant: dict[str, Any]) -> Iterator[Reason]:
        """Reasons of zone, business area, box, polygon and ids."""
        query, segment = self._query, self._segment
        area = merchant.get("business_area")
        outside = {"code": "OUTSIDE_AREA"}
        if query.zone is not None:
            docs = segment.zone_docs(segment.zone_numbers[query.zone])
            if not _holds(docs, self._doc):
                yield outside | {"parameter": "zone", "expected": query.zone, "got": None}
        if query.business_area and area not in query.business_area:
            expected = list(query.business_area)
            yield outside | {"parameter": "business_area", "expected": expected, "got": area}
        for name, other in (("bbox", "polygon"), ("polygon", "bbox")):
            value = getattr(query, name)
            if value is not None and not self._is_drawn_in(replace(query, **{other: None})):
                expected = list(value) if name == "bbox" else value["type"]
                yield outside | {"parameter": name, "expected": expected, "got": None}
        if query.ids is not None and merchant["merchant_id"] not in query.ids:
            got = merchant["merchant_id"]
            yield {"code": "NOT_AMONG_IDS", "expected": len(set(query.ids)), "got": got}

    def _is_drawn_in(self, query: Query) -> bool:
        """Whether the document appears in the box or polygon of a query."""
        lists = self._lists._replace(restricted=False)
        criteria: Criteria = self._criteria._replace(area=area_of(query)[0], lists=lists)
        return bool(self._view.judge(self._plan, criteria, self._doc).verdict[AREA])

    def _text_reason(self) -> Reason:
        """The words that the shop lacks, and those that it has although it should not."""
        asked = self._planned.text_query
        missing = [one.typed for one in asked.choices if not self._has(one)]
        unwanted = [one.typed for one in asked.without if self._has(one)]
        reason = {"code": "TEXT_NOT_FOUND", "expected": self._query.q, "got": None}
        return reason | {"missing": missing, "unwanted": unwanted}

    def _has(self, choice: QueryTerm) -> bool:
        asked = self._planned.text_query._replace(choices=(choice,), without=(), whole=0)
        words = self._rewriter.lists(asked)[self._number]
        spans = words.span[: words.required].tolist()
        return all(_holds(words.docs[begin:end], self._doc) for begin, end in spans)

    def _fixes(self, allowed: Allowed) -> list[dict[str, Any]]:
        """Every fix of the shop, the best first."""
        plans = fix_plans(self._views, self._rewriter, self._planned, allowed)
        planned, planner = plans[self._number], self._view.fix_planner
        planned = planned._replace(criteria=planned.criteria._replace(lists=self._lists))
        rows = self._view.fixes(planned, self._doc).tolist()
        order = planned.fixes.card_order
        rows.sort(
            key=lambda row: (-row[2], row[0], int(order[int(row[1])]) if row[0] == CARD else 0)
        )
        at = self._planned.at
        fixes = (
            (planner.fix(planned, self._query, at, int(code), change), value)
            for code, change, value in rows
        )
        return [msgspec.to_builtins(replace(fix, value=cut(value))) for fix, value in fixes]


def count_before(
    views: Sequence[SegmentView],
    planned: PlannedQuery,
    key: tuple[float, float, str],
    holder: int | None = None,
) -> int:
    """Number of matches that come before a shop in the order of a query.

    Parameters
    ----------
    key
        Sort keys and id of the shop.
    holder
        Number of the segment that has the shop; None if none of them has it.
    """
    primary, distance_m, merchant_id = key
    before = 0
    for number, (view, plan) in enumerate(zip(views, planned.plans, strict=True)):
        id_rank = view.segment.id_rank_through(merchant_id)
        # A segment without the id: the shop comes after the one that is found there.
        id_rank += number != holder
        before += view.count_before(plan, primary, distance_m, id_rank)
    return before


def _holds(docs: np.ndarray[Any, np.dtype[Any]], doc: int) -> bool:
    """Whether an ascending list has a document."""
    at = int(np.searchsorted(docs, doc))
    return at < len(docs) and int(docs[at]) == doc
