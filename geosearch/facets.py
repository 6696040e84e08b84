"""Facets: counters of the kernel on one side, counts by name on the other.

Useful for: counters sized for a segment, and what they say in words.
Not useful for: counting; `kernel.count` does.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geosearch.catalogue import Catalogue, prefixes
from geosearch.kernel import Tally
from geosearch.offers import OFFER_TYPES

Counts = dict[str, dict[str, int]]


class FacetBook:
    """Counters of one segment and their names."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._sets = len(catalogue.category_sets)
        self._areas = catalogue.areas
        self._programs = ["", *(record["program_id"] for record in catalogue.programs[1:])]
        numbers: dict[str, int] = {}
        pairs = [
            (row, numbers.setdefault(path, len(numbers)))
            for row, paths in enumerate(catalogue.category_sets)
            for path in {prefix for path in paths for prefix in prefixes(path)}
        ]
        self._categories = list(numbers)
        # A merchant counts once under each of its categories and once under each prefix: what a
        # category set counts goes to each name that one of these pairs gives it.
        self._pair_set = np.array([row for row, _ in pairs], np.int64)
        self._pair_category = np.array([number for _, number in pairs], np.int64)

    def tally(self, facets: Sequence[str]) -> Tally:
        """Counters at zero for the facets asked for, no room for the others."""

        def counters(facet: str, size: int) -> NDArray[np.int64]:
            return np.zeros(size if facet in facets else 0, np.int64)

        programs = counters("program", len(self._programs))
        return Tally(
            by_category_set=counters("category", self._sets),
            by_area=counters("business_area", len(self._areas)),
            by_program=programs,
            by_type=counters("offer_type", len(OFFER_TYPES)),
            seen=np.full(len(programs), -1, np.int64),
        )

    def add(self, tally: Tally, counts: Counts) -> None:
        """Add the counters of one segment to `counts`, by facet and name."""
        if len(tally.by_category_set):
            by_category = np.zeros(len(self._categories), np.int64)
            np.add.at(by_category, self._pair_category, tally.by_category_set[self._pair_set])
            _add(counts["category"], self._categories, by_category, 0)
        if len(tally.by_area):
            _add(counts["business_area"], self._areas, tally.by_area, 1)
        if len(tally.by_program):
            _add(counts["program"], self._programs, tally.by_program, 1)
        if len(tally.by_type):
            _add(counts["offer_type"], OFFER_TYPES, tally.by_type, 0)


def most_first(counts: dict[str, int]) -> dict[str, int]:
    """The same counts, largest first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _add(
    counts: dict[str, int], names: Sequence[str], found: NDArray[np.int64], first: int
) -> None:
    """Add what is counted from row `first` on; rows before it stand for "none"."""
    rows = np.flatnonzero(found[first:]) + first
    for row, count in zip(rows.tolist(), found[rows].tolist(), strict=True):
        counts[names[row]] = counts.get(names[row], 0) + count
