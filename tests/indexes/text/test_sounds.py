"""Many texts at once sound as each alone."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.terms.keys import PINYIN, WORD, initials_key, sound_keys, text_key
from indexes.text.folding import MAX_TEXT, normalise
from indexes.text.readings import CHARACTERS, NONE, Reading
from indexes.text.sounds import MAX_JOINED, analyse_sounds
from indexes.text.syllables import SOUND_OF, SPELLED
from indexes.text.tokens import MAX_WORD, compound_parts
from tests.indexes.reading_oracle import known_words, slow_resolve
from tests.indexes.texts import HAN, ODD, keys_of, shown, texts

DOCUMENTS = [
    # Text, terms: syllable alone, of two, "pinyin", *initials, =Latin words in one.
    ("", ""),
    ("KFC", ""),
    ("海底捞", 'hai-di di-lao "haidilao" *hdl'),
    ("海底，捞", 'hai-di lao "haidi" "lao" *hd'),
    ("绿", 'lu "lv"'),
    ("重庆", 'chong-qing "chongqing" *cq'),
    ("长荣", 'chang-rong zhang-rong "changrong" "zhangrong" *cr *zr'),
    ("KFC肯德基", 'ken-de de-ji "kfckendeji" "kendeji" *kfckdj *kdj'),
    ("7天酒店", 'tian-jiu jiu-dian "7tianjiudian" "tianjiudian" *tjd'),
    ("85度C", 'du "85duc" "du" *dc'),
    ("すき家", 'jia "jia"'),
    ("Burger King", "=burgerking"),
    ("Mei & Mei", "=meimei"),
    ("A B C D E", "=ab =abc =abcd"),
    ("Häagen-Dazs Café", "=haagendazscafe"),
    ("喜茶 Heytea Go", 'xi-cha "xicha" *xc =heyteago'),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS)
def test_terms_of_a_document(text: str, expected: str) -> None:
    assert shown(analyse_sounds(["大", text, "Pizza Hut"]), 1) == set(expected.split())


@given(st.lists(texts() | st.text(HAN + "aK7 -", max_size=16), max_size=5))
def test_many_texts_at_once_are_as_each_alone(many: list[str]) -> None:
    together = analyse_sounds(many)
    assert together.start[-1] == together.key.size
    compared = 0
    for number, text in enumerate(many):
        found = keys_of(together, number)
        assert len(found) == len(set(found))
        joined = {text_key(WORD, word) for word in together.words}
        assert set(found) - joined == slow_sounds(text)
        assert together.length[number] == sum(map(has_reading, normalise(text)))
        compared += 1
    assert compared == len(many)


def test_words_that_overlap_are_taken_from_left_to_right() -> None:
    known = known_words()
    chains = [
        first + second[1]
        for first in known
        for second in (first[1] + third for third in HAN + "行长乐会都")
        if second in known and known[first][1].first != known[second][0].first
    ]
    together = analyse_sounds(chains)
    assert len(chains) > 20
    for number, chain in enumerate(chains):
        assert set(keys_of(together, number)) == slow_sounds(chain), chain


def has_reading(char: str) -> bool:
    return CHARACTERS[char].first != NONE


def slow_sounds(text: str) -> set[int]:
    """Terms of sound of one text, one stretch at a time."""
    found: set[int] = set()
    stretch = ""
    for char in normalise(text) + " ":
        if has_reading(char) or (char.isascii() and char.isalnum()):
            stretch += char
            continue
        read: list[str | Reading] = []
        for part, readable in split_at_readings(stretch):
            resolved = slow_resolve(part) if readable else []
            read += resolved if readable else list(part)
            found |= slow_pairs(resolved)
        found |= slow_spans(read)
        stretch = ""
    return found


def split_at_readings(stretch: str) -> list[tuple[str, bool]]:
    parts: list[tuple[str, bool]] = []
    for char in stretch:
        if parts and parts[-1][1] == has_reading(char):
            parts[-1] = (parts[-1][0] + char, parts[-1][1])
        else:
            parts.append((char, has_reading(char)))
    return parts


def slow_pairs(run: list[Reading]) -> set[int]:
    ways = [[SOUND_OF[one] for one in reading if one != NONE] for reading in run]
    if len(ways) == 1:
        return {key for one in ways[0] for key in sound_keys((one,))}
    return {
        key
        for left, right in pairwise(ways)
        for one in left
        for other in right
        for key in sound_keys((one, other))
    }


def slow_spans(stretch: list[str | Reading]) -> set[int]:
    """Pinyin and initials of a stretch and of its runs, two open characters read both ways."""
    if all(isinstance(one, str) for one in stretch):
        return set()
    spans = [(0, len(stretch))]
    begin = None
    for at, one in enumerate([*stretch, ""]):
        if not isinstance(one, str):
            begin = at if begin is None else begin
        elif begin is not None:
            spans.append((begin, at))
            begin = None
    is_open = [at for at, one in enumerate(stretch) if not isinstance(one, str) and one[1] != NONE]
    found: set[int] = set()
    for changed in [None, *is_open[:2]]:
        spelled = [
            one if isinstance(one, str) else SPELLED[one[at == changed]]
            for at, one in enumerate(stretch)
        ]
        for first, last in spans:
            found.add(text_key(PINYIN, "".join(spelled[first:last])[:MAX_WORD]))
            letters = "".join(one[0] for one in spelled[first:last] if one[0].isalpha())
            found |= {initials_key(letters)} if len(letters) > 1 else set()
    return found


@given(st.lists(st.sampled_from(["burger", "king", "7-eleven", "café", "h&m"]), max_size=6))
def test_the_first_words_of_a_phrase_in_one(phrase: list[str]) -> None:
    parts = [compound_parts(normalise(word))[0] for word in phrase]
    joined = {"".join(parts[:n]) for n in range(2, min(len(parts), MAX_JOINED) + 1)}
    assert shown(analyse_sounds([" ".join(phrase)])) == {f"={word}" for word in joined}


def test_more_texts_than_are_sorted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    many = ["海底捞", "长沙 7-Eleven", "", "Burger King"] * 3
    whole = analyse_sounds(many)
    monkeypatch.setattr("indexes.text.sounds.CHUNK", 5)
    parts = analyse_sounds(many)
    assert [shown(parts, i) for i in range(12)] == [shown(whole, i) for i in range(12)]
    assert parts.length.tolist() == whole.length.tolist()


@pytest.mark.parametrize("name", ODD)
def test_odd_text_is_bounded(name: str) -> None:
    found = analyse_sounds([ODD[name]])
    assert found.key.size <= 8 * MAX_TEXT
    assert all(0 < len(word) <= MAX_WORD for word in [*found.words, *found.pinyins])
