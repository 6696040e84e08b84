"""Columns of a segment as one contiguous array for each value, for brute force.

Brute force is fastest in this layout; the kernel uses another one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geosearch.segment.columns import (
    DOC_ID_RANK,
    DOC_PRICE,
    DOC_QUALITY,
    DOC_RATING,
    DOC_REDEEM,
    Columns,
)
from indexes.arrays import I32


class Flat(NamedTuple):
    """One array for each value; d documents, o offers, m deals."""

    x: I32  # [d] 1e-7 degree
    y: I32
    signature: NDArray[np.uint64]
    schedule: I32
    id_rank: I32
    category_set: NDArray[np.uint32]
    rating: I32  # thousandths, -1 = unknown
    redeem: I32  # 1/10000
    quality: I32
    price: I32  # -1 = unknown
    first_offer: I32
    end_offer: I32
    offer_deal: I32
    offer_window: I32
    offer_program: I32
    offer_group: NDArray[np.uint8]
    deal_terms: I32  # [m, 8] see `geosearch.money.offers`
    deal_on: NDArray[np.bool_]
    program_on: NDArray[np.bool_]


def flatten(columns: Columns) -> Flat:
    """Return copies of the columns of one segment."""
    record, start = columns.doc_record, columns.offer_start.astype(np.int32)
    deal_bits = np.unpackbits(columns.deal_on.view(np.uint8), bitorder="little")
    return Flat(
        x=columns.doc_position[:, 0].copy(),
        y=columns.doc_position[:, 1].copy(),
        signature=columns.doc_signature.copy(),
        schedule=columns.doc_schedule.astype(np.int32),
        id_rank=record[:, DOC_ID_RANK].copy(),
        category_set=columns.doc_category_set.copy(),
        rating=record[:, DOC_RATING].copy(),
        redeem=record[:, DOC_REDEEM].copy(),
        quality=record[:, DOC_QUALITY].copy(),
        price=record[:, DOC_PRICE].copy(),
        first_offer=start[:-1],
        end_offer=start[1:],
        offer_deal=columns.offer_deal.astype(np.int32),
        offer_window=columns.offer_window.astype(np.int32),
        offer_program=columns.offer_program.astype(np.int32),
        offer_group=columns.offer_group.copy(),
        deal_terms=np.array(columns.deal_terms),
        deal_on=deal_bits[: len(columns.deal_terms)].astype(np.bool_),
        program_on=columns.program_on == 1,
    )
