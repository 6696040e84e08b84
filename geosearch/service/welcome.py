"""Answer of `GET /` for programs and curl: links, and an example query that has results.

A browser gets the map page instead (`page_files`); `/openapi.json` has all routes for programs.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from geosearch import __version__
from geosearch.answer.contents import Box
from geosearch.query.query import Query
from geosearch.service.engines import Loaded

Json = dict[str, Any]

DESCRIPTION = "Which shop near me, open now, gives the cards I hold the best deal."
DOCUMENTATION = "docs/reference.md of the project describes every parameter, answer and code."

LINKS = (
    ("index", "/v1/index", "what this index holds, and how old it is"),
    ("categories", "/v1/categories", "categories, for `categories`"),
    ("programs", "/v1/programs", "cards and schemes, for `cards`"),
    ("ready", "/readyz", "whether it answers for now"),
    ("docs", "/docs", "all routes, parameters and answers, for people"),
    ("openapi", "/openapi.json", "all routes and parameters, for programs"),
)
"""Name, path and purpose of each link except the example."""

LAND, BASEMAP, COVERAGE = "/land.geojson", "/basemap.pmtiles", "/v1/coverage"
"""Paths of what the map of the page shows besides answers."""

_DECIMALS = 4
"""Decimals of the degrees in the example: 11 m."""


def welcome(
    snapshot_id: str, example: str | None, *, has_basemap: bool = False, has_coverage: bool = False
) -> Json:
    """Return the answer as JSON values; the example is null if the index has no shop."""
    links = {"example": example, **{name: path for name, path, _ in LINKS}}
    links["land"] = LAND
    links["basemap"] = BASEMAP if has_basemap else None
    links["coverage"] = COVERAGE if has_coverage else None
    return {
        "service": "geosearch",
        "version": __version__,
        "description": DESCRIPTION,
        "snapshot_id": snapshot_id,
        "links": links,
        "documentation": DOCUMENTATION,
    }


def wants_page(accept: str) -> bool:
    """Return whether a header `Accept` is a browser's: it names HTML and no JSON.

    >>> wants_page("text/html,application/xhtml+xml,*/*;q=0.8"), wants_page("*/*")
    (True, False)
    """
    accepted = accept.lower()
    return "text/html" in accepted and "application/json" not in accepted


def example_of(loaded: Loaded) -> str | None:
    """Return the URL of a query at the shop nearest to the centre; None without a shop."""
    bounds = loaded.engine.info()["bounds"]
    if bounds is None:
        return None
    return example_at(loaded.engine.page(middle_of(bounds, loaded.horizon_start)).results)


def middle_of(bounds: Box, start: datetime) -> Query:
    """Return the query for the shop nearest to the centre of a box."""
    west, south, east, north = bounds
    return Query(
        lat=(south + north) / 2, lng=(west + east) / 2, bbox=(west, south, east, north),
        sort="distance", limit=1, at=start,
    )  # fmt: skip


def example_at(results: bytes | memoryview) -> str | None:
    """Return the URL of a query at the first result, JSON; None without one."""
    found = orjson.loads(results)
    if not found:
        return None
    place = {name: round(found[0]["merchant"][name], _DECIMALS) for name in ("lat", "lng")}
    return "/v1/nearby?" + urlencode(place | {"limit": 5})
