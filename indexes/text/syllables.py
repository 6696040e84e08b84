"""The syllables of Mandarin without tones: their numbers, and where typed pinyin is cut.

Useful for: `haidilao` as hai-di-lao; syllables that sound alike have one number.
Not useful for: how a character is read; see `pinyin`.
"""

from typing import Final

_INITIAL_FINALS = """
: a ai an ang ao e ei en er ou wo wa wai wei wan wen wang weng wu
: ya ye yao you yan yin yang ying yong yu yue yuan yun yi
b: a ai an ang ao ei en eng i ian iang iao ie in ing o u
p: a ai an ang ao ei en eng i ian iao ie in ing o ou u
m: a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u
f: a an ang ei en eng o ou u
d: a ai an ang ao e ei eng i ia ian iao ie ing iu ong ou u uan ui un uo
t: a ai an ang ao e eng i ian iao ie ing ong ou u uan ui un uo
n: a ai an ang ao e ei en eng i ian iang iao ie in ing iu ong ou u uan uo v ve
l: a ai an ang ao e ei eng i ia ian iang iao ie in ing iu ong ou u uan un uo v ve
g: a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo
k: a ai an ang ao e en eng ong ou u ua uai uan uang ui un uo
h: a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo
j: i ia ian iang iao ie in ing iong iu u uan ue un
q: i ia ian iang iao ie in ing iong iu u uan ue un
x: i ia ian iang iao ie in ing iong iu u uan ue un
zh: a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo
ch: a ai an ang ao e en eng i ong ou u uai uan uang ui un uo
sh: a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo
r: an ang ao e en eng i ong ou u uan ui un uo
z: a ai an ang ao e ei en eng i ong ou u uan ui un uo
c: a ai an ang ao e en eng i ong ou u uan ui un uo
s: a ai an ang ao e en eng i ong ou u uan ui un uo
"""
# Syllables that dictionaries know and nobody types: they would cut pinyin in needless ways.
_RARE = (
    "bong cei chua den din eng fiao hm hng kei len lo m n nia ng nun o rua tei wong yo zhei".split()
)


def _typed() -> list[str]:
    lines = [line.split() for line in _INITIAL_FINALS.strip().splitlines()]
    return [first.rstrip(":") + final for first, *finals in lines for final in finals]


SPELLED: Final = tuple(dict.fromkeys([*_typed(), *_RARE]))
"""Every syllable, by number, as it is typed: ü is v."""

# Ü is typed v, u or yu, and people do not tell it from u when they leave out the dots.
_SAME = {"lv": "lu", "nv": "nu", "lyu": "lu", "nyu": "nu", "lue": "lve", "nue": "nve"}
# Behind j, q, x and y a u is always ü: who types v for ü types it there too.
_SAME |= {
    first + "v" + rest: first + "u" + rest for first in "jqxy" for rest in ("", "e", "an", "n")
}

NUMBER: Final = {syllable: number for number, syllable in enumerate(SPELLED)}
"""Number of each syllable; see `SOUND` for those that sound alike."""

SOUND: Final = {syllable: NUMBER[_SAME.get(syllable, syllable)] for syllable in [*SPELLED, *_SAME]}
"""Number that a syllable is looked up by; fewer than 1,024."""

SOUND_OF: Final = tuple(SOUND[syllable] for syllable in SPELLED)
"""The same by number of the syllable."""

SYLLABLES: Final = frozenset(SOUND) - frozenset(_RARE)
"""Those that typed pinyin is cut into."""

_TYPED_SOUND = {syllable: SOUND[syllable] for syllable in SYLLABLES}
_LONGEST = max(map(len, SYLLABLES))
_LAST_LETTERS = frozenset(syllable[-1] for syllable in SYLLABLES)


def segmentations(letters: str, *, limit: int = 4) -> list[tuple[int, ...]]:
    """The ways to cut pinyin into syllables, as sounds, the most plausible first.

    Parameters
    ----------
    letters
        Lower-case letters without spaces; work grows with their number.
    limit
        At most so many ways.

    Returns
    -------
    list of tuple of int
        Fewest syllables first; among equals the one whose last syllable is longer: fan-gan before
        fang-an, which pinyin would write with an apostrophe. Empty if no way takes every letter.

    Examples
    --------
    >>> [[SPELLED[sound] for sound in way] for way in segmentations("xian")]
    [['xian'], ['xi', 'an']]
    """
    if letters[-1:] not in _LAST_LETTERS:
        return []  # as are most words that are no pinyin
    ways: list[list[tuple[int, ...]]] = [[()], *([] for _ in letters)]
    reached = 0
    for start in range(len(letters)):
        if start > reached:
            return []
        if not ways[start]:
            continue
        # The sort keeps equals in order: those with the longer last syllable began earlier.
        begun = sorted(ways[start], key=len)[:limit]
        for end in range(start + 1, min(start + _LONGEST, len(letters)) + 1):
            sound = _TYPED_SOUND.get(letters[start:end])
            if sound is not None:
                ways[end] += [(*way, sound) for way in begun]
                reached = max(reached, end)
    return [way for way in sorted(ways[-1], key=len)[:limit] if way]
