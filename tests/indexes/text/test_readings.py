"""Characters are read as in the words that names are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.text.folding import normalise
from indexes.text.readings import _OPEN, _WORDS, CHARACTERS, NONE, resolve, words
from indexes.text.syllables import NUMBER, SPELLED
from tests.indexes.reading_oracle import known_words, slow_resolve
from tests.indexes.texts import HAN, chinese, texts

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
    assert " ".join(SPELLED[syllable] for syllable in resolve(run)[0]) == syllables


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
    assert resolve("重庆")[1] == [NONE, NONE]
    assert SPELLED[resolve("朝阳")[1][0]] == "zhao"


@pytest.mark.parametrize("char", ["a", "1", "す", "한", " ", "\0", "〆", "\ue815"])
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
    usual, others = resolve(read)
    assert len(usual) == len(others) == len(read)
    for first, other in zip(usual, others, strict=True):
        assert first != NONE
        assert other != first


@given(st.text(HAN + "行长乐会都 a7すラ한\ue815\ud800", max_size=20) | texts())
def test_characters_are_read_as_one_by_one(run: str) -> None:
    assert [*zip(*resolve(run), strict=True)] == slow_resolve(run)


def test_words_that_overlap_are_taken_from_left_to_right() -> None:
    known = known_words()
    begins = {word[0] for word in known}
    chains = [word + end for word in known if word[1] in begins for end in "一人大长行重"]
    overlapping = [chain for chain in chains if chain[1:] in known]
    assert len(overlapping) > 100
    for chain in chains:
        assert [*zip(*resolve(chain * 2), strict=True)] == slow_resolve(chain * 2), chain
