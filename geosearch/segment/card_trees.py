"""Separate R-trees over the documents of one card, for each card that few shops take.

They speed up queries with one such card: a leaf of the tree of all shops has half a match of a card
that 3 % take, a leaf of the card's own tree sixteen. They do not serve queries with several cards;
for a card that every fourth shop takes, the tree of all shops is as good. Nor do they serve new
customers, whose deals their bounds leave out.

A card's documents ascend, so they are in Hilbert order, and `indexes.geo.rtree` packs a tree over
them as over all documents. The node columns are those of `columns.Columns`, the rows of one tree
after those of another, with one bound class: the card's. Leaves have their own columns for the
documents, and the offers of these, which are far apart in the columns of all documents.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geosearch.money.ranking import Counting
from geosearch.segment.bounds import ANY_PROGRAM, doc_bounds
from geosearch.segment.columns import Columns, column_types, offers_in
from geosearch.segment.stack_bounds import ALL_OFFERS, doc_stack_bounds
from indexes.geo.rtree import level_starts, summarise

FEWEST_DOCS = 256
"""Cards with fewer documents get no tree: a search reads all of them as fast."""

LARGEST_SHARE = 1 / 8
"""Cards with more than this share of all documents get no tree."""

NODE_COLUMNS = tuple(name for name in Columns._fields if name.startswith(("node_", "bound_")))

LEAF_COLUMNS = (
    *("leaf_position", "leaf_schedule", "leaf_category_set"),
    *("leaf_best", "leaf_saving", "leaf_stack_best", "leaf_stack_saving"),
)

OFFER_COLUMNS = (
    *("offer_start", "offer_deal", "offer_window", "offer_program"),
    *("offer_saving", "offer_pay", "offer_group"),
)

_DOC_COLUMNS = (
    *("doc_position", "doc_record", "doc_signature"),
    *("doc_schedule", "doc_category_set"),
)


@cache
def card_tree_types() -> dict[str, tuple[np.dtype[Any], int]]:
    """Type and number of dimensions of each column that `card_tree_columns` makes."""
    names = (*NODE_COLUMNS, *LEAF_COLUMNS, *OFFER_COLUMNS)
    hot = column_types()
    types = {f"card_{name}": (hot[name][0], 1) for name in names}
    return {"card_tree": (np.dtype(np.uint32), 1)} | types


def large_leaves(columns: dict[str, Any], counting: Counting) -> dict[str, NDArray[Any]]:
    """Leaf columns of the tree of all documents.

    Its leaves hold the documents in their own order, so all but the bounds are empty here; see
    `segment`.

    Parameters
    ----------
    counting
        How much of a saving counts for one person without a given spend.
    """
    bounds = _doc_bounds(columns, counting, ANY_PROGRAM)
    stacks = doc_stack_bounds(columns, counting, wanted=ALL_OFFERS)
    return {
        "leaf_doc": np.zeros(0, np.uint32),
        "leaf_position": np.zeros((0, 2), np.int32),
        "leaf_schedule": np.zeros(0, np.uint32),
        "leaf_category_set": np.zeros(0, np.uint32),
        "leaf_best": bounds["best"],
        "leaf_saving": bounds["saving"],
        "leaf_stack_best": stacks["best"],
        "leaf_stack_saving": stacks["saving"],
    }


def card_tree_columns(
    columns: dict[str, Any],
    counting: Counting,
    summaries: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, NDArray[Any]]:
    """Columns of the trees of all cards that have one.

    Parameters
    ----------
    columns
        Columns of the segment's documents, offers, deals and cards.
    counting
        As in `large_leaves`.
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
    held = 0
    for program in chosen:
        docs = columns["program_docs"][starts[program] : starts[program + 1]]
        own = columns | {name: columns[name][docs] for name in _DOC_COLUMNS}
        own = _tree(own | _offers(columns, docs), counting, program, summaries)
        # Where the offers of one tree end, those of the next one begin.
        own["offer_start"] = own["offer_start"][:-1] + np.uint32(held)
        held += len(own["offer_deal"])
        for name, column in own.items():
            parts[f"card_{name}"].append(column.ravel())
    parts["card_offer_start"].append(np.array([held], np.uint32))
    return {name: np.concatenate(pieces) for name, pieces in parts.items()}


def _tree(
    own: dict[str, Any],
    counting: Counting,
    program: int,
    summaries: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, NDArray[Any]]:
    """Node and leaf columns of one card's tree over its own documents."""
    bounds = _doc_bounds(own, counting, program)
    stacks = doc_stack_bounds(own, counting, wanted=program)
    every = bounds | {f"stack_{name}": bound for name, bound in stacks.items()}
    found = {f"bound_{name}": summarise(bound, np.maximum) for name, bound in every.items()}
    found |= {name: column for name, column in summaries(own).items() if name in NODE_COLUMNS}
    leaves = (
        *(own["doc_position"], own["doc_schedule"], own["doc_category_set"]),
        *(bounds["best"], bounds["saving"], stacks["best"], stacks["saving"]),
    )
    found |= dict(zip(LEAF_COLUMNS, leaves, strict=True))
    return found | {name: own[name] for name in OFFER_COLUMNS}


def _doc_bounds(
    columns: dict[str, Any], counting: Counting, program: int
) -> dict[str, NDArray[Any]]:
    return doc_bounds(
        columns["doc_record"],
        offers_in(columns),
        columns["deal_terms"],
        columns["deal_new"],
        counting=counting,
        program=program,
    )


def _offers(columns: dict[str, Any], docs: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
    """Offers of some documents, in their order."""
    starts = columns["offer_start"].astype(np.int64)
    counts = np.diff(starts)[docs]
    own = np.zeros(len(docs) + 1, np.int64)
    own[1:] = np.cumsum(counts)
    rows = np.repeat(starts[docs] - own[:-1], counts) + np.arange(own[-1])
    found = {name: columns[name][rows] for name in OFFER_COLUMNS[1:]}
    return found | {"offer_start": own.astype(np.uint32)}


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
        own |= {name: arrays[f"card_{name}"] for name in OFFER_COLUMNS}
        end = begin["leaf_schedule"]
        own["offer_start"] = arrays["card_offer_start"][end - len(docs) : end + 1]
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
