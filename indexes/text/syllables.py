"""Pinyin syllables without tones: their numbers, and segmentation of typed pinyin.

Cuts `haidilao` into hai-di-lao. Spellings of one sound share a sound number. `readings` has the
syllables of characters.
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
# Syllables that dictionaries have and nobody types; segmentation leaves them out.
_RARE = (
    "bong cei chua den din eng fiao hm hng kei len lo m n nia ng nun o rua tei wong yo zhei".split()
)


def _typed() -> list[str]:
    lines = [line.split() for line in _INITIAL_FINALS.strip().splitlines()]
    return [first.rstrip(":") + final for first, *finals in lines for final in finals]


SPELLED: Final = tuple(dict.fromkeys([*_typed(), *_RARE]))
"""Every syllable by number, as people type it: ü is v."""

# People type v, u or yu for ü, and u if they leave out the dots.
_SAME = {"lv": "lu", "nv": "nu", "lyu": "lu", "nyu": "nu", "lue": "lve", "nue": "nve"}
# After j, q, x and y a u is always ü, so people who type v for ü type it there too.
_SAME |= {
    first + "v" + rest: first + "u" + rest for first in "jqxy" for rest in ("", "e", "an", "n")
}

NUMBER: Final = {syllable: number for number, syllable in enumerate(SPELLED)}
"""Number of each syllable."""

SOUND: Final = {syllable: NUMBER[_SAME.get(syllable, syllable)] for syllable in [*SPELLED, *_SAME]}
"""Sound number of each syllable, the same for all spellings of a sound; below 1,024."""

SOUND_OF: Final = tuple(SOUND[syllable] for syllable in SPELLED)
"""Sound number by number of the syllable."""

SYLLABLES: Final = frozenset(SOUND) - frozenset(_RARE)
"""The syllables into which `segmentations` cuts."""

_TYPED_SOUND = {syllable: SOUND[syllable] for syllable in SYLLABLES}
_LONGEST = max(map(len, SYLLABLES))
_LAST_LETTERS = frozenset(syllable[-1] for syllable in SYLLABLES)


def segmentations(letters: str, *, limit: int = 4) -> list[tuple[int, ...]]:
    """Segmentations of pinyin into syllables, as sound numbers, the most plausible first.

    Parameters
    ----------
    letters
        Lower-case letters without spaces; work grows with their number.
    limit
        Most segmentations.

    Returns
    -------
    list of tuple of int
        Fewest syllables first, then the longer last syllable: fan-gan before fang-an, which pinyin
        would write with an apostrophe. Empty if no segmentation uses every letter.

    Examples
    --------
    >>> [[SPELLED[sound] for sound in way] for way in segmentations("xian")]
    [['xian'], ['xi', 'an']]
    """
    if letters[-1:] not in _LAST_LETTERS:
        return []  # most words that are not pinyin end here
    ways: list[list[tuple[int, ...]]] = [[()], *([] for _ in letters)]
    reached = 0
    for start in range(len(letters)):
        if start > reached:
            return []
        if not ways[start]:
            continue
        # The sort is stable: among equals, the longer last syllable was added first.
        begun = sorted(ways[start], key=len)[:limit]
        for end in range(start + 1, min(start + _LONGEST, len(letters)) + 1):
            sound = _TYPED_SOUND.get(letters[start:end])
            if sound is not None:
                ways[end] += [(*way, sound) for way in begun]
                reached = max(reached, end)
    return [way for way in sorted(ways[-1], key=len)[:limit] if way]
