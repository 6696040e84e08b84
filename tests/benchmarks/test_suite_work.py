"""Work of the kernel, counted: the same in every run, so a slower engine is seen without a clock.

Where a change makes these grow it must say why; where it makes them shrink, write the new ones.
"""

from pathlib import Path
from statistics import mean

import msgspec
import pytest

from benchmarks.families import FAMILIES, asked_in
from benchmarks.worlds import World, open_world
from geosearch.model import Query
from geosearch.searcher import Searcher, open_index

QUESTIONS = 200
MARGIN = 1.02

# Means over the questions in a city of 100,000: nodes and documents tested, offers valued.
NEEDED = {
    "nearest_red": (70, 45, 26),
    "nearest_banks": (121, 90, 59),
    "nearest_open_banks": (127, 129, 50),
    "nearest_tiny": (0, 46, 2),
    "nearest_later": (84, 106, 15),
    "nearest_minutes": (71, 48, 26),
    "nearest_wallets": (145, 259, 42),
    "best_red": (93, 69, 68),
    "saving_red": (93, 69, 69),
    "count_all": (119, 76, 0),
    "count_red": (70, 45, 26),
    "polygon_red": (70, 61, 17),
    "rural_red": (52, 58, 34),
    "best_any_deal": (549, 801, 911),
    "rating_cafe": (619, 2_602, 0),
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


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_work_does_not_creep_up(city: Searcher, family: object) -> None:
    name = getattr(family, "name")  # noqa: B009
    asked = asked_in(city.segments[0].columns, None, family, QUESTIONS, seed=1)  # type: ignore[arg-type]
    work = [work_of(city, query) for query in asked.queries if isinstance(query, Query)]
    found = [mean(one[counter] for one in work) for counter in ("nodes", "docs", "offers")]
    limits = [needed * MARGIN for needed in NEEDED[name]]
    assert all(count <= limit for count, limit in zip(found, limits, strict=True)), found
    # A limit far above the need guards nothing.
    assert sum(found) > 0.9 * sum(NEEDED[name])
