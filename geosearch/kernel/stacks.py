"""Upper bounds of what deals save below a node, by class of card, and of their combinations.

`segment.bounds` and `segment.stack_bounds` explain the columns and prove the bounds. Combinations
count in queries with `stacking=on`; no other query reads the columns of combinations.
"""

import math

import numpy as np

from geosearch.kernel.criteria import Criteria
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.segment.bounds import ANY_PROGRAM_CLASS, NEW_CUSTOMER_CLASS, PUBLIC_CLASS
from geosearch.segment.columns import Columns
from indexes.arrays import I64, U64, F32Matrix
from indexes.jit import inline_njit, inner_njit, njit


@inner_njit
def saving_of_class(columns: Columns, criteria: Criteria, c: int, node: int) -> float:
    """Upper bound of the saving of one deal of a class; minus infinity for an absent class."""
    if criteria.bill.usual:
        return float(columns.bound_saving[c, node])
    fixed = float(columns.bound_fixed_saving[c, node])
    if criteria.bill.spend != UNKNOWN_MONEY:
        return max(fixed, _grown(float(columns.bound_slope[c, node]), float(criteria.bill.spend)))
    return max(fixed, _grown(float(columns.bound_spend[c, node]), float(criteria.bill.party_size)))


@inner_njit
def best_of_class(columns: Columns, criteria: Criteria, c: int, node: int, quality: float) -> float:
    """Upper bound of the net benefit at distance 0 of a document with a deal of a class.

    For a bill that is not the usual one it is the greatest of three parts. A redemption works with
    probability at most 1, so a part that grows with the spend adds at most its saving. A document's
    quality is at most the node's, `quality`.
    """
    if criteria.bill.usual:
        return float(columns.bound_best[c, node])
    if criteria.bill.spend != UNKNOWN_MONEY:
        fixed = float(columns.bound_spend_best[c, node])
        growing = _grown(float(columns.bound_slope[c, node]), float(criteria.bill.spend))
    else:
        fixed = float(columns.bound_party_best[c, node])
        growing = _grown(float(columns.bound_party_slope[c, node]), float(criteria.bill.party_size))
    # A bundle counts at most its saving, and at most its share of the reference.
    share = float(columns.bound_bundle_slope[c, node])
    bundle = min(
        float(columns.bound_bundle_best[c, node]),
        quality + _grown(share, criteria.bill.counting.reference),
    )
    return max(fixed, quality + growing, bundle)


@inline_njit
def _grown(slope: float, amount: float) -> float:
    """A slope times an amount; minus infinity if the class of the slope is absent."""
    # An absent class has the slope minus infinity; 0 times that would be NaN.
    return slope * amount if slope > 0.0 else min(slope, 0.0)


@inner_njit
def with_stack_saving(columns: Columns, criteria: Criteria, node: int, bound: float) -> float:
    """Upper bound of the saving of deals and combinations below a node; `bound` is of deals."""
    fixed = growing = columns.bound_stack_saving
    amount = NONE_GROWS
    if not criteria.bill.usual:
        fixed = columns.bound_stack_fixed_saving
        if criteria.bill.spend != UNKNOWN_MONEY:
            growing, amount = columns.bound_stack_slope, float(criteria.bill.spend)
        else:
            growing, amount = columns.bound_stack_spend, float(criteria.bill.party_size)
    wallet, crossing = criteria.wallet, columns.node_crossing[node]
    return _raised(
        fixed, growing, amount, wallet.classes, wallet.signature, wallet.always, crossing, node,
        bound,
    )  # fmt: skip


@inner_njit
def with_stack_best(columns: Columns, criteria: Criteria, node: int, bound: float) -> float:
    """Upper bound of the net benefit at distance 0, with combinations; `bound` is of deals.

    As in `best_of_class`, but the parts add up.
    """
    fixed = growing = columns.bound_stack_best
    amount = NONE_GROWS
    if not criteria.bill.usual:
        if criteria.bill.spend != UNKNOWN_MONEY:
            fixed, growing = columns.bound_stack_spend_best, columns.bound_stack_slope
            amount = float(criteria.bill.spend)
        else:
            fixed, growing = columns.bound_stack_party_best, columns.bound_stack_party_slope
            amount = float(criteria.bill.party_size)
    wallet, crossing = criteria.wallet, columns.node_crossing[node]
    return _raised(
        fixed, growing, amount, wallet.classes, wallet.signature, wallet.always, crossing, node,
        bound,
    )  # fmt: skip


NONE_GROWS = -1.0
"""In place of the amount that a part grows with."""


@njit
def _raised(
    fixed: F32Matrix,
    growing: F32Matrix,
    amount: float,
    classes: I64,
    signature: U64,
    always: U64,
    crossing: int,
    node: int,
    bound: float,
) -> float:
    """`bound`, or the greatest bound of a combination of the wallet if that is greater."""
    if classes.shape[0] > 1:
        every = _of_class(fixed, growing, amount, ANY_PROGRAM_CLASS, node)
        if every <= bound or _crosses(classes, signature, always, crossing):
            return max(bound, every)
    for c in classes:
        bound = max(bound, _of_class(fixed, growing, amount, c, node))
    return bound


@inline_njit
def _of_class(fixed: F32Matrix, growing: F32Matrix, amount: float, c: int, node: int) -> float:
    """Bound of the combinations of a class; minus infinity for an absent class."""
    value = float(fixed[c, node])
    if amount < 0.0 or value == -math.inf:
        return value
    return value + float(growing[c, node]) * amount


@inline_njit
def _crosses(classes: I64, signature: U64, always: U64, crossing: int) -> bool:
    """Whether deals of several of the wallet's cards may combine below a node.

    A bit that cards share may stand for two of them.
    """
    if classes.shape[0] - (1 if classes[0] == PUBLIC_CLASS else 0) < 2:
        return False
    for c in classes:
        if c == NEW_CUSTOMER_CLASS:
            return bool(crossing != np.uint64(0))
    held = crossing & signature[0]
    if held == np.uint64(0):
        return False
    several = held & (held - np.uint64(1))
    return bool((several | (held & ~always[0])) != np.uint64(0))
