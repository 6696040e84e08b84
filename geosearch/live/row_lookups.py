"""Numbers of rows by id, and by what they name, as columns that a file maps.

Useful for: look-ups in all rows of a version without reading one.
Not useful for: the rows themselves, which `row_blocks` has.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geosearch.segment.texts import Texts
from indexes.arrays import U32

Arrays = dict[str, NDArray[Any]]


def lookup_columns(tables: Mapping[str, pl.DataFrame]) -> Arrays:
    """Columns of `RowLookups`.

    Parameters
    ----------
    tables
        All merchants, deals and programs.
    """
    deals = tables["deals"].with_row_index("row")
    lists = pl.col("merchant_ids").is_null()
    named = {
        "deals_by_merchant": deals.select("row", text="merchant_ids").explode("text"),
        "deals_by_brand": deals.filter(lists).select("row", text="brand"),
        "deals_by_program": deals.select("row", text="program_id"),
        "merchants_by_brand": (
            tables["merchants"].with_row_index("row").select("row", text="brand")
        ),
    }
    named = {name: frame.drop_nulls("text") for name, frame in named.items()}
    none = pl.Series(dtype=pl.String)
    columns: Arrays = {}
    for table, ids, names in (
        ("deals", tables["deals"]["deal_id"], ()),
        ("merchants", tables["merchants"]["merchant_id"], ("deals_by_merchant",)),
        ("programs", tables["programs"]["program_id"], ("deals_by_program",)),
        ("brands", none, ("deals_by_brand", "merchants_by_brand")),
    ):
        others = pl.concat([none, *(named[name]["text"] for name in names)])
        # Ids first, so that their numbers are those of their rows.
        texts = pl.concat([ids, others]).unique(maintain_order=True)
        columns |= _text_columns(table, texts)
        for name in names:
            columns |= _group_columns(name, named[name], texts)
    return columns


class RowLookups:
    """Numbers of rows.

    Parameters
    ----------
    columns
        What `lookup_columns` returned.
    heights
        Number of rows by table.
    """

    def __init__(self, columns: Arrays, heights: Mapping[str, int]) -> None:
        self._columns, self._heights = columns, heights
        self._texts = {
            name: Texts(columns, f"{name}_text")
            for name in ("merchants", "deals", "programs", "brands")
        }

    def rows(self, table: str, ids: Iterable[str]) -> U32:
        """Ascending rows of a table with any of these ids, each once."""
        numbers = np.unique(self._numbers(table, ids))
        return numbers[numbers < self._heights[table]]

    def ids(self, table: str, rows: U32) -> list[str]:
        """Ids of rows."""
        texts = self._texts[table]
        return [str(texts(row), "utf-8") for row in rows.tolist()]

    def named(self, by: str, texts: Iterable[str]) -> U32:
        """Ascending rows that name any of these ids or brands, each once.

        Parameters
        ----------
        by
            `deals_by_merchant`, `deals_by_brand`, `deals_by_program` or `merchants_by_brand`.
        """
        starts, rows = self._columns[f"{by}_start"], self._columns[f"{by}_row"]
        numbers = self._numbers(f"{by.rpartition('_')[2]}s", texts)
        spans = [rows[starts[number] : starts[number + 1]] for number in numbers.tolist()]
        return np.unique(np.concatenate([np.zeros(0, np.uint32), *spans]))

    def _numbers(self, name: str, wanted: Iterable[str]) -> U32:
        """Numbers of the texts that are known."""
        texts, order = self._texts[name], self._columns[f"{name}_order"].data
        found = []
        for one in wanted:
            text = one.encode()
            place = bisect_left(order, text, key=lambda number: bytes(texts(number)))
            if place < len(order) and texts(order[place]) == text:
                found.append(order[place])
        return np.array(found, np.uint32)


def _text_columns(name: str, texts: pl.Series) -> Arrays:
    content = texts.str.join("").cast(pl.Binary).item()
    # Half the bytes of the starts, unless the texts take 4 GB.
    starts = np.zeros(len(texts) + 1, np.uint32 if len(content) < 1 << 32 else np.uint64)
    starts[1:] = np.cumsum(texts.str.len_bytes().to_numpy(), dtype=np.uint64)
    return {
        f"{name}_text_start": starts,
        f"{name}_text": np.frombuffer(content, np.uint8),
        f"{name}_order": texts.arg_sort().to_numpy(),
    }


def _group_columns(name: str, named: pl.DataFrame, texts: pl.Series) -> Arrays:
    """Rows by the number of the text that they name."""
    numbered = pl.DataFrame({"text": texts}).with_row_index("number")
    found = named.join(numbered, on="text").sort("number", "row")
    starts = np.zeros(len(texts) + 1, np.uint32)
    starts[1:] = np.cumsum(np.bincount(found["number"].to_numpy(), minlength=len(texts)))
    return {f"{name}_start": starts, f"{name}_row": found["row"].to_numpy()}
