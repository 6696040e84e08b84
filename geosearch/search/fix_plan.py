"""Plan of fixes: what a query may change in one segment, as the kernels read it.

Useful for: near misses and the reasons why a shop is in no answer.
Not useful for: planning the query itself (`plan`).
"""

from copy import copy
from datetime import datetime
from functools import cached_property
from math import inf
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from geosearch.answer.fix import Fix, later, reached
from geosearch.hours.instants import instant_text
from geosearch.kernel.criteria import (
    ANY_DEAL,
    ANY_HOURS,
    BY_BEST,
    CARD_DEAL,
    NO_BUDGET,
    OPTIONAL_DEAL,
    Bill,
    Criteria,
    Wallet,
    Words,
)
from geosearch.kernel.filters import NO_FILTER
from geosearch.kernel.fixes import (
    CARD,
    FARTHEST_PARTY,
    FEWEST_ROWS,
    MOVE,
    PARTY,
    SPEND,
    WAIT,
    Fixes,
)
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import Weights
from geosearch.query.parameters import MAX_CARDS, MAX_MONEY, PARAMETERS
from geosearch.query.query import Query
from geosearch.search.openings import UNKNOWN_NODES, Openings
from geosearch.search.plan import Plan, Planner, PreparedSegment
from geosearch.segment.bounds import ANY_PROGRAM_CLASS
from geosearch.segment.catalogue import program_bit
from geosearch.segment.columns import NO_USE
from geosearch.segment.segment import Segment
from indexes.allowance import READ, take
from indexes.arrays import F64, I64, U16, U32
from indexes.cache import BoundedCache
from indexes.timetable import HORIZON_MINUTES, HOURS_OF_WEEK

MOVED_SHARE, MOVED_M = 1.5, 500.0
"""The largest radius of a fix: so many times the query's, or so many metres more."""

FEE_PARTS = 12
"""Parts of a card's fee, which is for a year: a fix costs one of them, a month's."""

_MOST_PARTY = int(PARAMETERS["party_size"].high)
_MOST_RADIUS_M = PARAMETERS["radius"].high
_NO_CARDS = np.zeros(0, np.float64)
_NO_DOCS = np.zeros(0, np.uint32)

BILLED_BYTES = 8 << 20
"""Most bytes of the cached documents that another bill may help, in each segment."""


class Allowed(NamedTuple):
    """Fixes that a query may take; a text may rule some out, see `near_misses`."""

    any: bool = True
    move: bool = True


class FixPlan(NamedTuple):
    """A query planned for its fixes in one segment."""

    plan: Plan
    criteria: Criteria
    """The query by net benefit, in the tree of all documents."""
    fixes: Fixes


class _Cards(NamedTuple):
    """The cards of a segment as fixes need them."""

    fees: F64  # [p] of a month, minor units; below 0 for a card that is not active
    order: I64  # [p] by fee and id
    signature: int  # bits of all of these


class FixPlanner:
    """Plans the fixes of queries for one segment.

    Parameters
    ----------
    segment, planner
        The segment and its planner.
    weights
        Weights of the net benefit.
    """

    def __init__(self, segment: Segment, planner: Planner, weights: Weights) -> None:
        self._segment, self._planner, self._weights = segment, planner, weights
        self._billed_of = BoundedCache[tuple[int, bytes], U32](BILLED_BYTES)
        self._openings = Openings(segment.columns)

    def at(self, segment: Segment, planner: Planner) -> "FixPlanner":
        """Planner of the segment at another moment; it shares what no live change touches."""
        other = copy(self)
        other._segment, other._planner = segment, planner
        other._openings = self._openings.at(segment.columns)
        other.__dict__.pop("_cards", None)  # Which cards are active may have changed.
        return other

    def plan(
        self,
        plan: Plan,
        prepared: PreparedSegment,
        query: Query,
        at: datetime,
        words: Words | None,
        allowed: Allowed,
    ) -> FixPlan:
        """The plan of the fixes of a query.

        Parameters
        ----------
        plan, prepared
            The plan of the query for this segment.
        at
            Its instant.
        words
            Word lists of a match; None if the query has no text.
        """
        before, wallet = plan.criteria, prepared.wallet_plan.wallet
        page = before.page._replace(
            sort=BY_BEST, top_k=max(1, query.near_misses), after=False, after_primary=0.0,
            after_secondary=0.0, after_id_rank=0,
        )  # fmt: skip
        criteria = before._replace(
            wallet=wallet, lists=plan.drivers(words), page=page, filter=NO_FILTER,
            words=words or self._planner.terms.match_all,
        )  # fmt: skip
        return FixPlan(plan, criteria, self._fixes(plan, criteria, query, at, allowed))

    def _fixes(
        self, plan: Plan, criteria: Criteria, query: Query, at: datetime, allowed: Allowed
    ) -> Fixes:
        hours, cards = criteria.hours, self._cards
        fees, wallet = _NO_CARDS, criteria.wallet
        if allowed.any and _reads_deals(criteria) and len(query.cards) < MAX_CARDS:
            fees = np.where(wallet.eligible != 0, -1.0, cards.fees)
            wallet = _with_cards(wallet, cards.signature)
        # Who has a deal at the usual bill matches, unless it is too dear or does not save enough.
        few_billed = (
            criteria.bill.usual
            and criteria.bill.max_pay == NO_BUDGET
            and wallet.deal_mode in (ANY_DEAL, CARD_DEAL)
        )
        last_wait = self._last_wait(query, hours.minute, at) if allowed.any else 0
        opening = UNKNOWN_NODES
        if last_wait and hours.open_mode != ANY_HOURS and not _reads_deals(criteria):
            opening = self._openings.nodes(hours.minute, last_wait)
        return Fixes(
            reach_m=reach_of(plan.place.radius_m) if allowed.move else plan.place.radius_m,
            last_wait=last_wait,
            wait_hours=_hours_of_week(hours.hour, hours.minute % 60, last_wait),
            opening=opening,
            waits=self._planner.states.waits(hours, last_wait),
            states=np.zeros(len(criteria.states), np.uint8),
            wallet=wallet,
            fees=fees,
            card_order=cards.order,
            bill=_largest(criteria.bill),
            few_billed=few_billed,
            billed=self._billed(criteria.wallet) if few_billed else _NO_DOCS,
            most_party=_MOST_PARTY if allowed.any else 0,
            most_spend=MAX_MONEY if allowed.any else 0,
            wait_cost=self._weights.walk_cost_per_minute,
            reference_bill=self._weights.reference_bill,
            rows=np.empty((FEWEST_ROWS + self._most_offers, 3), np.float64),
        )

    def changed(self, planned: FixPlan, code: int, change: float) -> Criteria:
        """Criteria of the query with a fix."""
        criteria, fixes = planned.criteria, planned.fixes
        if code == WAIT:
            hours, minutes = criteria.hours, int(change)
            until = hours.until_minute
            until = until if until < 0 else min(until + minutes, HORIZON_MINUTES)
            hours = hours._replace(minute=hours.minute + minutes, until_minute=until)
            return criteria._replace(hours=hours, states=self._planner.states.at(hours))
        if code == PARTY:
            bill = self._bill(int(change), criteria.bill.spend, criteria.bill)
            return criteria._replace(bill=bill)
        if code == SPEND:
            bill = self._bill(criteria.bill.party_size, int(change), criteria.bill)
            return criteria._replace(bill=bill)
        if code == CARD:
            eligible = fixes.wallet.eligible.copy()
            eligible[int(change)] = 1
            return criteria._replace(wallet=fixes.wallet._replace(eligible=eligible))
        return criteria

    def fix(self, planned: FixPlan, query: Query, at: datetime, code: int, change: float) -> Fix:
        """A fix as answers show it."""
        if code == WAIT:
            then = instant_text(later(at, int(change)))
            return Fix(code="wait", minutes=int(change), at=then)
        if code == MOVE:
            return Fix(code="move", radius=reached(change, planned.fixes.reach_m))
        if code == PARTY:
            return Fix(code="party", party_size=int(change))
        if code == SPEND:
            return Fix(code="spend", spend=int(change))
        card = self._segment.catalogue.programs[int(change)]
        return Fix(
            code="card",
            program_id=card["program_id"],
            name=card.get("name"),
            fee=card.get("fee", 0),
            deals=query.deals_mode,
        )

    def _bill(self, party_size: int, spend: int, bill: Bill) -> Bill:
        """The same bill with another party and spend; not the usual one."""
        counting = self._weights.counting(party_size, None if spend == UNKNOWN_MONEY else spend)
        return Bill(False, party_size, spend, bill.max_pay, counting, bill.combines)

    def _last_wait(self, query: Query, minute: int, at: datetime) -> int:
        """Most minutes that one may wait: within the horizon, and while the zone is in force."""
        last = min(query.near_minutes, HORIZON_MINUTES - 1 - minute)
        if query.zone is None:
            return last
        zone = self._segment.catalogue.zones[self._segment.zone_numbers[query.zone]]
        local = at.astimezone(ZoneInfo(self._segment.manifest["time_zone"]))
        in_force = (zone.in_force(later(local, wait).date()) for wait in range(last, 0, -1))
        # A zone that is in force ends at most once, at a midnight.
        return next((last - fewer for fewer, held in enumerate(in_force) if held), 0)

    @cached_property
    def _cards(self) -> _Cards:
        programs = self._segment.catalogue.programs
        fees = np.array([program.get("fee", 0) / FEE_PARTS for program in programs])
        ids = [program.get("program_id", "") for program in programs]
        ranked = sorted(range(len(programs)), key=lambda card: (fees[card], ids[card]))
        order = np.empty(len(programs), np.int64)
        order[ranked] = np.arange(len(programs))
        active = self._segment.columns.program_on != 0
        active[0] = False
        bits = {program_bit(card) for card in np.flatnonzero(active).tolist()}
        return _Cards(np.where(active, fees, -1.0), order, sum(1 << bit for bit in bits))

    def _billed(self, wallet: Wallet) -> U32:
        """Ascending documents with a deal of a wallet that the usual bill cannot use; cached."""
        key = wallet.deal_mode, wallet.eligible.tobytes()
        found = self._billed_of.get(key)
        if found is None:
            programs, docs = self._unusable
            take(len(docs) // READ)
            counts = wallet.eligible != 0
            counts[0] &= wallet.deal_mode != CARD_DEAL
            found = np.unique(docs[counts[programs]])
            self._billed_of.keep(key, found, len(key[1]) + found.nbytes)
        return found

    @cached_property
    def _unusable(self) -> tuple[U16, U32]:
        """Card and document of each offer that the usual bill of one person cannot use."""
        columns = self._segment.columns
        (offers,) = np.nonzero(columns.offer_saving == NO_USE)
        docs = np.searchsorted(columns.offer_start, offers, side="right") - 1
        return columns.offer_program[offers], docs.astype(np.uint32)

    @cached_property
    def _most_offers(self) -> int:
        """Most offers of a document."""
        starts = self._segment.columns.offer_start
        return int((starts[1:] - starts[:-1]).max()) if len(starts) > 1 else 0


def _reads_deals(criteria: Criteria) -> bool:
    """Whether deals or the budget decide who matches."""
    return criteria.wallet.deal_mode != OPTIONAL_DEAL or criteria.bill.max_pay != NO_BUDGET


def _with_cards(wallet: Wallet, signature: int) -> Wallet:
    """A wallet with room for any card that may be added."""
    return wallet._replace(
        signature=wallet.signature | np.uint64(signature),
        eligible=wallet.eligible.copy(),
        classes=np.union1d(wallet.classes, np.array([ANY_PROGRAM_CLASS], np.int64)),
    )


def reach_of(radius_m: float) -> float:
    """The largest radius of a fix in metres."""
    if radius_m == inf:
        return inf
    return min(max(MOVED_SHARE * radius_m, radius_m + MOVED_M), _MOST_RADIUS_M)


def _largest(bill: Bill) -> Bill:
    """The bill whose bounds hold for every party and spend of a fix.

    A bill is `spend`, or the usual price times the party: for a bill twice as large twice the party
    stands.
    """
    party = bill.party_size + FARTHEST_PARTY
    if bill.spend == UNKNOWN_MONEY:
        return bill._replace(usual=False, party_size=max(party, 2 * bill.party_size))
    return bill._replace(usual=False, party_size=party, spend=2 * bill.spend)


def _hours_of_week(hour: int, minute: int, last_wait: int) -> I64:
    """Hours of the week of the next minutes; `minute` counts from the start of `hour`."""
    first, end = (minute + 1) // 60, (minute + last_wait) // 60 + 1
    return (hour + np.arange(first, end if last_wait else first)) % HOURS_OF_WEEK
