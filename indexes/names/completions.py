"""Completions of a typed prefix, ranked by popularity and distance, in bounded work.

The index is a sorted table of keys. A key is a string that people type, and it leads to an item.
An item has a list of documents, a kind and a popularity. An item scores higher the more of
its documents are near. `spelling_lists` makes keys; the caller knows what an item is.

The keys with a prefix are neighbours in the table, and two bisections find them. A prefix of many
keys has lists, which the build made: the best items of each tile. A tile is 4,096 or 65,536
documents in Hilbert order. A query reads the lists of the tiles that its circle touches. So the
answer for a prefix of few keys is exact. The answer for a prefix of many keys is exact among the
items that the lists hold.
"""

import math
from typing import NamedTuple

import numpy as np

from indexes.arrays import F32, F64, I64, U8, U32, ReadOnly
from indexes.bisection import first_at_least, partition_point
from indexes.geo.cover import RUN_BITS, SPANS, CircleCover, PointTree, mark, tally
from indexes.geo.sphere import Circle
from indexes.jit import inline_njit, inner_njit, int64, njit

CROWD = 2048
"""A prefix of more keys than this has lists; a query reads fewer keys one by one."""

FINE_BITS, COARSE_BITS = 12, 16
"""Tile sizes as powers of two: 4,096 and 65,536 documents."""

FINE_KEPT, COARSE_KEPT = 10, 32
"""Most items in the list of a fine and of a coarse tile."""

MATCH_KIND_BITS = 4
"""Bits of `Completions.key_item` below the item: the match kind, a row of `Scoring.match_kind`."""

FINE_TILES = 16
"""A circle that touches more fine tiles than this reads the lists of the coarse ones."""

CANDIDATES = 4096
"""Most items that a query considers; it skips further ones."""

MAX_TOP = 128
MAX_PREFIXES = 8

_MATCH_KIND = (1 << MATCH_KIND_BITS) - 1
_SLOTS = 1 << 13
_STEPS = 128
_STEP = 3.0
_HIGHEST = 40.0


class Completions(NamedTuple):
    """Columns of k keys, i items and h key ranges with lists."""

    key_text: U8  # strings of the keys, each ends with a zero; keys may share a tail
    key_start: U32  # [k] where each key begins in `key_text`; the strings ascend byte by byte
    key_item: U32  # [k] item << MATCH_KIND_BITS | row of `Scoring.match_kind`
    item_kind: U8  # [i] row of `Scoring.kind`
    item_popularity: U32  # [i] popularity
    item_bound: F32  # [i] upper bound of the score, without the part of the key
    item_start: U32  # [i + 1] where the documents of each item begin in `item_docs`
    item_docs: U32  # documents of each item, ascending
    list_range: I64  # [h] first key << 32 | key after the last, ascending
    list_start: U32  # [h * tiles + 1] lists of each range: fine tiles, then coarse tiles
    list_key: U32  # keys of each list, best first


class Scoring(NamedTuple):
    """Weights of the score of a completion.

    The score is the sum of the terms below, minus log2(1 + metres to the nearest / near_m).
    """

    kind: F64  # by kind; times log2(1 + documents within the circle)
    match_kind: F64
    popularity: float  # times log2(1 + popularity)
    whole: float  # added if the whole key was typed
    near_m: float  # metres


class Finding(NamedTuple):
    """Working memory and results of one query; `new_finding` makes it."""

    slot_item: I64  # [_SLOTS] hash table: item + 1, 0 = free
    slot_score: F64  # [_SLOTS] best key score of the item
    candidate: I64  # [CANDIDATES] slots in use
    step: I64  # [_STEPS + 1] where each step begins in `ordered`
    ordered: I64  # [CANDIDATES] slots by falling bound
    top_item: I64  # [MAX_TOP] results, best first
    top_score: F64
    top_worth: F64  # the part of the score for the key
    top_count: I64  # live documents within the circle
    top_near_m: F64  # metres to the nearest of them
    top_nearest: I64  # doc id of the nearest
    work: I64  # [3] see `KEYS`


KEYS, ITEMS, LISTS = range(3)
"""Work counters: keys read, items whose documents were counted, lists read."""


class TypedPrefixes(NamedTuple):
    """Up to `MAX_PREFIXES` alternative prefixes as key ranges, and the range of allowed items."""

    first: I64  # [MAX_PREFIXES] first key
    after: I64  # [MAX_PREFIXES] key after the last
    length: I64  # [MAX_PREFIXES] bytes
    size: int
    first_item: int
    after_item: int


def new_finding() -> Finding:
    """Working memory for any segment."""
    return Finding(
        np.zeros(_SLOTS, np.int64),
        np.zeros(_SLOTS, np.float64),
        np.zeros(CANDIDATES, np.int64),
        np.zeros(_STEPS + 1, np.int64),
        np.zeros(CANDIDATES, np.int64),
        np.zeros(MAX_TOP, np.int64),
        np.zeros(MAX_TOP, np.float64),
        np.zeros(MAX_TOP, np.float64),
        np.zeros(MAX_TOP, np.int64),
        np.zeros(MAX_TOP, np.float64),
        np.zeros(MAX_TOP, np.int64),
        np.zeros(3, np.int64),
    )


# --- queries -------------------------------------------------------------------------------------


@njit
def prefix_range(columns: ReadOnly[Completions], prefix: ReadOnly[U8]) -> tuple[int, int]:
    """Range of the keys that begin with a prefix: the first, and the one after the last."""
    keys = columns.key_start.shape[0]
    first = partition_point(_is_below, columns, 0, keys, prefix)
    return first, partition_point(_is_not_above, columns, first, keys, prefix)


@inner_njit
def _is_below(columns: Completions, key: int, prefix: U8) -> bool:
    return _compare(columns, key, prefix) < 0


@inner_njit
def _is_not_above(columns: Completions, key: int, prefix: U8) -> bool:
    return _compare(columns, key, prefix) <= 0


@inner_njit
def _compare(columns: Completions, key: int, prefix: U8) -> int:
    """-1 if the key is below the prefix, 0 if it begins with it, 1 if it is above."""
    start = int64(columns.key_start[key])
    for i in range(prefix.shape[0]):
        # The zero at the end of a key is below every byte of a prefix.
        byte = columns.key_text[start + i]
        if byte != prefix[i]:
            return -1 if byte < prefix[i] else 1
    return 0


@njit
def best_completions(
    columns: ReadOnly[Completions],
    scoring: ReadOnly[Scoring],
    ground: ReadOnly[PointTree],
    circle: Circle,
    prefixes: TypedPrefixes,
    cover: CircleCover,
    finding: Finding,
    top_k: int,
) -> int:
    """Write the best `top_k` items with a live document in the circle; return their number.

    Results descend by score, then ascend by item. `finding` holds the score of each result, its
    exact number of live documents within the circle, and the nearest document. `cover` keeps its
    marks, so that the caller can tally more items; the caller calls `clear` afterwards.
    """
    for i in range(3):
        finding.work[i] = 0
    candidates = _gather(columns, scoring, ground, circle, prefixes, cover, finding)
    finding.work[ITEMS] = 0
    _order(columns, finding, candidates)
    found = 0
    for step in range(_STEPS):
        # No bound of this step or of a later step is above `edge`.
        edge = _HIGHEST - step / _STEP if step > 0 else math.inf
        if found == top_k and finding.top_score[top_k - 1] > edge:
            break
        for i in range(finding.step[step], finding.step[step + 1]):
            slot = finding.ordered[i]
            item = finding.slot_item[slot] - 1
            worth = finding.slot_score[slot]
            # The bound counts all documents at distance 0, so it holds for those in the circle.
            bound = columns.item_bound[item] + worth
            if found == top_k and bound < finding.top_score[top_k - 1]:
                continue
            finding.work[ITEMS] += 1
            near = tally_item(columns, ground, circle, cover, item)
            if near[0] > 0:
                score = worth + score_of(
                    scoring,
                    columns.item_kind[item],
                    columns.item_popularity[item],
                    near[0],
                    near[1],
                )
                found = _keep(finding, found, top_k, score, worth, item, near)
    for i in range(candidates):
        finding.slot_item[finding.candidate[i]] = 0
    return found


@njit
def tally_item(
    columns: ReadOnly[Completions],
    ground: ReadOnly[PointTree],
    circle: Circle,
    cover: CircleCover,
    item: int,
) -> tuple[int, float, int]:
    """Number of an item's live documents within the circle, metres to the nearest, its doc id."""
    begin, end = int64(columns.item_start[item]), int64(columns.item_start[item + 1])
    return tally(ground, circle, cover, columns.item_docs, begin, end)


@njit
def score_of(
    scoring: ReadOnly[Scoring], kind: int, popularity: float, count: int, near_m: float
) -> float:
    """Score of an item with `count` documents in the circle, without the part of its key."""
    weight = float(scoring.kind[kind])
    return (
        weight * math.log2(1.0 + count)
        + scoring.popularity * math.log2(1.0 + popularity)
        - math.log2(1.0 + near_m / scoring.near_m)
    )


@njit
def _gather(
    columns: Completions,
    scoring: Scoring,
    ground: PointTree,
    circle: Circle,
    prefixes: TypedPrefixes,
    cover: CircleCover,
    finding: Finding,
) -> int:
    """Collect the distinct candidate items of all prefixes; return their number."""
    found = 0
    for p in range(prefixes.size):
        first = prefixes.first[p]
        after = prefixes.after[p]
        length = prefixes.length[p]
        row = _list_row(columns, first, after)
        if row < 0:
            for key in range(first, after):
                found = _consider(columns, scoring, prefixes, finding, found, key, length)
            continue
        # Keys that equal the prefix come first in its range.
        for key in range(first, min(after, first + COARSE_KEPT)):
            if not _is_whole(columns, key, length):
                break
            found = _consider(columns, scoring, prefixes, finding, found, key, length)
        mark(ground, circle, cover)
        docs = ground.position.shape[0]
        fine, coarse = tiles_of(docs, FINE_BITS), tiles_of(docs, COARSE_BITS)
        bits = FINE_BITS
        if _tiles_touched(cover, FINE_BITS) > FINE_TILES:
            bits = COARSE_BITS
        base = row * (fine + coarse) + (0 if bits == FINE_BITS else fine)
        last = -1
        shift = bits - RUN_BITS
        for i in range(cover.size[SPANS]):
            for tile in range(cover.span[i, 0] >> shift, ((cover.span[i, 1] - 1) >> shift) + 1):
                if tile == last:
                    continue
                last = tile
                finding.work[LISTS] += 1
                begin = int64(columns.list_start[base + tile])
                end = int64(columns.list_start[base + tile + 1])
                for entry in range(begin, end):
                    key = int64(columns.list_key[entry])
                    found = _consider(columns, scoring, prefixes, finding, found, key, length)
    return found


@inline_njit
def tiles_of(docs: int, bits: int) -> int:
    """Number of tiles of a segment, at least one."""
    return max((docs + (1 << bits) - 1) >> bits, 1)


@inner_njit
def _tiles_touched(cover: CircleCover, bits: int) -> int:
    tiles = 0
    last = -1
    shift = bits - RUN_BITS
    for i in range(cover.size[SPANS]):
        first = max(cover.span[i, 0] >> shift, last + 1)
        last = (cover.span[i, 1] - 1) >> shift
        tiles += last - first + 1
    return tiles


@inner_njit
def _list_row(columns: Completions, first: int, after: int) -> int:
    """Row of a key range in `list_range`, -1 if the range has no lists."""
    wanted = first << 32 | after
    ranges = columns.list_range.shape[0]
    row = first_at_least(columns.list_range, 0, ranges, wanted)
    return row if row < ranges and columns.list_range[row] == wanted else -1


@inline_njit
def _is_whole(columns: Completions, key: int, length: int) -> bool:
    """Whether a key has exactly `length` bytes.

    A key of a prefix range is at least as long as the prefix. Keys in a damaged order may be
    shorter, so the bound check keeps the read inside the column.
    """
    end = int64(columns.key_start[key]) + length
    return bool(end < columns.key_text.shape[0] and columns.key_text[end] == 0)


@inner_njit
def _consider(
    columns: Completions,
    scoring: Scoring,
    prefixes: TypedPrefixes,
    finding: Finding,
    found: int,
    key: int,
    length: int,
) -> int:
    """Add the item of a key to the candidates or raise its score; return their number."""
    finding.work[KEYS] += 1
    item = int64(columns.key_item[key]) >> MATCH_KIND_BITS
    if item < prefixes.first_item or item >= prefixes.after_item:
        return found
    score = scoring.match_kind[columns.key_item[key] & _MATCH_KIND]
    if _is_whole(columns, key, length):
        score += scoring.whole
    slot = (item * 40503) & (_SLOTS - 1)
    while finding.slot_item[slot] != 0:
        if finding.slot_item[slot] == item + 1:
            finding.slot_score[slot] = max(finding.slot_score[slot], score)
            return found
        slot = (slot + 1) & (_SLOTS - 1)
    if found == CANDIDATES:
        return found
    finding.slot_item[slot] = item + 1
    finding.slot_score[slot] = score
    finding.candidate[found] = slot
    return found + 1


@njit
def _order(columns: Completions, finding: Finding, candidates: int) -> None:
    """Sort the candidates into steps of falling bounds (counting sort)."""
    for i in range(_STEPS + 1):
        finding.step[i] = 0
    for i in range(candidates):
        finding.step[_step_of(columns, finding, finding.candidate[i]) + 1] += 1
    for i in range(_STEPS):
        finding.step[i + 1] += finding.step[i]
    for i in range(candidates):
        slot = finding.candidate[i]
        step = _step_of(columns, finding, slot)
        finding.ordered[finding.step[step]] = slot
        finding.step[step] += 1
    # The loop above moved each start to the start of the next step.
    for i in range(_STEPS, 0, -1):
        finding.step[i] = finding.step[i - 1]
    finding.step[0] = 0


@inner_njit
def _step_of(columns: Completions, finding: Finding, slot: int) -> int:
    bound = columns.item_bound[finding.slot_item[slot] - 1] + finding.slot_score[slot]
    return max(0, min(int((_HIGHEST - bound) * _STEP), _STEPS - 1))


@inner_njit
def _keep(
    finding: Finding,
    found: int,
    top_k: int,
    score: float,
    worth: float,
    item: int,
    near: tuple[int, float, int],
) -> int:
    """Insert an item into the sorted results; return their number."""
    at = found
    while at > 0 and (
        finding.top_score[at - 1] < score
        or (finding.top_score[at - 1] == score and finding.top_item[at - 1] > item)
    ):
        at -= 1
    if at == top_k:
        return found
    for i in range(min(found, top_k - 1), at, -1):
        finding.top_item[i] = finding.top_item[i - 1]
        finding.top_score[i] = finding.top_score[i - 1]
        finding.top_worth[i] = finding.top_worth[i - 1]
        finding.top_count[i] = finding.top_count[i - 1]
        finding.top_near_m[i] = finding.top_near_m[i - 1]
        finding.top_nearest[i] = finding.top_nearest[i - 1]
    finding.top_item[at] = item
    finding.top_score[at] = score
    finding.top_worth[at] = worth
    finding.top_count[at] = near[0]
    finding.top_near_m[at] = near[1]
    finding.top_nearest[at] = near[2]
    return min(found + 1, top_k)
