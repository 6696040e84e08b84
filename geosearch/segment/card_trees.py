"""Separate R-trees over the documents of one card, for each card that few shops take.

They speed up queries with one such card: a leaf of the tree of all shops has half a match of a card
that 3 % take, a leaf of the card's own tree sixteen. They do not serve queries with several cards;
for a card that every fourth shop takes, the tree of all shops is as good.

A card's documents ascend, so they are in Hilbert order, and `indexes.geo.rtree` packs a tree over
them as over all documents. The node columns are those of `columns.Columns`, the rows of one tree
after those of another, with one bound class: the card's. Leaves have their own columns for the
positions and bounds of their documents, which are far apart in memory. These two columns let a
search reject most documents.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosearch.segment.bounds import doc_bounds
from geosearch.segment.columns import Columns, column_types
from indexes.geo.rtree import level_starts, summarise

FEWEST_DOCS = 256
"""Cards with fewer documents get no tree: a search reads all of them as fast."""

LARGEST_SHARE = 1 / 8
"""Cards with more than this share of all documents get no tree."""

NODE_COLUMNS = tuple(name for name in Columns._fields if name.startswith(("node_", "bound_")))

LEAF_COLUMNS = ("leaf_position", "leaf_category_set", "leaf_best", "leaf_saving")

_DOC_COLUMNS = ("doc_position", "doc_record", "doc_signature", "doc_category_set")


def card_tree_types() -> dict[str, tuple[np.dtype[Any], int]]:
    """Type and number of dimensions of each column that `card_tree_columns` makes."""
    names = (*NODE_COLUMNS, *LEAF_COLUMNS)
    types = {f"card_{name}": (column_types()[name][0], 1) for name in names}
    return {"card_tree": (np.dtype(np.uint32), 1)} | types


def no_leaves() -> dict[str, NDArray[Any]]:
    """Empty leaf columns for the tree of all documents, which needs none."""
    names = ("leaf_doc", *LEAF_COLUMNS)
    return {
        name: np.zeros((0, 2) if column_types()[name][1] == 2 else 0, column_types()[name][0])
        for name in names
    }


def card_tree_columns(
    columns: dict[str, Any], summaries: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, NDArray[Any]]:
    """Columns of the trees of all cards that have one.

    Parameters
    ----------
    columns
        Columns of the segment's documents, offers, deals and cards.
    summaries
        Returns the `node_` columns over columns of documents in Hilbert order.

    Returns
    -------
    dict
        `card_tree` has the cards with a tree. Each node and leaf column is flat and has the rows
        of all trees, one tree after the other.
    """
    starts, programs = columns["program_start"].astype(np.int64), len(columns["program_on"])
    most = LARGEST_SHARE * len(columns["doc_record"])
    chosen = [
        program
        for program in range(1, programs)
        if FEWEST_DOCS <= starts[program + 1] - starts[program] <= most
    ]
    parts: dict[str, list[NDArray[Any]]] = {
        name: [np.zeros(0, kind)] for name, (kind, _) in card_tree_types().items()
    }
    parts["card_tree"].append(np.array(chosen, np.uint32))
    for program in chosen:
        docs = columns["program_docs"][starts[program] : starts[program + 1]]
        for name, column in _tree(columns, docs, program, summaries).items():
            parts[f"card_{name}"].append(column.ravel())
    return {name: np.concatenate(pieces) for name, pieces in parts.items()}


def _tree(
    columns: dict[str, Any],
    docs: NDArray[np.uint32],
    program: int,
    summaries: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, NDArray[Any]]:
    """Node and leaf columns of one card's tree."""
    own = columns | {name: columns[name][docs] for name in _DOC_COLUMNS}
    bounds = doc_bounds(own["doc_record"], own["offer_record"], own["deal_terms"], program=program)
    found = {f"bound_{name}": summarise(bound, np.maximum) for name, bound in bounds.items()}
    found |= {name: column for name, column in summaries(own).items() if name in NODE_COLUMNS}
    leaves = (own["doc_position"], own["doc_category_set"], bounds["best"], bounds["saving"])
    return found | dict(zip(LEAF_COLUMNS, leaves, strict=True))


def card_columns(
    columns: Columns, arrays: dict[str, NDArray[Any]], docs_of: Callable[[int], NDArray[np.uint32]]
) -> dict[int, Columns]:
    """Columns of a segment by card, with the card's tree in place of the tree of all documents.

    Parameters
    ----------
    columns
        Columns of the segment.
    arrays
        Arrays that `card_tree_columns` made.
    docs_of
        Returns the ascending documents of a card.
    """
    found: dict[int, Columns] = {}
    begin = dict.fromkeys((*NODE_COLUMNS, *LEAF_COLUMNS), 0)
    for program in arrays["card_tree"].tolist():
        docs = docs_of(program)
        levels = level_starts(len(docs))
        levels.flags.writeable = False
        own: dict[str, NDArray[Any]] = {"level_start": levels, "leaf_doc": docs}
        for name in begin:
            shape = _shape(columns, name, len(docs), int(levels[-1]))
            end = begin[name] + math.prod(shape)
            own[name] = arrays[f"card_{name}"][begin[name] : end].reshape(shape)
            begin[name] = end
        found[program] = columns._replace(**own)
    return found


def _shape(columns: Columns, name: str, docs: int, nodes: int) -> tuple[int, ...]:
    """Shape of a column of one tree."""
    whole = getattr(columns, name)
    if name in LEAF_COLUMNS:
        return (docs, *whole.shape[1:])
    if name.startswith("bound_"):
        return (1, nodes)
    return (*whole.shape[:-1], nodes)
