"""Folded text is cut where a reader would cut it, in bounded pieces."""

import re
import unicodedata

import pytest
from hypothesis import given

from indexes.text.folding import normalise
from indexes.text.tokens import (
    MAX_PARTS,
    MAX_WORD,
    TOKEN,
    compound_parts,
    document_words,
    gram_table,
    query_words,
    singular,
)
from tests.indexes.texts import HAN, OTHERS, texts

CUTS = [
    ("kfc肯德基", "kfc 肯德基"),
    ("85度c", "85 度 c"),
    ("7-eleven 店", "7-eleven 店"),
    ("h&m l'oreal dr.martens", "h&m l'oreal dr.martens"),
    ("a - b -c d-", "a b c d"),
    ("24/7 c!ty'super", "24/7 c!ty'super"),
    ('toys"r"us wal*mart a,b (c)d', 'toys"r"us wal*mart a b c d'),
    ("麦当劳(广场店)", "麦当劳 广场店"),
    ("すき家 ガスト 한국", "すき家 ガスト 한국"),
    ("нет шалом", "нет шалом"),
    ("हिन्दी ไทย", "हिन्दी ไทย"),
    ("!?,.-'&", ""),
    ("snake_case a__b", "snake_case a b"),
]


@pytest.mark.parametrize(("folded", "tokens"), CUTS)
def test_cuts(folded: str, tokens: str) -> None:
    assert [match.group() for match in TOKEN.finditer(folded)] == tokens.split()


COMPOUNDS = [
    # Compound, in one word, parts.
    ("kfc", "kfc", ""),
    ("7-eleven", "7eleven", "7 eleven"),
    ("7eleven", "7eleven", "7 eleven"),
    ("711", "711", ""),
    ("7-11", "711", "7 11"),
    ("h&m", "hm", "h m"),
    ("mcdonald's", "mcdonalds", ""),
    ("l'oreal", "loreal", "l oreal"),
    ("rock'n'roll", "rocknroll", "rockn roll"),
    ("a.s.o", "aso", "a s o"),
    ("b1-203", "b1203", "b 1 203"),
    ("100mv", "100mv", "100 mv"),
]


@pytest.mark.parametrize(("compound", "joined", "parts"), COMPOUNDS)
def test_a_compound_is_one_word_and_its_parts(compound: str, joined: str, parts: str) -> None:
    assert compound_parts(compound) == (joined, *parts.split())
    assert set(document_words(compound)) >= {joined, *parts.split()}
    assert query_words(compound)[0] == (joined,)
    assert not parts or tuple(dict.fromkeys(parts.split())) in query_words(compound)


SINGULARS = [
    ("noodles", "noodle"),
    ("burgers", "burger"),
    ("dishes", "dish"),
    ("sandwiches", "sandwich"),
    ("boxes", "box"),
    ("glasses", "glass"),
    ("bakeries", "bakery"),
    ("cookies", "cookie"),
    ("pies", "pie"),
    ("potatoes", "potato"),
    ("shoes", "shoe"),
    ("houses", "house"),
    # No plural.
    ("swiss", "swiss"),
    ("lexus", "lexus"),
    ("paris", "paris"),
    ("gas", "gas"),
    ("1990s", "1990s"),
    ("s", "s"),
]


@pytest.mark.parametrize(("word", "expected"), SINGULARS)
def test_singular(word: str, expected: str) -> None:
    assert singular(word) == expected
    assert expected in document_words(word)


@given(texts())
def test_a_compound_of_a_document_holds_what_a_query_asks_of_it(text: str) -> None:
    for match in TOKEN.finditer(normalise(text)):
        if match.lastindex:
            continue
        stored = document_words(match.group())
        assert 1 <= len(stored) <= 2 * (MAX_PARTS + 1)
        assert all(0 < len(word) <= MAX_WORD for word in stored)
        assert all(set(reading) <= set(stored) for reading in query_words(match.group()))


@given(texts())
def test_every_letter_and_digit_is_in_a_token(text: str) -> None:
    folded = normalise(text)
    rest = TOKEN.sub("", folded)
    assert not [char for char in rest if unicodedata.category(char)[0] in "LN"]


def test_the_table_and_the_pattern_agree() -> None:
    table = gram_table()
    for char in HAN + OTHERS + "aé7-_'・ー々〇㄀中𠀀":
        run = re.fullmatch(TOKEN, char)
        assert bool(table[ord(char)]) == bool(run and run.lastindex), char
