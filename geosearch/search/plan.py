"""Query planner of one segment: turns a `Query` into the `Criteria` that the kernel reads.

Useful for: turning names into numbers, and choosing which list or tree drives the search.
Not useful for: validating a query (`geosearch.query`), planning it for all segments
(`query_planner`), running it (`geosearch.kernel.rank`).
"""

from copy import copy
from datetime import datetime
from itertools import count
from math import ceil, inf
from threading import Lock
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import numpy as np

from geosearch.errors import BadRequest
from geosearch.kernel.criteria import (
    ANY_DEAL,
    ANY_HOURS,
    BY_BEST,
    BY_DISTANCE,
    BY_RELEVANCE,
    BY_SAVING,
    CARD_BEST_DEAL,
    CARD_DEAL,
    OPTIONAL_DEAL,
    SORTS,
    Area,
    Bill,
    Criteria,
    Drivers,
    Hours,
    KindFilter,
    Paging,
    Wallet,
    Words,
)
from geosearch.kernel.filters import NO_FILTER, FilterCache
from geosearch.kernel.states import NO_STATES, StateTables
from geosearch.money.ranking import Weights
from geosearch.query.parameters import problem, shown
from geosearch.query.query import Query
from geosearch.search.drawn_area import NO_AREA, area_of
from geosearch.search.wishes import USUAL_BILL, Wishes, bill_of
from geosearch.segment.bounds import NEW_CUSTOMER_CLASS, PUBLIC_CLASS, class_of
from geosearch.segment.catalogue import CATEGORY_BITS, has_own_bit, program_bit
from geosearch.segment.columns import RATING_STEPS
from geosearch.segment.segment import Segment, in_both, type_bits
from geosearch.text.segment_terms import SegmentTerms
from indexes.arrays import U32
from indexes.cache import BoundedCache, size_of
from indexes.geo.datum import Datum, to_wgs84
from indexes.geo.sphere import UNITS_PER_DEGREE, Place

DRIVER_DOCS = 2_048
"""Longest list of documents that drives a search instead of the tree.

A test of a document costs about 10 ns if its columns are warm, so the list costs some 20 us, about
as much as a selective query in the tree."""

WORD_DRIVER_DOCS = 64
"""Longest word list that drives a search: for longer ones the tree finds the nearest faster."""

WALLET_BYTES = 8 << 20
"""Most bytes of cached `WalletPlan`s, in each segment."""

KINDS_BYTES = 8 << 20
"""Most bytes of cached `KindFilter`s, in each segment."""

AREA_BYTES = 8 << 20
"""Most bytes of the cached documents of business areas, in each segment."""

FILTER_NUMBER_BYTES = 4 << 20
"""Most bytes of the cached numbers of filters, in each segment."""

_OBJECT_BYTES = 1_024
"""Bytes of a `WalletPlan`, `KindFilter` or `PreparedSegment` without its arrays."""

_DEAL_MODES = {
    "optional": OPTIONAL_DEAL,
    "any": ANY_DEAL,
    "card": CARD_DEAL,
    "card_best": CARD_BEST_DEAL,
}
_SORT_CODES = {name: code for code, name in enumerate(SORTS)}
_NO_DOCS = np.zeros(0, np.uint32)
_NO_BITS = np.zeros(1, np.uint64)
_NO_LISTS = Drivers(False, _NO_DOCS, False, _NO_DOCS, 0)
_ANY_KIND = KindFilter(np.zeros(2, np.uint64), np.zeros(0, np.uint8), -1)
_NO_KEYS = (0.0, 0.0, 0)
_ANY_TIME = Hours(0, -1, 0, 0, ANY_HOURS)
_NO_WALLET = Wallet(OPTIONAL_DEAL, _NO_BITS, _NO_BITS, np.zeros(1, np.uint8), np.zeros(0, np.int64))
_ONE = Paging(BY_DISTANCE, 0.0, 1, False, *_NO_KEYS)


class WalletPlan(NamedTuple):
    """The plan of a wallet in one segment; cached."""

    wallet: Wallet
    lists: Drivers
    alone: tuple[Drivers, Wallet]
    """`lists` and `wallet` for queries without text, zone and business area.

    They use the tree of the wallet's one card if `deals` asks for it and that card has a tree."""

    @property
    def nbytes(self) -> int:
        """Approximate memory in bytes."""
        return _OBJECT_BYTES + self.wallet.eligible.nbytes + self.lists.driver.nbytes


class PreparedSegment(NamedTuple):
    """The part of a `PreparedQuery` for one segment."""

    wallet_plan: WalletPlan
    bill: Bill
    kinds: KindFilter
    page: Paging
    filters: int
    """Number of everything that its filters depend on except tree and time; 0 = only on these."""
    valued: bool
    """Whether the order needs the best deal of a document."""
    ranked: bool
    """Whether the order depends on relevance."""
    types: int
    """Bits of the offer types that count, as `type_bits` makes them; 0 = all."""
    new_customer: bool
    """Whether deals for new customers only count."""

    @property
    def nbytes(self) -> int:
        """Approximate memory in bytes, with the parts that it may share with others."""
        return _OBJECT_BYTES + self.wallet_plan.nbytes + self.kinds.allowed.nbytes


class Bounds(NamedTuple):
    """An area, the list of documents that holds its matches (None = no list), its latitudes."""

    area: Area
    docs: U32 | None
    min_lat: float
    max_lat: float


_EVERYWHERE = Bounds(NO_AREA, None, -90.0, 90.0)


class Plan(NamedTuple):
    """A query planned for one segment: criteria and place."""

    criteria: Criteria
    place: Place
    bounds: Bounds
    types: int
    """Bits of the offer types that count; 0 = all."""
    new_customer: bool
    """Whether deals for new customers only count."""

    def drivers(self, words: Words | None) -> Drivers:
        """Lists of a search for any wallet, with other words in the same area."""
        docs = self.bounds.docs
        lists = _NO_LISTS if docs is None else _with_area(_NO_LISTS, docs)
        return lists if words is None else _with_words(lists, words, docs)

    def anywhere(self, words: Words) -> "Plan":
        """A plan for any one document with other words in the same place and area."""
        criteria = (
            *(_ANY_TIME, _NO_WALLET, USUAL_BILL, _ANY_KIND, self.criteria.area),
            *(self.drivers(words), words, _ONE, NO_STATES, NO_FILTER),
        )
        return Plan(_new(Criteria, criteria), self.place, self.bounds, 0, False)


_new = tuple.__new__
"""Makes a named tuple in half the time, without a check of the number of its parts."""

After = tuple[float, float, int]
"""Primary key, secondary key and id rank of the result that a page starts after."""


class Planner:
    """Plans queries for one segment.

    Parameters
    ----------
    segment
        The segment that plans are for.
    weights
        Weights of the net benefit.
    terms
        Terms of the segment.
    """

    def __init__(self, segment: Segment, weights: Weights, terms: SegmentTerms) -> None:
        self.terms = terms
        """Terms of the segment."""
        self.programs = frozenset(segment.program_numbers)
        """Ids of its cards."""
        catalogue = segment.catalogue
        self.categories = frozenset((*catalogue.category_bits, *catalogue.category_names))
        """Categories of its documents, their ancestors, and all that the snapshot lists."""
        self._segment = segment
        self._weights = weights
        self._wallet_plans = BoundedCache[tuple[tuple[str, ...], str, bool], WalletPlan](
            WALLET_BYTES
        )
        self._kinds = BoundedCache[tuple[tuple[str, ...], float | None], KindFilter](KINDS_BYTES)
        self._areas = BoundedCache[tuple[str, ...], U32](AREA_BYTES)
        self._filter_numbers = BoundedCache[tuple[Any, ...], int](FILTER_NUMBER_BYTES)
        self._numbering = Lock()
        self._numbers = count(1)
        self._filters = FilterCache(segment.docs_of)
        self.states = StateTables(len(segment.columns.schedule_start) - 1)

    def plan(
        self,
        prepared: PreparedSegment,
        query: Query,
        hours: Hours,
        at: datetime,
        words: Words | None = None,
        after: After | None = None,
        bounds: Bounds | None = None,
    ) -> Plan:
        """The plan of a query for this segment.

        Parameters
        ----------
        prepared
            Result of `prepare` for the query.
        hours
            Result of `Clock.hours` for the query.
        at
            The instant; decides whether a zone is in force.
        words
            Word lists of a match, from `terms`; None if the query has no text.
        after
            Keys of the result that the page starts after.
        bounds
            Bounds of an earlier plan of the query, so that a polygon is parsed only once.

        Raises
        ------
        BadRequest
            If the zone is unknown or not in force, or the polygon is invalid.
        """
        wallet_plan, bill, kinds, page, filters, valued, ranked, types, new_customer = prepared
        lists, wallet = wallet_plan.alone
        if bounds is None:
            bounded = query.has_area or query.business_area or query.ids is not None
            bounds = self._bounds(query, at) if bounded else _EVERYWHERE
        area, docs, south, north = bounds
        if words is not None or docs is not None:
            lists, wallet = wallet_plan.lists, wallet_plan.wallet
            if docs is not None:
                lists = _with_area(lists, docs)
            if words is not None:
                if len(words.below) and not ranked:
                    # The lists are too long to drive, and `below` says who holds all words.
                    words = _new(Words, (*words[:5], 0, 0, *words[7:]))
                else:
                    lists = _with_words(lists, words, docs)
        if after is not None:
            page = page._replace(
                after=True, after_primary=after[0], after_secondary=after[1], after_id_rank=after[2]
            )
        kept = NO_FILTER
        if not lists.driven and (filters or hours.open_mode != ANY_HOURS):
            kept = self._filters.get((filters, lists.tree, hours), lists.tree, valued)
        words = words or self.terms.match_all
        lat, lng, radius_m = query.lat, query.lng, query.radius_m
        if query.crs != "WGS84":
            lat, lng = to_wgs84(lat, lng, cast(Datum, query.crs))
        place = (lat, lng, inf if radius_m is None else radius_m, south, north)
        states = self.states.at(hours)
        criteria = (hours, wallet, bill, kinds, area, lists, words, page, states, kept)
        return _new(
            Plan, (_new(Criteria, criteria), _new(Place, place), bounds, types, new_customer)
        )

    def prepare(self, wishes: Wishes) -> PreparedSegment:
        """The part of a plan that queries with these wishes share."""
        wanted = wishes.cards, wishes.deals_mode, wishes.new_customer
        wallet_plan = self._wanted(*wanted)
        bill = bill_of(self._weights, wishes)
        sort = _SORT_CODES[wishes.sort]
        valued = sort in (BY_BEST, BY_SAVING)
        filters, types = 0, type_bits(wishes.offer_type)
        if valued or wishes.deals_mode != "optional" or wishes.max_pay is not None:
            cards = self.in_force  # it may change while filters are kept
            filters = self._filter_number((*wanted, cards, bill, sort if valued else None, types))
        return PreparedSegment(
            wallet_plan,
            bill,
            self._kind_filter(wishes.categories, wishes.min_rating),
            Paging(sort, self._weights.walk_cost_per_m, wishes.top_k, False, *_NO_KEYS),
            filters,
            valued,
            sort in (BY_BEST, BY_RELEVANCE),
            types,
            wishes.new_customer,
        )

    def at(self, segment: Segment) -> "Planner":
        """Planner of the segment at a later moment; it shares all caches."""
        touched = np.setdiff1d(segment.touched, self._segment.touched, assume_unique=True)
        for tree in segment.trees:
            self._filters.mark(tree, segment.places(tree, touched))
        planner = copy(self)
        if segment.columns.schedule_start is not self._segment.columns.schedule_start:
            planner.states = StateTables(len(segment.columns.schedule_start) - 1)
        planner._segment = segment
        planner.programs = frozenset(segment.program_numbers)
        return planner

    def apart(self, segment: Segment) -> "Planner":
        """As `at`, for a moment that hides documents from others: filters remember who is live."""
        planner = self.at(segment)
        planner._filters = FilterCache(segment.docs_of)
        return planner

    @property
    def in_force(self) -> bytes:
        """Which cards are in force, by number."""
        return self._segment.columns.program_on.tobytes()

    def _filter_number(self, wish: tuple[Any, ...]) -> int:
        """Number of a filter's conditions, which no other conditions ever get."""
        found = self._filter_numbers.get(wish)
        if found is None:
            with self._numbering:
                found = self._filter_numbers.get(wish) or self._filter_numbers.keep(
                    wish, next(self._numbers)
                )
        return found

    def _wanted(self, cards: tuple[str, ...], mode: str, is_new: bool) -> WalletPlan:
        found = self._wallet_plans.get((cards, mode, is_new))
        if found is None:
            found = self._plan_wallet(cards, mode, is_new)
            self._wallet_plans.keep((cards, mode, is_new), found, size_of(cards) + found.nbytes)
        return found

    def _plan_wallet(self, cards: tuple[str, ...], mode: str, is_new: bool) -> WalletPlan:
        numbers = self._segment.program_numbers
        held = sorted({numbers[card] for card in cards if card in numbers})
        eligible = np.zeros(len(self._segment.catalogue.programs), np.uint8)
        eligible[[0, *held]] = 1
        classes = {class_of(program) for program in held}
        bits = {program_bit(program) for program in held}
        own = {program_bit(program) for program in held if has_own_bit(program)}
        lists = _NO_LISTS
        by_card = mode in ("card", "card_best")
        if is_new:
            classes.add(NEW_CUSTOMER_CLASS)
        if mode == "card_best":
            own.clear()  # A public deal may save more.
        if by_card:
            postings = [self._segment.program_docs(program) for program in held]
            if sum(len(docs) for docs in postings) <= DRIVER_DOCS:
                driver = np.unique(np.concatenate([_NO_DOCS, *postings]))
                lists = _NO_LISTS._replace(driven=True, driver=driver)
        else:
            classes.add(PUBLIC_CLASS)
            bits.add(program_bit(0))
            own.add(program_bit(0))
        wallet = Wallet(
            _DEAL_MODES[mode],
            np.array([sum(1 << bit for bit in bits)], np.uint64),
            np.array([sum(1 << bit for bit in own)], np.uint64),
            eligible,
            np.array(sorted(classes), np.int64),
        )
        alone = lists, wallet
        if by_card and len(held) == 1 and not is_new and self._segment.has_tree(held[0]):
            # A card's own tree has one bound class: its offers for old customers.
            alone = _NO_LISTS._replace(tree=held[0]), wallet._replace(classes=np.zeros(1, np.int64))
        return WalletPlan(wallet, lists, alone)

    def _kind_filter(self, categories: tuple[str, ...], min_rating: float | None) -> KindFilter:
        if not categories and min_rating is None:
            return _ANY_KIND
        found = self._kinds.get((categories, min_rating))
        if found is None:
            found = self._new_kind_filter(categories, min_rating)
            size = size_of(categories) + _OBJECT_BYTES + found.allowed.nbytes
            self._kinds.keep((categories, min_rating), found, size)
        return found

    def _new_kind_filter(self, categories: tuple[str, ...], min_rating: float | None) -> KindFilter:
        catalogue = self._segment.catalogue
        allowed = _ANY_KIND.allowed
        bits = _ANY_KIND.bits
        if categories:
            starts = tuple(f"{path}." for path in categories)
            allowed = np.array(
                [
                    any(path in categories or path.startswith(starts) for path in paths)
                    for paths in catalogue.category_sets
                ]
                or [False],
                np.uint8,
            )
            bits = np.zeros(2, np.uint64)
            for path in categories:
                if path in catalogue.category_bits:
                    word, bit = divmod(catalogue.category_bits[path], CATEGORY_BITS // 2)
                    bits[word] |= np.uint64(1 << bit)
        # The least stored rating, in thousandths, that is at least `min_rating`.
        least = -1 if min_rating is None else ceil(round(min_rating * RATING_STEPS, 6))
        return KindFilter(bits, allowed, least)

    def _bounds(self, query: Query, at: datetime) -> Bounds:
        docs = None
        lats = [(-90.0, 90.0)]
        if query.zone is not None:
            zone = self._zone(query.zone, at)
            docs = self._segment.zone_docs(zone)
            _, south, _, north = self._segment.catalogue.zones[zone].bounds
            lats.append((south, north))
        if query.business_area:
            inside = self._area_docs(query.business_area)
            docs = inside if docs is None else in_both(docs, inside)
        if query.ids is not None:
            listed = self._segment.listed(query.ids).docs
            docs = listed if docs is None else in_both(docs, listed)
        area = NO_AREA
        if query.bbox is not None or query.polygon is not None:
            area, around = area_of(query)
            # Latitudes of stored positions: those in the query's datum minus the shift.
            south = around[1] - area.shift_max_y / UNITS_PER_DEGREE
            lats.append((south, around[3] - area.shift_min_y / UNITS_PER_DEGREE))
        south = max(low for low, _ in lats)
        return Bounds(area, docs, south, max(south, min(high for _, high in lats)))

    def _area_docs(self, names: tuple[str, ...]) -> U32:
        """Ascending documents in any of these business areas; cached."""
        found = self._areas.get(names)
        if found is None:
            found = self._segment.area_docs(names)
            self._areas.keep(names, found, size_of(names) + _OBJECT_BYTES + found.nbytes)
        return found

    def _zone(self, zone_id: str, at: datetime) -> int:
        number = self._segment.zone_numbers.get(zone_id)
        if number is None:
            expected = "`zone` as a `zone_id` of the snapshot"
            found = problem("unknown_zone", expected, shown(zone_id), ("zone",))
            raise BadRequest(found["detail"], [found], "unknown_zone")
        record = self._segment.catalogue.zones[number]
        if not record.in_force(at.astimezone(ZoneInfo(self._segment.manifest["time_zone"])).date()):
            term = f"{record.valid_from or 'ever'} to {record.valid_through or 'ever'}"
            expected = f"`zone` in force at `at` (this one: {term})"
            found = problem("zone_not_in_force", expected, shown(zone_id), ("zone",))
            raise BadRequest(found["detail"], [found], "zone_not_in_force")
        return number


def _with_area(lists: Drivers, docs: U32) -> Drivers:
    """Add the documents of an area: the list drives if it is the shorter one, else it restricts."""
    if len(docs) <= 2 * DRIVER_DOCS and not (lists.driven and len(lists.driver) < len(docs)):
        return Drivers(True, docs, False, _NO_DOCS, 0)
    return lists._replace(restricted=True, required=docs)


def _with_words(lists: Drivers, words: Words, area_docs: U32 | None) -> Drivers:
    """Add word lists: the shortest list drives if it is short; the kernel tests the others."""
    begin, end = words.span[0].tolist()
    if lists.driven and len(lists.driver) <= end - begin:
        return lists
    driven = end - begin <= WORD_DRIVER_DOCS
    driver = words.docs[begin:end] if driven else _NO_DOCS
    required = _NO_DOCS if area_docs is None else area_docs
    return Drivers(driven, driver, area_docs is not None, required, 0)
