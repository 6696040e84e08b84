"""Typed pinyin is cut into the syllables that were meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin.phrases_dict import phrases_dict
from pypinyin.pinyin_dict import pinyin_dict

from indexes.text.syllables import NUMBER, SOUND, SOUND_OF, SPELLED, SYLLABLES, segmentations
from tests.indexes.texts import ODD


def spelled(way: tuple[int, ...]) -> str:
    return " ".join(SPELLED[number] for number in way)


CUTS = [
    ("haidilao", ["hai di lao"]),
    ("xian", ["xian", "xi an"]),
    ("chongqing", ["chong qing"]),
    ("changsha", ["chang sha"]),
    ("fangan", ["fan gan", "fang an"]),
    ("xiangang", ["xian gang", "xiang ang", "xi an gang", "xi ang ang"]),
    ("lvcha", ["lu cha"]),
    ("lucha", ["lu cha"]),
    ("lyucha", ["lu cha"]),
    ("a", ["a"]),
    ("zhongguo", ["zhong guo"]),
    ("starbucks", []),
    ("haidil", []),
    ("", []),
    ("海底", []),
    ("hai di", []),
]


@pytest.mark.parametrize(("letters", "ways"), CUTS)
def test_cuts(letters: str, ways: list[str]) -> None:
    assert [spelled(way) for way in segmentations(letters)] == ways


@given(st.lists(st.sampled_from(sorted(SYLLABLES)), min_size=1, max_size=8))
def test_syllables_are_found_again(syllables: list[str]) -> None:
    letters = "".join(syllables)
    ways = segmentations(letters)
    assert 1 <= len(ways) <= 4
    assert len(set(ways)) == len(ways)
    assert len(ways[0]) <= len(syllables)
    if len(letters) <= 6:
        meant = tuple(SOUND[syllable] for syllable in syllables)
        assert meant in segmentations(letters, limit=100)


@given(st.text("aeionghlxu", max_size=12), st.integers(1, 6))
def test_the_best_of_all_ways(letters: str, limit: int) -> None:
    every = [way for way in all_ways(letters) if way]
    found = segmentations(letters, limit=limit)
    assert len(found) == min(limit, len(every))
    sounds = [tuple(SOUND[syllable] for syllable in way) for way in every]
    assert set(found) <= set(sounds)
    # Nothing that was left out is shorter.
    assert [len(way) for way in found] == sorted(map(len, every))[: len(found)]


def all_ways(letters: str) -> list[list[str]]:
    if not letters:
        return [[]]
    return [
        [syllable, *rest]
        for syllable in SYLLABLES
        if letters.startswith(syllable)
        for rest in all_ways(letters[len(syllable) :])
    ]


def test_every_syllable_of_the_dictionaries_has_a_number() -> None:
    from indexes.text.readings import NONE, _number

    characters = {one for readings in pinyin_dict.values() for one in readings.split(",")}
    words = {one[0] for readings in phrases_dict.values() for one in readings}
    unknown = {reading for reading in characters | words if _number(reading) == NONE}
    assert len(characters | words) > 1_000
    assert not unknown


def test_numbers_fit_their_keys() -> None:
    assert len(SPELLED) == len(set(SPELLED)) == len(NUMBER) == len(SOUND_OF) < 1 << 10
    assert all(syllable.isascii() and syllable.islower() for syllable in SPELLED)
    assert {"lv", "nv", "lu", "er", "zhuang"} <= SYLLABLES
    assert not {"n", "hng", "o"} & SYLLABLES


@pytest.mark.parametrize("name", ODD)
def test_odd_text_is_bounded(name: str) -> None:
    assert len(segmentations(ODD[name][:64])) <= 4
