"""Hilbert value of a position: the sort key by which documents get their ids.

Documents with near values are near on the Earth, so runs of a column have small boxes.
"""

import numpy as np
from numpy.typing import NDArray

from indexes.jit import inline_njit, int64, njit

BITS = 32
"""Bits of each coordinate; the value has twice as many."""

_OFFSET = 1 << 31


@inline_njit
def hilbert_value(x: int, y: int) -> np.uint64:
    """Hilbert value of one position, for kernels; see `hilbert_values`."""
    px = int64(x) + _OFFSET
    py = int64(y) + _OFFSET
    value = np.uint64(0)
    side = int64(1) << (BITS - 1)
    while side > 0:
        right = int64(1) if px & side else int64(0)
        upper = int64(1) if py & side else int64(0)
        quadrant = (3 * right) ^ upper
        value = (value << np.uint64(2)) | np.uint64(quadrant)
        if upper == 0:
            if right == 1:
                px = (side << 1) - 1 - (px & ((side << 1) - 1))
                py = (side << 1) - 1 - (py & ((side << 1) - 1))
            px, py = py, px
        side >>= 1
    return value


@njit
def _fill(x: NDArray[np.int32], y: NDArray[np.int32], out: NDArray[np.uint64]) -> None:
    for i in range(x.shape[0]):
        out[i] = hilbert_value(x[i], y[i])


def hilbert_values(x: NDArray[np.int32], y: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Hilbert value of each position, uint64[n].

    Parameters
    ----------
    x, y
        int32[n], any values; the curve fills the square of all 32-bit pairs.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Notes
    -----
    The quadrant walk of Hilbert's curve, from the highest bit down; Hamilton (2006), "Compact
    Hilbert Indices", section 2. Equal positions, and only those, have equal values.
    """
    if x.shape != y.shape:
        raise ValueError(f"Expected as many x as y, got {x.shape[0]} and {y.shape[0]}")
    out = np.empty(x.shape[0], dtype=np.uint64)
    _fill(np.ascontiguousarray(x, np.int32), np.ascontiguousarray(y, np.int32), out)
    return out
