"""Names are folded as people read them, and mistakes are of the kind they claim to be."""

import random

import pytest
from rapidfuzz.distance import OSA

from benchmarks.relevance import spelling
from benchmarks.relevance.sources import homophones
from benchmarks.relevance.spelling import EDITS

WORDS = ("Starbucks Coffee", "McDonald's", "Aaaaa", "KUMON", "Häagen-Dazs Lounge", "Queen of Pizza")
NAMES = ("海底捞火锅", "長沙銀行", "重庆小面", "一风堂", "绿茶餐厅", "三只松鼠")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Café de Coral", "cafedecoral"),
        ("85°C", "85c"),
        ("７－ＥＬＥＶＥＮ", "7eleven"),
        ("鼎泰豐（台灣）", "鼎泰丰台湾"),
        ("臺灣銀行", "台湾银行"),
        ("McDonald's", "mcdonalds"),
        ("がってん寿司", "がってん寿司"),
        ("!?", ""),
    ],
)
def test_plain(text: str, form: str) -> None:
    assert spelling.plain(text) == form


@pytest.mark.parametrize(
    ("text", "sound", "letters"),
    [
        ("海底捞", "haidilao", "hdl"),
        ("海底撈", "haidilao", "hdl"),
        ("重庆小面", "chongqingxiaomian", "cqxm"),
        ("長沙銀行", "changshayinhang", "csyh"),
        ("绿茶", "lvcha", "lc"),
        ("工商银行", "gongshangyinhang", "gsyh"),
    ],
)
def test_sounds(text: str, sound: str, letters: str) -> None:
    assert spelling.pinyin(text) == sound
    assert spelling.initials(text) == letters


@pytest.mark.parametrize(
    ("word", "held"),
    [
        ("披萨", True),
        ("披薩", True),
        ("noodles", True),
        ("Noodle Bar", True),
        ("bar", True),
        ("barb", False),
        ("Bar Noodle", False),
        ("店N", False),
        ("pizza bar", False),
    ],
)
def test_words_in_texts(word: str, held: bool) -> None:
    texts = spelling.SpellingTexts(["大披薩店", "Noodle Bar", "Barber's pizza", "Bar"])
    assert texts.hold(word) is held


def test_scripts() -> None:
    assert spelling.traditional("后面的面包") == "後面的麪包"
    assert spelling.simplified("後面的麵包") == "后面的面包"


@pytest.mark.parametrize(
    ("text", "only", "some"),
    [("海底捞", True, True), ("85度C", False, True), ("KFC", False, False), ("", False, False)],
)
def test_what_is_chinese(text: str, only: bool, some: bool) -> None:
    assert spelling.is_chinese(text) is only
    assert spelling.has_chinese(text) is some


@pytest.mark.parametrize(
    ("text", "known"),
    [("長沙銀行", True), ("山野楽器", False), ("八剣伝", False), ("85度C", False), ("", False)],
)
def test_what_is_read_in_chinese(text: str, known: bool) -> None:
    assert spelling.is_read_in_chinese(text) is known


@pytest.mark.parametrize("name", NAMES)
def test_a_homophone_sounds_the_same(data: str, name: str) -> None:
    right = spelling.simplified(name)
    seen = set()
    for seed in range(40):
        typed = spelling.with_homophone(name, random.Random(seed))
        assert typed is not None
        wrong = [(a, b) for a, b in zip(right, typed, strict=True) if a != b]
        assert len(wrong) == 1
        assert wrong[0][1] in homophones()[wrong[0][0]]
        assert spelling.pinyin(typed) == spelling.pinyin(name)
        seen.add(typed)
    assert len(seen) > 5


def test_no_homophone_where_none_is_known(data: str) -> None:
    assert spelling.with_homophone("龘", random.Random(1)) is None


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("text", WORDS)
def test_an_edit_is_one_edit(text: str, kind: str) -> None:
    typed = {spelling.with_edit(text, kind, random.Random(seed)) for seed in range(60)}
    assert len(typed) > 1 or text == "Aaaaa"
    for other in typed:
        assert other is not None
        assert OSA.distance(text.lower(), other.lower()) == 1
        longer = {"swap": 0, "drop": -1, "double": 1, "neighbour": 0}[kind]
        # Equal letters cannot be swapped; one is left out instead.
        assert len(other) - len(text) == (-1 if (kind, text) == ("swap", "Aaaaa") else longer)


def test_short_words_keep_their_letters() -> None:
    assert spelling.with_edit("KFC 肯德基", "drop", random.Random(1)) is None
    for seed in range(30):
        typed = spelling.with_edit("The Coffee Bean", "drop", random.Random(seed))
        assert typed is not None
        assert typed.startswith("The ")
        assert typed.endswith(" Bean")


def test_a_neighbour_is_a_key_beside() -> None:
    keys = {spelling.with_edit("ggggg", "neighbour", random.Random(seed)) for seed in range(200)}
    letters = {letter for key in keys if key is not None for letter in key}
    assert letters == set("gfhtyvb")
