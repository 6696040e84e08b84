"""Packed Hilbert R-tree without pointers: documents in Hilbert order, sixteen to a node.

Useful for: summaries of runs of documents, level by level, with which a search prunes.
Not useful for: inserting or moving documents; a tree is built once over sorted columns.

Node `i` of level `l` holds the documents from `i * 16**(l + 1)` on, so level and number of a node
give its children and its documents. A column of nodes holds level 0 (the leaves) first, then each
higher level, and last the root. Kamel and Faloutsos (1993), "On Packing R-trees"; flatbush.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NODE_BITS = 4
NODE_SIZE = 1 << NODE_BITS
"""Documents of a leaf, and children of a node; 8 to 16 measured best, 4 and 32 slower."""


def level_starts(docs: int) -> NDArray[np.int64]:
    """Column offset of each level, and last the number of nodes: int64[levels + 1].

    Examples
    --------
    >>> level_starts(17).tolist()
    [0, 2, 3]
    >>> level_starts(0).tolist()
    [0]
    """
    starts = [0]
    nodes = docs
    while nodes > 0:
        nodes = (nodes + NODE_SIZE - 1) >> NODE_BITS
        starts.append(starts[-1] + nodes)
        if nodes == 1:
            break
    return np.array(starts, dtype=np.int64)


def summarise(values: NDArray[Any], combine: np.ufunc) -> NDArray[Any]:
    """Column of node summaries from a column of documents.

    Parameters
    ----------
    values
        [..., n]: the last axis runs over documents in Hilbert order.
    combine
        Associative and commutative: `np.minimum`, `np.maximum`, `np.bitwise_or`.

    Returns
    -------
    array
        [..., nodes], same dtype, in the order of `level_starts`.
    """
    return summarise_leaves(_combine_runs(values, combine), combine)


def summarise_leaves(leaves: NDArray[Any], combine: np.ufunc) -> NDArray[Any]:
    """Column of node summaries from a column of leaves; see `summarise`."""
    levels = [leaves]
    while levels[-1].shape[-1] > 1:
        levels.append(_combine_runs(levels[-1], combine))
    return np.concatenate(levels, axis=-1)


def _combine_runs(values: NDArray[Any], combine: np.ufunc) -> NDArray[Any]:
    count = values.shape[-1]
    if count == 0:
        return values
    return combine.reduceat(values, np.arange(0, count, NODE_SIZE), axis=-1)


def node_count(docs: int) -> int:
    """Number of nodes of a tree over `docs` documents."""
    return int(level_starts(docs)[-1])
