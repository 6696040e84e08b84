"""Spelling correction candidates: all words within one or two edits of a word (SymSpell).

Useful for: a short list of candidates, from hashes of words with letters left out.
Not useful for: distances or the best candidate; `vocabulary` asks rapidfuzz for them. The index
leaves out words of fewer than three or more than `MAX_LETTERS` letters.

An edit inserts, drops or replaces a letter or swaps two neighbours, and no letter is edited twice:
optimal string alignment. Two words one edit apart become equal when each loses at most one letter.
The index hashes words without one letter: Garbe's symmetric delete ("1000x faster spelling
correction", 2012; SymSpell). Leaving up to two letters out of a word of 12 would take 79 entries.
So the index cuts a word `w` of more than 7 letters into a beginning `A` of at most 8 letters and a
rest `R`. It has one entry for `A` without each letter, and one entry for the whole of `R`. These
entries suffice. Let `q` be within two edits of `w`, and let `B` be the first `len(A)` letters of
`q`:

- At most one edit touches `A`. Then `A` without some letter equals `B` without some letter. If the
  edit drops a letter of `A`, leave out that letter and the last of `B`. If it inserts a letter,
  leave out that letter and the last of `A`. A swap across the cut replaces the last letter of `A`.
- Both edits touch `A`. Then either no edit touches `R`, and `q` ends with `R`. Or one edit swaps
  across the cut, and `R` is the end of `q` that is one letter longer, without its second letter.

The index does not cut shorter words, and has an entry for the whole word too. Two edits are allowed
only for a query of at least `LONG` letters. It is one or two letters longer than such a word, so
the search leaves two letters out of the query. Each hash includes the length of its word, so a
search never meets words whose lengths differ by more than the allowed edits.

Columns: ``word_deletion`` uint32[e] has the entries by hash, then by word. The lowest bits are the
word, the others are bits of the hash. ``word_bucket`` uint32[2**b + 1]: the entries whose hash
begins with the `b` bits of `i` are those from ``word_bucket[i]`` to ``word_bucket[i + 1]``.
``word_letters`` uint32[n, 2] says which letters a word has at least once, and which at least twice,
by the low five bits of their code points. A long word has nine entries of five bytes.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.arrays import I64, U32, ReadOnly, U32Matrix, read_only_arrays
from indexes.bisection import first_at_least
from indexes.jit import entry_point, inline_njit, inner_njit, int64, njit

MIN_LETTERS: Final = 4
"""Fewest letters of a word that is corrected; in a shorter one half would be a guess."""
LONG: Final = 8
"""Fewest letters of a word that may hold two edits; a shorter one may hold one."""
MAX_LETTERS: Final = 64
"""Most letters of a word in the index; nobody types longer ones, and the limit bounds the work."""

MAX_CANDIDATES: Final = 512
"""Most candidates of a search; a word like hundreds of others has no useful correction."""
MAX_VISITS: Final = 2_048
"""Most entries that a search reads for one hash; the most frequent words come first."""

_UNCUT: Final = 7
_LONGEST_BEGINNING: Final = 8
_ENTRIES_A_BUCKET: Final = 4
_SEEN_BITS: Final = 10
"""The hash table of found candidates has twice `MAX_CANDIDATES` slots."""

_MASK: Final = (1 << 32) - 1
_BEGINNING: Final = 0
_REST: Final = 1
_NONE: Final = -1
_MANY: Final = 3
"""More than the greatest number of allowed edits."""


class DeletionColumns(NamedTuple):
    """The columns described in the module."""

    word_bucket: U32
    word_deletion: U32
    word_letters: U32Matrix


class Candidates(NamedTuple):
    """Words that may be within the allowed edits, and work counters."""

    words: NDArray[np.uint32]
    """Word ranks, ascending, each once, at most `MAX_CANDIDATES`."""
    probes: int
    """Number of hash look-ups: fewer than eighty for any word."""
    visits: int
    """Number of entries read: at most `MAX_VISITS` per probe."""


def edits_allowed(letters: int) -> int:
    """Number of edits, 0, 1 or 2, that correction allows for a word of `letters` letters.

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
    """Number of letters of the beginning of a word.

    It is all of a short word; of a long one it leaves at least three letters for the rest.
    """
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
    """Whether dropping the letter at `at` gives the same word as dropping the one before it."""
    return bool(at > begin and text[at] == text[at - 1])


@inline_njit
def _gather(text: U32, begin: int, end: int, word_letters: U32, word: int) -> None:
    """Write the letter sets of a word: letters that occur, and letters that occur twice.

    Five bits of the code point number a letter.
    """
    once, twice = int64(0), int64(0)
    for at in range(begin, end):
        letter = int64(1) << (int64(text[at]) & 31)
        twice |= once & letter
        once |= letter
    word_letters[word, 0] = once
    word_letters[word, 1] = twice


@inline_njit
def _beyond(letters: U32, word: int, others: U32, other: int) -> int:
    """Lower bound of the number of letters of a word that another lacks; at most `_MANY`."""
    count = 0
    for times in range(2):
        more = int64(letters[word, times]) & ~int64(others[other, times])
        while more != 0 and count < _MANY:
            more &= more - 1
            count += 1
    return count


@njit
def _enter(text: U32, start: I64, word_letters: U32, entry_hash: U32, entry_word: U32) -> int:
    """Write hash and word of each entry, and the letters of each word; return the entries' number.

    The kernel writes no entry twice for a letter that repeats.
    """
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
        Word `i` is `text[start[i] : start[i + 1]]`; int64[words + 1]. A search reads the words of
        one hash in this order and may stop early, so the most frequent words come first.

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
    # One number per entry, so that one sort orders by hash and then by word.
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
    """The query word of a search, and its candidates so far."""

    query: ReadOnly[U32]
    letters: U32Matrix  # [1, 2] as in `word_letters`
    edits: int
    rest_bits: int
    word_bits: int
    mark_bits: int
    found: U32  # [MAX_CANDIDATES] candidates
    seen: U32  # [1 << _SEEN_BITS] hash table of candidates: word + 1, 0 = free
    tally: I64  # [3] number of candidates, probes, visits


@inline_njit
def _add(search: _Search, word: int) -> None:
    """Add a word to the candidates unless it is among them."""
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
    """First entry of a bucket whose hash bits are at least `mark`."""
    begin = int64(columns.word_bucket[bucket])
    end = int64(columns.word_bucket[bucket + 1])
    return first_at_least(columns.word_deletion, begin, end, mark << search.word_bits)


@inner_njit
def _probe(columns: DeletionColumns, search: _Search, value: int) -> None:
    """Add the words of the entries with hash `value`."""
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
        # An edit removes at most one letter and adds at most one. So neither word has more letters
        # that the other lacks than there are edits. Letters that share a bit only lower the count.
        if (
            _beyond(columns.word_letters, word, search.letters, 0) <= search.edits
            and _beyond(search.letters, 0, columns.word_letters, word) <= search.edits
        ):
            _add(search, word)
        at += 1


@inner_njit
def _probe_without_one(columns: DeletionColumns, search: _Search, end: int, seed: int) -> None:
    """Probe the first `end` letters of the query without each one of them."""
    for gap in range(end):
        if not _repeats(search.query, 0, gap):
            _probe(columns, search, _hash(search.query, 0, end, gap, _NONE, seed))


@inner_njit
def _search_uncut(columns: DeletionColumns, search: _Search, letters: int) -> None:
    """Add words of `letters` letters that the index does not cut."""
    end = search.query.size
    seed = _seed(letters, _BEGINNING)
    if search.edits == 2:
        # The word is one or two letters shorter than the query. Its entries are the word and the
        # word without one letter, so the query loses two letters.
        for gap in range(end):
            for second_gap in range(gap + 1, end):
                _probe(columns, search, _hash(search.query, 0, end, gap, second_gap, seed))
    elif letters > end:
        _probe(columns, search, _hash(search.query, 0, end, _NONE, _NONE, seed))
    else:
        _probe_without_one(columns, search, end, seed)


@inner_njit
def _search_cut(columns: DeletionColumns, search: _Search, letters: int) -> None:
    """Add words of `letters` letters that the index cuts, by rest and by beginning."""
    cut = _beginning(letters)
    if search.edits == 2:
        end = search.query.size
        rest = end - (letters - cut)
        seed = _seed(letters, _REST)
        _probe(columns, search, _hash(search.query, rest, end, _NONE, _NONE, seed))
        _probe(columns, search, _hash(search.query, rest - 1, end, rest, _NONE, seed))
    _probe_without_one(columns, search, cut, _seed(letters, _BEGINNING))


@njit
def _search(columns: ReadOnly[DeletionColumns], search: _Search) -> None:
    """Add words of each length within the allowed edits, the nearest length first."""
    _gather(search.query, 0, search.query.size, search.letters, 0)
    size = search.query.size
    for step in range(2 * search.edits + 1):
        more = (step + 1) >> 1
        letters = size - more if step & 1 else size + more
        if letters <= _UNCUT:
            _search_uncut(columns, search, letters)
        elif letters <= MAX_LETTERS:
            _search_cut(columns, search, letters)


class Deletions:
    """Immutable index of words with letters left out.

    Parameters
    ----------
    columns
        The result of `build_deletions`, perhaps memory-mapped. The constructor reads no value.

    Examples
    --------
    >>> text = np.frombuffer("haidilaostarbucks".encode("utf-32-le"), np.uint32)
    >>> deletions = Deletions(build_deletions(text, np.array([0, 8, 17])))
    >>> deletions.candidates("starbuks").words.tolist()
    [1]
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._columns = read_only_arrays(DeletionColumns, columns)
        words = len(self._columns.word_letters)
        self._rest_bits = 32 - (self._columns.word_bucket.size - 1).bit_length() + 1
        self._word_bits = words.bit_length()
        self._mark_bits = min(32 - self._word_bits, self._rest_bits)
        self._search = entry_point(_search)

    def candidates(self, word: str) -> Candidates:
        """Words that may be within `edits_allowed` of `word`, itself included.

        The result holds every word within that distance, with two exceptions: the search stops at
        `MAX_CANDIDATES` words, and reads at most `MAX_VISITS` words of a hash. It prefers words of
        the length of `word`, and among the words of a hash the most frequent.

        Parameters
        ----------
        word
            Folded like the words of the index. Too short and too long words have no candidates.
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
