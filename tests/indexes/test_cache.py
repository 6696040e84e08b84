"""What is kept of requests takes no more bytes than said, and the oldest goes first."""

from random import Random
from threading import Thread
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from indexes.cache import ENTRY_BYTES, BoundedCache, size_of


class Pair(NamedTuple):
    one: Any
    other: Any


class Row(msgspec.Struct):
    text: str
    array: Any


KILOBYTE = np.zeros(1_024, np.uint8)
FILE = np.frombuffer(bytes(5_000), np.uint8)[1_000:].view(np.uint16)  # as columns are mapped

SIZES = [
    (KILOBYTE, 1_024, 1_200),
    (KILOBYTE[:3], 1_024, 1_200),
    (KILOBYTE[:512][::2], 1_024, 1_200),
    (FILE, 0, 200),
    ("x" * 2_000, 2_000, 2_100),
    (("x" * 500,) * 4, 2_000, 2_400),
    (Pair(KILOBYTE, "x" * 1_000), 2_000, 2_400),
    (Pair(Pair(KILOBYTE, KILOBYTE), None), 2_048, 2_500),
    ({"x" * 1_000: ["y" * 1_000]}, 2_000, 2_600),
    (frozenset(("x" * 1_000,)), 1_000, 1_400),
    (Row("x" * 1_000, KILOBYTE), 2_000, 2_400),
    (b"x" * 1_000, 1_000, 1_100),
    (7, 20, 40),
]


@pytest.mark.parametrize(("value", "least", "most"), SIZES)
def test_sizes_count_what_is_kept_alive(value: Any, least: int, most: int) -> None:
    assert least <= size_of(value) <= most


def test_the_older_half_goes() -> None:
    cache = BoundedCache[int, str](10 * (ENTRY_BYTES + 100))
    for number in range(10):
        assert cache.keep(number, f"{number}", 100) == f"{number}"
    assert list(cache) == list(range(10))
    cache.keep(10, "10", 100)
    assert list(cache) == [5, 6, 7, 8, 9, 10]
    assert cache.bytes == 6 * (ENTRY_BYTES + 100)
    # Kept again, it is young again, and counted once.
    cache.keep(5, "five", 100)
    assert list(cache) == [6, 7, 8, 9, 10, 5]
    assert (cache.get(5), cache.bytes) == ("five", 6 * (ENTRY_BYTES + 100))


def test_what_is_too_large_is_made_and_not_kept() -> None:
    cache = BoundedCache[int, str](1_000)
    cache.keep(1, "one")
    assert cache.keep(2, "x" * 2_000) == "x" * 2_000
    assert list(cache) == [1]
    assert cache.keep(1, "y" * 2_000) == "y" * 2_000
    assert list(cache) == []
    assert cache.bytes == 0


def test_the_bound_holds_whatever_is_kept() -> None:
    rng = Random(4)
    cache = BoundedCache[str, str](20_000)
    kept = 0
    for _ in range(3_000):
        cache.keep("k" * rng.choice((1, 50, 900)), "v" * rng.randrange(4_000))
        counted = sum(size_of(key) + size_of(value) + ENTRY_BYTES for key, value in cache.items())
        assert counted == cache.bytes <= 20_000
        kept += len(cache)
    assert kept > 3_000


def test_threads_keep_the_count() -> None:
    cache = BoundedCache[int, int](50 * (ENTRY_BYTES + 100))

    def fill(seed: int) -> None:
        rng = Random(seed)
        for _ in range(2_000):
            number = rng.randrange(200)
            if cache.get(number) is None:
                cache.keep(number, -number - 1, 100)

    threads = [Thread(target=fill, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 25 <= len(cache) <= 50
    assert cache.bytes == len(cache) * (ENTRY_BYTES + 100)
    assert all(value == -key - 1 for key, value in cache.items())
