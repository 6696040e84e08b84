"""Term keys: 64-bit integers that documents and queries share.

Makes one key, or the distinct keys of many texts at once. `analysis` (as written) and `pinyin`
(by sound) cut the text. A key is `kind << 60 | payload`, so keys of one kind are neighbours, and so
are initials with the same first letters.
"""

from array import array
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

KIND_BITS = 60
"""Bits of the payload, below the kind."""

GRAM1 = 1
"""One character of a script without spaces: its code point."""
GRAM2 = 2
"""Two neighbouring characters of such a script: the first code point above the second."""
SOUND1 = 3
"""One syllable: its number in `syllables`."""
SOUND2 = 4
"""Two neighbouring syllables: the first number above the second."""
WORD = 5
"""A folded word or number of another script: a hash of it."""
PINYIN = 6
"""The pinyin of a whole run: a hash of it."""
INITIALS = 7
"""Up to twelve letters a to z, five bits each, the first in the highest bits, zeros after them."""

WHOLE = 8
"""All letters and digits of a text: a hash of them."""

BESIDE = 9
"""A number and the word next to it in an address: a hash of both in their order."""

CODE_BITS = 21
SYLLABLE_BITS = 10
LETTER_BITS = 5
MAX_INITIALS = 12

PAYLOAD = (1 << KIND_BITS) - 1
"""Mask of the payload bits."""


class Word(NamedTuple):
    """One word of a query.

    Attributes
    ----------
    text
        The normalised word. "cjk" words are characters of a script without spaces. "latin" words
        are letters and digits without joiners (`7-Eleven` is `7eleven`).
    kind
        "cjk" or "latin".
    readings
        Alternative key lists. A document matches if it has all keys of one list. The first list is
        the word as typed.
    is_glued
        Whether no space separates it from the word before it.
    instead
        The compound in ASCII respelling (`folding.otherwise`); empty if that is the same.
    syllables
        Separately typed syllables, as in `xi'an` and `hai di lao`; empty for any other word.
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
        uint64[t], the distinct keys of each text, text by text.
    start
        int64[n + 1], where the keys of each text begin.
    length
        int32[n], number of tokens of each text: characters of scripts without spaces, and words.
    words, pinyins
        The distinct strings of keys of kind WORD and PINYIN, in no order.
    """

    key: NDArray[np.uint64]
    start: NDArray[np.int64]
    length: NDArray[np.int32]
    words: list[str]
    pinyins: list[str]


def text_key(kind: int, text: str) -> int:
    """Key of a hashed text: of kind WORD, PINYIN, WHOLE or BESIDE.

    A WORD is folded text. A PINYIN is that of a whole run, such as "haidilao".
    """
    return kind << KIND_BITS | xxh3_64_intdigest(text.encode("utf-8", "replace")) & PAYLOAD


def gram_keys(run: str) -> tuple[int, ...]:
    """Keys of a run of characters: GRAM2 of its pairs, or GRAM1 of a single character.

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
    """Keys of a run of syllables: SOUND2 of its pairs, or SOUND1 of a single syllable."""
    if len(syllables) == 1:
        return (SOUND1 << KIND_BITS | syllables[0],)
    kind = SOUND2 << KIND_BITS
    return tuple(dict.fromkeys(kind | a << SYLLABLE_BITS | b for a, b in pairwise(syllables)))


def initials_key(letters: str) -> int:
    """Key of kind INITIALS of letters a to z; letters after `MAX_INITIALS` do not count."""
    key = INITIALS
    for letter in letters[:MAX_INITIALS].ljust(MAX_INITIALS, "`"):
        key = key << LETTER_BITS | ord(letter) - 96
    return key


class Strings(dict[str, int]):
    """Numbers of distinct strings of one kind, and their keys.

    The look-up of a new string gives it the next number.
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
"""Texts per batch: few enough for the bits of `pack`, many enough for numpy."""
_TEXT_SHIFT = 2 * CODE_BITS + 2
TABLE = 3
"""The `place` in `pack` of terms that are rows of a table of keys."""


def pack(text: NDArray[np.int64], place: int, payload: NDArray[np.int64]) -> NDArray[np.int64]:
    """One integer per term: text number below `CHUNK`, place and payload.

    Place 0 or 1 selects one of the two kinds that `distinct` takes; `TABLE` marks a table row.
    """
    return text << _TEXT_SHIFT | place << 2 * CODE_BITS | payload


def distinct(
    packed: NDArray[np.int64], kinds: tuple[int, int], table: NDArray[np.uint64], texts: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Distinct keys of packed terms, text by text, and their number in each text.

    Parameters
    ----------
    packed
        Results of `pack`, in any order.
    kinds
        The kinds of places 0 and 1.
    table
        The keys of the rows that terms of place `TABLE` name.
    texts
        Number of texts.
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
    """The integers of several ranges, one range after the other: `size[i]` from `begin[i]` on.

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
    """Terms of several chunks of texts, joined."""
    none: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
    start = np.concatenate([np.zeros(1, dtype=np.int64), *counts])
    return Terms(
        np.concatenate([none, *keys]),
        np.cumsum(start),
        np.concatenate([none, *lengths]).astype(np.int32),
        list(words),
        list(pinyins),
    )
