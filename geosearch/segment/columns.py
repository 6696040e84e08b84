"""Hot columns of a segment: name, type and shape of every array that compiled code reads.

Useful for: kernels, and modules that make or open these arrays.
Not useful for: filling them (`writer`), opening them (`segment`), the criteria of a query
(`geosearch.kernel.criteria`).
"""

from typing import Any, NamedTuple, get_type_hints

import numpy as np

from indexes.arrays import (
    F32,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32Matrix,
    I32Matrix,
    U64Matrix,
    array_type,
)

RATING_STEPS = 1_000
"""Units of a stored rating in one star."""


class Columns(NamedTuple):
    """Hot columns of one segment. d documents, o offers, m deals, p cards, n nodes, c classes.

    An offer is one deal at one document; card 0 stands for "no card needed".
    """

    doc_signature: U64  # [d] bits of the cards with a deal here
    doc_position: I32Matrix  # [d, 2] x = longitude, y = latitude, in 1e-7 degree
    doc_record: I32Matrix  # [d, 8] see below: half a cache line
    doc_category_set: U32  # [d] row of the catalogue's distinct lists of categories
    doc_area: U32  # [d] business area; 0 = none
    doc_time_zone: U16  # [d]
    doc_live: U64  # [ceil(d / 64)] one bit a document
    offer_record: I32Matrix  # [o, 3] see below
    deal_terms: I32Matrix  # [m, 8] see `offers`
    deal_on: U64  # [ceil(m / 64)] one bit a deal; clear = sold out or withdrawn
    program_on: U8  # [p] 0 = not active
    schedule_start: U32
    change_minute: U16
    change_state: U8
    level_start: I64  # [levels + 1] see `indexes.geo.rtree`
    leaf_doc: U32  # [l] documents in the order of the leaves; no rows if that is their own order
    leaf_position: I32Matrix  # [l, 2] positions of these; `doc_position` if `leaf_doc` has no rows
    leaf_category_set: U32  # [l] as `leaf_position`
    leaf_best: F32  # [l] bound of each document, as `bound_best`; no rows if `leaf_doc` has none
    leaf_saving: F32  # [l]
    node_box: I32Matrix  # [4, n] least and greatest: min_x, min_y, max_x, max_y
    node_open: U64Matrix  # [3, n] hours of the week in which a document is open
    node_maybe_open: U64Matrix  # [3, n] the same, unknown included
    node_deal: U64Matrix  # [3, n] hours in which some deal can be used
    node_signature: U64  # [n]
    node_category: U64Matrix  # [2, n]
    node_rating: I16  # [n] greatest
    node_id_rank: U32  # [n] least
    node_quality: I32  # [n] greatest
    bound_best: F32Matrix  # [c, n] see `bounds`
    bound_saving: F32Matrix  # [c, n]
    bound_fixed_best: F32Matrix  # [c, n]
    bound_fixed_saving: F32Matrix  # [c, n]
    bound_slope: F32Matrix  # [c, n]
    bound_spend: F32Matrix  # [c, n]


DOC_SCHEDULE, DOC_ID_RANK, DOC_PRICE, DOC_FIRST_OFFER = range(4)
DOC_END_OFFER, DOC_REDEEM, DOC_QUALITY, DOC_RATING = range(4, 8)
"""Fields of `doc_record`: schedule of opening hours; rank of `merchant_id`; usual price per person
in minor units, -1 = unknown; first offer and end of the offers of the document; probability of
redemption in 1/10000; worth of the rating in minor units; rating in thousandths, -1 = unknown.

One record holds what the tests of a candidate read, because a test costs little and a cache miss a
lot. Signature and position have dense columns: they rule out most documents before."""

OFFER_DEAL, OFFER_WINDOW, OFFER_PROGRAM = range(3)
"""Fields of `offer_record`: deal; schedule of the minutes at which it is usable here; card."""


def column_types() -> dict[str, tuple[np.dtype[Any], int]]:
    """Type and number of dimensions of each column, from the annotations above."""
    hints = get_type_hints(Columns, include_extras=True)
    return {name: array_type(hint) for name, hint in hints.items()}
