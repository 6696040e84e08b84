"""Typed forms of a name: folded, in other characters, by sound, by initials, with one mistake.

It shares no code with `indexes.text.analysis`, because a suite that uses
the code under test does not see its mistakes.

Readings come from pypinyin (toneless, by phrase), characters from OpenCC.
"""

import random
import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from opencc import OpenCC
from pypinyin import Style, lazy_pinyin

from benchmarks.relevance.sources import homophones

_ACCENTS = re.compile("[\u0300-\u036f]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_WORD = re.compile("[A-Za-z]+")
_TO_SIMPLIFIED, _TO_TRADITIONAL = OpenCC("t2s"), OpenCC("s2t")

EDITS = ("swap", "drop", "double", "neighbour")
SHORTEST_EDITED = 5

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@cache
def plain(text: str) -> str:
    """Letters and digits of a text without case, width, accents and variants of characters.

    Two texts are the same name if their plain forms are equal.

    Examples
    --------
    >>> plain("Café 85°C（臺灣）"), plain("7-ELEVEN")
    ('cafe85c台湾', '7eleven')
    """
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    folded = simplified(unicodedata.normalize("NFKC", bare).casefold())
    return "".join(sign for sign in folded if sign.isalnum())


class SpellingTexts:
    """Texts to search for a word.

    Examples
    --------
    >>> texts = SpellingTexts(["大披薩店", "Noodle Bar"])
    >>> texts.hold("披萨"), texts.hold("noodles"), texts.hold("披 N"), texts.hold("Bar Noodle")
    (True, True, False, False)
    """

    def __init__(self, texts: Iterable[str]) -> None:
        own = list(texts)
        self._plain = "|".join(map(plain, own))
        self._spaced = " | ".join(["", *map(_spaced, own), ""])

    def hold(self, word: str) -> bool:
        """Whether a text has the word: Chinese anywhere, else as whole words, plural or not."""
        if has_chinese(word):
            return plain(word) in self._plain
        return f" {_spaced(word)} " in self._spaced


@cache
def _spaced(text: str) -> str:
    """Latin words in their `plain` form without a plural s."""
    words = (plain(word).removesuffix("s") for word in re.split(r"[\W_]+", text))
    return " ".join(word for word in words if word)


def simplified(text: str) -> str:
    """The text in simplified characters."""
    return str(_TO_SIMPLIFIED.convert(text))


def traditional(text: str) -> str:
    """The text in traditional characters."""
    return str(_TO_TRADITIONAL.convert(text))


def is_chinese(text: str) -> bool:
    """Whether a text has only Chinese characters."""
    return _HAN.fullmatch(text) is not None


def has_chinese(text: str) -> bool:
    """Whether a text has a Chinese character."""
    return _HAN.search(text) is not None


def is_read_in_chinese(text: str) -> bool:
    """Whether it is Chinese and every character, simplified, is one of the 6,763 of GB 2312.

    This excludes Japanese forms (楽, 剣) and rare characters, whose sound in Mandarin few people
    know.
    """
    try:
        simplified(text).encode("gb2312")
    except UnicodeEncodeError:
        return False
    return is_chinese(text)


@cache
def syllables(text: str) -> tuple[str, ...]:
    """Toneless syllables of a Chinese text, `v` for ü.

    Examples
    --------
    >>> syllables("長沙銀行")
    ('chang', 'sha', 'yin', 'hang')
    """
    return tuple(lazy_pinyin(simplified(text)))


def pinyin(text: str) -> str:
    """Syllables of a Chinese text without spaces."""
    return "".join(syllables(text))


@cache
def initials(text: str) -> str:
    """First letter of each character's syllable."""
    return "".join(lazy_pinyin(simplified(text), style=Style.FIRST_LETTER))


def with_homophone(text: str, rng: random.Random) -> str | None:
    """The Chinese text, simplified, with one character that sounds alike; None if there is none.

    The text with the other character has the same sound, so a character with several readings is
    exchanged only in the reading that it has here.
    """
    plainly = simplified(text)
    places = list(range(len(plainly)))
    rng.shuffle(places)
    for place in places:
        alike = list(homophones().get(plainly[place], ""))
        rng.shuffle(alike)
        for other in alike:
            typed = plainly[:place] + other + plainly[place + 1 :]
            if simplified(other) != plainly[place] and syllables(typed) == syllables(plainly):
                return typed
    return None


def with_edit(text: str, kind: str, rng: random.Random) -> str | None:
    """The text with one slip of a finger in a Latin word of `SHORTEST_EDITED` letters or more.

    Parameters
    ----------
    kind
        One of `EDITS`: two letters swapped, one left out, one doubled, one a key beside its own.
    """
    words = [word for word in _WORD.finditer(text) if len(word[0]) >= SHORTEST_EDITED]
    if not words:
        return None
    word = rng.choice(words)
    typed = _edited(word[0], kind, rng)
    return text[: word.start()] + typed + text[word.end() :]


def _edited(word: str, kind: str, rng: random.Random) -> str:
    unequal = [at for at in range(len(word) - 1) if word[at].lower() != word[at + 1].lower()]
    if kind == "swap" and unequal:
        at = rng.choice(unequal)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    at = rng.randrange(len(word))
    put = {"double": word[at] * 2, "neighbour": _neighbour(word[at], rng)}.get(kind, "")
    return word[:at] + put + word[at + 1 :]


def _neighbour(letter: str, rng: random.Random) -> str:
    """A key that touches the letter's on a QWERTY keyboard, each row half a key to the right."""
    small = letter.lower()
    row = next(number for number, keys in enumerate(_ROWS) if small in keys)
    at = _ROWS[row].index(small)
    near = [(row, at - 1), (row, at + 1), (row - 1, at), (row - 1, at + 1)]
    near += [(row + 1, at - 1), (row + 1, at)]
    keys = [_ROWS[r][k] for r, k in near if 0 <= r < len(_ROWS) and 0 <= k < len(_ROWS[r])]
    key = rng.choice(keys)
    return key.upper() if letter.isupper() else key
