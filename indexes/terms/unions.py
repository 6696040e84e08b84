"""Union of postings lists: the documents of alternative readings, each with its best impact.

Useful for: a word with fifty alternatives; search reads one merged list.
Not useful for: intersections of whole words; search narrows those as it goes (`postings`).

A *reading* is one or more lists of `postings` and a factor. It matches the documents in all of its
lists. The impact is the mean of their impacts times the factor, rounded, at least 1. Each reading
gives a run of ascending documents. `Unions` merges the two shortest runs until one is left. Most
words have one long list and a few short ones, so a merge reads the long list once, at 3 ns per
posting.
"""

from collections.abc import Iterable
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from indexes.arrays import U8, U32, I64Matrix
from indexes.bisection import next_at_least
from indexes.jit import entry_point, int64, njit
from indexes.terms.postings import Postings

Spans = tuple[tuple[int, int], ...]
"""Where each list of a reading begins and ends in the postings."""

_STEPS = 256
_FACTORS_KEPT = 64


class _Run(NamedTuple):
    """The documents `docs[begin:end]`, ascending, each once."""

    docs: U32
    impacts: U8
    begin: int
    end: int
    worth: U8  # [256] final impact by stored impact


@lru_cache(_FACTORS_KEPT)
def _worths(factor: float) -> U8:
    worths: U8 = np.maximum(np.rint(np.arange(_STEPS) * factor), 1.0).astype(np.uint8)
    return worths


@njit
def _meet(lists: _Run, span: I64Matrix, factor: float, docs: U32, impacts: U8) -> int:
    """Write the documents in all lists with their impacts; return their number.

    `span` int64[s, 2] has the begin and end of each list, the shortest first. The kernel advances
    each begin.
    """
    found = 0
    for at in range(span[0, 0], span[0, 1]):
        wanted = lists.docs[at]
        total = int64(lists.impacts[at])
        for t in range(1, span.shape[0]):
            place = next_at_least(lists.docs, span[t, 0], span[t, 1], wanted)
            if place == span[t, 1]:
                return found
            span[t, 0] = place
            if lists.docs[place] != wanted:
                total = 0
                break
            total += int64(lists.impacts[place])
        if total > 0:
            docs[found] = wanted
            impacts[found] = max(1, int64(np.rint(total / span.shape[0] * factor)))
            found += 1
    return found


@njit
def _merge(one: _Run, other: _Run, docs: U32, impacts: U8) -> int:
    """Write the documents of two runs, each with its greater impact; return their number."""
    found = 0
    a = one.begin
    b = other.begin
    while a < one.end and b < other.end:
        doc = one.docs[a]
        other_doc = other.docs[b]
        if doc < other_doc:
            docs[found] = doc
            impacts[found] = one.worth[one.impacts[a]]
            a += 1
        elif other_doc < doc:
            docs[found] = other_doc
            impacts[found] = other.worth[other.impacts[b]]
            b += 1
        else:
            docs[found] = doc
            impacts[found] = max(one.worth[one.impacts[a]], other.worth[other.impacts[b]])
            a += 1
            b += 1
        found += 1
    for at in range(a, one.end):
        docs[found] = one.docs[at]
        impacts[found] = one.worth[one.impacts[at]]
        found += 1
    for at in range(b, other.end):
        docs[found] = other.docs[at]
        impacts[found] = other.worth[other.impacts[at]]
        found += 1
    return found


@njit
def _price(run: _Run, impacts: U8) -> None:
    """Write the final impact of each document of a run."""
    for at in range(run.begin, run.end):
        impacts[at - run.begin] = run.worth[run.impacts[at]]


class Unions:
    """Merges postings lists of alternative readings.

    Parameters
    ----------
    postings
        The postings, perhaps memory-mapped.

    Examples
    --------
    >>> doc, impact = np.array([1, 5, 5, 9], np.uint32), np.array([9, 9, 8, 7], np.uint8)
    >>> none = np.zeros(0, np.uint32)
    >>> unions = Unions(Postings(none, none, doc, impact, impact[:0]))
    >>> readings = [(((2, 4),), 1.0), (((0, 2),), 0.5)]
    >>> [found.tolist() for found in unions.union(readings, most=9)]
    [[1, 5, 9], [4, 8, 7]]
    """

    def __init__(self, postings: Postings) -> None:
        self._postings = _Run(postings.doc, postings.impact, 0, 0, _worths(1.0))
        self._meet = entry_point(_meet)
        self._merge = entry_point(_merge)
        self._price = entry_point(_price)

    def union(self, readings: Iterable[tuple[Spans, float]], *, most: int) -> tuple[U32, U8]:
        """Ascending documents of any reading, each with the impact of its best, 1 to 255.

        Parameters
        ----------
        readings
            Lists and factor of each reading; factors are 0 to 1 and descend.
        most
            The union skips the remaining readings once those before have more documents than this,
            duplicates counted.
        """
        runs: dict[Spans, _Run] = {}
        taken = 0
        for lists, factor in readings:
            if taken > most:
                break
            # The same lists came before with a greater factor, so they add nothing.
            if lists not in runs:
                runs[lists] = self._run(lists, factor)
            taken += runs[lists].end - runs[lists].begin
        run = self._merged(list(runs.values()))
        impacts = np.empty(run.end - run.begin, np.uint8)
        self._price(run, impacts)
        return run.docs[run.begin : run.end], impacts

    def _run(self, lists: Spans, factor: float) -> _Run:
        """The documents of one reading."""
        if len(lists) == 1:
            begin, end = lists[0]
            return self._postings._replace(begin=begin, end=end, worth=_worths(factor))
        span = np.array(sorted(lists, key=lambda span: span[1] - span[0]), np.int64)
        room = int(span[0, 1] - span[0, 0])
        docs, impacts = np.empty(room, np.uint32), np.empty(room, np.uint8)
        found = self._meet(self._postings, span, factor, docs, impacts)
        return _Run(docs, impacts, 0, found, _worths(1.0))

    def _merged(self, runs: list[_Run]) -> _Run:
        """One run of the documents of all runs."""
        heap = [(run.end - run.begin, number, run) for number, run in enumerate(runs)]
        heapify(heap)
        for number in range(len(runs), 2 * len(runs) - 1):
            size, _, one = heappop(heap)
            other_size, _, other = heappop(heap)
            docs = np.empty(size + other_size, np.uint32)
            impacts = np.empty(size + other_size, np.uint8)
            found = self._merge(one, other, docs, impacts)
            heappush(heap, (found, number, _Run(docs, impacts, 0, found, _worths(1.0))))
        return heap[0][2] if heap else self._postings


def warm() -> None:
    """Compile the kernels of unions: some seconds the first time, then a read from disk."""
    for kernel in (_meet, _merge, _price):
        entry_point(kernel)
