"""The slow, obvious twin of near misses and of `why`: loops over shops and over changed requests.

It asks `tests.oracle` whether a shop matches a request with one thing changed, for every change
there is, and imports neither `indexes` nor `geosearch`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.oracle import Found, Oracle, Question, Shop
from tests.oracles import CLOSED, HORIZON_MINUTES, OPEN, Row, expected_spend, haversine_m, to_wgs84

CODES = ("wait", "move", "party", "spend", "card")
WAIT_COST = 50
CLOSE = 1e-6
"""Values that differ by less are the same."""


@dataclass(frozen=True)
class Change:
    """A change of a request with which a shop matches."""

    code: str
    change: float | str
    """Minutes, metres, people, the bill, or the card."""
    size: tuple[Any, ...]
    """Of changes with one code and value the first one counts."""
    value: float
    found: Found
    request: Row

    @property
    def order(self) -> tuple[Any, ...]:
        return CODES.index(self.code), self.size


class NearOracle:
    """Judges shops of a snapshot for changed requests.

    Parameters
    ----------
    oracle
        The oracle of the snapshot.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    def judge(self, request: Row, shop: Shop) -> Found | None:
        """The shop as a request finds it, or None."""
        return Question(request, self.oracle).judge(shop)

    def changes(self, request: Row, shop: Shop) -> list[Change]:
        """Every change with which the shop matches, the best first; none if it matches."""
        if self.judge(request, shop) is not None:
            return []
        found = [
            *self._waits(request, shop),
            *self._moves(request, shop),
            *self._parties(request, shop),
            *self._spends(request, shop),
            *self._cards(request, shop),
        ]
        return sorted(found, key=lambda one: (round(-one.value / CLOSE), one.order))

    def near_misses(self, request: Row, shops: list[Shop]) -> list[tuple[Shop, Change]]:
        """The shops that nearly match with their best change, in order."""
        found = [(shop, changes[0]) for shop in shops if (changes := self.changes(request, shop))]
        found.sort(key=lambda one: (-one[1].value, one[1].found.distance_m, one[0].merchant_id))
        return found

    def _change(
        self, shop: Shop, code: str, change: float | str, cost: float, request: Row, *size: Any
    ) -> Iterator[Change]:
        """The change, if the shop matches the changed request."""
        found = self.judge(request, shop)
        if found is not None:
            yield Change(code, change, size, found.score - cost, found, request)

    def _waits(self, request: Row, shop: Shop) -> Iterator[Change]:
        at = datetime.fromisoformat(request["at"])
        for minutes in range(1, request.get("near_minutes", 30) + 1):
            later = {**request, "at": (at + timedelta(minutes=minutes)).isoformat()}
            if self.oracle.minute_of(later) >= HORIZON_MINUTES:
                return
            done = list(self._change(shop, "wait", minutes, minutes * WAIT_COST, later))
            if done:
                yield from done
                return

    def _moves(self, request: Row, shop: Shop) -> Iterator[Change]:
        radius = Question(request, self.oracle).radius_m
        if radius is None:
            return
        lat, lng = to_wgs84(request["lat"], request["lng"], request.get("crs", "WGS84"))
        distance_m = haversine_m(lat, lng, shop.lat, shop.lng)
        farthest = min(max(1.5 * radius, radius + 500), 50_000)
        if radius < distance_m <= farthest:
            yield from self._change(shop, "move", distance_m, 0, {**request, "radius": farthest})

    def _parties(self, request: Row, shop: Shop) -> Iterator[Change]:
        party = request.get("party_size", 1)
        for step in range(1, 5):
            two: list[Change] = []
            for other in (party - step, party + step):
                if 1 <= other <= 1000:
                    changed = {**request, "party_size": other}
                    two += self._change(shop, "party", other, 0, changed, other)
            if two:
                yield min(two, key=lambda one: (round(-one.value / CLOSE), one.size))
                return

    def _spends(self, request: Row, shop: Shop) -> Iterator[Change]:
        bill = expected_spend(request, shop.row)
        if bill is None:
            return
        for spend in range(bill + 1, min(2 * bill, 2_000_000_000) + 1):
            changed = {**request, "spend": spend}
            done = list(self._change(shop, "spend", spend, spend - bill, changed))
            if done:
                yield from done
                return

    def _cards(self, request: Row, shop: Shop) -> Iterator[Change]:
        held = list(request.get("cards") or ())
        mode = Question(request, self.oracle).deals
        for card, program in self.oracle.programs.items():
            if card in held or program["status"] != "ACTIVE" or len(held) >= 1000:
                continue
            changed = {**request, "cards": [*held, card], "deals": mode}
            fee = program.get("fee") or 0
            yield from self._change(shop, "card", card, fee / 12, changed, fee, card)

    # --- why ------------------------------------------------------------------------------------

    def shop_codes(self, request: Row, shop: Shop) -> set[str]:
        """Codes of all conditions that the shop fails."""
        return set(self._shop_codes(Question(request, self.oracle), shop))

    def _shop_codes(self, asked: Question, shop: Shop) -> Iterator[str]:
        request = asked.request
        if not asked.wants_hours(shop):
            state = shop.states[asked.minute]
            include = request.get("hours_unknown") == "include"
            if state == CLOSED:
                yield "CLOSED"
            elif state == OPEN or include:
                yield "CLOSES_TOO_SOON"
            else:
                yield "HOURS_UNKNOWN"
        distance_m = haversine_m(asked.lat, asked.lng, shop.lat, shop.lng)
        if asked.radius_m is not None and distance_m > asked.radius_m:
            yield "OUTSIDE_RADIUS"
        anywhere = Question({**request, "radius": 50_000.0}, self.oracle)
        if not anywhere.place(shop, 0.0)[0]:
            yield "OUTSIDE_AREA"
        if asked.ids is not None and shop.merchant_id not in asked.ids:
            yield "NOT_AMONG_IDS"
        wanted, lowest = request.get("categories"), request.get("min_rating")
        if wanted and shop.category_prefixes.isdisjoint(wanted):
            yield "WRONG_CATEGORY"
        if lowest is not None and (shop.rating is None or shop.rating < lowest):
            yield "RATING_TOO_LOW"
        yield from self._deal_condition(asked, shop)

    def _deal_condition(self, asked: Question, shop: Shop) -> Iterator[str]:
        usable = asked.usable(shop)
        own = [one for one in usable if one.deal.get("program_id") in {None, *asked.wallet}]
        own = [one for one in own if asked.is_for_them(one)]
        saved: list[Any] = asked.combinations(shop, own) if asked.stacking else own
        if asked.deals == "optional":
            if not asked.fits_budget(shop, saved):
                yield "OVER_BUDGET"
            return
        rivals = [one for one in saved if not one.has_card and asked.by_card]
        mine = [one for one in saved if one not in rivals]
        counted = [one for one in mine if asked.fits(one.pay)]
        if not mine:
            yield "NO_DEAL"
        elif not counted:
            yield "OVER_BUDGET"
        elif asked.deals == "card_best":
            best = min(counted, key=lambda one: one.rank)
            public = [one for one in rivals if asked.fits(one.pay)]
            if not asked.wants_offers(best, min(public, key=lambda one: one.rank, default=None)):
                yield "NO_DEAL"

    def counting(self, request: Row, shop: Shop) -> set[str]:
        """Ids of the deals that count for a request, alone or together with others."""
        asked = Question(request, self.oracle)
        own = [
            one
            for one in asked.usable(shop)
            if asked.is_for_them(one) and one.deal.get("program_id") in {None, *asked.wallet}
        ]
        saved: list[Any] = asked.combinations(shop, own) if asked.stacking else own
        return {
            deal["deal_id"]
            for one in saved
            if asked.fits(one.pay) and (one.has_card or not asked.by_card)
            for deal in one.deals
        }


def shops_of(oracle: Oracle, island: int) -> list[Shop]:
    """The shops of an island of `tests.near_worlds`."""
    start = f"i{island}-"
    return [shop for one, shop in oracle.shops.items() if one.startswith(start)]


def place_in(order: list[str], merchant_id: str) -> int:
    """Place of a merchant in a list, from 1."""
    return next(place for place, one in zip(count(1), order, strict=False) if one == merchant_id)
