"""Brute-force search: numpy over all rows, no index.

Every figure has its time beside it, and its answers check the engine's. It refuses queries with
zones, boxes, pages or minutes left.

One pass reads the latitudes of all rows. Everything else reads only the remaining rows: cheap tests
first, then distances, then deals; it sorts only the results. Two alternatives were slower before
the cheap tests came first. The card's bit of all rows first took 1.1 to 4.2 times as long.
Whole-column masks of both coordinates took 0.8 to 1.6 times as long in a city of 1,000,000, and 1.1
to 1.8 times in one of 10,000,000.
"""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.brute_stacks import Deal, Together, best_combinations
from benchmarks.flat import flatten
from geosearch.answer.model import Ranked
from geosearch.money.offers import (
    AMOUNT_OFF,
    BUNDLE,
    CASHBACK,
    FREE_ITEM,
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    PARTY_MAX,
    PARTY_MIN,
    PPM,
    PRICE,
    TYPE,
    VALUE,
    VOUCHER,
)
from geosearch.money.ranking import BASIS_POINTS
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.segment.catalogue import prefixes
from indexes.geo.sphere import EARTH_RADIUS_M, UNITS_PER_DEGREE
from indexes.timetable import CLOSED, HORIZON_MINUTES, OPEN

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

UNKNOWN = np.iinfo(np.int64).min
"""An unknown saving or pay."""
_MOST = np.iinfo(np.int64).max
_ANSWERED = frozenset(
    "lat lng radius polygon at open cards deals party_size spend categories".split()
    + "sort limit facets total max_pay stacking".split()
)
_BESIDE = frozenset(("near_misses", "near_minutes"))
"""What changes no match."""


class BestDeals(NamedTuple):
    """Deals of some rows: whether each has one that the query needs, and its best one."""

    matches: Bools
    saving: Ints
    """Minor units; `UNKNOWN` if unknown, or if the order does not need it."""
    counted: Floats
    """What the net benefit counts of it; 0 if the order does not need it."""


class _Usable(NamedTuple):
    """Usable eligible offers of some rows within the budget; those of a row are consecutive."""

    row: Ints
    deal: Ints
    spend: Ints
    """Minor units, as the next two; `UNKNOWN` if unknown."""
    saving: Ints
    pay: Ints
    own: Bools
    """Whether it needs a card."""
    group: NDArray[np.uint8]
    """Which deals it combines with; 0 for none."""

    def where(self, kept: Bools | Ints) -> "_Usable":
        """Return some of them."""
        row, deal, spend = self.row[kept], self.deal[kept], self.spend[kept]
        return _Usable(
            row, deal, spend, self.saving[kept], self.pay[kept], self.own[kept], self.group[kept]
        )


class BruteForce:
    """Answers by scanning all rows of the first segment of an index."""

    def __init__(self, engine: Searcher) -> None:
        (segment,) = engine.segments
        columns = segment.columns
        self.flat = flatten(columns)
        self._start = engine.start
        self._weights = engine.weights
        self.walk_cost_per_m = engine.weights.walk_cost_per_m
        self._catalogue = segment.catalogue
        self._numbers = segment.program_numbers
        schedules = len(columns.schedule_start) - 1
        lengths = np.diff(columns.schedule_start)
        self._first_minute = np.arange(schedules) * HORIZON_MINUTES
        self._change_state = columns.change_state
        self._change = np.repeat(self._first_minute, lengths) + columns.change_minute

    def rank(self, query: Query, *, among: Ints | None = None) -> Ranked:
        """Return the answer of `Searcher.rank`, by brute force.

        Parameters
        ----------
        among
            Doc ids that match the text or the list of ids of the query, ascending; None without.
        """
        docs, keys = self.matches(query, among=among)
        facets = {"category": self._by_category(docs)} if query.facets else None
        total = len(docs) if query.total else None
        best = self._first(docs, keys, query.limit)
        return Ranked(doc_ids=docs[best], keys=keys[best], total=total, facets=facets, explain=None)

    def matches(self, query: Query, *, among: Ints | None = None) -> tuple[Ints, Floats]:
        """Return the doc ids that match, unordered, and their keys float64[n, 2]."""
        _check(query, is_given=among is not None)
        radius_m = query.radius_m
        if radius_m is None:
            docs = self._drawn(query) if query.polygon is not None or among is None else among
        else:
            docs = self._box(query, radius_m, among)
        docs = self._plain_matches(query, docs)
        distance_m = _haversine_m(query, self.flat.y[docs], self.flat.x[docs])
        if radius_m is not None:
            inside = distance_m <= radius_m
            docs, distance_m = docs[inside], distance_m[inside]
        deals = self.deals(query, docs)
        keep = deals.matches
        docs, distance_m = docs[keep], distance_m[keep]
        deals = BestDeals(deals.matches[keep], deals.saving[keep], deals.counted[keep])
        return docs, np.column_stack([self.primary(query, docs, distance_m, deals), distance_m])

    def share(self, query: Query, *, among: Ints | None = None) -> float:
        """Return the share of all rows that match all but the distance; `among` as in `rank`."""
        rows = len(self.flat.x)
        docs = self._plain_matches(query, np.arange(rows) if among is None else among)
        return float(self.deals(query, docs).matches.sum()) / rows

    def _drawn(self, query: Query) -> Ints:
        """Return the rows in the polygon, its edge included."""
        flat, polygon = self.flat, shapely.geometry.shape(query.polygon)
        west, south, east, north = (edge * UNITS_PER_DEGREE for edge in polygon.bounds)
        docs = np.flatnonzero((flat.y >= south - 1) & (flat.y <= north + 1))
        docs = docs[(flat.x[docs] >= west - 1) & (flat.x[docs] <= east + 1)]
        lng, lat = flat.x[docs] / UNITS_PER_DEGREE, flat.y[docs] / UNITS_PER_DEGREE
        inside: Ints = docs[shapely.intersects_xy(polygon, lng, lat)]
        return inside

    def _box(self, query: Query, radius_m: float, among: Ints | None) -> Ints:
        """Return the rows in the box around the circle; not for poles and antimeridian."""
        flat = self.flat
        reach = math.degrees(radius_m / EARTH_RADIUS_M) * (1 + 1e-9)
        # The difference as an unsigned number is at most the width exactly inside the strip.
        low = math.floor((query.lat - reach) * UNITS_PER_DEGREE)
        width = math.ceil(2 * reach * UNITS_PER_DEGREE) + 2
        y = flat.y if among is None else flat.y[among]
        docs = np.flatnonzero((y - np.int32(low)).view(np.uint32) <= width)
        docs = docs if among is None else among[docs]
        aside = reach / math.cos(math.radians(abs(query.lat) + reach)) * UNITS_PER_DEGREE
        boxed: Ints = docs[np.abs(flat.x[docs] - query.lng * UNITS_PER_DEGREE) <= aside]
        return boxed

    def _plain_matches(self, query: Query, docs: Ints) -> Ints:
        """Return the rows of `docs` that match the cards, the categories and the hours."""
        flat = self.flat
        if query.deals_mode in ("card", "card_best"):
            held = (self._numbers[card] for card in query.cards if card in self._numbers)
            bits = np.uint64(sum(1 << number for number in held))
            docs = docs[(flat.signature[docs] & bits) != 0]
        if query.categories:
            docs = docs[self._allowed_sets(query)[flat.category_set[docs]]]
        if query.open == "now":
            docs = docs[self.states(query)[flat.schedule[docs]] == OPEN]
        return docs

    def deals(self, query: Query, docs: Ints) -> BestDeals:
        """Return the deals of some rows."""
        if query.deals_mode == "optional" and query.sort in ("distance", "rating"):
            count = len(docs)
            return BestDeals(np.ones(count, np.bool_), np.full(count, UNKNOWN), np.zeros(count))
        deals = self._best_deals(query, docs, self._wallet(query), self.states(query))
        if query.deals_mode == "optional":
            deals.matches[:] = True
        return deals

    def _best_deals(
        self, query: Query, docs: Ints, wallet: Bools, state: NDArray[np.uint8]
    ) -> BestDeals:
        """Return which rows have a deal that the query needs, and their best eligible deals."""
        offers = self._usable(query, docs, wallet, state)
        needs_card = query.deals_mode in ("card", "card_best")
        rivals, stacked = offers.where(~offers.own), self._stacked(offers)
        if needs_card:
            offers = offers.where(offers.own)
        has_deal = np.zeros(len(docs), np.bool_)
        has_deal[offers.row] = True
        best, counted = np.full(len(docs), UNKNOWN), np.zeros(len(docs))
        pay = np.zeros(len(docs), np.int64)
        if query.sort in ("best", "saving") or query.deals_mode == "card_best":
            first = np.flatnonzero(np.diff(offers.row, prepend=-1))
            if len(first):
                best[offers.row[first]] = np.maximum.reduceat(offers.saving, first)
        if query.deals_mode == "card_best":
            # A known saving beats an unknown one.
            rival = np.full(len(docs), UNKNOWN)
            np.maximum.at(rival, rivals.row, rivals.saving)
            has_deal[rivals.row] &= (best > rival)[rivals.row]
        if query.sort == "best":
            ties = (offers.saving != UNKNOWN) & (offers.saving == best[offers.row])
            if query.open == "any":
                ties &= state[self.flat.schedule[docs]][offers.row] != CLOSED
            one, values, paid = self._counted(query, offers.where(ties))
            counted[one], pay[one] = values, paid
        if query.stacking == "on":
            is_open = state[self.flat.schedule[docs]] != CLOSED
            spend = self._spend(query, docs)
            together = best_combinations(stacked, spend, by_card=needs_card)
            for number, found in together:
                if (-found.saving, found.pay) < (-int(best[number]), int(pay[number])):
                    best[number] = found.saving
                    if query.open != "any" or is_open[number]:
                        counted[number] = self._counted_together(query, found)
        return BestDeals(has_deal, best, counted)

    def _counted_together(self, query: Query, found: Together) -> float:
        """Return what the net benefit counts of a combination."""
        reference, gift_value = self._weights.counting(query.party_size, query.spend)
        worth = found.saving - found.gifts + gift_value * found.gifts
        return worth * min(1.0, reference / max(found.saving + found.pay, 1))

    def _spend(self, query: Query, docs: Ints) -> Ints:
        """Return the bill of each row; `UNKNOWN` if unknown."""
        if query.spend is not None:
            return np.full(len(docs), query.spend)
        price = self.flat.price[docs].astype(np.int64)
        return np.where(price < 0, UNKNOWN, price * query.party_size)

    def _usable(self, query: Query, docs: Ints, wallet: Bools, state: NDArray[np.uint8]) -> _Usable:
        """Return the usable eligible offers of some rows."""
        flat = self.flat
        first = flat.first_offer[docs].astype(np.int64)
        count = flat.end_offer[docs] - first
        row = np.repeat(np.arange(len(docs)), count)
        offer = np.arange(len(row)) + np.repeat(first - (np.cumsum(count) - count), count)
        deal = flat.offer_deal[offer]
        program = flat.offer_program[offer]
        eligible = wallet.copy()
        eligible[0] = True
        ok = eligible[program] & (flat.deal_on[deal]) & (flat.program_on[program])
        row, offer, deal, program = row[ok], offer[ok], deal[ok], program[ok]
        ok = state[flat.offer_window[offer]] == OPEN
        row, deal, program, group = row[ok], deal[ok], program[ok], flat.offer_group[offer[ok]]
        terms, bill = flat.deal_terms[deal], self._spend(query, docs)[row]
        usable, saving = _savings(terms, bill, query.party_size)
        pay = _pays(terms, bill, saving)
        if query.max_pay is not None:
            usable &= (pay != UNKNOWN) & (pay <= query.max_pay)
        return _Usable(row, deal, bill, saving, pay, program != 0, group).where(usable)

    def least_pay(self, query: Query, docs: Ints) -> Ints:
        """Return the least known pay of the usable deals of the wallet's cards; else `UNKNOWN`."""
        offers = self._usable(query, docs, self._wallet(query), self.states(query))
        offers = offers.where(offers.own & (offers.pay != UNKNOWN))
        least = np.full(len(docs), _MOST)
        np.minimum.at(least, offers.row, offers.pay)
        return np.where(least == _MOST, UNKNOWN, least)

    def _wallet(self, query: Query) -> Bools:
        """Return whether the wallet holds each card."""
        wallet = np.zeros(len(self.flat.program_on), np.bool_)
        wallet[[self._numbers[card] for card in query.cards if card in self._numbers]] = True
        return wallet

    def _counted(self, query: Query, offers: _Usable) -> tuple[Ints, Floats, Ints]:
        """Return rows, what the net benefit counts, and pays, of offers that tie for their best.

        The lowest pay wins, then the first deal.
        """
        first = np.flatnonzero(np.diff(offers.row, prepend=-1))
        if not len(first):
            return offers.row, np.zeros(0), offers.row
        asked = np.where(offers.pay == UNKNOWN, _MOST, offers.pay)
        # The least pay of each row, then the first offer with it: offers ascend by deal.
        runs = np.diff(np.append(first, len(offers.row)))
        chosen = np.flatnonzero(asked == np.repeat(np.minimum.reduceat(asked, first), runs))
        chosen = chosen[np.diff(offers.row[chosen], prepend=-1) != 0]
        offers = offers.where(chosen)
        kind, saving, pay = self.flat.deal_terms[offers.deal, TYPE], offers.saving, offers.pay
        reference, gift_value = self._weights.counting(query.party_size, query.spend)
        bill = saving + np.where(pay == UNKNOWN, 0, pay)
        counted = saving * np.minimum(1.0, reference / np.maximum(bill, 1))
        return offers.row, np.where(kind == FREE_ITEM, gift_value, 1.0) * counted, pay

    def _stacked(self, offers: _Usable) -> Iterator[tuple[int, list[Deal]]]:
        """Yield the rows with two groups, each with the deals that may combine there."""
        of_row: dict[int, list[Deal]] = {}
        for at in np.flatnonzero((offers.spend != UNKNOWN) & (offers.group > 0)).tolist():
            terms = self.flat.deal_terms[offers.deal[at]].tolist()
            one = (int(offers.deal[at]), int(offers.group[at]), bool(offers.own[at]), terms)
            of_row.setdefault(int(offers.row[at]), []).append(one)
        for number, deals in of_row.items():
            if len({one[1] for one in deals}) > 1:
                yield number, deals

    def primary(self, query: Query, docs: Ints, distance_m: Floats, deals: BestDeals) -> Floats:
        """Return the first sort key of some rows, ascending is better."""
        flat, saving = self.flat, deals.saving
        if query.sort == "distance":
            return distance_m
        if query.sort == "rating":
            rating = flat.rating[docs].astype(np.float64)
            return np.where(rating >= 0, -rating, np.inf)
        if query.sort == "saving":
            return np.where(saving != UNKNOWN, -saving.astype(np.float64), np.inf)
        worth = flat.quality[docs].astype(np.float64)
        likely = flat.redeem[docs] / BASIS_POINTS * deals.counted
        return -(likely + worth - self.walk_cost_per_m * distance_m)

    def _first(self, docs: Ints, keys: Floats, limit: int) -> Ints:
        """Return the rows of the first `limit` by both keys and the rank of the id."""
        rows = np.arange(len(docs))
        if len(docs) > limit:
            # All rows that tie with the last primary key stay, and the other keys decide.
            last = np.partition(keys[:, 0], limit - 1)[limit - 1]
            rows = np.flatnonzero(keys[:, 0] <= last)
        order = np.lexsort((self.flat.id_rank[docs[rows]], keys[rows, 1], keys[rows, 0]))
        chosen: Ints = rows[order[:limit]]
        return chosen

    def usable_offers(self) -> Bools:
        """Return which offers one person may use at the usual price, in their hours."""
        flat = self.flat
        shop = np.repeat(np.arange(len(flat.x)), flat.end_offer - flat.first_offer)
        price = flat.price[shop].astype(np.int64)
        spend = np.where(price < 0, UNKNOWN, price)
        usable, _ = _savings(flat.deal_terms[flat.offer_deal], spend, 1)
        usable &= flat.deal_on[flat.offer_deal] & flat.program_on[flat.offer_program]
        return usable

    def programs(self) -> dict[str, int]:
        """Return the number of each card; public deals have none."""
        return dict(self._numbers)

    def states(self, query: Query) -> NDArray[np.uint8]:
        """Return the state of every schedule at the instant of the query."""
        assert query.at is not None
        minute = (query.at - self._start) // timedelta(minutes=1)
        at = np.searchsorted(self._change, self._first_minute + minute, side="right") - 1
        state: NDArray[np.uint8] = self._change_state[at]
        return state

    def _allowed_sets(self, query: Query) -> Bools:
        starts = tuple(f"{path}." for path in query.categories)
        return np.array(
            [
                any(path in query.categories or path.startswith(starts) for path in paths)
                for paths in self._catalogue.category_sets
            ]
        )

    def _by_category(self, docs: Ints) -> dict[str, int]:
        sets = self._catalogue.category_sets
        counts = np.bincount(self.flat.category_set[docs], minlength=len(sets))
        found: dict[str, int] = {}
        for row in np.flatnonzero(counts).tolist():
            for name in {prefix for path in sets[row] for prefix in prefixes(path)}:
                found[name] = found.get(name, 0) + int(counts[row])
        return found


def _check(query: Query, *, is_given: bool) -> None:
    asked = {
        name
        for name in query.__struct_fields__
        if name not in _ANSWERED | _BESIDE
        and not (name in ("q", "ids") and is_given)
        and getattr(query, name) not in (None, (), False, 0)
    }
    plain = {"crs": "WGS84", "hours_unknown": "exclude", "format": "json"}
    odd = {name for name in asked if getattr(query, name) != plain.get(name)}
    if odd:
        raise ValueError(f"Expected a query of {sorted(_ANSWERED)}, got also {sorted(odd)}")
    if query.max_pay is not None and query.deals_mode == "optional":
        raise ValueError("Expected a budget for deals that the query requires, got one without")
    if query.stacking == "on" and (query.max_pay is not None or query.deals_mode == "card_best"):
        raise ValueError("Expected single deals with a budget or `card_best`, got combinations")


def _haversine_m(query: Query, y: NDArray[np.int32], x: NDArray[np.int32]) -> Floats:
    lat, lng = y / UNITS_PER_DEGREE, x / UNITS_PER_DEGREE
    sin_y = np.sin(np.radians(lat - query.lat) * 0.5)
    sin_x = np.sin(np.radians(lng - query.lng) * 0.5)
    cosines = math.cos(math.radians(query.lat)) * np.cos(np.radians(lat))
    metres: Floats = 2.0 * EARTH_RADIUS_M * np.arcsin(np.sqrt(sin_y**2 + cosines * sin_x**2))
    return metres


def _savings(terms: NDArray[np.int32], spend: Ints, party_size: int) -> tuple[Bools, Ints]:
    """Return whether each deal is usable for its spend (may be `UNKNOWN`), and its saving."""
    kind, value = terms[:, TYPE], terms[:, VALUE].astype(np.int64)
    price = terms[:, PRICE]
    known = spend != UNKNOWN
    bill = np.where(known, spend, 0)
    uses = np.minimum(terms[:, MAX_USES], bill // np.maximum(value, 1))
    saving = np.select(
        [kind == BUNDLE, kind == FREE_ITEM, kind == AMOUNT_OFF, kind == VOUCHER],
        [value - price, value, np.minimum(value, bill), uses * (value - price)],
        np.minimum(bill * value // PPM, terms[:, MAX_DISCOUNT]),
    )
    fixed = (kind == BUNDLE) | (kind == FREE_ITEM)
    needed = np.where(kind == VOUCHER, np.maximum(value, terms[:, MIN_SPEND]), terms[:, MIN_SPEND])
    usable = (party_size >= terms[:, PARTY_MIN]) & (party_size <= terms[:, PARTY_MAX])
    usable &= fixed | ~known | (bill >= needed)
    return usable, np.where(fixed | known, saving, UNKNOWN)


def _pays(terms: NDArray[np.int32], spend: Ints, saving: Ints) -> Ints:
    """Return what one pays with each deal; `UNKNOWN` if unknown."""
    kind = terms[:, TYPE]
    back = (kind == CASHBACK) | (kind == FREE_ITEM)
    pay = np.where(back, spend, spend - np.where(saving == UNKNOWN, 0, saving))
    pay = np.where(spend == UNKNOWN, UNKNOWN, pay)
    return np.where(kind == BUNDLE, terms[:, PRICE], pay)
