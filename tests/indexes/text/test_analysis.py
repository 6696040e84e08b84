"""Documents hold the terms that queries for them ask for, in any writing, and bounded numbers."""

import subprocess
import sys
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from indexes.terms.keys import KIND_BITS, WHOLE, WORD, Word, gram_keys, text_key
from indexes.text.analysis import MAX_WORDS, analyse, read_query, read_words, whole_key, whole_keys
from indexes.text.folding import MAX_TEXT, normalise, otherwise
from indexes.text.short_names import short_names
from indexes.text.tokens import MAX_TERMS, MAX_WORD, TOKEN, compound_parts, document_words
from tests.conftest import SOURCES
from tests.indexes.texts import ODD, chinese, keys_of, names_of, shown, texts


def no_phrase(run: str) -> bool:
    return False


def typed(words: list[Word]) -> str:
    return " ".join(word.text for word in words)


def finds(words: list[Word], text: str) -> bool:
    """Whether a document of this text has what was typed, of every word."""
    found = set(keys_of(analyse([text])))
    return all(set(word.readings[0]) <= found for word in words)


DOCUMENTS = [
    # Text, its terms (=word), its length.
    ("", "", 0),
    ("!!! 🍔", "", 0),
    ("火", "火", 1),
    ("海底捞", "海 底 捞 海底 底捞", 3),
    ("海底，捞", "海 底 捞 海底", 3),
    ("海底 海底", "海 底 海底", 4),
    ("KFC肯德基", "=kfc 肯 德 基 肯德 德基", 4),
    ("85度C", "=85 度 =c =85c", 3),
    ("85°C", "=85 度 =c =85c", 3),
    ("7-Eleven", "=7eleven =7 =eleven", 2),
    ("7-11便利", "=711 =7 =11 便 利 便利", 4),
    ("Öl, Cafés", "=ol =oel =cafe =cafes", 2),
    ("McDonald's Noodles", "=mcdonalds =mcdonald =noodles =noodle", 2),
    ("H&M", "=hm =h =m", 2),
    ("すき家", "ス キ 家 スキ キ家", 3),
]


@pytest.mark.parametrize(("text", "expected", "length"), DOCUMENTS)
def test_terms_of_a_document(text: str, expected: str, length: int) -> None:
    found = analyse(["before", text, "火锅"])
    assert shown(found, 1) == set(expected.split())
    assert found.length[1] == length


QUERIES = [
    ("", ""),
    ("🍔!?", ""),
    ("海底捞", "海底捞"),
    ("火锅 near me", "火锅 near me"),
    ("人民广场火锅", "人民广场 火锅"),
    ("吃火锅", "吃 火锅"),
    ("海底捞火锅人民广场店", "海底捞 火锅 人民广场 店"),
    ("火锅火锅", "火锅"),
    ("大家乐园", "大家 乐园"),
    ("KFC肯德基", "kfc 肯德基"),
    ("85度C", "85 度 c"),
    ("7-Eleven", "7eleven"),
    ("hai di lao", "haidilao"),
    ("hai di lao huo guo starbucks", "haidilaohuoguo starbucks"),
    ("Hai-Di-Lao", "haidilao"),
    ("hai 火锅", "hai 火锅"),
    ("'; DROP TABLE merchants; --", "drop table merchants"),
]
PHRASES = {"人民广场", "广场", "火锅", "大家", "大家乐", "乐园"}


@pytest.mark.parametrize(("text", "words"), QUERIES)
def test_words_of_a_query(text: str, words: str) -> None:
    assert typed(read_query(text, PHRASES.__contains__)) == words


LEFT_OUT = [
    ("a b c d e f g h", ""),
    ("a b c d e f g h 1 2 1 火锅", "1 2 火锅"),
    ("a b c d e f g h a b", ""),
    ("a b c d e f g 火锅广场", "广场"),
    ("一二三四五六七八九十百千万", ""),
    ("一二三四五六七八九十百千万亿兆 a", "亿兆"),
    ("zz " * 64 + "yy xx", "yy xx"),
    ("x" * 100, ""),
]


@pytest.mark.parametrize(("text", "left_out"), LEFT_OUT)
def test_what_is_left_out_of_a_query_is_named(text: str, left_out: str) -> None:
    words, named = read_words(text, PHRASES.__contains__)
    assert " ".join(named) == left_out
    assert words == read_query(text, PHRASES.__contains__)
    assert len(words) <= MAX_WORDS


def test_readings_of_a_query() -> None:
    def keys(words: str) -> tuple[int, ...]:
        return tuple(text_key(WORD, word) for word in words.split())

    joined, plural, spaced, run = read_query("7-Eleven noodles hai di 海底捞", no_phrase)
    assert joined.readings == (keys("7eleven"), keys("7 eleven"))
    assert plural.readings == (keys("noodles"), keys("noodle"))
    assert spaced.readings == (keys("hai di"), keys("haidi"))
    assert run == Word("海底捞", "cjk", (gram_keys("海底捞"),))


def test_a_character_left_alone_is_also_read_with_its_neighbours() -> None:
    words = read_query("吃火锅", PHRASES.__contains__)
    assert words[0].readings == (gram_keys("吃"), gram_keys("吃火"))
    middle = read_query("火锅和乐园", PHRASES.__contains__)[1]
    assert middle.readings == (gram_keys("和"), gram_keys("锅和"), gram_keys("和乐"))
    assert read_query("吃", no_phrase)[0].readings == (gram_keys("吃"),)


FOUND_BY = [
    ("海底捞火锅(人民广场店)", "海底捞"),
    ("海底捞火锅(人民广场店)", "海底撈 人民廣場"),
    ("7-Eleven", "7eleven"),
    ("7-Eleven", "7 ELEVEN"),
    ("7-11", "711"),
    ("Häagen-Dazs", "haagen dazs"),
    ("L'Oréal", "loreal"),
    ("McDonald’s", "McDonalds"),
    ("ＨＥＹＴＥＡ喜茶", "heytea"),
    ("85度C", "85c"),
    ("85°C Bakery Cafe", "85度c"),
    ("大黒屋", "大黑屋"),
    ("约翰·沃克", "约翰沃克"),
    ("Noodle House", "noodles"),
    ("すき家", "スキ"),
    ("すき家", "すき"),
    ("Phở Thìn", "pho"),
    ("Bäckerei Müller", "baeckerei mueller"),
    ("Smørrebrød", "smoerrebroed"),
    ("85°C", "85c"),
    ("中国建设银行", "建行"),
    ("中國工商銀行 ICBC", "工行"),
    ("北京大学第三食堂", "北大"),
    ("Käse-Glöckchen", "kaesegloeckchen"),
]


@pytest.mark.parametrize(("name", "query"), FOUND_BY)
def test_a_name_is_found_as_people_write_it(name: str, query: str) -> None:
    found = set(keys_of(analyse([name])))
    words = read_query(query, no_phrase)
    assert words
    assert all(any(set(reading) <= found for reading in word.readings) for word in words)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("海底捞（火锅）", "海底 捞火鍋"),
        ("7-Eleven", "7 ELEVEN"),
        ("McDonald's", "mcdonalds"),
        ("Mei & Mei", "MEI MEI"),
        ("85°C", "85度c"),
        ("", "!!! 🍔"),
    ],
)
def test_the_whole_of_a_text_is_the_same(one: str, other: str) -> None:
    assert whole_key(one) == whole_key(other)
    assert whole_key(one) >> KIND_BITS == WHOLE
    assert whole_key(one) < 2**64


@pytest.mark.parametrize(
    ("one", "other"), [("全联", "大全联"), ("Giant", "Giants"), ("711", "71"), ("a", "")]
)
def test_the_whole_of_another_text_is_not(one: str, other: str) -> None:
    assert whole_key(one) != whole_key(other)


@given(texts())
def test_the_whole_of_a_text_is_that_of_its_folded_form(text: str) -> None:
    assert whole_key(text) == whole_key(normalise(text))
    assert (whole_key(text) == whole_key("")) == (not read_query(text, no_phrase))


@given(st.lists(texts(), max_size=4))
def test_the_wholes_of_many_texts_are_those_of_each(many: list[str]) -> None:
    assert whole_keys(many).tolist() == [whole_key(text) for text in many]


def test_the_wholes_of_odd_texts_are_those_of_each() -> None:
    sizes = (MAX_WORD - 1, MAX_WORD, MAX_WORD + 1)
    many = [*ODD.values(), *("x" * size for size in sizes), *("火" + "7-" * size for size in sizes)]
    assert whole_keys(many).tolist() == [whole_key(text) for text in many]


@pytest.mark.parametrize(("name", "query"), [("景点", "经典"), ("海底", "底海"), ("海 底", "海底")])
def test_a_name_is_not_found_by_another(name: str, query: str) -> None:
    assert not finds(read_query(query, no_phrase), name)


@given(texts(), st.sets(st.text("海底捞火锅重庆长沙", min_size=1, max_size=3)))
def test_a_document_is_found_by_its_own_text(text: str, phrases: set[str]) -> None:
    assert finds(read_query(text, phrases.__contains__), text)


@given(texts())
def test_only_a_text_without_letters_and_digits_says_nothing(text: str) -> None:
    folded = normalise(text)
    says = any(unicodedata.category(char)[0] in "LN" for char in folded)
    assert bool(read_query(text, no_phrase)) >= says
    assert bool(keys_of(analyse([text]))) == bool(read_query(text, no_phrase))


@given(st.lists(texts(), max_size=5))
def test_many_texts_at_once_are_as_each_alone(many: list[str]) -> None:
    together = analyse(many)
    assert together.start[0] == 0
    assert together.start[-1] == together.key.size
    compared = 0
    for number, text in enumerate(many):
        expected, length = slow_terms(text)
        found = keys_of(together, number)
        assert len(found) == len(set(found))
        assert set(found) == expected
        assert together.length[number] == length
        compared += 1
    assert compared == len(many)


def slow_terms(text: str) -> tuple[set[int], int]:
    """Terms and tokens of one text, one token at a time."""
    found: set[int] = set()
    length = 0
    for other in filter(None, [otherwise(text), *short_names(text)]):
        found |= slow_terms(other)[0]
    for match in TOKEN.finditer(normalise(text)):
        token = match.group()
        if match.lastindex:
            found.update(key for char in token for key in gram_keys(char))
            found.update(key for a, b in pairwise(token) for key in gram_keys(a + b))
            length += len(token)
        else:
            words = document_words(token)
            found.update(text_key(WORD, word) for word in words)
            length += max(1, len(compound_parts(token)) - 1)
    return found, length


def test_more_texts_than_are_sorted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    many = ["海底捞", "7-Eleven", "", "KFC肯德基"] * 3
    whole = analyse(many)
    monkeypatch.setattr("indexes.text.analysis.CHUNK", 5)
    parts = analyse(many)
    assert [keys_of(parts, i) for i in range(12)] == [keys_of(whole, i) for i in range(12)]
    assert parts.length.tolist() == whole.length.tolist()
    assert parts.words == whole.words


@pytest.mark.parametrize("name", ODD)
def test_odd_text_is_bounded(name: str) -> None:
    text = ODD[name]
    words = read_query(text, lambda run: len(run) == 2)
    assert len(words) <= MAX_WORDS
    assert all(0 < len(reading) <= MAX_TERMS for word in words for reading in word.readings)
    assert all(len(word.readings) <= 3 and 0 < len(word.text) <= 72 for word in words)
    found = analyse([text])
    assert found.key.size <= 3 * MAX_TEXT
    assert finds(words, text)


def test_a_long_query_asks_for_few_phrases() -> None:
    asked: list[str] = []

    def is_phrase(run: str) -> bool:
        asked.append(run)
        return False

    read_query("火" * 10_000, is_phrase)
    read_query("海底捞火锅" * 6, is_phrase)
    read_query(" ".join("海底捞火锅" * 6 for _ in range(1000)), is_phrase)
    assert 0 < len(asked) < 1_000


@given(chinese(8), st.sets(st.text("海底捞火锅重庆长沙", min_size=2, max_size=3)))
def test_phrases_cover_as_much_as_they_can(run: str, phrases: set[str]) -> None:
    folded = normalise(run)
    found = [word.text for word in read_query(run, phrases.__contains__)]
    covered = sum(len(piece) for piece in best_cut(folded, phrases))
    # A word said twice is there once.
    assert sum(len(word) for word in found if word in phrases) <= covered
    if len(set(folded)) == len(folded):
        assert "".join(found) == folded
        assert sum(len(word) for word in found if word in phrases) == covered


def best_cut(run: str, phrases: set[str]) -> list[str]:
    """Phrases that cover most of a run, by trying all."""
    cuts = [best_cut(run[1:], phrases)] if run else [[]]
    for phrase in phrases:
        if run.startswith(phrase):
            cuts.append([phrase, *best_cut(run[len(phrase) :], phrases)])
    return max(cuts, key=lambda pieces: sum(map(len, pieces)))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("config", ["", "s2t", "s2tw", "s2hk", "t2s", "tw2s", "hk2s"])
def test_names_find_themselves_in_every_script(
    request: pytest.FixtureRequest, config: str, source: str
) -> None:
    names = names_of(request, source)
    convert = OpenCC(config).convert if config else str
    found = analyse(names)
    compared = 0
    for number, name in enumerate(names):
        words = read_query(convert(name), no_phrase)
        stored = set(keys_of(found, number))
        assert words
        assert all(set(word.readings[0]) <= stored for word in words), name
        compared += 1
    assert compared == len(names) > 3_000


def test_importing_loads_no_dictionary() -> None:
    code = (
        "import sys, indexes.text.analysis, indexes.text.pinyin, indexes.text.sounds;"
        "indexes.text.analysis.read_query('starbucks', bool);"
        "sys.exit(bool({'pypinyin', 'opencc'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
