"""Savings of deals in integer minor units: usable or not, saving, and amount to pay.

A deal depends on spend and party size here. The kernel checks dates, hours, stock and wallet first.
Unknown is not zero: without a bill a percentage is usable, and its saving is unknown.
"""

import numpy as np
from numpy.typing import NDArray

from indexes.jit import inline_njit, int64

OFFER_TYPES = ("percent_off", "amount_off", "voucher", "bundle", "cashback", "free_item")
"""Offer types by their code in the `TYPE` column."""

PERCENT_OFF, AMOUNT_OFF, VOUCHER, BUNDLE, CASHBACK, FREE_ITEM = range(6)

TYPE, VALUE, PRICE, MIN_SPEND, MAX_DISCOUNT, MAX_USES, PARTY_MIN, PARTY_MAX = range(8)
"""Columns of `deal_terms`, int32[n, 8].

`VALUE` depends on the type: parts per million of the spend for `percent_off` and `cashback`, the
amount for `amount_off`, the face value for `voucher` and `free_item`, the list price for `bundle`.
`PRICE` is the price of a voucher or bundle, else 0. A missing minimum is 0 and a missing maximum is
`NO_LIMIT`; `MAX_USES` is at least 1.
"""

TERMS_WIDTH = 8
NO_LIMIT = 2**31 - 1
PPM = 1_000_000

UNUSABLE = 0
UNKNOWN_SAVING = 1
KNOWN_SAVING = 2

UNKNOWN_MONEY = -(2**62)
"""An unknown spend, saving or pay; every known amount is greater."""

Terms = NDArray[np.int32]


@inline_njit
def expected_spend(spend: int, avg_price: int, party_size: int) -> int:
    """Expected bill: `spend` of the request, else the average price times the party size.

    `UNKNOWN_MONEY` if `spend` is unknown and `avg_price` is negative, which means unknown.
    """
    if spend != UNKNOWN_MONEY:
        return spend
    if avg_price < 0:
        return UNKNOWN_MONEY
    return avg_price * party_size


@inline_njit
def offer_value(terms: Terms, deal: int, spend: int, party_size: int) -> tuple[int, int, int]:
    """Status, saving and pay of one deal, by the table of the contract.

    Parameters
    ----------
    terms
        `deal_terms`, int32[n, 8].
    deal
        Row of the deal.
    spend
        The bill, or `UNKNOWN_MONEY`.
    party_size
        At least 1.

    Returns
    -------
    status
        `UNUSABLE`, `UNKNOWN_SAVING` or `KNOWN_SAVING`.
    saving, pay
        Minor units, or `UNKNOWN_MONEY`.
    """
    kind = terms[deal, TYPE]
    if party_size < terms[deal, PARTY_MIN] or party_size > terms[deal, PARTY_MAX]:
        return UNUSABLE, UNKNOWN_MONEY, UNKNOWN_MONEY
    value = int64(terms[deal, VALUE])
    if kind == BUNDLE:
        price = int64(terms[deal, PRICE])
        return KNOWN_SAVING, value - price, price
    if kind == FREE_ITEM:
        return KNOWN_SAVING, value, spend
    if spend == UNKNOWN_MONEY:
        return UNKNOWN_SAVING, UNKNOWN_MONEY, UNKNOWN_MONEY
    if spend < terms[deal, MIN_SPEND]:
        return UNUSABLE, UNKNOWN_MONEY, UNKNOWN_MONEY
    if kind == AMOUNT_OFF:
        saving = min(value, spend)
    elif kind == VOUCHER:
        if spend < value:
            return UNUSABLE, UNKNOWN_MONEY, UNKNOWN_MONEY
        uses = min(int64(terms[deal, MAX_USES]), spend // value)
        saving = uses * (value - int64(terms[deal, PRICE]))
    else:
        saving = spend * value // PPM
        limit = int64(terms[deal, MAX_DISCOUNT])
        if limit != NO_LIMIT:
            saving = min(saving, limit)
        if kind == CASHBACK:
            return KNOWN_SAVING, saving, spend
    return KNOWN_SAVING, saving, spend - saving


@inline_njit
def is_better(
    saving: int, pay: int, deal: int, best_saving: int, best_pay: int, best_deal: int
) -> bool:
    """Whether the first offer ranks before the second: by saving, then by pay, then by `deal_id`.

    The greater saving and the lower pay rank first. An unknown saving ranks last, because its value
    is the least. An unknown pay ranks after a known one. Deal numbers ascend by `deal_id`.
    """
    if saving != best_saving:
        return saving > best_saving
    if pay != best_pay:
        if pay == UNKNOWN_MONEY or best_pay == UNKNOWN_MONEY:
            return best_pay == UNKNOWN_MONEY
        return pay < best_pay
    return deal < best_deal


@inline_njit
def saving_ceiling(terms: Terms, deal: int) -> tuple[int, int]:
    """Upper bound of the saving of a deal: `(fixed, ppm)`, of which one is 0.

    For every spend s and party, saving <= max(fixed, s * ppm / PPM). Limits of spend, party and
    discount only lower a saving, so the bound holds without them.
    """
    kind = terms[deal, TYPE]
    value = int64(terms[deal, VALUE])
    price = int64(terms[deal, PRICE])
    if kind == PERCENT_OFF or kind == CASHBACK:
        return int64(0), value
    if kind == BUNDLE:
        return value - price, int64(0)
    if kind == VOUCHER:
        return int64(terms[deal, MAX_USES]) * max(value - price, int64(0)), int64(0)
    return value, int64(0)
