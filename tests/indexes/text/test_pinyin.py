"""Names are found by how they sound, however that is typed."""

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from indexes.terms.keys import PINYIN, WORD, Word, initials_key, text_key
from indexes.text.analysis import read_query
from indexes.text.folding import normalise
from indexes.text.pinyin import (
    MAX_READINGS,
    full_pinyin,
    initials,
    initials_range,
    readings,
    sound_readings,
    units,
)
from indexes.text.sounds import analyse_sounds
from indexes.text.tokens import MAX_TERMS
from tests.conftest import SOURCES
from tests.indexes.texts import ODD, keys_of, names_of, same_sounds, texts

SPELLINGS = [
    # Text, full pinyin, initials.
    ("海底捞", "haidilao", "hdl"),
    ("重庆小面", "chongqingxiaomian", "cqxm"),
    ("麥當勞", "maidanglao", "mdl"),
    ("7天酒店", "7tianjiudian", "7tjd"),
    ("KFC 肯德基（长沙店）", "kfckendejichangshadian", "kfckdjcsd"),
    ("85°C", "85duc", "85dc"),
    ("McDonald's", "mcdonalds", "mcdonalds"),
    ("すき家", "スキjia", "スキj"),
    ("绿茶", "lvcha", "lc"),
    ("!?🍔", "", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "spelled", "first_letters"), SPELLINGS)
def test_spells(text: str, spelled: str, first_letters: str) -> None:
    assert full_pinyin(text) == spelled
    assert initials(text) == first_letters


def words_of(text: str) -> list[Word]:
    return read_query(text, lambda run: False)


def hears(query: str, name: str) -> bool:
    """Whether every word of a query is a sound, a spelling or the initials of a name."""
    found = keys_of(analyse_sounds([name]))
    words = words_of(query)
    return bool(words) and all(sounds_in(word, found) for word in words)


def sounds_in(word: Word, found: list[int]) -> bool:
    span = initials_range(word)
    return (
        any(set(reading) <= set(found) for reading in sound_readings(word))
        or text_key(PINYIN, word.text) in found
        or (span is not None and any(span[0] <= key < span[1] for key in found))
    )


HEARD = [
    ("haidilao", "海底捞"),
    ("hai di lao", "海底捞火锅"),
    ("huoguo", "海底捞火锅"),
    ("hdl", "海底捞火锅"),
    ("海底劳", "海底捞"),
    ("还底捞", "海底捞"),
    ("chongqing", "重庆小面"),
    ("zhongqin", "中琴"),
    ("重轻", "重庆"),
    ("changning", "长宁路"),
    ("zhangning", "长宁路"),
    ("cnl", "长宁路"),
    ("znl", "长宁路"),
    ("yinhang", "中国银行"),
    ("lvcha", "绿茶餐厅"),
    ("lucha", "绿茶餐厅"),
    ("xian", "西安"),
    ("kfckendeji", "KFC肯德基"),
    ("kdj", "KFC肯德基"),
    ("7tianjiudian", "7天酒店"),
    ("7tjd", "7天酒店"),
    ("tjd", "7天酒店"),
    ("du", "85度C"),
    ("maidanglao", "麥當勞"),
]


@pytest.mark.parametrize(("query", "name"), HEARD)
def test_hears(query: str, name: str) -> None:
    assert hears(query, name)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("haidi", "海里"),
        ("laodi", "海底捞"),
        ("zhongqing", "重庆"),
        ("yinxing", "银行"),
        ("starbucks", "星巴克"),
        ("hd", "华达"[:1]),
        ("1", "一"),
    ],
)
def test_does_not_hear(query: str, name: str) -> None:
    assert not hears(query, name)


def test_digits_among_pinyin_stay_words() -> None:
    (word,) = words_of("7tianjiudian")
    (tail,) = words_of("tianjiudian")
    seven = text_key(WORD, "7")
    assert sound_readings(word) == tuple((seven, *way) for way in sound_readings(tail))
    assert sound_readings(words_of("711")[0]) == ()


def test_more_initials_than_are_kept() -> None:
    (word,) = words_of("abcdefghijklmn")
    assert initials_range(word) == (key := initials_key("abcdefghijkl"), key + 1)


def test_readings_of_a_character() -> None:
    assert readings("行") == ("xing", "hang")
    assert readings("海") == ("hai",)
    assert readings("a") == readings("す") == ()


@given(texts())
def test_units_are_the_text_without_what_is_between(text: str) -> None:
    folded = normalise(text)
    found = list(units(folded))
    assert all(unit for _, unit in found)
    kept = iter(folded)
    assert all(char in kept for _, unit in found for char in unit)
    assert all(readings(char) for read, unit in found if read for char in unit)


@given(texts())
def test_any_word_sounds_in_few_ways(text: str) -> None:
    for word in words_of(text):
        ways = sound_readings(word)
        assert len(ways) <= MAX_READINGS
        assert all(0 < len(way) <= MAX_TERMS for way in ways)
        span = initials_range(word)
        assert span is None or 0 < span[0] < span[1] < 2**63


@pytest.mark.parametrize("name", ODD)
def test_odd_text_is_bounded(name: str) -> None:
    for word in words_of(ODD[name]):
        assert len(sound_readings(word)) <= MAX_READINGS
        initials_range(word)
    assert len(full_pinyin(ODD[name])) <= 30_000


@given(
    st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=14),
    st.text("abcdefghijklmnopqrstuvwxyz", max_size=14),
)
def test_a_range_holds_the_initials_that_begin_so(begin: str, other: str) -> None:
    span = initials_range(Word(begin, "latin", ()))
    assert span is not None
    assert (span[0] <= initials_key(other) < span[1]) == other[:12].startswith(begin[:12])


@pytest.mark.parametrize("query", ["h", "海底", "71", "한국"])
def test_no_initials(query: str) -> None:
    assert [initials_range(word) for word in words_of(query)] == [None]


def chinese_names(request: pytest.FixtureRequest, source: str) -> list[str]:
    names = names_of(request, source)
    chinese = [name for name in names if all("\u4e00" <= char <= "\u9fff" for char in name)]
    return chinese if source == "real" else chinese[:1_500]


def alike_of(request: pytest.FixtureRequest, source: str) -> dict[str, str]:
    """Characters by one that sounds the same: common ones, as pypinyin reads them, or a list's."""
    if source == "real":
        path = request.getfixturevalue("shared_data") / "zh_homophones" / "same_pinyin.txt.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            table = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
        return {fields[0]: "".join(fields[1:]) for fields in table}
    return {char: others[:12] for char, others in same_sounds().items()}


@pytest.mark.parametrize("source", SOURCES)
def test_names_are_heard_as_a_dictionary_reads_them(
    request: pytest.FixtureRequest, source: str
) -> None:
    names = chinese_names(request, source)
    missed = [n for n in names if not hears("".join(lazy_pinyin(normalise(n))), n)]
    assert len(names) > 1_300
    assert len(missed) <= len(names) // 200, missed


@pytest.mark.parametrize("source", SOURCES)
def test_names_are_heard_with_a_character_of_the_same_sound(
    request: pytest.FixtureRequest, source: str
) -> None:
    alike = alike_of(request, source)
    rng = random.Random(20)
    tried, missed = 0, []
    for name in map(normalise, chinese_names(request, source)):
        at = rng.randrange(len(name))
        typed = [name[:at] + other + name[at + 1 :] for other in alike.get(name[at], "")]
        same = [one for one in typed if lazy_pinyin(one) == lazy_pinyin(name)]
        if same:
            tried += 1
            query = rng.choice(same)
            missed += [] if hears(query, name) else [(name, query)]
    assert tried > 1_000
    assert len(missed) <= tried // 100, missed
