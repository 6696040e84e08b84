"""A query planned for one segment, as `questions` plans it for all of them."""

from datetime import datetime

from geosearch.kernel.criteria import Words
from geosearch.query.query import Query
from geosearch.search.clock import Clock
from geosearch.search.plan import After, Plan, Planner, PreparedSegment
from geosearch.search.wishes import Wishes
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
    return planner.plan(shape_of(planner, query), query, hours, query.at, words, after)


def shape_of(planner: Planner, query: Query) -> PreparedSegment:
    """What a segment makes of what a query asks apart from place, time, area and text."""
    cards = tuple(card for card in dict.fromkeys(query.cards) if card in planner.programs)
    return planner.prepare(
        Wishes(
            top_k=query.limit, cards=cards, deals_mode=query.deals_mode,
            new_customer=query.new_customer, offer_type=query.offer_type,
            party_size=query.party_size, spend=query.spend, max_pay=query.max_pay,
            stacking=query.stacking, categories=query.categories, min_rating=query.min_rating,
            sort=query.sort,
        )
    )  # fmt: skip
