"""Best combinations of deals by brute force: one deal or none of each group, in every way.

It knows no bound. `brute` asks it for rows with two groups only, which are few.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geosearch.money.offers import (
    AMOUNT_OFF,
    BUNDLE,
    CASHBACK,
    FREE_ITEM,
    MAX_DISCOUNT,
    MAX_USES,
    MIN_SPEND,
    PERCENT_OFF,
    PPM,
    PRICE,
    TYPE,
    VALUE,
    VOUCHER,
)

Ints = NDArray[np.int64]
Deal = tuple[int, int, bool, list[int]]
"""Number, group, whether it needs a card, and terms; it is usable alone for the bill."""

_ORDER = (BUNDLE, PERCENT_OFF, AMOUNT_OFF, VOUCHER, CASHBACK, FREE_ITEM)


class Together(NamedTuple):
    """A combination: sum of its savings, what is left to pay, and the part that is gifts."""

    saving: int
    pay: int
    gifts: int


def best_combinations(
    rows: Iterable[tuple[int, list[Deal]]], spend: Ints, *, by_card: bool
) -> Iterator[tuple[int, Together]]:
    """Yield the best combination of rows that have one: the largest saving, then the lower pay.

    Parameters
    ----------
    rows
        Rows with the deals that may combine there.
    spend
        int64[n], bills; those of `rows` are known.
    by_card
        Whether a combination needs a deal of a card.
    """
    for row, deals in rows:
        found = [
            _together(chosen, int(spend[row]))
            for chosen in _choices(deals)
            if not by_card or any(card for _, _, card, _ in chosen)
        ]
        valid = [one for one in found if one is not None]
        if valid:
            # Of equally good ones, fewer deals come first, then smaller numbers.
            yield row, min(valid, key=lambda one: (-one[0].saving, one[0].pay, one[1]))[0]


def _choices(deals: list[Deal]) -> Iterator[list[Deal]]:
    groups: dict[int, list[Deal | None]] = {}
    for deal in deals:
        groups.setdefault(deal[1], [None]).append(deal)
    for picked in product(*groups.values()):
        chosen = [deal for deal in picked if deal is not None]
        if len(chosen) > 1 and sum(terms[TYPE] == BUNDLE for *_, terms in chosen) < 2:
            yield sorted(chosen, key=lambda deal: (_ORDER.index(deal[3][TYPE]), deal[0]))


def _together(deals: list[Deal], bill: int) -> tuple[Together, tuple[int, list[int]]] | None:
    """Return a combination, and its order among equally good ones; None if a condition fails."""
    total = gifts = 0
    for *_, terms in deals:
        kind, value, least = terms[TYPE], terms[VALUE], terms[MIN_SPEND]
        if kind == BUNDLE:
            total, bill = total + value - terms[PRICE], min(bill, terms[PRICE])
            continue
        if kind == FREE_ITEM:
            total, gifts = total + value, gifts + value
            continue
        if bill < (max(least, value) if kind == VOUCHER else least):
            return None
        if kind == AMOUNT_OFF:
            saving = min(value, bill)
        elif kind == VOUCHER:
            saving = min(terms[MAX_USES], bill // value) * (value - terms[PRICE])
        else:
            saving = min(bill * value // PPM, terms[MAX_DISCOUNT])
        total += saving
        bill -= 0 if kind == CASHBACK else saving
    return Together(total, bill, gifts), (len(deals), [deal[0] for deal in deals])
