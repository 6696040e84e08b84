"""A query planned for one segment, as `questions` plans it for all of them."""

from datetime import datetime

from geosearch.clock import Clock
from geosearch.columns import Words
from geosearch.model import Query
from geosearch.plan import After, Plan, Planner
from tests.geosearch.number_worlds import START


def planned(
    planner: Planner,
    query: Query,
    *,
    start: datetime = START,
    words: Words | None = None,
    after: After | None = None,
) -> Plan:
    """The plan of a query that names its instant, of an index whose horizon begins at `start`."""
    assert query.at is not None
    hours = Clock(start).hours(query, query.at)
    shape = planner.shape(query, query.limit)
    return planner.plan(shape, query, hours, query.at, words, after)
