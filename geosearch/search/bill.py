"""Bill of a query: its party, spend and budget in the form that the kernels read."""

from geosearch.kernel.criteria import NO_BUDGET, Bill
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.money.ranking import Weights


def bill_of(weights: Weights, party_size: int, spend: int | None, max_pay: int | None) -> Bill:
    """The bill of a party, minor units; None where the query does not say."""
    return Bill(
        usual=party_size == 1 and spend is None,
        party_size=party_size,
        spend=UNKNOWN_MONEY if spend is None else spend,
        max_pay=NO_BUDGET if max_pay is None else max_pay,
        counting=weights.counting(party_size, spend),
    )
