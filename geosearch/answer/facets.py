"""Facet counts by name: counter arrays for the kernel, and their names.

`kernel.count` counts.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from geosearch.kernel.compiled import kernels
from geosearch.kernel.count import Naming, Tally
from geosearch.money.offers import OFFER_TYPES
from geosearch.segment.catalogue import Catalogue, prefixes

Counts = dict[str, dict[str, int]]

_NO_ROOM = np.zeros(0, np.int64)


class FacetBook:
    """Counters and names of the facets of one segment."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._room = {
            "category": len(catalogue.category_sets),
            "business_area": len(catalogue.areas),
            "program": len(catalogue.programs),
            "offer_type": len(OFFER_TYPES),
        }
        programs = [(row, one["program_id"]) for row, one in enumerate(catalogue.programs) if row]
        self._names = {
            # A merchant counts once under each of its categories and once under each prefix.
            "category": _Names(
                (row, path)
                for row, paths in enumerate(catalogue.category_sets)
                for path in {prefix for path in paths for prefix in prefixes(path)}
            ),
            "business_area": _Names((row, name) for row, name in enumerate(catalogue.areas) if row),
            "program": _Names(programs),
            "offer_type": _Names(enumerate(OFFER_TYPES)),
        }

    def tally(self, facets: Sequence[str]) -> Tally:
        """Counters at zero for the requested facets; empty arrays for the others."""
        sets, areas, programs, types = (
            np.zeros(room, np.int64) if facet in facets else _NO_ROOM
            for facet, room in self._room.items()
        )
        seen = np.full(len(programs), -1, np.int64) if len(programs) else _NO_ROOM
        return Tally(sets, areas, programs, types, seen)

    def add(self, tally: Tally, counts: Counts) -> None:
        """Add the counters of the segment to `counts`, by facet and name."""
        for counted, (facet, names) in zip(tally, self._names.items(), strict=False):
            if len(counted):
                names.add(counted, counts[facet])


class _Names:
    """Names of a facet, each with the counter rows that count for it."""

    def __init__(self, pairs: Iterable[tuple[int, str]]) -> None:
        listed = list(pairs)
        texts = sorted({name for _, name in listed})
        numbers = {name: number for number, name in enumerate(texts)}
        self._texts = np.array(texts, object)
        self._naming = Naming(
            np.array([row for row, _ in listed], np.int64),
            np.array([numbers[name] for _, name in listed], np.int64),
        )
        self._count_names = kernels().count_names

    def add(self, counted: NDArray[np.int64], counts: dict[str, int]) -> None:
        """Add the counts of rows to those of names; the first call adds in `most_first` order."""
        room = len(self._texts)
        total, names = np.zeros(room, np.int64), np.empty(room, np.int64)
        names = names[: self._count_names(counted, self._naming, total, names)]
        named = zip(self._texts[names].tolist(), total[names].tolist(), strict=True)
        if not counts:
            counts.update(named)
            return
        for name, count in named:
            counts[name] = counts.get(name, 0) + count


def most_first(counts: dict[str, int]) -> dict[str, int]:
    """Counts in falling order, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
