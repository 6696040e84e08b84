"""What a query asks of a segment: one value for each part, as the kernels read it.

Useful for: `plan`, which makes them, and for every kernel.
Not useful for: what may be asked of the service; that is `geosearch.query`.
"""

from typing import NamedTuple

from geosearch.segment.columns import F64, I64, U8, U16, U32, U64


class Hours(NamedTuple):
    """When, and what that asks of opening hours."""

    minute: int  # of the horizon
    until_minute: int  # must be open up to here; -1 = no such wish
    hour: int  # of the week, UTC, of `minute`
    until_hour: int  # of the last minute before `until_minute`
    open_mode: int  # ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN


class Wallet(NamedTuple):
    """Which deals count."""

    deal_mode: int  # OPTIONAL_DEAL, ANY_DEAL, CARD_DEAL
    signature: U64  # [1] bits, one of which a match must have where a deal is asked for
    eligible: U8  # [p] eligible[0] = 1
    classes: I64  # bound classes whose maximum bounds this wallet


class Bill(NamedTuple):
    """What is going to be spent."""

    usual: bool  # party of one and no spend: the joint bounds hold
    party_size: int
    spend: int  # UNKNOWN_MONEY where not given


class KindFilter(NamedTuple):
    """What kind of shop."""

    bits: U64  # [2] low and high category bits, one of which a match must have
    allowed: U8  # [category sets]; empty = no wish
    min_rating: int  # thousandths; -1 = no wish


class Area(NamedTuple):
    """Box and polygon in which a match appears."""

    boxed: bool
    min_x: int
    min_y: int
    max_x: int  # below min_x where the box crosses the antimeridian
    max_y: int
    edges: F64  # [e, 5] see `indexes.geo.polygon`; no rows = no polygon
    datum: int  # of both, as in `indexes.geo.datum`; WGS84 where no position in them is shifted
    shift_min_x: int  # how far positions are shifted that appear in them, see `shift_range`
    shift_min_y: int
    shift_max_x: int
    shift_max_y: int


class Drivers(NamedTuple):
    """Ascending documents that hold every match."""

    driven: bool  # the first list is searched instead of the tree
    driver: U32
    restricted: bool  # a match is in the second list
    required: U32
    tree: int  # the card whose own tree is searched; 0 = the tree of all documents


class Filter(NamedTuple):
    """What is known of documents wherever the question is asked; see `filters`."""

    passing: U32  # [leaves] a bit a document, and whether they are known; no rows = nothing is kept
    value: F64  # [l] `predicates.doc_value` of a document that passes; none where it is no work


class Words(NamedTuple):
    """What text a match has: t lists of documents.

    A match is in each of the first `required` ones, shortest first. The others only add to its
    relevance. Where `below` says who is a match and relevance is no matter, none is required.
    """

    docs: U32  # ascending within each list
    impacts: U8  # what each entry of `docs` is worth, 1 to 255; see `indexes.terms.postings`
    blocks: U8  # greatest impacts of runs of `impacts`
    span: I64  # [t, 2] where each list begins and ends
    weight: F64  # [t] relevance of one step of impact; all lists at 255 add up to at most 1
    required: int
    carried: int  # lists, from the first on, whose part below a node is noted on the way down
    worth: float  # minor units of a relevance of 1 in the net benefit
    below: U16  # [n] bits of what a node has in all required lists; none where that is little


class Paging(NamedTuple):
    """Which part of which order."""

    sort: int
    walk_cost_per_m: float
    top_k: int
    after: bool  # only results behind the three keys
    after_primary: float
    after_secondary: float
    after_id_rank: int


class Criteria(NamedTuple):
    """What a query asks of a segment, wherever it is asked from: what `plan` makes of a `Query`.

    In parts, because most of them are the same from one query to the next and are kept.
    """

    hours: Hours
    wallet: Wallet
    bill: Bill
    kinds: KindFilter
    area: Area
    lists: Drivers
    words: Words
    page: Paging
    filter: Filter


ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN = range(3)
OPTIONAL_DEAL, ANY_DEAL, CARD_DEAL = range(3)
SORTS = ("best", "distance", "saving", "rating", "relevance")
BY_BEST, BY_DISTANCE, BY_SAVING, BY_RATING, BY_RELEVANCE = range(5)
