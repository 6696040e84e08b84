"""Work of the kernel, counted: the same in every run, so a slower engine is seen without a clock.

Where a change makes these grow it must say why; where it makes them shrink, write the new ones.
"""

from pathlib import Path
from statistics import mean

import msgspec
import pytest

from benchmarks.families import FAMILIES, asked_in
from benchmarks.worlds import World, open_world
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher, open_index

QUESTIONS = 200
MARGIN = 1.02

# Means over the questions in a city of 100,000: nodes and documents tested, offers valued. Where
# questions share a minute and a wallet, the first ones fill the filter of the others.
NEEDED = {
    "nearest_red": (10, 49, 8.5),
    "nearest_banks": (14.7, 56, 82),
    "nearest_open_banks": (17.5, 46, 64),
    "nearest_tiny": (0, 46, 2),
    "nearest_later": (17.1, 27, 2.1),
    "nearest_minutes": (10.3, 88, 25.1),
    "nearest_wallets": (26.9, 249, 42),
    "best_red": (94, 135, 14),
    "saving_red": (94, 135, 14),
    "count_all": (13.7, 76, 0),
    "count_red": (10, 49, 0),
    "polygon_red": (35.8, 45, 0),
    "rural_red": (9.2, 53, 0.3),
    "best_any_deal": (549, 325, 195),
    "rating_cafe": (619, 1_474, 0),
}


@pytest.fixture(scope="module")
def city(world_cache: Path) -> Searcher:
    return open_index(open_world(World("city", 100_000)))


def work_of(engine: Searcher, query: Query) -> dict[str, int]:
    plain = msgspec.structs.replace(query, explain=True, total=False, facets=())
    explain = engine.rank(plain).explain
    assert explain is not None
    work: dict[str, int] = explain["work"]
    return work


def test_work_does_not_creep_up(city: Searcher) -> None:
    """In the order of the families, of which the first ones fill the filters of others."""
    for family in FAMILIES:
        asked = asked_in(city.segments[0].columns, None, family, QUESTIONS, seed=1)
        work = [work_of(city, query) for query in asked.queries if isinstance(query, Query)]
        found = [mean(one[counter] for one in work) for counter in ("nodes", "docs", "offers")]
        limits = [needed * MARGIN for needed in NEEDED[family.name]]
        told = family.name, found
        assert all(count <= limit for count, limit in zip(found, limits, strict=True)), told
        # A limit far above the need guards nothing.
        assert sum(found) > 0.9 * sum(NEEDED[family.name]), told
