"""Are the answers right? Every engine's, this one's too, against brute force.

Useful for: `suite`, which reports the recall of whoever is wrong.
Not useful for: all parameters; the tests' oracle does that.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.brute import BruteForce
from benchmarks.families import AskedFamily
from benchmarks.peers import Found
from geosearch.answer.model import Ranked
from geosearch.query.query import Query

# Engines compute distances in orders of their own.
_TOLERANCE = 1e-3


class Right:
    """The right answer to one question, by brute force."""

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
        """Share of the right rows that are among these; ties with the last one are right too."""
        if not self._wanted:
            return 1.0 if not len(rows) else 0.0
        given = np.unique(np.asarray(rows, np.int64))
        at = np.minimum(np.searchsorted(self._docs, given), len(self._docs) - 1)
        right = (self._docs[at] == given) & (self._keys[at] <= self._last + _TOLERANCE)
        return min(1.0, float(right.sum()) / self._wanted)

    def of_peer(self, found: Found) -> float:
        """Recall of a peer's answer; 0 where it was to count and miscounted."""
        if self._counted:
            sets, counts = np.unique(self._sets, return_counts=True)
            if found.total != len(self._docs) or found.groups != dict(
                zip(sets.tolist(), counts.tolist(), strict=True)
            ):
                return 0.0
        return self.recall(found.rows)

    def of_engine(self, ranked: Ranked) -> float:
        """Recall of this engine's answer; 0 where it was to count and miscounted.

        Where no shop has all the words it answers for fewer of them, and that is no mistake.
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
    """Right answers to the first questions of a family."""
    found = []
    for number, query in enumerate(asked.queries[:count]):
        assert isinstance(query, Query)
        found.append(Right(brute, query, asked.among[number] if asked.among else None))
    return found
