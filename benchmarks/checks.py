"""Recall of every engine's answers, this one's included, against brute force.

`suite` reports it. The oracle of the tests checks all parameters.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.brute import BruteForce
from benchmarks.families import AskedFamily
from benchmarks.peers import Found
from geosearch.answer.model import Ranked
from geosearch.query.query import Query

# Engines round distances differently, because they compute in different orders.
_TOLERANCE = 1e-3


class Right:
    """The correct answer to one query, by brute force."""

    def __init__(
        self, brute: BruteForce, query: Query, among: NDArray[np.int64] | None = None
    ) -> None:
        self._docs, keys = brute.matches(query, among=among)
        order = np.argsort(self._docs)
        self._docs, self._keys = self._docs[order], keys[order, 0]
        self._wanted = min(query.limit, len(self._docs))
        self._counted, self._worded = query.total, query.q is not None
        best = np.sort(self._keys)[: self._wanted]
        self._last = float(best[-1]) if len(best) else 0.0
        self.ranked = brute.rank(query, among=among) if query.total else None
        self._sets = brute.flat.category_set[self._docs]

    def recall(self, rows: Sequence[int] | NDArray[np.int64]) -> float:
        """Return the share of correct rows in `rows`; ties with the last one are correct too."""
        if not self._wanted:
            return 1.0 if not len(rows) else 0.0
        given = np.unique(np.asarray(rows, np.int64))
        at = np.minimum(np.searchsorted(self._docs, given), len(self._docs) - 1)
        right = (self._docs[at] == given) & (self._keys[at] <= self._last + _TOLERANCE)
        return min(1.0, float(right.sum()) / self._wanted)

    def of_peer(self, found: Found) -> float:
        """Return the recall of a peer's answer; 0 if a requested count is wrong."""
        if self._counted:
            sets, counts = np.unique(self._sets, return_counts=True)
            if found.total != len(self._docs) or found.groups != dict(
                zip(sets.tolist(), counts.tolist(), strict=True)
            ):
                return 0.0
        return self.recall(found.rows)

    def of_engine(self, ranked: Ranked) -> float:
        """Return the recall of this engine's answer; 0 if a requested count is wrong.

        If no shop has all words, the engine drops some; that counts as correct.
        """
        if self._worded and not self._wanted:
            return 1.0
        if self.ranked is not None and (ranked.total, ranked.facets) != (
            self.ranked.total,
            self.ranked.facets,
        ):
            return 0.0
        return self.recall(ranked.doc_ids)


def right_answers(brute: BruteForce, asked: AskedFamily, count: int) -> list[Right]:
    """Return the correct answers to the first `count` queries of a family."""
    found = []
    for number, query in enumerate(asked.queries[:count]):
        assert isinstance(query, Query)
        found.append(Right(brute, query, asked.among[number] if asked.among else None))
    return found
