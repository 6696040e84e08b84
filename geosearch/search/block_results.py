"""Results of a block of queries: in numbers of the index, and as a frame with names.

Useful for: `block`, and `geosearch.cluster.batches`, whose workers return numbers.
Not useful for: ranking.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.kernel.block import (
    COMBINED_COUNT,
    COMBINED_DEALS,
    COMBINED_PAY,
    COMBINED_SAVING,
    DEAL,
    PAY,
    SAVING,
)
from geosearch.money.offers import UNKNOWN_MONEY
from geosearch.search.block_rows import RefusedRow, ResultColumns
from geosearch.segment.segment import Segment
from geosearch.segment.texts import Texts
from indexes.arrays import I64


class Block(NamedTuple):
    """Answers to a block of queries.

    Attributes
    ----------
    rows
        A row for each result, in the order of the queries, best first: `query_id`, `rank` from 1,
        `merchant_id`, `distance_m` in metres; `deal_id`, `saving` and `pay` of the best deal, minor
        units, null where there is none or where they are unknown; `total` if a query asks for it;
        `combination`, `combined_saving` and `combined_pay` of the best combination, a list of deal
        ids, if the columns or the options name `stacking`, null where it is off.
    refused
        A row for each query without an answer: `query_id`, stable `code`, and `detail`, a sentence.
    queries
        Number of queries, refused ones included.
    """

    rows: pl.DataFrame
    refused: pl.DataFrame
    queries: int


class RawBlock(NamedTuple):
    """Answers to a block in numbers of the index, for `BlockWriter.written`.

    `counts` are the results of each query; `docs`, `distances` and `deals` are those of all
    results, one query after the other.
    """

    counts: I64
    docs: I64
    distances: NDArray[np.float64]
    deals: I64
    totals: dict[int, int]
    refused: list[RefusedRow]
    columns: ResultColumns


class BlockWriter:
    """Writes the results of blocks with their names.

    Parameters
    ----------
    segments
        Segments of the searcher that found them.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.merchant_ids = Names([segment.merchant_id_texts for segment in segments])
        """Ids of documents."""
        self._deal_ids = Names([segment.deal_id_texts for segment in segments])

    def written(self, raw: RawBlock, ids: pl.Series) -> Block:
        """A block with the names of what it found; `ids` are those of its queries."""
        count = raw.counts
        rows = np.repeat(np.arange(len(count)), count)
        begin = np.repeat(np.cumsum(count) - count, count)
        frame = pl.DataFrame(
            {
                "query_id": ids.gather(rows),
                "rank": (np.arange(len(rows)) - begin + 1).astype(np.int32),
                "merchant_id": self.merchant_ids(raw.docs),
                "distance_m": raw.distances,
                "deal_id": self._deal_ids(raw.deals[:, DEAL]),
                "saving": raw.deals[:, SAVING],
                "pay": raw.deals[:, PAY],
            }
        )
        money = ["saving", "pay"]
        if raw.columns.combinations:
            frame = frame.with_columns(self._combinations(raw.deals))
            money += ["combined_saving", "combined_pay"]
        # Files also store what is under a null: always 0.
        for name in money:
            stated = pl.when(pl.col(name) != UNKNOWN_MONEY)
            frame = frame.with_columns(stated.then(stated.then(pl.col(name)).otherwise(0)))
        if raw.columns.totals:
            known = pl.Series("total", [raw.totals.get(row) for row in range(len(count))], pl.Int64)
            frame = frame.with_columns(known.gather(rows))
        return Block(
            rows=frame,
            refused=pl.DataFrame(
                {
                    "query_id": ids.gather([one.row for one in raw.refused]),
                    "code": pl.Series([one.code for one in raw.refused], dtype=pl.String),
                    "detail": pl.Series([one.detail for one in raw.refused], dtype=pl.String),
                }
            ),
            queries=len(count),
        )

    def _combinations(self, deals: I64) -> list[pl.Series]:
        """The columns about combinations; those of a query without stacking are null."""
        count = np.maximum(deals[:, COMBINED_COUNT], 0)
        used = np.arange(deals.shape[1] - COMBINED_DEALS) < count[:, None]
        ids = self._deal_ids(deals[:, COMBINED_DEALS:][used])
        rows = pl.DataFrame({"row": np.repeat(np.arange(len(deals)), count), "id": ids})
        lists = rows.group_by("row", maintain_order=True).agg("id")["id"]
        none = pl.Series([None], dtype=pl.List(pl.String))
        table = pl.concat([lists.cast(pl.List(pl.String)), none])
        number = np.where(count > 0, np.cumsum(count > 0) - 1, len(lists))
        return [
            table.gather(number).alias("combination"),
            pl.Series("combined_saving", deals[:, COMBINED_SAVING]),
            pl.Series("combined_pay", deals[:, COMBINED_PAY]),
        ]


class Names:
    """Texts by number, of all segments; made when first needed."""

    def __init__(self, texts: Sequence[Texts]) -> None:
        self._texts = texts
        self._lengths = [len(one) for one in texts]

    def __call__(self, numbers: I64) -> pl.Series:
        """Text of each number; null for a negative one."""
        if len(numbers) * _SPARSE < sum(self._lengths):
            distinct, places = np.unique(numbers, return_inverse=True)
            table = pl.Series(list(map(self._text, distinct.tolist())), dtype=pl.String)
            return table.gather(places)
        return self._table.gather(np.where(numbers < 0, sum(self._lengths), numbers))

    def _text(self, number: int) -> str | None:
        for texts, length in zip(self._texts, self._lengths, strict=True):
            if 0 <= number < length:
                return str(texts(number), "utf-8")
            number -= length
        return None

    @cached_property
    def _table(self) -> pl.Series:
        """All texts, and null behind them."""
        table = [
            pl.Series([_decoded(texts(row)) for row in range(len(texts))], dtype=pl.String)
            for texts in self._texts
        ]
        return pl.concat([*table, pl.Series([None], dtype=pl.String)], rechunk=True)


_SPARSE = 4
"""Where fewer than one in so many texts is asked for, only those are read."""


def _decoded(text: memoryview) -> str:
    return str(text, "utf-8")
