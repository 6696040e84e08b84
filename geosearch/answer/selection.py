"""Plan of the members of results that `result_text` writes, made once for each `fields`.

The kernel reads the plan as arrays. numba compiles the numbers below into it, in the order of
`result_fields`, which a test compares.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from geosearch.query.result_fields import RESULT_FIELDS, chosen_of
from geosearch.snapshot.stored import DEAL_FIELDS, MERCHANT_FIELDS
from indexes.arrays import I64, U8, I64Matrix
from indexes.prepared import Prepared

MERCHANT, DISTANCE_M, OPENING, BEST_DEAL, BETTER_PUBLIC, DEALS = range(6)
BEST_COMBINATION, BETTER_PUBLIC_COMBINATION, SCORE, REASONS, EXPLAIN = range(6, 11)
"""Rows of `Selection.parts`: the members of a result."""

STORED, ADDED = range(2)
"""Columns of `Selection.parts`: bits of the stored members of an object, and of those that the
kernel adds. All bits are set for a whole member."""

WHOLE = -1

LAT, LNG = 1, 2
OPEN_STATE, CLOSES_AT, OPENS_AT = 1, 2, 4
DEAL_SAVING, DEAL_PAY, DEAL_CURRENCY, DEAL_UNTIL = 1, 2, 4, 8
COMBINATION_DEALS, COMBINATION_STEPS, COMBINATION_SAVING, COMBINATION_PAY = 1, 2, 4, 8
COMBINATION_CURRENCY = 16
"""Bits of the members that the kernel adds to a merchant, to `open` and to a deal, and of those of
a combination."""

_STORED_IN = {
    "merchant": MERCHANT_FIELDS,
    "best_deal": DEAL_FIELDS,
    "better_public": DEAL_FIELDS,
    "deals": DEAL_FIELDS,
}


class Selection(NamedTuple):
    """The members to write: m members of a result, s fields of a stored merchant, d of a deal."""

    parts: I64Matrix  # [m, 2] see `STORED`
    merchant_key: U8  # keys of a stored merchant, with their quotes; bit i is key i
    merchant_key_start: I64  # [s + 1] where each begins
    deal_key: U8
    deal_key_start: I64  # [d + 1]


@lru_cache(maxsize=1_024)
def selection_of(fields: tuple[str, ...]) -> Prepared[Selection]:
    """The plan of the members that `fields` choose, all without any."""
    chosen = chosen_of(fields)
    rows = [_bits(name, chosen[name]) if name in chosen else (0, 0) for name in RESULT_FIELDS]
    parts = np.array(rows, np.int64)
    parts.flags.writeable = False  # It is kept for every query with these `fields`.
    return Prepared(Selection(parts, *_keys(MERCHANT_FIELDS), *_keys(DEAL_FIELDS)))


def _bits(member: str, inner: frozenset[str] | None) -> tuple[int, int]:
    """The row of a member of which `inner` are chosen; None for all."""
    if inner is None:
        return WHOLE, WHOLE
    stored = _STORED_IN.get(member, ())
    added = [name for name in RESULT_FIELDS[member] if name not in stored]
    held = WHOLE if inner.issuperset(stored) and stored else _mask(stored, inner)
    return held, _mask(added, inner)


def _mask(names: Sequence[str], chosen: frozenset[str]) -> int:
    return sum(1 << place for place, name in enumerate(names) if name in chosen)


def _keys(names: Sequence[str]) -> tuple[U8, I64]:
    texts = [f'"{name}"' for name in names]
    start = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return np.frombuffer("".join(texts).encode(), np.uint8), start
