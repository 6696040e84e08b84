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

RATING_STEPS = 1_000
"""Ratings are kept in thousandths of a star."""

MAX_RESULTS = 128
"""Largest `top_k` the kernel keeps: a page of 100 and one more to know whether there is a next."""


class Columns(NamedTuple):
    """Hot columns of one segment. d documents, o offers, m deals, p cards, n nodes, c classes.

    An offer is one deal at one document; card 0 stands for "no card needed".
    """

    doc_signature: U64  # [d] bits of the cards with a deal here
    doc_position: I32  # [d, 2] x = longitude, y = latitude, in 1e-7 degree
    doc_record: I32  # [d, 8] see below: half a cache line
    doc_category_set: U32  # [d] row of the catalogue's distinct lists of categories
    doc_area: U32  # [d] business area; 0 = none
    doc_time_zone: U16  # [d]
    doc_live: U64  # [ceil(d / 64)] one bit a document
    offer_record: I32  # [o, 3] see below
    deal_terms: I32  # [m, 8] see `offers`
    deal_on: U64  # [ceil(m / 64)] one bit a deal; clear = sold out or withdrawn
    program_on: U8  # [p] 0 = not active
    schedule_start: U32
    change_minute: U16
    change_state: U8
    level_start: I64  # [levels + 1] see `indexes.rtree`
    leaf_doc: U32  # [l] documents in the order of the leaves; none where that is their number
    leaf_position: I32  # [l, 2] theirs; `doc_position` where their order is that of the leaves
    leaf_category_set: U32  # [l] as `leaf_position`
    leaf_best: F32  # [l] bounds of each, as `bound_best`; none where there is no `leaf_doc`
    leaf_saving: F32  # [l]
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


DOC_SCHEDULE, DOC_ID_RANK, DOC_PRICE, DOC_FIRST_OFFER = range(4)
DOC_END_OFFER, DOC_REDEEM, DOC_QUALITY, DOC_RATING = range(4, 8)
"""Fields of `doc_record`: opening hours; rank of `merchant_id`; usual price per person, -1 =
unknown; the document's offers are those from the first to before the end; probability of
redemption in 1/10000; worth of the rating in minor units; rating in thousandths, -1 = unknown.

What a candidate is tested by stands together, because a test costs little and a cache miss a lot;
what sorts most documents out before (signature, position) stands apart, so that it is dense."""

OFFER_DEAL, OFFER_WINDOW, OFFER_PROGRAM = range(3)
"""Fields of `offer_record`: deal; schedule in which it can be used here; card."""

_MATRICES = frozenset(
    (
        "doc_position",
        "doc_record",
        "offer_record",
        "deal_terms",
        "leaf_position",
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


class Taste(NamedTuple):
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
    edges: F64  # [e, 5] see `indexes.polygon`; no rows = no polygon
    datum: int  # of both, as in `indexes.datum`; WGS84 where no position in them is shifted
    shift_min_x: int  # how far positions are shifted that appear in them, see `shift_range`
    shift_min_y: int
    shift_max_x: int
    shift_max_y: int


class Lists(NamedTuple):
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
    impacts: U8  # what each entry of `docs` is worth, 1 to 255; see `indexes.postings`
    blocks: U8  # greatest impacts of runs of `impacts`
    span: I64  # [t, 2] where each list begins and ends
    weight: F64  # [t] relevance of one step of impact; all lists at 255 add up to at most 1
    required: int
    carried: int  # lists, from the first on, whose part below a node is noted on the way down
    worth: float  # minor units of a relevance of 1 in the net benefit
    below: U16  # [n] bits of what a node has in all required lists; none where that is little


class Page(NamedTuple):
    """Which part of which order."""

    sort: int
    walk_cost_per_m: float
    top_k: int
    after: bool  # only results behind the three keys
    after_primary: float
    after_secondary: float
    after_id_rank: int


class Ask(NamedTuple):
    """What a query asks of a segment, wherever it is asked from: what `plan` makes of a `Query`.

    In parts, because most of them are the same from one query to the next and are kept.
    """

    hours: Hours
    wallet: Wallet
    bill: Bill
    taste: Taste
    area: Area
    lists: Lists
    words: Words
    page: Page
    filter: Filter


ANY_HOURS, OPEN_ONLY, OPEN_OR_UNKNOWN = range(3)
OPTIONAL_DEAL, ANY_DEAL, CARD_DEAL = range(3)
SORTS = ("best", "distance", "saving", "rating", "relevance")
BY_BEST, BY_DISTANCE, BY_SAVING, BY_RATING, BY_RELEVANCE = range(5)

COUNTERS = ("nodes", "docs", "offers", "pushes", "leaves", "postings")
"""Work of a traversal: nodes and documents tested, offers priced, heap pushes, leaves read,
look-ups in lists of documents with a word."""
NODES, DOCS, OFFERS, PUSHES, LEAVES, POSTINGS = range(6)

MAX_CARRIED = 4
"""Lists of words that a traversal narrows from node to node; further ones are looked up in whole,
for the few documents that hold the first."""


class Scratch(NamedTuple):
    """Working memory of one query at a time; reused, never shared between threads."""

    heap_key: F64  # [nodes, 2] primary, secondary
    heap_entry: I64  # [nodes, 2] id rank, node
    span: I32  # [nodes, 2 * MAX_CARRIED] where the part of each list below a node begins and ends
    reached: I64  # [MAX_CARRIED] where the part of each list that was noted last ends
    top_key: F64  # [MAX_RESULTS, 2] primary, secondary
    top_doc: I64  # [MAX_RESULTS]
    sibling_key: I64  # [rows, NODE_SIZE] see `indexes.siblings`, as the two below
    sibling_parent: I64  # [rows]
    sibling_front: I64  # [rows, 2]
    metres: F64  # [NODE_SIZE] see `indexes.sphere`, `note_boxes_m` and `note_points_m`
    offset: F64  # [2, NODE_SIZE] see `indexes.sphere.note_points_m`
    place: I64  # [NODE_SIZE] see `traversal`, `note_places` and `note_few`
    within: I64  # [NODE_SIZE] see `indexes.sphere.note_within`
    work: I64  # [len(COUNTERS)]
    detail: I64  # [DETAIL_ROWS, DETAIL_WIDTH] see `details.describe`
    score: F64  # [MAX_RESULTS] see `details.describe`
    text_end: I64  # [MAX_RESULTS] see `result_text.write_results`


DETAIL_ROWS = 4096
DETAIL_WIDTH = 6


def new_scratch(nodes: int) -> Scratch:
    """Working memory for a segment of so many nodes.

    A traversal pushes each node at most once, so the heap never outgrows the tree. Pages that a
    query does not reach are never touched.
    """
    capacity = nodes + NODE_SIZE
    # A row for each node with children: of each level the last one may have fewer than others.
    rows = nodes // NODE_SIZE + NODE_SIZE
    return Scratch(
        np.empty((capacity, 2), np.float64),
        np.empty((capacity, 2), np.int64),
        np.empty((capacity, 2 * MAX_CARRIED), np.int32),
        np.empty(MAX_CARRIED, np.int64),
        np.empty((MAX_RESULTS, 2), np.float64),
        np.empty(MAX_RESULTS, np.int64),
        np.empty((rows, NODE_SIZE), np.int64),
        np.empty(rows, np.int64),
        np.empty((rows, 2), np.int64),
        np.empty(NODE_SIZE, np.float64),
        np.zeros((2, NODE_SIZE), np.float64),
        np.empty(NODE_SIZE, np.int64),
        np.empty(NODE_SIZE, np.int64),
        np.zeros(len(COUNTERS), np.int64),
        np.empty((DETAIL_ROWS, DETAIL_WIDTH), np.int64),
        np.empty(MAX_RESULTS, np.float64),
        np.empty(MAX_RESULTS, np.int64),
    )
