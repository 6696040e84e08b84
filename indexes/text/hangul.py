"""Half-typed Hangul: the range of syllables that an unfinished last syllable may become.

Without it, suggestions would vanish until the typist finishes the syllable. A syllable block is
U+AC00 + 588 initial + 28 vowel + final: Unicode 15.0, section 3.12. So the completions of an
unfinished block are a range of code points.
"""

from typing import Final, NamedTuple

_FIRST: Final = 0xAC00
_LAST: Final = 0xD7A3
_INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_FIRST_INITIAL: Final = 0x1100
_OF_INITIAL: Final = 588
_OF_VOWEL: Final = 28

# The consonants of each final. The last one may begin the next syllable; the others stay.
_FINALS: Final = (
    *(
        "ㄱ",
        "ㄲ",
        "ㄱㅅ",
        "ㄴ",
        "ㄴㅈ",
        "ㄴㅎ",
        "ㄷ",
        "ㄹ",
        "ㄹㄱ",
        "ㄹㅁ",
        "ㄹㅂ",
        "ㄹㅅ",
        "ㄹㅌ",
        "ㄹㅍ",
    ),
    *("ㄹㅎ", "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ"),
)


class Unfinished(NamedTuple):
    """Finished text, and the code points of the first and last syllable that may follow it."""

    before: str
    first: int
    last: int


def unfinished(text: str) -> list[Unfinished]:
    """What a folded text that ends in Hangul may become; empty for any other text.

    Examples
    --------
    >>> [(one.before, chr(one.first), chr(one.last)) for one in unfinished("스탑")]
    [('스타', '바', '빟')]
    >>> [(one.before, chr(one.first), chr(one.last)) for one in unfinished("스타버")]
    [('스타', '버', '벟')]
    """
    code = ord(text[-1:] or " ")
    initial = code - _FIRST_INITIAL
    if 0 <= initial < len(_INITIALS):
        return [Unfinished(text[:-1], *_begun(initial))]
    if not _FIRST <= code <= _LAST:
        return []
    final = (code - _FIRST) % _OF_VOWEL
    if final == 0:
        return [Unfinished(text[:-1], code, code + _OF_VOWEL - 1)]
    stays, moves = _FINALS[final - 1][:-1], _FINALS[final - 1][-1]
    left = _FINALS.index(stays) + 1 if stays else 0
    return [Unfinished(text[:-1] + chr(code - final + left), *_begun(_INITIALS.index(moves)))]


def _begun(initial: int) -> tuple[int, int]:
    first = _FIRST + _OF_INITIAL * initial
    return first, first + _OF_INITIAL - 1
