"""Merge of what the segments of an index find: the best results, their text, and the counts.

Useful for: `Searcher`.
Not useful for: one segment; `SegmentView` searches it.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geosearch.answer.facets import most_first
from geosearch.answer.results import Results, Text, joined
from geosearch.search.query_planner import PlannedQuery
from geosearch.search.segment_view import SegmentView
from geosearch.segment.segment import Segment

Found = tuple[NDArray[np.int64], NDArray[np.float64], dict[str, int]]
"""Doc ids int64[n], keys float64[n, 2], best first, and the work of the traversals."""


def located(bases: Sequence[int], doc: int) -> tuple[int, int]:
    """Number of the segment of a doc id, and its document there."""
    number = bisect_right(bases, doc) - 1
    return number, doc - bases[number]


def place_of(segments: Sequence[Segment], merchant_id: str) -> tuple[int, int] | None:
    """Number of the segment of a live merchant, and its document there; None without one."""
    for number, segment in enumerate(segments):
        doc = segment.doc_of(merchant_id)
        if doc is not None and segment.is_live(doc):
            return number, doc
    return None


def best_of(views: Sequence[SegmentView], bases: Sequence[int], planned: PlannedQuery) -> Found:
    """The best results of all segments, merged by their keys.

    Parameters
    ----------
    bases
        The first doc id of each segment, and the end of the last one.
    """
    plans, explain = planned.plans, planned.query.explain
    docs, keys, work = views[0].rank(plans[0], explain)
    top_k = plans[0].criteria.page.top_k
    for number in range(1, len(views)):
        last = keys[-1] if len(docs) == top_k else None
        more, own, done = views[number].rank(plans[number], explain, last)
        work = {name: work[name] + count for name, count in done.items()}
        if len(more):
            docs = np.concatenate((docs, more + bases[number]))
            keys = np.concatenate((keys, own))
            order = _order(views, bases, docs, keys)[:top_k]
            docs, keys = docs[order], keys[order]
    return docs, keys, work


def _order(
    views: Sequence[SegmentView],
    bases: Sequence[int],
    docs: NDArray[np.int64],
    keys: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The order of results: by both keys, and by the id of the merchant where they tie."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ascending = keys[order]
    if not (ascending[1:] == ascending[:-1]).all(axis=1).any():
        return order
    places = (located(bases, doc) for doc in docs.tolist())
    ids = [views[number].segment.merchant_id(doc) for number, doc in places]
    rows = list(zip(*keys.T.tolist(), ids, strict=True))
    return np.array(sorted(range(len(rows)), key=rows.__getitem__))


def results_of(
    views: Sequence[SegmentView],
    bases: Sequence[int],
    planned: PlannedQuery,
    found: Found,
    fields: tuple[str, ...],
) -> Results:
    """The results of a page as JSON text, in their order, with the members `fields` or all."""
    query, (doc_ids, keys, _) = planned.query, found
    if len(doc_ids) > query.limit:
        doc_ids, keys = doc_ids[: query.limit], keys[: query.limit]
    if len(views) == 1 or (doc_ids < bases[1]).all():
        return views[0].results(query, planned.plans[0].criteria, doc_ids, keys, fields)
    texts: list[Text] = [b""] * len(doc_ids)
    scores = np.empty(len(doc_ids))
    for number, (view, plan) in enumerate(zip(views, planned.plans, strict=True)):
        base, end = bases[number : number + 2]
        (places,) = np.nonzero((doc_ids >= base) & (doc_ids < end))
        docs, ranked = doc_ids[places] - base, keys[places]
        part = view.results(query, plan.criteria, docs, ranked, fields)
        scores[places] = part.scores
        for place, text in zip(places.tolist(), part.each(), strict=True):
            texts[place] = text
    return joined(texts, scores)


def count_of(
    views: Sequence[SegmentView], planned: PlannedQuery
) -> tuple[int | None, dict[str, dict[str, int]] | None]:
    """Exact total and facets; None for those that the query does not want."""
    query = planned.query
    if not (query.total or query.facets):
        return None, None
    counts: dict[str, dict[str, int]] = {name: {} for name in query.facets}
    total = sum(view.count(plan, counts) for view, plan in zip(views, planned.plans, strict=True))
    facets = counts
    if len(views) > 1:
        facets = {name: most_first(found) for name, found in counts.items()}
    return (total if query.total else None), (facets if query.facets else None)
