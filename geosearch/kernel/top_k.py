"""Priority queue of nodes and sorted list of the k best results, for `rank.rank`.

Keys are (primary, secondary, id rank) and ascend; `predicates` computes them. The queue is a binary
heap over parallel arrays of `Scratch`. The results are a sorted list: k is at most 128, and one
comparison with the last result rejects most candidates. The search looks up the id rank of a
document only if the other two parts tie, because id ranks lie far apart in memory.
"""

from geosearch.kernel.scratch import Scratch
from geosearch.segment.columns import DOC_ID_RANK, Columns
from indexes.jit import inline_njit, inner_njit, int64

ELSEWHERE = -1
"""Document of a kept result that stands for one of another segment."""

_LAST_RANK = 1 << 62


@inline_njit
def is_after(
    primary: float,
    secondary: float,
    id_rank: int,
    other_primary: float,
    other_secondary: float,
    other_id_rank: int,
) -> bool:
    """Whether the first key comes after the other key or equals it."""
    if primary != other_primary:
        return primary > other_primary
    if secondary != other_secondary:
        return secondary > other_secondary
    return id_rank >= other_id_rank


@inner_njit
def _move(scratch: Scratch, source: int, target: int) -> None:
    """Copy a heap entry to another place."""
    for part in range(2):
        scratch.heap_key[target, part] = scratch.heap_key[source, part]
        scratch.heap_entry[target, part] = scratch.heap_entry[source, part]


@inner_njit
def _put(
    scratch: Scratch, at: int, primary: float, secondary: float, id_rank: int, node: int
) -> None:
    """Write a heap entry."""
    scratch.heap_key[at, 0] = primary
    scratch.heap_key[at, 1] = secondary
    scratch.heap_entry[at, 0] = id_rank
    scratch.heap_entry[at, 1] = node


@inner_njit
def _is_entry_after(
    scratch: Scratch, at: int, primary: float, secondary: float, id_rank: int
) -> bool:
    """Whether a key comes after that of the heap entry at `at`, or equals it."""
    return is_after(
        primary,
        secondary,
        id_rank,
        scratch.heap_key[at, 0],
        scratch.heap_key[at, 1],
        scratch.heap_entry[at, 0],
    )


@inner_njit
def _first_of(scratch: Scratch, left: int, right: int) -> int:
    """The heap entry that comes first, of two neighbours or of one given twice."""
    primary = scratch.heap_key[left, 0]
    other = scratch.heap_key[right, 0]
    if primary == other:
        secondary, id_rank = scratch.heap_key[left, 1], scratch.heap_entry[left, 0]
        return right if _is_entry_after(scratch, right, primary, secondary, id_rank) else left
    # A processor would mispredict a branch here every other time.
    return left + int64(other < primary)


@inline_njit
def push(
    scratch: Scratch, size: int, primary: float, secondary: float, id_rank: int, node: int
) -> int:
    """Add a node to the heap of `size` entries; return the new size."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if _is_entry_after(scratch, parent, primary, secondary, id_rank):
            break
        _move(scratch, parent, at)
        at = parent
    _put(scratch, at, primary, secondary, id_rank, node)
    return size + 1


@inline_njit
def pop(scratch: Scratch, size: int) -> int:
    """Remove the first entry of the heap; return the new size."""
    size -= 1
    primary = scratch.heap_key[size, 0]
    secondary = scratch.heap_key[size, 1]
    id_rank = scratch.heap_entry[size, 0]
    node = scratch.heap_entry[size, 1]
    at = 0
    child = 1
    while child < size:
        child = _first_of(scratch, child, min(child + 1, size - 1))
        if not _is_entry_after(scratch, child, primary, secondary, id_rank):
            break
        _move(scratch, child, at)
        at = child
        child = 2 * at + 1
    _put(scratch, at, primary, secondary, id_rank, node)
    return size


@inner_njit
def id_rank_of(columns: Columns, doc: int) -> int:
    """Id rank of a document: the last part of its key."""
    if doc == ELSEWHERE:
        return int64(_LAST_RANK)
    return int64(columns.doc_record[doc, DOC_ID_RANK])


@inner_njit
def _ties(scratch: Scratch, at: int, primary: float, secondary: float) -> bool:
    """Whether a key equals that of the result kept at `at` in its first two parts."""
    return bool(primary == scratch.top_key[at, 0] and secondary == scratch.top_key[at, 1])


@inline_njit
def is_result_after(
    columns: Columns, scratch: Scratch, at: int, primary: float, secondary: float, id_rank: int
) -> bool:
    """Whether a key comes after that of the result kept at `at`, or equals it."""
    last = int64(0)
    if _ties(scratch, at, primary, secondary):
        last = id_rank_of(columns, scratch.top_doc[at])
    return is_after(
        primary, secondary, id_rank, scratch.top_key[at, 0], scratch.top_key[at, 1], last
    )


@inline_njit
def is_doc_after(
    columns: Columns, scratch: Scratch, at: int, primary: float, secondary: float, doc: int
) -> bool:
    """`is_result_after` for a document, whose id rank it looks up only on a tie."""
    id_rank = int64(0)
    if _ties(scratch, at, primary, secondary):
        id_rank = id_rank_of(columns, doc)
    return is_result_after(columns, scratch, at, primary, secondary, id_rank)


@inline_njit
def keep(
    columns: Columns,
    scratch: Scratch,
    found: int,
    top_k: int,
    primary: float,
    secondary: float,
    doc: int,
) -> int:
    """Insert a result that beats the last one kept; return how many are kept."""
    at = found if found < top_k else top_k - 1
    while at > 0:
        # The first part alone decides most comparisons.
        if primary >= scratch.top_key[at - 1, 0] and is_doc_after(
            columns, scratch, at - 1, primary, secondary, doc
        ):
            break
        scratch.top_key[at, 0] = scratch.top_key[at - 1, 0]
        scratch.top_key[at, 1] = scratch.top_key[at - 1, 1]
        scratch.top_doc[at] = scratch.top_doc[at - 1]
        at -= 1
    scratch.top_key[at, 0] = primary
    scratch.top_key[at, 1] = secondary
    scratch.top_doc[at] = doc
    return min(found + 1, top_k)


@inner_njit
def keep_elsewhere(scratch: Scratch, top_k: int, primary: float, secondary: float) -> int:
    """Keep results of another segment with one key, on whose ties ours come first; return `top_k`.

    A search that begins so finds what may come before the k-th result of the other segments.
    """
    for at in range(top_k):
        scratch.top_key[at, 0] = primary
        scratch.top_key[at, 1] = secondary
        scratch.top_doc[at] = ELSEWHERE
    return top_k
