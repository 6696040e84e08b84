"""Exact nearby search for shops, opening hours and card deals.

>>> import geosearch
>>> query = geosearch.Query(lat=31.23, lng=121.47, cards=("red",), open="now")
>>> engine = geosearch.open_index("INDEX")  # doctest: +SKIP
>>> engine.search(query).hits[0].merchant["name"]  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from geosearch.errors import BadData, BadRequest, Fault, GeosearchError

if TYPE_CHECKING:
    from geosearch.answer.model import Answer, Hit, Ranked
    from geosearch.indexing.writer import Writer
    from geosearch.query.query import Query
    from geosearch.search.searcher import Searcher, open_index

__version__ = "0.1.0"

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
    "Writer",
    "open_index",
]

# Loaded at the first use: the kernels' compiler takes half a second that `--version` need not wait.
_HOMES = {
    "Query": "geosearch.query.query",
    "Writer": "geosearch.indexing.writer",
    **dict.fromkeys(("Answer", "Hit", "Ranked"), "geosearch.answer.model"),
    **dict.fromkeys(("Searcher", "open_index"), "geosearch.search.searcher"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
