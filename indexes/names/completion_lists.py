"""Build the columns of `indexes.names.completions`, with top lists for frequent prefixes.

A prefix of many keys gets one list per tile: the best items of that tile.
"""

import math
from typing import NamedTuple

import numpy as np

from indexes.arrays import F64, I64, U8, U32
from indexes.jit import inline_njit, inner_njit, int64, njit
from indexes.names.completions import (
    COARSE_BITS,
    COARSE_KEPT,
    CROWD,
    FINE_BITS,
    FINE_KEPT,
    MATCH_KIND_BITS,
    Completions,
    Scoring,
    tiles_of,
)


class SortedKeys(NamedTuple):
    """Keys sorted by their bytes; the fields are those of `Completions`."""

    text: U8
    start: U32
    item: U32


def build_completions(
    keys: SortedKeys,
    kind: U8,
    popularity: U32,
    pairs: tuple[I64, I64],
    scoring: Scoring,
    *,
    docs: int,
    crowd: int = CROWD,
) -> Completions:
    """Columns of completions.

    Parameters
    ----------
    keys
        Sorted keys, each with its item and match kind.
    kind, popularity
        Kind and popularity of each item.
    pairs
        Items and their documents, ascending, each pair once.
    scoring
        The scoring that queries will use.
    docs
        Number of documents of the segment.
    crowd
        A prefix of more keys than this gets lists.

    Raises
    ------
    ValueError
        If keys or pairs do not ascend, or a number in them is out of range.
    """
    item, doc = pairs
    if len(item) and item.max() >= len(kind):
        raise ValueError(f"Expected items below {len(kind)}, got {item.max()} - at `pairs`")
    if len(kind) and kind.max() >= len(scoring.kind):
        raise ValueError(f"Expected kinds below {len(scoring.kind)}, got {kind.max()}")
    counts = np.bincount(item, minlength=len(kind))
    bound = scoring.kind[kind] * np.log2(1.0 + counts) + scoring.popularity * np.log2(
        1.0 + popularity
    )
    columns = Completions(
        key_text=keys.text,
        key_start=keys.start,
        key_item=keys.item,
        item_kind=kind,
        item_popularity=popularity,
        # Rounded up: a bound must not be below any score. The cast and the logarithm round.
        item_bound=np.nextafter(bound.astype(np.float32), np.float32(math.inf)),
        item_start=np.concatenate(([0], np.cumsum(counts))).astype(np.uint32),
        item_docs=doc.astype(np.uint32),
        list_range=np.zeros(0, np.int64),
        list_start=np.zeros(1, np.uint32),
        list_key=np.zeros(0, np.uint32),
    )
    _check(columns, scoring, docs)
    if (np.diff(item) < 0).any():
        raise ValueError("Expected ascending items, got a lesser one - at `pairs`")
    return _with_lists(columns, scoring, docs, crowd)


def _check(columns: Completions, scoring: Scoring, docs: int) -> None:
    """Check what compiled loops trust."""
    items = len(columns.item_kind)
    item = columns.key_item >> MATCH_KIND_BITS
    match_kind = columns.key_item & ((1 << MATCH_KIND_BITS) - 1)
    if len(item) and item.max() >= items:
        raise ValueError(f"Expected items below {items}, got {item.max()} - at `key_item`")
    kinds = len(scoring.match_kind)
    if len(match_kind) and match_kind.max() >= kinds:
        got = match_kind.max()
        raise ValueError(f"Expected match kinds below {kinds}, got {got} - at `key_item`")
    if len(columns.item_docs) and columns.item_docs.max() >= docs:
        raise ValueError(f"Expected documents below {docs} - at `pairs`")
    wrong = _first_disorder(columns.key_text, columns.key_start)
    if wrong >= 0:
        raise ValueError(f"Expected ascending keys, got a lesser one - at `keys`, row {wrong}")
    if not _ascend(columns.item_start, columns.item_docs):
        raise ValueError("Expected ascending documents of each item, each once - at `pairs`")


@njit
def _first_disorder(text: U8, start: U32) -> int:
    """First key that is less than the key before it, -1 if there is none."""
    for key in range(1, start.shape[0]):
        a, b = int64(start[key - 1]), int64(start[key])
        while text[a] == text[b] and text[a] != 0:
            a += 1
            b += 1
        if text[a] > text[b]:
            return key
    return -1


@njit
def _ascend(start: U32, docs: U32) -> bool:
    for item in range(start.shape[0] - 1):
        for i in range(int64(start[item]) + 1, int64(start[item + 1])):
            if docs[i] <= docs[i - 1]:
                return False
    return True


def _with_lists(columns: Completions, scoring: Scoring, docs: int, crowd: int) -> Completions:
    ranges = _crowded(columns, crowd)
    tiles = [(FINE_BITS, FINE_KEPT), (COARSE_BITS, COARSE_KEPT)]
    sizes, found = [], []
    for first, after in ranges.tolist():
        for bits, kept in tiles:
            count = tiles_of(docs, bits)
            score, key = np.zeros((count, kept)), np.zeros((count, kept), np.uint32)
            size = np.zeros(count, np.int64)
            _list_tiles(columns, scoring, first, after, bits, score, key, size)
            sizes.append(size)
            found.append(key[np.arange(kept) < size[:, None]])
    none = [np.zeros(0, np.int64)]
    start = np.concatenate(([0], np.cumsum(np.concatenate(sizes or none))))
    return columns._replace(
        list_range=ranges[:, 0] << 32 | ranges[:, 1],
        list_start=start.astype(np.uint32),
        list_key=np.concatenate([*found, np.zeros(0, np.uint32)]).astype(np.uint32),
    )


def _crowded(columns: Completions, crowd: int) -> I64:
    """Key ranges, int64[h, 2], of every prefix of more than `crowd` keys.

    A prefix ends at a character of UTF-8. Two prefixes of the same keys give one range.
    """
    ranges = set()
    left = [(0, len(columns.key_start), 0)]
    while left:
        first, after, depth = left.pop()
        out = np.zeros(((after - first) // (crowd + 1) + 1, 3), np.int64)
        found = _divide(columns.key_text, columns.key_start, first, after, depth, crowd, out)
        for row in out[:found].tolist():
            ranges.add((row[0], row[1]))
            left.append(tuple(row))
    return np.array(sorted(ranges), np.int64).reshape(-1, 2)


@njit
def _divide(text: U8, start: U32, first: int, after: int, depth: int, crowd: int, out: I64) -> int:
    """Write the ranges of more than `crowd` keys that share the character at byte `depth`.

    The function looks at keys `first` to before `after` and returns the number of ranges.
    """
    found = 0
    key = first
    while key < after:
        begin = int64(start[key]) + depth
        size = _char_bytes(text[begin])
        next_key = key + 1
        while next_key < after and _same(text, begin, int64(start[next_key]) + depth, size):
            next_key += 1
        if size > 0 and next_key - key > crowd:
            out[found, 0] = key
            out[found, 1] = next_key
            out[found, 2] = depth + size
            found += 1
        key = next_key
    return found


@inline_njit
def _char_bytes(lead: int) -> int:
    """Number of bytes of a UTF-8 character from its first byte; 0 at the end of a key."""
    if lead == 0:
        return 0
    if lead < 0xC0:
        return 1
    if lead < 0xE0:
        return 2
    return 3 if lead < 0xF0 else 4


@inline_njit
def _same(text: U8, a: int, b: int, size: int) -> bool:
    """Whether `text[a:]` and `text[b:]` begin with the same `size` bytes; 0 is the end of a key."""
    if size == 0:
        return bool(text[b] == 0)
    i = 0
    while i < size and text[a + i] == text[b + i]:
        i += 1
    return i == size


@njit
def _list_tiles(
    columns: Completions,
    scoring: Scoring,
    first: int,
    after: int,
    bits: int,
    score: F64,
    listed: U32,
    size: I64,
) -> None:
    """Write the keys of each tile's best items, by falling score, then by key."""
    for key in range(first, after):
        item = int64(columns.key_item[key]) >> MATCH_KIND_BITS
        match_kind = columns.key_item[key] & ((1 << MATCH_KIND_BITS) - 1)
        popularity = math.log2(1.0 + columns.item_popularity[item])
        worth = scoring.match_kind[match_kind] + scoring.popularity * popularity
        weight = scoring.kind[columns.item_kind[item]]
        at = int64(columns.item_start[item])
        end = int64(columns.item_start[item + 1])
        while at < end:
            tile = int64(columns.item_docs[at]) >> bits
            begin = at
            while at < end and int64(columns.item_docs[at]) >> bits == tile:
                at += 1
            value = worth + weight * math.log2(1.0 + (at - begin))
            size[tile] = _list(columns, score, listed, size[tile], tile, value, key)


@inner_njit
def _list(
    columns: Completions,
    score: F64,
    listed: U32,
    size: int,
    tile: int,
    value: float,
    key: int,
) -> int:
    """Insert a key into the sorted list of a tile; return the size of the list.

    The list has the best key of each item.
    """
    kept = score.shape[1]
    if size == kept and score[tile, size - 1] >= value:
        return size
    item = columns.key_item[key] >> MATCH_KIND_BITS
    # The item's place in the list; its better key moves up from there.
    hole = size
    for i in range(size):
        if columns.key_item[listed[tile, i]] >> MATCH_KIND_BITS == item:
            if score[tile, i] >= value:
                return size
            hole = i
            break
    grown = size
    if hole == size:
        grown = min(size + 1, kept)
        hole = grown - 1
    while hole > 0 and score[tile, hole - 1] < value:
        score[tile, hole] = score[tile, hole - 1]
        listed[tile, hole] = listed[tile, hole - 1]
        hole -= 1
    score[tile, hole] = value
    listed[tile, hole] = key
    return grown
