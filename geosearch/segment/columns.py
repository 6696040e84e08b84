"""Hot columns of a segment: name, type and shape of every array that compiled code reads.

Useful for: kernels, and modules that make or open these arrays.
Not useful for: filling them (`writer`), opening them (`segment`), the criteria of a query
(`geosearch.kernel.criteria`).
"""

from collections.abc import Mapping
from functools import cache
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

    An offer is one deal at one document; card 0 stands for "no card needed". A card's own tree has
    other level, leaf, node and offer columns, in the order of its leaves; see `card_trees`.
    """

    doc_signature: U64  # [d] bits of the cards with a deal here
    doc_always: U64  # [d] of these, the cards with a deal that one person can use at any minute
    doc_position: I32Matrix  # [d, 2] x = longitude, y = latitude, in 1e-7 degree
    doc_record: I32Matrix  # [d, 6] see below
    doc_schedule: U32  # [d] schedule of opening hours
    doc_category_set: U32  # [d] row of the catalogue's distinct lists of categories
    doc_area: U32  # [d] business area; 0 = none
    doc_live: U64  # [ceil(d / 64)] one bit a document
    offer_start: U32  # [l + 1] where the offers of each place in the leaves begin
    offer_deal: U32  # [o]
    offer_window: U32  # [o] schedule of the minutes at which the deal is usable here
    offer_program: U16  # [o] card
    offer_saving: I32  # [o] saving for one person at the usual price; see below, as the next
    offer_pay: I32  # [o]
    offer_group: U8  # [o] group that it combines across at its shop, from 1 on; 0 = used alone
    deal_terms: I32Matrix  # [m, 8] see `offers`
    deal_on: U64  # [ceil(m / 64)] one bit a deal; clear = sold out, withdrawn or in `deal_new`
    deal_new: U64  # [ceil(m / 64)] one bit a deal that is on, but for new customers only
    program_on: U8  # [p] 0 = not active
    schedule_start: U32
    change_minute: U16
    change_state: U8
    level_start: I64  # [levels + 1] see `indexes.geo.rtree`
    leaf_doc: U32  # [l] documents in the order of the leaves; no rows if that is their own order
    leaf_position: I32Matrix  # [l, 2] positions of these; `doc_position` if `leaf_doc` has no rows
    leaf_schedule: U32  # [l] as `leaf_position`, and the next
    leaf_category_set: U32  # [l]
    leaf_best: F32  # [l] bound of each document, as `bound_best`
    leaf_saving: F32  # [l]
    leaf_stack_best: F32  # [l] bound of each document, as `bound_stack_best`
    leaf_stack_saving: F32  # [l]
    node_box: I32Matrix  # [4, n] least and greatest: min_x, min_y, max_x, max_y
    node_open: U64Matrix  # [3, n] hours of the week in which a document is open
    node_maybe_open: U64Matrix  # [3, n] the same, unknown included
    node_deal: U64Matrix  # [3, n] hours in which some deal can be used
    node_signature: U64  # [n]
    node_category: U64Matrix  # [2, n]
    node_rating: I16  # [n] greatest
    node_id_rank: U32  # [n] least
    node_quality: I32  # [n] greatest
    node_crossing: U64  # [n] bits of cards whose deals combine with those of another card
    bound_best: F32Matrix  # [c, n] see `bounds`
    bound_saving: F32Matrix  # [c, n]
    bound_fixed_saving: F32Matrix  # [c, n]
    bound_slope: F32Matrix  # [c, n]
    bound_spend: F32Matrix  # [c, n]
    bound_spend_best: F32Matrix  # [c, n]
    bound_party_best: F32Matrix  # [c, n]
    bound_party_slope: F32Matrix  # [c, n]
    bound_bundle_best: F32Matrix  # [c, n]
    bound_bundle_slope: F32Matrix  # [c, n]
    bound_stack_best: F32Matrix  # [c, n] of combinations of deals; see `stack_bounds`
    bound_stack_saving: F32Matrix  # [c, n]
    bound_stack_fixed_saving: F32Matrix  # [c, n]
    bound_stack_slope: F32Matrix  # [c, n]
    bound_stack_spend: F32Matrix  # [c, n]
    bound_stack_spend_best: F32Matrix  # [c, n]
    bound_stack_party_best: F32Matrix  # [c, n]
    bound_stack_party_slope: F32Matrix  # [c, n]


DOC_TIME_ZONE, DOC_ID_RANK, DOC_PRICE, DOC_REDEEM, DOC_QUALITY, DOC_RATING = range(6)
"""Fields of `doc_record`: time zone; rank of `merchant_id`; usual price per person in minor units,
-1 = unknown; probability of redemption in 1/10000; worth of the rating in minor units; rating in
thousandths, -1 = unknown.

What most searches test has a column of its own, because a test costs little and a cache miss a lot.
"""

NO_USE, NO_SAVING, LARGE_SAVING = -(2**31), -(2**31) + 1, -(2**31) + 2
"""Values of `offer_saving`: unusable; usable with an unknown saving; saving or pay too large.

With saving and pay here a search for one person does not read `deal_terms`, whose rows lie far
apart.
"""
NO_PAY = -(2**31)
"""Unknown pay in `offer_pay`. A gift is stored as -1 less its pay, so it is below 0; only gifts and
unknown savings have an unknown pay."""
LARGEST_SAVING = 2**31 - 3
"""Stored savings and pays are smaller in size."""


class Offers(NamedTuple):
    """The offers of documents, for the code that summarises them."""

    start: U32  # [d + 1]
    deal: U32  # [o], as the next three
    window: U32
    program: U16
    group: U8


def offers_in(columns: Mapping[str, Any]) -> Offers:
    """The offers in columns by name."""
    return Offers(*(columns[f"offer_{name}"] for name in Offers._fields))


@cache
def column_types() -> dict[str, tuple[np.dtype[Any], int]]:
    """Type and number of dimensions of each column, from the annotations above."""
    hints = get_type_hints(Columns, include_extras=True)
    return {name: array_type(hint) for name, hint in hints.items()}
