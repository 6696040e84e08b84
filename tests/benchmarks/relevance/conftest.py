"""The data of the suite, a toy city of it, and a matcher that knows the answers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.relevance import sources, taxonomy
from benchmarks.relevance.city import City, write_city
from tests.benchmarks.relevance.made_up import make_up
from tests.conftest import SOURCES

BRANDS, SHOPS, PLACES = 150, 400, 100


class Toy(NamedTuple):
    city: City
    snapshot: Path


REAL = pytest.mark.parametrize("data", ["real"], indirect=True)
"""Of a test that names what is in the real data."""


def _forget() -> None:
    for kept in (sources.presets, sources.preset_words, sources.homophones, taxonomy._by_cuisine):
        kept.cache_clear()


@pytest.fixture(scope="session", params=SOURCES)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the suite reads meanwhile."""
    if request.param == "real":
        folder: Path = request.getfixturevalue("shared_data")
    else:
        folder = tmp_path_factory.mktemp("relevance-data")
        make_up(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "DATA", folder)
        _forget()
        yield request.param
    _forget()


@pytest.fixture(scope="session")
def toy(data: str, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A city of few brands and its snapshot."""
    folder = tmp_path_factory.mktemp("relevance")
    return Toy(write_city(folder, most_brands=BRANDS, shops=SHOPS, places=PLACES), folder)


@pytest.fixture(scope="session")
def city(toy: Toy) -> City:
    return toy.city


@pytest.fixture(scope="session")
def named(city: City) -> Callable[[str], set[str]]:
    """Merchant ids of the shops that have a name, compared as it is written."""

    def find(name: str) -> set[str]:
        return {
            shop for shop, number in city.shops.items() if name in city.businesses[number].texts
        }

    return find
