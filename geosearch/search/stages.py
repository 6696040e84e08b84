"""A batch of queries in stages: each stage runs for all queries before the next one.

Useful for: `Searcher.pages`. The code of all stages does not fit the processor's instruction cache.
Not useful for: one query (`Searcher.page`).
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from geosearch.answer.model import Page
from geosearch.answer.results import Results
from geosearch.errors import BadRequest, NotReady
from geosearch.query.query import Query
from indexes.allowance import Allowance, TooMuchWork

_REFUSALS = (BadRequest, NotReady, TooMuchWork)

Refused = TooMuchWork | None
"""Instead of a result: the query takes more than its allowance, or is refused."""


def in_stages(
    queries: Sequence[Query],
    most_work: int,
    find: Callable[[Query], tuple[Any, Any]],
    write: Callable[[Any, Any], Results],
    complete: Callable[[Any, Any, Results, int], Page],
) -> list[Page | Refused]:
    """The page of each query.

    Parameters
    ----------
    most_work
        Allowance of each query.
    find, write, complete
        The stages: plan and best documents, results, and the page. The last one gets the start of
        the batch by `time.perf_counter_ns`.
    """
    started = time.perf_counter_ns()
    found: list[tuple[int, tuple[Any, Any] | Refused]] = []
    told: list[tuple[int, Results | Refused]] = []
    pages: list[Page | Refused] = []
    # Loops without functions of their own: a call costs as much as what they add to a stage.
    with Allowance(most_work) as allowance:
        for query in queries:
            allowance.left = most_work
            try:
                best = find(query)
                found.append((allowance.left, best))
            except _REFUSALS as error:
                found.append((0, _refused(error)))
        for left, one in found:
            allowance.left = left
            try:
                if isinstance(one, tuple):
                    text = write(*one)
                    told.append((allowance.left, text))
                else:
                    told.append((0, one))
            except TooMuchWork as error:
                told.append((0, _refused(error)))
        for (_, one), (left, written) in zip(found, told, strict=True):
            allowance.left = left
            try:
                if isinstance(one, tuple) and isinstance(written, Results):
                    pages.append(complete(*one, written, started))
                else:
                    pages.append(None if isinstance(written, Results) else written)
            except TooMuchWork as error:
                pages.append(_refused(error))
    return pages


def _refused(error: Exception) -> Refused:
    """A new error without the frames of this one."""
    return TooMuchWork() if isinstance(error, TooMuchWork) else None
