"""Facets: counters of the kernel on one side, counts by name on the other.

Useful for: counters sized for a segment, and what they say in words.
Not useful for: counting; `kernel.count` does.
"""

from collections.abc import Sequence

import numpy as np

from geosearch.catalogue import Catalogue, prefixes
from geosearch.kernel import Tally
from geosearch.offers import OFFER_TYPES


def new_tally(catalogue: Catalogue, facets: Sequence[str]) -> Tally:
    """Counters at zero for the facets asked for, no room for the others."""

    def counters(facet: str, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.zeros(size if facet in facets else 0, np.int64)

    programs = counters("program", len(catalogue.programs))
    return Tally(
        by_category_set=counters("category", len(catalogue.category_sets)),
        by_area=counters("business_area", len(catalogue.areas)),
        by_program=programs,
        by_type=counters("offer_type", len(OFFER_TYPES)),
        seen=np.full(len(programs), -1, np.int64),
    )


def add_tally(catalogue: Catalogue, tally: Tally, counts: dict[str, dict[str, int]]) -> None:
    """Add the counters of one segment to `counts`, by facet and name.

    A merchant counts once under each of its categories and once under each of their prefixes.
    """
    for row in np.flatnonzero(tally.by_category_set).tolist():
        paths = {prefix for path in catalogue.category_sets[row] for prefix in prefixes(path)}
        for path in paths:
            _add(counts["category"], path, int(tally.by_category_set[row]))
    for row in np.flatnonzero(tally.by_area[1:]).tolist():
        _add(counts["business_area"], catalogue.areas[row + 1], int(tally.by_area[row + 1]))
    for row in np.flatnonzero(tally.by_program[1:]).tolist():
        name = catalogue.programs[row + 1]["program_id"]
        _add(counts["program"], name, int(tally.by_program[row + 1]))
    for row in np.flatnonzero(tally.by_type).tolist():
        _add(counts["offer_type"], OFFER_TYPES[row], int(tally.by_type[row]))


def most_first(counts: dict[str, int]) -> dict[str, int]:
    """The same counts, largest first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _add(counts: dict[str, int], name: str, count: int) -> None:
    counts[name] = counts.get(name, 0) + count
