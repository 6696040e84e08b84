"""Cursors of one version: from the last result of a page to the next page, and back.

`query.cursor` has their text.
"""

from collections.abc import Sequence
from itertools import pairwise

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
    """

    def __init__(self, version: str, segments: Sequence[Segment], bases: Sequence[int]) -> None:
        self._version, self._segments, self._bases = version, segments, bases

    def afters(self, cursor: Cursor) -> Sequence[After | None]:
        """Keys of the last result before the page, for each segment.

        Raises
        ------
        BadRequest
            The cursor is of another version, or of no document.
        """
        if cursor.version != self._version:
            raise expired(cursor.version)
        for segment, (base, end) in zip(self._segments, pairwise(self._bases), strict=True):
            if base <= cursor.doc < end:
                merchant_id = segment.merchant_id(cursor.doc - base)
                through = (each.id_rank_through(merchant_id) for each in self._segments)
                return [(*cursor.keys, id_rank) for id_rank in through]
        raise misplaced(cursor.doc)

    def cursor(
        self, planned: PlannedQuery, doc_ids: NDArray[np.int64], keys: NDArray[np.float64]
    ) -> str:
        """The cursor of the page after the last of the results that the query wants."""
        last = planned.query.limit - 1
        return write_cursor(
            Cursor(
                version=self._version,
                at=planned.at,
                question=fingerprint(planned.query),
                keys=(keys.item(last, 0), keys.item(last, 1)),
                doc=doc_ids.item(last),
            )
        )
