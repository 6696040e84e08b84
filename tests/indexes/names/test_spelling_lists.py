"""Many texts are spelled as each of them is alone."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.names.spelling_lists import SpelledTexts, spell
from indexes.names.spellings import MAX_LETTERS, SOUND, WRITTEN, spellings
from indexes.text.folding import normalise
from tests.indexes.names.test_spellings import SPELLED
from tests.indexes.texts import ODD, chinese, texts

Found = list[list[tuple[str, int, bool]]]


def spelled_out(spelled: SpelledTexts) -> Found:
    """What is typed for each text, how, and whether it begins with a later word."""
    content = spelled.text.tobytes()
    ways = zip(
        spelled.start.tolist(), spelled.how().tolist(), spelled.inside().tolist(), strict=True
    )
    every = [
        (content[start : content.index(0, start)].decode(), how, bool(inside))
        for start, how, inside in ways
    ]
    return [every[begin:end] for begin, end in pairwise(spelled.spelling.tolist())]


def one_by_one(many: list[str]) -> Found:
    return [
        [(one.source[one.start :], one.how, one.inside) for one in spellings(text)] for text in many
    ]


def sources(text: str) -> list[str]:
    """Sources of a text, each once: spellings of one share the text itself."""
    return list({id(one.source): one.source for one in spellings(text)}.values())


@given(st.lists(texts() | chinese() | st.sampled_from([text for text, _ in SPELLED]), max_size=8))
def test_many_texts_are_spelled_like_one(many: list[str]) -> None:
    assert spelled_out(spell(many)) == one_by_one(many)


@given(st.lists(texts(max_size=200), max_size=3))
def test_long_texts_are_cut_alike(many: list[str]) -> None:
    spelled = spell(many)
    assert spelled_out(spelled) == one_by_one(many)
    assert spelled.is_cut.tolist() == [len(normalise(text)) > MAX_LETTERS for text in many]


def test_odd_texts() -> None:
    many = [*ODD.values(), "海底捞 " * 30, "a " * 31 + "bb", "a " * 31 + "b c", "x" * 64 + " "]
    spelled = spell(many)
    assert spelled_out(spelled) == one_by_one(many)
    assert sum(map(len, spelled_out(spelled))) > 50
    assert spelled.is_cut.tolist() == [len(normalise(text)) > MAX_LETTERS for text in many]


@pytest.mark.parametrize("text", ["海底捞 Hot Pot", "KFC肯德基", "乐仔 1", "Blue Cup"])
def test_spellings_share_their_sources(text: str) -> None:
    spelled = spell(["before", text, "!"])
    begin, end = spelled.source.tolist()[1:3]
    assert spelled.text[begin:end].tobytes().decode().split("\0")[:-1] == sources(text)
    assert spelled.source[3] == end
    assert not spelled.is_cut.any()


def test_more_texts_than_are_spelled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexes.names.spelling_lists._CHUNK", 3)
    many = [text for text, _ in SPELLED]
    assert len(many) > 9
    spelled = spell(many)
    assert spelled_out(spelled) == one_by_one(many)
    assert {WRITTEN, SOUND} < set(spelled.how().tolist())


def test_no_texts() -> None:
    assert spelled_out(spell([])) == []
