"""Characters are read as in the words that names are made of."""

import pytest
from hypothesis import given

from indexes.text.folding import normalise
from indexes.text.readings import _OPEN, _WORDS, CHARACTERS, NONE, resolve, words
from indexes.text.syllables import NUMBER, SPELLED
from tests.indexes.texts import chinese

READ = [
    # By words of the dictionary.
    ("重庆", "chong qing"),
    ("重量", "zhong liang"),
    ("银行", "yin hang"),
    ("行走", "xing zou"),
    ("音乐", "yin yue"),
    ("快乐", "kuai le"),
    ("大厦", "da sha"),
    ("厦门", "xia men"),
    ("薄荷", "bo he"),
    ("人参", "ren shen"),
    ("参考", "can kao"),
    ("西藏", "xi zang"),
    ("什么", "shen me"),
    ("番禺", "pan yu"),
    # By the usual reading of names.
    ("长沙", "chang sha"),
    ("长宁路", "chang ning lu"),
    ("长荣", "chang rong"),
    ("大家乐", "da jia le"),
    ("老曾记", "lao zeng ji"),
    ("绿茶", "lv cha"),
    ("女人", "nv ren"),
    # By words that stand in the module.
    ("朝阳大悦城", "chao yang da yue cheng"),
    ("闵行区", "min hang qu"),
    ("柏斯琴行", "bai si qin hang"),
    ("参鸡汤", "shen ji tang"),
    ("凤爪", "feng zhua"),
    ("原着", "yuan zhu"),
    # From left to right, no character in two words.
    ("重庆银行长沙", "chong qing yin hang chang sha"),
    ("音乐乐园", "yin yue le yuan"),
    ("中国银行走", "zhong guo yin hang zou"),
]


@pytest.mark.parametrize(("run", "syllables"), READ)
def test_reads(run: str, syllables: str) -> None:
    assert " ".join(SPELLED[reading.first] for reading in resolve(run)) == syllables


OTHERWISE = [
    ("重", "zhong", "chong"),
    ("长", "chang", "zhang"),
    ("行", "xing", "hang"),
    ("朝", "chao", "zhao"),
    ("曾", "zeng", "ceng"),
    ("海", "hai", ""),
]


@pytest.mark.parametrize(("char", "first", "other"), OTHERWISE)
def test_a_character_alone_may_be_read_otherwise(char: str, first: str, other: str) -> None:
    reading = CHARACTERS[char]
    assert SPELLED[reading.first] == first
    assert reading.other == (NUMBER[other] if other else NONE)


def test_a_word_of_the_dictionary_is_sure_and_one_of_names_is_not() -> None:
    assert [reading.other for reading in resolve("重庆")] == [NONE, NONE]
    assert SPELLED[resolve("朝阳")[0].other] == "zhao"


@pytest.mark.parametrize("char", ["a", "1", "す", "한", " ", "\0", "〆"])
def test_what_has_no_reading(char: str) -> None:
    assert CHARACTERS[char] == (NONE, NONE)


@pytest.mark.parametrize("entry", [*_OPEN.split(), *_WORDS.split()])
def test_tables_are_normalised_and_spelled(entry: str) -> None:
    run = "".join(char for char in entry if not char.isascii())
    syllables = entry.removeprefix(run).split(",")
    assert normalise(run) == run
    assert len(syllables) == 2
    assert set(syllables) <= set(NUMBER)


def test_the_dictionary_is_there() -> None:
    assert 2_000 < len(words()) < 10_000
    assert all(len(word) == 2 for word in words())


@given(chinese())
def test_every_character_is_read_in_one_of_its_ways(run: str) -> None:
    read = "".join(char for char in normalise(run) if CHARACTERS[char].first != NONE)
    found = resolve(read)
    assert len(found) == len(read)
    for reading in found:
        assert reading.first != NONE
        assert reading.other != reading.first
