"""Sounds that are taken for others, and pinyin with one wrong letter."""

import pytest

from indexes.terms.keys import sound_keys
from indexes.text.analysis import read_query
from indexes.text.near_sounds import MAX_WAYS, fuzzy, near_sounds
from indexes.text.syllables import SOUND, SPELLED, SYLLABLES

TAKEN_FOR = [
    ("lan", "lang nan nang"),
    ("zhou", "zou"),
    ("si", "shi"),
    ("chuan", "chuang cuan"),
    ("hu", "fu"),
    ("fu", "hu"),
    ("hua", "fa"),
    ("fang", "fan han hang huan huang"),
    ("jing", "jin"),
    ("cheng", "cen ceng chen"),
    ("ma", ""),
]


@pytest.mark.parametrize(("syllable", "others"), TAKEN_FOR)
def test_is_taken_for(syllable: str, others: str) -> None:
    assert [SPELLED[one] for one in fuzzy(SOUND[syllable])] == others.split()


def test_who_is_taken_for_another_takes_it_for_the_one() -> None:
    for syllable in SYLLABLES:
        assert all(SOUND[syllable] in fuzzy(other) for other in fuzzy(SOUND[syllable])), syllable


def near(text: str, known: str) -> list[str]:
    """Ways to read a word where only the neighbours in some names are known."""
    pairs = set()
    for name in known.split():
        pairs |= set(sound_keys(tuple(SOUND[one] for one in name.split("-"))))
    (word,) = read_query(text, lambda run: False)
    return ["-".join(SPELLED[one] for one in way) for way in near_sounds(word, pairs.__contains__)]


NEAR = [
    ("nanzhou", "lan-zhou", "lan-zhou"),
    ("nanzhou", "lan-zhou lang-zhou lang-zou", "lan-zhou lang-zhou lang-zou"),
    ("南州", "lan-zhou", "lan-zhou"),
    ("fulan", "hu-nan fu-nan", "fu-nan hu-nan"),
    ("lanzhou", "lan-zhou", ""),
    ("haidilo", "hai-di-lao", "hai-di-lao"),
    ("haidlao", "hai-di-lao", "hai-di-lao"),
    ("hiadilao", "hai-di-lao", "hai-di-lao"),
    ("haidilaoo", "hai-di-lao", "hai-di-lao"),
    ("haidilo", "hai-di bei-lao", ""),
    ("xibeyoumian", "xi-bei-you-mian", "xi-bei-you-mian"),
    ("chonqing", "chong-qing", "chong-qing"),
    ("baode", "bao-dao", ""),
    ("kfc", "ke-fu", ""),
    ("7tian", "qi-tian", ""),
    ("an", "an-an", ""),
]


@pytest.mark.parametrize(("text", "known", "expected"), NEAR)
def test_is_near(text: str, known: str, expected: str) -> None:
    found = near(text, known)
    assert sorted(found) == sorted(expected.split())
    assert len(found) <= MAX_WAYS
