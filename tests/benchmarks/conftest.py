"""A cache of toy worlds that the tests of a run share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.cache import VARIABLE
from benchmarks.worlds import World, open_world
from geosearch.search.searcher import Searcher, open_index

TOY = World("city", 12_000)


@pytest.fixture(scope="session")
def world_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("worlds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="session")
def toy(world_cache: Path) -> Searcher:
    """Engine over the toy city."""
    return open_index(open_world(TOY))
