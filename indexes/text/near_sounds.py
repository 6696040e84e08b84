"""Fuzzy pinyin (模糊音): similar sounds, and one mistyped letter in the beginning of a name.

Useful for: a word without a match as written or by sound.
Not useful for: a mistake in the pinyin of a whole name; `vocabulary.similar` finds those.

Speakers of many dialects confuse n with l, or z with zh, and type what they hear. Input methods
call these pairs 模糊音. A word has thousands of similar ways to sound. This module keeps the few
whose neighbouring syllables all occur as pairs in the index.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from indexes.terms.keys import Word, sound_keys
from indexes.text.pinyin import sounds_of_run
from indexes.text.syllables import SOUND, SPELLED, SYLLABLES, segmentations

Way = tuple[int, ...]
Known = Callable[[int], bool]

MAX_WAYS: Final = 8
"""Most similar ways to sound, those with the fewest changes first."""
MAX_SYLLABLES: Final = 8
MIN_MISSPELT: Final = 7
"""Fewest letters of two-syllable pinyin with a mistyped letter; in fewer, half would be a guess."""

_BEAM: Final = 64
_SAME_INITIALS: Final = ("n l", "z zh", "c ch", "s sh", "f h")
_SAME_FINALS: Final = ("an ang", "en eng", "in ing")
_INITIALS: Final = {
    one: other for pair in _SAME_INITIALS for one, other in (pair.split(), reversed(pair.split()))
}
_FINALS: Final = {
    one: other for pair in _SAME_FINALS for one, other in (pair.split(), reversed(pair.split()))
}
_SPELLINGS: Final = tuple(sorted(SYLLABLES))


@cache
def fuzzy(sound: int) -> tuple[int, ...]:
    """Other sounds that speakers confuse with one.

    Examples
    --------
    >>> [SPELLED[other] for other in fuzzy(SOUND["lan"])]
    ['lang', 'nan', 'nang']
    """
    syllable = SPELLED[sound]
    size = 2 if syllable[1:2] == "h" else 1
    first, rest = syllable[:size], syllable[size:]
    firsts = {first, _INITIALS.get(first, first)}
    rests = {rest}
    for ending in sorted(_FINALS, key=len, reverse=True):
        if rest.endswith(ending):
            rests.add(rest.removesuffix(ending) + _FINALS[ending])
            break
    found = {one + other for one in firsts for other in rests}
    # Some say hua for 花 and others fa; the same holds for every h with a u after it.
    if first == "h" and rest[:1] == "u":
        found |= {"f" + other.removeprefix("u") for other in rests}
    elif first == "f" and rest != "u":
        found |= {"hu" + other for other in rests}
    known = {SOUND[one] for one in found if one in SYLLABLES}
    return tuple(sorted(known - {sound}, key=lambda one: SPELLED[one]))


def near_sounds(word: Word, is_known: Known) -> tuple[Way, ...]:
    """Similar ways to sound of a word, at most `MAX_WAYS`, each of two syllables or more.

    Parameters
    ----------
    is_known
        Whether a term key of two neighbouring sounds is in the index.
    """
    if word.kind == "cjk":
        ways = sounds_of_run(word.text[: MAX_SYLLABLES + 1])
    elif word.syllables:
        ways = [tuple(SOUND[syllable] for syllable in word.syllables)]
    elif word.text.isalpha() and word.text.isascii():
        ways = segmentations(word.text)
    else:
        return ()
    known = _Pairs(is_known)
    found = {
        near: None for way in ways if 2 <= len(way) <= MAX_SYLLABLES for near in _fuzzy(way, known)
    }
    if word.kind == "latin" and not word.syllables:
        found |= dict.fromkeys(_misspelt(word.text, known))
    return tuple(found)[:MAX_WAYS]


class _Pairs(dict[tuple[int, int], bool]):
    """Cache: whether the index has a pair of neighbouring sounds."""

    def __init__(self, is_known: Known) -> None:
        super().__init__()
        self._is_known = is_known

    def __missing__(self, pair: tuple[int, int]) -> bool:
        found = self[pair] = self._is_known(sound_keys(pair)[0])
        return found


def _fuzzy(way: Way, known: _Pairs) -> list[Way]:
    """Known sound sequences that speakers confuse with `way`, the fewest changes first."""
    begun: list[tuple[int, Way]] = [(0, ())]
    for sound in way:
        begun = [
            (changes + (one != sound), (*before, one))
            for changes, before in begun
            for one in (sound, *fuzzy(sound))
            if not before or known[before[-1], one]
        ]
        begun = sorted(begun, key=lambda pair: pair[0])[:_BEAM]
    return [found for changes, found in begun if changes]


def _misspelt(letters: str, known: _Pairs) -> Iterator[Way]:
    """Known sound sequences of pinyin in which one syllable is one edit away."""
    if len(letters) > MAX_SYLLABLES * 6:
        return
    before = {
        at: segmentations(letters[:at], limit=2) if at else [()] for at in range(len(letters))
    }
    after = {
        at: segmentations(letters[at:], limit=2) if at < len(letters) else [()]
        for at in range(1, len(letters) + 1)
    }
    for begin, heads in before.items():
        for end in range(begin + 1, min(begin + 7, len(letters)) + 1):
            tails = after[end]
            if not heads or not tails:
                continue
            wrong = letters[begin:end]
            for syllable, distance, _ in process.extract(
                wrong, _SPELLINGS, scorer=OSA.distance, score_cutoff=1, limit=None
            ):
                if distance:
                    fewest = 2 if len(letters) >= MIN_MISSPELT else 3
                    yield from _joined(heads, SOUND[syllable], tails, known, fewest)


def _joined(
    heads: Sequence[Way], sound: int, tails: Sequence[Way], known: _Pairs, fewest: int
) -> Iterator[Way]:
    for head in heads:
        for tail in tails:
            way = (*head, sound, *tail)
            if len(way) >= fewest and all(map(known.__getitem__, pairwise(way))):
                yield way
