"""Deals with a limited stock: nobody can plan a month of lunches with 30 vouchers.

Useful for: `worth`, which leaves them out.
Not useful for: searches, which only ask whether a piece is left.
"""

import re
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from geosearch.live.changed_segment import ChangedSegment
from geosearch.segment.segment import Segment

# A quote inside a text has a backslash before it, so this matches names of members only.
_STOCK = re.compile(rb'"stock":')

_known: WeakKeyDictionary[Segment, NDArray[np.uint64]] = WeakKeyDictionary()


def limited_deals(segment: Segment) -> NDArray[np.uint64]:
    """One bit a deal, set where its stock is limited: uint64[ceil(m / 64)].

    Stored deals have no member `stock` where it is unlimited. Reading a million takes 0.2 s, once.
    """
    found = _known.get(segment)
    if found is None and isinstance(segment, ChangedSegment):
        found = _known[segment] = _with_changes(limited_deals(segment.built), segment)
    elif found is None:
        starts, texts = segment.deal_payload.arrays
        bits = np.zeros(64 * len(segment.columns.deal_on), np.uint8)
        places = [match.start() for match in _STOCK.finditer(texts.data)]
        bits[np.searchsorted(starts, places, side="right") - 1] = 1
        found = _known[segment] = np.packbits(bits, bitorder="little").view(np.uint64)
    return found


def _with_changes(bits: NDArray[np.uint64], segment: ChangedSegment) -> NDArray[np.uint64]:
    """The bits with those of the deals whose stock changed since the build."""
    limited = np.unpackbits(bits.view(np.uint8), bitorder="little")
    deals = segment.deal_texts.rows
    texts = map(segment.deal_texts, deals.tolist())
    limited[deals] = [_STOCK.search(text) is not None for text in texts]
    return np.packbits(limited, bitorder="little").view(np.uint64)
