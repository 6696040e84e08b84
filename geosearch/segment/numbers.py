"""Values as columns hold them: numbers instead of texts, and flags as bits."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from indexes.arrays import U64


def numbered(texts: pl.Series) -> tuple[NDArray[np.uint32], list[str]]:
    """Number of each text in the order of first appearance, and the distinct texts."""
    distinct = texts.unique(maintain_order=True)
    numbers = pl.DataFrame({"text": distinct, "number": np.arange(len(distinct), dtype=np.uint32)})
    found = texts.to_frame("text").join(
        numbers, on="text", how="left", nulls_equal=True, maintain_order="left"
    )
    return found["number"].to_numpy().astype(np.uint32), distinct.to_list()


def packed(flags: NDArray[np.bool_]) -> U64:
    """Flags packed into 64-bit words, the first flag in the lowest bit."""
    padded = np.zeros(-(-len(flags) // 64) * 64, np.bool_)
    padded[: len(flags)] = flags
    return np.packbits(padded, bitorder="little").view(np.uint64)
