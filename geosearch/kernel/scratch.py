"""Working memory of a search, its pool, and the work counters."""

from typing import NamedTuple

import numpy as np

from geosearch.money.stacking import MOST_DEALS, MOST_GROUPS, new_memory
from indexes.allowance import NO_LIMIT, current, take
from indexes.arrays import F64, I64, F64Matrix, I32Matrix, I64Matrix
from indexes.geo.rtree import NODE_SIZE
from indexes.prepared import Prepared

MAX_RESULTS = 128
"""Largest `top_k` the kernel keeps: a page of 100 and one more to know whether there is a next."""

COUNTERS = ("nodes", "docs", "offers", "pushes", "leaves", "postings")
"""Work of a traversal: nodes and documents tested, offers priced, pushes on heap or queue, leaves
read, look-ups in word lists."""
NODES, DOCS, OFFERS, PUSHES, LEAVES, POSTINGS = range(6)

TOO_MUCH = -1
"""Result of a traversal that would do more work than it may; it has found nothing."""

MAX_CARRIED = 4
"""Word lists that a traversal narrows from node to node. It looks up the others as a whole, for the
few documents that hold the first ones."""


class Scratch(NamedTuple):
    """Working memory of one query at a time; reused, never shared between threads."""

    heap_key: F64Matrix  # [nodes, 2] primary, secondary
    heap_entry: I64Matrix  # [nodes, 2] id rank, node
    span: I32Matrix  # [nodes, 2 * MAX_CARRIED] begin and end of each list's part below a node
    reached: I64  # [MAX_CARRIED] where the last span that was written in each list ends
    top_key: F64Matrix  # [MAX_RESULTS, 2] primary, secondary
    top_doc: I64  # [MAX_RESULTS]
    sibling_key: I64Matrix  # [rows, NODE_SIZE] see `indexes.geo.siblings`, as the two below
    sibling_parent: I64  # [rows]
    sibling_front: I64Matrix  # [rows, 2]
    metres: F64  # [NODE_SIZE] see `indexes.geo.sphere`, `fill_boxes_m` and `fill_points_m`
    offset: F64Matrix  # [2, NODE_SIZE] see `indexes.geo.sphere.fill_points_m`
    place: I64  # [NODE_SIZE] see `traversal`, `fill_places` and `fill_few`
    within: I64  # [NODE_SIZE] see `indexes.geo.sphere.fill_within`
    work: I64  # [len(COUNTERS)]
    detail: I64Matrix  # [DETAIL_ROWS, DETAIL_WIDTH] see `describe.describe`
    score: F64  # [MAX_RESULTS] see `describe.describe`, as the next
    counted: F64  # [MAX_RESULTS]
    text_end: I64  # [MAX_RESULTS] see `result_text.write_results`
    combination: I64Matrix  # see `geosearch.money.stacking`
    combined: I64Matrix  # [2 * MAX_RESULTS, COMBINED_WIDTH] see `describe.describe`
    chains: I64Matrix  # [CHAIN_ROWS, CHAIN_WIDTH] see `stack_bills`
    left: I64  # [1] work that the traversals may still do; see `traversal.is_spent`


DETAIL_ROWS = 4096
DETAIL_WIDTH = 7
COMBINED_WIDTH = 4 + 3 * MOST_GROUPS
CHAIN_ROWS, CHAIN_WIDTH = MOST_DEALS + MOST_GROUPS + 2, 4


def new_scratch(nodes: int) -> Scratch:
    """Working memory for a segment with a number of nodes.

    A traversal pushes each node at most once, so the heap never outgrows the tree. A query touches
    only the memory pages that it needs.
    """
    capacity = nodes + NODE_SIZE
    # A row for each node with children; the last node of a level may have fewer than 16.
    rows = nodes // NODE_SIZE + NODE_SIZE
    return Scratch(
        np.empty((capacity, 2), np.float64),
        np.empty((capacity, 2), np.int64),
        np.empty((capacity, 2 * MAX_CARRIED), np.int32),
        np.empty(MAX_CARRIED, np.int64),
        np.empty((MAX_RESULTS, 2), np.float64),
        np.empty(MAX_RESULTS, np.int64),
        np.empty((rows, NODE_SIZE), np.int64),
        np.empty(rows, np.int64),
        np.empty((rows, 2), np.int64),
        np.empty(NODE_SIZE, np.float64),
        np.zeros((2, NODE_SIZE), np.float64),
        np.empty(NODE_SIZE, np.int64),
        np.empty(NODE_SIZE, np.int64),
        np.zeros(len(COUNTERS), np.int64),
        np.empty((DETAIL_ROWS, DETAIL_WIDTH), np.int64),
        np.empty(MAX_RESULTS, np.float64),
        np.empty(MAX_RESULTS, np.float64),
        np.empty(MAX_RESULTS, np.int64),
        new_memory(),
        np.zeros((2 * MAX_RESULTS, COMBINED_WIDTH), np.int64),
        np.zeros((CHAIN_ROWS, CHAIN_WIDTH), np.int64),
        np.full(1, NO_LIMIT),
    )


class ScratchPool:
    """Pool of working memories for one segment; each serves one query at a time.

    Parameters
    ----------
    nodes
        Number of nodes of the segment.
    """

    def __init__(self, nodes: int) -> None:
        self._nodes = nodes
        self._spare: list[Prepared[Scratch]] = []

    def borrow(self) -> Prepared[Scratch]:
        """Working memory for one query, with the work that is left for it.

        Give it back with `give_back`.
        """
        try:
            scratch = self._spare.pop()
        except IndexError:
            scratch = Prepared(new_scratch(self._nodes))
        allowance = current()
        if allowance is not None:
            scratch.value.left[0] = allowance.lent = allowance.left
        return scratch

    def give_back(self, scratch: Prepared[Scratch]) -> None:
        """Keep working memory for the next query, and take what its traversals did.

        Raises
        ------
        TooMuchWork
            A traversal ended with `TOO_MUCH`.
        """
        allowance = current()
        if allowance is None:
            self._spare.append(scratch)
            return
        done = allowance.lent - scratch.value.left.item()
        scratch.value.left[0] = NO_LIMIT
        self._spare.append(scratch)
        take(done)
