"""What people type for a name, for one and for many at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.names.spelling_lists import spell
from indexes.names.spellings import MAX_LETTERS, MAX_STARTS, SOUND, WRITTEN
from indexes.text.folding import normalise
from tests.indexes.names.spelled import Spellings, spelled_out, spellings
from tests.indexes.names.spelling_oracle import slow_spellings
from tests.indexes.texts import ODD, chinese, texts

SPELLED = [
    ("海底捞", ["海底捞", "haidilao", "hdl"]),
    ("海底撈", ["海底捞", "haidilao", "hdl"]),
    ("KFC", ["kfc"]),
    ("KFC肯德基", ["kfc肯德基", "肯德基", "kfckendeji", "kendeji", "kfckdj", "kdj"]),
    ("85°C", ["85度c", "度c", "c", "85duc", "duc", "85dc", "dc"]),
    ("7-Eleven", ["7eleven", "eleven"]),
    ("McDonald's", ["mcdonalds"]),
    ("L'Oréal Paris", ["lorealparis", "orealparis", "paris"]),
    ("月屿奶茶 Moon Isle", ["月屿奶茶moonisle", "moonisle", "isle", "yueyunaicha", "yync"]),
    ("重庆小面", ["重庆小面", "chongqingxiaomian", "cqxm"]),
    ("绿茶", ["绿茶", "lvcha", "lc"]),
    ("😀!!", []),
    ("", []),
    ("\x00\x1f", []),
]


@pytest.mark.parametrize(("text", "expected"), SPELLED)
def test_spellings(text: str, expected: list[str]) -> None:
    assert [spelled for spelled, _, _ in spellings(text)] == expected
    assert [one.source[one.start :] for one in slow_spellings(text)] == expected


def test_an_open_reading_is_spelled_both_ways() -> None:
    found = {spelled for spelled, _, _ in spellings("乐仔")}
    assert {"lezai", "yuezi"} <= found


def test_long_texts_are_cut() -> None:
    found = spellings("ab " * 10_000 + "海底捞")
    assert len(found) == MAX_STARTS
    assert max(len(spelled) for spelled, _, _ in found) <= MAX_LETTERS


def one_by_one(many: list[str]) -> list[Spellings]:
    return [
        [(one.source[one.start :], one.how, one.inside) for one in slow_spellings(text)]
        for text in many
    ]


def sources(text: str) -> list[str]:
    """Sources of a text, each once: spellings of one share the text itself."""
    return list({id(one.source): one.source for one in slow_spellings(text)}.values())


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
