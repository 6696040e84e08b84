"""Completions: what can follow a prefix, the best near a place first, in bounded work.

Useful for: a sorted table of keys that people type, each leading to an item; an item is a list of
documents, a kind and a fame, and counts for more the more of its documents are near.
Not useful for: what a key is (text, sound, initials) or what an item stands for.

Keys with a prefix are neighbours, found by bisection. Where they are many, the best items of each
tile were listed at build time: a tile is a run of documents in Hilbert order, 4,096 or 65,536 of
them, and a query reads the lists of the tiles that its circle touches. So for a prefix with few
keys the answer is exact; for one with many it is exact among what is best in some tile around.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.geo.cover import RUN_BITS, SPANS, CircleCover, PointTree, mark, tally
from indexes.geo.sphere import Circle
from indexes.jit import inline_njit, inner_njit, int64, njit

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

CROWD = 2048
"""A prefix of more keys than this has lists; fewer are read one by one."""

FINE_BITS, COARSE_BITS = 12, 16
"""Documents of a tile: 4,096 and 65,536."""

FINE_KEPT, COARSE_KEPT = 10, 32
"""Items listed for a tile."""

WAY_BITS = 4
"""A key holds its way of typing below its item."""

FINE_TILES = 16
"""A circle that touches more fine tiles than this reads the lists of the coarse ones."""

CANDIDATES = 4096
"""Most items considered; what comes after them is not read."""

MAX_TOP = 128
MAX_PREFIXES = 8

_WAY = (1 << WAY_BITS) - 1
_SLOTS = 1 << 13
_STEPS = 128
_STEP = 3.0
_HIGHEST = 40.0


class Completions(NamedTuple):
    """Columns: k keys to i items to documents, and h lists."""

    key_text: U8  # strings of the keys, each ended by a zero; one may be the end of another
    key_start: U32  # [k] where each begins; their strings ascend byte by byte
    key_item: U32  # [k] item << WAY_BITS | row of `Scoring.way`
    item_kind: U8  # [i] row of `Scoring.kind`
    item_fame: U32  # [i]
    item_bound: F32  # [i] at least the score of an item, less what its key is worth
    item_start: U32  # [i + 1]
    item_docs: U32  # ascending documents of each item
    list_range: I64  # [h] first key << 32 | key after the last, ascending
    list_start: U32  # [h * tiles + 1] fine tiles, then coarse ones, of each range
    list_key: U32


class Scoring(NamedTuple):
    """What a completion is worth: the sum of these, less log2(1 + nearest_m / near_m)."""

    kind: F64  # times log2(1 + documents near), by kind
    way: F64  # by the way it is typed
    fame: float  # times log2(1 + fame)
    whole: float  # where the whole key has been typed
    near_m: float


class Finding(NamedTuple):
    """Working memory of one query at a time. Made by `new_finding`."""

    slot_item: I64  # [_SLOTS] hashed: item + 1, 0 = free
    slot_score: F64  # [_SLOTS] best of its keys
    candidate: I64  # [CANDIDATES] slots in use
    step: I64  # [_STEPS + 1]
    ordered: I64  # [CANDIDATES]
    top_item: I64  # [MAX_TOP] best first
    top_score: F64
    top_worth: F64  # the part of the score that the key is worth
    top_count: I64
    top_near_m: F64
    top_nearest: I64  # document
    work: I64  # [3] see `KEYS`


KEYS, ITEMS, LISTS = range(3)
"""Work: keys read, items whose documents were counted, lists read."""


class TypedPrefixes(NamedTuple):
    """Up to `MAX_PREFIXES` prefixes, any of which may match, and items that may be found."""

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


# --- asking --------------------------------------------------------------------------------------


@njit
def prefix_range(columns: Completions, prefix: U8) -> tuple[int, int]:
    """First key that begins with a prefix and the key after the last; two bisections."""
    low = _bisect(columns, prefix, False)
    return low, _bisect(columns, prefix, True)


@njit
def _bisect(columns: Completions, prefix: U8, beyond: bool) -> int:
    """First key that does not come before the prefix, or that comes after all it begins."""
    base = 0
    size = columns.key_start.shape[0]
    while size > 0:
        half = size >> 1
        order = _compare(columns, base + half, prefix)
        if order < 0 or (beyond and order == 0):
            base += half + 1
            size -= half + 1
        else:
            size = half
    return base


@inner_njit
def _compare(columns: Completions, key: int, prefix: U8) -> int:
    """-1, 0 or 1 where the key comes before the prefix, begins with it, or comes after."""
    start = int64(columns.key_start[key])
    for i in range(prefix.shape[0]):
        # The zero at the end of a key comes before everything.
        byte = columns.key_text[start + i]
        if byte != prefix[i]:
            return -1 if byte < prefix[i] else 1
    return 0


@njit
def best_completions(
    columns: Completions,
    scoring: Scoring,
    ground: PointTree,
    circle: Circle,
    prefixes: TypedPrefixes,
    cover: CircleCover,
    finding: Finding,
    top_k: int,
) -> int:
    """Write the best `top_k` items with a live document in the circle; return how many.

    Score descends; equals come in the order of their items. `finding` has the scores, the exact
    number of live documents within the circle and the distance of the nearest. `cover` is left
    as it is, so that more can be tallied; `lift` it when done.
    """
    for i in range(3):
        finding.work[i] = 0
    candidates = _gather(columns, scoring, ground, circle, prefixes, cover, finding)
    finding.work[ITEMS] = 0
    _order(columns, finding, candidates)
    found = 0
    for step in range(_STEPS):
        # No bound of this step or of any that follows is above its edge.
        edge = _HIGHEST - step / _STEP if step > 0 else math.inf
        if found == top_k and finding.top_score[top_k - 1] > edge:
            break
        for i in range(finding.step[step], finding.step[step + 1]):
            slot = finding.ordered[i]
            item = finding.slot_item[slot] - 1
            worth = finding.slot_score[slot]
            # The bound holds for all documents at no distance, so for those within the circle.
            bound = columns.item_bound[item] + worth
            if found == top_k and bound < finding.top_score[top_k - 1]:
                continue
            finding.work[ITEMS] += 1
            near = tally_item(columns, ground, circle, cover, item)
            if near[0] > 0:
                score = worth + score_of(
                    scoring, columns.item_kind[item], columns.item_fame[item], near[0], near[1]
                )
                found = _keep(finding, found, top_k, score, worth, item, near)
    for i in range(candidates):
        finding.slot_item[finding.candidate[i]] = 0
    return found


@njit
def tally_item(
    columns: Completions, ground: PointTree, circle: Circle, cover: CircleCover, item: int
) -> tuple[int, float, int]:
    """Live documents of an item within the circle, metres to the nearest, and the nearest."""
    begin, end = int64(columns.item_start[item]), int64(columns.item_start[item + 1])
    return tally(ground, circle, cover, columns.item_docs, begin, end)


@njit
def score_of(scoring: Scoring, kind: int, fame: float, count: int, near_m: float) -> float:
    """Score of an item with so many documents near, without what its key is worth."""
    weight = float(scoring.kind[kind])
    return (
        weight * math.log2(1.0 + count)
        + scoring.fame * math.log2(1.0 + fame)
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
    """Collect the distinct items that are considered; return how many."""
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
        # Keys that are typed to their end come first, and are few.
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
    """Tiles of a segment, at least one."""
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
    """Row of the lists of a range of keys, -1 where it has none."""
    wanted = first << 32 | after
    base = 0
    size = columns.list_range.shape[0]
    while size > 0:
        half = size >> 1
        if columns.list_range[base + half] < wanted:
            base += half + 1
            size -= half + 1
        else:
            size = half
    if base < columns.list_range.shape[0] and columns.list_range[base] == wanted:
        return base
    return -1


@inline_njit
def _is_whole(columns: Completions, key: int, length: int) -> bool:
    """Whether a key is of so many bytes.

    A key of a range is no shorter than the prefix; where the order of keys is damaged it may be,
    and the last one would be read past the end of all.
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
    """Add the item of a key to the candidates, or better its score; return how many there are."""
    finding.work[KEYS] += 1
    item = int64(columns.key_item[key]) >> WAY_BITS
    if item < prefixes.first_item or item >= prefixes.after_item:
        return found
    score = scoring.way[columns.key_item[key] & _WAY]
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
    """Put the candidates in steps of falling bounds: a counting sort."""
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
    # Filling moved each start to the next one's.
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
    """Insert into the sorted results; return how many there are."""
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
