"""What the kernel reads and writes: the columns of a segment, a planned query, working memory.

Useful for: one name, one type and one shape for every array that crosses into compiled code.
Not useful for: filling them; `segment` loads columns, `plan` plans queries.
"""

from typing import Any, NamedTuple, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from indexes.rtree import NODE_SIZE

I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

MAX_RESULTS = 128
"""Largest `top_k` the kernel keeps: a page of 100 and one more to know whether there is a next."""


class Columns(NamedTuple):
    """Hot columns of one segment. d documents, o offers, m deals, p programmes, n nodes, c classes.

    An offer is one deal at one document; programme 0 stands for "no card needed".
    """

    doc_x: I32  # [d] longitude in 1e-7 degree
    doc_y: I32  # [d] latitude in 1e-7 degree
    doc_signature: U64  # [d] bits of the programmes with a deal here
    doc_schedule: U32  # [d] opening hours
    doc_category_set: U32  # [d] row of the catalogue's distinct lists of categories
    doc_area: U32  # [d] business area; 0 = none
    doc_time_zone: U16  # [d]
    doc_id_rank: U32  # [d] rank of merchant_id among all documents
    doc_rating: I16  # [d] thousandths; -1 = unknown
    doc_redeem: U16  # [d] probability of redemption in 1/10000
    doc_quality: I32  # [d] worth of the rating, minor units
    doc_price: I32  # [d] usual price per person; -1 = unknown
    doc_live: U64  # [ceil(d / 64)] one bit a document
    offer_start: U32  # [d + 1]
    offer_deal: U32  # [o]
    offer_window: U32  # [o] schedule in which the deal can be used here
    deal_terms: I32  # [m, 8] see `offers`
    deal_program: U16  # [m]
    deal_on: U8  # [m] 0 = sold out or withdrawn
    program_on: U8  # [p] 0 = not active
    schedule_start: U32
    change_minute: U16
    change_state: U8
    level_start: I64  # [levels + 1] see `indexes.rtree`
    node_box: I32  # [4, n] least and greatest: min_x, min_y, max_x, max_y
    node_open: U64  # [3, n] hours of the week in which a document is open
    node_maybe_open: U64  # [3, n] the same, unknown included
    node_deal: U64  # [3, n] hours in which some deal can be used
    node_signature: U64  # [n]
    node_category: U64  # [2, n]
    node_rating: I16  # [n] greatest
    node_id_rank: U32  # [n] least
    node_quality: I32  # [n] greatest
    bound_best: F32  # [c, n] see `bounds`
    bound_saving: F32  # [c, n]
    bound_fixed_best: F32  # [c, n]
    bound_fixed_saving: F32  # [c, n]
    bound_slope: F32  # [c, n]
    bound_spend: F32  # [c, n]


_MATRICES = frozenset(
    (
        "deal_terms",
        "node_box",
        "node_open",
        "node_maybe_open",
        "node_deal",
        "node_category",
        "bound_best",
        "bound_saving",
        "bound_fixed_best",
        "bound_fixed_saving",
        "bound_slope",
        "bound_spend",
    )
)


def column_types() -> dict[str, tuple[np.dtype[Any], int]]:
    """Type and number of dimensions of each column, from the annotations above."""
    types = {}
    for name, hint in get_type_hints(Columns).items():
        scalar = get_args(get_args(hint)[1])[0]
        types[name] = (np.dtype(scalar), 2 if name in _MATRICES else 1)
    return types


class Ask(NamedTuple):
    """One planned query over one segment: what `plan` makes of a `Query`."""

    lat: float
    lng: float
    x: float  # lng in column units
    y: float
    low_cosines: float  # at most cos(lat) * cos(lat of any match)
    high_cosines: float  # at least that within the radius
    wraps: bool  # longitudes are compared the short way round
    radius_m: float  # infinite where an area takes its place
    radius_haversine: float
    minute: int  # of the horizon
    until_minute: int  # must be open up to here; -1 = no such wish
    open_mode: int  # ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN
    hour: int  # of the week, UTC, of `minute`
    until_hour: int  # of the last minute before `until_minute`
    deal_mode: int  # OPTIONAL_DEAL, ANY_DEAL, CARD_DEAL
    bits: U64  # [3] signature, low and high category bits; a match has one of each asked for
    wallet: U8  # [p] 1 = eligible; wallet[0] = 1
    classes: I64  # bound classes whose maximum bounds this wallet
    usual_spend: bool  # party of one and no spend: the joint bounds hold
    party_size: int
    spend: int  # UNKNOWN_MONEY where not given
    category_allowed: U8  # [category sets]; empty = no wish
    min_rating: int  # thousandths; -1 = no wish
    boxed: bool
    box_min_x: int
    box_min_y: int
    box_max_x: int  # below box_min_x where the box crosses the antimeridian
    box_max_y: int
    edges: F64  # [e, 4] polygon in degrees; no rows = no polygon
    required: U32  # ascending docs, one of which a match must be, where `restricted`
    restricted: bool
    driver: U32  # ascending docs that hold every match, where `driven`
    driven: bool
    sort: int
    walk_cost_per_m: float
    top_k: int
    after: bool  # only results after the three keys below
    after_primary: float
    after_secondary: float
    after_id_rank: int


ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN = range(3)
OPTIONAL_DEAL, ANY_DEAL, CARD_DEAL = range(3)
SORTS = ("best", "distance", "saving", "rating")
BY_BEST, BY_DISTANCE, BY_SAVING, BY_RATING = range(4)

COUNTERS = ("nodes", "docs", "offers", "pushes", "leaves")
"""Work of a traversal: nodes and documents tested, offers priced, heap pushes, leaves read."""
NODES, DOCS, OFFERS, PUSHES, LEAVES = range(5)


class Scratch(NamedTuple):
    """Working memory of one query at a time; reused, never shared between threads."""

    heap_primary: F64
    heap_secondary: F64
    heap_node: I64
    top_primary: F64  # [MAX_RESULTS]
    top_secondary: F64
    top_distance: F64
    top_id_rank: I64
    top_doc: I64
    work: I64  # [len(COUNTERS)]
    detail: I64  # [DETAIL_ROWS, DETAIL_WIDTH] see `details.describe`
    detail_score: F64  # [MAX_RESULTS]


DETAIL_ROWS = 4096
DETAIL_WIDTH = 6


def new_scratch(nodes: int) -> Scratch:
    """Working memory for a segment of so many nodes.

    A traversal pushes each node at most once, so the heap never outgrows the tree. Pages that a
    query does not reach are never touched.
    """
    capacity = nodes + NODE_SIZE
    return Scratch(
        np.empty(capacity, np.float64),
        np.empty(capacity, np.float64),
        np.empty(capacity, np.int64),
        np.empty(MAX_RESULTS, np.float64),
        np.empty(MAX_RESULTS, np.float64),
        np.empty(MAX_RESULTS, np.float64),
        np.empty(MAX_RESULTS, np.int64),
        np.empty(MAX_RESULTS, np.int64),
        np.zeros(len(COUNTERS), np.int64),
        np.empty((DETAIL_ROWS, DETAIL_WIDTH), np.int64),
        np.empty(MAX_RESULTS, np.float64),
    )
