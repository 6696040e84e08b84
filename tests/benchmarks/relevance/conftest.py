"""A toy city, and a matcher that knows the answers."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.relevance.city import City, write_city

BRANDS, SHOPS, PLACES = 150, 400, 100


class Toy(NamedTuple):
    city: City
    snapshot: Path


@pytest.fixture(scope="session")
def toy(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A city of few brands and its snapshot; skips where the real data is absent."""
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
