"""Texts of a segment by row: ids and stored JSON, read from mapped columns."""

from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray


class Texts:
    """Byte strings by row, stored as one blob and the starts of its rows."""

    def __init__(self, arrays: dict[str, NDArray[Any]], name: str) -> None:
        self.arrays = arrays[f"{name}_start"], arrays[name]
        # A memoryview reads single items three times as fast as an array.
        self._starts = arrays[f"{name}_start"].data
        self._blob = arrays[name].data

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._starts) - 1

    def __call__(self, row: int) -> memoryview:
        """Bytes of a row, without a copy."""
        starts = self._starts
        return self._blob[starts[row] : starts[row + 1]]

    def digests(self) -> NDArray[np.uint64]:
        """XXH3-64 of each row, uint64[n]; 0.3 us a row."""
        blob, starts = self._blob, self._starts
        rows = len(starts) - 1
        pieces = (blob[starts[row] : starts[row + 1]] for row in range(rows))
        return np.fromiter(map(xxhash.xxh3_64_intdigest, pieces), np.uint64, rows)
