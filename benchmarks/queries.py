"""The families of queries that are measured, and where they are asked.

Useful for: `figures` and `http_load`.
Not useful for: correctness over all parameters; the tests' oracle does that.

Each family is one question asked at many places: a shop drawn at random, so that queries come from
where shops are, moved by some 150 m. The instant is a Friday evening, the answer's length 20.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.world_deals import BANKS, RED, TINY
from benchmarks.worlds import USUAL_TIME
from geosearch.columns import Columns
from geosearch.model import Query
from indexes.sphere import UNITS_PER_DEGREE

TOP_K = 20
JITTER_M = 150.0
METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True)
class Family:
    """One question: its label, its wishes, and whether typed hits are measured too."""

    name: str
    label: str
    wishes: dict[str, Any] = field(hash=False)
    search: bool = False

    def at(self, lat: float, lng: float) -> Query:
        """The question at a place."""
        return Query(lat=lat, lng=lng, at=USUAL_TIME, limit=TOP_K, **self.wishes)


FAMILIES = (
    Family(
        "nearest_open_red",
        "nearest, 3 km, open now, a card 3 % hold",
        {"sort": "distance", "open": "now", "cards": (RED,)},
        search=True,
    ),
    Family(
        "nearest_banks",
        "nearest, 3 km, any of 8 cards",
        {"sort": "distance", "cards": BANKS},
        search=True,
    ),
    Family(
        "best_open_red",
        "best, 3 km, open now, the 3 % card",
        {"sort": "best", "open": "now", "cards": (RED,)},
        search=True,
    ),
    Family(
        "saving_open_red",
        "saving, 3 km, open now, the 3 % card",
        {"sort": "saving", "open": "now", "cards": (RED,)},
        search=True,
    ),
    Family(
        "count_facets",
        "nearest, total and facets by category, 3 km",
        {"sort": "distance", "total": True, "facets": ("category",)},
    ),
    Family(
        "nearest_open_banks",
        "nearest, 3 km, open now, any of 8 cards",
        {"sort": "distance", "open": "now", "cards": BANKS},
    ),
    Family(
        "nearest_tiny",
        "nearest, 3 km, open now, a card 0.05 % hold",
        {"sort": "distance", "open": "now", "cards": (TINY,)},
    ),
    Family(
        "best_any_deal",
        "best, 3 km, open now, any deal for 8 cards",
        {"sort": "best", "open": "now", "cards": BANKS, "deals": "any"},
        search=True,
    ),
    Family(
        "best_party",
        "best, 3 km, open now, any deal for 8 cards, party of 4",
        {"sort": "best", "open": "now", "cards": BANKS, "deals": "any", "party_size": 4},
    ),
    Family(
        "rating_cafe",
        "rating, 3 km, open now, cafés",
        {"sort": "rating", "open": "now", "categories": ("food.cafe",)},
    ),
    Family(
        "count_open_red",
        "nearest, total and facets by category, 3 km, open now, the 3 % card",
        {
            "sort": "distance",
            "open": "now",
            "cards": (RED,),
            "total": True,
            "facets": ("category",),
        },
    ),
)


def places(columns: Columns, count: int, seed: int) -> list[tuple[float, float]]:
    """Latitude and longitude of `count` places near shops, in degrees."""
    rng = np.random.default_rng(seed)
    position = columns.doc_position
    lng, lat = position[rng.integers(0, len(position), count)].T / UNITS_PER_DEGREE
    north, east = rng.normal(0.0, JITTER_M, (2, count)) / METRES_PER_DEGREE
    moved_lat = np.round(lat + north, 7)
    moved_lng = np.round(lng + east / np.cos(np.radians(lat)), 7)
    return list(zip(moved_lat.tolist(), moved_lng.tolist(), strict=True))
