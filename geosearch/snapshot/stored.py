"""Names of the snapshot fields that answers show: a new field of `snapshot.tables` is one.

`indexing.payload` stores them in this order, and `service.answers` documents them. `fields` finds
members by it, so another order is another format of an index; a new field may stand anywhere.
"""

from geosearch.snapshot.fields import Table
from geosearch.snapshot.tables import DEALS, MERCHANTS, PROGRAMS


def _shown(table: Table, hidden: frozenset[str], *first: str) -> tuple[str, ...]:
    """Return the fields `first`, then all others that are not `hidden`, in the table's order."""
    return (*first, *(name for name in table.names() if name not in hidden.union(first)))


# Answers have a position of their own, and the hours that periods became.
MERCHANT_FIELDS = _shown(MERCHANTS, frozenset({"lat", "lng", "crs", "opening_periods"}))
DEAL_FIELDS = _shown(
    DEALS,
    frozenset({"merchant_ids", "brand"}),
    *("deal_id", "program_id", "offer_type", "title", "terms", "url", "source", "redemption"),
)
PROGRAM_FIELDS = _shown(PROGRAMS, frozenset())

AS_JSON = frozenset({"closures"})
"""Fields that the snapshot keeps as JSON texts."""

ALWAYS = frozenset({"categories", "address", "rating", "program_id", "title", "redemption"})
"""Fields that every answer has, as null or an empty list without a value."""
