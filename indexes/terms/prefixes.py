"""Most frequent words with a prefix: sorted words under a tree of least ranks.

Useful for: the most frequent words that begin with given letters, at nearly the same cost for any
prefix.
Not useful for: words with mistakes (`deletions`), or the term of a word (`vocabulary`).

The rank of a word is its number: 0 is the most frequent. Columns: ``word_text`` uint8[...], UTF-8
of all words by rank; ``word_start`` uint32[n + 1]: word `i` is ``word_text[word_start[i] :
word_start[i + 1]]``; ``word_order`` uint32[n]: ranks by text, in the order of code points;
``word_best`` uint32[nodes]: least rank of each sixteen neighbours in that order, then of each
sixteen of those, as in `rtree`.

The words with a prefix are one run of that order, which binary search finds. At most thirty nodes
of each level cover a run. Each node holds its own best word, so the best `limit` nodes hold the
best `limit` words. The search opens the best node first and keeps at most `limit` nodes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.arrays import I64, U8, U32, ReadOnly, read_only_arrays
from indexes.bisection import next_partition_point, partition_point
from indexes.geo.rtree import NODE_BITS, NODE_SIZE, level_starts, summarise
from indexes.jit import entry_point, inner_njit, int64, njit

_MAX_TEXT = (1 << 32) - 1


class PrefixColumns(NamedTuple):
    """The columns described in the module."""

    word_text: U8
    word_start: U32
    word_order: U32
    word_best: U32


class PrefixMatches(NamedTuple):
    """The most frequent words with a prefix, and a work counter."""

    words: list[int]
    """Ranks, ascending."""
    visits: int
    """Words and nodes read: at most 32 per level, and 16 per level for each word."""


def build_prefixes(words: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Columns of the index.

    Parameters
    ----------
    words
        The most frequent first. A text may occur twice.

    Returns
    -------
    dict
        `word_text`, `word_start`, `word_order` and `word_best`.

    Raises
    ------
    ValueError
        The words are longer than 4 GiB together.
    """
    encoded = [_bytes(word) for word in words]
    start = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(part) for part in encoded], out=start[1:])
    if start[-1] > _MAX_TEXT:
        raise ValueError(f"Expected at most {_MAX_TEXT} bytes of words, got {start[-1]}")
    # UTF-8 sorts like code points. The sort is stable: the more frequent of equal words is first.
    order = np.array(sorted(range(len(words)), key=encoded.__getitem__), np.uint32)
    return {
        "word_text": np.frombuffer(b"".join(encoded), np.uint8),
        "word_start": start.astype(np.uint32),
        "word_order": order,
        "word_best": summarise(order, np.minimum),
    }


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


class _Search(NamedTuple):
    """The prefix of a search, and its best nodes so far: `tally[0]` nodes, sorted by rank."""

    prefix: ReadOnly[U8]
    level_start: I64
    rank: I64  # [limit] least rank below the node, or the rank of a word
    level: I64  # [limit] 0 = a word, 1 = a leaf of sixteen words, ...
    place: I64  # [limit] number of the node in its level
    tally: I64  # [2] nodes kept, visits


@inner_njit
def _compare(columns: PrefixColumns, prefix: U8, word: int) -> int:
    """-1 if a word is below the prefix, 0 if it begins with it, 1 if it is above."""
    at = int64(columns.word_start[word])
    end = int64(columns.word_start[word + 1])
    for i in range(prefix.size):
        if at + i >= end:
            return -1
        byte = columns.word_text[at + i]
        if byte != prefix[i]:
            return -1 if byte < prefix[i] else 1
    return 0


@inner_njit
def _is_below(columns: PrefixColumns, place: int, prefix: U8) -> bool:
    return _compare(columns, prefix, int64(columns.word_order[place])) < 0


@inner_njit
def _is_not_above(columns: PrefixColumns, place: int, prefix: U8) -> bool:
    return _compare(columns, prefix, int64(columns.word_order[place])) <= 0


@inner_njit
def _insert(columns: PrefixColumns, search: _Search, level: int, place: int) -> None:
    """Insert a node or a word if it is among the best `limit`."""
    search.tally[1] += 1
    if level == 0:
        rank = int64(columns.word_order[place])
    else:
        rank = int64(columns.word_best[search.level_start[level - 1] + place])
    kept = search.tally[0]
    if kept == search.rank.size:
        if rank > search.rank[kept - 1]:
            return
        kept -= 1
    at = kept
    while at > 0 and search.rank[at - 1] > rank:
        search.rank[at] = search.rank[at - 1]
        search.level[at] = search.level[at - 1]
        search.place[at] = search.place[at - 1]
        at -= 1
    search.rank[at] = rank
    search.level[at] = level
    search.place[at] = place
    search.tally[0] = kept + 1


@inner_njit
def _cover(columns: PrefixColumns, search: _Search, begin: int, end: int) -> None:
    """Insert the fewest nodes that cover exactly the words at places `begin` to before `end`."""
    level = int64(0)
    while begin < end:
        inner_begin = (begin + NODE_SIZE - 1) >> NODE_BITS
        inner_end = end >> NODE_BITS
        if inner_begin >= inner_end:
            inner_begin = inner_end = int64(0)
            for place in range(begin, end):
                _insert(columns, search, level, place)
        else:
            for place in range(begin, inner_begin << NODE_BITS):
                _insert(columns, search, level, place)
            for place in range(inner_end << NODE_BITS, end):
                _insert(columns, search, level, place)
        begin, end = inner_begin, inner_end
        level += 1


@inner_njit
def _open(columns: PrefixColumns, search: _Search, at: int) -> None:
    """Replace the node at `at` by its children."""
    level = search.level[at] - 1
    begin = search.place[at] << NODE_BITS
    end = int64(columns.word_order.size)
    if level > 0:
        end = search.level_start[level] - search.level_start[level - 1]
    search.tally[0] -= 1
    for i in range(at, search.tally[0]):
        search.rank[i] = search.rank[i + 1]
        search.level[i] = search.level[i + 1]
        search.place[i] = search.place[i + 1]
    for place in range(begin, min(begin + NODE_SIZE, end)):
        _insert(columns, search, level, place)


@njit
def _search(columns: ReadOnly[PrefixColumns], search: _Search) -> None:
    """Find the most frequent words with the prefix."""
    words = int64(columns.word_order.size)
    begin = partition_point(_is_below, columns, int64(0), words, search.prefix)
    # Most prefixes have few words, so the search for the end gallops.
    end = next_partition_point(_is_not_above, columns, begin, words, search.prefix)
    _cover(columns, search, begin, end)
    at = int64(0)
    # All entries before `at` are words, and no later entry is better.
    while at < search.tally[0]:
        if search.level[at] == 0:
            at += 1
        else:
            _open(columns, search, at)


class Prefixes:
    """Immutable index of words by prefix.

    Parameters
    ----------
    columns
        The result of `build_prefixes`, perhaps memory-mapped. The constructor reads no value.

    Examples
    --------
    >>> prefixes = Prefixes(build_prefixes(["starbucks", "haidilao", "hotpot"]))
    >>> prefixes.texts(prefixes.complete("h", limit=5).words)
    ['haidilao', 'hotpot']
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._columns = read_only_arrays(PrefixColumns, columns)
        self._level_start = level_starts(len(self))
        self._search = entry_point(_search)

    def __len__(self) -> int:
        """Return the number of words."""
        return int(self._columns.word_order.size)

    def complete(self, prefix: str, *, limit: int) -> PrefixMatches:
        """The `limit` most frequent words that begin with `prefix`, or of all if it is empty."""
        room = np.empty((3, limit), np.int64)
        tally = np.zeros(2, np.int64)
        if limit:
            query = np.frombuffer(_bytes(prefix), np.uint8)
            search = _Search(query, self._level_start, room[0], room[1], room[2], tally)
            self._search(self._columns, search)
        kept, visits = tally.tolist()
        return PrefixMatches(room[0, :kept].tolist(), visits)

    def texts(self, words: Sequence[int]) -> list[str]:
        """Texts of the words with these ranks."""
        # A memoryview gives single items three times as fast as an array.
        text, start = self._columns.word_text.data, self._columns.word_start.data
        return [
            str(text[start[word] : start[word + 1]], "utf-8", "surrogatepass") for word in words
        ]
