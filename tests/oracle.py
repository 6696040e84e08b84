"""The slow, obvious twin of the engine: what a request must find, by the contract alone.

It looks at every merchant of a snapshot, one by one, with the functions of `tests.oracles`, and
like them imports neither `indexes` nor `geosearch`. A request is a dict of HTTP parameters (`at` as
RFC 3339 text, lists as lists). Areas are shapely's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from tests.oracle_areas import (
    BORDER_DEGREES,
    border_distance,
    box_holds,
    calendar_of,
    covers,
    points,
    shift_slack,
)
from tests.oracles import (
    CLOSED,
    HORIZON_MINUTES,
    OPEN,
    UNKNOWN,
    WALK_COST_PER_M,
    Row,
    closed_in,
    conditions_met,
    counted_saving,
    expected_spend,
    from_wgs84,
    haversine_m,
    horizon_start,
    hours_states,
    periods_states,
    quality_minor,
    redeem_share,
    run_end,
    saving_and_pay,
    stored,
    to_wgs84,
    usable_minutes,
)
from tests.stacking_oracle import Combined, all_combined, alone, best_of, counted_together


class Shop:
    """A merchant row with its position, its minutes and the deals valid there."""

    def __init__(self, row: Row, envelope: Row, start: datetime) -> None:
        self.row, self.start = row, start
        self.merchant_id: str = row["merchant_id"]
        crs = row.get("crs") or envelope.get("crs") or "WGS84"
        lat, lng = to_wgs84(row["lat"], row["lng"], crs)
        self.lat, self.lng = stored(lat), stored(lng)
        # 180 degrees east and west are one meridian: a shop there has two names for its place.
        self.lngs = (180.0, -180.0) if abs(self.lng) == 180 else (self.lng,)
        self._shown: dict[str, tuple[float, float]] = {}
        self.zone: str = row.get("time_zone") or envelope["time_zone"]
        self.country = calendar_of(envelope["country"], self.lat, self.lng)
        rating = row.get("rating")
        self.rating = None if rating is None else round(float(rating), 3)
        paths = row.get("categories") or ()
        self.category_prefixes = frozenset(prefix for path in paths for prefix in _prefixes(path))
        self.redeem_share, self.quality_minor = redeem_share(row), quality_minor(row)
        self.deals: list[tuple[Row, NDArray[np.bool_]]] = []

    def shown(self, crs: str) -> tuple[float, float]:
        """Latitude and longitude as an answer in a datum shows them, to 1e-7 degree."""
        if crs not in self._shown:
            lat, lng = from_wgs84(self.lat, self.lng, crs)
            self._shown[crs] = stored(lat), stored(lng)
        return self._shown[crs]

    @cached_property
    def states(self) -> NDArray[np.uint8]:
        """One state per minute of the horizon."""
        return closed_in(self._hours, self.row.get("closures") or (), self.start)

    @property
    def _hours(self) -> NDArray[np.uint8]:
        if self.row.get("business_status") == "CLOSED_TEMPORARILY":
            return np.full(HORIZON_MINUTES, CLOSED, np.uint8)
        if self.row.get("opening_periods"):
            return periods_states(self.row["opening_periods"], self.zone, self.start)
        hours, known = self.row.get("opening_hours"), None
        if hours:
            coords = (self.lat, self.lng) if re.search("sun[rs]|dawn|dusk", hours) else None
            known = hours_states(hours, self.zone, self.country, self.start, coords)
        return np.full(HORIZON_MINUTES, UNKNOWN, np.uint8) if known is None else known

    def closes_at(self, minute: int) -> int | None:
        """When an open shop stops being open; None if not open, or not within the horizon."""
        return run_end(self.states == OPEN, minute) if self.states[minute] == OPEN else None

    def opens_at(self, minute: int) -> int | None:
        """When a closed shop opens next; None if not closed, or not within the horizon."""
        return run_end(self.states != OPEN, minute) if self.states[minute] == CLOSED else None

    def net_benefit(self, counted: float, distance_m: float) -> float:
        """Score of `sort=best`: what is likely saved, less the walk, plus the quality."""
        return self.redeem_share * counted - WALK_COST_PER_M * distance_m + self.quality_minor

    def stays_open(self, first: int, end: int, *, or_unknown: bool) -> bool:
        """Whether it is open (or unknown) in each minute of [first, end) within the horizon."""
        states = self.states[first:end]
        return bool(((states == OPEN) | (or_unknown & (states == UNKNOWN))).all())

    def usable_until(self, deal_id: str, minute: int) -> int | None:
        """When a deal usable now stops being so; None if not within the horizon."""
        return next(
            run_end(mask, minute) for deal, mask in self.deals if deal["deal_id"] == deal_id
        )


@dataclass(frozen=True)
class Offer:
    """A usable, eligible deal at one merchant for one request."""

    deal: Row
    saving: int | None
    pay: int | None

    @property
    def rank(self) -> tuple[bool, int, bool, int, str]:
        """Ascending, best first: known saving, largest saving, lower pay, deal_id."""
        saving, pay = self.saving, self.pay
        return saving is None, -(saving or 0), pay is None, pay or 0, self.deal["deal_id"]

    @property
    def deals(self) -> tuple[Row]:
        """The deal, like the deals of a combination."""
        return (self.deal,)

    @property
    def has_card(self) -> bool:
        """Whether it needs a card."""
        return self.deal.get("program_id") is not None


Saved = Offer | Combined
"""One deal, or a combination of some."""


@dataclass(frozen=True)
class Found:
    """A merchant that a request finds.

    `offers` are all that are told of, in that order. `saving` is that of `best`, or of `combined`
    where deals combine: the best combination, and that of public deals where only the wallet's
    count and they save more. `counted` is what of it the net benefit counts. `offset` is how far
    north and how far east or west it lies, in degrees: where two agree, so do their distances to
    the last bit.
    `on_edge`: float noise may put it in or out.
    """

    shop: Shop
    offset: tuple[float, float]
    distance_m: float
    offers: tuple[Offer, ...]
    best: Offer | None
    better_public: Offer | None
    saving: int | None
    combined: tuple[Combined | None, Combined | None] | None
    used_programs: frozenset[str]
    used_types: frozenset[str]
    counted: float
    score: float
    keys: tuple[float, ...]
    on_edge: bool


class Question:
    """A request with its defaults filled in and its area understood."""

    def __init__(self, request: Row, oracle: Oracle) -> None:
        self.request = request
        self.minute = oracle.minute_of(request)
        # The minute in which `min_minutes_left` after `at` ends belongs to them.
        stay = timedelta(minutes=request.get("min_minutes_left", 0))
        at = datetime.fromisoformat(request["at"])
        ends = -((oracle.start - at - stay) // timedelta(minutes=1))
        self.open_end = max(self.minute + 1, ends)
        self.crs: str = request.get("crs", "WGS84")
        self.lat, self.lng = to_wgs84(request["lat"], request["lng"], self.crs)
        self.wallet = frozenset(request.get("cards") or ())
        self.deals: str = request.get("deals") or ("card" if self.wallet else "optional")
        self.by_card = self.deals in ("card", "card_best")
        self.types = frozenset(request.get("offer_type") or ())
        if self.types and self.deals == "optional":
            self.deals = "any"
        self.party_size: int = request.get("party_size", 1)
        self.max_pay: int | None = request.get("max_pay")
        self.stacking: bool = request.get("stacking") == "on"
        self.box = request.get("bbox")
        self.polygon = None if request.get("polygon") is None else shape(request["polygon"])
        self.zone = None if request.get("zone") is None else oracle.zones[request["zone"]]
        self.radius_m = request.get("radius")
        ids = request.get("ids")
        self.ids = None if ids is None else frozenset(ids)
        bounds = (self.box, self.polygon, self.zone, self.ids)
        if self.radius_m is None and all(one is None for one in bounds):
            self.radius_m = 3000.0
        self.edge_m = oracle.edge_m

    def place(self, shop: Shop, distance_m: float) -> tuple[bool, bool]:
        """Whether the shop may lie in the asked area, and whether float noise decides that."""
        on_edge = False
        if self.radius_m is not None:
            on_edge = abs(distance_m - self.radius_m) <= self.edge_m
            if distance_m > self.radius_m and not on_edge:
                return False, False
        if self.zone is not None:
            crs, zone, repaired = self.zone
            # A repair rounds the points where sides cross, and so the sides.
            slack = max(shift_slack(shop, crs), BORDER_DEGREES if repaired else 0.0)
            unsure = slack > 0 and border_distance(zone, shop, crs) <= slack
            if not unsure and not any(map(zone.covers, points(shop, crs))):  # the border is inside
                return False, False
            on_edge |= unsure
        if self.box is not None:
            lat, lng = shop.shown(self.crs)
            slack = shift_slack(shop, self.crs)
            if not box_holds(self.box, lng, lat, slack):
                # By the other name of its meridian a shop may be on the border of a box.
                if not any(box_holds(self.box, name, lat, slack) for name in shop.lngs):
                    return False, False
                on_edge = True
            on_edge |= not box_holds(self.box, lng, lat, -slack)
        if self.polygon is not None:
            inside, unsure = covers(self.polygon, shop, self.crs)
            if not inside:
                return False, False
            on_edge |= unsure
        return True, on_edge

    def wants_hours(self, shop: Shop) -> bool:
        """Whether the shop's hours are as asked."""
        if self.request.get("open", "any") == "any" and not self.request.get("min_minutes_left"):
            return True
        or_unknown = self.request.get("hours_unknown", "exclude") == "include"
        return shop.stays_open(self.minute, self.open_end, or_unknown=or_unknown)

    def wants_kind(self, shop: Shop) -> bool:
        """Whether id, category, business area and rating are as asked."""
        if self.ids is not None and shop.merchant_id not in self.ids:
            return False
        wanted, lowest = self.request.get("categories"), self.request.get("min_rating")
        if wanted and shop.category_prefixes.isdisjoint(wanted):
            return False
        areas = self.request.get("business_area")
        if areas and shop.row.get("business_area") not in areas:
            return False
        return lowest is None or (shop.rating is not None and shop.rating >= lowest)

    def counts(self, offer: Offer) -> bool:
        """Whether a usable deal counts for the customer and the budget, or is only told of."""
        return self.fits(offer.pay) and self.is_for_them(offer)

    def fits(self, pay: int | None) -> bool:
        """Whether a pay is surely within the budget."""
        return self.max_pay is None or (pay is not None and pay <= self.max_pay)

    def is_for_them(self, offer: Offer) -> bool:
        """Whether a deal is for such a customer."""
        return bool(self.request.get("new_customer") or not offer.deal.get("new_customer_only"))

    def fits_budget(self, shop: Shop, eligible: Iterable[Saved]) -> bool:
        """Whether what is paid at the shop is known and not too much."""
        known = [one.pay for one in eligible if one.pay is not None]
        return self.fits(min(known) if known else expected_spend(self.request, shop.row))

    def combinations(self, shop: Shop, eligible: Iterable[Offer]) -> list[Combined]:
        """Everything that can be used together at the shop, single deals first."""
        theirs = [one for one in eligible if self.is_for_them(one)]
        singles = [alone(one.deal, one.saving, one.pay) for one in theirs]
        spend = expected_spend(self.request, shop.row)
        return [*singles, *all_combined([one.deal for one in theirs], spend, self.party_size)]

    def wants_offers(self, best: Saved | None, public: Saved | None) -> bool:
        """Whether the best deal that counts, and the best public one beside it, are as asked."""
        if self.deals == "card_best" and best is not None and public is not None:
            return _saves_more(best, public)
        return self.deals == "optional" or best is not None

    def usable(self, shop: Shop) -> list[Offer]:
        """The deals usable at the shop, whatever the wallet."""
        spend = expected_spend(self.request, shop.row)
        return [
            Offer(deal, *saving_and_pay(deal, spend))
            for deal, mask in shop.deals
            if mask[self.minute] and conditions_met(deal, spend, self.party_size)
            if not self.types or deal["offer_type"] in self.types
        ]

    def keys(
        self, shop: Shop, distance_m: float, saving: int | None, score: float
    ) -> tuple[float, ...]:
        """What the answer is sorted by, ascending; merchant_id breaks ties."""
        match self.request.get("sort", "best"):
            case "distance":
                return (distance_m,)
            case "saving":
                return (saving is None, -(saving or 0), distance_m)
            case "rating":
                return (shop.rating is None, -(shop.rating or 0.0), distance_m)
            case _:
                return (-score, distance_m)

    def judge(self, shop: Shop) -> Found | None:
        """The shop as the request finds it, or None."""
        distance_m = haversine_m(self.lat, self.lng, shop.lat, shop.lng)
        inside, on_edge = self.place(shop, distance_m)
        if not inside or not self.wants_kind(shop) or not self.wants_hours(shop):
            return None
        usable = self.usable(shop)
        eligible = [one for one in usable if one.deal.get("program_id") in {None, *self.wallet}]
        counting = [one for one in usable if self.counts(one)]
        ranked = sorted(eligible, key=lambda offer: offer.rank)
        first, second, last = [], [], []
        for one in ranked:
            if not self.counts(one):
                last.append(one)
            elif self.by_card and one.deal.get("program_id") is None:
                second.append(one)
            else:
                first.append(one)
        best, public = (some[0] if some else None for some in (first, second))
        chosen: Saved | None = best
        rival: Saved | None = public
        combined = None
        paid: Iterable[Saved] = [one for one in eligible if self.is_for_them(one)]
        if self.stacking:
            paid = everything = self.combinations(shop, eligible)
            within = [one for one in everything if self.fits(one.pay)]
            chosen = best_of(one for one in within if one.has_card or not self.by_card)
            rival = best_of(one for one in within if self.by_card and not one.has_card)
            combined = chosen, (rival if rival and _saves_more(rival, chosen) else None)
        if not self.wants_offers(chosen, rival) or not self.fits_budget(shop, paid):
            return None
        saving = None if chosen is None else chosen.saving
        counted = 0.0
        if self.stacking and isinstance(chosen, Combined):
            counted = counted_together(self.request, chosen)
        elif best is not None:
            counted = counted_saving(self.request, best.deal, best.saving, best.pay)
        if shop.states[self.minute] == CLOSED:
            counted = 0.0
        score = shop.net_benefit(counted, distance_m)
        return Found(
            shop=shop,
            offset=(shop.lat - self.lat, abs(shop.lng - self.lng)),
            distance_m=distance_m,
            offers=(*first, *second, *last),
            best=best,
            better_public=public if public is not None and _saves_more(public, chosen) else None,
            saving=saving,
            combined=combined,
            used_programs=frozenset(
                one.deal["program_id"] for one in counting if one.deal.get("program_id") is not None
            ),
            used_types=frozenset(one.deal["offer_type"] for one in first),
            counted=counted,
            score=score,
            keys=self.keys(shop, distance_m, saving, score),
            on_edge=on_edge,
        )


class Oracle:
    """Answers requests about a snapshot's rows by looking at every one of them.

    Parameters
    ----------
    envelope, merchants, deals, programs, zones
        The snapshot as written; `zones` is the GeoJSON FeatureCollection or None.
    now
        The build's `now`, which places the horizon.
    edge_m
        A distance this close to the radius may fall either way (float noise).
    """

    def __init__(
        self,
        envelope: Row,
        merchants: Iterable[Row],
        deals: Iterable[Row],
        programs: Iterable[Row],
        *,
        zones: Row | None,
        now: datetime,
        edge_m: float = 1e-6,
    ) -> None:
        self.edge_m = edge_m
        self.start = horizon_start(now)
        self.programs = {row["program_id"]: row for row in programs}
        self.shops = {
            row["merchant_id"]: Shop(row, envelope, self.start)
            for row in merchants
            if row.get("business_status") != "CLOSED_PERMANENTLY"
        }
        self.zones: dict[str, tuple[str, BaseGeometry, bool]] = {
            feature["properties"]["zone_id"]: (
                feature["properties"].get("crs") or envelope.get("crs") or "WGS84",
                shapely.make_valid(shape(feature["geometry"])),
                not shape(feature["geometry"]).is_valid,
            )
            for feature in (zones["features"] if zones else ())
        }
        by_brand: dict[str, list[Shop]] = {}
        for shop in self.shops.values():
            by_brand.setdefault(shop.row.get("brand") or "", []).append(shop)
        for deal in deals:
            if deal.get("merchant_ids") is None:
                shops = by_brand.get(deal["brand"], [])
            else:
                ids = dict.fromkeys(deal["merchant_ids"])
                shops = [self.shops[one] for one in ids if one in self.shops]
            self._attach(deal, shops)

    def _attach(self, deal: Row, shops: Iterable[Shop]) -> None:
        """Keep the deal at its shops with the minutes at which it can be used there."""
        windows = [(deal.get("valid_from"), deal.get("valid_through"))]
        if deal.get("program_id") is not None:
            program = self.programs[deal["program_id"]]
            if program["status"] != "ACTIVE":
                return
            windows.append((program.get("valid_from"), program.get("valid_through")))
        if deal.get("stock") == 0:
            return
        for shop in shops:
            mask = usable_minutes(
                deal.get("use_hours"), tuple(windows), shop.zone, shop.country, self.start
            )
            shop.deals.append((deal, mask))

    def minute_of(self, request: Row) -> int:
        """The horizon minute of the request's `at`."""
        return (datetime.fromisoformat(request["at"]) - self.start) // timedelta(minutes=1)

    def instant(self, minute: int | None) -> datetime | None:
        """The UTC instant at which a horizon minute begins; None for None."""
        return None if minute is None else self.start + timedelta(minutes=minute)

    def expect(self, request: Row) -> list[Found]:
        """Everything the request must find, in order; `limit` and `cursor` play no part."""
        question = Question(request, self)
        judged = [question.judge(shop) for shop in self.shops.values()]
        found = [one for one in judged if one is not None]
        return sorted(found, key=lambda one: (one.keys, one.shop.merchant_id))


def facets(found: Iterable[Found], names: Iterable[str]) -> dict[str, dict[str, int]]:
    """How many of the merchants found have each value, a merchant once per value."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for one in found:
        area = one.shop.row.get("business_area")
        values: dict[str, Iterable[str]] = {
            "category": one.shop.category_prefixes,
            "program": one.used_programs,
            "offer_type": one.used_types,
            "business_area": [area] if area else [],
        }
        for name, count in counts.items():
            count.update(values[name])
    return {name: dict(count) for name, count in counts.items()}


def _saves_more(one: Saved, other: Saved | None) -> bool:
    """Whether a deal saves more than another: a known saving beats an unknown one, and none."""
    if one.saving is None:
        return False
    return other is None or other.saving is None or one.saving > other.saving


def _prefixes(path: str) -> Iterable[str]:
    """Every prefix of a dotted path: `food.cafe` gives `food` and `food.cafe`."""
    parts = path.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))
