"""Pinyin of a text: syllables, initials and the term keys of its sound.

Useful for: finding 海底捞 by `haidilao`, `hdl` or characters of the same sound.
Not useful for: matching as written (`analysis`), because sound is weaker evidence; many texts at
once (`sounds`).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from typing import Final

from indexes.terms.keys import (
    KIND_BITS,
    LETTER_BITS,
    MAX_INITIALS,
    SOUND1,
    WORD,
    Word,
    initials_key,
    sound_keys,
    text_key,
)
from indexes.text.folding import normalise
from indexes.text.readings import CHARACTERS, NONE, resolve
from indexes.text.syllables import SOUND, SOUND_OF, SPELLED, segmentations
from indexes.text.tokens import MAX_PARTS, MAX_TERMS, PART, TOKEN, compound_parts

MAX_READINGS = 4
"""Most ways to sound of a word; `sound_readings` drops further ones."""

_MAX_OPEN: Final = 2
"""Most ambiguous characters of a run whose second reading gives ways of its own."""

_FIRST_LETTERS: Final = tuple(syllable[0] for syllable in SPELLED)
_NO_INITIAL = re.compile("[^a-z]+")


def readings(char: str) -> tuple[str, ...]:
    """Syllables of one normalised character, the usual one first; empty without a reading.

    Examples
    --------
    >>> readings("长"), readings("海"), readings("x")
    (('chang', 'zhang'), ('hai',), ())
    """
    return tuple(SPELLED[syllable] for syllable in CHARACTERS[char] if syllable != NONE)


def full_pinyin(text: str) -> str:
    """The pinyin of a text without tones and spaces; letters and digits stay.

    Examples
    --------
    >>> full_pinyin("KFC肯德基（重庆店）")
    'kfckendejichongqingdian'
    """
    return _spelled(text, SPELLED)


def initials(text: str) -> str:
    """The first letter of each syllable of a text; letters and digits stay.

    Examples
    --------
    >>> initials("7天酒店")
    '7tjd'
    """
    return _spelled(text, _FIRST_LETTERS)


def _spelled(text: str, syllables: Sequence[str]) -> str:
    """A text with its characters replaced by `syllables`, without spaces and signs."""
    found = []
    for match in TOKEN.finditer(normalise(text)):
        token = match.group()
        if match.lastindex:
            usual, _ = resolve(token)
            found += [
                syllables[syllable] if syllable != NONE else char
                for char, syllable in zip(token, usual, strict=True)
            ]
        else:
            found.append(compound_parts(token)[0])
    return "".join(found)


def units(text: str) -> Iterator[tuple[bool, str]]:
    """Runs that have a reading (True) and other words (False) of a normalised text, in order.

    Examples
    --------
    >>> list(units("kfc肯德基 7-11すき家"))
    [(False, 'kfc'), (True, '肯德基'), (False, '711'), (False, 'すき'), (True, '家')]
    """
    for match in TOKEN.finditer(text):
        token = match.group()
        if match.lastindex:
            for read, run in groupby(token, lambda char: CHARACTERS[char].first != NONE):
                yield read, "".join(run)
        else:
            yield False, compound_parts(token)[0]


def sound_readings(word: Word) -> tuple[tuple[int, ...], ...]:
    """Alternative key lists of a query word by sound; a match has all keys of one list.

    Returns
    -------
    tuple of tuple of int
        At most `MAX_READINGS`, the most plausible first. Chinese characters have their reading in
        words, and a second one if no word decides. `segmentations` cuts letters into syllables;
        digits stay words. Empty for a word without a reading.

    Examples
    --------
    >>> from indexes.text.analysis import read_query
    >>> typed, heard = read_query("haidilao 海底劳", is_phrase=lambda run: False)
    >>> sound_readings(typed) == sound_readings(heard)
    True
    """
    if word.kind == "cjk":
        ways = _ways_of_run(word.text)
    elif word.syllables:
        ways = [sound_keys(tuple(SOUND[syllable] for syllable in word.syllables))]
    else:
        ways = _ways_of_letters(word.text)
    return tuple(dict.fromkeys(way[:MAX_TERMS] for way in ways))


def _ways_of_run(run: str) -> list[tuple[int, ...]]:
    return [sound_keys(sounds) for sounds in sounds_of_run(run)]


def sounds_of_run(run: str) -> list[tuple[int, ...]]:
    """The sound sequences of a run, the usual one first; none if a character has no reading.

    Examples
    --------
    >>> from indexes.text.syllables import SPELLED
    >>> [[SPELLED[sound] for sound in way] for way in sounds_of_run("长沙")]
    [['chang', 'sha']]
    """
    usual, others = resolve(run[: MAX_TERMS + 1])
    if NONE in usual or any(CHARACTERS[char].first == NONE for char in run[MAX_TERMS + 1 :]):
        return []
    ways = [tuple([SOUND_OF[syllable] for syllable in usual])]
    for at in [at for at, other in enumerate(others) if other != NONE][:_MAX_OPEN]:
        other = SOUND_OF[others[at]]
        ways = [one for way in ways for one in (way, (*way[:at], other, *way[at + 1 :]))]
    return ways


def _ways_of_letters(word: str) -> list[tuple[int, ...]]:
    ways: list[tuple[int, ...]] = [()]
    for part in PART.findall(word)[:MAX_PARTS]:
        cuts = segmentations(part, limit=MAX_READINGS)
        found = [sound_keys(cut) for cut in cuts]
        if part.isdigit():
            found = [(text_key(WORD, part),)]
        ways = [before + after for before, after in product(ways, found)][:MAX_READINGS]
    return [] if word.isdigit() else ways


def heard_in(text: str, terms: tuple[int, ...]) -> str:
    """The first characters of a text whose sound has these terms; empty without a match.

    Examples
    --------
    >>> way, *_ = sounds_of_run("咖非")
    >>> heard_in("漫咖啡馆", sound_keys(way))
    '咖啡'
    """
    size = 1 if terms[0] >> KIND_BITS == SOUND1 else len(terms) + 1
    for is_read, run in units(normalise(text)):
        for at in range(len(run) - size + 1 if is_read else 0):
            said = run[at : at + size]
            if any(sound_keys(way) == terms for way in sounds_of_run(said)):
                return said
    return ""


def spelled_in(text: str, pinyin: str) -> str:
    """The first token of a text with this pinyin in any reading; empty without a match.

    Examples
    --------
    >>> spelled_in("7天 海底捞（静安店）", "haidilao"), spelled_in("长荣", "zhangrong")
    ('海底捞', '长荣')
    """
    ways = set(segmentations(pinyin)) if pinyin.isalpha() else set()
    for match in re.finditer(r"\w+", normalise(text)):
        token = match.group()
        if ways.intersection(sounds_of_run(token)) or full_pinyin(token) == pinyin:
            return token
    return ""


def initials_range(word: Word) -> tuple[int, int] | None:
    """Half-open range of the INITIALS keys that begin with the letters of a word.

    Returns
    -------
    tuple of int, or None
        None for a word of fewer than two letters, or of characters. Digits do not count, nor do
        letters after `MAX_INITIALS`.

    Examples
    --------
    >>> from indexes.terms.keys import initials_key
    >>> first, end = initials_range(Word("hd", "latin", ()))
    >>> [first <= initials_key(letters) < end for letters in ("hdl", "hd", "he", "h")]
    [True, True, False, False]
    """
    letters = _NO_INITIAL.sub("", word.text)
    if word.kind != "latin" or len(letters) < 2:
        return None
    first = initials_key(letters)
    return first, first + (1 << LETTER_BITS * max(0, MAX_INITIALS - len(letters)))
