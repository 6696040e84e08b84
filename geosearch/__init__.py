"""Exact nearby search for shops, opening hours and card deals.

>>> import geosearch
>>> query = geosearch.Query(lat=31.23, lng=121.47, cards=("red",), open="now")
>>> engine = geosearch.open_index("INDEX")  # doctest: +SKIP
>>> engine.search(query).hits[0].merchant["name"]  # doctest: +SKIP
"""

from geosearch.errors import BadData, BadRequest, Fault, GeosearchError
from geosearch.model import Answer, Hit, Query, Ranked
from geosearch.searcher import Searcher, open_index

__all__ = [
    "Answer",
    "BadData",
    "BadRequest",
    "Fault",
    "GeosearchError",
    "Hit",
    "Query",
    "Ranked",
    "Searcher",
    "open_index",
]
