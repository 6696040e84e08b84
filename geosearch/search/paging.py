"""Cursors of one version: from the last result of a page to the next page, and back.

`query.cursor` has their text.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from geosearch.query.cursor import Cursor, expired, fingerprint, misplaced, write_cursor
from geosearch.search.plan import After
from geosearch.search.query_planner import PlannedQuery
from geosearch.segment.segment import Segment


class Pager:
    """Writes the cursors of one version, and reads where a page begins.

    Parameters
    ----------
    version
        Name of the version.
    segments, bases
        Its segments; the first doc id of each, and the end of the last one.
    stable
        Number of the segments that the version has at every moment; they come first.

    Notes
    -----
    A document of a cursor has its number in one index, so that each region reads the same cursors.
    """

    def __init__(
        self, version: str, segments: Sequence[Segment], bases: Sequence[int], stable: int
    ) -> None:
        self._version, self._segments, self._bases = version, segments, bases
        self._everywhere = [0, *accumulate(segment.docs_everywhere for segment in segments)]
        self._stable = stable

    def afters(self, cursor: Cursor) -> Sequence[After | None]:
        """Keys of the last result before the page, for each segment.

        Raises
        ------
        BadRequest
            The cursor is of another version, or of no document.
        """
        if cursor.version != self._version:
            raise expired(cursor.version)
        merchant_id = cursor.merchant_id or self._id_of(cursor.doc)
        through = (each.id_rank_through(merchant_id) for each in self._segments)
        return [(*cursor.keys, id_rank) for id_rank in through]

    def _id_of(self, doc: int) -> str:
        for segment, (base, end) in zip(self._segments, pairwise(self._everywhere), strict=True):
            here = segment.doc_here(doc - base) if base <= doc < end else None
            if here is not None:
                return segment.merchant_id(here)
        raise misplaced(doc)

    def cursor(
        self, planned: PlannedQuery, doc_ids: NDArray[np.int64], keys: NDArray[np.float64]
    ) -> str:
        """The cursor of the page after the last of the results that the query wants."""
        last = planned.query.limit - 1
        number = bisect_right(self._bases, doc_ids.item(last)) - 1
        segment, doc = self._segments[number], doc_ids.item(last) - self._bases[number]
        return write_cursor(
            Cursor(
                version=self._version,
                at=planned.at,
                question=fingerprint(planned.query),
                keys=(keys.item(last, 0), keys.item(last, 1)),
                doc=self._everywhere[number] + segment.number_everywhere(doc),
                merchant_id="" if number < self._stable else segment.merchant_id(doc),
            )
        )
