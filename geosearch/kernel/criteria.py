"""Criteria of a query in the numbers of one segment, as the kernels read them.

Useful for: `plan`, which makes them, and every kernel.
Not useful for: the parameters of a request; `geosearch.query` has those.
"""

from typing import NamedTuple

from geosearch.money.ranking import Counting
from indexes.arrays import F64, I64, U8, U16, U32, U64, F64Matrix, I64Matrix
from indexes.jit import inner_njit


class Hours(NamedTuple):
    """The minute of a query, and its condition on opening hours."""

    minute: int  # of the horizon
    until_minute: int  # a match is open up to here; -1 = no such condition
    hour: int  # of the week, UTC, of `minute`
    until_hour: int  # of the last minute before `until_minute`
    open_mode: int  # ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN


class Wallet(NamedTuple):
    """The deals that count."""

    deal_mode: int  # OPTIONAL_DEAL, ANY_DEAL, CARD_DEAL, CARD_BEST_DEAL
    signature: U64  # [1] where a deal is required, a match has one of these bits
    always: U64  # [1] of these, the bits that no other card has
    eligible: U8  # [p] eligible[0] = 1
    classes: I64  # bound classes whose maximum bounds this wallet


class Bill(NamedTuple):
    """Party, spend and budget, how much of a saving counts for them, and whether deals combine."""

    usual: bool  # party of one and no spend: the joint bounds hold
    party_size: int
    spend: int  # UNKNOWN_MONEY where not given
    max_pay: int  # most that the user wants to pay; NO_BUDGET where not given
    counting: Counting
    combines: bool  # deals of several groups combine; see `money.stacking`


class KindFilter(NamedTuple):
    """Categories and least rating of a match."""

    bits: U64  # [2] low and high category bits; a match has one of them
    allowed: U8  # [category sets] 1 = may match; empty = all may
    min_rating: int  # thousandths; -1 = any rating


class Area(NamedTuple):
    """Box and polygon that a match appears in."""

    boxed: bool
    min_x: int
    min_y: int
    max_x: int  # below min_x where the box crosses the antimeridian
    max_y: int
    edges: F64Matrix  # [e, 5] see `indexes.geo.polygon`; no rows = no polygon
    datum: int  # of both, as in `indexes.geo.datum`; WGS84 if all shifts in them are 0
    shift_min_x: int  # range of the shifts of positions that appear in them, see `shift_range`
    shift_min_y: int
    shift_max_x: int
    shift_max_y: int


class Drivers(NamedTuple):
    """The lists or the tree that a search reads. Both lists ascend and hold every match."""

    driven: bool  # the search reads `driver` instead of a tree
    driver: U32
    restricted: bool  # a match is in `required`
    required: U32
    tree: int  # the card whose own tree the search reads; 0 = the tree of all documents


class Filter(NamedTuple):
    """Cached results of the tests that do not depend on the place of a query; see `filters`."""

    passing: U32  # [leaves] a bit a document, and a bit if these are known; no rows = no filter
    value: F64  # [l] `deals.doc_best_value` of documents that pass; no rows in other orders
    changed: U64  # [ceil(leaves / 64)] a bit a leaf: 1 = live changes, so nothing cached holds


class Words(NamedTuple):
    """The words of a match: t lists of documents.

    A match is in each of the first `required` lists, which go from shortest to longest. The other
    lists only add to the relevance. If `below` is set and relevance does not count, `required` is
    0.
    """

    docs: U32  # ascending within each list
    impacts: U8  # impact of each entry of `docs`, 1 to 255; see `indexes.terms.postings`
    blocks: U8  # greatest impacts of runs of `impacts`
    span: I64Matrix  # [t, 2] where each list begins and ends
    weight: F64  # [t] relevance of one step of impact; all lists at 255 add up to at most 1
    required: int
    carried: int  # the first lists, which a traversal narrows from node to node
    worth: float  # minor units of a relevance of 1 in the net benefit
    below: U16  # [n] bits of the children with a document that has all words; no rows = unknown


class Paging(NamedTuple):
    """Sort order, number of results, and the result that a page starts after."""

    sort: int
    walk_cost_per_m: float
    top_k: int
    after: bool  # only results after the three keys
    after_primary: float
    after_secondary: float
    after_id_rank: int


class Criteria(NamedTuple):
    """What a match in one segment fulfils, and its order: all of a `Query` but its place.

    `plan` makes it of parts, because it keeps most of them from one query to the next.
    """

    hours: Hours
    wallet: Wallet
    bill: Bill
    kinds: KindFilter
    area: Area
    lists: Drivers
    words: Words
    page: Paging
    states: U8  # [schedules] see `states`
    filter: Filter


NO_BUDGET = -1
ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN = range(3)
OPTIONAL_DEAL, ANY_DEAL, CARD_DEAL, CARD_BEST_DEAL = range(4)
SORTS = ("best", "distance", "saving", "rating", "relevance")
BY_BEST, BY_DISTANCE, BY_SAVING, BY_RATING, BY_RELEVANCE = range(5)


@inner_njit
def with_hours(criteria: Criteria, hours: Hours, states: U8) -> Criteria:
    """The same criteria at another minute, with the states of schedules then."""
    return _with(criteria, hours, criteria.wallet, criteria.bill, states)


@inner_njit
def with_wallet(criteria: Criteria, wallet: Wallet) -> Criteria:
    """The same criteria with other cards."""
    return _with(criteria, criteria.hours, wallet, criteria.bill, criteria.states)


@inner_njit
def with_bill(criteria: Criteria, bill: Bill) -> Criteria:
    """The same criteria with another party, spend or budget."""
    return _with(criteria, criteria.hours, criteria.wallet, bill, criteria.states)


@inner_njit
def _with(criteria: Criteria, hours: Hours, wallet: Wallet, bill: Bill, states: U8) -> Criteria:
    """The same criteria with these parts; a kernel has no `_replace`."""
    return Criteria(
        hours,
        wallet,
        bill,
        criteria.kinds,
        criteria.area,
        criteria.lists,
        criteria.words,
        criteria.page,
        states,
        criteria.filter,
    )
