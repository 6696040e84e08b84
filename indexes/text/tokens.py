"""Tokeniser for folded text: runs of characters, compounds, and the words of a compound.

A run is characters of scripts without spaces. A compound is letters and digits with single joiners:
`7-eleven`, `h&m`, `l'oreal`. Its words are the compound without joiners, and its parts. So every
way to write it matches. `folding` folds the text first.
"""

import re
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_WORD: Final = 64
"""Leading letters of a word that count."""
MAX_PARTS: Final = 8
"""Leading parts of a compound that count."""
MAX_TERMS: Final = 12
"""Most terms of a reading of a query word; the reading drops further ones."""

GRAM_RANGES: Final = (
    (0x0900, 0x109F),  # Indic, Thai, Lao, Tibetan, Myanmar: marks are not \w, or no spaces
    (0x1100, 0x11FF),
    (0x1780, 0x17FF),
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3021, 0x3035),
    (0x3040, 0x30FA),  # U+30FB separates words
    (0x30FC, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Scripts whose terms are single characters and pairs: Chinese, Japanese, Korean and others."""

_GRAM = "".join(f"{chr(first)}-{chr(last)}" for first, last in GRAM_RANGES)
_LETTERS = rf"[^\W_{_GRAM}]+"
LETTER: Final = rf"[^\W\d_{_GRAM}]"
"""A letter of a script with spaces between its words."""
JOINERS: Final = "-'&._+/:*@!\""
"""Signs that join letters and digits to a compound; only one between two parts."""
COMPOUND: Final = re.compile(rf"{_LETTERS}(?:[{JOINERS}]{_LETTERS})*")
TOKEN: Final = re.compile(rf"([{_GRAM}]+)|{COMPOUND.pattern}")
"""Group 1 is a run; without it the match is a compound."""

UNTYPED: Final = re.compile(rf"(?:[^\w{_GRAM}\0]|_)+")
"""Characters outside of tokens, except the zero that separates the texts of `fold_all`."""

PART: Final = re.compile(r"\d+|[^\W\d_]+")
"""A part of a compound: letters or digits."""

# The apostrophe of McDonald's, but not that of L'Oréal.
_ENDING = re.compile(r"'(?=\w{1,2}(?!\w))")

_IE = frozenset("cookie brownie smoothie movie hoodie veggie selfie foodie zombie sweetie".split())


@cache
def gram_table() -> NDArray[np.bool_]:
    """Whether each code point is one of `GRAM_RANGES`, bool[0x110000]."""
    table = np.zeros(0x110000, dtype=np.bool_)
    for first, last in GRAM_RANGES:
        table[first : last + 1] = True
    return table


def compound_parts(compound: str) -> tuple[str, ...]:
    """A compound without joiners, followed by its parts if it has more than one.

    A part is letters or digits. An apostrophe before the last one or two letters separates no part.

    Examples
    --------
    >>> compound_parts("7-eleven")
    ('7eleven', '7', 'eleven')
    >>> compound_parts("mcdonald's")
    ('mcdonalds',)
    """
    parts = PART.findall(_ENDING.sub("", compound))
    joined = "".join(parts)[:MAX_WORD]
    if len(parts) == 1:
        return (joined,)
    return (joined, *(part[:MAX_WORD] for part in parts[:MAX_PARTS]))


def singular(word: str) -> str:
    """The singular of an English word by a light stemmer; other words as they are.

    A wrong singular does little harm: it is one more entry of the vocabulary, and the document
    keeps the word as written too. After the S-stemmer of Harman (1991), "How effective is
    suffixing?", with -es after a hiss.

    Examples
    --------
    >>> [singular(word) for word in ("noodles", "bakeries", "dishes", "swiss", "bus", "1990s")]
    ['noodle', 'bakery', 'dish', 'swiss', 'bus', '1990s']
    """
    if len(word) < 4 or word[-1] != "s" or not word.isalpha() or word[-2] in "sui":
        return word
    if word.endswith("ies") and len(word) > 4 and word[:-1] not in _IE:
        return word[:-3] + "y"
    if word.endswith(("shes", "ches", "xes", "sses", "toes")) and len(word) > 4:
        return word[:-2]
    return word[:-1]


def document_words(compound: str) -> tuple[str, ...]:
    """Distinct words of a compound of a document: the parts of `compound_parts` and singulars."""
    parts = compound_parts(compound)
    return tuple(dict.fromkeys((*parts, *map(singular, parts))))


def query_words(compound: str) -> tuple[tuple[str, ...], ...]:
    """Alternative word lists of a compound of a query; a match has all words of one list.

    Examples
    --------
    >>> query_words("7-eleven")
    (('7eleven',), ('7', 'eleven'))
    >>> query_words("noodles")
    (('noodles',), ('noodle',))
    """
    joined, *parts = compound_parts(compound)
    readings = [(joined,), (singular(joined),), tuple(dict.fromkeys(parts))]
    return tuple(dict.fromkeys(reading for reading in readings if reading))
