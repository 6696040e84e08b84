"""Limits of the queries of one batch together; `limits` has those of one request."""

from geosearch.errors import BadRequest
from geosearch.query.parameters import problem
from geosearch.query.query import Query
from geosearch.service.settings import Settings


def check_batch(queries: list[Query], settings: Settings) -> None:
    """Refuse a batch whose queries together exceed the limits of one request, or no JSON.

    Raises
    ------
    BadRequest
        Code `batch_too_heavy`; `conflict` if a query asks for another format.
    """
    for position, query in enumerate(queries):
        if query.format != "json":
            where = ("queries", position, "format")
            found = problem("conflict", "`format` json in a batch", query.format, where)
            raise BadRequest(found["detail"], [found])
    results = sum(query.limit + query.near_misses for query in queries)
    heavy = sum(map(_is_wide, queries))
    for expected, most, got in (
        (
            "limits and near misses of at most {} together",
            settings.max_batch_results,
            results,
        ),
        (
            "at most {} polygons, totals and facets without a radius",
            settings.max_batch_heavy,
            heavy,
        ),
    ):
        if got > most:
            sentence = f"`queries` with {expected.format(most)}"
            found = problem("batch_too_heavy", sentence, f"{got}", ("queries",))
            raise BadRequest(found["detail"], [found], "batch_too_heavy")


def _is_wide(query: Query) -> bool:
    """Return whether a batch may hold few such queries: a polygon, or a count without a radius."""
    counts = query.total or bool(query.facets)
    is_unbounded = query.radius_m is None and query.ids is None
    return query.polygon is not None or (counts and is_unbounded)
