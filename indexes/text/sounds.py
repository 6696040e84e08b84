"""Pinyin terms of many texts at once, as arrays.

Useful for: building; it takes seconds for a million names.
Not useful for: a query; see `pinyin`.

A *stretch* is characters with a reading, letters a to z and digits, up to the next sign or space. A
*run* is such characters without letters and digits. An ambiguous character gives the terms of both
readings.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexes.arrays import I16, I64, U32, Bools
from indexes.terms.keys import (
    CHUNK,
    INITIALS,
    LETTER_BITS,
    MAX_INITIALS,
    PINYIN,
    SOUND1,
    SOUND2,
    SYLLABLE_BITS,
    TABLE,
    WORD,
    Strings,
    Terms,
    distinct,
    joined_terms,
    pack,
    ranges,
)
from indexes.text.folding import BREAK, fold_all
from indexes.text.readings import NONE, read_all
from indexes.text.syllables import SOUND_OF, SPELLED
from indexes.text.tokens import COMPOUND, MAX_WORD, compound_parts

MAX_OPEN: Final = 2
"""Most ambiguous characters of a stretch whose second reading gives pinyin of its own."""
MAX_JOINED: Final = 4
"""Most words at the beginning of a phrase that are joined to one: `burgerking`."""

_PHRASE = re.compile(rf"{COMPOUND.pattern}(?:[ &]+{COMPOUND.pattern})+")
_SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ROWS = (*SPELLED, *_SIGNS)
_ASCII_ROW = np.full(128, NONE, dtype=np.int16)
_ASCII_ROW[[*_SIGNS.encode()]] = range(len(SPELLED), len(_ROWS))
_SOUND = np.array(SOUND_OF, dtype=np.int64)
_SIZE = np.array([len(row) for row in _ROWS], dtype=np.uint8)
_WIDTH = int(_SIZE.max())
_LETTERS = np.array([list(row.ljust(_WIDTH).encode()) for row in _ROWS], dtype=np.uint8)
# The first letter of each row, 1 to 26; 0 for a digit.
_INITIAL = np.array([max(0, ord(row[0]) - 96) for row in _ROWS], dtype=np.int64)


def analyse_sounds(texts: Sequence[str]) -> Terms:
    """Distinct terms of each of n texts by sound.

    Parameters
    ----------
    texts
        Any text, folded or not; the first `folding.MAX_TEXT` characters of each count.

    Returns
    -------
    Terms
        SOUND2 of neighbours with a reading; SOUND1 of a character without such a neighbour; PINYIN
        and INITIALS of stretches and runs; WORD of the joined first words of a Latin phrase.
        `length` counts characters with a reading.
    """
    pinyins, phrases = Strings(PINYIN), _Phrases()
    keys, counts, lengths = [], [], []
    for begin in range(0, len(texts), CHUNK):
        chunk = texts[begin : begin + CHUNK]
        folded = fold_all(chunk)
        code = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32)
        text = np.cumsum(code == ord(BREAK))
        first, other = _rows(code)
        is_read = (first >= 0) & (first < len(SPELLED))
        begin_at, spelled, initials = _span_terms(first, other, is_read, pinyins)
        phrase_at, phrase = phrases.words_at(folded)

        letters, letter_row = np.unique(initials, return_inverse=True)
        tables = [pinyins.term_keys(), phrases.words.term_keys(), letters.astype(np.uint64)]
        offset = np.cumsum([0, *map(len, tables)])
        owner = text[begin_at]
        packed = [
            *_neighbours(text, first, other, is_read),
            pack(owner, TABLE, spelled),
            pack(text[phrase_at], TABLE, phrase + offset[1]),
            pack(owner, TABLE, letter_row + offset[2])[initials != 0],
        ]
        table = np.concatenate(tables)
        key, count = distinct(np.concatenate(packed), (SOUND1, SOUND2), table, len(chunk))
        keys.append(key)
        counts.append(count)
        lengths.append(np.bincount(text[is_read], minlength=len(chunk)).astype(np.int32))
    return joined_terms(keys, counts, lengths, words=phrases.words, pinyins=pinyins)


def _rows(code: U32) -> tuple[I16, I16]:
    """Rows in `_ROWS` of the usual and the second reading of each character; NONE without one."""
    first, other = read_all(code)
    is_ascii = code < len(_ASCII_ROW)
    first[is_ascii] = _ASCII_ROW[code[is_ascii]]
    return first, other


def _neighbours(text: I64, first: I16, other: I16, is_read: Bools) -> list[I64]:
    """Packed SOUND1 and SOUND2 terms: all readings of two neighbours, or of one without."""
    has_next = np.concatenate((is_read[:-1] & is_read[1:], [False]))
    is_alone = is_read & ~has_next
    is_alone[1:] &= ~has_next[:-1]
    packed = []
    for left in (first, other):
        at = np.flatnonzero(is_alone & (left != NONE))
        packed.append(pack(text[at], 0, _SOUND[left[at]]))
        for right in (first, other):
            at = np.flatnonzero(has_next[:-1] & (left[:-1] != NONE) & (right[1:] != NONE))
            sounds = _SOUND[left[at]] << SYLLABLE_BITS | _SOUND[right[at + 1]]
            packed.append(pack(text[at], 1, sounds))
    return packed


def _span_terms(first: I16, other: I16, is_read: Bools, pinyins: Strings) -> tuple[I64, I64, I64]:
    """Begin, pinyin number and initials key (0 = none) of each stretch and run.

    Each of the first `MAX_OPEN` ambiguous characters of a stretch adds an entry, with its second
    reading.
    """
    begin, end, stretch = _spans(first, is_read)
    is_open = other != NONE
    # Ambiguous characters before each position, and before the stretch that holds it.
    before = _before(is_open)
    found = [_spelled(first, begin, end, pinyins)]
    starts = [begin]
    at = np.flatnonzero(is_open)
    place = before[at] - before[stretch[at]]
    row = first.copy()
    for chosen in (at[place == number] for number in range(MAX_OPEN)):
        has = np.searchsorted(chosen, end) > np.searchsorted(chosen, begin)
        row[chosen] = other[chosen]
        found.append(_spelled(row, begin[has], end[has], pinyins))
        row[chosen] = first[chosen]
        starts.append(begin[has])
    numbers, keys = zip(*found, strict=True)
    return np.concatenate(starts), np.concatenate(numbers), np.concatenate(keys)


def _spans(first: I16, is_read: Bools) -> tuple[I64, I64, I64]:
    """Begins and ends of stretches with a reading and of runs that are a part of one.

    The third array has the begin of the stretch at each position.
    """
    begin, end = _runs(first != NONE)
    reads = _before(is_read)
    has = reads[end] > reads[begin]
    begin, end = begin[has], end[has]
    # Begin of the stretch at each position; positions outside of stretches have any value.
    stretch = np.zeros(first.size + 1, dtype=np.int64)
    stretch[begin] = begin
    stretch = np.maximum.accumulate(stretch)
    run_begin, run_end = _runs(is_read)
    whole = np.zeros(first.size + 1, dtype=np.int64)
    whole[begin] = end
    is_part = whole[run_begin] != run_end
    begin = np.concatenate((begin, run_begin[is_part]))
    end = np.concatenate((end, run_end[is_part]))
    return begin, end, stretch


def _runs(mask: Bools) -> tuple[I64, I64]:
    """Begin and end of each run of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges[0::2], edges[1::2]


def _spelled(row: I16, begin: I64, end: I64, pinyins: Strings) -> tuple[I64, I64]:
    """Pinyin number and initials key of each span; the key is 0 for fewer than two letters."""
    size = end - begin
    row = row[ranges(begin, size)]
    end = np.cumsum(size)
    begin = end - size

    width = _SIZE[row]
    text = _LETTERS[row][np.arange(_WIDTH, dtype=np.uint8) < width[:, None]].tobytes().decode()
    offset = _before(width)
    first = offset[begin]
    last = np.minimum(offset[end], first + MAX_WORD)
    spelled = [pinyins[text[i:j]] for i, j in zip(first.tolist(), last.tolist(), strict=True)]

    letter = _INITIAL[row]
    is_letter = letter != 0
    at = _before(is_letter)
    letter = np.concatenate((letter[is_letter], np.zeros(MAX_INITIALS, dtype=np.int64)))
    first, count = at[begin], at[end] - at[begin]
    key = np.full(begin.size, INITIALS, dtype=np.int64)
    for place in range(MAX_INITIALS):
        key = key << LETTER_BITS | np.where(place < count, letter[first + place], 0)
    key[count < 2] = 0
    return np.array(spelled, dtype=np.int64), key


def _before(count: NDArray[np.bool_] | NDArray[np.uint8]) -> I64:
    """Sum of the counts before each position, and last of all."""
    total = np.zeros(count.size + 1, dtype=np.int64)
    np.cumsum(count, out=total[1:])
    return total


class _Phrases(dict[str, tuple[int, ...]]):
    """Phrase of Latin words to the numbers of its joined first words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = Strings(WORD)

    def __missing__(self, phrase: str) -> tuple[int, ...]:
        parts = [compound_parts(part)[0] for part in COMPOUND.findall(phrase)[:MAX_JOINED]]
        joined = ["".join(parts[:size])[:MAX_WORD] for size in range(2, len(parts) + 1)]
        numbers = self[phrase] = tuple(self.words[word] for word in dict.fromkeys(joined))
        return numbers

    def words_at(self, folded: str) -> tuple[I64, I64]:
        """Position and number of each joined word of each phrase in the texts."""
        at, number = [], []
        for match in _PHRASE.finditer(folded):
            for word in self[match.group()]:
                at.append(match.start())
                number.append(word)
        return np.array(at, dtype=np.int64), np.array(number, dtype=np.int64)
