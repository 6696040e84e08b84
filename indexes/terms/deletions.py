"""Words within one or two edits of a word: a short list that holds all of them.

Useful for: candidates of spelling correction, from hashed words with letters left out.
Not useful for: how far a candidate is, or which is best (`vocabulary` asks rapidfuzz); words of
fewer than three or more than `MAX_LETTERS` letters, which are in no list.

An edit inserts, drops or replaces a letter or swaps two neighbours, and no letter is edited twice:
optimal string alignment. Two words are one edit apart only if leaving out at most one letter of
each makes them equal, which is the whole of the index: Garbe's symmetric delete ("1000x faster
spelling correction", 2012; SymSpell). Up to two letters left out of each word of 12 would take 79
entries, so a word `w` of more than 7 letters is cut into a beginning `A` of at most 8 letters and a
rest `R`, and has the entries of `A` without one letter and one for `R` as it is. That is enough.
Let `q` be within two edits of `w`, and `B` the first letters of `q`, as many as `A` has:

- At most one of the edits touches `A`: then `A` without some letter is `B` without some letter. If
  the edit drops a letter of `A`, that one and the last of `B`; if it inserts one, that one and the
  last of `A`; a swap across the cut replaces the last letter of `A`.
- Both touch `A`: then `R` is untouched, and is the end of `q`, or one of them swaps across the cut,
  and `R` is the end of `q` that is one letter longer, without its second letter.

Shorter words are not cut, and have an entry for the whole word too. They are within two edits only
of a word of at least `LONG` letters, which is one or two letters longer, so leaving out two letters
of that one is enough. Each entry also hashes the length of its word: what differs by more letters
than there are edits is never met.

Columns: ``word_deletion`` uint32[e], entries by hash, then word: the lowest bits are the word, the
others are bits of the hash; ``word_bucket`` uint32[2**b + 1]: entries whose hash begins with the
`b` bits `i` are those from ``word_bucket[i]`` to ``word_bucket[i + 1]``; ``word_letters``
uint32[n, 2]: which letters a word has at all, and which twice, by the low five bits of their code
points. A long word has nine entries of five bytes.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.jit import entry_point, inline_njit, inner_njit, int64, njit

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]

MIN_LETTERS: Final = 4
"""Words with fewer are never corrected: half of what they hold would be a guess."""
LONG: Final = 8
"""Words with so many letters may hold two edits, those with fewer one."""
MAX_LETTERS: Final = 64
"""Words with more take no part; nobody types them, and work is bounded."""

MAX_CANDIDATES: Final = 512
"""A search stops when it has so many: a word that is like hundreds of others is like none."""
MAX_VISITS: Final = 2_048
"""Entries that one hash is followed to, the most frequent words first."""

_UNCUT: Final = 7
_LONGEST_BEGINNING: Final = 8
_ENTRIES_A_BUCKET: Final = 4
_SEEN_BITS: Final = 10
"""The table of candidates seen has room for twice as many."""

_MASK: Final = (1 << 32) - 1
_BEGINNING: Final = 0
_REST: Final = 1
_NONE: Final = -1
_MANY: Final = 3
"""More letters than edits are ever allowed."""


class DeletionColumns(NamedTuple):
    """The columns described in the module."""

    word_bucket: U32
    word_deletion: U32
    word_letters: U32


class Candidates(NamedTuple):
    """Words that may be within the distance, and the work it took to list them."""

    words: NDArray[np.uint32]
    """Ascending, each once, at most `MAX_CANDIDATES`."""
    probes: int
    """Hashes that were looked up: fewer than eighty, whatever the words are."""
    visits: int
    """Entries that were read: at most `MAX_VISITS` a probe."""


def edits_allowed(letters: int) -> int:
    """Edits that a word of so many letters may hold: 0, 1 or 2.

    Examples
    --------
    >>> [edits_allowed(letters) for letters in (3, 4, 7, 8, 64, 65)]
    [0, 1, 1, 2, 2, 0]
    """
    if letters < MIN_LETTERS or letters > MAX_LETTERS:
        return 0
    return 2 if letters >= LONG else 1


@inline_njit
def _beginning(letters: int) -> int:
    """Letters of the beginning of a word: all of a short one, never all but fewer than three."""
    if letters <= _UNCUT:
        return letters
    return min(_LONGEST_BEGINNING, letters // 2 + 1)


@inline_njit
def _hash(text: U32, begin: int, end: int, gap: int, second_gap: int, seed: int) -> int:
    """32-bit hash of `text[begin:end]` without the letters at the two gaps.

    FNV-1a over code points, then the integer mixer of T. Mueller. Every product stays below
    2**63, so compiled and plain Python agree.
    """
    state = int64(2_166_136_261) ^ seed
    for at in range(begin, end):
        if at != gap and at != second_gap:
            state = ((state ^ int64(text[at])) * 16_777_619) & _MASK
    for _ in range(2):
        state = (((state >> 16) ^ state) * 0x045D9F3B) & _MASK
    return (state >> 16) ^ state


@inline_njit
def _seed(letters: int, part: int) -> int:
    return letters << 24 | part << 16


@inline_njit
def _repeats(text: U32, begin: int, at: int) -> bool:
    """Whether leaving out this letter gives the same as leaving out the one before."""
    return bool(at > begin and text[at] == text[at - 1])


@inline_njit
def _gather(text: U32, begin: int, end: int, word_letters: U32, word: int) -> None:
    """Write which letters there are at all, and which twice, by five bits of their code points."""
    once, twice = int64(0), int64(0)
    for at in range(begin, end):
        letter = int64(1) << (int64(text[at]) & 31)
        twice |= once & letter
        once |= letter
    word_letters[word, 0] = once
    word_letters[word, 1] = twice


@inline_njit
def _beyond(letters: U32, word: int, others: U32, other: int) -> int:
    """How many letters a word has that another has not; at most `_MANY` of them are counted."""
    count = 0
    for times in range(2):
        more = int64(letters[word, times]) & ~int64(others[other, times])
        while more != 0 and count < _MANY:
            more &= more - 1
            count += 1
    return count


@njit
def _enter(text: U32, start: I64, word_letters: U32, entry_hash: U32, entry_word: U32) -> int:
    """Write hash and word of every entry, and the letters of every word; count entries."""
    count = 0
    for word in range(start.size - 1):
        begin = int64(start[word])
        end = int64(start[word + 1])
        _gather(text, begin, end, word_letters, word)
        letters = end - begin
        if letters < MIN_LETTERS - 1 or letters > MAX_LETTERS:
            continue
        cut = begin + _beginning(letters)
        seed = _seed(letters, _BEGINNING)
        if cut == end:
            entry_hash[count] = _hash(text, begin, end, _NONE, _NONE, seed)
            entry_word[count] = word
            count += 1
        for gap in range(begin, cut):
            if not _repeats(text, begin, gap):
                entry_hash[count] = _hash(text, begin, cut, gap, _NONE, seed)
                entry_word[count] = word
                count += 1
        if cut < end:
            seed = _seed(letters, _REST)
            entry_hash[count] = _hash(text, cut, end, _NONE, _NONE, seed)
            entry_word[count] = word
            count += 1
    return count


def build_deletions(text: U32, start: I64) -> dict[str, NDArray[Any]]:
    """Columns of the index.

    Parameters
    ----------
    text
        Code points of all words; uint32.
    start
        Word `i` is `text[start[i] : start[i + 1]]`; int64[words + 1]. Of words with one hash the
        first are looked at first, so the most frequent words come first.

    Returns
    -------
    dict
        `word_bucket`, `word_deletion` and `word_letters`.
    """
    words = start.size - 1
    letters = np.zeros((words, 2), np.uint32)
    entry_hash = np.zeros(words * (_LONGEST_BEGINNING + 1), np.uint32)
    entry_word = np.zeros_like(entry_hash)
    size = _enter(text, start, letters, entry_hash, entry_word)
    # One number an entry, so that one sort orders by hash and then by word.
    entries = entry_hash[:size].astype(np.uint64) << np.uint64(32) | entry_word[:size]
    entries.sort()
    hashes = (entries >> np.uint64(32)).astype(np.int64)
    bucket_bits = (size // _ENTRIES_A_BUCKET).bit_length()
    rest_bits = 32 - bucket_bits
    bounds = np.arange((1 << bucket_bits) + 1, dtype=np.int64) << rest_bits
    word_bits = words.bit_length()
    mark_bits = min(32 - word_bits, rest_bits)
    marks = (hashes & ((1 << rest_bits) - 1)) >> (rest_bits - mark_bits)
    numbers = (entries & np.uint64(_MASK)).astype(np.int64)
    return {
        "word_bucket": np.searchsorted(hashes, bounds).astype(np.uint32),
        "word_deletion": (marks << word_bits | numbers).astype(np.uint32),
        "word_letters": letters,
    }


class _Search(NamedTuple):
    """A word asked for, and what was found so far."""

    query: U32
    letters: U32  # [1, 2] as in `word_letters`
    edits: int
    rest_bits: int
    word_bits: int
    mark_bits: int
    found: U32  # [MAX_CANDIDATES]
    seen: U32  # [1 << _SEEN_BITS] words found plus one, by hash; 0 = free
    tally: I64  # [3] found, probes, visits


@inline_njit
def _add(search: _Search, word: int) -> None:
    """Keep a word unless it was found before."""
    below = search.seen.size - 1
    at = (word * 0x9E3779B1 >> 16) & below
    while search.seen[at] != 0:
        if search.seen[at] == word + 1:
            return
        at = (at + 1) & below
    search.seen[at] = word + 1
    search.found[search.tally[0]] = word
    search.tally[0] += 1


@inner_njit
def _first_with_mark(columns: DeletionColumns, search: _Search, bucket: int, mark: int) -> int:
    """First entry of a bucket whose bits of the hash are `mark` or greater."""
    begin = int64(columns.word_bucket[bucket])
    end = int64(columns.word_bucket[bucket + 1])
    while begin < end:
        middle = (begin + end) >> 1
        if int64(columns.word_deletion[middle]) >> search.word_bits < mark:
            begin = middle + 1
        else:
            end = middle
    return begin


@inner_njit
def _probe(columns: DeletionColumns, search: _Search, value: int) -> None:
    """Add the words of the entries with this hash."""
    search.tally[1] += 1
    bucket = value >> search.rest_bits
    mark = (value & ((int64(1) << search.rest_bits) - 1)) >> (search.rest_bits - search.mark_bits)
    at = _first_with_mark(columns, search, bucket, mark)
    end = min(int64(columns.word_bucket[bucket + 1]), at + MAX_VISITS)
    while at < end and search.tally[0] < MAX_CANDIDATES:
        entry = int64(columns.word_deletion[at])
        if entry >> search.word_bits != mark:
            break
        search.tally[2] += 1
        word = entry & ((int64(1) << search.word_bits) - 1)
        # An edit takes at most one letter away and brings at most one in, so neither word has
        # more letters of its own than there are edits. Letters that share a bit only look alike.
        if (
            _beyond(columns.word_letters, word, search.letters, 0) <= search.edits
            and _beyond(search.letters, 0, columns.word_letters, word) <= search.edits
        ):
            _add(search, word)
        at += 1


@inner_njit
def _probe_without_one(columns: DeletionColumns, search: _Search, end: int, seed: int) -> None:
    """Probe the first `end` letters without one of them."""
    for gap in range(end):
        if not _repeats(search.query, 0, gap):
            _probe(columns, search, _hash(search.query, 0, end, gap, _NONE, seed))


@inner_njit
def _search_uncut(columns: DeletionColumns, search: _Search, letters: int) -> None:
    """Words of so many letters that are not cut: the whole of both is compared."""
    end = search.query.size
    seed = _seed(letters, _BEGINNING)
    if search.edits == 2:
        # One or two letters fewer than the query: the word, or the word without one letter.
        for gap in range(end):
            for second_gap in range(gap + 1, end):
                _probe(columns, search, _hash(search.query, 0, end, gap, second_gap, seed))
    elif letters > end:
        _probe(columns, search, _hash(search.query, 0, end, _NONE, _NONE, seed))
    else:
        _probe_without_one(columns, search, end, seed)


@inner_njit
def _search_cut(columns: DeletionColumns, search: _Search, letters: int) -> None:
    """Words of so many letters that are cut: with the end of the query, or its beginning."""
    cut = _beginning(letters)
    if search.edits == 2:
        end = search.query.size
        rest = end - (letters - cut)
        seed = _seed(letters, _REST)
        _probe(columns, search, _hash(search.query, rest, end, _NONE, _NONE, seed))
        _probe(columns, search, _hash(search.query, rest - 1, end, rest, _NONE, seed))
    _probe_without_one(columns, search, cut, _seed(letters, _BEGINNING))


@njit
def _search(columns: DeletionColumns, search: _Search) -> None:
    """Find the words of every length that is near enough, the nearest length first."""
    _gather(search.query, 0, search.query.size, search.letters, 0)
    size = search.query.size
    for step in range(2 * search.edits + 1):
        more = (step + 1) >> 1
        letters = size - more if step & 1 else size + more
        if letters <= _UNCUT:
            _search_uncut(columns, search, letters)
        elif letters <= MAX_LETTERS:
            _search_cut(columns, search, letters)


@cache
def _compiled() -> Callable[..., None]:
    """`_search` for read-only columns and query; compiled once a process, kept on disk."""
    none = np.zeros(1, np.uint32)
    none.flags.writeable = False
    room = np.zeros(1, np.uint32)
    letters = np.zeros((1, 2), np.uint32)
    search = _Search(none, letters, 0, 0, 0, 0, room, room, np.zeros(3, np.int64))
    return entry_point(_search, (DeletionColumns(none, none, none.reshape(1, 1)), search))


class Deletions:
    """An index of words with letters left out, never changed.

    Parameters
    ----------
    columns
        What `build_deletions` made, perhaps memory-mapped. Nothing is read here.

    Examples
    --------
    >>> text = np.frombuffer("haidilaostarbucks".encode("utf-32-le"), np.uint32)
    >>> deletions = Deletions(build_deletions(text, np.array([0, 8, 17])))
    >>> deletions.candidates("starbuks").words.tolist()
    [1]
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._columns = DeletionColumns(
            *(_read_only(columns, name) for name in DeletionColumns._fields)
        )
        words = len(self._columns.word_letters)
        self._rest_bits = 32 - (self._columns.word_bucket.size - 1).bit_length() + 1
        self._word_bits = words.bit_length()
        self._mark_bits = min(32 - self._word_bits, self._rest_bits)
        self._search = _compiled()

    def candidates(self, word: str) -> Candidates:
        """Words that may be within `edits_allowed` of `word`, itself included.

        Every word that is within that distance is among them, unless there are more than
        `MAX_CANDIDATES`, or a hash has more than `MAX_VISITS` words. Then words of the length of
        `word` come before others, and of one hash the most frequent ones.

        Parameters
        ----------
        word
            Folded like the words of the index. Short and overlong ones have no candidates.
        """
        edits = edits_allowed(len(word))
        found = np.empty(MAX_CANDIDATES, np.uint32)
        count = np.zeros(3, np.int64)
        if edits and self._columns.word_deletion.size:
            query = np.frombuffer(word.encode("utf-32-le", "surrogatepass"), np.uint32)
            search = _Search(
                query,
                np.empty((1, 2), np.uint32),
                edits,
                self._rest_bits,
                self._word_bits,
                self._mark_bits,
                found,
                np.zeros(1 << _SEEN_BITS, np.uint32),
                count,
            )
            self._search(self._columns, search)
        words, probes, visits = count.tolist()
        return Candidates(np.sort(found[:words]), probes, visits)


def _read_only(columns: Mapping[str, NDArray[Any]], name: str) -> U32:
    column, dimensions = columns[name], 2 if name == "word_letters" else 1
    if column.dtype != np.uint32 or column.ndim != dimensions:
        raise ValueError(
            f"Expected {dimensions}-dimensional uint32, got {column.ndim}-dimensional "
            f"{column.dtype} - at `{name}`"
        )
    column = column.view()
    column.flags.writeable = False
    return column
