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
    "nearest_red": (10.05, 63.95, 9.35),
    "nearest_banks": (14.75, 136, 79.15),
    "nearest_open_banks": (17.55, 158, 62.45),
    "nearest_tiny": (0, 46.05, 1.65),
    "nearest_later": (17.15, 45.35, 2.65),
    "nearest_wallets": (26.85, 259, 21.35),
    "best_red": (90.05, 122, 9.75),
    "saving_red": (93.25, 151, 10.15),
    "count_all": (13.65, 76.15, 0),
    "count_red": (10.05, 48.45, 0),
    "count_open_banks": (17.55, 49.55, 2.55),
    "count_open": (15.15, 140, 0),
    "polygon_red": (35.85, 44.65, 0),
    "rural_red": (9.25, 53.05, 0.35),
    "best_any_deal": (392, 525, 284),
    "near_red": (90.05, 105, 0),
    "near_open": (393, 628, 88.15),
    "why_red": (90.05, 105, 0),
    "best_red_stacked": (92.65, 127, 15.15),
    "best_any_deal_stacked": (476, 537, 279),
    "rating_cafe": (619, 322, 0),
    "pay_red": (14.4, 52.3, 10.5),
    "wins_red": (90.8, 111, 15.1),
    "ids_100": (0, 100, 0),
    "nearest_red_cold": (10.45, 90.55, 25.15),
    "nearest_banks_cold": (14.65, 90.95, 23.05),
    "nearest_open_banks_cold": (17.65, 133, 19.85),
    "nearest_tiny_cold": (0, 45.75, 1.55),
    "nearest_wallets_cold": (26.85, 260, 20.15),
    "best_red_cold": (89.85, 187, 31.25),
    "saving_red_cold": (93.55, 224, 37.85),
    "count_red_cold": (10.25, 87.65, 25.15),
    "count_open_banks_cold": (17.75, 133, 19.45),
    "count_open_cold": (15.55, 103, 0),
    "polygon_red_cold": (38.55, 77.45, 16.65),
    "rural_red_cold": (9.95, 99.15, 33.85),
    "best_any_deal_cold": (397, 745, 264),
    "near_red_cold": (91.05, 189, 31.25),
    "near_open_cold": (397.05, 739, 129.65),
    "why_red_cold": (90.85, 191, 31.25),
    "best_red_stacked_cold": (92.25, 194, 53.05),
    "best_any_deal_stacked_cold": (478, 784, 289),
    "rating_cafe_cold": (619, 2_635, 0),
    "pay_red_cold": (14.5, 147.4, 46),
    "wins_red_cold": (91.9, 197.3, 54.9),
    "ids_100_cold": (0, 100, 0),
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
