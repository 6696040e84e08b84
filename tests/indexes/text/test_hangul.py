"""Every state in which an input method leaves a name leads on to it."""

import unicodedata

import pytest

from indexes.text.folding import normalise
from indexes.text.hangul import unfinished

NAMES = ["스타벅스", "김밥천국", "닭갈비", "맥도날드", "없다식당", "깐부치킨"]


def states(name: str) -> list[str]:
    """What is on screen after each key, composed as far as it goes, without the finished name."""
    jamo = unicodedata.normalize("NFD", name)
    return [unicodedata.normalize("NFC", jamo[:end]) for end in range(1, len(jamo))]


@pytest.mark.parametrize("name", NAMES)
def test_every_state_goes_on(name: str) -> None:
    for state in states(name):
        if name.startswith(state):
            continue
        ways = unfinished(normalise(state))
        assert any(
            name.startswith(way.before) and way.first <= ord(name[len(way.before)]) <= way.last
            for way in ways
        ), state


MOVED = [
    # A final that begins the next syllable in the end.
    ("스탑", "스타", "바"),
    ("닭", "달", "가"),
    ("값", "갑", "사"),
    ("김ㅂ", "김", "바"),
    ("스타버", "스타", "버"),
]


@pytest.mark.parametrize(("typed", "before", "first"), MOVED)
def test_may_become(typed: str, before: str, first: str) -> None:
    assert [(way.before, chr(way.first)) for way in unfinished(normalise(typed))] == [
        (before, first)
    ]


@pytest.mark.parametrize("text", ["", "abc", "火锅", "ラ", "7"])
def test_other_text_is_finished(text: str) -> None:
    assert unfinished(text) == []
