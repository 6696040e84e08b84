"""Tokens: where folded text is cut, and which words a compound is looked up by.

Useful for: runs of characters of scripts without spaces, and compounds of letters and digits.
Not useful for: text that is not folded; see `folding`.

A compound is letters and digits up to the next space: `7-eleven`, `h&m`, `l'oreal`. It stands for
itself without what joins it, and for its parts, so that it is found in any way of writing it.
"""

import re
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_WORD: Final = 64
"""Letters of a word that count."""
MAX_PARTS: Final = 8
"""Parts of a compound that count."""
MAX_TERMS: Final = 12
"""Terms of a reading of a query; what follows them is left out."""

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
"""Characters that are taken one by one and in pairs: Chinese, Japanese, Korean and the like."""

_GRAM = "".join(f"{chr(first)}-{chr(last)}" for first, last in GRAM_RANGES)
_LETTERS = rf"[^\W_{_GRAM}]+"
LETTER: Final = rf"[^\W\d_{_GRAM}]"
"""A letter of a script with spaces between its words."""
JOINERS: Final = "-'&._+/:*@!\""
"""Signs that join letters and digits to a compound, one between two of them."""
COMPOUND: Final = re.compile(rf"{_LETTERS}(?:[{JOINERS}]{_LETTERS})*")
TOKEN: Final = re.compile(rf"([{_GRAM}]+)|{COMPOUND.pattern}")
"""Group 1 is a run; without it the match is a compound."""

UNTYPED: Final = re.compile(rf"(?:[^\w{_GRAM}\0]|_)+")
"""What is in no token; nor is the zero, which stands between texts that are folded together."""

PART: Final = re.compile(r"\d+|[^\W\d_]+")
"""Letters or digits."""

# The apostrophe of McDonald's, but not of L'Oréal.
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
    """All of a compound in one word, then, if it has more than one, its parts.

    A part is letters or digits; an apostrophe before the last one or two letters joins.

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
    """The word without its English plural, or as it is.

    Light on purpose: a wrong singular is an entry of the vocabulary that nobody looks up, and a
    document keeps the word as written beside it. After the S-stemmer of Harman (1991), "How
    effective is suffixing?", with -es for what ends in a hiss.

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
    """Every word that a compound of a document is found by: distinct, bounded by `MAX_PARTS`."""
    parts = compound_parts(compound)
    return tuple(dict.fromkeys((*parts, *map(singular, parts))))


def query_words(compound: str) -> tuple[tuple[str, ...], ...]:
    """The ways to read a compound of a query: any of them, all words of one.

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
