"""Typed text: its form among spellings, and the characters of a name that it matches.

Useful for: what somebody types, and the highlighted part of a suggestion.
Not useful for: the spellings of names (`spelling_lists`), or search by words (`analysis`,
`pinyin`).

Spellings have no spaces and no punctuation: `hai di lao`, `Hai-Di-Lao` and `haidilao` are one.
People type a run of Chinese as characters, as syllables with the last one unfinished, as a mixture
(海di), or as initials.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from indexes.text.folding import normalise, otherwise
from indexes.text.readings import CHARACTERS, NONE, resolve
from indexes.text.syllables import SPELLED
from indexes.text.tokens import PART, TOKEN

MAX_LETTERS: Final = 64
"""Leading characters of a text that spellings cover; the rest is only shown."""

MAX_STARTS: Final = 6
"""Most words of a text at which a spelling begins."""

WRITTEN, SOUND, INITIALS = range(3)
"""Kind of a spelling: as written, by syllables, by first letters of syllables."""

# Spellings have v for ü. Some people type u instead.
_U_FOR_V = re.compile("(?<=[ln])u")


class _Piece(NamedTuple):
    """A part of a folded text without signs: a run, or letters, or digits."""

    begin: int
    text: str
    is_run: bool
    starts: bool  # whether it begins a word


class _Line(NamedTuple):
    """The typed characters of a displayed text."""

    chars: str
    places: list[int]  # position of each character in the displayed text
    pieces: list[_Piece]
    starts: list[int]  # positions in `chars` that begin a word


def typed_form(text: str) -> str:
    """Typed text in the form of spellings: folded, without spaces and punctuation.

    Examples
    --------
    >>> typed_form(" Hai Di-Lao 火鍋! ")
    'haidilao火锅'
    """
    return _joined(normalise(text))


def written_form(text: str) -> str:
    """The first spelling of a text, as written; empty for a text without letters and digits.

    Examples
    --------
    >>> written_form("海底撈 Hot Pot"), written_form("!")
    ('海底捞hotpot', '')
    """
    return _joined(normalise(text)[:MAX_LETTERS])


def _joined(folded: str) -> str:
    return "".join([piece.text for piece in _pieces(folded)])


def leading_run(typed: str) -> str:
    """The leading characters of typed text that belong to a run; empty if it begins otherwise.

    >>> leading_run("海底lao"), leading_run("hai底")
    ('海底', '')
    """
    match = TOKEN.match(typed)
    return match.group() if match and match.lastindex else ""


def as_sounds(typed: str, *, limit: int = 4) -> list[str]:
    """Typed text with its characters replaced by their pinyin, in at most `limit` ways.

    Examples
    --------
    >>> as_sounds("重q"), as_sounds("lu")
    (['zhongq', 'chongq'], ['lu', 'lv'])
    """
    ways = [typed]
    if not typed.isascii():
        ways = [""]
        for char in typed:
            sounds = () if char.isascii() else _spelled(CHARACTERS[char])
            ways = [way + sound for sound in sounds or (char,) for way in ways][:limit]
    with_v = [_U_FOR_V.sub("v", way) for way in ways]
    return list(dict.fromkeys([*ways, *with_v]))[:limit]


def matched(text: str, typed: str) -> tuple[int, int] | None:
    """Begin and end of the characters of a text that `typed` matches; None if it matches none.

    Parameters
    ----------
    text
        The displayed text.
    typed
        A result of `typed_form`.

    Notes
    -----
    A character matches by any of its readings. So the result is never None if `typed` begins a
    spelling of the text.

    Examples
    --------
    >>> matched("Café 海底捞", "haid"), matched("Café 海底捞", "hd"), matched("Café", "c")
    ((5, 7), (5, 7), (0, 1))
    >>> matched("Bäckerei", "baeck"), matched("85°C 咖啡", "85ck")
    ((0, 4), (0, 6))
    """
    span = _matched(text, typed)
    instead = "" if span else otherwise(text)
    if instead:
        span = _matched(instead, typed)
        return span and _span_of(text, span)
    return span


def _span_of(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Begin and end in a text of a span of its other form (`folding.otherwise`)."""
    ends = [len(otherwise(text[:end]) or text[:end]) for end in range(1, len(text) + 1)]
    begin = next(at for at, end in enumerate(ends) if end > span[0])
    reached = min(end for end in ends if end >= span[1])
    # A sign that the other form drops ends where the character before it ends.
    return begin, max(at + 1 for at, end in enumerate(ends) if end == reached)


def _matched(text: str, typed: str) -> tuple[int, int] | None:
    line = _line(text)
    for start in line.starts:
        if line.chars.startswith(typed, start):
            return _span(line, start, start + len(typed))
    if line.chars.isascii():
        return None
    # Readings of single characters are quick to find and nearly always suffice.
    for sounds_of in (_usual_sounds, _all_sounds):
        sounds = [sound for piece in line.pieces for sound in sounds_of(piece)]
        for start in line.starts:
            end = _reach(line.chars, sounds, start, typed)
            end = end or _reach_by_initials(line.chars, sounds, start, typed)
            if end:
                return _span(line, start, end)
    return None


@lru_cache(maxsize=1 << 14)
def _line(text: str) -> _Line:
    folded = normalise(text)
    if folded == text.lower():
        folds, of_fold = folded, list(range(len(folded)))
    else:
        parts = [_fold(char) for char in text]
        folds = "".join(parts)
        of_fold = [at for at, part in enumerate(parts) for _ in part]
    pieces = _pieces(folds[: 2 * MAX_LETTERS])
    places: list[int] = []
    starts = []
    for piece in pieces:
        if piece.starts:
            starts.append(len(places))
        places += of_fold[piece.begin : piece.begin + len(piece.text)]
    return _Line("".join([piece.text for piece in pieces]), places, pieces, starts)


def _span(line: _Line, start: int, end: int) -> tuple[int, int]:
    return line.places[start], line.places[end - 1] + 1


@lru_cache(maxsize=1 << 16)
def _fold(char: str) -> str:
    """A character as `normalise` folds it, or a space if it folds to nothing."""
    return normalise(char) or " "


def _pieces(folded: str) -> list[_Piece]:
    pieces = []
    for match in TOKEN.finditer(folded):
        token, begin = match.group(), match.start()
        if match.lastindex or token.isalpha():
            pieces.append(_Piece(begin, token, bool(match.lastindex), True))
            continue
        for part in PART.finditer(token):
            at = part.start()
            # The s of McDonald's begins no word. The o of L'Oréal begins one.
            joined = at > 0 and token[at - 1] == "'" and len(token) - at <= 2
            pieces.append(_Piece(begin + at, part.group(), False, not joined))
    return pieces


def _usual_sounds(piece: _Piece) -> list[tuple[str, ...]]:
    """Syllables of each character of a piece by its single readings."""
    if not piece.is_run:
        return [()] * len(piece.text)
    return [_spelled(CHARACTERS[char]) for char in piece.text]


def _all_sounds(piece: _Piece) -> list[tuple[str, ...]]:
    """Syllables of each character of a piece by its readings in words and alone."""
    if not piece.is_run:
        return [()] * len(piece.text)
    usual, others = resolve(piece.text)
    return [
        _spelled((first, other, *CHARACTERS[char]))
        for char, first, other in zip(piece.text, usual, others, strict=True)
    ]


@lru_cache(maxsize=1 << 14)
def _spelled(numbers: tuple[int, ...]) -> tuple[str, ...]:
    """Distinct syllables as people type them; ü is v or u."""
    found = [SPELLED[number] for number in numbers if number != NONE]
    return tuple(dict.fromkeys([*found, *(one.replace("v", "u") for one in found)]))


def _reach(chars: str, sounds: list[tuple[str, ...]], start: int, typed: str) -> int:
    """End of the characters that `typed` matches as written or by sound; 0 if it does not match."""
    left = [(start, 0)]
    seen = set(left)
    while left:
        at, done = left.pop()
        if done == len(typed):
            return at
        if at == len(chars):
            continue
        ways = [chars[at]] if typed[done] == chars[at] else []
        for sound in sounds[at]:
            if typed.startswith(sound, done):
                ways.append(sound)
            elif sound.startswith(typed[done:]):
                return at + 1
        for way in ways:
            step = (at + 1, done + len(way))
            if step not in seen:
                seen.add(step)
                left.append(step)
    return 0


def _reach_by_initials(chars: str, sounds: list[tuple[str, ...]], start: int, typed: str) -> int:
    """End of the characters that `typed` matches by initials, one letter each; 0 if it does not."""
    end = start + len(typed)
    if end > len(chars):
        return 0
    for at, letter in zip(range(start, end), typed, strict=True):
        if letter != chars[at] and not any(sound[0] == letter for sound in sounds[at]):
            return 0
    return end
