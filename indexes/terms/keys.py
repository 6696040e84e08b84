"""Terms: the 64-bit keys that documents and queries have in common.

Useful for: making a key, and the distinct keys of many texts at once.
Not useful for: cutting text; that is `analysis` (as written) and `pinyin` (as it sounds).

A key is `kind << 60 | payload`, so keys of one kind are neighbours, and so are initials that begin
alike.
"""

from array import array
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

KIND_BITS = 60
"""The kind stands above so many bits of payload."""

GRAM1 = 1
"""One character of a script without spaces: its code point."""
GRAM2 = 2
"""Two neighbouring ones: the first code point above the second."""
SOUND1 = 3
"""One syllable: its number in `syllables`."""
SOUND2 = 4
"""Two neighbouring syllables: the first number above the second."""
WORD = 5
"""A folded word or number of another script: a hash of it."""
PINYIN = 6
"""The whole pinyin of a run of text without spaces: a hash of it."""
INITIALS = 7
"""Up to twelve letters a to z, five bits each, the first one highest, filled with zeros."""

WHOLE = 8
"""The whole of a text without spaces and signs: a hash of it."""

BESIDE = 9
"""A number and the word beside it, in an address: a hash of both, as they follow each other."""

CODE_BITS = 21
SYLLABLE_BITS = 10
LETTER_BITS = 5
MAX_INITIALS = 12

PAYLOAD = (1 << KIND_BITS) - 1
"""Mask of the bits that are not the kind."""


class Word(NamedTuple):
    """One word of a query.

    Attributes
    ----------
    text
        The word, normalised: characters of a script without spaces, or the letters and digits of
        any other without what joins them (`7-Eleven` is `7eleven`).
    kind
        "cjk" for the first sort, "latin" for the second.
    readings
        Any of them; all keys of one. The first is what was typed.
    is_glued
        Whether it was typed directly behind the word before it.
    instead
        The compound as those write it who lack a letter (`folding.otherwise`); empty where that is
        the same.
    syllables
        Syllables that were typed apart, as `xi'an` and `hai di lao` are; empty for any other word.
    """

    text: str
    kind: Literal["cjk", "latin"]
    readings: tuple[tuple[int, ...], ...]
    is_glued: bool = False
    instead: str = ""
    syllables: tuple[str, ...] = ()


class Terms(NamedTuple):
    """Distinct terms of n texts.

    Attributes
    ----------
    key
        uint64[t], the keys of one text after those of the one before, without repeats.
    start
        int64[n + 1], where those of each text begin.
    length
        int32[n], tokens of each text: characters of scripts without spaces, and words.
    words, pinyins
        The distinct strings behind keys of kind WORD and PINYIN, in no order.
    """

    key: NDArray[np.uint64]
    start: NDArray[np.int64]
    length: NDArray[np.int32]
    words: list[str]
    pinyins: list[str]


def text_key(kind: int, text: str) -> int:
    """Key of a text of kind WORD (folded), PINYIN ("haidilao", of a whole run), WHOLE or BESIDE."""
    return kind << KIND_BITS | xxh3_64_intdigest(text.encode("utf-8", "replace")) & PAYLOAD


def gram_keys(run: str) -> tuple[int, ...]:
    """Keys that stand for a run of characters: of its pairs, or of the only one there is.

    Examples
    --------
    >>> [hex(key) for key in gram_keys("火锅")]
    ['0x2000000e0d609505']
    """
    codes = [ord(char) for char in run]
    if len(codes) == 1:
        return (GRAM1 << KIND_BITS | codes[0],)
    kind = GRAM2 << KIND_BITS
    return tuple(dict.fromkeys(kind | a << CODE_BITS | b for a, b in pairwise(codes)))


def sound_keys(syllables: tuple[int, ...]) -> tuple[int, ...]:
    """Keys that stand for a run of syllables: of its pairs, or of the only one there is."""
    if len(syllables) == 1:
        return (SOUND1 << KIND_BITS | syllables[0],)
    kind = SOUND2 << KIND_BITS
    return tuple(dict.fromkeys(kind | a << SYLLABLE_BITS | b for a, b in pairwise(syllables)))


def initials_key(letters: str) -> int:
    """Key of at most `MAX_INITIALS` letters a to z; the rest is cut off."""
    key = INITIALS
    for letter in letters[:MAX_INITIALS].ljust(MAX_INITIALS, "`"):
        key = key << LETTER_BITS | ord(letter) - 96
    return key


class Strings(dict[str, int]):
    """Strings of one kind, numbered as they turn up, and their keys.

    A string that is looked up gets a number if it has none.
    """

    def __init__(self, kind: int) -> None:
        super().__init__()
        self._kind = kind
        self._keys = array("Q")

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        self._keys.append(text_key(self._kind, text))
        return number

    def term_keys(self) -> NDArray[np.uint64]:
        """Key of each string, uint64[n], by number."""
        return np.array(self._keys, dtype=np.uint64)


CHUNK = 1 << 18
"""Texts that are packed and sorted at once: few enough for `pack`, many enough for numpy."""
_TEXT_SHIFT = 2 * CODE_BITS + 2
TABLE = 3
"""The place of terms that are rows of a table of keys, for `pack`."""


def pack(text: NDArray[np.int64], place: int, payload: NDArray[np.int64]) -> NDArray[np.int64]:
    """Terms of texts below `CHUNK` as one number each: `place` 0 or 1 is a kind, 3 a table row."""
    return text << _TEXT_SHIFT | place << 2 * CODE_BITS | payload


def distinct(
    packed: NDArray[np.int64], kinds: tuple[int, int], table: NDArray[np.uint64], texts: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Keys of packed terms without repeats, text by text, and how many each text has.

    Parameters
    ----------
    packed
        What `pack` made, in any order.
    kinds
        The kinds that stand at place 0 and 1.
    table
        The keys that terms of place 3 are rows of.
    texts
        How many texts there are.
    """
    packed = np.sort(packed)
    if packed.size:
        packed = packed[np.concatenate(([True], packed[1:] != packed[:-1]))]
    payload = packed & ((1 << 2 * CODE_BITS) - 1)
    place = packed >> 2 * CODE_BITS & 3
    first, second = (kind << KIND_BITS for kind in kinds)
    key = np.where(place == 0, first, second) | payload
    key = key.astype(np.uint64)
    in_table = place == TABLE
    key[in_table] = table[payload[in_table]]
    return key, np.bincount(packed >> _TEXT_SHIFT, minlength=texts)


def ranges(begin: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """The positions from each begin on, as many as its size says, one range after the other.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    return np.repeat(begin - np.cumsum(size) + size, size) + np.arange(size.sum())


def joined_terms(
    keys: list[NDArray[np.uint64]],
    counts: list[NDArray[np.int64]],
    lengths: list[NDArray[np.int32]],
    *,
    words: Iterable[str] = (),
    pinyins: Iterable[str] = (),
) -> Terms:
    """Terms of chunks of texts as those of all of them."""
    none: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
    start = np.concatenate([np.zeros(1, dtype=np.int64), *counts])
    return Terms(
        np.concatenate([none, *keys]),
        np.cumsum(start),
        np.concatenate([none, *lengths]).astype(np.int32),
        list(words),
        list(pinyins),
    )
