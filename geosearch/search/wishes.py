"""What a query wants of a shop wherever it is: the key of its `PreparedQuery`, and its bill."""

from typing import NamedTuple

from geosearch.kernel.criteria import NO_BUDGET, Bill
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import Weights

USUAL_BILL = Bill(True, 1, UNKNOWN_MONEY, NO_BUDGET, Weights().counting(), False)
"""One person, the usual price, no budget, and no deals that combine."""


class Wishes(NamedTuple):
    """Fields of a query that its `PreparedQuery` depends on: not place, time, area and text."""

    top_k: int
    cards: tuple[str, ...]
    """Cards of the wallet that some segment knows, without duplicates."""
    deals_mode: str
    new_customer: bool
    offer_type: tuple[str, ...]
    party_size: int
    spend: int | None
    max_pay: int | None
    stacking: str
    categories: tuple[str, ...]
    min_rating: float | None
    sort: str


def bill_of(weights: Weights, wishes: Wishes) -> Bill:
    """Party, spend and budget of a query, and what counts of a saving; minor units."""
    spend, party_size = wishes.spend, wishes.party_size
    return Bill(
        usual=party_size == 1 and spend is None,
        party_size=party_size,
        spend=UNKNOWN_MONEY if spend is None else spend,
        max_pay=NO_BUDGET if wishes.max_pay is None else wishes.max_pay,
        counting=weights.counting(party_size, spend),
        combines=wishes.stacking == "on",
    )
