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
# questions share a minute and a wallet, the first ones fill the filter of the others. Cold families
# have an engine of their own.
NEEDED = {
    "nearest_red": (10, 62.9, 8.5),
    "nearest_banks": (14.7, 136.9, 81),
    "nearest_open_banks": (17.5, 158.7, 63.9),
    "nearest_tiny": (0, 46, 1.6),
    "nearest_later": (17.1, 40.6, 2.1),
    "nearest_wallets": (26.8, 259.9, 22.7),
    "best_red": (93.2, 149.2, 13.7),
    "saving_red": (93.2, 148.7, 13.7),
    "count_all": (13.6, 76.1, 0),
    "count_red": (10, 48.4, 0),
    "count_open_banks": (17.5, 45.5, 0.35),
    "count_open": (15.1, 141, 0),
    "polygon_red": (35.8, 44.6, 0),
    "rural_red": (9.2, 53, 0.35),
    "best_any_deal": (549, 478.9, 190.1),
    "rating_cafe": (618.8, 319.2, 0),
    "nearest_red_cold": (10.4, 90.5, 25.1),
    "nearest_banks_cold": (14.6, 90.9, 23),
    "nearest_open_banks_cold": (17.6, 132.7, 19.8),
    "nearest_tiny_cold": (0, 45.7, 1.5),
    "nearest_wallets_cold": (26.8, 259.5, 20.1),
    "best_red_cold": (93.8, 230.4, 68.2),
    "saving_red_cold": (93.5, 231.9, 67.5),
    "count_red_cold": (10.2, 87.6, 25.1),
    "count_open_banks_cold": (17.7, 132.6, 19.4),
    "count_open_cold": (15.5, 102.6, 0),
    "polygon_red_cold": (38.5, 77.4, 16.6),
    "rural_red_cold": (9.9, 99.1, 33.8),
    "best_any_deal_cold": (544.8, 815, 275.2),
    "rating_cafe_cold": (618.7, 2_635, 0),
}


@pytest.fixture(scope="module")
def folder(world_cache: Path) -> Path:
    return open_world(World("city", 100_000))


def work_of(engine: Searcher, query: Query) -> dict[str, int]:
    plain = msgspec.structs.replace(query, explain=True, total=False, facets=())
    explain = engine.rank(plain).explain
    assert explain is not None
    work: dict[str, int] = explain["work"]
    return work


def test_work_does_not_creep_up(folder: Path) -> None:
    """In the order of the families, of which the first ones fill the filters of others."""
    city = open_index(folder)
    found = {}
    for family in FAMILIES:
        engine = open_index(folder) if family.cold_of else city
        asked = asked_in(city.segments[0].columns, None, family, QUESTIONS, seed=1)
        work = [work_of(engine, query) for query in asked.queries if isinstance(query, Query)]
        found[family.name] = [
            mean(one[name] for one in work) for name in ("nodes", "docs", "offers")
        ]
    told = "".join(f"\n{name}: {[round(mean, 1) for mean in found[name]]}" for name in found)
    assert NEEDED.keys() == found.keys(), told
    for name, means in found.items():
        limits = [needed * MARGIN for needed in NEEDED[name]]
        assert all(count <= limit for count, limit in zip(means, limits, strict=True)), told
        # A limit far above the need guards nothing.
        assert sum(means) > 0.9 * sum(NEEDED[name]), told
