"""Numbering of distinct texts at build time: columns hold the numbers instead of the texts."""

import numpy as np
import polars as pl
from numpy.typing import NDArray


def numbered(texts: pl.Series) -> tuple[NDArray[np.uint32], list[str]]:
    """Number of each text in the order of first appearance, and the distinct texts."""
    distinct = texts.unique(maintain_order=True)
    numbers = pl.DataFrame({"text": distinct, "number": np.arange(len(distinct), dtype=np.uint32)})
    found = texts.to_frame("text").join(
        numbers, on="text", how="left", nulls_equal=True, maintain_order="left"
    )
    return found["number"].to_numpy().astype(np.uint32), distinct.to_list()
