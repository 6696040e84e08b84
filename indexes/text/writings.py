"""Alternative writings of query words: joined (`star bucks`), digits (`1点点`), mixed (`海底lao`).

Useful for: more matches for a correctly typed query.
Not useful for: mistakes; see `near_sounds` and `vocabulary.similar`.

The caller decides whether an alternative finds documents that the words as typed do not find.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

from indexes.terms.keys import WORD, Word, gram_keys, sound_keys, text_key
from indexes.text.pinyin import initials, sounds_of_run
from indexes.text.syllables import segmentations
from indexes.text.tokens import MAX_TERMS, TOKEN, query_words, singular

MAX_JOINED: Final = 4
"""Most neighbouring words that may be one written word: `toys r us`."""

MAX_SOUNDS: Final = 4
"""Most ways to sound of a pair of characters and letters."""

_NUMERAL: Final = dict(zip("0 1 2 3 4 5 6 7 8 9 10".split(), "零一二三四五六七八九十", strict=True))
_DIGIT: Final = {numeral: digit for digit, numeral in _NUMERAL.items()} | {"〇": "0"}
_NUMERALS = "".join(_DIGIT)
_ALONE = re.compile(f"(?<![{_NUMERALS}])[{_NUMERALS}](?![{_NUMERALS}])")


class Writing(NamedTuple):
    """An alternative writing of the words from `first` to before `end`; a match has all `terms`.

    With `initials`, a match also has a key in `pinyin.initials_range` of these letters.
    """

    first: int
    end: int
    terms: tuple[int, ...]
    by_sound: bool = False
    initials: str = ""


def writings(words: Sequence[Word]) -> Iterator[Writing]:
    """Alternative writings of words of a query, the most words first.

    Examples
    --------
    >>> from indexes.text.analysis import read_query
    >>> words = read_query("1点点 star bucks", lambda run: False)
    >>> sorted({(one.first, one.end) for one in writings(words)})
    [(0, 2), (2, 4)]
    """
    for size in range(MAX_JOINED, 0, -1):
        for first in range(len(words) - size + 1):
            end = first + size
            some = words[first:end]
            if size > 1 and all(word.kind == "latin" for word in some):
                joined = "".join(word.text for word in some)
                for text in dict.fromkeys((joined, singular(joined))):
                    yield Writing(first, end, (text_key(WORD, text),))
            elif size == 2 and some[0].kind != some[1].kind:
                for terms, by_sound in _of_pair(*some):
                    yield Writing(first, end, terms, by_sound)
                if some[1].is_glued and (letters := _initials(some)):
                    run = next(word for word in some if word.kind == "cjk")
                    yield Writing(first, end, gram_keys(run.text), True, letters)
            elif size == 1:
                for terms in _of_word(some[0]):
                    yield Writing(first, end, terms)


def _of_pair(one: Word, other: Word) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Terms of two words, and whether they are by sound.

    A digit and characters become characters; characters and letters become their sounds.
    """
    if one.text in _NUMERAL and other.kind == "cjk":
        yield gram_keys((_NUMERAL[one.text] + other.text)[: MAX_TERMS + 1]), False
    run, letters = (one, other) if one.kind == "cjk" else (other, one)
    if run.kind == letters.kind:
        return
    ways = [
        sounds_of_run(word.text) if word is run else segmentations(word.text)
        for word in (one, other)
    ]
    for before, after in list(product(*ways))[:MAX_SOUNDS]:
        yield (*gram_keys(run.text), *sound_keys((*before, *after)))[:MAX_TERMS], True


def _initials(words: Sequence[Word]) -> str:
    """Initials of characters and letters together; empty if the letters are syllables.

    An unfinished input method gives `海dl`.
    """
    (letters,) = (word.text for word in words if word.kind == "latin")
    if not (letters.isascii() and letters.isalpha()) or segmentations(letters):
        return ""
    parts = [word.text if word.kind == "latin" else initials(word.text) for word in words]
    return "".join(parts) if all(part.isascii() for part in parts) else ""


def _of_word(word: Word) -> Iterator[tuple[int, ...]]:
    """Terms of the ASCII respelling of a word, and of a run with digits for its numerals."""
    for reading in query_words(word.instead) if word.instead else ():
        yield tuple(text_key(WORD, text) for text in reading)
    if word.kind == "cjk" and _ALONE.search(word.text):
        text = _ALONE.sub(lambda found: _DIGIT[found.group()], word.text)
        tokens = [(match.group(), match.lastindex) for match in TOKEN.finditer(text)]
        terms = [gram_keys(token) if run else (text_key(WORD, token),) for token, run in tokens]
        yield tuple(dict.fromkeys(key for keys in terms for key in keys))[:MAX_TERMS]
