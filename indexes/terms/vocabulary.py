"""Term dictionary of a segment: term rows by key, by prefix and by similar spelling.

Useful for: from a term, a prefix or a misspelt word to term rows, which number the postings.
Not useful for: cutting text into terms (`analysis`), or the documents of a term (`postings`).

Column ``term_key`` uint64[t] holds the keys in ascending order; the row of a key is its position.
Words are the strings of keys of kind WORD and PINYIN. The rank of a word is its number: the most
frequent first, then by text, a word before a pinyin of the same text. ``word_row`` uint32[n] is the
row of each word. ``row_word`` uint32[rows] is the word of each row from the first WORD to the last
PINYIN. The other columns are those of `prefixes` and `deletions`. Two words with equal keys share a
row.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from indexes.arrays import I64, U32, U64, check_array
from indexes.terms.deletions import Deletions, build_deletions, edits_allowed
from indexes.terms.keys import KIND_BITS, PINYIN, WORD, text_key
from indexes.terms.prefixes import Prefixes, build_prefixes


class Similar(NamedTuple):
    """A word of the vocabulary, and its edit distance from a given word."""

    row: int
    text: str
    distance: int
    """Number of edits: letters inserted, dropped, replaced, or swapped with a neighbour."""


def build_vocabulary(
    keys: U64, words: Sequence[str], pinyins: Sequence[str], *, doc_freq: U32
) -> dict[str, NDArray[Any]]:
    """Columns of a vocabulary.

    Parameters
    ----------
    keys
        Keys of all terms, ascending, each once.
    words, pinyins
        The strings of the keys of kind WORD and PINYIN, each once, in any order.
    doc_freq
        Number of documents of each row's term.

    Returns
    -------
    dict
        The columns of this module, of `prefixes` and of `deletions`; some 80 bytes per word and 8
        per other term.

    Raises
    ------
    ValueError
        `keys` do not ascend, `doc_freq` has another length, or the key of a string is missing.
    """
    if keys.size and not (keys[:-1] < keys[1:]).all():
        raise ValueError("Expected ascending keys, got others - at `keys`")
    if doc_freq.size != keys.size:
        raise ValueError(f"Expected {keys.size} counts, got {doc_freq.size} - at `doc_freq`")
    texts = [*words, *pinyins]
    text_keys = [text_key(WORD, text) for text in words] + [
        text_key(PINYIN, text) for text in pinyins
    ]
    rows = _rows_of(keys, np.array(text_keys, np.uint64))
    by_text = np.array(sorted(range(len(texts)), key=texts.__getitem__), np.int64)
    # A stable sort by falling frequency keeps the order by text among equals.
    by_rank = by_text[np.argsort(-doc_freq[rows[by_text]].astype(np.int64), kind="stable")]
    ranked = [texts[i] for i in by_rank.tolist()]
    start = np.zeros(len(ranked) + 1, np.int64)
    np.cumsum([len(text) for text in ranked], out=start[1:])
    letters = np.frombuffer("".join(ranked).encode("utf-32-le", "surrogatepass"), np.uint32)
    return {
        "term_key": keys,
        "word_row": rows[by_rank].astype(np.uint32),
        "row_word": _words_of_rows(rows[by_rank]),
        **build_prefixes(ranked),
        **build_deletions(letters, start),
    }


def _rows_of(keys: U64, wanted: U64) -> I64:
    rows = np.searchsorted(keys, wanted).astype(np.int64)
    known = rows < keys.size
    known[known] = keys[rows[known]] == wanted[known]
    if not known.all():
        raise ValueError(
            f"Expected the key of every word, got none of {np.count_nonzero(~known)} - at `keys`"
        )
    return rows


def _words_of_rows(row_by_rank: I64) -> U32:
    """Most frequent word of each row, from the first row with a word to the last."""
    if not row_by_rank.size:
        return np.zeros(0, np.uint32)
    first = row_by_rank.min()
    words = np.zeros(int(row_by_rank.max() - first) + 1, np.uint32)
    backwards = np.arange(row_by_rank.size)[::-1]
    words[row_by_rank[backwards] - first] = backwards
    return words


class Vocabulary:
    """Immutable dictionary of the terms of a segment.

    Parameters
    ----------
    arrays
        The result of `build_vocabulary`, perhaps memory-mapped. The constructor reads a few keys
        and makes no object per word, so opening takes microseconds.

    Examples
    --------
    >>> words = ["starbucks", "starburst"]
    >>> keys = np.array(sorted(text_key(WORD, word) for word in words), np.uint64)
    >>> columns = build_vocabulary(keys, words, [], doc_freq=np.array([3, 1], np.uint32))
    >>> vocabulary = Vocabulary(columns)
    >>> [(like.text, like.distance) for like in vocabulary.similar("starbuks", limit=3)]
    [('starbucks', 1), ('starburst', 2)]
    >>> sorted(vocabulary.text(row) for row in vocabulary.with_prefix("star", limit=2))
    ['starbucks', 'starburst']
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._key = arrays["term_key"]
        check_array("term_key", self._key, U64)
        self._word_row = arrays["word_row"]
        self._row_word = arrays["row_word"]
        self._first_row = self.rows_between(WORD << KIND_BITS, (PINYIN + 1) << KIND_BITS).start
        self.prefixes = Prefixes(arrays)
        """Words by prefix."""
        self.deletions = Deletions(arrays)
        """Words by similar spelling."""

    def __len__(self) -> int:
        """Return the number of terms."""
        return int(self._key.size)

    def term(self, key: int) -> int:
        """Row of a key, -1 if there is none."""
        # As uint64: numpy would compare a Python integer as a float64, which has too few bits.
        wanted = np.uint64(key)
        row = int(self._key.searchsorted(wanted))
        return row if row < self._key.size and self._key[row] == wanted else -1

    def key(self, row: int) -> int:
        """Key of a row."""
        return int(self._key[row])

    def rows_between(self, first_key: int, end_key: int) -> range:
        """Rows of the keys from `first_key` to before `end_key`."""
        ends = self._key.searchsorted(np.array((first_key, end_key), np.uint64))
        return range(int(ends[0]), int(ends[1]))

    def text(self, row: int) -> str:
        """Text of a row of kind WORD or PINYIN; the most frequent if two texts share the key.

        Raises
        ------
        IndexError
            The row is of another kind.
        """
        place = row - self._first_row
        if not 0 <= place < self._row_word.size:
            raise IndexError(f"Expected the row of a word, got {row}")
        return self.prefixes.texts([int(self._row_word[place])])[0]

    def with_prefix(self, word: str, *, limit: int) -> list[int]:
        """Rows of the `limit` most frequent words and pinyins that begin with `word`, best first.

        The result may include `word` itself. Words of equal frequency ascend by text. Two words
        that share a row count twice and are listed once.
        """
        words = self.prefixes.complete(word, limit=limit).words
        row = self._word_row.data
        return list(dict.fromkeys([row[word] for word in words]))

    def similar(self, word: str, *, limit: int) -> list[Similar]:
        """The `limit` words and pinyins most similar to `word`, itself included.

        Results ascend by distance, then descend by frequency, then ascend by text. A word of 4 to 7
        letters allows one edit, one of 8 to 64 letters two (`deletions.edits_allowed`). Other words
        have no result.

        Costs ten to eighty hash look-ups, and the distance of at most `deletions.MAX_CANDIDATES`
        candidates.
        """
        words = self.deletions.candidates(word).words.tolist()
        texts = self.prefixes.texts(words)
        # Candidates ascend by rank, and `extract` keeps that order among equal distances.
        found = process.extract(
            word, texts, scorer=OSA.distance, score_cutoff=edits_allowed(len(word)), limit=limit
        )
        row = self._word_row.data
        return [Similar(row[words[at]], text, int(distance)) for text, distance, at in found]


def warm() -> None:
    """Compile the kernels of look-ups: some seconds the first time, then a read from disk."""
    none = np.zeros(0, np.uint32)
    Vocabulary(build_vocabulary(none.astype(np.uint64), [], [], doc_freq=none))
